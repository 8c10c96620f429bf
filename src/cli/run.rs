//! `unboxed run`: play a whole lesson without a terminal.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::consent::{self, ConsentOption};
use super::hold::Stop;
use super::image::{self, ImageOption};
use super::run_map::{MapForm, print_map};
use super::{
    Format, check_live, facts, open_lesson, printing_error, program, record, shell_socket,
    tape_offer,
};
use crate::app::panes::bar_chart;
use crate::diagnosis::{Blocker, Cure};
use crate::doctor::Facts;
use crate::engine::options::SessionOptions;
use crate::engine::play;
use crate::failure;
use crate::lesson::expect::verdict::{Expected, Verdict};
use crate::lesson::model::{Lesson, Step};
use crate::lesson::suggestion::nearest_word;
use crate::op::{ActorName, OpRecord, Outcome};
use crate::proof::{Proof, ProofRow};
use crate::report::{LabInfo, StepRecord, StepStatus};
use crate::seen::Seen;
use crate::tape::Tape;
use crate::view::ViewKind;
use crate::{text, words};

#[derive(Debug, Args)]
pub struct RunArguments {
    /// A lesson's id, number or title, or a YAML file
    #[arg(required_unless_present = "tape")]
    pub lesson: Option<String>,
    /// Play a recording instead: this one, or the program's own
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with = "hold")]
    pub tape: Option<Option<PathBuf>>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    #[command(flatten)]
    pub image: ImageOption,
    /// Stop after this step (its id or number)
    #[arg(long, value_name = "STEP")]
    pub until: Option<String>,
    /// Print the map of what each step watches, too
    #[arg(long, value_enum, value_name = "FORM")]
    pub map: Option<MapForm>,
    /// Keep the lab up after the last step, until the input ends or SIGTERM comes
    #[arg(long)]
    pub hold: bool,
    #[command(flatten)]
    pub consent: ConsentOption,
}

/// All that was played, as JSON. It goes out as it is made: a lab that is much to look at is not kept twice.
#[derive(Debug, Serialize)]
struct ReportJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    actors: Option<&'a BTreeMap<ActorName, u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lab: Option<&'a str>,
    lesson: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    machine: Option<ProofJson<'a>>,
    ok: bool,
    steps: Vec<StepJson<'a>>,
    /// The place and time of the recording that was played.
    #[serde(skip_serializing_if = "Option::is_none")]
    tape: Option<String>,
}

/// What is told of a lesson besides its steps.
#[derive(Debug, Clone, Copy, Default)]
struct Told<'a> {
    info: Option<&'a LabInfo>,
    proof: Option<&'a Proof>,
    tape: Option<&'a Tape>,
}

#[derive(Debug, Serialize)]
struct ProofJson<'a> {
    clean: bool,
    rows: &'a [ProofRow],
}

/// JSON in which everything can be seen, on one line.
#[derive(Debug)]
struct InSight;

impl serde_json::ser::Formatter for InSight {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> std::io::Result<()> {
        writer.write_all(text::escaped_json(fragment).as_bytes())
    }
}

/// One played step, as JSON.
#[derive(Debug, Serialize)]
struct StepJson<'a> {
    id: &'a str,
    ok: bool,
    status: StatusJson<'a>,
    ops: &'a [OpRecord],
    /// All calls of the step in strace's notation, in order.
    calls: Vec<String>,
    diff: &'a crate::diff::Diff,
    expect: Vec<VerdictJson<'a>>,
    nanos: u64,
}

/// The status of a step, with its sentences and the values that they are made of.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum StatusJson<'a> {
    Played,
    Skipped { why: String, cure: String, values: SkippedJson<'a> },
    Typed,
    LeftOut,
}

#[derive(Debug, Serialize)]
struct SkippedJson<'a> {
    why: &'a Blocker,
    cure: &'a Cure,
}

