//! A learner's progress: a small file in the XDG state directory, replaced as a whole, never lost.
//!
//! A `progress.json` that is a link (some keep such files elsewhere, and link to them) is read through, but never
//! written through: the first change sets the link itself aside, under another name, and puts a file in its place,
//! with all that was kept.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::Flock;
use nix::sys::stat::{Mode, SFlag};
use serde::{Deserialize, Deserializer, Serialize};

use crate::kernel::directory::{self, DirectoryError, OpenDirectory};
use crate::lesson::quiz::AnswerMark;
use crate::notice::FileNotice;

const PROGRESS_FILE: &str = "progress.json";
const LOCK_FILE: &str = "progress.lock";
/// The size in bytes beyond which a file is not ours.
const MAX_SIZE: u64 = 4 * 1024 * 1024;
/// The longest that a lock is waited for while nobody else saves.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
const LOCK_PERIOD: Duration = Duration::from_millis(10);

/// The format this program writes. It reads the older ones: format 2 had no steps that were seen on a tape, format 1 no
/// steps by name.
const FORMAT_VERSION: u32 = 3;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    format: u32,
    /// The way that the learner has chosen; one that this version does not know counts as none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "known_way")]
    way: Option<LearningWay>,
    /// Lesson → how far: its id for one of the program's own, `own:ID` for one from a file, `challenge:ID` for a challenge
    /// (see `lesson_key`).
    lessons: BTreeMap<String, LessonProgress>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LessonProgress {
    /// Steps behind the learner, at the most, whether they were played or jumped over.
    /// `played` in the file, as it always was.
    #[serde(default, rename = "played")]
    pub reached: usize,
    /// Steps played with a version that did not note which ones.
    #[serde(default, skip_serializing_if = "is_zero")]
    unnamed: usize,
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
    pub mark: AnswerMark,
    pub tries: u32,
}

/// The way that somebody learns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LearningWay {
    /// Each step is shown, and tried by whoever likes to.
    #[default]
    #[serde(rename = "show")]
    Shown,
    /// Each step is typed, and shown to whoever asks.
    #[serde(rename = "type")]
    Typed,
}

fn known_way<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<LearningWay>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// The beginning of the key of a lesson from a file.
const OWN_PREFIX: &str = "own:";

/// The beginning of the key of a challenge.
const CHALLENGE_PREFIX: &str = "challenge:";

/// The origin of a lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LessonOrigin {
    /// One of the program's own.
    BuiltIn,
    File,
    /// One of the program's challenges.
    Challenge,
}

/// The name under which a lesson's progress is kept. One from a file has a name of its own, so that it and one of the
/// program's own with the same id know nothing of each other.
pub fn lesson_key(id: &str, origin: LessonOrigin) -> String {
    match origin {
        LessonOrigin::BuiltIn => id.to_owned(),
        LessonOrigin::File => format!("{OWN_PREFIX}{id}"),
        LessonOrigin::Challenge => format!("{CHALLENGE_PREFIX}{id}"),
    }
}

/// The way a step was done, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepHow {
    /// It was seen on a tape.
    OnTape,
    /// It was played.
    Watched,
    /// It was played after the learner had tried.
    Shown,
    WithHints,
    ByOneself,
}

impl LessonProgress {
    /// Steps that were played in a lab, whoever did them.
    pub fn steps_played(&self) -> usize {
        let noted = self.steps.values().filter(|step| step.how >= StepHow::Watched).count();
        noted.max(self.unnamed)
    }

    /// Steps that were seen on a tape alone.
    pub fn steps_on_tape(&self) -> usize {
        self.steps.values().filter(|step| step.how == StepHow::OnTape).count()
    }

    /// Steps done by typing, with hints or without.
    pub fn steps_done(&self) -> usize {
        self.steps.values().filter(|step| step.how >= StepHow::WithHints).count()
    }

    pub fn hint_count(&self) -> usize {
        self.steps.values().map(|step| step.hints).sum()
    }

    pub fn answers_marked(&self, mark: AnswerMark) -> usize {
        self.answers.values().filter(|answer| answer.mark == mark).count()
    }
}

impl Default for Progress {
    fn default() -> Self {
        Progress { format: FORMAT_VERSION, way: None, lessons: BTreeMap::new() }
    }
}

