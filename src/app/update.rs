//! One message, one change of the model, and what the outside is to do about it.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};

use super::keymap::{self, Command};
use super::{
    Confirm, Effect, Ended, LessonView, Model, Msg, Note, Overlay, Phase, Screen, Source, exam, groups, learning,
    overlay_keys, quiz, shells, talk,
};
use crate::engine::{Event, Goal, Request, TurnState};
use crate::talk::message::ToHub;
use crate::view::ViewKind;

/// Rows that a page key moves by.
pub(super) const PAGE: usize = 10;

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
            match &mut model.screen {
                Screen::Lesson(view) => view.shells.fit(model.size, view.zoomed),
                Screen::Talk(_) => vec![Effect::Hub(ToHub::Size { columns, rows })],
                Screen::Catalogue | Screen::Ended(_) | Screen::Score => Vec::new(),
            }
        }
        Msg::Engine(event) => on_event(model, event),
        Msg::Opened { lesson, left_off, tape } => {
            if left_off > 0 && left_off < lesson.steps.len() {
                model.overlay = Overlay::Confirm(Confirm {
                    question: format!(
                        "You were here: {left_off} of {} steps played. Replay them and go on from there?",
                        lesson.steps.len()
                    ),
                    then: Request::RewindTo { steps: left_off },
                });
            }
            let mut view = LessonView::new(lesson);
            view.learning.always = model.your_turn && tape.is_none();
            view.tape = tape;
            if let Some(exam) = &model.exam {
                view.quiz = Some(exam.questions(&view.lesson));
                model.overlay = Overlay::None;
            }
            model.screen = Screen::Lesson(Box::new(view));
            Vec::new()
        }
        Msg::OpenFailed(why) => {
            model.notice = Some(why);
            Vec::new()
        }
        Msg::ShellPrinted { tab, bytes } => shells::on_output(model, tab, &bytes),
        Msg::ShellEnded(tab) => {
            if let Screen::Lesson(view) = &mut model.screen {
                view.shells.close(tab);
            }
            Vec::new()
        }
        Msg::Paste(text) => shells::on_paste(model, &text),
        Msg::Copied(how) => {
            model.notice = Some(how);
            Vec::new()
        }
        Msg::Hub(message) => talk::on_message(model, message),
        Msg::HubGone => talk::on_hub_gone(model),
        Msg::Tick(time, now) => {
            talk::on_tick(model, time, now);
            Vec::new()
        }
        Msg::Terminate => {
            model.is_over = true;
            vec![Effect::Quit]
        }
    }
}

fn on_event(model: &mut Model, event: Event) -> Vec<Effect> {
    if model.exam.is_some() && matches!(event, Event::Ended(_)) {
        return exam::on_lesson_ended(model);
    }
    if let (Event::Ended(proof), Screen::Ended(ended)) = (&event, &mut model.screen) {
        ended.proof = Some(proof.clone());
        return Vec::new();
    }
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    match event {
        Event::Ready(ready) => {
            let was_in_branch = view.learning.branch.is_some();
            view.set_ready(ready);
            let (lesson, played) = (view.lesson.id.clone(), view.played());
            let mut effects = Vec::new();
            if played > 0 && view.tape.is_none() && view.quiz.as_ref().is_none_or(|quiz| !quiz.is_exam()) {
                effects.push(Effect::Remember { lesson, note: Note::Played(played) });
            }
            if !was_in_branch
                && view.learning.always
                && view.learning.turn.is_none()
                && view.can_run()
                && view.has_goals()
            {
                effects.push(Effect::Engine(Request::Turn(Goal::Step)));
            }
            effects.extend(quiz::on_ready(view));
            if let Some(actor) = view.reopen.take().filter(|actor| view.actors().contains(actor)) {
                effects.extend(shells::ask_for(view, actor, model.size));
            }
            return effects;
        }
        Event::Shell { tab, actor, opened } => match opened {
            Ok(_) => {
                view.shells.open(tab, actor, shells::inner_size(model.size, view.zoomed));
                return view.shells.fit(model.size, view.zoomed);
            }
            Err(why) => model.notice = Some(format!("no shell beside {actor}: {why}")),
        },
        Event::Playing { step } => view.phase = Phase::Playing { step },
        Event::Played(record) => {
            let note = learning::note(view, &record).filter(|_| view.tape.is_none());
            view.learning.turn = None;
            view.set_record(std::sync::Arc::clone(&record));
            let mut effects: Vec<Effect> = note.into_iter().collect();
            effects.extend(quiz::on_played(view, &record));
            return effects;
        }
        Event::Turn(state) => return on_turn(view, state),
        Event::Branched { branch, record } => view.set_branch(branch, record),
        Event::ShellInside { tab, actor } => {
            if let Some(terminal) = view.shells.get_mut(tab) {
                terminal.inside = actor;
            }
        }
        Event::Live(snapshot) => view.set_live(snapshot),
        Event::Sampled(charts) => view.set_charts(charts),
        Event::Waiting(awaited) => view.awaited = awaited,
        Event::Refused { why } => {
            view.phase = Phase::Ready;
            model.notice = Some(why);
        }
        Event::Failed { message } => {
            // The place where it stands is behind the shells then.
            if view.shells.is_shown() {
                model.notice = Some(format!("{message}. ctrl-] leaves the shell, R makes a fresh lab"));
            }
            view.phase = Phase::Failed { message };
        }
        Event::Ended(proof) => {
            let mut ended = ended(view);
            ended.proof = Some(proof);
            model.screen = Screen::Ended(ended);
        }
    }
    Vec::new()
}

