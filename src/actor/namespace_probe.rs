//! Looking into another process's namespaces from inside the lab, for what the outside can't see: whether an address
//! answers, the host name, the paths of control groups, and System V objects. A forked child enters and looks, so the
//! actor itself goes nowhere.

use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::unistd::Pid;

use crate::kernel::process::{self, Fork};
use crate::kernel::record::Recorder;
use crate::kernel::{confine, icmp, net, tcp};
use crate::op::{IpcKind, NamespaceKind};

/// The answer of `to` to an ICMP echo from the network namespace of `pid`, or of the server at a TCP port of it.
pub fn answer_to(pid: u32, to: Ipv4Addr, port: Option<u16>, timeout_ms: u32) -> Option<String> {
    let timeout = Duration::from_millis(u64::from(timeout_ms));
    inside(pid, NamespaceKind::Net, || {
        let mut recorder = Recorder::default();
        let said = match port {
            // A server that takes the call has answered, whether it says something or not.
            Some(port) => {
                let socket = tcp::connect(&mut recorder, to, port, timeout).ok()?;
                tcp::first_line(&mut recorder, &socket).unwrap_or_default()
            }
            None => {
                icmp::echo(&mut recorder, to, timeout).ok()?;
                String::new()
            }
        };
        Some(if said.is_empty() { "an answer".to_owned() } else { said })
    })
}

/// A netlink socket of the network namespace of `pid`.
pub fn netlink_socket_of(pid: u32) -> Option<OwnedFd> {
    let namespace = std::fs::File::open(format!("/proc/{pid}/ns/net")).ok()?;
    process::in_network_namespace(&namespace.into(), net::open_socket).ok()
}

/// The host name that processes in the UTS namespace of `pid` see.
pub fn hostname_of(pid: u32) -> Option<String> {
    inside(pid, NamespaceKind::Uts, own_hostname)
}

/// The most bytes that are read of one table.
const MAX_TABLE: u64 = 32 << 10;

/// The tables of System V objects in the IPC namespace of `pid`, as the kernel prints them.
pub fn ipc_tables_of(pid: u32) -> Option<String> {
    inside(pid, NamespaceKind::Ipc, || {
        let mut text = String::new();
        for kind in IpcKind::ALL {
            let file = std::fs::File::open(kind.table()).ok()?;
            file.take(MAX_TABLE).read_to_string(&mut text).ok()?;
        }
        Some(text)
    })
}

/// The file /proc/OF/cgroup as it is read in the cgroup namespace of `reader`: paths begin at that namespace's root.
pub fn cgroup_paths(of: u32, reader: u32) -> Option<String> {
    /// Most of the file that is told, in bytes.
    const MAX_BYTES: u64 = 8192;
    inside(reader, NamespaceKind::Cgroup, || {
        let mut text = String::new();
        let file = std::fs::File::open(format!("/proc/{of}/cgroup")).ok()?;
        file.take(MAX_BYTES).read_to_string(&mut text).ok()?;
        Some(text)
    })
}

/// The host name that this process sees.
pub fn own_hostname() -> Option<String> {
    nix::unistd::gethostname().ok()?.into_string().ok()
}

fn inside(pid: u32, kind: NamespaceKind, look: impl FnOnce() -> Option<String>) -> Option<String> {
    let (answer, teller) = nix::unistd::pipe2(OFlag::O_CLOEXEC).ok()?;
    match process::fork(&mut Recorder::default(), &[]).ok()? {
        Fork::Child => {
            confine::keep_only(&[&teller]);

            let target = Pid::from_raw(i32::try_from(pid).unwrap_or(0));
            let seen = process::enter_namespaces(target, &[kind]).ok().and_then(|()| look());
            if let Some(seen) = seen {
                let _ = std::fs::File::from(teller).write_all(seen.as_bytes());
            }
            process::exit_now(0)
        }
        Fork::Parent(child) => {
            drop(teller);
            let mut seen = String::new();
            let _ = std::fs::File::from(answer).read_to_string(&mut seen);
            let _ = process::wait(&mut Recorder::default(), child);

            (!seen.is_empty()).then_some(seen)
        }
    }
}
