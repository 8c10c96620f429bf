//! What `doctor` says of machines that are folders of files; a file `.writable` marks a group that is ours.

#[path = "doctor/changed_machines.rs"]
mod changed_machines;
mod common;

use std::path::Path;

use unboxed::diagnosis::{NotInImage, Playable, State};
use unboxed::doctor::{Facts, MachineRoot, ProbeResult, can_play, findings, findings_page};
use unboxed::lesson::model::Needs;
use unboxed::words;

fn is_marked(path: &Path) -> bool {
    let directory = if path.is_dir() { Some(path) } else { path.parent() };
    directory.is_some_and(|directory| directory.join(".writable").exists())
}

fn works() -> ProbeResult {
    ProbeResult::all_good()
}

fn fails(userns: bool, error: &str) -> ProbeResult {
    let refused = || Err(error.to_owned());
    ProbeResult {
        userns: if userns { Ok(()) } else { refused() },
        mount_in_userns: refused(),
        overlay_in_userns: refused(),
        netns_in_userns: refused(),
        ..works()
    }
}

fn facts(tree: &str, euid: u32, probe: ProbeResult) -> Facts {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(format!("doctor-{tree}"));
    let mut facts = Facts::read(
        &MachineRoot { root, euid, may_write: is_marked, program: "unboxed".into() },
        || probe,
    );
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
    findings_page(&findings(facts), &lessons, &[])
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
            let groups = ProbeResult { groups: Err("EPERM: x".into()), ..works() };
            for probe in [works(), fails(true, "EPERM: x"), fails(false, "EPERM: x"), groups] {
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
    println!("{}", findings_page(&findings(&facts), &[], &[]));
}

/// A shell line as root in a mount namespace of its own, with this program as `$0`; its output, errors included.
fn in_changed_machine(line: &str) -> Option<String> {
    if !common::is_root() {
        common::skip("changing what this machine looks like needs root");
        return None;
    }
    let output = std::process::Command::new("unshare")
        .args(["--mount", "sh", "-c", line])
        .arg(env!("CARGO_BIN_EXE_unboxed"))
        .stdin(std::process::Stdio::null())
        .env("HOME", "/nonexistent")
        .output()
        .expect("unshare runs");
    Some(
        String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr),
    )
}

/// Lines of a page, however they were broken.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_covered_proc_is_seen_before_a_lab_is_made_and_run_says_the_same() {
    // Any other whole /proc in sight would do for the kernel.
    let Some(said) = in_changed_machine(
        "for m in $(findmnt -rno TARGET -t proc | grep -v '^/proc$'); do umount -l \"$m\"; done\n\
         mount --bind /dev/null /proc/keys\n\
         \"$0\" doctor; echo doctor $?; \"$0\" run 1; echo run $?",
    ) else {
        return;
    };
    let said = in_one_line(&said);

    let why = "the kernel mounts no /proc for a lab where parts of this one are covered (/proc/keys); \
               tried, and refused: mount the lab's /proc: Operation not permitted (EPERM)";
    assert!(said.contains(&format!("missing mounts {why} cure:")), "{said}");
    assert!(said.contains("no what-is-a-container"), "{said}");
    assert!(said.contains(&format!("can't play here: mounts: {why}. To change that:")), "{said}");
    assert!(said.contains("doctor 1 run 1"), "{said}");
}

#[test]
fn a_proc_of_processes_only_is_seen_too() {
    let Some(said) = in_changed_machine(
        "for m in $(findmnt -rno TARGET -t proc | grep -v '^/proc$'); do umount -l \"$m\"; done\n\
         umount -l /proc && mount -t proc -o subset=pid proc /proc\n\
         \"$0\" doctor; echo doctor $?",
    ) else {
        return;
    };
    assert!(in_one_line(&said).ends_with("doctor 1"), "{said}");
    assert!(!said.contains("  live "), "{said}");
}

