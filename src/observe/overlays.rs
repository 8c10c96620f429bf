//! Overlay mounts and the origin of every merged entry. See the kernel's overlayfs.rst.

use std::collections::{BTreeMap, BTreeSet};

use super::bounds::{self, Budget};
use super::rootdir::{RootDir, file_kind};
use crate::op::ActorName;
use crate::snapshot::{FileKind, InUpper, Mount, Overlay, OverlayEntry};

/// The bounds on all overlays of one snapshot, less what has been read.
#[derive(Debug)]
pub struct OverlayLimits {
    /// Entries kept.
    entries: Budget,
    /// Entries of layers looked at: to see whether they changed, to read them, and to look up what a cut list may have
    /// had.
    stamped: Budget,
    listed: Budget,
    looked_up: Budget,
}

impl Default for OverlayLimits {
    fn default() -> OverlayLimits {
        OverlayLimits {
            entries: Budget::new(bounds::MAX_OVERLAY_ENTRIES_TOTAL),
            stamped: Budget::new(bounds::MAX_LAYER_ENTRIES),
            listed: Budget::new(bounds::MAX_LAYER_ENTRIES),
            looked_up: Budget::new(bounds::MAX_LAYER_ENTRIES),
        }
    }
}

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
            "lowerdir" => {
                layers.lowers.extend(split_unescaped(value, ':').iter().map(|path| plain(path)))
            }
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

/// Overlays as last read, each with a stamp of its layers: reading one lists whole layers.
#[derive(Debug, Default)]
pub struct OverlayCache {
    read: Vec<(Stamp, Overlay)>,
}

/// The mount, and the change times of the upper layer's directories and of the tops of the lower ones.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    device: String,
    target: String,
    actor: ActorName,
    changes: Vec<(i64, i64)>,
}

impl OverlayCache {
    /// The overlay as `read` gives it, or as last read if nothing has moved in the upper layer since, nor at the top of
    /// a lower one.
    pub fn read(
        &mut self,
        actor: &ActorName,
        mount: &Mount,
        merged_root: &RootDir,
        layers_root: &RootDir,
        limits: &mut OverlayLimits,
    ) -> Overlay {
        let layers = parse_layers(&mount.super_options);
        let mut changes = Vec::new();
        let upper = layers.upper.as_deref();
        let is_whole = upper.is_none_or(|upper| {
            stamp_directories(layers_root, upper, 0, &mut changes, &mut limits.stamped)
        });
        // Nobody should change a lower layer below an overlay, but the kernel lets them.
        let is_whole = is_whole
            && layers
                .lowers
                .iter()
                .all(|lower| stamp_top(layers_root, lower, &mut changes, limits));
        let stamp = Stamp {
            device: mount.device.clone(),
            target: mount.target.clone(),
            actor: actor.clone(),
            changes,
        };
        let known = self.read.iter().find(|(old, _)| is_whole && *old == stamp);
        if let Some((_, known)) = known {
            limits.entries.spend(known.entries.len());
            return known.clone();
        }

        let overlay = read(actor, mount, merged_root, layers_root, limits);
        self.read.retain(|(old, _)| old.device != stamp.device);
        self.read.push((stamp, overlay.clone()));
        overlay
    }

    /// Forget the others: a lab can mount one after the other.
    pub fn retain(&mut self, devices: &BTreeSet<&str>) {
        self.read.retain(|(stamp, _)| devices.contains(stamp.device.as_str()));
    }
}

/// Stamp a lower layer's own directory. False where the budget does not suffice.
fn stamp_top(
    root: &RootDir,
    layer: &str,
    changes: &mut Vec<(i64, i64)>,
    limits: &mut OverlayLimits,
) -> bool {
    if limits.stamped.is_spent() {
        return false;
    }
    limits.stamped.spend(1);
    changes.extend(root.stat(layer).ok().map(|stat| (stat.st_ctime, stat.st_ctime_nsec)));
    true
}

