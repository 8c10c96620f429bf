//! The lessons on the real kernel: they play, their expectations can fail, a rewind equals a fresh run.

mod common;

use common::{Machine, alone, open_session, unboxed};
use unboxed::diagnosis::Playable;
use unboxed::doctor::can_play;
use unboxed::lesson::catalogue;
use unboxed::lesson::model::Lesson;
use unboxed::report::StepStatus;
use unboxed::snapshot::Snapshot;

#[test]
fn every_lesson_plays_and_leaves_the_machine_as_it_was() {
    let _turn = alone();
    let before = Machine::now();
    for lesson in common::lessons_here() {
        let output = unboxed()
            .args(["run", &lesson.id, "--format", "json"])
            .output()
            .expect("unboxed starts");
        let said: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        let steps = said["steps"].as_array().into_iter().flatten();
        let verdicts: Vec<_> = steps.flat_map(|step| step["expect"].as_array()).flatten().collect();
        // On a busy machine: others took the CPUs from what measures itself.
        let is_unjudged = |verdict: &serde_json::Value| {
            verdict["ok"] == false && !verdict["values"]["seen"]["unjudged"].is_null()
        };
        for unjudged in verdicts.iter().filter(|verdict| is_unjudged(verdict)) {
            common::skip(&format!("{}: {}", lesson.id, unjudged["seen"]));
        }
        let is_judged = !verdicts.iter().any(|verdict| is_unjudged(verdict));
        assert_eq!(output.status.success(), is_judged, "{}: {said:#}", lesson.id);
        assert_eq!(said["steps"].as_array().map(Vec::len), Some(lesson.steps.len()));
        assert_eq!(said["machine"]["clean"], true, "{:#}", said["machine"]);
        for (own, step) in lesson.steps.iter().zip(said["steps"].as_array().expect("steps")) {
            let skipped = step["status"] != "played";
            // What is about the other version of control groups is played in the virtual machine.
            if skipped && common::is_root() && own.needs.cgroup_version.is_none() {
                common::skip(&format!("{} of {}: {}", step["id"], lesson.id, step["status"]));
            }
            for expect in step["expect"].as_array().expect("expectations") {
                assert!(expect["ok"] == true || is_unjudged(expect), "{}: {expect}", step["id"]);
            }
        }
    }
    before.assert_comes_back();
}

/// The number of labs that stand at a time, where each of them does little but wait for what will not come.
const LABS: usize = 10;

#[test]
fn a_lesson_fails_when_any_of_its_actions_is_taken_out() {
    let _turn = alone();
    let facts = common::facts();
    let mut places = Vec::new();
    for lesson in common::lessons_here() {
        for (index, step) in lesson.steps.iter().enumerate() {
            if can_play(&step.needs, &facts) == Playable::Live {
                places
                    .extend((0..step.actions.len()).map(|action| (lesson.clone(), index, action)));
            }
        }
    }
    assert!(places.len() >= 30, "{} actions", places.len());

    let places = std::sync::Mutex::new(common::sampled(places));
    let next = || places.lock().ok()?.pop();
    std::thread::scope(|scope| {
        for _ in 0..LABS {
            scope.spawn(|| {
                while let Some((lesson, step, action)) = next() {
                    without(lesson, step, action);
                }
            });
        }
    });
}

/// The judgement of a step that lacks one of its actions: it fails.
fn without(mut lesson: Lesson, step: usize, action: usize) {
    let taken = lesson.steps[step].actions.remove(action);
    let name =
        format!("{} without {} in `{}`", lesson.id, taken.action.name(), lesson.steps[step].id);
    let mut session = open_session(lesson);
    if let Err(error) = session.rewind_to(step) {
        panic!("{name}: the steps before do not replay: {error}");
    }
    let context = {
        let lab = session.lab().expect("a lab");
        let snapshot = lab.snapshot();
        lab.lab_facts(&snapshot)
    };
    if taken.action.lower(&context).is_ok_and(|ops| ops.is_empty()) {
        // It is for the other version of control groups, and does nothing here.
        return;
    }

    // An action that can't even be lowered any more is a failure too.
    let failed = session
        .play_next()
        .map_or(true, |record| record.status != StepStatus::Played || !record.is_ok());
    assert!(failed, "{name}: every expectation still holds");
    assert!(session.close_and_compare().is_clean(), "{name}: something was left behind");
}

