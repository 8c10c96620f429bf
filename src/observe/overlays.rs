//! Overlay mounts and the origin of every merged entry. See the kernel's overlayfs.rst.

use std::collections::BTreeMap;

use super::rootdir::{RootDir, kind};
use crate::op::ActorName;
use crate::snapshot::{FileKind, InUpper, Mount, Overlay, OverlayEntry};

const DEEPEST: usize = 3;
/// Most entries read of one overlay: its layers may be a whole system.
const MOST: usize = 400;

/// The layers of an overlay mount, from its options.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layers {
    pub lowers: Vec<String>,
    pub upper: Option<String>,
    pub work: Option<String>,
}

/// `lowerdir=/a:/b,upperdir=/c,workdir=/d`; newer kernels write `lowerdir+=/a,lowerdir+=/b`.
pub fn parse_layers(options: &str) -> Layers {
    let mut layers = Layers::default();
    for option in split_unescaped(options, ',') {
        let Some((name, value)) = option.split_once('=') else { continue };
        match name {
            "lowerdir" => layers.lowers.extend(split_unescaped(value, ':').iter().map(|path| plain(path))),
            "lowerdir+" => layers.lowers.push(plain(value)),
            "upperdir" => layers.upper = Some(plain(value)),
            "workdir" => layers.work = Some(plain(value)),
            _ => {}
        }
    }
    layers
}

fn split_unescaped(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for character in text.chars() {
        if character == separator && !escaped {
            parts.push(String::new());
            continue;
        }
        escaped = character == '\\' && !escaped;
        if let Some(part) = parts.last_mut() {
            part.push(character);
        }
    }
    parts
}

fn plain(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut characters = path.chars();
    while let Some(character) = characters.next() {
        plain.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
    }
    plain
}

/// Overlays as last read, each with a stamp of its upper layer: reading one lists whole layers.
#[derive(Debug, Default)]
pub struct Cache {
    read: Vec<(Stamp, Overlay)>,
}

/// The mount and the change times of the upper layer's directories.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    device: String,
    target: String,
    actor: ActorName,
    changes: Vec<(i64, i64)>,
}

impl Cache {
    /// `read`, unless nothing has moved in the upper layer since.
    pub fn read(&mut self, actor: &ActorName, mount: &Mount, merged_root: &RootDir, layers_root: &RootDir) -> Overlay {
        let layers = parse_layers(&mount.super_options);
        let mut changes = Vec::new();
        if let Some(upper) = &layers.upper {
            stamp_directories(layers_root, upper, 0, &mut changes);
        }
        let stamp = Stamp { device: mount.device.clone(), target: mount.target.clone(), actor: actor.clone(), changes };
        if let Some((_, known)) = self.read.iter().find(|(old, _)| *old == stamp) {
            return known.clone();
        }
        let overlay = read(actor, mount, merged_root, layers_root);
        self.read.retain(|(old, _)| old.device != stamp.device);
        self.read.push((stamp, overlay.clone()));
        overlay
    }
}

fn stamp_directories(root: &RootDir, path: &str, depth: usize, changes: &mut Vec<(i64, i64)>) {
    let Ok(stat) = root.stat(path) else { return };
    changes.push((stat.st_ctime, stat.st_ctime_nsec));
    if depth >= DEEPEST || changes.len() >= MOST {
        return;
    }
    for entry in root.list(path, MOST).unwrap_or_default() {
        if entry.kind == FileKind::Directory {
            stamp_directories(root, &format!("{path}/{}", entry.name), depth + 1, changes);
        }
    }
}

