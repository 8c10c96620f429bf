//! Calls of a step that left no row: a refusal with its errno, a read and who answered, a program that ran. Each is a
//! row at the place that it is about, for this step alone.

use super::MapLens;
use super::scene::{
    ActEnd, BoxOwner, BoxPart, LayerStack, MapBox, MapRow, MapScene, MapWant, PlateCell,
};
use crate::op::{
    ActorName, ImageOrder, IpcOrder, NetOp, Op, OpRecord, Outcome, PackOrder, UnlayerOrder,
};
use crate::snapshot::{Mount, Snapshot};

/// Calls told of in one place; the others are counted.
const MAX_ACTS: usize = 4;

pub(super) fn add(scene: &mut MapScene, lens: MapLens, after: &Snapshot, ops: &[OpRecord]) {
    for record in ops {
        let Some(mut row) = row(record, lens, after) else { continue };
        if lens == MapLens::Files && add_to_stack(scene, &row, record, after) {
            continue;
        }
        if let Some(lanes) = &mut scene.lanes {
            push_bounded(&mut lanes.acts, row);
            continue;
        }
        let wanted = match cgroup_file(record, after).filter(|_| lens == MapLens::Groups) {
            Some(path) => Wanted::Group(path),
            None if lens == MapLens::Groups => continue,
            None => Wanted::Actor(&record.actor),
        };
        row = answered_by(row, record, lens, after);
        let Some(one) = find_box(scene, &wanted) else { continue };
        let place = match (about(&record.op), lens) {
            (Some(path), MapLens::Mounts) => {
                mount_of(path, &record.actor, after).map(|mount| mount.target.as_str())
            }
            (about, _) => about,
        };
        insert(one, row, place);
    }
}

/// Add what is wanted in this picture and is not there, in the box of whoever is to have it.
pub(super) fn add_wanted(scene: &mut MapScene, lens: MapLens, wants: &[MapWant]) {
    for want in wants.iter().filter(|want| want.lens == lens) {
        let row = MapRow::act(ActEnd::Wanted, &want.text);
        if let Some(lanes) = &mut scene.lanes {
            lanes.acts.push(row);
        } else if let Some(stack) = scene.stacks.first_mut() {
            stack.acts.push(row);
        } else {
            let own = want.actor.as_ref().map(Wanted::Actor);
            let has_own = own.as_ref().is_some_and(|own| find_box(scene, own).is_some());
            let one = match own.filter(|_| has_own) {
                Some(own) => find_box(scene, &own),
                None => scene.left.last_mut(),
            };
            if let Some(one) = one {
                one.push(row);
            }
        }
    }
}

/// The box that a call belongs to.
enum Wanted<'a> {
    Actor(&'a ActorName),
    Group(String),
}

fn find_box<'a>(scene: &'a mut MapScene, wanted: &Wanted<'_>) -> Option<&'a mut MapBox> {
    scene.left.iter_mut().chain(&mut scene.right).find_map(|one| find_in(one, wanted))
}

fn find_in<'a>(one: &'a mut MapBox, wanted: &Wanted<'_>) -> Option<&'a mut MapBox> {
    let is_it = match (&one.of, wanted) {
        (BoxOwner::Actors(actors), Wanted::Actor(actor)) => actors.contains(actor),
        (BoxOwner::Group(own), Wanted::Group(path)) => own == path,
        (BoxOwner::Nobody | BoxOwner::Actors(_) | BoxOwner::Group(_), _) => false,
    };
    if is_it {
        return Some(one);
    }
    one.parts.iter_mut().find_map(|part| match part {
        BoxPart::Row(_) => None,
        BoxPart::Box(inner) => find_in(inner, wanted),
    })
}

/// Put a call below the row that it is about, or else at the end.
fn insert(one: &mut MapBox, row: MapRow, about: Option<&str>) {
    let acts =
        one.parts.iter().filter(|part| matches!(part, BoxPart::Row(row) if row.act.is_some()));
    if acts.count() >= MAX_ACTS {
        let rows = one.parts.iter_mut().filter_map(|part| match part {
            BoxPart::Row(row) => Some(row),
            BoxPart::Box(_) => None,
        });
        if !count_in(rows) {
            one.push(MapRow::more_acts(1));
        }
        return;
    }
    let is_its = |row: &MapRow| row.about.is_some() && row.about.as_deref() == about;
    // Of two mounts on one place, the upper one, which comes later, is what the path leads to.
    let best = one.parts.iter().rposition(|part| matches!(part, BoxPart::Row(row) if is_its(row)));
    let is_act = |part: &BoxPart| matches!(part, BoxPart::Row(row) if row.act.is_some());
    let place = best.map_or(one.parts.len(), |place| {
        let behind = one.parts[place + 1..].iter().take_while(|part| is_act(part)).count();
        place + 1 + behind
    });
    one.parts.insert(place, BoxPart::Row(row));
}

