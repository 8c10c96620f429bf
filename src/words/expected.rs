//! Expectations in words: what must hold, one function for each kind.

use super::beginning::counted;
use crate::action::cgroup::Limits;
use crate::lesson::expect::Expect;
use crate::lesson::expect::blobs::Blobs;
use crate::lesson::expect::cgroup::Cgroup;
use crate::lesson::expect::cgroup_file::CgroupFile;
use crate::lesson::expect::clock::ClockOffset;
use crate::lesson::expect::file::{File, Presence};
use crate::lesson::expect::hostname::Hostname;
use crate::lesson::expect::ids::Ids;
use crate::lesson::expect::ipc::Ipc;
use crate::lesson::expect::kept::KeptByFile;
use crate::lesson::expect::measured::Measured;
use crate::lesson::expect::mount::{Mount, Mounts};
use crate::lesson::expect::namespaces::Namespaces;
use crate::lesson::expect::network::{Address, Link, Reach, Route};
use crate::lesson::expect::outcome::Outcome;
use crate::lesson::expect::output::Output;
use crate::lesson::expect::overlay::{From, Overlay};
use crate::lesson::expect::process::{Pid, Process, Ps};
use crate::lesson::expect::took::{BarMeasure, Took};
use crate::lesson::expect::traffic::Traffic;
use crate::lesson::expect::verdict::Expected;
use crate::op::MappedIds;

/// The statement that a verdict is on: `container is pid 1 in its own pid namespace`.
pub fn expected(expected: &Expected) -> String {
    match expected {
        Expected::State(expect) => state(expect),
        Expected::Works { action } => format!("{action} works"),
        Expected::Fails { action, errno } => format!("{action} fails with {errno}"),
    }
}

fn state(expect: &Expect) -> String {
    match expect {
        Expect::Mount(it) => mount(it),
        Expect::Mounts(it) => mounts(it),
        Expect::Namespaces(it) => namespaces(it),
        Expect::KeptByFile(it) => kept_by_file(it),
        Expect::Pid(it) => pid(it),
        Expect::Ps(it) => ps(it),
        Expect::Process(it) => process(it),
        Expect::Hostname(it) => hostname(it),
        Expect::Ipc(it) => ipc(it),
        Expect::File(it) => file(it),
        Expect::Blobs(it) => blobs(it),
        Expect::Link(it) => link(it),
        Expect::Address(it) => address(it),
        Expect::Route(it) => route(it),
        Expect::Reach(it) => reach(it),
        Expect::Cgroup(it) => cgroup(it),
        Expect::Overlay(it) => overlay(it),
        Expect::Output(it) => output(it),
        Expect::Outcome(it) => outcome(it),
        Expect::CgroupFile(it) => cgroup_file(it),
        Expect::Measured(it) => measured(it),
        Expect::Traffic(it) => traffic(it),
        Expect::Took(it) => took(it),
        Expect::Ids(it) => ids(it),
        Expect::ClockOffset(it) => clock(it),
        Expect::CgroupPath(it) => {
            format!("{} reads {} as the {} group of {}", it.seen_by, it.is, it.controller, it.of)
        }
    }
}

fn mount(it: &Mount) -> String {
    let mut sentence =
        format!("{} has {}", it.actor, if it.absent { "no mount" } else { "a mount" });
    sentence.extend(it.fstype.as_ref().map(|fstype| format!(" of type {fstype}")));
    sentence.extend(it.propagation.as_ref().map(|word| format!(" that is {word}")));
    sentence.extend(it.option.as_ref().map(|option| format!(" with option {option}")));
    sentence.extend(it.root.as_ref().map(|root| format!(" of the directory {root}")));
    sentence = sentence + " at " + &it.target;
    sentence.extend(it.peer_of.as_ref().map(|other| format!(", in a peer group with {other}'s")));
    sentence
}

fn mounts(it: &Mounts) -> String {
    let actor = &it.actor;
    let mut sentences = Vec::new();
    sentences.extend(it.at_most.map(|most| format!("{actor} has at most {most} mounts")));
    sentences.extend(it.at_least.map(|least| format!("{actor} has at least {least} mounts")));
    sentences.extend(it.like.as_ref().map(|other| format!("{actor} has the mounts of {other}")));
    sentences.extend(it.all.as_ref().map(|word| format!("all mounts of {actor} are {word}")));
    sentences.join(", and ")
}

fn kept_by_file(it: &KeptByFile) -> String {
    let kept = format!("{} keeps a {} namespace", it.kept_by, it.kind.proc_link_name());
    match it.members {
        None => kept,
        Some(0) => format!("{kept} that no process is in"),
        Some(1) => format!("{kept} that one process is in"),
        Some(count) => format!("{kept} that {count} processes are in"),
    }
}

