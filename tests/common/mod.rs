//! What real runs share: starting the program, labs without lessons, and comparing the machine before and after.
#![allow(dead_code)]

pub mod browser;
pub mod lessons;
pub mod tty;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use unboxed::diagnosis::Playable;
use unboxed::doctor::{Facts, MachineRoot, can_play};
use unboxed::engine::link::ActorLinks;
use unboxed::keeper::handle::KeeperHandle;
use unboxed::op::{ActorName, Op, Outcome};
use unboxed::wire::protocol::{LabPlan, MadeLab};
use unboxed::words;

/// The program under test. The tests themselves never unshare anything.
///
/// `UNBOXED_PROGRAM` names another place for it: an ordinary user may not be able to read the build's own.
pub fn program() -> &'static Path {
    static PROGRAM: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    let named = || {
        std::env::var_os("UNBOXED_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_unboxed").into())
    };
    PROGRAM.get_or_init(|| PathBuf::from(named()))
}

/// A copy of the program in a directory that is opened to all, so that any user can execute it.
pub fn copy_program(dir: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let copy = dir.join("unboxed");
    if !copy.exists() {
        fs::copy(program(), &copy).expect("a copy");
        fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).expect("its mode");
    }
    copy
}

/// Somebody else's process, which does nothing, and ends with the test.
pub struct Sleeper {
    child: Child,
}

impl Sleeper {
    pub fn start() -> Sleeper {
        Sleeper::start_as(Command::new("sleep").arg("1000"))
    }

    pub fn start_as(command: &mut Command) -> Sleeper {
        Sleeper {
            child: command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("it starts"),
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.id()).expect("a pid")
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_none()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn unboxed() -> Command {
    Command::new(program())
}

/// The command line of somebody who was here before: the first screen, which asks how to learn, does not come up.
pub fn as_known_learner<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let decided = ["--tape", "--your-turn", "--way"];
    let is_asked = match arguments.first() {
        None => return vec!["learn", "--way", "show"],
        Some(command) => *command == "learn",
    };
    let is_decided = arguments.iter().any(|argument| decided.contains(argument));
    let way: &[&str] = if is_asked && !is_decided { &["--way", "show"] } else { &[] };
    arguments.iter().chain(way).copied().collect()
}

/// Say why a test can't run here. Where everything must work (`UNBOXED_MUST_WORK=1`), that is a failure.
pub fn skip(why: &str) {
    assert!(
        std::env::var_os("UNBOXED_MUST_WORK").is_none(),
        "skipped, but everything must work here: {why}"
    );
    eprintln!("skipped: {why}");
}

/// What a test tries of all that it could: one in three, or one in so many as `UNBOXED_SAMPLE` says (1: everything). Samples of
/// other sizes begin elsewhere, so that those who try one in four try some of what one in three leaves out.
pub fn sampled<T>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    let one_in: usize = std::env::var("UNBOXED_SAMPLE").map_or(3, |number| {
        number.parse().unwrap_or_else(|error| panic!("UNBOXED_SAMPLE={number}: {error}"))
    });
    let all: Vec<T> = all.into_iter().collect();
    let first = (one_in / 2).min(all.len().saturating_sub(1));
    all.into_iter().skip(first).step_by(one_in).collect()
}

pub fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

/// Tests that look at the machine's processes take turns.
pub fn alone() -> std::sync::MutexGuard<'static, ()> {
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A lab with no lesson in it.
pub struct BareLab {
    pub made: MadeLab,
    pub links: ActorLinks,
    keeper: KeeperHandle,
}

impl BareLab {
    pub fn new(controllers: &[&str]) -> BareLab {
        let mut keeper = KeeperHandle::start(program()).expect("the keeper starts");
        let plan = LabPlan {
            controllers: controllers.iter().map(|&name| name.into()).collect(),
            ..LabPlan::default()
        };
        let (made, wire) = keeper.make_lab(&plan).expect("a lab is made");
        let links = ActorLinks::open(wire).expect("the lab's host is born");
        BareLab { made, links, keeper }
    }

    /// What a shell in the lab's host prints, and its exit status.
    pub fn shell(&mut self, script: &str) -> (String, i32) {
        let op = Op::Run { argv: vec!["sh".into(), "-c".into(), script.into()] };
        let record = self.links.perform(&ActorName::host(), op).expect("the host answers");
        match record.outcome {
            Outcome::Done { output } => (output, 0),
            Outcome::Exited { output, status } => (output, status),
            Outcome::Failed { errno, what } => panic!("the shell could not run: {what} {errno}"),
        }
    }

