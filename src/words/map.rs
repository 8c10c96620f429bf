//! The map in words, for whoever does not see it: what changed, then how things stand, then what joins what.

use std::collections::BTreeMap;

use crate::diff::ChangeKind;
use crate::map::{
    BoxEdge, BoxPart, LaneOwner, LaneRow, Lanes, LayerStack, MapBox, MapLens, MapRow, MapScene,
    MapTone, MapWire, PieceShape, PlateCell, PlateColumn, RowAnchor, WireKind,
};
use crate::op::NamespaceKind;

/// Rows that one sentence lists; the others are counted.
const MAX_ROWS: usize = 6;
/// Words after which no more is told of how things stand.
const ENOUGH_WORDS: usize = 80;

/// The marks, in the order in which they are told.
const MARKS: [(ChangeKind, &str); 5] = [
    (ChangeKind::Moved, "Moved"),
    (ChangeKind::Added, "New"),
    (ChangeKind::Changed, "Changed"),
    (ChangeKind::Gone, "Gone"),
    (ChangeKind::Unknown, "Not known whether new"),
];

/// The name of a picture: what it shows.
pub fn map_title(lens: MapLens) -> &'static str {
    match lens {
        MapLens::Namespaces => "Map of the namespaces",
        MapLens::Processes => "Map of the processes and their PIDs",
        MapLens::Mounts => "Map of the mounts",
        MapLens::Network => "Map of the network",
        MapLens::Groups => "Map of the control groups",
        MapLens::Files => "Map of the layers",
    }
}

/// The changes of a scene alone.
pub fn map_changes(lens: MapLens, scene: &MapScene) -> String {
    change_sentences(lens, scene).join(" ")
}

fn change_sentences(lens: MapLens, scene: &MapScene) -> Vec<String> {
    let said = match &scene.lanes {
        Some(lanes) => lane_changes(lanes),
        None => [stack_changes(&scene.stacks), changes(lens, &all_boxes(scene))].concat(),
    };
    match (said.is_empty(), scene.changed()) {
        (false, _) => said,
        (true, 0) => vec!["Nothing here changed.".into()],
        // A namespace whose members alone are others has no mark of its own.
        (true, _) => vec!["No namespace came or went, but what is in them did.".into()],
    }
}

/// One paragraph for a scene. It is as long as it must be to tell every change, or count it.
pub fn map_words(lens: MapLens, scene: &MapScene) -> String {
    if scene.is_empty() {
        return "Nothing of this kind is there.".into();
    }
    let mut said = change_sentences(lens, scene);
    if let Some(lanes) = &scene.lanes {
        said.extend(lanes_standing(lanes));
        return said.join(" ");
    }

    let boxes = all_boxes(scene);
    let mut left_out = 0;
    for sentence in wires(scene, &boxes).into_iter().chain(standing(lens, &boxes)) {
        let words: usize = said.iter().map(|it| it.split_whitespace().count()).sum();
        if words + sentence.split_whitespace().count() <= ENOUGH_WORDS {
            said.push(sentence);
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        said.push("The picture has more.".into());
    }
    said.join(" ")
}

/// All boxes, those in others after what they are in.
fn all_boxes(scene: &MapScene) -> Vec<&MapBox> {
    fn add<'a>(one: &'a MapBox, all: &mut Vec<&'a MapBox>) {
        all.push(one);
        for part in &one.parts {
            if let BoxPart::Box(inner) = part {
                add(inner, all);
            }
        }
    }
    let mut all = Vec::new();
    scene.left.iter().chain(&scene.right).for_each(|one| add(one, &mut all));
    all
}

fn rows(one: &MapBox) -> impl Iterator<Item = &MapRow> {
    one.parts.iter().filter_map(|part| match part {
        BoxPart::Row(row) => Some(row),
        BoxPart::Box(_) => None,
    })
}

/// `container`, or `group box`.
fn name(one: &MapBox) -> String {
    let name = one.title.first().map_or("", String::as_str);
    match (one.edge, name) {
        (BoxEdge::Namespace, name) => name.to_owned(),
        (BoxEdge::Group, "/") => "the top group".into(),
        (BoxEdge::Group, name) => format!("group {name}"),
    }
}

