//! The mounts pane: one tree per actor, in the columns of findmnt(8).

use std::collections::HashMap;

use unicode_width::UnicodeWidthStr;

use super::branches::branches;
use super::{
    CompareMode, PaneData, PaneRow, PaneSection, RowSubject, existing, omitted, owner_line, row,
    visible,
};
use crate::diff::{ChangeKind, DiffSection};
use crate::op::ActorName;
use crate::seen::CutList;
use crate::snapshot::Mount;
use crate::text::padded;
use crate::words;

/// Columns that the targets of a tree have, by the longest of them.
const MIN_TARGET: usize = 12;
const MAX_TARGET: usize = 40;

pub fn build(scene: &PaneData<'_>) -> Vec<PaneSection> {
    let sections = scene.diff.mounts.iter().enumerate();
    sections.filter_map(|(table, section)| build_section(table, section, scene)).collect()
}

fn build_section(
    table: usize,
    section: &DiffSection<ActorName, Mount>,
    scene: &PaneData<'_>,
) -> Option<PaneSection> {
    let mut shown: Vec<ShownMount<'_>> = visible(&section.rows, scene).collect();
    if shown.is_empty() && scene.compare != CompareMode::Diff {
        return None;
    }

    // A tree reads best by path; the kernel's order decides between mounts on one target.
    shown.sort_by(|left, right| path_key(&left.1.1.target).cmp(&path_key(&right.1.1.target)));
    let depths = depths(&shown);

    let more = omitted(CutList::Mounts, &section.rows, section.omitted, scene);
    let count = format!(
        "  {} mounts{}",
        existing(&section.rows, scene),
        if more.is_some() { " and more" } else { "" }
    );
    let mut rows = vec![owner_line(section.owner.as_str(), &section.owner_change, &count)];
    let depths: Vec<usize> = shown
        .iter()
        .map(|(_, (_, mount, _))| depths.get(&mount.id).copied().unwrap_or(0))
        .collect();
    let targets: Vec<String> = shown
        .iter()
        .zip(branches(&depths))
        .map(|((_, (mark, mount, before)), branch)| target_cell(*mark, mount, *before, &branch))
        .collect();
    let columns = targets.iter().map(|cell| cell.width()).max().unwrap_or(0);
    let columns = columns.clamp(MIN_TARGET, MAX_TARGET);
    rows.push(PaneRow::columns(format!(
        "{} {} {} propagation  source",
        padded("id", 5),
        padded("target", columns),
        padded("type", 8)
    )));

    for ((place, (mark, mount, before)), target) in shown.into_iter().zip(targets) {
        let row = row(mark, line(mark, mount, before, &padded(&target, columns), scene));
        rows.push(row.about(RowSubject::Mount { table, place }));
    }
    rows.extend(more);
    Some(PaneSection { rows })
}

/// A mount with its place in the diff.
type ShownMount<'a> = (usize, (ChangeKind, &'a Mount, Option<&'a Mount>));

fn path_key(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty()).collect()
}

/// The number of shown mounts that each mount lies below, by its id.
fn depths(shown: &[ShownMount<'_>]) -> HashMap<u32, usize> {
    let parents: HashMap<u32, u32> =
        shown.iter().map(|(_, (_, mount, _))| (mount.id, mount.parent)).collect();

    let depth = |id: u32| {
        let mut depth = 0;
        let mut at = id;
        while let Some(&parent) =
            parents.get(&at).filter(|parent| **parent != at && parents.contains_key(parent))
        {
            depth += 1;
            at = parent;
            // Rows of before and after are mixed here, and the kernel gives the id of a mount that
            // is gone to another one (proc_pid_mountinfo(5)): parents may form a ring.
            if depth > parents.len() {
                break;
            }
        }
        depth
    };

    parents.keys().map(|&id| (id, depth(id))).collect()
}

/// The target in its tree; of a mount that was moved also where it was, in the one place where eyes look for that.
fn target_cell(mark: ChangeKind, mount: &Mount, before: Option<&Mount>, branch: &str) -> String {
    let was = match before.filter(|_| mark == ChangeKind::Moved) {
        Some(old) => format!("  was {}", old.target),
        None => String::new(),
    };
    format!("{branch}{}{was}", mount.target)
}

fn line(
    mark: ChangeKind,
    mount: &Mount,
    before: Option<&Mount>,
    target: &str,
    scene: &PaneData<'_>,
) -> String {
    let shared = mount.propagation.shared.or(mount.propagation.master);
    let group = shared.map_or_else(String::new, |group| {
        format!(" {}", scene.stable_ids.peer_group_label(group, scene.raw))
    });

    let was = match (mark, before) {
        (ChangeKind::Changed, Some(old)) if old.propagation.word() != mount.propagation.word() => {
            format!("was {}  ", old.propagation.word())
        }
        (ChangeKind::Changed, Some(old)) if old.options != mount.options => {
            format!("was {}  ", old.options)
        }
        (ChangeKind::Changed, Some(old)) => {
            let was = words::rows::was(old, mount, &["parent", "propagation"]);
            format!("{}  ", was.trim_start())
        }
        _ => String::new(),
    };

    format!(
        "{} {target} {} {was}{} {}",
        padded(&scene.stable_ids.mount_label(mount.id, scene.raw), 5),
        padded(&mount.fstype, 8),
        padded(&format!("{}{group}", mount.propagation.word()), 12),
        mount.source,
    )
}
