//! Tapes from elsewhere: what is none, what grows when it is unpacked, and what is fuller than a lab ever is.

use std::io::Read;
use std::path::Path;

use nix::sys::stat::Mode;
use serde_json::{Value, json};
use unboxed::tape::embedded;

use crate::{bounded, ended, put, refused};

/// Lines of a tape of the shortest lesson.
fn lines() -> Vec<Value> {
    let bytes = embedded::all_tapes()
        .find(|(_, header)| header.lesson == "what-is-a-container")
        .expect("a tape")
        .0;
    let text = String::from_utf8(zstd::decode_all(bytes).expect("unpacked")).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn pack(lines: impl Iterator<Item = String>) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 9).expect("an encoder");
    encoder.long_distance_matching(true).expect("a setting");
    encoder.window_log(24).expect("a setting");
    for line in lines {
        std::io::Write::write_all(&mut encoder, line.as_bytes()).expect("memory");
        std::io::Write::write_all(&mut encoder, b"\n").expect("memory");
    }
    encoder.finish().expect("packed")
}

/// A snapshot with so many mounts.
fn crowded(mut snapshot: Value, count: usize) -> Value {
    let table = &mut snapshot["snapshot"]["mounts"][0]["rows"];
    let row = table[0].clone();
    let rows = (0..count).map(|id| {
        let mut row = row.clone();
        row["id"] = json!(id);
        row
    });
    *table = rows.collect();
    snapshot
}

#[test]
fn a_small_tape_can_not_become_a_large_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let lines = lines();
    let header = lines[0].to_string();
    let snapshot = lines.iter().find(|line| line.get("snapshot").is_some()).expect("a snapshot");
    let step = lines.iter().find(|line| line.get("step").is_some()).expect("a step");
    let branch = |number: usize| {
        let mut kept = step["step"].clone();
        for part in ["ops", "verdicts", "charts", "predicted"] {
            kept["record"][part] = json!([]);
        }
        (kept["before"], kept["after"]) = (json!(0), json!(1));
        json!({"branch": {"step": 0, "branch": number, "kept": kept}}).to_string()
    };
    let crowd =
        [crowded(snapshot.clone(), 1990).to_string(), crowded(snapshot.clone(), 1980).to_string()];
    let begin = || std::iter::once(header.clone()).chain(crowd.clone());
    let mut named = snapshot.clone();
    named["snapshot"]["hostnames"] =
        (0..3000).map(|number| (format!("a{number}"), json!("x"))).collect();
    let mut filed = snapshot.clone();
    let files: serde_json::Map<String, Value> =
        (0..3000).map(|number| (format!("f{number}"), json!(""))).collect();
    filed["snapshot"]["cgroups"] =
        json!([{"hierarchy": "memory", "path": "", "procs": [], "files": files}]);
    let mut empty = step.clone();
    empty["step"]["record"]["predicted"] =
        json!([{"question": 0, "options": vec![json!([]); 1_200_000]}]);
    let mut told = step.clone();
    told["step"]["record"]["verdicts"] =
        json!([{"ok": true, "expected": "x".repeat(1 << 20), "seen": "", "pane": null}]);
    let too_large = "it is larger than a tape can be";
    let bombs = [
        ("many what-ifs", pack(begin().chain((0..20_000).map(&branch))), too_large),
        (
            "one what-if, often",
            pack(begin().chain((0..20_000).map(|_| branch(0)))),
            "of a what-if that was there before",
        ),
        (
            "rows",
            pack(
                std::iter::once(header.clone())
                    .chain([crowded(snapshot.clone(), 2100).to_string()]),
            ),
            too_large,
        ),
        ("snapshots", pack(begin().chain((0..60).flat_map(|_| crowd.clone()))), too_large),
        ("host names", pack([header.clone(), named.to_string()].into_iter()), too_large),
        ("files of a group", pack([header.clone(), filed.to_string()].into_iter()), too_large),
        ("empty lists", pack(begin().chain([empty.to_string()])), too_large),
        ("a text", pack(begin().chain([told.to_string()])), too_large),
        (
            "blanks",
            zstd::encode_all(std::io::repeat(b' ').take(64 << 20), 3).expect("packed"),
            too_large,
        ),
    ];
    let path = dir.path().join("bomb.tape");
    let name = path.to_str().expect("a name");
    for (what, bytes, says) in bombs {
        std::fs::write(&path, &bytes).expect("a file");
        assert!(bytes.len() < 1_000_000, "{what} is no small tape: {}", bytes.len());
        for command in [&["learn", "1", "--tape"][..], &["export", "1", "--format", "md", "--tape"]]
        {
            let said = refused(bounded().args(command).arg(&path));
            assert!(
                said.starts_with(&format!("unboxed: the tape {name} can't be played: ")),
                "{what}: {said}"
            );
            assert!(said.contains(says) && said.lines().count() == 1, "{what}: {said}");
        }
    }
}

#[test]
fn a_crowded_tape_is_exported_within_bounds() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut lines = lines();
    // Every snapshot far fuller than a lab is.
    let count = lines.iter().filter(|line| line.get("snapshot").is_some()).count();
    let each = (900_000 / (count * 30)).min(500);
    for line in lines.iter_mut().filter(|line| line.get("snapshot").is_some()) {
        *line = crowded(line.take(), each);
    }
    let path = put(dir.path(), "full.tape", pack(lines.iter().map(Value::to_string)));
    for format in ["md", "html"] {
        let output =
            ended(bounded().args(["export", "1", "--format", format, "--tape"]).arg(&path));
        assert!(output.status.success(), "{format}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn what_is_no_tape_is_one_sentence() {
    let dir = tempfile::tempdir().expect("a directory");
    let fifo = dir.path().join("fifo");
    nix::unistd::mkfifo(&fifo, Mode::S_IRWXU).expect("a pipe");
    let check = |path: &Path, why: &str| {
        let said = refused(bounded().args(["export", "1", "--format", "md", "--tape"]).arg(path));
        assert_eq!(said, format!("unboxed: could not open the tape {}: {why}\n", path.display()));
    };
    check(Path::new("/dev/zero"), "it is a device, not a file");
    check(&fifo, "it is a pipe, not a file");
    check(dir.path(), "it is a directory, not a file");
    // The name of its lesson is looked up among the program's own, not opened.
    let mut lines = lines();
    lines[0]["lesson"] = json!("/etc/passwd");
    let path = put(dir.path(), "named.tape", pack(lines.iter().map(Value::to_string)));
    let said = refused(bounded().args(["learn", "--tape"]).arg(&path));
    assert_eq!(
        said,
        format!("unboxed: the tape {} names no lesson: say which one it is of\n", path.display())
    );
    let bidi = dir.path().join("a\u{202e}b");
    let said = refused(bounded().args(["export", "1", "--format", "md", "--tape"]).arg(&bidi));
    assert!(said.contains("a\\u{202e}b"), "{said}");
}
