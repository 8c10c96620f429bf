//! Panes for a room: what changed and nothing else, without ids, options or inherited rows; everything where nothing
//! changed.

use super::{PaneData, PaneRow, RowKind, bar_chart, charts, network, omitted, pane, row};
use crate::diff::{CgroupFile, ChangeKind, DiffRow, DiffSection, GroupOwner, is_counter};
use crate::op::{ActorName, NamespaceKind, Op, OpRecord, Outcome};
use crate::seen::CutList;
use crate::snapshot::{Address, DirEntry, Link, Mount, NamespaceContent, Process, Snapshot};
use crate::text::{digests_shortened, padded, tabs_laid, without_escapes};
use crate::view::ViewKind;
use crate::words;

/// The rows of one pane; none where there is nothing to see. Where nothing changed, what `acting` sees comes first.
pub fn audience_rows(
    view: ViewKind,
    scene: &PaneData<'_>,
    acting: Option<&ActorName>,
) -> Vec<PaneRow> {
    let brief = pane(view).brief;
    let changed = brief(&PaneData { changes_only: true, ..*scene }, acting);
    if changed.iter().any(|row| row.mark.is_change()) {
        return changed;
    }
    brief(&PaneData { changes_only: false, ..*scene }, acting)
}

/// The lines that a person at a shell would read: what programs printed, and what the kernel refused.
pub fn output_rows(ops: &[OpRecord]) -> Vec<PaneRow> {
    let waited_for = ops.iter().filter(|op| !matches!(op.op, Op::Work { background: true, .. }));
    let lines = waited_for.flat_map(|op| {
        let is_refused = op.outcome.errno();
        let text = match &op.outcome {
            Outcome::Done { output } => without_escapes(output),
            Outcome::Exited { output, status } => {
                format!("{}\nexit status {status}", without_escapes(output))
            }
            Outcome::Failed { errno, .. } => format!("{errno}: {}", errno.sentence()),
        };
        let kind = if is_refused.is_some() { RowKind::Bad } else { RowKind::Plain };
        let lines: Vec<PaneRow> = text
            .lines()
            .map(|line| PaneRow { kind, ..row(ChangeKind::Same, tabs_laid(line.trim_end())) })
            .collect();
        lines
    });

    let mut all: Vec<PaneRow> = Vec::new();
    for line in lines.filter(|line| !line.text.is_empty()) {
        // A workload counts up: where it got to is enough.
        if all.last().is_some_and(|last| is_same_count(&last.text, &line.text)) {
            all.pop();
        }
        all.push(line);
    }

    all
}

/// `touched_mib 3` and `touched_mib 4`
fn is_same_count(one: &str, other: &str) -> bool {
    let word = |line: &str| {
        line.split_once(' ')
            .filter(|(_, number)| number.parse::<f64>().is_ok())
            .map(|(word, _)| word.to_owned())
    };
    word(one).is_some_and(|one| word(other) == Some(one))
}

/// Changed rows, what is gone last; or all that is there. Under a heading where there are rows and it has words.
fn rows<T>(
    heading: &str,
    rows: &[DiffRow<T>],
    scene: &PaneData<'_>,
    text: impl Fn(&T, Option<&T>) -> String,
) -> Vec<PaneRow> {
    let shown = |row: &&DiffRow<T>| {
        if scene.changes_only { row.mark.is_change() } else { row.after.is_some() }
    };

    let mut lines: Vec<PaneRow> = rows
        .iter()
        .filter(shown)
        .filter_map(|one| {
            let (mark, value) = match (&one.after, &one.before) {
                (Some(after), _) => {
                    (if scene.changes_only { one.mark } else { ChangeKind::Same }, after)
                }
                (None, Some(before)) => (one.mark, before),
                (None, None) => return None,
            };
            let was = one.before.as_ref().filter(|_| mark.is_change() && one.after.is_some());
            let said = text(value, was);
            // What changed is among what a room is not told.
            let is_untold = was.is_some_and(|was| text(was, None) == said);
            (!is_untold).then(|| row(mark, said))
        })
        .collect();

    lines.sort_by_key(|line| line.mark == ChangeKind::Gone);
    if !lines.is_empty() && !heading.is_empty() {
        lines.insert(0, PaneRow::heading(heading));
    }
    lines
}

/// The rows, and behind them what was left out: a room is not told of lists that nothing happened in.
fn behind(mut rows: Vec<PaneRow>, more: impl IntoIterator<Item = PaneRow>) -> Vec<PaneRow> {
    if !rows.is_empty() {
        rows.extend(more);
    }
    rows
}

