//! The modes in the order in which they get a press: whoever has no use for it leaves it to the next.

use crossterm::event::{KeyCode, KeyEvent};

use super::catalogue::TABLE as CATALOGUE;
use super::ended::{ENDED, SCORE};
use super::lesson::TABLE as LESSON;
use super::{Key, ModeState, keys, overlay, press, quiz, shell, talk};
use crate::app::talk::TalkOverlay;
use crate::app::{Effect, LessonView, Model, Screen, ScreenOverlay};
use crate::text::{padded, wrapped};

/// The function that carries a press out in its mode; None when it means nothing there.
type OnKey = fn(&mut Model, KeyEvent) -> Option<Vec<Effect>>;

/// The shells come before the questions: while the learner types, every key is the shell's.
const MODES: [OnKey; 5] = [talk::on_key, overlay::on_key, shell::on_key, quiz::on_key, on_screen];

/// Carry out what a press means as things are.
pub fn on_key(model: &mut Model, event: KeyEvent) -> Vec<Effect> {
    let effects = MODES.iter().find_map(|on_key| on_key(model, event)).unwrap_or_default();
    bound_help(model);
    effects
}

/// The help is scrolled no further than to its end.
pub(in crate::app) fn bound_help(model: &mut Model) {
    let is_open = match (&model.screen, &model.overlay) {
        (Screen::Talk(window), _) => matches!(window.overlay, TalkOverlay::Help { .. }),
        (_, overlay) => matches!(overlay, ScreenOverlay::Help { .. }),
    };
    if !is_open {
        return;
    }
    let last = help_rows(model, model.size).len().saturating_sub(help_height(model.size));
    if let ScreenOverlay::Help { scroll } = &mut model.overlay {
        *scroll = (*scroll).min(last);
    }
    if let Screen::Talk(window) = &mut model.screen
        && let TalkOverlay::Help { scroll } = &mut window.overlay
    {
        *scroll = (*scroll).min(last);
    }
}

/// Columns of the screen from which on the help stands in two columns.
const TWO_COLUMNS_FROM: u16 = 110;

/// Columns of the help, its frame included, on a screen this wide.
pub fn help_columns((columns, _): (u16, u16)) -> u16 {
    if columns < TWO_COLUMNS_FROM { columns.min(78) } else { columns.min(152) }
}

/// Rows of text that the help has room for: all but the footer and two borders.
pub fn help_height((_, rows): (u16, u16)) -> usize {
    usize::from(rows).saturating_sub(3)
}

fn on_screen(model: &mut Model, event: KeyEvent) -> Option<Vec<Effect>> {
    match model.screen {
        Screen::Catalogue => press(&CATALOGUE, model, event),
        Screen::Lesson(_) => press_in_lesson(model, event),
        Screen::Ended(_) => press(&ENDED, model, event),
        Screen::Score => press(&SCORE, model, event),
        Screen::Talk(_) => None,
    }
}

/// Keys that leave the beginning of a lesson in sight; any other that means something turns to the panes.
const AT_BEGINNING: [Key; 11] = [
    keys::lesson::READ_ON,
    keys::lesson::BESIDE,
    keys::lesson::STEPS,
    keys::lesson::PALETTE,
    keys::lesson::SHELLS,
    keys::lesson::CHECK_YOURSELF,
    keys::everywhere::WAY,
    keys::everywhere::HELP,
    keys::everywhere::QUIT,
    keys::everywhere::REDRAW,
    keys::everywhere::SUSPEND,
];

fn press_in_lesson(model: &mut Model, event: KeyEvent) -> Option<Vec<Effect>> {
    let effects = press(&LESSON, model, event)?;
    if !AT_BEGINNING.iter().any(|key| key.is_pressed(event))
        && let Some(view) = LessonView::of_mut(model)
    {
        view.leave_beginning();
    }
    Some(effects)
}

/// The keys in a footer, besides the one for all keys and the way out: more are no help at a glance.
const MAX_FOOTER_ITEMS: usize = 6;

