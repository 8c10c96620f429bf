//! Namespaces as lanes: a column for each kind, a row for each actor, a lamp where it is in a namespace. Who shares one
//! hangs on the same wire.

use std::collections::BTreeMap;

use unicode_width::UnicodeWidthStr;

use super::canvas::{Canvas, MapTone, sign};
use super::scene::{LaneLamp, LaneOwner, LaneRow, Lanes, MapScene, distinct};
use super::spacing::MapSpacing;
use crate::diff::{ChangeKind, Diff, DiffRow};
use crate::op::{ActorName, NamespaceKind};
use crate::snapshot::{NamespaceHolds, NsInode, Process, Snapshot};
use crate::text::wrapped;

pub(super) fn scene(before: &Snapshot, after: &Snapshot, diff: &Diff) -> MapScene {
    let actors: Vec<&DiffRow<Process>> = diff
        .processes
        .iter()
        .filter(|row| row.latest_value().is_some_and(|it| it.actor.is_some() && it.state != 'Z'))
        .collect();

    let orders = lane_orders(before, after);
    let mut said: Vec<(NamespaceKind, NsInode)> = Vec::new();
    let rows: Vec<LaneRow> = actors
        .into_iter()
        .filter_map(|row| {
            let process = row.latest_value()?;
            let side = if row.after.is_some() { after } else { before };
            let lamps = NamespaceKind::ALL.into_iter().map(|kind| {
                let inode = *process.namespaces.get(&kind)?;
                let lane = orders.get(&kind)?.iter().position(|it| *it == inode)?;
                let content = if said.contains(&(kind, inode)) {
                    String::new()
                } else {
                    said.push((kind, inode));
                    content(side, process, kind)
                };
                let mark = lamp_mark(diff, row, kind, inode, process);
                Some(LaneLamp { lane, mark, content })
            });
            let lamps: Vec<_> = lamps.collect();
            let is_actor = |mark: ChangeKind| matches!(mark, ChangeKind::Added | ChangeKind::Gone);
            let mark = if is_actor(row.mark) { row.mark } else { ChangeKind::Same };
            let name = process.actor.as_ref()?.to_string();
            Some(LaneRow { name, of: LaneOwner::Actor, mark, lamps })
        })
        .collect();
    let files = kept_rows(before, after, &orders);

    let lanes = Lanes {
        actors: rows.into_iter().chain(files).collect(),
        changed: diff.change_count(crate::view::ViewKind::Namespaces),
        acts: Vec::new(),
    };
    MapScene { lanes: Some(lanes), ..MapScene::default() }
}

/// A row for each file that keeps a namespace, or kept it before.
fn kept_rows(
    before: &Snapshot,
    after: &Snapshot,
    orders: &BTreeMap<NamespaceKind, Vec<NsInode>>,
) -> Vec<LaneRow> {
    let (old, new) = (before.kept_namespaces(), after.kept_namespaces());
    let gone = old.iter().filter(|kept| !new.contains(kept));
    let rows = new.iter().chain(gone).filter_map(|kept| {
        let mark = match (old.contains(kept), new.contains(kept)) {
            (false, _) => ChangeKind::Added,
            (true, false) => ChangeKind::Gone,
            (true, true) => ChangeKind::Same,
        };
        let lane = orders.get(&kept.kind)?.iter().position(|it| *it == kept.inode)?;
        let lamp = LaneLamp { lane, mark: ChangeKind::Same, content: String::new() };
        let lamps = NamespaceKind::ALL.map(|kind| (kind == kept.kind).then(|| lamp.clone()));
        let (name, of) = (kept.path.clone(), LaneOwner::File);
        Some(LaneRow { name, of, mark, lamps: lamps.to_vec() })
    });
    rows.collect()
}

/// The namespaces of each kind in the order of their first sight, the host's first, those that files keep last.
fn lane_orders(before: &Snapshot, after: &Snapshot) -> BTreeMap<NamespaceKind, Vec<NsInode>> {
    let all = before.namespaces().into_iter().chain(after.namespaces());
    let mut found: BTreeMap<NamespaceKind, Vec<NsInode>> = BTreeMap::new();
    for namespace in all.filter(|it| !it.actors.is_empty()) {
        found.entry(namespace.kind).or_default().push(namespace.inode);
    }
    for kept in before.kept_namespaces().into_iter().chain(after.kept_namespaces()) {
        found.entry(kept.kind).or_default().push(kept.inode);
    }
    found.into_iter().map(|(kind, all)| (kind, distinct(all))).collect()
}

