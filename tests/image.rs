//! Labs from images made elsewhere: by umoci and skopeo, in every form that they write, and by somebody who wants out.
#![cfg(test)]

mod common;
#[path = "../src/image/made_archive.rs"]
mod made_archive;

use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::tty::Tty;
use common::{Machine, alone, facts, program, skip, unboxed};
use flate2::Compression;
use flate2::write::GzEncoder;
use made_archive::add;
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};
use unboxed::diagnosis::Playable;
use unboxed::doctor::can_play;
use unboxed::lesson::catalogue;

/// MiB of addresses that each process of the program gets while it reads a bomb.
const ADDRESSES: u64 = 1024;

/// A lesson that asks a lab for what its image has.
const LESSON: &str = r#"
format: 1
number: 99
id: from-an-image
title: A root from an image
summary: What a lab has of an image.
minutes: {watch: 1, do: 1}
steps:
  - id: look
    title: Look
    story: What is in the image?
    after: It is there.
    actions:
      - unpack: {to: /root/container}
    watch: [files]
    expect:
EXPECTED
"#;

/// Play a lesson that holds what stands here about `/root/container`, from an image.
fn play(dir: &Path, image: &Path, expected: &[&str]) -> Output {
    let lines: Vec<String> = expected.iter().map(|line| format!("      - {line}")).collect();
    let lesson = dir.join("lesson.yaml");
    std::fs::write(&lesson, LESSON.replace("EXPECTED", &lines.join("\n"))).expect("a lesson");
    let mut command = unboxed();
    command.arg("run").arg(&lesson).arg("--yes").arg("--image").arg(image);
    command.output().expect("it starts")
}

#[track_caller]
fn assert_plays(dir: &Path, image: &Path, expected: &[&str]) -> String {
    let output = play(dir, image, expected);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}\n{complaint}", image.display());
    said
}

