//! Messages between roles: length-prefixed JSON on stream sockets, descriptors alongside (SCM_RIGHTS).

pub mod guarded;
pub mod protocol;

use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, sockopt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::kernel::load;
use crate::kernel::record::retry_interrupted;

/// The most bytes that a message of ours has.
const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// The longest that a process may take to die after its wire has ended: on a busy machine it is still to be run for that.
pub fn death_timeout() -> Duration {
    load::stretched(Duration::from_millis(500))
}

/// True if a poll of the stream shows one of these now.
fn has_events(stream: &UnixStream, what: PollFlags) -> bool {
    let mut ready = [PollFd::new(stream.as_fd(), what)];
    let polled = nix::poll::poll(&mut ready, PollTimeout::ZERO);
    polled.is_ok() && ready[0].revents().is_some_and(|events| events.intersects(what))
}

/// One end of a connection between two roles.
#[derive(Debug)]
pub struct Wire {
    stream: UnixStream,
}

/// A message, the descriptors that came with it, and who sent it.
#[derive(Debug)]
pub struct Received<T> {
    pub message: T,
    pub fds: Vec<OwnedFd>,
    /// The sender's pid in the receiver's pid namespace, where `expect_credentials` was called before it was sent.
    pub sender: Option<i32>,
}

#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The other side is gone.
    #[error("the connection ended")]
    Closed,
    #[error("the connection failed")]
    Io(#[from] std::io::Error),
    #[error("a message could not be understood: {0}")]
    Garbled(String),
}

impl From<nix::errno::Errno> for WireError {
    fn from(errno: nix::errno::Errno) -> Self {
        WireError::Io(errno.into())
    }
}

impl WireError {
    /// The error as an errno: EPIPE for a peer that is gone, EPROTO for what could not be understood.
    pub fn errno(&self) -> nix::errno::Errno {
        use nix::errno::Errno;
        match self {
            WireError::Closed => Errno::EPIPE,
            WireError::Garbled(_) => Errno::EPROTO,
            WireError::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Errno::EPIPE
            }
            WireError::Io(error) => error.raw_os_error().map_or(Errno::EIO, Errno::from_raw),
        }
    }
}

/// The user at the other end, when it connected or began to listen.
pub fn peer_uid(stream: &UnixStream) -> nix::Result<u32> {
    nix::sys::socket::getsockopt(stream, sockopt::PeerCredentials).map(|peer| peer.uid())
}

/// The connections that come in, without end: one that can't be let in ends nothing. Too many files are open, say:
/// that passes.
pub fn incoming_connections(listener: &UnixListener) -> impl Iterator<Item = UnixStream> {
    /// The time for which nobody is let in after that failed.
    const RETRY_PAUSE: Duration = Duration::from_millis(100);
    listener
        .incoming()
        .filter_map(|stream| stream.inspect_err(|_| std::thread::sleep(RETRY_PAUSE)).ok())
}

