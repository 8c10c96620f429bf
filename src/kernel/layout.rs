//! Image layouts, made by hand: a directory becomes a layer, which is stored under its own digest.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use oci_spec::image::{Descriptor, ImageIndex};
use sha2::{Digest, Sha256};

use super::errno::to_errno;
use super::file;
use super::record::Recorder;
use super::tar_writer::{TarSink, write_tar};
use crate::op::{
    BLOBS, BlobName, EMPTY_INDEX, ImageOrder, LAYOUT_MARK, LayerCompression, MEDIA_TYPE, PackOrder,
    WriteMode, config_text, descriptor, image_name_field, manifest_text,
};
use crate::text::hexadecimal;

/// The name of an image in the index.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The most bytes of a layer that is read, and of an index.
const MAX_LAYER_BYTES: usize = 256 << 20;
const MAX_INDEX_BYTES: usize = 1 << 20;
/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The bytes that are collected before they are written.
const WRITE_BYTES: usize = 256 << 10;
/// The bytes that are read at a time.
const READ_BYTES: usize = 1 << 20;

/// Pack a directory as a layer of a layout. Says the digest of the tar file, that of the blob, and where this is.
pub fn pack(recorder: &mut Recorder, order: &PackOrder) -> Result<String, Errno> {
    let PackOrder { from, layout, name, compress } = order;
    file::mkdir_parents(recorder, &format!("{layout}/{BLOBS}"))?;

    let mut blob = BlobWriter::create(recorder, format!("{layout}/new"), *compress)?;
    write_tar(recorder, from, &mut blob)?;
    let (diff_id, plain_bytes) = (hexadecimal(blob.plain.clone().finalize()), blob.plain_bytes);
    let stored = blob.store(recorder, layout)?;

    let link = format!("{layout}/{name}");
    file::make_way(recorder, &link)?;
    file::symlink(recorder, &format!("{BLOBS}/{}", stored.digest), &link)?;

    let StoredBlob { digest, bytes, was_there } = stored;
    let mut said = format!("tar file: {plain_bytes} bytes, sha256:{diff_id}\n");
    if *compress == LayerCompression::Gzip {
        said += &format!("gzip:     {bytes} bytes, sha256:{digest}\n");
    }
    said += if was_there {
        "the layout had this blob already\n"
    } else {
        "stored as a new blob of that name\n"
    };
    Ok(said)
}

/// Make an image of a layout's layers, and say the digests of its parts.
pub fn make_image(recorder: &mut Recorder, order: &ImageOrder) -> Result<String, Errno> {
    let ImageOrder { layout, name, layers } = order;
    let (mut diff_ids, mut descriptors, mut said) = (Vec::new(), Vec::new(), String::new());
    for layer in layers {
        let stored = read_layer(recorder, layout, layer)?;
        // Of a compressed one the diffID would be another number, which takes longer to find than a key may take.
        if stored.is_gzip() {
            return Err(Errno::EINVAL);
        }
        said += &format!("layer {layer}: sha256:{}\n", stored.digest);
        let bytes = stored.bytes.len().to_string();
        let blob = BlobName { digest: stored.digest.clone(), bytes };
        descriptors.push(descriptor(&media_type("layer.v1.tar"), &blob, ""));
        diff_ids.push(format!("\"sha256:{}\"", stored.digest));
    }

    let config = store_text(recorder, layout, &config_text(&diff_ids.join(",")))?;
    let part = descriptor(&media_type("config.v1+json"), &config, "");
    let manifest = store_text(
        recorder,
        layout,
        &manifest_text(&media_type("manifest.v1+json"), &part, &descriptors.join(",")),
    )?;
    said += &format!("configuration: sha256:{}\n", config.digest);
    said += &format!("manifest: sha256:{}\n", manifest.digest);

    let mark = format!("{layout}/oci-layout");
    file::write_text(recorder, &mark, &format!("{}\n", LAYOUT_MARK), WriteMode::Create)?;
    add_to_index(recorder, &format!("{layout}/index.json"), &manifest, name)?;
    Ok(said + &format!("index.json: {name} leads to that manifest\n"))
}

fn media_type(part: &str) -> String {
    [MEDIA_TYPE, part].join(".")
}

/// A text as a blob, which ends with a line feed as what a shell writes does.
fn store_text(recorder: &mut Recorder, layout: &str, text: &str) -> Result<BlobName, Errno> {
    let mut blob = BlobWriter::create(recorder, format!("{layout}/new"), LayerCompression::None)?;
    blob.take(recorder, format!("{text}\n").as_bytes())?;
    let stored = blob.store(recorder, layout)?;
    Ok(BlobName { digest: stored.digest, bytes: stored.bytes.to_string() })
}

