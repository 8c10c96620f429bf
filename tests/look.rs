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
