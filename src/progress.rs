//! How far a learner got: a small file in the XDG state directory, replaced as a whole, never lost.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The format this program writes.
const FORMAT: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    format: u32,
    /// Lesson id → how far.
    lessons: BTreeMap<String, LessonProgress>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LessonProgress {
    /// Steps played when the learner was there last.
    pub played: usize,
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
            Ok(progress) if progress.format == FORMAT => (progress, None),
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

    /// Write to a new file and put it in the old one's place.
    pub fn save(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)?;
        let new = dir.join(format!("progress.json.{}", std::process::id()));
        let written = fs::write(&new, serde_json::to_vec_pretty(self)?)
            .and_then(|()| fs::rename(&new, dir.join("progress.json")));
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
        let mut progress = Progress::default();
        progress.note("build", 4);
        progress.note("build", 2);
        progress.save(dir.path()).expect("saved");
        let (read, said) = Progress::load(dir.path());
        assert_eq!((read.played("build"), read.played("other"), said), (Some(4), None, None));
        assert_eq!(fs::read_dir(dir.path()).expect("a listing").count(), 1, "no other file is left");
    }

    #[test]
    fn a_corrupt_or_newer_file_is_set_aside_and_said() {
        for text in ["", "{", "null", "{\"format\":2,\"lessons\":{}}"] {
            let dir = tempfile::tempdir().expect("a directory");
            fs::write(dir.path().join("progress.json"), text).expect("a file");
            let (progress, said) = Progress::load(dir.path());
            assert_eq!(progress, Progress::default());
            assert!(said.is_some_and(|said| said.contains("aside-1")), "{text}");
            assert_eq!(fs::read_to_string(dir.path().join("progress.json.aside-1")).expect("kept"), text);
        }
    }
}
