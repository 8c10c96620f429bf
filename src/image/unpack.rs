//! Layers to files: each layer over those below it, as the image specification has it. A file named `.wh.NAME` takes away `NAME` of
//! the layers below, and `.wh..wh..opq` all that they have in its directory.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::layer_reader::{
    CopyWords, FilePart, Hash, Hashing, PROGRESS_BYTES, Telling, decompressed,
};
use super::{ImageLayer, LayerForm, TarPart};
use crate::kernel::rooted::{Attributes, OwnerFit, Place, RootedDirectory, relative_path};
use crate::kernel::tar_entry::{NamedEntries, NamedEntry};
use crate::laid_out::{UnpackProgress, UnpackedImage};

/// The most that an image may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpackLimits {
    /// The entries of all layers together.
    pub entries: usize,
    /// The bytes of all their paths, which are remembered while a layer is unpacked.
    pub path_bytes: usize,
    /// The bytes of all layers without compression.
    pub bytes: u64,
}

impl UnpackLimits {
    /// The limits of every lab: more than any image to learn with has, and no more memory than the store may take for it.
    pub const OF_LABS: UnpackLimits =
        UnpackLimits { entries: 1_000_000, path_bytes: 256 << 20, bytes: 8 << 30 };
}

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// The reason that an image can't be laid out.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    #[error("layer {layer} of the image leaves its root: {}", path.display())]
    LeavesRoot { layer: usize, path: PathBuf },
    #[error("layer {layer} of the image: could not {doing} {}: {}", path.display(), errno.desc())]
    Entry { layer: usize, doing: &'static str, path: PathBuf, errno: Errno },
    #[error("could not make the directory {} for the image: {}", path.display(), errno.desc())]
    Directory { path: PathBuf, errno: Errno },
    #[error("layer {layer} of the image can't be read as a tar archive")]
    Archive { layer: usize, source: io::Error },
    #[error(
        "layer {layer} of the image has the digest {found}, and was promised to have {promised}: it is damaged, or was changed"
    )]
    Digest { layer: usize, promised: String, found: String },
    #[error("layer {layer} of the image has more files, or longer names, than a lab takes")]
    TooMany { layer: usize },
    #[error(
        "with layer {layer} the image is more than {} MiB without compression, which is more than a lab takes",
        limit >> 20
    )]
    TooLarge { layer: usize, limit: u64 },
    #[error(
        "layer {layer} of the image does not fit into memory: there is no more room at {}",
        path.display()
    )]
    NoRoom { layer: usize, path: PathBuf },
}

/// Lay out the layers below `root`, which is an empty directory. `told` hears how far it is, some times a second.
pub fn unpack(
    layers: &[ImageLayer],
    files: &[File],
    root: &Path,
    limits: UnpackLimits,
    mut told: impl FnMut(UnpackProgress),
) -> Result<UnpackedImage, UnpackError> {
    let opened = RootedDirectory::open(root).map_err(|errno| UnpackError::Entry {
        layer: 0,
        doing: "open",
        path: root.to_owned(),
        errno,
    })?;
    let total = layers.iter().map(stored_bytes).sum::<Option<u64>>();

    let mut tally = UnpackedImage::default();
    let (mut done, mut bytes_left) = (0, limits.bytes);
    let mut path_bytes_left = limits.path_bytes;
    for (number, layer) in layers.iter().enumerate() {
        let mut unpacking = LayerUnpacking {
            layer: number + 1,
            root: &opened,
            tally: &mut tally,
            limits,
            bytes_left: &mut bytes_left,
            path_bytes_left: &mut path_bytes_left,
            made: HashSet::new(),
            directories: Vec::new(),
            linked: HashMap::new(),
        };
        let file = files.get(layer.file).ok_or(UnpackError::Archive {
            layer: number + 1,
            source: io::ErrorKind::NotFound.into(),
        })?;
        let mut told = |passed| told(UnpackProgress { done: done + passed, total });
        let passed = match &layer.form {
            LayerForm::Tar(part) => {
                unpacking.tar(file, part, told)?;
                part.length
            }
            LayerForm::Directory => unpacking.directory(file, &mut told)?,
        };
        unpacking.finish()?;
        done += passed;
        tally.layers += 1;
    }
    told(UnpackProgress { done, total: Some(done) });
    Ok(tally)
}

