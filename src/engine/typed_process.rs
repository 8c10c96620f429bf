//! The process of a lab that a learner made by typing what a step would have spawned. Pure.

use crate::action::Action;
use crate::action::enter::{Enter, EnteredPlace};
use crate::action::spawn::Spawn;
use crate::op::{ActorName, NamespaceKind};
use crate::snapshot::{NsInode, Process, Snapshot};

/// The process that comes nearest to the actor that an action by `parent` would have made, by its pid as the machine
/// counts. None for an action that makes no actor.
///
/// `earlier` is an earlier look, and `known` are the processes from before the step.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others make no actor")]
pub fn find_newborn(
    action: &Action,
    parent: &ActorName,
    known: &Snapshot,
    earlier: &Snapshot,
    now: &Snapshot,
) -> Option<u32> {
    match action {
        Action::Spawn(spawn) => find_typed_process(spawn, parent, known, earlier, now),
        Action::Enter(enter) => find_entered_process(enter, parent, known, earlier, now),
        _ => None,
    }
}

/// The process that comes nearest to what `spawn` by `parent` would have made, by its pid as the machine counts: most
/// new namespaces of the kinds asked for, of those the first in its pid namespace, of those the oldest.
///
/// `earlier` is an earlier look, at which a plain child has to have been there already (most programs that are typed
/// end at once), and `known` are the processes from before the step.
pub fn find_typed_process(
    spawn: &Spawn,
    parent: &ActorName,
    known: &Snapshot,
    earlier: &Snapshot,
    now: &Snapshot,
) -> Option<u32> {
    let parent = now.process_of(parent)?;
    let newcomers = now.processes.iter().filter(|process| {
        let is_free = process.actor.as_ref().is_none_or(|actor| *actor == spawn.actor);
        is_free && process.state != 'Z' && !process.is_same_in(known)
    });

    if spawn.unshare.is_empty() {
        // The learner's shells are children of the lab's pid 1, which takes orphans in; what they start is not.
        let from_a_shell =
            |process: &&Process| process.ppid != now.processes.first().map_or(0, |init| init.pid);
        return newcomers
            .filter(from_a_shell)
            .filter(|process| {
                process.is_same_in(earlier) && process.namespaces == parent.namespaces
            })
            .min_by_key(|process| process.start_time)
            .map(|process| process.pid);
    }

    newcomers
        .map(|process| (process, new_namespaces(spawn, process, parent, now)))
        .filter(|(_, count)| *count > 0)
        .max_by_key(|(process, count)| {
            (
                *count,
                process.ns_pids.len(),
                process.own_pid() == 1,
                std::cmp::Reverse(process.start_time),
            )
        })
        .map(|(process, _)| process.pid)
}

/// The process that entered the namespaces that `enter` by `parent` would have entered, by its pid as the machine counts:
/// of several the one that kept most of the parent's others, of those the oldest. Most programs that are typed end at
/// once: it has to have been there at an `earlier` look.
fn find_entered_process(
    enter: &Enter,
    parent: &ActorName,
    known: &Snapshot,
    earlier: &Snapshot,
    now: &Snapshot,
) -> Option<u32> {
    let entered = entered_namespaces(enter, parent, now)?;
    let parent = now.process_of(parent)?;
    // The learner's shells are in the namespaces of whom they are beside, too; they are children of the lab's pid 1.
    let init = now.processes.first().map_or(0, |init| init.pid);

    let newcomers = now.processes.iter().filter(|process| {
        let is_free = process.actor.as_ref().is_none_or(|actor| *actor == enter.actor);
        let is_new = !process.is_same_in(known) && process.is_same_in(earlier);
        is_free && is_new && process.state != 'Z' && process.ppid != init
    });
    let is_inside = |process: &&Process| {
        entered.iter().all(|(kind, inode)| process.namespaces.get(kind) == Some(inode))
    };
    let kept = |process: &Process| {
        let others = NamespaceKind::ALL.iter().filter(|kind| !enter.kinds.contains(kind));
        others.filter(|kind| process.namespaces.get(kind) == parent.namespaces.get(kind)).count()
    };

    newcomers
        .filter(is_inside)
        .max_by_key(|process| (kept(process), std::cmp::Reverse(process.start_time)))
        .map(|process| process.pid)
}

