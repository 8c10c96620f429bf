//! A rehearsal: every beat of a lesson is drawn at the sizes that walls have, before a room does it.

use std::sync::Arc;

use super::audience::overflow;
use crate::app::talk::Talk;
use crate::lesson::model::Lesson;
use crate::talk::Stage;
use crate::talk::beat::Beat;
use crate::tape::Tape;
use crate::ui::theme::Theme;

/// Columns and rows that a readable font gives.
pub const SIZES: [(u16, u16); 3] = [(80, 24), (100, 30), (120, 40)];

/// What does not fit, a sentence each. Without a tape, panes and the kernel's answers are missing from the pictures.
pub fn misfits(lesson: &Arc<Lesson>, tape: Option<&Tape>) -> Vec<String> {
    let theme = Theme { colors: false, ascii: true };
    let mut talk = Talk::rehearsed(Arc::clone(lesson), tape);
    let mut found = Vec::new();
    for beat in talk.beats() {
        for revealed in [false, true] {
            if revealed && !matches!(beat, Beat::Ask { .. }) {
                continue;
            }
            let stage = Stage { revealed, ..Stage::new().at(beat) };
            talk.show(stage.clone());
            for (columns, rows) in SIZES {
                if let Some(what) = overflow(&talk, &stage, theme, columns, rows) {
                    let id = &lesson.steps[beat.step()].id;
                    found.push(format!(
                        "step {} `{id}`, {} at {columns}x{rows}: {what}",
                        beat.step() + 1,
                        beat.words(revealed)
                    ));
                }
            }
        }
    }
    found
}
