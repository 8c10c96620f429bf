//! Each role of the program, killed at points all over a lesson, leaves nothing after one next start; and a system call that
//! fails, wherever it is made, ends in one sentence: no hang, no panic, no false result, nothing left.
//!
//! A few points are tried with each `cargo test`. The whole sweeps take half an hour, and print what each point came to:
//!
//! ```text
//! cargo test --locked --test attacks -- --ignored --nocapture
//! ```

// Calls are made to fail by their registers.
#![cfg(target_arch = "x86_64")]

#[path = "../common/mod.rs"]
mod common;

mod calls;
mod place;
mod tracer;

use std::collections::BTreeMap;

use nix::errno::Errno;
use unboxed::diagnosis::Playable;
use unboxed::doctor::can_play;
use unboxed::lesson::catalogue;

use calls::Calls;
use common::alone;
use place::Place;
use tracer::{Course, Deed, Point, Role};

const CONTAINER: &str = "build-a-container";
const FROZEN: &str = "freezer";

/// Whose calls are made to fail: what an actor's do is what lessons are about.
const ROLES: [Role; 4] = [Role::FrontEnd, Role::Keeper, Role::Store, Role::Host];

/// How the row of an expectation begins that does not hold.
const FAILED: &str = "  failed ";

/// Rust cannot go on without memory for its own, and says so itself.
const OUT_OF_MEMORY: &str = "memory allocation of";

#[test]
fn a_role_killed_at_some_points_leaves_nothing_after_one_next_start() {
    kill_everywhere(CONTAINER, 3);
    kill_everywhere(FROZEN, 1);
}

#[test]
#[ignore = "takes a quarter of an hour: see above"]
fn a_role_killed_anywhere_leaves_nothing_after_one_next_start() {
    kill_everywhere(CONTAINER, 30);
    kill_everywhere(FROZEN, 30);
}

#[test]
fn a_call_that_fails_at_some_points_ends_in_one_sentence() {
    fail_everywhere(&ROLES, &calls::sample(), 2);
}

#[test]
fn a_group_whose_making_fails_half_way_is_not_left() {
    fail_everywhere(&[Role::Keeper], &[(Errno::ENOLCK, calls::AFTER_MKDIR)], 5);
}

#[test]
#[ignore = "takes a quarter of an hour: see above"]
fn a_call_that_fails_anywhere_ends_in_one_sentence() {
    fail_everywhere(&ROLES, &calls::FAULTS, 25);
}

/// False where this machine, or this user, can't play the lesson.
fn is_playable(lesson: &str) -> bool {
    let lesson = catalogue::find_lesson(lesson).expect("a lesson of the catalogue");
    matches!(can_play(&lesson.needs, &common::facts()), Playable::Live)
}

/// `count` of the calls from 1 to `total`, evenly; none of the last, which another run may not make.
fn points(total: usize, count: usize) -> Vec<usize> {
    let mut points: Vec<usize> =
        (0..count).map(|index| 1 + total * (2 * index + 1) / (2 * count)).collect();
    points.dedup();
    points
}

/// Two runs with nothing done to them: what the lesson comes to, and, traced, which calls there are to fail. A busy machine is
/// too slow for some expectations while every call of everybody is looked at, so these verdicts are not judged.
fn untroubled(place: &Place, lesson: &str) -> Course {
    let output = place.command(&["run", lesson]).output().expect("unboxed starts");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!has_rows(&stdout, &[FAILED]), "{stdout}{}", String::from_utf8_lossy(&output.stderr));

    let course = tracer::run(&mut place.command(&["run", lesson]), &place.outputs(), None);
    assert!(course.stderr.is_empty(), "{}", course.stderr);
    assert_eq!(place.left_by(&course.processes), [] as [String; 0]);
    Course { stdout, ..course }
}

fn kill_everywhere(lesson: &str, count: usize) {
    let _turn = alone();
    if !is_playable(lesson) {
        return;
    }
    let place = Place::new();
    let course = untroubled(&place, lesson);
    let mut tally = Tally::default();
    for role in Role::ALL {
        for number in points(course.calls[&role].len(), count) {
            let point = Point { role, among: &[], number, deed: Deed::Kill };
            let killed =
                tracer::run(&mut place.command(&["run", lesson]), &place.outputs(), Some(point));
            let found = if killed.hit.is_some() {
                after_a_kill(&place, &killed)
            } else {
                Finding::NotReached
            };
            tally.add(
                format!("{lesson}: {role:?} killed at its call {number}{}", at(&killed)),
                found,
            );
        }
    }
    tally.judge();
}

fn after_a_kill(place: &Place, killed: &Course) -> Finding {
    if let Some(whereabouts) = &killed.hung {
        return Finding::Wrong(format!("hangs: {whereabouts}"));
    }
    let mut panicked = killed.panicked.clone();
    panicked.dedup();
    if !panicked.is_empty() || killed.stderr.contains("panicked at") {
        return Finding::Wrong(format!("{panicked:?} panics: {}", tail(&killed.stderr)));
    }

    let left = place.left_by(&killed.processes);
    if left.is_empty() {
        return Finding::Right("nothing left");
    }
    let next = place.command(&["run", "1", "--until", "1"]).output().expect("unboxed starts");
    let after = place.left_by(&killed.processes);
    if !after.is_empty() {
        return Finding::Wrong(format!("left after the next start: {after:#?}"));
    }
    if !next.status.success() {
        let said = [next.stdout, next.stderr].concat();
        return Finding::Wrong(format!(
            "the next start fails: {}",
            tail(&String::from_utf8_lossy(&said))
        ));
    }
    Finding::Right("swept")
}

