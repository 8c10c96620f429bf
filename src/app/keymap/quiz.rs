//! The keys while questions are asked: a table for each kind of question, and one for what comes after the answer. Keys
//! that only look are the lesson's own.

use crossterm::event::{KeyEvent, KeyModifiers};

use super::FooterText::{Is, Never, Now};
use super::KeyFunction::{Act, Look, Nth};
use super::everywhere::{help, quit};
use super::{Binding, HelpText, Key, ModeState, always, edit, keys, press};
use crate::app::quiz::{QuizStage, QuizView};
use crate::app::{
    Direction, Effect, LessonLayout, LessonView, Model, commands, confirmation, quiz_events,
    shell_events,
};
use crate::lesson::quiz::QuestionKind;

const LATER: Binding<LessonView> = Binding {
    key: keys::quiz::LATER,
    short: Is("later"),
    long: HelpText::Is("leave the questions for later"),
    works: always,
    run: Act(quiz_events::leave),
};

const PANE: Binding<LessonView> = Binding {
    key: keys::lesson::NEXT_PANE,
    short: Is("pane"),
    long: HelpText::Is("next pane"),
    works: always,
    run: Look(|view| view.panes.focus_on_neighbour(Direction::Forward)),
};

const SHELL: Binding<LessonView> = Binding {
    key: keys::lesson::SHELL,
    short: Is("shell"),
    long: HelpText::Is("a real shell in the lab"),
    works: always,
    run: Act(shell_events::enter_or_request),
};

const UNKNOWN: Binding<LessonView> = Binding {
    key: keys::quiz::UNKNOWN,
    short: Is("don't know"),
    long: HelpText::Is("I do not know: be told"),
    works: always,
    run: Act(quiz_events::give_up),
};

const HINT: Binding<LessonView> = Binding {
    key: keys::quiz::HINT,
    short: Is("hint"),
    long: HelpText::Is("a hint for the question"),
    works: always,
    run: Look(quiz_events::hint),
};

const ANSWER: Binding<LessonView> = Binding {
    key: keys::quiz::ENTER,
    short: Now(answer_words),
    long: HelpText::Is("answer; a prediction is decided by running the step"),
    works: always,
    run: Act(quiz_events::enter),
};

const fn option(short: &'static str) -> Binding<LessonView> {
    Binding {
        key: keys::quiz::OPTION,
        short: Is(short),
        long: HelpText::Is("to the option of this letter"),
        works: always,
        run: Nth { count: option_count, act: quiz_events::move_to_option },
    }
}

const fn down(short: &'static str) -> Binding<LessonView> {
    Binding {
        key: keys::everywhere::DOWN,
        short: Is(short),
        long: HelpText::Is("next option"),
        works: always,
        run: Look(quiz_events::move_down),
    }
}

const fn up(short: &'static str) -> Binding<LessonView> {
    Binding {
        key: keys::everywhere::UP,
        short: Is(short),
        long: HelpText::Is("previous option"),
        works: always,
        run: Look(quiz_events::move_up),
    }
}

/// One option of several, which a choice or the kernel decides.
pub static CHOOSE: [Binding<LessonView>; 8] = [
    option("choose"),
    down("choose"),
    up("choose"),
    ANSWER,
    HINT,
    UNKNOWN,
    Binding { works: |view| !is_prediction(view), ..SHELL },
    LATER,
];

pub static CHOOSE_ALL: [Binding<LessonView>; 8] = [
    option("move"),
    down("move"),
    up("move"),
    Binding {
        key: keys::quiz::MARK,
        short: Is("choose"),
        long: HelpText::Is("choose the option, or take that back"),
        works: always,
        run: Look(quiz_events::mark),
    },
    ANSWER,
    HINT,
    UNKNOWN,
    LATER,
];

pub static ORDER: [Binding<LessonView>; 8] = [
    Binding { short: Never, ..option("") },
    down("move"),
    up("move"),
    Binding {
        key: keys::quiz::MARK,
        short: Is("lift, put down"),
        long: HelpText::Is("lift the line, or put it down"),
        works: always,
        run: Look(quiz_events::lift),
    },
    ANSWER,
    Binding { short: Never, ..HINT },
    UNKNOWN,
    LATER,
];

/// A value is typed: letters and digits are part of it.
pub static VALUE: [Binding<LessonView>; 3] = [ANSWER, PANE, LATER];

/// A task is about to begin.
pub static TASK: [Binding<LessonView>; 5] = [ANSWER, HINT, UNKNOWN, SHELL, LATER];

/// Nothing is asked: a step runs, a task is done, or the answer is there.
pub static AFTER: [Binding<LessonView>; 7] = [
    Binding {
        key: keys::quiz::ENTER,
        short: Is("go on"),
        long: HelpText::Is("the next question"),
        works: always,
        run: Act(quiz_events::enter),
    },
    Binding {
        key: keys::quiz::VISIT,
        short: Is("the step that shows it"),
        long: HelpText::Is("look at the step that shows it"),
        works: |view| view.quiz.as_ref().is_some_and(|quiz| quiz.warm_up().is_none()),
        run: Act(quiz_events::visit),
    },
    PANE,
    SHELL,
    LATER,
    Binding { short: Never, ..HINT },
    Binding { short: Never, ..UNKNOWN },
];

