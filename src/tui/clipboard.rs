//! The terminal's clipboard: a text goes there by an escape sequence (OSC 52), past a tmux too.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crossterm::clipboard::CopyToClipboard;
use crossterm::execute;

use crate::notice::CopyRoute;

/// Bytes of text sent at most: in base64 the sequence stays within the 100,000 bytes that terminals take.
const MAX_TEXT_BYTES: usize = 74_991;
/// The longest that a tmux is waited for.
const TMUX_TIMEOUT: Duration = Duration::from_millis(500);

/// The terminal that the program runs in, as far as its clipboard goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClipboardHost {
    Terminal,
    Tmux,
    /// It would drop the sequence, or show it.
    None,
}

impl ClipboardHost {
    pub(super) fn of_environment(variable: impl Fn(&str) -> Option<String>) -> ClipboardHost {
        let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
        match variable("TERM").as_deref() {
            Some("linux" | "dumb") => ClipboardHost::None,
            _ if is_set("TMUX") => ClipboardHost::Tmux,
            _ => ClipboardHost::Terminal,
        }
    }

    /// Send a text to the clipboard; none says whether it listened.
    pub(super) fn copy(self, text: &str, out: &mut impl Write) -> CopyRoute {
        if self == ClipboardHost::None {
            return CopyRoute::NoClipboard;
        }
        if text.len() > MAX_TEXT_BYTES {
            return CopyRoute::TooLong;
        }
        // As tmux is set up by itself it takes nothing from a program in it but what is handed to its own command.
        if self == ClipboardHost::Tmux && give_to_tmux(text) {
            return CopyRoute::Tmux;
        }
        let is_sent = execute!(out, CopyToClipboard::to_clipboard_from(text)).is_ok();
        if is_sent { CopyRoute::Terminal } else { CopyRoute::NoClipboard }
    }
}

/// Have tmux keep a text and send it to its own terminal. False where it does not, or not in time.
fn give_to_tmux(text: &str) -> bool {
    let mut command = Command::new("tmux");
    command.args(["load-buffer", "-w", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut tmux) = command.spawn() else { return false };

    let (done, is_done) = mpsc::channel();
    let text = text.to_owned();
    std::thread::spawn(move || {
        // Nobody waits any more where it took too long.
        let _ = done.send(feed(&mut tmux, &text).unwrap_or(false));
    });
    is_done.recv_timeout(TMUX_TIMEOUT).unwrap_or(false)
}

fn feed(tmux: &mut Child, text: &str) -> std::io::Result<bool> {
    // Dropped at once: its end is that of the text.
    let written = tmux.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(text.as_bytes()));
    let status = tmux.wait()?;
    written.map(|()| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clipboard_is_where_the_environment_has_one() {
        let check = |term: &str, tmux: &str, expected: ClipboardHost| {
            let variables = |name: &str| match name {
                "TERM" => Some(term.to_owned()),
                "TMUX" => Some(tmux.to_owned()),
                _ => None,
            };
            assert_eq!(ClipboardHost::of_environment(variables), expected, "{term} {tmux}");
        };
        check("xterm-256color", "", ClipboardHost::Terminal);
        check("tmux-256color", "/tmp/tmux-0/default,1,0", ClipboardHost::Tmux);
        check("linux", "", ClipboardHost::None);
    }

    #[test]
    fn a_text_is_sent_within_bounds_alone() {
        let sent = |host: ClipboardHost, text: &str| {
            let mut out = Vec::new();
            (host.copy(text, &mut out), String::from_utf8_lossy(&out).into_owned())
        };
        let terminal = ClipboardHost::Terminal;
        assert_eq!(sent(terminal, "ls"), (CopyRoute::Terminal, "\u{1b}]52;c;bHM=\u{1b}\\".into()));
        let long = "x".repeat(MAX_TEXT_BYTES);
        let (route, bytes) = sent(terminal, &long);
        assert!(route == CopyRoute::Terminal && bytes.len() <= 100_000, "{}", bytes.len());
        assert_eq!(sent(terminal, &format!("{long}x")), (CopyRoute::TooLong, String::new()));
        assert_eq!(sent(ClipboardHost::None, "ls"), (CopyRoute::NoClipboard, String::new()));
    }
}
