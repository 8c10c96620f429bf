//! The work of a talk's keys: what the driver does to the audience view, the clock and the steps.

use super::next_action::NextAction;
use super::{OnConfirm, Talk, TalkOverlay, TalkView};
use crate::app::keymap::keys;
use crate::app::{Effect, Model, Screen};
use crate::notice::Notice;
use crate::prompt::Prompt;
use crate::talk::AudienceView;
use crate::talk::beat::{self, Beat};
use crate::talk::message::{ClockChange, DriverRequest, WindowRole, WindowToHub};
use crate::view::ViewKind;

/// Steps that a page key moves by in the list of them.
pub const JUMP_PAGE: usize = 10;
/// Seconds that the clock is given more at a time.
const MORE_SECONDS: u64 = 300;

/// This window does not drive: say so.
pub fn refuse(model: &mut Model) {
    let Screen::Talk(window) = &model.screen else { return };
    let close = keys::talk::CLOSE.into();
    model.notice = Some(match window.role {
        WindowRole::Watcher => Notice::WindowOnlyLooks { close },
        WindowRole::Screen | WindowRole::Console => Notice::OtherWindowDrives { close },
    });
}

/// Show the audience which key was pressed, where keys are shown: in the audience view that it sets, or in one of its own.
pub fn with_key(model: &Model, label: String, mut effects: Vec<Effect>) -> Vec<Effect> {
    let Screen::Talk(window) = &model.screen else { return effects };
    let Some(talk) = window.talk.as_ref().filter(|_| window.is_driver()) else { return effects };
    if talk.set.keys.is_none() {
        return effects;
    }

    let keys = Some(label);
    let set = effects.iter_mut().find_map(|effect| {
        if let Effect::SendToHub(WindowToHub::AudienceView(view)) = effect {
            Some(view)
        } else {
            None
        }
    });

    match set {
        Some(audience_view) => audience_view.keys = keys,
        None => effects.insert(
            0,
            Effect::SendToHub(WindowToHub::AudienceView(AudienceView { keys, ..talk.set.clone() })),
        ),
    }

    effects
}

/// Do what was asked.
pub fn say_yes(model: &mut Model) -> Vec<Effect> {
    let Screen::Talk(window) = &mut model.screen else { return Vec::new() };
    let TalkOverlay::Question { on_yes, .. } = window.take_overlay() else { return Vec::new() };

    match on_yes {
        OnConfirm::End => vec![Effect::SendToHub(WindowToHub::Request(DriverRequest::Quit))],
        OnConfirm::Rewind { steps } => {
            let Some(talk) = &mut window.talk else { return Vec::new() };
            talk.view.start_building();
            let audience_view = talk.set.at_beat(Beat::Tell { step: steps });
            vec![
                Effect::SendToHub(WindowToHub::AudienceView(audience_view)),
                Effect::SendToHub(WindowToHub::Request(DriverRequest::RewindTo { steps })),
            ]
        }
    }
}

pub fn scroll_help(window: &mut TalkView, lines: isize) {
    if let TalkOverlay::Help { scroll } = &mut window.overlay {
        *scroll = scroll.saturating_add_signed(lines);
    }
}

/// Choose a step of the list, or the last one where there are not so many.
pub fn choose_step(window: &mut TalkView, choose: impl FnOnce(usize) -> usize) {
    let Some(talk) = &window.talk else { return };
    let last = talk.view.lesson.steps.len().saturating_sub(1);
    if let TalkOverlay::Steps { selected } = &mut window.overlay {
        *selected = choose(*selected).min(last);
    }
}

/// Go to the chosen step: at once, or by playing what lies between.
pub fn go(model: &mut Model) -> Vec<Effect> {
    let Screen::Talk(window) = &mut model.screen else { return Vec::new() };
    let TalkOverlay::Steps { selected } = window.take_overlay() else { return Vec::new() };
    jump_to(window, selected)
}

