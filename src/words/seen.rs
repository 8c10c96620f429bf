//! Facts that verdicts rest on, in words.

use super::beginning::counted;
use super::expected::layer;
use super::remark::more;
use super::rows;
use crate::call::ErrnoName;
use crate::fact::{LayoutFact, ProcCount};
use crate::failure;
use crate::lesson::expect::overlay::From;
use crate::op::{ActorName, NamespaceKind, Op};
use crate::seen::{CgroupNumber, CgroupValue, CutRows, Seen, Stall};
use crate::snapshot::{FileKind, Link, NsInode, Omitted, OverlayEntry, Route};
use crate::text;

/// The words of what can't be judged begin so.
pub const UNREAD: &str = "could not be read whole";

/// The state that the kernel shows, where an expectation was judged.
pub fn seen(seen: &Seen) -> String {
    match seen {
        Seen::Nothing => String::new(),
        Seen::NoActor(actor) => format!("there is no {actor}"),
        Seen::NotBoth([one, other]) => format!("{one} or {other} is not there"),
        Seen::NeitherGiven([one, other]) => format!("neither {one} nor {other} is given"),
        Seen::Unread(rows) => unread(rows),

        Seen::Mount(row) => rows::mount(row),
        Seen::NoMount { target, listed } => format!("no mount at {target} among {listed}"),
        Seen::MountMissing { target } => format!("{target} is missing"),
        Seen::MountIs { target, propagation } => format!("{target} is {}", propagation.word()),
        Seen::MountCount(count) => format!("{count} mounts"),

        Seen::Namespaces { kind, inodes } => namespaces(*kind, *inodes),
        Seen::NamespacesOf { kinds, other, own } => namespaces_of(kinds, other, *own),
        Seen::Kept { kind, members } => {
            format!("a {} namespace, processes in it: {members}", kind.proc_link_name())
        }
        Seen::NothingKept { path } => format!("no namespace is bound to {path}"),
        Seen::HostName(name) => name.clone(),
        Seen::IpcObjects(all) if all.is_empty() => "no System V objects".into(),
        Seen::IpcObjects(all) => all.iter().map(rows::ipc_object).collect::<Vec<_>>().join(", "),
        Seen::InNamespace(holds) => rows::namespace_holds(holds),
        Seen::Uid(uid) => format!("it is user {uid} there"),
        Seen::CgroupPath(path) => path.clone(),
        Seen::NsPids(pids) => format!("NSpid: {}", joined(pids, " ")),
        Seen::Process { pid, state, args } => format!("pid {pid} {state} {args}"),
        Seen::NoProcess => "no such process".into(),
        Seen::ProcCount(count) => proc_count(*count),
        Seen::ProcUnread(count) => format!("{UNREAD}: {}", proc_count(*count)),

        Seen::File { kind, size, first_line } => {
            let file = format!("{} of {size} bytes", file_kind(*kind));
            if first_line.is_empty() { file } else { format!("{file}: {first_line}") }
        }
        Seen::NoFile => "no such file".into(),
        Seen::FileUnread { path, read } => {
            format!("{UNREAD}: the first {read} bytes of {path} do not say it")
        }
        Seen::Layout(fact) => layout(fact),
        Seen::OverlayEntry(entry) => overlay_entry(entry),
        Seen::NoOverlayEntry { overlays } => {
            format!("{overlays} overlays are mounted, none has it")
        }

        Seen::Link(row) => link(row),
        Seen::Links(names) => format!("links: {}", names.join(", ")),
        Seen::Addresses(all) => all.join(", "),
        Seen::NoAddress { dev } => format!("no address on {dev}"),
        Seen::Route(row) => route(row),
        Seen::Routes(all) if all.is_empty() => "no routes".into(),
        Seen::Routes(all) => format!("routes to {}", all.join(", ")),
        Seen::Answer(true) => "an answer came".into(),
        Seen::ServerSaid(line) => format!("it says `{line}`"),
        Seen::Answer(false) => "no answer".into(),
        Seen::NoTrafficRow => "there is no such row".into(),
        Seen::Packets(count) => format!("{count} packets in this step"),

        Seen::NoCgroup(name) => format!("there is no cgroup {name}"),
        Seen::Members { hierarchy, pids } => {
            format!("cgroup.procs of {hierarchy}: [{}]", joined(pids, ", "))
        }
        Seen::Settings { files, hierarchies } => settings(files, hierarchies),
        Seen::CgroupValue(shown) => cgroup_value(shown),
        Seen::CgroupValueUnread(shown) => format!("{UNREAD}: {}", cgroup_value(shown)),
        Seen::CgroupFileUnread { file, group } => {
            format!("{UNREAD}: {file} of {group} is too long")
        }
        Seen::NoCgroupFile { group } => format!("no group {group} has such a file"),
        Seen::CgroupNumber(shown) => cgroup_number(shown),
        Seen::CgroupUnused { file, group } => {
            format!("{file} = 0: nobody has used the group {group} yet")
        }

        Seen::Measured { name, number } => format!("{name} {number}"),
        Seen::Compared { number, other, of } => format!("{number}, and {other} of {of}"),
        Seen::Unjudged { seen: shown, others_percent, tries } => format!(
            "{}; others took {others_percent} % of the CPUs, so this could not be judged{}",
            self::seen(shown),
            if *tries > 1 { format!(" (tried {tries} times)") } else { String::new() }
        ),
        Seen::Durations { nanos, other } => {
            format!("{}, beside {}", duration(*nanos), duration(*other))
        }
        Seen::BytesTaken { bytes, other } => {
            format!("{}, beside {}", text::bytes_taken(*bytes), text::bytes_taken(*other))
        }
        Seen::NotMeasured => "it was not measured".into(),
        Seen::NotMeasuredBy(actor) => format!("{actor} did not measure it"),
        Seen::Printed(line) => line.clone(),
        Seen::NotPrinted { last: Some(last) } => {
            format!("nothing printed says it; the last line is `{last}`")
        }
        Seen::NotPrinted { last: None } => "nothing was printed yet".into(),

        Seen::NothingDone => "nothing was done".into(),
        Seen::WentWell => "it went well".into(),
        Seen::Status(status) => format!("status {status}"),
        Seen::Refusals { errno, count: 1 } => format!("one failed with {errno}"),
        Seen::Refusals { errno, count: 0 } => format!("none failed with {errno}"),
        Seen::Refusals { errno, count } => format!("{count} failed with {errno}"),
        Seen::Failed { call, errno } => format!("{call} = {errno}"),
        Seen::OpFailed { op, call, errno } => op_failed(op, call, errno),
        Seen::Exited { status, output } => exited(*status, output),

        Seen::ActorGone(actor) => format!("{actor} is gone"),
        Seen::ActorNeverMade(actor) => {
            format!("there is no {actor}: the step that makes it was left out, or it is gone")
        }
        Seen::ActorSilent { actor, why: None } => format!("{actor} does not answer"),
        Seen::ActorSilent { actor, why: Some(why) } => {
            format!("{actor} does not answer: {}", stall(*why))
        }
        Seen::ActorLost { actor, why } => format!("{actor} is lost: {why}"),
    }
}