fn lamp_mark(
    diff: &Diff,
    row: &DiffRow<Process>,
    kind: NamespaceKind,
    inode: NsInode,
    process: &Process,
) -> ChangeKind {
    let namespace = diff
        .namespaces
        .iter()
        .find(|it| it.latest_value().is_some_and(|it| (it.kind, it.inode) == (kind, inode)));
    let was = row.before.as_ref().and_then(|it| it.namespaces.get(&kind));
    let renamed = kind == NamespaceKind::Uts
        && diff.hostnames.iter().any(|it| {
            it.mark == ChangeKind::Changed
                && it.latest_value().map(|(actor, _)| actor) == process.actor.as_ref()
        });

    let has_other_objects = kind == NamespaceKind::Ipc
        && diff
            .ipc
            .iter()
            .any(|it| it.mark.is_change() && it.latest_value().is_some_and(|it| it.ns == inode));
    let is_filled = diff.contents.iter().any(|it| {
        it.mark == ChangeKind::Changed
            && it.latest_value().is_some_and(|it| (it.holds.kind(), it.inode) == (kind, inode))
    });

    match namespace.map(|it| it.mark) {
        Some(mark @ (ChangeKind::Added | ChangeKind::Gone)) => mark,
        _ if was.is_some_and(|was| *was != inode) => ChangeKind::Moved,
        _ if renamed || is_filled || has_other_objects => ChangeKind::Changed,
        _ => ChangeKind::Same,
    }
}

/// A few words for what is in a namespace, from the same snapshot.
fn content(snapshot: &Snapshot, process: &Process, kind: NamespaceKind) -> String {
    let Some(actor) = &process.actor else { return String::new() };
    match kind {
        NamespaceKind::Mount => {
            snapshot.mounts_of(actor).map_or_else(String::new, |it| it.rows.len().to_string())
        }
        NamespaceKind::Uts => snapshot.hostnames.get(actor).cloned().unwrap_or_default(),
        NamespaceKind::Pid => {
            let own = process.namespaces.get(&kind);
            let inside = snapshot.processes.iter().filter(|it| it.namespaces.get(&kind) == own);
            inside.count().to_string()
        }
        NamespaceKind::Net => {
            let network = snapshot.network_of(actor);
            network.map_or_else(String::new, |it| it.links.len().to_string())
        }
        NamespaceKind::Ipc => {
            let table = snapshot.ipc_of(actor);
            table.map_or_else(String::new, |it| it.objects.len().to_string())
        }
        NamespaceKind::User | NamespaceKind::Cgroup | NamespaceKind::Time => {
            // The lab's own is not what a lesson is about.
            let own = snapshot.content_of(actor, kind).filter(|_| *actor != ActorName::host());
            own.map_or_else(String::new, holds)
        }
    }
}

/// The same in a column's width: `0=1000`, `+864000s`, `/docker/box`.
fn holds(holds: &NamespaceHolds) -> String {
    match holds {
        NamespaceHolds::IdMap { uids, .. } => {
            let first = uids.first().map(|range| format!("{}={}", range.inside, range.outside));
            let more = if uids.len() > 1 { " …" } else { "" };
            first.map_or_else(|| "no ids".into(), |first| first + more)
        }
        NamespaceHolds::Clocks(offsets) => {
            let offset = offsets.main().filter(|offset| *offset != 0);
            offset.map_or_else(String::new, |seconds| format!("{seconds:+}s"))
        }
        NamespaceHolds::GroupRoots(roots) => {
            roots.first().map_or_else(|| "/".into(), |root| root.path.clone())
        }
    }
}

/// Rows of the whole picture in so many columns: the names of the kinds, two rows for each actor, below an empty one
/// what the signs mean, and the calls.
pub(super) fn wanted_height(lanes: &Lanes, width: usize) -> usize {
    2 + 2 * lanes.actors.len() + legend(lanes, width).len() + lanes.acts.len()
}

