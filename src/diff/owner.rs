//! The owners of a diff's sections. They are written as one text, in JSON as on the screen.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::op::ActorName;
use crate::snapshot::{Cgroup, Directory, Overlay, Snapshot};

/// A group of one hierarchy: `memory:/box`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupOwner {
    pub hierarchy: String,
    /// Below the lab's own group, which has the empty path.
    pub path: String,
}

impl GroupOwner {
    pub fn of(group: &Cgroup) -> GroupOwner {
        GroupOwner { hierarchy: group.hierarchy.clone(), path: group.path.clone() }
    }

    /// True for the lab's own group, which every lesson has.
    pub fn is_top(&self) -> bool {
        self.path.is_empty()
    }
}

impl fmt::Display for GroupOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:/{}", self.hierarchy, self.path)
    }
}

impl Serialize for GroupOwner {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A directory as an actor sees it: `container:/etc`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DirectoryOwner {
    pub actor: ActorName,
    pub path: String,
}

impl DirectoryOwner {
    pub fn of(directory: &Directory) -> DirectoryOwner {
        DirectoryOwner { actor: directory.actor.clone(), path: directory.path.clone() }
    }
}

impl fmt::Display for DirectoryOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.actor, self.path)
    }
}

impl Serialize for DirectoryOwner {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An overlay by one of its mounts: `/root/merged`, `second:/` in the table of another than the lab's host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OverlayOwner {
    pub actor: ActorName,
    pub mount_id: u32,
    pub merged: String,
}

impl OverlayOwner {
    pub fn of(overlay: &Overlay) -> OverlayOwner {
        let Overlay { actor, mount_id, merged, .. } = overlay;
        OverlayOwner { actor: actor.clone(), mount_id: *mount_id, merged: merged.clone() }
    }

    pub fn is_of(&self, overlay: &Overlay) -> bool {
        (&self.actor, self.mount_id) == (&overlay.actor, overlay.mount_id)
    }
}

/// The identity of an overlay from one snapshot to the next: its device, wherever it is mounted and whatever path led
/// there before a pivot_root.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum OverlayKey {
    Device(String),
    /// Of an overlay that is in no table that was read.
    Mount(ActorName, u32),
}

impl OverlayKey {
    pub fn of(overlay: &Overlay, snapshot: &Snapshot) -> OverlayKey {
        match snapshot.device_of(overlay) {
            Some(device) => OverlayKey::Device(device.to_owned()),
            None => OverlayKey::Mount(overlay.actor.clone(), overlay.mount_id),
        }
    }
}

impl fmt::Display for OverlayOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.actor == ActorName::host() {
            f.write_str(&self.merged)
        } else {
            write!(f, "{}:{}", self.actor, self.merged)
        }
    }
}

impl Serialize for OverlayOwner {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_written_as_one_text() {
        let group = |hierarchy: &str, path: &str| GroupOwner {
            hierarchy: hierarchy.into(),
            path: path.into(),
        };
        let text = serde_json::to_string(&group("memory", "box/in")).expect("JSON");
        assert_eq!(text, r#""memory:/box/in""#);
        assert_eq!(group("cpu,cpuacct", "").to_string(), "cpu,cpuacct:/");
        assert!(group("memory", "").is_top() && !group("memory", "box").is_top());
        let directory = DirectoryOwner { actor: "host".into(), path: "/etc".into() };
        assert_eq!(serde_json::to_string(&directory).expect("JSON"), r#""host:/etc""#);
    }
}
