//! One ICMP echo, as `ping -c 1` sends it. See icmp(7), RFC 792.

use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn};

use super::load;
use super::notation;
use super::record::{Recorder, retry_interrupted};

const ECHO_REPLY: u8 = 0;
const UNREACHABLE: u8 = 3;
const ECHO_REQUEST: u8 = 8;
// The letters `ub`: a raw socket hears the answers to others' echoes too.
const IDENTIFIER: u16 = 0x7562;

/// The round trip time of one echo. `idle_timeout` is for an idle machine: on a busy one, who has to answer waits for a CPU, and
/// is waited for accordingly. `ETIMEDOUT` when no answer came, `EHOSTUNREACH` when a router said so.
pub fn echo(
    recorder: &mut Recorder,
    to: Ipv4Addr,
    idle_timeout: Duration,
) -> Result<Duration, Errno> {
    let socket = recorder.call("socket", "AF_INET, SOCK_RAW|SOCK_CLOEXEC, IPPROTO_ICMP", || {
        nix::sys::socket::socket(
            AddressFamily::Inet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::Icmp,
        )
    })?;

    let packet = request(IDENTIFIER);
    let [a, b, c, d] = to.octets();
    let address = SockaddrIn::new(a, b, c, d, 0);
    let number = socket.as_raw_fd();
    let args = format!(
        "{number}, {}, {}, 0, {}, 16",
        notation::quoted(&packet),
        packet.len(),
        notation::socket_address(to, 0)
    );
    let started = Instant::now();
    recorder.call("sendto", args, || {
        nix::sys::socket::sendto(number, &packet, &address, MsgFlags::empty())
    })?;

    let mut buffer = [0_u8; 1500];
    let mut timeout = load::stretched(idle_timeout);
    loop {
        let left = timeout.saturating_sub(started.elapsed());
        let mut ready = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
        let wait_ms =
            PollTimeout::try_from(left.as_millis().min(60_000) as i32).unwrap_or(PollTimeout::ZERO);
        if nix::poll::poll(&mut ready, wait_ms)? == 0 {
            // The load may have come since.
            let now = load::stretched(idle_timeout);
            if now <= timeout {
                return Err(Errno::ETIMEDOUT);
            }
            timeout = now;
            continue;
        }

        // Other packets pass by on a raw socket (our own request, on the loopback): only what ends the wait is shown.
        let received = Instant::now();
        let count =
            retry_interrupted(|| nix::sys::socket::recv(number, &mut buffer, MsgFlags::empty()))?;
        let Some(answer) = classify(&buffer[..count]) else { continue };
        recorder.push(crate::call::Call {
            kind: crate::call::CallKind::Syscall,
            name: "recvfrom".into(),
            args: format!(
                "{number}, {}, {}, 0, NULL, NULL",
                notation::quoted(&buffer[..count]),
                buffer.len()
            ),
            result: crate::call::CallResult::Value(count as i64),
            nanos: received.elapsed().as_nanos() as u64,
        });

        return match answer {
            ECHO_REPLY => Ok(started.elapsed()),
            _ => Err(Errno::EHOSTUNREACH),
        };
    }
}

fn request(identifier: u16) -> Vec<u8> {
    let mut packet = vec![ECHO_REQUEST, 0, 0, 0];
    packet.extend_from_slice(&identifier.to_be_bytes());
    packet.extend_from_slice(&1_u16.to_be_bytes());
    packet.extend_from_slice(b"unboxed!");
    let sum = checksum(&packet);
    packet[2..4].copy_from_slice(&sum.to_be_bytes());
    packet
}

/// The Internet checksum, RFC 1071.
fn checksum(packet: &[u8]) -> u16 {
    let mut sum: u32 = packet
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The ICMP type of an IP packet that answers our request: a reply with our identifier, or a refusal that quotes it.
fn classify(ip: &[u8]) -> Option<u8> {
    let icmp = ip.get(usize::from(ip.first()? & 0x0f) * 4..)?;
    let identifier = |echo: &[u8]| Some(u16::from_be_bytes([*echo.get(4)?, *echo.get(5)?]));
    match *icmp.first()? {
        ECHO_REPLY => (identifier(icmp)? == IDENTIFIER).then_some(ECHO_REPLY),
        UNREACHABLE => {
            let quoted = icmp.get(8..)?;
            let echo = quoted.get(usize::from(quoted.first()? & 0x0f) * 4..)?;
            (identifier(echo)? == IDENTIFIER).then_some(UNREACHABLE)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_carries_a_valid_checksum() {
        assert_eq!(checksum(&request(7)), 0);
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), 0x220d);
    }

    #[test]
    fn only_answers_to_our_own_request_end_the_wait() {
        let packet = |kind: u8, identifier: u16| {
            let mut ip = vec![0x45; 20];
            let mut icmp = request(identifier);
            icmp[0] = kind;
            ip.extend(icmp);
            ip
        };
        assert_eq!(classify(&packet(ECHO_REPLY, IDENTIFIER)), Some(ECHO_REPLY));
        assert_eq!(classify(&packet(ECHO_REPLY, 1)), None);
        assert_eq!(classify(&packet(ECHO_REQUEST, IDENTIFIER)), None);
        assert_eq!(classify(&[]), None);
        assert_eq!(classify(&[0x4f]), None);
    }
}
