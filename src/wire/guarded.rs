//! The engine's end of an actor's wire. Whoever is inside the lab may send anything, or nothing, or a byte a minute:
//! all that is read is bounded in bytes, in descriptors and in time.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::socket::{MsgFlags, NetlinkAddr, UnixAddr, getsockname, setsockopt, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Received, Wire, encode_frame, receive_with_rights};

/// The most that an actor's answer may have, in bytes: a program's output is cut at 64 KiB, and the longest list of
/// calls (a tree that is copied) has some hundred KiB.
const MAX_ANSWER_BYTES: usize = 4 << 20;
/// The most descriptors that it may have: the lab's host introduces itself with four.
const MAX_DESCRIPTORS: usize = 8;
/// The most bytes of a message that are taken in at a time.
const MAX_READ_BYTES: usize = 64 << 10;
/// The longest that a netlink socket may take to answer: the kernel does so at once, but somebody else
/// may have taken the answer. It is there before the request's own call ends, however busy the machine is.
const NETLINK_TIMEOUT: Duration = Duration::from_secs(2);

/// A wire to somebody who is not trusted.
#[derive(Debug)]
pub struct GuardedWire {
    stream: UnixStream,
    /// The part of the next message that has come: a wait that ended in its middle goes on there.
    incoming: Incoming,
}

#[derive(Debug, Default)]
struct Incoming {
    header: Vec<u8>,
    body: Vec<u8>,
    fds: Vec<OwnedFd>,
    sender: Option<i32>,
}

/// The limits of a wait: a time, and a descriptor that cancels it.
#[derive(Debug, Clone, Copy)]
pub struct WaitLimits<'a> {
    pub until: Instant,
    /// Readable once nobody wants the answer any more.
    pub cancel: Option<BorrowedFd<'a>>,
}

/// The reason that a message could not be sent or received.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The other side is gone.
    #[error("its connection ended")]
    Closed,
    #[error("its connection failed: {0}")]
    Failed(Errno),
    #[error("{0}")]
    Garbled(String),
    #[error("it took too long")]
    TimedOut,
    #[error("it was not waited for")]
    Cancelled,
}

impl From<Wire> for GuardedWire {
    fn from(wire: Wire) -> Self {
        GuardedWire { stream: wire.into_fd().into(), incoming: Incoming::default() }
    }
}

impl GuardedWire {
    /// Send a message; one that times out in the middle has spoilt the wire.
    pub fn send<T: Serialize>(
        &mut self,
        message: &T,
        wait: &WaitLimits<'_>,
    ) -> Result<(), GuardError> {
        let bytes =
            encode_frame(message).map_err(|error| GuardError::Garbled(error.to_string()))?;
        let mut rest = bytes.as_slice();

        while !rest.is_empty() {
            wait.until_ready(&self.stream, PollFlags::POLLOUT)?;
            let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
            match nix::sys::socket::send(self.stream.as_raw_fd(), rest, flags) {
                Ok(count) => rest = &rest[count..],
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(Errno::EPIPE | Errno::ECONNRESET) => return Err(GuardError::Closed),
                Err(errno) => return Err(GuardError::Failed(errno)),
            }
        }
        Ok(())
    }

    pub fn receive<T: DeserializeOwned>(
        &mut self,
        wait: &WaitLimits<'_>,
    ) -> Result<Received<T>, GuardError> {
        while !self.incoming.is_whole() {
            wait.until_ready(&self.stream, PollFlags::POLLIN)?;
            match self.take_portion() {
                Err(GuardError::Failed(Errno::EAGAIN | Errno::EINTR)) => {}
                other => other?,
            }
        }

        let Incoming { body, fds, sender, .. } = std::mem::take(&mut self.incoming);
        let message = serde_json::from_slice(&body)
            .map_err(|error| GuardError::Garbled(error.to_string()))?;
        Ok(Received { message, fds, sender })
    }

    /// True once the other side has closed its end: nothing will come any more.
    pub fn has_ended(&self) -> bool {
        self.has_events(PollFlags::POLLHUP)
    }

    /// True if something of the next message is there.
    pub fn has_begun(&self) -> bool {
        !self.incoming.header.is_empty() || self.is_readable()
    }

    /// The number of bytes of the next message that were taken in.
    pub fn received_bytes(&self) -> usize {
        self.incoming.header.len() + self.incoming.body.len()
    }

