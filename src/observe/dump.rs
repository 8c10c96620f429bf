//! Dumps on a netlink socket: no more of one is received than a budget allows, and what is left of it is in nobody's
//! way.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::socket::{MsgFlags, recv};

use super::bounds::Budget;
use crate::snapshot::Omitted;

/// The longest silence of the kernel before a dump counts as failed, and the longest that a dump may take in all.
const SILENCE_TIMEOUT: Duration = Duration::from_millis(200);
const DUMP_TIMEOUT: Duration = Duration::from_secs(2);

/// Types of messages that are netlink's own, and the length of the header of each message.
const ERROR: u16 = libc::NLMSG_ERROR as u16;
const DONE: u16 = libc::NLMSG_DONE as u16;
pub const HEADER_BYTES: usize = size_of::<libc::nlmsghdr>();
const FLAGS: u16 = (libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16;

/// The reason that receiving came to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The kernel said all that it had to say.
    Done,
    /// It would go on.
    Cut,
}

/// A socket that is asked for one list after the other.
#[derive(Debug)]
pub struct Dumper<'a> {
    socket: &'a OwnedFd,
    bytes: &'a mut Budget,
    /// Rows kept of a list.
    pub rows: usize,
    buffer: Vec<u8>,
    is_busy: bool,
}

/// The start of a list.
#[derive(Debug)]
pub struct ListStart<T> {
    pub rows: Vec<T>,
    pub omitted: Omitted,
}

impl<'a> Dumper<'a> {
    /// The kernel refuses another dump while one is unfinished, and nothing ends one but reading it to its end: what
    /// an earlier look has left is read first.
    pub fn new(socket: &'a OwnedFd, rows: usize, bytes: &'a mut Budget) -> Dumper<'a> {
        let mut dumper = Dumper { socket, bytes, rows, buffer: vec![0; 64 * 1024], is_busy: false };
        dumper.is_busy = dumper.receive(Duration::ZERO, |_, _| None) == End::Cut;
        dumper
    }

    /// The messages that are `wanted`, told by type and body, as `read` makes them of the whole message. None where an
    /// earlier list is still being dumped.
    pub fn list<T>(
        &mut self,
        kind: u16,
        body: &[u8],
        wanted: impl Fn(&[u8]) -> bool,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> Option<ListStart<T>> {
        static SEQUENCE: AtomicU32 = AtomicU32::new(0x1000_0000);
        if self.is_busy {
            return None;
        }

        let sequence = SEQUENCE.fetch_add(1, Ordering::Relaxed);
        let request = request(kind, sequence, body);
        let mut list = ListStart { rows: Vec::new(), omitted: Omitted::Nothing };
        if nix::sys::socket::send(self.socket.as_raw_fd(), &request, MsgFlags::MSG_DONTWAIT)
            .is_err()
        {
            return Some(list);
        }

        let (most, mut others) = (self.rows, 0);
        let end = self.receive(SILENCE_TIMEOUT, |header, message| {
            // A late answer to an earlier request.
            if header.sequence != sequence {
                return None;
            }
            match header.kind {
                DONE => return Some(End::Done),
                ERROR if error(message) == Some(Errno::EBUSY) => return Some(End::Cut),
                ERROR => return Some(End::Done),
                _ => {}
            }
            if wanted(&message[HEADER_BYTES..]) {
                match list.rows.len() < most {
                    true => list.rows.extend(read(message)),
                    false => others += 1,
                }
            }
            None
        });

        self.is_busy = end == End::Cut;
        list.omitted = if self.is_busy { Omitted::Uncounted } else { Omitted::rows(others) };
        Some(list)
    }

    /// Receive until `each` says that this was the end, nothing more comes for so long, or enough has come.
    ///
    /// The socket came out of the lab, where it may be open, too: somebody there can read the answers away or set it
    /// to wait for ever, so that no call of this process may wait in it.
    fn receive(
        &mut self,
        silence: Duration,
        mut each: impl FnMut(&Header, &[u8]) -> Option<End>,
    ) -> End {
        let deadline = Instant::now() + DUMP_TIMEOUT;
        while !self.bytes.is_spent() && Instant::now() < deadline {
            let mut ready = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
            let timeout = PollTimeout::try_from(silence).unwrap_or(PollTimeout::ZERO);
            match nix::poll::poll(&mut ready, timeout) {
                // Silence in the middle of a dump; or nothing was left of an earlier one.
                Ok(0) if silence.is_zero() => return End::Done,
                Ok(0) => return End::Cut,
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => return End::Done,
            }

            let count =
                match recv(self.socket.as_raw_fd(), &mut self.buffer, MsgFlags::MSG_DONTWAIT) {
                    Ok(0) => return End::Done,
                    Ok(count) => count,
                    Err(Errno::EINTR | Errno::EAGAIN) => continue,
                    Err(_) => return End::Done,
                };

            self.bytes.spend(count);
            let mut rest = &self.buffer[..count];
            while let Some((header, message, behind)) = next_message(rest) {
                if let Some(end) = each(&header, message) {
                    return end;
                }
                rest = behind;
            }
        }

        End::Cut
    }
}

