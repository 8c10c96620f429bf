//! The learner's shells on the screen: tabs, which of them has the keys, where they are drawn.

use std::collections::{BTreeMap, BTreeSet};

use ratatui::layout::Rect;

use super::Effect;
use super::terminal::TerminalTab;
use crate::kernel::pty::TerminalSize;
use crate::op::ActorName;

/// The place that keys go to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ShellFocus {
    /// The shells are not on the screen.
    #[default]
    Hidden,
    /// On the screen, but keys are the lesson's.
    Shown,
    /// Keys that move, move in the shell's past output.
    Looking,
    /// Every key goes to the shell, but the one that leaves it.
    Typing,
}

/// The side of a lab's walls that a shell is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShellSide {
    Host,
    /// The container, or whoever else has walls of its own.
    Container,
}

impl ShellSide {
    pub fn of_actor(actor: &ActorName) -> ShellSide {
        if *actor == ActorName::host() { ShellSide::Host } else { ShellSide::Container }
    }
}

/// All shells of a lesson.
#[derive(Debug, Default)]
pub struct ShellTabs {
    tabs: Vec<TerminalTab>,
    current: usize,
    pub focus: ShellFocus,
    next_id: u32,
    /// Shells that the engine was asked for, by tab.
    asked: BTreeMap<u32, AskedShell>,
    /// The next key, if it is one that the screen keeps from programs, goes to the shell.
    pub(super) passes_next_key: bool,
    /// The bytes to type into a shell once it is open.
    to_type: Option<(u32, Vec<u8>)>,
    /// The shell that is opened again once the next lab is up.
    reopen: Option<ReopenedShell>,
    /// Tabs of a lab that is being replaced: they are in sight until they end, and take no keys.
    of_last_lab: BTreeSet<u32>,
    /// Actors beside whom something was typed: in the learner's own lab, and in the one of a what-if.
    typed: BTreeSet<ActorName>,
    typed_in_what_if: BTreeSet<ActorName>,
}

/// A shell that the engine was asked for.
#[derive(Debug, Clone, Copy)]
struct AskedShell {
    /// The size it was asked for with.
    size: TerminalSize,
    /// The learner waits for it: it gets the keys once it is there.
    takes_keys: bool,
}

/// A shell that was shown in the lab before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReopenedShell {
    pub actor: ActorName,
    /// The learner waits for it.
    pub takes_keys: bool,
}

/// A shell that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedShell {
    pub actor: ActorName,
    /// It was typed into.
    pub had_keys: bool,
}

impl ShellTabs {
    pub fn tabs(&self) -> &[TerminalTab] {
        &self.tabs
    }

    pub fn current_tab(&self) -> Option<&TerminalTab> {
        self.tabs.get(self.current)
    }

    pub fn current_tab_mut(&mut self) -> Option<&mut TerminalTab> {
        self.tabs.get_mut(self.current)
    }

    pub fn is_current_tab(&self, index: usize) -> bool {
        index == self.current
    }

    pub fn is_shown(&self) -> bool {
        self.focus != ShellFocus::Hidden && !self.tabs.is_empty()
    }

    pub fn is_typing(&self) -> bool {
        self.focus == ShellFocus::Typing && !self.tabs.is_empty()
    }

    /// The tab to go back to in the lab of a what-if, or in the learner's own: the current one, or else the newest.
    pub fn last_tab_in(&self, in_what_if: bool) -> Option<usize> {
        let fits =
            |index: &usize| self.tabs.get(*index).is_some_and(|tab| tab.in_what_if == in_what_if);
        Some(self.current).filter(fits).or_else(|| (0..self.tabs.len()).rev().find(fits))
    }

    /// The tab whose programs are in an actor: the current one if it is, or else the newest.
    pub fn tab_beside(&self, actor: &ActorName, in_what_if: bool) -> Option<usize> {
        let is_beside = |index: &usize| {
            let tab = self.tabs.get(*index);
            tab.is_some_and(|tab| tab.in_what_if == in_what_if && tab.actor() == actor)
                && !self.is_of_last_lab(*index)
        };
        let all = || (0..self.tabs.len()).rev();
        Some(self.current).filter(is_beside).or_else(|| all().find(is_beside))
    }

    /// True for a tab of a lab that is being replaced.
    pub fn is_of_last_lab(&self, index: usize) -> bool {
        self.tabs.get(index).is_some_and(|tab| self.of_last_lab.contains(&tab.id))
    }

