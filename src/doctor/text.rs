//! Findings and verdicts as text for a terminal of 80 columns.

use unicode_width::UnicodeWidthStr;

use crate::diagnosis::{Blocker, Cure, MachineFinding, Playable, State};
use crate::text::{prose, prose_lines, wrapped};
use crate::words;
use crate::words::diagnosis::{detail, subject};

const WIDTH: usize = 80;

/// A step that a lesson leaves out on this machine, while the lesson plays.
#[derive(Debug)]
pub struct LeftOutStep {
    pub lesson: String,
    pub title: String,
    pub why: Blocker,
    pub cure: Cure,
}

/// The page of findings, verdicts and steps that are left out; `lessons` are (id, title, verdict).
pub fn findings_page(
    findings: &[MachineFinding],
    lessons: &[(String, String, Playable)],
    steps: &[LeftOutStep],
) -> String {
    let steps: Vec<VerdictText<'_>> = steps
        .iter()
        .map(|LeftOutStep { lesson, title, why, cure }| VerdictText {
            id: lesson,
            title,
            blocked: Some([words::blocker(why), words::cure(whole_cure(cure, findings))]),
        })
        .collect();
    let findings: Vec<FindingText<'_>> = findings.iter().map(FindingText::of).collect();
    let lessons: Vec<VerdictText<'_>> = lessons.iter().map(VerdictText::of).collect();
    page(&findings, &lessons, &steps)
}

/// The cure of a finding that brings all the packages of this one, or this one.
fn whole_cure<'a>(cure: &'a Cure, findings: &'a [MachineFinding]) -> &'a Cure {
    let Cure::InstallPackages { debian_names: wanted, .. } = cure else { return cure };
    let brings_all = |other: &&Cure| {
        matches!(other, Cure::InstallPackages { debian_names, .. }
            if wanted.iter().all(|name| debian_names.contains(name)))
    };
    findings.iter().filter_map(|one| one.cure.as_ref()).find(brings_all).unwrap_or(cure)
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

fn page(
    findings: &[FindingText<'_>],
    lessons: &[VerdictText<'_>],
    steps: &[VerdictText<'_>],
) -> String {
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
    let word = |lesson: &VerdictText<'_>| if lesson.blocked.is_none() { "live" } else { "no" };
    page.verdicts(lessons, word);
    if !steps.is_empty() {
        page.text.push_str("\nSteps of these lessons that are not possible here\n");
        page.verdicts(steps, |_| "left out");
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
    fn verdicts(
        &mut self,
        verdicts: &[VerdictText<'_>],
        word: impl Fn(&VerdictText<'_>) -> &'static str,
    ) {
        let widest = verdicts.iter().map(|one| one.id.width()).max().unwrap_or(0);
        for one in verdicts {
            self.paragraph(&format!("  {:<8} {:<widest$}  ", word(one), one.id), &prose(one.title));
            if let Some([why, cure]) = &one.blocked {
                self.paragraph(INDENT, &prose(why));
                self.cure(&prose_lines(cure), one.id);
            }
        }
    }

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
        let start = head.width();
        out.push_str(head);
        for (index, line) in wrapped(text, WIDTH - start).iter().enumerate() {
            if index > 0 {
                out.push('\n');
                out.push_str(&" ".repeat(start));
            }
            out.push_str(line);
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
            &[lesson("one", "漢字 \u{1b}[2J", no)],
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

Steps of these lessons that are not possible here
  left out one  漢字 \\x1b[2J
           it needs root
           cure: as for another, above
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_page_is_eighty_columns_wide_whatever_is_in_a_title() {
        let titles = ["漢".repeat(70), "a".repeat(200), "\u{1b}[2J\u{7}".repeat(20)];
        let lessons: Vec<VerdictText<'_>> = titles
            .iter()
            .map(|title| VerdictText { id: "some-lesson", title, blocked: None })
            .collect();
        let text = page(&[], &lessons, &lessons);

        assert!(text.lines().all(|line| line.width() <= WIDTH), "{text}");
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
        assert_eq!(text.matches('漢').count(), 140, "all of it is there");
    }

    #[test]
    fn packages_of_a_step_are_told_with_all_that_are_missing() {
        use crate::diagnosis::{Detail, FindingTopic, PackageManager};
        let install = |names: &[&str]| Cure::InstallPackages {
            manager: PackageManager::Apt,
            debian_names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let finding = MachineFinding {
            what: FindingTopic::Programs,
            state: State::Warn,
            detail: Detail::LacksPrograms(Vec::new()),
            cure: Some(install(&["iproute2", "procps"])),
        };
        let left_out = |cure: Cure| LeftOutStep {
            lesson: "one".into(),
            title: "A step".into(),
            why: Blocker::NoDisk,
            cure,
        };
        let live = ("one".to_owned(), "One".to_owned(), Playable::Live);
        let steps =
            [left_out(install(&["procps"])), left_out(Cure::MountDisk), left_out(Cure::MountDisk)];
        let text = findings_page(&[finding], &[live], &steps);

        assert_eq!(text.matches("$ sudo apt-get install").count(), 1, "{text}");
        assert_eq!(text.matches("cure: as for programs, above").count(), 1, "{text}");
        assert_eq!(text.matches("cure: mount an ext4").count(), 1, "{text}");
    }
}
