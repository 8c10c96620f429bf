//! The actor that a learner's shell is in by now: whoever types `unshare … bash` is in another container than the
//! shell was opened beside.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Weak};

use crate::op::ActorName;
use crate::snapshot::Snapshot;

/// The shells of a session, by their tabs.
#[derive(Debug, Default)]
pub struct ShellLocations {
    shells: Vec<Shell>,
}

#[derive(Debug)]
struct Shell {
    tab: u32,
    /// The terminal's master side, kept open by whoever draws it.
    master: Weak<OwnedFd>,
    /// The actor that was last told.
    inside: Option<ActorName>,
}

impl ShellLocations {
    pub fn add(&mut self, tab: u32, master: &Arc<OwnedFd>) {
        self.shells.push(Shell { tab, master: Arc::downgrade(master), inside: None });
    }

    /// The tabs whose foreground program is in another actor than it was; None: in the one it was opened beside.
    pub fn take_moves(&mut self, snapshot: &Snapshot) -> Vec<(u32, Option<ActorName>)> {
        self.shells.retain(|shell| shell.master.strong_count() > 0);
        let mut moved = Vec::new();

        for shell in &mut self.shells {
            // A terminal without anybody has no foreground.
            let foreground =
                shell.master.upgrade().and_then(|master| nix::unistd::tcgetpgrp(master).ok());
            let pid = foreground.and_then(|group| u32::try_from(group.as_raw()).ok());
            let inside = pid.and_then(|pid| actor_around(snapshot, pid)).cloned();
            if inside != shell.inside {
                shell.inside = inside.clone();
                moved.push((shell.tab, inside));
            }
        }

        moved
    }
}

/// The nearest actor from a process upwards. The lab's host is above everybody, and says nothing.
fn actor_around(snapshot: &Snapshot, pid: u32) -> Option<&ActorName> {
    let mut at = pid;
    // Nobody has more ancestors than there are processes.
    for _ in 0..snapshot.processes.len() {
        let process = snapshot.process(at)?;
        if let Some(actor) = process.actor.as_ref() {
            return Some(actor).filter(|actor| **actor != ActorName::host());
        }
        at = process.ppid;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Process;
    use std::collections::BTreeMap;

    #[test]
    fn a_program_is_in_the_actor_that_is_nearest_above_it() {
        let process = |pid: u32, ppid: u32, actor: Option<&str>| Process {
            pid,
            ns_pids: vec![pid],
            ppid,
            start_time: 1,
            uid: 0,
            state: 'S',
            comm: "bash".into(),
            args: "bash".into(),
            actor: actor.map(ActorName::from),
            namespaces: BTreeMap::new(),
            cgroups: Vec::new(),
        };

        let lab = |typed_actor: Option<&str>| Snapshot {
            processes: vec![
                process(10, 1, Some("host")),
                process(11, 10, None),
                process(12, 11, None),
                process(13, 12, typed_actor),
                process(14, 13, None),
            ],
            ..Snapshot::default()
        };

        let around =
            |typed_actor, pid| actor_around(&lab(typed_actor), pid).map(ActorName::to_string);
        assert_eq!(around(None, 14), None);
        assert_eq!(around(Some("container"), 14).as_deref(), Some("container"));
        assert_eq!(around(Some("container"), 13).as_deref(), Some("container"));
        assert_eq!(around(Some("container"), 11), None, "the shell that it was typed in");
        assert_eq!(around(Some("container"), 99), None);
    }
}
