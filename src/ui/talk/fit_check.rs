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
