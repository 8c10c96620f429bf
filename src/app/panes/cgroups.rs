//! The cgroups pane: the files of each group of the lab.

use super::{PaneRow, PaneSection, RowKind, Scene, owner_line, row, visible};
use crate::diff::{Mark, is_counter};
use crate::text::column;

pub fn build(scene: &Scene<'_>) -> Vec<PaneSection> {
    let mut rows = Vec::new();
    for section in &scene.diff.cgroups {
        let shown: Vec<_> = visible(&section.rows, scene).collect();
        if shown.is_empty() {
            continue;
        }
        rows.push(owner_line(&section.owner, &section.birth, ""));
        for (mark, file, before) in shown {
            let value = file.value.replace('\n', " | ");
            let was = match (mark, before) {
                (Mark::Changed, Some(old)) => format!("  was {}", old.value.replace('\n', " | ")),
                _ => String::new(),
            };
            let kind = if is_counter(&file.name) { RowKind::Dim } else { RowKind::Plain };
            rows.push(PaneRow { kind, ..row(mark, format!("  {} {value}{was}", column(&file.name, 24))) });
        }
    }
    if rows.is_empty() {
        let why = if scene.after.cgroups.is_empty() {
            "this lab has no cgroups: unboxed doctor says why, and what would change it"
        } else {
            "nothing changed"
        };
        rows.push(PaneRow::note(why));
    }
    vec![PaneSection { rows }]
}