    /// A fresh lab in the place of this one, by the same keeper.
    pub fn another(&mut self) {
        let plan = LabPlan::default();
        let (made, wire) = self.keeper.make_lab(&plan).expect("another lab is made");
        self.links = ActorLinks::open(wire).expect("its host is born");
        self.made = made;
    }

    pub fn end(self) {
        drop(self.links);
        drop(self.keeper);
    }
}

/// What of the machine a lab must leave as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    pub mounts: BTreeSet<String>,
    pub links: BTreeSet<String>,
    pub cgroups: BTreeSet<String>,
    /// Our own processes that are alive, by pid and title.
    pub processes: BTreeSet<String>,
    pub temporary: BTreeSet<String>,
    /// Controllers of packets that some v1 hierarchy has, mounted or not, with its number.
    pub attached: BTreeSet<String>,
    /// True if labs of others are up: they attach and detach controllers, too.
    pub has_others: bool,
}

impl Machine {
    pub fn now() -> Machine {
        let mountinfo = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
        Machine {
            mounts: mountinfo.lines().filter(|line| !is_others(line)).map(str::to_owned).collect(),
            links: names("/sys/class/net").into_iter().filter(|name| is_of_labs(name)).collect(),
            cgroups: lab_cgroups(),
            processes: lab_processes(),
            temporary: names("/tmp")
                .into_iter()
                .chain(names("/var/tmp"))
                .filter(|name| name.contains("unboxed"))
                .collect(),
            attached: attached(),
            has_others: has_other_keepers(),
        }
    }

    /// True if what is ours is the same.
    fn is_like(&self, other: &Machine) -> bool {
        let ours = |machine: &Machine| {
            let attached = if self.has_others || other.has_others {
                BTreeSet::new()
            } else {
                machine.attached.clone()
            };
            Machine { attached, has_others: false, ..machine.clone() }
        };
        ours(self) == ours(other)
    }

    /// Wait until the machine is as it was; on a time-out, say what differs.
    #[track_caller]
    pub fn assert_comes_back(&self) {
        let deadline = Instant::now() + unboxed::kernel::load::stretched(Duration::from_secs(5));
        while !Machine::now().is_like(self) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        let now = Machine::now();
        assert!(now.is_like(self), "the machine is not as it was: {now:#?}, and it was {self:#?}");
    }
}

/// True for a mount at a place where others of the machine mount all the time and where no lab does.
fn is_others(mountinfo: &str) -> bool {
    const PLACES: [&str; 6] = ["/tmp/", "/mnt", "/media/", "/home/", "/run/", "/var/lib/"];
    let target = mountinfo.split(' ').nth(4).unwrap_or_default();
    PLACES.iter().any(|place| target.starts_with(place)) && !target.contains("unboxed")
}

/// True for a link that some lesson or lab has by this name: those of others come and go.
fn is_of_labs(link: &str) -> bool {
    let lessons = unboxed::lesson::catalogue::all_lessons().unwrap_or_default();
    let texts = lessons.iter().filter_map(|it| unboxed::lesson::catalogue::lesson_text(&it.id));
    ["lo", "eth0", "docker0"].contains(&link)
        || texts
            .into_iter()
            .any(|text| text.split(|c: char| !c.is_alphanumeric()).any(|word| word == link))
}

/// What a directory holds; nothing where it can't be read.
pub fn names(dir: &str) -> BTreeSet<String> {
    fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

fn attached() -> BTreeSet<String> {
    let text = fs::read_to_string("/proc/cgroups").unwrap_or_default();
    let words = text.lines().map(|line| line.split_ascii_whitespace().take(2).collect::<Vec<_>>());
    words
        .filter(|words| words[0].starts_with("net_") && words[1] != "0")
        .map(|words| words.join(" "))
        .collect()
}

/// True if somebody else's lab is up.
fn has_other_keepers() -> bool {
    names("/proc").iter().filter_map(|name| name.parse::<u32>().ok()).any(|pid| {
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|it| it.starts_with(b"unboxed: keeper"))
            && !descends_from_us(pid)
    })
}

fn lab_cgroups() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for hierarchy in unboxed::keeper::cgroups::hierarchies() {
        for name in names(&hierarchy.parent.to_string_lossy()) {
            if name.starts_with("unboxed-") && !of_another_test(&name) {
                found.insert(format!("{}/{name}", hierarchy.parent.display()));
            }
        }
    }
    found
}

/// Tests run side by side: only keepers started by this very process count.
fn of_another_test(name: &str) -> bool {
    let owner: Option<u32> = name.split('-').nth(1).and_then(|pid| pid.parse().ok());
    owner.is_some_and(|pid| fs::metadata(format!("/proc/{pid}")).is_ok() && !descends_from_us(pid))
}

