//! Typing into a line of text: a search, an answer.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Take a press into a line; false if it types nothing.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "terminals have more keys than any program answers to"
)]
pub fn typed(line: &mut String, event: KeyEvent) -> bool {
    match event.code {
        KeyCode::Backspace => {
            line.pop();
            true
        }
        KeyCode::Char(letter)
            if !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) =>
        {
            line.push(letter);
            true
        }
        _ => false,
    }
}
