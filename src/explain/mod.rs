//! The glossary, and the cards that tell of a row, a call or a file. One source of texts for the screen and
//! for `unboxed explain`. Pure.

pub mod card;
mod constants;
mod data;
mod entries;
mod groups_and_calls;
mod rows;
pub mod see;
mod topic;

pub use self::constants::constants;
pub use self::data::CardData;
pub use self::rows::namespace_word;
pub use self::topic::Topic;

use crate::lesson::suggestion::nearest_word;

/// The kind of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordKind {
    /// A word of the field.
    Term,
    /// A system call, or a request by netlink.
    Call,
    /// A flag or another constant in the arguments of a call.
    Flag,
    Errno,
    /// A file of a control group.
    GroupFile,
}

impl WordKind {
    pub const ALL: [WordKind; 5] =
        [WordKind::Term, WordKind::Call, WordKind::Flag, WordKind::Errno, WordKind::GroupFile];

    /// The heading of a list of them.
    pub fn title(self) -> &'static str {
        match self {
            WordKind::Term => "Words",
            WordKind::Call => "Calls and netlink requests",
            WordKind::Flag => "Flags and constants",
            WordKind::Errno => "Errnos",
            WordKind::GroupFile => "Files of control groups",
        }
    }

    /// The words behind one of them in a title.
    pub fn name(self) -> &'static str {
        match self {
            WordKind::Term => "a word",
            WordKind::Call => "a call",
            WordKind::Flag => "a flag or constant",
            WordKind::Errno => "an errno",
            WordKind::GroupFile => "a file of a control group",
        }
    }
}

/// The versions of control groups that have a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileVersion {
    V1,
    V2,
    Both,
}

impl FileVersion {
    pub fn name(self) -> &'static str {
        match self {
            FileVersion::V1 => "v1 only",
            FileVersion::V2 => "v2 only",
            FileVersion::Both => "v1 and v2",
        }
    }
}

/// The use of a file of a control group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileUse {
    pub version: FileVersion,
    pub unit: &'static str,
    /// The text on what reading gives; None: it can't be read.
    pub reading: Option<&'static str>,
    /// The text on what writing does; None: it can't be written.
    pub writing: Option<&'static str>,
}

/// One word of the glossary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub word: &'static str,
    pub kind: WordKind,
    pub text: &'static str,
    pub file: Option<FileUse>,
    /// A manual page, `mount(2)`, or a text of the kernel's documentation.
    read: &'static str,
    pub see: &'static [&'static str],
}

/// The text to read on in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// A manual page by section and name.
    Manual { section: &'static str, name: &'static str },
    /// A path below the kernel's Documentation.
    KernelText(&'static str),
    /// A file of the OCI image specification, without its directory.
    ImageSpec(&'static str),
}

impl Entry {
    pub fn reading(&self) -> Reading {
        match self.read.strip_suffix(')').and_then(|page| page.split_once('(')) {
            Some((name, section)) => Reading::Manual { section, name },
            None => match self.read.strip_prefix("image-spec/") {
                Some(file) => Reading::ImageSpec(file),
                None => Reading::KernelText(self.read),
            },
        }
    }

    /// The whole text: what it is, and of a file what it holds and takes.
    pub fn paragraphs(&self) -> Vec<String> {
        let mut paragraphs = vec![self.text.to_owned()];
        if let Some(file) = &self.file {
            paragraphs.push(format!("In {}. Unit: {}.", file.version.name(), file.unit));
            paragraphs.extend(file.reading.map(|text| format!("Reading gives {text}.")));
            paragraphs.push(match file.writing {
                Some(text) => format!("Writing: {text}."),
                None => "It can't be written.".to_owned(),
            });
        }
        paragraphs
    }
}

impl std::fmt::Display for Reading {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reading::Manual { section, name } => write!(out, "{name}({section})"),
            Reading::KernelText(path) => {
                write!(out, "https://docs.kernel.org/{}.html", path.trim_end_matches(".rst"))
            }
            Reading::ImageSpec(file) => {
                write!(out, "https://github.com/opencontainers/image-spec/blob/main/{file}")
            }
        }
    }
}

const fn entry(
    kind: WordKind,
    word: &'static str,
    text: &'static str,
    read: &'static str,
    see: &'static [&'static str],
) -> Entry {
    Entry { word, kind, text, file: None, read, see }
}

const fn term(
    word: &'static str,
    text: &'static str,
    read: &'static str,
    see: &'static [&'static str],
) -> Entry {
    entry(WordKind::Term, word, text, read, see)
}

