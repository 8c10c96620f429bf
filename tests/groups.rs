//! Control groups as real hosts lay them out: read from outside, and drawn as a tree with the files of one of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use unboxed::app::{Direction, Model, Msg, Screen, update};
use unboxed::engine::{Event, ReadyState};
use unboxed::lesson::parse::parse;
use unboxed::observe::{CgroupRoot, cgroups};
use unboxed::op::ActorName;
use unboxed::report::{ChartPoint, ChartSeries, LabInfo, LazyDiff, StepRecord, StepStatus};
use unboxed::snapshot::CgroupVersion;
use unboxed::snapshot::{Cgroup, Process, Snapshot};
use unboxed::ui::theme::Theme;
use unboxed::ui::{self, DrawOptions};
use unboxed::view::{Chart, ChartKind, ViewKind};

const LESSON: &str = "\
format: 1
number: 13
id: hosts
title: Groups on a host
summary: A group with a limit.
minutes: 1
steps:
  - {id: limit, title: A limit, story: A number in a file., actions: [{getpid: {}}], watch: [cgroups]}
  - {id: next, title: What comes next, story: Nothing., actions: [{getpid: {}}], watch: [cgroups]}
";

/// The container of the hosts that run docker.
const CONTAINER: &str = "docker/4f2a9c3d6b1e0a7788c5d2f1e3b4a69587766554433221100ffeeddccbbaa998";

/// A host is a text as `grep -r ''` prints it of /sys/fs/cgroup: a path, a colon, a line.
fn lay_out(host: &str, at: &Path) -> Vec<CgroupRoot> {
    let text = std::fs::read_to_string(format!("tests/fixtures/hosts/{host}.txt")).expect("a host");
    let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut hierarchies: Vec<&str> = Vec::new();
    for line in text.lines() {
        let (path, content) = line.split_once(':').expect("a path and a line");
        files.entry(path).or_default().push(content);
        let hierarchy = path.split('/').next().expect("a first part");
        if !hierarchies.contains(&hierarchy) {
            hierarchies.push(hierarchy);
        }
    }
    for (path, lines) in files {
        let path = at.join(path);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        std::fs::write(path, lines.join("\n") + "\n").expect("written");
    }
    let root = |hierarchy: &&str| CgroupRoot {
        hierarchy: (*hierarchy).into(),
        version: if *hierarchy == "unified" { CgroupVersion::V2 } else { CgroupVersion::V1 },
        path: at.join(hierarchy),
    };
    hierarchies.iter().map(root).collect()
}

fn read(host: &str) -> Vec<Cgroup> {
    let dir = tempfile::tempdir().expect("a directory");
    cgroups::read(&lay_out(host, dir.path())).0
}

#[test]
fn the_groups_of_a_host_are_read_as_it_lays_them_out() {
    for host in ["v1-docker", "v2-systemd", "hybrid"] {
        let mut lines = Vec::new();
        for group in read(host) {
            let procs: Vec<String> = group.procs.iter().map(u32::to_string).collect();
            lines.push(format!("{}:/{}  [{}]", group.hierarchy, group.path, procs.join(" ")));
            lines.extend(
                group
                    .files
                    .iter()
                    .map(|(name, value)| format!("    {name} {}", value.replace('\n', " | "))),
            );
        }
        insta::assert_snapshot!(host, lines.join("\n"));
    }
}

fn process(pid: u32, actor: Option<&str>, comm: &str, state: char) -> Process {
    Process {
        pid,
        ns_pids: vec![pid, pid % 100],
        ppid: 1,
        start_time: 7,
        uid: 0,
        state,
        comm: comm.into(),
        args: format!("{comm} --flag"),
        actor: actor.map(ActorName::from),
        namespaces: BTreeMap::new(),
        cgroups: Vec::new(),
    }
}

/// A lesson on such a host, in which a step has let two processes into the container's group, and a chart was drawn.
fn on(host: &str, group: &str, with_chart: bool) -> Model {
    let lesson = Arc::new(parse("lesson", LESSON).expect("a lesson"));
    let processes = vec![
        process(1, Some("host"), "init", 'S'),
        process(1337, Some("patient"), "patient", 'D'),
        process(1402, None, "sh", 'S'),
    ];
    let after = Arc::new(Snapshot { cgroups: read(host), processes, ..Snapshot::default() });
    let mut before = (*after).clone();
    before.processes.truncate(1);
    for known in before.cgroups.iter_mut().filter(|known| known.path == group) {
        known.procs.clear();
        if let Some(used) = known.files.get_mut("memory.usage_in_bytes") {
            *used = "0".into();
        }
    }
    let before = Arc::new(before);
    let point = |at: u64| ChartPoint {
        at_ms: at * 100,
        value: (at << 22) as f64,
        limit: Some((64 << 20) as f64),
        marked: false,
    };
    let series = ChartSeries {
        chart: Chart { group: group.into(), of: ChartKind::Memory },
        points: (0..=16).map(point).collect(),
    };
    let record = StepRecord {
        step: 0,
        status: StepStatus::Played,
        own_calls: Default::default(),
        ops: Vec::new(),
        diff: LazyDiff::default(),
        before: Arc::clone(&before),
        after: Arc::clone(&after),
        verdicts: Vec::new(),
        predicted: Vec::new(),
        charts: if with_chart { vec![series] } else { Vec::new() },
        nanos: 1_000_000,
    };
    let ready = |played, live: &Arc<Snapshot>| {
        let lab = LabInfo { id: "unboxed-1-2-3".into(), actors: BTreeMap::new(), rootless: false };
        let (left_out, context) = Default::default();
        Event::Ready(ReadyState {
            lab,
            played,
            left_out,
            live: Arc::clone(live),
            context,
            checks: Vec::new(),
            nanos: 1,
        })
    };
    let mut model = Model::new(Vec::new(), (80, 24));
    let _ = update(&mut model, Msg::LessonOpened { lesson, left_off: 0, tape: None });
    let _ = update(&mut model, Msg::Engine(ready(0, &before)));
    let _ = update(&mut model, Msg::Engine(Event::Playing { step: 0 }));
    let _ = update(&mut model, Msg::Engine(Event::Played(Arc::new(record))));
    let _ = update(&mut model, Msg::Engine(ready(1, &after)));
    model
}

