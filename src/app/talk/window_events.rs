//! The work of a window on what the hub says, and on time that goes by.

use std::time::Duration;

use super::{Talk, TalkOverlay, TalkView};
use crate::app::keymap::keys;
use crate::app::{Effect, Model, Phase, Screen};
use crate::notice::Notice;
use crate::talk::AudienceView;
use crate::talk::beat::Beat;
use crate::talk::message::{DriverRequest, HubToWindow, TalkEvent, WindowRole, WindowToHub};

/// The hub said something.
pub fn on_message(model: &mut Model, message: HubToWindow) -> Vec<Effect> {
    let effects = apply_message(model, message);
    apply_own_changes(model, effects)
}

/// Keep at once what the driver sets: the next key may come before the hub has said it back.
pub fn apply_own_changes(model: &mut Model, effects: Vec<Effect>) -> Vec<Effect> {
    let Screen::Talk(window) = &mut model.screen else { return effects };
    let mut kept = Vec::with_capacity(effects.len());

    for effect in effects {
        if let Effect::SendToHub(WindowToHub::AudienceView(audience_view)) = &effect {
            window.set_audience_view(audience_view.clone());
            // The lab of a what-if is kept no longer than its beat is shown.
            if window.talk.as_ref().is_some_and(|talk| talk.is_past_branch()) {
                kept.push(Effect::SendToHub(WindowToHub::Request(DriverRequest::EndBranch)));
            }
        }
        kept.push(effect);
    }

    kept
}

fn apply_message(model: &mut Model, message: HubToWindow) -> Vec<Effect> {
    let Screen::Talk(window) = &mut model.screen else { return Vec::new() };

    match message {
        HubToWindow::State(talk_state) => {
            let (name, was) = (talk_state.name.clone(), window.is_driver());
            let own = window.talk.take().filter(|_| was);
            window.talk = Talk::new(*talk_state).map(Box::new);
            if window.talk.is_none() {
                model.notice = Some(Notice::UnreadableLesson { name });
            } else if !was {
                model.notice = driver_notice(window);
            } else if let Some(own) = own.filter(|_| window.is_driver()) {
                // It fell behind, and knows better what it has set; what it waited for may be there.
                window.set_audience_view(own.set);
                if matches!(own.view.lab.phase, Phase::Playing { .. }) {
                    return follow_up(window);
                }
            }
        }
        HubToWindow::Refused { why } => return vec![Effect::QuitWithError(why)],
        HubToWindow::Ended(proof) => window.overlay = TalkOverlay::Ended(proof),
        HubToWindow::Windows(windows) => {
            let was = window.is_driver();
            if let Some(talk) = &mut window.talk {
                talk.windows = windows;
            }
            if window.is_driver() != was {
                model.notice = driver_notice(window);
            }
        }
        HubToWindow::Clock(clock) => {
            if let Some(talk) = &mut window.talk {
                talk.clock = clock;
                talk.since = Duration::ZERO;
            }
        }
        HubToWindow::AudienceView { set, shown } => {
            if let Some(talk) = &mut window.talk {
                if talk.shown.beat != shown.beat {
                    talk.time_on_beat = Duration::ZERO;
                }
                talk.shown = shown;
                talk.refresh();
            }
            // Who drives knows better: what was set may be on its way.
            if !window.is_driver() {
                window.set_audience_view(set);
            }
            return go_through_left_out(window);
        }
        HubToWindow::Event(relayed) => return on_event(model, relayed),
    }

    Vec::new()
}

fn driver_notice(window: &TalkView) -> Option<Notice> {
    let talk = window.talk.as_ref()?;
    match (window.role, talk.windows.driver) {
        (WindowRole::Console, Some(pid)) if pid == window.pid => Some(Notice::ThisConsoleDrives),
        (WindowRole::Console, Some(pid)) => Some(Notice::OtherConsoleDrives(pid)),
        (WindowRole::Screen, Some(pid)) if pid == window.pid => {
            Some(Notice::NoConsole { help: keys::everywhere::HELP.into() })
        }
        _ => None,
    }
}

