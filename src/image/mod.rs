//! Images made elsewhere: an OCI layout, an archive of one, what `docker save` writes, or a root file system as a directory or a
//! tar file.
//!
//! `open` finds out which it is and where its layers are, and reads no layer; it runs as whoever started the program. `unpack`
//! reads the layers, which may be hostile, and runs in the store's user namespace, which may nothing on the machine.

mod archive;
mod image_error;
mod layer_reader;
pub(crate) mod made_archive;
mod manifest;
mod mount_points;
mod open;
mod unpack;

use std::fs::File;

use serde::{Deserialize, Serialize};

pub use self::image_error::ImageError;
pub use self::mount_points::add_mount_points;
pub use self::open::open_image;
pub use self::unpack::{UnpackError, UnpackLimits, unpack};

/// The most layers of an image. docker makes no more than 127, and one message passes 253 descriptors on.
const MAX_LAYERS: usize = 200;

/// An image whose layers are found: what the store needs to lay it out.
#[derive(Debug)]
pub struct Image {
    pub layers: Vec<ImageLayer>,
    /// The files that hold the layers, by the number that a layer has.
    pub files: Vec<File>,
}

/// One layer of an image, bottom first in its list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageLayer {
    /// The place of its file in the list of files.
    pub file: usize,
    pub form: LayerForm,
}

/// The form that a layer has in its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LayerForm {
    Tar(TarPart),
    /// The file is a directory, which is copied.
    Directory,
}

/// A part of a file that is a tar archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TarPart {
    /// The first byte.
    pub offset: u64,
    /// The number of bytes.
    pub length: u64,
    pub compression: Compression,
    /// The SHA-256 of these bytes, in hexadecimal, as the manifest promises it.
    pub digest: Option<String>,
    /// The SHA-256 of the archive without compression, as the configuration promises it.
    pub diff_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    /// The compression of a file by its first bytes; anything unknown is taken for none.
    fn of_bytes(bytes: &[u8]) -> Compression {
        match bytes {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
            _ => Compression::None,
        }
    }
}
