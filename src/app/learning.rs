//! The learner's own part in a lesson, instead of watching it: turns, hints, branches.

use std::collections::{BTreeMap, BTreeSet};

use super::by_hand::HandWork;
use crate::engine::{TurnGoal, TurnState};
use crate::lesson::model::{Hint, Step};
use crate::progress::LearningWay;

/// The learner's own part in a lesson, beyond watching it.
#[derive(Debug, Default)]
pub struct Learning {
    pub turn: Option<TurnState>,
    /// A turn was on when its lab went: the next lab begins with one, at the step that it leads to.
    pub(super) resumes: bool,
    pub way: LearningWay,
    /// The step that the learner wants to watch for once, in whatever way the others are learnt.
    pub(super) watched: Option<usize>,
    /// Hints taken, by step and expectation (from 0): how many stages.
    pub(super) hints: BTreeMap<(usize, usize), usize>,
    /// The lines that were typed in turns, and what they changed.
    pub by_hand: HandWork,
    /// Steps that the learner has asked to be shown.
    pub shown: BTreeSet<usize>,
}

/// The stages of a hint that were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownHint<'a> {
    /// None where the author left none: then only the command helps.
    pub hint: Option<&'a Hint>,
    /// 1 the nudge, 2 the manual too, 3 the command too.
    pub stage: usize,
}

impl ShownHint<'_> {
    /// The command is among what was asked for.
    pub fn tells_command(self) -> bool {
        self.stage >= 3
    }
}

impl Learning {
    /// The first expectation of the turn that does not hold.
    pub fn first_unmet_goal(&self) -> Option<usize> {
        self.turn.as_ref()?.verdicts.iter().position(|verdict| !verdict.ok)
    }

    /// The hint for what is open now, as far as it was taken.
    pub fn shown_hint<'a>(&self, step: &'a Step) -> Option<ShownHint<'a>> {
        let turn = self.turn.as_ref()?;
        let open = self.first_unmet_goal()?;
        let stage = self.hints.get(&(turn.step, open)).copied()?;
        Some(ShownHint { hint: hint_for(step, open), stage })
    }

    /// Stages of hints taken for a step.
    pub fn hint_stages_taken(&self, step: usize) -> usize {
        self.hints.iter().filter(|((at, _), _)| *at == step).map(|(_, stage)| *stage).sum()
    }

    /// All that the turn is about has come true.
    pub fn turn_holds(&self) -> bool {
        self.turn.as_ref().is_some_and(TurnState::is_fulfilled)
    }

    /// The lab of a turn has gone, or goes: what is begun in the next one is a turn again.
    pub(super) fn resume_in_next_lab(&mut self) {
        self.resumes |= self.is_step_turn();
    }

    /// True while the step's own turn is on.
    pub fn is_step_turn(&self) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.goal == TurnGoal::Step)
    }
}

/// The one written for this goal of the step's, or else for the step. Authors count expectations, from 1.
pub(super) fn hint_for(step: &Step, goal: usize) -> Option<&Hint> {
    let place = step.typed_goals().get(goal).map(|place| place + 1);
    let exact = step.hints.iter().find(|hint| place.is_some() && hint.expectation == place);
    exact
        .or_else(|| step.hints.iter().find(|hint| hint.expectation.is_none()))
        .or(step.hints.first())
}
