//! Finding out what a path is, and where the layers of its image are.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::archive::{ImageTree, TreeError, normal, open_at_once};
use super::image_error::ImageError;
use super::layer_reader::{FilePart, compression_at, decompressed};
use super::manifest::{docker_image, oci_image};
use super::unpack::UnpackLimits;
use super::{Compression, Image, ImageLayer, LayerForm, TarPart};
use crate::kernel::tar_entry::NamedEntries;

/// The image at a path, or, as `PATH:NAME`, one of several there.
pub fn open_image(path: &Path) -> Result<Image, ImageError> {
    let (path, wanted) = path_and_name(path);
    let failed = |source| ImageError::Open { path: path.clone(), source };
    let file = open_at_once(&path).map_err(failed)?;
    let kind = file.metadata().map_err(failed)?.file_type();
    if kind.is_dir() {
        return open_directory(path, file, wanted.as_deref());
    }
    if !kind.is_file() {
        return Err(ImageError::NoArchive(path));
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
        Ok(tree) => tree,
        Err(TreeError::NotTar) => return Err(ImageError::NoArchive(path)),
        Err(TreeError::Read(source)) => {
            return Err(ImageError::Read { what: "the members".into(), source });
        }
    };

    if let Some(image) = image_in(&tree, wanted.as_deref())? {
        return Ok(image);
    }
    Ok(root_file_system(
        again,
        LayerForm::Tar(TarPart { offset: 0, length, compression, digest: None, diff_id: None }),
    ))
}

/// The path, and a name of one image there. A path that is there is one; else what follows a colon is a name, where the part before
/// it is there.
fn path_and_name(path: &Path) -> (PathBuf, Option<String>) {
    if path.exists() {
        return (path.to_owned(), None);
    }
    let text = path.to_str().unwrap_or_default();
    // A tag has a colon of its own: alpine.tar:alpine:3.20.
    let mut parts = text.match_indices(':').map(|(at, _)| (&text[..at], &text[at + 1..]));
    match parts.find(|(path, _)| Path::new(path).exists()) {
        Some((path, name)) => (path.into(), Some(name.to_owned())),
        None => (path.to_owned(), None),
    }
}

/// The image that a tree holds; none where it is no tree of images.
fn image_in(tree: &ImageTree, wanted: Option<&str>) -> Result<Option<Image>, ImageError> {
    // `docker save` writes both since docker 25: only the first has an image's whole name, the index of the other just its tag.
    if tree.has("manifest.json") {
        return docker_image(tree, wanted).map(Some);
    }
    if tree.has("oci-layout") {
        return oci_image(tree, wanted).map(Some);
    }
    Ok(None)
}

