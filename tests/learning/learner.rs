//! Somebody who learns at the keyboard.

use super::common::tty::Tty;
use super::script::{Way, script};

pub const LEAVE: &str = "\u{1d}";

/// Somebody at the keyboard, who knows which shells are open.
pub struct Learner {
    pub tty: Tty,
    /// Tabs that stay: they are containers by now.
    pub kept: usize,
}

impl Learner {
    pub fn start(columns: u16, rows: u16, arguments: &[&str]) -> Learner {
        Learner { tty: Tty::start(columns, rows, arguments, &[]), kept: 0 }
    }

    /// The same, where each step is typed: the shell beside the host is there from the first turn on.
    pub fn start_typing(
        columns: u16,
        rows: u16,
        lesson: &str,
        environment: &[(&str, &str)],
    ) -> Learner {
        let arguments = ["learn", lesson, "--way", "type"];
        let mut tty = Tty::start(columns, rows, &arguments, environment);
        tty.wait_for("Enter: begin");
        tty.press("\r");
        tty.wait_for("[1 host]");
        Learner { tty, kept: 1 }
    }

    /// A new shell beside an actor; it has the keys.
    pub fn open_shell(&mut self, actor: &str) {
        self.tty.press("S");
        self.tty.wait_for("Shells: type to search");
        self.tty.press(&format!("new shell beside {actor}\r"));
        self.tty.wait_for(&format!("[{} {actor}]", self.kept + 1));
    }

    pub fn type_line(&mut self, line: &str) {
        self.tty.press(&format!("{line}\r"));
    }

    /// Type what does the step, in whatever shells it takes, until the kernel agrees.
    pub fn do_step(&mut self, step: &str) {
        let lines = script(step);
        for (index, &(actor, line, way)) in lines.iter().enumerate() {
            match way {
                Way::NewShell | Way::Becomes => self.open_shell(actor),
                Way::First => self.tty.press("s"),
            }
            self.tty.wait_for("keys go to the shell");
            self.tty.wait_for_prompt();
            self.type_line(line);
            if way == Way::Becomes {
                self.kept += 1;
            }
            if index + 1 < lines.len() {
                self.tty.press(LEAVE);
                self.tty.wait_for("s types");
                // Whoever is born by it has to be taken in first.
                self.tty.wait_for("✔ ");
            }
        }
        self.tty.wait_for("DONE: all of it holds");
        let (actor, _, way) = *script(step).last().expect("a line");
        if way == Way::NewShell {
            self.close_shell(actor);
        } else {
            self.tty.press(LEAVE);
            self.tty.wait_for("s types");
        }
    }

    /// End the shell that has the keys; the keys are the lesson's then.
    pub fn close_shell(&mut self, actor: &str) {
        self.type_line("exit");
        self.tty.wait_until_gone(&format!("[{} {actor}]", self.kept + 1));
        if self.kept > 0 {
            self.tty.press(LEAVE);
            self.tty.wait_for("s types");
        }
    }

    pub fn leave(mut self) {
        self.tty.press("q");
        self.tty.wait_for("Take it down");
        self.tty.press("y");
        self.tty.wait_for("as it was");
        self.tty.press("q");
        assert!(self.tty.wait_end().success());
        self.tty.assert_is_back();
    }
}
