//! The words on what came of a step.

use std::borrow::Cow;

use crate::lesson::expect::verdict::Verdict;
use crate::report::{StepCounts, StepRecord, StepStatus};

/// The author's text on a step that has run, where all came out so. Of one that failed, this says that instead, and of
/// one that did not run there is nothing to say. Without a record nothing is known yet.
pub fn came_of_step<'a>(record: Option<&StepRecord>, after: &'a str) -> Cow<'a, str> {
    let Some(record) = record else { return Cow::Borrowed(after) };

    match record.status {
        StepStatus::Skipped { .. } | StepStatus::LeftOut => Cow::Borrowed(""),
        StepStatus::Played | StepStatus::Typed if record.is_ok() => Cow::Borrowed(after),
        StepStatus::Played | StepStatus::Typed => {
            let failed = record.failures();
            let total = record.verdicts.len();
            if failed == 0 {
                return Cow::Borrowed(
                    "Others took so much of the CPUs that this could not be judged: play it again once the machine is less busy.",
                );
            }
            Cow::Owned(format!(
                "This did not go as it should: {failed} of {total} expectations failed."
            ))
        }
    }
}

/// The state of an expectation after its step, in one word: `ok`, `failed`, or `unsure` where others took the CPUs from what was
/// to be measured.
pub fn verdict_word(verdict: &Verdict) -> &'static str {
    match verdict.ok {
        true => "ok",
        false if verdict.is_unjudged() => "unsure",
        false => "failed",
    }
}

/// The difference between a real machine and the lab, as Markdown: `**On a real machine:** ...`. Empty where the step says
/// nothing of that, or has not come to be.
pub fn on_real_machine(record: Option<&StepRecord>, real: &str) -> String {
    let is_seen = record.is_none_or(|record| record.status.is_judged() && record.is_ok());
    if real.trim().is_empty() || !is_seen {
        return String::new();
    }
    format!("**On a real machine:** {}", real.trim())
}

/// The steps of a lesson that is over: `9 of 32 steps played, 4 only replayed.`
pub fn step_counts(counts: &StepCounts) -> String {
    let mut text = format!("{} of {} steps played", counts.played, counts.total);
    let others = [
        (counts.replayed, "only replayed"),
        (counts.left_out, "left out"),
        (counts.not_possible, "not possible here"),
    ];
    for (count, what) in others.into_iter().filter(|(count, _)| *count > 0) {
        text.push_str(&format!(", {count} {what}"));
    }
    text + "."
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::diagnosis::{Blocker, Cure};
    use crate::lesson::expect::verdict::Expected;
    use crate::own_call::OwnCalls;
    use crate::report::LazyDiff;
    use crate::seen::Seen;

    #[test]
    fn what_could_not_be_judged_did_not_fail() {
        let verdict =
            |ok, seen| Verdict::on_action(ok, Expected::Works { action: "mount".into() }, seen);
        let unjudged =
            Seen::Unjudged { seen: Box::new(Seen::WentWell), others_percent: 57, tries: 3 };
        assert_eq!(verdict_word(&verdict(true, Seen::WentWell)), "ok");
        assert_eq!(verdict_word(&verdict(false, Seen::WentWell)), "failed");
        assert_eq!(verdict_word(&verdict(false, unjudged)), "unsure");
    }

    #[test]
    fn success_is_claimed_of_a_step_alone_that_ran_and_came_out_so() {
        let verdict = |ok| {
            let expected = Expected::Works { action: "mount".into() };
            Verdict::on_action(ok, expected, Seen::WentWell)
        };
        let ran = |status: StepStatus, holds: &[bool]| StepRecord {
            own_calls: OwnCalls::default(),
            status,
            verdicts: holds.iter().map(|holds| verdict(*holds)).collect(),
            step: 0,
            ops: Vec::new(),
            before: Arc::default(),
            after: Arc::default(),
            diff: LazyDiff::default(),
            predicted: Vec::new(),
            charts: Vec::new(),
            nanos: 1,
        };
        let check = |record: StepRecord, expected: &str| {
            let said = came_of_step(Some(&record), "It is there.");
            assert_eq!(said, expected, "{:?}", record.status);
        };

        check(ran(StepStatus::Played, &[true, true]), "It is there.");
        check(ran(StepStatus::Typed, &[true]), "It is there.");
        let failed = "This did not go as it should: 1 of 2 expectations failed.";
        check(ran(StepStatus::Played, &[true, false]), failed);
        check(ran(StepStatus::LeftOut, &[true]), "");
        let skipped = StepStatus::Skipped {
            why: Blocker::NoDisk,
            cure: Cure::StartAsRoot { program: "unboxed".into() },
        };
        check(ran(skipped.clone(), &[]), "");

        let real = |record: StepRecord| on_real_machine(Some(&record), " Root may.\n");
        assert_eq!(real(ran(StepStatus::Typed, &[true])), "**On a real machine:** Root may.");
        assert_eq!(on_real_machine(Some(&ran(StepStatus::Played, &[true])), " "), "");
        for not_so in
            [ran(StepStatus::Played, &[false]), ran(StepStatus::LeftOut, &[]), ran(skipped, &[])]
        {
            assert_eq!(real(not_so), "");
        }
    }

    #[test]
    fn a_step_that_nobody_saw_is_not_called_played() {
        let counts = StepCounts { total: 32, played: 9, replayed: 4, left_out: 1, not_possible: 2 };
        let said = "9 of 32 steps played, 4 only replayed, 1 left out, 2 not possible here.";
        assert_eq!(step_counts(&counts), said);
        let all = StepCounts { total: 2, played: 2, ..StepCounts::default() };
        assert_eq!(step_counts(&all), "2 of 2 steps played.");
    }
}
