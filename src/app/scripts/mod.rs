//! Scripts of messages: a lesson on the screen is told one message after the other, and each line says what effects that
//! has and what the screen shows then. No lab, no terminal, no clock.

#![cfg(test)]

mod asking;
mod branches;
mod copying;
mod ending;
mod learning;
mod looking;
mod pointing;
mod questions;
mod shells;
mod steps;
mod ways;

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use super::keymap::press_of;
use super::quiz::QuizStage;
use super::{
    CatalogueRow, Effect, LearningWay, LessonScene, LessonView, Model, Msg, Phase, ProgressNote,
    Screen, update,
};
use super::{LessonLayout, ListKind, ScreenOverlay};
use crate::engine::{Event, ReadyState, ShellTerminal, TurnGoal, TurnState};
use crate::lesson::expect::verdict::{Expected, Verdict};
use crate::lesson::model::Lesson;
use crate::lesson::parse::parse;
use crate::notice::Notice;
use crate::op::ActorName;
use crate::own_call::OwnCalls;
use crate::report::{LabInfo, LazyDiff, StepRecord, StepStatus};
use crate::seen::Seen;
use crate::snapshot::{Process, Snapshot};
use crate::tape::TapeOrigin;

/// A lesson with one step of each kind: a plain one with a prediction and a what-if, one with hints and two goals, one
/// that breaks something, and one that only measures.
pub const LESSON: &str = r#"
format: 1
number: 99
id: sample
title: A sample
summary: A lesson for scripts.
minutes: 5
steps:
  - id: plain
    title: The plain step
    story: A directory is made.
    after: It is there.
    actions:
      - mkdir: {paths: [/one]}
    watch: [files]
    look:
      - {path: /}
    expect:
      - file: {path: /one, is: present}
    quiz:
      - id: foretell
        ask: Will it be there?
        predict:
          - say: Yes
            when: [file: {path: /one, is: present}]
          - say: No
            when: [file: {path: /one, is: absent}]
            why: It is made.
        explain: It is made.
      - id: choice
        ask: Which call made it?
        choose:
          - {say: mkdir, right: true}
          - {say: rmdir, why: That takes it away.}
        explain: mkdir(2) makes directories.
    branches:
      - id: other
        title: What if it has another name?
        story: Then it has another name.
        after: Nobody minds.
        actions:
          - mkdir: {paths: [/other]}
        watch: [mounts]
        expect:
          - file: {path: /other, is: present}

  - id: goals
    title: Two goals
    story: Two directories are made.
    after: They are there.
    actions:
      - mkdir: {paths: [/two, /three]}
    watch: [processes]
    expect:
      - file: {path: /two, is: present}
      - file: {path: /three, is: present}
    hints:
      - nudge: There is a program for it.
        man: mkdir(1)
    quiz:
      - id: task
        ask: Make a fourth one.
        do:
          - file: {path: /four, is: present}
        explain: mkdir /four does it.

  - id: mend
    title: Something is broken
    story: A directory is gone.
    after: It is back.
    breaks:
      - run: {command: [rmdir, /two], changes: true}
    actions:
      - mkdir: {paths: [/two]}
    watch: [calls]
    expect:
      - file: {path: /two, is: present}

  - id: measures
    title: A program tells
    story: A program makes three children.
    after: It made them.
    actions:
      - work: {name: parent, fork: 3}
    watch: [calls]
    expect:
      - measured: {what: forked, at_least: 3}
"#;

pub fn lesson() -> Arc<Lesson> {
    Arc::new(parse("sample.yaml", LESSON).unwrap_or_else(|error| panic!("{error}")))
}

/// The size of all screens of scripts.
const SIZE: (u16, u16) = (120, 40);

/// The lesson is open, and its lab being made.
pub fn opened() -> Model {
    let mut model = Model::new(Vec::new(), SIZE);
    let message = Msg::LessonOpened { lesson: lesson(), left_off: 0, tape: None };
    assert_eq!(update(&mut model, message), []);
    model
}

/// The lesson with so many steps played, the last of them told of still.
pub fn after(steps: usize) -> Model {
    let mut model = opened();
    let _ = update(&mut model, ready(0));
    for step in 0..steps {
        for message in [playing(step), played(step), ready(step + 1)] {
            let _ = update(&mut model, message);
        }
    }
    model
}

/// The lesson with so many steps played, before the next one.
pub fn before(step: usize) -> Model {
    let mut model = after(step);
    if step > 0 {
        press(&mut model, &["Enter"]);
    }
    model
}

/// Press keys by their names, whatever comes of it.
pub fn press(model: &mut Model, keys: &[&str]) {
    for name in keys {
        let _ = update(model, key(name));
    }
}

/// The lesson that is on the screen.
pub fn view(model: &Model) -> &LessonView {
    let Screen::Lesson(view) = &model.screen else { panic!("a lesson: {:?}", model.screen) };
    view
}

