//! Scripts of questions: before a step, after it, as a task, and as a check of whole lessons.

#![cfg(test)]

use super::*;
use crate::app::exam::Exam;
use crate::app::shells::ShellRoom;
use crate::lesson::warm_up::WarmUpQuestion;
use crate::report::PredictionResult;

/// The record of the first step, whose question was decided: that the first option holds, or not.
fn decided(first: bool) -> Msg {
    let options = vec![vec![verdict(first)], vec![verdict(!first)]];
    let predicted = vec![PredictionResult { question: 0, options }];
    Msg::Engine(Event::Played(Arc::new(StepRecord { predicted, ..(*record(0, true)).clone() })))
}

const TASK: TurnGoal = TurnGoal::Question { step: 1, index: 0 };

#[test]
fn a_prediction_is_decided_by_running_the_step() {
    check(
        &mut before(0),
        [
            (key("p"), "", "NextStep 1, question Asking"),
            (key("u"), "", "NextStep 1, question Asking"),
            (key("b"), "", "NextStep 1, question Asking"),
            (key("k"), "", "NextStep 1, question Asking"),
            (key("Enter"), "ask PlayNext", "Playing 1, question Waiting(Some(0))"),
            (key("Enter"), "", "Playing 1, question Waiting(Some(0))"),
            (
                decided(true),
                "remember plain Watched hints 0; remember foretell Right",
                "Playing 1, question Right",
            ),
            (ready(1), "remember 1 played", "LastStep 1, question Right"),
            (key("Enter"), "", "LastStep 1"),
            // It is not asked again; what is left is asked of what has run.
            (key("p"), "", "LastStep 1, question Asking"),
            (key("b"), "", "LastStep 1, question Asking"),
            (key("Enter"), "remember choice Wrong", "LastStep 1, question Wrong"),
            (key("Enter"), "", "LastStep 1"),
            (key("p"), "", "LastStep 1, notice"),
        ],
    );
}

#[test]
fn a_wrong_prediction_is_told_with_the_step_that_decided_it() {
    let mut model = before(0);

    check(
        &mut model,
        [
            (key("p"), "", "NextStep 1, question Asking"),
            (key("b"), "", "NextStep 1, question Asking"),
            (key("Enter"), "ask PlayNext", "Playing 1, question Waiting(Some(1))"),
            (
                decided(true),
                "remember plain Watched hints 0; remember foretell Wrong",
                "Playing 1, question Wrong",
            ),
            (ready(1), "remember 1 played", "LastStep 1, question Wrong"),
            (key("v"), "", "LookingBack 1, not live, question Wrong"),
            (key("Enter"), "", "LastStep 1"),
        ],
    );
}

#[test]
fn a_question_is_put_off_and_asked_again() {
    check(
        &mut before(0),
        [
            (key("p"), "", "NextStep 1, question Asking"),
            (key("Esc"), "", "NextStep 1"),
            (key("p"), "", "NextStep 1, question Asking"),
            (key("0"), "remember foretell Open", "NextStep 1, question Open"),
        ],
    );
}

#[test]
fn a_task_is_done_by_typing_and_judged_by_the_kernel() {
    let mut model = before(2);
    press(&mut model, &["p", "Enter", "Enter"]);

    check(
        &mut model,
        [
            (
                key("Enter"),
                "ask BeginTurn(Question { step: 1, index: 0 })",
                "NextRepair 3, question Waiting(None)",
            ),
            (turn(1, TASK, &[false]), "", "NextRepair 3, question Waiting(None)"),
            (key("H"), "", "NextRepair 3, question Waiting(None)"),
            (
                turn(1, TASK, &[true]),
                "remember task Right; ask DropTurn",
                "NextRepair 3, question Right",
            ),
            (no_turn(), "", "NextRepair 3, question Right"),
            (key("Enter"), "", "NextRepair 3"),
        ],
    );
}

#[test]
fn a_task_that_is_given_up_ends_its_turn() {
    let mut model = before(2);
    press(&mut model, &["p", "Enter", "Enter", "Enter"]);
    check(
        &mut model,
        [
            (turn(1, TASK, &[false]), "", "NextRepair 3, question Waiting(None)"),
            (key("Esc"), "ask DropTurn", "NextRepair 3"),
        ],
    );
}

