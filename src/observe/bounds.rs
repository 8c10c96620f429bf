//! The most of a lab that is read at one look, whatever the lab does: the observer is not bounded by the lab's own
//! limits.
//!
//! A list that is cut says so (`Omitted`). Rows are for the eye: nobody reads more than some hundred of them. Bytes
//! and looks are work. All of them at once are a snapshot of some MiB and some ten milliseconds.

/// Processes kept: half of what a lab's limit on processes allows. Actors come first.
pub const MAX_PROCESSES: usize = 256;
/// Tasks whose children are listed, threads too, to count the processes that are not kept.
pub const MAX_TASKS: usize = 1024;
/// Bytes read of all processes. One with the most supplementary groups has 700 KiB of status alone.
pub const MAX_PROCESS_BYTES: usize = 4 << 20;
/// Bytes of one process's arguments, which can be megabytes, and of its /proc/PID/cgroup, whose paths can be as long.
pub const MAX_ARGUMENT_BYTES: usize = 1024;
pub const MAX_CGROUP_LINE_BYTES: usize = 4096;
/// Numbers listed of a /proc: the lab's own, or the machine's, which is gone through for processes that came in.
pub const MAX_PROC_ENTRIES: usize = 8192;

/// Mounts kept of one table, and of all tables of a snapshot.
pub const MAX_MOUNTS: usize = 256;
pub const MAX_MOUNTS_TOTAL: usize = 1024;
/// Bytes kept of all tables, and bytes read of one to count the mounts that are not kept: about 20,000 of them.
pub const MAX_MOUNT_BYTES: usize = 512 << 10;
pub const MAX_MOUNT_BYTES_COUNTED: usize = 2 << 20;

/// Links, addresses, routes, neighbours, disciplines or rules kept of one namespace, and rows of all lists of all of
/// them.
pub const MAX_NETWORK_ROWS: usize = 256;
pub const MAX_NETWORK_ROWS_TOTAL: usize = 4096;
/// Bytes received of all dumps: 100,000 routes. The kernel goes on with an unfinished dump at the next looks.
pub const MAX_NETWORK_BYTES: usize = 8 << 20;
/// Devices whose traffic classes are asked for, each with a dump of its own.
pub const MAX_CLASSFUL_DEVICES: usize = 16;
/// Letters of a rule of the firewall.
pub const MAX_RULE_LETTERS: usize = 512;
/// Messages taken at one look from a socket that hears of changes.
pub const MAX_CHANGE_MESSAGES: usize = 64;

/// Groups kept of one hierarchy, and of all; those nearest to the top come first.
pub const MAX_GROUPS: usize = 64;
pub const MAX_GROUPS_TOTAL: usize = 256;
/// Levels of groups below the lab's own group.
pub const MAX_GROUP_DEPTH: usize = 6;
/// Entries looked at in all of a hierarchy's directories, files among them: a group has some dozens.
pub const MAX_GROUP_ENTRIES: usize = 8 << 10;
/// Bytes of one file of a group, and of all.
pub const MAX_GROUP_FILE_BYTES: usize = 4096;
pub const MAX_GROUP_BYTES: usize = 512 << 10;

/// Entries kept of one directory, and entries counted besides.
pub const MAX_ENTRIES: usize = 500;
pub const MAX_ENTRIES_COUNTED: usize = 10_000;
/// Bytes of a symbolic link's text.
pub const MAX_LINK_TEXT_BYTES: usize = 256;

/// Overlays read at one look.
pub const MAX_OVERLAYS: usize = 16;
/// Levels of directories below the top of an overlay's layer.
pub const MAX_OVERLAY_DEPTH: usize = 3;
/// Entries kept of one overlay (its layers may be a whole system), entries of all overlays, and entries of layers
/// looked at.
pub const MAX_OVERLAY_ENTRIES: usize = 400;
pub const MAX_OVERLAY_ENTRIES_TOTAL: usize = 1200;
pub const MAX_LAYER_ENTRIES: usize = 4096;

/// Blobs of one image layout, images of its index, bytes of one manifest, and bytes of all blobs that are read for their
/// digests.
pub const MAX_BLOBS: usize = 128;
pub const MAX_IMAGES: usize = 16;
pub const MAX_MANIFEST_BYTES: usize = 256 << 10;
pub const MAX_HASHED_BYTES: usize = 64 << 20;

/// Bytes of one small file of /proc, where nothing else is said.
pub const MAX_SMALL_FILE_BYTES: usize = 64 << 10;

/// The machine outside is compared whole, if it is no larger than this. A lab has no say in it.
pub const MAX_MACHINE_BYTES: usize = 16 << 20;
pub const MAX_MACHINE_ENTRIES: usize = 50_000;

/// The amount that may still be read of something that several readers share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    left: usize,
}

impl Budget {
    pub fn new(left: usize) -> Budget {
        Budget { left }
    }

    /// The part of `wanted` that is left.
    pub fn up_to(&self, wanted: usize) -> usize {
        wanted.min(self.left)
    }

    pub fn spend(&mut self, amount: usize) {
        self.left = self.left.saturating_sub(amount);
    }

    pub fn is_spent(&self) -> bool {
        self.left == 0
    }
}
