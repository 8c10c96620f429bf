//! A lesson from a file says what programs it will run, and asks, before it is first played live. The answer is kept: it is asked
//! again only once the lesson does something else.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use super::is_path;
use crate::lesson::model::Lesson;
use crate::lesson::programs;
use crate::progress;
use crate::text::safe;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
pub struct Consent {
    /// Run the programs of a lesson file without being asked
    #[arg(long)]
    pub yes: bool,
}

/// What the lab is to those programs.
const LAB: &str = "They run in a lab: it has the machine's /usr to read, none of your files and processes, and no network; what \
                   they do there goes with it.";
/// Answers that are kept. Each holds what it was given for: up to a MiB.
const MAX_KEPT: usize = 64;

/// Ask on the terminal, where `name` is a file and its programs have not been agreed to. An error where they are not.
pub fn ask(name: &str, lesson: &Lesson, consent: Consent) -> anyhow::Result<()> {
    if consent.yes || !is_asked_for(name, lesson) {
        return Ok(());
    }
    let mut err = io::stderr().lock();
    for line in question(name, lesson) {
        writeln!(err, "{line}")?;
    }
    let name = safe(name);
    if !io::stdin().is_terminal() || !err.is_terminal() {
        bail!("{name} was not played: look at the programs that it runs, and say --yes if they may run");
    }
    write!(err, "\nPlay it? [y/N] ")?;
    err.flush()?;
    drop(err);
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).context("could not read the answer")?;
    if !matches!(answer.trim(), "y" | "Y" | "yes") {
        bail!("{name} was not played");
    }
    if let Some(trouble) = keep(lesson) {
        eprintln!("unboxed: {}", safe(&trouble));
    }
    Ok(())
}

/// Whether it is to be asked before this is played live.
pub fn is_asked_for(name: &str, lesson: &Lesson) -> bool {
    is_path(name) && programs::count(lesson) > 0 && !directory().is_some_and(|dir| is_kept(&dir, lesson))
}

/// What there is to agree to, a line each.
pub fn question(name: &str, lesson: &Lesson) -> Vec<String> {
    let count = programs::count(lesson);
    let them = if count == 1 { "a program".to_owned() } else { format!("{count} programs") };
    let heading = format!("{} is not one of unboxed's own lessons. It runs {them} of its author's:", safe(name));
    let blank = String::new();
    let mut lines = vec![heading, blank.clone()];
    lines.extend(programs::listed(lesson));
    lines.extend([blank, LAB.to_owned()]);
    lines
}

fn directory() -> Option<PathBuf> {
    Some(progress::directory()?.join("agreed"))
}

/// Remember that a lesson may do what it does; a sentence when that could not be kept.
pub fn keep(lesson: &Lesson) -> Option<String> {
    let dir = directory()?;
    let error = write(&dir, lesson).err()?;
    Some(format!("the answer could not be kept in {}, and will be asked for again: {error}", dir.display()))
}

/// The whole of what was agreed to is kept and compared: no sum is as good.
fn is_kept(dir: &Path, lesson: &Lesson) -> bool {
    let deeds = programs::deeds(lesson);
    std::fs::metadata(place(dir, &deeds)).is_ok_and(|found| found.is_file() && found.len() == deeds.len() as u64)
        && std::fs::read(place(dir, &deeds)).is_ok_and(|kept| kept == deeds.as_bytes())
}

fn write(dir: &Path, lesson: &Lesson) -> io::Result<()> {
    let deeds = programs::deeds(lesson);
    std::fs::create_dir_all(dir)?;
    forget_the_oldest(dir)?;
    let place = place(dir, &deeds);
    let new = place.with_extension(std::process::id().to_string());
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&new)
        .and_then(|mut file| file.write_all(deeds.as_bytes()))
        .and_then(|()| std::fs::rename(&new, &place));
    if written.is_err() {
        let _ = std::fs::remove_file(&new);
    }
    written
}

/// A name that is short; what counts is inside.
fn place(dir: &Path, deeds: &str) -> PathBuf {
    dir.join(format!("{:08x}-{}", crc32fast::hash(deeds.as_bytes()), deeds.len()))
}

fn forget_the_oldest(dir: &Path) -> io::Result<()> {
    let mut kept: Vec<_> = std::fs::read_dir(dir)?.flatten().map(|entry| entry.path()).collect();
    kept.sort_by_key(|path| path.metadata().and_then(|found| found.modified()).ok());
    let too_many = (kept.len() + 1).saturating_sub(MAX_KEPT);
    kept.iter().take(too_many).try_for_each(std::fs::remove_file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::catalogue;

    #[test]
    fn an_answer_is_kept_for_what_a_lesson_does() {
        let dir = tempfile::tempdir().expect("a directory");
        let lesson = catalogue::find("1").expect("a lesson");
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
        std::fs::write(place(dir.path(), &programs::deeds(&other)), "x").expect("a file");
        assert!(!is_kept(dir.path(), &other));
    }

    #[test]
    fn answers_do_not_pile_up() {
        let dir = tempfile::tempdir().expect("a directory");
        for number in 0..MAX_KEPT + 10 {
            std::fs::write(dir.path().join(number.to_string()), "x").expect("a file");
        }
        write(dir.path(), &catalogue::find("1").expect("a lesson")).expect("kept");
        assert_eq!(std::fs::read_dir(dir.path()).expect("a listing").count(), MAX_KEPT);
    }
}
