//! A lesson as a handout in Markdown: commands, outputs, what changed, questions; and all answers at the end.

use std::io::{self, Write};

use super::answered_question::{AnsweredQuestion, OptionMark};
use super::played_lesson::{
    OutputLine, PlayedActions, PlayedLesson, PlayedStep, TypedAction, output_lines,
};
use super::prose::{fenced_code, plain_line, to_markdown};
use super::step_map::{StepMap, step_maps};
use crate::app::panes::{bar_chart, charts};
use crate::lesson::quiz::QuestionKind;
use crate::map::{Glyphs, draw};
use crate::report::StepStatus;
use crate::text::{one_line, prose_lines, safe};
use crate::words;

/// Lines shown of what one op printed.
const MAX_OUTPUT_LINES: usize = 40;
/// The size of a map: that of a page in a font of one width.
const MAP_COLUMNS: usize = 76;
const MAP_ROWS: usize = 14;

pub fn write(played_lesson: &PlayedLesson<'_>, mut out: impl Write) -> io::Result<()> {
    let mut blocks = vec![
        format!("# {}", plain_line(&played_lesson.lesson.title)),
        to_markdown(&played_lesson.lesson.summary),
        after_lesson(&played_lesson.lesson.goal),
        format!(
            "Recorded on {}. What a step changed is marked: `+` new or mounted, `-` gone or unmounted, `~` changed, `>` moved.",
            plain_line(&played_lesson.tape.header.origin())
        ),
    ];

    for (played, map) in played_lesson.steps.iter().zip(step_maps(played_lesson)) {
        let chapter = words::chapter_begin(played_lesson.lesson, played.number - 1);
        blocks.extend(chapter.map(|chapter| format!("**{}**", plain_line(&chapter))));
        step(&mut blocks, played, map.as_ref());
    }
    if !played_lesson.lesson.recap.is_empty() {
        blocks.push("## To keep in mind".to_owned());
        blocks.push(to_markdown(&played_lesson.lesson.recap));
    }

    if played_lesson.steps.iter().any(|played| !played.questions.is_empty()) {
        blocks.push("## Answers".to_owned());
        blocks.extend(played_lesson.steps.iter().flat_map(|played| &played.questions).map(answer));
    }

    writeln!(out, "{}", prose_lines(&blocks.join("\n\n")))?;
    out.flush()
}

/// The goal of a lesson, as a sentence; nothing where it has none.
fn after_lesson(goal: &str) -> String {
    if goal.is_empty() {
        String::new()
    } else {
        format!("After this lesson you can {}", to_markdown(goal))
    }
}

fn step(blocks: &mut Vec<String>, played: &PlayedStep<'_>, map: Option<&StepMap>) {
    let PlayedStep { number, step, actions: played_actions, branches, questions: asked } = played;
    blocks.push(format!("## {number}. {}", plain_line(&step.title)));
    blocks.push(to_markdown(&step.story));
    blocks.extend(asked.iter().filter(|asked| asked.is_prediction()).map(question));

    if let StepStatus::Skipped { why, cure } = &played_actions.record.status {
        let (why, cure) = (
            plain_line(&one_line(&words::blocker(why))),
            plain_line(&one_line(&words::cure(cure))),
        );
        blocks.push(format!("Left out where this was recorded: {why}. To change that: {cure}."));
    }

    if !played_actions.broken.is_empty() {
        blocks.push("First, something is broken:".to_owned());
        blocks.extend(commands(&played_actions.broken));
        blocks.push("Then it is mended:".to_owned());
    }

    done(blocks, played_actions, map);
    blocks.push(to_markdown(&words::came_of_step(Some(played_actions.record), &step.after)));
    let real = words::on_real_machine(Some(played_actions.record), &step.real);
    blocks.push(to_markdown(&real));
    for (branch, played_actions) in branches {
        blocks.push(format!("### {}", plain_line(&branch.title)));
        blocks.push(to_markdown(&branch.story));
        done(blocks, played_actions, None);
        blocks.push(to_markdown(&words::came_of_step(Some(played_actions.record), &branch.after)));
    }

    blocks.extend(asked.iter().filter(|asked| !asked.is_prediction()).map(question));
    blocks.retain(|block| !block.is_empty());
}

