//! Panes beside the kernel: what a lesson's screen shows of a lab is what findmnt and ip find there, and what is marked is
//! what a step did.

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::alone;
use unboxed::app::LessonView;
use unboxed::app::panes::{CompareMode, PaneRow};
use unboxed::diff::ChangeKind;
use unboxed::engine::events::{self, EventReceiver};
use unboxed::engine::options::SessionOptions;
use unboxed::engine::requests::{self, RequestSender};
use unboxed::engine::session::Session;
use unboxed::engine::{Event, Request, TurnGoal, play};
use unboxed::lesson::catalogue;
use unboxed::lesson::model::Lesson;
use unboxed::tape::{embedded, file};
use unboxed::view::ViewKind;

fn lesson() -> Lesson {
    catalogue::find_lesson("build-a-container").expect("the lesson")
}

fn step_of(lesson: &Lesson, id: &str) -> usize {
    lesson.steps.iter().position(|step| step.id == id).unwrap_or_else(|| panic!("no step {id}"))
}

/// A lesson's screen, fed by an engine of its own.
struct Watched {
    requests: RequestSender,
    events: EventReceiver,
    view: LessonView,
    engine: std::thread::JoinHandle<()>,
}

impl Watched {
    fn open(lesson: Lesson) -> Watched {
        let lesson = Arc::new(lesson);
        let (requests, for_engine) = requests::channel().expect("a queue");
        let (to_front, events) = events::channel();
        let view = LessonView::new(Arc::clone(&lesson));
        let engine = std::thread::spawn(move || {
            let options = SessionOptions::new_for(common::program());
            let open = |waiting| Session::open_waiting(lesson, common::facts(), &options, waiting);
            play::run_engine(open, &for_engine, &std::sync::mpsc::channel().1, &to_front);
        });
        let mut watched = Watched { requests, events, view, engine };
        watched.take_until(|event| matches!(event, Event::Ready(_)));
        watched
    }

    /// Ask for something, and take in what is told until this event.
    fn ask(&mut self, request: Request, is_last: fn(&Event) -> bool) {
        if matches!(request, Request::PlayNext | Request::PlayInstead) {
            self.view.start_playing(self.view.played_steps());
        }
        self.requests.send(request).expect("the engine listens");
        self.take_until(is_last);
    }

    fn take_until(&mut self, is_last: fn(&Event) -> bool) {
        loop {
            let deadline = Instant::now() + Duration::from_secs(120);
            let event = self.events.recv_until(deadline).expect("the engine says something");
            let ends = is_last(&event);
            match event {
                Event::Ready(ready) => self.view.set_ready(ready),
                Event::Played(record) => {
                    assert!(record.is_ok(), "{:#?}", record.verdicts);
                    self.view.set_record(record);
                }
                Event::TurnBegan { turn, before } => self.view.begin_turn(turn, before),
                Event::TurnChanged(turn) => self.view.set_turn(turn),
                Event::LiveSnapshot(snapshot) => self.view.set_live_snapshot(snapshot),
                Event::Failed(failure) => panic!("{failure:#}"),
                _ => {}
            }
            if ends {
                return;
            }
        }
    }

    fn play_to(&mut self, step: usize) {
        while self.view.played_steps() < step {
            self.ask(Request::PlayNext, |event| matches!(event, Event::Ready(_)));
        }
    }

    fn pid(&self, actor: &str) -> String {
        let process = self.view.live_snapshot().process_of(&actor.into()).expect("the actor");
        process.pid.to_string()
    }

    /// The rows of a pane in the section of an owner, from its heading to the next one's.
    fn section(&self, pane: ViewKind, owner: &str) -> Vec<PaneRow> {
        let sections = self.view.panes.sections(pane);
        let section = sections.iter().find(|it| it.rows[0].text.starts_with(owner));
        section.unwrap_or_else(|| panic!("{owner} has no section")).rows[1..].to_vec()
    }

    /// The marked rows of a pane, each with its sign. Its title counts them.
    fn marked(&self, pane: ViewKind) -> Vec<String> {
        let rows = self.view.panes.rows(pane).filter(|row| row.mark.is_change());
        let marked: Vec<String> =
            rows.map(|row| format!("{}{}", row.mark.sign(), row.text)).collect();
        assert_eq!(self.view.panes.changes(pane), marked.len(), "{marked:#?}");
        marked
    }

    fn close(self) {
        self.requests.send(Request::Quit).expect("the engine listens");
        self.engine.join().expect("the engine ends");
    }
}

/// The ids of the container's mounts: what the pane has, and what findmnt(8) says.
fn mount_ids(watched: &mut Watched) -> [Vec<String>; 2] {
    let pid = watched.pid("container");
    let said = common::output_of("findmnt", &["-N", &pid, "-l", "-n", "-o", "ID"]);
    watched.view.toggle_raw_numbers();
    let rows = watched.section(ViewKind::Mounts, "container");
    watched.view.toggle_raw_numbers();
    let words = |text: &str| text.split_whitespace().next().unwrap_or_default().to_owned();
    // Below the heading stand the names of the columns.
    let mut ours: Vec<String> = rows.iter().skip(1).map(|row| words(&row.text)).collect();
    let mut theirs: Vec<String> = said.lines().map(words).collect();
    ours.sort();
    theirs.sort();
    [ours, theirs]
}