/// The most important keys that do something now, each with its words.
pub fn footer(model: &Model) -> Vec<(String, &'static str)> {
    let mut items = all_for_footer(model);
    items.truncate(MAX_FOOTER_ITEMS);
    items
}

fn all_for_footer(model: &Model) -> Vec<(String, &'static str)> {
    // It says its keys itself.
    if matches!(model.overlay, ScreenOverlay::Welcome(_)) {
        return Vec::new();
    }
    match &model.screen {
        Screen::Catalogue => super::footer(&CATALOGUE, model),
        Screen::Lesson(view) if view.shells.is_typing() => {
            super::footer(&shell::TYPING, view.as_ref())
        }
        Screen::Lesson(view) => super::footer(quiz::table(view).unwrap_or(&LESSON), view.as_ref()),
        Screen::Ended(_) => super::footer(&ENDED, model),
        Screen::Score => super::footer(&SCORE, model),
        Screen::Talk(window) => talk::footer(window),
    }
}

/// True if a press of this key would be the program's, and not text that is typed.
pub fn is_for_screen(model: &Model, event: KeyEvent) -> bool {
    let is_letter = event.modifiers.is_empty() && matches!(event.code, KeyCode::Char(_));
    match (&model.screen, &model.overlay) {
        (_, ScreenOverlay::Search { .. } | ScreenOverlay::List(_)) => !is_letter,
        (Screen::Lesson(view), ScreenOverlay::None) if view.shells.is_typing() => {
            shell::TYPING.iter().any(|row| row.key.is_pressed(event))
        }
        (Screen::Lesson(view), ScreenOverlay::None) if quiz::is_value_asked(view) => !is_letter,
        _ => true,
    }
}

/// The end of every footer: how to see all keys, and how to leave. Where letters are typed, by the keys that are none.
pub fn footer_end(model: &Model) -> String {
    let (help, quit) = (keys::everywhere::HELP, keys::everywhere::QUIT);
    let end = format!("{help} keys  {quit} quit");

    match (&model.screen, &model.overlay) {
        (Screen::Talk(window), _) => {
            let leave = if window.is_driver() { "end" } else { "close" };
            let end = format!("{help} keys  {} {leave}", keys::talk::END);
            match window.overlay {
                TalkOverlay::Help { .. } | TalkOverlay::Steps { .. } => {
                    format!("{}, then {end}", keys::overlay::CLOSE)
                }
                TalkOverlay::None | TalkOverlay::Question { .. } | TalkOverlay::Ended(_) => end,
            }
        }
        (_, ScreenOverlay::Programs(_)) => format!("{quit} quit"),
        (_, ScreenOverlay::Welcome(_)) => {
            format!("{} learn in this way  {quit} leave", keys::welcome::CHOOSE)
        }
        (_, ScreenOverlay::Help { .. } | ScreenOverlay::List(_) | ScreenOverlay::Search { .. })
        | (_, ScreenOverlay::Confirm(_) | ScreenOverlay::Card(_)) => {
            format!("{}, then {end}", keys::overlay::CLOSE)
        }
        (Screen::Lesson(view), ScreenOverlay::None) if view.shells.is_typing() => {
            format!("then {end}")
        }
        (Screen::Lesson(view), ScreenOverlay::None) if quiz::is_value_asked(view) => {
            format!("{} keys  {} quit", help.chord(1), quit.chord(1))
        }
        (
            Screen::Catalogue | Screen::Lesson(_) | Screen::Ended(_) | Screen::Score,
            ScreenOverlay::None,
        ) => end,
    }
}

