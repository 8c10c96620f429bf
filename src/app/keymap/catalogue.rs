//! The keys of the catalogue of lessons.

use super::KeyFunction::{Act, Look};
use super::everywhere::{
    down, first, help, last, page_down, page_up, quit, redraw, suspend, up, way,
};
use super::{Binding, FooterText, HelpText, always, keys};
use crate::app::Model;
use crate::app::catalogue as functions;

pub static TABLE: [Binding<Model>; 12] = [
    Binding {
        key: keys::catalogue::OPEN,
        short: FooterText::Is("open"),
        long: HelpText::Is("open the lesson"),
        works: always,
        run: Act(functions::open),
    },
    down(Look(|model| functions::choose(model, model.chosen + 1))),
    up(Look(|model| functions::choose(model, model.chosen.saturating_sub(1)))),
    page_down(Look(|model| functions::choose(model, model.chosen + functions::PAGE))),
    page_up(Look(|model| functions::choose(model, model.chosen.saturating_sub(functions::PAGE)))),
    first(Look(|model| functions::choose(model, 0))),
    last(Look(|model| functions::choose(model, usize::MAX))),
    way(),
    redraw(),
    suspend(),
    help(),
    quit(functions::quit),
];
