//! Labs that are made to be much to look at: what is read of them is bounded in bytes, calls and rows, and says so.

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use common::{BareLab, Held, alone};
use unboxed::app::panes::{self, CompareMode, PaneData};
use unboxed::app::stable_ids::StableIds;
use unboxed::diff::{ChangeKind, Diff, GroupOwner, OwnerChange};
use unboxed::lesson::model::WatchedDirectory;
use unboxed::observe::{CgroupRoot, ObservedActor, Observer, bounds};
use unboxed::op::ActorName;
use unboxed::own_call::OwnCalls;
use unboxed::snapshot::CgroupVersion;
use unboxed::snapshot::{Omitted, Snapshot};
use unboxed::view::ViewKind;

/// What one look at a lab may cost, whatever is in it: bytes read from files, calls of read(2), bytes as it is kept.
const BYTES: u64 = 12 << 20;
const CALLS: u64 = 20_000;
const KEPT: usize = 2 << 20;

/// 4,096 mounts: each copy of the tree into itself doubles it.
const MOUNTS: &str = "mkdir /m; mount -t tmpfs x /m; mount --make-private /m; cd /m; mkdir $(seq 12); for i in $(seq 12); do mount --rbind /m /m/$i; done";
/// 20,000 routes, 3,000 addresses, 3,000 neighbours, 300 links.
const NETWORK: &str = "
    for a in $(seq 0 99); do for b in $(seq 0 199); do echo route add 10.$a.$b.0/24 dev lo; done; done | ip -batch -
    for a in $(seq 0 14); do for b in $(seq 0 199); do echo address add 11.$a.$b.1/32 dev lo; done; done | ip -batch -
    for a in $(seq 0 14); do for b in $(seq 0 199); do
        echo neigh add 172.17.$a.$b lladdr 02:00:00:00:00:01 dev docker0
    done; done | ip -batch -
    for i in $(seq 150); do echo link add l$i type veth peer name p$i; done | ip -batch -";
/// 320 processes, forty of them with arguments of a megabyte.
const PROCESSES: &str = "
    big=$(yes xxxxxxxxx | head -n 100000)
    for i in $(seq 40); do sh -c 'sleep 1000; :' x $big >/dev/null 2>&1 & done
    for i in $(seq 240); do sleep 1000 >/dev/null 2>&1 & done";
/// A directory of 100,000 files, another of long links, and an overlay whose upper layer is a tree of 27,930 directories.
const FILES: &str = "
    mkdir /many; cd /many; for i in $(seq 0 9); do touch $(seq $((i*10000)) $((i*10000+9999))); done
    mkdir /links; cd /links; for i in $(seq 600); do ln -s $(yes x/ | head -n 1500 | tr -d '\\n') $i; done
    mkdir -p /o/l /o/u /o/w /o/m; cd /o/u; mkdir $(seq 30)
    for a in $(seq 30); do mkdir $(seq -f $a/%g 30); for b in $(seq 30); do mkdir $(seq -f $a/$b/%g 30); done; done
    mount -t overlay overlay -o lowerdir=/o/l,upperdir=/o/u,workdir=/o/w,userxattr /o/m";
/// A thousand groups beside each other, and some that are deep.
const GROUPS: &str = "
    cd /sys/fs/cgroup/memory || exit 77
    for i in $(seq 0 9); do mkdir $(seq -f g%g $((i*100)) $((i*100+99))); done
    mkdir -p $(yes d/ | head -n 30 | tr -d '\\n')";

fn flood(lab: &mut BareLab, script: &str) -> bool {
    let (said, status) = lab.shell(&format!("set -e; {script}"));
    assert!(status == 0 || status == 77, "{status}: {said}");
    status == 0
}

