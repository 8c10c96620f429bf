//! `unboxed` and `unboxed learn`: the screen, with engines behind it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, mpsc};

use anyhow::{Context, bail};
use clap::Args;

use super::consent::{self, ConsentOption};
use super::learn_options::{LabOptions, LearnOptions};
use super::new_file;
use super::progress_writer::ProgressWriter;
use super::settings::{self, ScreenOptions};
use super::{check_live, complain, facts, open_lesson, program, record, shell_socket};
use crate::app::exam::Exam;
use crate::app::{CatalogueRow, PlaySource, ProgramStart, ProgressNote};
use crate::diagnosis::Playable;
use crate::doctor::{Facts, can_play};
use crate::engine::options::SessionOptions;
use crate::engine::session::Session;
use crate::engine::{events, play, requests};
use crate::kernel::home;
use crate::lesson::catalogue;
use crate::lesson::model::Lesson;
use crate::lesson::quiz::AnswerMark;
use crate::lesson::warm_up::{self, PastAnswer, PastAnswers};
use crate::notice::{FileNotice, Notice};
use crate::progress::{self, AnswerProgress, LearningWay, LessonOrigin, LessonProgress, Progress};
use crate::tape::{Tape, embedded, player};
use crate::tui::{self, AppServices, EngineLink, TuiOptions};
use crate::words;

#[derive(Debug, Args)]
pub struct QuizArguments {
    /// A lesson's id, number or title, or a YAML file (without one: choose)
    pub lesson: Option<String>,
    /// The questions of every lesson
    #[arg(long, conflicts_with = "lesson")]
    pub all: bool,
    /// Shuffle questions and answers; the same number gives the same order
    #[arg(long, value_name = "SEED")]
    pub shuffle: Option<u64>,
    #[command(flatten)]
    pub screen: ScreenOptions,
    #[command(flatten)]
    pub consent: ConsentOption,
}

/// Open the screen with a lesson; without a name, with the catalogue.
pub fn learn(name: Option<&str>, options: &LearnOptions) -> anyhow::Result<ExitCode> {
    // Errors in what was typed come before the screen is touched.
    let mut file = options.tape.clone().flatten();
    let mut asked = name.map(open_lesson).transpose()?;

    if let (None, Some(given)) = (&asked, &file) {
        let (lesson, tape) = record::lesson_of_tape(given)?;
        asked = Some(lesson);
        file = tape;
    }

    let start_at = match options.chapter {
        Some(number) => Some(chapter_start(asked.as_ref(), number)?),
        None => None,
    };
    let open = asked.as_ref().map(|lesson| lesson.id.clone());
    let source = if options.tape.is_some() { PlaySource::Tape } else { PlaySource::Lab };
    let consent = match (&asked, name, source) {
        (Some(lesson), Some(name), PlaySource::Lab) => to_agree_to(name, lesson, options.consent),
        _ => None,
    };

    let setting = Setting {
        screen: options.screen.clone(),
        way: match options.way() {
            Some(way) => AskedWay::Is(way),
            // There is nothing to type into a tape.
            None if source == PlaySource::Tape => AskedWay::Is(LearningWay::Shown),
            None => AskedWay::AsKept,
        },
        source,
        tape: file,
        lab: options.lab()?,
        start_at,
        exam: None,
        consent,
        origin: LessonOrigin::File,
    };
    screen(asked, open, setting)
}

/// Steps before a chapter, by its number from 1.
fn chapter_start(lesson: Option<&Lesson>, number: usize) -> anyhow::Result<usize> {
    let Some(lesson) = lesson else {
        bail!("--chapter needs a lesson: unboxed learn LESSON --chapter 2")
    };
    let chapters = lesson.chapters();
    match number.checked_sub(1).and_then(|place| chapters.get(place)) {
        Some(chapter) => Ok(chapter.steps.start),
        None if chapters.is_empty() => bail!("{} has no chapters", lesson.id),
        None => {
            let titles =
                (1..).zip(&chapters).map(|(number, one)| format!("{number} {}", one.title));
            let titles: Vec<String> = titles.collect();
            bail!("{} has no chapter {number}, only {}", lesson.id, titles.join(", "))
        }
    }
}

