//! Findings and verdicts as text for a terminal of 80 columns.

use crate::diagnosis::{MachineFinding, Playable, State};
use crate::words;
use crate::words::diagnosis::{detail, subject};

const WIDTH: usize = 80;

/// The page of findings and verdicts; `lessons` are (id, title, verdict).
pub fn findings_page(
    findings: &[MachineFinding],
    lessons: &[(String, String, Playable)],
) -> String {
    let findings: Vec<FindingText<'_>> = findings.iter().map(FindingText::of).collect();
    let lessons: Vec<VerdictText<'_>> = lessons.iter().map(VerdictText::of).collect();
    page(&findings, &lessons)
}

struct FindingText<'a> {
    what: &'a str,
    state: State,
    detail: String,
    cure: Option<String>,
}

impl FindingText<'_> {
    fn of(finding: &MachineFinding) -> FindingText<'_> {
        FindingText {
            what: subject(finding.what),
            state: finding.state,
            detail: detail(finding.what, &finding.detail),
            cure: finding.cure.as_ref().map(words::cure),
        }
    }
}

struct VerdictText<'a> {
    id: &'a str,
    title: &'a str,
    /// The reason why it does not play, and the cure.
    blocked: Option<[String; 2]>,
}

impl VerdictText<'_> {
    fn of((id, title, playable): &(String, String, Playable)) -> VerdictText<'_> {
        let blocked = match playable {
            Playable::Live => None,
            Playable::No { why, cure } => Some([words::blocker(why), words::cure(cure)]),
        };
        VerdictText { id, title, blocked }
    }
}

fn page(findings: &[FindingText<'_>], lessons: &[VerdictText<'_>]) -> String {
    let mut page = Page { text: String::from("This machine\n"), cured: Vec::new() };
    let widest = findings.iter().map(|finding| finding.what.len()).max().unwrap_or(0);

    for finding in findings {
        let word = match finding.state {
            State::Good => "ok",
            State::Warn => "note",
            State::Bad => "missing",
        };
        page.paragraph(&format!("  {word:<8} {:<widest$}  ", finding.what), &finding.detail);
        if let Some(cure) = &finding.cure {
            page.cure(cure, finding.what);
        }
    }

    if lessons.is_empty() {
        return page.text;
    }

    page.text.push_str("\nLessons\n");
    let widest = lessons.iter().map(|lesson| lesson.id.len()).max().unwrap_or(0);
    for VerdictText { id, title, blocked } in lessons {
        let word = if blocked.is_none() { "live" } else { "no" };
        page.paragraph(&format!("  {word:<8} {id:<widest$}  "), title);
        if let Some([why, cure]) = blocked {
            page.paragraph(INDENT, why);
            page.cure(cure, id);
        }
    }

    page.text
}

const INDENT: &str = "           ";

struct Page {
    text: String,
    /// Cures said so far, and for what.
    cured: Vec<(String, String)>,
}

impl Page {
    fn cure(&mut self, cure: &str, what: &str) {
        if let Some((_, first)) = self.cured.iter().find(|(said, _)| said == cure) {
            let text = format!("as for {first}, above");
            return self.paragraph(&format!("{INDENT}cure: "), &text);
        }

        self.cured.push((cure.to_owned(), what.to_owned()));
        for (index, line) in cure.lines().enumerate() {
            if line.starts_with("$ ") {
                // Never broken: it is there to be copied.
                self.text.push_str(&format!("{INDENT}  {line}\n"));
            } else if index == 0 {
                self.paragraph(&format!("{INDENT}cure: "), line);
            } else {
                self.paragraph(INDENT, line);
            }
        }
    }

    /// `head`, then the text with every further line under its first.
    fn paragraph(&mut self, head: &str, text: &str) {
        let out = &mut self.text;
        let start = head.chars().count();
        let mut column = start;
        out.push_str(head);

        for (index, word) in text.split_whitespace().enumerate() {
            let length = word.chars().count();
            if index > 0 {
                if column + 1 + length > WIDTH {
                    out.push('\n');
                    out.push_str(&" ".repeat(start));
                    column = start;
                } else {
                    out.push(' ');
                    column += 1;
                }
            }
            out.push_str(word);
            column += length;
        }

        while out.ends_with(' ') {
            out.pop();
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_aligned_wrapped_and_carries_its_meaning_in_words() {
        let finding = |what, state, detail: &str, cure: Option<&str>| FindingText {
            what,
            state,
            detail: detail.into(),
            cure: cure.map(str::to_owned),
        };
        let lesson = |id, title, blocked: Option<[&str; 2]>| VerdictText {
            id,
            title,
            blocked: blocked.map(|texts| texts.map(str::to_owned)),
        };
        let no = Some(["it needs root", "start as root\n$ sudo unboxed"]);
        let text = page(
            &[
                finding("kernel", State::Good, "Linux 6.1", None),
                finding(
                    "overlay",
                    State::Warn,
                    &"word ".repeat(20),
                    Some("load it\n$ sudo modprobe overlay"),
                ),
                finding("mounts", State::Bad, "", Some("try this\nor that")),
            ],
            &[
                lesson("one", "The first", None),
                lesson("another", "The second", no),
                lesson("last", "The third", no),
            ],
        );
        let expected = "\
This machine
  ok       kernel   Linux 6.1
  note     overlay  word word word word word word word word word word word word
                    word word word word word word word word
           cure: load it
             $ sudo modprobe overlay
  missing  mounts
           cure: try this
           or that

Lessons
  live     one      The first
  no       another  The second
           it needs root
           cure: start as root
             $ sudo unboxed
  no       last     The third
           it needs root
           cure: as for another, above
";
        assert_eq!(text, expected);
    }
}
