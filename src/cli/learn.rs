//! `unboxed` and `unboxed learn`: the screen, with engines behind it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, mpsc};

use anyhow::bail;

use super::{facts, open_lesson, program};
use crate::app::CatalogueRow;
use crate::doctor::{Facts, Playable, can_play};
use crate::engine::play;
use crate::engine::session::{Session, SessionOptions};
use crate::lesson::catalogue;
use crate::lesson::model::Lesson;
use crate::progress::{self, Progress};
use crate::tui::{self, Backstage, EngineLink, TuiOptions};

/// Without a name: the catalogue.
pub fn learn(name: Option<&str>, ascii: bool) -> anyhow::Result<ExitCode> {
    // Errors in what was typed come before the screen is touched.
    let asked = name.map(open_lesson).transpose()?;
    let facts = facts();
    if let Some(lesson) = &asked
        && let Playable::No { why, cure } = can_play(&lesson.needs, &facts)
    {
        bail!("{} can't play here: {why}. To change that: {cure}", lesson.id);
    }
    let dir = progress::directory();
    let (progress, notice) = dir.as_deref().map_or((Progress::default(), None), Progress::load);
    let lessons = catalogue::all()?;
    let rows = lessons.iter().map(|lesson| row(lesson, &facts, &progress)).collect();
    let open = asked.as_ref().map(|lesson| lesson.id.clone());
    let mut known = lessons;
    if let Some(lesson) = asked.filter(|lesson| known.iter().all(|one| one != lesson)) {
        known.retain(|one| one.id != lesson.id);
        known.push(lesson);
    }
    let mut backstage = Engines { lessons: known, facts, progress, dir };
    let options = TuiOptions { ascii, catalogue: rows, open, notice, copy_file: copy_file() };
    tui::run(options, &mut backstage)?;
    Ok(ExitCode::SUCCESS)
}

fn copy_file() -> Option<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let dir = runtime.map(|dir| dir.join("unboxed")).or_else(progress::directory)?;
    Some(dir.join("copied.txt"))
}

fn row(lesson: &Lesson, facts: &Facts, progress: &Progress) -> CatalogueRow {
    let blocked = match can_play(&lesson.needs, facts) {
        Playable::Live => None,
        Playable::No { why, cure } => Some((why, cure)),
    };
    let is_left_out = |needs| can_play(needs, facts) != Playable::Live;
    CatalogueRow {
        number: lesson.number,
        id: lesson.id.clone(),
        title: lesson.title.clone(),
        summary: lesson.summary.clone(),
        minutes: lesson.minutes,
        steps: lesson.steps.len(),
        blocked,
        left_out: lesson.steps.iter().filter(|step| is_left_out(&step.needs)).map(|step| step.title.clone()).collect(),
        left_off: progress.played(&lesson.id),
    }
}

/// Starts an engine per lesson, and keeps the progress.
struct Engines {
    lessons: Vec<Lesson>,
    facts: Facts,
    progress: Progress,
    dir: Option<PathBuf>,
}

impl Backstage for Engines {
    fn open(&mut self, id: &str) -> anyhow::Result<EngineLink> {
        let Some(lesson) = self.lessons.iter().find(|lesson| lesson.id == id) else {
            bail!("there is no lesson `{id}`")
        };
        let lesson = Arc::new(lesson.clone());
        let left_off = self.progress.played(id).filter(|played| *played < lesson.steps.len()).unwrap_or(0);
        let (requests, for_engine) = mpsc::channel();
        let (to_front, events) = mpsc::channel();
        let (facts, own) = (self.facts.clone(), Arc::clone(&lesson));
        let options = SessionOptions { program: program().to_path_buf(), spare: true };
        let thread = std::thread::spawn(move || {
            play::serve(|| Session::open(own, facts, &options), &for_engine, &to_front);
        });
        Ok(EngineLink { lesson, requests, events, thread, left_off })
    }

    fn remember(&mut self, lesson: &str, played: usize) -> Option<String> {
        self.progress.note(lesson, played);
        let dir = self.dir.as_deref()?;
        let error = self.progress.save(dir).err()?;
        // Said once: from now on it is kept in memory only.
        self.dir = None;
        Some(format!("progress can't be kept: {error}"))
    }
}
