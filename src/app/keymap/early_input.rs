//! What comes from the terminal about its start: keys that were pressed before the first frame, and an answer that comes late
//! and is no key.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The keys in bytes that were typed while the terminal was asked something: letters, and the keys that have one sequence
/// in all terminals. Of others nothing is made.
pub fn keys_of_bytes(bytes: &[u8]) -> Vec<KeyEvent> {
    const SEQUENCES: [(&str, KeyCode); 10] = [
        ("\x1b[A", KeyCode::Up),
        ("\x1b[B", KeyCode::Down),
        ("\x1b[C", KeyCode::Right),
        ("\x1b[D", KeyCode::Left),
        ("\x1b[H", KeyCode::Home),
        ("\x1b[F", KeyCode::End),
        ("\x1b[5~", KeyCode::PageUp),
        ("\x1b[6~", KeyCode::PageDown),
        ("\x1bOP", KeyCode::F(1)),
        ("\x1b[Z", KeyCode::BackTab),
    ];
    let text = String::from_utf8_lossy(bytes);
    let mut rest: &str = &text;
    let mut keys = Vec::new();

    while let Some(letter) = rest.chars().next() {
        if let Some((sequence, code)) = SEQUENCES.iter().find(|(name, _)| rest.starts_with(name)) {
            keys.push(KeyEvent::from(*code));
            rest = &rest[sequence.len()..];
            continue;
        }
        if let Some(unknown) = rest.strip_prefix("\x1b[").or_else(|| rest.strip_prefix("\x1b]")) {
            // Up to its last byte.
            let end = unknown.find(|letter: char| letter.is_ascii_alphabetic() || letter == '~');
            rest = end.map_or("", |end| &unknown[end + 1..]);
            continue;
        }
        rest = &rest[letter.len_utf8()..];
        keys.extend(key_of(letter));
    }
    keys
}

fn key_of(letter: char) -> Option<KeyEvent> {
    let code = match letter {
        '\r' => KeyCode::Enter,
        '\t' => KeyCode::Tab,
        '\x1b' => KeyCode::Esc,
        '\x7f' => KeyCode::Backspace,
        '\x01'..='\x1a' => {
            let letter = char::from(b'a' - 1 + letter as u8);
            return Some(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL));
        }
        '\u{fffd}' => return None,
        letter if letter.is_control() => return None,
        letter => KeyCode::Char(letter),
    };
    Some(KeyEvent::from(code))
}

/// The terminal's answer about its background (`OSC 11 ; rgb:…`), which reads like keys where it comes late.
#[derive(Debug, Default)]
pub struct LateAnswer {
    /// What may be its beginning.
    held: Vec<KeyEvent>,
}

impl LateAnswer {
    const MAX_HELD: usize = 40;

    /// The keys that were pressed, once it is known that they are no answer; one can only begin while it is due.
    pub fn keys_besides(&mut self, event: KeyEvent, is_due: bool) -> Vec<KeyEvent> {
        if self.held.is_empty() && !(is_due && is_begin(event)) {
            return vec![event];
        }
        self.held.push(event);

        if is_end(event) {
            self.held.clear();
        } else if !self.fits() || self.held.len() > Self::MAX_HELD {
            return std::mem::take(&mut self.held);
        }
        Vec::new()
    }

    fn fits(&self) -> bool {
        let letters = self.held.iter().skip(1).map(|event| letter(*event));
        letters.enumerate().all(|(place, letter)| match ("11;rgb".chars().nth(place), letter) {
            (Some(expected), letter) => letter == Some(expected),
            (None, Some(letter)) => letter.is_ascii_hexdigit() || matches!(letter, ':' | '/'),
            (None, None) => false,
        })
    }
}

fn letter(event: KeyEvent) -> Option<char> {
    if let KeyCode::Char(letter) = event.code { Some(letter) } else { None }
}

fn is_begin(event: KeyEvent) -> bool {
    event.code == KeyCode::Char(']') && event.modifiers.contains(KeyModifiers::ALT)
}

/// `ESC \`, or BEL.
fn is_end(event: KeyEvent) -> bool {
    let is_alt = event.modifiers.contains(KeyModifiers::ALT);
    let is_ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    (is_alt && event.code == KeyCode::Char('\\')) || (is_ctrl && event.code == KeyCode::Char('g'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_were_pressed_early_are_not_lost() {
        let names = |bytes: &[u8]| -> Vec<String> {
            let chord = |key: &KeyEvent| {
                super::super::Chord { code: key.code, modifiers: key.modifiers }.to_string()
            };
            keys_of_bytes(bytes).iter().map(chord).collect()
        };
        assert_eq!(names("jé\r".as_bytes()), ["j", "é", "Enter"]);
        assert_eq!(names(b"\x1b[B\x1b[5~\x1b[Z\x1b"), ["Down", "PgUp", "shift-Tab", "Esc"]);
        assert_eq!(names(b"\x03\x1b[1;5Cq\xff"), ["ctrl-c", "q"]);
        assert_eq!(names(b"\x1b]11;rgb:1e"), [""; 0]);
    }

    fn pressed(text: &str) -> Vec<KeyEvent> {
        let mut keys = Vec::new();
        let mut is_alt = false;
        for letter in text.chars() {
            match letter {
                '\x1b' => is_alt = true,
                '\x07' => keys.push(KeyEvent::new(KeyCode::Char('g'), KeyModifiers::CONTROL)),
                letter => {
                    let modifiers = if is_alt { KeyModifiers::ALT } else { KeyModifiers::NONE };
                    keys.push(KeyEvent::new(KeyCode::Char(letter), modifiers));
                    is_alt = false;
                }
            }
        }
        keys
    }

    #[test]
    fn a_late_answer_is_no_key_and_keys_are_no_answer() {
        let check = |text: &str, is_due, left: &str| {
            let mut answer = LateAnswer::default();
            let mut passed = Vec::new();
            for key in pressed(text) {
                passed.extend(answer.keys_besides(key, is_due));
            }
            assert_eq!(passed, pressed(left), "{text:?}");
        };
        check("j\x1b]11;rgb:1e1e/2e2e/FFff\x1b\\k", true, "jk");
        check("\x1b]11;rgb:1e/2e/3e\x07q", true, "q");
        // Not due: somebody presses alt-] in a shell.
        check("\x1b]11;rgb:1e/2e/3e\x07q", false, "\x1b]11;rgb:1e/2e/3e\x07q");
        check("\x1b]12q", true, "\x1b]12q");
        check("\x1b]\x1b]", true, "\x1b]\x1b]");
        let endless = format!("\x1b]11;rgb:{}", "f".repeat(60));
        check(&endless, true, &endless);
    }
}
