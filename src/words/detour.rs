//! Detours in words: what is wrong with the lab, what that means for the lesson, and the key that mends it.

use super::precondition::precondition;
use super::{expected, seen};
use crate::lesson::detour::{Detour, DetourFinding};
use crate::notice::KeyName;

/// The way out of a detour, by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WayOut {
    /// The step that is being typed is shown, in a new lab.
    ShowStep(KeyName),
    Rewind(KeyName),
    Restart(KeyName),
}

/// A line: the fact, its consequence, the way out where a key is at hand.
pub fn detour(detour: &Detour, way_out: Option<&WayOut>) -> String {
    let step = format!("step {}", detour.step + 1);
    let fact = match &detour.finding {
        DetourFinding::ActorEnded(actor) => format!("{actor} has ended, and {step} needs it."),
        DetourFinding::RootMoved(actor) => {
            format!("{actor} has another root directory now: {step} will not find its files.")
        }
        DetourFinding::ProcGone(actor) => {
            format!("{actor} has no /proc any more, and {step} needs one.")
        }
        DetourFinding::ActionNeeds(need) => {
            let need = precondition(need);
            format!("{step} will fail. It needs: {need}. That is not so.")
        }
        DetourFinding::Expects(verdict) => {
            let (wanted, found) = (expected(&verdict.expected), seen(&verdict.seen));
            format!("{step} will fail. It expects: {wanted}. Now: {found}.")
        }
    };

    let mend = match (&detour.finding, way_out) {
        (DetourFinding::ActorEnded(_), Some(way_out)) => {
            format!(" Make it again in a shell, or {}.", self::way_out(way_out))
        }
        (_, Some(way_out)) => format!(" Undo what was typed, or {}.", self::way_out(way_out)),
        (_, None) => String::new(),
    };

    let mut line = fact + &mend;
    if let Some(first) = line.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    line
}

fn way_out(way_out: &WayOut) -> String {
    match way_out {
        WayOut::ShowStep(key) => format!("{key}: shows this step in a new lab"),
        WayOut::Rewind(key) => format!("{key}: one step back, in a new lab"),
        WayOut::Restart(key) => format!("{key}: from the start, in a new lab"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Precondition;

    #[test]
    fn a_detour_says_what_is_wrong_what_it_means_and_the_key_that_mends_it() {
        let check = |finding, way_out: WayOut, expected: &str| {
            let found = Detour { finding, step: 4 };
            assert_eq!(detour(&found, Some(&way_out)), expected);
        };
        let key = |name: &str| KeyName(name.to_owned());

        check(
            DetourFinding::ActorEnded("container".into()),
            WayOut::Rewind(key("u")),
            "Container has ended, and step 5 needs it. Make it again in a shell, or u: one step back, in a new lab.",
        );
        check(
            DetourFinding::ActionNeeds(Precondition::NoLinkYet { name: "h0".into() }),
            WayOut::ShowStep(key("Enter")),
            "Step 5 will fail. It needs: no link is called h0 yet. That is not so. Undo what was typed, or Enter: shows this step in a new lab.",
        );
        check(
            DetourFinding::RootMoved("host".into()),
            WayOut::Restart(key("R")),
            "Host has another root directory now: step 5 will not find its files. Undo what was typed, or R: from the start, in a new lab.",
        );
    }
}
