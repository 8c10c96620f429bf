//! The output of the learner's shells since a step began: it judges an `output` expectation when nothing was played.

use std::sync::{Arc, Mutex, PoisonError};

use crate::text;

/// The most that is kept, in bytes: the latest.
const MAX_TRANSCRIPT_BYTES: usize = 64 * 1024;

/// The output of one shell: filled by whoever reads its terminal, read by the engine.
#[derive(Debug, Default)]
pub struct Transcript {
    bytes: Mutex<Vec<u8>>,
}

/// The transcripts of all shells of a lab: shared by those who hear and the one who judges.
pub(super) type Transcripts = Vec<Arc<Transcript>>;

impl Transcript {
    pub fn append(&self, printed: &[u8]) {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.extend_from_slice(&printed[printed.len().saturating_sub(MAX_TRANSCRIPT_BYTES)..]);
        let surplus = bytes.len().saturating_sub(2 * MAX_TRANSCRIPT_BYTES);
        if surplus > 0 {
            // Rarely, so that a flood is not moved about byte by byte.
            let keep_from = bytes.len() - MAX_TRANSCRIPT_BYTES;
            bytes.drain(..keep_from);
        }
    }

    pub fn clear(&self) {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The bytes that are kept: tells cheaply if anything was printed.
    pub fn kept_bytes(&self) -> usize {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The lines that programs printed; those that hold a prompt are the learner's own words and are left out.
    pub fn output_lines(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let plain = text::without_escapes(&String::from_utf8_lossy(&bytes));
        let printed: Vec<&str> = plain.lines().filter(|line| !is_prompt(line)).collect();
        printed.join("\n")
    }
}

/// True for a line with a prompt, `host:~# `, `# `, `/root # `: all that stands before the sign is one word.
fn is_prompt(line: &str) -> bool {
    line.split_once("# ").is_some_and(|(before, _)| !before.trim().contains(char::is_whitespace))
        || line.trim_end().ends_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_not_what_was_printed() {
        let transcript = Transcript::default();
        transcript
            .append(b"\x1b[?2004hhost:~# echo $$\r\n\x1b[?2004l\r1\r\n\x1b]0;title\x07host:~# ");
        assert_eq!(transcript.output_lines(), "1");
        transcript.append(b"ls\r\n\x1b[01;34mbin\x1b[0m  etc\r\n/ # ");
        assert_eq!(transcript.output_lines(), "1\nbin  etc");
        transcript.clear();
        assert_eq!((transcript.output_lines(), transcript.kept_bytes()), (String::new(), 0));
    }

    #[test]
    fn a_flood_is_kept_by_its_end() {
        let transcript = Transcript::default();
        for _ in 0..100 {
            transcript.append(&b"y\n".repeat(4096));
        }
        transcript.append(b"last\n");
        assert!(transcript.kept_bytes() <= 2 * MAX_TRANSCRIPT_BYTES);
        assert!(transcript.output_lines().ends_with("y\nlast"));
    }
}
