//! The keys of a talk: one table for the keyboard, the footer and the help.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::coming::Coming;
use super::{OnYes, Talk, TalkOverlay, TalkView};
use crate::app::{Effect, Model, Phase, Screen};
use crate::talk::AudienceView;
use crate::talk::beat::{self, Beat};
use crate::talk::message::{ClockOrder, Order, Role, ToHub};
use crate::view::ViewKind;

/// A command that a key gives in a talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Next,
    RunNow,
    Back,
    Rewind,
    Restart,
    Jump,
    WhatIf,
    Pane(usize),
    Zoom,
    Down,
    Up,
    NotesDown,
    NotesUp,
    Mark,
    Blank,
    Freeze,
    Keys,
    Mask,
    Arm,
    AddTime,
    Pause,
    Skip,
    Help,
    Redraw,
    Suspend,
    Leave,
    End,
}

/// One line of the table.
#[derive(Debug)]
pub struct TalkBinding {
    keys: &'static [(KeyCode, KeyModifiers)],
    /// As the footer and the help print it.
    pub label: &'static str,
    /// Two or three words for the footer; empty where it has no place there.
    pub short: &'static str,
    pub long: &'static str,
    command: Command,
    /// Windows that do not drive have it too.
    for_all: bool,
}

const NONE: KeyModifiers = KeyModifiers::NONE;
const CTRL: KeyModifiers = KeyModifiers::CONTROL;

macro_rules! binding {
    ($label:literal, $short:literal, $long:literal, $command:expr, $for_all:literal, $($code:expr),+) => {
        TalkBinding { keys: &[$(($code, NONE)),+], label: $label, short: $short, long: $long, command: $command, for_all: $for_all }
    };
}
macro_rules! ctrl {
    ($label:literal, $long:literal, $command:expr, $for_all:literal, $letter:literal) => {
        TalkBinding {
            keys: &[(KeyCode::Char($letter), CTRL)],
            label: $label,
            short: "",
            long: $long,
            command: $command,
            for_all: $for_all,
        }
    };
}

/// Most important first. A clicker sends PgDn, PgUp, `b` or `.`.
const BINDINGS: [TalkBinding; 33] = [
    binding!(
        "PgDn",
        "next (runs)",
        "next beat; runs the step, if armed (Space, right)",
        Command::Next,
        false,
        KeyCode::PageDown,
        KeyCode::Char(' '),
        KeyCode::Right,
        KeyCode::Char('n')
    ),
    binding!(
        "PgUp",
        "back",
        "the beat before: nothing is undone (left)",
        Command::Back,
        false,
        KeyCode::PageUp,
        KeyCode::Left
    ),
    binding!(
        "Enter",
        "",
        "next beat; runs the step, armed or not",
        Command::RunNow,
        false,
        KeyCode::Enter
    ),
    ctrl!("ctrl-e", "the same", Command::RunNow, false, 'e'),
    binding!(
        "u",
        "rewind",
        "rewind: a fresh lab, with one step less",
        Command::Rewind,
        false,
        KeyCode::Char('u')
    ),
    binding!("R", "", "the lesson from its beginning", Command::Restart, false, KeyCode::Char('R')),
    binding!(
        "t",
        "steps",
        "jump to a step: back at once, forward by playing what lies between",
        Command::Jump,
        false,
        KeyCode::Char('t')
    ),
    binding!(
        "w",
        "",
        "what if? turn to the step's other ways, one after the other",
        Command::WhatIf,
        false,
        KeyCode::Char('w')
    ),
    binding!(
        "B",
        "blank",
        "blank the audience's screen, and back (b and . too)",
        Command::Blank,
        false,
        KeyCode::Char('B'),
        KeyCode::Char('b'),
        KeyCode::Char('.')
    ),
    binding!(
        "F",
        "freeze",
        "freeze: the audience keeps its picture while you move on",
        Command::Freeze,
        false,
        KeyCode::Char('F')
    ),
    binding!(
        "1-7",
        "pane",
        "send this pane to the audience",
        Command::Pane(0),
        false,
        KeyCode::Char('1')
    ),
    binding!("", "", "", Command::Pane(1), false, KeyCode::Char('2')),
    binding!("", "", "", Command::Pane(2), false, KeyCode::Char('3')),
    binding!("", "", "", Command::Pane(3), false, KeyCode::Char('4')),
    binding!("", "", "", Command::Pane(4), false, KeyCode::Char('5')),
    binding!("", "", "", Command::Pane(5), false, KeyCode::Char('6')),
    binding!("", "", "", Command::Pane(6), false, KeyCode::Char('7')),
    binding!(
        "z",
        "zoom",
        "that pane over the whole screen, and back",
        Command::Zoom,
        false,
        KeyCode::Char('z')
    ),
    binding!(
        "L",
        "mark",
        "mark a row of the pane (j, k move it), and unmark",
        Command::Mark,
        false,
        KeyCode::Char('L')
    ),
    binding!("j", "", "mark or scroll: a row down", Command::Down, false, KeyCode::Char('j')),
    binding!("k", "", "mark or scroll: a row up", Command::Up, false, KeyCode::Char('k')),
    binding!("Down", "", "notes: down", Command::NotesDown, true, KeyCode::Down),
    binding!("Up", "", "notes: up", Command::NotesUp, true, KeyCode::Up),
    binding!(
        "S",
        "",
        "skip the step that the clock proposes",
        Command::Skip,
        false,
        KeyCode::Char('S')
    ),
    binding!("A", "", "five minutes more", Command::AddTime, false, KeyCode::Char('A')),
    binding!("P", "", "pause the clock, and let it run", Command::Pause, false, KeyCode::Char('P')),
    binding!(
        "K",
        "",
        "show the audience which keys you press",
        Command::Keys,
        false,
        KeyCode::Char('K')
    ),
    binding!(
        "M",
        "",
        "cover names of this machine and its users",
        Command::Mask,
        false,
        KeyCode::Char('M')
    ),
    binding!(
        "a",
        "arm",
        "disarm PgDn and Space, or arm them: armed, they run steps",
        Command::Arm,
        false,
        KeyCode::Char('a')
    ),
    binding!("?", "help", "this help", Command::Help, true, KeyCode::Char('?'), KeyCode::F(1)),
    binding!(
        "q",
        "end",
        "end the talk for all (a window that does not drive: close it)",
        Command::End,
        true,
        KeyCode::Char('q')
    ),
    ctrl!("ctrl-c", "close this window; the talk goes on in the others", Command::Leave, true, 'c'),
    ctrl!("ctrl-l", "draw the screen anew", Command::Redraw, true, 'l'),
];
const SUSPEND: TalkBinding = ctrl!("ctrl-z", "suspend", Command::Suspend, true, 'z');