fn observer(lab: &mut BareLab) -> Observer {
    let host = lab.links.get(&ActorName::host()).expect("the lab's host");
    let mut observer = Observer::new(PathBuf::from("/proc"), host.pid);
    let subject = ObservedActor {
        name: ActorName::host(),
        pid: host.pid,
        netlink: host.netlink.clone(),
        monitor: host.monitor().cloned(),
        firewall: host.firewall().cloned(),
    };
    observer.set_actors(vec![subject]);
    let roots = lab.made.cgroups.iter().map(|cgroup| CgroupRoot {
        hierarchy: if cgroup.v2 { "unified".into() } else { cgroup.controllers.join(",") },
        version: if cgroup.v2 { CgroupVersion::V2 } else { CgroupVersion::V1 },
        path: PathBuf::from(&cgroup.machine_path),
    });
    observer.set_cgroups(roots.collect());
    let look = |path: &str| WatchedDirectory { actor: ActorName::host(), path: path.into() };
    observer.set_watched_directories(vec![look("/many"), look("/links"), look("/o/u")]);
    observer
}

/// What this thread has read so far: bytes and calls.
fn read_so_far() -> (u64, u64) {
    let text = fs::read_to_string("/proc/thread-self/io").expect("counters of this thread");
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("a counter");
        line.trim().parse::<u64>().expect("a number")
    };
    (field("rchar:"), field("syscr:"))
}

/// Look, and see what it took.
#[track_caller]
fn within_bounds(look: impl FnOnce() -> Option<Snapshot>) -> Option<Snapshot> {
    let before = read_so_far();
    let snapshot = look();
    let (bytes, calls) = (read_so_far().0 - before.0, read_so_far().1 - before.1);
    eprintln!("{bytes} bytes in {calls} calls");
    assert!(bytes < BYTES && calls < CALLS, "{bytes} bytes in {calls} calls");
    if let Some(snapshot) = &snapshot {
        let kept = serde_json::to_vec(snapshot).expect("JSON").len();
        eprintln!("{kept} bytes kept");
        assert!(kept < KEPT, "{kept} bytes kept");
    }
    snapshot
}

/// The rows of a pane, as text.
fn pane(view: ViewKind, before: &Snapshot, after: &Snapshot, compare: CompareMode) -> String {
    let diff = Diff::between(before, after);
    let numbers = StableIds::default();
    let scene = PaneData {
        before,
        after,
        diff: &diff,
        ops: &[],
        own_calls: &OwnCalls::default(),
        charts: &[],
        stable_ids: &numbers,
        raw: false,
        compare,
        changes_only: false,
    };
    let mut text = String::new();
    for row in panes::build(view, &scene, None).iter().flat_map(|section| &section.rows) {
        let _ = writeln!(text, "{}{}", row.mark.sign(), row.text);
    }
    text
}

