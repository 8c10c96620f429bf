//! `work`: a workload made for teaching, in a control group: it touches memory, burns CPU, forks, sends, serves or counts,
//! says what it measured, and ends by itself.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::cgroup::Bytes;
use super::paths::check_cgroup;
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, Device, Load, Op, Writing};
use crate::snapshot::Snapshot;
use crate::traffic::INTERNET;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Work {
    /// The workload's name; in the background, an actor's.
    pub name: ActorName,
    /// The group it joins first; without one, it stays where the actor is.
    pub group: Option<String>,
    pub task: WorkTask,
    /// Go on with the lesson while it works.
    pub background: bool,
}

/// The one thing that a workload does. Times are in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WorkTask {
    /// Touch memory, a MiB every 10 milliseconds, and hold it.
    Touch { bytes: Bytes, hold: f64 },
    /// Spin.
    Burn { time: f64, threads: u32 },
    /// Write to /scratch. After `most` it stops, whatever is left; 0 is no limit of its own.
    Write { bytes: Bytes, how: Writing, most: f64 },
    /// Make children.
    Fork { count: u32 },
    /// Count, in /run/counter. It costs next to nothing, and may outlast a lesson: up to an hour.
    Count { time: f64 },
    /// Open a device file.
    Open { device: Device },
    /// Listen at a TCP port, and tell each caller its name and who called; up to an hour. In the foreground: end as soon as
    /// the port is its own.
    Serve { port: u16 },
    /// Send to an address, where it is thrown away; without one, to the lab's "internet" itself.
    Send { bytes: Bytes, to: Option<Ipv4Addr> },
}

/// The fields of a workload as a lesson gives them. They are written in this order, all of them: a tape keeps a checksum
/// of what a step does (`tape/compatibility.rs`), so that another order or a field more makes tapes of workloads stale.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "Work")]
struct Fields {
    name: ActorName,
    #[serde(default)]
    group: Option<String>,
    #[serde(default)]
    touch: Option<Bytes>,
    /// Seconds to hold what was touched; of one that writes, seconds after which it stops.
    #[serde(default)]
    hold: f64,
    #[serde(default)]
    burn: Option<f64>,
    #[serde(default = "one")]
    threads: u32,
    #[serde(default)]
    write: Option<Bytes>,
    #[serde(default)]
    how: Writing,
    #[serde(default)]
    fork: Option<u32>,
    #[serde(default)]
    count: Option<f64>,
    #[serde(default)]
    open: Option<Device>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    serve: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    send: Option<Bytes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<Ipv4Addr>,
    #[serde(default)]
    background: bool,
}

fn one() -> u32 {
    1
}

/// The mistake of a workload that does nothing, or several things.
pub const NOT_ONE_TASK: &str =
    "needs exactly one of touch, burn, write, fork, open, send, serve, count";

impl TryFrom<Fields> for Work {
    type Error = String;

    fn try_from(fields: Fields) -> Result<Work, String> {
        let Fields { hold, threads, how, to, .. } = fields;
        let given = [
            fields.touch.map(|bytes| WorkTask::Touch { bytes, hold }),
            fields.burn.map(|time| WorkTask::Burn { time, threads }),
            fields.write.map(|bytes| WorkTask::Write { bytes, how, most: hold }),
            fields.fork.map(|count| WorkTask::Fork { count }),
            fields.open.map(|device| WorkTask::Open { device }),
            fields.count.map(|time| WorkTask::Count { time }),
            fields.serve.map(|port| WorkTask::Serve { port }),
            fields.send.map(|bytes| WorkTask::Send { bytes, to }),
        ];

        let mut given = given.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(task), None) => Ok(Work {
                name: fields.name,
                group: fields.group,
                task,
                background: fields.background,
            }),
            _ => Err(format!("the work `{}` {NOT_ONE_TASK}", fields.name)),
        }
    }
}

impl From<Work> for Fields {
    fn from(work: Work) -> Fields {
        let Work { name, group, task, background } = work;
        let mut fields = Fields {
            name,
            group,
            touch: None,
            hold: 0.0,
            burn: None,
            threads: one(),
            write: None,
            how: Writing::default(),
            fork: None,
            count: None,
            open: None,
            serve: None,
            send: None,
            to: None,
            background,
        };

        match task {
            WorkTask::Touch { bytes, hold } => {
                (fields.touch, fields.hold) = (Some(bytes), hold);
            }
            WorkTask::Burn { time, threads } => {
                (fields.burn, fields.threads) = (Some(time), threads);
            }
            WorkTask::Write { bytes, how, most } => {
                (fields.write, fields.how, fields.hold) = (Some(bytes), how, most);
            }
            WorkTask::Fork { count } => fields.fork = Some(count),
            WorkTask::Count { time } => fields.count = Some(time),
            WorkTask::Open { device } => fields.open = Some(device),
            WorkTask::Serve { port } => fields.serve = Some(port),
            WorkTask::Send { bytes, to } => (fields.send, fields.to) = (Some(bytes), to),
        }
        fields
    }
}

/// Seconds that a load may take at most.
const MAX_SECONDS: f64 = 15.0;
const MAX_COUNT_SECONDS: f64 = 3600.0;

fn millis(seconds: f64, most: f64) -> u64 {
    (seconds.clamp(0.0, most) * 1000.0) as u64
}