impl StatusJson<'_> {
    fn of(status: &StepStatus) -> StatusJson<'_> {
        match status {
            StepStatus::Played => StatusJson::Played,
            StepStatus::Skipped { why, cure } => StatusJson::Skipped {
                why: words::blocker(why),
                cure: words::cure(cure),
                values: SkippedJson { why, cure },
            },
            StepStatus::Typed => StatusJson::Typed,
            StepStatus::LeftOut => StatusJson::LeftOut,
        }
    }
}

/// One verdict: its sentences, and the values that they are made of.
#[derive(Debug, Serialize)]
struct VerdictJson<'a> {
    ok: bool,
    expected: String,
    seen: String,
    pane: Option<ViewKind>,
    values: ValuesJson<'a>,
}

#[derive(Debug, Serialize)]
struct ValuesJson<'a> {
    expected: &'a Expected,
    seen: &'a Seen,
}

impl VerdictJson<'_> {
    fn of(verdict: &Verdict) -> VerdictJson<'_> {
        VerdictJson {
            ok: verdict.ok,
            expected: words::expected(&verdict.expected),
            seen: words::seen(&verdict.seen),
            pane: verdict.pane,
            values: ValuesJson { expected: &verdict.expected, seen: &verdict.seen },
        }
    }
}

/// Play a lesson. Exit code 0 only if every expectation held and the machine is as it was.
pub fn run(arguments: &RunArguments) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        arguments.map.is_none() || arguments.format == Format::Text,
        "--map goes with the format `text`"
    );
    let facts = facts();
    if let Some(tape) = &arguments.tape {
        let (lesson, tape) =
            record::lesson_and_tape(arguments.lesson.as_deref(), tape.as_deref(), &facts)?;
        return run_tape(&lesson, &tape, arguments, &facts);
    }

    let name = arguments.lesson.as_deref().unwrap_or_default();
    let lesson = Arc::new(open_lesson(name)?);
    let count = step_count(&lesson, arguments)?;
    check_live(&lesson, &facts, Some("`unboxed run`"))?;
    consent::require_consent(name, &lesson, arguments.consent)?;
    let mut stop = Stop::watch(arguments.hold)?;
    let options =
        SessionOptions { image: arguments.image.open()?, ..SessionOptions::new_for(program()) };
    let mut session = image::open_showing(Arc::clone(&lesson), facts, &options)
        .context("the lab could not be made (`unboxed doctor` says what this machine allows)")
        .map_err(|error| or_tape(error, &lesson))?;

    if let (Some(tally), Format::Text) = (session.lab()?.image(), arguments.format) {
        image::print_tally(&tally).map_err(printing_error)?;
    }

    let mut records = Vec::new();
    for _ in 0..count {
        let number = session.played_steps() + 1;
        let record = session
            .play_next()
            .with_context(|| format!("stopped in step {number} of {count}"))
            .map_err(|error| or_tape(error, &lesson))?;
        if arguments.format == Format::Text {
            print_step(&lesson, &record, None, arguments.map).map_err(printing_error)?;
        }
        records.push(record);
    }

    let info = session.lab()?.info();
    let ok = records.iter().all(StepRecord::is_ok);
    if arguments.hold {
        // Without a socket the lab is held all the same; only `unboxed shell` does not find it.
        let shell_listener = shell_socket::listen();
        stop.begin();
        tell_held(arguments.format, &lesson, &records, &info).map_err(printing_error)?;
        while stop.is_awaited() {
            if let Ok((_, pending_shells)) = &shell_listener {
                play::answer_pending_shells(&mut session, pending_shells);
            }
            session.lab().context("stopped while the lab was held")?;
        }
    }

    let proof = session.close_and_compare();
    stop.bound_last_words();
    match arguments.format {
        Format::Text => print_proof(&proof).map_err(printing_error)?,
        Format::Json if arguments.hold => {}
        Format::Json => {
            let told = Told { proof: Some(&proof), ..Told::default() };
            print_json(&lesson, &records, told).map_err(printing_error)?;
        }
    }
    Ok(if ok && proof.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// An error of a lab, with what can be seen without one.
fn or_tape(error: anyhow::Error, lesson: &Lesson) -> anyhow::Error {
    match tape_offer(lesson, "`unboxed run`") {
        None => error,
        Some(offer) => anyhow::anyhow!("{}. {offer}", crate::failure::with_causes(error.as_ref())),
    }
}

/// Tell what a tape has, as if it were played now; and that it is one.
fn run_tape(
    lesson: &Lesson,
    tape: &Tape,
    arguments: &RunArguments,
    facts: &Facts,
) -> anyhow::Result<ExitCode> {
    let count = step_count(lesson, arguments)?;
    let records = &tape.records[..count.min(tape.records.len())];

    match arguments.format {
        Format::Text => {
            let mut out = std::io::stdout();
            writeln!(out, "TAPE: {}", tape.header.origin())
                .map_err(|error| printing_error(error.into()))?;
            for record in records {
                print_step(lesson, record, Some((tape, facts)), arguments.map)
                    .map_err(printing_error)?;
            }
            print_proof(&tape.proof).map_err(printing_error)?;
        }
        Format::Json => {
            let told = Told { proof: Some(&tape.proof), tape: Some(tape), ..Told::default() };
            print_json(lesson, records, told).map_err(printing_error)?;
        }
    }

    let ok = records.iter().all(|record| record.is_ok()) && tape.proof.is_clean();
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The number of steps that are asked for.
fn step_count(lesson: &Lesson, arguments: &RunArguments) -> anyhow::Result<usize> {
    match &arguments.until {
        Some(name) => Ok(1 + find_step(lesson, name)?),
        None => Ok(lesson.steps.len()),
    }
}

fn find_step(lesson: &Lesson, name: &str) -> anyhow::Result<usize> {
    let number: Option<usize> = name.parse().ok();
    let found = lesson.steps.iter().enumerate().position(|(index, step)| {
        step.id == name || number.is_some_and(|number| number == index + 1)
    });

    found.with_context(|| {
        let meant = nearest_word(name, lesson.steps.iter().map(|step| step.id.as_str()));
        let meant = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
        format!("{} has no step `{name}`{meant}", lesson.id)
    })
}

fn tell_held(
    format: Format,
    lesson: &Lesson,
    records: &[StepRecord],
    info: &LabInfo,
) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();

    match format {
        Format::Json => {
            drop(out);
            print_json(lesson, records, Told { info: Some(info), ..Told::default() })?;
        }
        Format::Text => {
            for (actor, pid) in &info.actors {
                writeln!(out, "actor {} {pid}", text::safe(actor.as_str()))?;
            }
            writeln!(out, "the lab {} is up until this input ends", info.id)?;
            out.flush()?;
        }
    }
    Ok(())
}

fn print_json<R: Borrow<StepRecord>>(
    lesson: &Lesson,
    records: &[R],
    told: Told<'_>,
) -> anyhow::Result<()> {
    let Told { info, proof, tape } = told;
    let records = || records.iter().map(Borrow::borrow);
    let report = ReportJson {
        actors: info.map(|info| &info.actors),
        lab: info.map(|info| info.id.as_str()),
        lesson: &lesson.id,
        machine: proof.map(|proof| ProofJson { clean: proof.is_clean(), rows: &proof.rows }),
        ok: records().all(StepRecord::is_ok),
        steps: records().map(|record| step_json(&lesson.steps[record.step], record)).collect(),
        tape: tape.map(|tape| tape.header.origin()),
    };

    let mut out = BufWriter::new(std::io::stdout().lock());
    report.serialize(&mut serde_json::Serializer::with_formatter(&mut out, InSight))?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

fn step_json<'a>(step: &'a Step, record: &'a StepRecord) -> StepJson<'a> {
    StepJson {
        id: &step.id,
        ok: record.is_ok(),
        status: StatusJson::of(&record.status),
        ops: &record.ops,
        calls: record.ops.iter().flat_map(|op| op.calls.iter().map(ToString::to_string)).collect(),
        diff: record.diff(),
        expect: record.verdicts.iter().map(VerdictJson::of).collect(),
        nanos: record.nanos,
    }
}

/// The lines of a step that was played: now, or on a tape.
fn print_step(
    lesson: &Lesson,
    record: &StepRecord,
    taped: Option<(&Tape, &Facts)>,
    map: Option<MapForm>,
) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let step = &lesson.steps[record.step];
    let took = Duration::from_nanos(record.nanos).as_secs_f64() * 1000.0;
    writeln!(
        out,
        "\n{} of {}  {}  ({took:.1} ms)",
        record.step + 1,
        lesson.steps.len(),
        text::prose(&step.title)
    )?;
    if let Some(other) = taped.and_then(|(tape, facts)| tape.other_cgroups(step, record, facts)) {
        writeln!(out, "  note: {}", words::notice(&other))?;
    }

    if let StepStatus::Skipped { why, cure } = &record.status {
        let place = if taped.is_some() { "where it was recorded" } else { "here" };
        writeln!(out, "  not possible {place}: {}", text::safe_lines(&words::blocker(why)))?;
        if taped.is_none() {
            writeln!(out, "  to change that: {}", text::one_line(&words::cure(cure)))?;
        }
        return Ok(());
    }

    for op in &record.ops {
        print_op(&mut out, op, record)?;
    }
    for row in bar_chart::all_rows(&record.ops) {
        writeln!(out, "  {}", row.text)?;
    }
    for line in words::rows::diff_lines(record.diff()) {
        writeln!(out, "{}", text::shortened(&line, 160))?;
    }
    for verdict in &record.verdicts {
        let word = words::verdict_word(verdict);
        writeln!(out, "  {word:6} {}", text::safe(&words::expected(&verdict.expected)))?;
        if !verdict.ok {
            writeln!(
                out,
                "         the kernel shows: {}",
                text::safe(&words::seen(&verdict.seen))
            )?;
        }
    }
    if let Some(form) = map {
        print_map(form, step, record, &mut out)?;
    }

    out.flush()?;
    Ok(())
}

/// The calls of an op, and what it printed or failed with.
fn print_op(out: &mut impl Write, op: &OpRecord, record: &StepRecord) -> std::io::Result<()> {
    const MAX_SHOWN_CALLS: usize = 12;
    let actor = text::safe(op.actor.as_str());

    for call in op.calls.iter().take(MAX_SHOWN_CALLS) {
        let call = text::shortened(&text::safe(&call.to_string()), 160);
        writeln!(out, "  {actor}: {call}")?;
    }
    if op.calls.len() > MAX_SHOWN_CALLS {
        let more = op.calls.len() - MAX_SHOWN_CALLS;
        writeln!(out, "  {actor}: … and {more} calls more")?;
    }

    match &op.outcome {
        Outcome::Failed { errno, .. } => {
            // A verdict that failed for it says it below: once is enough.
            let is_said_below = record.verdicts.iter().any(|verdict| {
                matches!(&verdict.seen, Seen::OpFailed { op: failed, .. } if !verdict.ok && **failed == op.op)
            });
            if let Some(meaning) = failure::explain(&op.op, errno).filter(|_| !is_said_below) {
                writeln!(out, "    {}: {}", text::safe(&errno.0), text::safe(&meaning))?;
            }
        }
        Outcome::Done { output } | Outcome::Exited { output, .. } => {
            for line in output.lines() {
                writeln!(out, "    {}", text::safe(&text::tabs_laid(line)))?;
            }
        }
    }
    Ok(())
}

fn print_proof(proof: &Proof) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nthe machine, before and after")?;
    for row in &proof.rows {
        let word = if row.differences.is_empty() { "as it was" } else { "DIFFERENT" };
        writeln!(out, "  {:<22} {:>5} {:>5}  {word}", row.what, row.before, row.after)?;
        for difference in &row.differences {
            writeln!(out, "    {}", text::safe(difference))?;
        }
        if !row.by_others.is_empty() {
            writeln!(out, "    changed by others meanwhile:")?;
        }
        for change in &row.by_others {
            writeln!(out, "      {}", text::safe(change))?;
        }
    }
    Ok(())
}