/// The blobs of an image layout.
fn layout(fact: &LayoutFact) -> String {
    let LayoutFact { blobs, shared, damaged, is_cut } = *fact;
    let mut parts = vec![counted(blobs, "blob", "blobs").unwrap_or_else(|| "no blobs".into())];
    parts.extend(counted(shared, "layer shared", "layers shared"));
    parts.extend(counted(damaged, "blob damaged", "blobs damaged"));
    let said = parts.join(", ");
    if is_cut { format!("{UNREAD}: at least {said}") } else { said }
}

/// A program's end. Of what it printed the last line tells most; all of it is shown where the program is.
fn exited(status: i32, output: &str) -> String {
    match output.lines().rev().find(|line| !line.trim().is_empty()) {
        Some(last) => format!("exit status {status}: {last}"),
        None => format!("exit status {status}, and nothing was printed"),
    }
}

/// The reason why a process may not answer.
pub fn stall(stall: Stall) -> &'static str {
    match stall {
        Stall::Stopped => "it is stopped",
        Stall::Traced => "it is stopped by who traces it",
        Stall::Uninterruptible => "the kernel keeps it waiting",
    }
}

fn duration(nanos: u64) -> String {
    format!("{:.3} ms", nanos as f64 / 1e6)
}

fn joined(numbers: &[u32], between: &str) -> String {
    let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
    numbers.join(between)
}

