//! An outsider agrees: what is claimed equals what findmnt, lsns, ip, ps, the cgroup files and strace say.

#[path = "../common/mod.rs"]
mod common;

mod strace;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use common::{alone, open_session, output_of, unboxed};
use unboxed::lesson::catalogue;
use unboxed::op::ActorName;
use unboxed::snapshot::{RuleEffect, Snapshot};

/// A lab with the whole lesson played in it, and the observer's last word on it.
fn with_lab(check: impl FnOnce(&Snapshot, &dyn Fn(&str) -> u32)) {
    let lesson = catalogue::find_lesson("build-a-container").expect("the lesson");
    let steps = lesson.steps.len();
    let mut session = open_session(lesson);
    session.rewind_to(steps).expect("the whole lesson replays");
    let lab = session.lab().expect("a lab");
    let mut snapshot = lab.snapshot();
    // The kernel tells the state of a link that is up a moment later, once a second at most (linkwatch).
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline && is_some_link_unsettled(&snapshot) {
        std::thread::sleep(Duration::from_millis(50));
        snapshot = lab.snapshot();
    }
    let pids = lab.info().actors;
    check(&snapshot, &|name| pids[&ActorName::from(name)]);
    assert!(session.close_and_compare().is_clean());
}

/// A veth or a bridge is up, and its state not known yet.
fn is_some_link_unsettled(snapshot: &Snapshot) -> bool {
    let links = snapshot.networks.iter().flat_map(|network| &network.links);
    links.into_iter().any(|link| !link.kind.is_empty() && link.up && link.operstate == "UNKNOWN")
}

#[test]
fn findmnt_sees_the_same_mounts() {
    let _turn = alone();
    with_lab(|snapshot, pid| {
        for actor in ["host", "container", "second"] {
            let said = output_of(
                "findmnt",
                &["-N", &pid(actor).to_string(), "-l", "-J", "-o", "ID,FSTYPE,PROPAGATION,MAJ:MIN"],
            );
            let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
            let theirs: BTreeSet<String> = said["filesystems"]
                .as_array()
                .expect("file systems")
                .iter()
                .map(|row| {
                    format!(
                        "{} {} {} {}",
                        row["id"], row["fstype"], row["propagation"], row["maj:min"]
                    )
                })
                .map(|line| line.replace('"', ""))
                .collect();
            let table = snapshot.mounts_of(&actor.into()).expect("a table");
            let ours: BTreeSet<String> = table
                .rows
                .iter()
                .map(|row| {
                    format!("{} {} {} {}", row.id, row.fstype, row.propagation.word(), row.device)
                })
                .collect();
            assert_eq!(ours, theirs, "{actor}");
        }
    });
}

#[test]
fn lsns_counts_the_same_namespaces() {
    let _turn = alone();
    with_lab(|snapshot, pid| {
        let said = output_of("lsns", &["-J", "-o", "NS,TYPE", "-p", &pid("container").to_string()]);
        let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
        let theirs: BTreeSet<(String, u64)> = said["namespaces"]
            .as_array()
            .expect("namespaces")
            .iter()
            .filter_map(|row| Some((row["type"].as_str()?.to_owned(), row["ns"].as_u64()?)))
            .collect();
        let container = snapshot.process_of(&"container".into()).expect("the container");
        let ours = container
            .namespaces
            .iter()
            .map(|(kind, inode)| (kind.proc_link_name().to_owned(), inode.0))
            .collect();
        assert_eq!(theirs, ours);
    });
}

/// ip(8) inside the network namespace of a process; as an ordinary user by way of its user namespace.
fn ip(pid: u32, arguments: &[&str]) -> serde_json::Value {
    let pid = pid.to_string();
    let mut all = vec!["-t", &pid, "-n"];
    if !common::is_root() {
        all.extend(["-U", "--preserve-credentials"]);
    }
    all.extend(["ip", "-j", "-4"]);
    all.extend(arguments);
    let said = output_of("nsenter", &all);
    if said.trim().is_empty() {
        serde_json::json!([])
    } else {
        serde_json::from_str(&said).expect("JSON")
    }
}