/// What two runs of the same steps must have in common: all but the numbers that the kernel hands out.
fn essence(snapshot: &Snapshot) -> Vec<String> {
    let mut lines = Vec::new();
    for table in &snapshot.mounts {
        lines.extend(table.rows.iter().map(|row| {
            format!(
                "{} {} {} {} {}",
                table.actor,
                row.target,
                row.fstype,
                row.options,
                row.propagation.word()
            )
        }));
    }
    for network in &snapshot.networks {
        let name = &network.name;
        lines.extend(network.links.iter().map(|link| {
            format!(
                "{name} {} {} {} {:?} {:?} {}",
                link.index, link.name, link.kind, link.master, link.peer_index, link.up
            )
        }));
        lines.extend(
            network
                .addresses
                .iter()
                .filter(|it| !it.ip.contains(':'))
                .map(|it| format!("{name} {it:?}")),
        );
        lines.extend(network.routes.iter().map(|route| format!("{name} {route:?}")));
    }
    for namespace in snapshot.namespaces() {
        lines.push(format!("{:?} {:?}", namespace.kind, namespace.actors));
    }
    for group in snapshot.cgroups.iter().filter(|group| !group.path.is_empty()) {
        let limits = group.files.iter().filter(|(name, _)| !unboxed::diff::is_counter(name));
        lines.extend(
            limits
                .map(|(name, value)| format!("{} {} {name} {value}", group.hierarchy, group.path)),
        );
    }
    for overlay in &snapshot.overlays {
        lines.extend(overlay.entries.iter().map(|entry| format!("{} {entry:?}", overlay.merged)));
    }
    lines.extend(snapshot.contents.iter().map(|it| format!("{:?} {:?}", it.actors, it.holds)));
    lines.extend(snapshot.hostnames.iter().map(|(actor, name)| format!("{actor} is {name}")));
    lines
}

#[test]
fn a_rewind_to_any_step_is_like_a_fresh_run_to_it() {
    let _turn = alone();
    let lesson = catalogue::find_lesson("build-a-container").expect("the lesson");
    let mut session = open_session(lesson.clone());
    let mut fresh = Vec::new();
    for (index, step) in lesson.steps.iter().enumerate() {
        fresh.push(essence(&session.lab().expect("a lab").snapshot()));
        let record = session.play_next().unwrap_or_else(|error| panic!("{}: {error}", step.id));
        assert!(record.is_ok(), "{}: {:#?}", step.id, record.verdicts);
        assert_eq!(record.step, index);
    }
    fresh.push(essence(&session.lab().expect("a lab").snapshot()));
    for steps in common::sampled((0..=lesson.steps.len()).rev()) {
        session.rewind_to(steps).unwrap_or_else(|error| panic!("rewind to {steps}: {error}"));
        assert_eq!(session.played_steps(), steps);
        // Links find their carrier a little after the call.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(2);
        let mut again = essence(&session.lab().expect("a lab").snapshot());
        while again != fresh[steps] && std::time::Instant::now() < deadline {
            again = essence(&session.lab().expect("a lab").snapshot());
        }
        assert_eq!(again, fresh[steps], "after a rewind to {steps}");
        if let Some(step) = lesson.steps.get(steps) {
            let record = session.play_next().unwrap_or_else(|error| panic!("{}: {error}", step.id));
            assert!(record.is_ok(), "{} after a rewind: {:#?}", step.id, record.verdicts);
        }
    }
    assert!(session.close_and_compare().is_clean());
}

