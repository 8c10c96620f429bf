//! The look of the screen in a terminal that answers what it is asked, late, or not at all; and a terminal that is given back
//! with nothing of it left. No lab is made.

mod common;

use std::time::{Duration, Instant};

use common::tty::Tty;

const LIGHT: &str = "\u{1b}]11;rgb:ffff/ffff/ffff\u{1b}\\";
const DARK: &str = "\u{1b}]11;rgb:1e1e/1e1e/1e1e\u{7}";
const ONE_COLUMN: &str = "\u{1b}[1;2R";
const TWO_COLUMNS: &str = "\u{1b}[1;3R";
/// What a terminal says that it is, which ends all answers.
const DEVICE: &str = "\u{1b}[?62;22c";

const BACKGROUND_QUESTION: &str = "\u{1b}]11;?";
const CURSOR_QUESTION: &str = "\u{1b}[6n";

/// A colour of each theme, as it is sent: of keys in the footer's dim words.
const QUIET_IN_LIGHT: &str = "38;2;90;98;114";
const QUIET_IN_DARK: &str = "38;2;154;162;177";

fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Tty {
    let mut all = vec![("COLORTERM", "truecolor"), ("XDG_CONFIG_HOME", "/nonexistent")];
    all.extend(environment.iter().filter(|(name, _)| !name.is_empty()));
    Tty::start(80, 24, arguments, &all)
}

fn raw(tty: &Tty) -> String {
    String::from_utf8_lossy(&tty.seen.lock().expect("the screen").raw).into_owned()
}

#[track_caller]
fn wait_for_bytes(tty: &Tty, text: &str) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while !raw(tty).contains(text) {
        assert!(Instant::now() < deadline, "{text:?} is not sent: {:?}", raw(tty));
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn leave(mut tty: Tty) -> String {
    tty.wait_for("Build a container by hand");
    tty.press("q");
    assert!(tty.wait_end().success());
    tty.assert_is_back();
    raw(&tty)
}

#[test]
fn the_theme_is_the_one_for_the_terminals_background() {
    for (background, drawn, other) in
        [(LIGHT, QUIET_IN_LIGHT, QUIET_IN_DARK), (DARK, QUIET_IN_DARK, QUIET_IN_LIGHT)]
    {
        let mut tty = start(&[], &[]);
        wait_for_bytes(&tty, BACKGROUND_QUESTION);
        tty.press(&format!("{background}{ONE_COLUMN}{DEVICE}"));
        let sent = leave(tty);
        assert!(sent.contains(drawn) && !sent.contains(other), "{background:?}: {sent:?}");
        assert!(!sent.contains("48;2;"), "the terminal's own background is drawn over");
    }
}

#[test]
fn a_theme_for_another_background_draws_its_own() {
    let mut tty = start(&["learn", "--theme", "light"], &[]);
    wait_for_bytes(&tty, BACKGROUND_QUESTION);
    tty.press(&format!("{DARK}{ONE_COLUMN}{DEVICE}"));
    let sent = leave(tty);
    assert!(sent.contains("48;2;255;255;255") && sent.contains(QUIET_IN_LIGHT), "{sent:?}");
}

#[test]
fn a_terminal_that_says_nothing_or_late_loses_nothing_and_types_nothing() {
    let mut tty = start(&[], &[]);
    wait_for_bytes(&tty, BACKGROUND_QUESTION);
    tty.wait_for("Build a container by hand");
    // A `q` among them would leave: the answer has one as little as it has keys.
    tty.press(&format!("{LIGHT}{ONE_COLUMN}{DEVICE}j"));
    tty.press("?");
    tty.wait_for("this list of keys");
    tty.press("x");
    let sent = leave(tty);
    assert!(sent.contains(QUIET_IN_DARK) && !sent.contains(QUIET_IN_LIGHT));
}

#[test]
fn no_answer_is_left_to_the_shell() {
    use std::io::Read;
    let mut tty = start(&[], &[]);
    wait_for_bytes(&tty, BACKGROUND_QUESTION);
    // Left before the answer, which then comes while nobody would wait for it.
    tty.press("q");
    wait_for_bytes(&tty, "\u{1b}[?1049l");
    tty.press(&format!("{LIGHT}{ONE_COLUMN}{DEVICE}"));
    assert!(tty.wait_end().success());
    tty.assert_is_back();

    // As a shell would read: what was in the terminal before comes before this line.
    tty.press("next\n");
    let mut shell = std::fs::File::from(tty.slave().try_clone().expect("a descriptor"));
    let mut line = [0; 256];
    let count = shell.read(&mut line).expect("a line");
    assert_eq!(String::from_utf8_lossy(&line[..count]), "next\n");
}

#[test]
fn keys_that_are_pressed_before_the_first_frame_count() {
    let mut tty = start(&[], &[]);
    wait_for_bytes(&tty, BACKGROUND_QUESTION);
    tty.press(&format!("?{DARK}{ONE_COLUMN}{DEVICE}"));
    tty.wait_for("this list of keys");
    tty.press("x");
    leave(tty);
}

#[test]
fn a_terminal_that_draws_lines_two_columns_wide_gets_ascii() {
    for (columns, has_lines) in [(ONE_COLUMN, true), (TWO_COLUMNS, false)] {
        let mut tty = start(&[], &[]);
        wait_for_bytes(&tty, CURSOR_QUESTION);
        tty.press(&format!("{DARK}{columns}{DEVICE}"));
        tty.wait_for("Build a container by hand");
        assert_eq!(tty.screen().contains('─'), has_lines, "{}", tty.screen());
        leave(tty);
    }
}

#[test]
fn who_can_not_answer_is_not_asked() {
    let sent = leave(start(&[], &[("TERM", "linux")]));
    assert!(!sent.contains(BACKGROUND_QUESTION) && !sent.contains(CURSOR_QUESTION));
    let sent = leave(start(&["learn", "--ascii"], &[("NO_COLOR", "1")]));
    assert!(!sent.contains(BACKGROUND_QUESTION) && !sent.contains(CURSOR_QUESTION));
}

#[test]
fn a_theme_with_a_mistake_is_told_in_a_line_and_the_rest_goes_on() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = dir.path().join("unboxed");
    std::fs::create_dir_all(config.join("themes")).expect("made");
    std::fs::write(config.join("config.toml"), "theme = \"mine\"\n").expect("a file");
    let theme = config.join("themes/mine.toml");
    std::fs::write(&theme, "[tones]\nadded = \"grass\"\n").expect("a file");

    let place = dir.path().to_string_lossy().into_owned();
    let mut tty = start(&["learn", "--ascii"], &[("XDG_CONFIG_HOME", &place)]);
    wait_for_bytes(&tty, BACKGROUND_QUESTION);
    tty.press(&format!("{DARK}{DEVICE}"));
    tty.wait_for("line 2, tones.added:");
    tty.wait_for("`grass` is no colour");
    assert!(leave(tty).contains(QUIET_IN_DARK));

    // Mended, it is used; and what is not to be asked for is not.
    std::fs::write(&theme, "based-on = \"dark\"\n[tones]\nquiet = \"#123456\"\n").expect("a file");
    let mut tty = start(&["learn", "--ascii"], &[("XDG_CONFIG_HOME", &place)]);
    wait_for_bytes(&tty, BACKGROUND_QUESTION);
    tty.press(&format!("{DARK}{DEVICE}"));
    assert!(leave(tty).contains("38;2;18;52;86"));
}

