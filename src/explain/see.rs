//! Lines to type into a shell of the lab, to see oneself what a row says. Each one looks, and changes nothing of the lab.

use crate::action::paths::shell_word;
use crate::op::{ActorName, IpcObject, MappedIds};

/// A line for a shell beside the lab's host: it has all programs of the machine's /usr, and sees into every other actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeeLine {
    pub line: String,
    /// A text of the row that the line prints.
    pub shows: String,
}

/// An actor as the lab's host sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seat {
    Host,
    /// Another process, by its PID as the host counts.
    Process(u32),
}

impl Seat {
    pub fn of(actor: &ActorName, lab_pid: u32) -> Seat {
        if *actor == ActorName::host() { Seat::Host } else { Seat::Process(lab_pid) }
    }

    fn pid(&self) -> u32 {
        match self {
            Seat::Host => 1,
            Seat::Process(pid) => *pid,
        }
    }

    /// The words before a program that is to run in a namespace of it.
    fn enter(&self, option: &str) -> String {
        match self {
            Seat::Host => String::new(),
            Seat::Process(pid) => format!("nsenter -t {pid} {option} "),
        }
    }

    /// A path of it, from the host.
    fn path(&self, path: &str) -> String {
        let path = match self {
            Seat::Host => path.to_owned(),
            Seat::Process(pid) => format!("/proc/{pid}/root{path}"),
        };
        shell_word(&path)
    }
}

fn see(line: String, shows: impl Into<String>) -> SeeLine {
    SeeLine { line, shows: shows.into() }
}

pub fn mount(seat: &Seat, id: u32) -> SeeLine {
    let of = match seat {
        Seat::Host => String::new(),
        Seat::Process(pid) => format!("-N {pid} "),
    };
    see(
        format!("findmnt {of}-ln -o ID,TARGET,FSTYPE,PROPAGATION,SOURCE | grep '^ *{id} '"),
        id.to_string(),
    )
}

pub fn process(lab_pid: u32, comm: &str) -> SeeLine {
    see(format!("ps -o pid,ppid,stat,comm,args -p {lab_pid}"), comm)
}

pub fn namespace(seat: &Seat, kind: &str, inode: u64) -> SeeLine {
    see(format!("readlink /proc/1/ns/{kind} /proc/{}/ns/{kind}", seat.pid()), inode.to_string())
}

pub fn host_name(seat: &Seat, name: &str) -> SeeLine {
    see(format!("{}cat /proc/sys/kernel/hostname", seat.enter("-u")), name)
}

pub fn ipc_object(seat: &Seat, object: &IpcObject) -> SeeLine {
    // The table has keys as signed numbers.
    let key = object.key.cast_signed();
    see(format!("{}cat {}", seat.enter("-i"), object.kind.table()), key.to_string())
}

/// The first range of a user map; who has none is 65534.
pub fn id_map(seat: &Seat, first: Option<MappedIds>) -> SeeLine {
    match first {
        Some(range) => see(format!("cat /proc/{}/uid_map", seat.pid()), range.outside.to_string()),
        None => {
            let enter = seat.enter("-U --preserve-credentials");
            see(format!("{enter}id -u"), "65534")
        }
    }
}

pub fn clock_offsets(seat: &Seat, seconds: i64) -> SeeLine {
    see(format!("cat /proc/{}/timens_offsets", seat.pid()), seconds.to_string())
}

pub fn own_groups(seat: &Seat, path: &str) -> SeeLine {
    see(format!("cat /proc/{}/cgroup", seat.pid()), path)
}

pub fn link(seat: &Seat, name: &str) -> SeeLine {
    see(format!("{}ip -d link show dev {}", seat.enter("-n"), shell_word(name)), name)
}

pub fn address(seat: &Seat, dev: &str, ip: &str) -> SeeLine {
    see(format!("{}ip addr show dev {}", seat.enter("-n"), shell_word(dev)), ip)
}

pub fn route(seat: &Seat, to: &str, dev: &str) -> SeeLine {
    let family = if to.contains(':') { "-6 " } else { "" };
    let which = if to == "default" { "" } else { "exact " };
    see(format!("{}ip {family}route show {which}{}", seat.enter("-n"), shell_word(to)), dev)
}

