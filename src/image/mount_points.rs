//! The directories that the steps of lessons mount on and work in, for an image that lacks some.

use std::path::Path;

use nix::errno::Errno;

use super::UnpackError;
use crate::kernel::rooted::{Attributes, RootedDirectory};

/// Directories by path and mode. A tool that packs an image may leave empty ones out, and one from scratch has what was put there.
const DIRECTORIES: [(&str, u32); 9] = [
    ("dev", 0o755),
    ("etc", 0o755),
    ("mnt", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("run", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("var/tmp", 0o1777),
];

/// Make the directories that are not there; returns how many. What an image has in the place of one, a link or a file, it keeps.
pub fn add_mount_points(root: &Path) -> Result<usize, UnpackError> {
    let failed = |path: &str| {
        let path = path.into();
        move |errno| UnpackError::Directory { path, errno }
    };
    let opened = RootedDirectory::open(root).map_err(failed("/"))?;

    let mut added = 0;
    for (path, mode) in DIRECTORIES {
        let attributes = Attributes { uid: 0, gid: 0, mode, seconds: 0 };
        let made = opened.place(Path::new(path)).and_then(|place| {
            place.make_new_directory()?;
            place.set_attributes(attributes)
        });
        match made {
            Ok(_) => added += 1,
            // It is there, whatever it is, or what is above it is no directory of the image's.
            Err(Errno::EEXIST | Errno::ENOTDIR | Errno::ELOOP) => {}
            Err(errno) => return Err(failed(path)(errno)),
        }
    }
    Ok(added)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn what_is_missing_is_made_and_what_is_there_stays() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = dir.path().join("root");
        for path in ["etc", "var/tmp"] {
            std::fs::create_dir_all(root.join(path)).expect("a directory");
        }
        std::fs::write(root.join("mnt"), "a file").expect("a file");
        symlink("var/tmp", root.join("tmp")).expect("a link");
        symlink("nowhere", root.join("run")).expect("a link");
        symlink("../..", root.join("root")).expect("a link");

        assert_eq!(add_mount_points(&root).ok(), Some(3), "dev, proc and sys");
        assert_eq!(std::fs::read_to_string(root.join("mnt")).ok().as_deref(), Some("a file"));
        assert!(!root.join("nowhere").exists());
        let mode = std::fs::metadata(root.join("proc")).expect("proc").permissions().mode();
        assert_eq!(mode & 0o7777, 0o555);
        let around = std::fs::read_dir(dir.path()).expect("the directory").count();
        assert_eq!(around, 1, "nothing was made beside the root");
        assert_eq!(add_mount_points(&root).ok(), Some(0));

        // What is above `var/tmp` is a file, and a link to itself.
        let above = root.join("var");
        std::fs::remove_dir_all(&above).expect("removed");
        std::fs::write(&above, "a file").expect("a file");
        assert_eq!(add_mount_points(&root).ok(), Some(0));
        std::fs::remove_file(&above).expect("removed");
        symlink("var", &above).expect("a link");
        assert_eq!(add_mount_points(&root).ok(), Some(0));
    }
}
