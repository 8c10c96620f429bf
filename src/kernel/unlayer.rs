//! A layer of an image layout into a directory of its own: checked first, then unpacked entry by entry.

use std::io::Read;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;

use super::file::{self, NodeKind};
use super::layout::{LayerBytes, read_layer};
use super::record::Recorder;
use super::rooted::relative_path;
use super::tar_entry::{NamedEntries, NamedEntry};
use super::tar_writer::MAX_ENTRIES;
use crate::op::{UnlayerOrder, WhiteoutForm};

/// The most bytes that a layer may be without compression.
const MAX_BYTES: u64 = 1 << 30;
const WRITE_BYTES: usize = 256 << 10;

const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";
/// Marks of aufs's own, which say nothing of files.
const NOTE: &str = ".wh..wh.";

/// The end of an attempt to unpack a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unlayered {
    Done(String),
    /// The bytes are not those that the blob's name promises: nothing was unpacked.
    Damaged(String),
}

/// Unpack a layer. Its digest is compared with the name of the blob before anything is written.
pub fn unlayer(recorder: &mut Recorder, order: &UnlayerOrder) -> Result<Unlayered, Errno> {
    let layer = read_layer(recorder, &order.layout, &order.layer)?;
    let LayerBytes { digest, promised, .. } = &layer;
    if digest != promised {
        return Ok(Unlayered::Damaged(format!(
            "promised: sha256:{promised}\nfound:    sha256:{digest}\nnothing was unpacked\n"
        )));
    }

    file::mkdir_parents(recorder, &order.to)?;
    let mut unpacking =
        Unpacking { recorder, to: &order.to, form: order.whiteouts, entries: 0, whiteouts: 0 };
    let mut archive = tar::Archive::new(layer.plain().take(MAX_BYTES));
    for entry in NamedEntries::new(archive.entries().map_err(broken)?) {
        unpacking.entry(entry.map_err(broken)?)?;
    }

    let Unpacking { entries, whiteouts, form, .. } = unpacking;
    let mut said = format!("digest as promised: sha256:{digest}\n{entries} entries");
    if whiteouts > 0 {
        let form = match form {
            WhiteoutForm::Convert => "made whiteouts of overlays",
            WhiteoutForm::Keep => "left as files",
        };
        said += &format!(", {whiteouts} of them `{WHITEOUT}`, {form}");
    }
    Ok(Unlayered::Done(said + "\n"))
}

/// The errno of an archive that can't be read: EBADMSG where it has none of its own.
fn broken(error: std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EBADMSG, Errno::from_raw)
}

struct Unpacking<'a> {
    recorder: &'a mut Recorder,
    to: &'a str,
    form: WhiteoutForm,
    entries: usize,
    whiteouts: usize,
}

