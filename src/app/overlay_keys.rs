//! Keys while something lies over the screen: help, questions, lists with search.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::commands::{PAGE, carry_out, leave, search};
use super::{
    Confirm, Effect, Model, Programs, Screen, ScreenOverlay, Source, StepEntry, bindings,
    learning_commands, shell_events,
};
use crate::engine::Request;

pub(super) fn on_key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    if let ScreenOverlay::Programs(programs) = &mut model.overlay {
        let last = programs.last_scroll(model.size);
        return match on_programs(programs, last, key) {
            Some(effects) => {
                model.overlay = ScreenOverlay::None;
                effects
            }
            None => Vec::new(),
        };
    }

    let ctrl_c = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    if key.code == KeyCode::Esc || (ctrl_c && !matches!(model.overlay, ScreenOverlay::Confirm(_))) {
        model.overlay = ScreenOverlay::None;
        return Vec::new();
    }

    match std::mem::replace(&mut model.overlay, ScreenOverlay::None) {
        ScreenOverlay::None | ScreenOverlay::Programs(_) => Vec::new(),
        ScreenOverlay::Help { scroll } => {
            model.overlay = match key.code {
                KeyCode::Down | KeyCode::Char('j') => ScreenOverlay::Help { scroll: scroll + 1 },
                KeyCode::Up | KeyCode::Char('k') => {
                    ScreenOverlay::Help { scroll: scroll.saturating_sub(1) }
                }
                KeyCode::PageDown | KeyCode::Char(' ') => {
                    ScreenOverlay::Help { scroll: scroll + PAGE }
                }
                KeyCode::PageUp => ScreenOverlay::Help { scroll: scroll.saturating_sub(PAGE) },
                _ => ScreenOverlay::None,
            };
            Vec::new()
        }
        ScreenOverlay::Confirm(confirm) => answer(model, confirm, key),
        ScreenOverlay::Search { query } => {
            match edited(query, key) {
                Edit::Typing(query) => model.overlay = ScreenOverlay::Search { query },
                Edit::Done(query) => {
                    if let Screen::Lesson(view) = &mut model.screen {
                        view.query = query;
                        search(view, 1);
                    }
                }
                Edit::Other(query) => model.overlay = ScreenOverlay::Search { query },
            }
            Vec::new()
        }
        ScreenOverlay::Steps { query, selected } => {
            in_list(model, ListKind::Steps, query, selected, key)
        }
        ScreenOverlay::Palette { query, selected } => {
            in_list(model, ListKind::Palette, query, selected, key)
        }
        ScreenOverlay::Shells { query, selected } => {
            in_list(model, ListKind::Shells, query, selected, key)
        }
        ScreenOverlay::Branches { query, selected } => {
            in_list(model, ListKind::Branches, query, selected, key)
        }
    }
}

/// None while it is read.
fn on_programs(programs: &mut Programs, last: usize, key: KeyEvent) -> Option<Vec<Effect>> {
    let scroll = programs.scroll.min(last);

    programs.scroll = match key.code {
        KeyCode::Enter if scroll == last => {
            let lesson = programs.lesson.clone();
            let open = Effect::Open { id: lesson.clone(), from: Source::Lab };
            return Some(vec![Effect::Agree { lesson }, open]);
        }
        KeyCode::Char('c') if !key.modifiers.contains(KeyModifiers::CONTROL) => scroll,
        KeyCode::Esc | KeyCode::Char('q' | 'c') => return Some(vec![Effect::Quit]),
        KeyCode::Down | KeyCode::Char('j') => (scroll + 1).min(last),
        KeyCode::Up | KeyCode::Char('k') => scroll.saturating_sub(1),
        KeyCode::Enter | KeyCode::PageDown | KeyCode::Char(' ') => (scroll + PAGE).min(last),
        KeyCode::PageUp => scroll.saturating_sub(PAGE),
        KeyCode::End | KeyCode::Char('G') => last,
        KeyCode::Home | KeyCode::Char('g') => 0,
        _ => scroll,
    };

    None
}

fn answer(model: &mut Model, confirm: Confirm, key: KeyEvent) -> Vec<Effect> {
    let yes = match key.code {
        KeyCode::Enter => true,
        KeyCode::Char(letter) => {
            matches!(letter, 'y' | 'Y')
                || (letter == 'q' && confirm.then == Request::Quit)
                || (letter == 'c' && key.modifiers.contains(KeyModifiers::CONTROL))
        }
        _ => false,
    };

    if !yes {
        return Vec::new();
    }
    if confirm.then == Request::Quit {
        return leave(model);
    }

    if let Screen::Lesson(view) = &mut model.screen {
        if confirm.then == Request::Show {
            view.learning.shown = Some(view.played());
        }
        view.start_building();
    }
    vec![Effect::Engine(confirm.then)]
}

enum Edit {
    Typing(String),
    Done(String),
    Other(String),
}

