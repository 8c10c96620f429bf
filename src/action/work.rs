//! `work`: a workload made for teaching, in a control group: it touches memory, burns CPU, forks, sends or counts,
//! says what it measured, and ends by itself.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::cgroup::Bytes;
use super::{ActionKind, Check, Context, LowerError};
use crate::op::{ActorName, Device, Load, Op, Writing};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// The workload's name; in the background, an actor's.
    pub name: ActorName,
    /// The group it joins first; without one, it stays where the actor is.
    #[serde(default)]
    pub group: Option<String>,
    /// Touch this much memory, a MiB every 10 milliseconds.
    #[serde(default)]
    pub touch: Option<Bytes>,
    /// Seconds to hold it; of one that writes, seconds after which it stops, whatever is left.
    #[serde(default)]
    pub hold: f64,
    /// Spin for so many seconds.
    #[serde(default)]
    pub burn: Option<f64>,
    #[serde(default = "one")]
    pub threads: u32,
    /// Write this much to /scratch.
    #[serde(default)]
    pub write: Option<Bytes>,
    #[serde(default)]
    pub how: Writing,
    /// Make so many children.
    #[serde(default)]
    pub fork: Option<u32>,
    /// Count for so many seconds, in /run/counter. It costs next to nothing, and may outlast a lesson: up to an hour.
    #[serde(default)]
    pub count: Option<f64>,
    /// Open this device file.
    #[serde(default)]
    pub open: Option<Device>,
    /// Send this much to `to`, where it is thrown away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send: Option<Bytes>,
    /// The lab's "internet" by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Ipv4Addr>,
    /// Go on with the lesson while it works.
    #[serde(default)]
    pub background: bool,
}

fn one() -> u32 {
    1
}

/// Seconds that a load may take at most.
const LONGEST: f64 = 15.0;
const LONGEST_COUNT: f64 = 3600.0;
const INTERNET: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);

fn millis(seconds: f64, most: f64) -> u64 {
    (seconds.clamp(0.0, most) * 1000.0) as u64
}

impl Work {
    /// None unless exactly one load is given.
    pub fn load(&self) -> Option<Load> {
        let mut loads = Vec::new();
        loads.extend(
            self.touch.map(|bytes| Load::Touch {
                mib: bytes.0 >> 20,
                hold_ms: millis(self.hold, LONGEST),
            }),
        );
        loads.extend(
            self.burn
                .map(|time| Load::Burn { threads: self.threads, millis: millis(time, LONGEST) }),
        );
        loads.extend(self.write.map(|bytes| Load::Write {
            mib: bytes.0 >> 20,
            how: self.how,
            most_ms: millis(self.hold, LONGEST),
        }));
        loads.extend(self.fork.map(|count| Load::Fork { count }));
        loads.extend(self.open.map(|device| Load::Open { device }));
        loads.extend(self.count.map(|time| Load::Count { millis: millis(time, LONGEST_COUNT) }));
        loads.extend(
            self.send
                .map(|bytes| Load::Send { mib: bytes.0 >> 20, to: self.to.unwrap_or(INTERNET) }),
        );

        if loads.len() == 1 { loads.pop() } else { None }
    }

    /// The group's directory in every hierarchy the lab has.
    fn groups(&self, context: &Context) -> Vec<String> {
        let Some(group) = &self.group else { return Vec::new() };
        let mut found: Vec<String> =
            context.cgroups.values().map(|mount| format!("{}/{group}", mount.path)).collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl ActionKind for Work {
    const SUMMARY: &'static str = "runs a load on memory, CPU, processes, disk or network";

    fn actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn only_looks(&self) -> bool {
        // One that was waited for has ended; what it counted in the files of its group stays behind, and is not missed.
        !self.background
    }

    fn shell(&self, context: &Context) -> Vec<String> {
        let joins: Vec<String> = self
            .groups(context)
            .iter()
            .map(|group| format!("echo $$ > {group}/cgroup.procs"))
            .collect();

        let work = match self.load() {
            Some(Load::Touch { mib, .. }) => format!("head -c {mib}M /dev/zero | tail -c 1"),
            Some(Load::Burn { millis, .. }) => {
                format!("timeout {} sh -c 'while :; do :; done'", millis as f64 / 1000.0)
            }
            Some(Load::Fork { count }) => {
                format!("for i in $(seq {count}); do sleep 1 & done; wait")
            }
            Some(Load::Write { mib, how, most_ms }) => {
                let bound = if most_ms > 0 {
                    format!("timeout {} ", most_ms as f64 / 1000.0)
                } else {
                    String::new()
                };
                let how = match how {
                    Writing::Buffered => "",
                    Writing::Direct => " oflag=direct",
                    Writing::Fsync => " conv=fsync",
                };
                format!("{bound}dd if=/dev/zero of=/scratch bs=128k count={}{how}", mib * 8)
            }
            Some(Load::Open { device }) => format!("head -c 1 {}", device.path()),
            // Port 9 is the discard service's (RFC 863).
            Some(Load::Send { mib, to }) => {
                format!("dd if=/dev/zero bs=1k count={} > /dev/udp/{to}/9", mib * 1024)
            }
            Some(Load::Count { .. }) => {
                "i=0; while sleep 0.05; do i=$((i+1)); echo $i > /run/counter; done".to_owned()
            }
            None => ":".to_owned(),
        };

        let after = if self.background { " &" } else { "" };
        // Only bash(1) takes /dev/udp for an address.
        let shell = if matches!(self.load(), Some(Load::Send { .. })) { "bash" } else { "sh" };
        vec![format!(
            "{shell} -c '{}{}'{after}",
            joins.iter().map(|join| format!("{join}; ")).collect::<String>(),
            work.replace('\'', "'\\''")
        )]
    }

    fn lower(&self, context: &Context) -> Result<Vec<Op>, LowerError> {
        let load = self.load().unwrap_or(Load::Count { millis: 0 });
        let (name, groups) = (self.name.clone(), self.groups(context));
        Ok(vec![Op::Work { name, groups, load, background: self.background }])
    }

    fn preflight(&self, _: &ActorName, snapshot: &Snapshot) -> Vec<Check> {
        let Some(group) = &self.group else { return Vec::new() };
        let there = snapshot.cgroups.iter().any(|known| known.path == *group);
        vec![Check { text: format!("there is a cgroup called {group}"), ok: there }]
    }
}