fn push_bounded(acts: &mut Vec<MapRow>, row: MapRow) {
    if acts.len() < MAX_ACTS {
        acts.push(row);
    } else if !count_in(acts.iter_mut()) {
        acts.push(MapRow::more_acts(1));
    }
}

/// Count another call in the row of those that have none of their own. False where there is no such row.
fn count_in<'a>(mut rows: impl Iterator<Item = &'a mut MapRow>) -> bool {
    let is_counted = |row: &mut MapRow| match row.act {
        Some(ActEnd::More(calls)) => {
            *row = MapRow::more_acts(calls + 1);
            true
        }
        Some(ActEnd::Done | ActEnd::Answered | ActEnd::Refused | ActEnd::Wanted) | None => false,
    };
    rows.any(is_counted)
}

/// The path or the link that an op is about.
fn about(op: &Op) -> Option<&str> {
    match op {
        Op::Mount { target, .. } | Op::Umount { target, .. } => Some(target),
        Op::PivotRoot { new_root: path, .. }
        | Op::Chroot { path }
        | Op::Chdir { path }
        | Op::Mkdir { path, .. }
        | Op::Rmdir { path }
        | Op::Unlink { path }
        | Op::WriteFile { path, .. }
        | Op::ReadFile { path }
        | Op::Hold { path, .. }
        | Op::CopyTree { to: path, .. } => Some(path),
        Op::Pack(PackOrder { layout: path, .. })
        | Op::MakeImage(ImageOrder { layout: path, .. })
        | Op::Unlayer(UnlayerOrder { to: path, .. }) => Some(path),
        Op::Net(op) => link(op),
        Op::Spawn { .. }
        | Op::Enter { .. }
        | Op::UmountAll
        | Op::Release { .. }
        | Op::SetHostname { .. }
        | Op::GetPid
        | Op::Ipc { .. }
        | Op::Run { .. }
        | Op::Ping { .. }
        | Op::Dial { .. }
        | Op::PacketRule(_)
        | Op::PortRule(_)
        | Op::Work { .. }
        | Op::Device { .. }
        | Op::Kill { .. } => None,
    }
}

fn link(op: &NetOp) -> Option<&str> {
    match op {
        NetOp::AddVeth { name, .. }
        | NetOp::AddVethInto { name, .. }
        | NetOp::AddBridge { name }
        | NetOp::MoveLink { name, .. }
        | NetOp::SetLink { name, .. }
        | NetOp::DeleteLink { name } => Some(name),
        NetOp::AddAddress { dev, .. }
        | NetOp::AddQdisc { dev, .. }
        | NetOp::AddClass { dev, .. } => Some(dev),
        NetOp::AddRoute { .. } | NetOp::DeleteRoute { .. } => None,
    }
}

/// True where a picture has the place that an op is about.
fn belongs(op: &Op, lens: MapLens) -> bool {
    match op {
        Op::Mount { .. }
        | Op::Umount { .. }
        | Op::UmountAll
        | Op::PivotRoot { .. }
        | Op::Chroot { .. }
        | Op::Chdir { .. } => lens == MapLens::Mounts,
        Op::Mkdir { .. } | Op::Rmdir { .. } | Op::WriteFile { .. } => {
            matches!(lens, MapLens::Mounts | MapLens::Files | MapLens::Groups)
        }
        Op::Unlink { .. }
        | Op::ReadFile { .. }
        | Op::CopyTree { .. }
        | Op::Pack(_)
        | Op::MakeImage(_)
        | Op::Unlayer(_) => {
            matches!(lens, MapLens::Mounts | MapLens::Files)
        }
        Op::Spawn { .. } | Op::Enter { .. } | Op::Run { .. } => {
            matches!(lens, MapLens::Processes | MapLens::Namespaces)
        }
        Op::GetPid | Op::Kill { .. } | Op::Work { .. } => lens == MapLens::Processes,
        Op::SetHostname { .. } | Op::Ipc { .. } => lens == MapLens::Namespaces,
        Op::Hold { .. } | Op::Release { .. } => {
            matches!(lens, MapLens::Processes | MapLens::Namespaces | MapLens::Network)
        }
        // The network's own picture has the way of a packet.
        Op::Ping { .. } | Op::Dial { .. } => false,
        Op::Net(_) | Op::PacketRule(_) | Op::PortRule(_) => lens == MapLens::Network,
        Op::Device { .. } => lens == MapLens::Groups,
    }
}

