//! A card: what something is, which step made it, how to see it oneself, and where to read on. As lines of text.

use super::see::SeeLine;
use super::{Entry, Reading, WordKind};
use crate::diff::ChangeKind;
use crate::op::ActorName;
use crate::text::{hard_wrapped, wrapped};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    pub title: String,
    /// Sentences on this very thing.
    pub sentences: Vec<String>,
    pub origin: Option<Origin>,
    pub see: See,
    /// The words that tell more: the kind of thing first, then flags, the errno …
    pub entries: Vec<&'static Entry>,
}

/// The way to see something oneself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum See {
    Line(SeeLine),
    /// The reason why there is none.
    No(&'static str),
}

/// The step that made something, or changed it last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    BeforeTheFirstStep,
    Step { number: usize, title: String, how: OriginKind },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OriginKind {
    Mark(ChangeKind),
    /// The call itself is the step's.
    Made,
    /// It came with a new mount namespace, as a copy of this actor's.
    CopiedFrom(ActorName),
}

/// The way that a line of a card looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardLineKind {
    Plain,
    Heading,
    /// A line to type.
    Code,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardLine {
    pub kind: CardLineKind,
    pub text: String,
}

impl Card {
    /// The card of a word of the glossary.
    pub fn of_word(entry: &'static Entry) -> Card {
        let see = match super::see::call(entry.word) {
            Some(line) => See::Line(line),
            None => See::No(""),
        };
        Card {
            title: format!("{}, {}", entry.word, entry.kind.name()),
            sentences: Vec::new(),
            origin: None,
            see,
            // `mount` is a call, and a word of the field.
            entries: find_all_from(entry),
        }
    }

    /// The manual page or text to read first.
    pub fn reading(&self) -> Option<Reading> {
        self.entries.first().map(|entry| entry.reading())
    }

    /// All lines, in so many columns; those to type are broken where they must be.
    pub fn screen_lines(&self, columns: usize) -> Vec<CardLine> {
        let broken = |line: CardLine| match line.kind {
            CardLineKind::Code => {
                let rows = hard_wrapped(line.text.trim_start(), columns.saturating_sub(2));
                rows.into_iter()
                    .map(|row| CardLine { kind: CardLineKind::Code, text: format!("  {row}") })
                    .collect()
            }
            CardLineKind::Plain | CardLineKind::Heading => vec![line],
        };
        self.lines(columns).into_iter().flat_map(broken).collect()
    }

    /// The entries behind the first one.
    fn push_details(&self, page: &mut Page) {
        for entry in self.entries.iter().skip(1) {
            page.gap();
            let heading = if self.sentences.is_empty() {
                format!("{}, {}", entry.word, entry.kind.name())
            } else {
                entry.word.to_owned()
            };
            page.push(CardLineKind::Heading, &heading, "");
            page.push_entry(entry);
        }
    }

    fn see_heading(&self) -> &'static str {
        // Of a call that was made another one is made; of a word, one.
        match self.entries.first().map(|entry| entry.kind) {
            Some(WordKind::Call) | None => {
                "See such a call, in a shell beside host (it changes nothing)"
            }
            _ if self.sentences.is_empty() => {
                "See such a call, in a shell beside host (it changes nothing)"
            }
            Some(WordKind::Term | WordKind::Flag | WordKind::Errno | WordKind::GroupFile) => {
                "See it yourself, in a shell beside host"
            }
        }
    }

    /// All lines, in so many columns; one to type is whole.
    pub fn lines(&self, columns: usize) -> Vec<CardLine> {
        let mut page = Page { lines: Vec::new(), columns: columns.max(10) };
        let is_of_word = self.sentences.is_empty();

        for sentence in &self.sentences {
            page.push(CardLineKind::Plain, sentence, "");
        }
        if let Some(origin) = &self.origin {
            page.push(CardLineKind::Plain, &origin.to_string(), "");
        }
        if let Some(entry) = self.entries.first() {
            if !is_of_word {
                page.gap();
                page.push(CardLineKind::Heading, entry.word, "");
            }
            page.push_entry(entry);
        }

        // Of a call its flags are asked about; of all else, how to look at it.
        let is_of_call = self.entries.first().is_some_and(|entry| entry.kind == WordKind::Call);
        if is_of_call {
            self.push_details(&mut page);
        }
        page.gap();
        match &self.see {
            See::Line(see) => {
                page.push(CardLineKind::Heading, self.see_heading(), "");
                let text = format!("  {}", see.line);
                page.lines.push(CardLine { kind: CardLineKind::Code, text });
            }
            See::No(why) if !why.is_empty() => page.push(CardLineKind::Plain, why, ""),
            See::No(_) => {}
        }
        page.gap();
        page.push_readings(&self.entries);
        if !is_of_call {
            self.push_details(&mut page);
        }

        if let Some(entry) = self.entries.first().filter(|_| is_of_word)
            && !entry.see.is_empty()
        {
            page.gap();
            page.push(CardLineKind::Plain, &format!("See also: {}", entry.see.join(", ")), "");
        }
        page.lines
    }
}

/// An entry, and the others of the same word.
fn find_all_from(entry: &'static Entry) -> Vec<&'static Entry> {
    let others = super::all().filter(|other| other.word == entry.word && other.kind != entry.kind);
    std::iter::once(entry).chain(others).collect()
}

/// Lines that are being gathered.
struct Page {
    lines: Vec<CardLine>,
    columns: usize,
}

impl Page {
    fn push(&mut self, kind: CardLineKind, text: &str, indent: &str) {
        let columns = self.columns.saturating_sub(indent.len());
        let rows = wrapped(text, columns).into_iter();
        self.lines.extend(rows.map(|row| CardLine { kind, text: format!("{indent}{row}") }));
    }

    fn gap(&mut self) {
        if self.lines.last().is_some_and(|line| !line.text.is_empty()) {
            self.lines.push(CardLine { kind: CardLineKind::Plain, text: String::new() });
        }
    }

    fn push_entry(&mut self, entry: &Entry) {
        for paragraph in entry.paragraphs() {
            self.push(CardLineKind::Plain, &paragraph, "");
        }
    }

    /// The pages and texts to read, each once.
    fn push_readings(&mut self, entries: &[&'static Entry]) {
        let mut readings: Vec<String> = Vec::new();
        for reading in entries.iter().map(|entry| entry.reading().to_string()) {
            if !readings.contains(&reading) {
                readings.push(reading);
            }
        }
        if !readings.is_empty() {
            self.push(CardLineKind::Plain, &format!("Read: {}", readings.join(", ")), "");
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Origin::Step { number, title, how } = self else {
            return out.write_str("It was there before the first step.");
        };
        let did = match how {
            OriginKind::Mark(ChangeKind::Added) => "made it".to_owned(),
            OriginKind::Mark(ChangeKind::Gone) => "took it away".to_owned(),
            OriginKind::Mark(ChangeKind::Moved) => "moved it".to_owned(),
            OriginKind::Mark(
                ChangeKind::Changed | ChangeKind::Same | ChangeKind::Quiet | ChangeKind::Unknown,
            ) => "changed it last".to_owned(),
            OriginKind::Made => "made this call".to_owned(),
            OriginKind::CopiedFrom(actor) => {
                format!("copied it, with all of {actor}'s mounts, into a new mount namespace")
            }
        };
        write!(out, "Step {number} ({title}) {did}.")
    }
}