/// The bindings with a text, for the help.
pub fn listed(window: &TalkView) -> impl Iterator<Item = &'static TalkBinding> {
    let drives = window.is_driver();
    BINDINGS
        .iter()
        .chain([&SUSPEND])
        .filter(move |one| (drives || one.for_all) && !one.long.is_empty())
}

pub(super) fn on_key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    let Screen::Talk(window) = &mut model.screen else { return Vec::new() };

    match std::mem::replace(&mut window.overlay, TalkOverlay::None) {
        TalkOverlay::None => {}
        TalkOverlay::Help { scroll } => {
            window.overlay = match key.code {
                KeyCode::Down | KeyCode::Char('j') => TalkOverlay::Help { scroll: scroll + 1 },
                KeyCode::Up | KeyCode::Char('k') => {
                    TalkOverlay::Help { scroll: scroll.saturating_sub(1) }
                }
                _ => TalkOverlay::None,
            };
            return Vec::new();
        }
        TalkOverlay::Question { on_yes, .. } => {
            let yes = matches!(key.code, KeyCode::Char('y' | 'Y') | KeyCode::Enter);
            return if yes { answer_yes(window, &on_yes) } else { Vec::new() };
        }
        TalkOverlay::Steps { selected } => return in_jump(window, selected, key),
        TalkOverlay::Ended(proof) => {
            window.overlay = TalkOverlay::Ended(proof);
            model.is_over = true;
            return vec![Effect::Quit];
        }
    }

    let modifiers = key.modifiers - KeyModifiers::SHIFT;
    let is_meant = |one: &&TalkBinding| {
        one.keys.iter().any(|(code, wanted)| *code == key.code && *wanted == modifiers)
    };
    let Some(binding) = BINDINGS.iter().chain([&SUSPEND]).find(is_meant) else { return Vec::new() };
    let drives = window.is_driver();
    if !drives && !binding.for_all {
        model.notice = Some(match window.role {
            Role::Watcher => "this window only looks; ctrl-c closes it".into(),
            Role::Screen | Role::Console => {
                "another window drives the talk; ctrl-c closes this one".into()
            }
        });
        return Vec::new();
    }

    let effects = carry_out(model, binding.command);
    with_key(model, binding, effects)
}

