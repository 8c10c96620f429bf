//! Prompts in words: what is asked, and what is lost by a yes.

use crate::op::ActorName;
use crate::prompt::{Loss, LostLab, Prompt};

pub fn prompt(prompt: &Prompt) -> String {
    match prompt {
        Prompt::GoOn { reached, of } => format!(
            "You were here, with {reached} of {of} steps behind you. Replay them and go on from there?"
        ),
        Prompt::Rewind { title, replayed, loss } => {
            let steps = steps(*replayed);
            format!(
                "Rewind to before `{title}`? In a new lab, with {steps} replayed. {}",
                lost(loss)
            )
        }
        Prompt::Restart { loss } => {
            format!("Start the lesson again, in a new lab? {}", lost(loss))
        }
        Prompt::StepAgain { title, loss } => {
            format!(
                "Begin `{title}` again? In a new lab, as it was before this step. {}",
                lost(loss)
            )
        }
        Prompt::GoToStep { step, loss } => {
            let before = steps(step.saturating_sub(1));
            format!("Go to step {step}? In a new lab, with {before} played. {}", lost(loss))
        }
        Prompt::ShowStep { open, of, loss } => {
            format!("{open} of {of} not true yet. Be shown the step instead? {}", lost(loss))
        }
        Prompt::EndTurn { done, of } => format!(
            "End your turn? Lost: {done} of {of} goals that you have reached. What you changed in the lab stays."
        ),
        Prompt::LeaveWhatIf { loss } => format!("Leave the what-if? {}", lost(loss)),
        Prompt::LeaveLesson { loss } if loss.is_tape => {
            format!("Leave the lesson? {}", lost(loss))
        }
        Prompt::LeaveLesson { loss } => format!(
            "The lab is running. Take it down and leave the lesson? {} Your progress is kept.",
            lost(loss)
        ),
        Prompt::FinishLesson { loss } => format!(
            "Finish the lesson and take the lab down? {} Your progress is kept.",
            lost(loss)
        ),
        Prompt::LeaveCheck { left } => {
            format!("End the check? {left} questions are left. Your answers count.")
        }

        Prompt::RewindTalk { step } => format!(
            "Rewind to before step {step}, in a new lab? Lost: this lab, as the audience sees it."
        ),
        Prompt::PlayUpTo { step } => {
            format!("Play all steps before step {step} in a new lab? Lost: this lab.")
        }
        Prompt::EndTalk { windows: 0 } => "End the talk and take the lab down?".into(),
        Prompt::EndTalk { windows } => {
            format!("End the talk and take the lab down? It closes {windows} other windows.")
        }
    }
}

fn steps(count: usize) -> String {
    match count {
        0 => "no step".into(),
        1 => "1 step".into(),
        count => format!("{count} steps"),
    }
}

/// `Lost: this lab, and what you typed beside host.`
fn lost(loss: &Loss) -> String {
    if loss.is_tape {
        return "It is a tape: nothing is lost.".into();
    }
    let lab = match loss.lab {
        LostLab::Own => "this lab",
        LostLab::WhatIf => "the lab of the what-if",
        LostLab::Both => "the lab of the what-if, your own lab",
    };
    let mut items = vec![lab.to_owned()];
    items.extend(loss.own_actors.iter().map(|(actor, pid)| format!("your {actor} (PID {pid})")));
    items.extend(match loss.shells {
        0 => None,
        1 => Some("1 shell".to_owned()),
        count => Some(format!("{count} shells")),
    });
    if !loss.typed_beside.is_empty() {
        let actors: Vec<&str> = loss.typed_beside.iter().map(ActorName::as_str).collect();
        items.push(format!("what you typed beside {}", listed(&actors)));
    }
    if let Some((done, of)) = loss.turn {
        items.push(format!("your turn ({done} of {of} goals reached)"));
    }

    let items: Vec<&str> = items.iter().map(String::as_str).collect();
    format!("Lost: {}.", listed(&items))
}

fn listed(items: &[&str]) -> String {
    match items {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_names_what_is_lost() {
        let check = |asked: Prompt, expected: &str| assert_eq!(prompt(&asked), expected);
        let loss = |typed: &[&str], turn| Loss {
            typed_beside: typed.iter().map(|actor| ActorName::from(*actor)).collect(),
            turn,
            ..Loss::default()
        };

        check(
            Prompt::Rewind { title: "A".into(), replayed: 1, loss: loss(&[], None) },
            "Rewind to before `A`? In a new lab, with 1 step replayed. Lost: this lab.",
        );
        check(
            Prompt::Restart { loss: loss(&["host", "box"], Some((1, 2))) },
            "Start the lesson again, in a new lab? Lost: this lab, what you typed beside host and box and \
             your turn (1 of 2 goals reached).",
        );
        check(
            Prompt::LeaveWhatIf { loss: Loss { lab: LostLab::WhatIf, ..loss(&["host"], None) } },
            "Leave the what-if? Lost: the lab of the what-if and what you typed beside host.",
        );
        let own = Loss {
            own_actors: vec![("container".into(), 3)],
            shells: 2,
            lab: LostLab::Both,
            ..loss(&["host"], None)
        };
        check(
            Prompt::StepAgain { title: "A".into(), loss: own },
            "Begin `A` again? In a new lab, as it was before this step. Lost: the lab of the what-if, your own lab, \
             your container (PID 3), 2 shells and what you typed beside host.",
        );
        check(
            Prompt::EndTurn { done: 1, of: 2 },
            "End your turn? Lost: 1 of 2 goals that you have reached. What you changed in the lab stays.",
        );
    }

    #[test]
    fn only_what_takes_nothing_away_is_no_loss() {
        assert!(!Prompt::GoOn { reached: 1, of: 2 }.is_about_loss());
        let tape = Loss { is_tape: true, ..Loss::default() };
        assert!(!Prompt::LeaveLesson { loss: tape }.is_about_loss());
        assert!(Prompt::LeaveLesson { loss: Loss::default() }.is_about_loss());
        assert!(Prompt::EndTurn { done: 1, of: 2 }.is_about_loss());
    }
}