/// Mark by mark: a sentence for each box that has it, and one for each box with such rows; then what is counted alone.
fn changes(lens: MapLens, boxes: &[&MapBox]) -> Vec<String> {
    let mut said = Vec::new();
    for (mark, word) in MARKS {
        for one in boxes {
            let owner = name(one);
            if one.mark == Some(mark) {
                said.push(match kind(one) {
                    kind if kind.is_empty() || mark == ChangeKind::Gone => {
                        format!("{word}: {owner}.")
                    }
                    kind => format!("{word}: {owner}, {kind}."),
                });
            }
            let marked: Vec<&MapRow> = rows(one).filter(|row| row.mark == mark).collect();
            if !marked.is_empty() {
                said.push(format!("{word} in {owner}: {}.", listed(lens, &marked)));
            }
        }
    }
    for one in boxes {
        let acts: Vec<&MapRow> = rows(one).filter(|row| row.act.is_some()).collect();
        if !acts.is_empty() {
            said.push(format!("Called in {}: {}.", name(one), listed(lens, &acts)));
        }
    }
    for one in boxes {
        let counted: usize =
            rows(one).filter(|row| !row.mark.is_change()).map(|row| row.changed).sum();
        match counted {
            0 => {}
            1 => said.push(format!("1 more change in {}.", name(one))),
            count => said.push(format!("{count} more changes in {}.", name(one))),
        }
    }
    said
}

/// The title besides the name: what the box holds.
fn kind(one: &MapBox) -> String {
    one.title.iter().skip(1).map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// A sentence for each box that says how it is besides what changed, and one for whose namespaces are its own.
fn standing(lens: MapLens, boxes: &[&MapBox]) -> Vec<String> {
    let mut said = Vec::new();
    for one in boxes {
        // (A row of signs alone has no words.)
        let unmarked: Vec<&MapRow> = rows(one)
            .filter(|row| row.changed == 0 && !row.mark.is_change() && row.act.is_none())
            .filter(|row| !row_words(lens, row).is_empty())
            .collect();
        let (kind, owner) = (kind(one), capitalised(&name(one)));
        match (kind.is_empty(), unmarked.is_empty()) {
            (true, true) => {}
            (false, true) => said.push(format!("{owner}: {kind}.")),
            (true, false) => said.push(format!("{owner}, as before: {}.", listed(lens, &unmarked))),
            (false, false) => {
                said.push(format!("{owner}, {kind}, as before: {}.", listed(lens, &unmarked)));
            }
        }
    }
    for one in boxes.iter().filter(|one| one.edge == BoxEdge::Namespace) {
        let own: Vec<String> = one
            .foot
            .iter()
            .filter(|word| !word.chars().any(char::is_lowercase))
            .map(|word| word.to_lowercase())
            .collect();
        if !own.is_empty() {
            let name = capitalised(&name(one));
            said.push(format!("{name} has namespaces of its own: {}.", and_joined(&own)));
        }
    }
    said
}

/// The wires that tell more than the rows at their ends do.
fn wires(scene: &MapScene, boxes: &[&MapBox]) -> Vec<String> {
    let mut ends: BTreeMap<RowAnchor, (String, String)> = BTreeMap::new();
    for one in boxes {
        for row in rows(one) {
            if let Some(anchor) = row.anchor {
                ends.insert(anchor, (name(one), first_words(row)));
            }
        }
    }
    let said = scene.wires.iter().filter_map(|wire| {
        let [a, b] = wire.ends.map(|end| ends.get(&end));
        Some(wire_words(wire, a?, b?))
    });
    said.collect()
}

fn wire_words(wire: &MapWire, a: &(String, String), b: &(String, String)) -> String {
    let ((a_box, a_row), (b_box, b_row)) = (a, b);
    match wire.kind {
        WireKind::Cable => format!("A cable joins {a_row} of {a_box} and {b_row} of {b_box}."),
        WireKind::DeadCable => {
            format!("A cable joins {a_row} of {a_box} and {b_row} of {b_box}; nothing passes it.")
        }
        WireKind::Identity => {
            format!("PID {a_row} of {a_box} is PID {b_row} of {b_box}: one process.")
        }
        WireKind::Peers => {
            // `◆17▸2`: peer groups that both are in, and those whose slave the second is.
            let (shared, slaves) = wire.label.split_once('▸').unwrap_or((&wire.label, ""));
            let shared = shared.trim_start_matches('◆');
            let mut parts = Vec::new();
            if !shared.is_empty() {
                parts.push(format!("{a_box} and {b_box} share {shared} peer groups"));
            }
            if !slaves.is_empty() {
                parts.push(format!("{b_box} receives from {slaves} peer groups of {a_box}"));
            }
            format!("{}.", capitalised(&parts.join("; ")))
        }
    }
}

/// The name of a row: of a link or a path, or a PID.
fn first_words(row: &MapRow) -> String {
    let text = row.text.iter().filter(|piece| piece.shape.is_none() && piece.tone != MapTone::Line);
    let text: Vec<&str> = text.map(|piece| piece.text.trim()).collect();
    let first = text.iter().find(|text| !text.is_empty()).copied().unwrap_or_default();
    first.split_whitespace().next().unwrap_or_default().to_owned()
}

fn listed(lens: MapLens, rows: &[&MapRow]) -> String {
    let mut said: Vec<String> =
        rows.iter().take(MAX_ROWS).map(|row| row_words(lens, row)).collect();
    if rows.len() > MAX_ROWS {
        said.push(format!("and {} more", rows.len() - MAX_ROWS));
    }
    said.join("; ")
}

/// A row without its signs.
fn row_words(lens: MapLens, row: &MapRow) -> String {
    let mut is_down = false;
    let mut parts: Vec<String> = Vec::new();
    for piece in row.text.iter().filter(|piece| piece.tone != MapTone::Line) {
        match piece.shape {
            Some(PieceShape::Plug { is_up }) => is_down = !is_up,
            Some(PieceShape::Gauge { .. }) => {}
            None => {
                let text = piece.text.split_whitespace().collect::<Vec<_>>().join(" ");
                let text = text.trim_start_matches("… ").replace(" ▸ ", " to ");
                let text = text.replace("(over it)", "one more over it");
                match parts.last_mut() {
                    _ if text.is_empty() => {}
                    // What a mount is of, behind its place.
                    Some(last) if lens == MapLens::Mounts && piece.tone == MapTone::Quiet => {
                        last.push_str(&format!(" ({text})"));
                    }
                    _ => parts.push(text),
                }
                if std::mem::take(&mut is_down) {
                    parts.push("down".into());
                }
            }
        }
    }
    let between = match lens {
        MapLens::Mounts | MapLens::Network => ", ",
        MapLens::Namespaces | MapLens::Processes | MapLens::Groups | MapLens::Files => " ",
    };
    let text = parts.join(between);
    let text = if lens == MapLens::Processes { format!("PID {text}") } else { text };
    let names: Vec<String> = row.names.iter().map(|name| pack_name(name)).collect();
    match (text.is_empty(), names.is_empty()) {
        (_, true) => text,
        (true, false) if lens == MapLens::Mounts => format!("below it {}", and_joined(&names)),
        (true, false) => and_joined(&names),
        (false, false) => format!("{text} {}", and_joined(&names)),
    }
}

/// `sys and 4 below it`, where the map has `sys +4`.
fn pack_name(name: &str) -> String {
    match name.rsplit_once(" +") {
        Some((name, below)) if below.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{name} with {below} below it")
        }
        _ => name.to_owned(),
    }
}

