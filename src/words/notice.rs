//! Notices in words, a line each.

use super::diagnosis::blocker;
use super::setting::setting_mistake;
use crate::notice::{Copied, CopyRoute, FileNotice, Notice, Refusal};

pub fn notice(notice: &Notice) -> String {
    match notice {
        Notice::TapeInstead(why) => {
            format!("a tape, because live it can't play here: {}", blocker(why))
        }
        Notice::Blocked(why) => format!("can't play here: {}", blocker(why)),
        Notice::TapeOfOtherCgroups { tape, here } if here == "none" => {
            format!("recorded with control groups of {tape}; this machine has none mounted")
        }
        Notice::TapeOfOtherCgroups { tape, here } => format!(
            "recorded with control groups of {tape}; this machine has {here}, with other files and values"
        ),

        Notice::LookingBack { back } => {
            format!("you are looking back: {back} returns to the live lab")
        }
        Notice::TurnComesLater { back } => {
            format!("your turn begins at the next step: {back} returns to the live lab")
        }
        Notice::StepMeasuresItself { run } => {
            format!("this step is about what its own program measures: {run} runs it")
        }
        Notice::NoTurnOnTape { run } => {
            format!("nothing can be typed into a tape: {run} shows what was recorded")
        }
        Notice::NoLineToSeeBy => "there is no line for a shell here".into(),
        Notice::NoManualPage { address } => {
            format!("it has no manual page; the kernel's own text is at {address}")
        }
        Notice::NoLabToTypeInto => "there is no live lab to type into".into(),
        Notice::NoHintNow { your_turn } => {
            format!("hints are for your turn: {your_turn} begins it")
        }
        Notice::NotYet { open, of, hint } => {
            format!("not yet: {open} of {of} not true. {hint} gives a hint")
        }
        Notice::AnswerFirst { leave } => {
            format!("a question waits for your answer: {leave} leaves the shell")
        }
        Notice::NoOtherSide { actor } => {
            format!("{actor} is the only one here so far: there is no other shell to go to")
        }
        Notice::NoWhatIf { leave_out } => {
            format!("this step has no what-if; {leave_out} leaves the next step out")
        }
        Notice::StepIsPast { rewind } => {
            format!("only a step that is yet to come can be left out; rewind with {rewind}")
        }
        Notice::LeftOut { title, leave_out } => format!(
            "left out: {title}. Go on, and see what is missing then; {leave_out} takes it in again"
        ),
        Notice::TakenInAgain { title } => format!("taken in again: {title}"),
        Notice::NoQuestionNow => "no question here now: they come with the steps".into(),

        Notice::NoQuestions => "this lesson has no questions: choose another".into(),

        Notice::NoShell { actor, error } => format!("no shell beside {actor}: {error}"),
        Notice::ShellBehind { actor, other_side } => {
            format!("a shell beside {actor} is open; {other_side} goes to it")
        }
        Notice::ShellEnded { actor, next: None, .. } => {
            format!("the shell beside {actor} has ended: keys go to the lesson")
        }
        Notice::ShellEnded { actor, next: Some(next), shell } => format!(
            "the shell beside {actor} has ended: keys go to the lesson; {shell} types beside {next}"
        ),
        Notice::Refused(why) => refusal(*why).into(),
        Notice::FailedBehindShell { error, leave, restart } => {
            format!("{error}. {leave} leaves the shell, {restart} makes a new lab")
        }

        Notice::WindowOnlyLooks { close } => format!("this window only looks; {close} closes it"),
        Notice::OtherWindowDrives { close } => {
            format!("another window drives the talk; {close} closes this one")
        }
        Notice::ThisConsoleDrives => "this console drives the talk".into(),
        Notice::OtherConsoleDrives(pid) => {
            format!("another console drives (process {pid}); this one takes over when it closes")
        }
        Notice::NoConsole { help } => {
            format!("no console: this window drives ({help} shows the keys)")
        }
        Notice::UnreadableLesson { name } => {
            format!("the lesson {name} can't be read by this version of the program")
        }
        Notice::Armed { next } => format!("armed: {next} runs steps"),
        Notice::Disarmed { run } => format!("disarmed: {run} runs steps"),
        Notice::StepNotRun { run } => format!("disarmed: {run} runs this step"),
        Notice::LastBeat { end } => format!("that was the last beat; {end} ends the talk"),
        Notice::LabBeingMade => "the lab is being made".into(),
        Notice::StepRuns => "a step runs".into(),
        Notice::LabFailed { rewind } => {
            format!("the lab failed: {rewind} rewinds into a new one")
        }

        Notice::Copied(copied) => self::copied(copied),
        Notice::CommandKeptBack { show } => {
            format!("the command is yours to find here; {show} shows it, and then it can be copied")
        }
        Notice::NoCommandHere => "nothing of this step is done by a command".into(),
        Notice::Saved(Ok(path)) => format!("written to {path}"),
        Notice::Saved(Err(why)) => format!("nothing was written: {why}"),
        Notice::Setting(mistake) => format!("not used: {}", setting_mistake(mistake)),
        Notice::NoHome => "there is no home directory of your own: no progress is kept".into(),
        Notice::File(said) => file_notice(said),
        Notice::Error(error) => error.clone(),
    }
}