fn jump_to(window: &mut TalkView, step: usize) -> Vec<Effect> {
    let Some(talk) = &window.talk else { return Vec::new() };
    if step <= talk.view.played_steps() {
        return vec![Effect::SendToHub(WindowToHub::AudienceView(
            talk.set.at_beat(Beat::Tell { step }),
        ))];
    }
    let prompt = Prompt::PlayUpTo { step: step + 1 };
    window.overlay = TalkOverlay::Question { prompt, on_yes: OnConfirm::Rewind { steps: step } };
    Vec::new()
}

pub fn end(model: &mut Model) -> Vec<Effect> {
    let Screen::Talk(window) = &mut model.screen else { return Vec::new() };
    if !window.is_driver() {
        return close(model);
    }

    let windows = window.talk.as_ref().map_or(0, |talk| talk.windows.all.len().saturating_sub(1));
    let prompt = Prompt::EndTalk { windows };
    window.overlay = TalkOverlay::Question { prompt, on_yes: OnConfirm::End };
    Vec::new()
}

/// Close this window.
pub fn close(model: &mut Model) -> Vec<Effect> {
    model.is_over = true;
    vec![Effect::Quit]
}

pub fn arm(model: &mut Model) -> Vec<Effect> {
    let Screen::Talk(window) = &mut model.screen else { return Vec::new() };
    window.is_armed = !window.is_armed;
    model.notice = Some(if window.is_armed {
        Notice::Armed { next: keys::talk::NEXT.into() }
    } else {
        Notice::Disarmed { run: keys::talk::RUN_NOW.into() }
    });
    Vec::new()
}

pub fn list_steps(window: &mut TalkView) {
    if let Some(talk) = &window.talk {
        window.overlay = TalkOverlay::Steps { selected: talk.set.beat.step() };
    }
}

pub fn restart(window: &mut TalkView) {
    if window.talk.is_some() {
        ask_rewind(window, 0);
    }
}

/// Back to before the step that is shown, or before the one before it if that has not run.
pub fn rewind(window: &mut TalkView) {
    let Some(talk) = &window.talk else { return };
    let beat = talk.set.beat;
    let is_before = beat.is_before_run(&talk.view.lesson);
    let steps = if is_before { beat.step().saturating_sub(1) } else { beat.step() };
    ask_rewind(window, steps);
}

fn ask_rewind(window: &mut TalkView, steps: usize) {
    let prompt = Prompt::RewindTalk { step: steps + 1 };
    window.overlay = TalkOverlay::Question { prompt, on_yes: OnConfirm::Rewind { steps } };
}

/// Tell the hub what a key of the driver's makes of the talk.
pub fn send_to_hub(
    model: &Model,
    message: impl FnOnce(&Talk) -> Option<WindowToHub>,
) -> Vec<Effect> {
    let Screen::Talk(window) = &model.screen else { return Vec::new() };
    let message = window.talk.as_ref().and_then(|talk| message(talk));
    message.map(Effect::SendToHub).into_iter().collect()
}

/// The same, where it is the audience view that changes.
pub fn set(model: &Model, change: impl FnOnce(&Talk, AudienceView) -> AudienceView) -> Vec<Effect> {
    send_to_hub(model, |talk| Some(WindowToHub::AudienceView(change(talk, talk.set.clone()))))
}

pub fn back(talk: &Talk) -> Option<WindowToHub> {
    Some(WindowToHub::AudienceView(
        talk.set.at_beat(beat::beat_before(&talk.beats(), talk.set.beat)?),
    ))
}

pub fn what_if(talk: &Talk) -> Option<WindowToHub> {
    let next = talk.set.beat.next_what_if(&talk.view.lesson);
    // After the last one, back to the step.
    Some(WindowToHub::AudienceView(
        talk.set.at_beat(next.or_else(|| beat::beat_after(&[], talk.set.beat))?),
    ))
}

/// Send a pane to the audience by its place.
pub fn show_pane(model: &mut Model, place: usize) -> Vec<Effect> {
    set(model, |_, set| {
        let pane = ViewKind::ALL.get(place).copied();
        // Once more: the step's own panes.
        let pane = pane.filter(|_| set.pane != pane);
        AudienceView { pane, zoomed: set.zoomed && pane.is_some(), marked: None, top: 0, ..set }
    })
}