#[test]
fn ip_shows_the_same_network() {
    let _turn = alone();
    with_lab(|snapshot, pid| {
        for actor in ["host", "container"] {
            let network = snapshot.network_of(&actor.into()).expect("a network");
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let list = |value: serde_json::Value| value.as_array().cloned().unwrap_or_default();

            let theirs: BTreeSet<String> = list(ip(pid(actor), &["-d", "link"]))
                .iter()
                .map(|row| {
                    format!(
                        "{} {} {} {}",
                        row["ifindex"],
                        text(&row["ifname"]),
                        text(&row["operstate"]),
                        text(&row["master"])
                    )
                })
                .collect();
            let ours: BTreeSet<String> = network
                .links
                .iter()
                .map(|link| {
                    format!(
                        "{} {} {} {}",
                        link.index,
                        link.name,
                        link.operstate,
                        link.master.clone().unwrap_or_default()
                    )
                })
                .collect();
            assert_eq!(ours, theirs, "links of {actor}");

            let theirs: BTreeSet<String> = list(ip(pid(actor), &["addr"]))
                .iter()
                .flat_map(|link| {
                    let name = text(&link["ifname"]);
                    let addresses = list(link["addr_info"].clone());
                    addresses
                        .into_iter()
                        .map(move |row| {
                            format!(
                                "{name} {}/{}",
                                row["local"].as_str().unwrap_or_default(),
                                row["prefixlen"]
                            )
                        })
                        .collect::<Vec<_>>()
                })
                .collect();
            let ours: BTreeSet<String> = network
                .addresses
                .iter()
                .filter(|address| !address.ip.contains(':'))
                .map(|address| format!("{} {}/{}", address.dev, address.ip, address.prefix))
                .collect();
            assert_eq!(ours, theirs, "addresses of {actor}");

            let theirs: BTreeSet<String> = list(ip(pid(actor), &["route"]))
                .iter()
                .map(|row| {
                    format!("{} {} {}", text(&row["dst"]), text(&row["gateway"]), text(&row["dev"]))
                })
                .collect();
            let ours: BTreeSet<String> = network
                .routes
                .iter()
                .map(|route| {
                    format!("{} {} {}", route.to, route.via.clone().unwrap_or_default(), route.dev)
                })
                .collect();
            assert_eq!(ours, theirs, "routes of {actor}");

            let theirs: BTreeSet<String> = list(ip(pid(actor), &["neigh"]))
                .iter()
                .map(|row| {
                    format!("{} {} {}", text(&row["dst"]), text(&row["dev"]), text(&row["lladdr"]))
                })
                .collect();
            let ours: BTreeSet<String> = network
                .neighbours
                .iter()
                .map(|neighbour| format!("{} {} {}", neighbour.ip, neighbour.dev, neighbour.mac))
                .collect();
            assert_eq!(ours, theirs, "neighbours of {actor}");
        }
    });
}

#[test]
fn sysfs_lists_the_links_of_the_labs_host() {
    with_lab(|snapshot, pid_of| {
        let host = snapshot.networks.iter().find(|it| it.actors.contains(&"host".into()));
        let mut wanted: Vec<&str> =
            host.expect("the host's network").links.iter().map(|it| it.name.as_str()).collect();
        wanted.sort_unstable();

        let shown = inside(pid_of("host"), "ls", &["/sys/class/net"]);
        let shown: Vec<&str> = shown.split_whitespace().collect();
        assert!(shown.contains(&"docker0"), "{shown:?}");
        assert_eq!(shown, wanted);
    });
}

#[test]
fn ps_lists_the_same_processes() {
    let _turn = alone();
    with_lab(|snapshot, _| {
        for process in &snapshot.processes {
            let said = output_of("ps", &["-o", "pid=,ppid=,comm=", "-p", &process.pid.to_string()]);
            let fields: Vec<&str> = said.split_whitespace().collect();
            assert_eq!(fields[0], process.pid.to_string());
            assert_eq!(fields[1], process.ppid.to_string());
            assert_eq!(fields[2..].join(" "), process.comm);
            let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid))
                .expect("its status");
            let pids = status.lines().find_map(|line| line.strip_prefix("NSpid:")).expect("NSpid");
            let pids: Vec<u32> =
                pids.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
            assert_eq!(pids, process.ns_pids);
        }
        assert_eq!(
            snapshot.processes.len(),
            5,
            "host, two times unshare, container, second: {:#?}",
            snapshot.processes
        );
    });
}