/// A pane or a shell is alone on the screen: the question behind it takes no key.
pub static BEHIND: [Binding<LessonView>; 5] = [
    Binding {
        key: keys::lesson::ZOOM,
        short: Is("back to the question"),
        long: HelpText::Is("back to the question"),
        works: always,
        run: Act(commands::zoom),
    },
    Binding {
        key: keys::quiz::LATER,
        short: Never,
        long: HelpText::Is("back to the question"),
        works: always,
        run: Act(commands::zoom),
    },
    PANE,
    help(),
    quit(confirmation::ask_to_leave),
];

fn option_count(view: &LessonView) -> usize {
    view.quiz.as_ref().map_or(0, |quiz| quiz.shown.len())
}

fn is_prediction(view: &LessonView) -> bool {
    let question = view.quiz.as_ref().and_then(|quiz| quiz.question(&view.lesson));
    question.is_some_and(|question| question.is_prediction())
}

fn answer_words(view: &LessonView) -> &'static str {
    if is_prediction(view) { "answers and runs" } else { "answers" }
}

/// The table for what is asked now.
pub fn table(view: &LessonView) -> Option<&'static [Binding<LessonView>]> {
    let quiz = view.quiz.as_ref()?;
    if !is_shown(view) {
        return Some(&BEHIND);
    }
    let kind = quiz.question(&view.lesson).map(|question| &question.kind);

    Some(match (&quiz.stage, kind) {
        (QuizStage::Asking, Some(QuestionKind::Choose(_) | QuestionKind::Predict(_))) => &CHOOSE,
        (QuizStage::Asking, Some(QuestionKind::ChooseAll(_))) => &CHOOSE_ALL,
        (QuizStage::Asking, Some(QuestionKind::Order(_))) => &ORDER,
        (QuizStage::Asking, Some(QuestionKind::Value(_))) => &VALUE,
        (QuizStage::Asking, Some(QuestionKind::Task(_))) => &TASK,
        (QuizStage::Asking, None)
        | (
            QuizStage::Preparing | QuizStage::Waiting(_) | QuizStage::Answered(_) | QuizStage::Over,
            _,
        ) => &AFTER,
    })
}

/// The question is in sight.
fn is_shown(view: &LessonView) -> bool {
    matches!(view.layout(), LessonLayout::Question { .. })
}

/// Keys of the lesson's that do nothing while a question is open: nothing is run or taken back then. Who looks, looks.
const HELD: [Key; 8] = [
    keys::lesson::RUN,
    keys::lesson::REWIND,
    keys::lesson::STEP_AGAIN,
    keys::lesson::RESTART,
    keys::lesson::YOUR_TURN,
    keys::lesson::WHAT_IF,
    keys::lesson::LEAVE_OUT,
    keys::lesson::CHECK_YOURSELF,
];
/// Held too while there are options to move among, as their keys lie beside those that move.
const HELD_AT_OPTIONS: [Key; 3] =
    [keys::lesson::LOOK_BACK, keys::lesson::LOOK_FORWARD, keys::lesson::READ_ON];
/// Held too once nothing is asked: by these lists the lab could be taken elsewhere.
const HELD_AFTER: [Key; 2] = [keys::lesson::STEPS, keys::lesson::PALETTE];

fn is_held(quiz: &QuizView, event: KeyEvent) -> bool {
    let more: &[Key] = match quiz.stage {
        QuizStage::Asking if quiz.shown.is_empty() => &[],
        QuizStage::Asking => &HELD_AT_OPTIONS,
        QuizStage::Preparing | QuizStage::Waiting(_) | QuizStage::Answered(_) | QuizStage::Over => {
            &HELD_AFTER
        }
    };
    HELD.iter().chain(more).any(|key| key.is_pressed(event))
}

/// Carry a press out; None when it is the lesson's.
pub fn on_key(model: &mut Model, event: KeyEvent) -> Option<Vec<Effect>> {
    let table = table(LessonView::of(model)?)?;
    // ctrl-c and the like are the screen's, whatever is asked.
    if event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
        return None;
    }
    if let Some(effects) = press(table, model, event) {
        return Some(effects);
    }

    let view = LessonView::of_mut(model)?;
    let is_value = is_value_asked(view);
    let is_behind = !is_shown(view) && HELD_AFTER.iter().any(|key| key.is_pressed(event));
    let quiz = view.quiz.as_mut()?;
    let is_taken =
        (is_value && edit::typed(&mut quiz.text, event)) || is_behind || is_held(quiz, event);
    is_taken.then(Vec::new)
}

/// Text is typed as the answer.
pub fn is_value_asked(view: &LessonView) -> bool {
    let asked = view.quiz.as_ref().filter(|quiz| quiz.stage == QuizStage::Asking);
    let Some(quiz) = asked.filter(|_| is_shown(view)) else {
        return false;
    };
    quiz.question(&view.lesson)
        .is_some_and(|question| matches!(question.kind, QuestionKind::Value(_)))
}