#[test]
fn a_question_stands_above_panes_and_shell_and_behind_what_is_zoomed() {
    let size = crate::app::shells::terminal_size(SIZE, ShellRoom::Whole);
    let fitted = format!("{:?}", Effect::ResizeShell { tab: 1, size });
    check(
        &mut before(0),
        [
            (key("p"), "", "NextStep 1, question Asking"),
            (shell(1, "host"), "", "NextStep 1, question Asking, shell below"),
            (key("ctrl-5"), "", "NextStep 1, question Asking, shell below"),
            (key("z"), &fitted, "NextStep 1, question Asking, shell alone"),
        ],
    );
}

#[test]
fn the_shell_of_a_task_is_opened_where_the_task_is() {
    let mut model = Model::new(Vec::new(), SIZE);
    model.exam = Some(Exam::default());
    let opened = Msg::LessonOpened { lesson: lesson(), left_off: 0, tape: None };
    let _ = update(&mut model, opened);
    let _ = update(&mut model, ready(0));
    let _ = update(&mut model, shell(7, "box"));
    press(&mut model, &["ctrl-5", "0", "Enter", "0", "Enter"]);
    let _ = update(&mut model, ready(2));
    press(&mut model, &["Enter"]);

    let size = crate::app::shells::terminal_size(SIZE, ShellRoom::BelowPanes);
    let asked = crate::engine::Request::OpenShell { tab: 2, actor: ActorName::host(), size };
    let effects = update(&mut model, key("s"));
    assert_eq!(effects, [Effect::SendToEngine(asked)], "the shell beside box is another place");
}

#[test]
fn a_check_without_a_lesson_lets_one_choose() {
    let row = |id: &str, questions| CatalogueRow { id: id.into(), questions, ..catalogue_row() };
    let mut model = Model::new(vec![row("silent", 0), row("sample", 3)], SIZE);
    model.exam = Some(Exam::default());
    let opens =
        format!("{:?}", Effect::OpenLesson { id: "sample".into(), from: Default::default() });
    check(
        &mut model,
        [
            (key("Enter"), "", "catalogue, notice"),
            (key("j"), "", "catalogue"),
            (key("Enter"), &opens, "catalogue"),
            (
                Msg::LessonOpened { lesson: lesson(), left_off: 2, tape: None },
                "",
                "Building 1, question Preparing",
            ),
        ],
    );
}

#[test]
fn a_score_counts_what_was_answered() {
    let mut model = Model::new(Vec::new(), SIZE);
    model.exam = Some(Exam::default());
    let opened = Msg::LessonOpened { lesson: lesson(), left_off: 0, tape: None };
    let ended = Msg::Engine(Event::SessionEnded(crate::proof::Proof { rows: Vec::new() }));
    for message in [opened, ready(0), key("0"), key("Esc"), key("y"), ended] {
        let _ = update(&mut model, message);
    }

    let result = &model.exam.expect("the check").results[0];
    assert_eq!((result.right, result.asked, result.again.len()), (0, 1, 1));
}

#[test]
fn a_question_that_is_behind_a_pane_takes_no_key() {
    let mut model = before(0);
    press(&mut model, &["z"]);
    check(
        &mut model,
        [
            // It is not asked behind a pane that is alone on the screen.
            (key("p"), "", "NextStep 1, question Asking"),
            (key("z"), "", "NextStep 1, question Asking, pane alone"),
            (key("b"), "", "NextStep 1, question Asking, pane alone"),
            (key("Enter"), "", "NextStep 1, question Asking, pane alone"),
            (key("0"), "", "NextStep 1, question Asking, pane alone"),
            (key(":"), "", "NextStep 1, question Asking, pane alone"),
            (key("Esc"), "", "NextStep 1, question Asking"),
            (key("Enter"), "ask PlayNext", "Playing 1, question Waiting(Some(0))"),
        ],
    );
}

#[test]
fn a_check_that_is_left_asks_and_counts_what_was_answered() {
    let mut model = Model::new(Vec::new(), SIZE);
    model.exam = Some(Exam { lessons: vec!["another".into()], ..Exam::default() });
    let opened = Msg::LessonOpened { lesson: lesson(), left_off: 0, tape: None };
    let ended = Msg::Engine(Event::SessionEnded(crate::proof::Proof { rows: Vec::new() }));
    let _ = update(&mut model, opened);
    let _ = update(&mut model, ready(0));
    check(
        &mut model,
        [
            (key("Esc"), "", "NextStep 1, question Asking, confirm Quit"),
            (key("Enter"), "", "NextStep 1, question Asking"),
            (key("q"), "", "NextStep 1, question Asking, confirm Quit"),
            (key("y"), "ask Quit", "NextStep 1, question Over"),
            (ended, "", "score"),
        ],
    );
}

