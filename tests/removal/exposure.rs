//! A user's lab and the groups that this user could write: one of its own in each, or no lab.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use unboxed::keeper::cgroups::hierarchies;

use crate::common::{self, alone};
use crate::{Group, USER, readable_program, said};

/// The v1 hierarchies, by what they are mounted with, and v2 as an empty name: the group of a process in each.
fn groups_of(pid: i32) -> Vec<(String, String)> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("its groups");
    let fields = text
        .lines()
        .filter_map(|line| line.splitn(3, ':').skip(1).collect::<Vec<_>>().try_into().ok());
    fields.map(|[names, path]: [&str; 2]| (names.to_owned(), path.to_owned())).collect()
}

#[test]
fn a_users_lab_has_a_group_of_its_own_wherever_its_user_could_write() {
    let _turn = alone();
    if !common::is_root() {
        return;
    }
    let (_dir, copy) = readable_program();
    let name = "relx-delegated";
    let delegated: Vec<Group> = hierarchies()
        .iter()
        .filter(|tree| {
            tree.v2
                || ["freezer", "devices", "name=systemd"]
                    .contains(&tree.controllers.join(",").as_str())
        })
        .map(|tree| {
            let group = Group::make(tree.parent.join(name));
            for entry in fs::read_dir(&group.0).expect("its files").flatten() {
                let _ = chown(entry.path(), Some(USER), Some(USER));
            }
            chown(&group.0, Some(USER), Some(USER)).expect("an owner");
            group
        })
        .collect();
    if delegated.is_empty() {
        common::skip("no hierarchy to delegate a group of");
        return;
    }

    // From inside, and (where that can be walled off: in v1) from outside.
    for enters in [true, false] {
        let from: Vec<&Group> = delegated
            .iter()
            .filter(|group| enters || group.0.join("cgroup.controllers").exists())
            .collect();
        let script: String = from
            .iter()
            .map(|group| format!("echo $$ > {}/cgroup.procs; ", group.0.display()))
            .collect();
        let script = format!(
            "{script} exec setpriv --reuid {USER} --regid {USER} --clear-groups {} run 1 --until 1 --hold --format json",
            copy.display()
        );
        let mut child = Command::new("sh")
            .args(["-c", &script])
            .env("HOME", "/nonexistent")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("its output"))
            .read_line(&mut line)
            .expect("a line");
        let said: serde_json::Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let host = i32::try_from(said["actors"]["host"].as_i64().expect("a host")).expect("a pid");
        let lab = said["lab"].as_str().expect("a lab").to_owned();

        let groups = groups_of(host);
        let walled =
            groups.iter().filter(|(_, path)| path.starts_with(&format!("/{name}/{lab}"))).count();
        assert_eq!(walled, delegated.len(), "entered: {enters}: {groups:?}");
        for group in &delegated {
            let root = fs::metadata(group.0.join(&lab)).expect("the lab's own group");
            assert_eq!(root.uid(), USER);
        }
        drop(child.stdin.take());
        assert!(child.wait().expect("its end").success());
        for group in &delegated {
            assert!(!group.0.join(&lab).exists(), "{} was left", group.0.join(&lab).display());
        }
    }
}

#[test]
fn a_user_whose_groups_can_not_be_walled_off_is_told_so() {
    let _turn = alone();
    let trees = hierarchies();
    let Some(tree) = trees.iter().find(|tree| tree.v2).filter(|_| common::is_root()) else {
        return;
    };
    let (_dir, copy) = readable_program();
    let group = Group::make(tree.parent.join("relx-elsewhere"));
    for path in [group.0.clone(), group.0.join("cgroup.procs")] {
        chown(path, Some(USER), Some(USER)).expect("an owner");
    }
    let output = Command::new(copy)
        .args(["run", "1", "--until", "1"])
        .uid(USER)
        .gid(USER)
        .output()
        .expect("it starts");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("wall off the control group {}", group.0.display())), "{said}");
}
