//! `unboxed` and `unboxed learn`: the screen, with engines behind it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, mpsc};

use anyhow::bail;
use clap::Args;

use super::saver::Saver;
use super::{door, facts, open_lesson, program};
use crate::app::exam::Exam;
use crate::app::{CatalogueRow, Note};
use crate::doctor::{Facts, Playable, can_play};
use crate::engine::play;
use crate::engine::session::{Session, SessionOptions};
use crate::lesson::catalogue;
use crate::lesson::model::Lesson;
use crate::lesson::quiz::Mark;
use crate::progress::{self, Progress};
use crate::tui::{self, Backstage, EngineLink, TuiOptions};

/// How the screen is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct LearnOptions {
    /// Borders and trees in ASCII
    #[arg(long)]
    pub ascii: bool,
    /// Every step is yours: type it in a shell
    #[arg(long)]
    pub your_turn: bool,
}

#[derive(Debug, Args)]
pub struct QuizArguments {
    /// A lesson's id, its number, or a YAML file
    #[arg(required_unless_present = "all")]
    pub lesson: Option<String>,
    /// The questions of every lesson
    #[arg(long, conflicts_with = "lesson")]
    pub all: bool,
    /// Shuffle questions and answers; the same number gives the same order
    #[arg(long, value_name = "SEED")]
    pub shuffle: Option<u64>,
    /// Borders and trees in ASCII
    #[arg(long)]
    pub ascii: bool,
}

/// Without a name: the catalogue.
pub fn learn(name: Option<&str>, options: LearnOptions) -> anyhow::Result<ExitCode> {
    // Errors in what was typed come before the screen is touched.
    let asked = name.map(open_lesson).transpose()?;
    let open = asked.as_ref().map(|lesson| lesson.id.clone());
    screen(asked, open, options, None)
}

/// Ask the questions of one lesson, or of all.
pub fn quiz(arguments: &QuizArguments) -> anyhow::Result<ExitCode> {
    let asked = arguments.lesson.as_deref().map(open_lesson).transpose()?;
    let mut lessons: Vec<String> = match &asked {
        Some(lesson) if lesson.questions().next().is_none() => bail!("{} has no questions", lesson.id),
        Some(lesson) => vec![lesson.id.clone()],
        None => {
            let facts = facts();
            let plays = |lesson: &&Lesson| can_play(&lesson.needs, &facts) == Playable::Live;
            let all = catalogue::all()?;
            let asking = all.iter().filter(|lesson| lesson.questions().next().is_some());
            asking.filter(plays).map(|lesson| lesson.id.clone()).collect()
        }
    };
    if lessons.is_empty() {
        bail!("no lesson with questions plays here (`unboxed doctor` says why)");
    }
    let first = lessons.remove(0);
    // Seed 0 would mean "in order".
    let exam = Exam { lessons, seed: arguments.shuffle.map(|seed| seed.max(1)), results: Vec::new() };
    let options = LearnOptions { ascii: arguments.ascii, your_turn: false };
    screen(asked, Some(first), options, Some(exam))
}

fn screen(
    asked: Option<Lesson>,
    open: Option<String>,
    options: LearnOptions,
    exam: Option<Exam>,
) -> anyhow::Result<ExitCode> {
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
    let mut known = lessons;
    if let Some(lesson) = asked.filter(|lesson| known.iter().all(|one| one != lesson)) {
        known.retain(|one| one.id != lesson.id);
        known.push(lesson);
    }
    let mut backstage = Engines { lessons: known, facts, progress, saver: Saver::start(dir) };
    let options = TuiOptions {
        ascii: options.ascii,
        catalogue: rows,
        open,
        notice,
        copy_file: copy_file(),
        your_turn: options.your_turn,
        exam,
    };
    tui::run(options, &mut backstage)?;
    Ok(ExitCode::SUCCESS)
}

fn copy_file() -> Option<PathBuf> {
    Some(door::directory()?.join("copied.txt"))
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
        learnt: learnt(lesson, progress),
    }
}

fn learnt(lesson: &Lesson, progress: &Progress) -> String {
    let known = progress.lesson(&lesson.id);
    let (done, right) = known.map_or((0, 0), |known| (known.done(), known.marked(Mark::Right)));
    match lesson.questions().count() {
        _ if done == 0 && right == 0 => String::new(),
        0 => format!("by hand {done}"),
        questions => format!("by hand {done}, quiz {right}/{questions}"),
    }
}

/// Starts an engine per lesson, and keeps the progress.
struct Engines {
    lessons: Vec<Lesson>,
    facts: Facts,
    progress: Progress,
    saver: Saver,
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
        // Without a door `unboxed shell` finds nothing; that is no reason not to learn.
        let door = door::open();
        let thread = std::thread::spawn(move || {
            let (_door, visits) = match door {
                Ok((door, visits)) => (Some(door), visits),
                Err(_) => (None, mpsc::channel().1),
            };
            play::serve(|| Session::open(own, facts, &options), &for_engine, &visits, &to_front);
        });
        Ok(EngineLink { lesson, requests, events, thread, left_off })
    }

    fn remember(&mut self, lesson: &str, note: &Note) -> Option<String> {
        if let Note::Played(played) = note {
            self.progress.note(lesson, *played);
        }
        self.saver.remember(lesson, note)
    }
}
