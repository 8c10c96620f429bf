//! Mistakes that are seen while a lesson is read, and told as those that are seen afterwards: a question of no kind, a workload
//! with two tasks.

use super::finding::LessonFinding;
use super::lint::{line_of, lines_of_steps};
use super::quiz::NOT_ONE_KIND;
use crate::action::work::NOT_ONE_TASK;

/// The mistake as `lint` would tell it, if it is of those. `message` is the YAML library's: the way to the part, a colon,
/// and what the part said, as in `steps[3].quiz[0]: question …`. `branch_id` finds the id of a branch by the places of its step
/// and of itself.
pub(super) fn mistake(
    message: &str,
    text: &str,
    branch_id: impl FnOnce(usize, usize) -> Option<String>,
) -> Option<LessonFinding> {
    let is_given_wrong = message.ends_with(NOT_ONE_KIND) || message.ends_with(NOT_ONE_TASK);
    let (way, said) = message.split_once(": ").filter(|_| is_given_wrong)?;

    let step = index(way, "steps")?;
    let step_line = lines_of_steps(text).get(step).copied().unwrap_or(1);
    let at_id = |id: &str| line_of(text, &format!("id: {id}"), step_line);

    // A question and a branch have ids of their own, which the message begins with; an action has its step's.
    let id = said.strip_prefix("question `").and_then(|rest| rest.split('`').next());
    let (line, message) = match (id, index(way, "branches")) {
        (Some(id), _) => (at_id(id), said.to_owned()),
        (None, Some(branch)) => {
            let id = branch_id(step, branch)?;
            (at_id(&id), format!("the branch `{id}`: {said}"))
        }
        (None, None) => (step_line, said.to_owned()),
    };
    Some(LessonFinding { line, column: 1, message })
}

/// The number behind a list's name: 3 of `steps[3].quiz[0]`.
fn index(way: &str, list: &str) -> Option<usize> {
    let rest = way.split_once(list)?.1.strip_prefix('[')?;
    rest.split(']').next()?.parse().ok()
}
