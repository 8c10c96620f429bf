//! Answers to what expectations ask beyond a snapshot: files, what a /proc lists, whether an address answers.

use super::lab::Lab;
use crate::fact::ProcListing;
use crate::lesson::expect::{Expect, FactAnswers, FactRequest};
use crate::observe::{actor_facts, contents, layouts};
use crate::op::ActorName;
use crate::snapshot::Snapshot;

/// The longest that an address may take to answer a probe, in milliseconds.
const REACH_TIMEOUT_MS: u32 = 1000;

/// Look up everything the expectations ask for. A fact about an actor that is gone stays unanswered: its pid may be
/// another process's by now.
pub fn gather_facts(lab: &mut Lab, snapshot: &Snapshot, expects: &[Expect]) -> FactAnswers {
    let mut answers =
        FactAnswers { made_actors: lab.made_actors().clone(), ..FactAnswers::default() };
    let living = |actor: &ActorName| snapshot.living_process_of(actor).map(|process| process.pid);

    for request in expects.iter().flat_map(Expect::required_facts) {
        match request {
            FactRequest::File { actor, path } => {
                let fact = living(&actor).and_then(|pid| actor_facts::file_fact(pid, &path).ok());
                answers.files.extend(fact.map(|fact| ((actor, path), fact)));
            }
            FactRequest::Layout { actor, layout, reading } => {
                let known = lab.known_digests();
                let fact = living(&actor)
                    .and_then(|pid| layouts::layout(pid, &layout, reading, known).ok());
                answers.layouts.extend(fact.map(|fact| ((actor, layout, reading), fact)));
            }
            FactRequest::ProcLists { viewer, target } => {
                let listed = living(&viewer).and_then(|viewer| lists(viewer, snapshot, &target));
                answers.proc_lists.extend(listed.map(|listed| ((viewer, target), listed)));
            }
            FactRequest::ProcCount { viewer } => {
                let count = living(&viewer).map(actor_facts::proc_count);
                answers.proc_counts.extend(count.map(|count| (viewer, count)));
            }
            FactRequest::CgroupPaths { of, reader } => {
                let lab_pid = |actor: &ActorName| snapshot.living_process_of(actor)?.lab_pid();
                let pids = lab_pid(&of).zip(lab_pid(&reader));
                let text = pids
                    .and_then(|(of, reader)| lab.links().cgroup_paths(of, reader).ok().flatten());
                let paths = text.map(|text| contents::group_paths(&text));
                answers.cgroup_paths.extend(paths.map(|paths| ((of, reader), paths)));
            }
            FactRequest::Reach { from, to, port } => {
                let from_process = snapshot.living_process_of(&from);
                let pid = from_process.and_then(|process| process.lab_pid());
                let answer = pid
                    .and_then(|pid| lab.links().answer_from(pid, to, port, REACH_TIMEOUT_MS).ok());
                answers.reached.extend(answer.map(|answer| ((from, to, port), answer)));
            }
        }
    }

    answers
}

/// The answer of the viewer's /proc that is asked for the target; none where the target is gone.
fn lists(viewer: u32, snapshot: &Snapshot, target: &ActorName) -> Option<ProcListing> {
    let process = snapshot.process_of(target)?;
    Some(actor_facts::proc_listing(viewer, process.start_time, &process.comm))
}