fn request(kind: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER_BYTES + body.len()).unwrap_or(u32::MAX);
    let mut request = length.to_ne_bytes().to_vec();
    request.extend([kind, FLAGS].iter().flat_map(|word| word.to_ne_bytes()));
    request.extend(sequence.to_ne_bytes());
    request.extend([0; 4]);
    request.extend(body);
    request
}

/// The parts of a message's header that are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    kind: u16,
    sequence: u32,
}

/// A message's header, the message with its header, and what comes behind it.
fn next_message(bytes: &[u8]) -> Option<(Header, &[u8], &[u8])> {
    let length = u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
    let sequence = u32::from_ne_bytes(bytes.get(8..12)?.try_into().ok()?);
    let message = bytes.get(..length).filter(|message| message.len() >= HEADER_BYTES)?;
    let behind = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((Header { kind, sequence }, message, behind))
}

fn error(message: &[u8]) -> Option<Errno> {
    let number = i32::from_ne_bytes(message.get(HEADER_BYTES..HEADER_BYTES + 4)?.try_into().ok()?);
    Some(Errno::from_raw(-number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

    /// A pair whose first end plays the kernel: it has said this to whoever asks on the second.
    fn said(messages: &[Vec<u8>]) -> (OwnedFd, OwnedFd) {
        let (kernel, ours) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::empty())
                .expect("a pair");
        for message in messages {
            nix::sys::socket::send(kernel.as_raw_fd(), message, MsgFlags::MSG_DONTWAIT)
                .expect("sent");
        }
        (kernel, ours)
    }

    fn message(kind: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
        request(kind, sequence, body)
    }

    #[test]
    fn what_is_left_of_an_earlier_dump_is_read_first() {
        let left: Vec<Vec<u8>> = (0..10).map(|_| message(16, 1, &[0; 100])).collect();
        let (_kernel, ours) = said(&left);
        let mut little = Budget::new(5 * 116);
        assert!(Dumper::new(&ours, 10, &mut little).is_busy, "half of it");
        let mut enough = Budget::new(100_000);
        assert!(!Dumper::new(&ours, 10, &mut enough).is_busy);
        assert_eq!(enough, Budget::new(100_000 - 5 * 116));
    }

    #[test]
    fn no_bytes_make_the_reader_panic_or_stand_still() {
        for length in [0_u32, 1, 15, 16, 17, 40, u32::MAX] {
            let mut bytes = length.to_ne_bytes().to_vec();
            bytes.extend([7; 36]);
            let mut rest = bytes.as_slice();
            let mut turns = 0;
            while let Some((_, _, behind)) = next_message(rest) {
                assert!(behind.len() < rest.len());
                rest = behind;
                turns += 1;
            }
            assert!(turns <= 2, "{length}");
        }
    }

    #[test]
    fn a_list_is_cut_at_its_rows_and_at_its_bytes() {
        let socket = crate::kernel::net::open_socket().expect("a netlink socket");
        const GET_LINK: u16 = 18;
        let links = |rows, bytes| {
            let mut budget = Budget::new(bytes);
            let mut dumper = Dumper::new(&socket, rows, &mut budget);
            let list = dumper.list(GET_LINK, &[0; 16], |_| true, |_| Some(()));
            list.map(|list| (list.rows.len(), list.omitted))
        };

        let (all, whole) = links(usize::MAX, 1 << 20).expect("not busy");
        assert_eq!(whole, Omitted::Nothing);
        assert!(all > 0, "there is a loopback");
        assert_eq!(links(0, 1 << 20), Some((0, Omitted::Rows(all))));
        assert_eq!(
            links(all, 1),
            Some((all.min(links(all, 1 << 20).map_or(0, |one| one.0)), Omitted::Uncounted))
        );
    }
}