fn on_event(model: &mut Model, relayed: TalkEvent) -> Vec<Effect> {
    let Screen::Talk(window) = &mut model.screen else { return Vec::new() };
    let is_driver = window.is_driver();
    let Some(talk) = &mut window.talk else { return Vec::new() };

    if let TalkEvent::Refused { why } = &relayed {
        model.notice = Some(Notice::Refused(*why));
    }

    let (is_ready, is_branch) =
        (matches!(relayed, TalkEvent::Ready(_)), matches!(relayed, TalkEvent::Branched { .. }));
    // How the lab is now is no part of a picture of what has run.
    let is_beside = matches!(relayed, TalkEvent::Live(_) | TalkEvent::Sampled(_))
        && talk.record(talk.shown.beat).is_some();
    talk.apply_event(relayed);
    if !is_beside {
        talk.refresh();
    }

    if is_driver && (is_ready || is_branch) { follow_up(window) } else { Vec::new() }
}

/// The step of this beat has run, or its what-if: on to what came of it.
fn follow_up(window: &TalkView) -> Vec<Effect> {
    let Some(talk) = window.talk.as_ref().filter(|talk| talk.view.lab.is_ready()) else {
        return Vec::new();
    };
    let (set, played) = (&talk.set, talk.view.played_steps());

    if matches!(set.beat, Beat::WhatIf { .. }) && talk.record(set.beat).is_some() {
        return vec![Effect::SendToHub(WindowToHub::AudienceView(AudienceView {
            revealed: true,
            ..set.clone()
        }))];
    }

    let has_run =
        set.beat.is_before_run(&talk.view.lesson) && set.beat.step() + 1 == played && !set.revealed;
    if has_run && talk.record(set.beat).is_some() {
        let next = match set.beat {
            Beat::Ask { .. } => AudienceView { revealed: true, ..set.clone() },
            Beat::Tell { step } | Beat::Show { step } | Beat::WhatIf { step, .. } => {
                set.at_beat(Beat::Show { step })
            }
        };
        return vec![Effect::SendToHub(WindowToHub::AudienceView(next))];
    }

    go_through_left_out(window)
}

/// Steps that are left out lie between the lab and the beat: they are gone through at once.
fn go_through_left_out(window: &TalkView) -> Vec<Effect> {
    let Some(talk) = &window.talk else { return Vec::new() };
    let played = talk.view.played_steps();
    let waits = talk.view.lab.is_ready()
        && played < talk.set.beat.step()
        && talk.left_out_steps().contains(&played);
    if window.is_driver() && waits {
        vec![Effect::SendToHub(WindowToHub::Request(DriverRequest::Next))]
    } else {
        Vec::new()
    }
}

/// Time went by.
pub fn on_tick(model: &mut Model, time: Duration, now: String) {
    let Screen::Talk(window) = &mut model.screen else { return };
    window.now = now;
    if let Some(talk) = &mut window.talk {
        talk.since += time;
        talk.time_on_beat += time;
    }
}

/// The hub is gone.
pub fn on_hub_gone(model: &mut Model) -> Vec<Effect> {
    let Screen::Talk(window) = &mut model.screen else { return Vec::new() };
    if !matches!(window.overlay, TalkOverlay::Ended(_)) {
        let text = "the talk was ended from outside; its lab is gone with it";
        return vec![Effect::QuitWithError(text.into())];
    }

    match window.role {
        // It stays, to show how the machine compares.
        WindowRole::Screen | WindowRole::Console => Vec::new(),
        WindowRole::Watcher => vec![Effect::Quit],
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::*;
    use crate::app::{Msg, update};
    use crate::proof::Proof;

    #[test]
    fn the_end_takes_the_place_of_whatever_lies_over_the_window_and_stays() {
        let mut model = Model::new(Vec::new(), (80, 24));
        let mut window = TalkView::new(WindowRole::Console, 7, Vec::new());
        window.overlay = TalkOverlay::Help { scroll: 3 };
        model.screen = Screen::Talk(Box::new(window));

        let _ = update(&mut model, Msg::Hub(HubToWindow::Ended(Proof::default())));
        let effects = update(&mut model, Msg::HubGone);
        assert!(effects.is_empty(), "{effects:?}");

        let key = KeyEvent::new(KeyCode::Char('x'), KeyModifiers::NONE);
        let effects = update(&mut model, Msg::Key(key));
        assert!(matches!(effects[..], [Effect::Quit]), "{effects:?}");
        let Screen::Talk(window) = &model.screen else { panic!("another screen") };
        assert_eq!(window.overlay, TalkOverlay::Ended(Proof::default()));
    }
}
