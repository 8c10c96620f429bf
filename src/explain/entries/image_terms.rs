//! The words of images as they are stored and sent.

use crate::explain::{Entry, term};

pub const ENTRIES: &[Entry] = &[
    term(
        "digest",
        "A number of 256 bits that is computed from bytes (SHA-256), written with 64 letters, of which panes show twelve. Other bytes have another one, so it serves as a name, and whoever reads the bytes can check it.",
        "sha256sum(1)",
        &["blob"],
    ),
    term(
        "blob",
        "A file that has its own digest as its name. A layer, a configuration and a manifest are blobs. The same bytes are there once, whoever needs them.",
        "image-spec/image-layout.md",
        &["digest", "image layout"],
    ),
    term(
        "image layout",
        "A directory that has images: `blobs/sha256` with all their parts, and `index.json`, which says under which name each image begins.",
        "image-spec/image-layout.md",
        &["blob", "index"],
    ),
    term(
        "tar file",
        "Files written one after another into one, each with a block of 512 bytes before it: name, mode, owner, time and size. A layer of an image is one.",
        "tar(1)",
        &["layer", "image"],
    ),
    term(
        "diffID",
        "The digest of a layer as a plain tar file. The digest of the blob is another one where the layer is stored compressed.",
        "image-spec/config.md",
        &["digest", "layer"],
    ),
    term(
        "index",
        "The list at the beginning of an image layout: names, each with the digest of a manifest. A name may lead to another manifest tomorrow; a digest never does.",
        "image-spec/image-index.md",
        &["manifest", "image layout"],
    ),
    term(
        "manifest",
        "The list of an image's parts: the digest of its configuration, and those of its layers, bottom first.",
        "image-spec/manifest.md",
        &["index", "image configuration"],
    ),
    term(
        "image configuration",
        "What a container of an image starts with: program, variables, user; the machine that it is for, and the diffIDs of its layers.",
        "image-spec/config.md",
        &["manifest", "diffID"],
    ),
];
