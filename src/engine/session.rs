//! A session: one learner, one lesson, one lab at a time. It plays steps, and rewinds by replaying.

mod shells;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use self::shells::HeardCalls;
use super::keeper_source::KeeperSource;
use super::lab::Lab;
use super::lab_error::LabError;
use super::options::SessionOptions;
use super::playthrough::{Playthrough, StepPlan};
use super::turn::Judging;
use super::waiting::WaitContext;
use super::{ReadyState, TurnGoal, TurnState, replay, typed_process};
use crate::action::Action;
use crate::diagnosis::Playable;
use crate::doctor::{Facts, can_play};
use crate::engine::link_error::LinkError;
use crate::keeper::handle::{KeeperError, KeeperHandle};
use crate::lesson::detour::Detour;
use crate::lesson::model::{Lesson, Step};
use crate::observe::machine::{MachineState, SessionTraces};
use crate::proof::Proof;
use crate::report::{StepRecord, StepStatus};
use crate::snapshot::Snapshot;
use crate::wire::protocol::LabPlan;

#[derive(Debug)]
pub struct Session {
    lesson: Arc<Lesson>,
    facts: Facts,
    /// The source of another keeper in the place of one that is lost.
    keepers: KeeperSource,
    plan: LabPlan,
    keeper: Option<KeeperHandle>,
    /// The lab that is up; a branch's, while one is looked at.
    current: Option<Playthrough>,
    /// The learner's own, which waits while a branch is looked at.
    suspended: Option<Playthrough>,
    machine_before: MachineState,
    /// The keepers and processes of all the session's labs.
    ours: SessionTraces,
    /// The last snapshot that was told: one that is equal shares its memory.
    latest: Arc<Snapshot>,
    left_out: BTreeSet<usize>,
    heard: HeardCalls,
    waiting: WaitContext,
}

#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error("there is no lab: it could not be made, or was ended")]
    NoLab,
    #[error("the lesson has no step after its last")]
    AtTheEnd,
}

impl From<LinkError> for SessionError {
    fn from(error: LinkError) -> SessionError {
        SessionError::Lab(LabError::Link(error))
    }
}

impl SessionError {
    /// True if the work was cut short: the lab is to be dropped.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, SessionError::Lab(LabError::Link(LinkError::Cancelled)))
    }

    /// True if the lab has ended by itself.
    pub fn is_end_of_lab(&self) -> bool {
        matches!(self, SessionError::Lab(LabError::Ended { .. }))
    }
}

impl Session {
    /// Remember the machine as it is, start a keeper, make the first lab.
    pub fn open(
        lesson: Arc<Lesson>,
        facts: Facts,
        options: &SessionOptions,
    ) -> Result<Session, SessionError> {
        Session::open_waiting(lesson, facts, options, WaitContext::default())
    }

    /// Open a session where all waiting for actors goes by `waiting`.
    pub fn open_waiting(
        lesson: Arc<Lesson>,
        facts: Facts,
        options: &SessionOptions,
        waiting: WaitContext,
    ) -> Result<Session, SessionError> {
        let machine_before = MachineState::now();
        let keepers = KeeperSource::of(options);
        let keeper = keepers.start(&waiting)?;
        let wants_disk = lesson.needs.disk || lesson.steps.iter().any(|step| step.needs.disk);
        let disk = facts.disk.as_ref().filter(|_| wants_disk).map(|disk| disk.number.clone());
        let plan = LabPlan {
            controllers: controllers(&lesson),
            disk,
            spare: options.spare,
            panics: options.panics,
        };

        let mut session = Session {
            lesson,
            facts,
            keepers,
            plan,
            keeper: Some(keeper),
            current: None,
            suspended: None,
            machine_before,
            ours: SessionTraces::default(),
            latest: Arc::default(),
            left_out: BTreeSet::new(),
            heard: HeardCalls::new(options.own_calls),
            waiting,
        };

        match session.new_lab() {
            // Somebody wants another one already.
            Err(error) if error.is_cancelled() => {}
            made => made?,
        }
        Ok(session)
    }

    pub fn lesson(&self) -> &Arc<Lesson> {
        &self.lesson
    }

    /// Steps that are done in the lab that is up.
    pub fn played_steps(&self) -> usize {
        self.current.as_ref().map_or(0, |current| current.played)
    }

    pub fn keeper_pid(&self) -> Option<u32> {
        self.keeper.as_ref().map(KeeperHandle::pid)
    }

    /// The lab that is up. One that has ended is none: what is read of its processes may be others' by now.
    pub fn lab(&mut self) -> Result<&mut Lab, SessionError> {
        self.in_lab(|current, _| current.lab.check_alive())?;
        self.current.as_mut().map(|current| &mut current.lab).ok_or(SessionError::NoLab)
    }

