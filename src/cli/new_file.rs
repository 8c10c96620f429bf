//! A text in a file that was not there before: nothing is ever written over.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Names that are tried, one after the other.
const MAX_NAMES: usize = 99;

/// Write `NAME.sh` in a directory, or `NAME-2.sh` and so on where that is taken, be it by a link that leads nowhere.
pub fn write_new(dir: &Path, name: &str, text: &str) -> io::Result<PathBuf> {
    for number in 1..=MAX_NAMES {
        let file = if number == 1 { format!("{name}.sh") } else { format!("{name}-{number}.sh") };
        let path = dir.join(file);
        let failed =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let mut file = match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(failed(error)),
        };
        if let Err(error) = file.write_all(text.as_bytes()) {
            // It is ours, and half of a text is worse than none.
            let _ = std::fs::remove_file(&path);
            return Err(failed(error));
        }
        return Ok(path);
    }
    let error = format!("{}: so many of that name are there already", dir.join(name).display());
    Err(io::Error::other(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_there_is_written_over() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("a.sh"), "theirs").expect("a file");
        std::os::unix::fs::symlink("/nowhere/x", path("a-2.sh")).expect("a link");

        let written = write_new(dir.path(), "a", "ours").expect("written");
        assert_eq!(written, path("a-3.sh"));
        let text = |name: &str| std::fs::read_to_string(path(name)).expect("a file");
        assert_eq!((text("a.sh").as_str(), text("a-3.sh").as_str()), ("theirs", "ours"));

        let refused = write_new(&path("none"), "a", "ours").expect_err("no directory");
        assert!(refused.to_string().contains("a.sh"), "{refused}");
    }
}
