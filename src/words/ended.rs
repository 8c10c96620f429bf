//! Words at the end of a lesson: what became of its steps, and what is left on the machine.

use super::outcome::step_counts;
use crate::proof::Proof;
use crate::report::StepCounts;

/// The steps by who did them: `30 of 32 steps played, 2 left out. 9 by hand, 2 shown when you asked, 19 watched.`
pub fn ended_steps(counts: StepCounts, typed: usize, shown: usize) -> String {
    let watched = counts.played.saturating_sub(typed + shown);
    let ways = [(typed, "by hand"), (shown, "shown when you asked"), (watched, "watched")];
    let ways: Vec<String> = ways
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    match ways.is_empty() {
        true => step_counts(&counts),
        false => format!("{} Of these: {}.", step_counts(&counts), ways.join(", ")),
    }
}

/// The state that a lesson has left the machine in, in a sentence or two.
pub fn left_on_machine(proof: &Proof) -> String {
    let different: Vec<&str> = proof
        .rows
        .iter()
        .filter(|row| !row.differences.is_empty())
        .map(|row| row.what.as_str())
        .collect();
    let names: Vec<&str> = proof.rows.iter().map(|row| row.what.as_str()).collect();
    let own = match different.is_empty() {
        true if names.is_empty() => "Your machine is as it was.".to_owned(),
        true => format!("Your machine is as it was: {}.", names.join(", ")),
        false => format!("DIFFERENT on your machine than before: {}.", different.join(", ")),
    };
    match proof.rows.iter().map(|row| row.by_others.len()).sum::<usize>() {
        0 => own,
        1 => format!("{own} Others changed 1 thing meanwhile."),
        count => format!("{own} Others changed {count} things meanwhile."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::ProofRow;

    #[test]
    fn steps_are_told_by_who_did_them_and_nothing_more_is_claimed() {
        let counts = StepCounts { total: 32, played: 12, replayed: 4, ..StepCounts::default() };
        let check = |typed, shown, expected: &str| {
            assert_eq!(ended_steps(counts, typed, shown), expected);
        };
        check(
            9,
            1,
            "12 of 32 steps played, 4 only replayed. Of these: 9 by hand, 1 shown when you asked, 2 watched.",
        );
        check(0, 0, "12 of 32 steps played, 4 only replayed. Of these: 12 watched.");
        let none = StepCounts { total: 32, ..StepCounts::default() };
        assert_eq!(ended_steps(none, 0, 0), "0 of 32 steps played.");
    }

    #[test]
    fn what_others_changed_is_no_fault_of_the_lesson() {
        let row = |what: &str, own: usize, others: usize| ProofRow {
            what: what.into(),
            before: 1,
            after: 1,
            differences: vec![String::new(); own],
            by_others: vec![String::new(); others],
        };
        let check = |rows: Vec<ProofRow>, expected: &str| {
            assert_eq!(left_on_machine(&Proof { rows }), expected);
        };
        check(
            vec![row("mounts", 0, 2), row("links", 0, 1)],
            "Your machine is as it was: mounts, links. Others changed 3 things meanwhile.",
        );
        check(
            vec![row("mounts", 1, 0), row("links", 0, 0)],
            "DIFFERENT on your machine than before: mounts.",
        );
        check(Vec::new(), "Your machine is as it was.");
    }
}
