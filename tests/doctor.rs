//! What `doctor` says of machines that are folders of files; a file `.writable` marks a group that is ours.

use std::path::Path;

use unboxed::diagnosis::{Playable, State};
use unboxed::doctor::{Facts, MachineRoot, ProbeResult, can_play, findings, findings_page};
use unboxed::lesson::model::Needs;
use unboxed::words;

fn is_marked(path: &Path) -> bool {
    let directory = if path.is_dir() { Some(path) } else { path.parent() };
    directory.is_some_and(|directory| directory.join(".writable").exists())
}

fn works() -> ProbeResult {
    ProbeResult {
        userns: Ok(()),
        mount_in_userns: Ok(()),
        overlay_in_userns: Ok(()),
        netns_in_userns: Ok(()),
    }
}

fn fails(userns: bool, error: &str) -> ProbeResult {
    let refused = || Err(error.to_owned());
    ProbeResult {
        userns: if userns { Ok(()) } else { refused() },
        mount_in_userns: refused(),
        overlay_in_userns: refused(),
        netns_in_userns: refused(),
    }
}

fn facts(tree: &str, euid: u32, probe: ProbeResult) -> Facts {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(format!("doctor-{tree}"));
    let mut facts = Facts::read(&MachineRoot { root, euid, may_write: is_marked }, || probe);
    // The folders hold no programs.
    assert!(facts.image.is_err());
    facts.image = Ok(Vec::new());
    facts
}

fn needs(text: &str) -> Needs {
    let mut needs = Needs::default();
    for word in text.split_whitespace() {
        match word {
            "root" => needs.root = true,
            "6.6" => needs.kernel = Some((6, 6)),
            controller => needs.cgroup.push(controller.to_owned()),
        }
    }
    needs
}

/// The whole report, with one lesson for each kind of need.
fn report(facts: &Facts) -> String {
    let lessons = ["", "memory pids", "cpu", "io", "freezer", "devices", "net_cls", "root", "6.6"];
    let lessons = lessons.map(|text| {
        let title = if text.is_empty() { "needs nothing" } else { text };
        (
            text.split(' ').next().unwrap_or_default().to_owned(),
            title.to_owned(),
            can_play(&needs(text), facts),
        )
    });
    findings_page(&findings(facts), &lessons)
}

#[test]
fn v1_trees_one_by_one_beside_an_empty_v2_tree() {
    let facts = facts("hybrid", 0, works());
    assert_eq!(facts.cgroups.hierarchies.len(), 10);
    let own = |name| facts.cgroups.hierarchy_of(name).and_then(|tree| tree.own.clone());
    assert_eq!(own("memory").as_deref(), Some("process_api/184d5037"));
    assert_eq!(own("cpu").as_deref(), Some(""));
    insta::assert_snapshot!(report(&facts));
}

#[test]
fn a_desktop_where_systemd_delegates_memory_and_pids() {
    let facts = facts("v2-user", 1000, works());
    let parent = facts.cgroups.hierarchies[0].lab_parent.as_deref();
    assert_eq!(parent, Some("user.slice/user-1000.slice/user@1000.service"));
    insta::assert_snapshot!(report(&facts));
}

#[test]
fn a_desktop_where_systemd_delegates_more() {
    insta::assert_snapshot!(report(&facts("v2-user-delegated", 1000, works())));
}

#[test]
fn a_login_outside_of_what_systemd_delegates_and_debians_old_switch() {
    let refused = "EPERM: unshare(CLONE_NEWUSER)";
    insta::assert_snapshot!("switched_off", report(&facts("v2-ssh", 1000, fails(false, refused))));
    insta::assert_snapshot!("outside", report(&facts("v2-ssh", 1000, works())));
}

#[test]
fn root_on_v2() {
    insta::assert_snapshot!(report(&facts("v2-root", 0, works())));
}

#[test]
fn root_in_a_container_with_dockers_defaults() {
    insta::assert_snapshot!(report(&facts(
        "docker",
        0,
        fails(false, "EPERM: unshare(CLONE_NEWUSER)")
    )));
}

#[test]
fn ubuntu_restricts_user_namespaces_by_apparmor() {
    insta::assert_snapshot!(report(&facts(
        "ubuntu-apparmor",
        1000,
        fails(true, "EACCES: mount a tmpfs")
    )));
}

#[test]
fn an_old_kernel_with_nothing_mounted() {
    insta::assert_snapshot!(report(&facts(
        "no-cgroup",
        1000,
        fails(false, "ENOSPC: unshare(CLONE_NEWUSER)")
    )));
}

#[test]
fn no_proc_at_all() {
    insta::assert_snapshot!(report(&facts(
        "no-proc",
        0,
        fails(false, "ENOENT: /proc/self/uid_map")
    )));
}

#[test]
fn whatever_is_not_good_has_a_cure() {
    let trees = [
        "hybrid",
        "v2-user",
        "v2-ssh",
        "v2-root",
        "docker",
        "ubuntu-apparmor",
        "no-cgroup",
        "no-proc",
    ];
    for tree in trees {
        for euid in [0, 1000] {
            for probe in [works(), fails(true, "EPERM: x"), fails(false, "EPERM: x")] {
                let facts = facts(tree, euid, probe);
                for finding in findings(&facts) {
                    let cure = finding.cure.as_ref().map(words::cure);
                    let is_cured = cure.is_some_and(|cure| !cure.is_empty());
                    assert_eq!(finding.state != State::Good, is_cured, "{tree} {euid} {finding:?}");
                }
                for text in ["", "memory", "io", "freezer", "net_cls", "nonsense", "root"] {
                    if let Playable::No { why, cure } = can_play(&needs(text), &facts) {
                        let (why, cure) = (words::blocker(&why), words::cure(&cure));
                        assert!(!why.is_empty() && !cure.is_empty(), "{tree} {euid} {text}: {why}");
                    }
                }
            }
        }
    }
}

#[test]
fn this_machine_can_be_read_and_told_as_json() {
    let facts = Facts::read(&MachineRoot::this_machine(), works);
    assert!(facts.kernel.is_some());
    assert!(!facts.uid_map.is_empty());
    let json =
        serde_json::to_value((&facts, findings(&facts), can_play(&Needs::default(), &facts)))
            .expect("JSON");
    assert_eq!(json[0]["probe"]["userns"], serde_json::json!({"ok": null}));
    assert_eq!(json[1][0]["what"], "kernel");
    println!("{}", findings_page(&findings(&facts), &[]));
}
