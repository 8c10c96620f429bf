//! `unboxed run --map`: the map of what each step watches, as words or as a picture of letters.

use std::io::Write;

use clap::ValueEnum;

use crate::lesson::model::Step;
use crate::map::{Glyphs, MapLens, MapScene, draw};
use crate::report::StepRecord;
use crate::ui::theme::BorderCharacters;
use crate::{text, words};

/// The form in which a map is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MapForm {
    /// A paragraph
    Words,
    /// A picture of letters
    Text,
}

/// The columns and rows of a picture; words are broken at the same width.
const COLUMNS: usize = 76;
const ROWS: usize = 18;

/// Print the map after a step, below what came of it; nothing where the step watches nothing that has a picture.
pub fn print_map(
    form: MapForm,
    step: &Step,
    record: &StepRecord,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let Some(lens) = MapLens::of_views(&step.watch, record.diff()) else { return Ok(()) };
    let scene = MapScene::of(lens, &record.before, &record.after, record.diff(), &record.ops);
    let lines = match form {
        MapForm::Words => {
            let words = text::safe(&words::map_words(lens, &scene));
            text::wrapped(&format!("The lab now: {words}"), COLUMNS)
        }
        MapForm::Text => {
            let is_ascii = BorderCharacters::OfLocale.is_ascii();
            let glyphs = if is_ascii { Glyphs::Ascii } else { Glyphs::Unicode };
            let picture = draw(&scene, COLUMNS, ROWS, glyphs).text();
            picture.trim_end().lines().map(str::to_owned).collect()
        }
    };
    for line in lines {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}
