//! The paths of a script's own: what lies there lies in memory, and goes with the script.

use crate::action::bind::Bind;
use crate::action::mount::Mount;
use crate::action::overlay::Overlay;
use crate::action::paths::{is_absolute, shell_word};
use crate::action::pivot_root::PivotRoot;

/// The directories that the script has to itself.
const OWN_DIRECTORIES: [&str; 2] = ["root", "image"];

/// A directory of the machine's that a mount may hide: nothing that the script needs lies there.
const MOUNT_POINT: &str = "/mnt";

/// The links at the top of the image, and the directory that they lead to: a path through one of them has another name, too.
const LINKED_IN_IMAGE: [&str; 5] = ["bin", "lib", "lib64", "sbin", "usr"];

/// The paths that are the script's own for one of its shells. By default the root is the machine's.
#[derive(Debug, Clone, Default)]
pub struct OwnPaths {
    /// True for a shell with a mount table of its own: the script's needs its /proc to the end.
    has_own_mounts: bool,
    /// The place of the machine's root since the shell has pivoted to one of the script's own: a name in `/`.
    old_root: Option<String>,
}

impl OwnPaths {
    /// The paths of a shell in the machine's root.
    pub fn of_shell(has_own_mounts: bool) -> OwnPaths {
        OwnPaths { has_own_mounts, ..OwnPaths::default() }
    }

    /// The paths behind a pivot_root; none where it can't be said what would be the machine's then.
    pub fn after(&self, pivot: &PivotRoot) -> Option<OwnPaths> {
        let old = pivot.put_old.as_str();
        let is_name = parts(old).eq([old]) && !is_special(old) && !LINKED_IN_IMAGE.contains(&old);
        let is_first = self.old_root.is_none();
        (is_first && is_name && self.has(&pivot.new_root))
            .then(|| OwnPaths { old_root: Some(old.to_owned()), ..self.clone() })
    }

    /// True if what a path leads to is the script's. Below a mount of type proc all is the kernel's; it is known by its name.
    pub fn has(&self, path: &str) -> bool {
        is_absolute(path)
            && shell_word(path) == path
            && !parts(path).any(is_special)
            && match &self.old_root {
                Some(old) => parts(path).next() != Some(old.as_str()),
                None => {
                    let is_own = |first| OWN_DIRECTORIES.contains(&first);
                    parts(path).next().is_some_and(is_own) && parts(path).nth(1).is_some()
                }
            }
    }

    /// True if a directory can be made by this path. One called proc can be, too: it is what proc is mounted on.
    pub fn has_directory(&self, path: &str) -> bool {
        let above =
            path.strip_suffix("/proc").map(|above| if above.is_empty() { "/" } else { above });
        self.has(path) || above.is_some_and(|above| self.has(above))
    }

    /// True if a mount there is in nobody's way.
    pub fn has_mount_point(&self, path: &str) -> bool {
        path == MOUNT_POINT || path == "/proc" && self.has_own_mounts || self.has_directory(path)
    }

    /// True if the directory is the one that the old root was put on: that can be unmounted, and removed when it is empty.
    pub fn is_old_root(&self, path: &str) -> bool {
        self.old_root.as_deref().is_some_and(|old| path.strip_prefix('/') == Some(old))
    }

    /// True if a mount shows nothing of the machine's. Options are those of the file system alone: mount(8) would take others
    /// for its own work.
    pub fn allow_mount(&self, mount: &Mount) -> bool {
        let is_of_tmpfs = |option: &str| {
            ["size=", "mode=", "nr_inodes="].iter().any(|name| option.starts_with(name))
        };
        let has_own_files = match mount.fstype.as_str() {
            "tmpfs" => mount.data.iter().flat_map(|data| data.split(',')).all(is_of_tmpfs),
            "proc" => mount.data.is_none() && parts(&mount.target).last() == Some("proc"),
            _ => false,
        };
        has_own_files && !mount.source.starts_with('-') && self.has_mount_point(&mount.target)
    }

    /// True if a bind mount shows what is the script's own. Where the old root hangs below the new one, a recursive one could
    /// take it along.
    pub fn allow_bind(&self, bind: &Bind) -> bool {
        self.has(&bind.source.to_string())
            && self.has_mount_point(&bind.target)
            && !(bind.recursive && self.old_root.is_some())
    }

