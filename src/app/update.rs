//! One message, one change of the model, and what the outside is to do about it.

use crossterm::event::KeyEventKind;

use super::ended::ended_lesson;
use super::keymap::{keys, modes};
use super::{
    Effect, Glow, LearningWay, LessonView, Model, Msg, Phase, ProgressNote, Screen, ScreenOverlay,
    confirmation, exam, learning_commands, pointing, quiz_events, shell_events, talk,
};
use crate::app::shells::ShellRoom;
use crate::engine::{Event, Request, TurnGoal};
use crate::notice::Notice;
use crate::prompt::Prompt;
use crate::settings::Motion;
use crate::talk::message::WindowToHub;
use crate::tape::TapeOrigin;

/// Apply a message. What is returned has to be carried out.
#[must_use]
pub fn update(model: &mut Model, message: Msg) -> Vec<Effect> {
    match message {
        // Some terminals tell, too, when a key comes up.
        Msg::Key(key) if key.kind == KeyEventKind::Release => Vec::new(),
        Msg::Key(key) => {
            model.notice = None;
            model.glow = Glow::Off;
            modes::on_key(model, key)
        }
        Msg::Pointed(target, how) => {
            model.notice = None;
            pointing::on_point(model, target, how)
        }
        Msg::GlowEnded => {
            model.glow = Glow::Off;
            Vec::new()
        }
        Msg::Resize(columns, rows) => {
            model.size = (columns, rows);
            match &mut model.screen {
                Screen::Lesson(view) => {
                    view.shells.resize_tabs(model.size, ShellRoom::of_zoom(view.panes.is_zoomed))
                }
                Screen::Talk(_) => vec![Effect::SendToHub(WindowToHub::Size { columns, rows })],
                Screen::Catalogue | Screen::Ended(_) | Screen::Score => Vec::new(),
            }
        }
        Msg::Engine(event) => on_event(model, event),
        Msg::LessonOpened { lesson, left_off, tape } => {
            if left_off > 0 && left_off < lesson.steps.len() {
                let prompt = Prompt::GoOn { reached: left_off, of: lesson.steps.len() };
                confirmation::ask(model, prompt, Request::RewindTo { steps: left_off });
            }

            let mut view = LessonView::new(lesson);
            view.is_beginning =
                model.exam.is_none() && (left_off == 0 || left_off >= view.lesson.steps.len());
            view.learning.way = if tape.is_none() { model.way } else { LearningWay::Shown };
            let row = model.catalogue.iter().find(|row| row.is_of(&view.lesson));
            view.not_possible = row.map_or_else(Vec::new, |row| row.left_out.clone());
            view.has_tape = tape.is_none()
                && model.catalogue.iter().any(|row| row.has_tape && row.is_of(&view.lesson));
            if let Some(TapeOrigin { made, other_cgroups }) = tape {
                view.tape = Some(made);
                view.other_cgroups = other_cgroups;
            }
            if let Some(exam) = &model.exam {
                view.quiz = Some(exam.quiz_of(&view.lesson));
                model.overlay = ScreenOverlay::None;
            }

            model.screen = Screen::Lesson(Box::new(view));
            Vec::new()
        }
        Msg::WarmUp(questions) => {
            if let Screen::Lesson(view) = &mut model.screen {
                view.warm_up = questions;
            }
            Vec::new()
        }
        Msg::StartAt { steps } => {
            if let ScreenOverlay::Confirm(_) = model.overlay {
                model.overlay = ScreenOverlay::None;
            }
            let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
            view.leave_beginning();
            if steps == 0 {
                return Vec::new();
            }
            view.start_building();
            vec![Effect::SendToEngine(Request::RewindTo { steps })]
        }
        Msg::LessonOpenFailed(why) => {
            model.notice = Some(Notice::Error(why));
            Vec::new()
        }
        Msg::ShellPrinted { tab, bytes } => shell_events::on_output(model, tab, &bytes),
        Msg::ShellEnded(tab) => {
            shell_events::on_ended(model, tab);
            Vec::new()
        }
        Msg::Paste(text) => shell_events::on_paste(model, &text),
        Msg::Copied(copied) => {
            model.notice = Some(Notice::Copied(copied));
            Vec::new()
        }
        Msg::Saved(saved) => {
            model.notice = Some(Notice::Saved(saved));
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
    if model.exam.is_some() && matches!(event, Event::SessionEnded(_)) {
        return exam::on_lesson_ended(model);
    }
    if let (Event::SessionEnded(proof), Screen::Ended(ended)) = (&event, &mut model.screen) {
        ended.proof = Some(proof.clone());
        return Vec::new();
    }

    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    match event {
        Event::Ready(ready) => {
            let was_in_branch = view.is_in_branch();
            view.set_ready(ready);
            view.shells.close_tabs_of_last_lab();
            if was_in_branch {
                view.shells.forget_what_if();
            }
            let (lesson, played) = (view.lesson.id.clone(), view.played_steps());
            let mut effects = Vec::new();
            // With a tape or in a check nobody comes further in the lesson.
            if played > 0
                && view.tape.is_none()
                && view.quiz.as_ref().is_none_or(|quiz| !quiz.is_exam())
            {
                effects.push(Effect::SaveNote { lesson, note: ProgressNote::Reached(played) });
            }

            // Back from a what-if the lab stands where it stood: no turn begins by that.
            let resumes = std::mem::take(&mut view.learning.resumes);
            let begins =
                view.has_goals() && resumes || view.begins_turns() && !view.is_at_beginning();
            if !was_in_branch
                && begins
                && view.learning.turn.is_none()
                && view.can_run()
                && !view.is_left_out(played)
            {
                effects.push(Effect::SendToEngine(Request::BeginTurn(TurnGoal::Step)));
            }

            effects.extend(quiz_events::on_ready(view));
            if let Some(shown) = view.shells.take_reopened()
                && view.actors().contains(&shown.actor)
            {
                effects.extend(shell_events::request_shown_shell(view, shown, model.size));
            }
            return effects;
        }
        Event::ShellOpened { tab, actor, opened } => {
            let opened = opened.map(drop).map_err(|why| format!("{why:#}"));
            return shell_events::on_opened(model, tab, actor, opened);
        }
        Event::Playing { step } => view.start_playing(step),
        Event::Played(record) => {
            if model.motion != Motion::Off {
                model.glow = Glow::On;
            }
            let note = learning_commands::step_note(view, &record);
            view.learning.turn = None;
            // A step done by typing, too: until the lab is ready, this step is the one that is told of. The last word
            // of a lab that is being replaced changes nothing of that.
            if !matches!(view.lab.phase, Phase::Building) {
                view.start_playing(record.step);
            }
            view.set_record(std::sync::Arc::clone(&record));
            let mut effects: Vec<Effect> = note.into_iter().collect();
            effects.extend(quiz_events::on_played(view, &record));
            return effects;
        }
        Event::TurnBegan { turn, before } => {
            view.begin_turn(turn, before);
            let mut effects = quiz_events::on_turn_changed(view);
            effects.extend(shell_events::open_beside_turn(view, model.size));
            return effects;
        }
        Event::TurnChanged(state) => {
            view.set_turn(state);
            return quiz_events::on_turn_changed(view);
        }
        Event::DetourChanged(detour) => view.set_detour(detour),
        Event::BranchPlayed { branch, record } => {
            if model.motion != Motion::Off {
                model.glow = Glow::On;
            }
            view.show_branch(branch, record);
        }
        Event::ShellMoved { tab, actor } => {
            if let Some(terminal) = view.shells.tab_mut(tab) {
                terminal.inside = actor;
            }
        }
        Event::LiveSnapshot(snapshot) => view.set_live_snapshot(snapshot),
        Event::ChartsSampled(charts) => view.set_charts(charts),
        Event::OwnCalls(calls) => view.set_own_calls(calls),
        Event::Waiting(awaited) => view.lab.awaited = awaited,
        Event::Unpacking(progress) => view.lab.unpacking = Some(progress),
        Event::RequestRefused { why } => {
            view.lab.phase = Phase::Ready;
            model.notice = Some(Notice::Refused(why));
        }
        Event::Failed(failure) => {
            let message = format!("{failure:#}");
            // The place where it stands is behind the shells then.
            if view.shells.is_shown() {
                model.notice = Some(Notice::FailedBehindShell {
                    error: message.clone(),
                    leave: keys::shell::LEAVE.into(),
                    restart: keys::lesson::RESTART.into(),
                });
            }
            view.learning.resume_in_next_lab();
            view.lab.phase = Phase::Failed { message };
        }
        Event::SessionEnded(proof) => {
            let mut ended = ended_lesson(view, &model.catalogue);
            ended.proof = Some(proof);
            model.screen = Screen::Ended(Box::new(ended));
        }
    }

    Vec::new()
}
