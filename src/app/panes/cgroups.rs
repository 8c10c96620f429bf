//! The cgroups pane: the files of each group of the lab.

use super::{PaneRow, PaneSection, RowKind, Scene, owner_line, row, visible};
use crate::diff::{Mark, is_counter};
use crate::text::column;
use crate::words::twin;

pub fn build(scene: &Scene<'_>) -> Vec<PaneSection> {
    let mut rows = super::charts::rows(scene.charts);
    // The lesson's own groups first: the lab's top groups are there in every lesson.
    let (tops, own): (Vec<_>, Vec<_>) = scene.diff.cgroups.iter().partition(|section| section.owner.ends_with(":/"));
    for section in own.into_iter().chain(tops) {
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
            let twin = twin(&file.name).map_or(String::new(), |(version, name)| format!("  (v{version}: {name})"));
            rows.push(PaneRow { kind, ..row(mark, format!("  {} {value}{was}{twin}", column(&file.name, 24))) });
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
