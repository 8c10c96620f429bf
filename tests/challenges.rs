//! Challenges on the real kernel: at the beginning nothing is done, the known way does it in as many commands as its par, and
//! no command of that is too much; whatever is drawn.

mod common;

use common::{Machine, alone, open_session, unboxed};
use unboxed::engine::TurnGoal;
use unboxed::lesson::catalogue::{all_challenges, lesson_text};
use unboxed::lesson::model::Lesson;
use unboxed::report::StepStatus;

/// The challenges that play on this machine, for this user, in one of their draws.
fn challenges_here() -> Vec<Lesson> {
    common::playable_here(all_challenges(0).expect("sound challenges"))
}

#[test]
fn nothing_is_done_at_the_beginning_and_the_known_way_does_it_by_its_par() {
    let _turn = alone();
    let before = Machine::now();
    for challenge in challenges_here() {
        let par = challenge.challenge.as_ref().expect("its terms").par;
        let step = challenge.steps[0].clone();
        let name = challenge.id.clone();
        let mut session = open_session(challenge);

        let state = session.begin_turn(TurnGoal::Step).expect("a turn");
        // What is asked for is open, at least one of it; a rest may hold, and must go on holding.
        assert!(!state.is_fulfilled(), "{name}: it is done at the beginning");

        let snapshot = session.lab().expect("a lab").snapshot();
        let facts = session.lab().expect("a lab").lab_facts(&snapshot);
        let lines = step.actions.iter().flat_map(|entry| entry.action.shell(&facts));
        let commands: Vec<String> = lines.filter(|line| !line.starts_with("cd ")).collect();
        assert_eq!(commands.len(), par, "{name}: the par is not its own way's: {commands:#?}");

        let record = session.play_instead().expect("it plays");
        common::assert_played(&record, &name);
        assert_eq!(record.status, StepStatus::Played, "{name}");
        assert!(session.close_and_compare().is_clean(), "{name}");
    }
    before.assert_comes_back();
}

#[test]
fn a_challenge_is_not_done_without_any_one_of_its_commands() {
    let _turn = alone();
    let mut places = Vec::new();
    for challenge in challenges_here() {
        places
            .extend((0..challenge.steps[0].actions.len()).map(|place| (challenge.clone(), place)));
    }
    assert!(places.len() > 3, "{} actions", places.len());
    for (mut challenge, place) in common::sampled(places) {
        let taken = challenge.steps[0].actions.remove(place);
        let name = format!("{} without {}", challenge.id, taken.action.name());
        let mut session = open_session(challenge);
        let is_done = session
            .play_next()
            .is_ok_and(|record| record.status == StepStatus::Played && record.is_ok());
        assert!(!is_done, "{name}: it is done all the same");
        assert!(session.close_and_compare().is_clean(), "{name}: something was left behind");
    }
}

#[test]
fn the_list_has_each_challenge_and_what_is_none_is_said() {
    let output = unboxed().arg("challenge").output().expect("the program runs");
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{said}");
    for challenge in all_challenges(0).expect("sound challenges") {
        let par = challenge.challenge.as_ref().expect("its terms").par;
        let line = said.lines().find(|line| line.trim_start().starts_with(&challenge.id));
        assert!(line.is_some_and(|line| line.contains(&format!("par {par} "))), "{said}");
    }
    assert!(said.lines().all(|line| line.chars().count() <= 100), "{said}");

    let check = |arguments: &[&str], expected: &str| {
        let output = unboxed().arg("challenge").args(arguments).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(expected), "{arguments:?}: {said}");
    };
    check(&["no-asnwer"], "did you mean `no-answer`?");
    let lesson = tempfile::Builder::new().suffix(".yaml").tempfile().expect("a file");
    std::fs::write(lesson.path(), lesson_text("pids").expect("the lesson")).expect("a file");
    let path = lesson.path().to_str().expect("a name");
    check(&[path], "is a lesson: `unboxed learn");
    check(&["no-answer", "--seed", "x"], "invalid value");
    check(&["no-answer"], "needs a terminal");
}
