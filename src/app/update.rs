//! One message, one change of the model, and what the outside is to do about it.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::keymap::{self, Command};
use super::{Confirm, Effect, Ended, LessonView, Model, Msg, Overlay, Phase, Position, Screen, StepEntry};
use crate::engine::{Event, Request};
use crate::lesson::model::ViewKind;

/// Rows that a page key moves by.
const PAGE: usize = 10;

/// Apply a message.
pub fn update(model: &mut Model, message: Msg) -> Vec<Effect> {
    match message {
        Msg::Key(key) if key.kind == KeyEventKind::Release => Vec::new(),
        Msg::Key(key) => {
            model.notice = None;
            on_key(model, key)
        }
        Msg::Resize(columns, rows) => {
            model.size = (columns, rows);
            Vec::new()
        }
        Msg::Engine(event) => on_event(model, event),
        Msg::Opened(lesson, left_off) => {
            if left_off > 0 && left_off < lesson.steps.len() {
                model.overlay = Overlay::Confirm(Confirm {
                    question: format!(
                        "You were here: {left_off} of {} steps played. Replay them and go on from there?",
                        lesson.steps.len()
                    ),
                    then: Request::RewindTo { steps: left_off },
                });
            }
            model.screen = Screen::Lesson(Box::new(LessonView::new(lesson)));
            Vec::new()
        }
        Msg::OpenFailed(why) => {
            model.notice = Some(why);
            Vec::new()
        }
        Msg::Copied(how) => {
            model.notice = Some(how);
            Vec::new()
        }
        Msg::Terminate => {
            model.is_over = true;
            vec![Effect::Quit]
        }
    }
}

fn on_event(model: &mut Model, event: Event) -> Vec<Effect> {
    if let (Event::Ended(proof), Screen::Ended(ended)) = (&event, &mut model.screen) {
        ended.proof = Some(proof.clone());
        return Vec::new();
    }
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    match event {
        Event::Ready(ready) => {
            view.set_ready(ready);
            let (lesson, played) = (view.lesson.id.clone(), view.played());
            return if played > 0 { vec![Effect::Remember { lesson, played }] } else { Vec::new() };
        }
        Event::Playing { step } => view.phase = Phase::Playing { step },
        Event::Played(record) => view.set_record(record),
        Event::Live(snapshot) => view.set_live(snapshot),
        Event::Failed { message } => view.phase = Phase::Failed { message },
        Event::Ended(proof) => {
            let mut ended = ended(view);
            ended.proof = Some(proof);
            model.screen = Screen::Ended(ended);
        }
    }
    Vec::new()
}

fn ended(view: &LessonView) -> Ended {
    let records = (0..view.played()).filter_map(|step| view.record(step));
    let verdicts: Vec<bool> = records.flat_map(|record| record.verdicts.iter().map(|verdict| verdict.ok)).collect();
    Ended {
        lesson: std::sync::Arc::clone(&view.lesson),
        played: view.played(),
        held: verdicts.iter().filter(|ok| **ok).count(),
        expected: verdicts.len(),
        proof: None,
    }
}

fn on_key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    if model.overlay != Overlay::None {
        return on_overlay_key(model, key);
    }
    if let (Screen::Ended(ended), KeyCode::Enter | KeyCode::Esc) = (&model.screen, key.code) {
        if ended.proof.is_some() {
            let (id, played) = (ended.lesson.id.clone(), ended.played);
            back_to_catalogue(model, &id, played);
        }
        return Vec::new();
    }
    let Some(command) = keymap::command(key, &model.screen) else { return Vec::new() };
    carry_out(model, command)
}

fn back_to_catalogue(model: &mut Model, lesson: &str, played: usize) {
    if let Some(row) = model.catalogue.iter_mut().find(|row| row.id == lesson) {
        row.left_off = row.left_off.max((played > 0).then_some(played));
    }
    model.screen = Screen::Catalogue;
}