/// The rows of the help, in as many columns as a screen of this size has for it.
pub fn help_rows(model: &Model, size: (u16, u16)) -> Vec<String> {
    let columns = usize::from(help_columns(size)).saturating_sub(2);
    let mut rows = if size.0 < TWO_COLUMNS_FROM {
        key_rows(model, columns)
    } else {
        // Read downwards, first the left column; a blank between the two.
        let width = (columns - 1) / 2;
        let rows = key_rows(model, width);
        let (left, right) = rows.split_at(rows.len().div_ceil(2));
        let right = right.iter().map(String::as_str).chain(std::iter::repeat(""));
        left.iter()
            .zip(right)
            .map(|(left, right)| format!("{} {right}", padded(left, width)).trim_end().to_owned())
            .collect()
    };

    if !matches!(model.screen, Screen::Talk(_)) {
        rows.push(String::new());
        let run = keys::lesson::RUN;
        for text in [
            "Marks:  + new, mounted   - gone, unmounted   ~ changed   > moved".to_owned(),
            format!("Only {run} on a named action changes the lab. Looking never does."),
            "Looking back shows what was recorded; rewind makes a new lab.".to_owned(),
            "The mouse: click keys and entries of lists; the wheel scrolls. Hold shift to select text."
                .to_owned(),
        ] {
            rows.extend(wrapped(&text, columns - 1).into_iter().map(|row| format!(" {row}")));
        }
    }
    rows
}

/// A row for each key, and more where its sentence needs them.
fn key_rows(model: &Model, columns: usize) -> Vec<String> {
    const KEY: usize = 10;
    // Two blanks beside the key.
    let room = columns.saturating_sub(KEY + 2);
    let mut rows = Vec::new();
    for (key, long) in help(model) {
        for (row, text) in wrapped(&long, room).into_iter().enumerate() {
            let key = if row == 0 { key.as_str() } else { "" };
            rows.push(format!(" {} {text}", padded(key, KEY)));
        }
    }
    rows
}

/// Every key that can be pressed on this screen, and what it does.
pub fn help(model: &Model) -> Vec<(String, String)> {
    match &model.screen {
        Screen::Catalogue => super::help(&CATALOGUE),
        Screen::Lesson(view) => help_in_lesson(view),
        Screen::Ended(_) => super::help(&ENDED),
        Screen::Score => super::help(&SCORE),
        Screen::Talk(window) => talk::help(window),
    }
}