    pub fn is_readable(&self) -> bool {
        self.has_events(PollFlags::POLLIN)
    }

    fn has_events(&self, what: PollFlags) -> bool {
        super::has_events(&self.stream, what)
    }

    /// Read what there is, but nothing of the message after this one: its descriptors come with its first byte.
    fn take_portion(&mut self) -> Result<(), GuardError> {
        let incoming = &mut self.incoming;
        let mut buffer = [0; MAX_READ_BYTES];

        if let Some(length) = incoming.length() {
            let wanted = (length - incoming.body.len()).min(MAX_READ_BYTES);
            let flags = MsgFlags::MSG_DONTWAIT;
            // Descriptors that hang on to later bytes are nobody's: without room for them the kernel closes them.
            let count =
                nix::sys::socket::recv(self.stream.as_raw_fd(), &mut buffer[..wanted], flags)?;
            if count == 0 {
                return Err(GuardError::Closed);
            }
            incoming.body.extend_from_slice(&buffer[..count]);
            return Ok(());
        }

        let missing = 4 - incoming.header.len();
        let portion =
            receive_with_rights(&self.stream, &mut buffer[..missing], MsgFlags::MSG_DONTWAIT)?;
        if portion.count == 0 {
            return Err(GuardError::Closed);
        }
        incoming.header.extend_from_slice(&buffer[..portion.count]);
        incoming.fds.extend(portion.fds);
        if incoming.fds.len() > MAX_DESCRIPTORS {
            return Err(GuardError::Garbled(
                "it sent more descriptors than anybody asked for".into(),
            ));
        }
        incoming.sender = portion.sender.or(incoming.sender);

        match incoming.length() {
            Some(length) if length > MAX_ANSWER_BYTES => {
                Err(GuardError::Garbled(format!("it sent a message of {length} bytes")))
            }
            _ => Ok(()),
        }
    }
}

impl Incoming {
    /// The length of the body in bytes, once the header is whole.
    fn length(&self) -> Option<usize> {
        let header = <[u8; 4]>::try_from(self.header.as_slice()).ok()?;
        Some(u32::from_le_bytes(header) as usize)
    }

    fn is_whole(&self) -> bool {
        self.length().is_some_and(|length| self.body.len() == length)
    }
}

impl From<Errno> for GuardError {
    #[expect(clippy::wildcard_enum_match_arm, reason = "errnos are foreign: one means the end")]
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::ECONNRESET => GuardError::Closed,
            other => GuardError::Failed(other),
        }
    }
}

impl WaitLimits<'_> {
    /// Wait until one can go on. The end of the time counts even for one who always has another byte.
    fn until_ready(&self, stream: &UnixStream, what: PollFlags) -> Result<(), GuardError> {
        loop {
            let left = self.until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(GuardError::TimedOut);
            }

            let mut ready = vec![PollFd::new(stream.as_fd(), what)];
            ready.extend(self.cancel.map(|cancel| PollFd::new(cancel, PollFlags::POLLIN)));
            // Rounded up, so that the last part of a millisecond is not spent in a circle.
            let millis = i32::try_from(left.as_millis()).unwrap_or(i32::MAX - 1) + 1;
            match nix::poll::poll(
                &mut ready,
                PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX),
            ) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }

            if ready.get(1).is_some_and(|cancel| cancel.any().unwrap_or(false)) {
                return Err(GuardError::Cancelled);
            }
            if ready[0].any().unwrap_or(false) {
                return Ok(());
            }
        }
    }
}

/// True if it is a netlink socket; from now on nobody waits long at it.
pub fn is_netlink(fd: &OwnedFd) -> bool {
    let timeout = TimeVal::milliseconds(NETLINK_TIMEOUT.as_millis() as i64);
    getsockname::<NetlinkAddr>(fd.as_raw_fd()).is_ok()
        && setsockopt(fd, sockopt::ReceiveTimeout, &timeout).is_ok()
}

/// True if it is a socket of this machine alone, as wires are.
pub fn is_wire(fd: &OwnedFd) -> bool {
    let kind = nix::sys::socket::getsockopt(fd, sockopt::SockType);
    getsockname::<UnixAddr>(fd.as_raw_fd()).is_ok()
        && kind == Ok(nix::sys::socket::SockType::Stream)
}

/// True if it is a terminal, or the master side of one.
pub fn is_terminal(fd: &OwnedFd) -> bool {
    nix::unistd::isatty(fd).unwrap_or(false)
}