/// Stamp the directories that entries are kept from: those come in the same order, and there are no more of them.
/// False where the budget did not suffice: what moved in the others goes unseen.
fn stamp_directories(
    root: &RootDir,
    path: &str,
    depth: usize,
    changes: &mut Vec<(i64, i64)>,
    entries: &mut Budget,
) -> bool {
    let Ok(stat) = root.stat(path) else { return true };
    changes.push((stat.st_ctime, stat.st_ctime_nsec));
    if depth >= bounds::MAX_OVERLAY_DEPTH {
        return true;
    }
    if entries.is_spent() {
        return false;
    }

    let Ok((names, looked_at)) = root.directories(path, entries.up_to(bounds::MAX_OVERLAY_ENTRIES))
    else {
        return true;
    };
    entries.spend(looked_at);
    for name in names {
        if changes.len() >= bounds::MAX_OVERLAY_ENTRIES {
            return true;
        }
        if !stamp_directories(root, &format!("{path}/{name}"), depth + 1, changes, entries) {
            return false;
        }
    }
    true
}

/// Read one overlay. `merged_root` is the actor's root; layer paths are as the mounter saw them, which after a
/// pivot_root only `layers_root` (the lab host's root) still has.
pub fn read(
    actor: &ActorName,
    mount: &Mount,
    merged_root: &RootDir,
    layers_root: &RootDir,
    limits: &mut OverlayLimits,
) -> Overlay {
    let layers = parse_layers(&mount.super_options);
    let mut found: BTreeMap<String, OverlayEntry> = BTreeMap::new();
    let room = limits.entries.up_to(bounds::MAX_OVERLAY_ENTRIES);
    let mut reader = Reader {
        root: layers_root,
        found: &mut found,
        room,
        listed: &mut limits.listed,
        truncated: false,
    };

    // The upper layer first: below their tops, lower ones are read only where it has a directory. Where there is none, what
    // counts is the difference of the lower ones: the last is read where those above it have a directory.
    if let Some(upper) = &layers.upper {
        reader.read_upper(upper, "", 0);
    }
    let depth_of = LowerDepth { has_upper: layers.upper.is_some() };
    for index in 0..layers.lowers.len() {
        reader.read_lower(&layers.lowers, index, "", (0, depth_of));
    }
    if reader.truncated {
        reader.look_up(layers.upper.as_deref(), &layers.lowers, &mut limits.looked_up);
    }

    let truncated = reader.truncated;
    limits.entries.spend(found.len());
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

/// The directories of a lower layer that are read below its top: the base of an image may be a whole system.
#[derive(Debug, Clone, Copy)]
struct LowerDepth {
    has_upper: bool,
}

impl LowerDepth {
    /// True for a directory that layers above have as `entry`, if any.
    fn goes_into(self, entry: Option<&OverlayEntry>, is_last: bool) -> bool {
        match entry {
            Some(entry) if self.has_upper => entry.upper != InUpper::Absent,
            None if self.has_upper => false,
            above => above.is_some() || !is_last,
        }
    }
}

struct Reader<'a> {
    root: &'a RootDir,
    found: &'a mut BTreeMap<String, OverlayEntry>,
    /// The most entries that `found` may have.
    room: usize,
    listed: &'a mut Budget,
    truncated: bool,
}

