//! The data that cards are made from, and the parts that all of them have.

use super::card::{Card, See};
use super::see::{self, Seat};
use super::{Entry, find};
use crate::action::LabFacts;
use crate::op::ActorName;
use crate::snapshot::{CgroupVersion, Snapshot};
use crate::text::safe;

/// The lab in which the things are.
#[derive(Debug, Clone, Copy)]
pub struct CardData<'a> {
    /// The state that is shown.
    pub snapshot: &'a Snapshot,
    pub facts: &'a LabFacts,
}

pub(super) const GONE: &str = "It is not there now, so there is nothing to look at in a shell.";
pub(super) const NOBODY: &str =
    "No process of the lab is in this network namespace, so no shell can look at it.";

impl CardData<'_> {
    /// The seat of a living actor.
    pub(super) fn seat(&self, actor: &ActorName) -> Option<Seat> {
        let process = self.snapshot.living_process_of(actor)?;
        Some(Seat::of(actor, process.lab_pid()?))
    }

    pub(super) fn seat_of_network(&self, name: &str) -> Option<Seat> {
        let network = self.snapshot.networks.iter().find(|network| network.name == name)?;
        network.actors.iter().find_map(|actor| self.seat(actor))
    }

    /// The directory of a group inside the lab, and the version of its hierarchy.
    pub(super) fn group_dir(&self, hierarchy: &str, path: &str) -> Option<(String, CgroupVersion)> {
        let is_v2 = hierarchy == "unified";
        let mount = self.facts.cgroups.iter().find(|(controller, mount)| match mount.version {
            CgroupVersion::V2 => is_v2,
            CgroupVersion::V1 => hierarchy.split(',').any(|one| one == controller.as_str()),
        });
        let (_, mount) = mount?;
        let dir =
            if path.is_empty() { mount.path.clone() } else { format!("{}/{path}", mount.path) };
        Some((dir, mount.version))
    }
}

pub(super) fn seen(line: Option<see::SeeLine>, why_not: &'static str) -> See {
    line.map_or(See::No(why_not), See::Line)
}

pub(super) fn card(title: String, sentences: Vec<String>, see: See, words: &[&str]) -> Card {
    Card {
        title: safe(&title),
        sentences: shown(sentences),
        origin: None,
        see,
        entries: entries(words),
    }
}

pub(super) fn shown(sentences: Vec<String>) -> Vec<String> {
    sentences.iter().map(|sentence| safe(sentence)).collect()
}

fn entries(words: &[&str]) -> Vec<&'static Entry> {
    let mut found: Vec<&'static Entry> = Vec::new();
    for entry in words.iter().filter_map(|word| find(word)) {
        if !found.contains(&entry) {
            found.push(entry);
        }
    }
    found
}
