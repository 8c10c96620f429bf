//! Sockets of running programs, by the number of their process. Both sides ask who is at the other end: a program
//! serves its own user and root, and a client speaks to its own user's programs alone. So root does not join what
//! others run: `sudo -u` them does.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

use anyhow::{Context, bail};
use nix::errno::Errno;
use nix::sys::socket::{self, AddressFamily, Backlog, SockFlag, SockType, UnixAddr};
use nix::sys::stat::{self, FileStat, Mode, SFlag};

use crate::kernel::directory::{self, OpenDirectory, own_uid, user_name};
use crate::kernel::home;
use crate::wire;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;

/// The service behind a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketService {
    /// A lab that lets shells in.
    Lab,
    /// A talk that windows can join.
    Talk,
}

impl SocketService {
    fn prefix(self) -> &'static str {
        match self {
            SocketService::Lab => "lab-",
            SocketService::Talk => "talk-",
        }
    }

    fn none_is_there(self) -> String {
        let user = user_name(own_uid());
        match self {
            SocketService::Lab => {
                format!(
                    "no lab is running as {user}: start one with `unboxed learn LESSON` in another terminal"
                )
            }
            SocketService::Talk => {
                format!(
                    "no talk is given by {user}: start one with `unboxed present LESSON` in another terminal"
                )
            }
        }
    }

    fn several_are_there(self) -> &'static str {
        match self {
            SocketService::Lab => "several labs are running; say which with --of",
            SocketService::Talk => "several talks are on; say which with --of",
        }
    }
}

/// A socket that is listened at; dropping it takes it away.
#[derive(Debug)]
pub struct ListeningSocket {
    dir: OpenDirectory,
    name: OsString,
    entry: OwnedFd,
}

impl Drop for ListeningSocket {
    fn drop(&mut self) {
        remove_if(&self.dir, &self.name, &self.entry);
    }
}

/// The state that an entry was found in.
enum Entry {
    Serves(UnixStream),
    /// A socket of ours at which nobody listens any more.
    Dead(OwnedFd),
    /// Somebody listens, and does not come to accept.
    Busy,
    /// It went away meanwhile.
    Gone,
    /// Not ours to use nor to remove, and why.
    Strange(String),
}

/// The sockets that `sweep` removed, and those that it left.
#[derive(Debug, Default)]
pub struct SweptSockets {
    pub removed: Vec<PathBuf>,
    /// Sentences on what has a socket's name or place, and is left alone.
    pub left: Vec<String>,
}

/// Listen, as this process. What dead ones left is taken away.
pub fn listen_for(service: SocketService) -> anyhow::Result<(ListeningSocket, UnixListener)> {
    let dir = OpenDirectory::make_private(&own_directory()?)?;
    sweep_in(&dir, &mut SweptSockets::default());
    let name = OsString::from(format!("{}{}.sock", service.prefix(), std::process::id()));
    let shown = dir.path().join(&name);
    let failed = || format!("could not listen at {}", shown.display());

    // It gets its name once it is listened at: one with a name that nobody listens at is a dead one's, at any moment.
    let part = directory::partial_name(&name);
    let listener = bind(&dir, &part).with_context(failed)?;
    let named = name_socket(&dir, &part, &name);
    let _ = dir.remove(&part);
    named.with_context(failed)?;
    let entry = dir.open_entry(&name).with_context(failed)?;
    Ok((ListeningSocket { dir, name, entry }, listener))
}

fn own_directory() -> anyhow::Result<PathBuf> {
    home::runtime_directory()
        .context("there is neither an XDG_RUNTIME_DIR nor a home directory of your own")
}

fn bind(dir: &OpenDirectory, name: &OsStr) -> nix::Result<UnixListener> {
    let socket =
        socket::socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    // Before it has a name: the name is made with this mode.
    stat::fchmod(&socket, Mode::S_IRUSR | Mode::S_IWUSR)?;
    // An address of a Unix socket has room for 107 bytes of path, and the directory may take more.
    socket::bind(socket.as_raw_fd(), &UnixAddr::new(&dir.path_by_descriptor(name))?)?;
    socket::listen(&socket, Backlog::new(BACKLOG)?)?;
    Ok(UnixListener::from(socket))
}

