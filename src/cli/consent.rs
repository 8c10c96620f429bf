//! A lesson from a file says what programs it will run, and asks, before it is first played live. The answer is kept:
//! it is asked again only once the lesson does something else.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use nix::sys::stat::Mode;

use super::{ask, complain, is_path};
use crate::kernel::directory::OpenDirectory;
use crate::kernel::home;
use crate::lesson::model::Lesson;
use crate::lesson::programs;
use crate::notice::FileNotice;
use crate::text::safe;
use crate::words;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
pub struct ConsentOption {
    /// Run the programs of a lesson file without being asked
    #[arg(long)]
    pub yes: bool,
}

/// Answers that are kept. Each holds what it was given for.
const MAX_KEPT: usize = 64;
/// Bytes of one answer: what a lesson does, each alias as what it stands for, and escaped, so more than its file.
const MAX_FINGERPRINT_BYTES: u64 = 16 << 20;

/// Ask on the terminal, where `name` is a file and its programs have not been agreed to. An error where they are not.
pub fn require_consent(name: &str, lesson: &Lesson, consent: ConsentOption) -> anyhow::Result<()> {
    if consent.yes || !needs_consent(name, lesson) {
        return Ok(());
    }
    let mut err = io::stderr().lock();
    for line in consent_lines(name, lesson) {
        writeln!(err, "{line}")?;
    }

    let name = safe(name);
    if !ask::is_possible() {
        bail!(
            "{name} was not played: look at the programs that it runs, and say --yes if they may run"
        );
    }
    drop(err);
    if !ask::yes_or_no("\nPlay it?")? {
        bail!("{name} was not played");
    }

    if let Some(trouble) = keep_consent(lesson) {
        complain(&safe(&words::file_notice(&trouble)));
    }
    Ok(())
}

/// True if it is to be asked before this is played live.
pub fn needs_consent(name: &str, lesson: &Lesson) -> bool {
    is_path(name)
        && programs::program_count(lesson) > 0
        && !directory().is_some_and(|dir| is_kept(&dir, lesson))
}

/// The things to agree to, a line each.
pub fn consent_lines(name: &str, lesson: &Lesson) -> Vec<String> {
    let blank = String::new();
    let mut lines = vec![words::program_question(&safe(name)), blank.clone()];
    lines.extend(programs::program_lines(lesson));
    lines.extend([blank, words::program_risk().to_owned()]);
    lines
}

fn directory() -> Option<PathBuf> {
    Some(home::state_directory()?.join("agreed"))
}

/// Remember that a lesson may do what it does; a notice when that could not be kept.
pub fn keep_consent(lesson: &Lesson) -> Option<FileNotice> {
    let dir = directory()?;
    let error = write(&dir, lesson).err()?;
    Some(FileNotice::AnswerNotKept {
        directory: dir.display().to_string(),
        error: format!("{error:#}"),
    })
}

/// The whole of what was agreed to is kept and compared: no sum is as good.
fn is_kept(dir: &Path, lesson: &Lesson) -> bool {
    let fingerprint = programs::actions_fingerprint(lesson);
    let Ok(Some(dir)) = OpenDirectory::find_private(dir) else { return false };
    let kept = dir.read(&name(&fingerprint), MAX_FINGERPRINT_BYTES).ok().flatten();
    kept.is_some_and(|kept| kept == fingerprint.as_bytes())
}

fn write(dir: &Path, lesson: &Lesson) -> anyhow::Result<()> {
    let fingerprint = programs::actions_fingerprint(lesson);
    let dir = OpenDirectory::make_private(dir)?;
    forget_the_oldest(&dir)?;
    dir.replace(&name(&fingerprint), Mode::S_IRUSR | Mode::S_IWUSR, |file| {
        file.write_all(fingerprint.as_bytes())
    })?;
    Ok(())
}

/// A name that is short; what counts is inside.
fn name(fingerprint: &str) -> OsString {
    format!("{:08x}-{}", crc32fast::hash(fingerprint.as_bytes()), fingerprint.len()).into()
}

fn forget_the_oldest(dir: &OpenDirectory) -> io::Result<()> {
    let mut kept: Vec<_> = dir
        .names()?
        .into_iter()
        .filter_map(|name| Some((dir.stat(&name).ok()??.st_mtime, name)))
        .collect();
    kept.sort();

    // The answer that is about to be written is one of those that may be kept.
    let too_many = (kept.len() + 1).saturating_sub(MAX_KEPT);
    kept.iter().take(too_many).try_for_each(|(_, name)| dir.remove(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::catalogue;

    #[test]
    fn an_answer_is_kept_for_what_a_lesson_does() {
        let dir = tempfile::tempdir().expect("a directory");
        let lesson = catalogue::find_lesson("1").expect("a lesson");
        assert!(!is_kept(dir.path(), &lesson));

        write(dir.path(), &lesson).expect("kept");
        write(dir.path(), &lesson).expect("kept again");
        assert!(is_kept(dir.path(), &lesson));

        let told = Lesson { title: "Another title".into(), ..lesson.clone() };
        assert!(is_kept(dir.path(), &told));
        let mut other = lesson.clone();
        other.steps.pop();
        assert!(!is_kept(dir.path(), &other));

        // One that has the name of another's answer.
        std::fs::write(dir.path().join(name(&programs::actions_fingerprint(&other))), "x")
            .expect("a file");
        assert!(!is_kept(dir.path(), &other));
    }

    #[test]
    fn answers_do_not_pile_up() {
        let dir = tempfile::tempdir().expect("a directory");
        for number in 0..MAX_KEPT + 10 {
            std::fs::write(dir.path().join(number.to_string()), "x").expect("a file");
        }
        write(dir.path(), &catalogue::find_lesson("1").expect("a lesson")).expect("kept");
        assert_eq!(std::fs::read_dir(dir.path()).expect("a listing").count(), MAX_KEPT);
    }
}