/// The left button on a place, counted from 1, down and up.
fn click(column: u16, row: u16) -> String {
    format!("\u{1b}[<0;{column};{row}M\u{1b}[<0;{column};{row}m")
}

fn place_of(tty: &Tty, text: &str) -> (u16, u16) {
    let screen = tty.screen();
    let found = screen.lines().enumerate().find_map(|(row, line)| Some((line.find(text)?, row)));
    let (column, row) = found.unwrap_or_else(|| panic!("no {text}:\n{screen}"));
    (column as u16 + 1, row as u16 + 1)
}

fn answered() -> Tty {
    let mut tty = start(&["learn", "--ascii"], &[]);
    wait_for_bytes(&tty, BACKGROUND_QUESTION);
    tty.press(&format!("{DARK}{DEVICE}"));
    tty.wait_for("Build a container by hand");
    tty
}

#[test]
fn rows_and_keys_can_be_clicked_and_the_mouse_is_given_back() {
    let mut tty = answered();
    let (column, row) = place_of(&tty, "Whose table is it?");
    tty.press(&click(column, row));
    tty.wait_for("Whose table is it? --");
    // The wheel, over the list.
    tty.press(&format!("\u{1b}[<65;{column};{row}M"));
    tty.wait_for("Talking without files --");

    let (column, row) = place_of(&tty, "? keys");
    tty.press(&click(column, row));
    tty.wait_for("this list of keys");
    tty.press("x");
    tty.wait_until_gone("this list of keys");
    let (column, row) = place_of(&tty, "q quit");
    tty.press(&click(column, row));
    assert!(tty.wait_end().success());
    tty.assert_is_back();
    let sent = raw(&tty);
    let (on, off) = (sent.find("\u{1b}[?1000h"), sent.rfind("\u{1b}[?1000l"));
    assert!(on.is_some() && off > on, "{sent:?}");
    assert!(!sent.contains("?1002h") && !sent.contains("?1003h"), "moves are not asked for");
}

