//! Lists with a line to search by: steps, shells, what-ifs, and everything that can be done.

use super::keymap::lesson;
use super::{
    CardView, Effect, ListEntry, ListKind, Model, Screen, ScreenOverlay, confirmation,
    learning_commands, shell_events,
};
use crate::app::shells::ShellRoom;
use crate::engine::Request;
use crate::explain;
use crate::explain::card::Card;
use crate::prompt::Prompt;
use crate::text::padded;
use crate::words;

/// Choose another line, so many further down or up.
pub(super) fn move_by(model: &mut Model, lines: isize) {
    let ScreenOverlay::List(list) = &model.overlay else { return };
    let last = entries(model, &list.query, list.kind).len().saturating_sub(1);
    if let ScreenOverlay::List(list) = &mut model.overlay {
        list.selected = list.selected.saturating_add_signed(lines).min(last);
    }
}

/// Close the list, and go where its chosen line leads.
pub(super) fn choose(model: &mut Model) -> Vec<Effect> {
    let chosen = chosen(model);
    model.overlay = ScreenOverlay::None;
    chosen.map_or_else(Vec::new, |entry| go(model, entry))
}

/// Leave the chosen step out, in the list of steps alone.
pub(super) fn leave_out(model: &mut Model) -> Vec<Effect> {
    if let ScreenOverlay::List(list) = &model.overlay
        && list.kind == ListKind::Steps
        && let Some(ListEntry::Step(step)) = chosen(model)
    {
        return learning_commands::toggle_left_out(model, step);
    }
    Vec::new()
}

fn chosen(model: &Model) -> Option<ListEntry> {
    let ScreenOverlay::List(list) = &model.overlay else { return None };
    let mut found = entries(model, &list.query, list.kind).into_iter();
    found.nth(list.selected).map(|(entry, _)| entry)
}

fn go(model: &mut Model, entry: ListEntry) -> Vec<Effect> {
    match entry {
        ListEntry::Step(step) | ListEntry::Chapter(step) => go_to(model, step),
        ListEntry::Key(row) => row.run(model, 0),
        ListEntry::Tab(index) => {
            let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
            view.shells.choose_tab(index);
            view.shells.resize_tabs(model.size, ShellRoom::of_zoom(view.panes.is_zoomed))
        }
        ListEntry::Branch(index) => {
            let Screen::Lesson(view) = &model.screen else { return Vec::new() };
            let step = view.story_step();
            learning_commands::ask_branch(model, step, index)
        }
        ListEntry::Word(entry) => {
            model.overlay = ScreenOverlay::Card(CardView::new(Card::of_word(entry)));
            Vec::new()
        }
        ListEntry::NewShell(actor) => {
            let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
            shell_events::request_shell(view, actor, model.size)
        }
    }
}

/// A step of the list: look at it if it was played, else offer to play up to it.
pub(super) fn go_to(model: &mut Model, step: usize) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };

    if step < view.played_steps() && view.record(step).is_some() {
        view.look_at(step);
    } else if step != view.played_steps() {
        let prompt = Prompt::GoToStep { step: step + 1, loss: confirmation::loss(view) };
        return confirmation::ask(model, prompt, Request::RewindTo { steps: step });
    } else {
        view.back_to_live();
    }

    Vec::new()
}

/// The lines of a list that hold the query, with their texts.
pub fn entries(model: &Model, query: &str, list: ListKind) -> Vec<(ListEntry, String)> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };

    let steps = || {
        view.lesson.steps.iter().enumerate().map(|(index, step)| {
            (ListEntry::Step(index), format!("{:>2}  {}", index + 1, step.title))
        })
    };
    // A chapter leads to its first step.
    let grouped = || {
        steps().enumerate().flat_map(|(index, entry)| {
            let begin = words::chapter_begin(&view.lesson, index);
            begin.map(|text| (ListEntry::Chapter(index), text)).into_iter().chain([entry])
        })
    };
    let commands = lesson::TABLE.iter().map(|row| {
        (ListEntry::Key(row), format!("{} {}", padded(&row.key.to_string(), 10), row.help()))
    });
    let tabs = view.shells.tabs().iter().enumerate().map(|(index, tab)| {
        (ListEntry::Tab(index), format!("{}  go to the shell beside {}", index + 1, tab.actor()))
    });
    let new = view.actors().into_iter().map(|actor| {
        (ListEntry::NewShell(actor.clone()), format!("+  a new shell beside {actor}"))
    });

    let words = || {
        let own = view.words_of_step();
        let others = explain::all().filter(|entry| !own.contains(entry)).collect::<Vec<_>>();
        own.into_iter().chain(others).map(|entry| {
            let word = padded(entry.word, entry.word.len().max(19));
            let text = format!("{word}  {}", entry.text);
            (ListEntry::Word(entry), text)
        })
    };

    let all: Vec<(ListEntry, String)> = match list {
        ListKind::Steps => grouped().collect(),
        ListKind::Palette => commands.chain(steps()).chain(words()).collect(),
        ListKind::Words => words().collect(),
        ListKind::Shells => tabs.chain(new).collect(),
        ListKind::Branches => view
            .step()
            .into_iter()
            .flat_map(|step| step.branches.iter().enumerate())
            .map(|(index, branch)| (ListEntry::Branch(index), branch.title.clone()))
            .collect(),
    };

    let query = query.to_lowercase();
    all.into_iter().filter(|(_, text)| text.to_lowercase().contains(&query)).collect()
}
