//! Measurements of a step that others may have spoilt: they took the CPUs meanwhile.

use std::path::Path;

use crate::action::Action;
use crate::lesson::expect::Expect;
use crate::lesson::expect::measured::Measured;
use crate::lesson::expect::verdict::{Expected, Verdict};
use crate::lesson::model::{ActionEntry, Step};
use crate::observe::cpu_times::CpuTimes;
use crate::seen::Seen;

/// The number of times that a step is measured, if others take the CPUs.
pub(super) const MAX_TRIES: u8 = 3;
/// The share of all CPUs from which on others count, in percent: of a machine with two, a fifth of one.
const MIN_PERCENT: u8 = 10;

/// The CPUs, watched while a step measures something that others can make less.
#[derive(Debug)]
pub(super) struct CpuWatch {
    start: Option<CpuTimes>,
    end: Option<CpuTimes>,
}

impl CpuWatch {
    pub fn start(step: &Step) -> CpuWatch {
        let is_timed = step.expect.iter().any(is_timed);
        CpuWatch { start: is_timed.then(now).flatten(), end: None }
    }

    /// The end of the watch: what is measured is over.
    pub fn stop(&mut self) {
        self.end = self.start.and_then(|_| now());
    }

    /// The share of the CPUs that others took meanwhile, where that spoils what was measured: something came to
    /// less than it should.
    pub fn spoilt_by(&self, verdicts: &[Verdict]) -> Option<u8> {
        if !verdicts.iter().any(falls_short) {
            return None;
        }
        let percent = self.end?.percent_of_others(&self.start?);
        Some(percent).filter(|percent| *percent >= MIN_PERCENT)
    }
}

fn now() -> Option<CpuTimes> {
    CpuTimes::read(Path::new("/proc"), std::process::id())
}

/// The actions that measure a step once more. None where one of them works in the background: what it is
/// measured against would not be there a second time.
pub(super) fn actions_to_repeat(step: &Step) -> Option<Vec<ActionEntry>> {
    let mut works = Vec::new();
    for entry in &step.actions {
        if let Action::Work(work) = &entry.action {
            if work.background {
                return None;
            }
            // The first try is the one that is drawn, and compared.
            works.push(ActionEntry { bar: None, ..entry.clone() });
        }
    }
    (!works.is_empty()).then_some(works)
}

/// Say of what fell short that others may be the reason, and of what a group's account then did not add up, either.
pub(super) fn mark_spoilt(verdicts: &mut [Verdict], others_percent: u8, tries: u8) {
    for verdict in verdicts.iter_mut().filter(|verdict| falls_short(verdict) || is_still(verdict)) {
        let seen = std::mem::replace(&mut verdict.seen, Seen::Nothing);
        verdict.seen = Seen::Unjudged { seen: Box::new(seen), others_percent, tries };
    }
}

/// True if others who take the CPUs can spoil what it is about.
fn is_timed(expect: &Expect) -> bool {
    matches!(expect, Expect::Took(_)) || as_timed(expect).is_some()
}

/// The measurement, if others who take the CPUs can make it less: shares and rates.
fn as_timed(expect: &Expect) -> Option<&Measured> {
    const TIMED: [&str; 3] = ["cpu_share", "mib_per_s", "mbit_per_s"];
    let Expect::Measured(measured) = expect else { return None };
    TIMED.contains(&measured.what.as_str()).then_some(measured)
}

/// True if a verdict is that something came to less than it should. That it came to more is nobody else's doing.
fn falls_short(verdict: &Verdict) -> bool {
    let Expected::State(expect) = &verdict.expected else { return false };
    // Whoever waits for a CPU takes longer, and the one beside it, too.
    if let (Expect::Took(_), Seen::Durations { .. }) = (expect.as_ref(), &verdict.seen) {
        return !verdict.ok;
    }
    let Some(least) = as_timed(expect).and_then(|measured| measured.at_least) else { return false };
    if let Seen::Compared { number, other, .. } = &verdict.seen {
        return !verdict.ok && number / other < least;
    }
    !verdict.ok && matches!(&verdict.seen, Seen::Measured { number, .. } if *number < least)
}

/// True if a verdict is that a number of a group did not grow.
fn is_still(verdict: &Verdict) -> bool {
    let Expected::State(expect) = &verdict.expected else { return false };
    !verdict.ok && matches!(expect.as_ref(), Expect::CgroupFile(file) if file.grew)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(expect: &str, ok: bool, seen: Seen) -> Verdict {
        let expect: Expect = serde_json::from_str(expect).expect("an expectation");
        Verdict { ok, expected: Expected::from(&expect), seen, pane: None }
    }

    fn measured(number: f64) -> Seen {
        Seen::Measured { name: "cpu_share".into(), number }
    }

    #[test]
    fn only_what_came_to_less_than_it_should_may_be_the_doing_of_others() {
        let half = r#"{"measured": {"what": "cpu_share", "at_least": 0.45, "at_most": 0.55}}"#;
        let rate = r#"{"measured": {"what": "mbit_per_s", "by": "a", "of": "b", "at_least": 0.5}}"#;
        let count = r#"{"measured": {"what": "forked", "at_least": 5}}"#;
        let took = r#"{"took": {"action": 2, "of": 1, "at_most": 0.2}}"#;
        let of = |number, other| Seen::Compared { number, other, of: "b".into() };
        for (expect, ok, seen, expected) in [
            (half, false, measured(0.3), true),
            (half, true, measured(0.5), false),
            // No limit at all: others give nobody more.
            (half, false, measured(0.9), false),
            (half, false, Seen::NotMeasured, false),
            (rate, false, of(2.0, 10.0), true),
            (rate, true, of(6.0, 10.0), false),
            (took, false, Seen::Durations { nanos: 9, other: 10 }, true),
            (took, true, Seen::Durations { nanos: 1, other: 10 }, false),
            (took, false, Seen::NothingDone, false),
            (count, false, Seen::Measured { name: "forked".into(), number: 2.0 }, false),
        ] {
            let said = format!("{expect} {seen:?}");
            assert_eq!(falls_short(&verdict(expect, ok, seen)), expected, "{said}");
        }
    }

    #[test]
    fn what_was_spoilt_is_neither_ok_nor_failed_and_the_rest_stays_as_it_is() {
        let half = r#"{"measured": {"what": "cpu_share", "at_least": 0.45}}"#;
        let grew = r#"{"cgroup_file": {"name": "a", "file": ["cpu.stat"], "grew": true}}"#;
        let other = r#"{"process": {"actor": "rival", "alive": true}}"#;
        let gone = || Seen::ActorGone("rival".into());
        let mut verdicts = [
            verdict(half, false, measured(0.3)),
            verdict(grew, false, Seen::Nothing),
            verdict(other, false, gone()),
        ];
        mark_spoilt(&mut verdicts, 57, 3);

        let unjudged: Vec<bool> = verdicts.iter().map(Verdict::is_unjudged).collect();
        assert_eq!(unjudged, [true, true, false]);
        assert!(verdicts.iter().all(|verdict| !verdict.ok));
        assert_eq!(verdicts[2].seen, gone());
        assert_eq!(
            crate::words::seen(&verdicts[0].seen),
            "cpu_share 0.3; others took 57 % of the CPUs, so this could not be judged (tried 3 times)"
        );
    }
}
