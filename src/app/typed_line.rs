//! A line that was typed at a shell's prompt, as it stood on the terminal's screen when it was entered. Pure.

/// The prompt and what stands behind it: history, completion and corrections have been done by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedLine {
    /// `host:~#`
    pub prompt: String,
    pub command: String,
}

impl TypedLine {
    /// Read a line of the screen; None where it does not begin with the prompt of a shell of a lab, or nothing was typed.
    pub fn read(line: &str) -> Option<TypedLine> {
        let (prompt, command) = line.split_once("# ")?;
        let command = command.trim();
        if command.is_empty() || !is_prompt(prompt) {
            return None;
        }
        Some(TypedLine { prompt: format!("{prompt}#"), command: command.to_owned() })
    }
}

/// `host:~`, `(container) box:/etc` as the lab's shells say it; `bash-5.2` as a bash without its file, `/ ` as busybox.
fn is_prompt(text: &str) -> bool {
    let is_place = |text: &str| text.starts_with(['/', '~']) && !text.contains(' ');
    let behind_side = match text.strip_prefix('(').and_then(|rest| rest.split_once(") ")) {
        Some((side, rest)) if !side.contains(['(', ' ']) => rest,
        Some(_) | None => text,
    };
    let is_labs = behind_side
        .split_once(':')
        .is_some_and(|(host, place)| !host.contains(char::is_whitespace) && is_place(place));
    let is_bashs = text
        .strip_prefix("bash-")
        .is_some_and(|version| version.chars().all(|it| it.is_ascii_digit() || it == '.'));
    is_labs || is_bashs || text.strip_suffix(' ').is_some_and(is_place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_parted_behind_the_prompts_of_a_lab_and_behind_nothing_else() {
        let check = |line: &str, expected: Option<(&str, &str)>| {
            let read = TypedLine::read(line);
            let read = read.as_ref().map(|it| (it.prompt.as_str(), it.command.as_str()));
            assert_eq!(read, expected, "{line}");
        };
        check("host:~# ip link  ", Some(("host:~#", "ip link")));
        check("(container) box:/etc# echo '# a'", Some(("(container) box:/etc#", "echo '# a'")));
        check("bash-5.2# ls", Some(("bash-5.2#", "ls")));
        check("/ # ls", Some(("/ #", "ls")));
        check("host:~# ", None);
        check("# a comment of a file", None);
        check("key: value # and a comment", None);
        check("127.0.0.1 host # me", None);
        check("bash-completion# x", None);
    }
}
