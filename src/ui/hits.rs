//! The places of the screen that can be pointed at: noted down by whoever draws them, so that nothing is placed twice.

use std::cell::RefCell;

use ratatui::layout::{Position, Rect};

use crate::app::pointing::PointTarget;

/// The things that were drawn and their places, in the order of drawing: what lies over something came later.
#[derive(Debug, Default)]
pub struct HitAreas(RefCell<Vec<(Rect, Option<PointTarget>)>>);

impl HitAreas {
    /// Nothing is drawn yet.
    pub(super) fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    pub(super) fn note(&self, area: Rect, target: PointTarget) {
        if !area.is_empty() {
            self.0.borrow_mut().push((area, Some(target)));
        }
    }

    /// Something lies over these places that stands for nothing.
    pub(super) fn cover(&self, area: Rect) {
        self.0.borrow_mut().push((area, None));
    }

    /// The thing that a place stands for.
    pub fn find(&self, column: u16, row: u16) -> Option<PointTarget> {
        let areas = self.0.borrow();
        let found = areas.iter().rev().find(|(area, _)| area.contains(Position::new(column, row)));
        found.and_then(|(_, target)| *target)
    }
}