#[test]
fn a_group_that_a_lab_leaves_is_a_difference_and_that_of_another_is_none() {
    use unboxed::keeper::cgroups::{hierarchies, owner_of};
    let _turn = alone();
    let [mine, others] = [0, 1]
        .map(|_| open_session(catalogue::find_lesson("build-a-container").expect("the lesson")));
    let keeper = mine.keeper_pid().expect("a keeper");
    let is_ours = |name: &str| owner_of(name).is_some_and(|owner| owner.pid == keeper);
    let found = hierarchies().into_iter().find_map(|it| {
        let name =
            common::names(&it.parent.to_string_lossy()).into_iter().find(|name| is_ours(name))?;
        Some((it.parent, name))
    });
    let Some((parent, name)) = found else {
        assert!(!common::is_root(), "a lab of root's has groups");
        // An ordinary user's lab need not have any.
        return assert!(
            mine.close_and_compare().is_clean() && others.close_and_compare().is_clean()
        );
    };

    // Another number of the same keeper's.
    let mut parts: Vec<&str> = name.split('-').collect();
    parts[3] = "4000";
    let left = parent.join(parts.join("-"));
    std::fs::create_dir(&left).expect("a group");
    let proof = mine.close_and_compare();
    std::fs::remove_dir(&left).expect("it is empty");
    let differences: Vec<&String> = proof.rows.iter().flat_map(|row| &row.differences).collect();
    assert_eq!(differences, [&format!("+ {}", left.display())]);
    assert!(others.close_and_compare().is_clean());
}

#[test]
fn pivot_root_moves_every_mount_and_adds_or_removes_none() {
    use unboxed::diff::ChangeKind;
    let _turn = alone();
    let lesson = catalogue::find_lesson("build-a-container").expect("the lesson");
    let at = lesson.steps.iter().position(|step| step.id == "pivot-root").expect("the step");
    let mut session = open_session(lesson);
    session.rewind_to(at).expect("a replay");
    let record = session.play_next().expect("a record");
    let table = record
        .diff()
        .mounts
        .iter()
        .find(|section| section.owner.as_str() == "container")
        .expect("the container's table");
    assert!(table.rows.len() > 10);
    assert!(table.rows.iter().all(|row| row.mark == ChangeKind::Moved), "{:#?}", table.rows);
}

#[test]
fn what_is_wrong_is_said_in_one_sentence_with_the_cure() {
    let _turn = alone();
    let before = Machine::now();
    let check = |arguments: &[&str], says: &str| {
        let output = unboxed().args(arguments).output().expect("unboxed starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments:?} went well");
        assert!(said.contains(says), "{arguments:?}: {said}");
        assert!(!said.contains('\u{1b}'), "{arguments:?}: {said:?}");
    };
    check(&["run", "biuld-a-container"], "did you mean `build-a-container`?");
    check(&["run", "nothing-like-it"], "unboxed list");
    check(&["source", "buidl a container by hand"], "did you mean `build-a-container`?");
    check(&["export", "02-build", "--format", "md"], "did you mean `build-a-container`?");
    check(&["progress", "reset", "lesson 2"], "did you mean `build-a-container`?");
    check(&["run", "--tape", "memroy"], "did you mean `memory`?");
    check(&["run", "build-a-container", "--until", "pivot-rot"], "did you mean `pivot-root`?");
    check(&["run", "./no/such/file.yaml"], "could not read the lesson file");
    check(&["learn", "build-a-container"], "needs a terminal");
    check(&["learn"], "needs a terminal");
    let dir = tempfile::tempdir().expect("a directory");
    let broken = dir.path().join("broken.yaml");
    std::fs::write(&broken, "format: 1\nid: x\n\u{1b}[31mtitle: y\n").expect("a file");
    check(&["check", &broken.to_string_lossy()], "broken.yaml:");
    check(&["run", &broken.to_string_lossy()], "broken.yaml:");
    before.assert_comes_back();
}
