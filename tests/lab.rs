//! A lab on the real kernel: made, used, gone.

mod common;

use common::{BareLab, Machine, alone};
use unboxed::op::{ActorName, EnterTarget, NamespaceKind, Op, Outcome};

#[test]
fn an_actor_performs_ops_and_reports_every_call() {
    let _turn = alone();
    use NamespaceKind::{Ipc, Mount, Net, Pid, Uts};
    let mut lab = BareLab::new(&[]);
    let (host, container) = (ActorName::host(), ActorName::from("container"));
    let spawn = Op::spawn(container.clone(), vec![Mount, Uts, Ipc, Net, Pid]);
    let record = lab.links.perform(&host, spawn).expect("the host answers");
    let names: Vec<&str> = record.calls.iter().map(|call| call.name.as_str()).collect();
    assert_eq!(names, ["clone3", "unshare", "clone3"]);

    let mut check = |op: Op, output: &str| {
        let record = lab.links.perform(&container, op).expect("the container answers");
        assert_eq!(record.outcome, Outcome::Done { output: output.into() }, "{:?}", record.calls);
    };
    check(Op::GetPid, "1");
    check(Op::SetHostname { name: "box".into() }, "");
    check(Op::Run { argv: vec!["hostname".into()] }, "box\n");
    let refused =
        lab.links.perform(&container, Op::Ping { to: [172, 17, 0, 1].into(), timeout_ms: 100 });
    let outcome = refused.expect("the container answers").outcome;
    assert_eq!(outcome.errno().map(|errno| errno.0.as_str()), Some("ENETUNREACH"), "{outcome:?}");
    assert_eq!(lab.links.hostname(&host).expect("the host answers").as_deref(), Some("host"));
    assert_eq!(
        lab.links.hostname(&container).expect("the container answers").as_deref(),
        Some("box")
    );
    lab.end();
}

#[test]
fn an_actor_enters_namespaces_one_by_one_and_is_nowhere_else() {
    let _turn = alone();
    use NamespaceKind::{Mount, Net, Pid, Uts};
    let mut lab = BareLab::new(&[]);
    let host = ActorName::host();
    let spawn = Op::spawn("box".into(), vec![Mount, Uts, Net, Pid]);
    let spawned = lab.links.perform(&host, spawn).expect("the host answers");
    let forked = spawned.calls.last().map(|call| &call.result);
    let Some(unboxed::call::CallResult::Value(pid)) = forked else { panic!("{forked:?}") };
    let pid = u32::try_from(*pid).expect("a PID");
    let renamed = Op::SetHostname { name: "box".into() };
    assert!(lab.links.perform(&"box".into(), renamed).expect("it answers").outcome.is_ok());

    let mut enter = |name: &str, target: EnterTarget, kinds: &[NamespaceKind]| {
        let (actor, kinds) = (ActorName::from(name), kinds.to_vec());
        let op = Op::Enter { actor, target, kinds, groups: Vec::new() };
        let record = lab.links.perform(&host, op).expect("the host answers");
        let calls = record.calls.iter().map(|call| call.name.clone()).collect::<Vec<_>>();
        let errno = record.outcome.errno().map(|errno| errno.0.clone());
        let mut tell = |op: Op| {
            let told = lab.links.perform(&name.into(), op).ok();
            told.map(|record| record.outcome.output().trim().to_owned())
        };
        let name = tell(Op::Run { argv: vec!["hostname".into()] });
        (calls.join(" "), errno, name, tell(Op::GetPid))
    };
    let process = || EnterTarget::Process { pid };
    let file = |path: &str| EnterTarget::File { path: path.into() };

    // Who does not enter the PID namespace has a PID of the host's.
    let (calls, errno, name, own) = enter("half", process(), &[Uts]);
    assert_eq!((calls.as_str(), errno), ("clone3 pidfd_open setns", None));
    assert_eq!(name.as_deref(), Some("box"));
    assert!(own.is_some_and(|own| own.parse::<u32>().is_ok_and(|own| own > pid)));

    let (calls, errno, name, own) = enter("whole", process(), &[Mount, Uts, Net, Pid]);
    assert_eq!((calls.as_str(), errno), ("clone3 pidfd_open setns clone3", None));
    assert_eq!((name.as_deref(), own.as_deref()), (Some("box"), Some("2")));

    let (_, errno, name, _) = enter("by-file", file(&format!("/proc/{pid}/ns/uts")), &[Uts]);
    assert_eq!((errno, name.as_deref()), (None, Some("box")));
    let (_, errno, ..) = enter("wrong", file(&format!("/proc/{pid}/ns/net")), &[Uts]);
    assert_eq!(errno.as_deref(), Some("EINVAL"));
    let (_, errno, ..) = enter("plain", file("/etc/hostname"), &[Uts]);
    assert_eq!(errno.as_deref(), Some("EINVAL"));
    let (_, errno, ..) = enter("itself", EnterTarget::Process { pid: 1 }, &[NamespaceKind::User]);
    assert_eq!(errno.as_deref(), Some("EINVAL"));
    lab.end();
}

