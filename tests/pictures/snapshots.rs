//! A lab that nobody made, as it is before and after a step, with the names that somebody gave to things in it.

use unboxed::observe::mounts;
use unboxed::op::{ActorName, NamespaceKind};
use unboxed::snapshot::*;

pub fn table(actor: &str, ns: u64, lines: &str) -> MountTable {
    MountTable {
        actor: actor.into(),
        ns: NsInode(ns),
        rows: mounts::parse(lines),
        omitted: Omitted::Nothing,
    }
}

pub const BEFORE: &str = "\
1 0 0:1 / / rw - tmpfs tmpfs rw
2 1 254:0 /usr /usr ro - ext4 /dev/vda rw
3 1 0:3 / /proc rw - proc proc rw
4 1 0:4 /c /root/container rw - tmpfs tmpfs rw";
pub const AFTER: &str = "\
1 4 0:1 / /oldroot rw - tmpfs tmpfs rw
2 1 254:0 /usr /oldroot/usr ro - ext4 /dev/vda rw
3 1 0:3 / /oldroot/proc rw - proc proc rw
4 0 0:4 /c / rw - tmpfs tmpfs rw";

pub fn process(pid: u32, pids: &[u32], actor: Option<&str>, comm: &str) -> Process {
    let inode =
        |kind: &NamespaceKind| (*kind, NsInode(4_026_531_000 + u64::from(pid) * 10 + *kind as u64));
    Process {
        pid,
        ns_pids: pids.to_vec(),
        ppid: 1,
        start_time: 7,
        uid: 0,
        state: 'S',
        comm: comm.into(),
        args: comm.into(),
        actor: actor.map(ActorName::from),
        namespaces: NamespaceKind::ALL.iter().map(inode).collect(),
        cgroups: Vec::new(),
    }
}

pub fn snapshot(container: &str, names: &[&str]) -> Snapshot {
    let link = |index: u32, name: &str| Link {
        index,
        name: name.into(),
        kind: "veth".into(),
        up: true,
        carrier: true,
        operstate: "UP".into(),
        mac: "00:00:00:00:00:01".into(),
        mtu: 1500,
        master: Some("docker0".into()),
        peer_index: Some(2),
        peer_netns: Some(0),
    };
    Snapshot {
        mounts: vec![table("host", 1, BEFORE), table("container", 2, container)],
        processes: std::iter::once(process(100, &[100, 1], Some("host"), "unboxed: host"))
            .chain(std::iter::once(process(
                102,
                &[102, 6, 1],
                Some("container"),
                "unboxed: container",
            )))
            .chain(
                names
                    .iter()
                    .enumerate()
                    .map(|(index, name)| process(200 + index as u32, &[200], None, name)),
            )
            .collect(),
        networks: vec![Network {
            name: "host".into(),
            ns: NsInode(5),
            actors: vec!["host".into()],
            links: names
                .iter()
                .enumerate()
                .map(|(index, name)| link(index as u32 + 1, name))
                .chain([link(90, "h0")])
                .collect(),
            addresses: vec![Address {
                dev: "h0".into(),
                ip: "172.17.0.1".into(),
                prefix: 16,
                scope: "global".into(),
            }],
            routes: vec![Route {
                to: "default".into(),
                via: Some("203.0.113.1".into()),
                dev: "eth0".into(),
                protocol: "boot".into(),
                scope: "global".into(),
                prefsrc: None,
            }],
            neighbours: Vec::new(),
            traffic: Vec::new(),
            forwarding: Some(true),
            rules: vec![FirewallRule {
                effect: RuleEffect::SourceNat,
                text:
                    "ip saddr 172.17.0.0/16 oifname != \"docker0\" masquerade in ip nat POSTROUTING"
                        .into(),
            }],
            omitted: NetworkOmitted::default(),
        }],
        cgroups: vec![Cgroup {
            hierarchy: "memory".into(),
            path: "box".into(),
            procs: vec![102],
            procs_omitted: Omitted::Nothing,
            files: names
                .iter()
                .map(|name| ((*name).to_owned(), (*name).to_owned()))
                .chain([("memory.limit_in_bytes".into(), "67108864".into())])
                .collect(),
        }],
        overlays: vec![Overlay {
            actor: "host".into(),
            mount_id: 9,
            merged: "/merged".into(),
            lowers: vec!["/image/tools".into(), "/image/base".into()],
            upper: Some("/upper".into()),
            work: Some("/work".into()),
            entries: names
                .iter()
                .map(|name| OverlayEntry {
                    path: (*name).into(),
                    kind: FileKind::File,
                    in_lowers: vec![1],
                    lower_whiteouts: Vec::new(),
                    lower_opaques: Vec::new(),
                    upper: InUpper::Whiteout,
                    merged: false,
                })
                .collect(),
            truncated: true,
        }],
        directories: vec![Directory {
            actor: "container".into(),
            path: "/".into(),
            entries: Some(
                names
                    .iter()
                    .map(|name| DirEntry {
                        name: (*name).into(),
                        kind: FileKind::File,
                        size: 5,
                        link: None,
                    })
                    .collect(),
            ),
            omitted: Omitted::Nothing,
        }],
        ipc: Vec::new(),
        contents: Vec::new(),
        hostnames: names.iter().map(|name| (ActorName::from(*name), (*name).to_owned())).collect(),
        processes_omitted: Omitted::Nothing,
        cgroups_omitted: Omitted::Nothing,
        overlays_omitted: Omitted::Nothing,
    }
}
