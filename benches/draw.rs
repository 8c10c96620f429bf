//! What a key costs on the screen: drawing a lesson with nothing changed, after a key, and with a shell that floods.

use std::hint::black_box;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use unboxed::app::{Model, Msg, update};
use unboxed::engine::{Event, Ready, ShellTerminal};
use unboxed::lesson::catalogue;
use unboxed::op::ActorName;
use unboxed::report::LabInfo;
use unboxed::snapshot::{Mount, MountTable, NsInode, Propagation, Snapshot};
use unboxed::ui::highlight::Highlighted;
use unboxed::ui::theme::Theme;
use unboxed::ui::{self, Look};

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
    let table = MountTable { actor: ActorName::host(), ns: NsInode(1), rows: (1..=rows).map(row).collect() };
    Snapshot { mounts: vec![table], ..Snapshot::default() }
}

fn lesson(rows: u32) -> Model {
    let lesson = Arc::new(catalogue::find("build-a-container").expect("the lesson"));
    let mut model = Model::new(Vec::new(), SIZE);
    update(&mut model, Msg::Opened { lesson, left_off: 0, tape: None });
    let ready = Ready {
        lab: LabInfo::default(),
        played: 0,
        left_out: Default::default(),
        live: Arc::new(live(rows)),
        context: Default::default(),
        checks: Vec::new(),
        nanos: 1,
    };
    update(&mut model, Msg::Engine(Event::Ready(ready)));
    model
}

fn key(letter: char) -> Msg {
    Msg::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE))
}

fn frame(screen: &mut Terminal<TestBackend>, model: &Model, look: &Look) -> usize {
    screen.draw(|frame| ui::draw(model, look, frame)).map_or(0, |done| done.count)
}

fn draw(bench: &mut Criterion) {
    let look = Look { theme: Theme { colors: true, ascii: false }, highlighted: Highlighted::new() };
    let mut screen = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).expect("a test backend");
    for rows in [20, 2000] {
        let mut model = lesson(rows);
        bench.bench_function(&format!("draw, {rows} mounts"), |bencher| {
            bencher.iter(|| black_box(frame(&mut screen, &model, &look)));
        });
        bench.bench_function(&format!("a key and its frame, {rows} mounts"), |bencher| {
            bencher.iter(|| {
                update(&mut model, key('j'));
                black_box(frame(&mut screen, &model, &look));
            });
        });
    }
    let mut model = lesson(20);
    let (master, _slave) = UnixStream::pair().expect("two ends");
    let terminal = ShellTerminal { master: Arc::new(master.into()), transcript: Arc::default() };
    update(&mut model, Msg::Engine(Event::Shell { tab: 1, actor: ActorName::host(), opened: Ok(terminal) }));
    let flood = b"yes, and so on\r\n".repeat(4096);
    bench.bench_function("64 KiB of a flood and its frame", |bencher| {
        bencher.iter(|| {
            update(&mut model, Msg::ShellPrinted { tab: 1, bytes: flood.clone() });
            black_box(frame(&mut screen, &model, &look));
        });
    });
}

criterion_group!(benches, draw);
criterion_main!(benches);
