//! Files that are named on the command line: regular ones, and never more of them than they may have.

use std::fs::{File, FileType, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, bail};
use nix::fcntl::OFlag;

use crate::lesson::bounds;

/// The text of a lesson's file.
pub fn read_lesson(path: &Path) -> anyhow::Result<String> {
    let read = || {
        let mut bytes = Vec::new();
        // Its size is no bound: files of /proc say 0, and a file may grow.
        open_regular_file(path)?.take(bounds::MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > bounds::MAX_BYTES {
            bail!("it has more than {} MiB, and no lesson has", bounds::MAX_BYTES >> 20);
        }
        String::from_utf8(bytes).ok().context("it is not text in UTF-8")
    };
    read().with_context(|| format!("could not read the lesson file {}", path.display()))
}

/// Open a regular file. Nothing else is waited for, or done anything to by opening it.
pub fn open_regular_file(path: &Path) -> anyhow::Result<File> {
    check(path.metadata()?.file_type())?;
    // A FIFO would be waited at until somebody writes (fifo(7)), and a terminal would become ours
    // (open(2)).
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    // Another may have taken its place meanwhile.
    check(file.metadata()?.file_type())?;
    Ok(file)
}

fn check(kind: FileType) -> anyhow::Result<()> {
    let what = match kind {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a pipe",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_char_device() || kind.is_block_device() => "a device",
        _ => "something else",
    };
    bail!("it is {what}, not a file")
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use nix::sys::stat::Mode;

    use super::*;

    #[test]
    fn only_files_are_read_and_no_more_than_a_lesson_has() {
        let dir = tempfile::tempdir().expect("a directory");
        let at = |name: &str| dir.path().join(name);
        nix::unistd::mkfifo(&at("fifo"), Mode::S_IRWXU).expect("a pipe");
        let _listener = UnixListener::bind(at("socket")).expect("a socket");
        std::fs::write(at("large"), vec![b' '; bounds::MAX_BYTES + 1]).expect("a file");
        std::fs::write(at("whole"), vec![b' '; bounds::MAX_BYTES]).expect("a file");
        std::fs::write(at("binary"), b"a\xffb").expect("a file");

        let check = |path: &Path, expected: &str| {
            let error = format!("{:#}", read_lesson(path).expect_err(expected));
            assert_eq!(
                error,
                format!("could not read the lesson file {}: {expected}", path.display())
            );
        };

        check(dir.path(), "it is a directory, not a file");
        check(&at("fifo"), "it is a pipe, not a file");
        check(&at("socket"), "it is a socket, not a file");
        check(Path::new("/dev/zero"), "it is a device, not a file");
        check(&at("large"), "it has more than 1 MiB, and no lesson has");
        check(&at("binary"), "it is not text in UTF-8");
        check(&at("none"), "No such file or directory (os error 2)");
        assert_eq!(read_lesson(&at("whole")).expect("text").len(), bounds::MAX_BYTES);
        assert!(read_lesson(Path::new("/proc/self/status")).expect("text").contains("VmHWM"));
    }
}