impl Reader<'_> {
    fn read_upper(&mut self, layer: &str, below: &str, depth: usize) {
        for (path, name_kind) in self.list(layer, below) {
            let upper = self.in_upper(&format!("{layer}/{path}"), name_kind);
            if let Some(entry) = self.entry(&path, name_kind) {
                entry.upper = upper;
            }
            if name_kind == FileKind::Directory && depth < bounds::MAX_OVERLAY_DEPTH {
                self.read_upper(layer, &path, depth + 1);
            }
        }
    }

    /// Lower layers are listed at the top, and inside the directories that `LowerDepth` says.
    fn read_lower(
        &mut self,
        lowers: &[String],
        index: usize,
        below: &str,
        (depth, depth_of): (usize, LowerDepth),
    ) {
        let layer = &lowers[index];
        for (path, name_kind) in self.list(layer, below) {
            let is_last = index + 1 == lowers.len();
            let goes_on = depth_of.goes_into(self.found.get(&path), is_last);
            let state = self.in_lower(lowers, index, &path, name_kind);
            if let Some(entry) = self.entry(&path, name_kind) {
                add_lower(entry, index, state);
            }
            if name_kind == FileKind::Directory && depth < bounds::MAX_OVERLAY_DEPTH && goes_on {
                self.read_lower(lowers, index, &path, (depth + 1, depth_of));
            }
        }
    }

    /// The state of a lower layer. Below the last one there is nothing that its directories could hide.
    fn in_lower(&self, lowers: &[String], index: usize, path: &str, kind: FileKind) -> InUpper {
        let full = format!("{}/{path}", lowers[index]);
        let is_last = index + 1 == lowers.len();
        if kind == FileKind::Directory && is_last {
            InUpper::Present
        } else {
            self.in_upper(&full, kind)
        }
    }

    fn in_upper(&self, full: &str, kind: FileKind) -> InUpper {
        if kind == FileKind::CharDevice && self.is_whiteout(full) {
            InUpper::Whiteout
        } else if kind == FileKind::Directory && self.root.is_opaque(full) {
            InUpper::Opaque
        } else {
            InUpper::Present
        }
    }

    /// Look up the entries in the layers. Where a listing was cut, an entry may be in a layer without having been
    /// listed there: what is kept of it must hold all the same. Entries for which the budget does not suffice are left
    /// out.
    fn look_up(&mut self, upper: Option<&str>, lowers: &[String], budget: &mut Budget) {
        let mut found = std::mem::take(self.found);
        found.retain(|path, entry| {
            let wanted = lowers.len() + 1;
            if budget.up_to(wanted) < wanted {
                return false;
            }
            budget.spend(wanted);

            if let Some(upper) = upper.filter(|_| entry.upper == InUpper::Absent) {
                let full = format!("{upper}/{path}");
                entry.upper = self
                    .root
                    .stat(&full)
                    .map_or(InUpper::Absent, |stat| self.in_upper(&full, file_kind(&stat)));
            }
            entry.in_lowers.clear();
            entry.lower_whiteouts.clear();
            entry.lower_opaques.clear();
            for (index, lower) in lowers.iter().enumerate() {
                if let Ok(stat) = self.root.stat(&format!("{lower}/{path}")) {
                    let state = self.in_lower(lowers, index, path, file_kind(&stat));
                    add_lower(entry, index, state);
                }
            }
            true
        });
        *self.found = found;
    }

    fn list(&mut self, layer: &str, below: &str) -> Vec<(String, FileKind)> {
        if self.listed.is_spent() {
            self.truncated = true;
            return Vec::new();
        }
        let most = self.listed.up_to(bounds::MAX_OVERLAY_ENTRIES);
        let (entries, omitted) =
            self.root.list(&format!("{layer}/{below}"), most, 0).unwrap_or_default();
        self.truncated |= !omitted.is_nothing();
        self.listed.spend(entries.len());
        let join = |name: String| if below.is_empty() { name } else { format!("{below}/{name}") };
        entries.into_iter().map(|entry| (join(entry.name), entry.kind)).collect()
    }

    fn entry(&mut self, path: &str, kind: FileKind) -> Option<&mut OverlayEntry> {
        if !self.found.contains_key(path) && self.found.len() >= self.room {
            self.truncated = true;
            return None;
        }
        Some(self.found.entry(path.to_owned()).or_insert_with(|| OverlayEntry {
            path: path.to_owned(),
            kind,
            in_lowers: Vec::new(),
            lower_whiteouts: Vec::new(),
            lower_opaques: Vec::new(),
            upper: InUpper::Absent,
            merged: false,
        }))
    }

    /// A character device with number 0,0.
    fn is_whiteout(&self, path: &str) -> bool {
        self.root
            .stat(path)
            .is_ok_and(|stat| file_kind(&stat) == FileKind::CharDevice && stat.st_rdev == 0)
    }
}

