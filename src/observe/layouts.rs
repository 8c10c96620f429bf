//! Image layouts, read from outside: their blobs, and the layers that their images name. What a lab wrote there may be anything.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::sys::stat::FileStat;
use oci_spec::image::{Descriptor, ImageIndex, ImageManifest};
use sha2::{Digest, Sha256};

use super::bounds::{self, Budget};
use super::rootdir::RootDir;
use crate::fact::{BlobReading, LayoutFact};
use crate::op::BLOBS;
use crate::snapshot::{DirEntry, FileKind};
use crate::text::hexadecimal;

/// The image layout at `path` as that process sees it; none where no blobs are there. An error where that can't be told.
pub fn layout(
    pid: u32,
    path: &str,
    reading: BlobReading,
    known: &mut KnownDigests,
) -> Result<Option<LayoutFact>, Errno> {
    let root = RootDir::open(Path::new("/proc"), pid)?;
    let listed = match root.list(&format!("{path}/{BLOBS}"), bounds::MAX_BLOBS, 0) {
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(None),
        listed => listed?,
    };
    let (mut blobs, omitted) = listed;
    blobs.retain(|entry| entry.kind == FileKind::File);

    let mut fact = LayoutFact {
        blobs: blobs.len(),
        shared: shared_layers(&root, path),
        damaged: 0,
        is_cut: !omitted.is_nothing(),
    };
    match reading {
        BlobReading::Listed => {}
        BlobReading::Hashed => hash_blobs(&root, path, &blobs, known, &mut fact),
    }
    Ok(Some(fact))
}

/// The layers that more than one image of the index has. What can't be read shares nothing.
fn shared_layers(root: &RootDir, path: &str) -> usize {
    let Some(index) = parse::<ImageIndex>(root, &format!("{path}/index.json")) else { return 0 };
    let mut images: BTreeMap<String, usize> = BTreeMap::new();
    for manifest in index.manifests().iter().take(bounds::MAX_IMAGES) {
        let manifest: Option<ImageManifest> = parse(root, &blob_path(path, manifest));
        let layers = manifest.iter().flat_map(|manifest| manifest.layers());
        let digests: BTreeSet<String> =
            layers.map(|layer| layer.digest().as_ref().to_owned()).collect();
        for digest in digests {
            *images.entry(digest).or_default() += 1;
        }
    }
    images.values().filter(|count| **count > 1).count()
}

/// The place of a blob. A digest is hexadecimal letters: nothing that leads elsewhere.
fn blob_path(path: &str, descriptor: &Descriptor) -> String {
    format!("{path}/{BLOBS}/{}", descriptor.digest().digest())
}

fn parse<T: serde::de::DeserializeOwned>(root: &RootDir, path: &str) -> Option<T> {
    let text = root.read(path, bounds::MAX_MANIFEST_BYTES + 1).ok()?;
    if text.len() > bounds::MAX_MANIFEST_BYTES {
        return None;
    }
    serde_json::from_slice(&text).ok()
}

/// The digests of files that were hashed before. A look is repeated many times a second, and hashing takes longest.
#[derive(Debug, Default)]
pub struct KnownDigests(HashMap<FileVersion, String>);

/// A file as it is: whatever changes its bytes changes its time, but within one tick of the kernel's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct FileVersion {
    device: u64,
    inode: u64,
    size: i64,
    changed: (i64, i64),
}

impl FileVersion {
    /// None for a file that may have changed since without a new time.
    fn of(stat: &FileStat) -> Option<FileVersion> {
        const TICKS: Duration = Duration::from_secs(1);
        let seconds = u64::try_from(stat.st_ctime).ok()?;
        let nanos = u32::try_from(stat.st_ctime_nsec).ok()?;
        let changed = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
        let is_settled = changed.elapsed().is_ok_and(|age| age > TICKS);
        is_settled.then_some(FileVersion {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: stat.st_size,
            changed: (stat.st_ctime, stat.st_ctime_nsec),
        })
    }
}

impl KnownDigests {
    /// The digest of a blob, read where it is not known.
    fn digest(&mut self, root: &RootDir, path: &str, size: usize) -> Result<String, Errno> {
        // Before it is read: a change meanwhile makes another version.
        let version = FileVersion::of(&root.stat(path)?);
        if let Some(known) = version.and_then(|version| self.0.get(&version)) {
            return Ok(known.clone());
        }
        let digest = hexadecimal(Sha256::digest(&root.read(path, size)?));
        if let Some(version) = version {
            // Those of files that are gone.
            if self.0.len() >= 2 * bounds::MAX_BLOBS {
                self.0.clear();
            }
            self.0.insert(version, digest.clone());
        }
        Ok(digest)
    }
}

