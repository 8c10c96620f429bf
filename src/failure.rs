//! Failures as data, and what an errno means *here* for someone who has not met it before.

use crate::call::ErrnoName;
use crate::op::{NetOp, Op};

/// One sentence on why this op fails with this errno and what to look at, where the kernel's own words mislead.
pub fn explain(op: &Op, errno: &ErrnoName) -> Option<&'static str> {
    let sentence = match (op, errno.0.as_str()) {
        (Op::PivotRoot { .. }, "EINVAL") => {
            "new_root is not a mount point, or its parent mount is shared: pivot_root(2) swaps mounts, not directories"
        }
        (Op::PivotRoot { .. }, "EBUSY") => {
            "new_root is on the mount that is the root already, or put_old is: bind new_root onto itself first"
        }
        (Op::PivotRoot { .. }, "ENOENT") => "put_old must exist below new_root before the swap",
        (Op::Umount { .. } | Op::UmountAll, "EBUSY") => {
            "something still uses it: a process's root or working directory, an open file, or a mount below it"
        }
        (Op::Umount { .. } | Op::UmountAll, "EINVAL") => {
            "not a mount point, or a mount this user namespace inherited and may not take away"
        }
        (Op::Mount { .. }, "EPERM") => {
            "no right over this mount namespace, or no fully visible proc or sysfs is left to vouch for a new one"
        }
        (Op::Ping { .. }, "ENETUNREACH") => {
            "no route leads there: nothing was sent. Look at the routes, and whether lo is up"
        }
        (Op::Ping { .. }, "EHOSTUNREACH") => {
            "the route exists, but nobody answered for that address on the link"
        }
        (Op::Ping { .. }, "ETIMEDOUT") => {
            "the packet left, no answer came back: look at forwarding and NAT on the way"
        }
        (Op::Net(NetOp::AddRoute { .. }), "ENETUNREACH") => {
            "the gateway is in no network that a link of this namespace is in"
        }
        (Op::Net(NetOp::AddRoute { .. }), "ENETDOWN") => "the link towards the gateway is down",
        (Op::Spawn { .. }, "ENOSPC") => {
            "the limit on namespaces (user.max_*_namespaces) is reached"
        }
        (Op::Net(NetOp::AddQdisc { .. }), "EEXIST") => {
            "the device has a queueing discipline already"
        }
        (Op::Net(NetOp::AddQdisc { .. }), "ENOENT") => {
            "this kernel lacks the queueing discipline (its module: sch_htb)"
        }
        (Op::PacketRule(_), "ENOENT" | "EOPNOTSUPP") => {
            "this kernel lacks a part of nf_tables that the rule asks for (for groups of v2 the module nft_socket)"
        }
        (Op::WriteFile { path, .. }, "ENODEV") if path.ends_with("/net_prio.ifpriomap") => {
            "net_prio looks for the device in the machine's first network namespace, and nowhere else"
        }
        (Op::WriteFile { .. }, "EBUSY") => {
            "the kernel refuses this value while the group uses more"
        }
        _ => return None,
    };

    Some(sentence)
}
