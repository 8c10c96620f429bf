//! A lesson, once read. No I/O, no YAML: see `parse`.

use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::action::{Action, PreflightCheck};
use crate::call::ErrnoName;
use crate::lesson::challenge::Challenge;
use crate::lesson::expect::Expect;
use crate::lesson::quiz::{Question, QuestionName};
use crate::map::MapLens;
use crate::op::ActorName;
use crate::snapshot::Snapshot;
use crate::view::{Chart, ViewKind};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lesson {
    /// Version of the format of lessons: 1.
    pub format: u32,
    /// Position in the curriculum, 1 to 30.
    pub number: u32,
    /// Stable, kebab-case: `build-a-container`.
    pub id: String,
    pub title: String,
    /// One sentence for the catalogue.
    pub summary: String,
    pub minutes: Minutes,
    /// Markdown: what whoever has done the lesson can do; shown before its first step. May be empty.
    #[serde(default)]
    pub goal: String,
    /// Markdown: what to keep in mind; shown once the lesson is done. May be empty.
    #[serde(default)]
    pub recap: String,
    /// Questions of earlier lessons to begin with, of which two are asked; where none is named, the program chooses.
    #[serde(default)]
    pub warm_up: Vec<QuestionName>,
    /// The needs of every step.
    #[serde(default)]
    pub needs: Needs,
    /// Its terms, where it is a challenge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Challenge>,
    pub steps: Vec<Step>,
}

impl Lesson {
    /// The chapters, in order; none where the lesson is one piece.
    pub fn chapters(&self) -> Vec<Chapter<'_>> {
        let begins = |(index, step): (usize, &Step)| (!step.chapter.is_empty()).then_some(index);
        let starts: Vec<usize> = self.steps.iter().enumerate().filter_map(begins).collect();
        let ends = starts.iter().skip(1).copied().chain([self.steps.len()]);
        let chapters = starts.iter().zip(ends);
        chapters
            .map(|(start, end)| Chapter { title: &self.steps[*start].chapter, steps: *start..end })
            .collect()
    }

    /// The chapter that a step is in, and its number from 1.
    pub fn chapter_of(&self, step: usize) -> Option<(usize, Chapter<'_>)> {
        let mut chapters = (1..).zip(self.chapters());
        chapters.find(|(_, chapter)| chapter.steps.contains(&step))
    }

    /// All questions, in order.
    pub fn questions(&self) -> impl Iterator<Item = &Question> {
        self.steps.iter().flat_map(|step| &step.quiz)
    }
}

/// The minutes that a lesson takes. In YAML a map, or one number for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Minutes {
    /// For whoever reads each step and watches it.
    pub watch: u32,
    /// For whoever mends the repairs, answers all questions and tries the what-ifs, too.
    #[serde(rename = "do")]
    pub all: u32,
}

impl From<u32> for Minutes {
    fn from(minutes: u32) -> Minutes {
        Minutes { watch: minutes, all: minutes }
    }
}

impl<'de> Deserialize<'de> for Minutes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MinutesVisitor)
    }
}

struct MinutesVisitor;

impl<'de> Visitor<'de> for MinutesVisitor {
    type Value = Minutes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("minutes, like `{watch: 28, do: 57}`")
    }

    fn visit_u64<E: serde::de::Error>(self, minutes: u64) -> Result<Minutes, E> {
        u32::try_from(minutes).map(Minutes::from).map_err(|_| E::custom("too many minutes"))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Minutes, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            watch: u32,
            #[serde(rename = "do")]
            all: u32,
        }

        let Fields { watch, all } =
            Fields::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        Ok(Minutes { watch, all })
    }
}