/// Add the pressed key, where keys are shown: to the audience view that it sets, or as one of its own.
fn with_key(model: &Model, binding: &TalkBinding, mut effects: Vec<Effect>) -> Vec<Effect> {
    let Screen::Talk(window) = &model.screen else { return effects };
    let Some(talk) = window.talk.as_ref().filter(|_| window.is_driver()) else { return effects };
    if talk.set.keys.is_none() || binding.command == Command::Keys {
        return effects;
    }

    let label = if let Command::Pane(index) = binding.command {
        (index + 1).to_string()
    } else {
        binding.label.into()
    };
    let keys = Some(label);
    let set = effects.iter_mut().find_map(|effect| match effect {
        Effect::Hub(ToHub::AudienceView(stage)) => Some(stage),
        _ => None,
    });

    match set {
        Some(stage) => stage.keys = keys,
        None => effects
            .insert(0, Effect::Hub(ToHub::AudienceView(AudienceView { keys, ..talk.set.clone() }))),
    }

    effects
}

fn answer_yes(window: &mut TalkView, asked: &OnYes) -> Vec<Effect> {
    match asked {
        OnYes::End => vec![Effect::Hub(ToHub::Order(Order::Quit))],
        OnYes::Rewind { steps } => {
            let Some(talk) = &mut window.talk else { return Vec::new() };
            talk.view.start_building();
            let stage = talk.set.at(Beat::Tell { step: *steps });
            vec![
                Effect::Hub(ToHub::AudienceView(stage)),
                Effect::Hub(ToHub::Order(Order::RewindTo { steps: *steps })),
            ]
        }
    }
}

fn in_jump(window: &mut TalkView, at: usize, key: KeyEvent) -> Vec<Effect> {
    let Some(talk) = &window.talk else { return Vec::new() };
    let last = talk.view.lesson.steps.len().saturating_sub(1);

    let selected = match key.code {
        KeyCode::Down | KeyCode::Char('j') => (at + 1).min(last),
        KeyCode::Up | KeyCode::Char('k') => at.saturating_sub(1),
        KeyCode::PageDown => (at + 10).min(last),
        KeyCode::PageUp => at.saturating_sub(10),
        KeyCode::Home => 0,
        KeyCode::End => last,
        KeyCode::Enter => return jump_to(window, at),
        _ => return Vec::new(),
    };
    window.overlay = TalkOverlay::Steps { selected };

    Vec::new()
}

fn jump_to(window: &mut TalkView, step: usize) -> Vec<Effect> {
    let Some(talk) = &window.talk else { return Vec::new() };
    if step <= talk.view.played() {
        return vec![Effect::Hub(ToHub::AudienceView(talk.set.at(Beat::Tell { step })))];
    }
    let text = format!("Play all steps before step {} in a fresh lab?", step + 1);
    window.overlay = TalkOverlay::Question { text, on_yes: OnYes::Rewind { steps: step } };
    Vec::new()
}

fn carry_out(model: &mut Model, command: Command) -> Vec<Effect> {
    let Screen::Talk(window) = &mut model.screen else { return Vec::new() };

    match command {
        Command::Help => window.overlay = TalkOverlay::Help { scroll: 0 },
        Command::Redraw => return vec![Effect::Redraw],
        Command::Suspend => return vec![Effect::Suspend],
        Command::NotesDown => window.notes_scroll += 1,
        Command::NotesUp => window.notes_scroll = window.notes_scroll.saturating_sub(1),
        Command::End if window.is_driver() => {
            let left =
                window.talk.as_ref().map_or(0, |talk| talk.windows.all.len().saturating_sub(1));
            let others =
                if left > 0 { format!(" It closes {left} other windows.") } else { String::new() };
            window.overlay = TalkOverlay::Question {
                text: format!("End the talk and take the lab down?{others}"),
                on_yes: OnYes::End,
            };
        }
        Command::Leave | Command::End => {
            model.is_over = true;
            return vec![Effect::Quit];
        }
        Command::Arm => {
            window.is_armed = !window.is_armed;
            model.notice = Some(if window.is_armed {
                "armed: PgDn runs steps".into()
            } else {
                "disarmed: Enter runs steps".into()
            });
        }
        Command::Next | Command::RunNow => return next(model, command == Command::RunNow),
        Command::Rewind | Command::Restart | Command::Jump => ask_where(window, command),
        other => {
            let Some(talk) = &window.talk else { return Vec::new() };
            return on_stage(talk, other).into_iter().map(Effect::Hub).collect();
        }
    }

    Vec::new()
}