#[test]
fn a_lesson_is_read_with_the_mouse() {
    let mut tty =
        start(&["learn", "what-is-a-container", "--tape", "--ascii", "--way", "show"], &[]);
    wait_for_bytes(&tty, BACKGROUND_QUESTION);
    tty.press(&format!("{DARK}{DEVICE}"));
    tty.wait_for("1/9");
    for step in 2..=3 {
        tty.press("\r");
        tty.wait_for("go on");
        tty.press("\r");
        tty.wait_for(&format!("{step}/9"));
    }
    tty.wait_for("TAPE");

    // The sign of the first step, two before that of this one; and back by the name of a key.
    let (column, row) = place_of(&tty, "@");
    tty.press(&click(column - 2, row));
    tty.wait_for("LOOKING BACK");
    tty.wait_for("1/9");
    tty.press("\u{1b}");
    tty.wait_for("3/9");

    let (column, row) = place_of(&tty, "2 Proc");
    tty.press(&click(column, row));
    tty.wait_for("[2 Processes");
    let (column, row) = place_of(&tty, "S unboxed: worker");
    tty.press(&click(column, row));
    tty.wait_for("Esc close");
    tty.wait_for("See it yourself");
    let (column, row) = place_of(&tty, "Esc close");
    tty.press(&click(column, row));
    tty.wait_until_gone("Esc close");
    let (column, row) = place_of(&tty, "1 Moun");
    tty.press(&click(column, row));
    tty.wait_for("[1 Mounts");
    tty.press("q");
    tty.wait_for("Leave the lesson?");
    tty.press("y");
    tty.wait_until_gone("Leave the lesson?");
    tty.press("q");
    assert!(tty.wait_end().success());
    tty.assert_is_back();
}

#[test]
fn a_mouse_that_is_not_wanted_is_not_asked_for() {
    let sent = leave(start(&["learn", "--no-mouse"], &[("TERM", "linux")]));
    assert!(!sent.contains("?1000h"), "{sent:?}");
}

#[test]
fn a_click_on_nothing_draws_nothing() {
    let mut tty = answered();
    let frames = |tty: &Tty| raw(tty).matches("\u{1b}[?2026h").count();
    let before = frames(&tty);
    // In the heading, twenty times; and then a key, which is one frame.
    (0..20).for_each(|_| tty.press(&click(3, 1)));
    tty.press("?");
    tty.wait_for("this list of keys");
    assert_eq!(frames(&tty), before + 1);
    tty.press("x");
    leave(tty);
}

#[test]
fn a_signal_gives_the_mouse_back() {
    let mut tty = answered();
    tty.signal(nix::sys::signal::Signal::SIGTERM);
    tty.wait_end();
    tty.assert_is_back();
    assert!(raw(&tty).contains("\u{1b}[?1006l\u{1b}[?1000l"));
}

#[test]
fn a_glow_ends_by_itself_and_then_nothing_is_drawn() {
    let mut tty = start(&["learn", "what-is-a-container", "--tape", "--ascii"], &[]);
    wait_for_bytes(&tty, BACKGROUND_QUESTION);
    tty.press(&format!("{DARK}{DEVICE}"));
    tty.wait_for("TAPE");
    tty.press("\r");
    tty.wait_for("go on");
    wait_for_bytes(&tty, "\u{1b}[7m");

    let glows = |tty: &Tty| {
        let seen = tty.seen.lock().expect("the screen");
        let screen = seen.parser.screen();
        let is_reversed = |row, column| screen.cell(row, column).is_some_and(vt100::Cell::inverse);
        (0..24).any(|row| (0..80).any(|column| is_reversed(row, column)))
    };
    let deadline = Instant::now() + Duration::from_secs(15);
    while glows(&tty) {
        assert!(Instant::now() < deadline, "it glows on:\n{}", tty.screen());
        std::thread::sleep(Duration::from_millis(10));
    }

    let frames = |tty: &Tty| raw(tty).matches("\u{1b}[?2026h").count();
    let before = frames(&tty);
    tty.press("?");
    tty.wait_for("any other key closes");
    assert_eq!(frames(&tty), before + 1, "the key's frame is the next one");
    tty.press("x");
    tty.press("q");
    tty.press("y");
    tty.press("q");
    assert!(tty.wait_end().success());
}
