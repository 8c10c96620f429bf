//! The actions that a rewind performs: the earlier steps', without those that only look, and with shortcuts that leave
//! the same state. A played step is never shortened.

use crate::action::{Action, LabFacts, LowerError};
use crate::diagnosis::Playable;
use crate::doctor::{Facts, can_play};
use crate::lesson::model::{ActionEntry, Step};
use crate::op::{ActorName, NetOp, Op};

/// One action of a replay.
#[derive(Debug, Clone, Copy)]
pub struct ReplayedAction<'a> {
    /// The step's id.
    pub step: &'a str,
    pub of: &'a ActionEntry,
    /// The actor that a cable's peer goes to: it is made there in the first place.
    into: Option<&'a ActorName>,
}

/// The actions of these steps that a replay performs, in order.
pub fn replayed_actions<'a>(steps: &'a [Step], facts: &Facts) -> Vec<ReplayedAction<'a>> {
    let all: Vec<ReplayedAction<'a>> = steps
        .iter()
        .filter(|step| can_play(&step.needs, facts) == Playable::Live)
        .flat_map(|step| step.entries().map(|of| ReplayedAction { step: &step.id, of, into: None }))
        .filter(|entry| !entry.of.action.is_read_only())
        .collect();

    let mut kept: Vec<ReplayedAction<'a>> = Vec::with_capacity(all.len());
    for (index, entry) in all.iter().enumerate() {
        if is_move_made_before(entry.of, &kept) {
            continue;
        }
        // Moving a veth end waits for RCU, some 15 ms; making it where it goes takes half of one.
        kept.push(ReplayedAction {
            into: peers_home(entry.of, &all[..index], &all[index + 1..]),
            ..*entry
        });
    }

    kept
}

impl ReplayedAction<'_> {
    pub fn lower(&self, context: &LabFacts) -> Result<Vec<Op>, LowerError> {
        match (&self.of.action, self.into) {
            (Action::Veth(veth), Some(actor)) => {
                let pid = context.lab_pid(actor)?;
                Ok(vec![Op::Net(NetOp::AddVethInto {
                    name: veth.name.clone(),
                    peer: veth.peer.clone(),
                    pid,
                })])
            }
            (action, _) => action.lower(context),
        }
    }

    /// The actor that it ends for sure.
    pub fn killed_actor(&self) -> Option<&ActorName> {
        let Action::Kill(kill) = &self.of.action else { return None };
        (kill.signal == "KILL").then_some(&kill.actor)
    }

    /// True if lowering it needs the pid of an actor.
    pub fn needs_actor_pid(&self) -> bool {
        self.into.is_some() || self.of.action.needs_actor_pid()
    }
}

/// The actor that a new cable's peer goes to, where the next thing that happens to the peer is a plain move to an
/// actor that is born already.
fn peers_home<'a>(
    entry: &ActionEntry,
    before: &[ReplayedAction<'a>],
    after: &[ReplayedAction<'a>],
) -> Option<&'a ActorName> {
    let Action::Veth(veth) = &entry.action else { return None };
    let next = after.iter().find_map(|later| {
        let Action::Link(link) = &later.of.action else { return None };
        (link.name == veth.peer).then_some((later, link))
    });
    let (later, link) = next?;

    let home = link.netns.as_ref()?;
    let plain = link.rename.is_none() && link.up.is_none() && link.master.is_none();
    let is_born = before.iter().any(|earlier| earlier.of.action.made_actor() == Some(home));

    (plain && is_born && later.of.actor == entry.actor).then_some(home)
}

/// True for a move that has nothing left to do: the cable was made where it goes.
fn is_move_made_before(entry: &ActionEntry, kept: &[ReplayedAction<'_>]) -> bool {
    let Action::Link(link) = &entry.action else { return false };
    kept.iter().any(|earlier| {
        let is_its_cable =
            matches!(&earlier.of.action, Action::Veth(veth) if veth.peer == link.name);
        is_its_cable && earlier.into.is_some() && earlier.into == link.netns.as_ref()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::catalogue;

    fn facts() -> Facts {
        Facts::read(
            &crate::doctor::MachineRoot::this_machine(),
            crate::doctor::ProbeResult::all_good,
        )
    }

    fn kept(steps: usize) -> Vec<(String, bool)> {
        let lesson = catalogue::find_lesson("build-a-container").expect("the lesson");
        let entries = replayed_actions(&lesson.steps[..steps], &facts());
        entries
            .iter()
            .map(|entry| (entry.of.action.name().to_owned(), entry.into.is_some()))
            .collect()
    }

    #[test]
    fn a_program_is_run_again_unless_its_author_says_that_it_only_looks() {
        let check = |said: &str, expected: bool| {
            let run: crate::action::run::Run =
                serde_json::from_str(&format!(r#"{{"command": ["rmdir", "/two"]{said}}}"#))
                    .expect("an action");
            let actions = vec![ActionEntry {
                actor: ActorName::host(),
                action: Action::Run(run),
                fails: None,
                bar: None,
            }];
            let lesson = catalogue::find_lesson("build-a-container").expect("the lesson");
            let step = Step { actions, breaks: Vec::new(), ..lesson.steps[0].clone() };
            let kept = replayed_actions(&[step], &facts()).len();
            assert_eq!(kept, usize::from(expected), "{said}");
        };
        check("", true);
        check(r#", "changes": true"#, true);
        check(r#", "changes": false"#, false);
    }

    #[test]
    fn looking_is_left_out_and_a_cable_is_made_where_its_end_goes() {
        let lesson = catalogue::find_lesson("build-a-container").expect("the lesson");
        let at = |id: &str| lesson.steps.iter().position(|step| step.id == id).expect("a step");
        let whole = kept(lesson.steps.len());
        assert!(
            whole
                .iter()
                .all(|(name, _)| !["getpid", "read", "ping", "run"].contains(&name.as_str())),
            "{whole:?}"
        );
        assert!(whole.contains(&("veth".into(), true)));
        assert_eq!(
            whole.iter().filter(|(name, _)| name == "link").count(),
            3,
            "the move is gone, three other links are not"
        );

        // Before the move, the cable is made as the lesson makes it.
        assert!(kept(at("veth-move")).contains(&("veth".into(), false)));
    }
}
