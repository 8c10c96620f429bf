//! Detours: what was typed has left the lab as the coming steps can't use it. Found from the lesson itself: what a coming
//! step reads, and no step before it changes, is now as that step will find it. Pure.

mod base;
mod reach;

use std::collections::BTreeSet;

use self::base::{moves_proc, moves_root};
use self::reach::ChangedParts;
use super::expect::verdict::Verdict;
use super::expect::{Expect, FactAnswers, ObservedState};
use super::model::{ActionEntry, Step};
use crate::action::{Action, Precondition};
use crate::op::ActorName;
use crate::snapshot::Snapshot;

pub use self::base::ActorBases;

/// A difference of the lab that makes a coming step fail.
#[derive(Debug, Clone, PartialEq)]
pub struct Detour {
    pub finding: DetourFinding,
    /// The first step that it matters to, by its place.
    pub step: usize,
}

/// The kind of a detour. A closed list.
#[derive(Debug, Clone, PartialEq)]
pub enum DetourFinding {
    /// The process of an actor has ended.
    ActorEnded(ActorName),
    /// An actor has another root directory than the steps gave it.
    RootMoved(ActorName),
    /// No /proc is mounted any more where an actor had one.
    ProcGone(ActorName),
    /// An action of the step needs this, and it is not so.
    ActionNeeds(Precondition),
    /// The step expects this, which is not so, and nothing before the step changes it.
    Expects(Box<Verdict>),
}

/// The part of the step that the learner does by typing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypedPart {
    /// Nobody types a step.
    Nothing,
    /// Some of the next step may be done.
    Some,
    /// All that the next step is to bring about is there.
    All,
}

/// A lab in the middle of a lesson.
#[derive(Debug, Clone, Copy)]
pub struct LabOnItsWay<'a> {
    pub steps: &'a [Step],
    /// Steps that are done in it.
    pub played: usize,
    pub typed: TypedPart,
    /// Steps that the learner leaves out.
    pub left_out: &'a BTreeSet<usize>,
    /// Steps that are not possible here: the others do without them.
    pub impossible: &'a BTreeSet<usize>,
    pub now: &'a Snapshot,
    pub bases: &'a ActorBases,
    pub made_actors: &'a BTreeSet<ActorName>,
}

impl<'a> LabOnItsWay<'a> {
    /// The steps that will be played, the one that is being typed among them.
    fn coming_steps(&self) -> impl Iterator<Item = (usize, &'a Step)> {
        let (left_out, impossible) = (self.left_out, self.impossible);
        let all = self.steps.iter().enumerate().skip(self.played);
        all.filter(move |(index, _)| !left_out.contains(index) && !impossible.contains(index))
    }

    /// True for the next step, of which some or all was typed already.
    fn is_typed(&self, step: usize) -> bool {
        step == self.played && self.typed != TypedPart::Nothing
    }

    /// The expectations of coming steps that are decided already, in order: no step changes what they read.
    pub fn decided_expectations(&self) -> Vec<(usize, &'a Expect)> {
        // What a step that is left out would have made is missing later, as the learner wanted to see.
        if !self.left_out.is_empty() {
            return Vec::new();
        }

        let mut changed = ChangedParts::default();
        let mut decided = Vec::new();
        for (index, step) in self.coming_steps() {
            if self.is_typed(index) {
                // Of one that is typed in whole nothing is to come.
                if self.typed == TypedPart::Some {
                    changed.add_step(step);
                }
                continue;
            }

            changed.add_step(step);
            let expects = step.expect.iter().filter(|expect| !changed.may_decide(expect));
            decided.extend(expects.map(|expect| (index, expect)));
        }
        decided
    }

    /// The detour that the lab is on, the worst first; `facts` are about the expectations that are decided.
    pub fn find_detour(&self, facts: &FactAnswers) -> Option<Detour> {
        if self.now.processes.is_empty() {
            return None;
        }
        let actor = self.find_ended_actor().or_else(|| self.find_moved_base());
        let others = || {
            let need = self.find_unmet_need();
            let expectation = self.find_unmet_expectation(facts);
            // Of two of one step the action's is nearer to the cause.
            need.into_iter().chain(expectation).min_by_key(|detour| detour.step)
        };
        actor.or_else(others)
    }

