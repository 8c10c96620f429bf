//! Notices: what the last key or event came to, in a line, as values. `words::notice` says them.

use serde::{Deserialize, Serialize};

use crate::diagnosis::Blocker;
use crate::op::ActorName;

/// A line for the person at the screen, until the next key. A closed list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A tape is played, since the lesson can't be, live.
    TapeInstead(Blocker),
    Blocked(Blocker),
    /// A step of a tape is about control groups, and this machine's are of another version: `v1`, `v2` or `none`.
    TapeOfOtherCgroups {
        tape: String,
        here: String,
    },

    LookingBack {
        back: KeyName,
    },
    TurnComesLater {
        back: KeyName,
    },
    /// Nothing but a program of the step can fulfil it.
    StepMeasuresItself {
        run: KeyName,
    },
    NoTurnOnTape {
        run: KeyName,
    },
    /// A card has no line to see the thing by.
    NoLineToSeeBy,
    /// The text that a card names is no manual page, but one of the kernel's.
    NoManualPage {
        address: String,
    },
    /// There is no live lab to type into.
    NoLabToTypeInto,
    NoHintNow {
        your_turn: KeyName,
    },
    /// Goals of the turn, or of a task, that do not hold.
    NotYet {
        open: usize,
        of: usize,
        hint: KeyName,
    },
    /// A question waits for its answer, which is given outside of the shell.
    AnswerFirst {
        leave: KeyName,
    },
    /// There is nobody else to have a shell beside.
    NoOtherSide {
        actor: ActorName,
    },
    NoWhatIf {
        leave_out: KeyName,
    },
    StepIsPast {
        rewind: KeyName,
    },
    LeftOut {
        title: String,
        leave_out: KeyName,
    },
    TakenInAgain {
        title: String,
    },
    NoQuestionNow,
    /// The chosen lesson asks nothing.
    NoQuestions,

    NoShell {
        actor: ActorName,
        error: String,
    },
    /// A shell that nobody waits for any more: another has the keys.
    ShellBehind {
        actor: ActorName,
        other_side: KeyName,
    },
    /// The shell that was typed into has ended; and the one that is in sight now.
    ShellEnded {
        actor: ActorName,
        next: Option<ActorName>,
        shell: KeyName,
    },
    Refused(Refusal),
    /// The lab failed while a shell is in front of the place where that is said.
    FailedBehindShell {
        error: String,
        leave: KeyName,
        restart: KeyName,
    },

    WindowOnlyLooks {
        close: KeyName,
    },
    OtherWindowDrives {
        close: KeyName,
    },
    ThisConsoleDrives,
    /// By its pid.
    OtherConsoleDrives(u32),
    NoConsole {
        help: KeyName,
    },
    UnreadableLesson {
        name: String,
    },
    Armed {
        next: KeyName,
    },
    Disarmed {
        run: KeyName,
    },
    /// The next step does not run by itself.
    StepNotRun {
        run: KeyName,
    },
    LastBeat {
        end: KeyName,
    },
    LabBeingMade,
    StepRuns,
    LabFailed {
        rewind: KeyName,
    },

    Copied(Copied),
    /// The commands of the step are the learner's to find; the key that shows them.
    CommandKeptBack {
        show: KeyName,
    },
    /// Nothing of the step is done by commands.
    NoCommandHere,
    /// The file that a text was written to, or why there is none.
    Saved(Result<String, String>),
    NoHome,
    /// A file of settings, or a theme, that is not used.
    Setting(SettingMistake),
    File(FileNotice),
    /// Trouble in opening a lesson, as it says itself.
    Error(String),
}

/// The news of the learner's own files. A closed list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileNotice {
    ProgressNotRead {
        error: String,
    },
    ProgressNotKept {
        error: String,
    },
    /// Writing it takes longer than the end waits for.
    ProgressTooSlow,
    /// The file can't be understood; it stays until there is more to keep.
    ProgressStrange {
        path: String,
    },
    /// The same, and by which name it is kept now.
    ProgressSetAside {
        aside: String,
    },
    /// The file was a link, which is kept by this name.
    LinkSetAside {
        file: String,
        aside: String,
    },
    /// The answer to the question about a lesson's programs could not be kept.
    AnswerNotKept {
        directory: String,
        error: String,
    },
}

/// A mistake in a file of settings, or in a theme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingMistake {
    pub file: String,
    /// None where the file itself can't be read.
    pub line: Option<usize>,
    /// Empty where no field is meant: `tones.added`.
    pub field: String,
    pub problem: SettingProblem,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingProblem {
    NotRead(String),
    NoSuchTheme { known: String },
    NotToml(String),
    NoQuotes,
    Twice,
    NoSuchField { near: Option<String> },
    WrongKind { wanted: &'static str, found: &'static str },
    NoneOf { text: String, known: String },
    NoColor(String),
    NoIndex(i64),
}

/// The reason why a tape does not do what a lab does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    NothingToType,
    NothingToLeaveOut,
    WhatIfNotRecorded,
    AtTheEnd,
}

/// The way that copied text took to a clipboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyRoute {
    /// By an escape sequence, to whatever terminal there is.
    Terminal,
    /// To tmux, which keeps it and sends it on.
    Tmux,
    /// None: terminals drop as much text as this.
    TooLong,
    /// None: this terminal is known to have no clipboard, or could not be written to.
    NoClipboard,
}

/// The places where copied text went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    pub route: CopyRoute,
    /// The file, or why there is none; nothing where no file was to be written.
    pub file: Option<Result<String, String>>,
}

/// The name of a key, as the key table prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyName(pub String);

impl std::fmt::Display for KeyName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}
