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

/// An object, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedIpcObject {
    /// The first actor in the namespace.
    pub actor: ActorName,
    pub ns: NsInode,
    pub object: IpcObject,
}

impl Snapshot {
    /// The objects of all tables.
    pub fn ipc_objects(&self) -> Vec<PlacedIpcObject> {
        let placed = |table: &IpcTable, object: &IpcObject| PlacedIpcObject {
            actor: table.actor.clone(),
            ns: table.ns,
            object: *object,
        };
        let tables = self.ipc.iter();
        tables.flat_map(|table| table.objects.iter().map(|it| placed(table, it))).collect()
    }

    /// The part of all objects that was not read. None was where no step asked: a lab that is asked has a table at least.
    pub fn ipc_omitted(&self) -> Omitted {
        let cut = || self.ipc.iter().map(|table| table.omitted).find(|it| !it.is_nothing());
        if self.ipc.is_empty() { Omitted::Uncounted } else { cut().unwrap_or(Omitted::Nothing) }
    }

    /// The table of the IPC namespace that an actor is in; none where no step asked for it.
    pub fn ipc_of(&self, actor: &ActorName) -> Option<&IpcTable> {
        let ns = self.living_process_of(actor)?.namespaces.get(&NamespaceKind::Ipc)?;
        self.ipc.iter().find(|table| table.ns == *ns)
    }
}