#[test]
fn a_check_of_lessons_takes_the_lab_where_each_question_is_asked() {
    let mut model = Model::new(Vec::new(), SIZE);
    model.exam = Some(Exam::default());
    let opened = Msg::LessonOpened { lesson: lesson(), left_off: 2, tape: None };
    let ended = Msg::Engine(Event::SessionEnded(crate::proof::Proof { rows: Vec::new() }));

    check(
        &mut model,
        [
            (opened, "", "Building 1, question Preparing"),
            (ready(0), "", "NextStep 1, question Asking"),
            (key("Enter"), "ask PlayNext", "Playing 1, question Waiting(Some(0))"),
            (
                decided(true),
                "remember plain Watched hints 0; remember foretell Right",
                "Playing 1, question Right",
            ),
            (ready(1), "", "LastStep 1, question Right"),
            (key("Enter"), "", "LastStep 1, question Asking"),
            (key("Enter"), "remember choice Right", "LastStep 1, question Right"),
            // The task is asked of a lab where its step has run.
            (key("Enter"), "ask RewindTo { steps: 2 }", "Building 1, question Preparing"),
            (ready(2), "", "NextRepair 3, question Asking"),
            (key("0"), "remember task Open", "NextRepair 3, question Open"),
            (key("Enter"), "ask Quit", "NextRepair 3, question Over"),
            (ended, "", "score"),
        ],
    );

    let exam = model.exam.expect("the check");
    let results: Vec<(usize, usize)> =
        exam.results.iter().map(|result| (result.right, result.asked)).collect();
    assert_eq!(results, [(2, 3)]);
}

/// A question of an earlier lesson, of which the first option is right.
fn earlier(id: &str) -> WarmUpQuestion {
    let text = format!(
        r#"{{"id": "{id}", "ask": "Which?", "explain": "So.", "choose": [{{"say": "a", "right": true}}, {{"say": "b", "why": "no"}}]}}"#
    );
    let question = serde_json::from_str(&text).expect("a question");
    WarmUpQuestion { lesson: "earlier".into(), title: "Earlier".into(), question }
}

#[test]
fn a_lesson_begins_with_questions_of_earlier_ones_which_count_there() {
    let mut model = opened();
    let _ = update(&mut model, Msg::WarmUp(vec![earlier("one"), earlier("two")]));
    check(
        &mut model,
        [
            (ready(0), "", "NextStep 1"),
            (key("p"), "", "NextStep 1, question Asking"),
            (key("b"), "", "NextStep 1, question Asking"),
            (key("Enter"), "remember one Wrong", "NextStep 1, question Wrong"),
            // Nothing here shows it.
            (key("v"), "", "NextStep 1, question Wrong"),
            (key("Esc"), "", "NextStep 1"),
            (key("p"), "", "NextStep 1, question Asking"),
            (key("Enter"), "remember two Right", "NextStep 1, question Right"),
            (key("Enter"), "", "NextStep 1"),
        ],
    );
    assert!(view(&model).is_at_beginning() && view(&model).grades.is_empty());
    assert!(view(&model).due_warm_up().is_empty());

    // Then what the step will do is asked.
    check(&mut model, [(key("p"), "", "NextStep 1, question Asking")]);
    let question = view(&model).quiz.as_ref().and_then(|quiz| quiz.question(&view(&model).lesson));
    assert_eq!(question.map(|question| question.id.as_str()), Some("foretell"));
}

#[test]
fn who_begins_is_asked_no_more_of_earlier_lessons() {
    let mut model = opened();
    let _ = update(&mut model, Msg::WarmUp(vec![earlier("one")]));
    check(&mut model, [(ready(0), "", "NextStep 1"), (key("Enter"), "ask PlayNext", "Playing 1")]);
    assert!(view(&model).due_warm_up().is_empty());

    // In a check only the check asks.
    let mut model = Model::new(Vec::new(), SIZE);
    model.exam = Some(Exam::default());
    let opened = Msg::LessonOpened { lesson: lesson(), left_off: 0, tape: None };
    let _ = update(&mut model, opened);
    let _ = update(&mut model, Msg::WarmUp(vec![earlier("one")]));
    assert!(view(&model).due_warm_up().is_empty());
}
