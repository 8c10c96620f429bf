//! The keys after a lesson, and those of the score of a check.

use super::KeyFunction::{Act, Look};
use super::everywhere::{down, first, help, page_down, page_up, quit, redraw, suspend, up};
use super::{Binding, FooterText, HelpText, always, keys};
use crate::app::Model;
use crate::app::{catalogue as functions, ended};

/// After a lesson.
pub static ENDED: [Binding<Model>; 13] = [
    Binding {
        key: keys::ended::OPEN,
        short: FooterText::Is("open"),
        long: HelpText::Is("do what the chosen line says; close what is read"),
        works: always,
        run: Act(ended::open),
    },
    down(Look(|model| ended::move_by(model, 1))),
    up(Look(|model| ended::move_by(model, -1))),
    page_down(Look(|model| ended::move_by(model, functions::PAGE as isize))),
    page_up(Look(|model| ended::move_by(model, -(functions::PAGE as isize)))),
    Binding {
        key: keys::ended::COPY,
        short: FooterText::Is("copy lines"),
        long: HelpText::Is("copy the steps as shell lines"),
        works: always,
        run: Act(ended::copy_lines),
    },
    Binding {
        key: keys::ended::SAVE,
        short: FooterText::Is("save lines"),
        long: HelpText::Is("save them to a new file, where the program was started"),
        works: always,
        run: Act(ended::save_lines),
    },
    Binding {
        key: keys::ended::MAP,
        short: FooterText::Is("next map"),
        long: HelpText::Is("the next picture of the lab at last"),
        works: always,
        run: Look(ended::turn_map),
    },
    Binding {
        key: keys::ended::BACK,
        short: FooterText::Is("lessons"),
        long: HelpText::Is("back to the lessons; closes what is read"),
        works: always,
        run: Act(ended::back),
    },
    redraw(),
    suspend(),
    help(),
    quit(functions::quit),
];

/// The score.
pub static SCORE: [Binding<Model>; 9] = [
    down(Look(|model| model.scroll += 1)),
    up(Look(|model| model.scroll = model.scroll.saturating_sub(1))),
    page_down(Look(|model| model.scroll += functions::PAGE)),
    page_up(Look(|model| model.scroll = model.scroll.saturating_sub(functions::PAGE))),
    first(Look(|model| model.scroll = 0)),
    redraw(),
    suspend(),
    help(),
    quit(functions::quit),
];