#[test]
fn the_cgroup_files_say_the_same() {
    let _turn = alone();
    if !common::is_root() {
        return;
    }
    with_lab(|snapshot, pid| {
        let of_box: Vec<_> = snapshot.cgroups.iter().filter(|group| group.path == "box").collect();
        if of_box.is_empty() {
            common::skip("this machine lets root make no cgroups");
        }
        for group in of_box {
            assert_eq!(group.procs, [pid("container")]);
            let own = std::fs::read_to_string(format!("/proc/{}/cgroup", pid("container")))
                .expect("its cgroups");
            let line = own
                .lines()
                .find(|line| line.contains(&format!(":{}:", group.hierarchy)))
                .unwrap_or_default();
            assert!(line.ends_with("/box") || group.hierarchy == "unified", "{own}");
        }
    });
}

/// Standard output of a program in the network, mount and pid namespaces of a process of root's: tc reads /proc/net.
fn inside(pid: u32, program: &str, arguments: &[&str]) -> String {
    let pid = pid.to_string();
    let mut all = vec!["-t", &pid, "-n", "-m", "-p"];
    if !common::is_root() {
        all.extend(["-U", "--preserve-credentials"]);
    }
    all.push(program);
    all.extend(arguments);
    output_of("nsenter", &all)
}

#[test]
fn nft_tc_and_the_classid_file_say_the_same() {
    let _turn = alone();
    if !common::is_root() {
        return;
    }
    let Some(lesson) =
        common::lessons_here().into_iter().find(|lesson| lesson.id == "net-cls-prio")
    else {
        return;
    };
    let mut session = open_session(lesson.clone());
    for step in &lesson.steps {
        let record = session.play_next().expect("it plays");
        assert!(record.is_ok(), "{}: {:#?}", step.id, record.verdicts);
    }
    let lab = session.lab().expect("a lab");
    let snapshot = lab.snapshot();
    let pid = lab.info().actors[&ActorName::host()];
    let rows = &snapshot.network_of(&ActorName::host()).expect("a network").traffic;

    // With their counters, rule by rule; nft names a group from the top of /sys/fs/cgroup.
    let ruleset = inside(pid, "nft", &["list", "table", "ip", "unboxed"]);
    let theirs: Vec<String> = ruleset
        .lines()
        .map(|line| line.trim().replace("unified/", ""))
        .filter(|line| line.contains("counter"))
        .collect();
    let ours: Vec<String> = rows
        .iter()
        .filter_map(|row| Some((row.text.strip_suffix(" in ip unboxed out")?, row)))
        .map(|(rule, row)| {
            rule.replace("counter", &format!("counter packets {} bytes {}", row.packets, row.bytes))
        })
        .collect();
    assert_eq!(ours, theirs);
    assert_eq!(ours.len(), 4, "{ours:?}");

    let said = inside(pid, "tc", &["-s", "class", "show", "dev", "eth0"]);
    let class =
        rows.iter().find(|row| row.text == "class htb 10:1 dev eth0 rate 8mbit").expect("a class");
    assert!(
        said.contains("class htb 10:1 root prio 0 rate 8Mbit ceil 8Mbit burst 15Kb cburst 15Kb"),
        "{said}"
    );
    assert!(
        said.contains(&format!("Sent {} bytes {} pkt", class.bytes, class.packets)),
        "{said} {class:?}"
    );

    let group = snapshot.cgroups.iter().find(|group| group.path == "box").expect("the group");
    let file = format!("/sys/fs/cgroup/{}/box/net_cls.classid", group.hierarchy);
    assert_eq!(inside(pid, "cat", &[&file]).trim(), group.files["net_cls.classid"]);
    assert_eq!(group.files["net_cls.classid"], 0x10_0001.to_string());
    assert!(session.close_and_compare().is_clean());
}

