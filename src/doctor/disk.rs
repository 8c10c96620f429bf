//! The disk behind /var/tmp: what a lesson on block I/O limits. Read from the mount table, so that it can be tested.

use serde::Serialize;

use super::roots::MachineRoot;
use crate::action::SCRATCH_DIR;
use crate::text::octal_undone;

/// A whole disk, as `major:minor`: limits are set on these, not on partitions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disk {
    pub number: String,
}

impl Disk {
    /// The disk of /var/tmp; none where that is on no block device (tmpfs, overlay, btrfs with its anonymous devices).
    pub fn read(roots: &MachineRoot) -> Option<Disk> {
        let mounts = roots.read_text("proc/self/mountinfo")?;
        let covering = mounts
            .lines()
            .filter_map(|line| {
                let fields: Vec<&str> = line.split(' ').collect();
                Some((*fields.get(2)?, octal_undone(fields.get(4)?)))
            })
            .filter(|(_, target)| is_mounted_above(target, SCRATCH_DIR))
            // The last of the longest: a later mount lies over an earlier one.
            .max_by_key(|(_, target)| target.len());
        let (number, _) = covering?;
        if number.starts_with("0:") {
            return None;
        }

        let is_partition = roots.read_text(&format!("sys/dev/block/{number}/partition")).is_some();
        if !is_partition {
            return Some(Disk { number: number.to_owned() });
        }
        // In sysfs a partition's directory lies in that of its disk.
        let whole = roots.read_text(&format!("sys/dev/block/{number}/../dev"))?;
        Some(Disk { number: whole.trim().to_owned() })
    }
}

fn is_mounted_above(target: &str, path: &str) -> bool {
    target == "/"
        || path.strip_prefix(target).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(mountinfo: &str, files: &[(&str, &str)]) -> Option<String> {
        let dir = tempfile::tempdir().expect("a directory");
        let all = files.iter().copied().chain([("proc/self/mountinfo", mountinfo)]);
        for (path, text) in all {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        let roots = MachineRoot { root: dir.path().to_path_buf(), ..MachineRoot::this_machine() };
        Disk::read(&roots).map(|disk| disk.number)
    }

    #[test]
    fn the_disk_is_the_one_below_the_innermost_mount() {
        let root = "1 0 254:0 / / rw - ext4 /dev/vda rw\n";

        assert_eq!(machine(root, &[]).as_deref(), Some("254:0"));
        assert_eq!(machine(&format!("{root}2 1 0:40 / /var/tmp rw - tmpfs tmpfs rw\n"), &[]), None);
        assert_eq!(
            machine(&format!("{root}2 1 8:2 / /var rw - ext4 /dev/sda2 rw\n"), &[]).as_deref(),
            Some("8:2")
        );
        assert_eq!(
            machine(&format!("{root}2 1 8:2 / /var/tmpfoo rw - ext4 x rw\n"), &[]).as_deref(),
            Some("254:0")
        );
        assert_eq!(machine("1 0 0:30 / / rw - overlay overlay rw\n", &[]), None);
        assert_eq!(machine("", &[]), None);
    }

    #[test]
    fn of_a_partition_the_whole_disk_counts() {
        let partition = "1 0 8:2 / / rw - ext4 /dev/sda2 rw\n";
        let files = [("sys/dev/block/8:2/partition", "2\n"), ("sys/dev/block/dev", "8:0\n")];
        assert_eq!(machine(partition, &files).as_deref(), Some("8:0"));
    }
}