    /// Choose a tab, by the learner's will.
    pub fn choose_tab(&mut self, index: usize) {
        if index < self.tabs.len() && !self.is_of_last_lab(index) {
            self.current = index;
            self.focus = ShellFocus::Typing;
            self.expect_no_keys();
        }
    }

    /// Something is typed into the current tab: no shell that comes up meanwhile may take the keys from it.
    pub fn note_typing(&mut self) {
        self.expect_no_keys();
        let Some(tab) = self.tabs.get(self.current) else { return };
        let typed = if tab.in_what_if { &mut self.typed_in_what_if } else { &mut self.typed };
        if !typed.contains(tab.actor()) {
            typed.insert(tab.actor().clone());
        }
    }

    fn expect_no_keys(&mut self) {
        self.asked.values_mut().for_each(|asked| asked.takes_keys = false);
    }

    /// The actors beside whom something was typed, in the lab of a what-if or in the learner's own.
    pub fn typed_beside(&self, in_what_if: bool) -> Vec<ActorName> {
        let typed = if in_what_if { &self.typed_in_what_if } else { &self.typed };
        typed.iter().cloned().collect()
    }

    /// A number for a shell that is asked for, which gets the keys once it is there, unless the learner has turned to
    /// another by then.
    pub fn ask_for_tab(&mut self, size: TerminalSize, takes_keys: bool) -> u32 {
        self.next_id += 1;
        self.asked.insert(self.next_id, AskedShell { size, takes_keys });
        self.next_id
    }

    /// Have this typed into the shell that was asked for last, once it is open.
    pub fn type_when_open(&mut self, bytes: Vec<u8>) {
        self.to_type = Some((self.next_id, bytes));
    }

    /// The bytes to type into a shell that is open now.
    pub fn take_to_type(&mut self, tab: u32) -> Option<Vec<u8>> {
        let (_, bytes) = self.to_type.take_if(|(waiting, _)| *waiting == tab)?;
        Some(bytes)
    }

    /// The learner waits for a shell.
    pub fn is_waiting_for_tab(&self) -> bool {
        self.asked.values().any(|asked| asked.takes_keys)
    }

    /// Wait for the shell that is opened again in the next lab, if there is one: it gets the keys once it is there.
    pub fn give_keys_to_reopened(&mut self) -> bool {
        let to_come = self.reopen.as_mut().map(|shell| &mut shell.takes_keys);
        let asked = self.asked.values_mut().next_back().map(|shell| &mut shell.takes_keys);
        to_come.or(asked).map(|takes_keys| *takes_keys = true).is_some()
    }

    /// A shell could not be opened.
    pub fn forget_asked(&mut self, id: u32) {
        self.asked.remove(&id);
    }

    /// Add a shell that was opened, which has the size that it was asked for with. False where it did not get the keys
    /// and lies behind another.
    pub fn add_tab(
        &mut self,
        id: u32,
        actor: ActorName,
        size: TerminalSize,
        in_what_if: bool,
    ) -> bool {
        let asked = self.asked.remove(&id).unwrap_or(AskedShell { size, takes_keys: true });
        let mut tab = TerminalTab::new(id, actor, asked.size);
        tab.in_what_if = in_what_if;
        self.tabs.push(tab);

        let last = self.tabs.len() - 1;
        if asked.takes_keys {
            self.choose_tab(last);
        } else if !self.is_typing() {
            // In sight, but the keys stay where they are.
            self.current = last;
            self.focus = ShellFocus::Shown;
        }
        self.current == last
    }

    /// The lab is to be replaced: a shell that is shown is opened again in the next one.
    pub fn reopen_in_next_lab(&mut self) {
        let shown = self.current_tab().filter(|_| self.is_shown());
        self.reopen =
            shown.map(|tab| ReopenedShell { actor: tab.actor.clone(), takes_keys: false });
        self.of_last_lab.extend(self.tabs.iter().map(|tab| tab.id));
        self.asked.clear();
        self.typed.clear();
        self.typed_in_what_if.clear();
    }

    /// The next lab is up: the shells of the last one go now, even where their processes take their time to die. Who types
    /// means none of those.
    pub fn close_tabs_of_last_lab(&mut self) {
        for tab in std::mem::take(&mut self.of_last_lab) {
            self.close_tab(tab);
        }
    }

