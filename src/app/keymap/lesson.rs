//! The keys of a lesson.

use super::FooterText::{Is, Never, Now};
use super::KeyFunction::{Act, Look, Nth};
use super::everywhere::{
    down, first, help, last, page_down, page_up, quit, redraw, suspend, up, way,
};
use super::{Binding, HelpText, always, keys};
use crate::app::catalogue::PAGE;
use crate::app::panes::folding::RowFolding;
use crate::app::{
    Direction, LessonScene, LessonView, MapPlace, asking, commands, confirmation, copying,
    learning_commands, quiz_events, shell_events,
};
use crate::view::ViewKind;
use crate::words;

/// Most important first: a narrow footer drops from the right.
pub static TABLE: [Binding<LessonView>; 48] = [
    Binding {
        key: keys::lesson::RUN,
        short: Now(run_words),
        long: HelpText::Is("run the next step, the only key that changes the lab"),
        works: can_press_run,
        run: Act(commands::run),
    },
    Binding {
        key: keys::lesson::SEE_TAPE,
        short: Is("its tape"),
        long: HelpText::Is("the lab failed: see the recording of this lesson instead"),
        works: LessonView::can_see_tape,
        run: Act(commands::see_tape),
    },
    Binding {
        key: keys::lesson::SHELL,
        short: Is("shell"),
        long: HelpText::Naming(|| {
            format!("a real shell in the lab; {} leaves it", keys::shell::LEAVE)
        }),
        works: |view| view.tape.is_none() && view.lab.ready.is_some(),
        run: Act(shell_events::enter_or_request),
    },
    Binding {
        key: keys::lesson::YOUR_TURN,
        short: Now(|view| if view.learning.is_step_turn() { "end turn" } else { "your turn" }),
        long: HelpText::Is("do the step yourself in a shell; again: end that"),
        works: |view| view.tape.is_none() && (view.can_run() || view.can_go_on()),
        run: Act(learning_commands::toggle_turn),
    },
    Binding {
        key: keys::lesson::HINT,
        short: Is("hint"),
        long: HelpText::Is("a hint for what is not true yet: nudge, manual, command"),
        works: |view| view.learning.first_unmet_goal().is_some(),
        run: Act(learning_commands::show_next_hint),
    },
    Binding {
        key: keys::lesson::ASK,
        short: Is("explain"),
        long: HelpText::Is("a card on the selected row; without one, the words of this step"),
        works: always,
        run: Act(asking::ask),
    },
    Binding {
        key: keys::lesson::CHECK_YOURSELF,
        short: Is("check"),
        long: HelpText::Is("warm up, predict what the step will do, or check yourself"),
        works: LessonView::has_question,
        run: Act(quiz_events::begin_quiz),
    },
    Binding {
        key: keys::lesson::WHAT_IF,
        short: Is("what if"),
        long: HelpText::Is("do another thing at this step, in a lab beside this one"),
        works: has_what_if,
        run: Act(learning_commands::list_branches),
    },
    Binding {
        key: keys::lesson::GROUP,
        short: Is("each group"),
        long: HelpText::Is("Cgroups: the row's group alone, or each in turn; all again"),
        works: |view| view.panes.focus == ViewKind::Cgroups && view.panes.has_groups(),
        run: Look(LessonView::turn_group),
    },
    Binding {
        key: keys::lesson::LOOK_BACK,
        short: Is("look back"),
        long: HelpText::Is("look at the recorded state one step back"),
        works: LessonView::can_look_back,
        run: Look(LessonView::look_back),
    },
    Binding {
        key: keys::lesson::LOOK_FORWARD,
        short: Is("forward"),
        long: HelpText::Is("look one recorded step forward"),
        works: |view| !view.is_live(),
        run: Look(LessonView::look_forward),
    },
    Binding {
        key: keys::lesson::BACK_TO_LIVE,
        short: Is("live"),
        long: HelpText::Is("back to the live lab; closes what is open"),
        works: |view| !view.is_live(),
        run: Act(commands::back_to_live),
    },
    Binding {
        key: keys::lesson::NEXT_PANE,
        short: Is("pane"),
        long: HelpText::Is("next pane"),
        works: always,
        run: Look(|view| view.panes.focus_on_neighbour(Direction::Forward)),
    },
    Binding {
        key: keys::lesson::PREVIOUS_PANE,
        short: Never,
        long: HelpText::Is("previous pane"),
        works: always,
        run: Look(|view| view.panes.focus_on_neighbour(Direction::Backward)),
    },
    Binding {
        key: keys::lesson::MAP,
        short: Now(map_words),
        long: HelpText::Is("the map of what the pane lists: beside the rows, alone, not at all"),
        works: always,
        run: Act(commands::turn_map),
    },
    Binding {
        key: keys::lesson::COMPARE,
        short: Is("diff"),
        long: HelpText::Is("diff, before | after, before, after"),
        works: LessonView::has_records,
        run: Look(LessonView::turn_compare),
    },
    Binding {
        key: keys::lesson::ALL_ROWS,
        short: Now(folding_words),
        long: HelpText::Is("all rows, or those that are as before folded"),
        works: LessonView::has_records,
        run: Look(LessonView::turn_folding),
    },
    Binding {
        key: keys::lesson::ZOOM,
        short: Is("zoom"),
        long: HelpText::Is("the pane alone, and back"),
        works: always,
        run: Act(commands::zoom),
    },
    Binding {
        key: keys::lesson::SHELLS,
        short: Never,
        long: HelpText::Is("list of shells: go to one, or start another"),
        works: always,
        run: Act(commands::list_shells),
    },
    Binding {
        key: keys::lesson::REWIND,
        short: Is("rewind"),
        long: HelpText::Is("rewind one step: a new lab, the steps before replayed"),
        works: |view| view.played_steps() > 0 && view.lab.is_ready(),
        run: Act(commands::rewind),
    },
    Binding {
        key: keys::lesson::STEP_AGAIN,
        short: Is("step again"),
        long: HelpText::Is("this step again: a new lab, as it was before the step"),
        works: LessonView::can_begin_step_again,
        run: Act(commands::begin_step_again),
    },
    Binding {
        key: keys::lesson::STEPS,
        short: Is("steps"),
        long: HelpText::Is("list of steps; look at one, or go there"),
        works: always,
        run: Act(commands::list_steps),
    },
    Binding {
        key: keys::lesson::BESIDE,
        short: Is("docker, OCI"),
        long: HelpText::Is("shell lines, docker's command, config.json, or notes"),
        works: always,
        run: Look(|view| view.story.turn_beside()),
    },
    Binding {
        key: keys::lesson::LEAVE_OUT,
        short: Is("leave out"),
        long: HelpText::Is("leave the next step out, and see what is missing then"),
        works: |view| view.tape.is_none() && view.can_run() && view.learning.turn.is_none(),
        run: Act(learning_commands::leave_next_out),
    },
    Binding {
        key: keys::lesson::NEXT_CHANGE,
        short: Is("next change"),
        long: HelpText::Is("next changed row, across panes"),
        works: LessonView::has_records,
        run: Look(|view| view.panes.select_change(Direction::Forward)),
    },
    Binding {
        key: keys::lesson::PREVIOUS_CHANGE,
        short: Never,
        long: HelpText::Is("previous changed row"),
        works: always,
        run: Look(|view| view.panes.select_change(Direction::Backward)),
    },
    Binding {
        key: keys::lesson::SEARCH,
        short: Is("find"),
        long: HelpText::Is("search in the pane"),
        works: always,
        run: Act(commands::find),
    },
    Binding {
        key: keys::lesson::SEARCH_NEXT,
        short: Never,
        long: HelpText::Is("next match"),
        works: always,
        run: Look(|view| view.panes.select_match(Direction::Forward)),
    },
    Binding {
        key: keys::lesson::SEARCH_PREVIOUS,
        short: Never,
        long: HelpText::Is("previous match"),
        works: always,
        run: Look(|view| view.panes.select_match(Direction::Backward)),
    },
    Binding {
        key: keys::lesson::READ_ON,
        short: Is("read on"),
        long: HelpText::Is("scroll the step, from its end to its top; never runs anything"),
        works: always,
        run: Look(|view| view.story.read_on()),
    },
    Binding {
        key: keys::lesson::READ_BACK,
        short: Never,
        long: HelpText::Is("scroll the step back"),
        works: always,
        run: Look(|view| view.story.read_back()),
    },
    Binding {
        key: keys::lesson::COPY,
        short: Now(copy_words),
        long: HelpText::Is("copy the step's commands, or the selected row"),
        works: always,
        run: Act(copying::copy),
    },
    Binding {
        key: keys::lesson::COPY_WHOLE,
        short: Never,
        long: HelpText::Is("copy them as a script, or a zoomed pane's rows"),
        works: always,
        run: Act(copying::copy_whole),
    },
    Binding {
        key: keys::lesson::NUMBERS,
        short: Never,
        long: HelpText::Is("the kernel's own numbers, or stable ones"),
        works: always,
        run: Look(LessonView::toggle_raw_numbers),
    },
    Binding {
        key: keys::lesson::RESTART,
        short: Never,
        long: HelpText::Is("start the lesson again"),
        works: always,
        run: Act(commands::restart),
    },
    down(Look(|view| view.panes.move_selection(1))),
    up(Look(|view| view.panes.move_selection(-1))),
    page_down(Look(|view| view.panes.move_selection(PAGE as isize))),
    page_up(Look(|view| view.panes.move_selection(-(PAGE as isize)))),
    first(Look(|view| view.panes.select_row(0))),
    last(Look(|view| view.panes.select_row(usize::MAX))),
    Binding {
        key: keys::lesson::PANE,
        short: Never,
        long: HelpText::Naming(|| {
            format!("a pane by its number ({}: the system calls)", ViewKind::Calls.number())
        }),
        works: always,
        run: Nth { count: |_| ViewKind::ALL.len(), act: commands::show_pane },
    },
    Binding {
        key: keys::lesson::PALETTE,
        short: Is("all"),
        long: HelpText::Is("everything that can be done, with search"),
        works: always,
        run: Act(commands::list_everything),
    },
    Binding { short: Never, ..way() },
    redraw(),
    suspend(),
    help(),
    quit(confirmation::ask_to_leave),
];

