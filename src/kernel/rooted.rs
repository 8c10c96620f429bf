//! A directory that files of others' making are written below: it is their root, and no name, no link and no `..` of theirs
//! leads out of it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{self, AtFlags, OFlag, OpenHow, ResolveFlag};
use nix::sys::stat::{self, FchmodatFlags, FileStat, Mode, SFlag, UtimensatFlags};
use nix::sys::time::TimeSpec;
use nix::unistd::{self, Gid, Uid, UnlinkatFlags};

/// The deepest directory that is removed: each level holds a descriptor.
const MAX_DEPTH: usize = 512;

/// A directory that stands for a root.
#[derive(Debug)]
pub struct RootedDirectory {
    fd: OwnedFd,
}

/// A name in an open directory, which links were followed to as far as they go inside the root.
#[derive(Debug)]
pub struct Place {
    parent: OwnedFd,
    name: OsString,
}

/// The owner, mode and time of a file, as an archive has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    pub uid: u32,
    pub gid: u32,
    /// The twelve bits of chmod(2).
    pub mode: u32,
    /// The time of the last change, in seconds since 1970.
    pub seconds: i64,
}

/// True where a user namespace lacks the owner of a file, which then keeps the maker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerFit {
    AsAsked,
    NotMapped,
}

impl RootedDirectory {
    pub fn open(path: &Path) -> nix::Result<RootedDirectory> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(RootedDirectory { fd: fcntl::open(path, flags, Mode::empty())? })
    }

    /// The place of a path without `..`; directories on the way are made where there are none. EINVAL for the root itself.
    pub fn place(&self, path: &Path) -> nix::Result<Place> {
        let name = path.file_name().ok_or(Errno::EINVAL)?;
        let parent = self.make_directories(path.parent().unwrap_or(Path::new("")))?;
        Ok(Place { parent, name: name.to_owned() })
    }

    /// The place of a path if all directories on the way are there.
    pub fn place_if_there(&self, path: &Path) -> nix::Result<Place> {
        let name = path.file_name().ok_or(Errno::EINVAL)?;
        let parent = self.open_directory(path.parent().unwrap_or(Path::new("")))?;
        Ok(Place { parent, name: name.to_owned() })
    }

    /// The names in a directory. ENOENT or ENOTDIR where there is none.
    pub fn names(&self, path: &Path) -> nix::Result<Vec<OsString>> {
        names_in(&self.open_directory(path)?)
    }

    fn open_directory(&self, path: &Path) -> nix::Result<OwnedFd> {
        open_in_root(&self.fd, path, OFlag::O_PATH | OFlag::O_DIRECTORY)
    }

    fn make_directories(&self, path: &Path) -> nix::Result<OwnedFd> {
        let mut missing = Vec::new();
        let mut there = path;
        let mut found = loop {
            match self.open_directory(there) {
                Ok(fd) => break fd,
                Err(Errno::ENOENT) => {
                    missing.push(there.file_name().ok_or(Errno::ENOENT)?);
                    there = there.parent().unwrap_or(Path::new(""));
                }
                Err(errno) => return Err(errno),
            }
        };

        // A link that leads to nothing is in the way, and stays: EEXIST.
        for name in missing.into_iter().rev() {
            stat::mkdirat(&found, name, Mode::from_bits_truncate(0o755))?;
            found = open_beneath(&found, name)?;
        }
        Ok(found)
    }
}

/// The file that a path leads to below the directory `root`, by openat2(2) with RESOLVE_IN_ROOT: absolute links and `..` stay below
/// it. An empty path is the directory itself.
pub fn open_in_root(root: &OwnedFd, path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    // RESOLVE_IN_ROOT refuses magic links by itself, but need not for ever: openat2(2).
    let how = OpenHow::new()
        .flags(flags | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    fcntl::openat2(root.as_fd(), path, how)
}

fn open_beneath(parent: &impl AsFd, name: &OsStr) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    fcntl::openat(parent, name, flags, Mode::empty())
}

impl Place {
    /// Make a directory, or keep the one that is there.
    pub fn make_directory(&self) -> nix::Result<()> {
        match self.make_new_directory() {
            Err(Errno::EEXIST) if self.is_directory() => Ok(()),
            Err(Errno::EEXIST) => {
                self.remove()?;
                self.make_new_directory()
            }
            made => made,
        }
    }

    /// Make a directory where nothing is. EEXIST where anything is.
    pub fn make_new_directory(&self) -> nix::Result<()> {
        stat::mkdirat(&self.parent, self.name.as_os_str(), Mode::from_bits_truncate(0o755))
    }

    /// A new, empty file in the place of whatever is there.
    pub fn make_file(&self) -> nix::Result<File> {
        self.remove()?;
        let flags =
            OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mode = Mode::from_bits_truncate(0o600);
        fcntl::openat(&self.parent, self.name.as_os_str(), flags, mode).map(File::from)
    }