impl Work {
    /// The load that an actor is asked for: bounded times, whole MiB.
    fn load(&self) -> Load {
        match self.task {
            WorkTask::Touch { bytes, hold } => {
                Load::Touch { mib: bytes.0 >> 20, hold_ms: millis(hold, MAX_SECONDS) }
            }
            WorkTask::Burn { time, threads } => {
                Load::Burn { threads, millis: millis(time, MAX_SECONDS) }
            }
            WorkTask::Write { bytes, how, most } => {
                Load::Write { mib: bytes.0 >> 20, how, most_ms: millis(most, MAX_SECONDS) }
            }
            WorkTask::Fork { count } => Load::Fork { count },
            WorkTask::Count { time } => Load::Count { millis: millis(time, MAX_COUNT_SECONDS) },
            WorkTask::Open { device } => Load::Open { device },
            WorkTask::Serve { port } => {
                let seconds = if self.background { MAX_COUNT_SECONDS } else { 0.0 };
                Load::Serve { port, millis: millis(seconds, MAX_COUNT_SECONDS) }
            }
            WorkTask::Send { bytes, to } => {
                Load::Send { mib: bytes.0 >> 20, to: to.unwrap_or(INTERNET) }
            }
        }
    }

    /// The group's directory in every hierarchy the lab has.
    fn groups(&self, context: &LabFacts) -> Vec<String> {
        self.group.iter().flat_map(|group| context.group_directories(group)).collect()
    }
}

impl ActionKind for Work {
    const SUMMARY: &'static str = "runs a load on memory, CPU, processes, disk or network";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn is_read_only(&self) -> bool {
        // One that was waited for has ended; what it counted in the files of its group stays behind, and is not missed.
        !self.background
    }

    fn shell(&self, context: &LabFacts) -> Vec<String> {
        let joins: Vec<String> = self
            .groups(context)
            .iter()
            .map(|group| format!("echo $$ > {group}/cgroup.procs"))
            .collect();

        let work = match self.load() {
            Load::Touch { mib, .. } => format!("head -c {mib}M /dev/zero | tail -c 1"),
            Load::Burn { millis, .. } => {
                format!("timeout {} sh -c 'while :; do :; done'", millis as f64 / 1000.0)
            }
            Load::Fork { count } => {
                format!("for i in $(seq {count}); do sleep 1 & done; wait")
            }
            Load::Write { mib, how, most_ms } => {
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
            Load::Open { device } => format!("head -c 1 {}", device.path()),
            // No shell has a server, and of netcat there are several that take different options.
            Load::Serve { port, millis } => {
                let socket = format!(
                    "$s = IO::Socket::INET->new(Listen => 8, LocalPort => {port}, ReuseAddr => 1) or die \"$!\\n\";"
                );
                let answer = match millis {
                    0 => String::new(),
                    _ => format!(
                        " while ($c = $s->accept) {{ print $c \"{}, you are \", $c->peerhost, \"\\n\"; close $c }}",
                        self.name
                    ),
                };
                format!("exec perl -MIO::Socket::INET -e '{socket}{answer}'")
            }
            // Port 9 is the discard service's (RFC 863).
            Load::Send { mib, to } => {
                format!("dd if=/dev/zero bs=1k count={} > /dev/udp/{to}/9", mib * 1024)
            }
            Load::Count { .. } => {
                "i=0; while sleep 0.05; do i=$((i+1)); echo $i > /run/counter; done".to_owned()
            }
        };

        let after = if self.background { " &" } else { "" };
        // Only bash(1) takes /dev/udp for an address.
        let shell = if matches!(self.task, WorkTask::Send { .. }) { "bash" } else { "sh" };
        vec![format!(
            "{shell} -c '{}{}'{after}",
            joins.iter().map(|join| format!("{join}; ")).collect::<String>(),
            work.replace('\'', "'\\''")
        )]
    }

    fn own_process(&self) -> Option<&str> {
        Some(self.name.as_str())
    }

    fn lower(&self, context: &LabFacts) -> Result<Vec<Op>, LowerError> {
        let (name, groups, load) = (self.name.clone(), self.groups(context), self.load());
        Ok(vec![Op::Work { name, groups, load, background: self.background }])
    }

    fn preflight(&self, _: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        let Some(group) = &self.group else { return Vec::new() };
        vec![check_cgroup(snapshot, group)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_does_one_thing_and_is_written_as_it_was_read() {
        let check = |fields: &str, expected: Result<WorkTask, &str>| {
            let read: Result<Work, _> =
                serde_json::from_str(&format!("{{\"name\": \"w\"{fields}}}"));
            let task = read.as_ref().map(|work| work.task).map_err(ToString::to_string);
            match (task, expected) {
                (Err(error), Err(expected)) => assert!(error.starts_with(expected), "{error}"),
                (task, expected) => {
                    assert_eq!(task, expected.map_err(str::to_owned));
                }
            }
            if let Ok(work) = read {
                let written = serde_json::to_string(&work).expect("JSON");
                assert_eq!(serde_json::from_str::<Work>(&written).expect(&written), work);
            }
        };

        let mib = Bytes(8 << 20);
        check(", \"touch\": \"8MiB\", \"hold\": 2", Ok(WorkTask::Touch { bytes: mib, hold: 2.0 }));
        check(", \"burn\": 1.5, \"threads\": 3", Ok(WorkTask::Burn { time: 1.5, threads: 3 }));
        let most = 0.0;
        check(
            ", \"write\": \"8MiB\", \"how\": \"fsync\"",
            Ok(WorkTask::Write { bytes: mib, how: Writing::Fsync, most }),
        );
        check(", \"fork\": 20", Ok(WorkTask::Fork { count: 20 }));
        check(", \"count\": 3600", Ok(WorkTask::Count { time: 3600.0 }));
        check(", \"serve\": 80", Ok(WorkTask::Serve { port: 80 }));
        check(", \"send\": \"8MiB\"", Ok(WorkTask::Send { bytes: mib, to: None }));
        let mistake =
            "the work `w` needs exactly one of touch, burn, write, fork, open, send, serve, count";
        check("", Err(mistake));
        check(", \"burn\": 1, \"fork\": 2", Err(mistake));
    }
}
