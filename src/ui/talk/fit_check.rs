//! A check of what fits: every beat of a lesson is drawn at the sizes that walls have, before a room does it.

use std::sync::Arc;

use super::audience::overflow_text;
use crate::app::talk::Talk;
use crate::lesson::model::Lesson;
use crate::talk::AudienceView;
use crate::talk::beat::Beat;
use crate::tape::Tape;
use crate::ui::theme::Theme;

/// Columns and rows that a readable font gives.
pub const CHECKED_SIZES: [(u16, u16); 3] = [(80, 24), (100, 30), (120, 40)];

/// All that does not fit, a sentence each. Without a tape, the pictures lack panes and the kernel's answers.
pub fn screen_misfits(lesson: &Arc<Lesson>, tape: Option<&Tape>) -> Vec<String> {
    let mut talk = Talk::fully_played(Arc::clone(lesson), tape);
    let at = |beat| AudienceView::new().at_beat(beat);
    let mut found = Vec::new();
    for beat in talk.beats() {
        found.extend(misfit(&mut talk, at(beat)));
        if let Beat::Ask { .. } = beat {
            found.extend(misfit(&mut talk, AudienceView { revealed: true, ..at(beat) }));
        }
    }

    for (step, of) in lesson.steps.iter().enumerate() {
        for branch in 0..of.branches.len() {
            let beat = Beat::WhatIf { step, branch };
            found.extend(misfit(&mut talk, at(beat)));
            let taken = tape.and_then(|tape| {
                tape.branches.iter().find(|one| (one.step, one.branch) == (step, branch))
            });
            if let Some(taken) = taken {
                talk.load_recorded_branch(taken);
            }
            found.extend(misfit(&mut talk, AudienceView { revealed: true, ..at(beat) }));
        }
    }

    found
}

fn misfit(talk: &mut Talk, audience_view: AudienceView) -> Vec<String> {
    let theme = Theme::without_colors().in_ascii();
    let beat = audience_view.beat;
    talk.set_audience_view(audience_view.clone());
    let id = talk.step(beat).map_or_else(String::new, |step| step.id.clone());

    let told = |(columns, rows)| {
        let what = overflow_text(talk, &audience_view, theme, columns, rows)?;
        Some(format!(
            "step {} `{id}`, {} at {columns}x{rows}: {what}",
            beat.step() + 1,
            beat.label(audience_view.revealed)
        ))
    };

    CHECKED_SIZES.into_iter().filter_map(told).collect()
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::diff::ChangeKind;
    use crate::lesson::catalogue;
    use crate::map::{MapTone, draw as in_cells, sign};
    use crate::tape::{embedded, file};
    use crate::ui::DrawOptions;
    use crate::ui::talk::audience;

    /// The wall at a beat, row by row.
    fn wall(talk: &Talk, audience_view: &AudienceView, (columns, rows): (u16, u16)) -> Vec<String> {
        let theme = Theme::without_colors();
        let look = DrawOptions { theme, highlighted: std::iter::empty().collect() };
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a terminal");
        let drawn = terminal.draw(|frame| {
            audience::draw(talk, audience_view, &look, frame.area(), frame);
        });
        let buffer = drawn.expect("a picture").buffer.clone();
        let line =
            |cells: &[ratatui::buffer::Cell]| cells.iter().map(|cell| cell.symbol()).collect();
        buffer.content().chunks(usize::from(columns)).map(line).collect()
    }

    #[test]
    fn the_map_has_all_that_words_leave_and_every_mark_is_in_sight() {
        let mut maps = 0;
        for (bytes, header) in embedded::all_tapes() {
            let tape = file::read(bytes).expect("a tape");
            let lesson = Arc::new(catalogue::find_lesson(&header.lesson).expect("the lesson"));
            let mut talk = Talk::fully_played(lesson, Some(&tape));
            for beat in talk.beats() {
                let audience_view = AudienceView::new().at_beat(beat);
                talk.set_audience_view(audience_view.clone());
                let is_asked = matches!(beat, Beat::Ask { .. });
                let Some((_, scene)) = talk.map_for(&audience_view).filter(|_| !is_asked) else {
                    continue;
                };
                let marks: Vec<char> =
                    [ChangeKind::Added, ChangeKind::Gone, ChangeKind::Changed, ChangeKind::Moved]
                        .into_iter()
                        .filter(|mark| {
                            let cells = in_cells(scene, 200, 100, crate::map::Glyphs::Unicode);
                            cells.rows().flatten().any(|cell| {
                                cell.tone == MapTone::Change(*mark)
                                    && cell.letter == Some(sign(*mark))
                            })
                        })
                        .map(sign)
                        .collect();

                for size in CHECKED_SIZES {
                    let wall = wall(&talk, &audience_view, size);
                    let what =
                        format!("{} {beat:?} at {size:?}\n{}", header.lesson, wall.join("\n"));
                    // A pane, where words leave little.
                    if wall.iter().any(|row| row.starts_with('┌')) {
                        continue;
                    }
                    // A box in another is drawn whole or not at all, which may leave its rows unused.
                    let lowest = wall[..wall.len() - 1].iter().rev().take(4);
                    let mut lowest = lowest.map(|row| row.trim()).filter(|row| !row.is_empty());
                    let is_box = scene.lanes.is_none()
                        && wall.iter().any(|row| row.starts_with(" ╭") || row.starts_with(" ┌"));
                    assert!(
                        !is_box
                            || lowest.next().is_some_and(|row| row.starts_with(['╰', '└', '…'])),
                        "{what}"
                    );
                    for mark in &marks {
                        let is_told =
                            wall.iter().any(|row| row.contains(*mark) || row.contains(" changed"));
                        assert!(is_told, "{mark} in {what}");
                    }
                    maps += 1;
                }
            }
        }
        assert!(maps > 500, "only {maps} pictures");
    }
}
