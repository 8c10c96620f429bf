//! Writing a plan: one thread, no program run, the same bytes and times whenever and by whomever it is done.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;

use crate::rootfs::plan::{EntryKind, FileSource, ImageEntry, ImagePlan, Layer};

/// Every file's time: images are compared by what is in them.
const WHEN: TimeSpec = TimeSpec::new(0, 0);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriteResult {
    /// Regular files, a second name of one not counted.
    pub files: usize,
    pub bytes: u64,
}

/// Makes `into/<layer>/…` for every layer; `into` has to be there, and empty.
/// Errors name the path that could not be made.
pub fn write_image(plan: &ImagePlan, into: &Path) -> io::Result<WriteResult> {
    let mut written = WriteResult::default();
    for layer in &plan.layers {
        write_layer(layer, &into.join(&layer.name), &mut written)?;
    }
    Ok(written)
}

fn write_layer(layer: &Layer, root: &Path, written: &mut WriteResult) -> io::Result<()> {
    // Plain modes while it fills: a directory may be closed to its own maker in the end.
    fs::create_dir(root).map_err(|error| at(root, error))?;
    let mut copied: HashMap<&Path, PathBuf> = HashMap::new();
    for entry in &layer.entries {
        let path = root.join(&entry.path);
        write_entry(entry, &path, &mut copied, written).map_err(|error| at(&path, error))?;
    }

    // Children change their directory's time, so directories come last, the innermost first.
    for entry in layer.entries.iter().rev() {
        if let EntryKind::Directory { mode } = entry.what {
            let path = root.join(&entry.path);
            finish_directory(&path, mode).map_err(|error| at(&path, error))?;
        }
    }

    finish_directory(root, 0o755).map_err(|error| at(root, error))
}

fn write_entry<'a>(
    entry: &'a ImageEntry,
    path: &Path,
    copied: &mut HashMap<&'a Path, PathBuf>,
    written: &mut WriteResult,
) -> io::Result<()> {
    match &entry.what {
        EntryKind::Directory { .. } => return fs::create_dir(path),
        EntryKind::Symlink { to } => symlink(to, path)?,
        EntryKind::File { mode, source: FileSource::Text(text) } => {
            create(path, *mode)?.write_all(text.as_bytes())?;
            written.files += 1;
            written.bytes += text.len() as u64;
        }
        EntryKind::File { mode, source: FileSource::Host(source) } => {
            if let Some(first) = copied.get(source.as_path()) {
                return fs::hard_link(first, path);
            }

            // Between two files io::copy lets the kernel do it: copy_file_range, else sendfile.
            let mut from = File::open(source).map_err(|error| during("read", source, error))?;
            written.bytes += io::copy(&mut from, &mut create(path, *mode)?)?;
            written.files += 1;
            copied.insert(source, path.to_owned());
        }
    }

    set_time(path)
}

fn create(path: &Path, mode: u32) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    // The umask has taken its share of `mode`.
    file.set_permissions(Permissions::from_mode(mode))?;
    Ok(file)
}

fn finish_directory(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    set_time(path)
}

fn set_time(path: &Path) -> io::Result<()> {
    Ok(utimensat(AT_FDCWD, path, &WHEN, &WHEN, UtimensatFlags::NoFollowSymlink)?)
}

/// An error with its path; its errno is that of its source.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {path}")]
struct PathError {
    doing: &'static str,
    path: String,
    source: io::Error,
}

fn at(path: &Path, error: io::Error) -> io::Error {
    during("write", path, error)
}

fn during(doing: &'static str, path: &Path, source: io::Error) -> io::Error {
    io::Error::new(source.kind(), PathError { doing, path: path.display().to_string(), source })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn entry(path: &str, what: EntryKind) -> ImageEntry {
        ImageEntry { path: path.into(), what }
    }

    #[test]
    fn what_is_planned_is_what_is_there() {
        let from = tempfile::tempdir().expect("temporary directory");
        let host = from.path().join("program");
        fs::write(&host, "12345").expect("written");
        let program = || EntryKind::File { mode: 0o755, source: FileSource::Host(host.clone()) };
        let plan = ImagePlan {
            layers: vec![Layer {
                name: "base".into(),
                entries: vec![
                    entry("a", EntryKind::Directory { mode: 0o700 }),
                    entry("a/one", program()),
                    entry(
                        "a/text",
                        EntryKind::File { mode: 0o644, source: FileSource::Text("hi\n".into()) },
                    ),
                    entry("a/two", program()),
                    entry("link", EntryKind::Symlink { to: "/nowhere".into() }),
                    entry("tmp", EntryKind::Directory { mode: 0o1777 }),
                ],
            }],
            missing: Vec::new(),
        };
        let into = tempfile::tempdir().expect("temporary directory");
        assert_eq!(
            write_image(&plan, into.path()).expect("written"),
            WriteResult { files: 2, bytes: 8 }
        );

        let base = into.path().join("base");
        let check = |path: &str, mode: u32| {
            let metadata = fs::symlink_metadata(base.join(path)).expect(path);
            assert_eq!(metadata.mode() & 0o7777, mode, "{path}");
            assert_eq!((metadata.mtime(), metadata.mtime_nsec()), (0, 0), "{path}");
        };
        check("", 0o755);
        check("a", 0o700);
        check("a/one", 0o755);
        check("a/text", 0o644);
        check("link", 0o777);
        check("tmp", 0o1777);
        assert_eq!(fs::read_to_string(base.join("a/text")).expect("text"), "hi\n");
        let inode = |path: &str| fs::metadata(base.join(path)).expect(path).ino();
        assert_eq!(inode("a/one"), inode("a/two"));

        let error = write_image(&plan, into.path()).expect_err("not empty");
        assert_eq!(
            crate::failure::with_causes(&error),
            format!("write {}: File exists (os error 17)", base.display())
        );
        assert_eq!(crate::kernel::errno::to_errno(error), nix::errno::Errno::EEXIST);
    }
}