fn done(blocks: &mut Vec<String>, played_actions: &PlayedActions<'_>, map: Option<&StepMap>) {
    blocks.extend(commands(&played_actions.typed));
    if let Some(StepMap { lens, after, .. }) = map {
        let picture = draw(after, MAP_COLUMNS, MAP_ROWS, Glyphs::Unicode).text();
        blocks.push(fenced_code("text", picture.trim_end()));
        blocks.push(literal(&words::map_words(*lens, after)));
    }
    for (view, rows) in played_actions.changed_rows() {
        let lines: Vec<String> = rows
            .iter()
            .map(|row| format!("{} {}", row.mark.sign(), row.text).trim_end().to_owned())
            .collect();
        blocks.push(format!("{}, what changed:", view.title()));
        blocks.push(fenced_code("text", &lines.join("\n")));
    }

    let record = played_actions.record;
    let drawings = [charts::chart_rows(&record.charts), bar_chart::all_rows(&record.ops)].concat();
    let drawn: Vec<String> = drawings.into_iter().map(|row| row.text).collect();
    if !drawn.is_empty() {
        blocks.push(fenced_code("text", &drawn.join("\n")));
    }

    let verdicts: Vec<String> = played_actions
        .record
        .verdicts
        .iter()
        .map(|verdict| {
            let word = words::verdict_word(verdict);
            let expected = literal(&words::expected(&verdict.expected));
            match verdict.ok {
                true => format!("- {word}: {expected}"),
                false => {
                    let seen = literal(&words::seen(&verdict.seen));
                    format!("- {word}: {expected}; the kernel shows: {seen}")
                }
            }
        })
        .collect();

    if !verdicts.is_empty() {
        blocks.push("What the kernel says to it:".to_owned());
        blocks.push(verdicts.join("\n"));
    }
}

/// A text that stands for itself: nothing in it that can't be seen, and no markup.
fn literal(text: &str) -> String {
    plain_line(&safe(text))
}

/// A session at the prompts of the actors.
fn commands(all: &[TypedAction<'_>]) -> Option<String> {
    let mut lines = Vec::new();
    for typed in all {
        lines.extend(
            typed.lines.iter().map(|line| format!("{}# {line}", safe(typed.actor.as_str()))),
        );
        lines.extend(typed.ops.iter().flat_map(|op| output_lines(op, MAX_OUTPUT_LINES)).map(
            |said| match said {
                OutputLine::Printed { text, .. } | OutputLine::Error(text) => text,
            },
        ));
    }
    (!lines.is_empty()).then(|| fenced_code("console", &lines.join("\n")))
}

fn question(asked: &AnsweredQuestion<'_>) -> String {
    let kind = &asked.question.kind;
    let mut lines = vec![format!(
        "**Question {}** ({}). {}",
        asked.number,
        kind.instruction(),
        to_markdown(&asked.question.ask)
    )];

    let options: Vec<String> = asked
        .options
        .iter()
        .map(|option| format!("- {}) {}", option.letter, literal(option.say)))
        .collect();
    let goals: Vec<String> =
        asked.goals.iter().map(|goal| format!("- {}", literal(goal))).collect();
    lines.extend([options.join("\n"), goals.join("\n")]);

    if matches!(kind, QuestionKind::Value(_)) {
        lines.push("Answer: \\_\\_\\_\\_\\_\\_\\_\\_".to_owned());
    }

    lines.retain(|line| !line.is_empty());
    lines.join("\n\n")
}

fn answer(asked: &AnsweredQuestion<'_>) -> String {
    let letters = asked.right_letters();
    let right = if letters.is_empty() {
        literal(&asked.right)
    } else {
        format!("{letters}) {}", literal(&asked.right))
    };

    let mut lines = vec![format!("**Question {}**: {right}", asked.number)];
    let wrong = asked
        .options
        .iter()
        .filter(|option| option.mark == OptionMark::Wrong && !option.why.is_empty());
    lines.push(
        wrong
            .map(|option| format!("- not {}: {}", option.letter, to_markdown(option.why)))
            .collect::<Vec<_>>()
            .join("\n"),
    );

    lines.push(to_markdown(&asked.question.explain));
    lines.retain(|line| !line.is_empty());
    lines.join("\n\n")
}