fn namespaces(it: &Namespaces) -> String {
    let names: Vec<&str> = it.kinds.iter().map(|kind| kind.proc_link_name()).collect();
    let names = names.join(", ");
    match (&it.differ_from, &it.shared_with) {
        (Some(other), _) => format!("{} has namespaces of its own, not {other}'s: {names}", it.of),
        (None, Some(other)) => format!("{} shares these namespaces with {other}: {names}", it.of),
        (None, None) => "a comparison".into(),
    }
}

fn pid(it: &Pid) -> String {
    format!("{} is PID {} in its own PID namespace", it.of, it.is)
}

fn ps(it: &Ps) -> String {
    let verb = if it.shown { "lists" } else { "does not list" };
    format!("the /proc that {} sees {verb} {}", it.viewer, it.lists)
}

fn process(it: &Process) -> String {
    let mut sentence = format!("{} is {}", it.actor, if it.alive { "alive" } else { "gone" });
    sentence.extend(it.state.map(|state| format!(", in state {state}")));
    sentence
}

fn hostname(it: &Hostname) -> String {
    format!("for {} the machine is called {}", it.of, it.is)
}

/// `3 blobs`, `1 blob`, `no blob`; none where no number is wanted.
fn counted_or_no((count, one, many): (Option<usize>, &str, &str)) -> Option<String> {
    Some(counted(count?, one, many).unwrap_or_else(|| format!("no {one}")))
}

fn blobs(it: &Blobs) -> String {
    let wanted = [
        (it.count, "blob", "blobs"),
        (it.shared, "layer that images share", "layers that images share"),
        (it.damaged, "damaged blob", "damaged blobs"),
    ];
    let parts: Vec<String> = wanted.into_iter().filter_map(counted_or_no).collect();
    format!("the layout {} has {}", it.layout, parts.join(", "))
}

fn ipc(it: &Ipc) -> String {
    let objects = [
        (it.queues, "message queue", "message queues"),
        (it.segments, "segment of shared memory", "segments of shared memory"),
        (it.semaphores, "set of semaphores", "sets of semaphores"),
    ];
    let mut parts: Vec<String> = objects.into_iter().filter_map(counted_or_no).collect();
    parts.extend(it.key.map(|key| format!("the key {key:#x}")));
    format!("the IPC namespace of {} has {}", it.actor, parts.join(", "))
}

fn ids(it: &Ids) -> String {
    let of = &it.of;
    let map = |word: &str, ranges: &Vec<MappedIds>| {
        let lines: Vec<String> = ranges.iter().map(|range| format!("`{range}`")).collect();
        match lines.is_empty() {
            true => format!("the {word} map of {of} is empty"),
            false => format!("the {word} map of {of} is {}", lines.join(" and ")),
        }
    };
    let mut sentences = Vec::new();
    sentences.extend(it.uid.map(|uid| format!("{of} is user {uid} in its own user namespace")));
    sentences.extend(it.uid_map.as_ref().map(|ranges| map("user", ranges)));
    sentences.extend(it.gid_map.as_ref().map(|ranges| map("group", ranges)));
    sentences.join(", and ")
}

fn clock(it: &ClockOffset) -> String {
    let mut clocks = Vec::new();
    clocks
        .extend(it.monotonic.map(|seconds| format!("monotonic clock of {} by {seconds} s", it.of)));
    clocks
        .extend(it.boottime.map(|seconds| format!("boot-time clock of {} by {seconds} s", it.of)));
    format!("the time namespace moves the {}", clocks.join(" and the "))
}

fn file(it: &File) -> String {
    let what = match it.is {
        Presence::Present => "something",
        Presence::File => "a file",
        Presence::Directory => "a directory",
        Presence::Absent => "nothing",
    };
    let mut sentence = format!("{} sees {what} at {}", it.actor, it.path);
    sentence.extend(it.size.map(|size| format!(" of {} bytes", size.0)));
    sentence.extend(it.contains.as_ref().map(|text| format!(" that says `{text}`")));
    sentence
}

fn link(it: &Link) -> String {
    let article = if it.absent { "no" } else { "a" };
    let mut sentence = format!("{} has {article} link {}", it.actor, it.name);
    sentence.extend(it.kind.as_ref().map(|kind| format!(" of kind {kind}")));
    sentence.extend(it.up.map(|up| if up { ", up" } else { ", down" }));
    sentence.extend(it.master.as_ref().map(|master| format!(", plugged into {master}")));
    sentence
}

fn address(it: &Address) -> String {
    format!("{} has the address {} on {}", it.actor, it.is, it.dev)
}

fn route(it: &Route) -> String {
    let mut sentence = format!("{} has a route to {}", it.actor, it.to);
    sentence.extend(it.via.as_ref().map(|via| format!(" via {via}")));
    sentence.extend(it.dev.as_ref().map(|dev| format!(" over {dev}")));
    sentence
}

fn reach(it: &Reach) -> String {
    let port = it.port.map_or_else(String::new, |port| format!(":{port}"));
    let verb = match (&it.says, it.answers) {
        (Some(words), _) => format!("says `{words}`"),
        (None, true) => "answers".into(),
        (None, false) => "does not answer".into(),
    };
    format!("{}{port} {verb} when {} asks", it.to, it.actor)
}

