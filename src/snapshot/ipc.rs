//! The System V objects of a snapshot, one table for each IPC namespace.

use serde::{Deserialize, Serialize};

use super::{NsInode, Omitted, Snapshot};
use crate::op::{ActorName, IpcObject, NamespaceKind};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpcTable {
    /// The first actor in the namespace.
    pub actor: ActorName,
    pub ns: NsInode,
    pub objects: Vec<IpcObject>,
    #[serde(default, skip_serializing_if = "Omitted::is_nothing")]
    pub omitted: Omitted,
}

impl Snapshot {
    /// The table of the IPC namespace that an actor is in; none where no step asked for it.
    pub fn ipc_of(&self, actor: &ActorName) -> Option<&IpcTable> {
        let ns = self.living_process_of(actor)?.namespaces.get(&NamespaceKind::Ipc)?;
        self.ipc.iter().find(|table| table.ns == *ns)
    }
}