/// The reason why progress could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum ProgressError {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(
        "{} has been locked for {} seconds by {}: if that is stopped, let it go on (fg) or end it",
        path.display(), LOCK_TIMEOUT.as_secs(), holder.map_or_else(|| "another process".into(), |pid| format!("process {pid}"))
    )]
    Locked { path: PathBuf, holder: Option<i32> },
    #[error("could not {doing} {}: {error}", path.display())]
    Failed { doing: &'static str, path: PathBuf, error: io::Error },
}

/// The state of the progress file.
enum Kept {
    Nothing,
    File(Progress),
    /// A link, and what it leads to.
    Link(Progress),
    /// It can't be understood, or this version can't.
    Strange,
}

impl Progress {
    /// The progress in a directory, which stays as it is; and what there is to say of it.
    pub fn load(dir: &Path) -> (Progress, Option<FileNotice>) {
        let found = match OpenDirectory::find_private(dir) {
            Ok(Some(found)) => read(&found),
            Ok(None) => return (Progress::default(), None),
            Err(error) => Err(error.into()),
        };

        match found {
            Ok(Kept::Nothing) => (Progress::default(), None),
            Ok(Kept::File(progress) | Kept::Link(progress)) => (progress, None),
            Ok(Kept::Strange) => {
                let path = dir.join(PROGRESS_FILE).display().to_string();
                (Progress::default(), Some(FileNotice::ProgressStrange { path }))
            }
            Err(error) => {
                let said = FileNotice::ProgressNotRead { error: error.to_string() };
                (Progress::default(), Some(said))
            }
        }
    }

    /// The way that the learner has chosen, if ever.
    pub fn way(&self) -> Option<LearningWay> {
        self.way
    }

    pub fn note_way(&mut self, way: LearningWay) {
        self.way = Some(way);
    }

    /// True if nothing is kept: nobody was here before.
    pub fn is_empty(&self) -> bool {
        self.way.is_none() && self.lessons.is_empty()
    }

    /// The number of steps behind the learner; none where nothing of it was played live.
    pub fn reached_steps(&self, lesson: &str) -> Option<usize> {
        self.lessons.get(lesson).map(|progress| progress.reached).filter(|reached| *reached > 0)
    }

    /// Note how far the learner has come. The furthest counts: looking at an early step again takes nothing away.
    pub fn note_reached(&mut self, lesson: &str, reached: usize) {
        let known = self.lessons.entry(lesson.to_owned()).or_default();
        known.reached = known.reached.max(reached);
    }

    pub fn lesson(&self, lesson: &str) -> Option<&LessonProgress> {
        self.lessons.get(lesson)
    }

    /// Note a step. The best way it was done counts, and the most hints.
    pub fn note_step(&mut self, lesson: &str, step: &str, how: StepHow, hints: usize) {
        let known = self.lessons.entry(lesson.to_owned()).or_default();
        let step = known.steps.entry(step.to_owned()).or_insert(StepProgress { how, hints });
        *step = StepProgress { how: step.how.max(how), hints: step.hints.max(hints) };
    }

    /// Note an answer. The last one counts: who learnt it has learnt it.
    pub fn note_answer(&mut self, lesson: &str, question: &str, mark: AnswerMark) {
        let known = self.lessons.entry(lesson.to_owned()).or_default();
        let answer =
            known.answers.entry(question.to_owned()).or_insert(AnswerProgress { mark, tries: 0 });
        *answer = AnswerProgress { mark, tries: answer.tries.saturating_add(1) };
    }

    /// True if anything is kept of a lesson, or of any.
    pub fn has_some(&self, lesson: Option<&str>) -> bool {
        lesson.map_or(!self.is_empty(), |lesson| self.lessons.contains_key(lesson))
    }

    /// The lessons from files, by their ids.
    pub fn own_lessons(&self) -> impl Iterator<Item = (&str, &LessonProgress)> {
        self.kept_under(OWN_PREFIX)
    }

    /// The program's challenges, by their ids.
    pub fn challenges(&self) -> impl Iterator<Item = (&str, &LessonProgress)> {
        self.kept_under(CHALLENGE_PREFIX)
    }

    fn kept_under(&self, prefix: &'static str) -> impl Iterator<Item = (&str, &LessonProgress)> {
        let kept = self.lessons.iter();
        kept.filter_map(move |(key, known)| Some((key.strip_prefix(prefix)?, known)))
    }