/// The processes of labs that this test started, each as its pid and title.
pub fn lab_processes() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for pid in names("/proc").iter().filter_map(|name| name.parse::<u32>().ok()) {
        let title = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let title = String::from_utf8_lossy(&title).replace('\0', " ").trim().to_owned();
        if title.starts_with("unboxed: ") && descends_from_us(pid) {
            found.insert(format!("{pid} {title}"));
        }
    }
    found
}

fn descends_from_us(pid: u32) -> bool {
    let mut pid = pid;
    while pid > 1 {
        if pid == std::process::id() {
            return true;
        }
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_ascii_whitespace().nth(1));
        pid = parent.and_then(|parent| parent.parse().ok()).unwrap_or(0);
    }
    false
}

/// A lesson on the real kernel, played in this process.
pub fn open_session(lesson: unboxed::lesson::model::Lesson) -> unboxed::engine::session::Session {
    use unboxed::engine::options::SessionOptions;
    use unboxed::engine::session::Session;
    let facts = facts();
    let options = SessionOptions::new_for(program());
    match Session::open(std::sync::Arc::new(lesson), facts, &options) {
        Ok(session) => session,
        Err(error) => {
            panic!("the session does not open: {}", unboxed::failure::with_causes(&error))
        }
    }
}

/// The embedded lessons that play here.
pub fn lessons_here() -> Vec<unboxed::lesson::model::Lesson> {
    playable_here(unboxed::lesson::catalogue::all_lessons().expect("sound lessons"))
}

/// Those of some lessons that play on this machine, for this user; with `UNBOXED_TEST_LESSONS` those it names, by id.
pub fn playable_here(
    mut lessons: Vec<unboxed::lesson::model::Lesson>,
) -> Vec<unboxed::lesson::model::Lesson> {
    let facts = facts();
    if let Ok(wanted) = std::env::var("UNBOXED_TEST_LESSONS") {
        lessons.retain(|lesson| wanted.split_whitespace().any(|id| id == lesson.id));
    }
    lessons.retain(|lesson| match can_play(&lesson.needs, &facts) {
        Playable::Live => true,
        Playable::No { why, .. } => {
            let why = words::blocker(&why);
            // What is about the other version of control groups plays elsewhere: here, or in the virtual machine.
            if is_root() && !why.contains("control groups of version") {
                skip(&format!("{}: {why}", lesson.id));
            }
            false
        }
    });
    lessons
}

pub fn facts() -> Facts {
    Facts::read(&MachineRoot::this_machine(), || unboxed::keeper::probe::probe_machine(program()))
}

/// Fail unless everything of a step held. What others on the machine kept from being judged is said, and no failure.
#[track_caller]
pub fn assert_played(record: &unboxed::report::StepRecord, what: &str) {
    for verdict in record.verdicts.iter().filter(|verdict| !verdict.ok) {
        assert!(verdict.is_unjudged(), "{what}: {:#?}", record.verdicts);
        skip(&format!("{what}: {}", words::seen(&verdict.seen)));
    }
}

/// Standard output of a program that must be there, as text.
pub fn output_of(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program} could not be started: {error}"));
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// `unboxed run LESSON --hold --format json`: what it says once the lesson has run; the lab stays up until this is dropped.
pub struct Held {
    pub said: serde_json::Value,
    pub child: std::process::Child,
}

impl Held {
    pub fn start(lesson: &str, until: &str) -> Held {
        use std::io::{BufRead, BufReader};
        let mut child = unboxed()
            .args(["run", lesson, "--until", until, "--hold", "--format", "json", "--yes"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("unboxed starts");
        let mut line = String::new();
        let out = child.stdout.as_mut().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("a line");
        let said = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Held { said, child }
    }

    /// The pid of an actor as the machine counts.
    pub fn actor(&self, name: &str) -> i32 {
        let pid = self.said["actors"][name]
            .as_i64()
            .unwrap_or_else(|| panic!("no actor {name}: {}", self.said["actors"]));
        i32::try_from(pid).expect("a pid")
    }

    /// The keeper's pid: the one child that is called so.
    pub fn keeper(&self) -> i32 {
        let pid = self.child.id();
        let mut children = Vec::new();
        for task in names(&format!("/proc/{pid}/task")) {
            let text =
                fs::read_to_string(format!("/proc/{pid}/task/{task}/children")).unwrap_or_default();
            children
                .extend(text.split_ascii_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
        }
        let is_keeper = |pid: &i32| {
            fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|title| title.starts_with(b"unboxed: keeper"))
        };
        children.into_iter().find(is_keeper).expect("a keeper")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// How many processes descend from this one.
pub fn processes_below(pid: u32) -> usize {
    unboxed::observe::processes::count_processes(Path::new("/proc"), pid)
}
