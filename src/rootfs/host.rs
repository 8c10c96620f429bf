//! Looking things up on the host: paths are resolved part by part, so that every link on the way is known and can be
//! made again, and so that nothing is planned that an unprivileged copier could not read.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::diagnosis::NotInImage;

/// The most links followed on one path: as many as the kernel follows, see path_resolution(7).
const MAX_LINKS: usize = 40;

/// A host's file tree, seen as a root of its own; remembers what it has looked at.
#[derive(Debug)]
pub struct HostTree {
    root: PathBuf,
    seen: HashMap<String, Node>,
    shortage: RefCell<Option<ResourceShortage>>,
}

/// A path that could not be looked at, and the error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceShortage {
    pub path: String,
    pub errno: Errno,
}

#[derive(Debug, Clone)]
enum Node {
    Absent,
    Directory { mode: u32 },
    Link { to: String },
    File(FoundFile),
    Other,
    Unreadable { message: String },
}

/// A regular file. Paths are below the host's root, without a leading slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Without any link left in it.
    pub path: String,
    /// Permission bits only.
    pub mode: u32,
    pub device: u64,
    pub inode: u64,
}

/// The target of a path, and the links that were followed: (where the link is, what it says).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedPath {
    pub target: ResolvedTarget,
    pub links: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolvedTarget {
    File(FoundFile),
    /// Its path without links; empty for the root.
    Directory(String),
}

impl HostTree {
    pub fn new(root: &Path) -> HostTree {
        HostTree { root: root.to_owned(), seen: HashMap::new(), shortage: RefCell::default() }
    }

