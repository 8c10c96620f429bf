//! The processes pane: one table, a column per pid namespace, as NSpid of /proc/PID/status has them.

use super::{PaneData, PaneRow, PaneSection, RowSubject, omitted, row, visible, with_was};
use crate::seen::CutList;
use crate::snapshot::Process;
use crate::text::padded;

pub fn build(scene: &PaneData<'_>) -> Vec<PaneSection> {
    let deepest = scene.diff.processes.iter().flat_map(|row| [&row.before, &row.after]).flatten();
    // As many columns as there are names; the machine's pid and the lab's are always shown.
    let levels = deepest.map(|process| process.ns_pids.len()).max().unwrap_or(1).clamp(2, 4);
    let names = ["machine", "in lab", "inside", "deeper"];
    let heads: Vec<String> = names.iter().take(levels).map(|name| padded(name, 7)).collect();

    let mut rows =
        vec![PaneRow::heading(format!("{} {} S command", heads.join(" "), padded("actor", 9)))];
    for (place, shown) in visible(&scene.diff.processes, scene) {
        let (mark, process, before) = shown;
        let text = line(process, levels);
        let row = row(mark, with_was(mark, text, process, before, &["state"]));
        rows.push(row.about(RowSubject::Process { place }));
    }

    rows.extend(omitted(
        CutList::Processes,
        &scene.diff.processes,
        scene.diff.processes_omitted,
        scene,
    ));
    vec![PaneSection { rows }]
}

fn line(process: &Process, levels: usize) -> String {
    let pids: Vec<String> = (0..levels)
        .map(|level| process.ns_pids.get(level).map_or_else(String::new, u32::to_string))
        .map(|pid| padded(&pid, 7))
        .collect();
    let actor = process.actor.as_ref().map_or("", |actor| actor.as_str());
    let command = if process.args.is_empty() { &process.comm } else { &process.args };
    format!("{} {} {} {command}", pids.join(" "), padded(actor, 9), process.state)
}