#[test]
fn a_lab_decides_what_there_is_but_not_how_much_of_it_is_read() {
    let _turn = alone();
    let mut lab = BareLab::new(&["memory", "pids"]);
    let mut observer = observer(&mut lab);
    let empty = within_bounds(|| Some(observer.snapshot())).expect("a snapshot");
    for script in [MOUNTS, NETWORK, PROCESSES, FILES] {
        flood(&mut lab, script);
    }
    let has_groups = flood(&mut lab, GROUPS);
    assert!(has_groups || !common::is_root(), "root's lab has groups here");

    let full = within_bounds(|| Some(observer.snapshot())).expect("a snapshot");
    let table = &full.mounts[0];
    let mounts = table.rows.len() + 4096 - bounds::MAX_MOUNTS;
    assert!(
        table.rows.len() == bounds::MAX_MOUNTS
            && matches!(table.omitted, Omitted::Rows(more) if more >= mounts - 256)
    );
    assert_eq!(full.processes.len(), bounds::MAX_PROCESSES);
    assert!(matches!(full.processes_omitted, Omitted::Rows(40..)), "{:?}", full.processes_omitted);
    assert!(
        full.processes.iter().all(|process| process.args.len() <= bounds::MAX_ARGUMENT_BYTES + 3)
    );
    assert!(full.processes.iter().any(|process| process.args.ends_with('…')));
    let network = &full.networks[0];
    assert_eq!(
        network.omitted.routes,
        Omitted::Rows(20_000 + 3 - network.routes.len()),
        "{}",
        network.routes.len()
    );
    for (rows, omitted) in [
        (network.links.len(), network.omitted.links),
        (network.addresses.len(), network.omitted.addresses),
        (network.neighbours.len(), network.omitted.neighbours),
    ] {
        assert!(
            rows == bounds::MAX_NETWORK_ROWS && matches!(omitted, Omitted::Rows(_)),
            "{rows} {omitted:?}"
        );
    }
    for directory in &full.directories[..2] {
        let rows = directory.entries.as_ref().map(Vec::len);
        assert!(
            rows == Some(bounds::MAX_ENTRIES) && !directory.omitted.is_nothing(),
            "{} {rows:?}",
            directory.path
        );
    }
    assert!(
        full.overlays.iter().any(|overlay| overlay.truncated)
            || !full.overlays_omitted.is_nothing()
    );
    if has_groups {
        assert_eq!(full.cgroups_omitted, Omitted::Uncounted);
        assert!(full.cgroups.len() <= bounds::MAX_GROUPS_TOTAL);
    }

    // Every pane says so, whichever side it shows.
    let all = [
        ViewKind::Mounts,
        ViewKind::Processes,
        ViewKind::Namespaces,
        ViewKind::Network,
        ViewKind::Files,
    ];
    for view in all.into_iter().chain(has_groups.then_some(ViewKind::Cgroups)) {
        for (before, after, compare) in [
            (&empty, &full, CompareMode::Diff),
            (&empty, &full, CompareMode::After),
            (&full, &empty, CompareMode::Before),
            (&full, &empty, CompareMode::Diff),
        ] {
            let text = pane(view, before, after, compare);
            assert!(text.contains('…') && text.contains("more"), "{view:?} {compare:?}:\n{text}");
        }
    }

    // Idle looks are bounded alike, and nothing is said to have come or gone where nothing has.
    for _ in 0..4 {
        within_bounds(|| observer.snapshot_if_changed());
    }
    let again = within_bounds(|| Some(observer.snapshot())).expect("a snapshot");
    let came_or_went =
        |signs: &str| signs.lines().filter(|row| row.starts_with(['+', '-'])).count();
    for view in ViewKind::ALL {
        let text = pane(view, &full, &again, CompareMode::Diff);
        assert_eq!(came_or_went(&text), 0, "{view:?}:\n{text}");
    }
    let births = Diff::between(&full, &again)
        .cgroups
        .into_iter()
        .filter(|section| section.owner_change != OwnerChange::Old);
    assert_eq!(births.map(|section| section.owner).collect::<Vec<_>>(), [] as [GroupOwner; 0]);
    lab.end();
}

/// More routes than are received at one look.
const ROUTES: &str = "
    for a in $(seq 20); do for b in $(seq 100); do for c in $(seq 100); do echo route add 10.$a.$b.$c dev lo; done; done |
        ip -batch -; done";

#[test]
fn a_dump_that_is_too_long_is_read_on_and_does_not_hide_what_comes_later() {
    let _turn = alone();
    let mut lab = BareLab::new(&[]);
    let mut observer = observer(&mut lab);
    flood(&mut lab, ROUTES);
    let first = observer.snapshot().networks.remove(0);
    assert_eq!(
        (first.routes.len(), first.omitted.routes),
        (bounds::MAX_NETWORK_ROWS, Omitted::Uncounted)
    );
    assert!(
        first.omitted.links.is_nothing() && first.link("docker0").is_some(),
        "what was asked for first is whole"
    );

    // Whatever is asked while the kernel is at it, is as it was, and said to be cut; then it is as it is.
    flood(&mut lab, "ip link add late type bridge");
    let seen = (0..10).any(|_| observer.snapshot().networks[0].link("late").is_some());
    assert!(seen, "no look showed the new link");
    flood(&mut lab, "ip route flush root 10.0.0.0/8; ip link del late");
    let whole = (0..10)
        .map(|_| observer.snapshot().networks.remove(0))
        .find(|network| network.omitted.is_nothing());
    assert!(whole.expect("a whole list again").link("late").is_none());
    lab.end();
}

