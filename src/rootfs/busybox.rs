//! The applets of a busybox, read from the program itself instead of by running it.

/// The applets, as `busybox --list` prints them; empty when these bytes are no busybox.
///
/// Their names are one block of NUL-terminated, strictly ascending strings (libbb's `applet_names`, searched by
/// bisection). Nothing else in the program is a long run like it, so the longest run is the table.
pub fn list_applets(program: &[u8]) -> Vec<String> {
    let mut longest: &[u8] = &[];
    let mut start = 0;
    let mut last: &[u8] = &[];
    let mut at = 0;

    for token in program.split(|&byte| byte == 0) {
        if !is_applet_name(token) {
            start = at + token.len() + 1;
            last = &[];
        } else {
            if token <= last {
                start = at;
            }
            last = token;
            let run = &program[start..at + token.len()];
            if run.len() > longest.len() {
                longest = run;
            }
        }
        at += token.len() + 1;
    }

    let names: Vec<String> = longest
        .split(|&byte| byte == 0)
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect();
    // Any program has short runs of words. Every build of busybox has these two.
    if ["cat", "ls"].iter().all(|sure| names.iter().any(|name| name == sure)) {
        names
    } else {
        Vec::new()
    }
}

fn is_applet_name(token: &[u8]) -> bool {
    !token.is_empty()
        && token
            .iter()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'['))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_applet_table_is_the_longest_ascending_run_of_names() {
        let check = |program: &str, expected: &[&str]| {
            assert_eq!(list_applets(program.as_bytes()), expected, "{program:?}")
        };
        check("", &[]);
        check("\x7fELF\0hello world\0", &[]);
        check(
            "%s: bad\0[\0[[\0cat\0id\0ls\0unix2dos\0Usage: x\0zz\0",
            &["[", "[[", "cat", "id", "ls", "unix2dos"],
        );
        check("ps\0cat\0chmod\0ls\0\0ls\0", &["cat", "chmod", "ls"]);
        check("cat\0dd\0ls", &["cat", "dd", "ls"]);
        check("alpha\0beta\0gamma\0delta\0epsilon\0", &[]);
    }
}
