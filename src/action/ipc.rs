//! `ipc`: a System V object, made or removed by its key.

use serde::{Deserialize, Serialize};

use super::cgroup::Bytes;
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, IpcKind, IpcOrder, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Ipc {
    pub kind: IpcKind,
    pub key: u32,
    pub order: IpcOrder,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "Ipc")]
struct Fields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    make: Option<IpcKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remove: Option<IpcKind>,
    key: u32,
    /// Bytes of memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<Bytes>,
    /// Semaphores of a set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
}

impl TryFrom<Fields> for Ipc {
    type Error = String;

    fn try_from(fields: Fields) -> Result<Ipc, String> {
        let Fields { make, remove, key, size, count } = fields;
        let (kind, order) = match (make, remove, size, count) {
            (Some(IpcKind::Queue), None, None, None) => {
                (IpcKind::Queue, IpcOrder::Make { size: 0 })
            }
            (Some(IpcKind::Memory), None, Some(Bytes(size)), None) => {
                (IpcKind::Memory, IpcOrder::Make { size })
            }
            (Some(IpcKind::Semaphores), None, None, Some(size)) => {
                (IpcKind::Semaphores, IpcOrder::Make { size })
            }
            (None, Some(kind), None, None) => (kind, IpcOrder::Remove),
            _ => {
                return Err("`ipc` takes `make: queue`, `make: memory` with `size`, \
                            `make: semaphores` with `count`, or `remove`"
                    .into());
            }
        };
        if key == 0 {
            return Err("the key of `ipc` is not 0: that stands for an object without one".into());
        }
        Ok(Ipc { kind, key, order })
    }
}

impl From<Ipc> for Fields {
    fn from(Ipc { kind, key, order }: Ipc) -> Fields {
        let mut fields = Fields { make: None, remove: None, key, size: None, count: None };
        match (order, kind) {
            (IpcOrder::Remove, kind) => fields.remove = Some(kind),
            (IpcOrder::Make { size }, kind) => {
                fields.make = Some(kind);
                match kind {
                    IpcKind::Queue => {}
                    IpcKind::Memory => fields.size = Some(Bytes(size)),
                    IpcKind::Semaphores => fields.count = Some(size),
                }
            }
        }
        fields
    }
}

impl ActionKind for Ipc {
    const SUMMARY: &'static str = "makes a System V queue, memory or semaphores, or removes them";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        // ipcmk(1) takes no key; perl has the calls themselves. 03644 is IPC_CREAT|IPC_EXCL|0644.
        let key = self.key;
        let call = match (self.order, self.kind) {
            (IpcOrder::Make { .. }, IpcKind::Queue) => format!("msgget({key:#x}, 03644)"),
            (IpcOrder::Make { size }, IpcKind::Memory) => {
                format!("shmget({key:#x}, {size}, 03644)")
            }
            (IpcOrder::Make { size }, IpcKind::Semaphores) => {
                format!("semget({key:#x}, {size}, 03644)")
            }
            (IpcOrder::Remove, IpcKind::Queue) => return vec![format!("ipcrm -Q {key:#x}")],
            (IpcOrder::Remove, IpcKind::Memory) => return vec![format!("ipcrm -M {key:#x}")],
            (IpcOrder::Remove, IpcKind::Semaphores) => return vec![format!("ipcrm -S {key:#x}")],
        };
        vec![format!("perl -e 'defined {call} or die \"$!\\n\"'")]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::Ipc { kind: self.kind, key: self.key, order: self.order }])
    }

    fn preflight(&self, _: &ActorName, _: &Snapshot) -> Vec<PreflightCheck> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_written_as_it_was_read_and_typed_as_a_call() {
        let check = |fields: &str, line: &str| {
            let ipc: Ipc = serde_json::from_str(fields).expect(fields);
            let written = serde_json::to_string(&ipc).expect("JSON");
            assert_eq!(serde_json::from_str::<Ipc>(&written).expect(&written), ipc);
            assert_eq!(ipc.shell(&LabFacts::default()), [line]);
        };
        let perl = |call: &str| format!("perl -e 'defined {call} or die \"$!\\n\"'");
        check(r#"{"make": "queue", "key": 66}"#, &perl("msgget(0x42, 03644)"));
        check(
            r#"{"make": "memory", "key": 7, "size": "1MiB"}"#,
            &perl("shmget(0x7, 1048576, 03644)"),
        );
        check(r#"{"make": "semaphores", "key": 7, "count": 2}"#, &perl("semget(0x7, 2, 03644)"));
        check(r#"{"remove": "queue", "key": 66}"#, "ipcrm -Q 0x42");

        for wrong in [
            r#"{"key": 1}"#,
            r#"{"make": "queue", "key": 0}"#,
            r#"{"make": "queue", "key": 1, "size": "1"}"#,
            r#"{"make": "memory", "key": 1}"#,
            r#"{"make": "queue", "remove": "queue", "key": 1}"#,
        ] {
            assert!(serde_json::from_str::<Ipc>(wrong).is_err(), "{wrong}");
        }
    }
}