/// The namespaces that an `enter` leads to.
fn entered_namespaces(
    enter: &Enter,
    parent: &ActorName,
    now: &Snapshot,
) -> Option<Vec<(NamespaceKind, NsInode)>> {
    match &enter.place {
        EnteredPlace::Of(of) => {
            let namespaces = &now.living_process_of(of)?.namespaces;
            enter.kinds.iter().map(|kind| Some((*kind, *namespaces.get(kind)?))).collect()
        }
        EnteredPlace::File(path) => {
            let rows = &now.mounts_of(parent)?.rows;
            let mount = rows.iter().rfind(|row| row.target == path.to_string())?;
            let (kind, inode) = mount.namespace()?;
            Some(vec![(kind, inode)])
        }
    }
}

/// The process that was made in the place of an actor of an earlier step, by its pid as the machine counts: the actor is
/// gone, or was made with fewer of the namespaces asked for than this one has.
pub fn find_remade_process(spawn: &Spawn, parent: &ActorName, now: &Snapshot) -> Option<u32> {
    let parent = now.process_of(parent)?;
    let is_own = |process: &Process, kind| {
        let inode = process.namespaces.get(kind);
        inode.is_some() && inode != parent.namespaces.get(kind)
    };
    let has = match now.living_process_of(&spawn.actor) {
        Some(actor) => spawn.unshare.iter().filter(|kind| is_own(actor, kind)).count(),
        None => 0,
    };

    let free = now.processes.iter().filter(|it| it.actor.is_none() && it.state != 'Z');
    free.map(|process| (process, new_namespaces(spawn, process, parent, now)))
        .filter(|(_, count)| *count > has)
        .max_by_key(|(process, count)| {
            let first = std::cmp::Reverse(process.start_time);
            (*count, process.ns_pids.len(), process.own_pid() == 1, first)
        })
        .map(|(process, _)| process.pid)
}