#[test]
fn a_chroot_is_named_and_no_lesson_is_called_live_there() {
    // On a tmpfs of this mount namespace: nothing is left of it.
    let Some(said) = in_changed_machine(
        "d=/mnt; mount -t tmpfs tmpfs $d && mkdir -p $d/root/tmp && cd $d/root\n\
         for name in usr bin sbin lib lib64 etc proc dev sys; do\n\
           if [ -L /$name ]; then cp -P /$name .; elif [ -d /$name ]; then mkdir $name; mount --rbind /$name $name; fi\n\
         done\n\
         cp \"$0\" unboxed; chroot . /unboxed doctor; echo doctor $?",
    ) else {
        return;
    };
    let said = in_one_line(&said);
    assert!(said.contains(", in a chroot"), "{said}");
    assert!(said.contains("missing user namespaces") && said.ends_with("doctor 1"), "{said}");
    assert!(said.contains("cure: the kernel makes no user namespaces behind chroot(2)"), "{said}");
}

#[test]
fn a_user_with_ranges_is_promised_one_id_and_has_it() {
    let lesson = "format: 1\nnumber: 22\nid: chown-me\ntitle: Another owner\nsummary: s.\nminutes: 1\n\
                  steps:\n  - id: chown\n    title: chown\n    story: s\n    actions:\n      \
                  - run: {command: [chown, \"1000\", /root]}\n";
    let lesson = unboxed::lesson::parse::parse("x.yaml", lesson).expect("a lesson");
    let needs = &lesson.steps[0].needs;

    let user = facts("v2-user", 1000, works());
    match can_play(needs, &user) {
        Playable::No { why, cure } => assert_eq!(
            [words::blocker(&why), words::cure(&cure)],
            [
                "it gives something to another user, and a lab has one user only (uid 1000 outside)",
                "start as root\n$ sudo unboxed"
            ]
        ),
        Playable::Live => panic!("a lab of this user has one id"),
    }
    assert_eq!(can_play(needs, &facts("v2-root", 0, works())), Playable::Live);
}

#[test]
fn a_step_whose_program_is_missing_is_left_out_and_says_which() {
    let mut machine = facts("v2-root", 0, works());
    let missing = |program: &str| unboxed::rootfs::MissingProgram {
        program: program.into(),
        debian_package: "procps".into(),
        why: NotInImage::Absent,
    };
    machine.image = Ok(vec![missing("ps")]);
    let needing = |program: &str| Needs { programs: vec![program.into()], ..Needs::default() };

    assert_eq!(can_play(&needing("ls"), &machine), Playable::Live);
    match can_play(&needing("ps"), &machine) {
        Playable::No { why, .. } => assert_eq!(
            words::blocker(&why),
            "it runs the program ps, which a lab can't have here: not on this machine"
        ),
        Playable::Live => panic!("there is no ps"),
    }

    machine.image = Ok(["cat", "ls", "mount", "ps"].map(missing).to_vec());
    let Playable::No { cure, .. } = can_play(&needing("ps"), &machine) else { panic!("no ps") };
    assert!(words::cure(&cure).ends_with("$ unboxed learn --tape"), "{}", words::cure(&cure));
}

#[test]
fn an_ordinary_user_is_probed_as_one() {
    let program = if common::is_root() { "setpriv" } else { "env" };
    let as_user = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let copy = tempfile::tempdir().expect("a directory");
    let own = copy.path().join("unboxed");
    std::fs::copy(env!("CARGO_BIN_EXE_unboxed"), &own).expect("copied");
    for path in [copy.path(), &own] {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("changed");
    }

    let mut command = std::process::Command::new(program);
    if common::is_root() {
        command.args(as_user);
    }
    let output = command.arg(&own).args(["doctor", "--format", "json"]).output().expect("it runs");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for part in ["userns", "mount_in_userns", "overlay_in_userns", "netns_in_userns"] {
        assert!(told["facts"]["probe"][part].is_object(), "{told}");
    }
    let ids = told["findings"].as_array().expect("findings").iter();
    let ids = ids.clone().find(|one| one["what"] == "user ids").expect("ids");
    assert!(ids["detail"].as_str().expect("text").contains("one user only"), "{ids}");
    // A cure names the program that was started, wherever it lies.
    let cure = ids["cure"].as_str().expect("a cure");
    assert!(cure.ends_with(&format!("$ sudo {}", own.display())), "{cure}");
}