/// Let a name lead to a manifest; where it led elsewhere, it no longer does. EBADMSG where the file is no index.
fn add_to_index(
    recorder: &mut Recorder,
    path: &str,
    manifest: &BlobName,
    name: &str,
) -> Result<(), Errno> {
    let text = match std::fs::symlink_metadata(path) {
        Ok(_) => {
            let file = file::open(recorder, path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, 0)?;
            read_bounded(recorder, &file, MAX_INDEX_BYTES)?
        }
        Err(_) => EMPTY_INDEX.into(),
    };
    let index: ImageIndex = serde_json::from_slice(&text).map_err(|_| Errno::EBADMSG)?;

    let is_other = |entry: &&Descriptor| {
        let called = entry.annotations().as_ref().and_then(|all| all.get(REF_NAME));
        called.is_none_or(|called| called != name)
    };
    let others = index.manifests().iter().filter(is_other);
    let mut entries: Vec<String> = others
        .map(|entry| serde_json::to_string(entry).map_err(|_| Errno::EBADMSG))
        .collect::<Result<_, _>>()?;
    let kind = media_type("manifest.v1+json");
    entries.push(descriptor(&kind, manifest, &image_name_field(name)));
    let text = EMPTY_INDEX.replace("[]", &format!("[{}]", entries.join(",")));
    file::write_text(recorder, path, &format!("{text}\n"), WriteMode::Create)
}

/// A layer's blob in memory.
#[derive(Debug)]
pub struct LayerBytes {
    bytes: Vec<u8>,
    /// The digest of these bytes.
    pub digest: String,
    /// The name of the blob, which is to be that digest.
    pub promised: String,
}

impl LayerBytes {
    fn is_gzip(&self) -> bool {
        self.bytes.starts_with(&GZIP)
    }

    /// The bytes of the tar file.
    pub fn plain(&self) -> Box<dyn Read + '_> {
        if self.is_gzip() {
            Box::new(MultiGzDecoder::new(self.bytes.as_slice()))
        } else {
            Box::new(self.bytes.as_slice())
        }
    }
}

/// Read the layer that a name of the layout leads to, with its digest.
pub fn read_layer(recorder: &mut Recorder, layout: &str, name: &str) -> Result<LayerBytes, Errno> {
    let path = format!("{layout}/{name}");
    let link = std::fs::read_link(&path).map_err(to_errno)?;
    let promised = link.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let file = file::open(recorder, &path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, 0)?;
    let bytes = read_bounded(recorder, &file, MAX_LAYER_BYTES)?;
    let digest = hexadecimal(Sha256::digest(&bytes));
    Ok(LayerBytes { bytes, digest, promised })
}

/// All bytes of a file; EFBIG where there are more than that.
fn read_bounded(recorder: &mut Recorder, file: &OwnedFd, limit: usize) -> Result<Vec<u8>, Errno> {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; READ_BYTES]);
    loop {
        let count = file::read_some(recorder, file, &mut buffer)?;
        if count == 0 {
            return Ok(bytes);
        }
        bytes.extend_from_slice(&buffer[..count]);
        if bytes.len() > limit {
            return Err(Errno::EFBIG);
        }
    }
}

/// A file on its way to its name, which is the digest of its bytes.
struct BlobWriter {
    path: String,
    file: OwnedFd,
    waiting: Vec<u8>,
    stored: Sha256,
    stored_bytes: u64,
    gzip: Option<GzEncoder<Vec<u8>>>,
    /// The bytes before they are compressed.
    plain: Sha256,
    plain_bytes: u64,
}

/// A blob that has its name.
struct StoredBlob {
    digest: String,
    bytes: u64,
    was_there: bool,
}

impl BlobWriter {
    fn create(
        recorder: &mut Recorder,
        path: String,
        compress: LayerCompression,
    ) -> Result<BlobWriter, Errno> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC | OFlag::O_CLOEXEC;
        let file = file::open(recorder, &path, flags, 0o644)?;
        let gzip = match compress {
            LayerCompression::None => None,
            // No name and no time in its header: the same bytes each time.
            LayerCompression::Gzip => {
                Some(GzEncoder::new(Vec::new(), flate2::Compression::default()))
            }
        };
        Ok(BlobWriter {
            path,
            file,
            waiting: Vec::with_capacity(WRITE_BYTES),
            stored: Sha256::new(),
            stored_bytes: 0,
            gzip,
            plain: Sha256::new(),
            plain_bytes: 0,
        })
    }

    fn write_waiting(&mut self, recorder: &mut Recorder) -> Result<(), Errno> {
        file::write_all(recorder, &self.file, &self.waiting)?;
        self.stored.update(&self.waiting);
        self.stored_bytes += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }

    /// Give it its name: rename(2) takes the place of a blob that is there already, which is the same.
    fn store(mut self, recorder: &mut Recorder, layout: &str) -> Result<StoredBlob, Errno> {
        if let Some(gzip) = self.gzip.take() {
            self.waiting.extend(gzip.finish().map_err(|_| Errno::EIO)?);
        }
        self.write_waiting(recorder)?;
        let digest = hexadecimal(self.stored.finalize());
        let name = format!("{layout}/{BLOBS}/{digest}");
        let was_there = std::fs::symlink_metadata(&name).is_ok();
        file::rename(recorder, &self.path, &name)?;
        Ok(StoredBlob { digest, bytes: self.stored_bytes, was_there })
    }
}