/// 2,000 rules that count. (Labs whose image has no nft(8) can't make them.)
const RULES: &str = "
    command -v nft >/dev/null || exit 77
    nft add table ip flood; nft add chain ip flood out
    for part in $(seq 20); do for i in $(seq 100); do echo add rule ip flood out ip daddr 10.0.0.$i counter; done |
        nft -f -; done";

#[test]
fn of_many_rules_some_are_read_and_the_others_counted() {
    let _turn = alone();
    let mut lab = BareLab::new(&[]);
    let mut observer = observer(&mut lab);
    if !flood(&mut lab, RULES) {
        common::skip("this lab has no nft");
        return;
    }
    let network = observer.snapshot().networks.remove(0);
    // The lab's own rule for NAT counts nothing, and is among those that are read.
    let traffic = network.traffic.len();
    assert_eq!(traffic + network.rules.len(), bounds::MAX_NETWORK_ROWS);
    assert_eq!(network.omitted.traffic, Omitted::Rows(2000 - traffic));
    lab.end();
}

#[test]
fn what_comes_into_sight_behind_a_cut_was_not_mounted_and_what_leaves_it_not_unmounted() {
    let _turn = alone();
    let mut lab = BareLab::new(&[]);
    let mut observer = observer(&mut lab);
    // One mount that is seen, and then more than are kept.
    flood(&mut lab, "mkdir /first; mount -t tmpfs first /first");
    flood(&mut lab, MOUNTS);
    let before = observer.snapshot();
    flood(&mut lab, "umount /first");
    let after = observer.snapshot();
    let rows = &Diff::between(&before, &after).mounts[0].rows;
    let signs: String =
        rows.iter().map(|row| row.mark.sign()).filter(|sign| *sign != ' ').collect();
    assert_eq!(signs, "??", "one that left, one that came");
    let first =
        rows.iter().find(|row| row.before.as_ref().is_some_and(|mount| mount.target == "/first"));
    assert_eq!(first.map(|row| row.mark), Some(ChangeKind::Unknown));
    lab.end();
}

/// A lesson with a flood in its first step, and others behind it.
fn lesson(floods: &[&str], steps: usize) -> String {
    let mut text =
        "format: 1\nnumber: 90\nid: hostile\ntitle: Hostile\nsummary: Much to look at.\nminutes: 1\n".to_owned();
    text.push_str("needs: {kernel: '5.12'}\nsteps:\n");
    for step in 0..steps {
        let _ = writeln!(
            text,
            "  - id: step-{step}\n    title: A step\n    story: It floods.\n    after: It did."
        );
        text.push_str("    actions:\n");
        for flood in floods.iter().filter(|_| step == 0) {
            let command = serde_json::to_string(flood).expect("JSON");
            let _ = writeln!(text, "      - run: {{command: [sh, -c, {command}]}}");
        }
        let _ = writeln!(
            text,
            "      - mkdir: {{paths: [/p{step}]}}\n    watch: [files]\n    look: [{{path: /many}}]"
        );
        let _ = writeln!(text, "    expect:\n      - file: {{path: /p{step}, is: directory}}");
    }
    text
}

#[test]
fn a_front_end_stays_small_whatever_its_lab_does() {
    /// As many as the longest of the lessons has.
    const STEPS: usize = 32;
    let _turn = alone();
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("hostile.yaml");
    fs::write(&path, lesson(&[MOUNTS, NETWORK, PROCESSES, FILES], STEPS)).expect("written");
    let held = Held::start(path.to_str().expect("a name"), &format!("step-{}", STEPS - 1));
    let status =
        fs::read_to_string(format!("/proc/{}/status", held.child.id())).expect("its status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line");
    let peak: u64 =
        peak.split_ascii_whitespace().next().and_then(|kib| kib.parse().ok()).expect("a number");
    eprintln!("{} MiB at most", peak / 1024);
    assert!(peak < 300 * 1024, "{} MiB", peak / 1024);
    let judged = held.said["steps"].as_array().expect("steps");
    assert_eq!(judged.len(), STEPS);
}
