//! The things that a step expects and that are not there: the map draws them as missing.

use super::LessonView;
use crate::lesson::expect::verdict::{Expected, Verdict};
use crate::map::MapWant;
use crate::words;

impl LessonView {
    /// The missing things that may be shown: of a step that failed all of them, and in a turn of the learner's those
    /// alone that a hint was taken for, since the place gives the answer away.
    pub fn map_wants(&self) -> Vec<MapWant> {
        let want = |verdict: &Verdict| self.want(verdict);
        if let Some(turn) = self.learning.turn.as_ref().filter(|_| !self.is_in_branch()) {
            let is_hinted = |goal: usize| self.learning.hints.contains_key(&(turn.step, goal));
            let open = turn.verdicts.iter().enumerate().filter(|(goal, _)| is_hinted(*goal));
            return open.filter_map(|(_, verdict)| want(verdict)).collect();
        }

        let record = self.shown_record();
        record.map_or_else(Vec::new, |record| record.verdicts.iter().filter_map(want).collect())
    }

    fn want(&self, verdict: &Verdict) -> Option<MapWant> {
        if verdict.ok || verdict.is_unjudged() {
            return None;
        }
        let lens = self.panes.pictures.lens_of(verdict.pane?)?;
        let actor = match &verdict.expected {
            Expected::State(expect) => expect.actors().first().map(|actor| (*actor).clone()),
            Expected::Works { .. } | Expected::Fails { .. } => None,
        };
        Some(MapWant { lens, actor, text: words::expected(&verdict.expected) })
    }
}
