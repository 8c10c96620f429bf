//! How far a learner got: a small file in the XDG state directory, replaced as a whole, never lost.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use crate::lesson::quiz::Mark;

/// The format this program writes. It reads format 1 too, which knew of `played` alone.
const FORMAT: u32 = 2;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    format: u32,
    /// Lesson id → how far.
    lessons: BTreeMap<String, LessonProgress>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LessonProgress {
    /// Steps played, at the most.
    pub played: usize,
    /// Step id → how it was done, the best way.
    #[serde(default)]
    pub steps: BTreeMap<String, StepProgress>,
    /// Question id → the last answer.
    #[serde(default)]
    pub answers: BTreeMap<String, AnswerProgress>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepProgress {
    pub how: StepHow,
    /// Stages of hints taken.
    pub hints: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerProgress {
    pub mark: Mark,
    pub tries: u32,
}

/// How a step was done, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepHow {
    /// It was played.
    Watched,
    /// It was played after the learner had tried.
    Shown,
    WithHints,
    ByOneself,
}

impl LessonProgress {
    /// Steps done by typing, with hints or without.
    pub fn done(&self) -> usize {
        self.steps.values().filter(|step| step.how >= StepHow::WithHints).count()
    }

    pub fn hints(&self) -> usize {
        self.steps.values().map(|step| step.hints).sum()
    }

    pub fn marked(&self, mark: Mark) -> usize {
        self.answers.values().filter(|answer| answer.mark == mark).count()
    }
}

impl Default for Progress {
    fn default() -> Self {
        Progress { format: FORMAT, lessons: BTreeMap::new() }
    }
}

/// `$XDG_STATE_HOME/unboxed`, or `~/.local/state/unboxed`; none without a home.
pub fn directory() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")))?;
    Some(state.join("unboxed"))
}

impl Progress {
    /// Read from a directory. A file that can't be understood is set aside under another name, and that is said.
    pub fn load(dir: &Path) -> (Progress, Option<String>) {
        let path = dir.join("progress.json");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return (Progress::default(), None),
            Err(error) => return (Progress::default(), Some(format!("could not read {}: {error}", path.display()))),
        };
        match serde_json::from_str::<Progress>(&text) {
            Ok(progress) if (1..=FORMAT).contains(&progress.format) => (Progress { format: FORMAT, ..progress }, None),
            _ => {
                let aside = free_name(dir);
                let said = match fs::rename(&path, &aside) {
                    Ok(()) => format!("the progress file could not be understood; it is kept as {}", aside.display()),
                    Err(error) => format!("the progress file could not be understood, nor set aside: {error}"),
                };
                (Progress::default(), Some(said))
            }
        }
    }

    pub fn played(&self, lesson: &str) -> Option<usize> {
        self.lessons.get(lesson).map(|progress| progress.played)
    }

    /// The furthest step counts: looking at an early step again takes nothing away.
    pub fn note(&mut self, lesson: &str, played: usize) {
        let known = self.lessons.entry(lesson.to_owned()).or_default();
        known.played = known.played.max(played);
    }

    pub fn lesson(&self, lesson: &str) -> Option<&LessonProgress> {
        self.lessons.get(lesson)
    }

    /// The best way counts, and so do all hints.
    pub fn note_step(&mut self, lesson: &str, step: &str, how: StepHow, hints: usize) {
        let known = self.lessons.entry(lesson.to_owned()).or_default();
        let step = known.steps.entry(step.to_owned()).or_insert(StepProgress { how, hints });
        *step = StepProgress { how: step.how.max(how), hints: step.hints.max(hints) };
    }

    /// The last answer counts: who learnt it has learnt it.
    pub fn note_answer(&mut self, lesson: &str, question: &str, mark: Mark) {
        let known = self.lessons.entry(lesson.to_owned()).or_default();
        let answer = known.answers.entry(question.to_owned()).or_insert(AnswerProgress { mark, tries: 0 });
        *answer = AnswerProgress { mark, tries: answer.tries.saturating_add(1) };
    }

    /// Forget a lesson, or all of them. False when there was nothing.
    pub fn reset(&mut self, lesson: Option<&str>) -> bool {
        match lesson {
            Some(lesson) => self.lessons.remove(lesson).is_some(),
            None => !std::mem::take(&mut self.lessons).is_empty(),
        }
    }

    /// Change what is kept in a directory, whoever else is at it: read, change, write, one at a time. Returns what is kept
    /// now, and what there is to say of it.
    pub fn change(dir: &Path, act: impl FnOnce(&mut Progress)) -> io::Result<(Progress, Option<String>)> {
        fs::create_dir_all(dir)?;
        let lock = fs::File::create(dir.join("progress.lock"))?;
        let _lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, errno)| io::Error::from(errno))?;
        let (mut progress, said) = Progress::load(dir);
        act(&mut progress);
        progress.save(dir)?;
        Ok((progress, said))
    }

    /// Write to a new file and put it in the old one's place.
    fn save(&self, dir: &Path) -> io::Result<()> {
        let new = dir.join(format!("progress.json.{}", std::process::id()));
        let written = fs::File::create(&new).and_then(|mut file| {
            io::Write::write_all(&mut file, &serde_json::to_vec_pretty(self)?)?;
            // On the disk before it takes the old one's name: a power cut must not leave an empty file.
            file.sync_all()
        });
        let written = written.and_then(|()| fs::rename(&new, dir.join("progress.json")));
        if written.is_err() {
            let _ = fs::remove_file(&new);
        }
        written
    }
}

