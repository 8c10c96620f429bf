//! `unboxed challenge`: the list of challenges, or one of them on the screen.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::bail;
use clap::Args;

use super::consent::ConsentOption;
use super::settings::ScreenOptions;
use super::{complain, input, is_path, learn, tried_facts, with_list};
use crate::diagnosis::Playable;
use crate::doctor::{Facts, can_play};
use crate::kernel::home;
use crate::lesson::catalogue::{all_challenges, find_challenge};
use crate::lesson::model::Lesson;
use crate::lesson::parse::parse_drawn;
use crate::progress::{LessonOrigin, LessonProgress, Progress, StepHow, lesson_key};
use crate::{text, words};

/// The seeds that are drawn by themselves: short enough to be told.
const SEEDS: u128 = 10_000;

#[derive(Debug, Args)]
pub struct ChallengeArguments {
    /// A challenge's id, or a YAML file (without one: the list)
    pub challenge: Option<String>,
    /// Draw names and numbers by this number: the same number draws the same
    #[arg(long, value_name = "NUMBER", requires = "challenge")]
    pub seed: Option<u64>,
    #[command(flatten)]
    pub screen: ScreenOptions,
    #[command(flatten)]
    pub consent: ConsentOption,
}

pub fn challenge(arguments: &ChallengeArguments) -> anyhow::Result<ExitCode> {
    let Some(name) = &arguments.challenge else { return list() };
    let seed = arguments.seed.unwrap_or_else(new_seed);
    let (mut lesson, origin) = if is_path(name) {
        let lesson = parse_drawn(name, &input::read_lesson(Path::new(name))?, seed)?;
        (lesson, LessonOrigin::File)
    } else {
        (find_challenge(name, seed).map_err(with_list)?, LessonOrigin::Challenge)
    };

    let Some(terms) = &lesson.challenge else {
        bail!("{name} is a lesson: `unboxed learn {name}` plays it")
    };
    lesson.goal = words::challenge_goal(terms.par);
    lesson.recap = words::challenge_recap(&lesson.recap, name, seed);

    let consent = match origin {
        LessonOrigin::File => learn::to_agree_to(name, &lesson, arguments.consent),
        LessonOrigin::Challenge | LessonOrigin::BuiltIn => None,
    };
    learn::challenge(lesson, origin, &arguments.screen, consent)
}

/// Another number at each start.
fn new_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos() / 1000 % SEEDS).unwrap_or_default()
}

fn list() -> anyhow::Result<ExitCode> {
    let challenges = all_challenges(0)?;
    let facts = tried_facts();
    let progress = match home::state_directory() {
        Some(dir) => {
            let (progress, said) = Progress::load(&dir);
            if let Some(said) = said {
                complain(&words::file_notice(&said));
            }
            progress
        }
        None => Progress::default(),
    };

    let width = challenges.iter().map(|one| one.id.len()).max().unwrap_or(0);
    let mut out = std::io::stdout().lock();
    let mut part = "";
    for one in &challenges {
        let terms = one.challenge.as_ref();
        let own_part = terms.map_or("", |terms| terms.part.as_str());
        if own_part != part {
            writeln!(out, "{own_part}")?;
            part = own_part;
        }
        let known = progress.lesson(&lesson_key(&one.id, LessonOrigin::Challenge));
        let (id, par) = (&one.id, terms.map_or(0, |terms| terms.par));
        let minutes = words::short_minutes(one.minutes);
        let title = text::prose(&one.title);
        let done = known.map_or("", done_word);
        writeln!(out, "  {id:<width$}  par {par}  {minutes:>5} min  {done:<10}  {title}")?;
        if let Some(line) = blocked(one, &facts) {
            writeln!(out, "  {:<width$}  {line}", "")?;
        }
    }
    writeln!(out, "\n{}", words::CHALLENGE_HOW)?;
    Ok(ExitCode::SUCCESS)
}

fn blocked(challenge: &Lesson, facts: &Facts) -> Option<String> {
    match can_play(&challenge.needs, facts) {
        Playable::Live => None,
        Playable::No { why, .. } => Some(text::one_line(&words::blocker(&why))),
    }
}

/// The best way in which it was done, in a word.
fn done_word(known: &LessonProgress) -> &'static str {
    match known.steps.values().map(|step| step.how).max() {
        Some(StepHow::ByOneself) => "done",
        Some(StepHow::WithHints) => "with hints",
        Some(StepHow::Shown | StepHow::Watched) => "shown",
        Some(StepHow::OnTape) | None => "",
    }
}