/// Ask the questions of one lesson, or of all.
pub fn quiz(arguments: &QuizArguments) -> anyhow::Result<ExitCode> {
    let asked = arguments.lesson.as_deref().map(open_lesson).transpose()?;
    let mut lessons: Vec<String> = match &asked {
        Some(lesson) if lesson.questions().next().is_none() => {
            bail!("{} has no questions", lesson.id)
        }
        Some(lesson) => vec![lesson.id.clone()],
        // The learner chooses, on the screen.
        None if !arguments.all => Vec::new(),
        None => {
            let facts = facts();
            let plays = |lesson: &&Lesson| can_play(&lesson.needs, &facts) == Playable::Live;
            let all = catalogue::all_lessons()?;
            let asking = all.iter().filter(|lesson| lesson.questions().next().is_some());
            asking.filter(plays).map(|lesson| lesson.id.clone()).collect()
        }
    };

    if lessons.is_empty() && arguments.all {
        bail!("no lesson with questions plays here (`unboxed doctor` says why)");
    }

    let first = (!lessons.is_empty()).then(|| lessons.remove(0));
    let exam = Some(Exam { lessons, seed: arguments.shuffle, results: Vec::new() });

    let consent = arguments
        .lesson
        .as_deref()
        .zip(asked.as_ref())
        .and_then(|(name, lesson)| to_agree_to(name, lesson, arguments.consent));
    let setting = Setting {
        screen: arguments.screen.clone(),
        way: AskedWay::Is(LearningWay::Shown),
        source: PlaySource::Lab,
        tape: None,
        lab: LabOptions::default(),
        start_at: None,
        exam,
        consent,
        origin: LessonOrigin::File,
    };
    screen(asked, first, setting)
}

/// Open the screen with a challenge: there is nothing to be shown, so every step is typed.
pub(super) fn challenge(
    lesson: Lesson,
    origin: LessonOrigin,
    screen_options: &ScreenOptions,
    consent: Option<Vec<String>>,
) -> anyhow::Result<ExitCode> {
    let open = Some(lesson.id.clone());
    let setting = Setting {
        screen: screen_options.clone(),
        way: AskedWay::Is(LearningWay::Typed),
        source: PlaySource::Lab,
        tape: None,
        lab: LabOptions::default(),
        start_at: None,
        exam: None,
        consent,
        origin,
    };
    screen(Some(lesson), open, setting)
}

/// The way that the screen is opened, whichever command opens it.
struct Setting {
    screen: ScreenOptions,
    way: AskedWay,
    source: PlaySource,
    /// A tape that is not the program's own.
    tape: Option<PathBuf>,
    lab: LabOptions,
    /// Steps that are played before the screen begins with the next one.
    start_at: Option<usize>,
    exam: Option<Exam>,
    consent: Option<Vec<String>>,
    /// Of the lesson that is asked for, where it is none of the catalogue's.
    origin: LessonOrigin,
}

/// The way to learn, as a command asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AskedWay {
    Is(LearningWay),
    /// The one that is kept; whoever was never here before is asked.
    AsKept,
}

impl AskedWay {
    /// The way, and whether it is asked for on the screen. What was kept and can't be read is no reason to ask.
    fn resolve(self, kept: &Progress, notice: Option<&Notice>) -> (LearningWay, ProgramStart) {
        match self {
            AskedWay::Is(way) => (way, ProgramStart::Later),
            AskedWay::AsKept if kept.is_empty() && notice.is_none() => {
                (LearningWay::default(), ProgramStart::First)
            }
            AskedWay::AsKept => (kept.way().unwrap_or_default(), ProgramStart::Later),
        }
    }
}

/// The question on the screen before a lesson file is played live.
pub(super) fn to_agree_to(
    name: &str,
    lesson: &Lesson,
    consent: ConsentOption,
) -> Option<Vec<String>> {
    (!consent.yes && consent::needs_consent(name, lesson))
        .then(|| consent::consent_lines(name, lesson))
}