fn free_name(dir: &Path) -> PathBuf {
    (1..1000)
        .map(|number| dir.join(format!("progress.json.aside-{number}")))
        .find(|path| !path.exists())
        .unwrap_or_else(|| dir.join("progress.json.aside"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_comes_back_as_it_was_saved() {
        let dir = tempfile::tempdir().expect("a directory");
        let change = |act: fn(&mut Progress)| Progress::change(dir.path(), act).expect("saved");
        change(|progress| progress.note("build", 4));
        change(|progress| progress.note("build", 2));
        change(|progress| progress.note_step("build", "hostname", StepHow::WithHints, 2));
        change(|progress| progress.note_step("build", "hostname", StepHow::Watched, 0));
        change(|progress| progress.note_answer("build", "q", Mark::Wrong));
        change(|progress| progress.note_answer("build", "q", Mark::Right));
        let (read, said) = Progress::load(dir.path());
        let lesson = read.lesson("build").expect("it is there");
        assert_eq!((lesson.played, lesson.done(), lesson.hints(), said), (4, 1, 2, None));
        assert_eq!(lesson.answers["q"], AnswerProgress { mark: Mark::Right, tries: 2 });
        assert_eq!(read.lesson("other"), None);
        let names: Vec<_> = fs::read_dir(dir.path()).expect("a listing").flatten().map(|one| one.file_name()).collect();
        assert_eq!(names.len(), 2, "no other file is left: {names:?}");
        change(|progress| assert!(progress.reset(Some("build")) && !progress.reset(None)));
        assert_eq!(Progress::load(dir.path()).0, Progress::default());
    }

    #[test]
    fn what_an_earlier_version_kept_is_read() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("progress.json"), r#"{"format":1,"lessons":{"build":{"played":3}}}"#)
            .expect("a file");
        let (progress, said) = Progress::load(dir.path());
        assert_eq!((progress.played("build"), said), (Some(3), None));
    }

    #[test]
    fn many_at_once_lose_nothing() {
        let dir = tempfile::tempdir().expect("a directory");
        std::thread::scope(|scope| {
            for number in 0..8 {
                let dir = dir.path();
                scope.spawn(move || {
                    Progress::change(dir, |progress| progress.note(&format!("lesson-{number}"), 1)).expect("saved");
                });
            }
        });
        assert_eq!(Progress::load(dir.path()).0.lessons.len(), 8);
    }

    #[test]
    fn a_corrupt_or_newer_file_is_set_aside_and_said() {
        for text in ["", "{", "null", "{\"format\":3,\"lessons\":{}}"] {
            let dir = tempfile::tempdir().expect("a directory");
            fs::write(dir.path().join("progress.json"), text).expect("a file");
            let (progress, said) = Progress::load(dir.path());
            assert_eq!(progress, Progress::default());
            assert!(said.is_some_and(|said| said.contains("aside-1")), "{text}");
            assert_eq!(fs::read_to_string(dir.path().join("progress.json.aside-1")).expect("kept"), text);
        }
    }
}
