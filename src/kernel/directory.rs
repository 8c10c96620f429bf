//! A directory held by its descriptor, and the files in it: who swaps a name for a link changes
//! nothing of what is written.

use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{self, AtFlags, Flock, FlockArg, OFlag};
use nix::sys::stat::{self, FileStat, Mode, SFlag};
use nix::unistd::{self, Uid, UnlinkatFlags, User};

/// Flags to open whatever a name leads to: no link is followed there, nothing waits, nothing is inherited.
const CAUTIOUS: OFlag =
    OFlag::O_NOFOLLOW.union(OFlag::O_NONBLOCK).union(OFlag::O_NOCTTY).union(OFlag::O_CLOEXEC);
/// The end of the name of a file that is not whole yet.
const PART: &str = ".part";

/// The reason that a directory is not used.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    #[error(
        "{} belongs to {}, and this is {}: nothing is done there until it is removed, or given to {} with chown(1)",
        path.display(), user_name(*owner), user_name(own_uid()), user_name(own_uid())
    )]
    Foreign { path: PathBuf, owner: u32 },
    #[error("{} is a link, where a directory of one's own has to be: remove the link", .0.display())]
    Link(PathBuf),
    #[error("others may use {} (its mode is {mode:o}), and it can't be closed to them: name another place", path.display())]
    Open { path: PathBuf, mode: u32 },
    #[error("could not {doing} {}: {error}", path.display())]
    Failed { doing: &'static str, path: PathBuf, error: io::Error },
}

impl DirectoryError {
    /// True if nobody stands in the way of this directory: the machine has no place for it.
    pub fn is_no_place(&self) -> bool {
        use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};
        matches!(self, DirectoryError::Failed { doing: "make", error, .. }
            if matches!(error.kind(), NotADirectory | NotFound | PermissionDenied | ReadOnlyFilesystem))
    }
}

/// A directory, by a descriptor.
#[derive(Debug)]
pub struct OpenDirectory {
    fd: OwnedFd,
    path: PathBuf,
}

