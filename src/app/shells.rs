//! The learner's shells on the screen: tabs, which of them has the keys, where they are drawn.

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

/// All shells of a lesson.
#[derive(Debug, Default)]
pub struct ShellTabs {
    tabs: Vec<TerminalTab>,
    current: usize,
    pub focus: ShellFocus,
    next_id: u32,
    /// Once the next lab is up, a shell beside this actor is opened again.
    reopen: Option<ActorName>,
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

    /// Choose a tab.
    pub fn choose_tab(&mut self, index: usize) {
        if index < self.tabs.len() {
            self.current = index;
            self.focus = ShellFocus::Typing;
        }
    }

    /// A number for a shell that is asked for.
    pub fn take_next_id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id
    }

    /// Add a shell that was opened, and give it the keys.
    pub fn add_tab(&mut self, id: u32, actor: ActorName, size: TerminalSize) {
        self.tabs.push(TerminalTab::new(id, actor, size));
        self.choose_tab(self.tabs.len() - 1);
    }

    /// The lab is to be replaced: a shell that is shown is opened again in the next one.
    pub fn reopen_in_next_lab(&mut self) {
        self.reopen = self.current_tab().filter(|_| self.is_shown()).map(|tab| tab.actor.clone());
    }

    /// The actor beside which a shell is to be opened again.
    pub fn take_reopened(&mut self) -> Option<ActorName> {
        self.reopen.take()
    }

    pub fn close_tab(&mut self, id: u32) {
        self.tabs.retain(|tab| tab.id != id);
        self.current = self.current.min(self.tabs.len().saturating_sub(1));
        if self.tabs.is_empty() {
            self.focus = ShellFocus::Hidden;
        }
    }

    pub fn tab_mut(&mut self, id: u32) -> Option<&mut TerminalTab> {
        self.tabs.iter_mut().find(|tab| tab.id == id)
    }

    /// Give every tab the size of the place it is drawn in; returns those that changed.
    pub fn resize_tabs(&mut self, screen: (u16, u16), zoomed: bool) -> Vec<Effect> {
        let size = terminal_size(screen, zoomed);
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

/// The place of the shells, frame included, on a screen of this size: below everything, above the footer.
pub fn shell_area((columns, rows): (u16, u16), zoomed: bool) -> Rect {
    // All but the head line and the footer.
    let body = rows.saturating_sub(2);
    if zoomed {
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
pub fn terminal_size(screen: (u16, u16), zoomed: bool) -> TerminalSize {
    let place = shell_area(screen, zoomed);
    TerminalSize::new(place.width.saturating_sub(2), place.height.saturating_sub(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_a_shell_on_every_screen() {
        for columns in 60..=250 {
            for rows in 15..=80 {
                for zoomed in [false, true] {
                    let place = shell_area((columns, rows), zoomed);
                    assert!(
                        place.right() <= columns && place.bottom() < rows,
                        "{columns}x{rows}: {place:?}"
                    );

                    let inner = terminal_size((columns, rows), zoomed);
                    assert!(inner.columns >= 56 && inner.rows >= 3, "{columns}x{rows}: {inner:?}");
                }
            }
        }

        assert!(terminal_size((80, 24), false).rows >= 9);
    }
}