/// Read one overlay. `merged_root` is the actor's root; layer paths are as the mounter saw them, which after a
/// pivot_root only `layers_root` (the lab host's root) still has.
pub fn read(actor: &ActorName, mount: &Mount, merged_root: &RootDir, layers_root: &RootDir) -> Overlay {
    let layers = parse_layers(&mount.super_options);
    let mut found: BTreeMap<String, OverlayEntry> = BTreeMap::new();
    let mut reader = Reader { root: layers_root, found: &mut found, truncated: false };
    if let Some(upper) = &layers.upper {
        reader.read_upper(upper, "", 0);
    }
    for (index, lower) in layers.lowers.iter().enumerate() {
        reader.read_lower(lower, index, "", 0);
    }
    let truncated = reader.truncated;
    for entry in found.values_mut() {
        entry.merged = merged_root.stat(&format!("{}/{}", mount.target, entry.path)).is_ok();
    }
    Overlay {
        actor: actor.clone(),
        mount_id: mount.id,
        merged: mount.target.clone(),
        lowers: layers.lowers,
        upper: layers.upper,
        work: layers.work,
        entries: found.into_values().collect(),
        truncated,
    }
}

struct Reader<'a> {
    root: &'a RootDir,
    found: &'a mut BTreeMap<String, OverlayEntry>,
    truncated: bool,
}

impl Reader<'_> {
    fn read_upper(&mut self, layer: &str, below: &str, depth: usize) {
        for (path, name_kind) in self.list(layer, below) {
            let full = format!("{layer}/{path}");
            let upper = if name_kind == FileKind::CharDevice && self.is_whiteout(&full) {
                InUpper::Whiteout
            } else if name_kind == FileKind::Directory && self.root.is_opaque(&full) {
                InUpper::Opaque
            } else {
                InUpper::Present
            };
            if let Some(entry) = self.entry(&path, name_kind) {
                entry.upper = upper;
            }
            if name_kind == FileKind::Directory && depth < DEEPEST {
                self.read_upper(layer, &path, depth + 1);
            }
        }
    }

    /// Lower layers are listed at the top, and inside the directories that the upper layer has too.
    fn read_lower(&mut self, layer: &str, index: usize, below: &str, depth: usize) {
        for (path, name_kind) in self.list(layer, below) {
            let in_upper = self.found.get(&path).is_some_and(|entry| entry.upper != InUpper::Absent);
            if let Some(entry) = self.entry(&path, name_kind) {
                entry.in_lowers.push(index);
            }
            if name_kind == FileKind::Directory && depth < DEEPEST && in_upper {
                self.read_lower(layer, index, &path, depth + 1);
            }
        }
    }

    fn list(&self, layer: &str, below: &str) -> Vec<(String, FileKind)> {
        let entries = self.root.list(&format!("{layer}/{below}"), MOST).unwrap_or_default();
        let join = |name: String| if below.is_empty() { name } else { format!("{below}/{name}") };
        entries.into_iter().map(|entry| (join(entry.name), entry.kind)).collect()
    }

    fn entry(&mut self, path: &str, kind: FileKind) -> Option<&mut OverlayEntry> {
        if !self.found.contains_key(path) && self.found.len() >= MOST {
            self.truncated = true;
            return None;
        }
        Some(self.found.entry(path.to_owned()).or_insert_with(|| OverlayEntry {
            path: path.to_owned(),
            kind,
            in_lowers: Vec::new(),
            upper: InUpper::Absent,
            merged: false,
        }))
    }

    /// A character device with number 0,0.
    fn is_whiteout(&self, path: &str) -> bool {
        self.root.stat(path).is_ok_and(|stat| kind(&stat) == FileKind::CharDevice && stat.st_rdev == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_read_from_a_mounts_options() {
        let check = |options: &str, lowers: &[&str], upper: Option<&str>| {
            let layers = parse_layers(options);
            assert_eq!(layers.lowers, lowers, "{options}");
            assert_eq!(layers.upper.as_deref(), upper, "{options}");
        };
        check("rw,lowerdir=/a:/b,upperdir=/c,workdir=/d,userxattr", &["/a", "/b"], Some("/c"));
        check("ro,lowerdir+=/a,lowerdir+=/b", &["/a", "/b"], None);
        check("rw,lowerdir=/a\\:b:/c\\,d", &["/a:b", "/c,d"], None);
        check("rw", &[], None);
        check("", &[], None);
    }
}