/// A part of a lesson, after which is a place to rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chapter<'a> {
    pub title: &'a str,
    /// Its steps, by their places.
    pub steps: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub id: String,
    pub title: String,
    /// The title of the chapter that begins here; empty where none does.
    #[serde(default)]
    pub chapter: String,
    /// Markdown: what happens, and why.
    pub story: String,
    /// Markdown shown once the step has run: what to see in the panes. May be empty.
    #[serde(default)]
    pub after: String,
    #[serde(default)]
    pub actions: Vec<ActionEntry>,
    /// Views to bring to the front, most telling first.
    #[serde(default)]
    pub watch: Vec<ViewKind>,
    /// The picture to show at first, where it is not that of the first view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<MapLens>,
    /// Directories to list in the files view while this step is shown.
    #[serde(default)]
    pub look: Vec<WatchedDirectory>,
    /// Groups to draw over time, while the step runs and after it.
    #[serde(default)]
    pub charts: Vec<Chart>,
    #[serde(default)]
    pub expect: Vec<Expect>,
    /// Beyond the lesson's own needs.
    #[serde(default)]
    pub needs: Needs,
    /// Docker's way to do the same, as a command line or a sentence; may be empty.
    #[serde(default)]
    pub docker: String,
    /// The fragment of an OCI runtime config.json that asks for the same, as JSON; may be empty.
    #[serde(default)]
    pub oci: String,
    /// Markdown: what is otherwise on a real machine than in the lab; may be empty.
    #[serde(default)]
    pub real: String,
    /// Markdown: what an audience reads before the step has run; empty: the first sentence of the story.
    #[serde(default)]
    pub say: String,
    /// The same for afterwards; empty: the first sentence of what to see.
    #[serde(default)]
    pub callout: String,
    /// Speaker notes (Markdown); may be empty.
    #[serde(default)]
    pub notes: String,
    /// Actions that break something before the step, for the learner to find and mend; `actions` then mend it.
    #[serde(default)]
    pub breaks: Vec<ActionEntry>,
    /// Help for whoever does the step by typing.
    #[serde(default)]
    pub hints: Vec<Hint>,
    /// Other things that could be done at this point, and what comes of them.
    #[serde(default)]
    pub branches: Vec<Branch>,
    #[serde(default)]
    pub quiz: Vec<Question>,
}

impl Step {
    /// All actions of the step, in their order: those that break something come first.
    pub fn entries(&self) -> impl Iterator<Item = &ActionEntry> {
        self.breaks.iter().chain(&self.actions)
    }

    /// True where it makes System V objects, or something of it is decided by them.
    pub fn is_about_ipc(&self) -> bool {
        let asked = self.quiz.iter().flat_map(|question| {
            let predicted = question.predictions().iter().flat_map(|option| &option.when);
            predicted.chain(question.task())
        });
        self.entries().any(|entry| matches!(entry.action, Action::Ipc(_)))
            || self.expect.iter().chain(asked).any(|expect| matches!(expect, Expect::Ipc(_)))
    }

    /// The checks that must hold for its actions to work, a list for each of them.
    pub fn preflight(&self, snapshot: &Snapshot) -> Vec<Vec<PreflightCheck>> {
        self.actions.iter().map(|entry| entry.action.preflight(&entry.actor, snapshot)).collect()
    }

    /// The places in `expect` of what somebody who types can bring about. How an action ended is told of played ones
    /// only, and what a workload says of itself, no other program says.
    pub fn typed_goals(&self) -> Vec<usize> {
        let works = self
            .actions
            .iter()
            .any(|entry| matches!(&entry.action, Action::Work(work) if !work.background));
        let is_told = |expect: &Expect| {
            matches!(expect, Expect::Outcome(_) | Expect::Measured(_) | Expect::Took(_))
                || (works && matches!(expect, Expect::Output(_)))
        };
        (0..self.expect.len()).filter(|place| !is_told(&self.expect[*place])).collect()
    }
}

/// Help in stages: a nudge, where to read on, and at last the command, which the actions give by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hint {
    /// The expectation it helps with, by its place in `expect`, from 1; without one, the step as a whole.
    #[serde(default, rename = "for")]
    pub expectation: Option<usize>,
    pub nudge: String,
    /// Manual page and option: `unshare(1), --propagation`.
    pub man: String,
}

