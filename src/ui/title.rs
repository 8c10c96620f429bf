//! The first line of a lesson: its title, a sign for each step, how far it is, and what is shown of the lab.

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr;

use super::DrawOptions;
use super::theme::Theme;
use crate::app::pointing::PointTarget;
use crate::app::{LessonScene, LessonView, Phase, StepMark};
use crate::text::{prose, safe, shortened};
use crate::words;

/// Fewer signs than this say nothing of where one is.
const MIN_SIGNS: usize = 9;

pub fn draw(view: &LessonView, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    let theme = look.theme;
    let count = view.lesson.steps.len();
    let place = format!("{}/{count}", view.story_step() + 1);
    let title = prose(&view.lesson.title);
    let columns = usize::from(area.width);

    // One for each step, and a blank between two chapters.
    let signs_wanted = count + view.lesson.chapters().len().saturating_sub(1);

    // Where a tape was made is told at the lesson's beginning, and then where it costs no signs.
    let wanted = title.width() + place.width() + signs_wanted + 6;
    let origin =
        match view.is_at_beginning() || wanted + state(view, Origin::Told).width() < columns {
            true => Origin::Told,
            false => Origin::LeftOut,
        };
    let right = format!("{} ", state(view, origin));
    let room = columns.saturating_sub(right.width() + 2);

    // What gives way where there is little room: first the words on steps by hand, then signs, then the title.
    let by_hand = match view.steps_by_hand() {
        0 => String::new(),
        steps => format!(", {steps} by hand"),
    };
    let taken = title.width() + place.width() + 4;
    let by_hand =
        if taken + signs_wanted + by_hand.width() <= room { by_hand } else { String::new() };
    let signs = signs(view, room.saturating_sub(taken + by_hand.width()), theme);
    let signs_width: usize = signs.iter().map(|sign| sign.span.width()).sum();
    let gap = if signs.is_empty() { 0 } else { 2 };
    let title = shortened(
        &title,
        room.saturating_sub(signs_width + gap + 2 + place.width() + by_hand.width()),
    );

    let used = 1 + title.width() + gap + signs_width + 2 + place.width() + by_hand.width();
    let fill = columns.saturating_sub(used + right.width());
    let mut spans = vec![Span::raw(format!(" {title}{}", " ".repeat(gap)))];
    let mut x = area.x + (1 + title.width() + gap) as u16;
    for sign in signs {
        let width = sign.span.width() as u16;
        if let Some(step) = sign.step {
            look.hits.note(Rect { x, width, ..area }, PointTarget::Step(step));
        }
        x += width;
        spans.push(sign.span);
    }
    spans.push(Span::raw(format!("  {place}{by_hand}{}{right}", " ".repeat(fill))));
    frame.render_widget(Paragraph::new(Line::from(spans).style(theme.bold())), area);
}

/// The words on where and when a tape was made: there, or left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Told,
    LeftOut,
}

/// The words for what is shown of the lab.
fn state(view: &LessonView, told: Origin) -> String {
    let state = match (&view.lab.awaited, &view.lab.phase) {
        (Some(awaited), _) => safe(&awaited.to_string()),
        (None, Phase::Building) => match view.lab.unpacking.filter(|it| !it.is_complete()) {
            Some(progress) => words::unpacking(progress),
            None => "making a lab ...".to_owned(),
        },
        (None, Phase::Playing { .. }) => "running ...".into(),
        (None, Phase::Failed { .. }) => "FAILED".into(),
        (None, Phase::Ready) => scene_word(view).into(),
    };
    let state = match &view.tape {
        None => state,
        Some(origin) => {
            let state = if view.scene().is_live() { String::new() } else { format!("{state}  ") };
            let origin = match told {
                Origin::Told => format!(" {}", safe(origin)),
                Origin::LeftOut => String::new(),
            };
            format!("{state}TAPE{origin}")
        }
    };
    if view.lab.is_rootless() { format!("{state}  rootless") } else { state }
}