impl Unpacking<'_> {
    fn entry(&mut self, named: NamedEntry<'_, impl Read>) -> Result<(), Errno> {
        let NamedEntry { path: written, target, kind, attributes, mut entry } = named;
        let Some(path) = self.place(&written)? else { return Ok(()) };
        self.entries += 1;
        if self.entries > MAX_ENTRIES {
            return Err(Errno::EFBIG);
        }

        let (parent, name) = path.rsplit_once('/').unwrap_or(("/", &path));
        if name.starts_with(WHITEOUT) {
            self.whiteouts += 1;
            if self.form == WhiteoutForm::Convert {
                return self.whiteout(parent, name);
            }
        }

        let mode = attributes.mode & 0o7777;
        if kind.is_dir() {
            if !is_directory(&path) {
                file::make_way(self.recorder, &path)?;
                file::mkdir(self.recorder, &path)?;
            }
            return self.set_mode(&path, mode, 0o755);
        }

        file::make_way(self.recorder, &path)?;
        if kind.is_symlink() {
            let target = target.to_str().ok_or(Errno::EILSEQ)?;
            return file::symlink(self.recorder, target, &path);
        }
        if kind.is_hard_link() {
            let first = self.place(&target)?.ok_or(Errno::EINVAL)?;
            return file::link(self.recorder, &first, &path);
        }
        if kind.is_character_special() || kind.is_block_special() {
            let number = |field: std::io::Result<Option<u32>>| field.map_err(broken);
            let major = number(entry.header().device_major())?.unwrap_or_default();
            let minor = number(entry.header().device_minor())?.unwrap_or_default();
            let kind = if kind.is_block_special() { NodeKind::Block } else { NodeKind::Character };
            return file::mknod(self.recorder, &path, kind, (major, minor));
        }
        if kind.is_fifo() {
            return file::mknod(self.recorder, &path, NodeKind::Fifo, (0, 0));
        }
        self.file(&mut entry, &path)?;
        self.set_mode(&path, mode, 0o644)
    }

    fn file(&mut self, content: &mut impl Read, path: &str) -> Result<(), Errno> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
        let file = file::open(self.recorder, path, flags, 0o644)?;
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            content.take(WRITE_BYTES as u64).read_to_end(&mut buffer).map_err(broken)?;
            if buffer.is_empty() {
                return Ok(());
            }
            file::write_all(self.recorder, &file, &buffer)?;
        }
    }

    /// The mode, where it is another one than a new file has.
    fn set_mode(&mut self, path: &str, mode: u32, usual: u32) -> Result<(), Errno> {
        if mode == usual { Ok(()) } else { file::chmod(self.recorder, path, mode) }
    }

    /// A deletion, in the form that an overlay has for it.
    fn whiteout(&mut self, parent: &str, name: &str) -> Result<(), Errno> {
        if name == OPAQUE {
            return file::setxattr(self.recorder, parent, "user.overlay.opaque", "y");
        }
        let hidden = &name[WHITEOUT.len()..];
        if name.starts_with(NOTE) || hidden.is_empty() || matches!(hidden, "." | "..") {
            return Ok(());
        }
        let path = format!("{parent}/{hidden}");
        file::make_way(self.recorder, &path)?;
        file::mknod(self.recorder, &path, NodeKind::Character, (0, 0))
    }

    /// The place of a name below the directory; none for the directory itself. A name that leads out, by `..` or by a link on
    /// its way, is refused.
    fn place(&mut self, name: &Path) -> Result<Option<String>, Errno> {
        let name = relative_path(name).ok_or(Errno::EXDEV)?;
        let name = name.to_str().ok_or(Errno::EILSEQ)?;
        let mut path = self.to.trim_end_matches('/').to_owned();
        let (way, last) = name.rsplit_once('/').unwrap_or(("", name));
        if last.is_empty() {
            return Ok(None);
        }
        for part in way.split('/').filter(|part| !part.is_empty()) {
            path = format!("{path}/{part}");
            match std::fs::symlink_metadata(&path) {
                Ok(found) if found.is_dir() => {}
                Ok(found) if found.is_symlink() => return Err(Errno::ELOOP),
                Ok(_) => return Err(Errno::ENOTDIR),
                Err(_) => file::mkdir(self.recorder, &path)?,
            }
        }
        Ok(Some(format!("{path}/{last}")))
    }
}

