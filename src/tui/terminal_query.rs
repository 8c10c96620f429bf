//! Questions to the terminal before the first frame: what its background is, and how wide it draws characters of Unicode's
//! class *Ambiguous*. A terminal that answers late, or never, holds up nothing, and what it says late is no key.

use std::io::Write;
use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::output::{TerminalOutput, is_gone};
use crate::settings::color::Rgb;

/// The time that is waited for answers before the first frame.
const TIMEOUT: Duration = Duration::from_millis(100);
/// The time after a question for which an answer may still come; by then a slow connection has brought it.
const LATE: Duration = Duration::from_secs(1);
/// Bytes of answers, and of what is typed meanwhile.
const MAX_BYTES: usize = 4096;

/// The questions: either is left out where its answer changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Questions {
    pub(super) background: bool,
    pub(super) ambiguous: bool,
}

/// The answers, and what was typed before they came.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answers {
    pub(super) background: Option<Rgb>,
    /// Columns of a character of a class that terminals differ in.
    pub(super) ambiguous_columns: Option<usize>,
    pub(super) typed: Vec<u8>,
    /// The last answer has come: nothing is due any more.
    is_whole: bool,
}

/// The time of the question that was not answered yet.
static UNANSWERED: Mutex<Option<Instant>> = Mutex::new(None);

/// Ask the terminal, which is in raw mode, and wait for at most `TIMEOUT`.
pub(super) fn ask(questions: Questions) -> Answers {
    if !questions.background && !questions.ambiguous {
        return Answers::default();
    }
    let mut request = Vec::new();
    if questions.background {
        request.extend_from_slice(b"\x1b]11;?\x1b\\");
    }
    if questions.ambiguous {
        // A line of a box at the left edge, then: where is the cursor? It is drawn over at once.
        request.extend_from_slice("\x1b[1;1H─\x1b[6n\x1b[1;1H\x1b[K".as_bytes());
    }
    // Every terminal says what it is, after the rest: so nobody waits for one that does not know a question.
    request.extend_from_slice(b"\x1b[c");

    let asked = Instant::now();
    let is_sent =
        TerminalOutput::open().is_ok_and(|mut terminal| terminal.write_all(&request).is_ok());
    if !is_sent {
        return Answers::default();
    }
    *unanswered() = Some(asked);

    let mut bytes = Vec::new();
    loop {
        let answers = read_answers(&bytes);
        if answers.is_whole {
            *unanswered() = None;
            return answers;
        }
        let left = TIMEOUT.saturating_sub(asked.elapsed());
        if left.is_zero() || bytes.len() >= MAX_BYTES || !read_more(&mut bytes, left) {
            return answers;
        }
    }
}

fn unanswered() -> MutexGuard<'static, Option<Instant>> {
    UNANSWERED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// True as long as an answer may still come.
pub(super) fn is_answer_due() -> bool {
    unanswered().is_some_and(|asked| asked.elapsed() < LATE)
}

/// Before the terminal is given back: wait until no answer is due, so that none gets to the shell, and drop what nobody has
/// read. Whoever reads keys goes on reading meanwhile.
pub(super) fn wait_out() {
    let asked = unanswered().take();
    let Some(asked) = asked.filter(|_| !is_gone()) else { return };
    std::thread::sleep(LATE.saturating_sub(asked.elapsed()));
    let stdin = std::io::stdin();
    let _ = nix::sys::termios::tcflush(stdin.as_fd(), nix::sys::termios::FlushArg::TCIFLUSH);
}

/// Read what the terminal has; false when nothing comes in time, or nothing can.
fn read_more(bytes: &mut Vec<u8>, left: Duration) -> bool {
    let stdin = std::io::stdin();
    let mut ends = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
    // At least one millisecond, or the last part of one would be spent asking again and again.
    let timeout = u16::try_from(left.as_millis().max(1)).unwrap_or(u16::MAX);
    match poll(&mut ends, PollTimeout::from(timeout)) {
        Ok(0) => false,
        Ok(_) => {
            let mut buffer = [0; 512];
            match nix::unistd::read(stdin.as_fd(), &mut buffer) {
                Ok(0) => false,
                Ok(count) => {
                    bytes.extend_from_slice(&buffer[..count]);
                    true
                }
                Err(Errno::EINTR | Errno::EAGAIN) => true,
                Err(_) => false,
            }
        }
        Err(Errno::EINTR) => true,
        Err(_) => false,
    }
}

