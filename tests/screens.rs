//! Every screen at every size, from hand-made state: no panic, nothing that can't be seen, no meaning by colour alone.

mod pictures;

use std::collections::BTreeMap;

use crossterm::event::KeyCode;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unboxed::app::pointing::PointTarget;
use unboxed::app::{Effect, Glow, Msg, PlaySource, Screen, ScreenOverlay, update};
use unboxed::explain;
use unboxed::settings::color::ColorDepth;
use unboxed::settings::theme::{Ground, OWN_THEMES, ThemeData};
use unboxed::talk::Beat;
use unboxed::talk::message::WindowRole;
use unboxed::text::is_hidden;

use pictures::*;
use unboxed::ui;
use unboxed::ui::theme::Theme;

#[test]
fn every_screen_draws_at_every_size_and_lets_nothing_through_that_can_not_be_seen() {
    let look = look(true);
    let widths = (1..=250).step_by(7).chain([59, 60, 61, 79, 80, 99, 100, 101, 159, 160, 161, 250]);
    let heights = [1, 2, 3, 14, 15, 16, 23, 24, 29, 30, 31, 40, 49, 50, 51, 60, 80];
    let sizes: Vec<(u16, u16)> =
        widths.flat_map(|width| heights.map(|height| (width, height))).collect();
    for (name, model) in models() {
        for &(columns, rows) in &sizes {
            let buffer = draw(&model, &look, columns, rows);
            for cell in buffer.content() {
                // A cell would show U+FFFD for what was let through up to it.
                let is_bad =
                    |letter: char| letter.is_control() || is_hidden(letter) || letter == '\u{fffd}';
                assert!(
                    !cell.symbol().chars().any(is_bad) && cell.symbol().chars().count() < 6,
                    "{name} at {columns}x{rows}: {:?}",
                    cell.symbol()
                );
            }
        }
    }
}

#[test]
fn without_colours_the_same_is_said_and_the_selection_is_reversed() {
    for (name, model) in models() {
        let (with, without) =
            (draw(&model, &look(true), 120, 40), draw(&model, &look(false), 120, 40));
        assert_eq!(text(&with), text(&without), "{name}");
        for cell in without.content() {
            assert!(cell.fg == Color::Reset && cell.bg == Color::Reset, "{name}: {cell:?}");
        }
        let reversed = |buffer: &Buffer| {
            buffer
                .content()
                .iter()
                .filter(|cell| cell.modifier.contains(Modifier::REVERSED))
                .count()
        };
        assert_eq!(reversed(&with), reversed(&without), "{name}");
    }
    assert!(text(&draw(&in_catalogue(), &look(false), 80, 24)).contains("not here"));
}

#[test]
fn every_theme_in_every_terminal_says_the_same() {
    let themes = OWN_THEMES.map(|(name, _)| ThemeData::own(name).expect("it is ours"));
    let all = themes.iter().flat_map(|theme| ColorDepth::ALL.map(|depth| (theme, depth)));
    let looks: Vec<_> = all
        .flat_map(|(theme, depth)| {
            [Ground::Dark, Ground::Light].map(|terminal| {
                let theme = Theme::new(theme, depth, terminal).in_ascii();
                // A theme for another background leaves no cell to the terminal.
                (look_in(theme), theme.draws_ground())
            })
        })
        .collect();
    assert!(looks.iter().any(|(_, draws_ground)| *draws_ground));

    for (name, model) in models() {
        let plain = text(&draw(&model, &look(false), 120, 40));
        for (look, draws_ground) in &looks {
            let drawn = draw(&model, look, 120, 40);
            assert_eq!(text(&drawn), plain, "{name}, {:?}", look.theme);
            // As it was drawn: what lies behind a wide character is never sent.
            let mut terminal = Terminal::new(TestBackend::new(120, 40)).expect("a test backend");
            let frame = terminal.draw(|frame| ui::draw(&model, look, frame)).expect("a frame");
            let is_own = |cell: &Cell| cell.fg == Color::Reset || cell.bg == Color::Reset;
            let is_left = frame.buffer.content().iter().any(is_own);
            assert!(!draws_ground || !is_left, "{name}, {:?}", look.theme);
        }
    }
}

