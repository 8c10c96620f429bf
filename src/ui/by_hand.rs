//! The learner's own doing in a step, line by line, and what had changed after each.

use ratatui::text::{Line, Span};

use super::code_lines::wrapped_code;
use super::theme::Theme;
use crate::app::HandLine;
use crate::remark::Remark;
use crate::text::{safe, shortened};
use crate::words;

/// Calls shown of one line, and changes.
const MAX_CALLS: usize = 6;
const MAX_CHANGES: usize = 4;

/// The lines under their heading; none where nothing was seen.
pub fn lines(done: &[HandLine], columns: usize, theme: Theme) -> Vec<Line<'static>> {
    if done.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![Line::styled("What you did, and what had changed then", theme.bold())];
    for line in done {
        match &line.typed {
            Some(typed) => {
                let prompt = Span::styled(format!("{} ", safe(&typed.prompt)), theme.dim());
                let command = Span::styled(safe(&typed.command), theme.code());
                lines.extend(wrapped_code(vec![prompt, command], columns, theme));
            }
            None => {
                let said = match line.shell {
                    Some(_) => "in a shell whose prompt is not the lab's",
                    None => "before the first line",
                };
                lines.push(Line::styled(said, theme.dim()));
            }
        }
        lines.extend(line.calls.iter().take(MAX_CALLS).map(|own| {
            let failed = own.call.result.errno().is_some();
            let text = shortened(&safe(&own.call.to_string()), columns.saturating_sub(4));
            let style = if failed { theme.bad() } else { theme.dim() };
            Line::styled(format!("    {text}"), style)
        }));
        let more = line.calls.len().saturating_sub(MAX_CALLS);
        if more > 0 {
            let said = words::remark(&Remark::MoreCalls { count: more as u64 });
            lines.push(Line::styled(format!("    {said}"), theme.dim()));
        }
        lines.extend(line.changes.iter().take(MAX_CHANGES).map(|change| {
            let sign = format!("  {} ", change.mark.sign());
            let text = format!("{}: {}", change.view.title(), safe(&change.text));
            let text = shortened(&text, columns.saturating_sub(sign.len()));
            Line::styled(format!("{sign}{text}"), theme.change_style(change.mark))
        }));
        let more = line.changes.len().saturating_sub(MAX_CHANGES);
        if more > 0 {
            lines.push(Line::styled(format!("    and {more} more"), theme.dim()));
        }
    }
    lines
}