fn hash_blobs(
    root: &RootDir,
    path: &str,
    blobs: &[DirEntry],
    known: &mut KnownDigests,
    fact: &mut LayoutFact,
) {
    let mut budget = Budget::new(bounds::MAX_HASHED_BYTES);
    for blob in blobs {
        let size = usize::try_from(blob.size).unwrap_or(usize::MAX);
        if budget.up_to(size) < size {
            fact.is_cut = true;
            continue;
        }
        budget.spend(size);
        match known.digest(root, &format!("{path}/{BLOBS}/{}", blob.name), size) {
            Ok(digest) => fact.damaged += usize::from(digest != blob.name),
            Err(_) => fact.is_cut = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(dir: &Path, text: &str) -> String {
        let digest = hexadecimal(Sha256::digest(text));
        std::fs::write(dir.join(BLOBS).join(&digest), text).expect("a blob");
        digest
    }

    fn manifest(dir: &Path, layers: &[&str]) -> String {
        let descriptor = |kind: &str, digest: &str| {
            format!(r#"{{"mediaType":"{kind}","digest":"sha256:{digest}","size":1}}"#)
        };
        let tar = "application/vnd.oci.image.layer.v1.tar";
        let layers: Vec<String> = layers.iter().map(|layer| descriptor(tar, layer)).collect();
        let config = descriptor("application/vnd.oci.image.config.v1+json", &"0".repeat(64));
        let text =
            format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{}]}}"#, layers.join(","));
        descriptor("application/vnd.oci.image.manifest.v1+json", &blob(dir, &text))
    }

    #[test]
    fn blobs_are_counted_and_those_that_are_not_what_their_name_says() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().to_str().expect("a path");
        let me = std::process::id();
        let mut known = KnownDigests::default();
        let mut read = |reading| layout(me, path, reading, &mut known).expect("it can be told");
        assert_eq!(read(BlobReading::Listed), None);

        std::fs::create_dir_all(dir.path().join(BLOBS)).expect("made");
        assert_eq!(read(BlobReading::Listed), Some(LayoutFact::default()));

        let (base, own) = (blob(dir.path(), "base"), blob(dir.path(), "own"));
        let one = manifest(dir.path(), &[&base, &base]);
        let other = manifest(dir.path(), &[&base, &own]);
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{one},{other}]}}"#);
        std::fs::write(dir.path().join("index.json"), index).expect("an index");
        let whole = LayoutFact { blobs: 4, shared: 1, damaged: 0, is_cut: false };
        assert_eq!(read(BlobReading::Hashed), Some(whole));

        std::fs::write(dir.path().join(BLOBS).join(&own), "changed").expect("written");
        assert_eq!(read(BlobReading::Listed), Some(whole));
        assert_eq!(read(BlobReading::Hashed), Some(LayoutFact { damaged: 1, ..whole }));

        for wrong in ["", "{}", r#"{"schemaVersion":2,"manifests":[{"digest":"../../x"}]}"#] {
            std::fs::write(dir.path().join("index.json"), wrong).expect("an index");
            assert_eq!(read(BlobReading::Listed), Some(LayoutFact { shared: 0, ..whole }));
        }
    }

    #[test]
    fn a_layout_that_is_too_much_is_read_in_part_and_says_so() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir_all(dir.path().join(BLOBS)).expect("made");
        let path = dir.path().to_str().expect("a path");
        let mut known = KnownDigests::default();
        let mut read =
            || layout(std::process::id(), path, BlobReading::Hashed, &mut known).expect("told");
        let large = std::fs::File::create(dir.path().join(BLOBS).join("large")).expect("a file");
        large.set_len(1 << 40).expect("a hole");
        let cut = LayoutFact { blobs: 1, shared: 0, damaged: 0, is_cut: true };
        assert_eq!(read(), Some(cut));
        large.set_len(0).expect("emptied");
        for index in 0..bounds::MAX_BLOBS {
            std::fs::write(dir.path().join(BLOBS).join(index.to_string()), "").expect("a blob");
        }
        assert_eq!(read().map(|fact| (fact.blobs, fact.is_cut)), Some((bounds::MAX_BLOBS, true)));
    }
}
