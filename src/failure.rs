//! Failures as data, and what an errno means *here* for someone who has not met it before.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::call::ErrnoName;
use crate::op::{Load, MountFlag, NamespaceKind, NetOp, Op};

/// A failure with its causes, as data that can cross a socket. `{}` is its own text, `{:#}` has its causes behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cause: Option<Box<Failure>>,
}

impl Failure {
    /// A failure without a cause.
    pub fn new(text: impl Into<String>) -> Failure {
        Failure { text: text.into(), cause: None }
    }

    /// An error with all its causes, each said once: what wraps another often says it already.
    pub fn of(error: &dyn Error) -> Failure {
        let text = error.to_string();
        let mut cause = error.source().map(|source| Box::new(Failure::of(source)));
        while let Some(said) = cause.take_if(|cause| text.ends_with(&cause.text)) {
            cause = said.cause;
        }
        match cause {
            Some(cause) if text.is_empty() => *cause,
            cause => Failure { text, cause },
        }
    }
}

impl From<&str> for Failure {
    fn from(text: &str) -> Failure {
        Failure::new(text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.cause {
            Some(cause) if f.alternate() => write!(f, ": {cause:#}"),
            _ => Ok(()),
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

/// An error and its causes in one line.
pub fn with_causes(error: &dyn Error) -> String {
    format!("{:#}", Failure::of(error))
}

/// One sentence on why this op fails with this errno and what to look at, where the kernel's own words mislead.
pub fn explain(op: &Op, errno: &ErrnoName) -> Option<Cow<'static, str>> {
    if let Op::Run { argv } = op {
        return explain_run(argv.first()?, errno).map(Cow::Owned);
    }

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
        (Op::Mount { fstype: Some(fstype), .. }, "EINVAL") if fstype == "overlay" => {
            "one lower layer alone, an upper one without a work directory on its own file system, or a layer that can't be one"
        }
        (Op::Mount { fstype: Some(fstype), .. }, "ENOENT") if fstype == "overlay" => {
            "a directory that the options name is not there, or the place where it is to be mounted"
        }
        (Op::Mount { flags, .. }, "EINVAL") if flags.contains(&MountFlag::Move) => {
            "it is no mount point, the mount it lies on is shared, or it would go below itself"
        }
        (Op::Mount { flags, .. }, "EINVAL") if flags.contains(&MountFlag::Bind) => {
            "the source is unbindable, or this user namespace inherited mounts below it: then it takes all of them or none"
        }
        (Op::Mount { flags, .. }, "EBUSY") if flags.contains(&MountFlag::Remount) => {
            "a file on this mount is open for writing"
        }
        (Op::Mount { fstype: Some(fstype), .. }, "EPERM") if fstype == "overlay" => {
            "an option that only the machine's root may give: metacopy or redirect_dir, for instance"
        }
        (Op::Mount { flags, .. }, "EPERM") if flags.contains(&MountFlag::Remount) => {
            "this user namespace inherited the mount, and may not take away what protects it"
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
        (Op::Dial { .. }, "ECONNREFUSED") => {
            "the packet arrived, and nobody listens at that port there: it was answered at once"
        }
        (Op::Dial { .. }, "ENETUNREACH") => {
            "no route leads there: nothing was sent. Look at the routes, and whether lo is up"
        }
        (Op::Dial { .. }, "EHOSTUNREACH") => {
            "the route exists, but nobody answered for that address on the link"
        }
        (Op::Dial { .. }, "ETIMEDOUT") => {
            "no answer came back: a firewall drops the packets, or an answer goes another way"
        }
        (Op::Dial { .. }, "EAGAIN") => {
            "the connection was made, and the server said nothing in that time"
        }
        (Op::Work { load: Load::Serve { .. }, .. }, "EADDRINUSE") => {
            "another socket of this network namespace listens at that port"
        }
        (Op::Work { load: Load::Serve { .. }, .. }, "EACCES") => {
            "ports below net.ipv4.ip_unprivileged_port_start take CAP_NET_BIND_SERVICE"
        }
        (Op::PortRule(_), "ENOENT" | "EOPNOTSUPP") => {
            "this kernel lacks a part of nf_tables that the rule asks for (the modules nft_chain_nat and nft_nat)"
        }
        (Op::Net(NetOp::AddRoute { .. }), "ENETUNREACH") => {
            "the gateway is in no network that a link of this namespace is in"
        }
        (Op::Net(NetOp::AddRoute { .. }), "ENETDOWN") => "the link towards the gateway is down",
        (Op::WriteFile { path, .. }, errno) if is_id_map(path) => return explain_id_map(errno),
        (Op::Spawn { ids: Some(_), .. }, errno @ ("EPERM" | "EINVAL")) => {
            return explain_id_map(errno);
        }
        (Op::Spawn { offsets, .. }, "ERANGE") if !offsets.is_empty() => {
            "a clock would run below 0, or further than it can count"
        }
        (Op::WriteFile { path, .. }, "EACCES") if path.ends_with("/timens_offsets") => {
            "the time namespace has a first process already: offsets come before it, or never"
        }
        (Op::WriteFile { path, .. }, "EINVAL") if path.ends_with("/timens_offsets") => {
            "a line has a clock (monotonic or boottime), seconds and nanoseconds, and no other clock has an offset"
        }
        (Op::Ipc { .. }, "EEXIST") => {
            "this IPC namespace has an object of this kind with this key already: list it with ipcs"
        }
        (Op::Ipc { .. }, "ENOENT") => {
            "this IPC namespace has no object of this kind with this key; another namespace may have one"
        }
        (Op::Spawn { .. }, "ENOSPC") => {
            "the limit on namespaces (user.max_*_namespaces) is reached"
        }
        (Op::Enter { kinds, .. }, "EINVAL") if kinds.contains(&NamespaceKind::User) => {
            "a process can't enter the user namespace that it is in, and id 0 must be in that namespace's map"
        }
        (Op::Enter { .. }, "EINVAL") => {
            "the file stands for no namespace, or for one of another kind"
        }
        (Op::Enter { .. }, "ENOMEM") => {
            "PID 1 of that PID namespace has ended: no process can be started there any more"
        }
        (Op::Enter { .. }, "EPERM") => {
            "entering takes CAP_SYS_ADMIN in the user namespace that owns the namespace, and in one's own"
        }
        (Op::Enter { .. }, "ESRCH") => "the process has ended",
        (Op::Enter { .. }, "ENOENT") => "there is no such file: nobody keeps the namespace there",
        (Op::SetHostname { .. }, "EPERM") => {
            "it takes CAP_SYS_ADMIN in the user namespace that owns this UTS namespace: root of another one has no right here"
        }
        (Op::SetHostname { .. }, "EINVAL") => "a host name has 64 bytes at most",
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
        (Op::WriteFile { path, .. }, "EACCES") if path.starts_with("/proc/sys/") => {
            "the files of /proc/sys belong to the root of the machine, who is nobody in this user namespace"
        }
        (Op::WriteFile { path, .. }, "ENOSPC")
            if path.ends_with("/cgroup.procs") || path.ends_with("/tasks") =>
        {
            "the group has no CPUs or no memory nodes yet: cpuset.cpus and cpuset.mems come first"
        }
        (Op::MakeImage(_), "EINVAL") => {
            "a layer is compressed: an image here takes layers that are packed without"
        }
        (Op::Unlayer(_), "EOPNOTSUPP") => {
            "the file system takes no attributes from users: a tmpfs does since Linux 6.6"
        }
        (Op::Rmdir { .. }, "EIO") => {
            "in an overlay: it would have to mark a directory, and may not (the option userxattr lets it)"
        }
        (Op::WriteFile { .. }, "EROFS") => {
            "this mount is read-only, or its file system is: an overlay without an upper layer, for instance"
        }
        (Op::WriteFile { .. }, "EBUSY") => {
            "the kernel refuses this value while the group uses more"
        }
        _ => return None,
    };

    Some(Cow::Borrowed(sentence))
}

fn is_id_map(path: &str) -> bool {
    path.ends_with("/uid_map") || path.ends_with("/gid_map")
}

fn explain_id_map(errno: &str) -> Option<Cow<'static, str>> {
    let sentence = match errno {
        "EPERM" => {
            "the map is written already, or the writer may not give these ids away, or a gid map came before setgroups was denied"
        }
        "EINVAL" => {
            "a range is empty, two ranges overlap, an id is not known outside, or the map came in two writes"
        }
        _ => return None,
    };
    Some(Cow::Borrowed(sentence))
}

/// The sentence for a program that could not be started. It names the program: the errno alone is also that of a file
/// which a program looked for.
fn explain_run(program: &str, errno: &ErrnoName) -> Option<String> {
    let is_path = program.contains('/');
    let sentence = match errno.0.as_str() {
        "ENOENT" if is_path => {
            format!("there is no program `{program}`, or the interpreter that it names is missing")
        }
        "ENOENT" => format!(
            "there is no program `{program}` in the lab. The lab's host has the programs of this machine's /usr \
             (on Debian, `apt-file search bin/{program}` names the package that has it); a container has those \
             of its image"
        ),
        "EACCES" => {
            format!("`{program}` may not be executed: it is a directory, or lacks the permission x")
        }
        "ENOEXEC" => format!(
            "`{program}` is neither a binary of this machine nor a script that begins with #!"
        ),
        _ => return None,
    };

    Some(sentence)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::action::LowerError;
    use crate::engine::lab_error::LabError;
    use crate::engine::link_error::LinkError;
    use crate::engine::session::SessionError;
    use crate::keeper::handle::KeeperError;
    use crate::tape::file::TapeError;
    use crate::wire::WireError;
    use crate::wire::protocol::RoleFailure;

    #[test]
    fn no_error_says_its_cause_and_has_it_as_well() {
        let io = || io::Error::from_raw_os_error(28);
        let failure = || RoleFailure::new("mount proc", nix::errno::Errno::EPERM);
        let errors: [Box<dyn Error>; 9] = [
            Box::new(WireError::Io(io())),
            Box::new(KeeperError::Start(io())),
            Box::new(KeeperError::Gone(WireError::Io(io()))),
            Box::new(KeeperError::Lab(failure())),
            Box::new(LinkError::BuildFailed(failure())),
            Box::new(TapeError::Io(io())),
            Box::new(LabError::Lower { step: "a".into(), cause: LowerError::NoDisk }),
            Box::new(LabError::Ended { pid: 7, why: Some(Failure::of(&failure())) }),
            Box::new(RoleFailure::because("start the store", Failure::of(&failure()))),
        ];

        for error in errors {
            let mut texts = vec![error.to_string()];
            let mut next = error.source();
            while let Some(cause) = next {
                assert!(
                    !texts.iter().any(|text| text.contains(&cause.to_string())),
                    "{cause} is in {texts:?}"
                );
                texts.push(cause.to_string());
                next = cause.source();
            }
            assert!(texts.len() > 1, "{texts:?} has no cause");
            assert_eq!(with_causes(error.as_ref()), texts.join(": "));
        }
    }

    #[test]
    fn a_program_that_can_not_be_started_is_named() {
        let said = |program: &str, errno: &str| {
            let op = Op::Run { argv: vec![program.to_owned(), "--all".into()] };
            explain(&op, &ErrnoName(errno.into())).map(Cow::into_owned)
        };

        let missing = said("no-such-program", "ENOENT").expect("a sentence");
        assert!(
            missing.starts_with("there is no program `no-such-program` in the lab."),
            "{missing}"
        );
        assert!(missing.contains("apt-file search bin/no-such-program"), "{missing}");

        for (program, errno) in [("/x/y.sh", "ENOENT"), ("y", "EACCES"), ("y", "ENOEXEC")] {
            let sentence = said(program, errno).expect("a sentence");
            assert!(sentence.contains(&format!("`{program}`")), "{errno}: {sentence}");
        }
        assert_eq!(said("y", "EAGAIN"), None);
    }

    #[test]
    fn a_chain_crosses_a_socket_as_it_is() {
        let wire = KeeperError::Gone(WireError::Io(io::Error::from_raw_os_error(28)));
        let failure = Failure::of(&SessionError::from(wire));
        let said = "the keeper process is gone: the connection failed: No space left on device (os error 28)";
        assert_eq!(format!("{failure:#}"), said);
        let written = serde_json::to_string(&failure).expect("JSON");
        assert_eq!(serde_json::from_str::<Failure>(&written).expect(&written), failure);
    }
}