fn open_directory(path: PathBuf, file: File, wanted: Option<&str>) -> Result<Image, ImageError> {
    let tree = ImageTree::Directory(path.clone());
    if let Some(image) = image_in(&tree, wanted)? {
        return Ok(image);
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
    let part = FilePart { file: &file, next: 0, end: length };
    let plain = decompressed(part, compression).map_err(failed)?;

    // An archive of images names one of these among its first members, or has blobs alone.
    let mut archive = tar::Archive::new(plain.take(UnpackLimits::OF_LABS.bytes));
    let entries = NamedEntries::new(archive.entries().map_err(failed)?);
    for (number, named) in entries.take(3).enumerate() {
        let named = match named {
            Ok(named) => named,
            Err(_) if number == 0 => return Err(ImageError::NoArchive(path)),
            // Whoever unpacks it names that, with the reason.
            Err(_) => break,
        };
        if is_of_image_archive(&named.path) {
            let tool = if compression == Compression::Gzip { "gzip" } else { "zstd" };
            return Err(ImageError::CompressedArchive { path: path.clone(), tool });
        }
    }
    drop(archive);
    Ok(root_file_system(
        file,
        LayerForm::Tar(TarPart { offset: 0, length, compression, digest: None, diff_id: None }),
    ))
}

/// True for the names that tools give to what is in an archive of images, and root file systems do not have.
fn is_of_image_archive(written: &Path) -> bool {
    let name = normal(written);
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

fn unknown_compression(file: &File) -> io::Result<Option<&'static str>> {
    let mut first = [0; 6];
    let count = file.read_at(&mut first, 0)?;
    Ok(match &first[..count] {
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Some("xz"),
        [b'B', b'Z', b'h', ..] => Some("bzip2"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::write::GzEncoder;
    use std::io::Write;
    use tar::{Builder, EntryType};

    use crate::image::archive::MAX_MEMBERS;
    use crate::image::made_archive::add;
    use crate::image::manifest::digest_of;

    /// Two images that are both called latest, as `docker save` writes them since docker 25: each has one layer, of so many bytes.
    fn saved(at: &Path, images: [(&str, usize); 2]) {
        let blobs = at.join("blobs/sha256");
        std::fs::create_dir_all(&blobs).expect("a directory");
        let add = |bytes: &[u8]| -> String {
            let digest = digest_of(bytes);
            std::fs::write(blobs.join(&digest), bytes).expect("a blob");
            digest
        };
        let (mut saved, mut index) = (Vec::new(), Vec::new());
        for (name, length) in images {
            let layer = add(&vec![0; length]);
            let config = serde_json::json!({
                "architecture": oci_spec::image::Arch::default(),
                "os": "linux",
                "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer}")]},
            });
            let config = add(config.to_string().as_bytes());
            saved.push(serde_json::json!({
                "Config": format!("blobs/sha256/{config}"),
                "RepoTags": [name],
                "Layers": [format!("blobs/sha256/{layer}")],
            }));
            // Its manifest is not looked for: the image is chosen by the other list.
            index.push(serde_json::json!({
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": format!("sha256:{config}"),
                "size": 1,
                "annotations": {
                    "io.containerd.image.name": format!("docker.io/{name}"),
                    "org.opencontainers.image.ref.name": "latest",
                },
            }));
        }
        let write = |name: &str, text: serde_json::Value| {
            std::fs::write(at.join(name), text.to_string()).expect("a file");
        };
        write("manifest.json", saved.into());
        write("index.json", serde_json::json!({"schemaVersion": 2, "manifests": index}));
        write("oci-layout", serde_json::json!({"imageLayoutVersion": "1.0.0"}));
    }

    #[test]
    fn images_that_docker_saved_are_chosen_by_their_whole_names() {
        let dir = tempfile::tempdir().expect("a directory");
        let at = dir.path().join("saved");
        saved(&at, [("local/one:latest", 1024), ("local/two:latest", 2048)]);

        let length = |name: &str| {
            let image = open_image(Path::new(&format!("{}:{name}", at.display()))).expect(name);
            match &image.layers[0].form {
                LayerForm::Tar(part) => part.length,
                LayerForm::Directory => 0,
            }
        };
        let names = ["local/one:latest", "local/two:latest", "one:latest", "two:latest"];
        assert_eq!(names.map(length), [1024, 2048, 1024, 2048]);
        assert!(matches!(open_image(&at), Err(ImageError::Several { .. })));
    }

    fn tar_of(names: impl Iterator<Item = (String, EntryType)>) -> Vec<u8> {
        let mut made = Builder::new(Vec::new());
        for (name, kind) in names {
            add(&mut made, &name, kind, "", b"");
        }
        made.into_inner().expect("an archive")
    }

    /// True where these bytes are taken for a root file system; false where for no archive.
    #[track_caller]
    fn is_root(bytes: &[u8]) -> bool {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("root.tar");
        std::fs::write(&path, bytes).expect("a file");
        match open_image(&path) {
            Ok(image) => {
                assert!(matches!(image.layers[0].form, LayerForm::Tar(TarPart { offset: 0, .. })));
                image.layers.len() == 1
            }
            Err(ImageError::NoArchive(_)) => false,
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_root_is_taken_with_many_files_and_with_what_can_not_be_read_later_on() {
        let many = (0..=MAX_MEMBERS).map(|number| (format!("f/{number}"), EntryType::Regular));
        assert!(is_root(&tar_of(many)));

        let named = |kinds: &[EntryType]| {
            tar_of(kinds.iter().enumerate().map(|(number, kind)| (number.to_string(), *kind)))
        };
        let zipped = |bytes: &[u8]| {
            let mut zip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
            zip.write_all(bytes).expect("bytes");
            zip.finish().expect("an archive")
        };
        let (directory, sparse) = (EntryType::Directory, EntryType::GNUSparse);
        for (kinds, expected) in [
            (&[EntryType::Regular, sparse][..], true),
            (&[directory, sparse], true),
            (&[sparse, EntryType::Regular], false),
        ] {
            let bytes = named(kinds);
            assert_eq!(is_root(&bytes), expected, "{kinds:?}");
            assert_eq!(is_root(&zipped(&bytes)), expected, "{kinds:?}, compressed");
        }
        assert!(!is_root(&named(&[])), "it has no entry");
        assert!(!is_root(&[b'x'; 2048]), "it is no archive");
    }

    #[test]
    fn an_archive_of_images_is_known_by_its_names_however_they_are_written() {
        for name in ["blobs/sha256/0a", "oci-layout", "0a/layer.tar", "manifest.json", "0a.tar"] {
            assert!(is_of_image_archive(Path::new(name)), "{name}");
            assert!(is_of_image_archive(&Path::new("./").join(name)), "./{name}");
        }
        for name in ["etc/blobs", "./etc/package.json", "."] {
            assert!(!is_of_image_archive(Path::new(name)), "{name}");
        }
    }
}