#[test]
fn what_changed_glows_in_reverse_and_says_the_same() {
    let model = in_lesson(&[]);
    let drawn = |glow| draw(&model, &look_in(Theme::ansi().in_ascii().with_glow(glow)), 120, 40);
    let (on, off) = (drawn(Glow::On), drawn(Glow::Off));
    assert_eq!(text(&on), text(&off));
    let reversed = |buffer: &Buffer| {
        let cells = buffer.content().iter();
        cells.filter(|cell| cell.modifier.contains(Modifier::REVERSED)).count()
    };
    assert!(reversed(&on) > reversed(&off) + 40, "{} {}", reversed(&on), reversed(&off));
}

#[test]
fn every_name_of_a_key_in_a_footer_can_be_clicked() {
    for (name, model) in models() {
        let look = look(true);
        let drawn = text(&draw(&model, &look, 120, 40));
        let footer = drawn.lines().nth(39).unwrap_or_default();
        for item in ["? keys", "q quit", "Enter run", "s shell"] {
            let Some(column) = footer.find(item) else { continue };
            let found = look.hits.find(column as u16, 39);
            // A letter would go to the shell, or into the line that is typed.
            let is_typed = footer.contains("then ? keys") && !footer.contains("Esc, then");
            let is_key = matches!(found, Some(PointTarget::Key(_)));
            assert!(
                is_key != is_typed || footer.contains("Esc, then"),
                "{name}: {item}, {footer:?}"
            );
        }
    }
}

/// The text of a row as a terminal without UTF-8 has it.
fn in_ascii(text: &str) -> String {
    text.replace('…', "~").replace(['│', '├'], "|").replace('└', "`").replace('─', "-")
}

#[test]
fn what_stands_for_something_is_pointed_at_where_it_stands() {
    let mut all = models();
    all.push(("two shells", with_shell(&["host", "container"], "s")));
    all.extend((0..PLAYED).map(|steps| {
        let mut model = in_lesson(&[]);
        press(&mut model, &"h".repeat(steps));
        ("looking back", model)
    }));
    let mut found = BTreeMap::new();
    for (name, model) in all {
        let Screen::Lesson(view) = &model.screen else { continue };
        if model.overlay != ScreenOverlay::None {
            continue;
        }
        for (columns, rows) in [(80, 24), (120, 60)] {
            let look = look(true);
            let buffer = draw(&model, &look, columns, rows);
            for (y, line) in text(&buffer).lines().enumerate() {
                // What stands for one thing without a break.
                let mut last: Option<(PointTarget, String)> = None;
                let mut runs = Vec::new();
                for x in 0..columns {
                    let letter = buffer.cell((x, y as u16)).map_or("", |cell| cell.symbol());
                    let target = look.hits.find(x, y as u16);
                    match (&mut last, target) {
                        (Some((known, run)), Some(target)) if *known == target => {
                            run.push_str(letter)
                        }
                        (_, target) => {
                            runs.extend(last.take());
                            last = target.map(|target| (target, letter.to_owned()));
                        }
                    }
                }
                runs.extend(last);
                for (target, run) in runs {
                    let at = format!("{name} at {columns}x{rows}: {target:?} {run:?} in {line:?}");
                    let kind = format!("{target:?}");
                    let kind = kind.split(['(', ' ']).next().unwrap_or_default().to_owned();
                    *found.entry(kind).or_insert(0) += 1;
                    match target {
                        PointTarget::Step(step) => {
                            assert!(step < view.lesson.steps.len() && y == 0, "{at}");
                            assert!("@.!o-s".contains(&run) || run.len() == 1, "{at}");
                        }
                        PointTarget::Pane(kind) => {
                            let is_named = run.trim().is_empty()
                                || run.contains(kind.title().split_at(1).0)
                                || run == kind.number().to_string();
                            assert!(is_named || run.starts_with(' '), "{at}");
                        }
                        PointTarget::PaneRow(kind, row) => {
                            let row = view.panes.rows(kind).nth(row).expect("a row of it");
                            let shown = in_ascii(&row.text);
                            let begin: String = shown.trim().chars().take(6).collect();
                            // Behind a letter that is two columns wide there is a cell of nothing.
                            let [run, begin] = [&run, &begin].map(|text| text.replace(' ', ""));
                            assert!(run.contains(&begin), "{at}: {:?}", row.text);
                        }
                        PointTarget::PaneFold(..) => assert!(run.contains("as before"), "{at}"),
                        PointTarget::ShellTab(tab) => {
                            let actor = view.shells.tabs()[tab].actor().to_string();
                            assert!(run.contains(&format!("{} {actor}", tab + 1)), "{at}");
                        }
                        PointTarget::Word(entry) => {
                            let word = entry.word.to_lowercase();
                            let is_part = word.contains(&run.trim().to_lowercase());
                            let is_other = explain::find(run.trim()).is_some();
                            assert!(is_part || is_other, "{at}");
                        }
                        PointTarget::StepCall { .. }
                        | PointTarget::Key(_)
                        | PointTarget::Story
                        | PointTarget::Shell => {}
                        PointTarget::CatalogueRow(_)
                        | PointTarget::ListEntry(_)
                        | PointTarget::Help
                        | PointTarget::Card => panic!("{at}"),
                    }
                }
            }
        }
    }
    for kind in
        ["Step", "Pane", "PaneRow", "PaneFold", "ShellTab", "Shell", "Story", "StepCall", "Word"]
    {
        assert!(found.contains_key(kind), "{kind} is nowhere: {found:?}");
    }
}

