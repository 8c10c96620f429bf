//! Panes for a room: what changed and nothing else, without ids, options or inherited rows; everything where nothing changed.

use super::{PaneRow, RowKind, Scene, charts, row};
use crate::diff::{Mark, Row, is_counter};
use crate::lesson::model::ViewKind;
use crate::op::NamespaceKind;
use crate::snapshot::{Link, Mount, Process};
use crate::text::{column, safe};
use crate::words;

/// The rows of one pane.
pub fn build(view: ViewKind, scene: &Scene<'_>) -> Vec<PaneRow> {
    let all = match view {
        ViewKind::Mounts => mounts(scene),
        ViewKind::Processes => rows("", &scene.diff.processes, scene, |process, _| self::process(process)),
        ViewKind::Namespaces => namespaces(scene),
        ViewKind::Network => network(scene),
        ViewKind::Cgroups => cgroups(scene),
        ViewKind::Files => files(scene),
        ViewKind::Calls => calls(scene),
    };
    if all.is_empty() { vec![PaneRow::note("nothing to see here yet")] } else { all }
}

/// Changed rows; where there is none, all. Under a heading where there are rows and it has words.
fn rows<T>(heading: &str, rows: &[Row<T>], scene: &Scene<'_>, text: impl Fn(&T, Option<&T>) -> String) -> Vec<PaneRow> {
    let shown = |row: &&Row<T>| if scene.changes_only { row.mark.is_change() } else { row.after.is_some() };
    let mut lines: Vec<PaneRow> = rows
        .iter()
        .filter(shown)
        .filter_map(|one| {
            let (mark, value) = match (&one.after, &one.before) {
                (Some(after), _) => (if scene.changes_only { one.mark } else { Mark::Same }, after),
                (None, Some(before)) => (one.mark, before),
                (None, None) => return None,
            };
            let was = one.before.as_ref().filter(|_| mark.is_change() && one.after.is_some());
            Some(row(mark, text(value, was)))
        })
        .collect();
    if !lines.is_empty() && !heading.is_empty() {
        lines.insert(0, PaneRow::heading(heading));
    }
    lines
}

fn mounts(scene: &Scene<'_>) -> Vec<PaneRow> {
    let mut all = Vec::new();
    for section in &scene.diff.mounts {
        all.extend(rows(&section.owner, &section.rows, scene, mount));
    }
    all
}

fn mount(mount: &Mount, was: Option<&Mount>) -> String {
    let note = match was {
        Some(old) if old.target != mount.target => format!("was {}", old.target),
        Some(old) if old.propagation.word() != mount.propagation.word() => {
            format!("{}, was {}", mount.propagation.word(), old.propagation.word())
        }
        Some(old) => format!("{}, was {}", mount.options, old.options),
        None => String::new(),
    };
    format!("{} {} {note}", column(&mount.target, 24), column(&mount.fstype, 8))
}

fn process(process: &Process) -> String {
    let name = process.actor.as_ref().map_or("", |actor| actor.as_str());
    let command = if process.args.is_empty() { &process.comm } else { &process.args };
    format!("pid {} {} {command}", column(&process.own_pid().to_string(), 5), column(name, 10))
}

/// Who has a namespace of its own, kind by kind, and host names.
fn namespaces(scene: &Scene<'_>) -> Vec<PaneRow> {
    let actors: Vec<&Process> = scene.after.processes.iter().filter(|process| process.actor.is_some()).collect();
    let mut all = Vec::new();
    for kind in NamespaceKind::ALL {
        let of = |process: &Process| process.namespaces.get(&kind).copied();
        let host = actors.first().and_then(|process| of(process));
        let own: Vec<&str> = actors
            .iter()
            .skip(1)
            .filter(|process| of(process) != host)
            .filter_map(|process| process.actor.as_ref().map(|actor| actor.as_str()))
            .collect();
        let known = |inode| scene.before.processes.iter().any(|process| of(process) == Some(inode));
        let is_new = actors.iter().filter_map(|process| of(process)).any(|inode| !known(inode));
        let mark = if is_new && scene.changes_only { Mark::Added } else { Mark::Same };
        if scene.changes_only && !mark.is_change() {
            continue;
        }
        let who = if own.is_empty() { "one for all".to_owned() } else { format!("its own: {}", own.join(", ")) };
        all.push(row(mark, format!("{} {who}", column(kind.proc_name(), 8))));
    }
    all.extend(rows("", &scene.diff.hostnames, scene, |(actor, name), was| {
        let was = was.map_or_else(String::new, |(_, old)| format!("  was {old}"));
        format!("{actor} is called {name}{was}")
    }));
    all
}

fn network(scene: &Scene<'_>) -> Vec<PaneRow> {
    let mut all = Vec::new();
    for network in &scene.diff.networks {
        let mut own = rows("", &network.links, scene, |link, _| self::link(link));
        own.extend(rows("", &network.addresses, scene, |address, _| words::address(address)));
        own.extend(rows("", &network.routes, scene, |route, _| format!("route to {}", words::route(route))));
        own.extend(rows("", &network.traffic, scene, |it, _| format!("{} packets: {}", it.packets, it.text)));
        if !own.is_empty() {
            all.push(PaneRow::heading(&network.name));
            all.extend(own);
        }
    }
    all
}

fn link(link: &Link) -> String {
    let master = link.master.as_ref().map_or_else(String::new, |master| format!(" in {master}"));
    format!("{} {}{master}", column(&link.name, 12), link.operstate.to_lowercase())
}

fn cgroups(scene: &Scene<'_>) -> Vec<PaneRow> {
    let mut all = charts::rows(scene.charts);
    for section in &scene.diff.cgroups {
        let is_top = section.owner.ends_with(":/");
        let own: Vec<_> = section.rows.iter().filter(|row| !is_top || row.mark.is_change()).cloned().collect();
        // Counters move all the time: they are there where nothing else is to see.
        let (counters, settings): (Vec<_>, Vec<_>) = own.into_iter().partition(|row| {
            let file = row.after.as_ref().or(row.before.as_ref());
            file.is_some_and(|file| is_counter(&file.name))
        });
        let told =
            if settings.iter().any(|row| row.mark.is_change()) || !scene.changes_only { settings } else { counters };
        all.extend(rows(&section.owner, &told, scene, |file, was| {
            let was = was.map_or_else(String::new, |old| format!("  was {}", old.value.replace('\n', " | ")));
            format!("{} {}{was}", column(&file.name, 24), file.value.replace('\n', " | "))
        }));
    }
    all
}

fn files(scene: &Scene<'_>) -> Vec<PaneRow> {
    let mut all = Vec::new();
    for section in &scene.diff.overlays {
        all.extend(rows(&section.owner, &section.rows, scene, |entry, _| words::overlay_entry(entry)));
    }
    for section in &scene.diff.directories {
        all.extend(rows(&section.owner, &section.rows, scene, |entry, _| words::dir_entry(entry)));
    }
    all
}

/// What programs printed, then the calls.
fn calls(scene: &Scene<'_>) -> Vec<PaneRow> {
    let printed = scene.ops.iter().flat_map(|op| op.outcome.message().lines());
    let mut all: Vec<PaneRow> = printed.map(|line| row(Mark::Same, format!("> {}", safe(line)))).collect();
    all.extend(scene.ops.iter().flat_map(|op| &op.calls).map(|call| {
        let kind = if call.result.is_ok() { RowKind::Plain } else { RowKind::Bad };
        PaneRow { kind, ..row(Mark::Same, call.to_string()) }
    }));
    all
}
