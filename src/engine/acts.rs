//! The actions of a step, performed.

use super::evidence::outcome_verdict;
use super::lab::Lab;
use super::lab_error::LabError;
use crate::keeper::handle::KeeperHandle;
use crate::lesson::expect::Expect;
use crate::lesson::expect::verdict::{Expected, Verdict};
use crate::lesson::model::ActionEntry;
use crate::op::{ActorName, Bar, Op, OpRecord};
use crate::seen::Seen;

/// The outcome of actions that were performed.
#[derive(Debug, Default)]
pub(super) struct ActionsOutcome {
    pub records: Vec<OpRecord>,
    pub verdicts: Vec<Verdict>,
    /// True if one who had something to do is not there, or does not answer: the rest was not done.
    pub is_cut_short: bool,
}

impl ActionsOutcome {
    /// Perform a step's actions, each up to its first failure; an unexpected one ends them. The outcome of the last is
    /// judged by `expects` alone where they name one.
    pub fn perform(
        lab: &mut Lab,
        keeper: &mut KeeperHandle,
        step: &str,
        actions: &[ActionEntry],
        expects: &[Expect],
    ) -> Result<ActionsOutcome, LabError> {
        let mut acts = ActionsOutcome::default();
        let names_outcome = expects.iter().any(|expect| matches!(expect, Expect::Outcome(_)));
        for (index, entry) in actions.iter().enumerate() {
            lab.check_alive()?;
            if let Some(missing) = lab.first_missing_actor(
                std::iter::once(&entry.actor).chain(entry.action.named_actors()),
            ) {
                let seen = match lab.pid_of(missing) {
                    Some(_) => Seen::ActorGone(missing.clone()),
                    None => Seen::ActorNeverMade(missing.clone()),
                };
                acts.cut_short(entry, seen);
                break;
            }

            let context = lab.lab_facts_for(entry.action.needs_actor_pid());
            let lowered = entry.action.lower(&context);
            let ops = lowered.map_err(|cause| LabError::Lower { step: step.to_owned(), cause })?;

            let mut failed = None;
            for op in ops {
                let record = match perform_for_bar(lab, keeper, entry, op) {
                    Ok(record) => record,
                    Err(error) => {
                        acts.cut_short(entry, as_outcome(lab, error)?);
                        return Ok(acts);
                    }
                };
                let went_well = record.outcome.is_ok();
                acts.records.push(record);
                if !went_well {
                    failed = acts.records.last();
                    break;
                }
            }

            // Only the last one: what ended the actions before their time is never what was meant.
            if names_outcome && index + 1 == actions.len() && entry.fails.is_none() {
                break;
            }
            let verdict = outcome_verdict(entry, failed);
            let goes_on = verdict.as_ref().is_none_or(|verdict| verdict.ok);
            acts.verdicts.extend(verdict);
            if !goes_on {
                break;
            }
        }
        Ok(acts)
    }

    pub fn join(&mut self, later: ActionsOutcome) {
        self.records.extend(later.records);
        self.verdicts.extend(later.verdicts);
        self.is_cut_short |= later.is_cut_short;
    }

    fn cut_short(&mut self, entry: &ActionEntry, seen: Seen) {
        let works = Expected::Works { action: entry.action.name().to_owned() };
        self.verdicts.push(Verdict::failed_action(works, seen));
        self.is_cut_short = true;
    }
}

/// Perform an op of an action; where its step draws bars, look how many bytes it takes.
fn perform_for_bar(
    lab: &mut Lab,
    keeper: &mut KeeperHandle,
    entry: &ActionEntry,
    op: Op,
) -> Result<OpRecord, LabError> {
    let Some(name) = entry.bar.clone() else { return perform(lab, keeper, &entry.actor, op) };
    let before = lab.used_bytes();
    let record = perform(lab, keeper, &entry.actor, op)?;

    // Less than before is none taken.
    let taken = lab.used_bytes().zip(before).map(|(after, before)| after.saturating_sub(before));
    Ok(OpRecord { bar: Some(Bar { name, bytes: taken }), ..record })
}

/// Perform an op. Rules for devices take the machine's root: the keeper does those, only for its own lab's groups.
pub(super) fn perform(
    lab: &mut Lab,
    keeper: &mut KeeperHandle,
    actor: &ActorName,
    op: Op,
) -> Result<OpRecord, LabError> {
    if let Op::Device { .. } = op {
        return Ok(keeper.perform(actor, &op)?);
    }
    lab.check_alive()?;
    Ok(lab.perform(actor, op)?)
}

/// The outcome that an error is. An actor that died of what it was asked to do, or does not answer, is one, and no
/// fault of the engine's; unless the whole lab has ended.
fn as_outcome(lab: &Lab, error: LabError) -> Result<Seen, LabError> {
    let LabError::Link(link) = error else { return Err(error) };
    let seen = link.as_outcome().ok_or(link)?;
    lab.check_alive()?;
    Ok(seen)
}
