//! `unboxed shell` on a real terminal: what passes, what is undone at its end, and a lab that does not answer.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::alone;
use crate::common::tty::Tty;
use crate::places::{Lab, Places, printed, said};

#[test]
fn a_shell_colours_the_real_terminal_but_neither_names_it_nor_asks_it() {
    let _turn = alone();
    let places = Places::new();
    let lab = Lab::start(places.unboxed());
    const PRINT: &str = "printf 'a\\033]0;evil\\007\\033]52;c;aGk=\\007\\033]11;?\\033\\\\\\033P$qm\\033\\\\\\033[c\\033[6nb\\n'\n";
    let output = places.shell(&[], &format!("{PRINT}printf '\\033[31mred\\033[0m\\n'; exit\n"));
    let text = printed(&output);
    assert!(text.contains("\rab\r\n") && text.contains("\u{1b}[31mred\u{1b}[0m"), "{text:?}");
    assert!(
        !["\u{1b}]", "\u{1b}P", "\u{1b}[c", "\u{1b}[6n"]
            .iter()
            .any(|sequence| text.contains(sequence)),
        "{text:?}"
    );

    // A program that fills the screen works, and one that is killed then leaves nothing of it.
    let run = places.dir.path().join("run").to_string_lossy().into_owned();
    let mut tty = Tty::start(100, 30, &["shell"], &[("XDG_RUNTIME_DIR", &run)]);
    tty.wait_for("can't set this terminal's title");
    tty.wait_for_prompt();
    tty.press("top\r");
    tty.wait_for("load average");
    tty.press("q");
    tty.wait_for_prompt();
    tty.press("printf '\\033[?1049h\\033[?25lfull-%s' $((1+1))\r");
    tty.wait_for("full-2");
    assert!(tty.seen.lock().expect("the screen").parser.screen().alternate_screen());
    tty.press("kill -9 $$\r");
    assert!(tty.wait_end().success());
    tty.assert_is_back();

    // Nor does one that is ended from outside.
    let mut ended = Tty::start(100, 30, &["shell"], &[("XDG_RUNTIME_DIR", &run)]);
    ended.wait_for_prompt();
    ended.press("printf '\\033[?1049h\\033[?25lfull-%s' $((1+1))\r");
    ended.wait_for("full-2");
    ended.signal(Signal::SIGTERM);
    assert!(!ended.wait_end().success());
    ended.assert_is_back();
    let raw = tty.seen.lock().expect("the screen").raw.clone();
    assert!(!raw.windows(2).any(|two| two == b"\x1b]"), "a string came through");
    drop(lab);
}

#[test]
fn a_stopped_lab_is_given_up_on() {
    let _turn = alone();
    let places = Places::new();
    let lab = Lab::start(places.unboxed());
    let pid = Pid::from_raw(i32::try_from(lab.child.id()).expect("a pid"));
    kill(pid, Signal::SIGSTOP).expect("it is ours");
    let asked = places.shell(&[], "");
    kill(pid, Signal::SIGCONT).expect("it is ours");
    assert!(!asked.status.success() && said(&asked).contains("did not answer"), "{asked:?}");
}
