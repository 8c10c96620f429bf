//! The panes of a step, with the rows of the screen: before, after and compared. Each is a table, a mark has a word.

use maud::{Markup, html};

use super::super::played_lesson::{PlayedActions, RowSelection};
use super::part;
use crate::app::panes::{self, CompareMode, PaneRow, RowKind, audience};
use crate::diff::ChangeKind;
use crate::view::ViewKind;
use crate::words;

/// The pane to begin with, by its number.
pub fn first_pane_number(watch: &[ViewKind]) -> usize {
    watch.iter().copied().find(|view| view.is_state()).unwrap_or(ViewKind::Mounts).number()
}

/// Every pane of a step, folded where a map shows what they list.
pub fn folded_panes(played_actions: &PlayedActions<'_>, id: &str, folding: Folding) -> Markup {
    let changed: usize = ViewKind::of_state()
        .map(|view| marked_rows(&pane_rows(played_actions, view, CompareMode::Diff)))
        .sum();
    html! {
        details.tables open[folding == Folding::Open] {
            summary {
                "What the kernel shows, row by row: "
                @if changed == 0 { "nothing changed" } @else { (changed) " changed" }
            }
            (all_panes(played_actions, id))
        }
    }
}

/// The state that the tables of a step begin in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folding {
    Open,
    Folded,
}

/// Every pane of a step, the most telling first.
fn all_panes(played_actions: &PlayedActions<'_>, id: &str) -> Markup {
    html! {
        section.panes.same[played_actions.record.diff().is_empty()] aria-label="Panes" {
            h3.sr { "What the kernel shows" }
            div.choose hidden {
                div role="group" aria-label="Panes" {
                    @for view in ViewKind::of_state() {
                        button type="button" data-view=(view.number()) aria-pressed="false" aria-keyshortcuts=(view.number()) {
                            (view.number()) " " (view.title()) (count(&pane_rows(played_actions, view, CompareMode::Diff)))
                        }
                    }
                }
                div role="group" aria-label="Compare" {
                    @for (name, words) in COMPARE {
                        button type="button" data-compare=(name) aria-pressed="false" { (words) }
                    }
                    button type="button" data-only aria-pressed="false" aria-keyshortcuts="C" { "Changes only" }
                }
            }
            @for view in ViewKind::of_state() { (one(played_actions, view, id)) }
        }
    }
}

/// The ways to compare, by the script's names, in the order that `d` goes through.
const COMPARE: [(&str, &str); 4] = [
    ("diff", "What changed"),
    ("both", "Before | after"),
    ("before", "Before"),
    ("after", "After"),
];

fn count(rows: &[PaneRow]) -> Markup {
    let changes = marked_rows(rows);
    html! { @if changes > 0 { " " span.count { (changes) " changed" } } }
}

fn marked_rows(rows: &[PaneRow]) -> usize {
    rows.iter().filter(|row| row.mark.is_change()).count()
}

fn pane_rows(
    played_actions: &PlayedActions<'_>,
    view: ViewKind,
    compare: CompareMode,
) -> Vec<PaneRow> {
    let sections = panes::build(view, &played_actions.scene(compare, RowSelection::All, &[]), None);
    sections.into_iter().flat_map(|section| section.rows).collect()
}

fn one(played_actions: &PlayedActions<'_>, view: ViewKind, id: &str) -> Markup {
    let title = part(id, &format!("pane{}", view.number()));
    let rows = |compare| pane_rows(played_actions, view, compare);
    let diff = rows(CompareMode::Diff);
    let is_same = !diff.iter().any(|row| row.mark.is_change());

    html! {
        section.pane.same[is_same] data-view=(view.number()) aria-labelledby=(title) {
            h4 id=(title) { (view.title()) (count(&diff)) }
            @if is_same {
                details.side { summary { "Nothing changed; as it is" } (table(view, "As it is", &diff)) }
            } @else {
                div.side data-side="diff" { (table(view, "What changed", &diff)) }
                details.side data-side="before" { summary { "Before" } (table(view, "Before", &rows(CompareMode::Before))) }
                details.side data-side="after" { summary { "After" } (table(view, "After", &rows(CompareMode::After))) }
            }
        }
    }
}

/// The changes of a what-if, as a room reads them.
pub fn changed_panes(played_actions: &PlayedActions<'_>, id: &str) -> Markup {
    let scene = played_actions.scene(CompareMode::Diff, RowSelection::Changed, &[]);

    html! {
        @for view in played_actions.watch.iter().copied().filter(|view| view.is_state()) {
            @let title = part(id, &format!("pane{}", view.number()));
            section aria-labelledby=(title) {
                @let rows = audience::audience_rows(view, &scene, None);
                h4 id=(title) { (view.title()) (count(&rows)) }
                (table(view, "What changed", &rows))
            }
        }
    }
}

/// A table of rows, with a group for each owner.
fn table(view: ViewKind, heading: &str, rows: &[PaneRow]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label={ (view.title()) ", " (heading.to_lowercase()) } {
            table.rows {
                thead { tr { th scope="col" { span.sr { "Change" } } th scope="col" { (heading) } } }
                @for group in rows.chunk_by(|_, next| next.kind != RowKind::Heading) {
                    tbody { @for row in group { (line(view, row)) } }
                }
            }
        }
    }
}

fn line(view: ViewKind, row: &PaneRow) -> Markup {
    let class = class(row);

    html! {
        @if row.kind == RowKind::Heading && !row.mark.is_change() {
            tr.heading { td {} th scope="rowgroup" { code { (row.text) } } }
        } @else {
            tr class=(class) {
                td.mark {
                    @if row.mark.sign() != ' ' {
                        @let word = words::rows::change_word(view, row.mark);
                        span role="img" aria-label=(word) title=(word) { (row.mark.sign()) }
                    }
                }
                td { code { (row.text) } }
            }
        }
    }
}

fn class(row: &PaneRow) -> &'static str {
    match (row.mark, row.kind) {
        (ChangeKind::Added, _) => "added",
        (ChangeKind::Gone, _) => "gone",
        (ChangeKind::Changed, _) => "changed",
        (ChangeKind::Moved, _) => "moved",
        (ChangeKind::Unknown, _) => "unmarked dim",
        (ChangeKind::Same | ChangeKind::Quiet, RowKind::Dim) => "unmarked dim",
        (ChangeKind::Same | ChangeKind::Quiet, RowKind::Bad) => "unmarked bad",
        (
            ChangeKind::Same | ChangeKind::Quiet,
            RowKind::Heading | RowKind::Plain | RowKind::Chart,
        ) => "unmarked",
    }
}