    /// The lab of a what-if is gone, with what was typed there.
    pub fn forget_what_if(&mut self) {
        self.typed_in_what_if.clear();
    }

    /// The shell that is to be opened again.
    pub fn take_reopened(&mut self) -> Option<ReopenedShell> {
        self.reopen.take()
    }

    /// A shell has ended. If it was the one in front, the keys are the lesson's: they never go to another by themselves.
    pub fn close_tab(&mut self, id: u32) -> Option<EndedShell> {
        let at = self.tabs.iter().position(|tab| tab.id == id)?;
        let had_keys = at == self.current && self.is_typing();
        let actor = self.tabs.remove(at).actor().clone();

        if at == self.current && self.focus != ShellFocus::Hidden {
            self.focus = ShellFocus::Shown;
        }
        if at < self.current || self.current == self.tabs.len() {
            self.current = self.current.saturating_sub(1);
        }
        if self.tabs.is_empty() {
            self.focus = ShellFocus::Hidden;
        }
        Some(EndedShell { actor, had_keys })
    }

    pub fn tab_mut(&mut self, id: u32) -> Option<&mut TerminalTab> {
        self.tabs.iter_mut().find(|tab| tab.id == id)
    }

    /// Give every tab the size of the place it is drawn in; returns those that changed.
    pub fn resize_tabs(&mut self, screen: (u16, u16), room: ShellRoom) -> Vec<Effect> {
        let size = terminal_size(screen, room);
        let mut effects = Vec::new();
        for tab in self.tabs.iter_mut().filter(|tab| tab.size() != size) {
            tab.resize(size);
            effects.push(Effect::ResizeShell { tab: tab.id, size });
        }
        effects
    }
}

/// The class of a screen by its size, which decides how a lesson is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScreenClass {
    Small,
    Middling,
    Large,
}

impl ScreenClass {
    pub fn of_size(columns: u16, rows: u16) -> ScreenClass {
        if columns >= 160 && rows >= 50 {
            ScreenClass::Large
        } else if columns >= 100 && rows >= 30 {
            ScreenClass::Middling
        } else {
            ScreenClass::Small
        }
    }

    /// Columns of the left side, with steps and story.
    pub fn left_columns(self) -> u16 {
        match self {
            ScreenClass::Small => 0,
            ScreenClass::Middling => 42,
            ScreenClass::Large => 52,
        }
    }
}

/// The part of the screen that shells have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShellRoom {
    BelowPanes,
    Whole,
}

impl ShellRoom {
    pub fn of_zoom(is_zoomed: bool) -> ShellRoom {
        if is_zoomed { ShellRoom::Whole } else { ShellRoom::BelowPanes }
    }
}

/// The place of the shells, frame included, on a screen of this size: below everything, above the footer.
pub fn shell_area((columns, rows): (u16, u16), room: ShellRoom) -> Rect {
    // All but the head line and the footer.
    let body = rows.saturating_sub(2);
    if room == ShellRoom::Whole {
        return Rect { x: 0, y: 1, width: columns, height: body };
    }

    let format = ScreenClass::of_size(columns, rows);
    let height = match format {
        // Five rows at least: two borders and three lines of the shell.
        ScreenClass::Small => (body * 11 / 20).max(5).min(body),
        ScreenClass::Middling | ScreenClass::Large => body * 11 / 20,
    };

    Rect {
        x: format.left_columns(),
        y: 1 + body - height,
        width: columns - format.left_columns(),
        height,
    }
}

/// Columns and rows inside the frame.
pub fn terminal_size(screen: (u16, u16), room: ShellRoom) -> TerminalSize {
    let place = shell_area(screen, room);
    TerminalSize::new(place.width.saturating_sub(2), place.height.saturating_sub(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_a_shell_on_every_screen() {
        for columns in 60..=250 {
            for rows in 15..=80 {
                for room in [ShellRoom::BelowPanes, ShellRoom::Whole] {
                    let place = shell_area((columns, rows), room);
                    assert!(
                        place.right() <= columns && place.bottom() < rows,
                        "{columns}x{rows}: {place:?}"
                    );

                    let inner = terminal_size((columns, rows), room);
                    assert!(inner.columns >= 56 && inner.rows >= 3, "{columns}x{rows}: {inner:?}");
                }
            }
        }

        assert!(terminal_size((80, 24), ShellRoom::BelowPanes).rows >= 9);
    }
}