pub fn neighbour(seat: &Seat, dev: &str, ip: &str) -> SeeLine {
    let (dev, to) = (shell_word(dev), shell_word(ip));
    see(format!("{}ip neighbour show {to} dev {dev} nud all", seat.enter("-n")), ip)
}

/// A rule of nft, by its text without the chain that it is in.
pub fn rule(seat: &Seat, text: &str) -> SeeLine {
    let shows = text.rsplit_once(" in ").map_or(text, |(rule, _)| rule);
    see(format!("{}nft -s list ruleset", seat.enter("-n")), shows)
}

pub fn forwarding(seat: &Seat) -> SeeLine {
    see(format!("{}cat /proc/sys/net/ipv4/ip_forward", seat.enter("-n")), "1")
}

/// Of tc and nft, by the first words of the row.
pub fn traffic(seat: &Seat, text: &str) -> SeeLine {
    let mut words = text.split_whitespace();
    let kind = words.next().unwrap_or_default();
    let dev = text.split_once(" dev ").and_then(|(_, rest)| rest.split_whitespace().next());
    let enter = seat.enter("-n");
    match (kind, dev) {
        ("qdisc" | "class", Some(dev)) => {
            let shows: Vec<&str> = text.split_whitespace().take(3).collect();
            see(format!("{enter}tc -s {kind} show dev {}", shell_word(dev)), shows.join(" "))
        }
        _ => {
            let shows = text.split(" counter").next().unwrap_or(text);
            see(format!("{enter}nft list ruleset"), shows)
        }
    }
}

pub fn group(dir: &str) -> SeeLine {
    see(format!("cat {}", shell_word(&format!("{dir}/cgroup.procs"))), "")
}

pub fn group_file(dir: &str, file: &str, value: &str) -> SeeLine {
    let first = value.lines().next().unwrap_or_default();
    see(format!("cat {}", shell_word(&format!("{dir}/{file}"))), first)
}

/// A directory or a file, with what it is.
pub fn file(seat: &Seat, path: &str) -> SeeLine {
    let name = path.rsplit('/').next().unwrap_or(path);
    see(format!("ls -ld {}", seat.path(path)), name)
}

/// A line that opens a manual page in a lab, which has those of the machine's /usr and nothing of its /etc.
pub fn manual(section: &str, name: &str) -> String {
    let missing = "not installed here: the packages man-db, manpages and manpages-dev have it";
    format!("man -C /dev/null -M /usr/share/man {section} {name} || echo '{missing}'")
}

