//! The reasons that a path is no image for a lab.

use std::io;
use std::path::PathBuf;

use super::MAX_LAYERS;

/// The reason that a path is no image that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    #[error("could not open {}", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("could not read {what} of the image")]
    Read { what: String, source: io::Error },
    #[error("{what} of the image is not the JSON that it should be")]
    Json { what: &'static str, source: serde_json::Error },
    #[error(
        "{} is neither an OCI layout nor a root file system: it has no `oci-layout`, and no `bin`, `usr` or `etc`",
        .0.display()
    )]
    NoImage(PathBuf),
    #[error(
        "{} is an archive of images that was compressed as a whole: unpack that first (`{tool} -dk FILE`)",
        path.display()
    )]
    CompressedArchive { path: PathBuf, tool: &'static str },
    #[error("{} is compressed by {tool}, which is not known here: unpack that first (`{tool} -dk FILE`)", path.display())]
    UnknownCompression { path: PathBuf, tool: &'static str },
    #[error("{} is no tar archive, compressed or not", .0.display())]
    NoArchive(PathBuf),
    #[error("there is no image of that name; there are: {names}")]
    NoSuchName { names: String },
    #[error("there are several images: choose one as PATH:NAME, of {names}")]
    Several { names: String },
    #[error("the image is for {of_image}, and this machine is linux/{this}")]
    OtherMachine { of_image: String, this: String },
    #[error("the manifest of the image has {manifest} layers, and its configuration {config}")]
    Layers { manifest: usize, config: usize },
    #[error("the image has more than {MAX_LAYERS} layers")]
    TooManyLayers,
    #[error("the image's index names an index that names another, too many times over")]
    DeepIndex,
    #[error(
        "the image has a layer of the kind `{0}`, which is no tar archive with gzip, zstd or nothing"
    )]
    LayerKind(String),
    #[error("the image has a digest that is no sha256: `{0}`")]
    Digest(String),
    #[error(
        "a file of the image has the digest {found}, and its name promises {promised}: it is damaged, or was changed"
    )]
    Changed { promised: String, found: String },
}