    pub fn make_symlink(&self, target: &Path) -> nix::Result<()> {
        self.remove()?;
        unistd::symlinkat(target, &self.parent, self.name.as_os_str())
    }

    /// One more name of what is at `first`, in the place of whatever is here: where that is the same file, nothing is to be done.
    pub fn make_hard_link(&self, first: &Place) -> nix::Result<()> {
        match self.link_to(first) {
            Err(Errno::EEXIST) if self.is_same_file(first) => Ok(()),
            Err(Errno::EEXIST) => {
                self.remove()?;
                self.link_to(first)
            }
            linked => linked,
        }
    }

    fn link_to(&self, first: &Place) -> nix::Result<()> {
        unistd::linkat(
            &first.parent,
            first.name.as_os_str(),
            &self.parent,
            self.name.as_os_str(),
            AtFlags::empty(),
        )
    }

    fn is_same_file(&self, other: &Place) -> bool {
        match (self.status(), other.status()) {
            (Ok(this), Ok(other)) => (this.st_dev, this.st_ino) == (other.st_dev, other.st_ino),
            (Err(_), _) | (_, Err(_)) => false,
        }
    }

    pub fn make_fifo(&self) -> nix::Result<()> {
        self.remove()?;
        let mode = Mode::from_bits_truncate(0o600);
        stat::mknodat(&self.parent, self.name.as_os_str(), SFlag::S_IFIFO, mode, 0)
    }

    /// Give what is here its owner, mode and time; of a link, which has no mode, owner and time.
    pub fn set_attributes(&self, attributes: Attributes) -> nix::Result<OwnerFit> {
        let name = self.name.as_os_str();
        let owner = unistd::fchownat(
            &self.parent,
            name,
            Some(Uid::from_raw(attributes.uid)),
            Some(Gid::from_raw(attributes.gid)),
            AtFlags::AT_SYMLINK_NOFOLLOW,
        );
        let fit = match owner {
            Ok(()) => OwnerFit::AsAsked,
            Err(Errno::EINVAL | Errno::EPERM) => OwnerFit::NotMapped,
            Err(errno) => return Err(errno),
        };

        // After the owner, whose change takes set-uid bits away.
        if self.kind()? != SFlag::S_IFLNK {
            let mode = Mode::from_bits_truncate(attributes.mode & 0o7777);
            stat::fchmodat(&self.parent, name, mode, FchmodatFlags::FollowSymlink)?;
        }
        self.set_time(attributes.seconds)?;
        Ok(fit)
    }

    pub fn set_time(&self, seconds: i64) -> nix::Result<()> {
        let when = TimeSpec::new(seconds, 0);
        let flags = UtimensatFlags::NoFollowSymlink;
        stat::utimensat(&self.parent, self.name.as_os_str(), &when, &when, flags)
    }

    /// Remove what is here with all below it. Nothing here is fine, too.
    pub fn remove(&self) -> nix::Result<()> {
        remove_at(&self.parent, &self.name, MAX_DEPTH)
    }

    /// True for a directory itself, and not for a link to one.
    pub fn is_directory(&self) -> bool {
        self.kind() == Ok(SFlag::S_IFDIR)
    }

    fn kind(&self) -> nix::Result<SFlag> {
        Ok(SFlag::from_bits_truncate(self.status()?.st_mode & SFlag::S_IFMT.bits()))
    }

    fn status(&self) -> nix::Result<FileStat> {
        stat::fstatat(&self.parent, self.name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW)
    }
}

fn names_in(directory: &OwnedFd) -> nix::Result<Vec<OsString>> {
    use std::os::unix::ffi::OsStrExt;
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut open = Dir::openat(directory, ".", flags, Mode::empty())?;
    let mut names = Vec::new();
    for entry in open.iter() {
        let name = OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned();
        if name != "." && name != ".." {
            names.push(name);
        }
    }
    Ok(names)
}

fn remove_at(parent: &impl AsFd, name: &OsStr, depth: usize) -> nix::Result<()> {
    match unistd::unlinkat(parent, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => return Ok(()),
        Err(Errno::EISDIR | Errno::EPERM) => {}
        Err(errno) => return Err(errno),
    }
    if depth == 0 {
        return Err(Errno::ENAMETOOLONG);
    }
    let directory = open_beneath(parent, name)?;
    for inner in names_in(&directory)? {
        remove_at(&directory, &inner, depth - 1)?;
    }
    unistd::unlinkat(parent, name, UnlinkatFlags::RemoveDir)
}

/// A path as it is below a root: without `/` at its beginning and `.` parts. None for one that has `..`.
pub fn relative_path(path: &Path) -> Option<PathBuf> {
    let mut relative = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => relative.push(name),
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    Some(relative)
}
