//! A lesson's steps as lines for a shell, to be read, copied and kept.

use crate::action::LabFacts;
use crate::lesson::model::ActionEntry;
use crate::op::ActorName;
use crate::text::{one_line, safe};

/// A step that was done, and the lines that a shell would do it with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellStep {
    /// Its place in the lesson, from 1.
    pub number: usize,
    pub title: String,
    /// The learner did it, in whatever way: the lines are the lesson's.
    pub is_typed: bool,
    pub lines: Vec<(ActorName, String)>,
}

/// The lines that do the same as these actions: beside whom, and what.
pub fn of_actions(entries: &[ActionEntry], facts: &LabFacts) -> Vec<(ActorName, String)> {
    let lines = entries.iter().flat_map(|entry| {
        let lines = entry.action.shell(facts).into_iter();
        lines.map(|line| (entry.actor.clone(), line))
    });
    lines.collect()
}

/// The steps as the text of a file. It is for several shells, and does nothing when it is run as a whole.
pub fn as_script(lesson: &str, steps: &[ShellStep]) -> String {
    let mut text = format!(
        "# {}: its steps as shell lines, by unboxed.\n\
         # They are for the shells that the comments name, and to be read first: outside of a lab, root's lines change\n\
         # the machine they are typed on. PIDs and paths are those of your lab.\n\
         echo 'These lines are for several shells: read them, and type them one by one.' >&2; exit 1\n",
        safe(&one_line(lesson))
    );
    for step in steps {
        text.push('\n');
        push_step(&mut text, step);
    }
    text
}

/// One step as lines that can be pasted into the shells that their comments name.
pub fn as_step(lesson: &str, step: &ShellStep) -> String {
    let mut text = format!(
        "# {}, by unboxed: for the shells of a lab. PIDs and paths are those of your lab.\n",
        safe(&one_line(lesson))
    );
    push_step(&mut text, step);
    text
}

fn push_step(text: &mut String, step: &ShellStep) {
    let by_hand = if step.is_typed { " (you did it by hand)" } else { "" };
    let title = safe(&one_line(&step.title));
    text.push_str(&format!("# {}. {title}{by_hand}\n", step.number));
    let mut shell: Option<&ActorName> = None;
    for (actor, line) in &step.lines {
        if shell != Some(actor) {
            text.push_str(&format!("# in {}:\n", safe(actor.as_str())));
            shell = Some(actor);
        }
        text.push_str(&safe(line));
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_name_their_shells_and_nothing_of_them_runs_as_a_whole() {
        let line = |actor: &str, line: &str| (ActorName::from(actor), line.to_owned());
        let steps = [
            ShellStep {
                number: 1,
                title: "A cable".into(),
                is_typed: true,
                lines: vec![
                    line("host", "ip link add h0"),
                    line("host", "ip link"),
                    line("box", "ls"),
                ],
            },
            ShellStep {
                number: 4,
                title: "B\x1b[2J\n".into(),
                is_typed: false,
                lines: vec![line("host", "id")],
            },
        ];
        let text = as_script("L\nx", &steps);
        let body = "\n# 1. A cable (you did it by hand)\n# in host:\nip link add h0\nip link\n# in box:\nls\n\n# 4. B";
        assert!(text.contains(body), "{text}");
        assert!(!text.contains('\x1b') && text.ends_with("# in host:\nid\n"), "{text}");

        // The first line that is none of a comment ends it.
        let first = text.lines().find(|line| !line.starts_with('#'));
        assert!(first.is_some_and(|line| line.ends_with("exit 1")), "{text}");

        // One step is to be pasted: nothing in it ends the shell.
        let text = as_step("L", &steps[0]);
        let body = "\n# 1. A cable (you did it by hand)\n# in host:\nip link add h0\nip link\n# in box:\nls\n";
        assert!(text.starts_with("# L, by unboxed") && text.ends_with(body), "{text}");
        assert!(!text.contains("exit"), "{text}");
    }
}