impl OpenDirectory {
    /// Any directory, whoever it belongs to, to write in it; listing it may not be allowed.
    pub fn open(path: &Path) -> io::Result<OpenDirectory> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(OpenDirectory { fd: fcntl::open(path, flags, Mode::empty())?, path: path.to_owned() })
    }

    /// A directory that is this user's and nobody else's, made where there is none.
    pub fn make_private(path: &Path) -> Result<OpenDirectory, DirectoryError> {
        let failed = |error: io::Error| DirectoryError::Failed {
            doing: "make",
            path: path.to_owned(),
            error,
        };

        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        if let Some(parent) = path.parent() {
            builder.recursive(true).create(parent).map_err(failed)?;
        }
        match builder.recursive(false).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed(error));
            }
            // What is there already is judged below, by its descriptor.
            Ok(()) | Err(_) => {}
        }

        OpenDirectory::find_private(path)?.ok_or_else(|| failed(Errno::ENOENT.into()))
    }

    /// The same where it is there already: no link, ours, and closed to others from now on if it was not.
    pub fn find_private(path: &Path) -> Result<Option<OpenDirectory>, DirectoryError> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let failed = |doing, errno: Errno| DirectoryError::Failed {
            doing,
            path: path.to_owned(),
            error: errno.into(),
        };
        let fd = match fcntl::open(path, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::ENOENT) => return Ok(None),
            Err(errno) => {
                // What it is says more than why it can't be opened.
                return Err(match stat::lstat(path) {
                    Ok(found) if file_type(&found) == SFlag::S_IFLNK => {
                        DirectoryError::Link(path.to_owned())
                    }
                    Ok(found) if found.st_uid != own_uid() => {
                        DirectoryError::Foreign { path: path.to_owned(), owner: found.st_uid }
                    }
                    Ok(_) | Err(_) => failed("open", errno),
                });
            }
        };

        let found = stat::fstat(&fd).map_err(|errno| failed("look at", errno))?;
        if found.st_uid != own_uid() {
            return Err(DirectoryError::Foreign { path: path.to_owned(), owner: found.st_uid });
        }
        // A directory that is meant to be shared, /tmp for instance, is not ours to close.
        if found.st_mode & libc::S_ISVTX != 0 {
            return Err(DirectoryError::Open {
                path: path.to_owned(),
                mode: found.st_mode & 0o7777,
            });
        }
        if found.st_mode & 0o077 != 0 {
            stat::fchmod(&fd, Mode::S_IRWXU).map_err(|errno| failed("close to others", errno))?;
            let mode = stat::fstat(&fd).map_err(|errno| failed("look at", errno))?.st_mode & 0o777;
            if mode & 0o077 != 0 {
                return Err(DirectoryError::Open { path: path.to_owned(), mode });
            }
        }
        Ok(Some(OpenDirectory { fd, path: path.to_owned() }))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path to an entry by the descriptor, for calls that take nothing else. It is short, however
    /// long the directory's is.
    pub fn path_by_descriptor(&self, name: &OsStr) -> PathBuf {
        Path::new("/proc/self/fd").join(self.fd.as_raw_fd().to_string()).join(name)
    }

    /// An entry itself, to look at and to reach by its descriptor; of a link, the link.
    pub fn open_entry(&self, name: &OsStr) -> io::Result<OwnedFd> {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        Ok(fcntl::openat(&self.fd, name, flags, Mode::empty())?)
    }

    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut dir = Dir::openat(&self.fd, ".", flags, Mode::empty())?;
        let mut names = Vec::new();
        for entry in dir.iter() {
            let name = entry?.file_name().to_bytes().to_owned();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name));
            }
        }
        Ok(names)
    }

    /// The status of an entry itself, of a link the link's; none where there is no entry.
    pub fn stat(&self, name: &OsStr) -> io::Result<Option<FileStat>> {
        match stat::fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// The content of a file; none where there is none. No link is followed; a pipe or a device is no file.
    pub fn read(&self, name: &OsStr, max: u64) -> io::Result<Option<Vec<u8>>> {
        match self.open_file(name, OFlag::O_RDONLY | CAUTIOUS, Mode::empty()) {
            Ok(file) => read_up_to(file, max).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The content of the file that a link leads to, if that is this user's; else EACCES.
    pub fn read_through_link(&self, name: &OsStr, max: u64) -> io::Result<Vec<u8>> {
        let file = self.open_file(
            name,
            OFlag::O_RDONLY | CAUTIOUS.difference(OFlag::O_NOFOLLOW),
            Mode::empty(),
        )?;
        if stat::fstat(&file)?.st_uid != own_uid() {
            return Err(Errno::EACCES.into());
        }
        read_up_to(file, max)
    }

    /// Write a new file, then put it in the place of what has this name: if that is a link, of the link.
    pub fn replace<T>(
        &self,
        name: &OsStr,
        mode: Mode,
        write: impl FnOnce(&mut File) -> io::Result<T>,
    ) -> io::Result<T> {
        let part = partial_name(name);
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | CAUTIOUS;
        let mut file = self.open_file(&part, flags, mode)?;

        let written = write(&mut file).and_then(|value| {
            fcntl::renameat(&self.fd, part.as_os_str(), &self.fd, name)?;
            Ok(value)
        });

        if written.is_err() {
            let _ = self.remove(&part);
        }
        written
    }

    /// True if an entry has a `partial_name` of this name.
    pub fn is_partial_of(entry: &OsStr, name: &str) -> bool {
        let entry = entry.as_bytes();
        entry.starts_with(format!(".{name}.").as_bytes()) && entry.ends_with(PART.as_bytes())
    }

    pub fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(fcntl::renameat(&self.fd, from, &self.fd, to)?)
    }

    /// A second name for an entry, which must be free; a link itself gets it, not what it leads to.
    pub fn hard_link(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(unistd::linkat(&self.fd, from, &self.fd, to, AtFlags::empty())?)
    }

    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(unistd::unlinkat(&self.fd, name, UnlinkatFlags::NoRemoveDir)?)
    }

    /// Lock a file, made where there is none; none while somebody else holds it.
    pub fn try_lock(&self, name: &OsStr) -> io::Result<Option<Flock<File>>> {
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        let file = match self.open_file(name, OFlag::O_RDWR | OFlag::O_CREAT | CAUTIOUS, mode) {
            // Somebody else's, who may have left it here when the directory was open: to lock it, reading will do.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.open_file(name, OFlag::O_RDONLY | CAUTIOUS, mode)?
            }
            other => other?,
        };

        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Some(lock)),
            Err((_, Errno::EWOULDBLOCK | Errno::EINTR)) => Ok(None),
            Err((_, errno)) => Err(errno.into()),
        }
    }

    /// The process that holds a lock, where the kernel says so.
    pub fn lock_holder(&self, name: &OsStr) -> Option<i32> {
        let found = self.stat(name).ok()??;
        let (major, minor) = (stat::major(found.st_dev), stat::minor(found.st_dev));
        holder(
            &std::fs::read_to_string("/proc/locks").ok()?,
            &format!("{major:02x}:{minor:02x}:{}", found.st_ino),
        )
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "errnos are foreign: one has a better text")]
    fn open_file(&self, name: &OsStr, flags: OFlag, mode: Mode) -> io::Result<File> {
        let shown = || self.path.join(name);
        let fd = fcntl::openat(&self.fd, name, flags, mode).map_err(|errno| match errno {
            Errno::ELOOP => io::Error::other(format!(
                "{} is a link, and is left alone: remove it",
                shown().display()
            )),
            other => io::Error::from(other),
        })?;

        // By the descriptor: what has the name may be another file by now.
        if file_type(&stat::fstat(&fd)?) != SFlag::S_IFREG {
            return Err(io::Error::other(format!(
                "{} is no file, and is left alone: remove it",
                shown().display()
            )));
        }
        Ok(File::from(fd))
    }
}