/// The answers among bytes of the terminal; all others were typed.
fn read_answers(bytes: &[u8]) -> Answers {
    let mut answers = Answers::default();
    let mut rest = bytes;
    while let Some(first) = rest.first() {
        if let Some((color, after)) = background_report(rest) {
            answers.background = color.or(answers.background);
            rest = after;
        } else if let Some((column, after)) = cursor_report(rest) {
            answers.ambiguous_columns = column.checked_sub(1);
            rest = after;
        } else if let Some(after) = device_report(rest) {
            answers.is_whole = true;
            rest = after;
        } else {
            answers.typed.push(*first);
            rest = &rest[1..];
        }
    }
    answers
}

/// `OSC 11 ; rgb:1e1e/1e1e/1e1e ST`, of 1 to 4 digits a part; it may end in BEL.
fn background_report(bytes: &[u8]) -> Option<(Option<Rgb>, &[u8])> {
    let body = bytes.strip_prefix(b"\x1b]11;")?;
    let end = body.iter().position(|byte| matches!(byte, 0x07 | 0x1b))?;
    let after = match body[end] {
        0x07 => &body[end + 1..],
        _ => body[end..].strip_prefix(b"\x1b\\")?,
    };
    let text = std::str::from_utf8(&body[..end]).ok();
    Some((text.and_then(parse_color), after))
}

fn parse_color(text: &str) -> Option<Rgb> {
    let parts = text.strip_prefix("rgb:").or_else(|| text.strip_prefix("rgba:"))?;
    let mut parts = parts.split('/').map(|part| {
        let most = match part.len() {
            1..=4 => 16u32.pow(part.len() as u32) - 1,
            _ => return None,
        };
        u8::try_from(u32::from_str_radix(part, 16).ok()? * 255 / most).ok()
    });
    Some(Rgb(parts.next()??, parts.next()??, parts.next()??))
}

/// `CSI row ; column R`.
fn cursor_report(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (parameters, after) = control(bytes, b'R')?;
    let (_, column) = parameters.split_once(';')?;
    Some((column.parse().ok()?, after))
}

/// `CSI ? … c`.
fn device_report(bytes: &[u8]) -> Option<&[u8]> {
    let (parameters, after) = control(bytes, b'c')?;
    parameters.starts_with('?').then_some(after)
}

/// The parameters of a control sequence with this last byte, and what comes after it.
fn control(bytes: &[u8], last: u8) -> Option<(&str, &[u8])> {
    let body = bytes.strip_prefix(b"\x1b[")?;
    let end = body.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b';' | b'?'))?;
    if body[end] != last {
        return None;
    }
    Some((std::str::from_utf8(&body[..end]).ok()?, &body[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_among_what_is_typed() {
        let check = |bytes: &[u8], background, ambiguous_columns, typed: &[u8], is_whole| {
            let expected =
                Answers { background, ambiguous_columns, typed: typed.to_vec(), is_whole };
            assert_eq!(read_answers(bytes), expected, "{:?}", String::from_utf8_lossy(bytes));
        };
        let dark = Some(Rgb(30, 30, 30));
        check(b"", None, None, b"", false);
        check(b"\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\\x1b[1;2R\x1b[?62;22c", dark, Some(1), b"", true);
        check(b"\x1b]11;rgb:1e/1e/1e\x07j\x1b[1;3R\x1b[A\x1b[?6c", dark, Some(2), b"j\x1b[A", true);
        check(b"\x1b]11;rgba:ffff/ffff/ffff/ffff\x07", Some(Rgb(255, 255, 255)), None, b"", false);
        check(b"\x1b]11;#ffffff\x07\x1b[?6c", None, None, b"", true);
        check(b"\x1b]11;rgb:fffff/0/0\x07", None, None, b"", false);
        check(b"q\r", None, None, b"q\r", false);
        // Cut off in the middle: what is there so far is kept as it came.
        check(b"\x1b]11;rgb:1e", None, None, b"\x1b]11;rgb:1e", false);
    }
}