impl TarSink for BlobWriter {
    fn take(&mut self, recorder: &mut Recorder, bytes: &[u8]) -> Result<(), Errno> {
        self.plain.update(bytes);
        self.plain_bytes += bytes.len() as u64;
        match &mut self.gzip {
            None => self.waiting.extend_from_slice(bytes),
            Some(gzip) => {
                gzip.write_all(bytes).map_err(|_| Errno::EIO)?;
                self.waiting.append(gzip.get_mut());
            }
        }
        if self.waiting.len() >= WRITE_BYTES {
            self.write_waiting(recorder)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::process::Command;

    use super::*;
    use crate::action::make_image::MakeImage;
    use crate::action::pack::Pack;
    use crate::action::{ActionKind, LabFacts};
    use crate::op::Op;

    fn made(dir: &Path, by: impl Fn(&str, Vec<Op>, Vec<String>)) -> BTreeMap<String, Vec<u8>> {
        let layout = dir.join("layout").display().to_string();
        let root = dir.join("root").display().to_string();
        let pack = |name: &str, compress| Pack {
            from: root.clone(),
            layout: layout.clone(),
            name: name.into(),
            compress,
        };
        let image = |name: &str, layers: &[&str]| MakeImage {
            layout: layout.clone(),
            name: name.into(),
            layers: layers.iter().map(|layer| (*layer).to_owned()).collect(),
        };
        let facts = LabFacts::default();
        let play = |what: &str, action: &dyn Fn() -> (Vec<Op>, Vec<String>)| {
            let (ops, lines) = action();
            by(what, ops, lines);
        };
        let base = pack("base", LayerCompression::None);
        let (one, two) = (image("one", &["base"]), image("two", &["base", "base"]));
        play("base", &|| (base.lower(&facts).expect("ops"), base.shell(&facts)));
        play("one", &|| (one.lower(&facts).expect("ops"), one.shell(&facts)));
        play("two", &|| (two.lower(&facts).expect("ops"), two.shell(&facts)));

        let mut found = BTreeMap::new();
        for folder in ["", BLOBS] {
            for entry in std::fs::read_dir(Path::new(&layout).join(folder)).expect("a layout") {
                let entry = entry.expect("an entry");
                if entry.file_type().expect("a kind").is_file() {
                    let name = entry.file_name().to_string_lossy().into_owned();
                    found.insert(name, std::fs::read(entry.path()).expect("read"));
                }
            }
        }
        found
    }

    #[test]
    fn a_shell_makes_the_same_layout_as_the_program() {
        let ours = tempfile::tempdir().expect("a directory");
        let theirs = tempfile::tempdir().expect("a directory");
        for dir in [&ours, &theirs] {
            std::fs::create_dir(dir.path().join("root")).expect("a directory");
            std::fs::write(dir.path().join("root/file"), "text").expect("a file");
        }

        let by_program = made(ours.path(), |what, ops, _| {
            for op in ops {
                let record = super::super::perform::perform(&"host".into(), &op);
                assert!(record.outcome.is_ok(), "{what}: {:?}", record.outcome);
            }
        });
        let by_shell = made(theirs.path(), |what, _, lines| {
            let ran = Command::new("sh").args(["-ec", &lines.join("\n")]).output();
            let ran = ran.expect("a shell");
            let complaint = String::from_utf8_lossy(&ran.stderr);
            assert!(ran.status.success() && complaint.is_empty(), "{what}: {complaint}");
        });

        assert_eq!(by_program.len(), 7, "{:?}", by_program.keys());
        assert_eq!(by_program, by_shell);
        for (name, bytes) in by_program.iter().filter(|(name, _)| name.len() == 64) {
            assert_eq!(hexadecimal(Sha256::digest(bytes)), *name);
        }
    }
}