pub(super) fn mounts(scene: &PaneData<'_>, acting: Option<&ActorName>) -> Vec<PaneRow> {
    let mut sections: Vec<_> = scene.diff.mounts.iter().collect();
    sections.sort_by_key(|section| acting.is_none_or(|actor| section.owner != *actor));
    let own = sections.into_iter().flat_map(|section| {
        let mut by_place = section.rows.clone();
        by_place.sort_by(|one, other| target(one).cmp(&target(other)));
        let own = rows(section.owner.as_str(), &by_place, scene, mount);
        behind(own, omitted(CutList::Mounts, &section.rows, section.omitted, scene))
    });
    own.collect()
}

fn target(row: &DiffRow<Mount>) -> Option<&str> {
    row.latest_value().map(|mount| mount.target.as_str())
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
    format!("{} {} {note}", padded(&mount.target, 24), padded(&mount.fstype, 8))
}

pub(super) fn processes(scene: &PaneData<'_>) -> Vec<PaneRow> {
    let processes = &scene.diff.processes;
    let all = rows("", processes, scene, |process, _| self::process(process));
    behind(all, omitted(CutList::Processes, processes, scene.diff.processes_omitted, scene))
}

/// `pid 6 (1 inside)  container  sh`: as the lab's host counts, then as the namespaces below it do.
fn process(process: &Process) -> String {
    // The first two are the machine's pid and the lab's.
    let inside: Vec<String> = process.ns_pids.iter().skip(2).map(u32::to_string).collect();
    let inside =
        if inside.is_empty() { String::new() } else { format!(" ({} inside)", inside.join(", ")) };
    let pid = process.lab_pid().unwrap_or(process.pid);
    let name = process.actor.as_ref().map_or("", |actor| actor.as_str());
    let command = if process.args.is_empty() { &process.comm } else { &process.args };
    format!("{} {} {command}", padded(&format!("pid {pid}{inside}"), 18), padded(name, 10))
}

/// The actors with a namespace of their own, kind by kind, and host names.
pub(super) fn namespaces(scene: &PaneData<'_>) -> Vec<PaneRow> {
    let actors: Vec<&Process> =
        scene.after.processes.iter().filter(|process| process.actor.is_some()).collect();
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

        let mark = if is_new && scene.changes_only { ChangeKind::Added } else { ChangeKind::Same };
        if scene.changes_only && !mark.is_change() {
            continue;
        }
        let who = if own.is_empty() {
            "one for all".to_owned()
        } else {
            format!("its own: {}", own.join(", "))
        };
        all.push(row(mark, format!("{} {who}", padded(kind.proc_link_name(), 8))));
    }

    let told: Vec<_> = scene
        .diff
        .contents
        .iter()
        .filter(|row| {
            row.mark.is_change() && !row.latest_value().is_some_and(NamespaceContent::is_of_host)
        })
        .cloned()
        .collect();
    all.extend(rows("", &told, scene, |content, _| words::rows::namespace_content(content)));

    // Who is new is called like those it comes from.
    let renamed: Vec<_> = scene
        .diff
        .hostnames
        .iter()
        .filter(|row| row.mark == ChangeKind::Changed || !scene.changes_only)
        .cloned()
        .collect();
    all.extend(rows("", &renamed, scene, |(actor, name), was| {
        let was = was.map_or_else(String::new, |(_, old)| format!("  was {old}"));
        format!("{actor} is called {name}{was}")
    }));

    all
}

pub(super) fn networks(scene: &PaneData<'_>, acting: Option<&ActorName>) -> Vec<PaneRow> {
    let mut sections: Vec<_> = scene.diff.networks.iter().collect();
    sections.sort_by_key(|section| acting.is_none_or(|actor| section.name != actor.as_str()));

    let mut all = Vec::new();
    for network in sections {
        // What the kernel gives each link by itself is not the matter.
        let told: Vec<_> = network.addresses.iter().filter(|row| !is_given(row)).cloned().collect();
        let mut own = rows("", &network.links, scene, |link, _| self::link(link));
        own.extend(rows("", &told, scene, |address, _| words::rows::address(address)));
        own.extend(rows("", &network.routes, scene, |route, _| {
            format!("route to {}", words::rows::route(route))
        }));
        own.extend(rows("", &network.traffic, scene, network::traffic_line));
        own.extend(rows("", &network.rules, scene, |rule, _| format!("rule {}", rule.text)));
        own.extend(rows("", &network.forwarding, scene, |_, _| words::rows::FORWARDING.to_owned()));

        let more = [
            omitted(CutList::Links, &network.links, network.omitted_of(|it| it.links), scene),
            omitted(
                CutList::Addresses,
                &network.addresses,
                network.omitted_of(|it| it.addresses),
                scene,
            ),
            omitted(CutList::Routes, &network.routes, network.omitted_of(|it| it.routes), scene),
            omitted(CutList::Traffic, &network.traffic, network.omitted_of(|it| it.traffic), scene),
        ];
        let own = behind(own, more.into_iter().flatten());

        if !own.is_empty() {
            all.push(PaneRow::heading(&network.name));
            all.extend(own);
        }
    }

    all
}