    /// The numbers of steps and answers that are kept of a lesson, or of all.
    pub fn counts(&self, lesson: Option<&str>) -> (usize, usize) {
        let asked = self.lessons.iter().filter(|(key, _)| lesson.is_none_or(|one| one == *key));
        asked.fold((0, 0), |(steps, answers), (_, known)| {
            let noted = known.steps.len().max(known.unnamed);
            (steps + noted, answers + known.answers.len())
        })
    }

    /// Forget a lesson, or everything, the chosen way included. False when there was nothing.
    pub fn reset(&mut self, lesson: Option<&str>) -> bool {
        match lesson {
            Some(lesson) => self.lessons.remove(lesson).is_some(),
            None => !std::mem::take(self).is_empty(),
        }
    }

    /// Change what is kept in a directory, whoever else is at it: read, change, write, one at a time. Returns what is
    /// kept now, and what there is to say of it. What can't be read is not written over.
    pub fn update(
        dir: &Path,
        act: impl FnOnce(&mut Progress),
    ) -> Result<(Progress, Option<FileNotice>), ProgressError> {
        let dir = OpenDirectory::make_private(dir)?;
        let _lock = lock(&dir)?;
        remove_parts(&dir);

        let (mut progress, said) = match read(&dir)? {
            Kept::Nothing => (Progress::default(), None),
            Kept::File(progress) => (progress, None),
            Kept::Link(progress) => {
                let aside = set_aside(&dir)?;
                (progress, Some(FileNotice::LinkSetAside { file: PROGRESS_FILE.into(), aside }))
            }
            Kept::Strange => {
                let aside = set_aside(&dir)?;
                (Progress::default(), Some(FileNotice::ProgressSetAside { aside }))
            }
        };

        act(&mut progress);
        progress.save(&dir).map_err(|error| failed(&dir, "write", error))?;
        Ok((progress, said))
    }

    /// Write to a new file and put it in the old one's place.
    fn save(&self, dir: &OpenDirectory) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        dir.replace(OsStr::new(PROGRESS_FILE), Mode::S_IRUSR | Mode::S_IWUSR, |file| {
            file.write_all(&text)?;
            // On the disk before it takes the old one's name: a power cut must not leave an empty file.
            file.sync_all()
        })
    }
}

fn read(dir: &OpenDirectory) -> Result<Kept, ProgressError> {
    let name = OsStr::new(PROGRESS_FILE);
    let found = dir.stat(name).map_err(|error| failed(dir, "look at", error))?;
    let Some(found) = found else { return Ok(Kept::Nothing) };
    if directory::file_type(&found) == SFlag::S_IFLNK {
        // One that leads nowhere, or to another's file, holds nothing of ours; the link is kept all the same.
        let bytes = dir.read_through_link(name, MAX_SIZE).ok();
        return Ok(bytes.and_then(|bytes| parse(&bytes)).map_or(Kept::Strange, Kept::Link));
    }
    let bytes = dir.read(name, MAX_SIZE).map_err(|error| failed(dir, "read", error))?;
    Ok(bytes.map_or(Kept::Nothing, |bytes| parse(&bytes).map_or(Kept::Strange, Kept::File)))
}

fn parse(bytes: &[u8]) -> Option<Progress> {
    let mut progress: Progress = serde_json::from_slice(bytes).ok()?;
    if !(1..=FORMAT_VERSION).contains(&progress.format) {
        return None;
    }

    // Since format 2 each step that was played is noted; before, the number is all there is.
    if progress.format == 1 {
        for lesson in progress.lessons.values_mut() {
            lesson.unnamed = lesson.reached;
        }
    }

    Some(Progress { format: FORMAT_VERSION, ..progress })
}

fn failed(dir: &OpenDirectory, doing: &'static str, error: io::Error) -> ProgressError {
    ProgressError::Failed { doing, path: dir.path().join(PROGRESS_FILE), error }
}

