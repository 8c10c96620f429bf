//! The map's pictures: a scene is made when it is first shown, and keeps its layout until the place or the glyphs change.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::diff::Diff;
use crate::map::{Canvas, Glyphs, MapLens, MapScene, MapWant, draw, wanted_height};
use crate::op::OpRecord;
use crate::report::StepRecord;
use crate::snapshot::Snapshot;
use crate::view::ViewKind;

/// The differences that a picture is lit by.
#[derive(Debug, Clone)]
pub(super) enum ShownDiff {
    /// Of a record's own states.
    OfRecord(Arc<StepRecord>),
    Live(Arc<Diff>),
}

impl ShownDiff {
    pub fn get(&self) -> &Diff {
        match self {
            ShownDiff::OfRecord(record) => record.diff(),
            ShownDiff::Live(diff) => diff,
        }
    }
}

/// All that pictures are made from.
#[derive(Debug, Clone)]
pub(super) struct PictureSource {
    pub before: Arc<Snapshot>,
    pub after: Arc<Snapshot>,
    pub diff: ShownDiff,
    /// The record whose calls are shown.
    pub record: Option<Arc<StepRecord>>,
}

impl PictureSource {
    pub fn ops(&self) -> &[OpRecord] {
        self.record.as_ref().map_or(&[], |record| &record.ops)
    }
}

/// The size of a place, in columns and rows, and the characters that it is drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PicturePlace {
    pub width: usize,
    pub height: usize,
    pub glyphs: Glyphs,
}

/// The pictures of what panes show. That they are made on the way is seen nowhere but in the time it takes.
#[derive(Debug, Default)]
pub struct MapPictures {
    source: Option<PictureSource>,
    scenes: BTreeMap<MapLens, OnceCell<MapScene>>,
    /// The layout that was drawn last.
    laid_out: RefCell<Option<LaidOut>>,
    /// The rows that a whole picture takes in so many columns, asked for last.
    height: Cell<Option<(MapLens, usize, usize)>>,
}

#[derive(Debug, Clone)]
struct LaidOut {
    lens: MapLens,
    place: PicturePlace,
    wants: Vec<MapWant>,
    canvas: Rc<Canvas>,
}

impl MapPictures {
    pub(super) fn of(source: PictureSource) -> MapPictures {
        let scenes = MapLens::ALL.into_iter().map(|lens| (lens, OnceCell::new())).collect();
        MapPictures { source: Some(source), scenes, ..MapPictures::default() }
    }

    /// The pictures of all that differs between two states, whatever led there.
    pub(in crate::app) fn between(before: &Arc<Snapshot>, after: &Arc<Snapshot>) -> MapPictures {
        MapPictures::of(PictureSource {
            before: Arc::clone(before),
            after: Arc::clone(after),
            diff: ShownDiff::Live(Arc::new(Diff::between(before, after))),
            record: None,
        })
    }

    /// The lens that shows what a view lists.
    pub fn lens_of(&self, view: ViewKind) -> Option<MapLens> {
        match &self.source {
            Some(source) => MapLens::of_view(view, source.diff.get()),
            None => MapLens::of_view(view, &Diff::default()),
        }
    }

    pub fn scene(&self, lens: MapLens) -> Option<&MapScene> {
        let source = self.source.as_ref()?;
        let make = || {
            let (before, after) = (&source.before, &source.after);
            MapScene::of(lens, before, after, source.diff.get(), source.ops())
        };
        Some(self.scenes.get(&lens)?.get_or_init(make))
    }

    /// The rows that a whole picture would take in so many columns.
    pub fn wanted_height(&self, lens: MapLens, columns: usize) -> usize {
        match self.height.get() {
            Some((known, width, rows)) if (known, width) == (lens, columns) => rows,
            _ => {
                let rows = self.scene(lens).map_or(0, |scene| wanted_height(scene, columns));
                self.height.set(Some((lens, columns, rows)));
                rows
            }
        }
    }

    /// The picture laid out in a place, with what is wanted in it: the one that was drawn last, while nothing of that
    /// has changed.
    pub fn canvas(
        &self,
        lens: MapLens,
        place: PicturePlace,
        wants: Vec<MapWant>,
    ) -> Option<Rc<Canvas>> {
        let is_known =
            |known: &&LaidOut| (known.lens, known.place, &known.wants) == (lens, place, &wants);
        if let Some(known) = self.laid_out.borrow().as_ref().filter(is_known) {
            return Some(Rc::clone(&known.canvas));
        }

        let scene = self.scene(lens)?;
        let PicturePlace { width, height, glyphs } = place;
        let canvas = if wants.is_empty() {
            draw(scene, width, height, glyphs)
        } else {
            draw(&scene.clone().with_wanted(lens, &wants), width, height, glyphs)
        };
        let canvas = Rc::new(canvas);
        let laid_out = LaidOut { lens, place, wants, canvas: Rc::clone(&canvas) };
        *self.laid_out.borrow_mut() = Some(laid_out);
        Some(canvas)
    }

    /// The number of scenes that were made.
    #[cfg(test)]
    pub fn made(&self) -> usize {
        self.scenes.values().filter(|scene| scene.get().is_some()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::scripts::snapshot;

    #[test]
    fn a_picture_is_made_when_it_is_shown_first_and_laid_out_anew_where_its_place_changed() {
        let (before, after) = (Arc::new(snapshot(&["host"])), Arc::new(snapshot(&["host", "box"])));
        let pictures = MapPictures::between(&before, &after);
        assert_eq!(pictures.made(), 0);

        let place = PicturePlace { width: 76, height: 16, glyphs: Glyphs::Unicode };
        let draw = |lens, place| pictures.canvas(lens, place, Vec::new()).expect("a picture");
        let first = draw(MapLens::Processes, place);
        assert_eq!(pictures.made(), 1, "the others are not shown");
        assert!(Rc::ptr_eq(&first, &draw(MapLens::Processes, place)), "nothing changed");

        for other in [
            PicturePlace { width: 75, ..place },
            PicturePlace { height: 15, ..place },
            PicturePlace { glyphs: Glyphs::Ascii, ..place },
        ] {
            assert!(!Rc::ptr_eq(
                &draw(MapLens::Processes, place),
                &draw(MapLens::Processes, other)
            ));
        }
        assert!(!Rc::ptr_eq(&first, &draw(MapLens::Namespaces, place)));
        assert_eq!(pictures.made(), 2);
    }
}
