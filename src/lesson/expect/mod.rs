//! **Expectations**: what must hold once a step has run, judged from the kernel's state alone. One file per kind.
//! What a learner adds besides (other mounts, files, processes) never fails one.

pub mod blobs;
pub mod cgroup;
pub mod cgroup_file;
pub mod cgroup_path;
pub mod clock;
pub mod file;
pub mod hostname;
pub mod ids;
pub mod ipc;
pub mod kept;
pub mod measured;
pub mod mount;
pub mod namespaces;
pub mod network;
pub mod outcome;
pub mod output;
pub mod overlay;
pub mod process;
pub mod took;
pub mod traffic;
pub mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;

use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use self::verdict::Verdict;
use crate::fact::{BlobReading, FileFact, LayoutFact, ProcCount, ProcListing};
use crate::op::{ActorName, OpRecord};
use crate::seen::{CutList, CutRows, Judgement, Seen};
use crate::snapshot::{Omitted, Snapshot};
use crate::view::ViewKind;

/// The state and the records that an expectation is judged by.
#[derive(Debug, Clone, Copy)]
pub struct ObservedState<'a> {
    pub snapshot: &'a Snapshot,
    /// As the step found it.
    pub before: &'a Snapshot,
    pub facts: &'a FactAnswers,
    /// The texts that the step's actions printed, in order.
    pub outputs: &'a [&'a str],
    /// The records of the step's ops, in order.
    pub ops: &'a [OpRecord],
}

/// Something to look up besides the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum FactRequest {
    File {
        actor: ActorName,
        path: String,
    },
    /// The image layout in a directory.
    Layout {
        actor: ActorName,
        layout: String,
        reading: BlobReading,
    },
    /// The process of `target` in the /proc that `viewer` sees: listed there or not.
    ProcLists {
        viewer: ActorName,
        target: ActorName,
    },
    /// The number of processes that this /proc lists.
    ProcCount {
        viewer: ActorName,
    },
    /// An echo request, or a connection to a port, to `to` from the network namespace of `from`.
    Reach {
        from: ActorName,
        to: Ipv4Addr,
        port: Option<u16>,
    },
    /// The file /proc/OF/cgroup as it is read in the cgroup namespace of `reader`.
    CgroupPaths {
        of: ActorName,
        reader: ActorName,
    },
}

/// The facts that were found. A missing answer: the actor is not there.
#[derive(Debug, Clone, Default)]
pub struct FactAnswers {
    pub files: BTreeMap<(ActorName, String), Option<FileFact>>,
    /// None where no layout is in the directory.
    pub layouts: BTreeMap<(ActorName, String, BlobReading), Option<LayoutFact>>,
    pub proc_lists: BTreeMap<(ActorName, ActorName), ProcListing>,
    pub proc_counts: BTreeMap<ActorName, ProcCount>,
    /// The answers: none where nothing came back; of a server, its first line.
    pub reached: BTreeMap<(ActorName, Ipv4Addr, Option<u16>), Option<String>>,
    /// By whose groups they are and who reads: (controllers, path) for each hierarchy.
    pub cgroup_paths: BTreeMap<(ActorName, ActorName), Vec<(String, String)>>,
    /// The actors that were ever made in this lab: who is not among them has not ended.
    pub made_actors: BTreeSet<ActorName>,
}

/// One kind of expectation. It can be implemented for what the table of [`Expect`] lists, and for nothing else.
pub trait ExpectKind: ExpectRow {
    /// Its subject, for authors.
    const SUMMARY: &'static str;

    /// The actors that it speaks of.
    fn actors(&self) -> Vec<&ActorName>;

    fn required_facts(&self) -> Vec<FactRequest> {
        Vec::new()
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement;

    /// The pane that shows it; none where no pane does.
    fn pane(&self) -> Option<ViewKind>;

    /// Words that a row which decides it holds.
    fn deciding_words(&self) -> Vec<String> {
        Vec::new()
    }

    /// The reason why no state of the kernel could ever fulfil it: an author's mistake.
    fn impossible_reason(&self) -> Option<&'static str> {
        None
    }
}

/// The mark of a kind that has a row in the table of [`Expect`]: a kind without one does not build.
pub trait ExpectRow {}

