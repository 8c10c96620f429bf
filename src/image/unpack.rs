//! Layers to files: each layer over those below it, as the image specification has it. A file named `.wh.NAME` takes away `NAME` of
//! the layers below, and `.wh..wh..opq` all that they have in its directory.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use tar::EntryType;

use super::layer_reader::{FilePart, Hashing, decompressed};
use super::{ImageLayer, LayerForm};
use crate::kernel::rooted::{Attributes, OwnerFit, Place, RootedDirectory, relative_path};
use crate::laid_out::{UnpackProgress, UnpackedImage};

/// The most entries of all layers together: each takes memory while its layer is unpacked.
const MAX_ENTRIES: usize = 1_000_000;
/// The most bytes that a layer may decompress to.
const MAX_LAYER_BYTES: u64 = 16 << 30;
/// The bytes between two words on how far it is.
const PROGRESS_BYTES: u64 = 4 << 20;

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// The reason that an image can't be laid out.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    #[error("layer {layer} of the image leaves its root: {}", path.display())]
    LeavesRoot { layer: usize, path: PathBuf },
    #[error("layer {layer} of the image: could not {doing} {}: {}", path.display(), errno.desc())]
    Entry { layer: usize, doing: &'static str, path: PathBuf, errno: Errno },
    #[error("layer {layer} of the image can't be read as a tar archive")]
    Archive { layer: usize, source: io::Error },
    #[error(
        "layer {layer} of the image has the digest {found}, and was promised to have {promised}: it is damaged, or was changed"
    )]
    Digest { layer: usize, promised: String, found: String },
    #[error("the image has more than {MAX_ENTRIES} files")]
    TooMany,
    #[error("layer {layer} of the image is more than {} GiB without compression", MAX_LAYER_BYTES >> 30)]
    TooLarge { layer: usize },
}

/// Lay out the layers below `root`, which is an empty directory. `told` hears how far it is, some times a second.
pub fn unpack(
    layers: &[ImageLayer],
    files: &[File],
    root: &Path,
    mut told: impl FnMut(UnpackProgress),
) -> Result<UnpackedImage, UnpackError> {
    let opened = RootedDirectory::open(root).map_err(|errno| UnpackError::Entry {
        layer: 0,
        doing: "open",
        path: root.to_owned(),
        errno,
    })?;
    let total = layers.iter().map(stored_bytes).sum();

    let mut tally = UnpackedImage::default();
    let mut done = 0;
    for (number, layer) in layers.iter().enumerate() {
        let mut unpacking = LayerUnpacking {
            layer: number + 1,
            root: &opened,
            tally: &mut tally,
            made: HashSet::new(),
            directories: Vec::new(),
        };
        let file = files.get(layer.file).ok_or(UnpackError::Archive {
            layer: number + 1,
            source: io::ErrorKind::NotFound.into(),
        })?;
        match &layer.form {
            LayerForm::Tar { .. } => {
                unpacking.tar(file, &layer.form, |read| {
                    told(UnpackProgress { done: done + read, total })
                })?;
            }
            LayerForm::Directory => unpacking.directory(file)?,
        }
        unpacking.finish()?;
        done += stored_bytes(layer);
        tally.layers += 1;
    }
    told(UnpackProgress { done: total, total });
    Ok(tally)
}

fn stored_bytes(layer: &ImageLayer) -> u64 {
    match &layer.form {
        LayerForm::Tar { length, .. } => *length,
        LayerForm::Directory => 0,
    }
}

/// A layer on its way.
struct LayerUnpacking<'a> {
    /// Its number, from 1.
    layer: usize,
    root: &'a RootedDirectory,
    tally: &'a mut UnpackedImage,
    /// The paths that this layer has made: its own whiteouts do not concern them.
    made: HashSet<PathBuf>,
    /// Directories, whose times change with what is made in them, and so come last.
    directories: Vec<(PathBuf, i64)>,
}