/// One line: a message, its effects, and what the screen shows after it.
pub type ScriptLine<'a> = (Msg, &'a str, &'a str);

/// Tell the model one message after the other.
pub fn check<const LINES: usize>(model: &mut Model, script: [ScriptLine<'_>; LINES]) {
    for (place, (message, effects, screen)) in script.into_iter().enumerate() {
        let line = format!("line {}: {}", place + 1, named(&message));
        let found: Vec<String> = update(model, message).iter().map(effect_text).collect();
        assert_eq!(found.join("; "), effects, "effects of {line}");
        assert_eq!(screen_text(model), screen, "screen after {line}");
    }
}

fn named(message: &Msg) -> String {
    let text = format!("{message:?}");
    text.chars().take(100).collect()
}

fn effect_text(effect: &Effect) -> String {
    match effect {
        Effect::SendToEngine(request) => format!("ask {request:?}"),
        Effect::SaveNote { note: ProgressNote::Reached(steps), .. } => {
            format!("remember {steps} played")
        }
        Effect::SaveNote { note: ProgressNote::Step { id, how, hints }, .. } => {
            format!("remember {id} {how:?} hints {hints}")
        }
        Effect::SaveNote { note: ProgressNote::Answer { question, mark }, .. } => {
            format!("remember {question} {mark:?}")
        }
        Effect::OpenLesson { .. }
        | Effect::KeepConsent { .. }
        | Effect::KeepWay(_)
        | Effect::CopyText(_)
        | Effect::SaveText { .. }
        | Effect::TypeIntoShell { .. }
        | Effect::ResizeShell { .. }
        | Effect::SendToHub(_)
        | Effect::Suspend
        | Effect::Redraw
        | Effect::Quit
        | Effect::QuitWithError(_) => format!("{effect:?}"),
    }
}

/// The screen in a few words: scene and step of a lesson, then what is not as it always is.
pub fn screen_text(model: &Model) -> String {
    let mut words = match &model.screen {
        Screen::Catalogue => vec!["catalogue".to_owned()],
        Screen::Ended(ended) => {
            let proof = if ended.proof.is_some() { "compared" } else { "not compared yet" };
            vec![format!("ended after {}, {proof}", ended.steps.played)]
        }
        Screen::Score => vec!["score".to_owned()],
        Screen::Talk(_) => vec!["talk".to_owned()],
        Screen::Lesson(view) => lesson_text(view),
    };

    words.extend(match &model.overlay {
        ScreenOverlay::None => None,
        ScreenOverlay::Help { .. } => Some("help".to_owned()),
        ScreenOverlay::List(list) => Some(match list.kind {
            ListKind::Steps => "list of steps".to_owned(),
            ListKind::Palette => "list of everything".to_owned(),
            ListKind::Shells => "list of shells".to_owned(),
            ListKind::Branches => "list of what-ifs".to_owned(),
            ListKind::Words => "list of words".to_owned(),
        }),
        ScreenOverlay::Search { query } => Some(format!("search {query}")),
        ScreenOverlay::Confirm(confirm) => Some(format!("confirm {:?}", confirm.then)),
        ScreenOverlay::Programs(_) => Some("programs".to_owned()),
        ScreenOverlay::Welcome(welcome) => Some(format!("welcome {:?}", welcome.chosen)),
        ScreenOverlay::Card(shown) => Some(format!("card {}", shown.card.title)),
    });

    words.extend(model.notice.iter().map(|_| "notice".to_owned()));
    words.join(", ")
}

fn lesson_text(view: &LessonView) -> Vec<String> {
    let scene = match (view.scene(), &view.lab.phase) {
        (LessonScene::Busy, Phase::Failed { message }) => format!("Failed: {message}"),
        (LessonScene::Busy, Phase::Building) => "Building".to_owned(),
        (LessonScene::Busy, Phase::Playing { .. } | Phase::Ready) => "Playing".to_owned(),
        (scene, _) => format!("{scene:?}"),
    };
    let mut words = vec![format!("{scene} {}", view.story_step() + 1)];

    words.extend((!view.is_live()).then(|| "not live".to_owned()));
    words.extend(view.quiz.as_ref().map(|quiz| {
        let stage = match &quiz.stage {
            QuizStage::Answered(grade) => format!("{:?}", grade.mark),
            stage @ (QuizStage::Preparing
            | QuizStage::Asking
            | QuizStage::Waiting(_)
            | QuizStage::Over) => format!("{stage:?}"),
        };
        format!("question {stage}")
    }));
    words.extend(
        match view.layout() {
            LessonLayout::Step | LessonLayout::Question { with_shell: false } => None,
            LessonLayout::Question { with_shell: true } | LessonLayout::StepWithShell => {
                Some("shell below")
            }
            LessonLayout::Shell => Some("shell alone"),
            LessonLayout::Pane => Some("pane alone"),
        }
        .map(str::to_owned),
    );
    words
}

/// The line of the sample in the catalogue.
pub fn catalogue_row() -> CatalogueRow {
    CatalogueRow::of_lesson(&lesson())
}

/// A tape's origin, on a machine with control groups of another version.
pub fn tape_origin() -> TapeOrigin {
    let other = Notice::TapeOfOtherCgroups { tape: "v1".into(), here: "v2".into() };
    TapeOrigin { made: "here, today".into(), other_cgroups: Some(other) }
}

pub fn key(name: &str) -> Msg {
    Msg::Key(press_of(name))
}

/// The lab is up, with so many steps in it.
pub fn ready(played: usize) -> Msg {
    let lab = LabInfo { id: "unboxed-1-2-3".into(), actors: BTreeMap::new(), rootless: false };
    Msg::Engine(Event::Ready(ReadyState {
        lab,
        played,
        left_out: Default::default(),
        live: Arc::new(snapshot(&["host", "box"])),
        context: Default::default(),
        checks: Vec::new(),
        nanos: 1,
    }))
}

/// The same, with steps that are left out.
pub fn ready_without(played: usize, left_out: &[usize]) -> Msg {
    let Msg::Engine(Event::Ready(ready)) = ready(played) else { unreachable!("it is one") };
    let left_out = left_out.iter().copied().collect();
    Msg::Engine(Event::Ready(ReadyState { left_out, ..ready }))
}

pub fn playing(step: usize) -> Msg {
    Msg::Engine(Event::Playing { step })
}

pub fn played(step: usize) -> Msg {
    Msg::Engine(Event::Played(record(step, true)))
}

/// The learner has done a step by typing.
pub fn typed(step: usize) -> Msg {
    let record = StepRecord { status: StepStatus::Typed, ..(*record(step, true)).clone() };
    Msg::Engine(Event::Played(Arc::new(record)))
}

pub fn failed(why: &str) -> Msg {
    Msg::Engine(Event::Failed(why.into()))
}

pub fn branched(step: usize, branch: usize) -> Msg {
    Msg::Engine(Event::BranchPlayed { branch, record: record(step, true) })
}

/// A turn, with true for each goal that holds.
pub fn turn(step: usize, goal: TurnGoal, holds: &[bool]) -> Msg {
    let verdicts = holds.iter().map(|holds| verdict(*holds)).collect();
    Msg::Engine(Event::TurnChanged(Some(TurnState {
        step,
        goal,
        verdicts,
        earned: holds.to_vec(),
    })))
}

/// A turn that begins, with the actors that the learner finds.
pub fn turn_began(step: usize, goal: TurnGoal, holds: &[bool], before: &[&str]) -> Msg {
    let Msg::Engine(Event::TurnChanged(Some(turn))) = turn(step, goal, holds) else {
        unreachable!("`turn` makes one")
    };
    Msg::Engine(Event::TurnBegan { turn, before: Arc::new(snapshot(before)) })
}

pub fn no_turn() -> Msg {
    Msg::Engine(Event::TurnChanged(None))
}

/// A shell that was opened beside an actor.
pub fn shell(tab: u32, actor: &str) -> Msg {
    let (master, _) = UnixStream::pair().expect("two ends");
    let terminal = ShellTerminal { master: Arc::new(master.into()), transcript: Arc::default() };
    Msg::Engine(Event::ShellOpened { tab, actor: actor.into(), opened: Ok(terminal) })
}

pub fn verdict(holds: bool) -> Verdict {
    Verdict::on_action(holds, Expected::Works { action: "mount".into() }, Seen::WentWell)
}

/// A step that moved one process.
pub fn record(step: usize, holds: bool) -> Arc<StepRecord> {
    Arc::new(StepRecord {
        own_calls: OwnCalls::default(),
        step,
        status: StepStatus::Played,
        ops: Vec::new(),
        before: Arc::new(snapshot(&["host"])),
        after: Arc::new(snapshot(&["host", "box"])),
        diff: LazyDiff::default(),
        verdicts: vec![verdict(holds)],
        predicted: Vec::new(),
        charts: Vec::new(),
        nanos: 1,
    })
}

/// A lab with these actors, and nothing else.
pub fn snapshot(actors: &[&str]) -> Snapshot {
    let processes = actors.iter().zip(100..).map(|(actor, pid)| process(pid, Some(actor)));
    Snapshot { processes: processes.collect(), ..Snapshot::default() }
}

pub fn process(pid: u32, actor: Option<&str>) -> Process {
    let name = actor.unwrap_or("sh");

    Process {
        pid,
        ns_pids: vec![pid],
        ppid: 1,
        start_time: 7,
        uid: 0,
        state: 'S',
        comm: name.into(),
        args: name.into(),
        actor: actor.map(ActorName::from),
        namespaces: BTreeMap::new(),
        cgroups: Vec::new(),
    }
}
