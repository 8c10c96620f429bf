//! The tree of the lab's groups, hierarchy by hierarchy: who is in each, and how it stands. Pure.

use std::collections::BTreeSet;

use super::branches::branches;
use super::{CompareMode, PaneData, PaneRow, RowKind, row};
use crate::app::keymap::keys;
use crate::diff::{CgroupFile, ChangeKind, Diff, DiffSection, GroupOwner, OwnerChange};
use crate::remark::Remark;
use crate::snapshot::Process;
use crate::text::shortened;

/// A group that is chosen has a row for each member, but no more than these.
const MAX_MEMBERS: usize = 12;
/// Of a group that is not, so many are named beside it.
const MAX_NAMES: usize = 4;

/// docker names groups with 64 digits; systemd puts more around those.
const MAX_NAME_COLUMNS: usize = 28;

/// A group in one or more hierarchies that have it alike.
#[derive(Debug, Clone, PartialEq)]
struct Group<'a> {
    path: &'a str,
    owner_change: &'a OwnerChange,
    before: Members,
    after: Members,
    /// `FROZEN`, `oom_kill 2`.
    state: Vec<String>,
}

impl Group<'_> {
    /// The number of groups above.
    fn depth(&self) -> usize {
        self.path.split('/').filter(|part| !part.is_empty()).count()
    }
}

/// The processes that were read to be in a group.
#[derive(Debug, Clone, Default, PartialEq)]
struct Members {
    pids: Vec<u32>,
    /// There are more.
    is_cut: bool,
}

impl Members {
    fn read(file: Option<&CgroupFile>) -> Members {
        let (pids, is_cut) = file.map(CgroupFile::pids).unwrap_or_default();
        Members { pids, is_cut }
    }

    /// Somebody whom the other side alone has came or left: unless this one was cut.
    fn unless_cut(&self, mark: ChangeKind) -> ChangeKind {
        if self.is_cut { ChangeKind::Unknown } else { mark }
    }
}

/// Hierarchies with the same groups and the same members in them.
#[derive(Debug, PartialEq)]
struct Tree<'a> {
    hierarchies: Vec<&'a str>,
    groups: Vec<Group<'a>>,
}

/// The paths of all groups, each once: the lesson's own in the order of the tree, the lab's top group at the end.
pub fn group_paths(diff: &Diff) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for owner in diff.cgroups.iter().map(|section| &section.owner) {
        if !owner.is_top() && !found.contains(&owner.path) {
            found.push(owner.path.clone());
        }
    }
    found.extend(diff.cgroups.iter().any(|section| section.owner.is_top()).then(String::new));
    found
}

/// The tree's rows; empty where there are no groups, or none of them changed and only changes are asked for.
pub fn tree_rows(scene: &PaneData<'_>, chosen: Option<&str>) -> Vec<PaneRow> {
    let (bare, grown): (Vec<Tree<'_>>, Vec<Tree<'_>>) = trees(scene)
        .into_iter()
        .partition(|tree| tree.groups.iter().all(|group| group.path.is_empty()));

    let mut rows = Vec::new();
    for tree in &grown {
        rows.push(PaneRow::heading(heading(&tree.hierarchies)));
        let shown: Vec<&Group<'_>> =
            tree.groups.iter().filter(|group| is_shown(group, scene, chosen)).collect();
        if shown.is_empty() {
            rows.pop();
        }
        let depths: Vec<usize> = shown.iter().map(|group| group.depth()).collect();
        for (group, branch) in shown.into_iter().zip(branches(&depths)) {
            group_rows(&mut rows, group, [&branch, ""], scene, chosen);
        }
    }

    // A hierarchy without groups of the lesson's takes one line, and those alike share it.
    for tree in &bare {
        let note = format!("in {}: ", tree.hierarchies.join(", "));
        for group in tree.groups.iter().filter(|group| is_shown(group, scene, chosen)) {
            group_rows(&mut rows, group, ["", &note], scene, chosen);
        }
    }

    if !rows.is_empty() {
        let key = keys::lesson::GROUP.into();
        let head = Remark::WhoIsInWhichGroup { key, is_one_alone: chosen.is_some() };
        rows.insert(0, PaneRow::remark(&head));
    }
    rows
}