/// The number of kinds asked for whose namespaces are neither the parent's nor any other actor's.
fn new_namespaces(spawn: &Spawn, process: &Process, parent: &Process, now: &Snapshot) -> usize {
    let others: Vec<&Process> = now
        .processes
        .iter()
        .filter(|other| other.actor.as_ref().is_some_and(|actor| *actor != spawn.actor))
        .chain([parent])
        .collect();

    let is_new = |kind: &&crate::op::NamespaceKind| {
        let inode = |of: &Process| of.namespaces.get(kind).copied();
        let own = inode(process).filter(|inode| *inode != NsInode::default());
        own.is_some() && others.iter().all(|other| inode(other) != own)
    };

    spawn.unshare.iter().filter(is_new).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::NamespaceKind;

    fn process(
        pid: u32,
        ppid: u32,
        actor: Option<&str>,
        inodes: [u64; 2],
        ns_pids: &[u32],
    ) -> Process {
        Process {
            pid,
            ns_pids: ns_pids.to_vec(),
            ppid,
            start_time: u64::from(pid),
            uid: 0,
            state: 'S',
            comm: "sh".into(),
            args: "sh".into(),
            actor: actor.map(ActorName::from),
            namespaces: [NamespaceKind::Mount, NamespaceKind::Pid]
                .into_iter()
                .zip(inodes.map(NsInode))
                .collect(),
            cgroups: Vec::new(),
        }
    }

    fn lab(processes: Vec<Process>) -> Snapshot {
        Snapshot { processes, ..Snapshot::default() }
    }

    fn spawn(kinds: &[NamespaceKind]) -> Spawn {
        Spawn::in_namespaces("container".into(), kinds.to_vec())
    }

    #[test]
    fn a_process_that_entered_namespaces_is_in_them_and_stays() {
        // The host, a shell of the learner beside it, the box.
        let before =
            [process(1, 0, Some("host"), [10, 20], &[1]), process(2, 1, None, [10, 20], &[2])];
        let boxed = process(3, 1, Some("box"), [11, 21], &[3, 1]);
        let known = lab([&before[..], std::slice::from_ref(&boxed)].concat());
        let check = |kinds: &str, newcomers: &[Process], expected: Option<u32>| {
            let enter: Enter =
                serde_json::from_str(&format!(r#"{{"actor":"ex","of":"box","kinds":[{kinds}]}}"#))
                    .expect("an action");
            let now = lab([&known.processes, newcomers].concat());
            let host = ActorName::host();
            let enter = Action::Enter(enter);
            assert_eq!(find_newborn(&enter, &host, &known, &now, &now), expected, "{newcomers:?}");
            assert_eq!(find_newborn(&enter, &host, &known, &known, &now), None, "gone at once");
        };

        let only_mount = process(5, 2, None, [11, 20], &[5]);
        let whole = process(6, 5, None, [11, 21], &[6, 2]);
        check("\"mount\"", &[only_mount.clone(), whole.clone()], Some(5));
        check("\"mount\", \"pid\"", &[only_mount.clone(), whole], Some(6));
        check("\"pid\"", &[only_mount], None);
        // A shell beside the box, which the learner opened.
        check("\"mount\", \"pid\"", &[process(7, 1, None, [11, 21], &[7, 2])], None);
    }

    #[test]
    fn the_process_with_most_new_namespaces_is_the_one() {
        let host = || process(10, 1, Some("host"), [1, 1], &[10, 1]);
        let both = spawn(&[NamespaceKind::Mount, NamespaceKind::Pid]);
        let known = lab(vec![host()]);
        let check = |others: Vec<Process>, expected: Option<u32>| {
            let now = lab(std::iter::once(host()).chain(others).collect());
            assert_eq!(find_typed_process(&both, &ActorName::host(), &known, &now, &now), expected);
        };

        let shell = || process(11, 10, None, [1, 1], &[11, 2]);
        let unshare = || process(12, 11, None, [2, 1], &[12, 3]);
        let inside = || process(13, 12, None, [2, 2], &[13, 4, 1]);
        let child = || process(14, 13, None, [2, 2], &[14, 5, 2]);

        check(vec![shell()], None);
        check(vec![shell(), unshare()], Some(12));
        check(vec![shell(), unshare(), inside(), child()], Some(13));
        // Half of it was forgotten: still the nearest thing to a container.
        check(vec![shell(), process(12, 11, None, [2, 1], &[12, 3])], Some(12));
        // A shell beside another container is in its namespaces, not in new ones.
        check(
            vec![
                process(20, 10, Some("other"), [7, 7], &[20, 3, 1]),
                process(21, 10, None, [7, 7], &[21, 4, 2]),
            ],
            None,
        );
    }

    #[test]
    fn an_actor_is_made_again_when_it_is_gone_or_was_made_with_too_little() {
        let host = || process(10, 1, Some("host"), [1, 1], &[10, 1]);
        let both = spawn(&[NamespaceKind::Mount, NamespaceKind::Pid]);
        let check = |others: Vec<Process>, expected: Option<u32>| {
            let now = lab(std::iter::once(host()).chain(others).collect());
            assert_eq!(find_remade_process(&both, &ActorName::host(), &now), expected);
        };

        let shell = || process(11, 10, None, [1, 1], &[11, 2]);
        let whole = |actor| process(20, 11, actor, [2, 2], &[20, 3, 1]);
        let half = |actor| process(21, 11, actor, [3, 1], &[21, 4]);
        let dead = Process { state: 'Z', ..whole(Some("container")) };

        check(vec![shell()], None);
        check(vec![shell(), whole(None)], Some(20));
        check(vec![dead, process(22, 11, None, [4, 4], &[22, 5, 1])], Some(22));
        check(vec![half(Some("container")), whole(None)], Some(20));
        // What has as much stays, whoever else is made beside it.
        check(vec![whole(Some("container")), half(None)], None);
        check(vec![whole(Some("container")), process(22, 11, None, [4, 4], &[22, 5, 1])], None);
        // Its children are in its namespaces, which are another actor's then.
        check(vec![whole(Some("other")), process(23, 20, None, [2, 2], &[23, 6, 2])], None);
    }

    #[test]
    fn a_plain_child_is_one_that_stays() {
        let host = || process(10, 1, Some("host"), [1, 1], &[10, 1]);
        let (shell, sleep) =
            (process(11, 10, None, [1, 1], &[11, 2]), process(12, 11, None, [1, 1], &[12, 3]));
        let plain = spawn(&[]);
        let known = lab(vec![host()]);
        let now = lab(vec![host(), shell.clone(), sleep.clone()]);

        assert_eq!(find_typed_process(&plain, &ActorName::host(), &known, &known, &now), None);
        assert_eq!(find_typed_process(&plain, &ActorName::host(), &known, &now, &now), Some(12));
        assert_eq!(
            find_typed_process(&plain, &ActorName::host(), &now, &now, &now),
            None,
            "it was there before the step"
        );
    }
}