/// A what-if. The steps before are replayed in a lab of its own, then this is done instead of the step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    pub id: String,
    /// A question: `What if the mounts stay shared?`
    pub title: String,
    pub story: String,
    pub actions: Vec<ActionEntry>,
    /// The text shown once it has happened: what to see.
    pub after: String,
    #[serde(default)]
    pub watch: Vec<ViewKind>,
    #[serde(default)]
    pub look: Vec<WatchedDirectory>,
    #[serde(default)]
    pub charts: Vec<Chart>,
    pub expect: Vec<Expect>,
}

impl Branch {
    /// A branch is played as a step is.
    pub fn to_step(&self) -> Step {
        Step {
            id: self.id.clone(),
            title: self.title.clone(),
            chapter: String::new(),
            story: self.story.clone(),
            after: self.after.clone(),
            actions: self.actions.clone(),
            watch: self.watch.clone(),
            map: None,
            look: self.look.clone(),
            charts: self.charts.clone(),
            expect: self.expect.clone(),
            needs: Needs::default(),
            docker: String::new(),
            oci: String::new(),
            real: String::new(),
            say: String::new(),
            callout: String::new(),
            notes: String::new(),
            breaks: Vec::new(),
            hints: Vec::new(),
            branches: Vec::new(),
            quiz: Vec::new(),
        }
    }
}

/// One action of a step: who does it, what, and which failure is the point of it.
///
/// In YAML a map: `in: ACTOR`, `fails: ERRNO` and `bar: NAME` where needed, and exactly one key that names the action.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActionEntry {
    pub actor: ActorName,
    /// The action must fail, with this errno.
    pub fails: Option<ErrnoName>,
    /// The name of the bar that it counts for: its time and its bytes are drawn beside those of the step's other bars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bar: Option<String>,
    pub action: Action,
}

impl<'de> Deserialize<'de> for ActionEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryVisitor)
    }
}

/// Reads key by key, so that an error keeps the place of the field it is about.
struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = ActionEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an action, like `mkdir: {paths: [/tmp/x]}`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ActionEntry, A::Error> {
        let (mut actor, mut fails, mut bar, mut action) = (None, None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "in" => actor = Some(map.next_value()?),
                "fails" => fails = Some(map.next_value()?),
                "bar" => bar = Some(map.next_value()?),
                kind => {
                    if action.is_some() {
                        return Err(A::Error::custom(format!(
                            "`{kind}` is a second action: each has an entry of its own"
                        )));
                    }
                    action = Some(map.next_value_seed(KindSeed(kind))?);
                }
            }
        }

        let action = action
            .ok_or_else(|| A::Error::custom("no action here: only `in`, `fails` or `bar`"))?;
        Ok(ActionEntry { actor: actor.unwrap_or_else(ActorName::host), fails, bar, action })
    }
}

struct KindSeed<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for KindSeed<'_> {
    type Value = Action;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Action, D::Error> {
        Action::read(self.0, deserializer)
    }
}

/// A directory as an actor sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "Look")]
pub struct WatchedDirectory {
    #[serde(rename = "in", default = "ActorName::host")]
    pub actor: ActorName,
    pub path: String,
}

/// The needs of a step or lesson from the machine. Checked before anything is played.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Needs {
    /// The machine's root has to start unboxed.
    pub root: bool,
    /// Least kernel version, as (major, minor); `"5.12"` in YAML.
    #[serde(deserialize_with = "kernel_version")]
    pub kernel: Option<(u32, u32)>,
    /// Controllers that must be delegable to the lab (`memory`, `cpu`, `pids` …), whatever the version.
    pub cgroup: Vec<String>,
    /// A scratch file on a real disk: /scratch in the lab.
    pub disk: bool,
    /// Programs that it runs; those of its own commands are added when it is read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub programs: Vec<String>,
    /// Users beside root: it gives files to one, or becomes one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub other_ids: bool,
    /// 1 or 2, where a step is about what only one version has.
    pub cgroup_version: Option<u32>,
}

fn kernel_version<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<(u32, u32)>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let parsed = text
        .split_once('.')
        .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    parsed
        .map(Some)
        .ok_or_else(|| D::Error::custom(format!("`{text}` is no kernel version, like \"5.12\"")))
}