impl LayerUnpacking<'_> {
    fn tar(
        &mut self,
        file: &File,
        form: &LayerForm,
        mut told: impl FnMut(u64),
    ) -> Result<(), UnpackError> {
        let LayerForm::Tar { offset, length, compression, digest, diff_id } = form else {
            return Ok(());
        };
        let broken = |source| UnpackError::Archive { layer: self.layer, source };
        let part = FilePart { file, next: *offset, end: offset.saturating_add(*length) };
        let (stored, stored_hash) = Hashing::new(part);
        let plain = decompressed(stored, *compression).map_err(broken)?;
        let (plain, plain_hash) = Hashing::new(plain.take(MAX_LAYER_BYTES + 1));

        let mut archive = tar::Archive::new(plain);
        let mut next_word = 0;
        for entry in archive.entries().map_err(broken)? {
            let mut entry = entry.map_err(|source| self.read_error(source, &plain_hash))?;
            self.entry(&mut entry)?;
            if stored_hash.count() >= next_word {
                told(stored_hash.count());
                next_word = stored_hash.count() + PROGRESS_BYTES;
            }
        }

        // What follows the archive's end belongs to the hashes, too.
        let mut rest = archive.into_inner();
        io::copy(&mut rest, &mut io::sink())
            .map_err(|source| self.read_error(source, &plain_hash))?;
        if plain_hash.count() > MAX_LAYER_BYTES {
            return Err(UnpackError::TooLarge { layer: self.layer });
        }
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

    fn read_error(&self, source: io::Error, plain: &super::layer_reader::Hash) -> UnpackError {
        let layer = self.layer;
        match plain.count() > MAX_LAYER_BYTES {
            true => UnpackError::TooLarge { layer },
            false => UnpackError::Archive { layer, source },
        }
    }

    fn entry(&mut self, entry: &mut tar::Entry<'_, impl Read>) -> Result<(), UnpackError> {
        let layer = self.layer;
        let broken = |source| UnpackError::Archive { layer, source };
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::XGlobalHeader) {
            return Ok(());
        }
        let written = entry.path().map_err(broken)?.into_owned();
        let path = relative_path(&written)
            .ok_or_else(|| UnpackError::LeavesRoot { layer, path: written.clone() })?;
        self.count_entry()?;

        let header = entry.header();
        let attributes = Attributes {
            uid: header.uid().map_err(broken)? as u32,
            gid: header.gid().map_err(broken)? as u32,
            mode: header.mode().map_err(broken)?,
            seconds: i64::try_from(header.mtime().map_err(broken)?).unwrap_or(0),
        };
        let name = path.file_name().map(OsStr::as_bytes).unwrap_or_default();
        if name.starts_with(WHITEOUT) {
            return self.whiteout(&path);
        }
        // The root itself: it is there, and its owner and mode are the lab's.
        if path.as_os_str().is_empty() {
            return Ok(());
        }

        let place = self.root.place(&path).map_err(self.failed("make", &path))?;
        match kind {
            EntryType::Directory => {
                place.make_directory().map_err(self.failed("make the directory", &path))?;
                self.directories.push((path.clone(), attributes.seconds));
            }
            EntryType::Symlink => {
                let target = entry.link_name().map_err(broken)?.unwrap_or_default().into_owned();
                place.make_symlink(&target).map_err(self.failed("make the link", &path))?;
            }
            EntryType::Link => {
                let target = entry.link_name().map_err(broken)?.unwrap_or_default().into_owned();
                let first = relative_path(&target)
                    .ok_or(UnpackError::LeavesRoot { layer, path: target })?;
                let first =
                    self.root.place_if_there(&first).map_err(self.failed("find", &first))?;
                place.make_hard_link(&first).map_err(self.failed("link", &path))?;
                // The other name has brought owner, mode and time.
                self.note_made(&path);
                return Ok(());
            }
            EntryType::Char | EntryType::Block => {
                self.tally.devices += 1;
                return Ok(());
            }
            EntryType::Fifo => place.make_fifo().map_err(self.failed("make the FIFO", &path))?,
            _ => {
                let mut file = place.make_file().map_err(self.failed("make", &path))?;
                self.copy(entry, &mut file, &path)?;
            }
        }
        self.finish_entry(&place, path, attributes)
    }

    fn copy(
        &mut self,
        from: &mut impl Read,
        to: &mut File,
        path: &Path,
    ) -> Result<(), UnpackError> {
        match io::copy(from, to) {
            Ok(count) => {
                self.tally.bytes += count;
                Ok(())
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
            // A directory that both have keeps what is this layer's.
            match self.made.contains(&path) {
                true => self.hide_all(&path)?,
                false => self.hide(&path)?,
            }
        }
        Ok(())
    }

    /// Copy a directory of the machine's that holds a root file system.
    fn directory(&mut self, source: &File) -> Result<(), UnpackError> {
        let from =
            PathBuf::from(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(source)));
        self.copy_directory(&from, Path::new(""))
    }

    fn copy_directory(&mut self, from: &Path, below: &Path) -> Result<(), UnpackError> {
        let Ok(entries) = std::fs::read_dir(from) else {
            self.tally.unreadable += 1;
            return Ok(());
        };
        for entry in entries {
            let Ok(entry) = entry else {
                self.tally.unreadable += 1;
                continue;
            };
            self.copy_entry(&entry.path(), &below.join(entry.file_name()))?;
        }
        Ok(())
    }

    fn copy_entry(&mut self, from: &Path, path: &Path) -> Result<(), UnpackError> {
        self.count_entry()?;
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
            return self.copy_directory(from, path);
        }
        if kind.is_symlink() {
            let Ok(target) = std::fs::read_link(from) else {
                self.tally.unreadable += 1;
                return Ok(());
            };
            place.make_symlink(&target).map_err(self.failed("make the link", path))?;
        } else if kind.is_file() {
            let Ok(mut source) = File::open(from) else {
                self.tally.unreadable += 1;
                return Ok(());
            };
            let mut file = place.make_file().map_err(self.failed("make", path))?;
            self.copy(&mut source, &mut file, path)?;
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

    fn count_entry(&mut self) -> Result<(), UnpackError> {
        self.tally.entries += 1;
        if self.tally.entries > MAX_ENTRIES { Err(UnpackError::TooMany) } else { Ok(()) }
    }

    fn failed(
        &self,
        doing: &'static str,
        path: &Path,
    ) -> impl FnOnce(Errno) -> UnpackError + use<> {
        let (layer, path) = (self.layer, path.to_owned());
        move |errno| UnpackError::Entry { layer, doing, path, errno }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Compression;
    use std::io::Write;
    use tar::{Builder, Header};

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
            let mut header = Header::new_gnu();
            let text = if let Made::File(text) = made { *text } else { "" };
            let (kind, target) = match made {
                Made::File(_) => (EntryType::Regular, None),
                Made::Directory => (EntryType::Directory, None),
                Made::Symlink(target) => (EntryType::Symlink, Some(*target)),
                Made::HardLink(target) => (EntryType::Link, Some(*target)),
                Made::Device => (EntryType::Char, None),
            };
            header.set_entry_type(kind);
            header.set_mode(0o755);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(0);
            header.set_size(text.len() as u64);
            let old = header.as_old_mut();
            // As they are: the crate's own functions refuse what a hostile archive has.
            old.name[..name.len()].copy_from_slice(name.as_bytes());
            if let Some(target) = target {
                old.linkname[..target.len()].copy_from_slice(target.as_bytes());
            }
            header.set_cksum();
            builder.append(&header, text.as_bytes()).expect("an entry");
        }
        builder.into_inner().expect("an archive")
    }

    fn layer_of(bytes: &[u8], place: usize) -> (ImageLayer, File) {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(bytes).expect("its bytes");
        let form = LayerForm::Tar {
            offset: 0,
            length: bytes.len() as u64,
            compression: Compression::of_bytes(bytes),
            digest: None,
            diff_id: None,
        };
        (ImageLayer { file: place, form }, file)
    }

    /// What the layers come to in a directory inside another, which has a file that nobody may reach.
    fn unpacked(layers: &[Vec<u8>]) -> (tempfile::TempDir, Result<UnpackedImage, UnpackError>) {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join("root")).expect("the root");
        std::fs::write(dir.path().join("outside"), "untouched").expect("a file outside");
        let made = layers.iter().enumerate().map(|(place, bytes)| layer_of(bytes, place));
        let (layers, files): (Vec<_>, Vec<_>) = made.unzip();
        let done = unpack(&layers, &files, &dir.path().join("root"), |_| {});
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
    fn devices_are_left_out_and_counted() {
        let (dir, done) = unpacked(&[tar_of(&[("null", Made::Device)])]);
        assert_eq!(done.map(|tally| tally.devices).ok(), Some(1));
        assert!(!dir.path().join("root/null").exists());
    }

    #[test]
    fn a_layer_that_is_not_what_was_promised_is_refused() {
        let bytes = tar_of(&[("a", Made::File("x"))]);
        let (mut layer, file) = layer_of(&bytes, 0);
        if let LayerForm::Tar { digest, .. } = &mut layer.form {
            *digest = Some("0".repeat(64));
        }
        let dir = tempfile::tempdir().expect("a directory");
        let done = unpack(&[layer], &[file], dir.path(), |_| {});
        assert!(matches!(done, Err(UnpackError::Digest { layer: 1, .. })), "{done:?}");

        let (mut cut, file) = layer_of(&bytes, 0);
        if let LayerForm::Tar { length, .. } = &mut cut.form {
            *length += 10_000;
        }
        let done = unpack(&[cut], &[file], dir.path(), |_| {});
        assert!(matches!(done, Err(UnpackError::Archive { layer: 1, .. })), "{done:?}");
    }
}
