//! A file that is written whole or not at all.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use anyhow::Context;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::Uid;

use crate::kernel::directory::OpenDirectory;

/// Write beside the place first, so that what was there is kept until the new file is whole. Returns its bytes.
pub fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<u64> {
    let kept = match fs::metadata(path) {
        // A device or a pipe is no place to put a file, nor is a descriptor of our own.
        Ok(found) if !found.is_dir() && (!found.is_file() || is_descriptor(path)) => {
            fill(path, write)
        }
        Ok(_) | Err(_) => replace(path, write),
    };
    kept.with_context(|| format!("could not write {}", path.display()))
}

/// Put a new file at the place, in a directory that others can write to, too: the new file's name is nobody's, and a
/// link at the place is replaced, not followed.
fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<u64> {
    let name = path.file_name().ok_or_else(|| io::Error::other("it names no file"))?;
    let parent = path.parent().filter(|parent| *parent != OsStr::new(""));
    let dir = OpenDirectory::open(parent.unwrap_or(Path::new(".")))?;
    dir.replace(name, Mode::from_bits_truncate(0o666), |file| {
        let bytes = write_all(file, write)?;
        // Before it gets its name: no crash may leave half a file there.
        file.sync_all().map(|()| bytes)
    })
}

/// `/dev/stdout` is a link, and so are the names that shells give to pipes; but a link of another user's is not
/// believed.
fn fill(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<u64> {
    let link = path.symlink_metadata()?;
    if link.is_symlink() && ![0, Uid::effective().as_raw()].contains(&link.uid()) {
        return Err(io::Error::other("it is a link of another user's"));
    }
    let mut file =
        fs::OpenOptions::new().write(true).custom_flags(OFlag::O_NOCTTY.bits()).open(path)?;
    if file.metadata()?.is_file() && !is_descriptor(path) {
        return Err(io::Error::other("it became another file meanwhile"));
    }
    write_all(&mut file, write)
}

/// `/dev/stdout`, `/dev/fd/3`: what they lead to is open already, be it a file.
fn is_descriptor(path: &Path) -> bool {
    let parent = path.parent().and_then(|parent| parent.canonicalize().ok());
    parent.is_some_and(|parent| parent.starts_with("/proc"))
        || fs::read_link(path).is_ok_and(|target| target.starts_with("/proc"))
}

fn write_all(
    file: &mut File,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<u64> {
    let mut out = BufWriter::new(file);
    write(&mut out)?;
    out.flush()?;
    out.get_ref().metadata().map(|metadata| metadata.len())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_or_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        assert_eq!(write_whole(&path, |out| out.write_all(b"first")).expect("written"), 5);

        let broken =
            write_whole(&path, |out| out.write_all(b"half").and(Err(io::Error::other("a fault"))));
        assert_eq!(
            format!("{:#}", broken.expect_err("a fault")),
            format!("could not write {}: a fault", path.display())
        );
        assert_eq!(fs::read(&path).expect("the file"), b"first");
        assert_eq!(
            fs::read_dir(folder.path()).expect("the folder").count(),
            1,
            "nothing is left beside it"
        );

        assert!(
            write_whole(folder.path(), |out| out.write_all(b"x")).is_err(),
            "a folder is no file"
        );
        assert!(write_whole(Path::new("/nowhere/x"), |out| out.write_all(b"x")).is_err());
    }

    #[test]
    fn a_device_stays_a_device() {
        write_whole(Path::new("/dev/null"), |out| out.write_all(b"x")).expect("written");
        assert!(!fs::metadata("/dev/null").expect("it is there").is_file());
    }

    #[test]
    fn a_descriptor_is_written_to_and_its_name_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = File::create(folder.path().join("file")).expect("a file");
        let descriptor =
            Path::new("/dev/fd").join(std::os::fd::AsRawFd::as_raw_fd(&file).to_string());
        write_whole(&descriptor, |out| out.write_all(b"redirected")).expect("written");
        assert_eq!(fs::read_to_string(folder.path().join("file")).expect("the file"), "redirected");
        assert!(
            is_descriptor(Path::new("/dev/stdout")) && !is_descriptor(Path::new("/dev/shm/file"))
        );
    }

    #[test]
    fn a_link_at_the_place_or_beside_it_is_not_written_through() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("precious"), "precious").expect("a file");
        for name in ["file", "file.part"] {
            symlink(at("precious"), at(name)).expect("a link");
        }
        write_whole(&at("file"), |out| out.write_all(b"new")).expect("written");
        assert_eq!(fs::read_to_string(at("precious")).expect("still there"), "precious");
        assert_eq!(fs::read_to_string(at("file")).expect("a file"), "new");
        assert!(at("file").symlink_metadata().expect("it is there").is_file());
    }

    #[test]
    fn a_link_to_a_device_counts_only_from_those_who_may_be_believed() {
        let folder = tempfile::tempdir().expect("a folder");
        let link = folder.path().join("null");
        symlink("/dev/null", &link).expect("a link");
        write_whole(&link, |out| out.write_all(b"x")).expect("written");
        assert!(link.symlink_metadata().expect("it is there").is_symlink());
        if Uid::effective().is_root() {
            std::os::unix::fs::lchown(&link, Some(64002), None).expect("root may");
            let refused =
                write_whole(&link, |out| out.write_all(b"x")).expect_err("another's link");
            assert!(format!("{refused:#}").contains("a link of another user's"), "{refused:#}");
        }
    }
}