const fn call(
    word: &'static str,
    text: &'static str,
    read: &'static str,
    see: &'static [&'static str],
) -> Entry {
    entry(WordKind::Call, word, text, read, see)
}

const fn flag(
    word: &'static str,
    text: &'static str,
    read: &'static str,
    see: &'static [&'static str],
) -> Entry {
    entry(WordKind::Flag, word, text, read, see)
}

const fn errno(word: &'static str, text: &'static str, see: &'static [&'static str]) -> Entry {
    entry(WordKind::Errno, word, text, "errno(3)", see)
}

const fn group_file(
    word: &'static str,
    text: &'static str,
    file: FileUse,
    read: &'static str,
    see: &'static [&'static str],
) -> Entry {
    Entry { file: Some(file), ..entry(WordKind::GroupFile, word, text, read, see) }
}

/// A file that can be read and written.
#[expect(clippy::too_many_arguments, reason = "a row of a table: each is one of its columns")]
const fn file(
    word: &'static str,
    version: FileVersion,
    unit: &'static str,
    text: &'static str,
    reading: &'static str,
    writing: &'static str,
    read: &'static str,
    see: &'static [&'static str],
) -> Entry {
    let file = FileUse { version, unit, reading: Some(reading), writing: Some(writing) };
    group_file(word, text, file, read, see)
}

/// A file that can only be read.
const fn unwritten(
    word: &'static str,
    version: FileVersion,
    unit: &'static str,
    text: &'static str,
    reading: &'static str,
    read: &'static str,
    see: &'static [&'static str],
) -> Entry {
    let file = FileUse { version, unit, reading: Some(reading), writing: None };
    group_file(word, text, file, read, see)
}

/// A file that can only be written.
const fn unread(
    word: &'static str,
    version: FileVersion,
    unit: &'static str,
    text: &'static str,
    writing: &'static str,
    read: &'static str,
    see: &'static [&'static str],
) -> Entry {
    let file = FileUse { version, unit, reading: None, writing: Some(writing) };
    group_file(word, text, file, read, see)
}

/// A word by itself, by another name, in another case, in the plural, or at the end of a path.
pub fn find(word: &str) -> Option<&'static Entry> {
    let word = word.trim().trim_end_matches("()");
    let word = word.rsplit('/').next().filter(|last| !last.is_empty()).unwrap_or(word);
    // `CLONE_NEWNS` must not be found by `clone_newns` before `mount` is found by `mount`.
    find_spelt(word).or_else(|| find_spelt(word.strip_suffix('s')?))
}

fn find_spelt(word: &str) -> Option<&'static Entry> {
    let named = |name: &str| all().find(|entry| entry.word == name);
    let exact = named(word);
    let alias = || {
        let known = entries::ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(word));
        known.and_then(|(_, name)| named(name))
    };
    exact.or_else(|| all().find(|entry| entry.word.eq_ignore_ascii_case(word))).or_else(alias)
}

/// An entry of this kind by its very word.
pub fn of_kind(kind: WordKind, word: &str) -> Option<&'static Entry> {
    all().find(|entry| entry.kind == kind && entry.word == word)
}

pub fn all() -> impl Iterator<Item = &'static Entry> {
    entries::ALL.into_iter().flatten()
}

/// Words that may be meant by one that there is not: those that hold it, or else the nearest.
pub fn near(word: &str) -> Vec<&'static str> {
    const MAX: usize = 6;
    let lower = word.trim().to_lowercase();
    if lower.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<&str> = all()
        .map(|entry| entry.word)
        .filter(|known| known.to_lowercase().contains(&lower))
        .collect();
    found.dedup();
    found.truncate(MAX);
    if found.is_empty() {
        let upper = word.trim().to_uppercase();
        let known = || all().map(|entry| entry.word);
        let nearest = nearest_word(&lower, known()).or_else(|| nearest_word(&upper, known()));
        found.extend(nearest);
    }
    found
}

/// The words of a text that the glossary has: those in bold, and those set as code.
pub fn words_of(markdown: &str) -> Vec<&'static Entry> {
    let mut found: Vec<&'static Entry> = Vec::new();
    let marked = ["**", "`"].into_iter().flat_map(|mark| {
        // Every second piece stands between two marks.
        markdown.split(mark).skip(1).step_by(2)
    });
    for word in marked {
        if let Some(entry) = find(word)
            && !found.iter().any(|known| known.word == entry.word)
        {
            found.push(entry);
        }
    }
    found
}
