//! The image layout that a lesson makes, read by those who know: umoci, skopeo, sha256sum and tar.
#![cfg(test)]

mod common;

use std::path::Path;
use std::process::Command;

use common::{Held, Machine, alone, is_root, skip};

#[track_caller]
fn run_tool(dir: &Path, tool: &str, arguments: &[&str]) -> String {
    let output = Command::new(tool)
        .args(arguments)
        .current_dir(dir)
        .env("TMPDIR", dir)
        .env("HOME", dir)
        .output()
        .unwrap_or_else(|error| panic!("{tool}: {error}"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool} {arguments:?}: {complaint}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn others_read_the_images_that_the_lesson_on_layers_makes() {
    let is_there = |tool: &str| Command::new(tool).arg("--version").output().is_ok();
    if !is_there("umoci") || !is_there("skopeo") {
        return skip("umoci or skopeo is not on this machine");
    }
    if !is_root() {
        return skip("the files of a lab are read through /proc, which takes root");
    }
    let _turn = alone();
    let before = Machine::now();
    let dir = tempfile::tempdir().expect("a directory");
    let at = dir.path();
    {
        let lab = Held::start("layers", "second");
        let root = format!("/proc/{}/root/root", lab.actor("host"));
        for name in ["layout", "zipped"] {
            run_tool(at, "cp", &["-r", &format!("{root}/{name}"), name]);
        }
        run_tool(at, "cp", &["-r", "--no-preserve=all", &format!("{root}/app"), "app"]);
    }

    // Each blob is called as sha256sum says.
    let blobs = std::fs::read_dir(at.join("layout/blobs/sha256")).expect("blobs");
    let blobs: Vec<String> = blobs
        .map(|blob| blob.expect("a blob").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(blobs.len(), 8, "{blobs:?}");
    for blob in &blobs {
        let said = run_tool(at, "sha256sum", &[&format!("layout/blobs/sha256/{blob}")]);
        assert_eq!(said.split(' ').next(), Some(blob.as_str()));
    }
    let tar = run_tool(at, "sh", &["-c", "gzip -dc < zipped/app | sha256sum"]);
    let plain = run_tool(at, "sh", &["-c", "sha256sum < layout/app"]);
    assert_eq!(tar, plain, "one diffID");

    // A layer is what tar makes of the directory.
    let options = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];
    let packed = [&["-C", "app"][..], &options[..], &["-cf", "app.tar", "."]].concat();
    run_tool(at, "tar", &packed);
    run_tool(at, "cmp", &["app.tar", "layout/app"]);

    for image in ["web", "shell"] {
        let raw = run_tool(at, "skopeo", &["inspect", "--raw", &format!("oci:layout:{image}")]);
        let layers = raw.matches("application/vnd.oci.image.layer.v1.tar").count();
        assert_eq!(layers, if image == "web" { 4 } else { 2 }, "{raw}");
        // It copies and compares every digest and every diffID.
        let to = format!("docker-archive:{image}.tar");
        run_tool(at, "skopeo", &["copy", "-q", &format!("oci:layout:{image}"), &to]);
    }
    let listed = run_tool(at, "umoci", &["list", "--layout", "layout"]);
    assert_eq!(listed.lines().collect::<Vec<_>>(), ["web", "shell"]);

    // Who follows the image specification deletes what the layer `cut` says.
    run_tool(at, "umoci", &["unpack", "--rootless", "--image", "layout:web", "bundle"]);
    let root = at.join("bundle/rootfs");
    let text = std::fs::read_to_string(root.join("srv/index")).expect("the layer `app`");
    assert_eq!(text, "hello from a layer\n");
    assert!(root.join("etc/passwd").exists() && !root.join("etc/hosts").exists());
    assert!(!root.join("etc/.wh.hosts").exists());
    before.assert_comes_back();
}
