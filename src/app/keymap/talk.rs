//! The keys of a talk: those of the window that drives, and the few that all windows have.

use crossterm::event::KeyEvent;

use super::FooterText::{Is, Never};
use super::HelpText::Naming;
use super::KeyFunction::{Act, Look, Nth};
use super::everywhere::{down, redraw, suspend, up};
use super::{Binding, HelpText, ModeState, always, find, keys, press, row};
use crate::app::talk::driving::{self, JUMP_PAGE};
use crate::app::talk::{TalkOverlay, TalkView, apply_own_changes};
use crate::app::{Effect, Model};
use crate::talk::AudienceView;
use crate::view::ViewKind;

/// Most important first. A row works in every window, or in the one that drives.
pub static TABLE: [Binding<TalkView>; 28] = [
    Binding {
        key: keys::talk::NEXT,
        short: Is("next (runs)"),
        long: Naming(|| {
            let (space, right) = (keys::talk::NEXT.chord(1), keys::talk::NEXT.chord(2));
            format!("next beat; runs the step, if armed ({space}, {right})")
        }),
        works: TalkView::is_driver,
        run: Act(driving::next),
    },
    Binding {
        key: keys::talk::BACK,
        short: Is("back"),
        long: Naming(|| {
            format!("the beat before: nothing is undone ({})", keys::talk::BACK.chord(1))
        }),
        works: TalkView::is_driver,
        run: Act(|model| driving::send_to_hub(model, driving::back)),
    },
    Binding {
        key: keys::talk::RUN_NOW,
        short: Never,
        long: HelpText::Is("next beat; runs the step, armed or not"),
        works: TalkView::is_driver,
        run: Act(driving::run_now),
    },
    Binding {
        key: keys::talk::RUN_NOW_TOO,
        short: Never,
        long: HelpText::Is("the same"),
        works: TalkView::is_driver,
        run: Act(driving::run_now),
    },
    Binding {
        key: keys::talk::REWIND,
        short: Is("rewind"),
        long: HelpText::Is("rewind: a new lab, with one step less"),
        works: TalkView::is_driver,
        run: Look(driving::rewind),
    },
    Binding {
        key: keys::talk::RESTART,
        short: Never,
        long: HelpText::Is("the lesson from its beginning"),
        works: TalkView::is_driver,
        run: Look(driving::restart),
    },
    Binding {
        key: keys::talk::JUMP,
        short: Is("steps"),
        long: HelpText::Is("jump to a step: back at once, forward by playing what lies between"),
        works: TalkView::is_driver,
        run: Look(driving::list_steps),
    },
    Binding {
        key: keys::talk::WHAT_IF,
        short: Never,
        long: HelpText::Is("what if? turn to the step's other ways, one after the other"),
        works: TalkView::is_driver,
        run: Act(|model| driving::send_to_hub(model, driving::what_if)),
    },
    Binding {
        key: keys::talk::BLANK,
        short: Is("blank"),
        long: Naming(|| {
            let key = keys::talk::BLANK;
            let (second, third) = (key.chord(1), key.chord(2));
            format!("blank the audience's screen, and back ({second} and {third} too)")
        }),
        works: TalkView::is_driver,
        run: Act(|model| driving::set(model, |_, set| AudienceView { blank: !set.blank, ..set })),
    },
    Binding {
        key: keys::talk::FREEZE,
        short: Is("freeze"),
        long: HelpText::Is("freeze: the audience keeps its picture while you move on"),
        works: TalkView::is_driver,
        run: Act(|model| driving::set(model, |_, set| AudienceView { frozen: !set.frozen, ..set })),
    },
    Binding {
        key: keys::talk::PANE,
        short: Is("pane"),
        long: HelpText::Is("send this pane to the audience"),
        works: TalkView::is_driver,
        run: Nth { count: |_| ViewKind::ALL.len(), act: driving::show_pane },
    },
    Binding {
        key: keys::talk::ZOOM,
        short: Is("zoom"),
        long: HelpText::Is("that pane over the whole screen, and back"),
        works: TalkView::is_driver,
        run: Act(driving::zoom),
    },
    Binding {
        key: keys::talk::MARK,
        short: Is("mark"),
        long: Naming(|| {
            let (down, up) = (keys::talk::DOWN, keys::talk::UP);
            format!("mark a row of the pane ({down}, {up} move it), and unmark")
        }),
        works: TalkView::is_driver,
        run: Act(driving::mark),
    },
    Binding {
        key: keys::talk::DOWN,
        short: Never,
        long: HelpText::Is("mark or scroll: a row down"),
        works: TalkView::is_driver,
        run: Act(|model| driving::send_to_hub(model, |talk| driving::move_rows(talk, 1))),
    },
    Binding {
        key: keys::talk::UP,
        short: Never,
        long: HelpText::Is("mark or scroll: a row up"),
        works: TalkView::is_driver,
        run: Act(|model| driving::send_to_hub(model, |talk| driving::move_rows(talk, -1))),
    },
    Binding {
        key: keys::talk::NOTES_DOWN,
        short: Never,
        long: HelpText::Is("notes: down"),
        works: always,
        run: Look(|window| window.notes_scroll += 1),
    },
    Binding {
        key: keys::talk::NOTES_UP,
        short: Never,
        long: HelpText::Is("notes: up"),
        works: always,
        run: Look(|window| window.notes_scroll = window.notes_scroll.saturating_sub(1)),
    },
    Binding {
        key: keys::talk::SKIP,
        short: Never,
        long: HelpText::Is("skip the step that the clock proposes"),
        works: TalkView::is_driver,
        run: Act(|model| driving::send_to_hub(model, driving::skip)),
    },
    Binding {
        key: keys::talk::ADD_TIME,
        short: Never,
        long: HelpText::Is("five minutes more"),
        works: TalkView::is_driver,
        run: Act(|model| driving::send_to_hub(model, driving::add_time)),
    },
    Binding {
        key: keys::talk::PAUSE,
        short: Never,
        long: HelpText::Is("pause the clock, and let it run"),
        works: TalkView::is_driver,
        run: Act(|model| driving::send_to_hub(model, driving::pause)),
    },
    Binding {
        key: keys::talk::KEYS,
        short: Never,
        long: HelpText::Is("show the audience which keys you press"),
        works: TalkView::is_driver,
        run: Act(driving::show_keys),
    },
    Binding {
        key: keys::talk::MASK,
        short: Never,
        long: HelpText::Is("cover names of this machine and its users"),
        works: TalkView::is_driver,
        run: Act(|model| driving::set(model, |_, set| AudienceView { masked: !set.masked, ..set })),
    },
    Binding {
        key: keys::talk::ARM,
        short: Is("arm"),
        long: Naming(|| {
            let (key, space) = (keys::talk::NEXT, keys::talk::NEXT.chord(1));
            format!("disarm {key} and {space}, or arm them: armed, they run steps")
        }),
        works: TalkView::is_driver,
        run: Act(driving::arm),
    },
    Binding {
        key: keys::everywhere::HELP,
        short: Is("keys"),
        long: HelpText::Is("this list of keys"),
        works: always,
        run: Look(|window| window.overlay = TalkOverlay::Help { scroll: 0 }),
    },
    Binding {
        key: keys::talk::END,
        short: Is("end"),
        long: HelpText::Is("end the talk for all (a window that does not drive: close it)"),
        works: always,
        run: Act(driving::end),
    },
    Binding {
        key: keys::talk::CLOSE,
        short: Never,
        long: HelpText::Is("close this window; the talk goes on in the others"),
        works: always,
        run: Act(driving::close),
    },
    redraw(),
    suspend(),
];

