//! How long it takes to replay the whole lesson, and to rewind to a step, beside what a container costs elsewhere: the
//! article's shell script, bwrap, crun and runc, in the same run. Tools that are not there are left out, and said.
//!
//! `cargo bench --bench replay`, as root for crun and runc.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use unboxed::doctor::{Facts, MachineRoot};
use unboxed::engine::options::SessionOptions;
use unboxed::engine::session::Session;
use unboxed::lesson::catalogue;
use unboxed::rootfs;

/// Machines idle between key presses, and a first call after a pause is dearer: each sample starts rested.
const REST: Duration = Duration::from_millis(50);

fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_unboxed").into()
}

fn session() -> Session {
    let lesson = catalogue::find_lesson("build-a-container").expect("the lesson");
    let facts = Facts::read(&MachineRoot::this_machine(), || {
        unboxed::keeper::probe::probe_machine(&program())
    });
    let options = SessionOptions::with_spare(program());
    Session::open(Arc::new(lesson), facts, &options).expect("a session")
}

/// Time one thing after a rest, `count` times.
fn rested(count: u64, mut act: impl FnMut()) -> Duration {
    let mut spent = Duration::ZERO;
    for _ in 0..count {
        std::thread::sleep(REST);
        let started = Instant::now();
        act();
        spent += started.elapsed();
    }
    spent
}

fn replays(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("container");
    group.sample_size(15).measurement_time(Duration::from_secs(5));
    let mut session = session();
    let steps = session.lesson().steps.len();
    group.bench_function("unboxed: replay the whole lesson", |bencher| {
        bencher.iter_custom(|count| rested(count, || session.rewind_to(steps).expect("a replay")));
    });
    group.bench_function("unboxed: rewind to the middle, and look", |bencher| {
        bencher.iter_custom(|count| {
            rested(count, || {
                let started = Instant::now();
                session.rewind_to(steps / 2).expect("a rewind");
                black_box(session.ready_state(started).expect("a look"));
            })
        });
    });
    session.close_and_compare();

    let bundle = tempfile::tempdir().expect("a directory");
    let root = make_bundle(bundle.path());
    for (name, command) in others(bundle.path(), &root) {
        if !works(&command) {
            eprintln!("{name}: not measured, `{}` does not work here", command.join(" "));
            continue;
        }
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| rested(count, || assert!(works(&command), "{command:?}")));
        });
    }
    group.finish();
}

/// One container each, that runs `true` and ends.
fn others(bundle: &Path, root: &Path) -> Vec<(&'static str, Vec<String>)> {
    let (bundle, root) = (bundle.display().to_string(), root.display().to_string());
    let words = |line: String| line.split(' ').map(str::to_owned).collect::<Vec<String>>();
    let shell = |script: String| ["unshare", "-m", "sh", "-c", &script].map(str::to_owned).to_vec();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/article.sh");
    vec![
        // crun refuses machines that have controllers in both versions: it gets a view without the v2 tree.
        (
            "crun run",
            shell(format!(
                "umount /sys/fs/cgroup/unified 2>/dev/null; exec crun run --bundle {bundle} unboxed-bench"
            )),
        ),
        ("runc run", words(format!("runc run --bundle {bundle} unboxed-bench"))),
        (
            "bwrap",
            words(format!("bwrap --unshare-all --bind {root} / --proc /proc --dev /dev true")),
        ),
        (
            "the article's shell script",
            words(format!("unshare -Urmnuipf --mount-proc sh {script} {root}")),
        ),
    ]
}

fn works(command: &[String]) -> bool {
    let status = Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// An OCI bundle with the default image as its root, both layers in one.
fn make_bundle(into: &Path) -> PathBuf {
    let plan = rootfs::plan_image(&rootfs::Fixture::embedded(), Path::new("/")).expect("a plan");
    let layers = into.join("layers");
    std::fs::create_dir(&layers).expect("a directory");
    rootfs::write_image(&plan, &layers).expect("an image");
    let root = into.join("rootfs");
    std::fs::create_dir(&root).expect("a directory");
    for layer in ["base", "tools"] {
        let from = format!("{}/.", layers.join(layer).display());
        let copied =
            Command::new("cp").args(["-a", &from]).arg(&root).status().expect("cp is there");
        assert!(copied.success());
    }
    let namespaces: Vec<_> = ["mount", "uts", "ipc", "pid", "network"]
        .iter()
        .map(|kind| serde_json::json!({ "type": kind }))
        .collect();
    let config = serde_json::json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": { "uid": 0, "gid": 0 }, "args": ["true"], "cwd": "/", "env": ["PATH=/usr/bin:/bin"],
        },
        "root": { "path": "rootfs" },
        "hostname": "box",
        "mounts": [{ "destination": "/proc", "type": "proc", "source": "proc" }],
        "linux": {
            "namespaces": namespaces,
            "resources": { "memory": { "limit": 67108864 }, "pids": { "limit": 20 }, "cpu": { "quota": 50000, "period": 100000 } },
        },
    });
    std::fs::write(into.join("config.json"), config.to_string()).expect("a file");
    root
}

criterion_group!(benches, replays);
criterion_main!(benches);