/// A line that makes the call, and whose effects are gone when it ends: it works in namespaces of its own, or is refused.
pub fn call(name: &str) -> Option<SeeLine> {
    const LINES: [(&str, &str); 54] = [
        ("mount", "strace -f -e trace=mount unshare -m true"),
        ("umount2", "strace -f -e trace=umount2 unshare -m umount -l /proc"),
        (
            "pivot_root",
            "strace -f -e trace=pivot_root unshare -m sh -c 'mount -t tmpfs t /mnt && mkdir /mnt/old && cd /mnt && pivot_root . old'",
        ),
        ("chroot", "strace -e trace=chroot chroot / true"),
        ("chdir", "strace -e trace=chdir env -C / true"),
        ("mkdir", "strace -e trace=/^mkdir mkdir /proc"),
        ("rmdir", "strace -e trace=/^rmdir rmdir /proc"),
        ("unlink", "strace -e trace=/^unlink unlink /proc/nothing"),
        ("symlink", "strace -e trace=/^symlink ln -s nothing /proc/version"),
        ("link", "strace -e trace=/^link ln /proc/version /proc/nothing"),
        ("rename", "strace -e trace=/^rename mv -T /proc/version /proc/nothing"),
        ("chmod", "strace -e trace=/chmod chmod 444 /proc/version"),
        ("mknod", "strace -e trace=/^mknod mknod /proc/nothing p"),
        ("openat", "strace -e trace=openat cat /proc/version"),
        ("write", "strace -e trace=write /bin/echo hello"),
        ("read", "strace -e trace=read cat /proc/version"),
        ("stat", "strace -e trace=%%stat ls -d /proc"),
        ("sethostname", "strace -f -e trace=sethostname unshare -u hostname box"),
        ("msgget", "strace -f -e trace=msgget unshare -i ipcmk -Q"),
        ("shmget", "strace -f -e trace=shmget unshare -i ipcmk -M 4096"),
        ("semget", "strace -f -e trace=semget unshare -i ipcmk -S 1"),
        ("msgctl", "strace -f -e trace=msgctl unshare -i sh -c 'ipcmk -Q; ipcrm -q 0'"),
        ("shmctl", "strace -f -e trace=shmctl unshare -i sh -c 'ipcmk -M 4096; ipcrm -m 0'"),
        ("semctl", "strace -f -e trace=semctl unshare -i sh -c 'ipcmk -S 1; ipcrm -s 0'"),
        ("getpid", "strace -e trace=getpid bash -c true"),
        ("kill", "strace -e trace=kill bash -c 'kill -0 $$'"),
        ("clone", "strace -f -e trace=clone,clone3 unshare -fp true"),
        ("clone3", "strace -f -e trace=clone,clone3 unshare -fp true"),
        ("unshare", "strace -e trace=unshare unshare -u true"),
        ("dup2", "strace -e trace=dup2 sh -c 'exec 9</dev/null'"),
        ("close", "strace -e trace=close sh -c 'exec 9</dev/null; exec 9<&-'"),
        ("setns", "strace -e trace=setns nsenter -t 1 -u true"),
        ("setuid", "strace -e trace=setuid unshare -U -r --setuid 0 true"),
        ("setgid", "strace -e trace=setgid chroot --userspec=:0 / true"),
        ("setresuid", "strace -e trace=setresuid setpriv --reuid 0 true"),
        ("setresgid", "strace -e trace=setresgid setpriv --regid 0 --keep-groups true"),
        ("wait4", "strace -f -e trace=wait4 sh -c 'env true; true'"),
        ("execve", "strace -e trace=execve true"),
        ("socket", "strace -e trace=socket ping -c 1 127.0.0.1"),
        ("bind", "strace -e trace=bind ip link"),
        (
            "listen",
            "strace -e trace=listen perl -MIO::Socket::INET -e 'IO::Socket::INET->new(Listen => 1)'",
        ),
        ("connect", "strace -f -e trace=connect bash -c ': < /dev/tcp/127.0.0.1/9'"),
        ("sendto", "strace -e trace=sendto ping -c 1 127.0.0.1"),
        ("recvfrom", "strace -e trace=/^recv ping -c 1 127.0.0.1"),
        ("RTM_NEWLINK", "unshare -n strace -e trace=/^send ip link set lo up"),
        ("RTM_DELLINK", "unshare -n strace -e trace=/^send ip link del lo"),
        ("RTM_NEWADDR", "unshare -n strace -e trace=/^send ip addr add 10.9.9.9/8 dev lo"),
        ("RTM_NEWROUTE", "unshare -n strace -e trace=/^send ip route add 10.0.0.0/8 dev lo"),
        ("RTM_DELROUTE", "unshare -n strace -e trace=/^send ip route del 10.0.0.0/8 dev lo"),
        (
            "RTM_NEWQDISC",
            "unshare -n strace -e trace=/^send tc qdisc add dev lo root handle 10: htb",
        ),
        (
            "RTM_NEWTCLASS",
            "unshare -n strace -e trace=/^send tc class add dev lo parent 10: classid 10:1 htb rate 8mbit",
        ),
        ("NFT_MSG_NEWTABLE", "unshare -n strace -e trace=/^send nft add table ip t"),
        (
            "NFT_MSG_NEWCHAIN",
            "unshare -n strace -e trace=/^send nft 'add table ip t; add chain ip t c'",
        ),
        (
            "NFT_MSG_NEWRULE",
            "unshare -n strace -e trace=/^send nft 'add table ip t; add chain ip t c; add rule ip t c counter'",
        ),
    ];
    let (name, line) = LINES.into_iter().find(|(known, _)| *known == name)?;
    // Programs and machines name some calls otherwise: `mkdirat`, `newfstatat`, `recvmsg`.
    let shows = match name {
        "clone3" => "clone",
        "recvfrom" => "recv",
        other => other,
    };
    Some(see(line.to_owned(), shows))
}
