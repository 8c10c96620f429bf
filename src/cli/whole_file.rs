//! A file that is written whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Write beside the place first, so that what was there is kept until the new file is whole. Returns its bytes.
pub fn save(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<u64> {
    let kept = match fs::metadata(path) {
        // A device or a pipe is no place to put a file.
        Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => fill(path, write),
        Ok(_) | Err(_) => replace(path, write),
    };
    kept.map_err(|error| anyhow::Error::new(error).context(format!("could not write {}", path.display())))
}

fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<u64> {
    let mut beside = OsString::from(path);
    beside.push(".part");
    let beside = PathBuf::from(beside);
    let written = fill(&beside, write).and_then(|bytes| {
        File::open(&beside)?.sync_all()?;
        fs::rename(&beside, path).map(|()| bytes)
    });
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

fn fill(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<u64> {
    let mut out = BufWriter::new(File::create(path)?);
    write(&mut out)?;
    out.flush()?;
    out.get_ref().metadata().map(|metadata| metadata.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_or_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        assert_eq!(save(&path, |out| out.write_all(b"first")).expect("written"), 5);
        let broken = save(&path, |out| out.write_all(b"half").and(Err(io::Error::other("a fault"))));
        assert_eq!(
            format!("{:#}", broken.expect_err("a fault")),
            format!("could not write {}: a fault", path.display())
        );
        assert_eq!(fs::read(&path).expect("the file"), b"first");
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1, "nothing is left beside it");
        assert!(save(folder.path(), |out| out.write_all(b"x")).is_err(), "a folder is no file");
        assert!(save(Path::new("/nowhere/x"), |out| out.write_all(b"x")).is_err());
    }

    #[test]
    fn a_device_stays_a_device() {
        save(Path::new("/dev/null"), |out| out.write_all(b"x")).expect("written");
        assert!(!fs::metadata("/dev/null").expect("it is there").is_file());
    }
}