/// Take the lock. Others may save one after the other, however many; a holder that does nothing is not waited for.
fn lock(dir: &OpenDirectory) -> Result<Flock<File>, ProgressError> {
    let (name, path) = (OsStr::new(LOCK_FILE), dir.path().join(LOCK_FILE));
    let saved = || {
        dir.stat(OsStr::new(PROGRESS_FILE))
            .ok()
            .flatten()
            .map(|found| (found.st_ino, found.st_ctime, found.st_ctime_nsec))
    };

    let mut seen = saved();
    let mut since = Instant::now();
    loop {
        let taken = dir.try_lock(name);
        let taken = taken.map_err(|error| ProgressError::Failed {
            doing: "lock",
            path: path.clone(),
            error,
        })?;
        if let Some(lock) = taken {
            return Ok(lock);
        }

        let now = saved();
        if now != seen {
            (seen, since) = (now, Instant::now());
        }

        if since.elapsed() >= LOCK_TIMEOUT {
            return Err(ProgressError::Locked { holder: dir.lock_holder(name), path });
        }
        std::thread::sleep(LOCK_PERIOD);
    }
}

/// Remove files that a killed save left. The lock is held: they are of nobody who still writes.
fn remove_parts(dir: &OpenDirectory) {
    let names = dir.names().unwrap_or_default();
    for part in names.iter().filter(|name| OpenDirectory::is_partial_of(name, PROGRESS_FILE)) {
        let _ = dir.remove(part);
    }
}