/// A name is taken from no one: of a process that had our number before, and died, it is gone by now; another
/// container's may share the directory.
fn name_socket(dir: &OpenDirectory, part: &OsStr, name: &OsStr) -> anyhow::Result<()> {
    // link(2) fails where the name is taken; rename(2) would take it from its owner.
    match dir.hard_link(part, name) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            bail!(
                "another process has this process's PID and listens there: is the directory shared with a container?"
            )
        }
        other => Ok(other?),
    }
}

/// Connect to the one asked for, or to the only one that runs; it is this user's. Sockets of the dead are taken away.
pub fn connect(service: SocketService, of: Option<u32>) -> anyhow::Result<UnixStream> {
    let (mut serving, mut others) = (Vec::new(), Vec::new());
    if let Some(dir) = OpenDirectory::find_private(&own_directory()?)? {
        for name in dir.names().context("could not list the sockets")? {
            let Some(pid) = pid_of(&name, service).filter(|pid| of.is_none_or(|of| of == *pid))
            else {
                continue;
            };
            match ask(&dir, &name) {
                Entry::Serves(stream) => serving.push((pid, stream)),
                Entry::Dead(entry) => drop(remove_if(&dir, &name, &entry)),
                Entry::Gone => {}
                Entry::Busy => {
                    others.push(format!("process {pid} does not answer: is it stopped?"))
                }
                Entry::Strange(why) => {
                    others.push(format!("{}: {why}", dir.path().join(&name).display()))
                }
            }
        }
    }

    let pids: Vec<String> = serving.iter().map(|(pid, _)| pid.to_string()).collect();
    match (serving.len(), others.first(), of) {
        (1, _, _) => Ok(serving.remove(0).1),
        (0, Some(why), _) => bail!("{why}"),
        (0, None, Some(pid)) => bail!("{}", why_not(pid, service)),
        (0, None, None) => bail!("{}", service.none_is_there()),
        _ => bail!("{}: {}", service.several_are_there(), pids.join(", ")),
    }
}

/// The reason that a process that was named can't be joined.
fn why_not(pid: u32, service: SocketService) -> String {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    // The second number is the effective user's, see proc_pid_status(5).
    let owner: Option<u32> =
        uids.and_then(|uids| uids.split_ascii_whitespace().nth(1)?.parse().ok());

    match owner {
        None => format!("there is no process {pid}"),
        Some(owner) if owner == own_uid() => {
            let what = match service {
                SocketService::Lab => "lets no shells into a lab",
                SocketService::Talk => "gives no talk",
            };
            format!("process {pid} {what}, or looks for sockets elsewhere (XDG_RUNTIME_DIR)")
        }
        Some(owner) => {
            let (owner, own) = (user_name(owner), user_name(own_uid()));
            format!(
                "process {pid} belongs to {owner}, and this is {own}: only its own user can join it"
            )
        }
    }
}

/// Remove the sockets at which nobody listens any more.
pub fn sweep_sockets() -> SweptSockets {
    let mut swept = SweptSockets::default();
    let mut places: Vec<PathBuf> =
        [home::runtime_directory(), home::state_directory()].into_iter().flatten().collect();
    places.dedup();
    for place in places {
        match OpenDirectory::find_private(&place) {
            Ok(Some(dir)) => sweep_in(&dir, &mut swept),
            Ok(None) => {}
            Err(error) => swept.left.push(error.to_string()),
        }
    }
    swept
}

