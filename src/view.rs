//! The views of a lab's state, and charts of its groups over time.

use serde::{Deserialize, Serialize};

/// A view of the state, a pane on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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

    /// The key that brings it to the front.
    pub fn number(self) -> usize {
        1 + ViewKind::ALL.iter().position(|kind| *kind == self).unwrap_or(0)
    }

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

/// A drawing over time, of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chart {
    /// The group's path, relative to the lab's top group.
    pub group: String,
    pub of: ChartKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChartKind {
    /// Bytes in use, against the limit.
    Memory,
    /// CPUs' worth of time, against the quota; throttled periods are marked.
    Cpu,
    /// Processes, against their limit.
    Pids,
    /// Bytes written a second, against the limit.
    Write,
    /// The share of time in which somebody in the group waited for a CPU (PSI): v2 alone has that per group.
    CpuPressure,
    /// The share of time in which somebody waited for memory.
    MemoryPressure,
}