    fn find_ended_actor(&self) -> Option<Detour> {
        let mut changed = ChangedParts::default();
        for (step, entry) in self.coming_entries() {
            let ended =
                entry.action.named_actors().into_iter().chain([&entry.actor]).find(|actor| {
                    self.made_actors.contains(*actor)
                        && self.now.living_process_of(actor).is_none()
                        && !changed.has_actor(actor)
                });
            // A step may be about making it again, or about its end.
            let is_about_it =
                entry.action.made_actor().is_some() || matches!(&entry.action, Action::Kill(_));
            if let Some(actor) = ended.filter(|_| !is_about_it) {
                let finding = DetourFinding::ActorEnded(actor.clone());
                return Some(Detour { finding, step });
            }
            changed.add(entry);
        }
        None
    }

    /// The actions to come, those of a step that is typed in whole not among them.
    fn coming_entries(&self) -> impl Iterator<Item = (usize, &'a ActionEntry)> {
        let is_all_typed = self.typed == TypedPart::All;
        let done = is_all_typed.then_some(self.played);
        let steps = self.coming_steps().filter(move |(index, _)| Some(*index) != done);
        steps.flat_map(|(index, step)| step.entries().map(move |entry| (index, entry)))
    }

    fn find_moved_base(&self) -> Option<Detour> {
        // Only what the step does that is being typed may have moved something rightly.
        let typed = self.steps.get(self.played).filter(|_| self.typed != TypedPart::Nothing);
        let typed = |moves: &dyn Fn(&ActionEntry) -> bool| {
            typed.is_some_and(|step| step.entries().any(moves))
        };

        self.coming_entries().find_map(|(step, entry)| {
            let actor = &entry.actor;
            let [base, now] = self.bases.compare(actor, self.now)?;
            let finding =
                if now.root != base.root && !typed(&|entry| moves_root(entry, actor, self.now)) {
                    DetourFinding::RootMoved(actor.clone())
                } else if base.has_proc && !now.has_proc && !typed(&moves_proc) {
                    DetourFinding::ProcGone(actor.clone())
                } else {
                    return None;
                };
            Some(Detour { finding, step })
        })
    }

    fn find_unmet_need(&self) -> Option<Detour> {
        if !self.left_out.is_empty() {
            return None;
        }

        let mut changed = ChangedParts::default();
        for (step, entry) in self.coming_entries() {
            let is_judged = entry.fails.is_none()
                && !changed.may_prepare(entry)
                && (!self.is_typed(step) || keeps_what_it_needs(&entry.action));
            if is_judged {
                let needs = entry.action.preflight(&entry.actor, self.now);
                // What is in the way of a step that is being typed, that step may have made.
                let obstacles = match self.is_typed(step) {
                    true => Vec::new(),
                    false => entry.action.obstacles(&entry.actor, self.now),
                };
                if let Some(unmet) = needs.into_iter().chain(obstacles).find(|check| !check.ok) {
                    return Some(Detour {
                        finding: DetourFinding::ActionNeeds(unmet.condition),
                        step,
                    });
                }
            }
            changed.add(entry);
        }
        None
    }

    fn find_unmet_expectation(&self, facts: &FactAnswers) -> Option<Detour> {
        let world =
            ObservedState { snapshot: self.now, before: self.now, facts, outputs: &[], ops: &[] };
        self.decided_expectations().into_iter().find_map(|(step, expect)| {
            let verdict = expect.judge(&world);
            let finding = (!verdict.ok).then(|| DetourFinding::Expects(Box::new(verdict)))?;
            Some(Detour { finding, step })
        })
    }
}

