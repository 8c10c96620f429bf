//! The script of the second lesson, run without the program as root: what it builds is a container, and nothing is left of
//! it. Outside of a machine that can be thrown away (`UNBOXED_DISPOSABLE`), in a network namespace that ends with it.

#[path = "../common/mod.rs"]
mod common;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use common::{Machine, alone, is_root, unboxed};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const INSIDE: &str = include_str!("inside.sh");

/// The variable by which the processes of a run are found again.
const MARK: &str = "UNBOXED_SCRIPT_TEST";

/// The lesson's script in a folder of its own.
struct Script {
    folder: tempfile::TempDir,
    mark: String,
}

impl Script {
    fn new() -> Script {
        Script::changed(|text| text)
    }

    /// With another text.
    fn changed(change: impl FnOnce(String) -> String) -> Script {
        let output =
            unboxed().args(["export", "2", "--format", "sh"]).output().expect("the program runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let folder = tempfile::tempdir().expect("a folder");
        let text = String::from_utf8(output.stdout).expect("text");
        let script = Script { mark: folder.path().display().to_string(), folder };
        std::fs::write(script.path(), change(text)).expect("a file");
        script
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("container.sh")
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = match std::env::var_os("UNBOXED_DISPOSABLE") {
            Some(_) => Command::new("sh"),
            None if !is_root() => Command::new("sh"),
            None => {
                let mut command = Command::new("unshare");
                command.args(["--net", "sh"]);
                command
            }
        };
        command.arg(self.path()).args(arguments).env(MARK, &self.mark);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("a shell")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.start(arguments).wait_with_output().expect("it ends")
    }

    /// The processes of its runs that are there.
    fn processes(&self) -> Vec<String> {
        let mark = format!("{MARK}={}\0", self.mark);
        let has_mark = |pid: &String| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.windows(mark.len()).any(|part| part == mark.as_bytes())
        };
        common::names("/proc").into_iter().filter(has_mark).collect()
    }
}

/// What of the machine a run could leave, besides what labs could.
fn left_behind() -> Vec<PathBuf> {
    let links = ["docker0", "h0", "c0"].map(|link| Path::new("/sys/class/net").join(link));
    let groups = groups().map(PathBuf::from);
    let temporary = common::names("/tmp").into_iter().filter(|name| name.starts_with("unboxed."));
    let temporary = temporary.map(|name| Path::new("/tmp").join(name));
    let all = links.into_iter().chain(groups).chain(temporary);
    all.chain(["/image".into(), "/root/container".into(), "/root/overlay".into()])
        .filter(|path| path.exists())
        .collect()
}

/// The directory of the script's group, in each hierarchy and in either version.
fn groups() -> [&'static str; 4] {
    [
        "/sys/fs/cgroup/box",
        "/sys/fs/cgroup/memory/box",
        "/sys/fs/cgroup/cpu/box",
        "/sys/fs/cgroup/pids/box",
    ]
}

/// The first of a group's files that is there.
fn limit(names: &[&str]) -> Option<String> {
    let files = names.iter().flat_map(|name| groups().map(|group| format!("{group}/{name}")));
    files.into_iter().find_map(|file| std::fs::read_to_string(file).ok())
}

/// The script and what it must leave alone; nothing where nobody may run it.
fn as_root(script: Script) -> Option<(Script, Machine)> {
    // Whoever is not is refused, which a test below sees.
    if !is_root() {
        return None;
    }
    assert_eq!(left_behind(), Vec::<PathBuf>::new(), "before the script");
    Some((script, Machine::now()))
}

