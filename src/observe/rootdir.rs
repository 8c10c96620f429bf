//! Looking below an actor's root from outside, without being led astray: links in the lab lead within the lab.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{FileStat, SFlag};

use super::bounds;
use crate::kernel::rooted::open_in_root;
use crate::snapshot::{DirEntry, FileKind, Omitted};
use crate::text::first_bytes;

/// A name in a directory, and what it is of where the file system says so.
type Name = (CString, Option<Type>);

/// The root directory of a process of the lab.
#[derive(Debug)]
pub struct RootDir {
    fd: OwnedFd,
}

impl RootDir {
    /// The root of a process; `ESRCH` or `ENOENT` when it is gone, `EACCES` when it may not be looked at.
    pub fn open(proc_root: &Path, pid: u32) -> Result<RootDir, Errno> {
        let path: PathBuf = proc_root.join(format!("{pid}/root"));
        let fd = nix::fcntl::open(
            &path,
            OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC,
            nix::sys::stat::Mode::empty(),
        )?;
        Ok(RootDir { fd })
    }

    fn open_below(&self, path: &str, flags: OFlag) -> Result<OwnedFd, Errno> {
        open_in_root(&self.fd, Path::new(path), flags)
    }

    /// The file itself, a symbolic link not followed.
    pub fn stat(&self, path: &str) -> Result<FileStat, Errno> {
        let fd = self.open_below(path, OFlag::O_PATH | OFlag::O_NOFOLLOW)?;
        nix::sys::stat::fstat(&fd)
    }

    /// Bytes in use of the file system that a directory is on, as df(1) counts them.
    pub fn used_bytes(&self, path: &str) -> Result<u64, Errno> {
        let fd = self.open_below(path, OFlag::O_PATH | OFlag::O_DIRECTORY)?;
        let stat = nix::sys::statvfs::fstatvfs(&fd)?;
        let used = stat.blocks().saturating_sub(stat.blocks_free());
        Ok(used.saturating_mul(stat.fragment_size()))
    }

    pub fn is_directory(&self, path: &str) -> bool {
        self.open_below(path, OFlag::O_PATH | OFlag::O_DIRECTORY).is_ok()
    }

    /// The first `limit` bytes of a regular file; others are not opened, since that could block.
    pub fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, Errno> {
        let fd = self.open_below(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK)?;
        if file_kind(&nix::sys::stat::fstat(&fd)?) != FileKind::File {
            return Err(Errno::EINVAL);
        }
        let mut content = Vec::new();
        File::from(fd)
            .take(limit as u64)
            .read_to_end(&mut content)
            .map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
        Ok(content)
    }

