//! Code in a narrow column, a step's commands first of all: long lines go on below, with a mark, and nothing of them is lost.

use ratatui::text::{Line, Span};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::DrawOptions;
use super::theme::Theme;
use crate::action::LabFacts;
use crate::app::LessonView;
use crate::lesson::model::ActionEntry;
use crate::op::ActorName;
use crate::text::{safe, shortened};

/// Columns that the rest of a line stands in from.
const INDENT: usize = 4;

/// One line of code as lines of at most so many columns, broken at a blank where there is one.
pub fn wrapped_code(spans: Vec<Span<'static>>, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    let mut rest = spans;
    let mut lines = Vec::new();
    let mark = if theme.ascii { " \\" } else { " ↵" };
    let columns = columns.max(2 * INDENT);
    let mut indent = 0;
    while rest.iter().map(Span::width).sum::<usize>() + indent > columns {
        let (line, more) = split(rest, columns - indent - mark.width());
        let mut line = indented(line, indent);
        line.push(Span::styled(mark, theme.dim()));
        lines.push(Line::from(line));
        (rest, indent) = (more, INDENT);
    }
    lines.push(Line::from(indented(rest, indent)));
    lines
}

fn indented(spans: Vec<Span<'static>>, indent: usize) -> Vec<Span<'static>> {
    let blanks = (indent > 0).then(|| Span::raw(" ".repeat(indent)));
    blanks.into_iter().chain(spans).collect()
}

/// Part spans behind the last blank that fits, or else where there is no more room.
fn split(spans: Vec<Span<'static>>, columns: usize) -> (Vec<Span<'static>>, Vec<Span<'static>>) {
    let text: String = spans.iter().map(|span| span.content.as_ref()).collect();
    let (mut width, mut fits, mut blank) = (0, 0, None);
    for (at, letter) in text.char_indices() {
        width += letter.width().unwrap_or(0);
        if width > columns {
            break;
        }
        fits = at + letter.len_utf8();
        if letter == ' ' {
            blank = Some(fits);
        }
    }
    // A blank in the first half would leave most of the line empty. One letter at least, however wide.
    let first = text.chars().next().map_or(0, char::len_utf8);
    let cut = blank.filter(|at| *at > fits / 2).unwrap_or(fits).max(first);

    let (mut before, mut behind, mut at) = (Vec::new(), Vec::new(), 0);
    for span in spans {
        let here = cut.saturating_sub(at).min(span.content.len());
        at += span.content.len();
        let (one, other) = span.content.split_at(here);
        let part = |text: &str| Span::styled(text.to_owned(), span.style);
        before.extend((!one.is_empty()).then(|| part(one)));
        behind.extend((!other.is_empty()).then(|| part(other)));
    }
    // The mark has a blank of its own.
    if let Some(last) = before.last_mut()
        && last.content.len() > 1
    {
        last.content = last.content.trim_end_matches(' ').to_owned().into();
    }
    (before, behind)
}

/// The commands of the step or the what-if, as lines for a shell: who, and what.
pub fn commands(view: &LessonView, columns: usize, look: &DrawOptions) -> Vec<Line<'static>> {
    let facts = view.lab_facts();
    let entries = view.shown_actions().iter();
    entries.flat_map(|entry| action_lines(entry, &facts, columns, look)).collect()
}

/// The commands of one action; and where they stand for a process of the program's own, that they do.
pub fn action_lines(
    entry: &ActionEntry,
    facts: &LabFacts,
    columns: usize,
    look: &DrawOptions,
) -> Vec<Line<'static>> {
    let commands = entry.action.shell(facts);
    let mut lines: Vec<Line<'static>> =
        commands.iter().flat_map(|text| command_lines(&entry.actor, text, columns, look)).collect();
    if let Some(name) = entry.action.own_process().filter(|_| !lines.is_empty()) {
        let text = format!("  stands for a process of unboxed's own: `unboxed: {}`", safe(name));
        lines.push(Line::styled(shortened(&text, columns), look.theme.dim()));
    }
    lines
}

/// One command, wrapped with a mark where it is long: nothing of it is cut.
pub fn command_lines(
    actor: &ActorName,
    text: &str,
    columns: usize,
    look: &DrawOptions,
) -> Vec<Line<'static>> {
    let prompt = format!("{}# ", safe(actor.as_str()));
    let mut spans = vec![Span::styled(prompt, look.theme.dim())];
    spans.extend(code_spans(text, look));
    wrapped_code(spans, columns, look.theme)
}

pub fn code(text: &str, columns: usize, look: &DrawOptions) -> Vec<Line<'static>> {
    let lines = text.lines();
    lines.flat_map(|line| wrapped_code(code_spans(line, look), columns, look.theme)).collect()
}

/// Highlighted where it already is.
fn code_spans(line: &str, look: &DrawOptions) -> Vec<Span<'static>> {
    match look.highlighted.get(line) {
        Some(pieces) => pieces
            .iter()
            .map(|(token, text)| Span::styled(safe(text), look.theme.token_style(*token)))
            .collect(),
        None => vec![Span::raw(safe(line))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_code_goes_on_below_and_loses_nothing() {
        let theme = Theme::without_colors().in_ascii();
        let check = |text: &str, columns: usize, expected: &[&str]| {
            let spans = text.split_inclusive('=').map(|part| Span::raw(part.to_owned()));
            let lines = wrapped_code(spans.collect(), columns, theme);
            let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
            assert_eq!(lines, expected, "{text}");
            assert!(lines.iter().all(|line| line.width() <= columns), "{lines:?}");
        };
        check("", 20, &[""]);
        check("mount -t proc none /p", 21, &["mount -t proc none /p"]);
        check("mount -t proc none /proc", 20, &["mount -t proc \\", "    none /proc"]);
        check("key=aaaaaaaaaaaaaaaaaaaa", 16, &["key=aaaaaaaaaa \\", "    aaaaaaaaaa"]);
        check("あいうえおかきくけこ", 12, &["あいうえお \\", "    かきく \\", "    けこ"]);
    }
}