/// The word for what is shown of a lab that is ready.
fn scene_word(view: &LessonView) -> &'static str {
    match view.scene() {
        LessonScene::Branch => "WHAT IF",
        LessonScene::LookingBack => "LOOKING BACK",
        LessonScene::YourTurn if !view.is_live() => "LOOKING BACK",
        LessonScene::YourTurn => "YOUR TURN",
        LessonScene::Busy
        | LessonScene::NextRepair
        | LessonScene::NextStep
        | LessonScene::LastStep
        | LessonScene::Finished => {
            // A question's task.
            if view.learning.turn.is_some() { "YOUR TURN" } else { "LIVE" }
        }
    }
}

/// A part of the line of signs: the sign of a step, or what stands between two.
struct TitleSign {
    step: Option<usize>,
    span: Span<'static>,
}

/// A sign for each step, or for those around the one that is told of. A blank parts two chapters.
fn signs(view: &LessonView, room: usize, theme: Theme) -> Vec<TitleSign> {
    let count = view.lesson.steps.len();
    let gaps = view.lesson.chapters().len().saturating_sub(1);
    // Where not all of them have room, those of a chapter that has.
    let chapter = view.lesson.chapter_of(view.story_step()).map(|(_, chapter)| chapter.steps);
    let chapter = chapter.filter(|steps| count + gaps > room && steps.len() + 2 <= room);
    let room_for_signs = if count + gaps <= room { room - gaps } else { room };
    let shown = chapter.or_else(|| shown_steps(count, view.story_step(), room_for_signs));
    let Some(shown) = shown else { return Vec::new() };
    let between = |text: &'static str| TitleSign { step: None, span: Span::raw(text) };
    let cut = |is_cut: bool| between(if is_cut { "…" } else { "" });

    let mut signs = vec![cut(shown.start > 0)];
    for step in shown.clone() {
        let begins = step > shown.start && !view.lesson.steps[step].chapter.is_empty();
        if begins && count + gaps <= room {
            signs.push(between(" "));
        }
        signs.push(TitleSign { step: Some(step), span: step_sign(view, step, theme) });
    }
    signs.push(cut(shown.end < count));
    signs
}

fn step_sign(view: &LessonView, step: usize, theme: Theme) -> Span<'static> {
    let mark = view.step_mark(step);
    let is_here = step == view.story_step();
    let style = match mark {
        StepMark::Failed => theme.bad(),
        StepMark::ByHand => theme.good(),
        StepMark::Open
        | StepMark::Shown
        | StepMark::Replayed
        | StepMark::LeftOut
        | StepMark::NotPossible => theme.bold(),
    };
    Span::styled(sign(mark, is_here, theme).to_string(), style)
}

/// The steps that have room for a sign each, and for a mark where some are left out; none where too few have.
fn shown_steps(count: usize, here: usize, room: usize) -> Option<Range<usize>> {
    if count <= room {
        return Some(0..count);
    }
    let shown = room.checked_sub(2).filter(|signs| *signs >= MIN_SIGNS)?;
    let first = here.saturating_sub(shown / 2).min(count - shown);
    Some(first..first + shown)
}

/// The sign of a step, wherever steps have one.
pub(super) fn sign(mark: StepMark, is_here: bool, theme: Theme) -> char {
    match (mark, is_here, theme.ascii) {
        (StepMark::Failed, _, true) => '!',
        (StepMark::Failed, _, false) => '✘',
        (_, true, true) => '@',
        (_, true, false) => '◉',
        (StepMark::Open | StepMark::Replayed, _, true) => '.',
        (StepMark::Open | StepMark::Replayed, _, false) => '○',
        (StepMark::ByHand, _, false) => '●',
        (StepMark::Shown, _, false) => '◌',
        (StepMark::LeftOut, _, false) => '⊘',
        (StepMark::NotPossible, _, false) => '–',
        (
            StepMark::ByHand | StepMark::Shown | StepMark::LeftOut | StepMark::NotPossible,
            _,
            true,
        ) => mark.sign(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_that_is_told_of_is_among_those_with_a_sign() {
        for count in 1..40 {
            for here in 0..count {
                for room in 0..50 {
                    let Some(shown) = shown_steps(count, here, room) else {
                        assert!(room < count && room < MIN_SIGNS + 2, "{count} {room}");
                        continue;
                    };
                    assert!(shown.contains(&here), "{count} {here} {room}: {shown:?}");
                    assert!(shown.len() <= room && shown.end <= count, "{count} {room}: {shown:?}");
                }
            }
        }
    }
}
