//! What a key costs on the screen: drawing a lesson with nothing changed, after a key, and with a shell that floods; and what
//! a beat of a talk costs in its windows.

use std::hint::black_box;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use unboxed::app::talk::TalkView;
use unboxed::app::{Model, Msg, Screen, update};
use unboxed::engine::{Event, ReadyState, ShellTerminal};
use unboxed::lesson::catalogue;
use unboxed::op::ActorName;
use unboxed::report::{LabInfo, RecordWithSnapshots};
use unboxed::snapshot::{Mount, MountTable, NsInode, Omitted, Propagation, Snapshot};
use unboxed::talk::clock::Clock;
use unboxed::talk::message::{HubToWindow, TalkEvent, TalkState, Window, WindowRole, Windows};
use unboxed::talk::{AudienceView, Beat};
use unboxed::tape::{embedded, file};
use unboxed::ui::theme::Theme;
use unboxed::ui::{self, DrawOptions};

const SIZE: (u16, u16) = (200, 60);

/// A mount table of many rows: what is not on the screen must cost nothing.
fn live(rows: u32) -> Snapshot {
    let row = |id: u32| Mount {
        id,
        parent: 1,
        device: "0:1".into(),
        root: "/".into(),
        target: format!("/mnt/{id}"),
        options: "rw".into(),
        propagation: Propagation::default(),
        fstype: "tmpfs".into(),
        source: "none".into(),
        super_options: "rw".into(),
    };
    let table = MountTable {
        actor: ActorName::host(),
        ns: NsInode(1),
        rows: (1..=rows).map(row).collect(),
        omitted: Omitted::Nothing,
    };
    Snapshot { mounts: vec![table], ..Snapshot::default() }
}

fn lesson(rows: u32) -> Model {
    let lesson = Arc::new(catalogue::find_lesson("build-a-container").expect("the lesson"));
    let mut model = Model::new(Vec::new(), SIZE);
    let _ = update(&mut model, Msg::LessonOpened { lesson, left_off: 0, tape: None });
    let ready = ReadyState {
        lab: LabInfo::default(),
        played: 0,
        left_out: Default::default(),
        live: Arc::new(live(rows)),
        context: Default::default(),
        checks: Vec::new(),
        nanos: 1,
    };
    let _ = update(&mut model, Msg::Engine(Event::Ready(ready)));
    // From the beginning of the lesson to the map and the rows.
    let _ = update(&mut model, key('j'));
    model
}

fn key(letter: char) -> Msg {
    Msg::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE))
}

fn frame(screen: &mut Terminal<TestBackend>, model: &Model, look: &DrawOptions) -> usize {
    screen.draw(|frame| ui::draw(model, look, frame)).map_or(0, |done| done.count)
}

fn draw(bench: &mut Criterion) {
    let look = DrawOptions::new(Theme::ansi());
    let mut screen = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).expect("a test backend");
    for rows in [20, 2000, 10_000] {
        let mut model = lesson(rows);
        bench.bench_function(&format!("draw, {rows} mounts"), |bencher| {
            bencher.iter(|| black_box(frame(&mut screen, &model, &look)));
        });
        bench.bench_function(&format!("a key and its frame, {rows} mounts"), |bencher| {
            bencher.iter(|| {
                let _ = update(&mut model, key('j'));
                black_box(frame(&mut screen, &model, &look));
            });
        });
    }
    for (rows, size) in [(20, (120, 40)), (20, SIZE), (10_000, SIZE)] {
        let mut model = lesson(rows);
        let _ = update(&mut model, key('m'));
        let mut screen = Terminal::new(TestBackend::new(size.0, size.1)).expect("a test backend");
        let name = format!("the map alone, {rows} mounts, {}x{}", size.0, size.1);
        bench.bench_function(&name, |bencher| {
            bencher.iter(|| black_box(frame(&mut screen, &model, &look)));
        });
    }

    let mut model = lesson(20);
    let (master, _slave) = UnixStream::pair().expect("two ends");
    let terminal = ShellTerminal { master: Arc::new(master.into()), transcript: Arc::default() };
    let _ = update(
        &mut model,
        Msg::Engine(Event::ShellOpened { tab: 1, actor: ActorName::host(), opened: Ok(terminal) }),
    );
    let flood = b"yes, and so on\r\n".repeat(4096);
    bench.bench_function("64 KiB of a flood and its frame", |bencher| {
        bencher.iter(|| {
            let _ = update(&mut model, Msg::ShellPrinted { tab: 1, bytes: flood.clone() });
            black_box(frame(&mut screen, &model, &look));
        });
    });
}

/// A window of a talk on a lesson that was played to its end, as its tape has it.
fn window(role: WindowRole, size: (u16, u16)) -> Model {
    let lesson = catalogue::find_lesson("build-a-container").expect("the lesson");
    let tape =
        embedded::all_tapes().find(|(_, header)| header.lesson == lesson.id).expect("its tape").0;
    let tape = file::read(tape).expect("a sound tape");
    let mut told: Vec<TalkEvent> = tape
        .records
        .iter()
        .map(|record| TalkEvent::Played(RecordWithSnapshots::from_record(record)))
        .collect();
    told.extend(tape.state_after(&lesson, tape.records.len()).map(TalkEvent::Ready));
    let own = Window { pid: 1, role, size };
    let whole = TalkState {
        lesson: catalogue::lesson_text(&lesson.id).expect("its text").to_owned(),
        name: "lesson.yaml".into(),
        tape: None,
        events: told,
        missing: Default::default(),
        set: stage(10),
        shown: stage(10),
        clock: Clock::new(&lesson, None, &Default::default()),
        windows: Windows { all: vec![own], driver: Some(1) },
    };
    let mut model = Model::new(Vec::new(), size);
    model.screen = Screen::Talk(Box::new(TalkView::new(role, 1, Vec::new())));
    let _ = update(&mut model, Msg::Hub(HubToWindow::State(Box::new(whole))));
    model
}

fn stage(step: usize) -> AudienceView {
    AudienceView::new().at_beat(Beat::Show { step })
}

fn talk(bench: &mut Criterion) {
    let look = DrawOptions::new(Theme::ansi());
    for (name, role, size) in
        [("console", WindowRole::Console, (120, 40)), ("audience", WindowRole::Watcher, (80, 24))]
    {
        let mut screen = Terminal::new(TestBackend::new(size.0, size.1)).expect("a test backend");
        let mut model = window(role, size);
        bench.bench_function(&format!("draw the {name}"), |bencher| {
            bencher.iter(|| black_box(frame(&mut screen, &model, &look)));
        });
        let mut step = 0;
        bench.bench_function(&format!("a beat and its frame, {name}"), |bencher| {
            bencher.iter(|| {
                step = (step + 1) % 30;
                let _ = update(
                    &mut model,
                    Msg::Hub(HubToWindow::AudienceView { set: stage(step), shown: stage(step) }),
                );
                black_box(frame(&mut screen, &model, &look));
            });
        });
    }
}

criterion_group!(benches, draw, talk);
criterion_main!(benches);