#[test]
fn the_labs_host_reaches_its_internet_and_the_machine_stays_as_it_was() {
    let _turn = alone();
    let before = Machine::now();
    let mut lab = BareLab::new(&["memory", "pids"]);
    let record = lab
        .links
        .perform(&ActorName::host(), Op::Ping { to: [203, 0, 113, 1].into(), timeout_ms: 1000 })
        .expect("the host answers");
    assert!(record.outcome.is_ok(), "{record:?}");
    assert_ne!(Machine::now().processes, before.processes, "a lab has processes while it lives");
    lab.end();
    before.assert_comes_back();
}

/// As a careless parent leaves them: SIGCHLD ignored, signals blocked, no mode left, small files, few of them, little stack.
#[test]
fn what_is_inherited_is_set_right() {
    let _turn = alone();
    let before = Machine::now();
    let careless = "import os, resource, signal, sys\n\
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n\
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGTERM, signal.SIGWINCH})\n\
        os.umask(0o777)\n\
        os.chdir('/')\n\
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]\n\
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))\n\
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n\
        resource.setrlimit(resource.RLIMIT_NOFILE, (10, hard))\n\
        hard = resource.getrlimit(resource.RLIMIT_STACK)[1]\n\
        resource.setrlimit(resource.RLIMIT_STACK, (65536, hard))\n\
        os.execv(sys.argv[1], ['unboxed', 'run', '2', '--until', 'overlay'])";
    let output = std::process::Command::new("python3")
        .args(["-c", careless])
        .arg(common::program())
        .output();
    let output = output.expect("python3 starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && !said.contains("  failed "),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    before.assert_comes_back();
}

#[test]
fn a_limit_that_cannot_be_widened_is_named_with_what_it_takes() {
    for (limit, says) in [
        ("--nofile=10:10", "the limit on open files is 10, and unboxed takes 64"),
        ("--fsize=4096:4096", "the limit on bytes of a file is 4096"),
        ("--stack=65536:65536", "the limit on bytes of stack is 65536"),
    ] {
        let mut command = std::process::Command::new("prlimit");
        let output = command.arg(limit).arg(common::program()).args(["run", "1"]).output();
        let output = output.expect("prlimit is there");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && said.contains(says), "{limit}: {output:?}");
    }
}

#[test]
fn a_new_lab_takes_the_place_of_the_old_one() {
    let _turn = alone();
    let before = Machine::now();
    let mut first = BareLab::new(&[]);
    let (output, _) = first.shell("echo mine > /root/file; cat /root/file");
    assert_eq!(output, "mine\n");
    first.end();
    let mut second = BareLab::new(&[]);
    let (output, status) = second.shell("cat /root/file 2>/dev/null");
    assert_ne!(status, 0, "a fresh lab has no file of the old one: {output}");
    second.end();
    before.assert_comes_back();
}

#[test]
fn an_actor_is_born_with_mapped_ids_and_shifted_clocks() {
    let _turn = alone();
    let mut lab = BareLab::new(&[]);
    let host = ActorName::host();
    let spawn = |name: &str, fields: &str| {
        let op = format!(r#"{{"spawn": {{"actor": "{name}", {fields}}}}}"#);
        serde_json::from_str::<Op>(&op).unwrap_or_else(|error| panic!("{op}: {error}"))
    };
    let output = |lab: &mut BareLab, name: &str, argv: &[&str]| {
        let run = Op::Run { argv: argv.iter().map(|word| (*word).to_owned()).collect() };
        let record = lab.links.perform(&name.into(), run).expect("it answers");
        record.outcome.output().to_owned()
    };

    // One id is what every lab has.
    let root = spawn(
        "root",
        r#""unshare": ["user"], "ids": {"uids": ["0 0 1"], "gids": ["0 0 1"], "setgroups": "deny"}"#,
    );
    let record = lab.links.perform(&host, root).expect("the host answers");
    let names: Vec<&str> = record.calls.iter().map(|call| call.name.as_str()).collect();
    let write = ["openat", "write"];
    assert_eq!(names, [&["clone3", "unshare"][..], &write, &write, &write, &["clone3"]].concat());
    assert_eq!(output(&mut lab, "root", &["id", "-u"]), "0\n");

    let old = spawn("old", r#""unshare": ["time"], "offsets": {"boottime": 864000}"#);
    assert!(lab.links.perform(&host, old).expect("the host answers").outcome.is_ok());
    let offsets = output(&mut lab, "old", &["cat", "/proc/self/timens_offsets"]);
    assert!(
        offsets.lines().any(|line| line.split_whitespace().eq(["boottime", "864000", "0"])),
        "{offsets}"
    );

    // What can't be is refused, and the host can go on.
    for (name, fields, errno) in [
        ("late", r#""unshare": ["time"], "offsets": {"boottime": -999999999}"#, "ERANGE"),
        (
            "twice",
            r#""unshare": ["user"], "ids": {"uids": ["0 0 1", "0 0 1"], "gids": []}"#,
            "EINVAL",
        ),
    ] {
        let record = lab.links.perform(&host, spawn(name, fields)).expect("the host answers");
        assert_eq!(record.outcome.errno().map(|errno| errno.0.as_str()), Some(errno), "{record:?}");
    }
    assert_eq!(output(&mut lab, "root", &["id", "-g"]), "0\n");
}