/// The table of kinds, from which the variants, their names in YAML, their reading and their summaries come. A kind is
/// one file and one row.
macro_rules! expectations {
    ($($name:literal: $module:ident::$Kind:ident,)*) => {
        /// Any expectation. A closed list.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        pub enum Expect {
            $(#[serde(rename = $name)] $Kind($module::$Kind),)*
        }

        $(impl ExpectRow for $module::$Kind {})*

        impl Expect {
            /// The keys of all kinds in YAML.
            pub const NAMES: &[&str] = &[$($name),*];

            /// The keys of all kinds, each with what it speaks of.
            pub const SUMMARIES: &[(&str, &str)] =
                &[$(($name, <$module::$Kind as ExpectKind>::SUMMARY)),*];

            /// Read the fields of the kind called `name`.
            fn read<'de, D: Deserializer<'de>>(name: &str, fields: D) -> Result<Expect, D::Error> {
                match name {
                    $($name => $module::$Kind::deserialize(fields).map(Expect::$Kind),)*
                    _ => Err(D::Error::unknown_field(name, Expect::NAMES)),
                }
            }

            pub fn actors(&self) -> Vec<&ActorName> {
                match self {
                    $(Expect::$Kind(kind) => kind.actors(),)*
                }
            }

            pub fn required_facts(&self) -> Vec<FactRequest> {
                match self {
                    $(Expect::$Kind(kind) => kind.required_facts(),)*
                }
            }

            pub fn judge(&self, world: &ObservedState<'_>) -> Verdict {
                let (Judgement { ok, seen }, pane) = match self {
                    $(Expect::$Kind(kind) => (kind.judge(world), kind.pane()),)*
                };
                Verdict { ok, expected: self.into(), seen, pane }
            }

            /// Words that a row which decides it holds.
            pub fn deciding_words(&self) -> Vec<String> {
                match self {
                    $(Expect::$Kind(kind) => kind.deciding_words(),)*
                }
            }

            /// The reason why no state of the kernel could ever fulfil it: an author's mistake.
            pub fn impossible_reason(&self) -> Option<&'static str> {
                match self {
                    $(Expect::$Kind(kind) => kind.impossible_reason(),)*
                }
            }
        }
    };
}

expectations! {
    "mount": mount::Mount,
    "mounts": mount::Mounts,
    "namespaces": namespaces::Namespaces,
    "namespace": kept::KeptByFile,
    "pid": process::Pid,
    "ps": process::Ps,
    "process": process::Process,
    "hostname": hostname::Hostname,
    "ipc": ipc::Ipc,
    "file": file::File,
    "blobs": blobs::Blobs,
    "link": network::Link,
    "address": network::Address,
    "route": network::Route,
    "reach": network::Reach,
    "cgroup": cgroup::Cgroup,
    "overlay": overlay::Overlay,
    "output": output::Output,
    "outcome": outcome::Outcome,
    "cgroup_file": cgroup_file::CgroupFile,
    "measured": measured::Measured,
    "traffic": traffic::Traffic,
    "took": took::Took,
    "ids": ids::Ids,
    "clock": clock::ClockOffset,
    "cgroup_path": cgroup_path::CgroupPath,
}

/// In YAML a map with the one key that names the kind.
impl<'de> Deserialize<'de> for Expect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Expect;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an expectation, like `pid: {of: container, is: 1}`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Expect, A::Error> {
        let name: String =
            map.next_key()?.ok_or_else(|| A::Error::custom("an empty expectation"))?;
        let expect = map.next_value_seed(KindSeed(&name))?;
        match map.next_key::<String>()? {
            None => Ok(expect),
            Some(second) => Err(A::Error::custom(format!(
                "`{second}` is a second expectation: each has an entry of its own"
            ))),
        }
    }
}

struct KindSeed<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for KindSeed<'_> {
    type Value = Expect;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Expect, D::Error> {
        Expect::read(self.0, deserializer)
    }
}

/// The fact that was seen, where nothing in a list fits. A list that was cut is named instead: what fits may be among
/// the rest.
fn or_unread(omitted: Omitted, list: CutList, listed: usize, seen: impl FnOnce() -> Seen) -> Seen {
    if omitted.is_nothing() { seen() } else { Seen::Unread(CutRows { list, listed, omitted }) }
}

/// The last character of a file that was not read to its end.
const CUT: char = '…';

