//! The map of a step: the picture of what the step watches first, where it shows something that the one before it did not.

use super::played_lesson::PlayedLesson;
use crate::diff::Diff;
use crate::map::{MapLens, MapScene};
use crate::report::StepRecord;

/// The map after a step, and that before it where something in it changed.
#[derive(Debug)]
pub struct StepMap {
    pub lens: MapLens,
    pub after: MapScene,
    pub before: Option<MapScene>,
}

/// The maps of all steps, in order; None for a step whose picture would be that of the last map once more.
pub fn step_maps(played_lesson: &PlayedLesson<'_>) -> Vec<Option<StepMap>> {
    let mut shown: Option<(MapLens, MapScene)> = None;
    let maps = played_lesson.steps.iter().map(|played| {
        let record = played.actions.record;
        let lens = MapLens::of_views(played.actions.watch, record.diff())?;
        let map = StepMap::new(lens, record);
        let is_shown = shown.as_ref().is_some_and(|(of, scene)| (*of, scene) == (lens, &map.after));
        if is_shown || map.after.is_empty() {
            return None;
        }
        shown = Some((lens, map.after.clone()));
        Some(map)
    });
    maps.collect()
}

impl StepMap {
    fn new(lens: MapLens, record: &StepRecord) -> StepMap {
        let StepRecord { before, after, ops, .. } = record;
        let scene = MapScene::of(lens, before, after, record.diff(), ops);
        // As it was: nothing in it has a mark.
        let was = || MapScene::of(lens, before, before, &Diff::between(before, before), &[]);
        let before = scene.is_lit().then(was).filter(|was| !was.is_empty());
        StepMap { lens, after: scene, before }
    }
}