    /// Have something done in the lab that is up. Where it has ended, the keeper may know why.
    fn in_lab<T>(
        &mut self,
        act: impl FnOnce(&mut Playthrough, &mut KeeperHandle) -> Result<T, LabError>,
    ) -> Result<T, SessionError> {
        let (Some(current), Some(keeper)) = (&mut self.current, &mut self.keeper) else {
            return Err(SessionError::NoLab);
        };

        let done = current.lab.check_alive().and_then(|()| act(current, keeper));
        done.map_err(|error| {
            let LabError::Ended { pid, why: None } = error else { return error.into() };
            let why = keeper.why_lab_ended(current.lab.id());
            LabError::Ended { pid, why }.into()
        })
    }

    fn new_lab(&mut self) -> Result<(), SessionError> {
        // Its sockets keep the old lab's network namespaces: let go of them first.
        self.current = None;
        self.suspended = None;

        let keeper = self.keeper.as_mut().ok_or(SessionError::NoLab)?;
        if keeper.is_lost() {
            *keeper = self.keepers.start(&self.waiting)?;
        }

        self.ours.note_keeper(keeper.pid());
        self.current = Some(Playthrough::new(Lab::make(keeper, &self.plan, &self.waiting)?));
        Ok(())
    }

    /// Leave out a step that is yet to come.
    pub fn leave_out(&mut self, step: usize) {
        if step >= self.played_steps() {
            self.left_out.insert(step);
        } else {
            self.left_out.remove(&step);
        }
    }

    /// Take a step in again that was left out.
    pub fn take_in(&mut self, step: usize) {
        self.left_out.remove(&step);
    }

    /// The lesson's state, and what the next step will find.
    pub fn ready_state(&mut self, since: Instant) -> Result<ReadyState, SessionError> {
        let lesson = Arc::clone(&self.lesson);
        let played = self.played_steps();
        let step = lesson.steps.get(played);

        // What the last step showed stays in sight beside what the next one is about.
        let last = played.checked_sub(1).and_then(|index| lesson.steps.get(index));
        let in_sight: Vec<&Step> = last.into_iter().chain(step).collect();

        let lab = self.lab()?;
        lab.watch_steps(&in_sight);
        let live = lab.snapshot();
        let context = lab.lab_facts(&live);
        let info = lab.info();

        let live = self.share(Arc::new(live));
        self.ours.note_seen(&live);
        let checks = step.map_or_else(Vec::new, |step| step.preflight(&live));
        let (left_out, nanos) = (self.left_out.clone(), since.elapsed().as_nanos() as u64);
        Ok(ReadyState { lab: info, played, left_out, live, context, checks, nanos })
    }

    /// True if the next step can be done here and is not left out.
    pub fn is_next_open(&self) -> bool {
        let step = self.lesson.steps.get(self.played_steps());
        step.is_some_and(|step| can_play(&step.needs, &self.facts) == Playable::Live)
            && !self.left_out.contains(&self.played_steps())
    }

    /// Play the next step for real and record it.
    pub fn play_next(&mut self) -> Result<StepRecord, SessionError> {
        let lesson = Arc::clone(&self.lesson);
        let step = lesson.steps.get(self.played_steps()).ok_or(SessionError::AtTheEnd)?;
        let _step = tracing::info_span!("step", lesson = lesson.id, id = step.id).entered();
        tracing::info!("begins");
        self.drop_turn();

        let record = if let Playable::No { why, cure } = can_play(&step.needs, &self.facts) {
            let status = StepStatus::Skipped { why, cure };
            self.in_lab(|current, _| current.pass_over(step, status))?
        } else if self.left_out.contains(&self.played_steps()) {
            self.in_lab(|current, _| current.pass_over(step, StepStatus::LeftOut))?
        } else {
            self.play(step)?
        };

        self.mark_step_played(step, &record);
        Ok(record)
    }

    fn play(&mut self, step: &Step) -> Result<StepRecord, SessionError> {
        let mut record = self.in_lab(|current, keeper| current.play(step, keeper))?;
        self.ours.note_seen(&record.after);
        record.before = self.share(record.before);
        record.after = self.share(record.after);
        Ok(record)
    }

    fn mark_step_played(&mut self, step: &Step, record: &StepRecord) {
        if let Some(current) = &mut self.current {
            current.played += 1;
            current.bases.take(&record.after, Some(step));
        }
    }