fn is_directory(path: &str) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};

    use super::*;
    use crate::kernel::layout::pack;
    use crate::op::{LayerCompression, PackOrder};

    /// A layer of what `fill` puts into a directory, unpacked into `out`.
    fn unpacked(
        dir: &Path,
        compress: LayerCompression,
        whiteouts: WhiteoutForm,
        fill: impl Fn(&Path),
    ) -> Result<Unlayered, Errno> {
        let at = |name: &str| dir.join(name).display().to_string();
        std::fs::create_dir(at("from")).expect("a directory");
        fill(&dir.join("from"));
        let mut recorder = Recorder::default();
        let order =
            PackOrder { from: at("from"), layout: at("layout"), name: "one".into(), compress };
        pack(&mut recorder, &order)?;
        let order =
            UnlayerOrder { layout: at("layout"), layer: "one".into(), to: at("out"), whiteouts };
        unlayer(&mut recorder, &order)
    }

    #[test]
    fn what_was_packed_is_unpacked() {
        let dir = tempfile::tempdir().expect("a directory");
        let done = unpacked(dir.path(), LayerCompression::Gzip, WhiteoutForm::Convert, |from| {
            std::fs::create_dir_all(from.join("etc/empty")).expect("a directory");
            std::fs::write(from.join("etc/large"), vec![b'x'; 600_000]).expect("a file");
            std::fs::hard_link(from.join("etc/large"), from.join("second")).expect("a link");
            std::os::unix::fs::symlink("etc", from.join("link")).expect("a link");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o1777);
            std::fs::set_permissions(from.join("etc/empty"), mode).expect("a mode");
        });
        assert!(
            matches!(&done, Ok(Unlayered::Done(said)) if said.contains("5 entries")),
            "{done:?}"
        );
        let out = dir.path().join("out");
        assert_eq!(std::fs::read(out.join("second")).expect("read").len(), 600_000);
        let large = std::fs::metadata(out.join("etc/large")).expect("there");
        assert_eq!((large.nlink(), large.mode() & 0o7777), (2, 0o644));
        let mode = std::fs::metadata(out.join("etc/empty")).expect("there").mode();
        assert_eq!(mode & 0o7777, 0o1777);
        assert_eq!(std::fs::read_link(out.join("link")).expect("a link"), Path::new("etc"));
    }

    #[test]
    fn a_deletion_is_kept_as_it_is_or_becomes_what_an_overlay_has() {
        for whiteouts in [WhiteoutForm::Keep, WhiteoutForm::Convert] {
            let dir = tempfile::tempdir().expect("a directory");
            let done = unpacked(dir.path(), LayerCompression::None, whiteouts, |from| {
                std::fs::create_dir(from.join("etc")).expect("a directory");
                std::fs::write(from.join("etc/.wh.hosts"), "").expect("a file");
            });
            let is_kept = dir.path().join("out/etc/.wh.hosts").exists();
            let node = std::fs::symlink_metadata(dir.path().join("out/etc/hosts"));
            let is_node =
                node.is_ok_and(|node| node.file_type().is_char_device() && node.rdev() == 0);
            let converts = whiteouts == WhiteoutForm::Convert;
            // Without a user namespace of their own, and before Linux 5.8, not all may make the node.
            if done == Err(Errno::EPERM) {
                continue;
            }
            assert_eq!((is_kept, is_node), (!converts, converts), "{done:?}");
        }
    }

    #[test]
    fn a_blob_that_is_not_what_its_name_says_is_not_unpacked() {
        let dir = tempfile::tempdir().expect("a directory");
        let keep = WhiteoutForm::Keep;
        unpacked(dir.path(), LayerCompression::None, keep, |_| {}).expect("unpacked");
        let at = |name: &str| dir.path().join(name).display().to_string();
        let mut blob = std::fs::read(at("layout/one")).expect("read");
        blob.push(0);
        std::fs::write(at("layout/one"), blob).expect("written");

        let (layout, to) = (at("layout"), at("other"));
        let order = UnlayerOrder { layout, layer: "one".into(), to, whiteouts: keep };
        let done = unlayer(&mut Recorder::default(), &order);
        assert!(matches!(done, Ok(Unlayered::Damaged(_))), "{done:?}");
        assert!(!dir.path().join("other").exists());
    }

    #[test]
    fn no_name_leads_out_of_the_directory() {
        let dir = tempfile::tempdir().expect("a directory");
        let to = dir.path().join("out").display().to_string();
        std::fs::create_dir(&to).expect("a directory");
        std::os::unix::fs::symlink("..", dir.path().join("out/link")).expect("a link");
        let mut recorder = Recorder::default();
        let mut unpacking = Unpacking {
            recorder: &mut recorder,
            to: &to,
            form: WhiteoutForm::Keep,
            entries: 0,
            whiteouts: 0,
        };
        let mut check = |name: &str, expected: Result<Option<&str>, Errno>| {
            let expected = expected.map(|path| path.map(|path| format!("{to}{path}")));
            assert_eq!(unpacking.place(Path::new(name)), expected, "{name}");
        };
        check("./", Ok(None));
        check("./a", Ok(Some("/a")));
        check("/a/b", Ok(Some("/a/b")));
        check("link", Ok(Some("/link")));
        check("link/a", Err(Errno::ELOOP));
        check("../a", Err(Errno::EXDEV));
        check("a/../../b", Err(Errno::EXDEV));
    }
}