/// A sentence for each mark among the names of an overlay: what its layers have of them.
fn stack_changes(stacks: &[LayerStack]) -> Vec<String> {
    let mut said = Vec::new();
    for stack in stacks {
        let title = stack.title.join(", ");
        if let Some((_, word)) = MARKS.into_iter().find(|(mark, _)| stack.mark == Some(*mark)) {
            said.push(format!("{word}: the overlay that {title}."));
        }
        for (mark, word) in MARKS {
            let marked: Vec<_> = stack.columns.iter().filter(|it| it.mark == mark).collect();
            let mut names: Vec<String> =
                marked.iter().take(MAX_ROWS).map(|column| column_words(stack, column)).collect();
            if marked.len() > MAX_ROWS {
                names.push(format!("and {} more", marked.len() - MAX_ROWS));
            }
            if !names.is_empty() {
                said.push(format!("{word} in the layers ({title}): {}.", names.join("; ")));
            }
        }
    }
    said
}

/// `etc/hostname, copied up from base`.
fn column_words(stack: &LayerStack, column: &PlateColumn) -> String {
    let name = |index: usize| stack.plates.get(index).map_or("", |plate| plate.name.as_str());
    if let Some(from) = column.copied_from {
        return format!("{}, copied up from {}", column.name, name(from));
    }
    let first = |is_it: fn(&PlateCell) -> bool| column.cells.iter().position(is_it);
    match (first(|it| *it == PlateCell::Whiteout), first(|it| *it == PlateCell::Answers)) {
        (Some(at), _) => format!("{}, deleted in {}", column.name, name(at)),
        (None, Some(at)) => format!("{}, answered by {}", column.name, name(at)),
        (None, None) => column.name.clone(),
    }
}