/// Give what is kept another name, which is returned; the lock is held, so that nobody else takes it.
fn set_aside(dir: &OpenDirectory) -> Result<String, ProgressError> {
    let failed = |error| failed(dir, "set aside", error);
    for number in 1..1000 {
        let aside = OsString::from(format!("{PROGRESS_FILE}.aside-{number}"));
        if dir.stat(&aside).map_err(failed)?.is_none() {
            dir.rename(OsStr::new(PROGRESS_FILE), &aside).map_err(failed)?;
            return Ok(dir.path().join(aside).display().to_string());
        }
    }
    Err(failed(io::Error::other("a thousand were set aside before")))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{FileTypeExt, symlink};

    use super::*;
    use crate::words::file_notice;

    #[test]
    fn the_chosen_way_is_kept_and_one_that_is_not_known_loses_nothing() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(Progress::load(dir.path()).0.is_empty());
        Progress::update(dir.path(), |progress| progress.note_way(LearningWay::Typed))
            .expect("saved");
        Progress::update(dir.path(), |progress| progress.note_reached("build", 4)).expect("saved");

        let file = dir.path().join(PROGRESS_FILE);
        let text = fs::read_to_string(&file).expect("a file");
        assert!(text.contains(r#""way": "type""#), "{text}");
        let (kept, said) = Progress::load(dir.path());
        assert_eq!((kept.way(), said), (Some(LearningWay::Typed), None));

        for strange in [r#""way": "dance""#, r#""way": 7"#, r#""way": null"#] {
            fs::write(&file, text.replace(r#""way": "type""#, strange)).expect("written");
            let (kept, said) = Progress::load(dir.path());
            assert_eq!((kept.way(), kept.reached_steps("build")), (None, Some(4)), "{strange}");
            assert_eq!((kept.is_empty(), said), (false, None));
        }

        let mut kept = kept;
        assert!(kept.reset(None) && kept.is_empty() && !kept.reset(None));
    }

    #[test]
    fn progress_comes_back_as_it_was_saved() {
        let dir = tempfile::tempdir().expect("a directory");
        let change = |act: fn(&mut Progress)| Progress::update(dir.path(), act).expect("saved");
        change(|progress| progress.note_reached("build", 4));
        change(|progress| progress.note_reached("build", 2));
        change(|progress| progress.note_step("build", "hostname", StepHow::WithHints, 2));
        change(|progress| progress.note_step("build", "hostname", StepHow::Watched, 0));
        change(|progress| progress.note_answer("build", "q", AnswerMark::Wrong));
        change(|progress| progress.note_answer("build", "q", AnswerMark::Right));

        let (read, said) = Progress::load(dir.path());
        let lesson = read.lesson("build").expect("it is there");
        assert_eq!(
            (lesson.reached, lesson.steps_done(), lesson.hint_count(), said),
            (4, 1, 2, None)
        );
        assert_eq!(lesson.answers["q"], AnswerProgress { mark: AnswerMark::Right, tries: 2 });
        assert_eq!(read.lesson("other"), None);

        let names: Vec<_> = fs::read_dir(dir.path())
            .expect("a listing")
            .flatten()
            .map(|one| one.file_name())
            .collect();
        assert_eq!(names.len(), 2, "no other file is left: {names:?}");

        change(|progress| assert!(progress.reset(Some("build")) && !progress.reset(None)));
        assert_eq!(Progress::load(dir.path()).0, Progress::default());
    }

    #[test]
    fn what_an_earlier_version_kept_is_read() {
        let kept = [
            // Format 1 had the number alone; format 2 noted each step that was played, and counted jumps as well.
            (r#"{"format":1,"lessons":{"build":{"played":3}}}"#, (Some(3), 3)),
            (
                r#"{"format":2,"lessons":{"build":{"played":9,"steps":{
                    "rootfs":{"how":"watched","hints":0},"bind":{"how":"by_oneself","hints":0}}}}}"#,
                (Some(9), 2),
            ),
        ];
        for (text, expected) in kept {
            let dir = tempfile::tempdir().expect("a directory");
            fs::write(dir.path().join("progress.json"), text).expect("a file");
            let (progress, said) = Progress::load(dir.path());
            let played = progress.lesson("build").expect("it is there").steps_played();
            assert_eq!((progress.reached_steps("build"), played), expected, "{said:?}");

            // And again once this version has written it.
            Progress::update(dir.path(), |progress| progress.note_reached("other", 1))
                .expect("saved");
            let (progress, _) = Progress::load(dir.path());
            let played = progress.lesson("build").expect("it is there").steps_played();
            assert_eq!((progress.reached_steps("build"), played), expected);
        }
    }

    #[test]
    fn a_jump_is_not_played_and_a_tape_is_watched() {
        let mut progress = Progress::default();
        progress.note_reached("build", 9);
        progress.note_step("build", "rootfs", StepHow::OnTape, 0);
        let counts = |progress: &Progress| {
            let lesson = progress.lesson("build").expect("it is there");
            (lesson.steps_played(), lesson.steps_on_tape())
        };
        assert_eq!((progress.reached_steps("build"), counts(&progress)), (Some(9), (0, 1)));

        // Played live it is more than seen; seen once more it is no less.
        progress.note_step("build", "rootfs", StepHow::Watched, 0);
        progress.note_step("build", "rootfs", StepHow::OnTape, 0);
        assert_eq!(counts(&progress), (1, 0));

        let own = lesson_key("build", LessonOrigin::File);
        assert_eq!(progress.lesson(&own), None, "a lesson from a file is another");
    }

    #[test]
    fn many_at_once_lose_nothing() {
        let dir = tempfile::tempdir().expect("a directory");
        std::thread::scope(|scope| {
            for number in 0..8 {
                let dir = dir.path();
                scope.spawn(move || {
                    Progress::update(dir, |progress| {
                        progress.note_reached(&format!("lesson-{number}"), 1)
                    })
                    .expect("saved");
                });
            }
        });
        assert_eq!(Progress::load(dir.path()).0.lessons.len(), 8);
    }

    #[test]
    fn a_corrupt_or_newer_file_is_set_aside_and_said() {
        for text in ["", "{", "null", "{\"format\":4,\"lessons\":{}}"] {
            let dir = tempfile::tempdir().expect("a directory");
            fs::write(dir.path().join(PROGRESS_FILE), text).expect("a file");
            let (progress, said) = Progress::load(dir.path());
            assert_eq!(progress, Progress::default());
            assert!(
                said.is_some_and(|said| file_notice(&said).contains("could not be understood")),
                "{text}"
            );
            assert_eq!(
                fs::read_to_string(dir.path().join(PROGRESS_FILE)).expect("as it was"),
                text
            );

            let (_, said) =
                Progress::update(dir.path(), |progress| progress.note_reached("build", 1))
                    .expect("saved");
            assert!(said.is_some_and(|said| file_notice(&said).contains("aside-1")), "{text}");
            assert_eq!(
                fs::read_to_string(dir.path().join("progress.json.aside-1")).expect("kept"),
                text
            );
            assert_eq!(Progress::load(dir.path()).0.reached_steps("build"), Some(1));
        }
    }

    #[test]
    fn a_link_is_read_through_and_set_aside_and_nothing_is_lost() {
        let dir = tempfile::tempdir().expect("a directory");
        let at = |name: &str| dir.path().join(name);
        let kept = r#"{"format":2,"lessons":{"build":{"played":3}}}"#;
        fs::create_dir(at("dotfiles")).expect("made");
        fs::create_dir(at("state")).expect("made");
        fs::write(at("dotfiles/progress.json"), kept).expect("a file");
        symlink("../dotfiles/progress.json", at("state/progress.json")).expect("a link");

        let (progress, said) = Progress::load(&at("state"));
        assert_eq!((progress.reached_steps("build"), said), (Some(3), None));
        let (progress, said) =
            Progress::update(&at("state"), |progress| progress.note_reached("other", 1))
                .expect("saved");
        assert_eq!(
            (progress.reached_steps("build"), progress.reached_steps("other")),
            (Some(3), Some(1))
        );
        assert!(
            said.is_some_and(|said| file_notice(&said).contains("was a link, which is kept as"))
        );
        assert_eq!(fs::read_to_string(at("dotfiles/progress.json")).expect("as it was"), kept);
        let aside = fs::read_link(at("state/progress.json.aside-1")).expect("the link");
        assert_eq!(aside, Path::new("../dotfiles/progress.json"));
        assert_eq!(Progress::load(&at("state")).0.lessons.len(), 2);
    }

    #[test]
    fn a_link_to_what_is_not_progress_changes_nothing_there() {
        for (target, text) in [("precious", "not progress"), ("dangling", "")] {
            let dir = tempfile::tempdir().expect("a directory");
            let target = dir.path().join(target);
            if !text.is_empty() {
                fs::write(&target, text).expect("a file");
            }
            symlink(&target, dir.path().join(PROGRESS_FILE)).expect("a link");
            Progress::update(dir.path(), |progress| progress.note_reached("build", 1))
                .expect("saved");
            assert_eq!(fs::read_to_string(&target).unwrap_or_default(), text);
            assert_eq!(
                fs::read_link(dir.path().join("progress.json.aside-1")).expect("the link"),
                target
            );

            // In the lock's place there is nothing to keep: it is said, and nothing is saved.
            fs::remove_file(dir.path().join(LOCK_FILE)).expect("the lock");
            symlink(&target, dir.path().join(LOCK_FILE)).expect("a link");
            let refused =
                Progress::update(dir.path(), |progress| progress.note_reached("build", 2))
                    .expect_err("a link");
            assert!(refused.to_string().contains("progress.lock is a link"), "{refused}");
            assert_eq!(fs::read_to_string(&target).unwrap_or_default(), text);
        }
    }

    #[test]
    fn a_file_that_can_not_be_read_is_not_written_over() {
        let dir = tempfile::tempdir().expect("a directory");
        nix::unistd::mkfifo(&dir.path().join(PROGRESS_FILE), Mode::S_IRWXU).expect("a pipe");
        let refused = Progress::update(dir.path(), |progress| progress.note_reached("build", 1))
            .expect_err("it is no file");
        assert!(refused.to_string().contains("could not read"), "{refused}");
        assert!(
            Progress::load(dir.path())
                .1
                .is_some_and(|said| file_notice(&said).contains("is no file"))
        );
        let metadata = fs::symlink_metadata(dir.path().join(PROGRESS_FILE)).expect("still there");
        assert!(metadata.file_type().is_fifo());
    }

    #[test]
    fn a_lock_that_another_holds_is_given_up_with_a_sentence() {
        let home = tempfile::tempdir().expect("a directory");
        Progress::update(home.path(), |progress| progress.note_reached("build", 1)).expect("saved");
        let dir = OpenDirectory::find_private(home.path()).expect("ours").expect("it is there");
        let held = dir.try_lock(OsStr::new(LOCK_FILE)).expect("no error").expect("it is free");

        let refused = Progress::update(home.path(), |progress| progress.note_reached("build", 2))
            .expect_err("it is held");
        assert!(
            refused.to_string().contains("progress.lock has been locked for 2 seconds by "),
            "{refused}"
        );
        assert_eq!(Progress::load(home.path()).0.reached_steps("build"), Some(1));

        drop(held);
        Progress::update(home.path(), |progress| progress.note_reached("build", 2)).expect("saved");
    }

    #[test]
    fn what_a_killed_save_left_is_removed_by_the_next() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join(".progress.json.7-8.part"), "half").expect("a file");
        Progress::update(dir.path(), |progress| progress.note_reached("build", 1)).expect("saved");
        assert!(!dir.path().join(".progress.json.7-8.part").exists());
    }
}