fn add_lower(entry: &mut OverlayEntry, index: usize, state: InUpper) {
    match state {
        InUpper::Whiteout => entry.lower_whiteouts.push(index),
        InUpper::Present => entry.in_lowers.push(index),
        InUpper::Opaque => {
            entry.in_lowers.push(index);
            entry.lower_opaques.push(index);
        }
        InUpper::Absent => {}
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

    #[test]
    fn each_layer_says_whether_it_has_an_entry_deletes_it_or_hides_those_below() {
        use nix::sys::stat::{Mode, SFlag, mknod};
        let dir = tempfile::tempdir().expect("a directory");
        let root = dir.path().join("7/root");
        for layer in ["upper", "top", "middle", "bottom"] {
            std::fs::create_dir_all(root.join(layer)).expect("made");
        }
        for layer in ["top", "middle", "bottom"] {
            std::fs::create_dir_all(root.join(layer).join("etc")).expect("made");
        }
        for layer in ["bottom", "middle"] {
            std::fs::write(root.join(layer).join("motd"), "").expect("a file");
        }
        // What overlayfs takes for a whiteout anybody may make: mknod(2).
        mknod(&root.join("top/motd"), SFlag::S_IFCHR, Mode::empty(), 0).expect("a whiteout");
        let opaque = xattr::set(root.join("middle/etc"), "user.overlay.opaque", b"y");

        let below = RootDir::open(dir.path(), 7).expect("the root");
        let mount = &crate::observe::mounts::parse(
            "1 0 0:7 / /merged rw - overlay overlay \
             rw,lowerdir=/top:/middle:/bottom,upperdir=/upper",
        )[0];
        let overlay =
            read(&ActorName::host(), mount, &below, &below, &mut OverlayLimits::default());
        let entry = |path: &str| overlay.entries.iter().find(|it| it.path == path).expect(path);

        let (motd, etc) = (entry("motd"), entry("etc"));
        use InUpper::{Absent, Opaque, Present, Whiteout};
        assert_eq!(motd.layers(3), [Absent, Whiteout, Present, Present]);
        assert_eq!((motd.hiding_lower(), &motd.in_lowers), (Some(0), &vec![1, 2]));
        let middle = if opaque.is_ok() { Opaque } else { Present };
        assert_eq!(etc.layers(3), [Absent, Present, middle, Present]);
        assert_eq!(etc.hiding_lower(), None);
    }

    #[test]
    fn what_is_told_of_a_cut_layer_holds_all_the_same() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = dir.path().join("7/root");
        for layer in ["upper", "lower"] {
            std::fs::create_dir_all(root.join(layer)).expect("made");
            for index in 0..2 * bounds::MAX_OVERLAY_ENTRIES {
                std::fs::write(root.join(format!("{layer}/{index}")), "").expect("a file");
            }
        }

        let below = RootDir::open(dir.path(), 7).expect("the root");
        let mount = &crate::observe::mounts::parse(
            "1 0 0:7 / /merged rw - overlay overlay rw,lowerdir=/lower,upperdir=/upper",
        )[0];
        let overlay =
            read(&ActorName::host(), mount, &below, &below, &mut OverlayLimits::default());

        assert!(overlay.truncated && overlay.entries.len() == bounds::MAX_OVERLAY_ENTRIES);
        let everywhere =
            |entry: &&OverlayEntry| entry.upper == InUpper::Present && entry.in_lowers == [0];
        assert_eq!(overlay.entries.iter().filter(everywhere).count(), overlay.entries.len());
    }

    #[test]
    fn a_layer_is_read_anew_when_it_moved_however_large_it_is() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = dir.path().join("7/root");
        for index in 0..2 * bounds::MAX_OVERLAY_ENTRIES {
            std::fs::create_dir_all(root.join(format!("upper/{index}"))).expect("made");
        }

        let below = RootDir::open(dir.path(), 7).expect("the root");
        let line = "1 0 0:7 / /merged rw - overlay overlay rw,lowerdir=/lower,upperdir=/upper";
        let mount = &crate::observe::mounts::parse(line)[0];
        let mut cache = OverlayCache::default();
        let mut reads_it = || {
            let mut limits = OverlayLimits::default();
            let overlay = cache.read(&ActorName::host(), mount, &below, &below, &mut limits);
            assert!(overlay.truncated);
            (limits.listed != OverlayLimits::default().listed, overlay.entries[0].path.clone())
        };

        let (is_read, first) = reads_it();
        assert_eq!((is_read, reads_it().0), (true, false), "nothing moved");
        std::fs::write(root.join("upper").join(&first).join("new"), "").expect("written");
        assert!(reads_it().0, "a directory that is shown did");
        let beyond = below.list("upper", usize::MAX, 0).expect("all of them").0.remove(0).name;
        std::fs::remove_dir_all(root.join("upper").join(beyond)).expect("removed");
        assert!(reads_it().0, "its parent did");

        cache.retain(&BTreeSet::new());
        assert!(cache.read.is_empty(), "what is mounted no more is forgotten");
    }

    #[test]
    fn without_an_upper_layer_a_whiteout_of_one_lower_layer_is_seen_in_a_directory_of_another() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = dir.path().join("7/root");
        for path in ["top/etc", "base/etc", "base/usr/lib"] {
            std::fs::create_dir_all(root.join(path)).expect("made");
        }
        std::fs::write(root.join("base/etc/hosts"), "").expect("a file");
        std::fs::write(root.join("top/etc/motd"), "").expect("a file");
        let below = RootDir::open(dir.path(), 7).expect("the root");
        let paths = |line: &str| {
            let mount = &crate::observe::mounts::parse(line)[0];
            let mut limits = OverlayLimits::default();
            let overlay = read(&ActorName::host(), mount, &below, &below, &mut limits);
            overlay.entries.into_iter().map(|entry| entry.path).collect::<Vec<_>>()
        };
        let line = "1 0 0:7 / /merged ro - overlay overlay ro,lowerdir=/top:/base";
        assert_eq!(paths(line), ["etc", "etc/hosts", "etc/motd", "usr"]);
        let line = "1 0 0:7 / /merged ro - overlay overlay ro,lowerdir=/base";
        assert_eq!(paths(line), ["etc", "usr"], "all of a base is not read");
    }

    #[test]
    fn what_is_made_in_a_lower_layer_itself_is_seen_at_the_next_look() {
        let dir = tempfile::tempdir().expect("a directory");
        let lower = dir.path().join("7/root/lower");
        std::fs::create_dir_all(&lower).expect("made");
        std::fs::create_dir_all(dir.path().join("7/root/upper")).expect("made");
        let below = RootDir::open(dir.path(), 7).expect("the root");
        let line = "1 0 0:7 / /merged rw - overlay overlay rw,lowerdir=/lower,upperdir=/upper";
        let mount = &crate::observe::mounts::parse(line)[0];
        let mut cache = OverlayCache::default();
        let mut look = || {
            let mut limits = OverlayLimits::default();
            cache.read(&ActorName::host(), mount, &below, &below, &mut limits).entries.len()
        };
        assert_eq!(look(), 0);
        std::fs::write(lower.join("late"), "").expect("a file");
        assert_eq!(look(), 1);
    }

    #[test]
    fn layers_of_any_size_are_read_in_part_and_say_so() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = dir.path().join("7/root");
        let make = |layer: &str, files: usize| {
            std::fs::create_dir_all(root.join(layer)).expect("made");
            for index in 0..files {
                std::fs::write(root.join(layer).join(format!("{layer}-{index}")), "")
                    .expect("a file");
            }
        };
        make("upper", 30);
        make("lower", 20);
        make("large", bounds::MAX_OVERLAY_ENTRIES + 1);
        std::fs::create_dir_all(root.join("upper/a/b/c/d/e")).expect("made");
        let below = RootDir::open(dir.path(), 7).expect("the root");
        let check = |options: &str, limits: &mut OverlayLimits| {
            let line = format!("1 0 0:7 / /merged rw - overlay overlay {options}");
            let mount = &crate::observe::mounts::parse(&line)[0];
            let overlay = read(&ActorName::host(), mount, &below, &below, limits);
            (overlay.entries.len(), overlay.truncated)
        };
        assert_eq!(
            check("rw,lowerdir=/lower,upperdir=/upper", &mut OverlayLimits::default()),
            (54, false)
        );
        assert_eq!(
            check("rw,lowerdir=/large,upperdir=/upper", &mut OverlayLimits::default()),
            (400, true)
        );

        // As many lower layers as an overlay can have: each is looked at, until enough was.
        let many = "/lower:".repeat(499) + "/lower";
        let mut limits = OverlayLimits::default();
        assert_eq!(check(&format!("rw,lowerdir={many},upperdir=/upper"), &mut limits), (8, true));
        assert!(limits.listed.is_spent());
        let mut crowded = OverlayLimits { entries: Budget::new(10), ..OverlayLimits::default() };
        assert_eq!(check("rw,lowerdir=/lower,upperdir=/upper", &mut crowded), (10, true));
    }
}
