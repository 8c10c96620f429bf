//! Lessons and tapes for exports: as they are, cut to one step, and with hostile text in every place.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use unboxed::action::Action;
use unboxed::action::pid_text::PidText;
use unboxed::export::{self, DocumentFormat};
use unboxed::lesson::catalogue;
use unboxed::lesson::model::Lesson;
use unboxed::lesson::quiz::QuestionKind;
use unboxed::op::Outcome;
use unboxed::report::{LazyDiff, StepRecord};
use unboxed::snapshot::Snapshot;
use unboxed::tape::{Tape, embedded, file};

/// A lesson and the first of its tapes.
pub fn taped(id: &str) -> (Lesson, Tape) {
    let (bytes, _) = embedded::all_tapes().find(|(_, header)| header.lesson == id).expect("a tape");
    (catalogue::find_lesson(id).expect("the lesson"), file::read(bytes).expect("the tape"))
}

/// The first step of a lesson alone.
pub fn first_step() -> (Lesson, Tape) {
    let (mut lesson, mut tape) = taped("what-is-a-container");
    lesson.steps.truncate(1);
    tape.records.truncate(1);
    tape.states.truncate(2);
    (lesson, tape)
}

pub fn exported(form: DocumentFormat, lesson: &Lesson, tape: &Tape) -> String {
    let mut bytes = Vec::new();
    export::write(form, lesson, tape, &mut bytes).expect("a vector takes everything");
    String::from_utf8(bytes).expect("text")
}

/// The largest lesson, with this text wherever a lesson or a tape has text.
pub fn hostile(evil: &str) -> (Lesson, Tape) {
    let (mut lesson, mut tape) = taped("build-a-container");
    for text in [&mut lesson.title, &mut lesson.summary] {
        text.push_str(evil);
    }
    for step in &mut lesson.steps {
        for text in [
            &mut step.title,
            &mut step.story,
            &mut step.after,
            &mut step.docker,
            &mut step.oci,
            &mut step.real,
            &mut step.notes,
        ] {
            text.push_str(evil);
        }
        for entry in step.actions.iter_mut().chain(&mut step.breaks) {
            entry.actor.0.push_str(evil);
            if let Action::Run(run) = &mut entry.action {
                let command = run.command.iter();
                run.command = command.map(|word| PidText::plain(format!("{word}{evil}"))).collect();
            }
        }
        for hint in &mut step.hints {
            hint.nudge.push_str(evil);
            hint.man.push_str(evil);
        }
        for branch in &mut step.branches {
            for text in [&mut branch.title, &mut branch.story, &mut branch.after] {
                text.push_str(evil);
            }
        }
        for question in &mut step.quiz {
            for text in [&mut question.ask, &mut question.explain, &mut question.hint] {
                text.push_str(evil);
            }
            match &mut question.kind {
                QuestionKind::Choose(choices) | QuestionKind::ChooseAll(choices) => {
                    for choice in choices {
                        choice.say.push_str(evil);
                        choice.why.push_str(evil);
                    }
                }
                QuestionKind::Order(lines) => lines.iter_mut().for_each(|line| line.push_str(evil)),
                QuestionKind::Value(_) | QuestionKind::Predict(_) | QuestionKind::Task(_) => {}
            }
        }
    }
    for text in [
        &mut tape.header.kernel,
        &mut tape.header.date,
        &mut tape.header.program,
        &mut tape.header.cgroups,
    ] {
        text.push_str(evil);
    }
    tape.records.iter_mut().for_each(|record| spoil(Arc::make_mut(record), evil));
    tape.branches.iter_mut().for_each(|taken| spoil(Arc::make_mut(&mut taken.record), evil));
    tape.proof.rows.iter_mut().for_each(|row| row.what.push_str(evil));
    (lesson, tape)
}

fn spoil(record: &mut StepRecord, evil: &str) {
    for op in &mut record.ops {
        op.actor.0.push_str(evil);
        match &mut op.outcome {
            Outcome::Done { output } | Outcome::Exited { output, .. } => output.push_str(evil),
            Outcome::Failed { errno, what } => {
                errno.0.push_str(evil);
                what.push_str(evil);
            }
        }
        op.calls.iter_mut().for_each(|call| call.args.push_str(evil));
    }
    for verdict in &mut record.verdicts {
        verdict.expected = with_text(&verdict.expected, evil);
        verdict.seen = with_text(&verdict.seen, evil);
    }
    record.charts.iter_mut().for_each(|series| series.chart.group.push_str(evil));
    spoil_snapshot(Arc::make_mut(&mut record.after), evil);
    record.diff = LazyDiff::default();
}

/// The value with this behind each of its texts that may be any text.
fn with_text<T: Serialize + DeserializeOwned>(value: &T, evil: &str) -> T {
    let mut spoilt = serde_json::to_value(value).expect("a value");
    let mut places = Vec::new();
    texts(&spoilt, String::new(), &mut places);
    for place in places {
        let mut tried = spoilt.clone();
        if let Some(Value::String(text)) = tried.pointer_mut(&place) {
            text.push_str(evil);
        }
        if T::deserialize(&tried).is_ok() {
            spoilt = tried;
        }
    }
    T::deserialize(&spoilt).expect("the value")
}

/// The places of all texts in a value, as JSON pointers.
fn texts(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::String(_) => places.push(at),
        Value::Array(list) => {
            for (index, one) in list.iter().enumerate() {
                texts(one, format!("{at}/{index}"), places);
            }
        }
        Value::Object(map) => {
            for (key, one) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                texts(one, format!("{at}/{key}"), places);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn spoil_snapshot(snapshot: &mut Snapshot, evil: &str) {
    for process in &mut snapshot.processes {
        process.comm.push_str(evil);
        process.args.push_str(evil);
    }
    for mount in snapshot.mounts.iter_mut().flat_map(|table| &mut table.rows) {
        mount.target.push_str(evil);
        mount.source.push_str(evil);
    }
    for network in &mut snapshot.networks {
        network.name.push_str(evil);
        network.links.iter_mut().for_each(|link| link.name.push_str(evil));
    }
    for group in &mut snapshot.cgroups {
        group.path.push_str(evil);
        group.files.values_mut().for_each(|value| value.push_str(evil));
    }
    for entry in
        snapshot.directories.iter_mut().flat_map(|directory| directory.entries.iter_mut().flatten())
    {
        entry.name.push_str(evil);
    }
    snapshot.hostnames.values_mut().for_each(|name| name.push_str(evil));
}