fn screen(
    asked: Option<Lesson>,
    open: Option<String>,
    setting: Setting,
) -> anyhow::Result<ExitCode> {
    let facts = facts();
    // Before the screen is taken: why it can't be played is said on the command line.
    if let Some(lesson) = &asked {
        match setting.source {
            PlaySource::Tape => {
                drop(record::tape_of_lesson(lesson, setting.tape.as_deref(), &facts)?)
            }
            PlaySource::Lab => check_live(lesson, &facts, Some("see its tape: unboxed learn"))?,
        }
    }

    let (setup, mistake) = settings::screen_setup(&setting.screen)?;
    let dir = home::state_directory();
    let (progress, notice) = match &dir {
        Some(dir) => {
            let (progress, said) = Progress::load(dir);
            (progress, said.map(Notice::File))
        }
        None => (Progress::default(), Some(Notice::NoHome)),
    };

    let (way, start) = setting.way.resolve(&progress, notice.as_ref());

    let lessons = catalogue::all_lessons()?;
    let rows = lessons.iter().map(|lesson| row(lesson, &facts, &progress)).collect();
    // A lesson from a file takes the place of the program's own that has its id.
    let mut known = lessons;
    let mut own = None;
    if let Some(lesson) = asked.filter(|lesson| known.iter().all(|one| one != lesson)) {
        own = Some((lesson.id.clone(), setting.origin));
        known.retain(|one| one.id != lesson.id);
        known.push(lesson);
    }

    let mut engines = Engines {
        lessons: known,
        facts,
        own,
        progress,
        writer: ProgressWriter::start(dir),
        tape: setting.tape,
        lab: setting.lab,
        start_at: setting.start_at,
    };
    let options = TuiOptions {
        setup,
        catalogue: rows,
        open,
        notice: mistake.or(notice),
        copy_directory: home::runtime_directory(),
        way,
        start,
        source: setting.source,
        talk: None,
        exam: setting.exam,
        consent: setting.consent,
    };

    let shown = tui::run(options, &mut engines);
    if let Some(said) = engines.writer.finish_writing() {
        complain(&words::file_notice(&said));
    }
    shown.map(|()| ExitCode::SUCCESS)
}

fn row(lesson: &Lesson, facts: &Facts, progress: &Progress) -> CatalogueRow {
    let blocked = match can_play(&lesson.needs, facts) {
        Playable::Live => None,
        Playable::No { why, cure } => Some((why, cure)),
    };
    let is_left_out = |needs| can_play(needs, facts) != Playable::Live;

    let left_out: Vec<String> = lesson
        .steps
        .iter()
        .filter(|step| is_left_out(&step.needs))
        .map(|step| step.title.clone())
        .collect();
    let played = progress.lesson(&lesson.id).map_or(0, LessonProgress::steps_played);
    // What is not possible here was not played, and is not missed.
    let is_played = played > 0 && played + left_out.len() >= lesson.steps.len();

    CatalogueRow {
        blocked,
        has_tape: embedded::has_tape(&lesson.id),
        left_out,
        left_off: progress.reached_steps(&lesson.id),
        is_played,
        learnt: learnt(lesson, progress),
        ..CatalogueRow::of_lesson(lesson)
    }
}

fn learnt(lesson: &Lesson, progress: &Progress) -> String {
    let known = progress.lesson(&lesson.id);
    let (done, right) =
        known.map_or((0, 0), |known| (known.steps_done(), known.answers_marked(AnswerMark::Right)));
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
    /// The lesson that is none of the catalogue's, by its id.
    own: Option<(String, LessonOrigin)>,
    progress: Progress,
    writer: ProgressWriter,
    /// A tape that is not the program's own.
    tape: Option<PathBuf>,
    lab: LabOptions,
    /// Steps that are played before the first lesson that is opened begins with the next one.
    start_at: Option<usize>,
}

impl Engines {
    /// The name under which the progress of a lesson is kept.
    fn progress_key(&self, lesson: &str) -> String {
        let own = self.own.as_ref().filter(|(id, _)| id == lesson);
        let origin = own.map_or(LessonOrigin::BuiltIn, |(_, origin)| *origin);
        progress::lesson_key(lesson, origin)
    }
}