/// The row for a call: none where what it did is a row of its own.
fn row(record: &OpRecord, lens: MapLens, after: &Snapshot) -> Option<MapRow> {
    if !belongs(&record.op, lens) {
        return None;
    }
    // Files of groups are told of with their groups.
    if lens != MapLens::Groups && cgroup_file(record, after).is_some() {
        return None;
    }

    let said = words(&record.op);
    let said = if lens == MapLens::Namespaces { format!("{}: {said}", record.actor) } else { said };
    match &record.outcome {
        Outcome::Failed { errno, .. } => {
            Some(MapRow::act(ActEnd::Refused, format!("{said}: {}", errno)))
        }
        Outcome::Exited { status, .. } => {
            Some(MapRow::act(ActEnd::Refused, format!("{said}: ended with {status}")))
        }
        Outcome::Done { output } => {
            let is_told = matches!(
                record.op,
                Op::GetPid
                    | Op::Ipc { .. }
                    | Op::ReadFile { .. }
                    | Op::Pack(_)
                    | Op::MakeImage(_)
                    | Op::Unlayer(_)
                    | Op::Run { .. }
                    | Op::Kill { .. }
                    | Op::Hold { .. }
                    | Op::Release { .. }
            );
            if !is_told {
                return None;
            }
            let result = if matches!(record.op, Op::GetPid) {
                format!(" = {}", output.trim())
            } else {
                String::new()
            };
            Some(MapRow::act(ActEnd::Done, format!("{said}{result}")))
        }
    }
}

/// A call as a few words of a shell, with what it is about.
fn words(op: &Op) -> String {
    match op {
        Op::Spawn { actor, .. } => format!("unshare {actor}"),
        Op::Enter { actor, .. } => format!("setns {actor}"),
        Op::Mount { target, .. } => format!("mount {target}"),
        Op::Umount { target, .. } => format!("umount {target}"),
        Op::UmountAll => "umount -a".into(),
        Op::PivotRoot { new_root, .. } => format!("pivot_root {new_root}"),
        Op::Chroot { path } => format!("chroot {path}"),
        Op::Chdir { path } => format!("cd {path}"),
        Op::Mkdir { path, .. } => format!("mkdir {path}"),
        Op::Rmdir { path } => format!("rmdir {path}"),
        Op::Unlink { path } => format!("rm {path}"),
        Op::WriteFile { path, text, .. } => {
            let name = path.rsplit('/').next().unwrap_or(path);
            let text = crate::text::shortened(text.trim(), 16);
            if path.contains("/cgroup/") {
                format!("{name} {text}")
            } else {
                format!("write {path}")
            }
        }
        Op::ReadFile { path } => format!("read {path}"),
        Op::CopyTree { from, to } => format!("cp -a {from} {to}"),
        Op::Pack(order) => format!("pack {}", order.name),
        Op::MakeImage(order) => format!("image {}", order.name),
        Op::Unlayer(order) => format!("unpack {}", order.layer),
        Op::Hold { path, fd } => format!("hold {path} as {fd}"),
        Op::Release { fd } => format!("close {fd}"),
        Op::SetHostname { name } => format!("hostname {name}"),
        Op::GetPid => "getpid()".into(),
        Op::Ipc { kind, key, order } => {
            let order = match order {
                IpcOrder::Make { .. } => "make",
                IpcOrder::Remove => "remove",
            };
            format!("{order} {} {key:#x}", kind.word())
        }
        Op::Run { argv } => argv.join(" "),
        Op::Ping { to, .. } => format!("ping {to}"),
        Op::Dial { to, port, .. } => format!("dial {to}:{port}"),
        Op::Net(op) => net_words(op),
        Op::PacketRule(_) => "nft add rule".into(),
        Op::PortRule(rule) => format!("{} {rule}", rule.at.word()),
        Op::Work { name, .. } => format!("workload {name}"),
        Op::Device { rule, .. } => format!("{} {}", rule.file(), rule.rule),
        Op::Kill { pid, signal } => format!("kill -{signal} {pid}"),
    }
}