#[test]
fn a_change_made_in_a_lab_shell_shows_within_200_ms() {
    let _turn = alone();
    use std::time::{Duration, Instant};
    use unboxed::engine::{Event, Request, play};
    let lesson = catalogue::find_lesson("build-a-container").expect("the lesson");
    let (requests, for_engine) = unboxed::engine::requests::channel().expect("a queue");
    let (to_front, events) = unboxed::engine::events::channel();
    let engine = std::thread::spawn(move || {
        play::run_engine(
            move |_| Ok(open_session(lesson)),
            &for_engine,
            &std::sync::mpsc::channel().1,
            &to_front,
        )
    });
    let wait = |what: &str, found: &mut dyn FnMut(&Event) -> bool| {
        let deadline = Instant::now() + Duration::from_secs(10);
        while let Some(event) = events.recv_until(deadline) {
            if found(&event) {
                return;
            }
        }
        panic!("{what} did not come");
    };
    let mut host = 0;
    wait("a lab", &mut |event| match event {
        Event::Ready(ready) => {
            host = ready.lab.actors[&ActorName::host()];
            true
        }
        _ => false,
    });
    let pid = host.to_string();
    let mut enter = vec!["-t", &pid, "-U", "-m", "-u", "-i", "-n", "-p"];
    if !common::is_root() {
        enter.push("--preserve-credentials");
    }
    enter.extend(["mount", "-t", "tmpfs", "typed", "/mnt"]);
    output_of("nsenter", &enter);
    let typed = Instant::now();
    let mut took = Duration::MAX;
    wait("the mount", &mut |event| match event {
        Event::LiveSnapshot(snapshot) => {
            let table = snapshot.mounts_of(&ActorName::host()).expect("a table");
            let there = table.rows.iter().any(|row| row.target == "/mnt" && row.source == "typed");
            took = typed.elapsed();
            there
        }
        _ => false,
    });
    requests.send(Request::Quit).expect("the engine listens");
    engine.join().expect("the engine ends");
    // Generous towards a busy machine: the point is that nothing but the tick stands between.
    assert!(took < Duration::from_secs(1), "{took:?}");
    let _ = unboxed();
}

#[test]
fn nft_and_proc_say_the_same_of_packets_that_pass() {
    let _turn = alone();
    if !common::is_root() {
        return;
    }
    let lesson = catalogue::find_lesson("build-a-container").expect("a lesson");
    let mut session = open_session(lesson);
    let lab = session.lab().expect("a lab");
    let pid = lab.info().actors[&ActorName::host()];
    let mut network = || lab.snapshot().network_of(&ActorName::host()).expect("a network").clone();

    let at_first = network();
    assert_eq!(at_first.forwarding, Some(true));
    assert_eq!(inside(pid, "cat", &["/proc/sys/net/ipv4/ip_forward"]).trim(), "1");
    assert_eq!(at_first.rules.len(), 1, "the lab's own: {:?}", at_first.rules);
    assert_eq!(at_first.rules[0].effect, RuleEffect::SourceNat);

    // Rules as docker and firewalls make them.
    let chain = "{ type nat hook prerouting priority -100 ; }";
    inside(pid, "nft", &["add", "chain", "ip", "nat", "PREROUTING", chain]);
    for rule in [
        "tcp dport 8080 dnat to 172.17.0.2:80",
        "ip saddr 10.1.2.0/24 iifname != \"docker0\" drop",
        "ip daddr 203.0.113.7 udp sport 53 accept",
    ] {
        inside(pid, "nft", &["add", "rule", "ip", "nat", "PREROUTING", rule]);
    }
    inside(pid, "sh", &["-c", "echo 0 > /proc/sys/net/ipv4/ip_forward"]);
    let changed = network();
    assert_eq!(changed.forwarding, Some(false));

    let said = inside(pid, "nft", &["-s", "list", "table", "ip", "nat"]);
    let mut theirs: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|line| {
            ["masquerade", "dnat", "drop", "accept"]
                .iter()
                .any(|it| line.ends_with(it) || line.contains("dnat to"))
        })
        .filter(|line| !line.starts_with("type "))
        .collect();
    let ours: Vec<String> = changed
        .rules
        .iter()
        .filter_map(|rule| Some(rule.text.split_once(" in ip nat ")?.0.to_owned()))
        .collect();
    let mut ours: Vec<&str> = ours.iter().map(String::as_str).collect();
    theirs.sort_unstable();
    ours.sort_unstable();
    assert_eq!(ours, theirs, "{said}");
    let effects: Vec<RuleEffect> = changed.rules.iter().map(|rule| rule.effect).collect();
    assert!(effects.contains(&RuleEffect::DestinationNat) && effects.contains(&RuleEffect::Drop));
    assert!(session.close_and_compare().is_clean());
}
