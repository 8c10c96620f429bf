//! Looking below an actor's root from outside, without being led astray: links in the lab lead within the lab.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag};
use nix::sys::stat::{FileStat, SFlag};

use crate::snapshot::{DirEntry, FileKind};

/// The root directory of a process of the lab.
#[derive(Debug)]
pub struct RootDir {
    fd: OwnedFd,
}

impl RootDir {
    /// `ESRCH` or `ENOENT` when the process is gone, `EACCES` when it may not be looked at.
    pub fn open(proc_root: &Path, pid: u32) -> Result<RootDir, Errno> {
        let path: PathBuf = proc_root.join(format!("{pid}/root"));
        let fd = nix::fcntl::open(
            &path,
            OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC,
            nix::sys::stat::Mode::empty(),
        )?;
        Ok(RootDir { fd })
    }

    /// openat2(2) with RESOLVE_IN_ROOT: absolute links and `..` stay below this root.
    fn open_below(&self, path: &str, flags: OFlag) -> Result<OwnedFd, Errno> {
        let how = OpenHow::new()
            .flags(flags | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        let relative = path.trim_start_matches('/');
        nix::fcntl::openat2(self.fd.as_fd(), if relative.is_empty() { "." } else { relative }, how)
    }

    /// The file itself, a symbolic link not followed.
    pub fn stat(&self, path: &str) -> Result<FileStat, Errno> {
        let fd = self.open_below(path, OFlag::O_PATH | OFlag::O_NOFOLLOW)?;
        nix::sys::stat::fstat(&fd)
    }

    pub fn is_directory(&self, path: &str) -> bool {
        self.open_below(path, OFlag::O_PATH | OFlag::O_DIRECTORY).is_ok()
    }

    /// The first `limit` bytes of a regular file; others are not opened, since that could block.
    pub fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, Errno> {
        let fd = self.open_below(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK)?;
        if kind(&nix::sys::stat::fstat(&fd)?) != FileKind::File {
            return Err(Errno::EINVAL);
        }
        let mut content = Vec::new();
        File::from(fd)
            .take(limit as u64)
            .read_to_end(&mut content)
            .map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
        Ok(content)
    }

    /// Sorted by name, at most `limit` entries.
    pub fn list(&self, path: &str, limit: usize) -> Result<Vec<DirEntry>, Errno> {
        let fd = self.open_below(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?;
        let mut dir = Dir::from_fd(fd)?;
        let names: Vec<_> = dir
            .iter()
            .filter_map(|entry| Some(entry.ok()?.file_name().to_owned()))
            .filter(|name| !matches!(name.to_bytes(), b"." | b".."))
            .take(limit)
            .collect();
        let mut entries = Vec::with_capacity(names.len());
        for name in names {
            let Ok(stat) = nix::sys::stat::fstatat(&dir, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW) else {
                continue;
            };
            let kind = kind(&stat);
            let link = (kind == FileKind::Symlink)
                .then(|| nix::fcntl::readlinkat(&dir, name.as_c_str()).ok())
                .flatten()
                .map(|link| link.to_string_lossy().into_owned());
            let size = if kind == FileKind::File { stat.st_size.unsigned_abs() } else { 0 };
            entries.push(DirEntry { name: name.to_string_lossy().into_owned(), kind, size, link });
        }
        entries.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(entries)
    }

    /// Whether a directory of an upper layer hides the lower ones.
    pub fn is_opaque(&self, path: &str) -> bool {
        let Ok(fd) = self.open_below(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY) else { return false };
        let file = File::from(fd);
        ["user.overlay.opaque", "trusted.overlay.opaque"]
            .iter()
            .any(|name| xattr::FileExt::get_xattr(&file, name).ok().flatten().is_some_and(|value| value == b"y"))
    }
}

pub fn kind(stat: &FileStat) -> FileKind {
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
        let names: Vec<String> = below.list("/", 100).expect("a listing").into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["absolute", "climbing", "etc"]);
        assert_eq!(below.read("/etc", 10), Err(Errno::EINVAL));
        assert_eq!(RootDir::open(&proc_root, 8).err(), Some(Errno::ENOENT));
    }
}