impl PastAnswers for Engines {
    fn answer(&self, lesson: &Lesson, question: &str) -> Option<PastAnswer> {
        let known = self.progress.lesson(&self.progress_key(&lesson.id))?;
        let AnswerProgress { mark, tries } = *known.answers.get(question)?;
        Some(PastAnswer { mark, tries })
    }

    fn has_begun(&self, lesson: &Lesson) -> bool {
        let known = self.progress.lesson(&self.progress_key(&lesson.id));
        known.is_some_and(|known| known.reached > 0 || known.steps_on_tape() > 0)
    }
}

impl AppServices for Engines {
    fn open_lesson(&mut self, id: &str, from: PlaySource) -> anyhow::Result<EngineLink> {
        let Some(lesson) = self.lessons.iter().find(|lesson| lesson.id == id) else {
            bail!("there is no lesson `{id}`")
        };
        let lesson = Arc::new(lesson.clone());
        let warm_up = warm_up::choose(&lesson, &self.lessons, self);
        let start_at = self.start_at.take();
        if from == PlaySource::Tape {
            let tape = record::tape_of_lesson(&lesson, self.tape.as_deref(), &self.facts)?;
            return Ok(EngineLink { warm_up, start_at, ..play_tape(lesson, tape, &self.facts)? });
        }

        let left_off = self
            .progress
            .reached_steps(&self.progress_key(id))
            .filter(|played| *played < lesson.steps.len())
            .unwrap_or(0);
        let (requests, for_engine) = requests::channel().context("could not set up the engine")?;
        let (to_front, events) = events::channel();
        let (facts, own) = (self.facts.clone(), Arc::clone(&lesson));
        let LabOptions { image, own_calls } = self.lab.clone();
        let options = SessionOptions { image, own_calls, ..SessionOptions::with_spare(program()) };

        // Without a socket `unboxed shell` finds nothing; that is no reason not to learn.
        let shell_listener = shell_socket::listen();
        let thread = std::thread::spawn(move || {
            let (_shell_listener, pending_shells) = match shell_listener {
                Ok((shell_listener, pending_shells)) => (Some(shell_listener), pending_shells),
                Err(_) => (None, mpsc::channel().1),
            };
            let open = |waiting| Session::open_waiting(own, facts, &options, waiting);
            play::run_engine(open, &for_engine, &pending_shells, &to_front);
        });

        let tape = None;
        Ok(EngineLink { lesson, requests, events, thread, left_off, tape, warm_up, start_at })
    }

    fn keep_consent(&mut self, lesson: &str) -> Option<FileNotice> {
        consent::keep_consent(self.lessons.iter().find(|known| known.id == lesson)?)
    }

    fn save_text(&mut self, name: &str, text: &str) -> Result<String, String> {
        let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        new_file::write_new(&here, name, text)
            .map(|path| path.display().to_string())
            .map_err(|error| error.to_string())
    }

    fn keep_way(&mut self, way: LearningWay) -> Option<FileNotice> {
        self.writer.queue_way(way)
    }

    fn save_note(&mut self, lesson: &str, note: &ProgressNote) -> Option<FileNotice> {
        let lesson = self.progress_key(lesson);
        match note {
            ProgressNote::Reached(reached) => self.progress.note_reached(&lesson, *reached),
            ProgressNote::Answer { question, mark } => {
                self.progress.note_answer(&lesson, question, *mark);
            }
            ProgressNote::Step { .. } => {}
        }
        self.writer.queue(&lesson, note)
    }
}

fn play_tape(lesson: Arc<Lesson>, tape: Tape, here: &Facts) -> anyhow::Result<EngineLink> {
    let (requests, for_player) =
        requests::channel().context("could not set up the tape's player")?;
    let (to_front, events) = events::channel();
    let origin = tape.header.origin_seen_from(here);
    let own = Arc::clone(&lesson);
    let thread = std::thread::spawn(move || player::play_tape(&tape, &own, &for_player, &to_front));
    Ok(EngineLink {
        lesson,
        requests,
        events,
        thread,
        left_off: 0,
        tape: Some(origin),
        warm_up: Vec::new(),
        start_at: None,
    })
}
