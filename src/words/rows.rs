//! Rows of snapshots and diffs in words, one line a row: what `unboxed run` prints and panes show. Pure.

use std::fmt::Display;

use serde::Serialize;
use serde_json::Value;

use super::remark::owner_change;
use crate::diff::{ChangeKind, Diff, DiffRow, DiffSection, OwnerChange};
use crate::op::{IpcKind, IpcObject, MappedIds};
use crate::snapshot::{
    Address, DirEntry, FileKind, FirewallRule, GroupRoot, Link, Mount, Namespace, NamespaceContent,
    NamespaceHolds, Neighbour, NetworkOmitted, Omitted, OverlayEntry, PlacedIpcObject, Process,
    Route, Traffic,
};
use crate::text::safe;
use crate::view::ViewKind;

/// A System V object: its kind and key, and how much there is of it.
pub fn ipc_object(it: &IpcObject) -> String {
    let IpcObject { kind, key, size, attached, .. } = it;
    match kind {
        IpcKind::Queue => format!("message queue {key:#x}, {size} bytes in it"),
        IpcKind::Memory => {
            format!("shared memory {key:#x}, {size} bytes, attached by {attached}")
        }
        IpcKind::Semaphores => format!("semaphores {key:#x}, {size} of them"),
    }
}

/// The same behind who speaks for its namespace.
pub fn placed_ipc_object(it: &PlacedIpcObject) -> String {
    format!("{}: {}", it.actor, ipc_object(&it.object))
}

/// The same setting or counter in the other version of control groups, with that version's number: cgroups(7), and the
/// kernel's texts on cgroup-v1 and cgroup-v2.
pub fn counterpart(file: &str) -> Option<(u32, &'static str)> {
    const COUNTERPARTS: [(&str, &str); 26] = [
        ("memory.limit_in_bytes", "memory.max"),
        ("memory.usage_in_bytes", "memory.current"),
        ("memory.max_usage_in_bytes", "memory.peak"),
        ("memory.soft_limit_in_bytes", "memory.low"),
        ("no file", "memory.high"),
        ("memory.swappiness", "memory.swap.max"),
        ("memory.failcnt", "memory.events max"),
        ("memory.oom_control", "memory.oom.group"),
        ("cpu.cfs_quota_us", "cpu.max"),
        ("cpu.cfs_period_us", "cpu.max"),
        ("cpu.shares", "cpu.weight"),
        ("cpuacct.usage", "cpu.stat usage_usec"),
        ("freezer.state", "cgroup.freeze"),
        ("blkio.throttle.read_bps_device", "io.max rbps"),
        ("blkio.throttle.write_bps_device", "io.max wbps"),
        ("blkio.throttle.read_iops_device", "io.max riops"),
        ("blkio.throttle.write_iops_device", "io.max wiops"),
        ("blkio.throttle.io_service_bytes", "io.stat"),
        ("blkio.weight", "io.weight"),
        ("blkio.bfq.weight", "io.bfq.weight"),
        ("cpu.rt_runtime_us", "no file"),
        ("devices.list", "no file: eBPF"),
        ("net_cls.classid", "no file: nft socket cgroupv2"),
        ("net_prio.ifpriomap", "no file: nft meta priority"),
        // Files of v2 that stand for several of v1.
        ("memory.failcnt, memory.oom_control", "memory.events"),
        ("blkio.throttle.*_device", "io.max"),
    ];

    let to_v2 = COUNTERPARTS.iter().find(|(v1, _)| *v1 == file).map(|(_, v2)| (2, *v2));
    to_v2.or_else(|| COUNTERPARTS.iter().find(|(_, v2)| *v2 == file).map(|(v1, _)| (1, *v1)))
}

/// The fields of a row that were otherwise before, but for those that nobody is told of:
/// `  was mtu 1500, no master, in other cgroups`.
pub fn was<T: Serialize>(before: &T, now: &T, untold: &[&str]) -> String {
    let fields = |row: &T| serde_json::to_value(row).ok();
    let (Some(Value::Object(before)), Some(Value::Object(now))) = (fields(before), fields(now))
    else {
        return String::new();
    };

    let told: Vec<String> = before
        .iter()
        .filter(|(name, old)| now.get(*name) != Some(old) && !untold.contains(&name.as_str()))
        .map(|(name, old)| match old {
            Value::Null | Value::Bool(false) => format!("no {name}"),
            Value::Bool(true) => name.clone(),
            Value::Array(_) | Value::Object(_) => format!("in other {name}"),
            Value::String(text) => {
                format!("{name} {}", if text.is_empty() { "none" } else { text })
            }
            Value::Number(number) => format!("{name} {number}"),
        })
        .collect();
    if told.is_empty() { String::new() } else { format!("  was {}", told.join(", ")) }
}