fn trees<'a>(scene: &PaneData<'a>) -> Vec<Tree<'a>> {
    let mut by_hierarchy: Vec<(&str, Vec<Group<'a>>)> = Vec::new();
    for section in &scene.diff.cgroups {
        let GroupOwner { hierarchy, path } = &section.owner;
        let group = group(path, section, scene);
        match by_hierarchy.iter_mut().find(|(known, _)| *known == hierarchy.as_str()) {
            Some((_, groups)) => groups.push(group),
            None => by_hierarchy.push((hierarchy, vec![group])),
        }
    }

    let mut trees: Vec<Tree<'a>> = Vec::new();
    for (hierarchy, mut groups) in by_hierarchy {
        // Those that are gone stand at the end of a diff: back to their parents. (`a-b` must not part `a` from `a/c`.)
        groups.sort_by_key(|group| group.path.split('/').collect::<Vec<_>>());

        let alike = |tree: &&mut Tree<'_>| {
            let same = |(one, other): (&Group<'_>, &Group<'_>)| {
                one.path == other.path
                    && one.owner_change == other.owner_change
                    && one.after == other.after
                    && one.before == other.before
            };
            let version = |name: &str| name == "unified";
            // A heading says v1 or v2, so the two share none; a top group alone has no heading.
            (groups.len() < 2 || version(tree.hierarchies[0]) == version(hierarchy))
                && tree.groups.len() == groups.len()
                && tree.groups.iter().zip(&groups).all(same)
        };

        match trees.iter_mut().find(alike) {
            Some(tree) => {
                tree.hierarchies.push(hierarchy);
                for (known, other) in tree.groups.iter_mut().zip(groups) {
                    known.state.extend(other.state);
                }
            }
            None => trees.push(Tree { hierarchies: vec![hierarchy], groups }),
        }
    }

    trees
}

fn group<'a>(
    path: &'a str,
    section: &'a DiffSection<GroupOwner, CgroupFile>,
    scene: &PaneData<'_>,
) -> Group<'a> {
    let list =
        section.rows.iter().find(|row| row.latest_value().is_some_and(CgroupFile::is_member_list));
    let side = |row: &'a crate::diff::DiffRow<CgroupFile>| match scene.compare {
        CompareMode::Before => row.before.as_ref(),
        CompareMode::Diff | CompareMode::After | CompareMode::SideBySide => row.latest_value(),
    };

    Group {
        path,
        owner_change: &section.owner_change,
        before: Members::read(list.and_then(|row| row.before.as_ref())),
        after: Members::read(list.and_then(|row| row.after.as_ref())),
        state: section.rows.iter().filter_map(side).filter_map(state).collect(),
    }
}

/// The state of a group that a file tells of, where it is worth a word.
fn state(file: &CgroupFile) -> Option<String> {
    let field =
        |name: &str| file.value.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let count = |name: &str| {
        field(name).and_then(|number| number.parse::<u64>().ok()).filter(|count| *count > 0)
    };

    match file.name.as_str() {
        "freezer.state" if file.value != "THAWED" => Some(file.value.clone()),
        "cgroup.events" if field("frozen") == Some("1") => Some("FROZEN".into()),
        // One file tells both: somebody who waits now comes before those who were killed.
        "memory.oom_control" if field("under_oom") == Some("1") => {
            Some("waits for memory (under_oom)".into())
        }
        "memory.oom_control" | "memory.events" => {
            count("oom_kill").map(|times| format!("oom_kill {times}"))
        }
        "pids.events" => count("max").map(|times| format!("fork refused {times}")),
        _ => None,
    }
}

fn heading(hierarchies: &[&str]) -> String {
    match hierarchies {
        ["unified"] => "v2: one tree".into(),
        [one] => format!("v1: the tree of {one}"),
        several => format!("v1: the trees of {}", several.join(", ")),
    }
}

fn is_shown(group: &Group<'_>, scene: &PaneData<'_>, chosen: Option<&str>) -> bool {
    match scene.compare {
        CompareMode::Before => *group.owner_change != OwnerChange::New,
        CompareMode::After => *group.owner_change != OwnerChange::Gone,
        CompareMode::Diff | CompareMode::SideBySide => {
            !scene.changes_only || mark(group, scene).is_change() || chosen == Some(group.path)
        }
    }
}

fn mark(group: &Group<'_>, scene: &PaneData<'_>) -> ChangeKind {
    match (scene.compare, group.owner_change) {
        (CompareMode::Before | CompareMode::After, _) => ChangeKind::Same,
        (_, OwnerChange::New | OwnerChange::CopyOf(_)) => ChangeKind::Added,
        (_, OwnerChange::Gone) => ChangeKind::Gone,
        (_, OwnerChange::Unknown) => ChangeKind::Unknown,
        (_, OwnerChange::Old) if group.before == group.after => ChangeKind::Same,
        (_, OwnerChange::Old) => ChangeKind::Changed,
    }
}

fn group_rows(
    rows: &mut Vec<PaneRow>,
    group: &Group<'_>,
    [branch, note]: [&str; 2],
    scene: &PaneData<'_>,
    chosen: Option<&str>,
) {
    let is_chosen = chosen == Some(group.path);
    let name = group.path.rsplit_once('/').map_or(group.path, |(_, name)| name);
    let name =
        if group.path.is_empty() { "/".to_owned() } else { shortened(name, MAX_NAME_COLUMNS) };
    let name = if is_chosen { format!("[{name}]") } else { name };

    let members = members(group, scene);
    // Once is enough: in another hierarchy they are named only.
    let is_open = is_chosen && !rows.iter().any(|row| row.group.as_deref() == chosen);
    let is_cut = match scene.compare {
        CompareMode::Before => group.before.is_cut,
        CompareMode::Diff | CompareMode::After | CompareMode::SideBySide => group.after.is_cut,
    };

    let beside = if is_open { String::new() } else { names(&members, is_cut) };
    let kind = if group.path.is_empty() { RowKind::Dim } else { RowKind::Plain };
    let told = [format!("  {branch}{name}"), group.state.join("  "), format!("{note}{beside}")];
    let text = told.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ");
    rows.push(PaneRow {
        kind,
        group: Some(group.path.to_owned()),
        ..row(mark(group, scene), text)
    });

    if is_open {
        let indent = "  ".repeat(group.depth() + 1);
        rows.extend(members.iter().take(MAX_MEMBERS).map(|member| PaneRow {
            group: Some(group.path.to_owned()),
            ..row(member.mark, format!("{indent}{}", member.line()))
        }));
        let rest = rest(members.len().saturating_sub(MAX_MEMBERS), is_cut);
        rows.extend(rest.map(|rest| PaneRow::note(format!("{indent}{rest}"))));
    }
}

