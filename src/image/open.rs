//! Finding out what a path is, and where the layers of its image are.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::archive::{ImageTree, TreeError};
use super::manifest::{docker_image, oci_image};
use super::{Compression, Image, ImageLayer, LayerForm};

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
    #[error("the image has more layers than Linux can stack")]
    TooManyLayers,
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

/// The image at a path, or, as `PATH:NAME`, one of several there.
pub fn open_image(path: &Path) -> Result<Image, ImageError> {
    let (path, wanted) = path_and_name(path);
    let failed = |source| ImageError::Open { path: path.clone(), source };
    let file = File::open(&path).map_err(failed)?;

    if file.metadata().map_err(failed)?.is_dir() {
        return open_directory(path, file, wanted.as_deref());
    }

    let compression = compression_at(&file, 0).map_err(failed)?;
    if let Some(tool) = unknown_compression(&file).map_err(failed)? {
        return Err(ImageError::UnknownCompression { path, tool });
    }
    if compression != Compression::None {
        return open_compressed(path, file, compression);
    }
    let length = file.metadata().map_err(failed)?.len();
    let again = file.try_clone().map_err(failed)?;
    let tree = match ImageTree::of_archive(file) {
        Ok(ImageTree::Archive { members, .. }) if members.is_empty() => {
            return Err(ImageError::NoArchive(path));
        }
        Ok(tree) => tree,
        Err(TreeError::NotTar) => return Err(ImageError::NoArchive(path)),
        Err(TreeError::Read(source)) => {
            return Err(ImageError::Read { what: "the members".into(), source });
        }
    };

    if tree.has("oci-layout") {
        return oci_image(&tree, wanted.as_deref());
    }
    if tree.has("manifest.json") {
        return docker_image(&tree, wanted.as_deref());
    }
    Ok(root_file_system(
        again,
        LayerForm::Tar { offset: 0, length, compression, digest: None, diff_id: None },
    ))
}

/// A path that is there is one; else what follows its last colon is a name.
fn path_and_name(path: &Path) -> (PathBuf, Option<String>) {
    if path.exists() {
        return (path.to_owned(), None);
    }
    match path.to_str().and_then(|text| text.rsplit_once(':')) {
        // A tag has a colon of its own: alpine.tar:alpine:3.20.
        Some(_) => {
            let text = path.to_str().unwrap_or_default();
            let colons = text.match_indices(':').map(|(at, _)| at);
            let at = colons.into_iter().find(|at| Path::new(&text[..*at]).exists());
            match at {
                Some(at) => (text[..at].into(), Some(text[at + 1..].to_owned())),
                None => (path.to_owned(), None),
            }
        }
        None => (path.to_owned(), None),
    }
}

fn open_directory(path: PathBuf, file: File, wanted: Option<&str>) -> Result<Image, ImageError> {
    let tree = ImageTree::Directory(path.clone());
    if tree.has("oci-layout") {
        return oci_image(&tree, wanted);
    }
    if tree.has("manifest.json") {
        return docker_image(&tree, wanted);
    }
    if !["bin", "usr", "etc"].iter().any(|name| path.join(name).is_dir()) {
        return Err(ImageError::NoImage(path));
    }
    Ok(root_file_system(file, LayerForm::Directory))
}

/// A compressed file: a root file system, or an archive of images, which can't be read here and there.
fn open_compressed(
    path: PathBuf,
    file: File,
    compression: Compression,
) -> Result<Image, ImageError> {
    let failed = |source| ImageError::Open { path: path.clone(), source };
    let length = file.metadata().map_err(failed)?.len();
    let part = super::layer_reader::FilePart { file: &file, next: 0, end: length };
    let plain = super::layer_reader::decompressed(part, compression).map_err(failed)?;

    // An archive of images names one of these among its first members, or has blobs alone.
    let mut archive = tar::Archive::new(plain);
    let entries = archive.entries().map_err(failed)?;
    for entry in entries.take(3) {
        let Ok(entry) = entry else { return Err(ImageError::NoArchive(path)) };
        let name = entry.path().map_err(failed)?;
        if is_of_image_archive(&name) {
            let tool = if compression == Compression::Gzip { "gzip" } else { "zstd" };
            return Err(ImageError::CompressedArchive { path: path.clone(), tool });
        }
    }
    drop(archive);
    Ok(root_file_system(
        file,
        LayerForm::Tar { offset: 0, length, compression, digest: None, diff_id: None },
    ))
}

/// True for the names that tools give to what is in an archive of images, and root file systems do not have.
fn is_of_image_archive(name: &Path) -> bool {
    let is_at_top = name.components().count() == 1;
    let kind = name.extension().and_then(|kind| kind.to_str());
    name.starts_with("blobs")
        || name == Path::new("oci-layout")
        || name.ends_with("layer.tar")
        || is_at_top && matches!(kind, Some("json" | "tar"))
}

fn root_file_system(file: File, form: LayerForm) -> Image {
    Image { layers: vec![ImageLayer { file: 0, form }], files: vec![file] }
}

/// The compression of what begins at a place of a file.
pub(super) fn compression_at(file: &File, offset: u64) -> io::Result<Compression> {
    let mut first = [0; 4];
    let count = file.read_at(&mut first, offset)?;
    Ok(Compression::of_bytes(&first[..count]))
}

fn unknown_compression(file: &File) -> io::Result<Option<&'static str>> {
    let mut first = [0; 6];
    let count = file.read_at(&mut first, 0)?;
    Ok(match &first[..count] {
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Some("xz"),
        [b'B', b'Z', b'h', ..] => Some("bzip2"),
        _ => None,
    })
}