/// The kind of file: S_IFREG, S_IFLNK …
pub fn file_type(found: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(found.st_mode & SFlag::S_IFMT.bits())
}

/// The name of a user, for a sentence.
pub fn user_name(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) if uid == 0 => user.name,
        Ok(Some(user)) => format!("{} (uid {uid})", user.name),
        Ok(None) | Err(_) => format!("uid {uid}"),
    }
}

/// This user, by whose rights files are made.
pub fn own_uid() -> u32 {
    Uid::effective().as_raw()
}

fn read_up_to(file: File, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(io::Error::other(format!("it is longer than {max} bytes")));
    }
    Ok(bytes)
}

/// A name for what is not whole yet, which no other process, nor a later call of this one, uses.
pub fn partial_name(name: &OsStr) -> OsString {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    // A name may have 255 bytes; a cut one is as good.
    let stem = &name.as_bytes()[..name.len().min(180)];
    let end = format!(".{}-{now}{PART}", std::process::id());
    OsString::from_vec([b".", stem, end.as_bytes()].concat())
}

/// The process that holds a flock on a file, by the text of /proc/locks. Lines with an arrow are of those that wait.
fn holder(locks: &str, file: &str) -> Option<i32> {
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let is_it = matches!(words[..], [_, "FLOCK", _, _, _, at, ..] if at == file);
        words.get(4).filter(|_| is_it)?.parse().ok().filter(|pid| *pid > 0)
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

    use super::*;

    fn name(text: &str) -> &OsStr {
        OsStr::new(text)
    }

    fn private() -> (tempfile::TempDir, OpenDirectory) {
        let home = tempfile::tempdir().expect("a directory");
        let dir = OpenDirectory::make_private(&home.path().join("a/b/unboxed"))
            .expect("a directory of our own");
        (home, dir)
    }

    fn put(dir: &OpenDirectory, name: &str, text: &str) -> io::Result<()> {
        dir.replace(OsStr::new(name), Mode::S_IRUSR | Mode::S_IWUSR, |file| {
            file.write_all(text.as_bytes())
        })
    }

    #[test]
    fn a_private_directory_is_ours_and_closed() {
        let (_home, dir) = private();
        let mode = |path: &Path| fs::metadata(path).expect("it is there").mode() & 0o777;
        assert_eq!(
            (mode(dir.path()), mode(dir.path().parent().expect("a parent"))),
            (0o700, 0o700)
        );
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).expect("permissions");
        let again =
            OpenDirectory::find_private(dir.path()).expect("it is ours").expect("it is there");
        assert_eq!(mode(again.path()), 0o700, "it is closed to others again");
        assert!(OpenDirectory::find_private(&dir.path().join("none")).expect("no error").is_none());
    }

    #[test]
    fn a_directory_that_is_meant_for_all_is_refused_and_stays_as_it_is() {
        let shared = tempfile::tempdir().expect("a directory");
        fs::set_permissions(shared.path(), fs::Permissions::from_mode(0o1777))
            .expect("permissions");
        for refused in [
            OpenDirectory::find_private(shared.path()).err(),
            OpenDirectory::make_private(shared.path()).err(),
        ] {
            let said = refused.expect("it is not ours alone").to_string();
            assert!(said.contains("its mode is 1777"), "{said}");
        }
        assert_eq!(fs::metadata(shared.path()).expect("it is there").mode() & 0o7777, 0o1777);
    }

    #[test]
    fn what_is_in_the_place_of_a_directory_is_said() {
        let (home, dir) = private();
        let at = |name: &str| home.path().join(name);
        symlink(dir.path(), at("link")).expect("a link");
        fs::write(at("file"), "").expect("a file");
        symlink(at("nowhere"), at("dangling")).expect("a link");

        for (name, says) in [
            ("link", "link is a link"),
            ("file", "could not open"),
            ("dangling", "dangling is a link"),
        ] {
            let said =
                OpenDirectory::make_private(&at(name)).expect_err("it is refused").to_string();
            assert!(said.contains(says), "{name}: {said}");
        }
        assert!(!at("nowhere").exists());

        if unistd::geteuid().is_root() {
            chown(dir.path(), Some(64002), None).expect("root may");
            let said =
                OpenDirectory::make_private(dir.path()).expect_err("it is another's").to_string();
            assert!(said.contains("belongs to uid 64002, and this is root"), "{said}");
        }
    }

    #[test]
    fn a_link_is_neither_read_nor_written_through() {
        let (home, dir) = private();
        let target = home.path().join("target");
        fs::write(&target, "precious").expect("a file");
        symlink(&target, dir.path().join("link")).expect("a link");
        let error = dir.read(name("link"), 100).expect_err("a link is not followed");
        assert!(error.to_string().contains("link is a link"), "{error}");
        assert!(dir.try_lock(name("link")).is_err());
        assert_eq!(dir.read_through_link(name("link"), 100).expect("asked for"), b"precious");
        put(&dir, "link", "new").expect("written");
        assert_eq!(fs::read_to_string(&target).expect("still there"), "precious");
        assert_eq!(dir.read(name("link"), 100).expect("a file now").as_deref(), Some(&b"new"[..]));
    }

    #[test]
    fn a_file_is_replaced_whole_or_kept() {
        let (_home, dir) = private();
        put(&dir, "file", "first").expect("written");
        let broken = dir.replace(name("file"), Mode::S_IRUSR, |file| {
            file.write_all(b"half")?;
            Err::<(), _>(io::Error::other("a fault"))
        });
        assert!(broken.is_err());
        assert_eq!(dir.read(name("file"), 100).expect("read").as_deref(), Some(&b"first"[..]));
        assert_eq!(dir.names().expect("a listing"), ["file"], "nothing is left beside it");
        put(&dir, &"x".repeat(255), "long").expect("a name as long as may be");
        assert!(OpenDirectory::is_partial_of(&partial_name(name("file")), "file"));
        assert!(!OpenDirectory::is_partial_of(name("file.part"), "file"));
    }

    #[test]
    fn what_is_no_file_or_too_long_is_refused_without_waiting() {
        let (_home, dir) = private();
        unistd::mkfifo(&dir.path().join("pipe"), Mode::S_IRWXU).expect("a pipe");
        put(&dir, "long", "0123456789").expect("written");
        assert!(
            dir.read(name("pipe"), 100).expect_err("a pipe").to_string().contains("is no file")
        );
        assert!(dir.try_lock(name("pipe")).is_err());
        assert!(
            dir.read(name("long"), 9).expect_err("too long").to_string().contains("longer than 9")
        );
        assert!(dir.read(name("long"), 10).is_ok());
    }

    #[test]
    fn a_lock_is_held_by_one_and_the_kernel_says_by_whom() {
        let (_home, dir) = private();
        let lock = dir.try_lock(name("lock")).expect("no error").expect("it is free");
        assert!(dir.try_lock(name("lock")).expect("no error").is_none());
        let own = i32::try_from(std::process::id()).ok();
        assert!(matches!(dir.lock_holder(name("lock")), found if found == own || found.is_none()));
        drop(lock);
        assert!(dir.try_lock(name("lock")).expect("no error").is_some());
        let locks = "1: POSIX  ADVISORY  WRITE 11 fe:00:5 0 EOF\n2: FLOCK  ADVISORY  WRITE 12 fe:00:5 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 13 fe:00:6 0 EOF\n";
        assert_eq!((holder(locks, "fe:00:5"), holder(locks, "fe:00:6")), (Some(12), None));
    }
}
