//! The work of the keys that copy: the step's commands, a selected row, the rows of a pane that is alone.

use super::keymap::keys;
use super::{Beside, Effect, LessonScene, LessonView, Model, Screen};
use crate::notice::Notice;
use crate::op::ActorName;
use crate::words::shell_lines::{ShellStep, as_step};

/// The selected row of the pane in front; without one the step's commands, or the text that stands in their place.
pub(super) fn copy(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };
    let panes = &view.panes;
    let selected = panes.selection(panes.focus).and_then(|row| panes.rows(panes.focus).nth(row));
    if let Some(row) = selected {
        return vec![Effect::CopyText(row.text.trim().to_owned())];
    }

    let step = view.step();
    let beside = match view.story.beside {
        Beside::Docker => step.map(|step| step.docker.trim()),
        Beside::Oci => step.map(|step| step.oci.trim()),
        Beside::Shell | Beside::Notes => None,
    };
    if let Some(text) = beside.filter(|text| !text.is_empty()) {
        return vec![Effect::CopyText(text.to_owned())];
    }
    copy_commands(model, |_, lines| {
        let lines: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
        lines.join("\n")
    })
}

/// The step's commands as a script that says which shell each is for; where a pane is alone, all its rows.
pub(super) fn copy_whole(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };
    if view.panes.is_zoomed && !view.shells.is_shown() {
        let rows = view.panes.rows(view.panes.focus);
        let rows = rows.map(|row| format!("{} {}", row.mark.sign(), row.text));
        return vec![Effect::CopyText(rows.collect::<Vec<String>>().join("\n"))];
    }
    copy_commands(model, |view, lines| {
        let number = view.story_step() + 1;
        let title = match view.branch() {
            Some(branch) => branch.title.clone(),
            None => view.step().map_or_else(String::new, |step| step.title.clone()),
        };
        let is_typed = !view.is_in_branch() && view.is_by_hand(view.story_step());
        as_step(&view.lesson.title, &ShellStep { number, title, is_typed, lines })
    })
}

/// The commands of the step or the what-if as a text; a word on why not where they are not on the screen.
fn copy_commands(
    model: &mut Model,
    text: impl FnOnce(&LessonView, Vec<(ActorName, String)>) -> String,
) -> Vec<Effect> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };
    if are_kept_back(view) {
        let show = keys::lesson::YOUR_TURN.into();
        model.notice = Some(Notice::CommandKeptBack { show });
        return Vec::new();
    }
    let lines = view.shown_commands();
    if lines.is_empty() {
        model.notice = Some(Notice::NoCommandHere);
        return Vec::new();
    }
    vec![Effect::CopyText(text(view, lines))]
}

/// The commands are the learner's to find, and were not asked for.
fn are_kept_back(view: &LessonView) -> bool {
    let is_doing = view.scene() == LessonScene::YourTurn && view.is_live();
    let hint = view.step().and_then(|step| view.learning.shown_hint(step));
    let is_told = hint.is_some_and(|hint| hint.tells_command());
    view.keeps_command_back()
        || view.shown_record().is_none() && view.is_repair()
        || is_doing && !is_told
}
