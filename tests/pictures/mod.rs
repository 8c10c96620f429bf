//! Screens in states worth looking at, from hand-made values, and what they look like.

mod snapshots;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
pub use snapshots::*;
use unboxed::action::Action;
use unboxed::action::pid_text::PidText;
use unboxed::action::run::Run;
use unboxed::app::exam::{Exam, LessonResult};
use unboxed::app::talk::{TalkView, WindowLayout};
use unboxed::app::{self, CatalogueRow, Effect, Model, Msg, ProgramList, Screen, update};
use unboxed::call::{Call, CallKind, CallResult, ErrnoName};
use unboxed::diagnosis::{Blocker, Cure};
use unboxed::engine::{Event, ReadyState, ShellTerminal, TurnGoal, TurnState};
use unboxed::lesson::expect::Expect;
use unboxed::lesson::expect::verdict::Verdict;
use unboxed::lesson::{self, catalogue};
use unboxed::op::{ActorName, Op, OpRecord, Outcome};
use unboxed::own_call::OwnCalls;
use unboxed::proof::{Proof, ProofRow};
use unboxed::report::{LabInfo, LazyDiff, RecordWithSnapshots, StepRecord, StepStatus};
use unboxed::seen::Seen;
use unboxed::snapshot::*;
use unboxed::talk::clock::Clock;
use unboxed::talk::message::{
    HubToWindow, TalkEvent, TalkState, Window, WindowRole, WindowToHub, Windows,
};
use unboxed::talk::{AudienceView, Beat};
use unboxed::ui::theme::Theme;
use unboxed::ui::{self, DrawOptions};

/// What nobody should name a thing, and somebody will.
pub const HOSTILE: [&str; 9] = [
    "\u{1b}[2J\u{1b}[31mred",
    "tab\there\nand\rthere",
    "あいうえお",
    "\u{1112}\u{1161}\u{11ab}",
    "ｶﾞ",
    "\u{9b}5m\u{7}\u{200d}",
    "rm \u{202e}cba\u{2066}\u{200f}x\u{200b}\u{2028}\u{3164}",
    "a\u{e0041}\u{fe0f}\u{ad}\u{feff}\u{fff9}\u{e000}",
    "\u{301}e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}",
];

pub fn look(colors: bool) -> DrawOptions {
    let theme = if colors { Theme::ansi() } else { Theme::without_colors() };
    look_in(theme.in_ascii())
}

pub fn look_in(theme: Theme) -> DrawOptions {
    DrawOptions::new(theme)
}

