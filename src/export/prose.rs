//! The lessons' Markdown as HTML, and as Markdown that fits into a handout. What an author writes is text, never
//! markup: HTML in it is shown, images are their words, links lead to web pages only.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "Markdown has more than a lesson's prose may hold"
)]

use maud::{Markup, PreEscaped};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

use crate::text::{self, safe};

/// Paragraphs, lists, code, emphasis. Headings become bold paragraphs: the page has its own.
pub fn to_html(text: &str) -> Markup {
    rendered(text, Frame::Blocks)
}

/// One line of text, without a paragraph around it.
pub fn to_inline_html(text: &str) -> Markup {
    rendered(text, Frame::Inline)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    Blocks,
    Inline,
}

fn rendered(text: &str, frame: Frame) -> Markup {
    // For each link that is open: true if it leads somewhere.
    let mut links: Vec<bool> = Vec::new();
    let mut in_block = false;

    let events = Parser::new_ext(text, Options::empty()).flat_map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => vec![Event::Text(prose_text(&text).into())],
        Event::Start(Tag::CodeBlock(kind)) => {
            in_block = true;
            vec![Event::Start(Tag::CodeBlock(kind))]
        }
        Event::End(TagEnd::CodeBlock) => {
            in_block = false;
            vec![Event::End(TagEnd::CodeBlock)]
        }
        Event::Code(text) => vec![Event::Code(safe(&text).into())],
        Event::Text(text) if in_block => vec![Event::Text(code_text(&text).into())],
        Event::Text(text) => vec![Event::Text(prose_text(&text).into())],
        Event::Start(Tag::HtmlBlock) => vec![Event::Start(Tag::Paragraph)],
        Event::End(TagEnd::HtmlBlock) => vec![Event::End(TagEnd::Paragraph)],
        Event::Start(Tag::Heading { .. }) => {
            vec![Event::Start(Tag::Paragraph), Event::Start(Tag::Strong)]
        }
        Event::End(TagEnd::Heading(_)) => {
            vec![Event::End(TagEnd::Strong), Event::End(TagEnd::Paragraph)]
        }
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => Vec::new(),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            links.push(is_web_page(&dest_url));
            if is_web_page(&dest_url) {
                vec![Event::Start(Tag::Link { link_type, dest_url, title, id })]
            } else {
                Vec::new()
            }
        }
        Event::End(TagEnd::Link) => {
            if links.pop() == Some(true) {
                vec![Event::End(TagEnd::Link)]
            } else {
                Vec::new()
            }
        }
        other => vec![other],
    });

    let is_shown = |event: &Event<'_>| {
        frame == Frame::Blocks
            || !matches!(event, Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph))
    };

    let mut page = String::new();
    html::push_html(&mut page, events.filter(is_shown));
    PreEscaped(page.trim_end().to_owned())
}

fn is_web_page(link: &str) -> bool {
    link.starts_with("https://") || link.starts_with("http://")
}

fn code_text(text: &str) -> String {
    text.split('\n').map(safe).collect::<Vec<_>>().join("\n")
}

/// A reference to a character (`&#x202e;`) has become that character by now.
fn prose_text(text: &str) -> String {
    text.split('\n').map(text::prose).collect::<Vec<_>>().join("\n")
}

/// Markdown as it was written, but that HTML in it is shown as text, and what can't be seen as an escape.
pub fn to_markdown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    let mut in_block = false;

    for (event, range) in Parser::new_ext(text, Options::empty()).into_offset_iter() {
        let written = &text[range.clone()];
        let instead = match event {
            Event::Start(Tag::CodeBlock(_)) => {
                in_block = true;
                continue;
            }
            Event::End(TagEnd::CodeBlock) => {
                in_block = false;
                continue;
            }
            Event::Html(_) | Event::InlineHtml(_) => written.replace('<', "\\<"),
            Event::Code(_) => code_text(written),
            Event::Text(_) if in_block => code_text(written),
            Event::Text(words) if prose_text(&words) != *words => plain_line(&prose_text(&words)),
            _ => continue,
        };

        if range.start >= from {
            shown.push_str(&text[from..range.start]);
            shown.push_str(&instead);
            from = range.end;
        }
    }

    shown.push_str(&text[from..]);
    shown.trim_end().to_owned()
}

/// Any text as Markdown that shows just this text, on one line.
pub fn plain_line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());

    for letter in text.chars() {
        if "\\`*_[]<>#|&~!".contains(letter) {
            shown.push('\\');
        }
        shown.push(if letter == '\n' { ' ' } else { letter });
    }
    shown
}

/// A block of code that no line of it can end.
pub fn fenced_code(language: &str, code: &str) -> String {
    let longest = code.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}", code.trim_end_matches('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_html_and_html_becomes_text() {
        let check = |text: &str, expected: &str| {
            assert_eq!(to_html(text).into_string(), expected, "{text}")
        };
        check("a **b** `c<d`", "<p>a <strong>b</strong> <code>c&lt;d</code></p>");
        check("# Title", "<p><strong>Title</strong></p>");
        check("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>");
        check("a <img src=x onerror=y> b", "<p>a &lt;img src=x onerror=y&gt; b</p>");
        check("![words](https://x/y.png)", "<p>words</p>");
        check("[a](https://x/)", "<p><a href=\"https://x/\">a</a></p>");
        check("[a](javascript:alert(1)) [b](data:x)", "<p>a b</p>");
        check("&#x202e;a `\u{200d}`", "<p>\\u{202e}a <code>\\u{200d}</code></p>");
        assert_eq!(to_inline_html("a *b*").into_string(), "a <em>b</em>");
    }

    #[test]
    fn a_handout_shows_html_as_text() {
        let check = |text: &str, expected: &str| assert_eq!(to_markdown(text), expected);
        check("a <b>c</b> `<d>`\n\n    <e>\n", "a \\<b>c\\</b> `<d>`\n\n    <e>");
        check("&#x202e;a `b\u{a0}c` あ\u{3000}い", "\\\\u{202e}a `b\\u{a0}c` あ\u{3000}い");
        check("<div>\nx\n</div>\n\n*y*\n", "\\<div>\nx\n\\</div>\n\n*y*");
        assert_eq!(plain_line("a_b <c>\n`d`"), "a\\_b \\<c\\> \\`d\\`");
        assert_eq!(fenced_code("sh", "a\n```\nb\n"), "````sh\na\n```\nb\n````");
    }
}