fn press(model: &mut Model, keys: &str) {
    for letter in keys.chars() {
        let code = if letter == '\u{1b}' { KeyCode::Esc } else { KeyCode::Char(letter) };
        let asked = update(model, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        assert_eq!(asked, [], "`{letter}` only looks");
    }
}

fn draw(model: &Model, columns: u16, rows: u16) -> String {
    let look = DrawOptions::new(Theme::without_colors().in_ascii());
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a test backend");
    terminal.draw(|frame| ui::draw(model, &look, frame)).expect("a frame");
    let buffer = terminal.backend().buffer();
    let line =
        |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..rows).map(line).collect::<Vec<_>>().join("\n")
}

/// The rows of the pane, with their marks.
fn pane(model: &Model) -> String {
    let Screen::Lesson(view) = &model.screen else { panic!("a lesson") };
    let rows: Vec<String> = view
        .panes
        .rows(ViewKind::Cgroups)
        .map(|row| format!("{} {}", row.mark.sign(), row.text))
        .collect();
    rows.join("\n")
}

fn chosen(model: &Model) -> Option<&str> {
    let Screen::Lesson(view) = &model.screen else { panic!("a lesson") };
    view.panes.chosen_group()
}

#[test]
fn the_tree_says_who_is_where_and_a_group_can_be_looked_at_alone() {
    let mut model = on("v1-docker", CONTAINER, true);
    insta::assert_snapshot!("tree-80x24", draw(&model, 80, 24));
    insta::assert_snapshot!("tree-120x40", draw(&model, 120, 40));
    press(&mut model, "z");
    insta::assert_snapshot!("tree-zoomed-120x40", draw(&model, 120, 40));
    press(&mut model, "zee");
    assert_eq!(chosen(&model), Some(CONTAINER));
    insta::assert_snapshot!("chosen-120x40", draw(&model, 120, 40));
    insta::assert_snapshot!("chosen-200x60", draw(&model, 200, 60));
    press(&mut model, "d");
    insta::assert_snapshot!("chosen-before-and-after-200x60", draw(&model, 200, 60));
    insta::assert_snapshot!("chosen-pane", pane(&model));
    press(&mut model, "dd");
    insta::assert_snapshot!("chosen-after-pane", pane(&model));
}

#[test]
fn hosts_of_every_kind_have_their_tree() {
    let check = |host: &str, group: &str| {
        let model = on(host, group, false);
        insta::assert_snapshot!(
            format!("tree-of-{host}"),
            pane(&model).split("v1 name").next().expect("the tree")
        );
    };
    check("v1-docker", CONTAINER);
    check("v2-systemd", &format!("system.slice/{}.scope", CONTAINER.replace('/', "-")));
    check("hybrid", "process_one/7");
}

#[test]
fn groups_are_chosen_one_after_the_other_or_by_their_row() {
    let mut model = on("hybrid", "process_one/7", false);
    let mut seen = Vec::new();
    for _ in 0..6 {
        press(&mut model, "e");
        seen.push(chosen(&model).map(str::to_owned));
    }
    let all = ["box", "process_one", "process_one/7", ""].map(|path| Some(path.to_owned()));
    assert_eq!(seen[..4], all);
    assert_eq!(
        seen[4..],
        [None, all[0].clone()],
        "after the last all are shown, and it begins anew"
    );
    press(&mut model, "\u{1b}");
    assert_eq!(chosen(&model), None, "Esc shows all again");

    let row_of = |model: &Model, path: &str| {
        let Screen::Lesson(view) = &model.screen else { panic!("a lesson") };
        view.panes
            .find_row(ViewKind::Cgroups, 0, Direction::Forward, |row| {
                row.group.as_deref() == Some(path)
            })
            .expect("its row")
    };
    let row = row_of(&model, "box");
    press(&mut model, &"j".repeat(row));
    press(&mut model, "e");
    assert_eq!(chosen(&model), Some("box"), "the selected row's");
    assert!(
        pane(&model).contains("cpuset:/box") && !pane(&model).contains("memory:/process_one"),
        "{}",
        pane(&model)
    );
    press(&mut model, "e");
    assert_eq!(chosen(&model), None, "the same again");
    press(&mut model, "ke");
    assert_eq!(chosen(&model), Some(""), "the lab's top group");
}

#[test]
fn what_is_chosen_stays_when_looking_back_and_ends_with_the_next_step() {
    let mut model = on("v1-docker", CONTAINER, true);
    press(&mut model, "eeh");
    assert_eq!(chosen(&model), Some(CONTAINER));
    assert!(draw(&model, 80, 24).contains("LOOKING BACK"));
    press(&mut model, "l");
    assert_eq!(chosen(&model), Some(CONTAINER));
    let Screen::Lesson(view) = &mut model.screen else { panic!("a lesson") };
    let record = Arc::clone(view.record(0).expect("a record"));
    view.set_record(record);
    assert_eq!(chosen(&model), None);
}