/// Every changed row, under a heading per view, and what was not compared. Empty when nothing changed and no list was
/// cut.
pub fn diff_lines(diff: &Diff) -> Vec<String> {
    let mut lines = Vec::new();
    sections(&mut lines, "mounts", &diff.mounts, mount_verb, mount);
    rows(&mut lines, "processes", &diff.processes, mark_word, process);
    omitted(&mut lines, "processes", diff.processes_omitted);
    rows(&mut lines, "namespaces", &diff.namespaces, mark_word, namespace);
    rows(&mut lines, "in namespaces", &diff.contents, mark_word, namespace_content);
    rows(&mut lines, "host names", &diff.hostnames, mark_word, |(actor, name)| {
        format!("{actor}: {name}")
    });
    rows(&mut lines, "System V objects", &diff.ipc, mark_word, placed_ipc_object);

    for network in &diff.networks {
        let heading = format!("network of {}{}", network.name, in_brackets(&network.owner_change));
        rows(&mut lines, &format!("{heading}: links"), &network.links, mark_word, link);
        rows(&mut lines, &format!("{heading}: addresses"), &network.addresses, mark_word, address);
        rows(&mut lines, &format!("{heading}: routes"), &network.routes, mark_word, route);
        rows(
            &mut lines,
            &format!("{heading}: neighbours"),
            &network.neighbours,
            mark_word,
            neighbour,
        );
        rows(&mut lines, &format!("{heading}: traffic"), &network.traffic, mark_word, traffic);
        let rule = |rule: &FirewallRule| rule.text.clone();
        rows(&mut lines, &format!("{heading}: rules"), &network.rules, mark_word, rule);
        let set = |_: &bool| FORWARDING.to_owned();
        rows(&mut lines, &heading, &network.forwarding, mark_word, set);

        let mut cut = |list: &str, of: fn(&NetworkOmitted) -> Omitted| {
            omitted(&mut lines, &format!("{heading}: {list}"), network.omitted_of(of));
        };
        cut("links", |it| it.links);
        cut("addresses", |it| it.addresses);
        cut("routes", |it| it.routes);
        cut("neighbours", |it| it.neighbours);
        cut("traffic", |it| it.traffic);
    }

    sections(&mut lines, "cgroup", &diff.cgroups, mark_word, |file| {
        format!("{} {}", file.name, file.value.replace('\n', " | "))
    });
    omitted(&mut lines, "cgroups", diff.cgroups_omitted);
    sections(&mut lines, "overlay at", &diff.overlays, mark_word, overlay_entry);
    omitted(&mut lines, "overlays", diff.overlays_omitted);
    sections(&mut lines, "directory", &diff.directories, mark_word, dir_entry);

    lines.iter().map(|line| safe(line)).collect()
}

/// The content of a namespace, and whose it is: `box: user 0 is 1000 outside`.
pub fn namespace_content(content: &NamespaceContent) -> String {
    let actors: Vec<&str> = content.actors.iter().map(|actor| actor.as_str()).collect();
    format!("{}: {}", actors.join(", "), namespace_holds(&content.holds))
}

pub fn namespace_holds(holds: &NamespaceHolds) -> String {
    match holds {
        NamespaceHolds::IdMap { uids, gids } if uids.is_empty() && gids.is_empty() => {
            "no id map: each user and group shows as 65534".into()
        }
        NamespaceHolds::IdMap { uids, gids } if uids == gids => {
            format!("user and group {}", id_ranges(uids))
        }
        NamespaceHolds::IdMap { uids, gids } => {
            let maps = [("user", uids), ("group", gids)];
            let words = maps.map(|(word, ranges)| match ranges.is_empty() {
                true => format!("no {word} map"),
                false => format!("{word} {}", id_ranges(ranges)),
            });
            words.join(", ")
        }
        NamespaceHolds::Clocks(offsets) => {
            let clocks =
                [("boot-time clock", offsets.boottime), ("monotonic clock", offsets.monotonic)];
            let shifted = clocks.into_iter().filter_map(|(clock, offset)| {
                let offset = offset.filter(|offset| *offset != 0)?;
                Some(format!("{clock} {offset:+} s"))
            });
            let shifted: Vec<String> = shifted.collect();
            if shifted.is_empty() { "clocks as outside".into() } else { shifted.join(", ") }
        }
        NamespaceHolds::GroupRoots(roots) => group_roots(roots),
    }
}

