//! The work of the keys outside a lesson: in the catalogue, and after a lesson or a check.

use super::{CatalogueRow, Effect, Model, PlaySource, Screen};
use crate::notice::Notice;

/// Rows that a page key moves by.
pub(super) const PAGE: usize = 10;

/// Choose a row, or the last one where there are not so many.
pub(super) fn choose(model: &mut Model, row: usize) {
    model.chosen = row.min(model.catalogue.len().saturating_sub(1));
}

/// Open the chosen lesson: live, or as a tape where it can't play here.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let Some(row) = model.catalogue.get(model.chosen) else { return Vec::new() };
    let id = row.id.clone();
    if model.exam.is_some() {
        match &row.blocked {
            _ if row.questions == 0 => model.notice = Some(Notice::NoQuestions),
            Some((why, _)) => model.notice = Some(Notice::Blocked(why.clone())),
            None => return vec![Effect::OpenLesson { id, from: PlaySource::Lab }],
        }
        return Vec::new();
    }

    match &row.blocked {
        _ if model.source == PlaySource::Tape => {
            vec![Effect::OpenLesson { id, from: PlaySource::Tape }]
        }
        None => vec![Effect::OpenLesson { id, from: PlaySource::Lab }],
        Some((why, _)) if row.has_tape => {
            model.notice = Some(Notice::TapeInstead(why.clone()));
            vec![Effect::OpenLesson { id, from: PlaySource::Tape }]
        }
        Some((why, _)) => {
            model.notice = Some(Notice::Blocked(why.clone()));
            Vec::new()
        }
    }
}

/// From the end of a lesson back to the catalogue, once the machine was compared.
pub(super) fn back(model: &mut Model) -> Vec<Effect> {
    let Screen::Ended(ended) = &model.screen else { return Vec::new() };
    if ended.proof.is_none() {
        return Vec::new();
    }

    let played = ended.steps.reached();
    // A tape brings nobody further, nor does a lesson from a file that has the id of one of the program's own.
    let same = |row: &&mut CatalogueRow| row.is_of(&ended.lesson) && ended.tape.is_none();
    if let Some(row) = model.catalogue.iter_mut().find(same) {
        row.left_off = row.left_off.max((played > 0).then_some(played));
        row.is_played |= ended.is_whole;
    }
    model.screen = Screen::Catalogue;
    Vec::new()
}

pub(super) fn quit(model: &mut Model) -> Vec<Effect> {
    model.is_over = true;
    vec![Effect::Quit]
}