fn unread(rows: &CutRows) -> String {
    match rows.omitted {
        Omitted::Nothing => UNREAD.to_owned(),
        Omitted::Rows(_) | Omitted::Uncounted => format!("{UNREAD}: {}", more(rows)),
    }
}

fn namespaces(kind: NamespaceKind, inodes: [Option<NsInode>; 2]) -> String {
    let shown =
        inodes.map(|inode| format!("{}:[{}]", kind.proc_link_name(), inode.unwrap_or_default().0));
    shown.join(" and ")
}

/// `uts, ipc and net are still host's`.
fn namespaces_of(kinds: &[NamespaceKind], other: &ActorName, own: bool) -> String {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.proc_link_name()).collect();
    let (verb, listed) = match names.split_last() {
        None => ("is", String::new()),
        Some((last, [])) => ("is", (*last).to_owned()),
        Some((last, first)) => ("are", format!("{} and {last}", first.join(", "))),
    };
    if own {
        format!("{listed} {verb} not {other}'s")
    } else if *other == ActorName::host() {
        format!("{listed} {verb} still the host's")
    } else {
        format!("{listed} {verb} still {other}'s")
    }
}

fn proc_count(count: Option<ProcCount>) -> String {
    match count {
        Some(ProcCount { count: 1, is_cut: false }) => "it lists one process".into(),
        Some(ProcCount { count, is_cut: false }) => format!("it lists {count} processes"),
        Some(ProcCount { count, is_cut: true }) => format!("it lists more than {count} processes"),
        None => "it lists no processes".into(),
    }
}

fn overlay_entry(entry: &OverlayEntry) -> String {
    let from = From::of(entry);
    // Of several lower layers the topmost that has it counts, and is named.
    let lower = entry.in_lowers.iter().min().filter(|_| from != From::Whiteout);
    let below = lower.map(|lower| format!(", lower {lower}"));
    format!("{} {}{}", entry.path, layer(from), below.unwrap_or_default())
}

fn file_kind(kind: FileKind) -> &'static str {
    match kind {
        FileKind::File => "File",
        FileKind::Directory => "Directory",
        FileKind::Symlink => "Symlink",
        FileKind::CharDevice => "CharDevice",
        FileKind::BlockDevice => "BlockDevice",
        FileKind::Fifo => "Fifo",
        FileKind::Socket => "Socket",
    }
}

fn link(row: &Link) -> String {
    let state = if row.up { "up" } else { "down" };
    let master = row.master.as_ref().map_or_else(String::new, |master| format!(" on {master}"));
    format!("{} {} {state}{master}", row.name, row.kind)
}

fn route(row: &Route) -> String {
    format!("{} via {} dev {}", row.to, row.via.as_deref().unwrap_or("nobody"), row.dev)
}

fn settings(files: &[CgroupValue], hierarchies: &[String]) -> String {
    let mut parts: Vec<String> = files.iter().map(cgroup_value).collect();
    parts.push(format!("in {}", hierarchies.join(", ")));
    parts.join(", ")
}

fn cgroup_value(shown: &CgroupValue) -> String {
    match &shown.value {
        Some(value) => format!("{} = {value}", shown.file),
        None => format!("no file {}", shown.file),
    }
}

fn cgroup_number(shown: &CgroupNumber) -> String {
    let unit = if shown.in_percent { " in percent" } else { "" };
    let was = shown.before.map_or_else(String::new, |before| format!(", was {before}"));
    format!("{}{unit} = {}{was}", shown.file, shown.number)
}

fn op_failed(op: &Op, call: &str, errno: &ErrnoName) -> String {
    let meaning = failure::explain(op, errno).unwrap_or_else(|| errno.sentence().into());
    format!("{call} = {errno}: {meaning}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_namespaces_that_are_missing_are_named() {
        use NamespaceKind::{Ipc, Net, Uts};
        let check = |kinds: &[NamespaceKind], other: &str, own, expected: &str| {
            let (kinds, other) = (kinds.to_vec(), ActorName::from(other));
            assert_eq!(seen(&Seen::NamespacesOf { kinds, other, own }), expected);
        };
        check(&[Uts, Ipc, Net], "host", false, "uts, ipc and net are still the host's");
        check(&[Uts], "container", false, "uts is still container's");
        check(&[Uts, Net], "host", true, "uts and net are not host's");
    }
}