fn edited(mut query: String, key: KeyEvent) -> Edit {
    match key.code {
        KeyCode::Enter => Edit::Done(query),
        KeyCode::Backspace => {
            query.pop();
            Edit::Typing(query)
        }
        KeyCode::Char(letter)
            if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) =>
        {
            query.push(letter);
            Edit::Typing(query)
        }
        _ => Edit::Other(query),
    }
}

/// The kind of entries that a list with search holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind {
    Steps,
    Palette,
    Shells,
    Branches,
}

impl ListKind {
    fn overlay(self, query: String, selected: usize) -> ScreenOverlay {
        match self {
            ListKind::Steps => ScreenOverlay::Steps { query, selected },
            ListKind::Palette => ScreenOverlay::Palette { query, selected },
            ListKind::Shells => ScreenOverlay::Shells { query, selected },
            ListKind::Branches => ScreenOverlay::Branches { query, selected },
        }
    }
}

fn in_list(
    model: &mut Model,
    list: ListKind,
    query: String,
    selected: usize,
    key: KeyEvent,
) -> Vec<Effect> {
    let count = entries(model, &query, list).len();

    match key.code {
        KeyCode::Down => {
            model.overlay = list.overlay(query, (selected + 1).min(count.saturating_sub(1)));
            return Vec::new();
        }
        KeyCode::Up => {
            model.overlay = list.overlay(query, selected.saturating_sub(1));
            return Vec::new();
        }
        KeyCode::Char('x')
            if list == ListKind::Steps && key.modifiers.contains(KeyModifiers::CONTROL) =>
        {
            let chosen =
                entries(model, &query, list).into_iter().nth(selected).map(|(entry, _)| entry);
            model.overlay = list.overlay(query, selected);
            return match chosen {
                Some(StepEntry::Step(step)) => learning_commands::leave_out(model, step),
                _ => Vec::new(),
            };
        }
        _ => {}
    }

    match edited(query, key) {
        Edit::Typing(query) => model.overlay = list.overlay(query, 0),
        Edit::Other(query) => model.overlay = list.overlay(query, selected),
        Edit::Done(query) => {
            let chosen =
                entries(model, &query, list).into_iter().nth(selected).map(|(entry, _)| entry);
            return match chosen {
                Some(entry) => choose(model, entry),
                None => Vec::new(),
            };
        }
    }

    Vec::new()
}

fn choose(model: &mut Model, entry: StepEntry) -> Vec<Effect> {
    match entry {
        StepEntry::Step(step) => go_to(model, step),
        StepEntry::Command(command) => carry_out(model, command),
        StepEntry::Tab(index) => {
            let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
            view.shells.choose(index);
            view.shells.fit(model.size, view.zoomed)
        }
        StepEntry::Branch(index) => {
            let Screen::Lesson(view) = &model.screen else { return Vec::new() };
            let step = view.story_step();
            learning_commands::ask_branch(model, step, index)
        }
        StepEntry::NewShell(actor) => {
            let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
            shell_events::ask_for(view, actor, model.size)
        }
    }
}

/// A step of the list: look at it if it was played, else offer to play up to it.
fn go_to(model: &mut Model, step: usize) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    if step < view.played() && view.record(step).is_some() {
        view.look_at(step);
    } else if step != view.played() {
        let question = format!(
            "Go to step {}? A fresh lab is made and {step} steps are played in it.",
            step + 1
        );
        model.overlay =
            ScreenOverlay::Confirm(Confirm { question, then: Request::RewindTo { steps: step } });
    } else {
        view.back_to_live();
    }
    Vec::new()
}

/// The lines of a list that hold the query, with their texts.
pub fn entries(model: &Model, query: &str, list: ListKind) -> Vec<(StepEntry, String)> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };

    let steps = || {
        view.lesson.steps.iter().enumerate().map(|(index, step)| {
            (
                StepEntry::Step(index),
                format!("{} {:>2}  {}", view.step_sign(index), index + 1, step.title),
            )
        })
    };
    let commands = bindings::listed(&model.screen).map(|binding| {
        (StepEntry::Command(binding.command), format!("{:<10} {}", binding.label, binding.long))
    });
    let tabs = view.shells.tabs().iter().enumerate().map(|(index, tab)| {
        (StepEntry::Tab(index), format!("{}  go to the shell beside {}", index + 1, tab.place()))
    });
    let new = view.actors().into_iter().map(|actor| {
        (StepEntry::NewShell(actor.clone()), format!("+  a new shell beside {actor}"))
    });

    let all: Vec<(StepEntry, String)> = match list {
        ListKind::Steps => steps().collect(),
        ListKind::Palette => commands.chain(steps()).collect(),
        ListKind::Shells => tabs.chain(new).collect(),
        ListKind::Branches => view
            .step()
            .into_iter()
            .flat_map(|step| step.branches.iter().enumerate())
            .map(|(index, branch)| (StepEntry::Branch(index), branch.title.clone()))
            .collect(),
    };

    let query = query.to_lowercase();
    all.into_iter().filter(|(_, text)| text.to_lowercase().contains(&query)).collect()
}