fn sweep_in(dir: &OpenDirectory, swept: &mut SweptSockets) {
    for name in dir.names().unwrap_or_default() {
        let path = dir.path().join(&name);
        if pid_of_either(&name).is_none() && !is_dead_part(&name) {
            continue;
        }

        match ask(dir, &name) {
            Entry::Dead(entry) if remove_if(dir, &name, &entry) => swept.removed.push(path),
            Entry::Dead(_) => {
                swept.left.push(format!("{}: it could not be removed", path.display()))
            }
            Entry::Strange(why) => swept.left.push(format!("{}: {why}", path.display())),
            Entry::Serves(_) | Entry::Busy | Entry::Gone => {}
        }
    }
}

/// A socket that was to get a name, and whose process is gone.
fn is_dead_part(name: &OsStr) -> bool {
    let Some(text) = name.to_str().and_then(|text| text.strip_prefix('.')) else { return false };
    let Some((text, _)) = text.split_once(".sock.") else { return false };
    let whole = format!("{text}.sock");
    let pid =
        pid_of_either(OsStr::new(&whole)).filter(|_| OpenDirectory::is_partial_of(name, &whole));
    let pid = pid.and_then(|pid| i32::try_from(pid).ok());
    // EPERM would say that there is such a process, of another user.
    pid.is_some_and(|pid| {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None)
            .is_err_and(|errno| errno == Errno::ESRCH)
    })
}

/// The state of an entry: what is looked at is what is connected to, whatever has its name meanwhile.
fn ask(dir: &OpenDirectory, name: &OsStr) -> Entry {
    let strange = |errno: Errno| Entry::Strange(format!("it could not be asked: {errno}"));
    let entry = match dir.open_entry(name) {
        Ok(entry) => entry,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Entry::Gone,
        Err(error) => return Entry::Strange(error.to_string()),
    };

    match stat::fstat(&entry) {
        Ok(found) if directory::file_type(&found) != SFlag::S_IFSOCK => {
            return Entry::Strange("it is no socket".into());
        }
        Ok(found) if found.st_uid != own_uid() => {
            return Entry::Strange(format!("it belongs to {}", user_name(found.st_uid)));
        }
        Ok(_) => {}
        Err(errno) => return strange(errno),
    }

    match connect_to(&entry) {
        Ok(stream) => match wire::peer_uid(&stream) {
            Ok(uid) if uid == own_uid() => Entry::Serves(stream),
            Ok(uid) => Entry::Strange(format!("{} serves there: nothing is sent", user_name(uid))),
            Err(errno) => strange(errno),
        },
        Err(Errno::ECONNREFUSED) => Entry::Dead(entry),
        // The queue of those who wait to be accepted is full, see connect(2).
        Err(Errno::EAGAIN) => Entry::Busy,
        Err(errno) => strange(errno),
    }
}

fn connect_to(entry: &OwnedFd) -> nix::Result<UnixStream> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket::socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    let path = format!("/proc/self/fd/{}", entry.as_raw_fd());
    // Without waiting: where nobody accepts, connecting would wait for ever.
    socket::connect(socket.as_raw_fd(), &UnixAddr::new(path.as_str())?)?;
    let stream = UnixStream::from(socket);
    stream
        .set_nonblocking(false)
        .map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
    Ok(stream)
}

/// Remove an entry if it is still what was opened, whose inode no other gets as long as it is.
fn remove_if(dir: &OpenDirectory, name: &OsStr, opened: &OwnedFd) -> bool {
    let (now, then) = (dir.stat(name).ok().flatten(), stat::fstat(opened).ok());
    let identity = |found: FileStat| (found.st_dev, found.st_ino);
    now.is_some() && now.map(identity) == then.map(identity) && dir.remove(name).is_ok()
}

fn pid_of(name: &OsStr, service: SocketService) -> Option<u32> {
    name.to_str()?.strip_prefix(service.prefix())?.strip_suffix(".sock")?.parse().ok()
}

/// The process of a socket's name, whatever is behind it.
fn pid_of_either(name: &OsStr) -> Option<u32> {
    [SocketService::Lab, SocketService::Talk].into_iter().find_map(|service| pid_of(name, service))
}