#[test]
fn every_footer_ends_with_the_list_of_keys_and_the_way_out_and_says_what_it_leaves_out() {
    for (name, model) in models() {
        for (columns, rows) in [(60, 15), (80, 24), (100, 30), (120, 40)] {
            let shown = text(&draw(&model, &look(true), columns, rows));
            let footer = shown.lines().last().unwrap_or_default();
            // An audience's picture has no keys.
            let is_picture = matches!(&model.screen, Screen::Talk(window)
                if window.layout == unboxed::app::talk::WindowLayout::Picture);
            if is_picture {
                continue;
            }
            let ends = ["? keys  q quit", "F1 keys  ctrl-c quit", "? keys  q end", " q quit"];
            assert!(
                ends.iter().any(|end| footer.ends_with(end)),
                "{name} at {columns}x{rows}: {footer:?}"
            );
        }
    }

    let in_utf8 = look_in(Theme::ansi());
    let shown = text(&draw(&in_lesson(&[]), &in_utf8, 60, 24));
    let footer = shown.lines().last().unwrap_or_default();
    assert!(footer.contains('…'), "keys that have no room are missed: {footer:?}");
}

#[test]
fn a_terminal_without_utf8_gets_a_mark_of_a_cut_that_it_can_show() {
    for (name, model) in models() {
        for (columns, rows) in [(60, 15), (80, 24), (120, 40)] {
            let shown = text(&draw(&model, &look(true), columns, rows));
            assert!(!shown.contains('…'), "{name} at {columns}x{rows}:\n{shown}");
        }
    }
    let shown = text(&draw(&in_lesson(&[]), &look(true), 60, 24));
    let footer = shown.lines().last().unwrap_or_default();
    assert!(footer.contains(" ~ ? keys"), "{footer:?}");
}

