//! Story text: a small part of Markdown, wrapped to columns. Parsed by pulldown-cmark.

use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::theme::Theme;
use crate::text::{prose, safe};

/// Paragraphs, emphasis, code, lists and code blocks; everything else as plain text.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "Markdown has more than a lesson's prose may hold"
)]
pub fn lines(text: &str, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    let mut page = Page {
        lines: Vec::new(),
        words: Vec::new(),
        columns: columns.max(8),
        indent: 0,
        bullet: false,
    };
    let mut style = Style::new();
    let mut in_block = false;

    for event in Parser::new(text) {
        match event {
            Event::Start(Tag::Emphasis) => style = style.add_modifier(Modifier::ITALIC),
            Event::Start(Tag::Strong) => style = style.add_modifier(Modifier::BOLD),
            Event::Start(Tag::Heading { .. }) => style = style.add_modifier(Modifier::BOLD),
            Event::End(TagEnd::Emphasis | TagEnd::Strong) => style = Style::new(),
            Event::Start(Tag::Item) => {
                page.indent = 2;
                page.bullet = true;
            }
            Event::Start(Tag::CodeBlock(_)) => in_block = true,
            Event::End(TagEnd::CodeBlock) => {
                in_block = false;
                page.gap();
            }
            Event::End(TagEnd::Paragraph | TagEnd::Heading(_)) => {
                style = Style::new();
                page.flush();
                page.gap();
            }
            Event::End(TagEnd::Item) => {
                page.flush();
                page.indent = 0;
            }
            Event::End(TagEnd::List(_)) => page.gap(),
            Event::Text(text) if in_block => {
                for line in text.lines() {
                    page.lines
                        .push(Line::from(Span::styled(format!("  {}", safe(line)), theme.code())));
                }
            }
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => {
                page.push(&text, style)
            }
            Event::Code(code) => page.push_whole(&code, theme.code()),
            Event::SoftBreak => page.push(" ", style),
            Event::HardBreak => page.flush(),
            _ => {}
        }
    }

    page.flush();
    while page.lines.last().is_some_and(|line| line.width() == 0) {
        page.lines.pop();
    }
    page.lines
}

/// Words gathered until they fill a line. A blank separates two words unless the text had none.
struct Page {
    lines: Vec<Line<'static>>,
    words: Vec<(String, Style)>,
    columns: usize,
    indent: usize,
    bullet: bool,
}

impl Page {
    fn push(&mut self, text: &str, style: Style) {
        let mut rest = text;
        while let Some(at) = rest.find(char::is_whitespace) {
            self.glue(&rest[..at], style);
            self.words.push((String::new(), style));
            rest = rest[at..].trim_start();
        }
        self.glue(rest, style);
    }

    /// Inline code breaks at its blanks too, but keeps them.
    fn push_whole(&mut self, text: &str, style: Style) {
        self.push(&safe(text), style);
    }

    /// Parts of one word may differ in style: an empty word is the blank between two.
    fn glue(&mut self, part: &str, style: Style) {
        if !part.is_empty() {
            self.words.push((prose(part), style));
        }
    }

    fn flush(&mut self) {
        let mut spans: Vec<Span<'static>> = Vec::new();
        let mut used = self.begin(&mut spans);
        let mut blank = false;
        let mut group: Vec<(String, Style)> = Vec::new();
        let mut words = std::mem::take(&mut self.words);
        // An empty word stands for a blank: this one ends the last group.
        words.push((String::new(), Style::new()));

        for (word, style) in words {
            if !word.is_empty() {
                group.push((word, style));
                continue;
            }

            let width: usize = group.iter().map(|(part, _)| part.width()).sum();
            if width > 0 {
                if used + width + usize::from(blank) > self.columns && used > self.indent {
                    self.lines.push(Line::from(std::mem::take(&mut spans)));
                    used = self.begin(&mut spans);
                    blank = false;
                }
                if blank {
                    spans.push(Span::raw(" "));
                    used += 1;
                }
                used += width;
                spans.extend(group.drain(..).map(|(part, style)| Span::styled(part, style)));
                blank = true;
            }
        }

        if spans.iter().any(|span| !span.content.trim().is_empty()) {
            self.lines.push(Line::from(spans));
        }
    }

    fn begin(&mut self, spans: &mut Vec<Span<'static>>) -> usize {
        if self.indent == 0 {
            return 0;
        }
        spans.push(Span::raw(if std::mem::take(&mut self.bullet) { "- " } else { "  " }));
        self.indent
    }

    fn gap(&mut self) {
        self.lines.push(Line::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str, columns: usize) -> Vec<String> {
        let theme = Theme::without_colors().in_ascii();
        lines(text, columns, theme).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn text_is_wrapped_to_columns() {
        let check = |text: &str, columns: usize, expected: &[&str]| {
            assert_eq!(plain(text, columns), expected, "{text}")
        };
        check("one two three", 8, &["one two", "three"]);
        check("`mount -t proc`, then", 20, &["mount -t proc, then"]);
        check("a **b** *c*.", 20, &["a b c."]);
        check("one\n\ntwo", 20, &["one", "", "two"]);
        check("- first item\n- second", 10, &["- first", "  item", "- second"]);
        check("    code  here", 20, &["  code  here"]);
        check("あいう えお", 8, &["あいう", "えお"]);
        check("averyverylongword x", 8, &["averyverylongword", "x"]);
        check("", 8, &[]);
    }

    #[test]
    fn control_characters_are_shown_escaped() {
        assert_eq!(plain("a\u{1b}[2Jb", 40), ["a\\x1b[2Jb"]);
    }

    #[test]
    fn code_shows_what_words_need_not() {
        assert_eq!(plain("👩\u{200d}💻 \u{202e}a", 40), ["👩\u{200d}💻 \\u{202e}a"]);
        assert_eq!(plain("`👩\u{200d}💻\u{a0}a`", 40), ["👩\\u{200d}💻\\u{a0}a"]);
        assert_eq!(plain("&#x202e;a", 40), ["\\u{202e}a"]);
    }
}
