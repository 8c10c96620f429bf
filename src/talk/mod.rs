//! **A talk**: one lesson, presented. The **hub** owns the engine; **windows** (audience, console) are views that come
//! and go. The driver's window says what is played and what the audience is shown (the **audience view**); the hub tells all
//! windows.

pub mod beat;
pub mod clock;
pub mod hub;
pub mod message;

use serde::{Deserialize, Serialize};

pub use self::beat::Beat;
use crate::view::ViewKind;

/// The view of a lesson that the audience is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudienceView {
    pub beat: Beat,
    /// The answer to the beat's question is shown.
    pub revealed: bool,
    /// A pane chosen by hand, instead of what the step watches.
    pub pane: Option<ViewKind>,
    pub zoomed: bool,
    /// A row of that pane is pointed at.
    pub marked: Option<usize>,
    /// The first row of the pane that is shown.
    pub top: usize,
    pub blank: bool,
    /// The audience's picture stays as it is; the driver moves on.
    pub frozen: bool,
    /// Names of this machine and its users are covered.
    pub masked: bool,
    /// Keys that were pressed are shown: the last of them.
    pub keys: Option<String>,
}

impl AudienceView {
    /// The beginning of a lesson.
    pub fn new() -> AudienceView {
        AudienceView {
            beat: Beat::Tell { step: 0 },
            revealed: false,
            pane: None,
            zoomed: false,
            marked: None,
            top: 0,
            blank: false,
            frozen: false,
            masked: false,
            keys: None,
        }
    }

    /// Another beat; panes are its own again.
    pub fn at_beat(&self, beat: Beat) -> AudienceView {
        AudienceView {
            beat,
            revealed: false,
            pane: None,
            zoomed: false,
            marked: None,
            top: 0,
            ..self.clone()
        }
    }

    /// True while it is shown what came of something, not what will be done.
    pub fn is_showing_outcome(&self) -> bool {
        match self.beat {
            Beat::Show { .. } => true,
            Beat::WhatIf { .. } => self.revealed,
            Beat::Tell { .. } | Beat::Ask { .. } => false,
        }
    }

    /// The view that the audience sees now that the driver has set `self`, having seen `shown` before.
    pub fn as_shown(&self, shown: &AudienceView) -> AudienceView {
        if self.frozen {
            AudienceView { blank: self.blank, frozen: true, ..shown.clone() }
        } else {
            self.clone()
        }
    }
}

impl Default for AudienceView {
    fn default() -> Self {
        AudienceView::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_view_stays_but_can_be_blanked() {
        let shown = AudienceView::new();
        let moved = AudienceView { frozen: true, ..shown.at_beat(Beat::Show { step: 0 }) };
        let now = moved.as_shown(&shown);
        assert_eq!(now.beat, Beat::Tell { step: 0 });
        let blank = AudienceView { blank: true, ..moved.clone() }.as_shown(&now);
        assert!(blank.blank && blank.beat == Beat::Tell { step: 0 });
        let thawed = AudienceView { frozen: false, ..moved }.as_shown(&now);
        assert_eq!(thawed.beat, Beat::Show { step: 0 });
    }
}
