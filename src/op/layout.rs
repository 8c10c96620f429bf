//! Orders about an **image layout**: a directory in which images are stored as the OCI image specification has it, each part a
//! **blob** in `blobs/sha256`, called by its own digest.

use serde::{Deserialize, Serialize};

/// The directory of a layout that has its blobs.
pub const BLOBS: &str = "blobs/sha256";

/// A directory that is to become a layer: a tar archive, stored as a blob. A symbolic link called `name` leads to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackOrder {
    pub from: String,
    pub layout: String,
    pub name: String,
    pub compress: LayerCompression,
}

/// The compression of a layer as it is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerCompression {
    #[default]
    None,
    Gzip,
}

/// An image that is to be made of a layout's layers: its configuration, its manifest, and its name in the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageOrder {
    pub layout: String,
    pub name: String,
    /// The names of the links that lead to the layers, bottom first.
    pub layers: Vec<String>,
}

/// A layer that is to be unpacked into a directory of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnlayerOrder {
    pub layout: String,
    pub layer: String,
    pub to: String,
    pub whiteouts: WhiteoutForm,
}

/// The form in which the deletions of a layer are unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhiteoutForm {
    /// As an overlay has them: a device 0,0 in the place of the file, an extended attribute of an opaque directory.
    Convert,
    /// As the archive has them: files whose names begin with `.wh.`.
    Keep,
}

/// The beginning of the media types of all parts of an image.
pub const MEDIA_TYPE: &str = "application/vnd.oci.image";

/// The name of this machine's kind in images.
pub fn image_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Digest (in hexadecimal) and size (in bytes) of a blob, or the words by which a shell finds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobName {
    pub digest: String,
    pub bytes: String,
}

/// A descriptor: the JSON by which one part of an image names another. `more` are further fields, each with a comma before it.
pub fn descriptor(media_type: &str, blob: &BlobName, more: &str) -> String {
    let BlobName { digest, bytes } = blob;
    format!(r#"{{"mediaType":"{media_type}","digest":"sha256:{digest}","size":{bytes}{more}}}"#)
}

/// The configuration of an image; of its layers come the diffIDs, as a list of JSON.
pub fn config_text(diff_ids: &str) -> String {
    format!(
        r#"{{"architecture":"{}","os":"linux","rootfs":{{"type":"layers","diff_ids":[{diff_ids}]}}}}"#,
        image_architecture()
    )
}

/// The manifest of an image, with the descriptors of its configuration and of its layers.
pub fn manifest_text(media_type: &str, config: &str, layers: &str) -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{media_type}","config":{config},"layers":[{layers}]}}"#
    )
}

/// The further field of a descriptor in the index: the name of the image.
pub fn image_name_field(name: &str) -> String {
    format!(r#","annotations":{{"org.opencontainers.image.ref.name":"{name}"}}"#)
}

/// An index without images.
pub const EMPTY_INDEX: &str = r#"{"schemaVersion":2,"manifests":[]}"#;
/// The file `oci-layout`, which says that a directory is one.
pub const LAYOUT_MARK: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
