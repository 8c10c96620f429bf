//! The lab's network: the bridge `docker0` as docker leaves it, and an "internet" host that only NAT can reach.
//!
//! ```text
//! internet 203.0.113.1 ── eth0 203.0.113.2  host  docker0 172.17.0.1/16
//! ```

use std::os::fd::{BorrowedFd, OwnedFd};

use crate::kernel::net::{self, RouteSocket};
use crate::kernel::record::Recorder;
use crate::kernel::{nft, process};
use crate::op::{NamespaceKind, NetOp};
use crate::traffic::{
    BRIDGE, BRIDGE_ADDRESS, BRIDGE_NETWORK, BRIDGE_PREFIX, INTERNET, UPLINK_ADDRESS, UPLINK_PREFIX,
};
use crate::wire::protocol::{FailureContext, RoleFailure};

/// A netlink socket in the "internet": it keeps that namespace alive, and lets an observer look inside.
#[derive(Debug)]
pub struct InternetSocket {
    pub socket: OwnedFd,
    /// Its one service: what is sent there is gone.
    _discard: OwnedFd,
}

/// The network namespace that the caller has left, for the lab's internet to be built in.
#[derive(Debug)]
pub struct LeftNamespace {
    namespace: OwnedFd,
    internet: InternetSocket,
    far: RouteSocket,
}

/// Leave a new network namespace, which becomes the internet, for a second one, the host's. To be called before sysfs is
/// mounted, which shows the links of the namespace that it is mounted from.
pub fn leave_for_host() -> Result<LeftNamespace, RoleFailure> {
    // All of it before the host's namespace is made: a socket stays in the one it was opened in.
    let socket = net::open_socket().while_doing("open a netlink socket in the lab's internet")?;
    let discard = net::open_discard().while_doing("open the discard port of the lab's internet")?;
    let far = RouteSocket::open().while_doing("open a netlink socket in the lab's internet")?;
    let namespace: OwnedFd = std::fs::File::open("/proc/self/ns/net")
        .while_doing("open the internet's network namespace")?
        .into();

    process::unshare(&mut Recorder::default(), &[NamespaceKind::Net])
        .while_doing("make the host's network namespace")?;
    let internet = InternetSocket { socket, _discard: discard };
    Ok(LeftNamespace { namespace, internet, far })
}

/// Build the lab's network from the host's namespace.
pub fn build_network(left: LeftNamespace) -> Result<InternetSocket, RoleFailure> {
    let recorder = &mut Recorder::default();
    let LeftNamespace { namespace, internet, mut far } = left;
    let mut near = RouteSocket::open().while_doing("open a netlink socket in the lab's host")?;
    speak_ipv4_only();
    near.add_veth_into("eth0", "eth0", &namespace, None)
        .while_doing("make the cable to the internet")?;

    let address =
        |dev: &str, address, prefix| NetOp::AddAddress { dev: dev.into(), address, prefix };
    let up = |name: &str| NetOp::SetLink {
        name: name.into(),
        rename: None,
        up: Some(true),
        master: None,
    };
    // Names are looked up in the caller's namespace, so the far end is set while we are in it.
    process::in_network_namespace(&namespace, || {
        speak_ipv4_only();
        far.perform(recorder, &address("eth0", INTERNET, UPLINK_PREFIX))?;
        far.perform(recorder, &up("eth0"))
    })
    .while_doing("set up the internet's end of the cable")?;

    // In this order: the kernel takes no route through a link that is down.
    for op in [
        up("lo"),
        address("eth0", UPLINK_ADDRESS, UPLINK_PREFIX),
        up("eth0"),
        NetOp::AddRoute { to: None, via: INTERNET },
        NetOp::AddBridge { name: BRIDGE.into() },
        address(BRIDGE, BRIDGE_ADDRESS, BRIDGE_PREFIX),
        up(BRIDGE),
    ] {
        near.perform(recorder, &op).while_doing(&format!("set up the lab's network: {op:?}"))?;
    }

    process::write_file("/proc/sys/net/ipv4/ip_forward", "1")
        .while_doing("let the lab's host forward")?;
    nft::masquerade(BRIDGE_NETWORK, BRIDGE_PREFIX, BRIDGE)
        .while_doing("add the lab's NAT rule (nf_tables)")?;
    Ok(internet)
}

/// Turn IPv6 off: link-local addresses come and go by themselves, and would stand in every picture. Missing where
/// the kernel has no IPv6.
fn speak_ipv4_only() {
    for scope in ["all", "default"] {
        let _ = process::write_file(format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6"), "1");
    }
}

impl InternetSocket {
    pub fn fd(&self) -> BorrowedFd<'_> {
        use std::os::fd::AsFd;
        self.socket.as_fd()
    }
}
