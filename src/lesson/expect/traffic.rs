//! `traffic`: a class or a rule that packets pass on their way out of an actor's network namespace, and how many did.

use serde::{Deserialize, Serialize};

use super::{ExpectKind, ObservedState, host, or_unread};
use crate::op::ActorName;
use crate::seen::{CutList, Judgement, Seen};
use crate::snapshot::{Omitted, Snapshot};
use crate::view::ViewKind;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    #[serde(rename = "in", default = "host")]
    pub actor: ActorName,
    /// Words of tc(8) or nft(8) that its row holds: `class htb 10:1 dev eth0 rate 8mbit`,
    /// `meta cgroup 1048577 counter`.
    pub row: String,
    /// Packets since before the step.
    #[serde(default)]
    pub at_least: Option<u64>,
    #[serde(default)]
    pub at_most: Option<u64>,
}

impl Traffic {
    /// The packets of all rows that hold the words; none where no row does.
    fn packets(&self, snapshot: &Snapshot) -> Option<u64> {
        let rows = &snapshot.network_of(&self.actor)?.traffic;
        let fitting = rows.iter().filter(|row| row.text.contains(&self.row)).map(|row| row.packets);
        fitting.reduce(|sum, packets| sum + packets)
    }
}

impl ExpectKind for Traffic {
    const SUMMARY: &'static str = "the packets that passed a class of `shape` or a firewall rule";

    fn impossible_reason(&self) -> Option<&'static str> {
        match (self.at_least, self.at_most) {
            _ if self.row.trim().is_empty() => Some("`row` of `traffic` is empty: it fits any row"),
            (Some(least), Some(most)) if least > most => Some("`at_least` is more than `at_most`"),
            _ => None,
        }
    }

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Network)
    }

    fn deciding_words(&self) -> Vec<String> {
        vec![self.row.clone()]
    }

    fn actors(&self) -> Vec<&ActorName> {
        vec![&self.actor]
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        let omitted = |snapshot: &Snapshot| {
            snapshot
                .network_of(&self.actor)
                .map_or(Omitted::Nothing, |network| network.omitted.traffic)
        };
        let listed =
            world.snapshot.network_of(&self.actor).map_or(0, |network| network.traffic.len());
        let unread = |of: Omitted| or_unread(of, CutList::Traffic, listed, || Seen::NoTrafficRow);
        let Some(now) = self.packets(world.snapshot) else {
            return Judgement::failed(unread(omitted(world.snapshot)));
        };

        // Packets of rows that were not read are missing in the sum.
        let cut = omitted(world.snapshot).plus(omitted(world.before));
        if !cut.is_nothing() && (self.at_least.is_some() || self.at_most.is_some()) {
            return Judgement::failed(unread(cut));
        }

        // A row that was made anew counts from 0.
        let passed = now.checked_sub(self.packets(world.before).unwrap_or(0)).unwrap_or(now);
        let fits = self.at_least.is_none_or(|least| passed >= least)
            && self.at_most.is_none_or(|most| passed <= most);
        Judgement::new(fits, Seen::Packets(passed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::expect::FactAnswers;
    use crate::snapshot::{Network, Traffic as Row};

    #[test]
    fn packets_are_counted_from_where_the_step_began() {
        let with = |rows: &[(&str, u64)]| {
            let traffic = rows.iter().map(|(text, packets)| Row {
                text: (*text).into(),
                packets: *packets,
                bytes: 0,
            });
            let network =
                Network { actors: vec![host()], traffic: traffic.collect(), ..Network::default() };
            Snapshot { networks: vec![network], ..Snapshot::default() }
        };

        let check = |row: &str, at_least, at_most, expected: bool| {
            let before = with(&[("class htb 10:1 dev eth0", 5)]);
            let snapshot =
                with(&[("class htb 10:1 dev eth0", 8), ("meta cgroup 1 counter in ip t c", 2)]);
            let facts = FactAnswers::default();
            let world = ObservedState {
                snapshot: &snapshot,
                before: &before,
                facts: &facts,
                outputs: &[],
                ops: &[],
            };
            let expect = Traffic { actor: host(), row: row.into(), at_least, at_most };
            let verdict = expect.judge(&world);
            assert_eq!(verdict.ok, expected, "{verdict:?}");
        };

        check("class htb 10:1", None, None, true);
        check("class htb 10:2", None, None, false);
        check("class htb 10:1", Some(3), Some(3), true);
        check("class htb 10:1", Some(4), None, false);
        check("meta cgroup 1 counter", Some(2), Some(2), true);
        check("meta cgroup 1 counter", None, Some(1), false);
    }
}