pub fn zoom(model: &mut Model) -> Vec<Effect> {
    set(model, |talk, set| {
        let pane = talk.panes_for(&set).first().copied();
        AudienceView { zoomed: !set.zoomed, pane: set.pane.or(pane), ..set }
    })
}

pub fn mark(model: &mut Model) -> Vec<Effect> {
    set(model, |_, set| {
        let marked = if set.marked.is_some() { None } else { Some(set.top) };
        AudienceView { marked, ..set }
    })
}

/// Move the marked row of the pane, or else the pane.
pub fn move_rows(talk: &Talk, rows: isize) -> Option<WindowToHub> {
    let set = talk.set.clone();
    let pane = talk.panes_for(&set).first().copied()?;
    let last = talk.rows(pane).len().saturating_sub(1);
    let moved = |at: usize| {
        // Up from wherever it is, however few rows there are now.
        let moved = at.saturating_add_signed(rows);
        if rows > 0 { moved.min(last) } else { moved }
    };
    Some(WindowToHub::AudienceView(match set.marked {
        Some(row) => AudienceView { marked: Some(moved(row)), ..set },
        None => AudienceView { top: moved(set.top), ..set },
    }))
}

pub fn show_keys(model: &mut Model) -> Vec<Effect> {
    set(model, |_, set| {
        let keys = if set.keys.is_some() { None } else { Some(String::new()) };
        AudienceView { keys, ..set }
    })
}

pub fn pause(talk: &Talk) -> Option<WindowToHub> {
    Some(WindowToHub::Clock(if talk.clock.is_running {
        ClockChange::Pause
    } else {
        ClockChange::Run
    }))
}

pub fn add_time(_: &Talk) -> Option<WindowToHub> {
    Some(WindowToHub::Clock(ClockChange::Add { seconds: MORE_SECONDS }))
}

/// Leave out the step that the clock proposes.
pub fn skip(talk: &Talk) -> Option<WindowToHub> {
    let left_out = talk.left_out_steps();
    let step = *talk
        .clock_now()
        .steps_to_skip(&talk.view.lesson, |step| left_out.contains(&step))
        .first()?;
    Some(WindowToHub::Request(DriverRequest::LeaveOut { step, out: true }))
}

/// On, where that is armed.
pub fn next(model: &mut Model) -> Vec<Effect> {
    let Screen::Talk(window) = &model.screen else { return Vec::new() };
    let key = if window.is_armed { NextKey::RunsSteps } else { NextKey::OnlyLooks };
    go_on(model, key)
}

/// On, armed or not.
pub fn run_now(model: &mut Model) -> Vec<Effect> {
    go_on(model, NextKey::RunsSteps)
}

/// The power of a key that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NextKey {
    RunsSteps,
    OnlyLooks,
}

/// On by one beat; where something must be played for that, it is.
fn go_on(model: &mut Model, key: NextKey) -> Vec<Effect> {
    let Screen::Talk(window) = &mut model.screen else { return Vec::new() };
    let Some(talk) = &mut window.talk else { return Vec::new() };
    let coming = talk.next_action();
    let order = match coming {
        NextAction::RunStep => DriverRequest::Next,
        NextAction::PlayBranch { step, branch } => DriverRequest::Branch { step, branch },
        NextAction::RevealAnswer => {
            return vec![Effect::SendToHub(WindowToHub::AudienceView(AudienceView {
                revealed: true,
                ..talk.set.clone()
            }))];
        }
        NextAction::ShowBeat(beat) => {
            return vec![Effect::SendToHub(WindowToHub::AudienceView(talk.set.at_beat(beat)))];
        }
        NextAction::End => {
            model.notice = Some(Notice::LastBeat { end: keys::talk::END.into() });
            return Vec::new();
        }
    };

    if let Some(why) = talk.blocked_reason() {
        model.notice = Some(why);
        return Vec::new();
    }
    if key == NextKey::OnlyLooks {
        model.notice = Some(Notice::StepNotRun { run: keys::talk::RUN_NOW.into() });
        return Vec::new();
    }

    // At once: a second press must not run another step.
    talk.view.start_playing(talk.set.beat.step());
    vec![Effect::SendToHub(WindowToHub::Request(order))]
}