/// True if at the other end is the same user, or root.
pub fn is_own_user_or_root(stream: &UnixStream) -> bool {
    let own = nix::unistd::Uid::effective().as_raw();
    peer_uid(stream).is_ok_and(|peer| peer == own || peer == 0)
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl AsRawFd for Wire {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}

impl Wire {
    /// Two connected ends, close-on-exec.
    pub fn pair() -> std::io::Result<(Wire, Wire)> {
        let (left, right) = UnixStream::pair()?;
        Ok((Wire { stream: left }, Wire { stream: right }))
    }

    pub fn from_fd(fd: OwnedFd) -> Self {
        Wire { stream: UnixStream::from(fd) }
    }

    pub fn into_fd(self) -> OwnedFd {
        self.stream.into()
    }

    /// Ask the kernel to say who sends: call it before the other side sends.
    pub fn expect_credentials(&self) -> Result<(), WireError> {
        Ok(nix::sys::socket::setsockopt(&self.stream, sockopt::PassCred, &true)?)
    }

    /// True if something came, be it the end.
    pub fn is_readable(&self) -> bool {
        has_events(&self.stream, PollFlags::POLLIN)
    }

    pub fn set_timeout(&self, timeout: Option<Duration>) -> Result<(), WireError> {
        Ok(self.stream.set_read_timeout(timeout)?)
    }

    pub fn send<T: Serialize>(&mut self, message: &T, fds: &[RawFd]) -> Result<(), WireError> {
        let bytes = encode_frame(message).map_err(|error| WireError::Garbled(error.to_string()))?;
        let rights = [ControlMessage::ScmRights(fds)];
        let control: &[ControlMessage<'_>] = if fds.is_empty() { &[] } else { &rights };
        let parts = [IoSlice::new(&bytes)];
        let number = self.stream.as_raw_fd();
        let sent = retry_interrupted(|| {
            nix::sys::socket::sendmsg::<()>(number, &parts, control, MsgFlags::MSG_NOSIGNAL, None)
        })?;
        // A stream may take less than all; the descriptors went with what it took.
        self.stream.write_all(&bytes[sent..])?;
        Ok(())
    }

    pub fn receive<T: DeserializeOwned>(&mut self) -> Result<Received<T>, WireError> {
        let (length, fds, sender) = self.receive_header()?;
        if length > MAX_MESSAGE_BYTES {
            return Err(WireError::Garbled(format!("a message of {length} bytes")));
        }
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)?;
        let message = serde_json::from_slice(&bytes)
            .map_err(|error| WireError::Garbled(error.to_string()))?;
        Ok(Received { message, fds, sender })
    }

    fn receive_header(&mut self) -> Result<(usize, Vec<OwnedFd>, Option<i32>), WireError> {
        let mut header = [0_u8; 4];
        let received = retry_interrupted(|| {
            receive_with_rights(&self.stream, &mut header, MsgFlags::MSG_WAITALL)
        })?;
        if received.count == 0 {
            return Err(WireError::Closed);
        }
        // A signal cuts even MSG_WAITALL short: recv(2).
        self.stream.read_exact(&mut header[received.count..])?;
        Ok((u32::from_le_bytes(header) as usize, received.fds, received.sender))
    }
}

/// A message as it goes over a wire: its length, then JSON.
pub(super) fn encode_frame<T: Serialize>(message: &T) -> serde_json::Result<Vec<u8>> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, message)?;
    let length = (bytes.len() - 4) as u32;
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    Ok(bytes)
}

/// The bytes and descriptors that one recvmsg(2) brought, and their sender.
#[derive(Debug)]
pub(super) struct ReceivedPart {
    pub count: usize,
    pub fds: Vec<OwnedFd>,
    pub sender: Option<i32>,
}

/// Bytes, with the descriptors and credentials that came along.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "of what can come along with bytes, a wire asks for two kinds"
)]
pub(super) fn receive_with_rights(
    stream: &UnixStream,
    buffer: &mut [u8],
    flags: MsgFlags,
) -> Result<ReceivedPart, nix::errno::Errno> {
    // Room for as many as the kernel lets anybody send at once (SCM_MAX_FD): of a truncated list
    // none would find an owner.
    let mut space = nix::cmsg_space!([RawFd; 253], nix::sys::socket::UnixCredentials);
    let mut parts = [IoSliceMut::new(buffer)];
    let flags = flags | MsgFlags::MSG_CMSG_CLOEXEC;
    let received =
        nix::sys::socket::recvmsg::<()>(stream.as_raw_fd(), &mut parts, Some(&mut space), flags)?;

    let mut portion = ReceivedPart { count: received.bytes, fds: Vec::new(), sender: None };
    for message in received.cmsgs()? {
        match message {
            ControlMessageOwned::ScmRights(numbers) => {
                // SAFETY: the kernel has just made these descriptors for us; nobody else owns them.
                portion.fds.extend(
                    numbers.into_iter().map(|number| unsafe { OwnedFd::from_raw_fd(number) }),
                );
            }
            ControlMessageOwned::ScmCredentials(credentials) => {
                portion.sender = Some(credentials.pid())
            }
            _ => {}
        }
    }
    Ok(portion)
}
