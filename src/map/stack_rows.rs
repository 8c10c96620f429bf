//! Overlays as boxes with a row for each name, for renderers that have no plates.

use std::borrow::Cow;

use super::canvas::MapTone;
use super::scene::{LayerStack, MapBox, MapRow, MapScene, PlateCell, PlateColumn};
use crate::diff::ChangeKind;

/// Unchanged names that have a row: the others are counted.
const MAX_UNCHANGED: usize = 6;

impl MapScene {
    /// The same with each overlay as a box.
    pub fn with_stacks_in_boxes(&self) -> Cow<'_, MapScene> {
        if self.stacks.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut scene = self.clone();
        let boxes: Vec<MapBox> = scene.stacks.drain(..).map(into_box).collect();
        scene.left.splice(0..0, boxes);
        Cow::Owned(scene)
    }
}

fn into_box(stack: LayerStack) -> MapBox {
    let mut title = stack.title.clone();
    title.insert(title.len().min(1), format!("{} layers", stack.plates.len()));
    let mut one = MapBox { title, mark: stack.mark, ..MapBox::default() };
    let (mut unchanged, mut more, mut changed) = (0, 0, 0);
    for column in &stack.columns {
        let is_loud = column.mark.is_change();
        unchanged += usize::from(!is_loud);
        if !is_loud && unchanged > MAX_UNCHANGED {
            more += 1;
            changed += column.changed;
            continue;
        }
        let row = MapRow::new(column.mark, &column.name).standing_for(1, column.changed);
        one.push(row.and(MapTone::Quiet, format!(" ({})", words(&stack, column))));
    }
    if more > 0 {
        let row = MapRow::new(ChangeKind::Same, format!("… {more} more names"));
        one.push(row.standing_for(more, changed));
    }
    stack.acts.into_iter().for_each(|act| one.push(act));
    one
}

/// The states of the layers at a name, from the uppermost one.
fn words(stack: &LayerStack, column: &PlateColumn) -> String {
    let said = stack.plates.iter().zip(&column.cells).filter_map(|(plate, cell)| {
        let layer = &plate.name;
        match cell {
            PlateCell::Passed | PlateCell::Empty => None,
            PlateCell::Answers => Some(format!("{layer} answers")),
            PlateCell::Merged => Some(format!("merged with {layer}")),
            PlateCell::Hidden => Some(format!("hidden in {layer}")),
            PlateCell::Whiteout => Some(format!("deleted in {layer}")),
            PlateCell::Opaque => Some(format!("{layer} hides those below")),
        }
    });
    let copied = column.copied_from.and_then(|from| stack.plates.get(from));
    let copied = copied.map(|plate| format!("copied up from {}", plate.name));
    said.chain(copied).collect::<Vec<_>>().join(", ")
}