#[test]
fn a_tree_that_refuses_groups_gives_labs_nothing() {
    let tree = "/sys/fs/cgroup/cpu";
    let refused = unboxed::doctor::RefusedTree { parent: tree.into(), why: "EPERM: x".into() };
    let facts = facts("hybrid", 0, ProbeResult { refused_trees: vec![refused], ..works() });
    assert!(facts.cgroups.is_delegable("memory") && !facts.cgroups.is_delegable("cpu"));

    let said = in_one_line(&report(&facts));
    assert!(said.contains("tried, and refused: EPERM: x"), "{said}");
    assert!(
        said.contains("the control group controller cpu, in whose tree a group was tried"),
        "{said}"
    );
}

#[test]
fn what_others_mount_and_link_meanwhile_is_listed_as_theirs() {
    let _alone = common::alone();
    // A group of somebody else's, beside those of labs, where there are any.
    let machine = unboxed::doctor::MachineCgroups::read(&MachineRoot::this_machine());
    let tree = machine.hierarchies.iter().find(|tree| tree.lab_parent.as_deref() == Some(""));
    let group = tree.map(|tree| format!("{}/test-theirs-{}", tree.mount_point, std::process::id()));
    let make_group = group.as_ref().map_or(String::new(), |group| format!("mkdir {group};"));

    // While the lab is held; in a network namespace of its own, so that nothing of the machine is touched.
    let said = in_changed_machine(&format!(
        "exec unshare --net sh -c '\n\
         mount -t tmpfs tmpfs /srv; tries=0\n\
         {{ until grep -q \"is up until\" /srv/said || [ $tries = 600 ]; do tries=$((tries + 1)); sleep 0.1; done\n\
           mkdir /srv/theirs; mount -t tmpfs others /srv/theirs; ip link add theirs0 type veth peer name theirs1; {make_group}\n\
         }} | \"$0\" run 1 --until 1 --hold > /srv/said 2>&1\n\
         echo run $?; cat /srv/said' \"$0\"",
    ));
    if let Some(group) = &group {
        let _ = std::fs::remove_dir(group);
    }
    let Some(said) = said else { return };

    assert!(said.starts_with("run 0\n"), "{said}");
    let said = in_one_line(&said);
    assert!(said.contains("as it was changed by others meanwhile: +"), "{said}");
    assert!(said.contains("/srv/theirs tmpfs") && said.contains(" theirs0"), "{said}");
    if let Some(group) = &group {
        assert!(said.contains(&format!("+ {group}")), "{said}");
    }
    assert!(!said.contains("DIFFERENT"), "{said}");
}

/// Started by the test below, in a process of its own: whatever its descendants leave becomes its child.
#[test]
#[ignore = "adopts the processes of others"]
fn adopter() {
    nix::sys::prctl::set_child_subreaper(true).expect("a subreaper");
    let output = common::unboxed().arg("doctor").output().expect("it starts");
    assert!(output.status.success(), "{output:?}");

    let left = nix::sys::wait::waitpid(None, None);
    assert_eq!(
        left,
        Err(nix::errno::Errno::ECHILD),
        "the probe left a process for process 1 to reap"
    );
}

#[test]
fn the_probe_leaves_no_process_to_others() {
    let own = std::env::current_exe().expect("this binary");
    let output = std::process::Command::new(own)
        .args(["--ignored", "--exact", "adopter", "--test-threads", "1"])
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