/// The keys of a shell and of a question come before the lesson's, and in the place of those that are the same.
fn help_in_lesson(view: &LessonView) -> Vec<(String, String)> {
    let tables = [shell::table(view), quiz::table(view), Some(&LESSON)];
    let mut rows: Vec<(String, String)> = Vec::new();
    for row in tables.into_iter().flatten().flat_map(super::help) {
        if rows.iter().all(|(key, _)| *key != row.0) {
            rows.push(row);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::Binding;
    use super::*;

    /// A mode: its name, the keys with a name of their own, its rows with key and sentence.
    struct Table {
        mode: &'static str,
        named: Vec<&'static [Key]>,
        rows: Vec<(Key, String)>,
    }

    fn rows<V: ModeState>(table: &[Binding<V>]) -> Vec<(Key, String)> {
        table.iter().map(|row| (row.key, row.help())).collect()
    }

    fn tables() -> Vec<Table> {
        let table =
            |mode, named: &[&'static [Key]], rows| Table { mode, named: named.to_vec(), rows };

        vec![
            table("catalogue", &[keys::catalogue::ALL, keys::everywhere::ALL], rows(&CATALOGUE)),
            table("lesson", &[keys::lesson::ALL, keys::everywhere::ALL], rows(&LESSON)),
            table("ended", &[keys::ended::ALL], rows(&ENDED)),
            table("score", &[], rows(&SCORE)),
            table("choose", &[], rows(&quiz::CHOOSE)),
            table("choose all", &[], rows(&quiz::CHOOSE_ALL)),
            table("order", &[], rows(&quiz::ORDER)),
            table("value", &[], rows(&quiz::VALUE)),
            table("task", &[], rows(&quiz::TASK)),
            table("behind a pane", &[], rows(&quiz::BEHIND)),
            table("after an answer", &[], rows(&quiz::AFTER)),
            table("typing", &[], rows(&shell::TYPING)),
            table("looking at a shell", &[keys::shell::ALL], rows(&shell::LOOKING)),
            table("help", &[keys::overlay::ALL], rows(&overlay::HELP)),
            table("card", &[keys::card::ALL, keys::overlay::ALL], rows(&overlay::CARD)),
            table("confirm", &[keys::confirm::ALL], rows(&overlay::CONFIRM)),
            table("search", &[keys::search::ALL, keys::overlay::ALL], rows(&overlay::SEARCH)),
            table("list", &[keys::list::ALL, keys::overlay::ALL], rows(&overlay::LIST)),
            table("welcome", &[keys::welcome::ALL], rows(&overlay::WELCOME)),
            table("programs", &[keys::programs::ALL, keys::reading::ALL], rows(&overlay::PROGRAMS)),
            table("talk", &[keys::talk::ALL], rows(&talk::TABLE)),
            table("talk: help", &[], rows(&talk::HELP)),
            table("talk: confirm", &[keys::talk_confirm::ALL], rows(&talk::CONFIRM)),
            table("talk: jump", &[keys::talk_jump::ALL], rows(&talk::JUMP)),
        ]
    }

    #[test]
    fn no_key_means_two_things_in_one_mode() {
        for Table { mode, rows, .. } in tables() {
            for (index, (one, long)) in rows.iter().enumerate() {
                for (other, other_long) in &rows[index + 1..] {
                    let both = one.chords.iter().find(|chord| other.chords.contains(chord));
                    assert_eq!(both, None, "{mode}: {long} and {other_long}");
                }
            }
        }
    }

    #[test]
    fn every_key_that_a_text_can_name_does_something_in_its_mode() {
        for Table { mode, named, rows } in tables() {
            for key in named.into_iter().flatten() {
                assert!(rows.iter().any(|(bound, _)| bound == key), "{mode}: nothing for {key}");
            }
        }

        // Each kind of question has its own part of these.
        let quiz: [&[_]; 6] = [
            &quiz::CHOOSE,
            &quiz::CHOOSE_ALL,
            &quiz::ORDER,
            &quiz::VALUE,
            &quiz::TASK,
            &quiz::AFTER,
        ];
        let bound: Vec<Key> = quiz.into_iter().flatten().map(|row| row.key).collect();
        for key in keys::quiz::ALL {
            assert!(bound.contains(key), "questions: nothing for {key}");
        }
    }

    #[test]
    fn every_key_has_a_name_to_print_and_a_sentence() {
        for Table { mode, rows, .. } in tables() {
            for (key, long) in rows {
                assert!(!key.to_string().trim().is_empty() && !long.is_empty(), "{mode}: {key:?}");
                assert!(crate::text::padded(&key.to_string(), 10).starts_with(&key.to_string()));
            }
        }
    }

    #[test]
    fn no_key_is_ambiguous_in_an_old_terminal() {
        use crossterm::event::{KeyCode, KeyModifiers};
        let all = tables().into_iter().flat_map(|table| table.rows);
        for chord in all.flat_map(|(key, _)| key.chords) {
            // With ctrl these are Enter, Tab, line feed, Backspace, Esc and NUL; alt is an Esc in
            // front.
            let letter = if let KeyCode::Char(letter) = chord.code { letter } else { ' ' };
            let is_ambiguous =
                chord.modifiers == KeyModifiers::CONTROL && "mijh[ ".contains(letter);
            let is_alt = chord.modifiers.contains(KeyModifiers::ALT);
            assert!(!is_ambiguous && !is_alt, "{chord:?}");
        }
    }

    #[test]
    fn a_printed_name_follows_the_key() {
        let check = |key: Key, printed: &str| assert_eq!(key.to_string(), printed);
        check(keys::lesson::RUN, "Enter");
        check(keys::lesson::LOOK_BACK, "<-");
        check(keys::lesson::READ_ON, "Space");
        check(keys::lesson::PREVIOUS_PANE, "shift-Tab");
        check(keys::lesson::PANE, "1-7");
        check(keys::quiz::OPTION, "a-g");
        check(keys::everywhere::PAGE_DOWN, "PgDn");
        check(keys::everywhere::REDRAW, "ctrl-l");
        check(keys::shell::LEAVE, "ctrl-]");

        assert_eq!(keys::talk::PANE.pressed_name(2), "3");
        assert_eq!(keys::talk::BLANK.pressed_name(2), "B");
        assert_eq!(keys::everywhere::HELP.chord(1).to_string(), "F1");
    }
}