fn assert_nothing_left(script: &Script, before: &Machine) {
    assert_eq!(left_behind(), Vec::<PathBuf>::new());
    assert_eq!(script.processes(), Vec::<String>::new());
    before.assert_comes_back();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn what_it_builds_is_a_container_and_nothing_is_left_of_it() {
    let _turn = alone();
    let Some((script, before)) = as_root(Script::new()) else { return };
    let mut child = script.start(&["--disposable", "sh", "-c", INSIDE]);

    let mut said = Vec::new();
    let output = BufReader::new(child.stdout.take().expect("its output"));
    let mut lines = output.lines();
    while let Some(Ok(line)) = lines.next() {
        let is_last = line.starts_with("looked: ");
        said.push(line);
        if is_last {
            break;
        }
    }
    // From outside, while it is there.
    let memory = limit(&["memory.max", "memory.limit_in_bytes"]);
    let members = limit(&["cgroup.procs"]).unwrap_or_default();
    let pids = limit(&["pids.max"]);
    assert!(!left_behind().is_empty());
    child.stdin.take().expect("its input").write_all(b"\n").expect("it reads");
    drop(lines);

    let output = child.wait_with_output().expect("it ends");
    let told = format!("{}\n{}", said.join("\n"), text(&output.stderr));
    assert!(output.status.success(), "{told}");
    assert!(said.iter().any(|line| line == "looked: 0"), "{told}");
    assert_eq!(memory.as_deref(), Some("67108864\n"), "{told}");
    assert_eq!(pids.as_deref(), Some("20\n"), "{told}");
    // PID 1, and what was started inside: both are in the group.
    assert!(members.lines().count() >= 2, "{members}");
    // Whoever runs it reads each line.
    assert!(text(&output.stderr).contains("\n# 11. pivot_root\n"), "{told}");
    assert_nothing_left(&script, &before);
}

#[test]
fn without_one_of_its_lines_the_container_is_none() {
    let _turn = alone();
    let lines = [
        "hostname box\n",
        "pivot_root . oldroot\n",
        "umount -l /oldroot\n",
        "ip link set h0 master docker0 up\n",
        "ip addr add 172.17.42.3/16 dev eth0\n",
        "mount --bind /root/container /root/container\n",
    ];
    // An emulated machine takes half a minute for each.
    let tried = if std::env::var_os("UNBOXED_DISPOSABLE").is_some() { 1 } else { lines.len() };
    for line in lines.into_iter().take(tried) {
        let script = Script::changed(|text| {
            assert!(text.contains(line), "{line}");
            text.replacen(line, "", 1)
        });
        let Some((script, before)) = as_root(script) else { return };
        let output = script.run(&["--disposable", "sh", "-c", INSIDE]);
        assert!(!output.status.success(), "without {line}: {}", text(&output.stdout));
        assert_nothing_left(&script, &before);
    }
}

#[test]
fn a_command_ends_it_with_its_own_exit_code_and_a_signal_takes_all_away() {
    let _turn = alone();
    let Some((script, before)) = as_root(Script::new()) else { return };
    assert_eq!(script.run(&["--disposable", "sh", "-c", "exit 7"]).status.code(), Some(7));
    assert_nothing_left(&script, &before);

    let mut child = script.start(&["--disposable", "sh", "-c", "echo up; read -r _"]);
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    assert_eq!(line, "up\n");
    assert!(script.processes().len() > 3);
    let pid = Pid::from_raw(child.id().try_into().expect("a PID"));
    kill(pid, Signal::SIGTERM).expect("it is there");
    // The shell hears of it when what it waits for has ended.
    drop(child.stdin.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(143), "{}", text(&output.stderr));
    assert_nothing_left(&script, &before);
}

#[test]
fn what_is_there_already_is_left_alone() {
    let _turn = alone();
    let Some((script, before)) = as_root(Script::new()) else { return };
    let place = groups().into_iter().find(|group| {
        Path::new(group).parent().is_some_and(|parent| parent.join("cgroup.procs").exists())
    });
    let group = Path::new(place.expect("control groups"));
    std::fs::create_dir(group).expect("a group");
    let output = script.run(&["--disposable", "true"]);
    assert!(group.is_dir(), "it was somebody else's");
    std::fs::remove_dir(group).expect("it is empty");
    assert!(text(&output.stderr).contains("box is there already"), "{}", text(&output.stderr));
    assert_eq!(output.status.code(), Some(1));
    assert_nothing_left(&script, &before);
}

#[test]
fn nothing_is_done_on_a_machine_of_which_nobody_says_that_it_can_be_thrown_away() {
    let _turn = alone();
    let before = Machine::now();
    let script = Script::new();
    for arguments in [&[][..], &["sh"], &["--force"]] {
        let output = script.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains("virtual machine that you can"));
    }
    if !is_root() {
        let output = script.run(&["--disposable"]);
        assert!(text(&output.stderr).contains("this takes root"), "{}", text(&output.stderr));
        assert_eq!(output.status.code(), Some(1));
    }
    assert_nothing_left(&script, &before);
}
