//! Small files of /proc and cgroups, read with as few calls as will do: open, read, close.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The whole text; none when it can't be read. What is no UTF-8 is replaced.
///
/// For files that the kernel hands out in one piece: a read that does not fill the buffer was the last.
pub fn read(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let mut buffer = [0_u8; 2048];
    let mut content = Vec::new();
    loop {
        let count = file.read(&mut buffer).ok()?;
        content.extend_from_slice(&buffer[..count]);
        if count < buffer.len() {
            return Some(String::from_utf8_lossy(&content).into_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole_whatever_its_size() {
        let dir = tempfile::tempdir().expect("a directory");
        for size in [0, 1, 2047, 2048, 2049, 10_000] {
            let path = dir.path().join("file");
            std::fs::write(&path, "x".repeat(size)).expect("a file");
            assert_eq!(read(&path).map(|text| text.len()), Some(size));
        }
        assert_eq!(read(&dir.path().join("none")), None);
    }
}
