//! The layers of an image by its manifest: of an OCI layout, or of what `docker save` writes.

use std::io;

use oci_spec::image::{
    Arch, Descriptor, ImageConfiguration, ImageIndex, ImageManifest, MediaType, Os,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::archive::ImageTree;
use super::image_error::ImageError;
use super::layer_reader::compression_at;
use super::{Compression, Image, ImageLayer, LayerForm, MAX_LAYERS, TarPart};
use crate::text::hexadecimal;

/// An index may name another one, as many times as this.
const MAX_INDEX_DEPTH: usize = 4;
/// The annotation that has an image's name in a layout.
const NAME: &str = "org.opencontainers.image.ref.name";

/// The image of an OCI layout that fits this machine; `wanted` is its name, where there are several.
pub fn oci_image(tree: &ImageTree, wanted: Option<&str>) -> Result<Image, ImageError> {
    let index: ImageIndex = parse("index.json", &read(tree, "index.json")?)?;
    let manifest = choose_manifest(tree, &index, wanted, 0)?;
    let manifest: ImageManifest = parse("the manifest", &read_blob(tree, &manifest)?)?;
    let config: ImageConfiguration =
        parse("the configuration", &read_blob(tree, manifest.config())?)?;

    let diff_ids = diff_ids_of(&config, manifest.layers().len())?;
    let mut image = Image { layers: Vec::new(), files: Vec::new() };
    for (descriptor, diff_id) in manifest.layers().iter().zip(diff_ids) {
        let digest = sha256_of(descriptor.digest().as_ref())?;
        let compression = Some(compression_of(descriptor.media_type())?);
        let path = format!("blobs/sha256/{digest}");
        add_layer(&mut image, tree, &path, compression, Some(digest), Some(sha256_of(diff_id)?))?;
    }
    Ok(image)
}

/// The one manifest that is meant, through indexes of indexes.
fn choose_manifest(
    tree: &ImageTree,
    index: &ImageIndex,
    wanted: Option<&str>,
    depth: usize,
) -> Result<Descriptor, ImageError> {
    let named = |descriptor: &&Descriptor| match wanted {
        None => true,
        Some(wanted) => name_of(descriptor).is_some_and(|name| name == wanted),
    };
    let of_name: Vec<&Descriptor> = index.manifests().iter().filter(named).collect();
    let names = || index.manifests().iter().filter_map(name_of).collect::<Vec<_>>().join(", ");
    if of_name.is_empty() {
        return Err(ImageError::NoSuchName { names: names() });
    }

    let fits = |descriptor: &&&Descriptor| {
        descriptor.platform().as_ref().is_none_or(|platform| {
            *platform.os() == Os::Linux && *platform.architecture() == this_architecture()
        })
    };
    let fitting: Vec<&Descriptor> = of_name.iter().filter(fits).copied().collect();
    let chosen = match fitting.as_slice() {
        [] => {
            let platforms = of_name.iter().filter_map(|descriptor| descriptor.platform().as_ref());
            let of_image = platforms
                .map(|platform| format!("{}/{}", platform.os(), platform.architecture()))
                .collect::<Vec<_>>()
                .join(", ");
            return Err(ImageError::OtherMachine {
                of_image,
                this: this_architecture().to_string(),
            });
        }
        [one] => (*one).clone(),
        // Of several for this machine the names decide.
        _ => return Err(ImageError::Several { names: names() }),
    };

    let kind = chosen.media_type().to_string();
    let is_index =
        *chosen.media_type() == MediaType::ImageIndex || kind.ends_with("manifest.list.v2+json");
    if !is_index {
        return Ok(chosen);
    }
    if depth == MAX_INDEX_DEPTH {
        return Err(ImageError::DeepIndex);
    }
    let inner: ImageIndex = parse("an index", &read_blob(tree, &chosen)?)?;
    choose_manifest(tree, &inner, None, depth + 1)
}

fn this_architecture() -> Arch {
    Arch::default()
}

fn name_of(descriptor: &Descriptor) -> Option<String> {
    descriptor.annotations().as_ref()?.get(NAME).cloned()
}

/// The entry of an image in the `manifest.json` that `docker save` writes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SavedImage {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// The image of an archive that `docker save` has written.
pub fn docker_image(tree: &ImageTree, wanted: Option<&str>) -> Result<Image, ImageError> {
    let saved: Vec<SavedImage> = parse("manifest.json", &read(tree, "manifest.json")?)?;
    let tags = |image: &SavedImage| image.repo_tags.clone().unwrap_or_default();
    // A tag may have its registry before it.
    let is_called = |tag: &String, wanted: &str| {
        tag.strip_suffix(wanted).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    };
    let mut fitting = saved.iter().filter(|image| {
        wanted.is_none_or(|wanted| tags(image).iter().any(|tag| is_called(tag, wanted)))
    });
    let names = || saved.iter().flat_map(tags).collect::<Vec<_>>().join(", ");
    let image = fitting.next().ok_or_else(|| ImageError::NoSuchName { names: names() })?;
    if fitting.next().is_some() {
        return Err(ImageError::Several { names: names() });
    }

    let config: ImageConfiguration = parse("the configuration", &read(tree, &image.config)?)?;
    let diff_ids = diff_ids_of(&config, image.layers.len())?;
    let mut found = Image { layers: Vec::new(), files: Vec::new() };
    for (path, diff_id) in image.layers.iter().zip(diff_ids) {
        let diff_id = Some(sha256_of(diff_id)?);
        add_layer(&mut found, tree, path, None, None, diff_id)?;
    }
    Ok(found)
}

/// The digests of the layers without compression, where a configuration is for this machine and has one for each of so many layers.
fn diff_ids_of(config: &ImageConfiguration, layers: usize) -> Result<&[String], ImageError> {
    // An index need not say what its images are for, and `manifest.json` never does. What says nothing at all fits.
    let architecture = config.architecture();
    if *architecture != this_architecture() && !architecture.to_string().is_empty() {
        return Err(ImageError::OtherMachine {
            of_image: format!("{}/{architecture}", config.os()),
            this: this_architecture().to_string(),
        });
    }
    let diff_ids = config.rootfs().diff_ids();
    if diff_ids.len() != layers {
        return Err(ImageError::Layers { manifest: layers, config: diff_ids.len() });
    }
    Ok(diff_ids)
}

fn add_layer(
    image: &mut Image,
    tree: &ImageTree,
    path: &str,
    compression: Option<Compression>,
    digest: Option<String>,
    diff_id: Option<String>,
) -> Result<(), ImageError> {
    if image.layers.len() == MAX_LAYERS {
        return Err(ImageError::TooManyLayers);
    }
    let failed = |source| ImageError::Read { what: path.to_owned(), source };
    let found = tree.find(path).map_err(failed)?;
    let (offset, length) = (found.member.offset, found.member.length);
    let compression = match compression {
        Some(compression) => compression,
        None => compression_at(&found.file, offset).map_err(failed)?,
    };
    // All members of an archive are parts of one file.
    let file = match tree {
        ImageTree::Archive { .. } if !image.files.is_empty() => 0,
        ImageTree::Archive { .. } | ImageTree::Directory(_) => {
            image.files.push(found.file);
            image.files.len() - 1
        }
    };
    let form = LayerForm::Tar(TarPart { offset, length, compression, digest, diff_id });
    image.layers.push(ImageLayer { file, form });
    Ok(())
}

fn compression_of(kind: &MediaType) -> Result<Compression, ImageError> {
    let name = kind.to_string();
    match name.rsplit(['.', '+']).next() {
        Some("gzip") => Ok(Compression::Gzip),
        Some("zstd") => Ok(Compression::Zstd),
        Some("tar") => Ok(Compression::None),
        _ => Err(ImageError::LayerKind(name)),
    }
}

/// The hexadecimal digits of `sha256:…`, which are a name of a file, too.
fn sha256_of(digest: &str) -> Result<String, ImageError> {
    let digits = digest.strip_prefix("sha256:").filter(|digits| {
        digits.len() == 64 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    });
    digits.map(str::to_owned).ok_or_else(|| ImageError::Digest(digest.to_owned()))
}

/// A small blob, whose digest is compared.
fn read_blob(tree: &ImageTree, descriptor: &Descriptor) -> Result<Vec<u8>, ImageError> {
    let promised = sha256_of(descriptor.digest().as_ref())?;
    let path = format!("blobs/sha256/{promised}");
    let bytes = read(tree, &path)?;
    let found = digest_of(&bytes);
    if found != promised { Err(ImageError::Changed { promised, found }) } else { Ok(bytes) }
}

/// The SHA-256 of bytes, in hexadecimal.
pub(super) fn digest_of(bytes: &[u8]) -> String {
    hexadecimal(Sha256::digest(bytes))
}

fn read(tree: &ImageTree, path: &str) -> Result<Vec<u8>, ImageError> {
    tree.read(path).map_err(|source: io::Error| ImageError::Read { what: path.to_owned(), source })
}

fn parse<T: serde::de::DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
) -> Result<T, ImageError> {
    serde_json::from_slice(bytes).map_err(|source| ImageError::Json { what, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The two lists of a directory, read one after the other: an OCI layout whose index tells no platform, and what `docker save`
    /// writes. Both name the same configuration and one layer.
    fn outcomes(architecture: &str, diff_ids: usize) -> [Result<Image, ImageError>; 2] {
        let dir = tempfile::tempdir().expect("a directory");
        let blobs = dir.path().join("blobs/sha256");
        std::fs::create_dir_all(&blobs).expect("a directory");
        let add = |bytes: &[u8]| -> String {
            let digest = digest_of(bytes);
            std::fs::write(blobs.join(&digest), bytes).expect("a blob");
            digest
        };
        let layer = add(&[0; 1024]);
        let diff_ids = vec![format!("sha256:{layer}"); diff_ids];
        let rootfs = json!({"type": "layers", "diff_ids": diff_ids});
        let config = json!({"architecture": architecture, "os": "linux", "rootfs": rootfs});
        let config = add(config.to_string().as_bytes());

        let blob = |kind: &str, digest: &str| {
            let kind = format!("application/vnd.oci.image.{kind}");
            json!({"mediaType": kind, "digest": format!("sha256:{digest}"), "size": 1})
        };
        let manifest = json!({
            "schemaVersion": 2,
            "config": blob("config.v1+json", &config),
            "layers": [blob("layer.v1.tar", &layer)],
        });
        let manifest = add(manifest.to_string().as_bytes());
        let index = json!({"schemaVersion": 2, "manifests": [blob("manifest.v1+json", &manifest)]});
        let at = |digest: &str| format!("blobs/sha256/{digest}");
        let saved = json!([{"Config": at(&config), "Layers": [at(&layer)]}]);
        for (name, text) in [("index.json", index), ("manifest.json", saved)] {
            std::fs::write(dir.path().join(name), text.to_string()).expect("a file");
        }

        let tree = ImageTree::Directory(dir.path().to_owned());
        [oci_image(&tree, None), docker_image(&tree, None)]
    }

    #[test]
    fn an_image_is_for_this_machine_and_has_a_digest_for_each_layer_in_both_lists() {
        let this = this_architecture().to_string();
        for architecture in [this.as_str(), ""] {
            for image in outcomes(architecture, 1) {
                assert_eq!(image.expect("it fits").layers.len(), 1);
            }
        }
        for image in outcomes("s390x", 1) {
            let error = image.expect_err("it is another machine's");
            let expected =
                format!("the image is for linux/s390x, and this machine is linux/{this}");
            assert_eq!(error.to_string(), expected);
        }
        for image in outcomes(&this, 2) {
            assert!(
                matches!(image, Err(ImageError::Layers { manifest: 1, config: 2 })),
                "{image:?}"
            );
        }
    }
}
