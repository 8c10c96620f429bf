//! System V objects: queues, memory and semaphores, made and removed by their keys.

use nix::errno::Errno;

use super::record::Recorder;
use crate::op::{IpcKind, IpcOrder};

/// Make or remove the object with this key, in the caller's IPC namespace.
pub fn change(
    recorder: &mut Recorder,
    kind: IpcKind,
    key: u32,
    order: IpcOrder,
) -> Result<(), Errno> {
    match order {
        IpcOrder::Make { size } => {
            let flags = libc::IPC_CREAT | libc::IPC_EXCL | 0o644;
            get(recorder, kind, key, size, (flags, "IPC_CREAT|IPC_EXCL|0644"))?;
        }
        IpcOrder::Remove => {
            let id = get(recorder, kind, key, 0, (0, "0"))?;
            remove(recorder, kind, id)?;
        }
    }
    Ok(())
}

/// The id of the object with a key.
fn get(
    recorder: &mut Recorder,
    kind: IpcKind,
    key: u32,
    size: u64,
    (flags, flag_words): (libc::c_int, &str),
) -> Result<i32, Errno> {
    let number = key.cast_signed();
    match kind {
        IpcKind::Queue => recorder.call("msgget", format!("{key:#x}, {flag_words}"), || {
            // SAFETY: it takes numbers alone.
            Errno::result(unsafe { libc::msgget(number, flags) })
        }),
        IpcKind::Memory => {
            let bytes = usize::try_from(size).map_err(|_| Errno::EINVAL)?;
            recorder.call("shmget", format!("{key:#x}, {bytes}, {flag_words}"), || {
                // SAFETY: it takes numbers alone.
                Errno::result(unsafe { libc::shmget(number, bytes, flags) })
            })
        }
        IpcKind::Semaphores => {
            let count = i32::try_from(size).map_err(|_| Errno::EINVAL)?;
            recorder.call("semget", format!("{key:#x}, {count}, {flag_words}"), || {
                // SAFETY: it takes numbers alone.
                Errno::result(unsafe { libc::semget(number, count, flags) })
            })
        }
    }
}

fn remove(recorder: &mut Recorder, kind: IpcKind, id: i32) -> Result<i32, Errno> {
    let nothing = std::ptr::null_mut();
    match kind {
        IpcKind::Queue => recorder.call("msgctl", format!("{id}, IPC_RMID, NULL"), || {
            // SAFETY: IPC_RMID reads and writes no memory of the caller.
            Errno::result(unsafe { libc::msgctl(id, libc::IPC_RMID, nothing) })
        }),
        IpcKind::Memory => recorder.call("shmctl", format!("{id}, IPC_RMID, NULL"), || {
            // SAFETY: as above.
            Errno::result(unsafe { libc::shmctl(id, libc::IPC_RMID, nothing.cast()) })
        }),
        IpcKind::Semaphores => recorder.call("semctl", format!("{id}, 0, IPC_RMID"), || {
            // SAFETY: as above; for IPC_RMID the fourth argument is not looked at.
            Errno::result(unsafe { libc::semctl(id, 0, libc::IPC_RMID) })
        }),
    }
}