fn fail_everywhere(roles: &[Role], faults: &[(Errno, Calls)], count: usize) {
    let _turn = alone();
    if !is_playable(CONTAINER) {
        return;
    }
    let place = Place::new();
    let course = untroubled(&place, CONTAINER);
    let mut tally = Tally::default();
    for (errno, among) in faults.iter().copied() {
        for role in roles.iter().copied() {
            let total = course.calls[&role]
                .iter()
                .filter(|call| among.iter().any(|(_, known)| known == *call))
                .count();
            if total == 0 {
                continue;
            }
            for number in points(total, count) {
                let point = Point { role, among, number, deed: Deed::Fail(errno) };
                let failed = tracer::run(
                    &mut place.command(&["run", CONTAINER]),
                    &place.outputs(),
                    Some(point),
                );
                let found = if failed.hit.is_some() {
                    after_a_fault(&place, &course, &failed)
                } else {
                    Finding::NotReached
                };
                tally.add(
                    format!("{role:?}, {errno:?} at {number} of {total}{}", at(&failed)),
                    found,
                );
                failures_shown(&failed).for_each(|line| println!("    {}", line.trim_start()));
            }
        }
    }
    tally.judge();
}

fn after_a_fault(place: &Place, untroubled: &Course, failed: &Course) -> Finding {
    if let Some(whereabouts) = &failed.hung {
        return Finding::Wrong(format!("hangs: {whereabouts}"));
    }
    let out_of_memory = failed.stderr.contains(OUT_OF_MEMORY);
    if !failed.panicked.is_empty() && !out_of_memory {
        return Finding::Wrong(format!("{:?} panics: {}", failed.panicked, tail(&failed.stderr)));
    }
    let left = place.left_by(&failed.processes);
    if !left.is_empty() {
        return Finding::Wrong(format!("left after an error: {left:#?}\n{}", tail(&failed.stderr)));
    }

    let errors = failed.stderr.lines().filter(|line| line.starts_with("unboxed: ")).count();
    let shows_a_failure = has_rows(&failed.stdout, &[FAILED, "DIFFERENT"]);
    match failed.status {
        Some(0) if !failed.stderr.is_empty() => {
            Finding::Wrong(format!("succeeds, but says {}", tail(&failed.stderr)))
        }
        Some(0) if verdicts(&failed.stdout) != verdicts(&untroubled.stdout) => {
            Finding::Wrong(format!("succeeds with other verdicts: {}", tail(&failed.stdout)))
        }
        Some(0) => Finding::Right("done all the same"),
        _ if out_of_memory => Finding::Right("out of memory"),
        _ if errors == 1 => Finding::Right("one sentence"),
        _ if errors == 0 && failed.stderr.is_empty() && shows_a_failure => {
            Finding::Right("shown as a verdict")
        }
        // Before the program's own first instruction.
        _ if errors == 0 && failed.stderr.contains("error while loading shared libraries") => {
            Finding::Right("not loaded")
        }
        status => Finding::Wrong(format!(
            "ends with {status:?} and {errors} sentences: {}",
            tail(&failed.stderr)
        )),
    }
}

/// What the lesson's expectations came to.
fn verdicts(stdout: &str) -> Vec<&str> {
    stdout
        .lines()
        .filter(|line| {
            ["  ok   ", FAILED, "  not possible here"].iter().any(|start| line.starts_with(start))
        })
        .collect()
}

fn has_rows(stdout: &str, words: &[&str]) -> bool {
    stdout.lines().any(|line| words.iter().any(|word| line.contains(word)))
}

/// What a run says of what failed.
fn failures_shown(course: &Course) -> impl Iterator<Item = &str> {
    let is_failure = |line: &&str| {
        [" = -1 ", FAILED, "the kernel shows", "DIFFERENT"].iter().any(|word| line.contains(word))
    };
    course.stderr.lines().chain(course.stdout.lines().filter(is_failure)).take(6)
}

fn at(course: &Course) -> String {
    course.hit.map_or_else(String::new, |call| format!(" ({})", calls::name(call)))
}

/// The last lines of a text.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n    ")
}

/// What became of one point.
#[derive(Debug)]
enum Finding {
    Right(&'static str),
    Wrong(String),
    /// No two runs make quite as many calls.
    NotReached,
}

#[derive(Debug, Default)]
struct Tally {
    right: BTreeMap<&'static str, usize>,
    not_reached: usize,
    wrong: Vec<String>,
}

impl Tally {
    fn add(&mut self, what: String, finding: Finding) {
        println!("{what}: {finding:?}");
        match finding {
            Finding::Right(how) => *self.right.entry(how).or_default() += 1,
            Finding::NotReached => self.not_reached += 1,
            Finding::Wrong(how) => self.wrong.push(format!("{what}: {how}")),
        }
    }

    fn judge(self) {
        let reached = self.right.values().sum::<usize>() + self.wrong.len();
        println!(
            "{reached} points: {:?}, {} wrong, {} not reached",
            self.right,
            self.wrong.len(),
            self.not_reached
        );
        assert!(
            self.wrong.is_empty(),
            "{} of {reached} points went wrong:\n{}",
            self.wrong.len(),
            self.wrong.join("\n")
        );
        assert!(reached >= self.not_reached, "{} of the points were not reached", self.not_reached);
    }
}
