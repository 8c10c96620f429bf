//! Highlighting of shell lines and JSON by syntect. Loading its syntaxes takes tens of milliseconds: never done on the
//! way to a frame, but once, on a thread; until then code is drawn plain.

use std::collections::HashMap;
use std::sync::LazyLock;

use syntect::parsing::{ParseState, ScopeStack, SyntaxReference, SyntaxSet};

/// The kind of a piece of code, as far as a theme of 16 colours can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    Plain,
    Keyword,
    StringLiteral,
    Constant,
    Comment,
    Name,
}

/// Pieces of one line.
pub type Pieces = Vec<(TokenKind, String)>;

/// Highlighted lines by their text.
pub type Highlighted = HashMap<String, Pieces>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Shell,
    Json,
}

/// Highlight texts line by line; lines that are alike once.
pub fn highlight(texts: &[(Language, String)]) -> Highlighted {
    static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(SyntaxSet::load_defaults_newlines);
    let syntaxes = &*SYNTAXES;
    let mut found = Highlighted::new();
    for (language, text) in texts {
        let name = match language {
            Language::Shell => "sh",
            Language::Json => "json",
        };
        let Some(syntax) = syntaxes.find_syntax_by_extension(name) else { continue };
        highlight_text(text, syntax, syntaxes, &mut found);
    }
    found
}

fn highlight_text(
    text: &str,
    syntax: &SyntaxReference,
    syntaxes: &SyntaxSet,
    found: &mut Highlighted,
) {
    let mut state = ParseState::new(syntax);
    let mut stack = ScopeStack::new();

    for line in text.lines() {
        let with_newline = format!("{line}\n");
        let Ok(changes) = state.parse_line(&with_newline, syntaxes) else { return };

        let mut pieces = Pieces::new();
        let mut from = 0;
        for (at, change) in changes {
            push_piece(&mut pieces, &stack, &with_newline[from..at]);
            from = at;
            if stack.apply(&change).is_err() {
                return;
            }
        }

        push_piece(&mut pieces, &stack, &with_newline[from..]);
        found.insert(line.to_owned(), pieces);
    }
}

fn push_piece(pieces: &mut Pieces, stack: &ScopeStack, text: &str) {
    let text = text.trim_end_matches('\n');
    if !text.is_empty() {
        pieces.push((token(stack), text.to_owned()));
    }
}

/// The innermost scope that says anything.
fn token(stack: &ScopeStack) -> TokenKind {
    for scope in stack.as_slice().iter().rev() {
        let name = scope.build_string();
        let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));

        if starts(&["comment"]) {
            return TokenKind::Comment;
        } else if starts(&["string", "punctuation.definition.string"]) {
            return TokenKind::StringLiteral;
        } else if starts(&["constant"]) {
            return TokenKind::Constant;
        } else if starts(&["keyword", "storage"]) {
            return TokenKind::Keyword;
        } else if starts(&[
            "variable.function",
            "support.function",
            "entity.name",
            "variable.other",
            "variable.parameter",
        ]) {
            return TokenKind::Name;
        }
    }

    TokenKind::Plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_put_together_are_the_line() {
        let lines = [
            (Language::Shell, "echo 'a b' > /x # why\nip link set c0 up".to_owned()),
            (Language::Json, "{\"a\": [1, true]}".to_owned()),
        ];
        let found = highlight(&lines);

        for (_, text) in &lines {
            for line in text.lines() {
                let joined: String = found[line].iter().map(|(_, piece)| piece.as_str()).collect();
                assert_eq!(joined, line);
            }
        }

        let kinds = |line: &str| found[line].iter().map(|(token, _)| *token).collect::<Vec<_>>();
        assert!(kinds("{\"a\": [1, true]}").contains(&TokenKind::Constant));
        assert!(kinds("echo 'a b' > /x # why").contains(&TokenKind::StringLiteral));
        assert!(kinds("echo 'a b' > /x # why").contains(&TokenKind::Comment));
    }
}