/// `0 is 1000 outside, 1-100 are 2000-2099`.
fn id_ranges(ranges: &[MappedIds]) -> String {
    let last = |first: u32, count: u32| u64::from(first) + u64::from(count) - 1;
    let words = ranges.iter().map(|range| match range.count {
        0 => format!("{} without a number", range.inside),
        1 => format!("{} is {}", range.inside, range.outside),
        count => format!(
            "{}-{} are {}-{}",
            range.inside,
            last(range.inside, count),
            range.outside,
            last(range.outside, count)
        ),
    });
    let words: Vec<String> = words.collect();
    format!("{} outside", words.join(", "))
}

/// `/ is /docker/box (pids)`.
fn group_roots(roots: &[GroupRoot]) -> String {
    let words = roots.iter().map(|root| match root.controllers.is_empty() {
        true => format!("/ is {}", root.path),
        false => format!("/ is {} ({})", root.path, root.controllers),
    });
    let words: Vec<String> = words.collect();
    if words.is_empty() { "/ is the lab's own top group".into() } else { words.join(", ") }
}

fn sections<O: Display, T>(
    lines: &mut Vec<String>,
    view: &str,
    sections: &[DiffSection<O, T>],
    verb: fn(ChangeKind) -> &'static str,
    text: impl Fn(&T) -> String + Copy,
) {
    for section in sections {
        let heading = format!("{view} {}{}", section.owner, in_brackets(&section.owner_change));
        let is_copy = matches!(section.owner_change, OwnerChange::CopyOf(_));
        // `rows` prints nothing where nothing changed; a copy is worth a line all the same.
        if is_copy && !section.rows.iter().any(|row| row.mark.is_change()) {
            lines.push(format!("  {heading}: {} rows", section.rows.len()));
        }

        rows(lines, &heading, &section.rows, verb, text);
        omitted(lines, &heading, section.omitted);
    }
}

/// A line for the rows left out of a list, before and after; none for a list that is whole.
fn omitted(lines: &mut Vec<String>, heading: &str, omitted: [Omitted; 2]) {
    let words = |side: Omitted| match side {
        Omitted::Nothing => "none".to_owned(),
        Omitted::Rows(count) => count.to_string(),
        Omitted::Uncounted => "more than were counted".to_owned(),
    };
    if !omitted.iter().all(Omitted::is_nothing) {
        let [before, after] = omitted.map(words);
        lines.push(format!("  {heading}: … {after} more, not compared    (was: {before})"));
    }
}

fn in_brackets(change: &OwnerChange) -> String {
    owner_change(change).map_or_else(String::new, |words| format!(" ({words})"))
}

fn rows<T>(
    lines: &mut Vec<String>,
    heading: &str,
    rows: &[DiffRow<T>],
    verb: fn(ChangeKind) -> &'static str,
    text: impl Fn(&T) -> String,
) {
    let changed: Vec<&DiffRow<T>> = rows.iter().filter(|row| row.mark.is_change()).collect();
    if changed.is_empty() {
        return;
    }

    lines.push(format!("  {heading}"));
    for row in changed {
        let sign = row.mark.sign();
        let word = verb(row.mark);
        let line = match (&row.before, &row.after) {
            (Some(before), Some(after)) => {
                let (before, after) = (text(before), text(after));
                if before == after { after } else { format!("{after}    (was: {before})") }
            }
            (Some(only), None) | (None, Some(only)) => text(only),
            (None, None) => continue,
        };
        lines.push(format!("    {sign} {word:<9} {line}"));
    }
}

/// The word for what happened to a row of a view.
pub fn change_word(view: ViewKind, mark: ChangeKind) -> &'static str {
    match view {
        ViewKind::Mounts => mount_verb(mark),
        ViewKind::Processes
        | ViewKind::Namespaces
        | ViewKind::Network
        | ViewKind::Cgroups
        | ViewKind::Files
        | ViewKind::Calls => mark_word(mark),
    }
}

