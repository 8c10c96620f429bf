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