/// The complaint of a run that an image ends before its first step.
#[track_caller]
fn refusal(dir: &Path, image: &Path) -> String {
    let output = play(dir, image, &["file: {path: /root/container/etc, is: directory}"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{}: {said}", image.display());
    assert!(!said.contains("panicked"), "{said}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("Look"), "a step was played");
    said
}

/// True where this machine can't make labs.
fn must_skip() -> bool {
    let lesson = catalogue::find_lesson("what-is-a-container").expect("it is in the program");
    match can_play(&lesson.needs, &facts()) {
        Playable::Live => false,
        Playable::No { why, .. } => {
            skip(&format!("no labs: {why:?}"));
            true
        }
    }
}

/// Run a test that makes labs, where this machine can: alone, with a directory of its own, and nothing is left behind.
fn with_labs(test: impl FnOnce(&Path)) {
    if must_skip() {
        return;
    }
    let _turn = alone();
    let before = Machine::now();
    let dir = tempfile::tempdir().expect("a directory");
    test(dir.path());
    before.assert_comes_back();
}

#[track_caller]
fn run_tool(dir: &Path, tool: &str, arguments: &[&str]) {
    let output = Command::new(tool)
        .args(arguments)
        .current_dir(dir)
        .env("TMPDIR", dir)
        .env("HOME", dir)
        .output()
        .unwrap_or_else(|error| panic!("{tool}: {error}"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool} {arguments:?}: {complaint}");
}

fn is_there(tool: &str) -> bool {
    Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// An OCI layout with the images `tiny` of one layer and `second` of two, made by umoci: the second layer takes a file away, hides a
/// directory by making it anew, and adds a file.
fn umoci_layout(dir: &Path) -> PathBuf {
    run_tool(dir, "umoci", &["init", "--layout", "layout"]);
    run_tool(dir, "umoci", &["new", "--image", "layout:tiny"]);
    run_tool(dir, "umoci", &["unpack", "--rootless", "--image", "layout:tiny", "first"]);
    let root = dir.join("first/rootfs");
    for path in ["etc/conf.d", "srv"] {
        std::fs::create_dir_all(root.join(path)).expect("a directory");
    }
    std::fs::write(root.join("etc/os-release"), "NAME=\"tiny\"\n").expect("a file");
    std::fs::write(root.join("etc/motd"), "of the first layer\n").expect("a file");
    std::fs::write(root.join("etc/conf.d/old"), "of the first layer\n").expect("a file");
    symlink("/etc/motd", root.join("srv/link")).expect("a link");
    run_tool(dir, "umoci", &["repack", "--image", "layout:tiny", "first"]);

    run_tool(dir, "umoci", &["unpack", "--rootless", "--image", "layout:tiny", "next"]);
    let root = dir.join("next/rootfs");
    std::fs::remove_file(root.join("etc/motd")).expect("removed");
    std::fs::remove_dir_all(root.join("etc/conf.d")).expect("removed");
    std::fs::write(root.join("etc/added"), "of the second layer\n").expect("a file");
    run_tool(dir, "umoci", &["repack", "--image", "layout:second", "next"]);
    dir.join("layout")
}

#[test]
fn images_of_other_tools_are_laid_out_in_every_form_that_these_write() {
    with_labs(|at| {
        if !is_there("umoci") || !is_there("skopeo") {
            return skip("umoci or skopeo is not on this machine");
        }
        let layout = umoci_layout(at);
        for (from, to) in [
            ("oci:layout:second", "docker-archive:saved.tar:local/tiny:2"),
            ("oci:layout:second", "oci-archive:archive.tar:second"),
        ] {
            run_tool(at, "skopeo", &["copy", "-q", from, to]);
        }
        let zstd = ["copy", "-q", "--dest-compress-format", "zstd"];
        run_tool(at, "skopeo", &[&zstd[..], &["oci:layout:second", "oci:zstd:second"]].concat());
        run_tool(at, "tar", &["-C", "next/rootfs", "-cf", "root.tar", "."]);
        run_tool(at, "tar", &["-C", "next/rootfs", "-czf", "root.tar.gz", "."]);

        let of_second = [
            "file: {path: /root/container/etc/added, is: file, contains: of the second layer}",
            "file: {path: /root/container/etc/os-release, is: file, contains: tiny}",
            "file: {path: /root/container/etc/motd, is: absent}",
            "file: {path: /root/container/etc/conf.d, is: absent}",
            "file: {path: /root/container/etc/.wh.motd, is: absent}",
            "file: {path: /root/container/proc, is: directory}",
        ];
        let named = |name: &str| PathBuf::from(format!("{}:{name}", layout.display()));
        let said = assert_plays(at, &named("second"), &of_second);
        assert!(said.starts_with("The image: 2 layers, "), "{said}");
        for form in
            ["saved.tar", "saved.tar:tiny:2", "archive.tar", "zstd", "root.tar", "root.tar.gz"]
        {
            assert_plays(at, &at.join(form), &of_second);
        }
        // What the lab's ids may not read is left out, and said: a directory of another's is not opened for that.
        let open = ["-R", "a+rX", "next/rootfs"];
        run_tool(at, "chmod", &open);
        assert_plays(at, &at.join("next/rootfs"), &of_second);

        let of_first = [
            "file: {path: /root/container/etc/motd, is: file, contains: of the first layer}",
            "file: {path: /root/container/etc/conf.d/old, is: file}",
            "file: {path: /root/container/etc/added, is: absent}",
        ];
        let said = assert_plays(at, &named("tiny"), &of_first);
        assert!(said.starts_with("The image: 1 layer, "), "{said}");

        assert!(refusal(at, &layout).contains("choose one as PATH:NAME"));
        assert!(refusal(at, &named("third")).contains("there are: tiny, second"));
    });
}

/// A busybox that needs no files beside it.
fn static_busybox() -> Option<Vec<u8>> {
    let found = Command::new("sh").args(["-c", "command -v busybox"]).output().ok()?;
    let path = String::from_utf8(found.stdout).ok()?;
    let linked = Command::new("ldd").arg(path.trim()).output().ok()?;
    if linked.status.success() {
        return None;
    }
    std::fs::read(path.trim()).ok()
}

/// A lesson's steps and what they ask for hold with an image that is nobody's but ours.
#[test]
fn the_first_lessons_play_in_an_image_that_has_a_shell_and_no_more() {
    with_labs(|at| {
        let Some(busybox) = static_busybox() else {
            return skip(
                "no busybox without libraries is on this machine (package busybox-static)",
            );
        };
        let image = at.join("root.tar");
        let mut made = Builder::new(std::fs::File::create(&image).expect("a file"));
        add(&mut made, "bin/busybox", EntryType::Regular, "", &busybox);
        for name in ["sh", "ls", "cat", "ps", "ip", "mount", "umount", "hostname", "sleep", "id"] {
            add(&mut made, &format!("bin/{name}"), EntryType::Symlink, "busybox", b"");
        }
        add(&mut made, "etc/passwd", EntryType::Regular, "", b"root:x:0:0:root:/root:/bin/sh\n");
        made.into_inner().expect("an archive");

        for lesson in ["what-is-a-container", "uts", "pid"] {
            let output = unboxed().args(["run", lesson, "--image"]).arg(&image).output();
            let output = output.expect("it starts");
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{lesson}: {said}");
        }
    });
}

/// A root file system as a tar file, with these entries after a plain one.
fn root_tar(path: &Path, entries: &[(&str, EntryType, &str, &[u8])]) {
    let mut made = Builder::new(std::fs::File::create(path).expect("a file"));
    add(&mut made, "etc/plain", EntryType::Regular, "", b"plain");
    for (name, kind, target, bytes) in entries {
        add(&mut made, name, *kind, target, bytes);
    }
    made.into_inner().expect("an archive");
}

#[test]
fn an_archive_that_wants_out_is_refused_or_stays_inside() {
    with_labs(|at| {
        let image = at.join("root.tar");
        let (file, link, hard) = (EntryType::Regular, EntryType::Symlink, EntryType::Link);
        let outside = Path::new("/tmp/unboxed-image-outside");
        let _ = std::fs::remove_file(outside);

        type Entries<'a> = &'a [(&'a str, EntryType, &'a str, &'a [u8])];
        let refused: [(Entries<'_>, &str); 5] = [
            (&[("../../tmp/unboxed-image-outside", file, "", b"x")], "leaves its root"),
            (&[("etc/../../../tmp/unboxed-image-outside", file, "", b"x")], "leaves its root"),
            (&[("x", hard, "../../../etc/passwd", b"")], "leaves its root"),
            // A hard link's target is a path in the image, which has none there.
            (&[("x", hard, "/etc/passwd", b"")], "could not"),
            // A link of the image leads to the image's own, where nothing is.
            (
                &[("up", link, "../../../../..", b""), ("x", hard, "up/etc/passwd", b"")],
                "could not",
            ),
        ];
        for (entries, expected) in refused {
            root_tar(&image, entries);
            let said = refusal(at, &image);
            assert!(said.contains(expected), "{entries:?}: {said}");
        }

        root_tar(
            &image,
            &[
                ("/tmp/unboxed-image-outside", file, "", b"absolute"),
                ("up", link, "../../../../../..", b""),
                ("up/etc/through", file, "", b"by a link"),
                ("root-of-all", link, "/", b""),
                ("root-of-all/etc/absolute", file, "", b"by an absolute link"),
                ("null", EntryType::Char, "", b""),
                ("sda", EntryType::Block, "", b""),
                ("etc/.wh...", file, "", b""),
                ("etc/.wh.plain", file, "", b""),
            ],
        );
        let said = assert_plays(
            at,
            &image,
            &[
                "file: {path: /root/container/tmp/unboxed-image-outside, is: file, contains: absolute}",
                "file: {path: /root/container/etc/through, is: file, contains: by a link}",
                "file: {path: /root/container/etc/absolute, is: file, contains: by an absolute}",
                "file: {path: /root/container/etc/plain, is: file, contains: plain}",
                "file: {path: /root/container/null, is: absent}",
                "file: {path: /root/container/sda, is: absent}",
            ],
        );
        assert!(said.contains("2 device nodes are left out"), "{said}");
        assert!(!outside.exists(), "a file was made outside of the image");
        assert!(!Path::new("/etc/through").exists() && !Path::new("/etc/absolute").exists());
    });
}

/// A layout by hand, of one layer; returns the path of the layer's blob.
fn layout_of(at: &Path, layer: &[u8], plain: &[u8]) -> PathBuf {
    let blobs = at.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).expect("a directory");
    let digest = |bytes: &[u8]| -> String {
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let add = |bytes: &[u8]| {
        std::fs::write(blobs.join(digest(bytes)), bytes).expect("a blob");
        format!(r#""digest": "sha256:{}", "size": {}"#, digest(bytes), bytes.len())
    };
    let kind = "application/vnd.oci.image";
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let config = add(format!(
        r#"{{"architecture": "{architecture}", "os": "linux", "rootfs": {{"type": "layers", "diff_ids": ["sha256:{}"]}}}}"#,
        digest(plain)
    )
    .as_bytes());
    let layer_entry = add(layer);
    let manifest = add(format!(
        r#"{{"schemaVersion": 2, "config": {{"mediaType": "{kind}.config.v1+json", {config}}},
            "layers": [{{"mediaType": "{kind}.layer.v1.tar+gzip", {layer_entry}}}]}}"#
    )
    .as_bytes());
    std::fs::write(
        at.join("index.json"),
        format!(
            r#"{{"schemaVersion": 2, "manifests": [{{"mediaType": "{kind}.manifest.v1+json", {manifest}}}]}}"#
        ),
    )
    .expect("an index");
    std::fs::write(at.join("oci-layout"), r#"{"imageLayoutVersion": "1.0.0"}"#).expect("a file");
    blobs.join(digest(layer))
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut zip = GzEncoder::new(Vec::new(), Compression::fast());
    zip.write_all(bytes).expect("bytes");
    zip.finish().expect("an archive")
}

#[test]
fn a_layer_that_is_damaged_or_another_is_refused() {
    with_labs(|at| {
        let mut plain = Builder::new(Vec::new());
        add(&mut plain, "etc/plain", EntryType::Regular, "", &[b'x'; 3000]);
        let plain = plain.into_inner().expect("an archive");
        let layer = zipped(&plain);

        // As it should be; then with a layer that the manifest does not promise, and one that the configuration does not.
        let layout = at.join("whole");
        let blob = layout_of(&layout, &layer, &plain);
        assert_plays(at, &layout, &["file: {path: /root/container/etc/plain, is: file}"]);
        let mut other = Builder::new(Vec::new());
        add(&mut other, "etc/other", EntryType::Regular, "", b"other");
        let other = zipped(&other.into_inner().expect("an archive"));
        std::fs::write(&blob, &other).expect("a blob");
        assert!(refusal(at, &layout).contains("was promised to have"));

        let layout = at.join("other-plain");
        layout_of(&layout, &layer, b"something else");
        assert!(refusal(at, &layout).contains("was promised to have"));

        let layout = at.join("cut");
        layout_of(&layout, &layer[..layer.len() / 2], &plain);
        assert!(refusal(at, &layout).contains("can't be read as a tar archive"));

        // A manifest that was changed, and one that is read from elsewhere by a link.
        let layout = at.join("changed");
        layout_of(&layout, &layer, &plain);
        let index = std::fs::read_to_string(layout.join("index.json")).expect("the index");
        let manifest =
            index.split("sha256:").nth(1).and_then(|rest| rest.get(..64)).expect("a digest");
        let manifest = layout.join("blobs/sha256").join(manifest);
        let text = std::fs::read_to_string(&manifest).expect("the manifest");
        std::fs::write(&manifest, text + " ").expect("the manifest");
        assert!(refusal(at, &layout).contains("damaged, or was changed"));
        std::fs::remove_file(&manifest).expect("removed");
        symlink("/etc/passwd", &manifest).expect("a link");
        assert!(refusal(at, &layout).contains("leads out of the directory of the image"));

        // What docker writes may name any path, too.
        let saved = at.join("saved");
        std::fs::create_dir(&saved).expect("a directory");
        let names = r#"[{"Config": "../../../../../../etc/passwd", "RepoTags": [], "Layers": []}]"#;
        std::fs::write(saved.join("manifest.json"), names).expect("a manifest");
        assert!(refusal(at, &saved).contains("leads out of the directory of the image"));
    });
}

#[test]
fn an_image_that_fails_halfway_is_complained_of_on_a_line_of_its_own() {
    with_labs(|at| {
        let layout = at.join("layout");
        let plain = vec![0; 1024];
        layout_of(&layout, &zipped(&plain), b"something else");
        let arguments = ["run", "what-is-a-container", "--image", layout.to_str().expect("a path")];
        let mut tty = Tty::start(120, 30, &arguments, &[]);
        assert_eq!(tty.wait_end().code(), Some(1), "{}", tty.screen());
        let screen = tty.screen();
        let mut lines = screen.lines();
        let progress =
            lines.find(|line| line.contains("unpacking the image")).expect("it is told of");
        assert!(progress.ends_with(" %"), "{screen}");
        assert!(lines.any(|line| line.contains("could not be made")), "{screen}");
    });
}

/// A name of 2 GiB, as each of the two ways to write a long one: whoever takes it into memory ends, since no process of the program
/// gets as many addresses here. (That a file of any size ends at a bound, a unit test shows without filling the memory.)
#[test]
fn a_bomb_takes_no_more_than_it_may() {
    with_labs(|at| {
        for kind in [EntryType::GNULongName, EntryType::XHeader] {
            let bytes: u64 = 2 << 30;
            let mut header = Header::new_gnu();
            header.set_entry_type(kind);
            header.set_path("etc/long").expect("a name");
            header.set_mode(0o644);
            header.set_size(bytes);
            header.set_cksum();
            let image = at.join("bomb.tar.gz");
            let file = std::fs::File::create(&image).expect("a file");
            let mut zip = GzEncoder::new(file, Compression::fast());
            zip.write_all(header.as_bytes()).expect("a header");
            // The same 64 MiB as members of their own: made once, and read as one.
            let mut part = GzEncoder::new(Vec::new(), Compression::fast());
            part.write_all(&vec![b'a'; 64 << 20]).expect("bytes");
            let part = part.finish().expect("a member");
            let mut file = zip.finish().expect("an archive");
            for _ in 0..bytes >> 26 {
                file.write_all(&part).expect("a member");
            }

            // As a root file system it is looked into by the program itself, as a layer by the store alone.
            let lesson = at.join("lesson.yaml");
            std::fs::write(
                &lesson,
                LESSON.replace(
                    "EXPECTED",
                    "      - file: {path: /root/container/etc, is: directory}",
                ),
            )
            .expect("a lesson");
            let layer = std::fs::read(&image).expect("the bomb");
            let layout = at.join("layout");
            layout_of(&layout, &layer, b"whatever it comes to");
            for image in [&image, &layout] {
                let limit = format!("ulimit -v {} && exec \"$@\"", ADDRESSES << 10);
                let mut command = Command::new("sh");
                command
                    .args(["-c", &limit, "sh"])
                    .arg(program())
                    .arg("run")
                    .arg(&lesson)
                    .arg("--yes");
                let output = command.arg("--image").arg(image).output().expect("it starts");
                let said = String::from_utf8_lossy(&output.stderr);
                assert_eq!(output.status.code(), Some(1), "{said}");
                let is_of_layer = image == &layout;
                let expected =
                    if is_of_layer { "longer than any path" } else { "is no tar archive" };
                assert!(said.contains(expected), "{said}");
            }
            std::fs::remove_dir_all(&layout).expect("removed");
        }
    });
}
