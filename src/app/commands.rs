//! The work of each command: it changes the model and returns effects.

use super::keymap::Command;
use super::panes::PaneRow;
use super::{
    Confirm, Effect, Ended, LessonView, Model, Phase, Screen, ScreenOverlay, Source, groups,
    learning_commands, quiz_events, shell_events,
};
use crate::engine::{Goal, Request};
use crate::view::ViewKind;
use crate::words;

/// Rows that a page key moves by.
pub(super) const PAGE: usize = 10;

pub(super) fn carry_out(model: &mut Model, command: Command) -> Vec<Effect> {
    match command {
        Command::Help => model.overlay = ScreenOverlay::Help { scroll: 0 },
        Command::Redraw => return vec![Effect::Redraw],
        Command::Suspend => return vec![Effect::Suspend],
        other => {
            return match &mut model.screen {
                Screen::Catalogue => in_catalogue(model, other),
                Screen::Lesson(_) => in_lesson(model, other),
                Screen::Ended(_) | Screen::Score => after_end(model, other),
                Screen::Talk(_) => Vec::new(),
            };
        }
    }

    Vec::new()
}

fn in_catalogue(model: &mut Model, command: Command) -> Vec<Effect> {
    let last = model.catalogue.len().saturating_sub(1);

    match command {
        Command::Down => model.chosen = (model.chosen + 1).min(last),
        Command::Up => model.chosen = model.chosen.saturating_sub(1),
        Command::PageDown => model.chosen = (model.chosen + PAGE).min(last),
        Command::PageUp => model.chosen = model.chosen.saturating_sub(PAGE),
        Command::First => model.chosen = 0,
        Command::Last => model.chosen = last,
        Command::Run => {
            if let Some(row) = model.catalogue.get(model.chosen) {
                let id = row.id.clone();
                match &row.blocked {
                    _ if model.source == Source::Tape => {
                        return vec![Effect::Open { id, from: Source::Tape }];
                    }
                    None => return vec![Effect::Open { id, from: Source::Lab }],
                    Some((why, _)) if row.has_tape => {
                        let why = words::blocker(why);
                        model.notice =
                            Some(format!("a tape, because live it can't play here: {why}"));
                        return vec![Effect::Open { id, from: Source::Tape }];
                    }
                    Some((why, _)) => {
                        model.notice = Some(format!("can't play here: {}", words::blocker(why)));
                    }
                }
            }
        }
        Command::Quit => {
            model.is_over = true;
            return vec![Effect::Quit];
        }
        _ => {}
    }

    Vec::new()
}

fn after_end(model: &mut Model, command: Command) -> Vec<Effect> {
    let scroll = &mut model.scroll;

    match command {
        Command::Quit => {
            model.is_over = true;
            return vec![Effect::Quit];
        }
        Command::Down => *scroll += 1,
        Command::Up => *scroll = scroll.saturating_sub(1),
        Command::PageDown => *scroll += PAGE,
        Command::PageUp => *scroll = scroll.saturating_sub(PAGE),
        Command::First => *scroll = 0,
        _ => {}
    }

    Vec::new()
}

fn in_lesson(model: &mut Model, command: Command) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };

    match command {
        Command::Run if view.learning.branch.is_some() => {
            return learning_commands::end_branch(view);
        }
        Command::Run if view.learning.is_step_turn() => return learning_commands::enter(model),
        // Something is broken then, and mending it is the learner's.
        Command::Run if view.can_run() && view.is_repair() => {
            return learning_commands::toggle_turn(model);
        }
        Command::Run if view.can_run() => {
            // At once: a second Enter before the engine has heard of the first must not run another step.
            view.phase = Phase::Playing { step: view.played() };
            return vec![Effect::Engine(Request::Next)];
        }
        Command::Run if view.can_go_on() => {
            view.go_on();
            if view.learning.always && view.has_goals() {
                return vec![Effect::Engine(Request::Turn(Goal::Step))];
            }
        }
        Command::Run if view.is_finished() => return leave(model),
        Command::Run => {
            if !view.is_live() {
                model.notice = Some("you are looking back: Esc returns to the live lab".into());
            }
        }
        Command::Shell => return shell_events::enter(view, model.size),
        Command::Shells => {
            model.overlay = ScreenOverlay::Shells { query: String::new(), selected: 0 }
        }
        Command::LookBack => view.look_back(),
        Command::LookForward => view.look_forward(),
        Command::YourTurn => return learning_commands::toggle_turn(model),
        Command::Hint => return learning_commands::hint(model),
        Command::WhatIf => return learning_commands::what_if(model),
        Command::LeaveOut => {
            let next = view.played();
            return learning_commands::leave_out(model, next);
        }
        Command::CheckYourself => return quiz_events::begin(model),
        Command::BackToLive if view.learning.branch.is_some() => {
            return learning_commands::end_branch(view);
        }
        Command::BackToLive => {
            if view.zoomed {
                view.zoomed = false;
            } else if !view.query.is_empty() {
                view.query.clear();
            } else if view.group.is_some() && view.focus == ViewKind::Cgroups {
                view.show_group(None);
            } else if !view.is_live() {
                view.back_to_live();
            }
        }
        Command::Zoom => {
            view.zoomed = !view.zoomed;
            return view.shells.fit(model.size, view.zoomed);
        }
        Command::Rewind if view.played() > 0 => {
            let steps = view.played() - 1;
            let title = view.lesson.steps.get(steps).map_or("", |step| step.title.as_str());
            let question = format!(
                "Rewind to before `{title}`? The lab is dropped and {steps} steps are replayed."
            );
            model.overlay =
                ScreenOverlay::Confirm(Confirm { question, then: Request::RewindTo { steps } });
        }
        Command::Rewind => {}
        Command::Restart => {
            let question = "Start the lesson anew, in a fresh lab?".into();
            model.overlay =
                ScreenOverlay::Confirm(Confirm { question, then: Request::RewindTo { steps: 0 } });
        }
        Command::Steps => {
            model.overlay =
                ScreenOverlay::Steps { query: String::new(), selected: view.story_step() }
        }
        Command::Palette => {
            model.overlay = ScreenOverlay::Palette { query: String::new(), selected: 0 }
        }
        Command::Search => model.overlay = ScreenOverlay::Search { query: String::new() },
        Command::SearchNext => search(view, 1),
        Command::SearchPrevious => search(view, -1),
        Command::CopyRow => {
            let text = view
                .rows(view.focus)
                .nth(view.selected_row())
                .map(|row| row.text.trim().to_owned());
            return text.map(Effect::Copy).into_iter().collect();
        }
        Command::CopyPane => {
            let lines: Vec<String> = view
                .rows(view.focus)
                .map(|row| format!("{} {}", row.mark.sign(), row.text))
                .collect();
            return vec![Effect::Copy(lines.join("\n"))];
        }
        Command::Quit => {
            let question = "The lab is running. Take it down and leave the lesson?".into();
            model.overlay = ScreenOverlay::Confirm(Confirm { question, then: Request::Quit });
        }
        other => look(view, other),
    }

    Vec::new()
}