/// True if what the action needs is still so once it is done, and what it makes is none of it.
fn keeps_what_it_needs(action: &Action) -> bool {
    matches!(action, Action::Mount(_) | Action::Hostname(_) | Action::Address(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::catalogue::find_lesson;
    use crate::op::NamespaceKind;
    use crate::snapshot::{MountTable, NsInode, Omitted, Process};

    fn process(pid: u32, actor: &str) -> Process {
        Process {
            pid,
            ns_pids: vec![pid, 1],
            ppid: 1,
            start_time: 1,
            uid: 0,
            state: 'S',
            comm: actor.into(),
            args: actor.into(),
            actor: Some(actor.into()),
            namespaces: [(NamespaceKind::Mount, NsInode(u64::from(pid)))].into(),
            cgroups: Vec::new(),
        }
    }

    /// A host and a container, whose mounts are these lines of mountinfo.
    fn lab(mounts: &str) -> Snapshot {
        let rows = crate::observe::mounts::parse(mounts);
        let table = MountTable {
            actor: "container".into(),
            ns: NsInode(2),
            rows,
            omitted: Omitted::Nothing,
        };
        Snapshot {
            processes: vec![process(1, "host"), process(2, "container")],
            mounts: vec![table],
            ..Snapshot::default()
        }
    }

    const ROOT: &str = "1 0 0:1 / / rw - tmpfs none rw";
    const WITH_PROC: &str = "1 0 0:1 / / rw - tmpfs none rw\n2 1 0:2 / /proc rw - proc proc rw";

    /// The kind of the detour in this lab, which was in the state `before` when the step before was done.
    fn found(
        id: &str,
        typed: TypedPart,
        before: &Snapshot,
        now: &Snapshot,
    ) -> Option<DetourFinding> {
        let lesson = find_lesson("build-a-container").expect("the lesson");
        let played = lesson.steps.iter().position(|step| step.id == id).expect("the step");
        let mut bases = ActorBases::default();
        bases.take(before, None);

        let none = BTreeSet::new();
        let made = ["host", "container"].map(ActorName::from).into();
        let lab = LabOnItsWay {
            steps: &lesson.steps,
            played,
            typed,
            left_out: &none,
            impossible: &none,
            now,
            bases: &bases,
            made_actors: &made,
        };
        lab.find_detour(&FactAnswers::default()).map(|detour| detour.finding)
    }

    #[test]
    fn what_the_step_itself_changes_is_no_detour_while_it_is_typed() {
        let (whole, bare) = (lab(WITH_PROC), lab(ROOT));
        let gone = Some(DetourFinding::ProcGone("container".into()));
        assert_eq!(found("repair-proc", TypedPart::Nothing, &whole, &bare), gone);
        assert_eq!(found("hostname", TypedPart::Some, &whole, &bare), gone);
        let unmet = |found| matches!(found, Some(DetourFinding::ActionNeeds(_)));

        // The step breaks it by itself; but a proc can't be mounted where there is no other.
        assert!(unmet(found("proc-in-new-root", TypedPart::Some, &bare, &bare)));
        let other_root = lab("1 0 0:7 / / rw - tmpfs none rw\n2 1 0:2 / /proc rw - proc proc rw");
        let moved = Some(DetourFinding::RootMoved("container".into()));
        assert_eq!(found("bind", TypedPart::Some, &whole, &other_root), moved);
        assert_ne!(found("pivot-root", TypedPart::Some, &whole, &other_root), moved);
    }

    #[test]
    fn of_a_known_actor_only_what_a_step_was_to_change_is_taken() {
        let lesson = find_lesson("build-a-container").expect("the lesson");
        let step = |id: &str| lesson.steps.iter().find(|step| step.id == id);
        let (whole, bare) = (lab(WITH_PROC), lab(ROOT));
        let check = |done: &str, takes: bool| {
            let mut bases = ActorBases::default();
            bases.take(&whole, None);
            bases.take(&bare, step(done));
            let [base, now] = bases.compare(&"container".into(), &bare).expect("it is there");
            assert_eq!(base == now, takes, "{done}");
        };
        check("hostname", false);
        check("umount-lazy", true);
    }
}