    /// The detour that what was typed has put the lab on. None while a what-if is looked at.
    pub fn find_detour(&mut self) -> Result<Option<Detour>, SessionError> {
        if self.is_in_branch() {
            return Ok(None);
        }
        let lesson = Arc::clone(&self.lesson);
        let impossible = |step: &Step| can_play(&step.needs, &self.facts) != Playable::Live;
        let steps = lesson.steps.iter().enumerate();
        let impossible: BTreeSet<usize> =
            steps.filter(|(_, step)| impossible(step)).map(|(index, _)| index).collect();
        let left_out = self.left_out.clone();

        let plan = StepPlan { steps: &lesson.steps, left_out: &left_out, impossible: &impossible };
        self.in_lab(|current, _| current.find_detour(plan))
    }

    /// A fresh lab with the first `steps` steps replayed in it.
    pub fn rewind_to(&mut self, steps: usize) -> Result<(), SessionError> {
        self.new_lab()?;
        self.replay_steps(steps)
    }

    /// Replay the first `steps` steps in a fresh lab, without those that were left out.
    fn replay_steps(&mut self, steps: usize) -> Result<(), SessionError> {
        let all = self.lesson.steps.iter().take(steps).enumerate();
        let kept: Vec<Step> = all
            .filter(|(index, _)| !self.left_out.contains(index))
            .map(|(_, step)| step.clone())
            .collect();

        let entries = replay::replayed_actions(&kept, &self.facts);
        let last = steps.min(self.lesson.steps.len());
        self.in_lab(|current, keeper| {
            entries.iter().try_for_each(|entry| current.replay(entry, keeper))?;
            current.played = last;
            Ok(())
        })
    }

    /// Play a branch of a step in another lab; the one that is up is put aside, with all that was typed in it.
    pub fn play_branch(&mut self, step: usize, branch: usize) -> Result<StepRecord, SessionError> {
        let lesson = Arc::clone(&self.lesson);
        let told = lesson.steps.get(step).ok_or(SessionError::AtTheEnd)?;
        let played = told.branches.get(branch).ok_or(SessionError::AtTheEnd)?.to_step();

        self.leave_branch()?;
        let keeper = self.keeper.as_mut().ok_or(SessionError::NoLab)?;
        let lab = Lab::make_beside(keeper, &self.plan, &self.waiting)?;
        let mut own = self.current.replace(Playthrough::new(lab)).ok_or(SessionError::NoLab)?;
        own.rest();
        self.suspended = Some(own);

        self.replay_steps(step)?;
        // A what-if takes what its step takes.
        if let Playable::No { why, cure } = can_play(&told.needs, &self.facts) {
            let status = StepStatus::Skipped { why, cure };
            return self.in_lab(|current, _| current.pass_over(&played, status));
        }
        self.play(&played)
    }

    /// Go back to the lab that was put aside. Nothing happens where none is.
    pub fn leave_branch(&mut self) -> Result<(), SessionError> {
        if let Some(own) = self.suspended.take() {
            // The branch's sockets keep its network namespaces: letting go of them comes first.
            self.current = Some(own);
            self.keeper.as_mut().ok_or(SessionError::NoLab)?.drop_newest()?;
        }
        Ok(())
    }

    pub fn is_in_branch(&self) -> bool {
        self.suspended.is_some()
    }

    /// Begin the next step, or a question's task, as the learner's; a step that breaks something breaks it now. A turn
    /// that is on already goes on as it is: nothing is broken twice.
    pub fn begin_turn(&mut self, goal: TurnGoal) -> Result<TurnState, SessionError> {
        let lesson = Arc::clone(&self.lesson);
        let index = match goal {
            TurnGoal::Step => self.played_steps(),
            TurnGoal::Question { step, .. } => step,
        };
        let turn = self.current.as_ref().and_then(|current| current.turn.as_ref());
        if let Some(turn) = turn.filter(|turn| turn.is_about(index, goal)) {
            return Ok(turn.state().clone());
        }

        let step = lesson.steps.get(index).ok_or(SessionError::AtTheEnd)?;
        self.heard.begin();
        self.in_lab(|current, keeper| current.begin_turn(index, goal, step, keeper))
    }

    pub fn drop_turn(&mut self) {
        if let Some(current) = &mut self.current {
            current.turn = None;
        }
    }

    /// The learner's turn that is on in the lab that is up, as it was judged last.
    pub fn turn_state(&self) -> Option<&TurnState> {
        Some(self.current.as_ref()?.turn.as_ref()?.state())
    }

    /// The state that the turn began with.
    pub fn turn_start(&self) -> Option<Arc<Snapshot>> {
        Some(Arc::clone(self.current.as_ref()?.turn.as_ref()?.before()))
    }

