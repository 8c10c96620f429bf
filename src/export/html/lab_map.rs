//! The map of a step as a figure: the picture after it, that before it behind a switch, and the words for it.

use maud::{Markup, html};

use super::super::map::figure_drawing;
use super::super::step_map::StepMap;
use super::part;
use crate::text::safe;
use crate::words;

/// The drawing, its switch and its words. The switch is one of the page's own: it needs no script.
pub fn map_figure(map: &StepMap, id: &str) -> Markup {
    let caption = part(id, "map");
    let title = words::map_title(map.lens);
    html! {
        figure.lab {
            @if let Some(before) = &map.before {
                label.flip { input type="checkbox"; " as it was before this step" }
                div.scroll.before { (figure_drawing(before, &format!("{title}, before the step"), &caption)) }
            }
            div.scroll.after { (figure_drawing(&map.after, &format!("{title}, after the step"), &caption)) }
            figcaption { (safe(&words::map_changes(map.lens, &map.after))) }
            details {
                summary { "The picture in words" }
                p id=(caption) { (safe(&words::map_words(map.lens, &map.after))) }
            }
        }
    }
}
