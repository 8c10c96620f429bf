//! A rehearsal: every beat of a lesson is drawn at the sizes that walls have, before a room does it.

use std::sync::Arc;

use super::audience::overflow;
use crate::app::talk::Talk;
use crate::lesson::model::Lesson;
use crate::talk::AudienceView;
use crate::talk::beat::Beat;
use crate::tape::Tape;
use crate::ui::theme::Theme;

/// Columns and rows that a readable font gives.
pub const SIZES: [(u16, u16); 3] = [(80, 24), (100, 30), (120, 40)];

/// All that does not fit, a sentence each. Without a tape, the pictures lack panes and the kernel's answers.
pub fn misfits(lesson: &Arc<Lesson>, tape: Option<&Tape>) -> Vec<String> {
    let mut talk = Talk::rehearsed(Arc::clone(lesson), tape);
    let mut found = Vec::new();
    for beat in talk.beats() {
        found.extend(misfit(&mut talk, beat, false));
        if let Beat::Ask { .. } = beat {
            found.extend(misfit(&mut talk, beat, true));
        }
    }

    for (step, of) in lesson.steps.iter().enumerate() {
        for branch in 0..of.branches.len() {
            let beat = Beat::WhatIf { step, branch };
            found.extend(misfit(&mut talk, beat, false));
            let taken = tape.and_then(|tape| {
                tape.branches.iter().find(|one| (one.step, one.branch) == (step, branch))
            });
            if let Some(taken) = taken {
                talk.suppose(taken);
            }
            found.extend(misfit(&mut talk, beat, true));
        }
    }

    found
}

fn misfit(talk: &mut Talk, beat: Beat, revealed: bool) -> Vec<String> {
    let theme = Theme { colors: false, ascii: true };
    let stage = AudienceView { revealed, ..AudienceView::new().at(beat) };
    talk.show(stage.clone());
    let id = talk.step(beat).map_or_else(String::new, |step| step.id.clone());
    let told = |(columns, rows)| {
        let what = overflow(talk, &stage, theme, columns, rows)?;
        Some(format!(
            "step {} `{id}`, {} at {columns}x{rows}: {what}",
            beat.step() + 1,
            beat.words(revealed)
        ))
    };
    SIZES.into_iter().filter_map(told).collect()
}
