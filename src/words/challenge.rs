//! The words around challenges, and what of them differs in a lesson.

use crate::lesson::model::Lesson;

/// The line below the list.
pub const CHALLENGE_HOW: &str = "unboxed challenge NAME begins one, with other names and numbers each time.\nYou have a real shell and no steps, and the kernel \
                                 says when it is done.";

/// The beginning of a challenge: how it is graded.
pub fn challenge_goal(par: usize) -> String {
    let par = if par == 1 { "one".to_owned() } else { par.to_string() };
    format!(
        "make true what is asked, by whatever commands you like: the kernel says when it is. **H** gives hints. The fewest \
         commands known are **{par}**, looking around not counted."
    )
}

/// Its end: how to have the same again.
pub fn challenge_recap(recap: &str, name: &str, seed: u64) -> String {
    let recap = recap.trim();
    let gap = if recap.is_empty() { "" } else { "\n\n" };
    format!(
        "{recap}{gap}`unboxed challenge {name} --seed {seed}` draws the same names and numbers again; without a number they are others."
    )
}

/// The words above a lesson's goal, which goes on with them.
pub fn goal_heading(lesson: &Lesson) -> &'static str {
    if lesson.challenge.is_some() { "The task is to" } else { "After this lesson you can" }
}

/// The words for the shell lines at the end, which are the lesson's: of a challenge, not what the learner typed.
pub fn shell_lines_title(lesson: &Lesson) -> &'static str {
    if lesson.challenge.is_some() { "A way to do it" } else { "What was done" }
}

/// The item at the end that goes on with what was left, at this step, from 1.
pub fn go_on(lesson: &Lesson, step: usize) -> String {
    if lesson.challenge.is_some() {
        "Begin this challenge once more".to_owned()
    } else {
        format!("Go on with this lesson at step {step}")
    }
}

/// The words before a step whose beginning is made for it.
pub fn before_repair(lesson: &Lesson) -> &'static str {
    if lesson.challenge.is_some() {
        "The lab will be as it says here. Look around in it, and do what is asked in a shell."
    } else {
        "Something in the lab will be broken. Find it in the panes, and mend it in a shell."
    }
}

/// The work of the key that begins such a step, in a word or two.
pub fn begin_repair(lesson: &Lesson) -> &'static str {
    if lesson.challenge.is_some() { "begin" } else { "break it" }
}