    /// A path of `FoundFile`, as this process sees it.
    pub fn path_on_machine(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    pub fn open(&self, found: &FoundFile) -> Result<File, NotInImage> {
        File::open(self.path_on_machine(&found.path))
            .map_err(|error| self.unreadable_path(&found.path, &error))
    }

    pub fn unreadable_path(&self, path: &str, error: &io::Error) -> NotInImage {
        self.note_shortage(path, error);
        NotInImage::Io { path: path.to_owned(), message: error.to_string() }
    }

    /// The first path that could not be looked at for lack of something that this process or the machine is short of:
    /// it may well be there, and an image without it would be wrong.
    pub fn shortage(&self) -> Option<ResourceShortage> {
        self.shortage.borrow().clone()
    }

    fn note_shortage(&self, path: &str, error: &io::Error) {
        const SHORT: [Errno; 5] =
            [Errno::ENOMEM, Errno::EMFILE, Errno::ENFILE, Errno::EAGAIN, Errno::EIO];
        let errno = error.raw_os_error().map(Errno::from_raw);
        if let Some(errno) = errno.filter(|errno| SHORT.contains(errno)) {
            self.shortage
                .borrow_mut()
                .get_or_insert_with(|| ResourceShortage { path: path.to_owned(), errno });
        }
    }

    /// A regular file that everyone may read.
    pub fn find_file(
        &mut self,
        path: &str,
    ) -> Result<(FoundFile, Vec<(String, String)>), NotInImage> {
        let resolved = self.resolve(path)?;
        match resolved.target {
            ResolvedTarget::File(found) if found.mode & 0o004 == 0 => {
                Err(NotInImage::NotReadable { path: found.path, mode: found.mode })
            }
            ResolvedTarget::File(found) => Ok((found, resolved.links)),
            ResolvedTarget::Directory(path) => Err(NotInImage::NotAFile(path)),
        }
    }

    /// Follows every link below the host's root; `..` at the root stays there.
    pub fn resolve(&mut self, path: &str) -> Result<ResolvedPath, NotInImage> {
        let mut rest: Vec<String> = parts(path).rev().map(str::to_owned).collect();
        let mut at = String::new();
        let mut links = Vec::new();

        while let Some(part) = rest.pop() {
            if part == ".." {
                // `at` has no link left in it, so that its parent is what stands before the last
                // slash.
                at.truncate(at.rfind('/').unwrap_or(0));
                continue;
            }

            let next = if at.is_empty() { part } else { format!("{at}/{part}") };
            match self.node(&next) {
                Node::Absent => return Err(NotInImage::Absent),
                // The bits for others decide, whoever asks: root and an ordinary user get the same
                // plan.
                Node::Directory { mode } if mode & 0o001 == 0 => {
                    return Err(NotInImage::NotSearchable { path: next, mode });
                }
                Node::Directory { .. } => at = next,
                Node::Link { to } => {
                    if links.len() == MAX_LINKS {
                        return Err(NotInImage::Loop(next));
                    }
                    if to.starts_with('/') {
                        at.clear();
                    }
                    rest.extend(parts(&to).rev().map(str::to_owned));
                    links.push((next, to));
                }
                Node::File(found) if rest.is_empty() => {
                    return Ok(ResolvedPath { target: ResolvedTarget::File(found), links });
                }
                Node::File(_) => return Err(NotInImage::Absent),
                Node::Other => return Err(NotInImage::NotAFile(next)),
                Node::Unreadable { message } => {
                    return Err(NotInImage::Io { path: next, message });
                }
            }
        }

        Ok(ResolvedPath { target: ResolvedTarget::Directory(at), links })
    }

    fn node(&mut self, path: &str) -> Node {
        if let Some(node) = self.seen.get(path) {
            return node.clone();
        }
        let node = look(&self.path_on_machine(path), path).unwrap_or_else(|error| {
            self.note_shortage(path, &error);
            Node::Unreadable { message: error.to_string() }
        });
        self.seen.insert(path.to_owned(), node.clone());
        node
    }
}

fn look(source: &Path, path: &str) -> io::Result<Node> {
    let metadata = match fs::symlink_metadata(source) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Node::Absent),
        other => other?,
    };

    let mode = metadata.mode() & 0o7777;
    Ok(if metadata.is_dir() {
        Node::Directory { mode }
    } else if metadata.is_symlink() {
        match fs::read_link(source)?.into_os_string().into_string() {
            Ok(to) => Node::Link { to },
            // Plans hold paths as text; what is none can't be made again.
            Err(_) => Node::Other,
        }
    } else if metadata.is_file() {
        Node::File(FoundFile {
            path: path.to_owned(),
            mode,
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    } else {
        Node::Other
    })
}

fn parts(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('/').filter(|part| !matches!(*part, "" | "."))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::words::diagnosis::not_in_image;

    #[test]
    fn a_shortage_is_not_taken_for_a_file_that_is_of_no_use() {
        let host = HostTree::new(Path::new("/"));
        let error = |errno: Errno| io::Error::from_raw_os_error(errno as i32);
        host.unreadable_path("usr/bin/ls", &error(Errno::EACCES));
        assert_eq!(host.shortage(), None);

        host.unreadable_path("usr/bin/sh", &error(Errno::EMFILE));
        host.unreadable_path("usr/bin/ps", &error(Errno::ENOMEM));
        assert_eq!(
            host.shortage(),
            Some(ResourceShortage { path: "usr/bin/sh".into(), errno: Errno::EMFILE })
        );
    }

    fn merged_tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("temporary directory");
        let at = |path: &str| dir.path().join(path);
        fs::create_dir_all(at("usr/bin")).expect("made");
        fs::create_dir_all(at("secret")).expect("made");
        fs::write(at("usr/bin/dash"), "x").expect("written");
        fs::write(at("usr/bin/private"), "x").expect("written");
        fs::write(at("secret/tool"), "x").expect("written");

        fs::set_permissions(at("usr/bin/dash"), fs::Permissions::from_mode(0o755))
            .expect("changed");
        fs::set_permissions(at("usr/bin/private"), fs::Permissions::from_mode(0o750))
            .expect("changed");
        fs::set_permissions(at("secret"), fs::Permissions::from_mode(0o700)).expect("changed");

        for (path, to) in [
            ("bin", "usr/bin"),
            ("usr/bin/sh", "dash"),
            ("usr/bin/abs", "/bin/sh"),
            ("usr/bin/up", "../../../../bin/dash"),
            ("usr/bin/a", "b"),
            ("usr/bin/b", "a"),
            ("usr/bin/null", "/nowhere"),
        ] {
            symlink(to, at(path)).expect("linked");
        }
        dir
    }

    #[test]
    fn every_link_on_the_way_is_reported_and_none_leaves_the_root() {
        let dir = merged_tree();
        let mut host = HostTree::new(dir.path());
        let mut check = |path: &str, file: &str, links: &[(&str, &str)]| {
            let (found, seen) = host.find_file(path).expect(path);
            assert_eq!(found.path, file, "{path}");
            let seen: Vec<_> = seen.iter().map(|(at, to)| (at.as_str(), to.as_str())).collect();
            assert_eq!(seen, links, "{path}");
        };

        check("/usr/bin/dash", "usr/bin/dash", &[]);
        check("/bin/sh", "usr/bin/dash", &[("bin", "usr/bin"), ("usr/bin/sh", "dash")]);
        check(
            "usr//bin/./abs",
            "usr/bin/dash",
            &[("usr/bin/abs", "/bin/sh"), ("bin", "usr/bin"), ("usr/bin/sh", "dash")],
        );
        check(
            "/usr/bin/up",
            "usr/bin/dash",
            &[("usr/bin/up", "../../../../bin/dash"), ("bin", "usr/bin")],
        );
    }

    #[test]
    fn what_cannot_be_copied_says_why() {
        let dir = merged_tree();
        let mut host = HostTree::new(dir.path());
        let mut check = |path: &str, expected: &str| {
            let error = host.find_file(path).expect_err(path);
            assert_eq!(not_in_image(&error), expected, "{path}");
        };
        check("/bin/zsh", "not on this machine");
        check("/bin/null", "not on this machine");
        check("/bin/dash/x", "not on this machine");
        check("/bin", "/usr/bin is not a regular file");
        check("/bin/private", "/usr/bin/private (mode 0750) is not for everyone to read");
        check("/secret/tool", "the directory /secret (mode 0700) is not for everyone to enter");
        check("/bin/a", "/usr/bin/b is a link that leads round in a circle");
    }
}
