//! Recording: a lesson is played live, step by step, with its branches, and everything is kept.

use std::sync::Arc;
use std::time::Instant;

use super::{RecordedBranch, RecordedState, Tape, TapeHeader};
use crate::doctor::Facts;
use crate::engine::options::SessionOptions;
use crate::engine::session::{Session, SessionError};
use crate::lesson::expect::verdict::Verdict;
use crate::lesson::model::Lesson;
use crate::report::StepRecord;

/// The reason why there is no tape.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error("step {number} `{step}` did not come out as the lesson expects, so there is nothing to keep: expected {}; the kernel shows: {}", crate::text::safe(&crate::words::expected(&verdict.expected)), crate::text::safe(&crate::words::seen(&verdict.seen)))]
    Failed { number: usize, step: String, verdict: Box<Verdict> },
    #[error("afterwards the machine was not as it was before: {0}")]
    NotClean(String),
}

/// Play a lesson and keep it. `tell` hears each step before it is played.
pub fn record(
    lesson: &Arc<Lesson>,
    facts: Facts,
    options: &SessionOptions,
    mut tell: impl FnMut(usize),
) -> Result<Tape, RecordError> {
    let header = TapeHeader::new(lesson, &facts);
    let mut session = Session::open(Arc::clone(lesson), facts, options)?;

    let mut moments = vec![moment(&mut session)?];
    let mut records = Vec::new();
    let mut branches = Vec::new();

    for (index, step) in lesson.steps.iter().enumerate() {
        tell(index);
        if session.is_next_open() {
            for branch in 0..step.branches.len() {
                let record = whole(lesson, session.play_branch(index, branch)?)?;
                branches.push(RecordedBranch { step: index, branch, record: Arc::new(record) });
            }
            session.leave_branch()?;
        }
        records.push(Arc::new(whole(lesson, session.play_next()?)?));
        moments.push(moment(&mut session)?);
    }

    let proof = session.close_and_compare();
    if let Some(different) = proof.rows.iter().flat_map(|row| &row.differences).next() {
        return Err(RecordError::NotClean(crate::text::safe(different)));
    }

    Ok(Tape { header, states: moments, records, branches, proof })
}

fn moment(session: &mut Session) -> Result<RecordedState, SessionError> {
    let ready = session.ready_state(Instant::now())?;
    Ok(RecordedState { lab: ready.lab, live: ready.live, context: ready.context })
}

/// The record, if all of it came out as expected.
fn whole(lesson: &Lesson, record: StepRecord) -> Result<StepRecord, RecordError> {
    match record.verdicts.iter().find(|verdict| !verdict.ok) {
        None => Ok(record),
        Some(verdict) => Err(RecordError::Failed {
            number: record.step + 1,
            step: lesson.steps.get(record.step).map(|step| step.id.clone()).unwrap_or_default(),
            verdict: Box::new(verdict.clone()),
        }),
    }
}