#[test]
fn the_list_of_keys_can_be_read_to_its_end_and_back_on_every_screen() {
    for (columns, rows) in [(60, 15), (80, 24), (100, 30), (120, 40)] {
        let mut model = in_lesson(&[]);
        let _ = update(&mut model, Msg::Resize(columns, rows));
        let shown = |model: &_| text(&draw(model, &look(true), columns, rows));
        press(&mut model, "?");
        let top = shown(&model);
        assert!(top.contains("run the next step"), "{top}");
        // Farther than there is: one press the other way is seen all the same.
        press(&mut model, &" ".repeat(30));
        let end = shown(&model);
        assert!(end.contains("lab. ") && !end.contains(" more "), "{end}");
        press(&mut model, "k");
        let is_scrolled = top.contains(" more ");
        assert_eq!(shown(&model) != end, is_scrolled, "{}", shown(&model));
    }
}

#[test]
fn what_a_key_did_is_said_in_full_above_the_footer() {
    let mut model = in_lesson(&[]);
    let long = "a sentence that is far too long for the row of a small screen, with an end";
    let _ = update(&mut model, Msg::LessonOpenFailed(format!("{long}: {long}.")));
    let shown = text(&draw(&model, &look(true), 80, 24));
    assert!(shown.contains("with an end."), "{shown}");
    assert!(shown.trim_end().ends_with("? keys  q quit"), "{shown}");
}

#[test]
fn a_tiny_terminal_is_told_what_is_needed() {
    let said = text(&draw(&in_catalogue(), &look(true), 59, 20));
    assert!(said.contains("unboxed needs 60x15, this is 59x20"), "{said}");
}

#[test]
fn moving_about_never_asks_the_engine_for_anything() {
    let mut model = in_lesson(&[]);
    for letter in "hlhhljkgGdcdzz123456 []yYItq?kj:See5e".chars() {
        let effects = update(&mut model, key(KeyCode::Char(letter)));
        let asked: Vec<_> =
            effects.iter().filter(|effect| matches!(effect, Effect::SendToEngine(_))).collect();
        assert!(asked.is_empty(), "`{letter}` asks for {asked:?}");
        let _ = update(&mut model, key(KeyCode::Esc));
    }
    assert!(matches!(model.screen, Screen::Lesson(_)));
}

#[test]
fn a_lesson_from_a_file_begins_once_all_of_it_was_seen_and_agreed_to() {
    let long = "x".repeat(3000);
    let mut model = programs(&["true", &long]);
    model.size = (80, 24);
    let shown = |model: &_| text(&draw(model, &look(true), 80, 24));
    assert!(shown(&model).contains("lines more"), "{}", shown(&model));
    let mut presses = 0;
    let effects = loop {
        let effects = update(&mut model, key(KeyCode::Enter));
        presses += 1;
        if !effects.is_empty() || presses > 100 {
            break effects;
        }
    };
    let id = "what-is-a-container".to_owned();
    let agreed = [
        Effect::KeepConsent { lesson: id.clone() },
        Effect::OpenLesson { id, from: PlaySource::Lab },
    ];
    assert!(presses > 2 && effects == agreed, "{presses} {effects:?}");
    for leave in [KeyCode::Esc, KeyCode::Char('q')] {
        let mut model = programs(&["true"]);
        assert_eq!(update(&mut model, key(leave)), [Effect::Quit]);
    }
    let mut model = programs(&["echo a  b"]);
    model.size = (80, 24);
    for letter in "jkG gx:?ty1".chars() {
        assert_eq!(update(&mut model, key(KeyCode::Char(letter))), [], "{letter}");
    }
    assert!(shown(&model).contains("host# sh -c 'echo a  b'"), "{}", shown(&model));
}

#[test]
fn two_enters_in_a_row_run_one_step() {
    let mut model = in_lesson(&[]);
    press(&mut model, "\n");
    let asks = |effects: Vec<Effect>| effects.len();
    assert_eq!(asks(update(&mut model, key(KeyCode::Enter))), 1);
    assert_eq!(asks(update(&mut model, key(KeyCode::Enter))), 0, "the engine has not answered yet");
}