fn ask_where(window: &mut TalkView, command: Command) {
    let Some(talk) = &window.talk else { return };
    let beat = talk.set.beat;
    let undone = match beat {
        _ if command == Command::Restart => 0,
        _ if command == Command::Jump => {
            window.overlay = TalkOverlay::Steps { selected: beat.step() };
            return;
        }
        _ if beat.is_before_the_run(&talk.view.lesson) => beat.step().saturating_sub(1),
        beat => beat.step(),
    };

    let text = format!("Rewind to before step {}, in a fresh lab?", undone + 1);
    window.overlay = TalkOverlay::Question { text, on_yes: OnYes::Rewind { steps: undone } };
}

/// The message for what the driver does to the audience view, the clock or a step.
fn on_stage(talk: &Talk, command: Command) -> Option<ToHub> {
    let set = talk.set.clone();
    let stage = match command {
        Command::Back => set.at(beat::before(&talk.beats(), set.beat)?),
        Command::WhatIf => {
            let next = set.beat.next_what_if(&talk.view.lesson);
            // After the last one, back to the step.
            set.at(next.or_else(|| beat::after(&[], set.beat))?)
        }
        Command::Pane(index) => {
            let pane = ViewKind::ALL.get(index).copied();
            // Once more: the step's own panes.
            let pane = pane.filter(|_| set.pane != pane);
            AudienceView { pane, zoomed: set.zoomed && pane.is_some(), marked: None, top: 0, ..set }
        }
        Command::Zoom => {
            let pane = talk.panes(&set).first().copied();
            AudienceView { zoomed: !set.zoomed, pane: set.pane.or(pane), ..set }
        }
        Command::Mark => {
            AudienceView { marked: if set.marked.is_some() { None } else { Some(set.top) }, ..set }
        }
        Command::Down | Command::Up => {
            let pane = talk.panes(&set).first().copied()?;
            let last = talk.rows(pane).len().saturating_sub(1);
            let moved = |at: usize| {
                if command == Command::Down { (at + 1).min(last) } else { at.saturating_sub(1) }
            };
            match set.marked {
                Some(row) => AudienceView { marked: Some(moved(row)), ..set },
                None => AudienceView { top: moved(set.top), ..set },
            }
        }
        Command::Blank => AudienceView { blank: !set.blank, ..set },
        Command::Freeze => AudienceView { frozen: !set.frozen, ..set },
        Command::Keys => AudienceView {
            keys: if set.keys.is_some() { None } else { Some(String::new()) },
            ..set
        },
        Command::Mask => AudienceView { masked: !set.masked, ..set },
        Command::Pause => {
            return Some(ToHub::Clock(if talk.clock.runs {
                ClockOrder::Pause
            } else {
                ClockOrder::Run
            }));
        }
        Command::AddTime => return Some(ToHub::Clock(ClockOrder::Add { seconds: 300 })),
        Command::Skip => {
            let left_out = talk.left_out();
            let step = *talk
                .clock()
                .to_skip(&talk.view.lesson, |step| left_out.contains(&step))
                .first()?;
            return Some(ToHub::Order(Order::LeaveOut { step, out: true }));
        }
        _ => return None,
    };

    Some(ToHub::AudienceView(stage))
}

/// On by one beat; where something must be played for that, it is.
fn next(model: &mut Model, is_sure: bool) -> Vec<Effect> {
    let Screen::Talk(window) = &mut model.screen else { return Vec::new() };
    let is_armed = window.is_armed || is_sure;
    let Some(talk) = &mut window.talk else { return Vec::new() };
    let coming = talk.coming();
    let order = match coming {
        Coming::Run => Order::Next,
        Coming::Suppose { step, branch } => Order::Branch { step, branch },
        Coming::Reveal => {
            return vec![Effect::Hub(ToHub::AudienceView(AudienceView {
                revealed: true,
                ..talk.set.clone()
            }))];
        }
        Coming::Move(beat) => return vec![Effect::Hub(ToHub::AudienceView(talk.set.at(beat)))],
        Coming::End => {
            model.notice = Some("that was the last beat; q ends the talk".into());
            return Vec::new();
        }
    };

    if let Some(why) = talk.waits_for() {
        model.notice = Some(why.into());
        return Vec::new();
    }
    if !is_armed {
        model.notice = Some("disarmed: Enter runs this step".into());
        return Vec::new();
    }

    // At once: a second press must not run another step.
    talk.view.phase = Phase::Playing { step: talk.set.beat.step() };
    vec![Effect::Hub(ToHub::Order(order))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things() {
        let all: Vec<&(KeyCode, KeyModifiers)> =
            BINDINGS.iter().chain([&SUSPEND]).flat_map(|one| one.keys).collect();
        for (index, key) in all.iter().enumerate() {
            assert!(!all[index + 1..].contains(key), "{key:?}");
        }
    }
}