/// The bytes of a layer in its file; none for a directory, which is not counted before it is copied.
fn stored_bytes(layer: &ImageLayer) -> Option<u64> {
    match &layer.form {
        LayerForm::Tar(part) => Some(part.length),
        LayerForm::Directory => None,
    }
}

/// A layer on its way.
struct LayerUnpacking<'a> {
    /// Its number, from 1.
    layer: usize,
    root: &'a RootedDirectory,
    tally: &'a mut UnpackedImage,
    limits: UnpackLimits,
    /// The bytes without compression that may still come.
    bytes_left: &'a mut u64,
    path_bytes_left: &'a mut usize,
    /// The paths that this layer has made: its own whiteouts do not concern them.
    made: HashSet<PathBuf>,
    /// Directories, whose times change with what is made in them, and so come last.
    directories: Vec<(PathBuf, i64)>,
    /// The first of a copied file's names, by its device and inode, where it has several.
    linked: HashMap<(u64, u64), PathBuf>,
}

impl LayerUnpacking<'_> {
    fn tar(
        &mut self,
        file: &File,
        part: &TarPart,
        mut told: impl FnMut(u64),
    ) -> Result<(), UnpackError> {
        let TarPart { offset, length, compression, digest, diff_id } = part;
        let broken = |source| UnpackError::Archive { layer: self.layer, source };
        let part = FilePart { file, next: *offset, end: offset.saturating_add(*length) };
        let telling = Telling::new(part, &mut told);
        let (stored, stored_hash) = Hashing::new(telling, digest.as_ref());
        let plain = decompressed(stored, *compression).map_err(broken)?;
        let (plain, plain_hash) = Hashing::new(plain.take(*self.bytes_left + 1), diff_id.as_ref());

        let mut archive = tar::Archive::new(plain);
        for named in NamedEntries::new(archive.entries().map_err(broken)?) {
            let named = named.map_err(|source| self.read_error(source, &plain_hash))?;
            self.entry(named, &plain_hash)?;
        }

        // What follows the archive's end belongs to the hashes, too.
        let mut rest = archive.into_inner();
        io::copy(&mut rest, &mut io::sink())
            .map_err(|source| self.read_error(source, &plain_hash))?;
        *self.bytes_left = match self.bytes_left.checked_sub(plain_hash.count()) {
            Some(left) => left,
            None => return Err(self.too_large()),
        };
        for (hash, promised) in [(&stored_hash, digest), (&plain_hash, diff_id)] {
            let Some(promised) = promised else { continue };
            let found = hash.finish();
            if found != *promised {
                let (layer, promised) = (self.layer, promised.clone());
                return Err(UnpackError::Digest { layer, promised, found });
            }
        }
        Ok(())
    }

    /// The error for a layer that can't be read on: where it is the bytes' own bound that ended it, that.
    fn read_error(&self, source: io::Error, plain: &Hash) -> UnpackError {
        match plain.count() > *self.bytes_left {
            true => self.too_large(),
            false => UnpackError::Archive { layer: self.layer, source },
        }
    }

    fn too_large(&self) -> UnpackError {
        UnpackError::TooLarge { layer: self.layer, limit: self.limits.bytes }
    }

    fn entry(&mut self, named: NamedEntry<'_, impl Read>, plain: &Hash) -> Result<(), UnpackError> {
        let layer = self.layer;
        let NamedEntry { path: written, target, kind, attributes, mut entry } = named;
        let path =
            relative_path(&written).ok_or(UnpackError::LeavesRoot { layer, path: written })?;
        self.count_entry(&path)?;

        let name = path.file_name().map(OsStr::as_bytes).unwrap_or_default();
        if name.starts_with(WHITEOUT) {
            return self.whiteout(&path);
        }
        // The root itself: it is there, and its owner and mode are the lab's.
        if path.as_os_str().is_empty() {
            return Ok(());
        }

        let place = self.root.place(&path).map_err(self.failed("make", &path))?;
        if kind.is_hard_link() {
            let first =
                relative_path(&target).ok_or(UnpackError::LeavesRoot { layer, path: target })?;
            let first = self.root.place_if_there(&first).map_err(self.failed("find", &first))?;
            place.make_hard_link(&first).map_err(self.failed("link", &path))?;
            // The other name has brought owner, mode and time.
            self.note_made(&path);
            return Ok(());
        }
        if kind.is_character_special() || kind.is_block_special() {
            self.tally.devices += 1;
            return Ok(());
        }

        if kind.is_dir() {
            place.make_directory().map_err(self.failed("make the directory", &path))?;
            self.directories.push((path.clone(), attributes.seconds));
        } else if kind.is_symlink() {
            place.make_symlink(&target).map_err(self.failed("make the link", &path))?;
        } else if kind.is_fifo() {
            place.make_fifo().map_err(self.failed("make the FIFO", &path))?;
        } else {
            let mut file = place.make_file().map_err(self.failed("make", &path))?;
            let copied = self.copy(&mut entry, &mut file, &path);
            if plain.count() > *self.bytes_left {
                return Err(self.too_large());
            }
            copied?;
        }
        self.finish_entry(&place, path, attributes)
    }

    /// Copy what there is to read; returns how many bytes.
    fn copy(
        &mut self,
        from: &mut impl Read,
        to: &mut File,
        path: &Path,
    ) -> Result<u64, UnpackError> {
        match io::copy(from, to) {
            Ok(count) => {
                self.tally.bytes += count;
                Ok(count)
            }
            // The errno of a write; a read of the archive has none.
            Err(error) => Err(match error.raw_os_error() {
                Some(errno) => self.failed("write", path)(Errno::from_raw(errno)),
                None => UnpackError::Archive { layer: self.layer, source: error },
            }),
        }
    }

    fn finish_entry(
        &mut self,
        place: &Place,
        path: PathBuf,
        attributes: Attributes,
    ) -> Result<(), UnpackError> {
        let fit = place
            .set_attributes(attributes)
            .map_err(self.failed("set owner, mode and time of", &path))?;
        self.tally.unmapped += usize::from(fit == OwnerFit::NotMapped);
        self.note_made(&path);
        Ok(())
    }

    /// Remember a path as this layer's own, with the directories around it.
    fn note_made(&mut self, path: &Path) {
        for path in path.ancestors() {
            if !self.made.insert(path.to_owned()) {
                break;
            }
        }
    }

    /// Take away what the layers below have.
    fn whiteout(&mut self, path: &Path) -> Result<(), UnpackError> {
        let parent = path.parent().unwrap_or(Path::new(""));
        let name = path.file_name().unwrap_or_default().as_bytes();
        if name == OPAQUE {
            return self.hide_all(parent);
        }
        // `.wh.` alone names nothing, and other names with `.wh..wh.` are notes of aufs's own.
        let hidden = &name[WHITEOUT.len()..];
        if hidden.is_empty() || hidden.starts_with(WHITEOUT) || matches!(hidden, b"." | b"..") {
            return Ok(());
        }
        self.hide(&parent.join(OsStr::from_bytes(hidden)))
    }

    fn hide(&mut self, path: &Path) -> Result<(), UnpackError> {
        if self.made.contains(path) {
            return Ok(());
        }
        match self.root.place_if_there(path).and_then(|place| place.remove()) {
            Ok(()) | Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(()),
            Err(errno) => Err(self.failed("remove", path)(errno)),
        }
    }

    /// Take away all that a directory has of the layers below; what this layer has made there stays.
    fn hide_all(&mut self, directory: &Path) -> Result<(), UnpackError> {
        let names = match self.root.names(directory) {
            Ok(names) => names,
            Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(()),
            Err(errno) => return Err(self.failed("list", directory)(errno)),
        };
        for name in names {
            let path = directory.join(name);
            if !self.made.contains(&path) {
                self.hide(&path)?;
                continue;
            }
            // A directory that both have keeps what is this layer's. A link stays: what it leads to is not in this directory.
            let is_directory = self.root.place_if_there(&path).is_ok_and(|it| it.is_directory());
            if is_directory {
                self.hide_all(&path)?;
            }
        }
        Ok(())
    }

    /// Copy a directory of the machine's that holds a root file system; returns how many bytes its files have.
    fn directory(&mut self, source: &File, told: &mut dyn FnMut(u64)) -> Result<u64, UnpackError> {
        let from = PathBuf::from(format!("/proc/self/fd/{}", source.as_raw_fd()));
        let mut words = CopyWords::new(told);
        self.copy_directory(&from, Path::new(""), &mut words)?;
        Ok(words.bytes())
    }

    /// Copy what is in a directory. What is mounted below it is another file system's, and stays away, as its directory alone.
    fn copy_directory(
        &mut self,
        from: &Path,
        below: &Path,
        words: &mut CopyWords<'_>,
    ) -> Result<(), UnpackError> {
        let device = std::fs::metadata(from).map(|metadata| metadata.dev()).ok();
        let Ok(entries) = std::fs::read_dir(from) else {
            self.tally.unreadable += 1;
            return Ok(());
        };
        for entry in entries {
            let Ok(entry) = entry else {
                self.tally.unreadable += 1;
                continue;
            };
            self.copy_entry(&entry.path(), &below.join(entry.file_name()), device, words)?;
        }
        Ok(())
    }

    fn copy_entry(
        &mut self,
        from: &Path,
        path: &Path,
        device: Option<u64>,
        words: &mut CopyWords<'_>,
    ) -> Result<(), UnpackError> {
        self.count_entry(path)?;
        words.count_entry();
        let Ok(metadata) = std::fs::symlink_metadata(from) else {
            self.tally.unreadable += 1;
            return Ok(());
        };
        let attributes = Attributes {
            uid: metadata.uid(),
            gid: metadata.gid(),
            mode: metadata.mode(),
            seconds: metadata.mtime(),
        };
        let kind = metadata.file_type();
        let place = self.root.place(path).map_err(self.failed("make", path))?;

        if kind.is_dir() {
            place.make_directory().map_err(self.failed("make the directory", path))?;
            self.directories.push((path.to_owned(), attributes.seconds));
            self.finish_entry(&place, path.to_owned(), attributes)?;
            let is_mounted = device.is_some_and(|device| device != metadata.dev());
            return if is_mounted { Ok(()) } else { self.copy_directory(from, path, words) };
        }
        if kind.is_symlink() {
            let Ok(target) = std::fs::read_link(from) else {
                self.tally.unreadable += 1;
                return Ok(());
            };
            place.make_symlink(&target).map_err(self.failed("make the link", path))?;
        } else if kind.is_file() {
            let inode = (metadata.nlink() > 1).then(|| (metadata.dev(), metadata.ino()));
            if let Some(first) = inode.and_then(|inode| self.linked.get(&inode)) {
                let first = self.root.place_if_there(first).map_err(self.failed("find", first))?;
                place.make_hard_link(&first).map_err(self.failed("link", path))?;
                self.note_made(path);
                return Ok(());
            }
            let Ok(mut source) = File::open(from) else {
                self.tally.unreadable += 1;
                return Ok(());
            };
            let mut file = place.make_file().map_err(self.failed("make", path))?;
            *self.bytes_left = match self.bytes_left.checked_sub(metadata.len()) {
                Some(left) => left,
                None => return Err(self.too_large()),
            };
            // No more than it had when it was counted.
            let mut left = metadata.len();
            while left > 0 {
                let mut part = source.by_ref().take(left.min(PROGRESS_BYTES));
                let count = self.copy(&mut part, &mut file, path)?;
                // It has become shorter.
                if count == 0 {
                    break;
                }
                left -= count;
                words.count_bytes(count);
            }
            if let Some(inode) = inode {
                self.linked.insert(inode, path.to_owned());
            }
        } else if kind.is_fifo() {
            place.make_fifo().map_err(self.failed("make the FIFO", path))?;
        } else {
            self.tally.devices += usize::from(!kind.is_socket());
            return Ok(());
        }
        self.finish_entry(&place, path.to_owned(), attributes)
    }

    fn finish(self) -> Result<(), UnpackError> {
        // The innermost first: setting a time changes no other.
        for (path, seconds) in self.directories.iter().rev() {
            let set = self.root.place_if_there(path).and_then(|place| place.set_time(*seconds));
            match set {
                // A whiteout of its own layer has taken it away again.
                Ok(()) | Err(Errno::ENOENT | Errno::ENOTDIR) => {}
                Err(errno) => return Err(self.failed("set the time of", path)(errno)),
            }
        }
        Ok(())
    }

    /// Count an entry, and its path with all the directories around it.
    fn count_entry(&mut self, path: &Path) -> Result<(), UnpackError> {
        self.tally.entries += 1;
        let length = path.as_os_str().len();
        let around: usize = path
            .ancestors()
            .skip(1)
            .take_while(|path| !self.made.contains(*path))
            .map(|path| path.as_os_str().len())
            .sum();
        let left = self.path_bytes_left.checked_sub(length + around);
        match left.filter(|_| self.tally.entries <= self.limits.entries) {
            Some(left) => *self.path_bytes_left = left,
            None => return Err(UnpackError::TooMany { layer: self.layer }),
        }
        Ok(())
    }

    fn failed(
        &self,
        doing: &'static str,
        path: &Path,
    ) -> impl FnOnce(Errno) -> UnpackError + use<> {
        let (layer, path) = (self.layer, path.to_owned());
        move |errno| {
            if errno == Errno::ENOSPC {
                return UnpackError::NoRoom { layer, path };
            }
            UnpackError::Entry { layer, doing, path, errno }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Compression;
    use crate::image::made_archive::add;
    use std::io::Write;
    use tar::{Builder, EntryType};

    /// An entry of a test's layer: its name as the bytes say, whatever they are, and what it is.
    enum Made<'a> {
        File(&'a str),
        Directory,
        Symlink(&'a str),
        HardLink(&'a str),
        Device,
    }

    fn tar_of(entries: &[(&str, Made<'_>)]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (name, made) in entries {
            let (kind, target, text) = match made {
                Made::File(text) => (EntryType::Regular, "", *text),
                Made::Directory => (EntryType::Directory, "", ""),
                Made::Symlink(target) => (EntryType::Symlink, *target, ""),
                Made::HardLink(target) => (EntryType::Link, *target, ""),
                Made::Device => (EntryType::Char, "", ""),
            };
            add(&mut builder, name, kind, target, text.as_bytes());
        }
        builder.into_inner().expect("an archive")
    }

    fn layer_of(bytes: &[u8], place: usize) -> (ImageLayer, File) {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(bytes).expect("its bytes");
        let part = TarPart {
            offset: 0,
            length: bytes.len() as u64,
            compression: Compression::of_bytes(bytes),
            digest: None,
            diff_id: None,
        };
        (ImageLayer { file: place, form: LayerForm::Tar(part) }, file)
    }

    /// The layers, unpacked in a directory inside another, which has a file that nobody may reach.
    fn unpacked(layers: &[Vec<u8>]) -> (tempfile::TempDir, Result<UnpackedImage, UnpackError>) {
        unpacked_within(UnpackLimits::OF_LABS, layers)
    }

    fn unpacked_within(
        limits: UnpackLimits,
        layers: &[Vec<u8>],
    ) -> (tempfile::TempDir, Result<UnpackedImage, UnpackError>) {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join("root")).expect("the root");
        std::fs::write(dir.path().join("outside"), "untouched").expect("a file outside");
        let made = layers.iter().enumerate().map(|(place, bytes)| layer_of(bytes, place));
        let (layers, files): (Vec<_>, Vec<_>) = made.unzip();
        let done = unpack(&layers, &files, &dir.path().join("root"), limits, |_| {});
        assert_eq!(
            std::fs::read_to_string(dir.path().join("outside")).expect("the file outside"),
            "untouched"
        );
        let mut around: Vec<_> = std::fs::read_dir(dir.path())
            .expect("the directory")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        around.sort();
        assert_eq!(around, ["outside", "root"], "nothing was made beside the root");
        (dir, done)
    }

    fn text(dir: &tempfile::TempDir, path: &str) -> Option<String> {
        std::fs::read_to_string(dir.path().join("root").join(path)).ok()
    }

    #[test]
    fn no_name_of_a_layer_leads_out_of_its_root() {
        for name in ["../outside", "a/../../outside", "/../outside"] {
            let (_dir, done) = unpacked(&[tar_of(&[(name, Made::File("x"))])]);
            assert!(
                matches!(done, Err(UnpackError::LeavesRoot { layer: 1, .. })),
                "{name}: {done:?}"
            );
        }
        let (dir, done) = unpacked(&[tar_of(&[("/etc/x", Made::File("x"))])]);
        assert!(done.is_ok(), "{done:?}");
        assert_eq!(text(&dir, "etc/x").as_deref(), Some("x"));
    }

    #[test]
    fn no_link_of_a_layer_leads_out_of_its_root() {
        let up = "../../../../../../../../../../../..";
        let layers = [tar_of(&[
            ("up", Made::Symlink(up)),
            ("up/outside", Made::File("inside")),
            ("abs", Made::Symlink("/etc")),
            ("etc", Made::Directory),
            ("abs/made", Made::File("through a link")),
            ("file", Made::Symlink("../outside")),
            ("file", Made::File("in its place")),
        ])];
        let (dir, done) = unpacked(&layers);
        assert!(done.is_ok(), "{done:?}");
        assert_eq!(
            text(&dir, "outside").as_deref(),
            Some("inside"),
            "`..` of the root is the root"
        );
        assert_eq!(text(&dir, "etc/made").as_deref(), Some("through a link"));
        assert_eq!(text(&dir, "file").as_deref(), Some("in its place"));

        let links = [("x", Made::HardLink("../outside")), ("x", Made::HardLink("/etc/passwd"))];
        for link in links {
            let (_dir, done) = unpacked(&[tar_of(&[link])]);
            assert!(done.is_err(), "{done:?}");
        }
    }

    #[test]
    fn a_hard_link_takes_the_place_of_another_file_and_not_of_its_own() {
        let layer = tar_of(&[
            ("a", Made::File("first")),
            ("a", Made::HardLink("a")),
            ("up", Made::Symlink(".")),
            ("a", Made::HardLink("up/a")),
            ("b", Made::File("second")),
            ("b", Made::HardLink("a")),
            ("b", Made::HardLink("a")),
            ("d/inner", Made::File("third")),
            ("d", Made::HardLink("a")),
        ]);
        let (dir, done) = unpacked(&[layer]);
        assert!(done.is_ok(), "{done:?}");
        let inode = |name: &str| {
            let found = std::fs::metadata(dir.path().join("root").join(name)).expect(name);
            (found.ino(), found.nlink())
        };
        assert_eq!(text(&dir, "a").as_deref(), Some("first"));
        assert_eq!(["b", "d"].map(inode), [inode("a"); 2]);
        assert_eq!(inode("a").1, 3);
    }

    #[test]
    fn a_whiteout_hides_what_the_layers_below_have_and_nothing_else() {
        let below = tar_of(&[
            ("etc/hosts", Made::File("below")),
            ("etc/kept", Made::File("below")),
            ("var/a", Made::File("below")),
            ("var/deep/b", Made::File("below")),
            ("var/both/c", Made::File("below")),
        ]);
        let above = tar_of(&[
            ("etc/.wh.hosts", Made::File("")),
            ("var/new", Made::File("above")),
            ("var/both/d", Made::File("above")),
            ("var/link", Made::Symlink("/etc")),
            ("var/.wh..wh..opq", Made::File("")),
            (".wh..", Made::File("")),
            (".wh...", Made::File("")),
            (".wh.", Made::File("")),
        ]);
        let (dir, done) = unpacked(&[below, above]);
        assert_eq!(done.map(|tally| tally.layers).ok(), Some(2));
        let there = |path| text(&dir, path).is_some();
        let paths =
            ["etc/hosts", "etc/kept", "var/a", "var/deep/b", "var/both/c", "var/new", "var/both/d"];
        assert_eq!(paths.map(there), [false, true, false, false, false, true, true]);
        assert!(!dir.path().join("root/etc/.wh.hosts").exists());
        // It is this layer's own: what it leads to, `etc/kept`, is not in the directory that was hidden.
        assert!(dir.path().join("root/var/link").is_symlink());
    }

    #[test]
    fn a_layer_takes_the_place_of_what_is_below_it_whatever_that_is() {
        let below = tar_of(&[
            ("dir/inner", Made::File("below")),
            ("file", Made::File("below")),
            ("link", Made::Symlink("dir")),
        ]);
        let above = tar_of(&[
            ("dir", Made::File("now a file")),
            ("file/inner", Made::File("now in a directory")),
            ("link", Made::Directory),
        ]);
        let (dir, done) = unpacked(&[below, above]);
        // A file that is in the way of a directory is named by no entry of the layer: that is an error.
        assert!(matches!(done, Err(UnpackError::Entry { layer: 2, .. })), "{done:?}");
        assert_eq!(text(&dir, "dir").as_deref(), Some("now a file"));
    }

    #[test]
    fn an_image_that_is_too_much_is_refused_before_it_is_there() {
        let large = "x".repeat(3 << 20);
        let layers = [tar_of(&[("a", Made::File(&large))]), tar_of(&[("b", Made::File(&large))])];
        let limits = UnpackLimits { bytes: 5 << 20, ..UnpackLimits::OF_LABS };
        let (dir, done) = unpacked_within(limits, &layers);
        assert!(matches!(done, Err(UnpackError::TooLarge { layer: 2, .. })), "{done:?}");
        let written = std::fs::metadata(dir.path().join("root/b")).expect("a part").len();
        assert!(written <= 2 << 20, "{written} bytes were written");

        // Zeros without end come small; what follows the end of the archive counts, too.
        let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        bomb.write_all(&vec![0; 64 << 20]).expect("zeros");
        let bomb = bomb.finish().expect("an archive");
        assert!(bomb.len() < 1 << 20);
        let (_dir, done) = unpacked_within(limits, &[bomb]);
        assert!(matches!(done, Err(UnpackError::TooLarge { layer: 1, .. })), "{done:?}");

        let many: Vec<_> = ["a/b", "a/c", "d"].map(|name| (name, Made::Directory)).into();
        let limits = UnpackLimits { entries: 2, ..UnpackLimits::OF_LABS };
        let (dir, done) = unpacked_within(limits, &[tar_of(&many)]);
        assert!(matches!(done, Err(UnpackError::TooMany { layer: 1 })), "{done:?}");
        assert!(!dir.path().join("root/d").exists());
        let limits = UnpackLimits { path_bytes: 7, ..UnpackLimits::OF_LABS };
        let (_dir, done) = unpacked_within(limits, &[tar_of(&many)]);
        assert!(matches!(done, Err(UnpackError::TooMany { layer: 1 })), "{done:?}");
    }

    #[test]
    fn a_large_file_is_told_of_while_it_is_unpacked() {
        let (layer, file) = layer_of(&tar_of(&[("a", Made::File(&"x".repeat(20 << 20)))]), 0);
        let dir = tempfile::tempdir().expect("a directory");
        let mut heard = Vec::new();
        let done = unpack(&[layer], &[file], dir.path(), UnpackLimits::OF_LABS, |progress| {
            heard.push(progress.done >> 20);
        });
        assert!(done.is_ok(), "{done:?}");
        assert_eq!(heard, [0, 4, 8, 12, 16, 20, 20]);
    }

    /// A directory as an image, and what is heard while it is copied.
    fn copied(source: &Path) -> (tempfile::TempDir, UnpackedImage, Vec<UnpackProgress>) {
        let dir = tempfile::tempdir().expect("a directory");
        let root = dir.path().join("root");
        std::fs::create_dir(&root).expect("the root");
        let layer = ImageLayer { file: 0, form: LayerForm::Directory };
        let file = File::open(source).expect("the directory");
        let mut heard = Vec::new();
        let done = unpack(&[layer], &[file], &root, UnpackLimits::OF_LABS, |progress| {
            heard.push(progress);
        });
        (dir, done.expect("it is copied"), heard)
    }

    #[test]
    fn a_directory_is_told_of_while_it_is_copied() {
        let source = tempfile::tempdir().expect("a directory");
        std::fs::write(source.path().join("a"), vec![b'x'; 20 << 20]).expect("a file");
        let (dir, _, heard) = copied(source.path());
        assert_eq!(text(&dir, "a").map(|text| text.len()), Some(20 << 20));
        let mut told: Vec<_> = heard.iter().map(|word| (word.done >> 20, word.total)).collect();
        assert_eq!(told.pop(), Some((20, Some(20 << 20))), "it ends complete");
        assert_eq!(told, [4, 8, 12, 16, 20].map(|done| (done, None)));

        let source = tempfile::tempdir().expect("a directory");
        for number in 0..2500 {
            std::fs::write(source.path().join(number.to_string()), "").expect("a file");
        }
        let (_dir, tally, heard) = copied(source.path());
        assert_eq!((tally.entries, heard.len()), (2500, 3), "empty files are told of, too");
    }

    #[test]
    fn a_file_of_several_names_is_copied_once() {
        let source = tempfile::tempdir().expect("a directory");
        let at = |name: &str| source.path().join(name);
        std::fs::create_dir(at("bin")).expect("a directory");
        std::fs::write(at("bin/busybox"), "x".repeat(1000)).expect("a file");
        for name in ["bin/ls", "bin/sh", "init"] {
            std::fs::hard_link(at("bin/busybox"), at(name)).expect("a link");
        }
        std::fs::write(at("bin/other"), "x".repeat(1000)).expect("a file");
        let (dir, tally, _) = copied(source.path());
        assert_eq!((tally.entries, tally.bytes), (6, 2000));
        let inode = |name: &str| {
            let found = std::fs::metadata(dir.path().join("root").join(name)).expect(name);
            (found.ino(), found.nlink())
        };
        let names = ["bin/ls", "bin/sh", "init"];
        assert_eq!(names.map(inode), [inode("bin/busybox"); 3]);
        assert_eq!(inode("init").1, 4);
        assert_eq!(inode("bin/other").1, 1);
    }

    #[test]
    fn devices_are_left_out_and_counted() {
        let (dir, done) = unpacked(&[tar_of(&[("null", Made::Device)])]);
        assert_eq!(done.map(|tally| tally.devices).ok(), Some(1));
        assert!(!dir.path().join("root/null").exists());
    }

    #[test]
    fn a_layer_that_is_not_what_was_promised_is_refused() {
        let bytes = tar_of(&[("a", Made::File("x"))]);
        let (mut layer, file) = layer_of(&bytes, 0);
        if let LayerForm::Tar(part) = &mut layer.form {
            part.digest = Some("0".repeat(64));
        }
        let dir = tempfile::tempdir().expect("a directory");
        let done = unpack(&[layer], &[file], dir.path(), UnpackLimits::OF_LABS, |_| {});
        assert!(matches!(done, Err(UnpackError::Digest { layer: 1, .. })), "{done:?}");

        let (mut cut, file) = layer_of(&bytes, 0);
        if let LayerForm::Tar(part) = &mut cut.form {
            part.length += 10_000;
        }
        let done = unpack(&[cut], &[file], dir.path(), UnpackLimits::OF_LABS, |_| {});
        assert!(matches!(done, Err(UnpackError::Archive { layer: 1, .. })), "{done:?}");
    }
}
