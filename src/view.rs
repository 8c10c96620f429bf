//! The views of a lab's state, and charts of its groups over time.

use serde::{Deserialize, Serialize};

/// The source of what a view shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViewSource {
    /// The kernel's state: it is compared, before a step and after it.
    State,
    /// The calls of the step itself.
    Step,
}

/// All that is to a view besides its values and its pane: a row each, in the order of their numbers.
macro_rules! views {
    ($($(#[$about:meta])* $kind:ident: $name:literal, $title:literal, $source:ident;)+) => {
        /// A view of the state, a pane on the screen.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum ViewKind {
            $($(#[$about])* #[serde(rename = $name)] $kind,)+
        }

        impl ViewKind {
            pub const ALL: [ViewKind; [$($name),+].len()] = [$(ViewKind::$kind),+];

            pub fn title(self) -> &'static str {
                match self {
                    $(ViewKind::$kind => $title,)+
                }
            }

            /// The name that lessons call it by.
            pub fn name(self) -> &'static str {
                match self {
                    $(ViewKind::$kind => $name,)+
                }
            }

            pub fn source(self) -> ViewSource {
                match self {
                    $(ViewKind::$kind => ViewSource::$source,)+
                }
            }
        }
    };
}

views! {
    Mounts: "mounts", "Mounts", State;
    Processes: "processes", "Processes", State;
    Namespaces: "namespaces", "Namespaces", State;
    Network: "network", "Network", State;
    Cgroups: "cgroups", "Cgroups", State;
    Files: "files", "Files", State;
    /// The system calls.
    Calls: "calls", "Calls", Step;
}

impl ViewKind {
    /// The place among all views.
    pub fn place(self) -> usize {
        self as usize
    }

    /// The key that brings it to the front.
    pub fn number(self) -> usize {
        1 + self.place()
    }

    pub fn is_state(self) -> bool {
        self.source() == ViewSource::State
    }

    /// The views of the kernel's state.
    pub fn of_state() -> impl Iterator<Item = ViewKind> {
        ViewKind::ALL.into_iter().filter(|view| view.is_state())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_view_can_be_named_and_has_its_number() {
        for (place, view) in ViewKind::ALL.into_iter().enumerate() {
            assert_eq!(view.place(), place);
            let read: ViewKind =
                serde_json::from_value(view.name().into()).expect("the name of a view");
            assert_eq!(read, view);
        }
        // Each has a digit for its key.
        assert!(ViewKind::ALL.len() <= 9);
    }
}