/// The news of the learner's own files.
pub fn file_notice(notice: &FileNotice) -> String {
    match notice {
        FileNotice::ProgressNotRead { error } => format!("no progress was read: {error}"),
        FileNotice::ProgressNotKept { error } => format!("progress is not kept: {error}"),
        FileNotice::ProgressTooSlow => "progress is not kept: writing it takes too long".into(),
        FileNotice::ProgressStrange { path } => {
            format!("{path} could not be understood; it is set aside once there is more to keep")
        }
        FileNotice::ProgressSetAside { aside } => {
            format!("the progress file could not be understood; it is kept as {aside}")
        }
        FileNotice::LinkSetAside { file, aside } => {
            format!("{file} was a link, which is kept as {aside}: from now on it is a file")
        }
        FileNotice::AnswerNotKept { directory, error } => format!(
            "the answer could not be kept in {directory}, and will be asked for again: {error}"
        ),
    }
}

fn refusal(why: Refusal) -> &'static str {
    match why {
        Refusal::NothingToType => "nothing can be typed into a tape: it shows what was recorded",
        Refusal::NothingToLeaveOut => {
            "steps can't be left out of a tape: it was recorded with them"
        }
        Refusal::WhatIfNotRecorded => "this what-if was not recorded",
        Refusal::AtTheEnd => "the tape is at its end",
    }
}

fn copied(copied: &Copied) -> String {
    // A terminal never says whether its clipboard took it.
    let sent = match copied.route {
        CopyRoute::Terminal => Some("sent to the terminal's clipboard"),
        CopyRoute::Tmux => Some("in tmux's buffer, and sent to its terminal's clipboard"),
        CopyRoute::TooLong => None,
        CopyRoute::NoClipboard => None,
    };
    let why_not = match copied.route {
        CopyRoute::TooLong => "too long for a terminal's clipboard",
        CopyRoute::NoClipboard => "this terminal has no clipboard",
        CopyRoute::Terminal | CopyRoute::Tmux => "",
    };
    match (sent, &copied.file) {
        (Some(sent), Some(Ok(path))) => format!("{sent}, and written to {path}"),
        (Some(sent), Some(Err(why))) => format!("{sent}; not written to a file: {why}"),
        (Some(sent), None) => sent.into(),
        (None, Some(Ok(path))) => format!("written to {path}: {why_not}"),
        (None, Some(Err(why))) => format!("could not be copied: {why_not}, and {why}"),
        (None, None) => format!("could not be copied: {why_not}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::KeyName;

    #[test]
    fn a_notice_names_the_keys_that_it_was_given() {
        let key = |name: &str| KeyName(name.to_owned());
        let check = |said: Notice, expected: &str| assert_eq!(notice(&said), expected);

        check(
            Notice::LeftOut { title: "Move the root".into(), leave_out: key("x") },
            "left out: Move the root. Go on, and see what is missing then; x takes it in again",
        );
        check(
            Notice::FailedBehindShell {
                error: "the lab is gone".into(),
                leave: key("ctrl-]"),
                restart: key("R"),
            },
            "the lab is gone. ctrl-] leaves the shell, R makes a new lab",
        );
        check(Notice::Refused(Refusal::WhatIfNotRecorded), "this what-if was not recorded");
    }

    #[test]
    fn a_copy_says_where_it_went_and_where_not() {
        let check = |route, file: Option<Result<&str, &str>>, expected: &str| {
            let file = file.map(|file| file.map(str::to_owned).map_err(str::to_owned));
            assert_eq!(notice(&Notice::Copied(Copied { route, file })), expected);
        };
        let (terminal, tmux) = (CopyRoute::Terminal, CopyRoute::Tmux);
        check(
            terminal,
            Some(Ok("/run/copy")),
            "sent to the terminal's clipboard, and written to /run/copy",
        );
        check(
            terminal,
            Some(Err("EROFS")),
            "sent to the terminal's clipboard; not written to a file: EROFS",
        );
        check(tmux, None, "in tmux's buffer, and sent to its terminal's clipboard");
        check(
            CopyRoute::TooLong,
            Some(Ok("/run/copy")),
            "written to /run/copy: too long for a terminal's clipboard",
        );
        check(CopyRoute::NoClipboard, None, "could not be copied: this terminal has no clipboard");
    }
}