fn lane_changes(lanes: &Lanes) -> Vec<String> {
    let mut said = Vec::new();
    for row in &lanes.actors {
        if let Some((_, word)) = MARKS.into_iter().find(|(mark, _)| *mark == row.mark) {
            said.push(format!("{word}: {}.", row.name));
        }
        for (mark, word) in MARKS {
            let kinds = kinds(row, |lamp| lamp.mark == mark);
            if !kinds.is_empty() {
                said.push(format!("{word} for {}: {}.", row.name, and_joined(&kinds)));
            }
        }
    }
    said
}

/// A sentence for each actor: which namespaces are its own, and which it shares with the first.
fn lanes_standing(lanes: &Lanes) -> Vec<String> {
    let mut said = Vec::new();
    for (place, row) in lanes.actors.iter().enumerate() {
        let told = kinds(row, |lamp| !lamp.content.is_empty());
        let is_first = place == 0;
        let shares = kinds(row, |lamp| lamp.lane == 0);
        let first = lanes.actors.first().map_or("", |first| first.name.as_str());
        if is_first {
            said.push(format!("{} has {}.", capitalised(&row.name), and_joined(&told)));
            continue;
        }
        // Of one that is gone the changes tell.
        if row.mark == ChangeKind::Gone {
            continue;
        }
        let own = kinds(row, |lamp| lamp.lane > 0);
        if row.of == LaneOwner::File {
            let kept = kinds(row, |_| true);
            said.push(format!("{} keeps a namespace: {}.", row.name, and_joined(&kept)));
            continue;
        }
        let lanes_of = |row: &LaneRow| -> Vec<Option<usize>> {
            row.lamps.iter().map(|lamp| lamp.as_ref().map(|lamp| lamp.lane)).collect()
        };
        let is_beside =
            |it: &&LaneRow| it.mark != ChangeKind::Gone && lanes_of(it) == lanes_of(row);
        if let Some(other) = lanes.actors[..place].iter().find(is_beside) {
            said.push(format!(
                "{} is in the namespaces of {}.",
                capitalised(&row.name),
                other.name
            ));
            continue;
        }
        let own = if own.is_empty() {
            "nothing of its own".into()
        } else {
            format!("its own {}", and_joined(&own))
        };
        let shares = if shares.is_empty() {
            String::new()
        } else {
            format!("; shared with {first}: {}", and_joined(&shares))
        };
        said.push(format!("{} has {own}{shares}.", capitalised(&row.name)));
    }
    said
}

/// The kinds of an actor's namespaces that are meant, with what is in them where that is said.
fn kinds(row: &LaneRow, is_meant: impl Fn(&crate::map::LaneLamp) -> bool) -> Vec<String> {
    let lamps = NamespaceKind::ALL.into_iter().zip(&row.lamps);
    let meant = lamps.filter_map(|(kind, lamp)| Some((kind, lamp.as_ref()?)));
    meant
        .filter(|(_, lamp)| is_meant(lamp))
        .map(|(kind, lamp)| {
            let content = lamp.content.as_str();
            let what = match kind {
                _ if content.is_empty() => String::new(),
                NamespaceKind::Mount => counted(content, "mount"),
                NamespaceKind::Pid => counted(content, "PID"),
                NamespaceKind::Net => counted(content, "link"),
                NamespaceKind::Ipc => counted(content, "System V object"),
                NamespaceKind::Uts => format!(" named {content}"),
                NamespaceKind::User => mapped_ids(content),
                NamespaceKind::Cgroup => format!(" that begins at {content}"),
                NamespaceKind::Time => format!(" with {content} on its clocks"),
            };
            format!("{}{what}", kind.proc_link_name())
        })
        .collect()
}

/// ` where 0 is 1000 outside`, of `0=1000`; with a mark behind it there are more ranges.
fn mapped_ids(content: &str) -> String {
    let (first, more) = match content.strip_suffix(" …") {
        Some(first) => (first, ", and more"),
        None => (content, ""),
    };
    match first.split_once('=') {
        Some((inside, outside)) => format!(" where {inside} is {outside} outside{more}"),
        None => format!(" with {first}"),
    }
}

fn counted(count: &str, thing: &str) -> String {
    let plural = if count == "1" { "" } else { "s" };
    format!(" with {count} {thing}{plural}")
}

fn and_joined(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