fn mark_word(mark: ChangeKind) -> &'static str {
    match mark {
        ChangeKind::Same => "same",
        ChangeKind::Added => "new",
        ChangeKind::Gone => "gone",
        ChangeKind::Changed => "changed",
        ChangeKind::Moved => "moved",
        ChangeKind::Quiet => "by itself",
        ChangeKind::Unknown => "not known",
    }
}

/// The four verbs of `findmnt --poll`.
fn mount_verb(mark: ChangeKind) -> &'static str {
    match mark {
        ChangeKind::Same => "same",
        ChangeKind::Added => "mounted",
        ChangeKind::Gone => "unmounted",
        ChangeKind::Changed => "remounted",
        ChangeKind::Quiet => "by itself",
        ChangeKind::Unknown => "not known",
        ChangeKind::Moved => "moved",
    }
}

pub fn mount(mount: &Mount) -> String {
    format!(
        "{} {} {} {} {}",
        mount.target,
        mount.source,
        mount.fstype,
        mount.options,
        mount.propagation.word()
    )
}

pub fn process(process: &Process) -> String {
    let pids: Vec<String> = process.ns_pids.iter().map(u32::to_string).collect();
    let name = if process.args.is_empty() { &process.comm } else { &process.args };
    format!("pid {}  {name}", pids.join(" = "))
}

pub fn namespace(namespace: &Namespace) -> String {
    let members: Vec<String> = namespace.members.iter().map(u32::to_string).collect();
    let actors: Vec<&str> = namespace.actors.iter().map(|actor| actor.as_str()).collect();
    format!(
        "{}:[{}] {} (pids {})",
        namespace.kind.proc_link_name(),
        namespace.inode.0,
        actors.join(", "),
        members.join(", ")
    )
}

pub fn link(link: &Link) -> String {
    let kind = if link.kind.is_empty() { "loopback" } else { &link.kind };
    let master = link.master.as_ref().map_or_else(String::new, |master| format!(" on {master}"));
    format!("{} {kind} {}{master} {}", link.name, link.operstate, link.mac)
}

pub fn address(address: &Address) -> String {
    format!("{}/{} on {}", address.ip, address.prefix, address.dev)
}

pub fn route(route: &Route) -> String {
    let via = route.via.as_ref().map_or_else(String::new, |via| format!(" via {via}"));
    format!("{}{via} dev {}", route.to, route.dev)
}

pub fn neighbour(neighbour: &Neighbour) -> String {
    format!("{} is {} on {} ({})", neighbour.ip, neighbour.mac, neighbour.dev, neighbour.state)
}

/// The setting by which packets for others are passed on.
pub const FORWARDING: &str = "net.ipv4.ip_forward = 1: packets for others are passed on";

pub fn traffic(traffic: &Traffic) -> String {
    format!("{}  {} packets, {} bytes", traffic.text, traffic.packets, traffic.bytes)
}

pub fn overlay_entry(entry: &OverlayEntry) -> String {
    use crate::snapshot::InUpper;

    let mut places = Vec::new();
    if !entry.in_lowers.is_empty() {
        let layers: Vec<String> = entry.in_lowers.iter().map(usize::to_string).collect();
        places.push(format!("lower {}", layers.join(",")));
    }
    let whiteouts = entry.lower_whiteouts.iter();
    places.extend(whiteouts.map(|layer| format!("whiteout in lower {layer}")));
    let opaques = entry.lower_opaques.iter();
    places.extend(opaques.map(|layer| format!("opaque in lower {layer}")));

    match entry.upper {
        InUpper::Absent => {}
        InUpper::Present => places.push("upper".into()),
        InUpper::Whiteout => places.push("whiteout in upper".into()),
        InUpper::Opaque => places.push("opaque in upper".into()),
    }

    let seen = if entry.merged { "" } else { ", not in merged" };
    format!("{} ({}{seen})", entry.path, places.join(", "))
}

pub fn dir_entry(entry: &DirEntry) -> String {
    match (entry.kind, &entry.link) {
        (FileKind::Directory, _) => format!("{}/", entry.name),
        (FileKind::Symlink, Some(link)) => format!("{} -> {link}", entry.name),
        (FileKind::File, _) => format!("{} ({} bytes)", entry.name, entry.size),
        (FileKind::Symlink, None)
        | (FileKind::CharDevice | FileKind::BlockDevice | FileKind::Fifo | FileKind::Socket, _) => {
            entry.name.clone()
        }
    }
}