    /// The names of a directory, in no order: at most `limit`, and of the others so many counted.
    fn names(
        &self,
        path: &str,
        limit: usize,
        counted: usize,
    ) -> Result<(Dir, Vec<Name>, Omitted), Errno> {
        let fd = self.open_below(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?;
        let mut dir = Dir::from_fd(fd)?;
        let (mut names, mut others) = (Vec::new(), 0);
        for entry in dir.iter() {
            let Ok(entry) = entry else { break };
            if matches!(entry.file_name().to_bytes(), b"." | b"..") {
                continue;
            }
            if names.len() < limit {
                names.push((entry.file_name().to_owned(), entry.file_type()));
            } else {
                others += 1;
            }
            if others > counted {
                break;
            }
        }

        let is_counted = others <= counted;
        Ok((dir, names, if is_counted { Omitted::rows(others) } else { Omitted::Uncounted }))
    }

    /// The names of the directories in a directory, of `limit` entries, and how many entries were looked at.
    pub fn directories(&self, path: &str, limit: usize) -> Result<(Vec<String>, usize), Errno> {
        let (dir, names, _) = self.names(path, limit, 0)?;
        let looked_at = names.len();
        let is_directory = |name: &Name| match name.1 {
            Some(known) => known == Type::Directory,
            // Not every file system keeps the types in its directories: readdir(3).
            None => nix::sys::stat::fstatat(&dir, name.0.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW)
                .is_ok_and(|stat| file_kind(&stat) == FileKind::Directory),
        };

        let mut found: Vec<String> = names
            .iter()
            .filter(|name| is_directory(name))
            .map(|name| name.0.to_string_lossy().into_owned())
            .collect();
        found.sort_unstable();
        Ok((found, looked_at))
    }

    /// The pids that the proc file system mounted at `path` lists; an error where it is none.
    pub fn proc_pids(&self, path: &str, limit: usize) -> Result<NumberedEntries, Errno> {
        let fd = self.open_below(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?;
        if nix::sys::statfs::fstatfs(&fd)?.filesystem_type() != nix::sys::statfs::PROC_SUPER_MAGIC {
            return Err(Errno::ENODEV);
        }
        numbered_entries(fd, limit)
    }

    /// At most `limit` entries, sorted by name, and what was left out, where that is no more than `counted`.
    pub fn list(
        &self,
        path: &str,
        limit: usize,
        counted: usize,
    ) -> Result<(Vec<DirEntry>, Omitted), Errno> {
        let (dir, names, omitted) = self.names(path, limit, counted)?;

        let mut entries = Vec::with_capacity(names.len());
        for (name, _) in names {
            let Ok(stat) =
                nix::sys::stat::fstatat(&dir, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW)
            else {
                continue;
            };
            let kind = file_kind(&stat);
            let link = (kind == FileKind::Symlink)
                .then(|| nix::fcntl::readlinkat(&dir, name.as_c_str()).ok())
                .flatten()
                .map(|link| link_text(&link));
            let size = if kind == FileKind::File { stat.st_size.unsigned_abs() } else { 0 };
            entries.push(DirEntry { name: name.to_string_lossy().into_owned(), kind, size, link });
        }

        entries.sort_by(|left, right| left.name.cmp(&right.name));
        Ok((entries, omitted))
    }

    /// The start of a small file of a proc file system below this root.
    pub fn read_small(&self, path: &str) -> Option<String> {
        String::from_utf8(self.read(path, bounds::MAX_SMALL_FILE_BYTES).ok()?).ok()
    }

    /// True for a directory of an upper layer that hides the lower ones.
    pub fn is_opaque(&self, path: &str) -> bool {
        let Ok(fd) = self.open_below(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY) else {
            return false;
        };
        let file = File::from(fd);
        // In `user.` for mounts with `userxattr`, as in a user namespace: overlayfs.rst.
        ["user.overlay.opaque", "trusted.overlay.opaque"].iter().any(|name| {
            xattr::FileExt::get_xattr(&file, name).ok().flatten().is_some_and(|value| value == b"y")
        })
    }
}

/// Names of a directory that are numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NumberedEntries {
    pub found: Vec<u32>,
    /// There may be more.
    pub is_cut: bool,
}

/// The numbers among a directory's first `limit` entries.
pub fn numbered_entries(dir: OwnedFd, limit: usize) -> Result<NumberedEntries, Errno> {
    let mut dir = Dir::from_fd(dir)?;
    let mut numbers = NumberedEntries::default();
    for (looked_at, entry) in dir.iter().enumerate() {
        let Ok(entry) = entry else { break };
        if looked_at >= limit {
            numbers.is_cut = true;
            break;
        }
        numbers
            .found
            .extend(entry.file_name().to_str().ok().and_then(|name| name.parse::<u32>().ok()));
    }

    Ok(numbers)
}

/// The target of a link, as much of it as a pane has use for.
fn link_text(link: &OsStr) -> String {
    let text = link.to_string_lossy();
    match first_bytes(&text, bounds::MAX_LINK_TEXT_BYTES) {
        start if start.len() < text.len() => format!("{start}…"),
        _ => text.into_owned(),
    }
}

pub fn file_kind(stat: &FileStat) -> FileKind {
    match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
        SFlag::S_IFDIR => FileKind::Directory,
        SFlag::S_IFLNK => FileKind::Symlink,
        SFlag::S_IFCHR => FileKind::CharDevice,
        SFlag::S_IFBLK => FileKind::BlockDevice,
        SFlag::S_IFIFO => FileKind::Fifo,
        SFlag::S_IFSOCK => FileKind::Socket,
        _ => FileKind::File,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_below_the_root() {
        let dir = tempfile::tempdir().expect("a directory");
        let proc_root = dir.path().join("proc");
        std::fs::create_dir_all(proc_root.join("7")).expect("proc");
        let root = dir.path().join("tree");
        std::fs::create_dir_all(root.join("etc")).expect("etc");
        std::fs::write(root.join("etc/passwd"), "mine").expect("a file");
        std::os::unix::fs::symlink("/etc/passwd", root.join("absolute")).expect("a link");
        std::os::unix::fs::symlink("../../../etc/passwd", root.join("climbing")).expect("a link");
        std::os::unix::fs::symlink(&root, proc_root.join("7/root")).expect("a root");

        let below = RootDir::open(&proc_root, 7).expect("the root");
        for path in ["/etc/passwd", "etc/passwd", "/absolute", "/climbing", "/../../etc/passwd"] {
            assert_eq!(below.read(path, 100).as_deref(), Ok(b"mine".as_slice()), "{path}");
        }

        let names: Vec<String> = below
            .list("/", 100, 0)
            .expect("a listing")
            .0
            .into_iter()
            .map(|entry| entry.name)
            .collect();
        assert_eq!(names, ["absolute", "climbing", "etc"]);

        assert_eq!(below.read("/etc", 10), Err(Errno::EINVAL));
        assert_eq!(below.proc_pids("/etc", 10), Err(Errno::ENODEV), "no proc file system");
        assert_eq!(RootDir::open(&proc_root, 8).err(), Some(Errno::ENOENT));
    }

    #[test]
    fn a_directory_of_any_size_is_cut_and_says_how_much_is_missing() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = dir.path().join("7/root");
        for part in ["few", "many", "links"] {
            std::fs::create_dir_all(root.join(part)).expect("made");
        }
        for index in 0..(20 + bounds::MAX_ENTRIES_COUNTED + 1) {
            std::fs::write(root.join(format!("many/{index}")), "").expect("a file");
        }
        for index in 0..12 {
            std::fs::create_dir(root.join(format!("few/{index:02}"))).expect("a directory");
        }
        std::os::unix::fs::symlink("ä/".repeat(1000), root.join("links/long")).expect("a link");

        let below = RootDir::open(dir.path(), 7).expect("the root");
        let count = |path: &str, limit| {
            below
                .list(path, limit, bounds::MAX_ENTRIES_COUNTED)
                .map(|(entries, omitted)| (entries.len(), omitted))
        };

        assert_eq!(count("few", 100), Ok((12, Omitted::Nothing)));
        assert_eq!(count("few", 10), Ok((10, Omitted::Rows(2))));
        assert_eq!(count("many", 21), Ok((21, Omitted::Rows(bounds::MAX_ENTRIES_COUNTED))));
        assert_eq!(count("many", 20), Ok((20, Omitted::Uncounted)));

        let dirs = below.directories("few", 5).expect("a listing");
        assert_eq!((dirs.0.len(), dirs.1), (5, 5));
        let link =
            below.list("links", 10, 0).expect("a listing").0[0].link.clone().expect("a link");
        assert!(link.len() < bounds::MAX_LINK_TEXT_BYTES + 4 && link.ends_with("/…"), "{link}");
    }
}