pub fn key(code: KeyCode) -> Msg {
    Msg::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

pub fn ready(played: usize, live: Snapshot) -> ReadyState {
    let lab = LabInfo { id: "unboxed-1-2-3".into(), actors: BTreeMap::new(), rootless: true };
    let (left_out, context) = Default::default();
    ReadyState {
        lab,
        played,
        left_out,
        live: Arc::new(live),
        context,
        checks: Vec::new(),
        nanos: 1_000_000,
    }
}

/// Steps that were played before the pictures are taken.
pub const PLAYED: usize = 11;

pub fn record(step: usize, names: &[&str]) -> StepRecord {
    let (before, after) = (Arc::new(snapshot(BEFORE, &[])), Arc::new(snapshot(AFTER, names)));
    let call = Call {
        kind: CallKind::Syscall,
        name: "pivot_root".into(),
        args: "\".\", \"oldroot\"".into(),
        result: if names.is_empty() {
            CallResult::Value(0)
        } else {
            CallResult::Errno(ErrnoName("EINVAL".into()))
        },
        nanos: 62_000,
    };
    StepRecord {
        step,
        status: StepStatus::Played,
        own_calls: OwnCalls::default(),
        ops: vec![OpRecord {
            actor: "container".into(),
            op: Op::PivotRoot { new_root: ".".into(), put_old: "oldroot".into() },
            calls: vec![call],
            outcome: Outcome::Done { output: names.join("\n") },
            pieces: Vec::new(),
            nanos: 70_000,
        }],
        diff: LazyDiff::default(),
        before,
        after: Arc::clone(&after),
        verdicts: vec![verdict(true, OLD_ROOT, ""), hostile_verdict(names)],
        predicted: Vec::new(),
        charts: Vec::new(),
        nanos: 5_000_000,
    }
}

const OLD_ROOT: &str = r#"{"mount": {"in": "container", "type": "tmpfs", "target": "/oldroot"}}"#;

/// A verdict on an expectation, and a line that was seen.
fn verdict(ok: bool, expect: &str, seen: &str) -> Verdict {
    let expect: Expect = serde_json::from_str(expect).expect("an expectation");
    Verdict { ok, expected: (&expect).into(), seen: Seen::Printed(seen.into()), pane: None }
}

/// A verdict in which nothing stands but these names.
fn hostile_verdict(names: &[&str]) -> Verdict {
    let says = names.join(" ");
    let expect = match names {
        [] => r#"{"mounts": {}}"#.to_owned(),
        _ => serde_json::json!({"output": {"says": says}}).to_string(),
    };
    verdict(false, &expect, &says)
}

/// The lesson with its first steps played; the last of them moved the mounts.
pub fn in_lesson(names: &[&str]) -> Model {
    let lesson = Arc::new(catalogue::find_lesson("build-a-container").expect("the lesson"));
    let mut model = Model::new(Vec::new(), (80, 24));
    let _ = update(
        &mut model,
        Msg::LessonOpened { lesson: Arc::clone(&lesson), left_off: 0, tape: None },
    );
    let _ = update(&mut model, Msg::Engine(Event::Ready(ready(0, snapshot(BEFORE, &[])))));
    for step in 0..PLAYED {
        let _ = update(&mut model, Msg::Engine(Event::Playing { step }));
        let _ = update(&mut model, Msg::Engine(Event::Played(Arc::new(record(step, names)))));
        let _ =
            update(&mut model, Msg::Engine(Event::Ready(ready(step + 1, snapshot(AFTER, names)))));
    }
    model
}

/// A window of a talk on the same lesson, which it drives.
pub fn in_talk(role: WindowRole, names: &[&str], beat: Beat, keys: &str) -> Model {
    const PID: u32 = 7;
    let lesson = catalogue::find_lesson("build-a-container").expect("the lesson");
    let mut told: Vec<TalkEvent> = (0..PLAYED)
        .map(|step| {
            TalkEvent::Played(RecordWithSnapshots::from_record(&Arc::new(record(step, names))))
        })
        .collect();
    told.push(TalkEvent::Ready(ready(PLAYED, snapshot(AFTER, names))));
    let stage = AudienceView::new().at_beat(beat);
    let mut clock = Clock::new(&lesson, None, &BTreeSet::new());
    clock.step = beat.step();
    clock.used[0] = std::time::Duration::from_secs(200);
    let all = vec![
        Window { pid: PID, role, size: (80, 24) },
        Window { pid: PID + 1, role: WindowRole::Watcher, size: (200, 60) },
    ];
    let whole = TalkState {
        name: "build-a-container.yaml".into(),
        lesson: catalogue::lesson_text("build-a-container").expect("its text").to_owned(),
        tape: names.first().map(|name| (*name).to_owned()),
        events: told,
        missing: BTreeSet::new(),
        set: stage.clone(),
        shown: stage,
        clock,
        windows: Windows { all, driver: Some(PID) },
    };
    let mut model = Model::new(Vec::new(), (80, 24));
    let mut window = TalkView::new(role, PID, vec!["container".into()]);
    if role == WindowRole::Screen {
        window.layout = WindowLayout::PictureWithNotes;
    }
    model.screen = Screen::Talk(Box::new(window));
    let _ = update(&mut model, Msg::Hub(HubToWindow::State(Box::new(whole))));
    model.notice = None;
    for letter in keys.chars() {
        // The hub's part: what is set is shown.
        for effect in update(&mut model, key(KeyCode::Char(letter))) {
            if let Effect::SendToHub(WindowToHub::AudienceView(set)) = effect {
                let _ = update(
                    &mut model,
                    Msg::Hub(HubToWindow::AudienceView { shown: set.clone(), set }),
                );
            }
        }
    }
    model
}

pub fn in_catalogue() -> Model {
    let row = |number: u32, title: &str, blocked| CatalogueRow {
        number,
        id: format!("lesson-{number}"),
        title: title.into(),
        summary: "What it is about, in one sentence.".into(),
        minutes: lesson::model::Minutes { watch: 12, all: 18 },
        steps: 9,
        chapters: if number == 2 { vec!["Files".into(), "A network".into()] } else { Vec::new() },
        questions: 3,
        blocked,
        has_tape: false,
        left_out: vec!["A group with a limit".into()],
        learnt: String::new(),
        left_off: (number == 2).then_some(4),
        is_played: false,
    };
    let blocked = Some((
        Blocker::NeedsRoot { is_root_of_container: false },
        Cure::StartAsRoot { program: "unboxed".into() },
    ));
    Model::new(
        vec![
            row(1, "What is a container?", None),
            row(2, "Build a container by hand", None),
            row(3, HOSTILE[0], blocked),
        ],
        (80, 24),
    )
}

/// Before a lesson from a file begins.
pub fn programs(names: &[&str]) -> Model {
    let mut lesson = catalogue::find_lesson("1").expect("the lesson");
    for (entry, name) in
        lesson.steps.iter_mut().flat_map(|step| &mut step.actions).zip(names.iter().cycle())
    {
        entry.action = Action::Run(Run {
            command: ["sh", "-c", name].map(PidText::plain).to_vec(),
            changes: Some(false),
        });
    }
    let mut model = in_catalogue();
    let lines = lesson::programs::program_lines(&lesson);
    model.overlay =
        app::ScreenOverlay::Programs(ProgramList { lesson: lesson.id, lines, scroll: 0 });
    model
}

pub fn ended() -> Model {
    let mut model = in_lesson(&[]);
    let _ = update(&mut model, key(KeyCode::Char('q')));
    let _ = update(&mut model, key(KeyCode::Char('y')));
    let row = |what: &str, differences: Vec<String>| ProofRow {
        by_others: Vec::new(),
        what: what.into(),
        before: 20,
        after: 20,
        differences,
    };
    let rows = vec![row("mounts", Vec::new()), row("network links", vec![HOSTILE[0].into()])];
    let _ = update(&mut model, Msg::Engine(Event::SessionEnded(Proof { rows })));
    model
}

pub fn draw(model: &Model, look: &DrawOptions, columns: u16, rows: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a test backend");
    terminal.draw(|frame| ui::draw(model, look, frame)).expect("a frame");
    terminal.backend().buffer().clone()
}

pub fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let line: String = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The screens there are, each in a state worth looking at, with hostile names in it.
pub fn models() -> Vec<(&'static str, Model)> {
    let long = "x".repeat(1000);
    let mut names = HOSTILE.to_vec();
    names.push(&long);
    let mut models = vec![("catalogue", in_catalogue()), ("ended", ended())];
    for (name, keys) in [
        ("after a step", ""),
        ("next step", "\n"),
        ("side by side", "d"),
        ("before", "dd"),
        ("changes only, raw numbers", "cI"),
        ("calls, zoomed", "7z"),
        ("docker", "o"),
        ("json", "oo"),
        ("notes", "ooo"),
        ("help", "?"),
        ("steps", "t"),
        ("palette", ":"),
        ("search", "/x"),
        ("confirm", "u"),
        ("looking back", "hhh"),
        ("network", "4jj"),
        ("files", "6G"),
        ("cgroups", "5"),
        ("one group", "5e"),
        ("one group before and after, zoomed", "5edz"),
    ] {
        let mut model = in_lesson(&names);
        for letter in keys.chars() {
            let _ = update(
                &mut model,
                key(if letter == '\n' { KeyCode::Enter } else { KeyCode::Char(letter) }),
            );
        }
        models.push((name, model));
    }
    models.extend([
        ("your turn, with a hint", your_turn(&names)),
        ("a shell", with_shell(&names, "s")),
        ("a shell, zoomed", with_shell(&names, "s\u{1d}zs")),
        ("list of shells", with_shell(&names, "\u{1d}S")),
        ("a what-if", what_if(&names)),
        ("a question", question("")),
        ("an answer", question("a\n")),
        ("the score", score()),
        ("programs to agree to", programs(&names)),
    ]);
    let (last, asked) = (Beat::Show { step: PLAYED - 1 }, Beat::Ask { step: 1, question: 0 });
    for (name, role, beat, keys) in [
        ("what came of it, for an audience", WindowRole::Watcher, last, ""),
        (
            "what will be done, for an audience",
            WindowRole::Watcher,
            Beat::Tell { step: PLAYED },
            "",
        ),
        ("a question, for an audience", WindowRole::Watcher, asked, ""),
        ("a picture with notes", WindowRole::Screen, last, ""),
        ("a zoomed pane with a mark", WindowRole::Screen, last, "1zLjjK"),
        ("the console", WindowRole::Console, last, ""),
        ("the console, before a step", WindowRole::Console, Beat::Tell { step: PLAYED }, "a"),
        ("the console, with an answer", WindowRole::Console, asked, " "),
        (
            "a what-if, for an audience",
            WindowRole::Watcher,
            Beat::WhatIf { step: 1, branch: 0 },
            "",
        ),
        (
            "a what-if, for the speaker",
            WindowRole::Console,
            Beat::WhatIf { step: 1, branch: 0 },
            "",
        ),
        ("the console's help", WindowRole::Console, last, "?"),
        ("steps to jump to", WindowRole::Console, last, "tjj"),
        ("a question of the console's", WindowRole::Console, last, "u"),
        ("frozen, masked, blank", WindowRole::Console, last, "FMB"),
    ] {
        models.push((name, in_talk(role, &names, beat, keys)));
    }
    models
}

pub fn press(model: &mut Model, keys: &str) {
    for letter in keys.chars() {
        let event = match letter {
            '\n' => key(KeyCode::Enter),
            '\u{1d}' => Msg::Key(KeyEvent::new(KeyCode::Char('5'), KeyModifiers::CONTROL)),
            other => key(KeyCode::Char(other)),
        };
        let _ = update(model, event);
    }
}

pub fn your_turn(names: &[&str]) -> Model {
    let mut model = in_lesson(names);
    press(&mut model, "\n");
    let verdicts = vec![verdict(true, OLD_ROOT, ""), hostile_verdict(names)];
    let state = TurnState { step: 11, goal: TurnGoal::Step, verdicts, earned: vec![true, true] };
    let _ = update(&mut model, Msg::Engine(Event::TurnChanged(Some(state))));
    press(&mut model, "HHH");
    model
}

pub fn with_shell(names: &[&str], keys: &str) -> Model {
    let mut model = in_lesson(names);
    let (master, _slave) = std::os::unix::net::UnixStream::pair().expect("two ends");
    let terminal = ShellTerminal { master: Arc::new(master.into()), transcript: Arc::default() };
    for (tab, actor) in names.iter().enumerate() {
        let opened = Ok(terminal.clone());
        let (tab, actor) = (tab as u32, ActorName::from(*actor));
        let _ = update(&mut model, Msg::Engine(Event::ShellOpened { tab, actor, opened }));
        let bytes =
            [names.join("\n").as_bytes(), b"\x1b[31;44;1mcolours\xff\xfe\x9b2J\x07"].concat();
        let _ = update(&mut model, Msg::ShellPrinted { tab, bytes });
    }
    press(&mut model, keys);
    model
}

pub fn what_if(names: &[&str]) -> Model {
    let mut model = in_lesson(names);
    let before = Arc::new(snapshot(BEFORE, names));
    let record = StepRecord {
        step: 1,
        status: StepStatus::Played,
        own_calls: OwnCalls::default(),
        ops: Vec::new(),
        diff: LazyDiff::default(),
        after: Arc::clone(&before),
        before,
        verdicts: vec![hostile_verdict(names)],
        predicted: Vec::new(),
        charts: Vec::new(),
        nanos: 1,
    };
    let _ = update(
        &mut model,
        Msg::Engine(Event::BranchPlayed { branch: 0, record: Arc::new(record) }),
    );
    model
}

pub fn question(keys: &str) -> Model {
    let mut model = in_lesson(&[]);
    press(&mut model, "\np");
    press(&mut model, keys);
    model
}

pub fn score() -> Model {
    let mut model = in_lesson(&[]);
    let result = LessonResult {
        id: "x".into(),
        title: HOSTILE[0].into(),
        right: 1,
        asked: 2,
        again: vec![(HOSTILE[0].into(), HOSTILE[1].into())],
    };
    model.exam = Some(Exam { results: vec![result], ..Exam::default() });
    model.screen = Screen::Score;
    model
}
