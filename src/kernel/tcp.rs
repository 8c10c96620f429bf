//! One TCP connection from either side: a server that says its name and who called, and a client that reads one line.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockProtocol, SockType, SockaddrIn, setsockopt, sockopt,
};
use nix::sys::time::TimeVal;

use super::record::Recorder;
use super::{load, notation};

/// The most bytes that are read of what a server says.
const MAX_LINE: usize = 256;
/// Callers that may wait for the server.
const BACKLOG: i32 = 8;

/// A socket that listens at a port, on all addresses of this network namespace. `EADDRINUSE` where another one does,
/// `EACCES` for a port below net.ipv4.ip_unprivileged_port_start and no CAP_NET_BIND_SERVICE.
pub fn listen(recorder: &mut Recorder, port: u16) -> Result<OwnedFd, Errno> {
    let socket = open(recorder)?;
    // A port is free again as soon as its server has ended, whatever still waits of its connections.
    setsockopt(&socket, sockopt::ReuseAddr, &true)?;

    let number = socket.as_raw_fd();
    let address = SockaddrIn::new(0, 0, 0, 0, port);
    let args = format!("{number}, {}, 16", notation::socket_address(Ipv4Addr::UNSPECIFIED, port));
    recorder.call("bind", args, || nix::sys::socket::bind(number, &address))?;

    let backlog = Backlog::new(BACKLOG)?;
    recorder.call("listen", format!("{number}, {BACKLOG}"), || {
        nix::sys::socket::listen(&socket, backlog)
    })?;
    Ok(socket)
}

/// Tell each caller a name and the address it calls from, for so long.
pub fn serve(socket: OwnedFd, name: &str, time: Duration) {
    let until = Instant::now() + time;
    // A wait without a caller ends as well.
    let wait = TimeVal::new(time.as_secs() as i64 + 1, 0);
    let _ = setsockopt(&socket, sockopt::ReceiveTimeout, &wait);
    let listener = TcpListener::from(socket);
    while let Ok((mut caller, from)) = listener.accept() {
        // Who does not read is not waited for.
        let _ = caller.set_write_timeout(Some(Duration::from_secs(1)));
        // In one piece: a caller may take what comes first for all of it.
        let _ = caller.write_all(format!("{name}, you are {}\n", from.ip()).as_bytes());
        if Instant::now() > until {
            return;
        }
    }
}

/// Connect, and read the first line that the server says. `idle_timeout` is for an idle machine. `ECONNREFUSED` where nobody
/// listens there, `ETIMEDOUT` where no answer came in that time, `EAGAIN` where a server is connected, and says nothing.
pub fn dial(
    recorder: &mut Recorder,
    to: Ipv4Addr,
    port: u16,
    idle_timeout: Duration,
) -> Result<String, Errno> {
    let socket = connect(recorder, to, port, idle_timeout)?;
    first_line(recorder, &socket)
}

/// Connect, with a socket that waits as long for what is read from it. Errors as of `dial`.
pub fn connect(
    recorder: &mut Recorder,
    to: Ipv4Addr,
    port: u16,
    idle_timeout: Duration,
) -> Result<OwnedFd, Errno> {
    let socket = open(recorder)?;
    let timeout = load::stretched(idle_timeout);
    // The kernel gives up by itself after this time, at the next packet that it would have sent again. Kernels alone answer
    // until then, whatever waits for a CPU.
    setsockopt(&socket, sockopt::TcpUserTimeout, &(idle_timeout.as_millis() as u32))?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::new(timeout.as_secs() as i64 + 1, 0))?;

    let number = socket.as_raw_fd();
    let [a, b, c, d] = to.octets();
    let address = SockaddrIn::new(a, b, c, d, port);
    let args = format!("{number}, {}, 16", notation::socket_address(to, port));
    recorder.call("connect", args, || nix::sys::socket::connect(number, &address))?;
    Ok(socket)
}

/// The first line of what comes next; empty where the other side closes without a word.
pub fn first_line(recorder: &mut Recorder, socket: &OwnedFd) -> Result<String, Errno> {
    let number = socket.as_raw_fd();
    let mut line = [0_u8; MAX_LINE];
    let count = recorder.call_with_buffer(
        "read",
        &mut line[..],
        |line| nix::unistd::read(socket, line),
        |line, read| {
            let said = read.map_or(0, |count| count);
            format!("{number}, {}, {MAX_LINE}", notation::quoted(&line[..said]))
        },
    )?;
    let said = String::from_utf8_lossy(&line[..count]);
    Ok(said.lines().next().unwrap_or_default().trim_end().to_owned())
}

fn open(recorder: &mut Recorder) -> Result<OwnedFd, Errno> {
    recorder.call("socket", "AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_TCP", || {
        nix::sys::socket::socket(
            AddressFamily::Inet,
            SockType::Stream,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::Tcp,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_lines_in_one_piece_the_first_is_read() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server = std::thread::spawn(move || {
            let (mut caller, _) = listener.accept().expect("a caller");
            caller.write_all(b"one \r\ntwo\n").expect("it reads");
        });
        let said =
            dial(&mut Recorder::default(), Ipv4Addr::LOCALHOST, port, Duration::from_secs(1));
        assert_eq!(said.as_deref(), Ok("one"));
        server.join().expect("the server");
    }

    #[test]
    fn a_server_says_its_name_and_who_called_and_a_port_is_had_by_one() {
        // Port 0: the kernel chooses one that is free.
        let mut recorder = Recorder::default();
        let socket = listen(&mut recorder, 0).expect("a port");
        let listener = TcpListener::from(socket.try_clone().expect("a descriptor"));
        let port = listener.local_addr().expect("an address").port();
        assert_eq!(listen(&mut Recorder::default(), port).err(), Some(Errno::EADDRINUSE));

        let server = std::thread::spawn(move || serve(socket, "web", Duration::ZERO));
        let said =
            dial(&mut recorder, Ipv4Addr::LOCALHOST, port, Duration::from_secs(1)).expect("a line");
        assert_eq!(said, "web, you are 127.0.0.1");
        let calls: Vec<String> = recorder.calls().iter().map(|call| call.name.clone()).collect();
        assert_eq!(calls, ["socket", "bind", "listen", "socket", "connect", "read"]);

        server.join().expect("the server");
        let silent = dial(&mut Recorder::default(), Ipv4Addr::LOCALHOST, port, Duration::ZERO);
        assert_eq!(silent.err(), Some(Errno::EAGAIN), "it listens, and nobody takes the call");
        drop(listener);
        let refused =
            dial(&mut Recorder::default(), Ipv4Addr::LOCALHOST, port, Duration::from_secs(1));
        assert_eq!(refused.err(), Some(Errno::ECONNREFUSED));
    }
}
