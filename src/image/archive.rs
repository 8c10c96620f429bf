//! The members of an archive without compression, by their places in the file; and a directory in the same terms.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::layer_reader::FilePart;
use crate::kernel::tar_entry::NamedEntries;

/// The most members that are remembered. An archive of images has far fewer: one with more is a root file system.
pub(super) const MAX_MEMBERS: usize = 100_000;
/// The most bytes of a file that is read whole: an index, a manifest or a configuration.
const MAX_TEXT_BYTES: u64 = 4 << 20;

/// A tree of files that holds an image.
#[derive(Debug)]
pub enum ImageTree {
    Directory(PathBuf),
    Archive { file: File, members: HashMap<PathBuf, Member> },
}

/// The reason that the members of an archive can't be listed.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    #[error("it is no tar archive")]
    NotTar,
    #[error("could not read the archive")]
    Read(#[from] io::Error),
}

/// A file in an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    pub offset: u64,
    pub length: u64,
}

/// A file of a tree, open: a part of it is the file's own.
#[derive(Debug)]
pub struct TreeFile {
    pub file: File,
    pub member: Member,
}

impl ImageTree {
    /// The members of an archive, up to what can't be read: whoever unpacks it names that, with the reason. Their contents are passed
    /// over.
    pub fn of_archive(file: File) -> Result<ImageTree, TreeError> {
        let length = file.metadata()?.len();
        let mut members = HashMap::new();
        let mut links = Vec::new();
        let part = FilePart { file: &file, next: 0, end: length };
        let mut archive = tar::Archive::new(part);
        let mut is_whole = true;
        for (number, named) in NamedEntries::new(archive.entries_with_seek()?).enumerate() {
            let named = match named {
                Ok(named) if members.len() + links.len() < MAX_MEMBERS => named,
                Err(_) if number == 0 => return Err(TreeError::NotTar),
                Ok(_) | Err(_) => {
                    is_whole = false;
                    break;
                }
            };
            let path = normal(&named.path);
            let kind = named.kind;
            if kind.is_file() || kind.is_contiguous() {
                let entry = &named.entry;
                let member = Member { offset: entry.raw_file_position(), length: entry.size() };
                members.insert(path, member);
            } else if kind.is_hard_link() {
                links.push((path, normal(&named.target)));
            } else if kind.is_symlink() {
                // docker once wrote a layer that two images share as a link to the other's file.
                let parent = path.parent().unwrap_or(Path::new(""));
                let target = normal(&parent.join(named.target));
                links.push((path, target));
            }
        }
        for (path, target) in links {
            if let Some(member) = members.get(&target).copied() {
                members.insert(path, member);
            }
        }
        if members.is_empty() && is_whole {
            return Err(TreeError::NotTar);
        }
        Ok(ImageTree::Archive { file, members })
    }

    pub fn has(&self, path: &str) -> bool {
        match self {
            ImageTree::Directory(directory) => find_in(directory, path).is_ok(),
            ImageTree::Archive { members, .. } => members.contains_key(Path::new(path)),
        }
    }

    /// A file of the tree.
    pub fn find(&self, path: &str) -> io::Result<TreeFile> {
        match self {
            ImageTree::Directory(directory) => {
                let file = find_in(directory, path)?;
                let member = Member { offset: 0, length: file.metadata()?.len() };
                Ok(TreeFile { file, member })
            }
            ImageTree::Archive { file, members } => {
                let member = *members
                    .get(&normal(Path::new(path)))
                    .ok_or(io::Error::from(io::ErrorKind::NotFound))?;
                Ok(TreeFile { file: file.try_clone()?, member })
            }
        }
    }

    /// The whole of a small file.
    pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let found = self.find(path)?;
        if found.member.length > MAX_TEXT_BYTES {
            return Err(io::Error::other(format!("it has more than {} MiB", MAX_TEXT_BYTES >> 20)));
        }
        let Member { offset, length } = found.member;
        let mut bytes = Vec::new();
        FilePart { file: &found.file, next: offset, end: offset.saturating_add(length) }
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// A plain file of a directory. Neither a name nor a link may lead out of that: whoever made the layout does not choose what of
/// the machine is read.
fn find_in(directory: &Path, path: &str) -> io::Result<File> {
    let found = directory.join(path).canonicalize()?;
    if !found.starts_with(directory.canonicalize()?) {
        return Err(io::Error::other("it leads out of the directory of the image"));
    }
    let file = open_at_once(&found)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no plain file"));
    }
    Ok(file)
}

/// A file, open for reading. A FIFO is opened without waiting for a writer.
pub(super) fn open_at_once(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)
}

/// A path without `./` and `..`, as members are called by.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::Normal(name) => normal.push(name),
            std::path::Component::ParentDir => {
                normal.pop();
            }
            std::path::Component::CurDir
            | std::path::Component::RootDir
            | std::path::Component::Prefix(_) => {}
        }
    }
    normal
}
