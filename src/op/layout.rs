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

impl BlobName {
    /// A descriptor: the JSON by which one part of an image names another. `more` are further fields, each with a comma before it.
    pub fn descriptor(&self, kind: &str, more: &str) -> String {
        let BlobName { digest, bytes } = self;
        format!(
            r#"{{"mediaType":"{MEDIA_TYPE}.{kind}","digest":"sha256:{digest}","size":{bytes}{more}}}"#
        )
    }
}

/// The configuration of an image whose layers have these digests as plain tar files.
pub fn config_text(diff_ids: &[String]) -> String {
    let diff_ids: Vec<String> = diff_ids.iter().map(|id| format!(r#""sha256:{id}""#)).collect();
    format!(
        r#"{{"architecture":"{}","os":"linux","config":{{"Cmd":["sh"]}},"rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
        image_architecture(),
        diff_ids.join(",")
    )
}

/// The manifest of an image; of the layers come the descriptors.
pub fn manifest_text(config: &BlobName, layers: &[String]) -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{MEDIA_TYPE}.manifest.v1+json","config":{},"layers":[{}]}}"#,
        config.descriptor("config.v1+json", ""),
        layers.join(",")
    )
}

/// An image in the index, by its name.
pub fn index_entry(manifest: &BlobName, name: &str) -> String {
    let more = format!(r#","annotations":{{"org.opencontainers.image.ref.name":"{name}"}}"#);
    manifest.descriptor("manifest.v1+json", &more)
}

/// An index without images.
pub const EMPTY_INDEX: &str = r#"{"schemaVersion":2,"manifests":[]}"#;
/// The file `oci-layout`, which says that a directory is one.
pub const LAYOUT_MARK: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
