//! Image layouts, made by hand: a directory becomes a layer, which is stored under its own digest.

use std::io::Write;
use std::os::fd::OwnedFd;

use flate2::write::GzEncoder;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use sha2::{Digest, Sha256};

use super::file;
use super::record::Recorder;
use super::tar_writer::{TarSink, write_tar};
use crate::op::{BLOBS, LayerCompression, PackOrder};

/// The bytes that are collected before they are written.
const WRITE_BYTES: usize = 256 << 10;

/// Pack a directory as a layer of a layout. Says the digest of the tar file, that of the blob, and where this is.
pub fn pack(recorder: &mut Recorder, order: &PackOrder) -> Result<String, Errno> {
    let PackOrder { from, layout, name, compress } = order;
    file::mkdir_parents(recorder, &format!("{layout}/{BLOBS}"))?;

    let mut blob = BlobWriter::create(recorder, format!("{layout}/new"), *compress)?;
    write_tar(recorder, from, &mut blob)?;
    let (diff_id, plain_bytes) = (hexadecimal(blob.plain.clone()), blob.plain_bytes);
    let stored = blob.store(recorder, layout)?;

    let link = format!("{layout}/{name}");
    if std::fs::symlink_metadata(&link).is_ok() {
        file::unlink(recorder, &link)?;
    }
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
        let digest = hexadecimal(self.stored);
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

fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
