//! Small files of /proc and cgroups, read with as few calls as will do, and no more than a bound says: open, read,
//! close.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::bounds::MAX_SMALL_FILE_BYTES;

/// The beginning of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStart {
    pub bytes: Vec<u8>,
    /// There may be more.
    pub is_cut: bool,
}

impl FileStart {
    /// The text, with what is no UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The lines that were read whole.
    pub fn whole_lines(&self) -> String {
        let end = if self.is_cut {
            self.bytes.iter().rposition(|byte| *byte == b'\n')
        } else {
            Some(self.bytes.len())
        };
        String::from_utf8_lossy(&self.bytes[..end.unwrap_or(0)]).into_owned()
    }

    /// The text without its last newlines, with `…` at its end where there is more.
    pub fn with_cut_mark(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        let text = text.trim_end();
        if self.is_cut {
            format!("{}…", text.trim_end_matches('\u{fffd}'))
        } else {
            text.to_owned()
        }
    }
}

/// The text, as far as small files go; none when it can't be read. What is no UTF-8 is replaced.
pub fn read_text(path: &Path) -> Option<String> {
    read_start(path, MAX_SMALL_FILE_BYTES).map(|start| start.text())
}

/// At most `limit` bytes; none when the file can't be read.
///
/// For files that the kernel hands out in one piece: a read that does not fill the buffer was the last.
pub fn read_start(path: &Path, limit: usize) -> Option<FileStart> {
    let mut file = File::open(path).ok()?;
    let mut buffer = [0_u8; 2048];
    let mut bytes = Vec::new();

    loop {
        // One byte more than wanted says whether there is more.
        let wanted = buffer.len().min(limit + 1 - bytes.len());
        let count = match file.read(&mut buffer[..wanted]) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => return None,
        };

        bytes.extend_from_slice(&buffer[..count]);
        if bytes.len() > limit {
            bytes.truncate(limit);
            return Some(FileStart { bytes, is_cut: true });
        }
        if count < wanted {
            return Some(FileStart { bytes, is_cut: false });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole_up_to_the_limit() {
        let dir = tempfile::tempdir().expect("a directory");
        for size in [0, 1, 2047, 2048, 2049, 9_999, 10_000, 10_001, 100_000] {
            let path = dir.path().join("file");
            std::fs::write(&path, "x".repeat(size)).expect("a file");
            let start = read_start(&path, 10_000).expect("readable");
            assert_eq!(
                (start.bytes.len(), start.is_cut),
                (size.min(10_000), size > 10_000),
                "{size}"
            );
        }
        assert_eq!(read_start(&dir.path().join("none"), 10), None);
    }

    #[test]
    fn a_file_that_never_ends_ends_at_the_limit() {
        let start = read_start(Path::new("/dev/zero"), 100_000).expect("readable");
        assert_eq!((start.bytes.len(), start.is_cut), (100_000, true));
        assert_eq!(
            read_text(Path::new("/dev/zero")).map(|text| text.len()),
            Some(MAX_SMALL_FILE_BYTES)
        );
    }

    #[test]
    fn what_was_cut_says_so() {
        let check = |text: &str, is_cut, lines: &str, marked: &str| {
            let start = FileStart { bytes: text.as_bytes().to_vec(), is_cut };
            assert_eq!(
                (start.whole_lines().as_str(), start.with_cut_mark().as_str()),
                (lines, marked)
            );
        };
        check("a\nb\n", false, "a\nb\n", "a\nb");
        check("a\nb", true, "a", "a\nb…");
        check("ab", true, "", "ab…");
        let within_a_letter = FileStart { bytes: "ä".as_bytes()[..1].to_vec(), is_cut: true };
        assert_eq!(within_a_letter.with_cut_mark(), "…");
    }
}