/// A process in a group.
struct Member<'a> {
    pid: u32,
    mark: ChangeKind,
    /// None when it came and went between two looks.
    process: Option<&'a Process>,
}

impl Member<'_> {
    fn name(&self) -> String {
        let sign = if self.mark == ChangeKind::Same {
            String::new()
        } else {
            self.mark.sign().to_string()
        };
        let name = self.process.map_or("", |process| {
            process.actor.as_ref().map_or(process.comm.as_str(), |actor| actor.as_str())
        });
        format!("{sign}{}", format!("{name} {}", self.pid).trim_start())
    }

    /// Pids from the outside in, as the processes pane has them, state, name, command.
    fn line(&self) -> String {
        let Some(process) = self.process else { return self.pid.to_string() };
        let pids: Vec<String> = process.ns_pids.iter().map(u32::to_string).collect();
        let command = if process.args.is_empty() { &process.comm } else { &process.args };
        let actor = process.actor.as_ref().map_or(String::new(), |actor| format!("{actor}: "));
        format!("{} {} {actor}{command}", pids.join(" = "), process.state)
    }
}

fn members<'a>(group: &Group<'_>, scene: &PaneData<'a>) -> Vec<Member<'a>> {
    let member = |pid: u32, mark| {
        let process = scene.after.process(pid).or_else(|| scene.before.process(pid));
        Member { pid, mark, process }
    };

    if scene.compare == CompareMode::Before {
        return group.before.pids.iter().map(|pid| member(*pid, ChangeKind::Same)).collect();
    }

    let old: BTreeSet<u32> = group.before.pids.iter().copied().collect();
    let new: BTreeSet<u32> = group.after.pids.iter().copied().collect();
    let came = |pid: &u32| {
        if old.contains(pid) {
            ChangeKind::Same
        } else {
            group.before.unless_cut(ChangeKind::Added)
        }
    };
    let marked = scene.compare != CompareMode::After;
    let there = group
        .after
        .pids
        .iter()
        .map(|pid| member(*pid, if marked { came(pid) } else { ChangeKind::Same }));
    let left = group.before.pids.iter().filter(|pid| marked && !new.contains(pid));
    there.chain(left.map(|pid| member(*pid, group.after.unless_cut(ChangeKind::Gone)))).collect()
}

/// `host 1203, +clerk 1250`: those who came and left with their marks.
fn names(members: &[Member<'_>], is_cut: bool) -> String {
    let mut names: Vec<String> = members.iter().take(MAX_NAMES).map(Member::name).collect();
    names.extend(rest(members.len().saturating_sub(MAX_NAMES), is_cut));
    names.join(", ")
}

/// Behind those that are listed: how many more there are.
fn rest(hidden: usize, is_cut: bool) -> Option<String> {
    match hidden {
        0 if !is_cut => None,
        hidden if is_cut => Some(format!("and more than {hidden} more")),
        hidden => Some(format!("and {hidden} more")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_group_stands_is_said_where_that_is_worth_a_word() {
        let check = |name: &str, value: &str, expected: Option<&str>| {
            let file = CgroupFile { name: name.into(), value: value.into() };
            assert_eq!(state(&file).as_deref(), expected, "{name} {value}");
        };

        check("freezer.state", "THAWED", None);
        check("freezer.state", "FREEZING", Some("FREEZING"));
        check("cgroup.events", "populated 1\nfrozen 1", Some("FROZEN"));
        check("cgroup.events", "populated 1\nfrozen 0", None);
        check(
            "memory.oom_control",
            "oom_kill_disable 1\nunder_oom 1\noom_kill 0",
            Some("waits for memory (under_oom)"),
        );
        check(
            "memory.oom_control",
            "oom_kill_disable 0\nunder_oom 0\noom_kill 2",
            Some("oom_kill 2"),
        );
        check("memory.events", "low 0\nhigh 0\nmax 9\noom 3\noom_kill 0", None);
        check(
            "memory.events",
            "low 0\nhigh 0\nmax 9\noom 3\noom_kill 1\noom_group_kill 1",
            Some("oom_kill 1"),
        );
        check("pids.events", "max 7", Some("fork refused 7"));
        check("pids.max", "7", None);
    }
}