fn on_turn(view: &mut LessonView, state: Option<TurnState>) -> Vec<Effect> {
    let begins = view.learning.turn.is_none() && state.is_some();
    view.learning.turn = state;
    if begins {
        view.story_scroll = 0;
        view.compare_from_now();
    }
    quiz::on_turn(view)
}

fn ended(view: &LessonView) -> Ended {
    let records = (0..view.played()).filter_map(|step| view.record(step));
    let verdicts: Vec<bool> = records.flat_map(|record| record.verdicts.iter().map(|verdict| verdict.ok)).collect();
    Ended {
        lesson: std::sync::Arc::clone(&view.lesson),
        tape: view.tape.clone(),
        played: view.played(),
        held: verdicts.iter().filter(|ok| **ok).count(),
        expected: verdicts.len(),
        proof: None,
    }
}

fn on_key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    if let Screen::Talk(_) = model.screen {
        return talk::on_key(model, key);
    }
    if model.overlay != Overlay::None {
        return overlay_keys::on_key(model, key);
    }
    if let Screen::Lesson(view) = &mut model.screen
        && let Some(effects) = shells::on_key(view, key)
    {
        return effects;
    }
    if let Screen::Lesson(view) = &mut model.screen
        && let Some(effects) = quiz::on_key(view, key)
    {
        return effects;
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

pub(super) fn carry_out(model: &mut Model, command: Command) -> Vec<Effect> {
    match command {
        Command::Help => model.overlay = Overlay::Help { scroll: 0 },
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
                    _ if model.source == Source::Tape => return vec![Effect::Open { id, from: Source::Tape }],
                    None => return vec![Effect::Open { id, from: Source::Lab }],
                    Some((why, _)) if row.has_tape => {
                        model.notice = Some(format!("a tape, because live it can't play here: {why}"));
                        return vec![Effect::Open { id, from: Source::Tape }];
                    }
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
        Command::Run if view.learning.branch.is_some() => return learning::end_branch(view),
        Command::Run if view.learning.is_step_turn() => return learning::enter(model),
        // Something is broken then, and mending it is the learner's.
        Command::Run if view.can_run() && view.is_repair() => return learning::toggle_turn(model),
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
        Command::Shell => return shells::enter(view, model.size),
        Command::Shells => model.overlay = Overlay::Shells { query: String::new(), selected: 0 },
        Command::LookBack => view.look_back(),
        Command::LookForward => view.look_forward(),
        Command::YourTurn => return learning::toggle_turn(model),
        Command::Hint => return learning::hint(model),
        Command::WhatIf => return learning::what_if(model),
        Command::LeaveOut => {
            let next = view.played();
            return learning::leave_out(model, next);
        }
        Command::CheckYourself => return quiz::begin(model),
        Command::BackToLive if view.learning.branch.is_some() => return learning::end_branch(view),
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
pub(super) fn leave(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };
    model.screen = Screen::Ended(ended(view));
    vec![Effect::Engine(Request::Quit)]
}