/// Commands that only change how the lesson is looked at.
fn look(view: &mut LessonView, command: Command) {
    let selected = view.selected_row();

    match command {
        Command::NextPane => turn_pane(view, 1),
        Command::PreviousPane => turn_pane(view, ViewKind::ALL.len() - 1),
        Command::Pane(index) => {
            view.focus = ViewKind::ALL.get(index).copied().unwrap_or(view.focus)
        }
        Command::Down => view.select(selected + 1),
        Command::Up => view.select(selected.saturating_sub(1)),
        Command::PageDown => view.select(selected + PAGE),
        Command::PageUp => view.select(selected.saturating_sub(PAGE)),
        Command::First => view.select(0),
        Command::Last => view.select(usize::MAX),
        Command::NextChange => to_change(view, 1),
        Command::PreviousChange => to_change(view, -1),
        Command::Compare => {
            view.compare = view.compare.next();
            view.rebuild();
        }
        Command::ChangesOnly => {
            view.changes_only = !view.changes_only;
            view.rebuild();
        }
        Command::Numbers => {
            view.raw_numbers = !view.raw_numbers;
            view.rebuild();
        }
        Command::Group => groups::choose(view),
        Command::Beside => view.beside = view.beside.next(),
        Command::StoryDown => view.story_scroll += 3,
        _ => {}
    }
}

fn turn_pane(view: &mut LessonView, by: usize) {
    let at = ViewKind::ALL.iter().position(|kind| *kind == view.focus).unwrap_or(0);
    view.focus = ViewKind::ALL[(at + by) % ViewKind::ALL.len()];
}

/// The next changed row in this pane, or else the first one of the next pane that has any.
fn to_change(view: &mut LessonView, direction: isize) {
    let from = view.selected_row() as isize + direction;
    if let Some(row) = view.find_row(view.focus, from, direction, |row| row.mark.is_change()) {
        view.select(row);
        return;
    }

    let count = ViewKind::ALL.len() as isize;
    let at = ViewKind::ALL.iter().position(|kind| *kind == view.focus).unwrap_or(0) as isize;

    for offset in 1..=count {
        let next = ViewKind::ALL[(at + direction * offset).rem_euclid(count) as usize];
        let end = if direction > 0 { 0 } else { view.rows(next).count() as isize - 1 };
        if let Some(row) = view.find_row(next, end, direction, |row| row.mark.is_change()) {
            view.focus = next;
            view.select(row);
            return;
        }
    }
}

pub(super) fn search(view: &mut LessonView, direction: isize) {
    if view.query.is_empty() {
        return;
    }
    let query = view.query.to_lowercase();
    let fits = |row: &PaneRow| row.text.to_lowercase().contains(&query);
    let from = view.selected_row() as isize + direction;
    let end = if direction > 0 { 0 } else { view.rows(view.focus).count() as isize - 1 };
    let found = view
        .find_row(view.focus, from, direction, fits)
        .or_else(|| view.find_row(view.focus, end, direction, fits));
    if let Some(row) = found {
        view.select(row);
    }
}

/// Take the lab down and show the proof.
pub(super) fn leave(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };
    model.screen = Screen::Ended(ended(view));
    vec![Effect::Engine(Request::Quit)]
}

pub(super) fn ended(view: &LessonView) -> Ended {
    let records = (0..view.played()).filter_map(|step| view.record(step));
    let verdicts: Vec<bool> =
        records.flat_map(|record| record.verdicts.iter().map(|verdict| verdict.ok)).collect();
    Ended {
        lesson: std::sync::Arc::clone(&view.lesson),
        tape: view.tape.clone(),
        played: view.played(),
        held: verdicts.iter().filter(|ok| **ok).count(),
        expected: verdicts.len(),
        proof: None,
    }
}