/// Whether the pane has a default route of the container's, and whether ip(8) finds one.
fn default_routes(watched: &Watched) -> [bool; 2] {
    let pid = watched.pid("container");
    let mut enter = vec!["-t", &pid, "-n"];
    if !common::is_root() {
        enter.extend(["-U", "--preserve-credentials"]);
    }
    enter.extend(["ip", "route", "show", "default"]);
    let said = common::output_of("nsenter", &enter);
    let rows = watched.section(ViewKind::Network, "container");
    let is_default = |row: &PaneRow| row.text.trim_start().starts_with("route default");
    [rows.iter().any(is_default), !said.trim().is_empty()]
}

#[test]
fn in_a_repair_the_panes_show_what_is_broken_and_mark_the_mend_alone() {
    let _turn = alone();
    let lesson = lesson();
    let (proc, route) = (step_of(&lesson, "repair-proc"), step_of(&lesson, "repair-route"));
    let mut watched = Watched::open(lesson);
    let begin = Request::BeginTurn(TurnGoal::Step);
    let has_begun = |event: &Event| matches!(event, Event::TurnBegan { .. });
    let is_ready = |event: &Event| matches!(event, Event::Ready(_));

    watched.play_to(proc);
    watched.ask(begin.clone(), has_begun);
    let [before, theirs] = mount_ids(&mut watched);
    assert_eq!(before, theirs, "after the break");
    assert_eq!(watched.marked(ViewKind::Mounts), [""; 0], "nobody has done anything yet");
    watched.ask(Request::PlayInstead, is_ready);
    let [after, theirs] = mount_ids(&mut watched);
    assert_eq!(after, theirs, "after the mend");
    assert_eq!(after.len(), before.len() + 1);
    let marked = watched.marked(ViewKind::Mounts);
    assert!(marked.len() == 1 && marked[0].starts_with('+'), "{marked:#?}");
    assert!(marked[0].contains("/proc"), "{marked:#?}");

    watched.play_to(route);
    let texts = |watched: &Watched| -> Vec<String> {
        let views = [ViewKind::Mounts, ViewKind::Namespaces];
        let rows = views.into_iter().flat_map(|view| watched.view.panes.rows(view));
        rows.map(|row| format!("{:.40}", row.text)).collect()
    };
    watched.view.show_next_step();
    let first_time = texts(&watched);
    watched.ask(begin, has_begun);
    assert_eq!(default_routes(&watched), [false, false], "after the break");
    assert_eq!(watched.marked(ViewKind::Network), [""; 0]);
    watched.ask(Request::PlayInstead, is_ready);
    assert_eq!(default_routes(&watched), [true, true], "after the mend");
    let marked = watched.marked(ViewKind::Network);
    assert!(marked.len() == 1 && marked[0].starts_with("+  route default"), "{marked:#?}");

    // In another lab, at the same place of the lesson, the same things have the same numbers.
    watched.view.start_building();
    watched.ask(Request::RewindTo { steps: route }, is_ready);
    assert_eq!(texts(&watched), first_time);
    watched.close();
}

/// Every step of every tape, as the screen shows it once it has run.
fn each_taped_step(mut check: impl FnMut(&str, &mut LessonView)) {
    for (bytes, header) in embedded::all_tapes() {
        let tape = file::read(bytes).expect("the tape");
        let lesson = Arc::new(catalogue::find_lesson(&header.lesson).expect("the lesson"));
        let mut view = LessonView::new(Arc::clone(&lesson));
        let first = tape.state_after(&lesson, 0).expect("a beginning");
        view.set_ready(first);
        for record in &tape.records {
            let step = &lesson.steps[record.step];
            view.start_playing(record.step);
            view.set_record(Arc::clone(record));
            check(&format!("{}, {}", lesson.id, step.id), &mut view);
        }
    }
}

#[test]
fn a_title_counts_the_marked_rows_and_a_changed_row_reads_otherwise_than_before() {
    let mut changed = 0;
    each_taped_step(|at, view| {
        let mut marked: Vec<(ViewKind, Vec<String>)> = Vec::new();
        for pane in ViewKind::of_state() {
            let rows = view.panes.rows(pane).filter(|row| row.mark.is_change());
            assert_eq!(view.panes.changes(pane), rows.count(), "{at}: {}", pane.title());
            let rows = view.panes.rows(pane).filter(|row| row.mark == ChangeKind::Changed);
            marked.push((pane, rows.map(|row| row.text.clone()).collect()));
        }

        // Looked at otherwise, the number is the same.
        view.panes.compare = CompareMode::Diff;
        view.turn_compare();
        view.turn_compare();
        assert_eq!(view.panes.compare, CompareMode::Before);
        for (pane, rows) in marked {
            let before: Vec<&str> = view.panes.rows(pane).map(|row| row.text.as_str()).collect();
            for text in rows {
                changed += 1;
                assert!(!before.contains(&text.as_str()), "{at}: {}: {text}", pane.title());
            }
        }
        view.turn_compare();
        view.turn_compare();
    });
    assert!(changed > 100, "{changed} changed rows");
}
