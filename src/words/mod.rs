//! Statements in words, one function for each: the only place where what is kept as a value becomes a sentence. Pure.
//!
//! A sentence may hold text of programs: whoever shows it makes it fit to be seen (`text::safe`).

mod beginning;
mod challenge;
mod consent;
pub mod detour;
pub mod diagnosis;
mod ended;
mod expected;
mod laid_out;
mod map;
mod notice;
mod outcome;
mod packages;
mod precondition;
mod prompt;
mod remark;
pub mod rows;
mod seen;
mod setting;
pub mod shell_lines;

pub use self::beginning::{
    chapter_begin, chapter_end, lesson_needs, lesson_size, minutes, short_minutes, warm_up,
};
pub use self::challenge::{
    CHALLENGE_HOW, before_repair, begin_repair, challenge_goal, challenge_recap, go_on,
    goal_heading, shell_lines_title,
};
pub use self::consent::{program_question, program_risk};
pub use self::diagnosis::{blocker, cure};
pub use self::ended::{ended_steps, left_on_machine};
pub use self::expected::expected;
pub use self::laid_out::{unpacked, unpacking};
pub use self::map::{map_changes, map_title, map_words};
pub use self::notice::{file_notice, notice};
pub use self::outcome::{came_of_step, on_real_machine, step_counts, verdict_word};
pub use self::precondition::precondition;
pub use self::prompt::prompt;
pub use self::remark::{owner_change_suffix, remark};
pub use self::seen::{UNREAD, seen, stall};
pub use self::setting::setting_mistake;

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::fact::{BlobReading, FileFact, LayoutFact, ProcCount, ProcListing};
    use crate::lesson::expect::verdict::Verdict;
    use crate::lesson::expect::{Expect, FactAnswers, ObservedState};
    use crate::observe::mounts::parse;
    use crate::op::{ActorName, IpcKind, IpcObject, NamespaceKind, Op, OpRecord, Outcome};
    use crate::snapshot::{
        Address, Cgroup, FileKind, InUpper, IpcTable, Link, MountTable, Network, NsInode, Omitted,
        Overlay, OverlayEntry, Process, Route, Snapshot, Traffic,
    };

    fn host() -> ActorName {
        ActorName::host()
    }

    fn process() -> Process {
        Process {
            pid: 70,
            ns_pids: vec![70, 1],
            ppid: 1,
            start_time: 5,
            uid: 0,
            state: 'S',
            comm: "sh".into(),
            args: "sh -c true".into(),
            actor: Some(host()),
            namespaces: [(NamespaceKind::Uts, NsInode(9)), (NamespaceKind::Ipc, NsInode(8))].into(),
            cgroups: Vec::new(),
        }
    }

    fn network() -> Network {
        let link = Link {
            index: 2,
            name: "eth0".into(),
            kind: "veth".into(),
            mac: "02:00:00:00:00:01".into(),
            up: true,
            operstate: "UP".into(),
            master: None,
            carrier: true,
            mtu: 1500,
            peer_index: None,
            peer_netns: None,
        };

        Network {
            actors: vec![host()],
            links: vec![link],
            addresses: vec![Address {
                dev: "eth0".into(),
                ip: "10.0.0.2".into(),
                prefix: 8,
                scope: "global".into(),
            }],
            routes: vec![Route {
                to: "default".into(),
                via: Some("10.0.0.1".into()),
                dev: "eth0".into(),
                protocol: "boot".into(),
                scope: "global".into(),
                prefsrc: None,
            }],
            traffic: vec![Traffic { text: "class htb 10:1".into(), packets: 3, bytes: 9 }],
            ..Network::default()
        }
    }

    fn lab() -> Snapshot {
        let queue = IpcObject { kind: IpcKind::Queue, key: 0x42, id: 0, size: 5, attached: 0 };
        let ipc = IpcTable {
            actor: host(),
            ns: NsInode(8),
            objects: vec![queue],
            omitted: Omitted::Nothing,
        };
        let lines = "1 0 0:1 / / rw - tmpfs none rw\n2 1 0:2 / /proc rw shared:1 - proc proc rw";
        let table = MountTable {
            actor: host(),
            ns: NsInode(1),
            rows: parse(lines),
            omitted: Omitted::Nothing,
        };
        let kept = MountTable {
            actor: "other".into(),
            ns: NsInode(2),
            rows: parse("3 1 0:3 net:[42] /run/net rw - nsfs nsfs rw"),
            omitted: Omitted::Nothing,
        };
        let entry = OverlayEntry {
            path: "etc".into(),
            kind: FileKind::Directory,
            in_lowers: vec![0],
            lower_whiteouts: Vec::new(),
            lower_opaques: Vec::new(),
            upper: InUpper::Whiteout,
            merged: false,
        };
        let overlay = Overlay {
            actor: host(),
            mount_id: 1,
            merged: "/merged".into(),
            lowers: vec!["/lower".into()],
            upper: None,
            work: None,
            entries: vec![entry],
            truncated: false,
        };
        let group = Cgroup {
            hierarchy: "memory".into(),
            path: "box".into(),
            procs: vec![70, 71],
            procs_omitted: Omitted::Nothing,
            files: [("memory.max".to_owned(), "4096".to_owned())].into(),
        };

        Snapshot {
            mounts: vec![table, kept],
            processes: vec![process(), Process { actor: Some("other".into()), ..process() }],
            networks: vec![network()],
            cgroups: vec![group],
            overlays: vec![overlay],
            hostnames: [(host(), "lab".to_owned())].into(),
            ipc: vec![ipc],
            ..Snapshot::default()
        }
    }

    fn facts() -> FactAnswers {
        let file =
            FileFact { kind: FileKind::File, content: "one\ntwo".into(), is_cut: false, size: 7 };
        FactAnswers {
            files: [
                ((host(), "/file".to_owned()), Some(file)),
                ((host(), "/none".to_owned()), None),
            ]
            .into(),
            layouts: [(
                (host(), "/layout".to_owned(), BlobReading::Hashed),
                Some(LayoutFact { blobs: 7, shared: 1, damaged: 1, is_cut: false }),
            )]
            .into(),
            proc_lists: [((host(), "other".into()), ProcListing::Listed)].into(),
            proc_counts: [(host(), ProcCount { count: 7, is_cut: false })].into(),
            reached: [
                ((host(), [10, 0, 0, 1].into(), None), Some("an answer".to_owned())),
                (
                    (host(), [10, 0, 0, 1].into(), Some(80)),
                    Some("web, you are 10.0.0.2".to_owned()),
                ),
                ((host(), [10, 0, 0, 1].into(), Some(81)), None),
            ]
            .into(),
            cgroup_paths: [((host(), host()), vec![("pids".to_owned(), "/box".to_owned())])].into(),
            made_actors: [host(), "gone".into()].into(),
        }
    }

    /// The verdict on an expectation in that lab, after it has travelled as JSON.
    fn verdict(expect: &str) -> Verdict {
        let expect: Expect =
            serde_json::from_str(expect).unwrap_or_else(|error| panic!("{expect}: {error}"));
        let record = OpRecord {
            actor: host(),
            op: Op::GetPid,
            calls: Vec::new(),
            outcome: Outcome::Exited { output: "cpu_share 0.5".into(), status: 3 },
            pieces: Vec::new(),
            nanos: 1,
        };
        let (snapshot, facts) = (lab(), facts());
        let verdict = expect.judge(&ObservedState {
            snapshot: &snapshot,
            before: &Snapshot::default(),
            facts: &facts,
            outputs: &["cpu_share 0.5"],
            ops: &[record.clone(), record],
        });

        let text = serde_json::to_string(&verdict).expect("it can be written");
        let read: Verdict = serde_json::from_str(&text).unwrap_or_else(|error| {
            panic!("{text}: {error}");
        });
        assert_eq!(read, verdict, "{text}");
        read
    }

    /// Each kind: an expectation that holds and one that does not, with both sentences.
    const CASES: &[(bool, &str, &str, &str)] = &[
        (
            true,
            r#"{"mount": {"target": "/proc", "type": "proc", "propagation": "shared", "option": "rw"}}"#,
            "host has a mount of type proc that is shared with option rw at /proc",
            "/proc proc proc rw shared",
        ),
        (
            false,
            r#"{"mount": {"target": "/x"}}"#,
            "host has a mount at /x",
            "no mount at /x among 2",
        ),
        (
            true,
            r#"{"mounts": {"at_most": 2, "like": "host"}}"#,
            "host has at most 2 mounts, and host has the mounts of host",
            "2 mounts",
        ),
        (
            true,
            r#"{"mount": {"target": "/proc", "root": "/", "peer_of": "host"}}"#,
            "host has a mount of the directory / at /proc, in a peer group with host's",
            "/proc proc proc rw shared",
        ),
        (false, r#"{"mounts": {"at_least": 3}}"#, "host has at least 3 mounts", "2 mounts"),
        (
            false,
            r#"{"mounts": {"all": "private"}}"#,
            "all mounts of host are private",
            "/proc is shared",
        ),
        (
            true,
            r#"{"namespaces": {"of": "host", "shared_with": "other", "kinds": ["uts"]}}"#,
            "host shares these namespaces with other: uts",
            "uts:[9] and uts:[9]",
        ),
        (
            false,
            r#"{"namespaces": {"of": "host", "differ_from": "box", "kinds": ["uts", "pid"]}}"#,
            "host has namespaces of its own, not box's: uts, pid",
            "host or box is not there",
        ),
        (
            true,
            r#"{"namespace": {"kind": "net", "kept_by": "/run/net", "in": "other", "members": 0}}"#,
            "/run/net keeps a net namespace that no process is in",
            "a net namespace, processes in it: 0",
        ),
        (
            false,
            r#"{"namespace": {"kind": "net", "kept_by": "/run/net"}}"#,
            "/run/net keeps a net namespace",
            "no namespace is bound to /run/net",
        ),
        (
            true,
            r#"{"pid": {"of": "host", "is": 1}}"#,
            "host is PID 1 in its own PID namespace",
            "NSpid: 70 1",
        ),
        (
            false,
            r#"{"pid": {"of": "box", "is": 1}}"#,
            "box is PID 1 in its own PID namespace",
            "there is no box",
        ),
        (
            true,
            r#"{"ps": {"in": "host", "lists": "other", "shown": true}}"#,
            "the /proc that host sees lists other",
            "it lists 7 processes",
        ),
        (
            false,
            r#"{"ps": {"in": "host", "lists": "other", "shown": false}}"#,
            "the /proc that host sees does not list other",
            "it lists 7 processes",
        ),
        (
            true,
            r#"{"process": {"actor": "host", "alive": true, "state": "S"}}"#,
            "host is alive, in state S",
            "pid 70 S sh -c true",
        ),
        (
            false,
            r#"{"process": {"actor": "box", "alive": true}}"#,
            "box is alive",
            "no such process",
        ),
        (
            true,
            r#"{"hostname": {"of": "host", "is": "lab"}}"#,
            "for host the machine is called lab",
            "lab",
        ),
        (
            false,
            r#"{"hostname": {"of": "box", "is": "lab"}}"#,
            "for box the machine is called lab",
            "there is no box",
        ),
        (
            true,
            r#"{"ipc": {"queues": 1, "semaphores": 0, "key": 66}}"#,
            "the IPC namespace of host has 1 message queue, no set of semaphores, the key 0x42",
            "message queue 0x42, 5 bytes in it",
        ),
        (
            false,
            r#"{"ipc": {"in": "box", "segments": 2}}"#,
            "the IPC namespace of box has 2 segments of shared memory",
            "there is no box",
        ),
        (
            true,
            r#"{"blobs": {"layout": "/layout", "count": 7, "shared": 1, "damaged": 1}}"#,
            "the layout /layout has 7 blobs, 1 layer that images share, 1 damaged blob",
            "7 blobs, 1 layer shared, 1 blob damaged",
        ),
        (
            false,
            r#"{"blobs": {"layout": "/layout", "damaged": 0}}"#,
            "the layout /layout has no damaged blob",
            "7 blobs, 1 layer shared, 1 blob damaged",
        ),
        (
            true,
            r#"{"file": {"path": "/file", "is": "file", "contains": "two"}}"#,
            "host sees a file at /file that says `two`",
            "File of 7 bytes: one",
        ),
        (
            false,
            r#"{"file": {"path": "/none", "is": "directory"}}"#,
            "host sees a directory at /none",
            "no such file",
        ),
        (
            true,
            r#"{"link": {"name": "eth0", "kind": "veth", "up": true}}"#,
            "host has a link eth0 of kind veth, up",
            "eth0 veth up",
        ),
        (
            false,
            r#"{"link": {"name": "eth1", "master": "br0"}}"#,
            "host has a link eth1, plugged into br0",
            "links: eth0",
        ),
        (
            true,
            r#"{"address": {"dev": "eth0", "is": "10.0.0.2/8"}}"#,
            "host has the address 10.0.0.2/8 on eth0",
            "10.0.0.2/8",
        ),
        (
            false,
            r#"{"address": {"dev": "lo", "is": "127.0.0.1/8"}}"#,
            "host has the address 127.0.0.1/8 on lo",
            "no address on lo",
        ),
        (
            true,
            r#"{"route": {"to": "default", "via": "10.0.0.1", "dev": "eth0"}}"#,
            "host has a route to default via 10.0.0.1 over eth0",
            "default via 10.0.0.1 dev eth0",
        ),
        (
            false,
            r#"{"route": {"to": "10.9.0.0/16"}}"#,
            "host has a route to 10.9.0.0/16",
            "routes to default",
        ),
        (
            true,
            r#"{"reach": {"to": "10.0.0.1", "answers": true}}"#,
            "10.0.0.1 answers when host asks",
            "an answer came",
        ),
        (
            false,
            r#"{"reach": {"to": "10.0.0.1", "answers": false}}"#,
            "10.0.0.1 does not answer when host asks",
            "an answer came",
        ),
        (
            true,
            r#"{"reach": {"to": "10.0.0.1", "port": 80, "says": "10.0.0.2", "answers": true}}"#,
            "10.0.0.1:80 says `10.0.0.2` when host asks",
            "it says `web, you are 10.0.0.2`",
        ),
        (
            false,
            r#"{"reach": {"to": "10.0.0.1", "port": 80, "says": "shop", "answers": true}}"#,
            "10.0.0.1:80 says `shop` when host asks",
            "it says `web, you are 10.0.0.2`",
        ),
        (
            true,
            r#"{"reach": {"to": "10.0.0.1", "port": 81, "answers": false}}"#,
            "10.0.0.1:81 does not answer when host asks",
            "no answer",
        ),
        (
            true,
            r#"{"cgroup": {"name": "box", "has": "host", "limit": {"memory": "4KiB"}}}"#,
            "the cgroup box holds host, may use 4096 bytes of memory",
            "memory.max = 4096, in memory",
        ),
        (
            false,
            r#"{"cgroup": {"name": "box", "has": "third"}}"#,
            "the cgroup box holds third",
            "cgroup.procs of memory: [70, 71]",
        ),
        (
            false,
            r#"{"cgroup": {"name": "box", "limit": {"cpu": 0.5, "pids": 9, "freeze": true}}}"#,
            "the cgroup box may use 0.5 CPUs, may have 9 processes, is frozen",
            "no file cpu.cfs_quota_us",
        ),
        (
            true,
            r#"{"overlay": {"entry": "etc", "from": "whiteout"}}"#,
            "etc is hidden by a whiteout",
            "etc is hidden by a whiteout",
        ),
        (
            false,
            r#"{"overlay": {"entry": "usr", "from": "both"}}"#,
            "usr is in the upper layer and hides a lower one",
            "1 overlays are mounted, none has it",
        ),
        (true, r#"{"output": {"says": "share"}}"#, "the output says `share`", "cpu_share 0.5"),
        (
            false,
            r#"{"output": {"says": "share", "whole": true}}"#,
            "the output is `share`",
            "nothing printed says it; the last line is `cpu_share 0.5`",
        ),
        (
            false,
            r#"{"outcome": {"errno": "EINVAL", "times": 3}}"#,
            "3 actions of the step fail with EINVAL",
            "none failed with EINVAL",
        ),
        (
            true,
            r#"{"took": {"action": 2, "of": 1, "at_least": 0.5, "at_most": 2.0}}"#,
            "action 2 takes at least 0.5 at most 2 times as long as action 1",
            "0.000 ms, beside 0.000 ms",
        ),
        (
            false,
            r#"{"took": {"action": 3, "of": 1, "at_most": 0.2}}"#,
            "action 3 takes at most 0.2 times as long as action 1",
            "nothing was done",
        ),
        (true, r#"{"outcome": {"status": 3}}"#, "the last action ends with status 3", "status 3"),
        (
            false,
            r#"{"outcome": {"errno": "EPERM"}}"#,
            "the last action fails with EPERM",
            "status 3",
        ),
        (
            true,
            r#"{"cgroup_file": {"name": "box", "file": ["memory.max"], "grew": true}}"#,
            "memory.max of box counts up",
            "memory.max = 4096, was 0",
        ),
        (
            false,
            r#"{"cgroup_file": {"name": "box", "file": ["memory.max"], "percent_of": "box", "at_most": 50}}"#,
            "memory.max of box, in percent of that of box, is at most 50",
            "memory.max in percent = 100",
        ),
        (
            true,
            r#"{"measured": {"what": "cpu_share", "at_least": 0.25}}"#,
            "cpu_share is at least 0.25",
            "cpu_share 0.5",
        ),
        (
            false,
            r#"{"measured": {"what": "forked", "by": "storm", "at_most": 4}}"#,
            "forked of storm is at most 4",
            "it was not measured",
        ),
        (
            true,
            r#"{"traffic": {"row": "class htb 10:1", "at_least": 1, "at_most": 3}}"#,
            "host has `class htb 10:1`, passed by 1 to 3 packets",
            "3 packets in this step",
        ),
        (
            false,
            r#"{"traffic": {"row": "class htb 10:2", "at_most": 0}}"#,
            "host has `class htb 10:2`, passed by no packet",
            "there is no such row",
        ),
        (
            true,
            r#"{"ids": {"of": "host", "uid": 0}}"#,
            "host is user 0 in its own user namespace",
            "it is user 0 there",
        ),
        (
            false,
            r#"{"ids": {"of": "host", "uid_map": ["0 1000 1"], "gid_map": []}}"#,
            "the user map of host is `0 1000 1`, and the group map of host is empty",
            "it is user 0 there",
        ),
        (
            true,
            r#"{"clock": {"of": "host", "boottime": 0}}"#,
            "the time namespace moves the boot-time clock of host by 0 s",
            "clocks as outside",
        ),
        (
            false,
            r#"{"clock": {"of": "host", "monotonic": 5, "boottime": 7}}"#,
            "the time namespace moves the monotonic clock of host by 5 s and the boot-time clock of host by 7 s",
            "clocks as outside",
        ),
        (
            true,
            r#"{"cgroup_path": {"of": "host", "controller": "pids", "is": "/box"}}"#,
            "host reads /box as the pids group of host",
            "/box",
        ),
        (
            false,
            r#"{"cgroup_path": {"of": "host", "controller": "pids", "is": "/"}}"#,
            "host reads / as the pids group of host",
            "/box",
        ),
    ];

    #[test]
    fn each_kind_of_expectation_says_what_must_hold_and_what_was_seen_either_way() {
        let mut shown: BTreeMap<&str, BTreeSet<bool>> = BTreeMap::new();
        for (ok, text, statement, fact) in CASES {
            let verdict = verdict(text);
            let said = (verdict.ok, expected(&verdict.expected), seen(&verdict.seen));
            assert_eq!(said, (*ok, (*statement).to_owned(), (*fact).to_owned()), "{text}");
            shown.entry(text.split('"').nth(1).expect("a kind")).or_default().insert(*ok);
        }

        for name in Expect::NAMES {
            let sides = shown.get(name).map_or(0, BTreeSet::len);
            assert_eq!(sides, 2, "`{name}` is to be shown as it holds and as it does not");
        }
    }

    #[test]
    fn a_number_that_json_can_not_hold_is_no_measurement() {
        let expect: Expect =
            serde_json::from_str(r#"{"measured": {"what": "share", "at_least": 1}}"#)
                .expect("an expectation");

        for (output, said) in
            [("share nan", "it was not measured"), ("share 2\nshare inf", "share 2")]
        {
            let snapshot = Snapshot::default();
            let verdict = expect.judge(&ObservedState {
                snapshot: &snapshot,
                before: &snapshot,
                facts: &FactAnswers::default(),
                outputs: &[output],
                ops: &[],
            });
            assert_eq!(seen(&verdict.seen), said);
        }
    }
}
