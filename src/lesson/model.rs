//! What a lesson is, once read. No I/O, no YAML: see `parse`.

use serde::Serialize;

use crate::action::Action;
use crate::call::ErrnoName;
use crate::lesson::expect::Expect;
use crate::op::ActorName;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lesson {
    /// Position in the curriculum, 1 to 30.
    pub number: u32,
    /// Stable, kebab-case: `build-a-container`.
    pub id: String,
    pub title: String,
    /// One sentence for the catalogue.
    pub summary: String,
    /// Planned minutes for the whole lesson.
    pub minutes: u32,
    /// What every step needs.
    pub needs: Needs,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    pub id: String,
    pub title: String,
    /// Markdown: what happens, and why.
    pub story: String,
    /// Markdown shown once the step has run: what to see in the panes. May be empty.
    pub after: String,
    pub actions: Vec<ActionEntry>,
    /// Views to bring to the front, most telling first.
    pub watch: Vec<ViewKind>,
    /// Directories to list in the files view while this step is shown.
    pub look: Vec<Look>,
    pub expect: Vec<Expect>,
    /// Beyond the lesson's own needs.
    pub needs: Needs,
    /// What docker does for the same, as a command line or a sentence; may be empty.
    pub docker: String,
    /// The fragment of an OCI runtime config.json that asks for the same, as JSON; may be empty.
    pub oci: String,
    /// Speaker notes (Markdown); may be empty.
    pub notes: String,
}

/// One action of a step: who does it, what, and which failure is the point of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActionEntry {
    pub actor: ActorName,
    /// The action must fail, with this errno.
    pub fails: Option<ErrnoName>,
    pub action: Action,
    /// Line in the lesson file, from 1.
    pub line: usize,
}

/// A directory as an actor sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Look {
    pub actor: ActorName,
    pub path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewKind {
    Mounts,
    Processes,
    Namespaces,
    Network,
    Cgroups,
    Files,
    Calls,
}

impl ViewKind {
    pub const ALL: [ViewKind; 7] = [
        ViewKind::Mounts,
        ViewKind::Processes,
        ViewKind::Namespaces,
        ViewKind::Network,
        ViewKind::Cgroups,
        ViewKind::Files,
        ViewKind::Calls,
    ];

    pub fn title(self) -> &'static str {
        match self {
            ViewKind::Mounts => "Mounts",
            ViewKind::Processes => "Processes",
            ViewKind::Namespaces => "Namespaces",
            ViewKind::Network => "Network",
            ViewKind::Cgroups => "Cgroups",
            ViewKind::Files => "Files",
            ViewKind::Calls => "Calls",
        }
    }
}

/// What a step or lesson asks of the machine. Checked before anything is played.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Needs {
    /// The machine's root has to start unboxed.
    pub root: bool,
    /// Least kernel version, as (major, minor).
    pub kernel: Option<(u32, u32)>,
    /// Controllers that must be delegable to the lab (`memory`, `cpu`, `pids` …), whatever the version.
    pub cgroup: Vec<String>,
}
