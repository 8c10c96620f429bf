//! What root of a lab tries, and how it is tried: this very test binary is put into a lab and run there, one function of `inside` at
//! a time. What it says comes out as lines.

use std::fmt::Display;
use std::io::Write;

use crate::common::BareLab;
use unboxed::op::{ActorName, Op, Outcome};

/// Where the lab has this binary, and what it is told.
const PROGRAM: &str = "/root/attempts";
const ARGUMENTS: &str = "/root/arguments";

/// One thing that was tried in a lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub what: String,
    pub worked: bool,
    /// An errno, or what was got.
    pub detail: String,
}

/// In the lab: say how an attempt ended.
pub fn tell<T: Display, E: Display>(what: impl Display, ended: Result<T, E>) {
    let (word, detail) = match ended {
        Ok(got) => ("worked", got.to_string()),
        Err(errno) => ("refused", errno.to_string()),
    };
    // The test harness leaves its own line open.
    println!("\n@{word}\t{what}\t{}", detail.replace(['\n', '\t', '\0'], " "));
}

/// In the lab: what the test outside said, word by word.
pub fn arguments() -> Vec<String> {
    let text = std::fs::read_to_string(ARGUMENTS).expect("the arguments");
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

/// Run `inside::NAME` as root of the lab.
#[track_caller]
pub fn in_lab(lab: &mut BareLab, name: &str, arguments: &[&str]) -> Vec<Attempt> {
    let output = output_in_lab(lab, name, arguments);
    let attempts: Vec<Attempt> = output.lines().filter_map(read).collect();
    assert!(!attempts.is_empty(), "nothing was tried: {output}");
    attempts
}

/// The same, raw.
#[track_caller]
pub fn output_in_lab(lab: &mut BareLab, name: &str, arguments: &[&str]) -> String {
    put(lab);
    let (_, status) = lab.shell(&format!("echo '{}' > {ARGUMENTS}", arguments.join(" ")));
    assert_eq!(status, 0, "the lab takes the arguments");

    let words = [
        PROGRAM,
        "--exact",
        &format!("inside::{name}"),
        "--ignored",
        "--nocapture",
        "--test-threads",
        "1",
    ];
    let op = Op::Run { argv: words.map(str::to_owned).to_vec() };
    let record = lab.links.perform(&ActorName::host(), op).expect("the host answers");
    let Outcome::Done { output } = record.outcome else {
        panic!("`inside::{name}` failed: {:?}", record.outcome);
    };
    output
}

fn read(line: &str) -> Option<Attempt> {
    let mut fields = line.strip_prefix('@')?.splitn(3, '\t');
    let worked = fields.next()? == "worked";
    Some(Attempt { what: fields.next()?.to_owned(), worked, detail: fields.next()?.to_owned() })
}

/// Put this binary into the lab, as the lab's root has its files: a file system of a user namespace takes no other owner.
fn put(lab: &BareLab) {
    let host = lab.links.get(&ActorName::host()).expect("the host").pid;
    let place = format!("/proc/{host}/root{PROGRAM}");
    if std::fs::symlink_metadata(&place).is_ok() {
        return;
    }

    let status =
        std::fs::read_to_string(format!("/proc/{host}/status")).expect("the host's status");
    let id = |name: &str| -> u32 {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("its ids");
        line.split_ascii_whitespace().next().and_then(|id| id.parse().ok()).expect("an id")
    };
    let own = std::fs::read("/proc/self/exe").expect("this binary");
    let (user, group) =
        (nix::unistd::setfsuid(id("Uid:").into()), nix::unistd::setfsgid(id("Gid:").into()));
    let made = std::os::unix::fs::OpenOptionsExt::mode(
        std::fs::OpenOptions::new().write(true).create_new(true),
        0o755,
    )
    .open(&place)
    .and_then(|mut file| file.write_all(&own));
    nix::unistd::setfsuid(user);
    nix::unistd::setfsgid(group);
    made.expect("the lab takes this binary");
}

#[track_caller]
pub fn all_refused(attempts: &[Attempt]) {
    let worked: Vec<&Attempt> = attempts.iter().filter(|attempt| attempt.worked).collect();
    assert!(worked.is_empty(), "these worked in a lab: {worked:#?}");
}
