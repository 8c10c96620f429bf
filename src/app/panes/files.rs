//! The files pane: the directories a step shows, and overlays layer by layer: lower, upper, merged.

use super::{
    PaneData, PaneRow, PaneSection, RowSubject, cut, omitted, owner_line, row, visible, with_was,
};
use crate::remark::Remark;
use crate::seen::CutList;
use crate::snapshot::{DirEntry, FileKind, InUpper, Overlay, OverlayEntry};
use crate::text::{digests_shortened, padded};

pub fn build(scene: &PaneData<'_>) -> Vec<PaneSection> {
    let mut rows = Vec::new();
    for (at, section) in scene.diff.overlays.iter().enumerate() {
        let overlay = scene
            .after
            .overlays
            .iter()
            .chain(&scene.before.overlays)
            .find(|it| section.owner.is_of(it));
        rows.push(owner_line(&format!("overlay at {}", section.owner), &section.owner_change, ""));
        if let Some(overlay) = overlay {
            rows.extend(layer_lines(at, overlay));
        }
        rows.push(PaneRow::note(format!(
            "  {} {} {} comes from",
            padded("lower", 16),
            padded("upper", 16),
            padded("merged", 16)
        )));
        rows.extend(visible(&section.rows, scene).map(|(place, shown)| {
            let (mark, entry, before) = shown;
            row(mark, with_was(mark, overlay_line(entry), entry, before, &[]))
                .about(RowSubject::OverlayEntry { section: at, place })
        }));
        rows.extend(omitted(CutList::OverlayEntries, &section.rows, section.omitted, scene));
    }

    let listed = [scene.before.overlays.len(), scene.after.overlays.len()];
    rows.extend(cut(CutList::Overlays, listed, scene.diff.overlays_omitted, scene));

    for (at, section) in scene.diff.directories.iter().enumerate() {
        let seen = format!("{} sees {}", section.owner.actor, section.owner.path);
        rows.push(owner_line(&seen, &section.owner_change, ""));
        rows.extend(visible(&section.rows, scene).map(|(place, shown)| {
            let (mark, entry, before) = shown;
            row(mark, with_was(mark, entry_line(entry), entry, before, &[]))
                .about(RowSubject::Entry { section: at, place })
        }));
        rows.extend(omitted(CutList::Directory, &section.rows, section.omitted, scene));
    }

    if rows.is_empty() {
        rows.push(PaneRow::remark(&Remark::NoFiles));
    }
    vec![PaneSection { rows }]
}

fn layer_lines(section: usize, overlay: &Overlay) -> Vec<PaneRow> {
    let mut lines: Vec<PaneRow> = overlay
        .lowers
        .iter()
        .enumerate()
        .map(|(index, path)| {
            PaneRow::note(format!("  lower {index}: {path} (read only)"))
                .about(RowSubject::Layer { section, lower: Some(index) })
        })
        .collect();
    lines.extend(overlay.upper.as_ref().map(|path| {
        PaneRow::note(format!("  upper:   {path}"))
            .about(RowSubject::Layer { section, lower: None })
    }));
    lines
}

fn overlay_line(entry: &OverlayEntry) -> String {
    let name = if entry.kind == FileKind::Directory {
        format!("{}/", entry.path)
    } else {
        entry.path.clone()
    };
    let lower = if entry.in_lowers.is_empty() { String::new() } else { name.clone() };
    let upper = match entry.upper {
        InUpper::Absent => String::new(),
        InUpper::Present => name.clone(),
        InUpper::Whiteout => "whiteout".into(),
        InUpper::Opaque => format!("{name} opaque"),
    };
    let merged = if entry.merged { name } else { String::new() };

    let from = match (entry.upper, entry.in_lowers.first()) {
        (InUpper::Absent, _) if entry.hiding_lower().is_some() => {
            "hidden by a whiteout below".into()
        }
        (InUpper::Whiteout, _) => "hidden by a whiteout".into(),
        (InUpper::Absent, Some(layer)) => format!("lower {layer}"),
        (InUpper::Absent, None) => "nowhere".into(),
        (InUpper::Present | InUpper::Opaque, None) => "upper".into(),
        (InUpper::Present, Some(_)) if entry.kind == FileKind::Directory => "both, merged".into(),
        (InUpper::Present | InUpper::Opaque, Some(layer)) => format!("upper, hides lower {layer}"),
    };

    format!("  {} {} {} {from}", padded(&lower, 16), padded(&upper, 16), padded(&merged, 16))
}

fn entry_line(entry: &DirEntry) -> String {
    match (entry.kind, &entry.link) {
        (FileKind::Directory, _) => format!("  {}/", entry.name),
        (FileKind::Symlink, Some(link)) => {
            format!("  {} -> {}", entry.name, digests_shortened(link))
        }
        (FileKind::File, _) => {
            format!("  {} {} bytes", padded(&digests_shortened(&entry.name), 20), entry.size)
        }
        (FileKind::CharDevice | FileKind::BlockDevice, _) => {
            format!("  {} device", padded(&entry.name, 20))
        }
        (FileKind::Fifo | FileKind::Socket | FileKind::Symlink, _) => format!("  {}", entry.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opaque_directory_hides_the_one_below_and_another_is_merged_with_it() {
        let line = |upper| {
            overlay_line(&OverlayEntry {
                path: "etc".into(),
                kind: FileKind::Directory,
                in_lowers: vec![0],
                lower_whiteouts: Vec::new(),
                lower_opaques: Vec::new(),
                upper,
                merged: true,
            })
        };
        assert!(line(InUpper::Present).ends_with(" both, merged"), "{}", line(InUpper::Present));
        let opaque = line(InUpper::Opaque);
        assert!(
            opaque.contains("etc/ opaque") && opaque.ends_with(" upper, hides lower 0"),
            "{opaque}"
        );
    }
}