/// Over the help; any other key closes it.
pub static HELP: [Binding<TalkView>; 2] = [
    down(Look(|window| driving::scroll_help(window, 1))),
    up(Look(|window| driving::scroll_help(window, -1))),
];

/// While a question waits; any other key means no.
pub static CONFIRM: [Binding<TalkView>; 1] =
    [row(keys::talk_confirm::YES, "yes", Act(driving::say_yes))];

/// Over the list of steps; any other key closes it.
pub static JUMP: [Binding<TalkView>; 8] = [
    down(Look(|window| driving::choose_step(window, |at| at + 1))),
    up(Look(|window| driving::choose_step(window, |at| at.saturating_sub(1)))),
    row(
        keys::talk_jump::PAGE_DOWN,
        "a page down",
        Look(|window| driving::choose_step(window, |at| at + JUMP_PAGE)),
    ),
    row(
        keys::talk_jump::PAGE_UP,
        "a page up",
        Look(|window| driving::choose_step(window, |at| at.saturating_sub(JUMP_PAGE))),
    ),
    row(keys::talk_jump::FIRST, "first step", Look(|window| driving::choose_step(window, |_| 0))),
    row(
        keys::talk_jump::LAST,
        "last step",
        Look(|window| driving::choose_step(window, |_| usize::MAX)),
    ),
    row(keys::talk_jump::GO, "go there", Act(driving::go)),
    row(keys::talk_jump::STAY, "stay", Look(close_overlay)),
];

/// The rows that do something in this window, for the footer.
pub fn footer(window: &TalkView) -> Vec<(String, &'static str)> {
    super::footer(&TABLE, window)
}

/// The rows that this window has, for the help.
pub fn help(window: &TalkView) -> Vec<(String, String)> {
    let own = TABLE.iter().filter(|row| (row.works)(window));
    own.map(|row| (row.key.to_string(), row.help())).collect()
}

/// Carry a press out; None when this is no window of a talk.
pub fn on_key(model: &mut Model, event: KeyEvent) -> Option<Vec<Effect>> {
    let window = TalkView::of_mut(model)?;

    let effects = match window.overlay {
        TalkOverlay::None => press_in_talk(model, event),
        TalkOverlay::Help { .. } => press_over(&HELP, model, event),
        TalkOverlay::Question { .. } => press_over(&CONFIRM, model, event),
        TalkOverlay::Steps { .. } => press_over(&JUMP, model, event),
        TalkOverlay::Ended(_) => driving::close(model),
    };

    Some(apply_own_changes(model, effects))
}

/// A press while something lies over the window: any key that its table does not have closes it.
fn press_over(
    table: &'static [Binding<TalkView>],
    model: &mut Model,
    event: KeyEvent,
) -> Vec<Effect> {
    press(table, model, event).unwrap_or_else(|| {
        if let Some(window) = TalkView::of_mut(model) {
            close_overlay(window);
        }
        Vec::new()
    })
}

fn close_overlay(window: &mut TalkView) {
    window.overlay = TalkOverlay::None;
}

fn press_in_talk(model: &mut Model, event: KeyEvent) -> Vec<Effect> {
    let Some(window) = TalkView::of(model) else { return Vec::new() };
    let Some((row, place)) = find(&TABLE, window, event) else { return Vec::new() };
    if !(row.works)(window) {
        driving::refuse(model);
        return Vec::new();
    }

    let effects = row.run(model, place);
    // This key sets them itself: after it has hidden them, `with_key` would show them again.
    if row.key == keys::talk::KEYS {
        effects
    } else {
        driving::with_key(model, row.key.pressed_name(place), effects)
    }
}
