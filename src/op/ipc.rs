//! System V objects: the kinds, what an op makes or removes, and what is seen of one.

use serde::{Deserialize, Serialize};

/// A kind of System V object. Each kind has keys of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IpcKind {
    Queue,
    Memory,
    Semaphores,
}

impl IpcKind {
    pub const ALL: [IpcKind; 3] = [IpcKind::Queue, IpcKind::Memory, IpcKind::Semaphores];

    pub fn word(self) -> &'static str {
        match self {
            IpcKind::Queue => "queue",
            IpcKind::Memory => "memory",
            IpcKind::Semaphores => "semaphores",
        }
    }

    /// The kernel's file that lists the objects of the reader's IPC namespace.
    pub fn table(self) -> &'static str {
        match self {
            IpcKind::Queue => "/proc/sysvipc/msg",
            IpcKind::Memory => "/proc/sysvipc/shm",
            IpcKind::Semaphores => "/proc/sysvipc/sem",
        }
    }
}

/// The order about the object of a kind with a key, in the performing actor's IPC namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IpcOrder {
    /// It must not be there yet. `size` is in bytes for memory, a number of semaphores, and nothing for a queue.
    Make {
        size: u64,
    },
    Remove,
}

/// A System V object as the kernel lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IpcObject {
    pub kind: IpcKind,
    /// 0 for one that is found by nothing but its id.
    pub key: u32,
    /// The kernel's number for it, within its namespace.
    pub id: u32,
    /// Bytes that lie in a queue, bytes of memory, or semaphores of a set.
    pub size: u64,
    /// The processes that have the memory mapped; 0 for other kinds.
    pub attached: u64,
}
