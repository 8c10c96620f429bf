//! The constants in a call's arguments, which stand there in strace's notation.

/// The names of flags, signals, attributes and other constants, each once, in their order. Strings are passed over.
pub fn constants(args: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for piece in outside_strings(args) {
        let words = piece.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
        for word in words.filter(|word| is_constant(word)) {
            if !found.contains(&word) {
                found.push(word);
            }
        }
    }
    found
}

/// Capital letters, at least four of them or with a `_`: `SIGCHLD`, `MS_BIND`, `NULL`.
fn is_constant(word: &str) -> bool {
    let is_capital = |letter: char| letter.is_ascii_uppercase();
    word.starts_with(is_capital)
        && !word.contains(|letter: char| letter.is_ascii_lowercase())
        && (word.contains('_') || word.len() >= 4)
}

/// The pieces of a text between its strings in quotation marks.
fn outside_strings(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut begin, mut in_string, mut is_escaped) = (0, false, false);
    for (at, letter) in text.char_indices() {
        match (in_string, letter) {
            (true, _) if is_escaped => is_escaped = false,
            (true, '\\') => is_escaped = true,
            (true, '"') => {
                in_string = false;
                begin = at + 1;
            }
            (false, '"') => {
                pieces.push(&text[begin..at]);
                in_string = true;
            }
            (true | false, _) => {}
        }
    }
    if !in_string {
        pieces.push(&text[begin..]);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_found_outside_strings_and_each_once() {
        let check = |args: &str, expected: &[&str]| assert_eq!(constants(args), expected, "{args}");
        check(r#""none", "/", NULL, MS_REC|MS_PRIVATE, NULL"#, &["NULL", "MS_REC", "MS_PRIVATE"]);
        check(r#"AT_FDCWD, "O_TRUNC\" MS_MOVE", O_RDONLY"#, &["AT_FDCWD", "O_RDONLY"]);
        check("7, [{WIFEXITED(s) && WEXITSTATUS(s) == 0}]", &["WIFEXITED", "WEXITSTATUS"]);
        check("{ifi_index=0, ifi_flags=IFF_UP}, [IFLA_IFNAME \"A_B\"]", &["IFF_UP", "IFLA_IFNAME"]);
        check("{version=3, AB}", &[]);
        check("\"unended MS_BIND", &[]);
    }
}
