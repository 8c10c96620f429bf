//! The cards of control groups, layers and files, charts and calls.

use std::borrow::Cow;

use super::card::{Card, See};
use super::data::{CardData, GONE, card, seen, shown};
use super::{Entry, WordKind, constants, of_kind, see};
use crate::call::{Call, CallResult};
use crate::diff::CgroupFile;
use crate::failure;
use crate::op::{ActorName, Op};
use crate::own_call::OwnCall;
use crate::snapshot::{DirEntry, FileKind, InUpper, Overlay, OverlayEntry};
use crate::text::shortened;
use crate::view::ChartKind;
use crate::words;

pub(super) fn group_card(hierarchy: &str, path: &str, data: &CardData<'_>) -> Card {
    let dir = data.group_dir(hierarchy, path);
    let members = data.snapshot.cgroups.iter();
    let members = members.filter(|group| group.hierarchy == hierarchy && group.path == path);
    let count: usize = members.map(|group| group.procs.len()).sum();
    let mut sentences = vec![if path.is_empty() {
        "The lab's own group: what lessons make lies below it.".to_owned()
    } else {
        format!("A control group in the tree of {}.", tree_name(hierarchy))
    }];
    sentences.push(format!("{count} processes are in it, those of groups below not counted."));
    if let Some((dir, _)) = &dir {
        sentences.push(format!("In the lab it is the directory {dir}."));
    }
    let line = dir.map(|(dir, _)| see::group(&dir));
    card(
        format!("group /{path}"),
        sentences,
        seen(line, NO_GROUPS),
        &["control group", "cgroup.procs"],
    )
}

const NO_GROUPS: &str =
    "This lesson's lab does not show control groups in its /sys, so there is no line for a shell.";

fn tree_name(hierarchy: &str) -> Cow<'_, str> {
    match hierarchy {
        "unified" => Cow::Borrowed("version 2"),
        v1 => Cow::Owned(format!("{v1}, version 1")),
    }
}

pub(super) fn file_card(
    hierarchy: &str,
    path: &str,
    file: &CgroupFile,
    data: &CardData<'_>,
) -> Card {
    let CgroupFile { name, value } = file;
    let line = data.group_dir(hierarchy, path).map(|(dir, _)| see::group_file(&dir, name, value));
    let value = if value.is_empty() { "nothing".to_owned() } else { value.replace('\n', ", ") };
    let value = shortened(&value, 120);
    let tree = tree_name(hierarchy);
    let what = format!("A file of the group /{path}, in the tree of {tree}. It says: {value}.");
    let mut card = card(name.clone(), vec![what], seen(line, NO_GROUPS), &[]);
    card.entries.extend(of_kind(WordKind::GroupFile, name));
    card
}

pub(super) fn layer_card(overlay: &Overlay, lower: Option<usize>, data: &CardData<'_>) -> Card {
    let (path, word, what) = match lower {
        Some(place) => {
            let path = overlay.lowers.get(place).map_or("", String::as_str);
            let what = format!(
                "Layer {place} of the read-only ones below {}; 0 is the topmost.",
                overlay.merged
            );
            (path, "lower layer", what)
        }
        None => {
            let path = overlay.upper.as_deref().unwrap_or_default();
            (path, "upper layer", format!("All that is changed in {} lands here.", overlay.merged))
        }
    };
    let line = data.seat(&overlay.actor).map(|seat| see::file(&seat, path));
    card(format!("{word} {path}"), vec![what], seen(line, GONE), &[word, "overlay"])
}

pub(super) fn overlay_card(overlay: &Overlay, entry: &OverlayEntry, data: &CardData<'_>) -> Card {
    let path = &entry.path;
    let below: Vec<String> = entry.in_lowers.iter().map(|place| format!("lower {place}")).collect();
    let mut sentences = vec![match below.is_empty() {
        true => format!("No lower layer has {path}."),
        false => format!("Below it is in {}.", below.join(", ")),
    }];
    let (said, word) = match entry.upper {
        InUpper::Absent => {
            ("The upper layer does not have it: it is read from below.", "lower layer")
        }
        InUpper::Present if entry.in_lowers.is_empty() => {
            ("The upper layer alone has it: it was made after mounting.", "upper layer")
        }
        InUpper::Present if entry.kind == FileKind::Directory => {
            ("The upper layer has it, too: both are seen as one directory.", "merged")
        }
        InUpper::Present => ("The upper layer has a copy, which hides the one below.", "copy-up"),
        InUpper::Whiteout => {
            ("The upper layer has a whiteout: programs do not see it.", "whiteout")
        }
        InUpper::Opaque => {
            ("The upper layer's directory hides the one below whole.", "opaque directory")
        }
    };
    sentences.push(said.to_owned());

    let layer = match (entry.upper, &overlay.upper, entry.in_lowers.first()) {
        (InUpper::Absent, _, Some(place)) => overlay.lowers.get(*place),
        (InUpper::Present | InUpper::Whiteout | InUpper::Opaque, Some(upper), _) => Some(upper),
        _ => Some(&overlay.merged),
    };
    let seat = data.seat(&overlay.actor);
    let line = seat.zip(layer).map(|(seat, layer)| see::file(&seat, &format!("{layer}/{path}")));
    card(
        format!("{path} of the overlay at {}", overlay.merged),
        sentences,
        seen(line, GONE),
        &[word, "overlay"],
    )
}

