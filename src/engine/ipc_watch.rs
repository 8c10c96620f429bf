//! System V objects, asked of a lab while a step is about them: no event tells of a change, and asking costs a process for
//! each IPC namespace.

use super::link::ActorLinks;
use crate::observe::{Observer, ipc};
use crate::op::ActorName;
use crate::snapshot::IpcTable;

/// Ask for the objects of each IPC namespace that an actor is in, and hand them to the observer. `lab_pid` says how the
/// lab's host counts a PID of the machine.
pub fn ask(links: &mut ActorLinks, observer: &mut Observer, lab_pid: impl Fn(u32) -> Option<u32>) {
    let mut tables: Vec<IpcTable> = Vec::new();
    let mut actors: Vec<(ActorName, u32)> =
        links.iter().map(|(name, link)| (name.clone(), link.pid)).collect();
    // Of those in one namespace the host speaks.
    actors.sort_by_key(|(name, _)| *name != ActorName::host());

    for (actor, pid) in actors {
        // The dead have no namespace.
        let Some(ns) = ipc::namespace_of(pid) else { continue };
        if tables.iter().any(|table| table.ns == ns) {
            continue;
        }

        let text = lab_pid(pid).and_then(|pid| links.ipc_tables(pid).ok().flatten());
        let Some(text) = text else { continue };
        let (objects, omitted) = ipc::parse(&text);
        tables.push(IpcTable { actor, ns, objects, omitted });
    }
    observer.set_ipc(tables);
}