/// The actor where none is specified: the lab's host.
fn host() -> ActorName {
    ActorName::host()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::mounts::parse;
    use crate::op::{IpcKind, IpcObject, NamespaceKind};
    use crate::snapshot::{
        Address, Cgroup, FileKind, InUpper, IpcTable, MountTable, Network, NetworkOmitted, NsInode,
        Overlay, OverlayEntry, Process, Route, Traffic,
    };
    use crate::words::{self, UNREAD};

    /// A lab with little in it, each list whole, or each list cut.
    fn lab(omitted: Omitted) -> Snapshot {
        let lines = "1 0 0:1 / / rw - tmpfs none rw\n2 1 0:2 / /proc rw - proc proc rw";
        let table = MountTable { actor: host(), ns: NsInode(1), rows: parse(lines), omitted };
        let address =
            Address { dev: "lo".into(), ip: "127.0.0.1".into(), prefix: 8, scope: "host".into() };
        let route = Route {
            to: "default".into(),
            via: None,
            dev: "lo".into(),
            protocol: "boot".into(),
            scope: "link".into(),
            prefsrc: None,
        };
        let network = Network {
            actors: vec![host()],
            addresses: vec![address],
            routes: vec![route],
            traffic: vec![Traffic { text: "class htb 10:1".into(), packets: 3, bytes: 9 }],
            omitted: NetworkOmitted {
                links: omitted,
                addresses: omitted,
                routes: omitted,
                neighbours: omitted,
                traffic: omitted,
            },
            ..Network::default()
        };

        let mark = if omitted.is_nothing() { "" } else { "…" };
        let group = Cgroup {
            hierarchy: "memory".into(),
            path: "box".into(),
            procs: vec![7],
            procs_omitted: omitted,
            files: [("io.max".to_owned(), format!("254:0 wbps=1{mark}"))].into(),
        };
        let entry = OverlayEntry {
            path: "there".into(),
            kind: FileKind::File,
            in_lowers: vec![0],
            lower_whiteouts: Vec::new(),
            lower_opaques: Vec::new(),
            upper: InUpper::Absent,
            merged: true,
        };
        let overlay = Overlay {
            actor: host(),
            mount_id: 1,
            merged: "/merged".into(),
            lowers: vec!["/lower".into()],
            upper: None,
            work: None,
            entries: vec![entry],
            truncated: !omitted.is_nothing(),
        };

        let object = IpcObject { kind: IpcKind::Queue, key: 7, id: 0, size: 0, attached: 0 };
        let ipc = IpcTable { actor: host(), ns: NsInode(2), objects: vec![object], omitted };
        let namespaces = [(NamespaceKind::Ipc, NsInode(2))].into();
        let process = Process { pid: 8, namespaces, ..process("host", 'S') };

        Snapshot {
            mounts: vec![table],
            processes: vec![process],
            processes_omitted: omitted,
            ipc: vec![ipc],
            networks: vec![network],
            cgroups: vec![group],
            cgroups_omitted: omitted,
            overlays: vec![overlay],
            overlays_omitted: omitted,
            ..Snapshot::default()
        }
    }

    fn judge(text: &str, snapshot: &Snapshot, facts: &FactAnswers) -> Verdict {
        let expect: Expect =
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        expect.judge(&ObservedState { snapshot, before: snapshot, facts, outputs: &[], ops: &[] })
    }

    #[test]
    fn what_is_not_in_a_list_that_was_cut_is_neither_there_nor_missing() {
        let facts = FactAnswers::default();
        // What each says of the lab with whole lists. Of cut ones it says that they could not be read whole.
        let check = |text: &str, ok: bool| {
            let whole = judge(text, &lab(Omitted::Nothing), &facts);
            assert_eq!(
                (whole.ok, words::seen(&whole.seen).contains(UNREAD)),
                (ok, false),
                "{text}: {whole:?}"
            );
            for omitted in [Omitted::Rows(3), Omitted::Uncounted] {
                let cut = judge(text, &lab(omitted), &facts);
                assert_eq!(
                    (cut.ok, words::seen(&cut.seen).starts_with(UNREAD)),
                    (false, true),
                    "{text}: {cut:?}"
                );
            }
        };

        check(r#"{"mount": {"target": "/x"}}"#, false);
        check(r#"{"mount": {"target": "/x", "absent": true}}"#, true);
        check(r#"{"mounts": {"all": "private"}}"#, true);
        check(r#"{"mounts": {"like": "host"}}"#, true);
        check(r#"{"link": {"name": "x"}}"#, false);
        check(r#"{"link": {"name": "x", "absent": true}}"#, true);
        check(r#"{"address": {"dev": "lo", "is": "10.0.0.1/8"}}"#, false);
        check(r#"{"route": {"to": "10.0.0.0/8"}}"#, false);
        check(r#"{"traffic": {"row": "class htb 10:2"}}"#, false);
        check(r#"{"traffic": {"row": "class htb 10:1", "at_most": 0}}"#, true);
        check(r#"{"cgroup": {"name": "other"}}"#, false);
        check(r#"{"cgroup": {"name": "box", "has": "host"}}"#, false);
        check(r#"{"cgroup": {"name": "box", "limit": {"write_bps": "2"}}}"#, false);
        check(r#"{"cgroup_file": {"name": "other", "file": ["io.max"], "at_least": 1}}"#, false);
        check(
            r#"{"cgroup_file": {"name": "box", "file": ["io.max"], "is": ["254:0 wbps=1"]}}"#,
            true,
        );
        check(r#"{"overlay": {"entry": "missing", "from": "lower"}}"#, false);
        check(r#"{"ipc": {"queues": 1}}"#, true);
        check(r#"{"ipc": {"segments": 0, "key": 7}}"#, true);
        check(r#"{"ipc": {"key": 8}}"#, false);
        check(r#"{"namespace": {"kind": "net", "kept_by": "/run/net"}}"#, false);
    }

    #[test]
    fn what_was_read_of_a_list_that_was_cut_holds() {
        let facts = FactAnswers::default();
        let check = |text: &str, ok: bool| {
            for omitted in [Omitted::Nothing, Omitted::Rows(3)] {
                let verdict = judge(text, &lab(omitted), &facts);
                assert_eq!(
                    (verdict.ok, words::seen(&verdict.seen).contains(UNREAD)),
                    (ok, false),
                    "{text}: {verdict:?}"
                );
            }
        };

        check(r#"{"mount": {"target": "/proc", "type": "proc"}}"#, true);
        check(r#"{"mount": {"target": "/proc", "absent": true}}"#, false);
        check(r#"{"mounts": {"all": "shared"}}"#, false);
        check(r#"{"mounts": {"at_most": 5}}"#, true);
        check(r#"{"mounts": {"at_most": 1}}"#, false);
        check(r#"{"mounts": {"at_least": 2}}"#, true);
        check(r#"{"address": {"dev": "lo", "is": "127.0.0.1/8"}}"#, true);
        check(r#"{"route": {"to": "default"}}"#, true);
        check(r#"{"traffic": {"row": "class htb 10:1"}}"#, true);
        check(r#"{"cgroup": {"name": "box"}}"#, true);
        check(r#"{"overlay": {"entry": "there", "from": "lower"}}"#, true);
        check(r#"{"ipc": {"key": 7}}"#, true);

        // Two are known, and three more were counted.
        assert!(!judge(r#"{"mounts": {"at_most": 4}}"#, &lab(Omitted::Rows(3)), &facts).ok);
        let verdict = judge(r#"{"mounts": {"at_most": 5}}"#, &lab(Omitted::Uncounted), &facts);
        assert!(!verdict.ok && words::seen(&verdict.seen).starts_with(UNREAD), "{verdict:?}");
        assert!(!judge(r#"{"mounts": {"at_least": 6}}"#, &lab(Omitted::Rows(3)), &facts).ok);
        assert!(judge(r#"{"mounts": {"at_least": 5}}"#, &lab(Omitted::Rows(3)), &facts).ok);
        assert!(judge(r#"{"mounts": {"at_least": 2}}"#, &lab(Omitted::Uncounted), &facts).ok);
        let verdict = judge(r#"{"mounts": {"at_least": 5}}"#, &lab(Omitted::Uncounted), &facts);
        assert!(!verdict.ok && words::seen(&verdict.seen).starts_with(UNREAD), "{verdict:?}");
    }

    #[test]
    fn a_file_or_a_proc_that_was_cut_says_nothing_of_its_end() {
        let mut facts = FactAnswers::default();
        let fact =
            |is_cut| FileFact { kind: FileKind::File, content: "start".into(), is_cut, size: 99 };
        let key = |path: &str| (host(), path.to_owned());
        facts.files = [(key("/cut"), Some(fact(true))), (key("/whole"), Some(fact(false)))].into();
        let pair = |name: &str| (host(), ActorName::from(name));
        facts.proc_lists =
            [(pair("seen"), ProcListing::Listed), (pair("none"), ProcListing::Unknown)].into();
        facts.proc_counts = [(host(), ProcCount { count: 8192, is_cut: true })].into();

        let check = |text: &str, ok: bool, unread: bool| {
            let verdict = judge(text, &Snapshot::default(), &facts);
            assert_eq!(
                (verdict.ok, words::seen(&verdict.seen).starts_with(UNREAD)),
                (ok, unread),
                "{text}: {verdict:?}"
            );
        };

        check(r#"{"file": {"path": "/cut", "is": "file", "contains": "start"}}"#, true, false);
        check(r#"{"file": {"path": "/cut", "is": "file", "contains": "end"}}"#, false, true);
        check(r#"{"file": {"path": "/whole", "is": "file", "contains": "end"}}"#, false, false);
        check(r#"{"ps": {"in": "host", "lists": "seen", "shown": true}}"#, true, false);
        check(r#"{"ps": {"in": "host", "lists": "none", "shown": true}}"#, false, true);
        check(r#"{"ps": {"in": "host", "lists": "none", "shown": false}}"#, false, true);
    }

    fn process(actor: &str, state: char) -> Process {
        Process {
            pid: 7,
            ns_pids: vec![7, 1],
            ppid: 1,
            start_time: 1,
            uid: 0,
            state,
            comm: actor.into(),
            args: actor.into(),
            actor: Some(actor.into()),
            namespaces: BTreeMap::new(),
            cgroups: Vec::new(),
        }
    }

    /// A lab where nothing is left of anybody but a zombie's pid, and one that is not there at all.
    fn dead_labs() -> [Snapshot; 2] {
        let table = MountTable {
            actor: host(),
            ns: NsInode(1),
            rows: Vec::new(),
            omitted: Omitted::Nothing,
        };
        let zombie = Snapshot {
            processes: vec![process("host", 'Z')],
            mounts: vec![table],
            ..Snapshot::default()
        };
        [zombie, Snapshot::default()]
    }

    #[test]
    fn nothing_holds_because_nobody_is_there() {
        let texts = [
            r#"{"mount": {"target": "/x", "absent": true}}"#,
            r#"{"mounts": {"at_most": 5}}"#,
            r#"{"mounts": {"all": "private"}}"#,
            r#"{"mounts": {"like": "host"}}"#,
            r#"{"namespaces": {"of": "host", "differ_from": "box", "kinds": ["uts"]}}"#,
            r#"{"namespaces": {"of": "host", "shared_with": "box", "kinds": ["uts"]}}"#,
            r#"{"namespace": {"kind": "uts", "kept_by": "/run/uts"}}"#,
            r#"{"pid": {"of": "host", "is": 1}}"#,
            r#"{"ps": {"in": "host", "lists": "host", "shown": false}}"#,
            r#"{"process": {"actor": "box", "alive": false}}"#,
            r#"{"hostname": {"of": "host", "is": "box"}}"#,
            r#"{"ipc": {"queues": 0}}"#,
            r#"{"file": {"path": "/x", "is": "absent"}}"#,
            r#"{"blobs": {"layout": "/x", "count": 0}}"#,
            r#"{"link": {"name": "x", "absent": true}}"#,
            r#"{"address": {"dev": "lo", "is": "127.0.0.1/8"}}"#,
            r#"{"route": {"to": "default"}}"#,
            r#"{"reach": {"to": "10.0.0.1", "answers": false}}"#,
            r#"{"cgroup": {"name": "box"}}"#,
            r#"{"cgroup": {"name": "box", "has": "host"}}"#,
            r#"{"overlay": {"entry": "x", "from": "whiteout"}}"#,
            r#"{"output": {"says": "x"}}"#,
            r#"{"outcome": {"status": 0}}"#,
            r#"{"cgroup_file": {"name": "box", "file": ["memory.current"], "at_most": 9}}"#,
            r#"{"cgroup_file": {"name": "box", "file": ["memory.current"], "grew": true}}"#,
            r#"{"measured": {"what": "forked", "at_most": 9}}"#,
            r#"{"traffic": {"row": "class htb 10:1", "at_most": 0}}"#,
            r#"{"took": {"action": 2, "of": 1, "at_most": 9}}"#,
            r#"{"ids": {"of": "host", "uid_map": []}}"#,
            r#"{"clock": {"of": "host", "boottime": 0}}"#,
            r#"{"cgroup_path": {"of": "host", "controller": "pids", "is": "/"}}"#,
        ];
        for name in Expect::NAMES {
            let begins = format!("{{\"{name}\":");
            assert!(texts.iter().any(|text| text.starts_with(&begins)), "no example of {name}");
        }

        for lab in dead_labs() {
            for text in texts {
                let verdict = judge(text, &lab, &FactAnswers::default());
                assert!(!verdict.ok, "{text}: {verdict:?}");
                assert!(!words::seen(&verdict.seen).is_empty(), "{text}: it says nothing");
            }
        }
    }

    #[test]
    fn only_who_was_there_can_have_ended() {
        let lab = Snapshot { processes: vec![process("host", 'S')], ..Snapshot::default() };
        let text = r#"{"process": {"actor": "box", "alive": false}}"#;
        let of = |made: &[&str]| FactAnswers {
            made_actors: made.iter().map(|name| ActorName::from(*name)).collect(),
            ..FactAnswers::default()
        };
        assert!(!judge(text, &lab, &of(&["host"])).ok);
        assert!(judge(text, &lab, &of(&["host", "box"])).ok);
        assert!(!judge(text, &Snapshot::default(), &of(&["host", "box"])).ok, "no lab is there");
    }

    #[test]
    fn where_no_proc_is_mounted_nobody_is_missing_in_it() {
        let answers = |count| FactAnswers {
            proc_lists: [((host(), ActorName::from("box")), ProcListing::Missing)].into(),
            proc_counts: [(host(), ProcCount { count, is_cut: false })].into(),
            ..FactAnswers::default()
        };
        let text = r#"{"ps": {"in": "host", "lists": "box", "shown": false}}"#;
        assert!(judge(text, &Snapshot::default(), &answers(3)).ok);
        let verdict = judge(text, &Snapshot::default(), &answers(0));
        assert_eq!(
            (verdict.ok, words::seen(&verdict.seen).as_str()),
            (false, "it lists no processes")
        );
    }

    #[test]
    fn there_is_no_share_of_nothing_and_no_growth_of_what_was_not_read() {
        let lab = |files: &[(&str, &str)]| {
            let group = |(path, text): &(&str, &str)| Cgroup {
                hierarchy: "cpuacct".into(),
                path: (*path).into(),
                procs: Vec::new(),
                procs_omitted: Omitted::Nothing,
                files: [("cpuacct.usage".to_owned(), (*text).to_owned())].into(),
            };
            Snapshot { cgroups: files.iter().map(group).collect(), ..Snapshot::default() }
        };
        let check = |text: &str, before: &Snapshot, now: &Snapshot, ok: bool| {
            let expect: Expect = serde_json::from_str(text).expect("an expectation");
            let facts = FactAnswers::default();
            let world =
                ObservedState { snapshot: now, before, facts: &facts, outputs: &[], ops: &[] };
            let verdict = expect.judge(&world);
            assert_eq!(verdict.ok, ok, "{text}: {verdict:?}");
        };

        let share = r#"{"cgroup_file": {"name": "a", "file": ["cpuacct.usage"], "percent_of": "b",
            "at_most": 30}}"#;
        check(share, &lab(&[]), &lab(&[("a", "1"), ("b", "10")]), true);
        check(share, &lab(&[]), &lab(&[("a", "0"), ("b", "0")]), false);

        let grew = r#"{"cgroup_file": {"name": "a", "file": ["cpuacct.usage"], "grew": true}}"#;
        check(grew, &lab(&[]), &lab(&[("a", "5")]), true);
        check(grew, &lab(&[("a", "4")]), &lab(&[("a", "5")]), true);
        check(grew, &lab(&[("a", "4…")]), &lab(&[("a", "5")]), false);

        // A workload that got nothing done is no measure for another.
        let outputs = ["share 5", "share 0"];
        let work = |name: &str, output: &str| OpRecord {
            actor: host(),
            op: crate::op::Op::Work {
                name: name.into(),
                groups: Vec::new(),
                load: crate::op::Load::Fork { count: 1 },
                background: false,
            },
            calls: Vec::new(),
            outcome: crate::op::Outcome::Done { output: output.into() },
            pieces: Vec::new(),
            nanos: 0,
            bar: None,
        };
        let ops = [work("one", outputs[0]), work("other", outputs[1])];
        let expect: Expect = serde_json::from_str(
            r#"{"measured": {"what": "share", "by": "one", "of": "other", "at_least": 2}}"#,
        )
        .expect("an expectation");
        let (lab, facts) = (Snapshot::default(), FactAnswers::default());
        let world =
            ObservedState { snapshot: &lab, before: &lab, facts: &facts, outputs: &[], ops: &ops };
        assert!(!expect.judge(&world).ok);
    }
}