    /// The lab that is up as it was read last, for whatever reason.
    pub fn last_snapshot(&self) -> Option<&Snapshot> {
        Some(self.current.as_ref()?.lab.last_snapshot())
    }

    /// Look whether the learner got on; returns what changed.
    pub fn judge_turn(
        &mut self,
        judging: Judging,
    ) -> Result<Option<(TurnState, Snapshot)>, SessionError> {
        if self.turn_state().is_none() {
            return Ok(None);
        }
        if judging == Judging::Now {
            let now = self.lab()?.snapshot();
            self.adopt_remade_actors(&now)?;
        }
        self.in_lab(|current, _| current.judge_turn(judging))
    }

    /// The learner's step is done: record it. None while something does not hold.
    pub fn finish_turn_if_all_holds(&mut self) -> Result<Option<StepRecord>, SessionError> {
        self.judge_turn(Judging::Now)?;
        let turn = self
            .current
            .as_mut()
            .and_then(|current| current.turn.take_if(|turn| turn.has_done_the_step()));
        let Some(turn) = turn else { return Ok(None) };

        let lesson = Arc::clone(&self.lesson);
        let step = lesson.steps.get(self.played_steps()).ok_or(SessionError::AtTheEnd)?;
        let record = turn.into_record(self.heard.seen());
        self.mark_step_played(step, &record);
        Ok(Some(record))
    }

    /// Play the step after all. What the learner did meanwhile is in the way: then a fresh lab is made first.
    pub fn play_instead(&mut self) -> Result<StepRecord, SessionError> {
        let is_off_the_way = self.find_detour()?.is_some();
        let turn = self.current.as_mut().and_then(|current| current.turn.take());
        let is_touched = match turn {
            Some(turn) => turn.is_touched(&self.lab()?.snapshot()),
            None => false,
        };

        // What the turn has broken would be broken a second time.
        let is_repair =
            self.lesson.steps.get(self.played_steps()).is_some_and(|step| !step.breaks.is_empty());
        if is_touched || is_repair || is_off_the_way {
            self.rewind_to(self.played_steps())?;
        }

        self.play_next()
    }

    /// The state now, if it is not what the last snapshot showed. Nothing where there is no lab.
    pub fn snapshot_if_changed(&mut self) -> Result<Option<Snapshot>, SessionError> {
        let snapshot = match self.lab() {
            Ok(lab) => lab.snapshot_if_changed(),
            Err(SessionError::NoLab) => None,
            Err(ended) => return Err(ended),
        };
        let Some(snapshot) = snapshot else { return Ok(None) };
        self.ours.note_seen(&snapshot);
        if self.adopt_remade_actors(&snapshot)? {
            return Ok(Some(self.lab()?.snapshot()));
        }
        Ok(Some(snapshot))
    }

    /// Take in the processes that were typed in the place of actors of earlier steps that are gone, or were made with
    /// too little. True if there was one.
    fn adopt_remade_actors(&mut self, now: &Snapshot) -> Result<bool, SessionError> {
        let lesson = Arc::clone(&self.lesson);
        let earlier = lesson.steps.iter().take(self.played_steps());
        let mut has_adopted = false;

        for entry in earlier.flat_map(|step| &step.actions) {
            let Action::Spawn(spawn) = &entry.action else { continue };
            // One that the lab itself has made lacks nothing.
            let lab = self.lab()?;
            let lacks = !lab.has_actor(&spawn.actor)
                || now.living_process_of(&spawn.actor).is_none()
                || lab.is_typed_process(&spawn.actor);
            let found = typed_process::find_remade_process(spawn, &entry.actor, now);
            if let Some(pid) = found.filter(|_| lacks) {
                has_adopted |= lab.adopt_if_there(&spawn.actor, pid)?;
            }
        }
        Ok(has_adopted)
    }

    fn share(&mut self, snapshot: Arc<Snapshot>) -> Arc<Snapshot> {
        if *self.latest != *snapshot {
            self.latest = snapshot;
        }
        Arc::clone(&self.latest)
    }

    /// End the lab, wait until the keeper has removed everything, compare the machine with what it was.
    pub fn close_and_compare(mut self) -> Proof {
        // Our sockets keep the labs' network namespaces, so they go before the keeper is waited
        // for.
        self.current = None;
        self.suspended = None;
        self.heard.end();
        self.keeper = None;

        let after = MachineState::now();
        MachineState::compare(&self.machine_before, &after, &self.ours)
    }
}

fn controllers(lesson: &Lesson) -> Vec<String> {
    let mut wanted: Vec<String> = lesson.needs.cgroup.clone();
    wanted.extend(lesson.steps.iter().flat_map(|step| step.needs.cgroup.iter().cloned()));
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}