fn cgroup(it: &Cgroup) -> String {
    let mut parts = Vec::new();
    parts.extend(it.has.as_ref().map(|actor| format!("holds {actor}")));
    parts.extend(it.limit.as_ref().map(limits).unwrap_or_default());
    let parts = if parts.is_empty() { "is there".into() } else { parts.join(", ") };
    format!("the cgroup {} {parts}", it.name)
}

fn limits(it: &Limits) -> Vec<String> {
    let mut parts = Vec::new();
    parts.extend(it.memory.map(|bytes| format!("may use {} bytes of memory", bytes.0)));
    if it.no_swap {
        parts.push("keeps its memory out of swap".into());
    }
    parts.extend(it.cpu.map(|cpus| format!("may use {cpus} CPUs")));
    parts.extend(it.pids.map(|pids| format!("may have {pids} processes")));
    parts.extend(it.cpu_weight.map(|weight| format!("weighs {weight} for the CPU")));
    parts.extend(it.cpus.as_ref().map(|cpus| format!("may run on CPU {cpus}")));
    parts.extend(it.mems.as_ref().map(|mems| format!("may use memory of node {mems}")));
    parts.extend(it.write_bps.map(|bytes| format!("may write {} bytes a second", bytes.0)));
    parts.extend(it.classid.map(|class| format!("marks what it sends with {:#x}", class.0)));
    parts.extend(it.freeze.map(|freeze| if freeze { "is frozen" } else { "is thawed" }.to_owned()));
    parts
}

fn overlay(it: &Overlay) -> String {
    let below = it.lower.map_or_else(String::new, |lower| format!(", lower {lower}"));
    format!("{} {}{below}", it.entry, layer(it.from))
}

/// The place of an entry of a merged directory.
pub(super) fn layer(from: From) -> &'static str {
    match from {
        From::Lower => "comes from a lower layer",
        From::Upper => "is in the upper layer alone",
        From::Both => "is in the upper layer and hides a lower one",
        From::Whiteout => "is hidden by a whiteout",
        From::Opaque => "is a directory of the upper layer that hides the one below whole",
    }
}

fn output(it: &Output) -> String {
    let how = if it.whole { "is" } else { "says" };
    format!("the output {how} `{}`", it.says)
}

fn outcome(it: &Outcome) -> String {
    match (&it.errno, it.times, it.status) {
        (Some(errno), Some(1), _) => format!("one action of the step fails with {errno}"),
        (Some(errno), Some(times), _) => format!("{times} actions of the step fail with {errno}"),
        (Some(errno), None, _) => format!("the last action fails with {errno}"),
        (None, _, Some(status)) => format!("the last action ends with status {status}"),
        (None, _, None) => "an outcome".into(),
    }
}

fn cgroup_file(it: &CgroupFile) -> String {
    let what = it.key.as_ref().or(it.file.first()).map_or("", String::as_str);

    let mut sentence = format!("{what} of {}", it.name);
    sentence.extend(it.percent_of.iter().map(|other| format!(", in percent of that of {other},")));
    sentence.extend(it.at_least.map(|least| format!(" is at least {least}")));
    sentence.extend(it.at_most.map(|most| format!(" is at most {most}")));
    if it.grew {
        sentence.push_str(" counts up");
    }
    sentence.extend(it.grew_by.map(|more| format!(" counts up by {more} at least")));
    if !it.is.is_empty() {
        sentence.push_str(&format!(" is {}", it.is.join(" or ")));
    }

    sentence
}

fn measured(it: &Measured) -> String {
    let mut sentence = it.what.clone();
    sentence.extend(it.by.as_ref().map(|by| format!(" of {by}")));
    sentence.push_str(" is");
    sentence.extend(it.at_least.map(|least| format!(" at least {least}")));
    sentence.extend(it.at_most.map(|most| format!(" at most {most}")));
    sentence.extend(it.of.as_ref().map(|of| format!(" times that of {of}")));
    sentence
}

fn traffic(it: &Traffic) -> String {
    let passed = match (it.at_least, it.at_most) {
        (None, None) => String::new(),
        (Some(least), None) => format!(", passed by at least {least} packets"),
        (None, Some(0)) => ", passed by no packet".into(),
        (None, Some(most)) => format!(", passed by at most {most} packets"),
        (Some(least), Some(most)) => format!(", passed by {least} to {most} packets"),
    };
    format!("{} has `{}`{passed}", it.actor, it.row)
}

fn took(it: &Took) -> String {
    let mut sentence = format!("action {} takes", it.action);
    sentence.extend(it.at_least.map(|least| format!(" at least {least}")));
    sentence.extend(it.at_most.map(|most| format!(" at most {most}")));
    let as_much = match it.by {
        BarMeasure::Time => "as long",
        BarMeasure::Bytes => "as many bytes",
    };
    format!("{sentence} times {as_much} as action {}", it.of)
}