fn carry_out(model: &mut Model, command: Command) -> Vec<Effect> {
    match command {
        Command::Help => model.overlay = Overlay::Help { scroll: 0 },
        Command::Redraw => return vec![Effect::Redraw],
        Command::Suspend => return vec![Effect::Suspend],
        other => {
            return match &mut model.screen {
                Screen::Catalogue => in_catalogue(model, other),
                Screen::Lesson(_) => in_lesson(model, other),
                Screen::Ended(_) => after_end(model, other),
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
                match &row.blocked {
                    None => return vec![Effect::Open { id: row.id.clone() }],
                    Some((why, _)) => model.notice = Some(format!("can't play here: {why}")),
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
    match command {
        Command::Quit => {
            model.is_over = true;
            vec![Effect::Quit]
        }
        _ => Vec::new(),
    }
}

fn in_lesson(model: &mut Model, command: Command) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    match command {
        Command::Run if view.can_run() => return vec![Effect::Engine(Request::Next)],
        Command::Run if view.can_go_on() => view.go_on(),
        Command::Run if view.is_finished() => return leave(model),
        Command::Run => {
            if !view.is_live() {
                model.notice = Some("you are looking back: Esc returns to the live lab".into());
            }
        }
        Command::LookBack => view.look_back(),
        Command::LookForward => view.look_forward(),
        Command::BackToLive => {
            if view.zoomed {
                view.zoomed = false;
            } else if !view.query.is_empty() {
                view.query.clear();
            } else if !view.is_live() {
                view.back_to_live();
            }
        }
        Command::Rewind if view.played() > 0 => {
            let steps = view.played() - 1;
            let title = view.lesson.steps.get(steps).map_or("", |step| step.title.as_str());
            let question = format!("Rewind to before `{title}`? The lab is dropped and {steps} steps are replayed.");
            model.overlay = Overlay::Confirm(Confirm { question, then: Request::RewindTo { steps } });
        }
        Command::Rewind => {}
        Command::Restart => {
            let question = "Start the lesson anew, in a fresh lab?".into();
            model.overlay = Overlay::Confirm(Confirm { question, then: Request::RewindTo { steps: 0 } });
        }
        Command::Steps => model.overlay = Overlay::Steps { query: String::new(), selected: view.story_step() },
        Command::Palette => model.overlay = Overlay::Palette { query: String::new(), selected: 0 },
        Command::Search => model.overlay = Overlay::Search { query: String::new() },
        Command::SearchNext => search(view, 1),
        Command::SearchPrevious => search(view, -1),
        Command::CopyRow => {
            let text = view.rows(view.focus).nth(view.selected_row()).map(|row| row.text.trim().to_owned());
            return text.map(Effect::Copy).into_iter().collect();
        }
        Command::CopyPane => {
            let lines: Vec<String> =
                view.rows(view.focus).map(|row| format!("{} {}", row.mark.sign(), row.text)).collect();
            return vec![Effect::Copy(lines.join("\n"))];
        }
        Command::Quit => {
            let question = "The lab is running. Take it down and leave the lesson?".into();
            model.overlay = Overlay::Confirm(Confirm { question, then: Request::Quit });
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
        Command::Pane(index) => view.focus = ViewKind::ALL.get(index).copied().unwrap_or(view.focus),
        Command::Calls => view.focus = ViewKind::Calls,
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
        Command::Zoom => view.zoomed = !view.zoomed,
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

fn search(view: &mut LessonView, direction: isize) {
    if view.query.is_empty() {
        return;
    }
    let query = view.query.to_lowercase();
    let fits = |row: &super::panes::PaneRow| row.text.to_lowercase().contains(&query);
    let from = view.selected_row() as isize + direction;
    let end = if direction > 0 { 0 } else { view.rows(view.focus).count() as isize - 1 };
    let found =
        view.find_row(view.focus, from, direction, fits).or_else(|| view.find_row(view.focus, end, direction, fits));
    if let Some(row) = found {
        view.select(row);
    }
}

/// Take the lab down and show the proof.
fn leave(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };
    model.screen = Screen::Ended(ended(view));
    vec![Effect::Engine(Request::Quit)]
}

fn on_overlay_key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    let ctrl_c = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    if key.code == KeyCode::Esc || (ctrl_c && !matches!(model.overlay, Overlay::Confirm(_))) {
        model.overlay = Overlay::None;
        return Vec::new();
    }
    match std::mem::replace(&mut model.overlay, Overlay::None) {
        Overlay::None => Vec::new(),
        Overlay::Help { scroll } => {
            model.overlay = match key.code {
                KeyCode::Down | KeyCode::Char('j') => Overlay::Help { scroll: scroll + 1 },
                KeyCode::Up | KeyCode::Char('k') => Overlay::Help { scroll: scroll.saturating_sub(1) },
                KeyCode::PageDown | KeyCode::Char(' ') => Overlay::Help { scroll: scroll + PAGE },
                KeyCode::PageUp => Overlay::Help { scroll: scroll.saturating_sub(PAGE) },
                _ => Overlay::None,
            };
            Vec::new()
        }
        Overlay::Confirm(confirm) => answer(model, confirm, key),
        Overlay::Search { query } => {
            match edited(query, key) {
                Edit::Typing(query) => model.overlay = Overlay::Search { query },
                Edit::Done(query) => {
                    if let Screen::Lesson(view) = &mut model.screen {
                        view.query = query;
                        search(view, 1);
                    }
                }
                Edit::Other(query) => model.overlay = Overlay::Search { query },
            }
            Vec::new()
        }
        Overlay::Steps { query, selected } => in_list(model, query, selected, key, true),
        Overlay::Palette { query, selected } => in_list(model, query, selected, key, false),
    }
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
        view.phase = Phase::Building;
        view.position = Position::Live;
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
        KeyCode::Char(letter) if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
            query.push(letter);
            Edit::Typing(query)
        }
        _ => Edit::Other(query),
    }
}

fn in_list(model: &mut Model, query: String, selected: usize, key: KeyEvent, is_steps: bool) -> Vec<Effect> {
    let list = |query: String, selected: usize| {
        if is_steps { Overlay::Steps { query, selected } } else { Overlay::Palette { query, selected } }
    };
    let count = entries(model, &query, is_steps).len();
    match key.code {
        KeyCode::Down => {
            model.overlay = list(query, (selected + 1).min(count.saturating_sub(1)));
            return Vec::new();
        }
        KeyCode::Up => {
            model.overlay = list(query, selected.saturating_sub(1));
            return Vec::new();
        }
        _ => {}
    }
    match edited(query, key) {
        Edit::Typing(query) => model.overlay = list(query, 0),
        Edit::Other(query) => model.overlay = list(query, selected),
        Edit::Done(query) => {
            let chosen = entries(model, &query, is_steps).into_iter().nth(selected).map(|(entry, _)| entry);
            return match chosen {
                Some(StepEntry::Step(step)) => go_to(model, step),
                Some(StepEntry::Command(command)) => carry_out(model, command),
                None => Vec::new(),
            };
        }
    }
    Vec::new()
}

/// A step of the list: look at it if it was played, else offer to play up to it.
fn go_to(model: &mut Model, step: usize) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    if step < view.played() && view.record(step).is_some() {
        view.look_at(step);
    } else if step != view.played() {
        let question = format!("Go to step {}? A fresh lab is made and {step} steps are played in it.", step + 1);
        model.overlay = Overlay::Confirm(Confirm { question, then: Request::RewindTo { steps: step } });
    } else {
        view.back_to_live();
    }
    Vec::new()
}

/// The lines of the list of steps, or of the palette, that hold the query, with their texts.
pub fn entries(model: &Model, query: &str, is_steps: bool) -> Vec<(StepEntry, String)> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };
    let steps = view.lesson.steps.iter().enumerate().map(|(index, step)| {
        let sign = match view.record(index) {
            Some(record) if index < view.played() && !record.is_ok() => "!",
            Some(_) if index < view.played() => "*",
            _ if index < view.played() => "*",
            _ => " ",
        };
        (StepEntry::Step(index), format!("{sign} {:>2}  {}", index + 1, step.title))
    });
    let commands = keymap::listed(&model.screen)
        .map(|binding| (StepEntry::Command(binding.command), format!("{:<10} {}", binding.label, binding.long)));
    let all: Vec<(StepEntry, String)> = if is_steps { steps.collect() } else { commands.chain(steps).collect() };
    let query = query.to_lowercase();
    all.into_iter().filter(|(_, text)| text.to_lowercase().contains(&query)).collect()
}
