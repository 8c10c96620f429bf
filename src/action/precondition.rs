//! Preconditions: what must hold for an action to work, as values. `words::precondition` says each.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::op::ActorName;

/// A condition of the lab before an action. A closed list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precondition {
    MountPoint {
        path: String,
    },
    NoMountPointYet {
        path: String,
    },
    /// pivot_root(2) refuses a mount whose parent is shared.
    ParentMountNotShared,
    /// A user namespace gets a new proc only where it sees another one whole.
    OtherProcMounted,

    Alive(ActorName),
    NoProcessYet(ActorName),
    OwnUtsNamespace(ActorName),

    Link {
        actor: ActorName,
        name: String,
    },
    NoLinkYet {
        name: String,
    },
    NoAddressYet {
        dev: String,
        /// With its prefix length.
        address: String,
    },
    NoRouteYet {
        actor: ActorName,
        to: String,
    },
    RouteTo(Ipv4Addr),
    /// The gateway of a route is in the network of a link that is up.
    GatewayInNetwork(Ipv4Addr),

    Cgroup {
        name: String,
    },
    NoCgroupYet {
        name: String,
    },
}

/// One precondition, looked up in a snapshot before the action runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreflightCheck {
    pub condition: Precondition,
    pub ok: bool,
}
