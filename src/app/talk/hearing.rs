//! The work of a window on what the hub says, and on time that goes by.

use std::time::Duration;

use super::{Talk, TalkOverlay, TalkView};
use crate::app::keymap::keys;
use crate::app::{Effect, Model, Phase, Screen};
use crate::notice::Notice;
use crate::talk::AudienceView;
use crate::talk::beat::Beat;
use crate::talk::message::{FromHub, Order, Role, ToHub, Told};

/// The hub said something.
pub fn on_message(model: &mut Model, message: FromHub) -> Vec<Effect> {
    let effects = hear_hub(model, message);
    keep_set(model, effects)
}

/// Keep at once what the driver sets: the next key may come before the hub has said it back.
pub fn keep_set(model: &mut Model, effects: Vec<Effect>) -> Vec<Effect> {
    let Screen::Talk(window) = &mut model.screen else { return effects };
    let mut kept = Vec::with_capacity(effects.len());
    for effect in effects {
        if let Effect::Hub(ToHub::AudienceView(stage)) = &effect {
            window.set_stage(stage.clone());
            if window.talk.as_ref().is_some_and(|talk| talk.is_past_branch()) {
                kept.push(Effect::Hub(ToHub::Order(Order::EndBranch)));
            }
        }
        kept.push(effect);
    }
    kept
}

fn hear_hub(model: &mut Model, message: FromHub) -> Vec<Effect> {
    let Screen::Talk(window) = &mut model.screen else { return Vec::new() };

    match message {
        FromHub::Whole(whole) => {
            let (name, was) = (whole.name.clone(), window.is_driver());
            let own = window.talk.take().filter(|_| was);
            window.talk = Talk::new(*whole).map(Box::new);
            if window.talk.is_none() {
                model.notice = Some(Notice::UnreadableLesson { name });
            } else if !was {
                model.notice = who_drives(window);
            } else if let Some(own) = own.filter(|_| window.is_driver()) {
                // It fell behind, and knows better what it has set; what it waited for may be there.
                window.set_stage(own.set);
                if matches!(own.view.lab.phase, Phase::Playing { .. }) {
                    return follow_up(window);
                }
            }
        }
        FromHub::Refused { why } => return vec![Effect::Fail(why)],
        FromHub::Ended(proof) => window.overlay = TalkOverlay::Ended(proof),
        FromHub::Windows(windows) => {
            let was = window.is_driver();
            if let Some(talk) = &mut window.talk {
                talk.windows = windows;
            }
            if window.is_driver() != was {
                model.notice = who_drives(window);
            }
        }
        FromHub::Clock(clock) => {
            if let Some(talk) = &mut window.talk {
                talk.clock = clock;
                talk.since = Duration::ZERO;
            }
        }
        FromHub::AudienceView { set, shown } => {
            if let Some(talk) = &mut window.talk {
                if talk.shown.beat != shown.beat {
                    talk.on_beat = Duration::ZERO;
                }
                talk.shown = shown;
                talk.refresh();
            }
            // Who drives knows better: what was set may be on its way.
            if !window.is_driver() {
                window.set_stage(set);
            }
            return go_through_left_out(window);
        }
        FromHub::Told(told) => return on_told(model, told),
    }

    Vec::new()
}

fn who_drives(window: &TalkView) -> Option<Notice> {
    let talk = window.talk.as_ref()?;
    match (window.role, talk.windows.driver) {
        (Role::Console, Some(pid)) if pid == window.pid => Some(Notice::ThisConsoleDrives),
        (Role::Console, Some(pid)) => Some(Notice::OtherConsoleDrives(pid)),
        (Role::Screen, Some(pid)) if pid == window.pid => {
            Some(Notice::NoConsole { help: keys::everywhere::HELP.into() })
        }
        _ => None,
    }
}

fn on_told(model: &mut Model, told: Told) -> Vec<Effect> {
    let Screen::Talk(window) = &mut model.screen else { return Vec::new() };
    let is_driver = window.is_driver();
    let Some(talk) = &mut window.talk else { return Vec::new() };

    if let Told::Refused { why } = &told {
        model.notice = Some(Notice::Refused(*why));
    }

    let (is_ready, is_branch) =
        (matches!(told, Told::Ready(_)), matches!(told, Told::Branched { .. }));
    // How the lab is now is no part of a picture of what has run.
    let is_beside =
        matches!(told, Told::Live(_) | Told::Sampled(_)) && talk.record(talk.shown.beat).is_some();
    talk.hear(told);
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
    let (set, played) = (&talk.set, talk.view.played());

    if matches!(set.beat, Beat::WhatIf { .. }) && talk.record(set.beat).is_some() {
        return vec![Effect::Hub(ToHub::AudienceView(AudienceView {
            revealed: true,
            ..set.clone()
        }))];
    }

    let has_run = set.beat.is_before_the_run(&talk.view.lesson)
        && set.beat.step() + 1 == played
        && !set.revealed;
    if has_run && talk.record(set.beat).is_some() {
        let next = match set.beat {
            Beat::Ask { .. } => AudienceView { revealed: true, ..set.clone() },
            Beat::Tell { step } | Beat::Show { step } | Beat::WhatIf { step, .. } => {
                set.at(Beat::Show { step })
            }
        };
        return vec![Effect::Hub(ToHub::AudienceView(next))];
    }

    go_through_left_out(window)
}

/// Steps that are left out lie between the lab and the beat: they are gone through at once.
fn go_through_left_out(window: &TalkView) -> Vec<Effect> {
    let Some(talk) = &window.talk else { return Vec::new() };
    let played = talk.view.played();
    let waits = talk.view.lab.is_ready()
        && played < talk.set.beat.step()
        && talk.left_out().contains(&played);
    if window.is_driver() && waits {
        vec![Effect::Hub(ToHub::Order(Order::Next))]
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
        talk.on_beat += time;
    }
}

/// The hub is gone.
pub fn on_hub_gone(model: &mut Model) -> Vec<Effect> {
    let Screen::Talk(window) = &mut model.screen else { return Vec::new() };
    if !matches!(window.overlay, TalkOverlay::Ended(_)) {
        let text = "the talk was ended from outside; its lab is gone with it";
        return vec![Effect::Fail(text.into())];
    }

    match window.role {
        // It stays, to show how the machine compares.
        Role::Screen | Role::Console => Vec::new(),
        Role::Watcher => vec![Effect::Quit],
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
        let mut window = TalkView::new(Role::Console, 7, Vec::new());
        window.overlay = TalkOverlay::Help { scroll: 3 };
        model.screen = Screen::Talk(Box::new(window));

        let _ = update(&mut model, Msg::Hub(FromHub::Ended(Proof::default())));
        let effects = update(&mut model, Msg::HubGone);
        assert!(effects.is_empty(), "{effects:?}");

        let key = KeyEvent::new(KeyCode::Char('x'), KeyModifiers::NONE);
        let effects = update(&mut model, Msg::Key(key));
        assert!(matches!(effects[..], [Effect::Quit]), "{effects:?}");
        let Screen::Talk(window) = &model.screen else { panic!("another screen") };
        assert_eq!(window.overlay, TalkOverlay::Ended(Proof::default()));
    }
}