/// The meaning of the signs and numbers, in as many lines as it takes in so many columns.
fn legend(lanes: &Lanes, width: usize) -> Vec<String> {
    const SIGNS: [&str; 3] = ["● in the namespace", "◉ new", "│ shared with the row above"];
    // Nobody asks for System V objects but where a step is about them.
    let tells = |kind: NamespaceKind| {
        let of_kind = NamespaceKind::ALL.into_iter().position(|it| it == kind);
        let mut lamps = lanes.actors.iter().filter_map(|row| row.lamps.get(of_kind?)?.as_ref());
        lamps.any(|lamp| !lamp.content.is_empty())
    };
    let objects = if tells(NamespaceKind::Ipc) { ", how many System V objects" } else { "" };
    let below = format!(
        "below: how many mounts, the host name{objects}, how many processes, how many links"
    );
    // A column stays free at the left.
    let room = width.saturating_sub(1);

    let mut lines: Vec<String> = Vec::new();
    for sign in SIGNS {
        match lines.last_mut().filter(|line| line.width() + 3 + sign.width() <= room) {
            Some(line) => *line += &format!("   {sign}"),
            None => lines.push(sign.to_owned()),
        }
    }
    lines.extend(wrapped(&below, room));
    lines
}

/// The picture, on as much of the grid as it needs.
pub(super) fn draw(lanes: &Lanes, spacing: MapSpacing, canvas: &mut Canvas) {
    let (width, whole) = (canvas.width(), canvas.height());
    // Calls stand below all.
    let acts = lanes.acts.len().min(whole / 4);
    let height = whole - acts;
    let longest = lanes.actors.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    let names = longest.clamp(4, 14) + 3;
    let widest = if spacing == MapSpacing::Filling { 14 } else { 10 };
    let column = (width.saturating_sub(names) / NamespaceKind::ALL.len()).clamp(3, widest);
    let x_of = |kind: usize, lane: usize| names + kind * column + (2 * lane).min(column - 2);

    if height == 0 {
        return;
    }
    for (place, kind) in NamespaceKind::ALL.into_iter().enumerate() {
        canvas.write(x_of(place, 0), 0, column - 1, kind.proc_link_name(), MapTone::Line);
    }

    // Two rows for each actor: its lamps, and what is in the namespaces that are seen there first.
    let pitch = match spacing {
        MapSpacing::Tight => 2,
        MapSpacing::Filling => (height.saturating_sub(4) / lanes.actors.len().max(1)).clamp(2, 7),
    };
    let shown = shown_rows(lanes, height);
    let fitting = shown.len();
    for (place, row) in shown.iter().enumerate() {
        let y = 1 + pitch * place;
        canvas.put(0, y, sign(row.mark), MapTone::of_mark(row.mark));
        let cut = crate::text::shortened(&crate::text::safe(&row.name), names - 3);
        canvas.write(1, y, names - 2, &cut, MapTone::Title);

        for (kind, lamp) in row.lamps.iter().enumerate() {
            let Some(lamp) = lamp else { continue };
            let (x, tone) = (x_of(kind, lamp.lane), MapTone::of_mark(lamp.mark));
            let glyph = match lamp.mark {
                ChangeKind::Added => '◉',
                ChangeKind::Gone => '○',
                ChangeKind::Same
                | ChangeKind::Quiet
                | ChangeKind::Changed
                | ChangeKind::Moved
                | ChangeKind::Unknown => '●',
            };
            canvas.put(x, y, glyph, tone);
            if lamp.mark.is_change() {
                canvas.put(x.saturating_sub(1), y, sign(lamp.mark), tone);
            }
            let goes_on = |later: &&LaneRow| {
                later
                    .lamps
                    .get(kind)
                    .and_then(Option::as_ref)
                    .is_some_and(|it| it.lane == lamp.lane)
            };
            let last = shown.iter().rposition(goes_on).unwrap_or(place);
            for below in y + 1..1 + pitch * last {
                canvas.put(x, below, '│', MapTone::Line);
            }
            // A blank before what stands in the next column.
            let at = if last > place { x + 1 } else { x };
            let room = (names + (kind + 1) * column).saturating_sub(at + 1);
            let text = crate::text::shortened(&crate::text::safe(&lamp.content), room);
            canvas.write(at, y + 1, room, &text, tone);
        }
    }

    let y = (1 + pitch * fitting).min(height.saturating_sub(1));
    let left_out = lanes.actors.len() - fitting;
    let legend = legend(lanes, width);
    if left_out > 0 {
        canvas.write(0, y, width, &format!("… {left_out} more"), MapTone::Quiet);
    } else {
        for (line, y) in legend.iter().zip(y + 1..height) {
            canvas.write(1, y, width.saturating_sub(1), line, MapTone::Quiet);
        }
    }

    let below = if left_out > 0 { y + 1 } else { (y + 1 + legend.len()).min(height) };
    for (row, y) in lanes.acts.iter().zip(below..whole) {
        super::act_rows::draw_act(row, y, canvas);
    }
}