pub(super) fn entry_card(
    actor: &ActorName,
    path: &str,
    entry: &DirEntry,
    data: &CardData<'_>,
) -> Card {
    let DirEntry { name, kind, size, link } = entry;
    let (what, word) = match (kind, link) {
        (FileKind::Directory, _) => ("a directory".to_owned(), "directory"),
        (FileKind::File, _) => (format!("a file of {size} bytes"), "inode"),
        (FileKind::Symlink, Some(to)) => (format!("a symbolic link to {to}"), "symbolic link"),
        (FileKind::Symlink, None) => ("a symbolic link".to_owned(), "symbolic link"),
        (FileKind::CharDevice | FileKind::BlockDevice, _) => ("a device file".to_owned(), "device"),
        (FileKind::Fifo, _) => ("a named pipe".to_owned(), "file descriptor"),
        (FileKind::Socket, _) => ("a socket".to_owned(), "socket"),
    };
    let full = format!("{}/{name}", path.trim_end_matches('/'));
    let line = data.seat(actor).map(|seat| see::file(&seat, &full));
    let what = format!("In {path}, as {actor} sees it, {name} is {what}.");
    card(format!("{name} in {path}"), vec![what], seen(line, GONE), &[word])
}

pub(super) fn chart_card(group: &str, of: ChartKind) -> Card {
    let (what, file) = match of {
        ChartKind::Memory => ("the memory in use, against its limit", "memory.current"),
        ChartKind::Cpu => {
            ("the CPU time used, as a share of one CPU, against the quota", "cpu.stat")
        }
        ChartKind::Pids => ("the number of processes, against its limit", "pids.current"),
        ChartKind::Write => ("the bytes written a second, against the limit", "io.stat"),
        ChartKind::CpuPressure => {
            ("the share of time in which somebody waited for a CPU", "cpu.pressure")
        }
        ChartKind::MemoryPressure => {
            ("the share of time in which somebody waited for memory", "memory.pressure")
        }
    };
    let what = format!("Over time, for the group /{group}: {what}.");
    card(
        format!("chart of /{group}"),
        vec![what],
        See::No("The numbers are those of the group's files, whose rows are below."),
        &["chart", file],
    )
}

pub(super) fn call_card(op: &Op, call: &Call) -> Card {
    card_of_call(call, call.result.errno().and_then(|errno| failure::explain(op, errno)))
}

/// A call that a program of the learner's has made.
pub(super) fn own_call_card(own: &OwnCall) -> Card {
    let mut card = card_of_call(&own.call, None);
    let by = if own.is_by_shell() {
        "The shell itself made it.".to_owned()
    } else {
        format!("Your program made it: {}.", words::own_calls::command_line(&own.command))
    };
    card.sentences.extend(shown(vec![by]));
    card
}

/// `here` is what a failure means at this place, where that is known.
fn card_of_call(call: &Call, here: Option<Cow<'_, str>>) -> Card {
    let mut sentences = vec![format!("{call}")];
    let mut entries: Vec<&'static Entry> =
        of_kind(WordKind::Call, &call.name).into_iter().collect();
    match &call.result {
        CallResult::Value(value) => sentences.push(result_text(&call.name, *value)),
        CallResult::Errno(errno) => {
            let said = errno.sentence();
            sentences.push(format!("It failed with {errno} ({said})."));
            sentences.extend(here.map(|here| format!("Here that means: {here}.")));
            entries.extend(of_kind(WordKind::Errno, &errno.0));
        }
        CallResult::Unseen => sentences.push(
            "Its result could not be seen: a debugger watches whoever made it, or it ended them."
                .into(),
        ),
    }
    // What is left out comes last.
    let (absent, named): (Vec<&str>, Vec<&str>) =
        constants(&call.args).into_iter().partition(|flag| *flag == "NULL");
    let of_flag = |flag: &str| of_kind(WordKind::Flag, flag);
    entries.extend(named.into_iter().filter_map(of_flag));
    let options = ["lowerdir", "upperdir", "workdir"].into_iter();
    let named = options.filter(|option| call.args.contains(&format!("{option}=")));
    entries.extend(named.filter_map(of_flag));
    entries.extend(absent.into_iter().filter_map(of_flag));

    let see = seen(see::call(&call.name), "");
    Card {
        title: format!("{}, {}", call.name, WordKind::Call.name()),
        sentences: shown(sentences),
        origin: None,
        see,
        entries,
    }
}

/// The value that a call returned, in words.
fn result_text(name: &str, value: i64) -> String {
    match (name, value) {
        ("openat" | "socket", fd) => format!("It returned {fd}, the new file descriptor."),
        ("bpf", fd) if fd > 0 => format!("It returned {fd}, the new file descriptor."),
        ("clone" | "clone3" | "wait4", pid) => {
            format!("It returned {pid}, the PID of the child as the caller's PID namespace counts.")
        }
        ("getpid", pid) => format!("It returned {pid}, the caller's PID in its own PID namespace."),
        ("read" | "write" | "sendfile" | "sendto" | "recvfrom", count) => {
            format!("It returned {count}, the number of bytes.")
        }
        (_, 0) => "It returned 0: it went well.".to_owned(),
        (_, value) => format!("It returned {value}."),
    }
}