/// Words for what the key does that goes on, as the lesson stands.
pub fn run_words(view: &LessonView) -> &'static str {
    match view.scene() {
        LessonScene::Branch => "back from what-if",
        LessonScene::YourTurn if view.learning.turn_holds() => "done, go on",
        LessonScene::YourTurn => "show me",
        LessonScene::NextRepair => words::begin_repair(&view.lesson),
        LessonScene::NextStep if view.begins_turns() => "begin",
        LessonScene::LastStep => "go on",
        LessonScene::Finished => "finish",
        LessonScene::NextStep | LessonScene::Busy | LessonScene::LookingBack => "run",
    }
}

fn copy_words(view: &LessonView) -> &'static str {
    if view.panes.selection(view.panes.focus).is_some() { "copy row" } else { "copy" }
}

fn map_words(view: &LessonView) -> &'static str {
    match view.panes.map_place {
        MapPlace::Beside | MapPlace::Nowhere => "map",
        MapPlace::Alone => "rows",
    }
}

fn folding_words(view: &LessonView) -> &'static str {
    match view.panes.folding {
        RowFolding::Folded => "all rows",
        RowFolding::All => "fold",
    }
}

fn can_press_run(view: &LessonView) -> bool {
    match view.scene() {
        LessonScene::Branch
        | LessonScene::NextStep
        | LessonScene::NextRepair
        | LessonScene::LastStep
        | LessonScene::Finished => true,
        LessonScene::YourTurn => view.can_run(),
        LessonScene::Busy | LessonScene::LookingBack => false,
    }
}

fn has_what_if(view: &LessonView) -> bool {
    !view.is_in_branch() && view.step().is_some_and(|step| !step.branches.is_empty())
}