/// The rows that find room, two lines each below the kinds' names: all of them, without the signs' meaning where need be,
/// or else the first one, then those that the step has changed and that are there, then those that are gone.
fn shown_rows(lanes: &Lanes, height: usize) -> Vec<&LaneRow> {
    if 2 * lanes.actors.len() < height {
        return lanes.actors.iter().collect();
    }

    // A line says how many were left out.
    let fitting = height.saturating_sub(2) / 2;
    let rank = |row: &LaneRow| {
        let any_lamp = || row.lamps.iter().flatten().any(|lamp| lamp.mark.is_change());
        if row.mark == ChangeKind::Gone {
            1
        } else if row.mark.is_change() || any_lamp() {
            0
        } else {
            2
        }
    };
    let mut places: Vec<usize> = (0..lanes.actors.len()).collect();
    places.sort_by_key(|place| (*place > 0, rank(&lanes.actors[*place])));
    places.truncate(fitting);
    places.sort_unstable();
    places.into_iter().map(|place| &lanes.actors[place]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::scene::{ActEnd, MapRow};

    #[test]
    fn where_rows_find_no_room_the_first_and_the_changed_ones_stay() {
        let row = |name: &str, mark: ChangeKind| LaneRow {
            name: name.into(),
            of: LaneOwner::Actor,
            mark,
            lamps: Vec::new(),
        };
        let [same, new, gone] = [ChangeKind::Same, ChangeKind::Added, ChangeKind::Gone];
        let actors =
            vec![row("host", same), row("worker", same), row("box", gone), row("heir", new)];
        let lanes = Lanes { actors, changed: 2, acts: Vec::new() };
        let check = |height: usize, expected: &[&str]| {
            let shown = shown_rows(&lanes, height);
            let names: Vec<&str> = shown.iter().map(|row| row.name.as_str()).collect();
            assert_eq!(names, expected, "{height}");
        };
        check(9, &["host", "worker", "box", "heir"]);
        check(8, &["host", "box", "heir"]);
        check(6, &["host", "heir"]);
        check(3, &[]);
    }

    #[test]
    fn a_picture_that_has_the_rows_it_wants_has_room_for_calls_and_for_what_the_signs_mean() {
        let row = |name: &str| LaneRow {
            name: name.into(),
            of: LaneOwner::Actor,
            mark: ChangeKind::Same,
            lamps: Vec::new(),
        };
        let acts = vec![MapRow::act(ActEnd::Done, "worker: hostname")];
        let lanes = Lanes { actors: vec![row("host"), row("worker")], changed: 0, acts };
        for width in [52, 76, 120] {
            let mut canvas = Canvas::new(width, wanted_height(&lanes, width));
            draw(&lanes, MapSpacing::Tight, &mut canvas);
            let text = canvas.text();
            let words: Vec<&str> = text.split_whitespace().collect();
            let end = "how many links ▸ worker: hostname";
            assert!(words.join(" ").ends_with(end), "{width}: {text}");
        }
    }

    #[test]
    fn a_legend_is_whole_in_any_width_and_one_line_for_each_part_where_there_is_room() {
        let words = |lines: &[String]| {
            lines.iter().flat_map(|line| line.split_whitespace()).collect::<Vec<_>>().join(" ")
        };
        let lanes = Lanes { actors: Vec::new(), changed: 0, acts: Vec::new() };
        let whole = legend(&lanes, 76);
        assert_eq!(whole.len(), 2, "{whole:?}");
        for width in 30..76 {
            let lines = legend(&lanes, width);
            assert!(lines.iter().all(|line| line.width() < width), "{width}: {lines:?}");
            assert_eq!(words(&lines), words(&whole), "{width}");
        }
    }

    #[test]
    fn what_is_told_below_a_lamp_is_whole_in_a_narrow_picture_and_has_a_word_in_the_legend() {
        let lamp = |content: &str| {
            Some(LaneLamp { lane: 0, mark: ChangeKind::Same, content: content.into() })
        };
        let row = LaneRow {
            name: "host".into(),
            of: LaneOwner::Actor,
            mark: ChangeKind::Same,
            lamps: ["15", "host", "12", "3", "4"].map(lamp).into(),
        };
        let lanes = Lanes { actors: vec![row], changed: 0, acts: Vec::new() };
        let mut canvas = Canvas::new(54, wanted_height(&lanes, 54));
        draw(&lanes, MapSpacing::Tight, &mut canvas);
        let text = canvas.text();
        assert!(text.contains("15   host 12   3    4"), "{text}");
        assert!(text.contains("System V objects"), "{text}");
    }
}