fn net_words(op: &NetOp) -> String {
    let to = |to: &Option<(std::net::Ipv4Addr, u8)>| match to {
        Some((ip, prefix)) => format!("{ip}/{prefix}"),
        None => "default".into(),
    };
    match op {
        NetOp::AddVeth { name, peer } => format!("add veth {name} {peer}"),
        NetOp::AddVethInto { name, pid, .. } => format!("add veth {name} to PID {pid}"),
        NetOp::AddBridge { name } => format!("add bridge {name}"),
        NetOp::MoveLink { name, pid } => format!("{name} to PID {pid}"),
        NetOp::SetLink { name, .. } => format!("set {name}"),
        NetOp::DeleteLink { name } => format!("delete {name}"),
        NetOp::AddAddress { dev, address, prefix } => format!("{dev} {address}/{prefix}"),
        NetOp::AddRoute { to: way, via } => format!("add {} via {via}", to(way)),
        NetOp::DeleteRoute { to: way, via } => format!("delete {} via {via}", to(way)),
        NetOp::AddQdisc { dev, .. } => format!("add qdisc {dev}"),
        NetOp::AddClass { dev, class, .. } => format!("add class {class} {dev}"),
    }
}

/// The mount that a path of an actor leads to: of those at its directories the deepest, and of two on one place the
/// upper one, which stands later in the table.
fn mount_of<'a>(path: &str, actor: &ActorName, snapshot: &'a Snapshot) -> Option<&'a Mount> {
    let rows = &snapshot.mounts_of(actor)?.rows;
    rows.iter()
        .enumerate()
        .filter(|(_, mount)| below(path, &mount.target).is_some())
        .max_by_key(|(place, mount)| (mount.target.len(), *place))
        .map(|(_, mount)| mount)
}

/// The rest of a path below a directory.
fn below<'a>(path: &'a str, directory: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(directory.trim_end_matches('/'))?;
    (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/'))
}

/// The group whose file or directory a call was about.
fn cgroup_file(record: &OpRecord, after: &Snapshot) -> Option<String> {
    if let Op::Device { group, .. } = &record.op {
        return Some(group.clone());
    }
    let path = about(&record.op)?;
    let mount = mount_of(path, &record.actor, after)?;
    if !mount.fstype.starts_with("cgroup") {
        return None;
    }
    let (group, _) = below(path, &mount.target)?.rsplit_once('/').unwrap_or_default();
    Some(group.to_owned())
}

/// The same row with the file system that answered a read.
fn answered_by(row: MapRow, record: &OpRecord, lens: MapLens, after: &Snapshot) -> MapRow {
    let Op::ReadFile { path } = &record.op else { return row };
    if row.act != Some(ActEnd::Done) || lens != MapLens::Mounts {
        return row;
    }
    match mount_of(path, &record.actor, after) {
        Some(mount) => {
            row.and(super::canvas::MapTone::Quiet, format!("  {} answers", mount.fstype))
        }
        None => row,
    }
}

/// Tell of a call with the overlay that its path leads to. False where it leads to none.
fn add_to_stack(scene: &mut MapScene, row: &MapRow, record: &OpRecord, after: &Snapshot) -> bool {
    let Some(path) = about(&record.op) else { return false };
    let Some(mount) = mount_of(path, &record.actor, after) else { return false };
    let is_its = |stack: &&mut LayerStack| stack.device.as_deref() == Some(mount.device.as_str());
    let Some(stack) = scene.stacks.iter_mut().find(is_its) else { return false };

    let mut row = row.clone();
    if let Some(piece) = row.text.first_mut() {
        piece.text = format!("{}: {}", record.actor, piece.text);
    }
    if let (Op::ReadFile { .. }, Some(ActEnd::Done)) = (&record.op, row.act)
        && let Some(layer) = below(path, &mount.target).and_then(|name| answering(stack, name))
    {
        row = row.and(super::canvas::MapTone::Quiet, format!("  {layer} answers"));
    }
    push_bounded(&mut stack.acts, row);
    true
}

/// The layer that answers for a name.
fn answering(stack: &LayerStack, name: &str) -> Option<String> {
    let column = stack.columns.iter().find(|column| column.name == name)?;
    let place = column.cells.iter().position(|cell| *cell == PlateCell::Answers)?;
    Some(stack.plates.get(place)?.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_past_the_fourth_are_counted() {
        let mut acts = Vec::new();
        for call in 1..=7 {
            push_bounded(&mut acts, MapRow::act(ActEnd::Done, format!("call {call}")));
        }
        let text = |row: &MapRow| row.text.iter().map(|piece| piece.text.as_str()).collect();
        let texts: Vec<String> = acts.iter().map(text).collect();
        assert_eq!(texts, ["call 1", "call 2", "call 3", "call 4", "3 more calls"]);
    }
}
