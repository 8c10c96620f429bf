//! Every screen at every size, from hand-made state: no panic, no control character, no meaning by colour alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use unboxed::app::{CatalogueRow, Model, Msg, Screen, update};
use unboxed::call::{Call, CallKind, CallResult, ErrnoName};
use unboxed::diff::Diff;
use unboxed::engine::{Event, Proof, ProofRow, Ready};
use unboxed::lesson::catalogue;
use unboxed::observe::mounts;
use unboxed::op::{ActorName, NamespaceKind, Op, OpRecord, Outcome};
use unboxed::report::{LabInfo, StepRecord, StepStatus, Verdict};
use unboxed::snapshot::*;
use unboxed::ui::theme::Theme;
use unboxed::ui::{self, Look};

/// What nobody should name a thing, and somebody will.
const HOSTILE: [&str; 6] = [
    "\u{1b}[2J\u{1b}[31mred",
    "tab\there\nand\rthere",
    "あいうえお",
    "\u{1112}\u{1161}\u{11ab}",
    "ｶﾞ",
    "\u{9b}5m\u{7}\u{200d}",
];

fn look(colors: bool) -> Look {
    Look { theme: Theme { colors, ascii: true }, highlighted: BTreeMap::new().into_iter().collect() }
}

fn key(code: KeyCode) -> Msg {
    Msg::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn table(actor: &str, ns: u64, lines: &str) -> MountTable {
    MountTable { actor: actor.into(), ns: NsInode(ns), rows: mounts::parse(lines) }
}

const BEFORE: &str = "\
1 0 0:1 / / rw - tmpfs tmpfs rw
2 1 254:0 /usr /usr ro - ext4 /dev/vda rw
3 1 0:3 / /proc rw - proc proc rw
4 1 0:4 /c /root/container rw - tmpfs tmpfs rw";
const AFTER: &str = "\
1 4 0:1 / /oldroot rw - tmpfs tmpfs rw
2 1 254:0 /usr /oldroot/usr ro - ext4 /dev/vda rw
3 1 0:3 / /oldroot/proc rw - proc proc rw
4 0 0:4 /c / rw - tmpfs tmpfs rw";

fn process(pid: u32, pids: &[u32], actor: Option<&str>, comm: &str) -> Process {
    let inode = |kind: &NamespaceKind| (*kind, NsInode(4_026_531_000 + u64::from(pid) * 10 + *kind as u64));
    Process {
        pid,
        ns_pids: pids.to_vec(),
        ppid: 1,
        start_time: 7,
        uid: 0,
        state: 'S',
        comm: comm.into(),
        args: comm.into(),
        actor: actor.map(ActorName::from),
        namespaces: NamespaceKind::ALL.iter().map(inode).collect(),
        cgroups: Vec::new(),
    }
}

fn snapshot(container: &str, names: &[&str]) -> Snapshot {
    let link = |index: u32, name: &str| Link {
        index,
        name: name.into(),
        kind: "veth".into(),
        up: true,
        carrier: true,
        operstate: "UP".into(),
        mac: "00:00:00:00:00:01".into(),
        mtu: 1500,
        master: Some("docker0".into()),
        peer_index: Some(2),
        peer_netns: Some(0),
    };
    Snapshot {
        mounts: vec![table("host", 1, BEFORE), table("container", 2, container)],
        processes: std::iter::once(process(100, &[100, 1], Some("host"), "unboxed: host"))
            .chain(std::iter::once(process(102, &[102, 6, 1], Some("container"), "unboxed: container")))
            .chain(names.iter().enumerate().map(|(index, name)| process(200 + index as u32, &[200], None, name)))
            .collect(),
        networks: vec![Network {
            name: "host".into(),
            ns: NsInode(5),
            actors: vec!["host".into()],
            links: names
                .iter()
                .enumerate()
                .map(|(index, name)| link(index as u32 + 1, name))
                .chain([link(90, "h0")])
                .collect(),
            addresses: vec![Address { dev: "h0".into(), ip: "172.17.0.1".into(), prefix: 16, scope: "global".into() }],
            routes: vec![Route {
                to: "default".into(),
                via: Some("203.0.113.1".into()),
                dev: "eth0".into(),
                protocol: "boot".into(),
                scope: "global".into(),
                prefsrc: None,
            }],
            neighbours: Vec::new(),
        }],
        cgroups: vec![Cgroup {
            hierarchy: "memory".into(),
            path: "box".into(),
            procs: vec![102],
            files: names
                .iter()
                .map(|name| ((*name).to_owned(), (*name).to_owned()))
                .chain([("memory.limit_in_bytes".into(), "67108864".into())])
                .collect(),
        }],
        overlays: vec![Overlay {
            actor: "host".into(),
            mount_id: 9,
            merged: "/merged".into(),
            lowers: vec!["/image/tools".into(), "/image/base".into()],
            upper: Some("/upper".into()),
            work: Some("/work".into()),
            entries: names
                .iter()
                .map(|name| OverlayEntry {
                    path: (*name).into(),
                    kind: FileKind::File,
                    in_lowers: vec![1],
                    upper: InUpper::Whiteout,
                    merged: false,
                })
                .collect(),
            truncated: true,
        }],
        directories: vec![Directory {
            actor: "container".into(),
            path: "/".into(),
            entries: Some(
                names
                    .iter()
                    .map(|name| DirEntry { name: (*name).into(), kind: FileKind::File, size: 5, link: None })
                    .collect(),
            ),
        }],
        hostnames: names.iter().map(|name| (ActorName::from(*name), (*name).to_owned())).collect(),
    }
}

fn ready(played: usize, live: Snapshot) -> Ready {
    let lab = LabInfo { id: "unboxed-1-2-3".into(), actors: BTreeMap::new(), rootless: true };
    Ready { lab, played, live: Arc::new(live), context: Default::default(), checks: Vec::new(), nanos: 1_000_000 }
}

/// The lesson with its first steps played; the last of them moved the mounts.
fn in_lesson(names: &[&str]) -> Model {
    let lesson = Arc::new(catalogue::find("build-a-container").expect("the lesson"));
    let mut model = Model::new(Vec::new(), (80, 24));
    update(&mut model, Msg::Opened(Arc::clone(&lesson), 0));
    update(&mut model, Msg::Engine(Event::Ready(ready(0, snapshot(BEFORE, &[])))));
    for step in 0..11 {
        let (before, after) = (Arc::new(snapshot(BEFORE, &[])), Arc::new(snapshot(AFTER, names)));
        let call = Call {
            kind: CallKind::Syscall,
            name: "pivot_root".into(),
            args: "\".\", \"oldroot\"".into(),
            result: if names.is_empty() { CallResult::Value(0) } else { CallResult::Errno(ErrnoName("EINVAL".into())) },
            nanos: 62_000,
        };
        let record = StepRecord {
            step,
            status: StepStatus::Played,
            ops: vec![OpRecord {
                actor: "container".into(),
                op: Op::PivotRoot { new_root: ".".into(), put_old: "oldroot".into() },
                calls: vec![call],
                outcome: Outcome::Done { output: names.join("\n") },
                nanos: 70_000,
            }],
            diff: Diff::between(&before, &after),
            before,
            after: Arc::clone(&after),
            verdicts: vec![
                Verdict {
                    ok: true,
                    expected: "container has a mount of type tmpfs at /oldroot".into(),
                    seen: String::new(),
                },
                Verdict { ok: false, expected: names.join(" "), seen: names.join(" ") },
            ],
            nanos: 5_000_000,
        };
        update(&mut model, Msg::Engine(Event::Playing { step }));
        update(&mut model, Msg::Engine(Event::Played(Arc::new(record))));
        update(&mut model, Msg::Engine(Event::Ready(ready(step + 1, snapshot(AFTER, names)))));
    }
    model
}

fn in_catalogue() -> Model {
    let row = |number: u32, title: &str, blocked| CatalogueRow {
        number,
        id: format!("lesson-{number}"),
        title: title.into(),
        summary: "What it is about, in one sentence.".into(),
        minutes: 12,
        steps: 9,
        blocked,
        left_out: vec!["A group with a limit".into()],
        left_off: (number == 2).then_some(4),
    };
    let blocked = Some(("no user namespaces".into(), "sysctl kernel.unprivileged_userns_clone=1".into()));
    Model::new(
        vec![
            row(1, "What is a container?", None),
            row(2, "Build a container by hand", None),
            row(3, HOSTILE[0], blocked),
        ],
        (80, 24),
    )
}

fn ended() -> Model {
    let mut model = in_lesson(&[]);
    update(&mut model, key(KeyCode::Char('q')));
    update(&mut model, key(KeyCode::Char('y')));
    let row = |what: &str, differences: Vec<String>| ProofRow { what: what.into(), before: 20, after: 20, differences };
    let rows = vec![row("mounts", Vec::new()), row("network links", vec![HOSTILE[0].into()])];
    update(&mut model, Msg::Engine(Event::Ended(Proof { rows })));
    model
}

fn draw(model: &Model, look: &Look, columns: u16, rows: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a test backend");
    terminal.draw(|frame| ui::draw(model, look, frame)).expect("a frame");
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let line: String = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The screens there are, each in a state worth looking at, with hostile names in it.
fn models() -> Vec<(&'static str, Model)> {
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
        ("calls, zoomed", "xz"),
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
    ] {
        let mut model = in_lesson(&names);
        for letter in keys.chars() {
            update(&mut model, key(if letter == '\n' { KeyCode::Enter } else { KeyCode::Char(letter) }));
        }
        models.push((name, model));
    }
    models
}

#[test]
fn every_screen_draws_at_every_size_and_lets_no_control_character_through() {
    let look = look(true);
    let widths = (1..=250).step_by(7).chain([59, 60, 61, 79, 80, 99, 100, 101, 159, 160, 161, 250]);
    let heights = [1, 2, 3, 14, 15, 16, 23, 24, 29, 30, 31, 40, 49, 50, 51, 60, 80];
    let sizes: Vec<(u16, u16)> = widths.flat_map(|width| heights.map(|height| (width, height))).collect();
    for (name, model) in models() {
        for &(columns, rows) in &sizes {
            let buffer = draw(&model, &look, columns, rows);
            for cell in buffer.content() {
                assert!(
                    !cell.symbol().chars().any(char::is_control),
                    "{name} at {columns}x{rows}: {:?}",
                    cell.symbol()
                );
            }
        }
    }
}

#[test]
fn without_colours_the_same_is_said_and_the_selection_is_reversed() {
    for (name, model) in models() {
        let (with, without) = (draw(&model, &look(true), 120, 40), draw(&model, &look(false), 120, 40));
        assert_eq!(text(&with), text(&without), "{name}");
        for cell in without.content() {
            assert!(cell.fg == Color::Reset && cell.bg == Color::Reset, "{name}: {cell:?}");
        }
        let reversed =
            |buffer: &Buffer| buffer.content().iter().filter(|cell| cell.modifier.contains(Modifier::REVERSED)).count();
        assert_eq!(reversed(&with), reversed(&without), "{name}");
    }
    assert!(text(&draw(&in_catalogue(), &look(false), 80, 24)).contains("not here"));
}

#[test]
fn a_tiny_terminal_is_told_what_is_needed() {
    let said = text(&draw(&in_catalogue(), &look(true), 59, 20));
    assert!(said.contains("unboxed needs 60x15, this is 59x20"), "{said}");
}

#[test]
fn moving_about_never_asks_the_engine_for_anything() {
    let mut model = in_lesson(&[]);
    for letter in "hlhhljkgGdcdzz123456 []yYItqx?kj:".chars() {
        let effects = update(&mut model, key(KeyCode::Char(letter)));
        let asked: Vec<_> = effects.iter().filter(|effect| matches!(effect, unboxed::app::Effect::Engine(_))).collect();
        assert!(asked.is_empty(), "`{letter}` asks for {asked:?}");
        update(&mut model, key(KeyCode::Esc));
    }
    assert!(matches!(model.screen, Screen::Lesson(_)));
}

#[test]
fn screens_look_as_they_should() {
    insta::assert_snapshot!("catalogue-80x24", text(&draw(&in_catalogue(), &look(true), 80, 24)));
    let mut model = in_lesson(&[]);
    insta::assert_snapshot!("pivot-root-80x24", text(&draw(&model, &look(true), 80, 24)));
    insta::assert_snapshot!("pivot-root-120x40", text(&draw(&model, &look(true), 120, 40)));
    update(&mut model, key(KeyCode::Char('d')));
    insta::assert_snapshot!("before-and-after-200x60", text(&draw(&model, &look(true), 200, 60)));
    insta::assert_snapshot!("ended-80x24", text(&draw(&ended(), &look(true), 80, 24)));
    update(&mut model, key(KeyCode::Char('?')));
    insta::assert_snapshot!("help-120x40", text(&draw(&model, &look(true), 120, 40)));
}