fn is_given(row: &DiffRow<Address>) -> bool {
    let address = row.latest_value();
    address.is_some_and(|address| address.dev == "lo" || address.ip.starts_with("fe80:"))
}

fn link(link: &Link) -> String {
    let master = link.master.as_ref().map_or_else(String::new, |master| format!(" in {master}"));
    format!("{} {}{master}", padded(&link.name, 12), network::link_state(link))
}

/// The lesson's own groups before the lab's top ones.
pub(super) fn cgroups(scene: &PaneData<'_>) -> Vec<PaneRow> {
    let (tops, own): (Vec<_>, Vec<_>) =
        scene.diff.cgroups.iter().partition(|section| section.owner.is_top());
    let own = own.into_iter().flat_map(|section| group(section, scene));

    // Members come and go all the time up there.
    let tops = tops.into_iter().filter(|_| scene.changes_only).flat_map(|section| {
        let settings: Vec<_> =
            section.rows.iter().filter(|row| !is_of_members(row)).cloned().collect();
        group(&DiffSection { rows: settings, ..section.clone() }, scene)
    });

    let drawings = [charts::chart_rows(scene.charts), bar_chart::bar_rows(scene.ops)].concat();
    behind(
        drawings.into_iter().chain(own).chain(tops).collect(),
        super::cgroups::omitted_groups_row(scene),
    )
}

fn group(section: &DiffSection<GroupOwner, CgroupFile>, scene: &PaneData<'_>) -> Vec<PaneRow> {
    // Counters move all the time: they are there where nothing else is to see.
    let (counters, settings): (Vec<_>, Vec<_>) = section.rows.iter().cloned().partition(|row| {
        let file = row.latest_value();
        file.is_some_and(|file| is_counter(&file.name))
    });

    let is_told = settings.iter().any(|row| row.mark.is_change()) || !scene.changes_only;
    rows(
        &section.owner.to_string(),
        if is_told { &settings } else { &counters },
        scene,
        |file, was| {
            let value = |file: &CgroupFile, at: &Snapshot| match file.value.as_str() {
                _ if file.is_member_list() => members(file, at),
                "" => "empty".to_owned(),
                // v1 has no word for it, but the largest number of whole pages.
                number if number.parse::<u64>().is_ok_and(|number| number > 1 << 60) => {
                    "no limit".to_owned()
                }
                text => text.replace('\n', " | "),
            };
            let was =
                was.map_or_else(String::new, |old| format!("  was {}", value(old, scene.before)));
            format!("{} {}{was}", padded(&file.name, 24), value(file, scene.after))
        },
    )
}

fn is_of_members(row: &DiffRow<CgroupFile>) -> bool {
    row.latest_value().is_some_and(CgroupFile::is_member_list)
}

/// Pids as the machine counts them mean nothing to a room: names do.
fn members(file: &CgroupFile, at: &Snapshot) -> String {
    let unknown = if at.processes_omitted.is_nothing() {
        "one that is gone"
    } else {
        "one that was not read"
    };
    let name = |pid: u32| match at.process(pid) {
        Some(process) => {
            process.actor.as_ref().map_or_else(|| process.comm.clone(), ToString::to_string)
        }
        None => unknown.to_owned(),
    };

    let (pids, is_cut) = file.pids();
    let mut named: Vec<String> = pids.into_iter().map(name).collect();
    named.extend(is_cut.then(|| "and more".into()));
    if named.is_empty() { "nobody".into() } else { named.join(", ") }
}

pub(super) fn files(scene: &PaneData<'_>) -> Vec<PaneRow> {
    let mut all = Vec::new();
    for section in &scene.diff.overlays {
        let own = rows(&section.owner.to_string(), &section.rows, scene, |entry, _| {
            words::rows::overlay_entry(entry)
        });
        all.extend(behind(
            own,
            omitted(CutList::OverlayEntries, &section.rows, section.omitted, scene),
        ));
    }

    for section in &scene.diff.directories {
        let owner = section.owner.to_string();
        let own = rows(&owner, &section.rows, scene, |entry, _| {
            words::rows::dir_entry(&DirEntry {
                name: digests_shortened(&entry.name),
                link: entry.link.as_deref().map(digests_shortened),
                ..entry.clone()
            })
        });
        all.extend(behind(own, omitted(CutList::Directory, &section.rows, section.omitted, scene)));
    }

    all
}

pub(super) fn calls(scene: &PaneData<'_>) -> Vec<PaneRow> {
    let calls = scene.ops.iter().flat_map(|op| &op.calls).map(|call| {
        let kind = if call.result.is_ok() { RowKind::Plain } else { RowKind::Bad };
        PaneRow { kind, ..row(ChangeKind::Same, call.to_string()) }
    });
    bar_chart::action_rows(scene.ops).into_iter().chain(calls).collect()
}