#[test]
fn screens_look_as_they_should() {
    let screens = [
        ("turn", your_turn(&["what is not"])),
        ("question", question("")),
        ("answer", question("a\n")),
    ];
    for (name, model) in screens {
        insta::assert_snapshot!(format!("{name}-80x24"), text(&draw(&model, &look(true), 80, 24)));
    }
    insta::assert_snapshot!(
        "turn-120x40",
        text(&draw(&your_turn(&["what is not"]), &look(true), 120, 40))
    );
    insta::assert_snapshot!(
        "shell-80x24",
        text(&draw(&with_shell(&["host", "container"], "s"), &look(true), 80, 24))
    );
    insta::assert_snapshot!("score-80x24", text(&draw(&score(), &look(true), 80, 24)));
    insta::assert_snapshot!("catalogue-80x24", text(&draw(&in_catalogue(), &look(true), 80, 24)));
    let mut model = in_lesson(&[]);
    insta::assert_snapshot!("pivot-root-80x24", text(&draw(&model, &look(true), 80, 24)));
    insta::assert_snapshot!("pivot-root-120x40", text(&draw(&model, &look(true), 120, 40)));
    let _ = update(&mut model, key(KeyCode::Char('m')));
    insta::assert_snapshot!("map-80x24", text(&draw(&model, &look(false), 80, 24)));
    insta::assert_snapshot!("map-alone-120x40", text(&draw(&model, &look(false), 120, 40)));
    // On a screen with room for both, it goes by all three places in turn.
    for _ in 0..2 {
        let _ = update(&mut model, key(KeyCode::Char('m')));
    }
    let _ = update(&mut model, key(KeyCode::Char('d')));
    insta::assert_snapshot!("before-and-after-200x60", text(&draw(&model, &look(true), 200, 60)));
    insta::assert_snapshot!("ended-80x24", text(&draw(&ended(), &look(true), 80, 24)));
    let _ = update(&mut model, key(KeyCode::Char('?')));
    insta::assert_snapshot!("help-120x40", text(&draw(&model, &look(true), 120, 40)));
}

#[test]
fn windows_of_a_talk_look_as_they_should() {
    let (before, after) = (Beat::Tell { step: PLAYED }, Beat::Show { step: PLAYED - 1 });
    let shot = |role, beat, keys, (columns, rows)| {
        text(&draw(&in_talk(role, &[], beat, keys), &look(true), columns, rows))
    };
    insta::assert_snapshot!(
        "audience-before-80x24",
        shot(WindowRole::Watcher, before, "", (80, 24))
    );
    insta::assert_snapshot!("audience-after-80x24", shot(WindowRole::Watcher, after, "", (80, 24)));
    insta::assert_snapshot!(
        "audience-after-120x40",
        shot(WindowRole::Watcher, after, "", (120, 40))
    );
    insta::assert_snapshot!(
        "audience-answer-80x24",
        shot(WindowRole::Console, Beat::Ask { step: 2, question: 0 }, " ", (80, 24))
    );
    insta::assert_snapshot!("console-80x24", shot(WindowRole::Console, before, "", (80, 24)));
    insta::assert_snapshot!("console-120x40", shot(WindowRole::Console, before, "", (120, 40)));
    insta::assert_snapshot!("notes-80x24", shot(WindowRole::Screen, after, "", (80, 24)));
}

#[test]
fn what_an_audience_may_not_read_is_covered() {
    let last = Beat::Show { step: PLAYED - 1 };
    let shown =
        |keys| text(&draw(&in_talk(WindowRole::Screen, &[], last, keys), &look(true), 80, 24));
    let of_audience = |all: String| all.lines().take(12).collect::<Vec<_>>().join("\n");
    assert!(of_audience(shown("")).contains("container"));
    let covered = of_audience(shown("M"));
    assert!(!covered.contains("container") && covered.contains("*********"), "{covered}");
    assert!(!of_audience(shown("B")).contains("pivot_root"), "it is blank");
}