    /// True if an overlay has layers of the script's own. The machine's would be read through their links, and written.
    pub fn allow_overlay(&self, overlay: &Overlay) -> bool {
        let is_one = |path: &String| self.has(path) && !path.contains([',', ':']);
        let mut layers = overlay.lower.iter().chain(&overlay.upper).chain(&overlay.work);
        let mut options = overlay.options.iter();
        layers.all(is_one)
            && options.all(|option| ["volatile", "metacopy=on"].contains(&option.as_str()))
            && self.has_mount_point(&overlay.merged)
    }
}

/// The names in a path, without what stands for the same directory.
fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".")
}

fn is_special(part: &str) -> bool {
    part == ".." || part == "proc"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_the_scripts_own_below_its_directories_alone() {
        let machine = OwnPaths::default();
        let check = |path: &str, expected: bool| assert_eq!(machine.has(path), expected, "{path}");
        check("/root/x", true);
        check("//image/./base", true);
        for path in ["/root", "/root/.", "/root/../etc", "/rooted/x", "/etc", "root/x", "/root/x;y"]
        {
            check(path, false);
        }
        check("/root/x/proc/sys", false);
        assert!(machine.has_directory("/root/x/proc") && !machine.has("/root/x/proc"));
        let apart = OwnPaths::of_shell(true);
        assert!(!machine.has_directory("/proc") && apart.has_mount_point("/proc"));
        assert!(!machine.has_mount_point("/proc"), "the script reads and writes there");
        assert!(!machine.has_mount_point("/tmp") && !machine.is_old_root("/root"));
    }

    #[test]
    fn after_a_pivot_all_but_the_old_root_is_the_scripts_own() {
        let pivot = |new_root: &str, put_old: &str| {
            OwnPaths::default()
                .after(&PivotRoot { new_root: new_root.into(), put_old: put_old.into() })
        };
        for (new_root, put_old) in [
            ("/usr", "old"),
            ("/root", "old"),
            ("/root/x", "."),
            ("/root/x", "../old"),
            ("/root/x", "a/b"),
            ("/root/x", "/root/x/old"),
            ("/root/x", "bin"),
            ("/root/x", "usr"),
            ("/root/x", "proc"),
        ] {
            assert!(pivot(new_root, put_old).is_none(), "{new_root} {put_old}");
        }

        let inside = pivot("/root/x", "old").expect("one of the script's own");
        assert!(inside.has("/etc/passwd") && inside.has("/older") && inside.has_directory("/proc"));
        for path in ["/old", "/old/etc", "//old/etc", "/./old/etc", "/proc/sys/x", "/x/../old"] {
            assert!(!inside.has(path), "{path}");
        }
        assert!(inside.is_old_root("/old") && !inside.is_old_root("/old/etc"));
        let again = PivotRoot { new_root: "/x".into(), put_old: "older".into() };
        assert!(inside.after(&again).is_none(), "where is the first one then?");
    }

    #[test]
    fn mount_gets_no_option_that_it_would_take_for_another_mount() {
        let own = OwnPaths::default();
        let mount = |text: &str| own.allow_mount(&serde_json::from_str(text).expect(text));
        assert!(mount(r#"{"type": "tmpfs", "target": "/mnt", "data": "size=1m,mode=755"}"#));
        assert!(mount(r#"{"type": "proc", "target": "/root/x/proc", "options": ["ro"]}"#));
        for text in [
            r#"{"type": "sysfs", "target": "/root/x"}"#,
            r#"{"type": "proc", "target": "/root/x"}"#,
            r#"{"type": "tmpfs", "target": "/tmp"}"#,
            r#"{"type": "tmpfs", "target": "/root/x", "source": "/etc", "data": "size=1m,bind"}"#,
            r#"{"type": "tmpfs", "target": "/root/x", "source": "--bind"}"#,
        ] {
            assert!(!mount(text), "{text}");
        }

        let overlay = |text: &str| own.allow_overlay(&serde_json::from_str(text).expect(text));
        assert!(overlay(r#"{"lower": ["/image/base"], "upper": "/root/u", "merged": "/root/m"}"#));
        for text in [
            r#"{"lower": ["/etc"], "merged": "/root/m"}"#,
            r#"{"lower": ["/root/a:/etc"], "merged": "/root/m"}"#,
            r#"{"lower": ["/root/a,upperdir=/etc"], "merged": "/root/m"}"#,
            r#"{"lower": ["/root/a"], "options": ["upperdir=/etc"], "merged": "/root/m"}"#,
        ] {
            assert!(!overlay(text), "{text}");
        }
    }
}
