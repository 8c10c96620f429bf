//! A run of the program under ptrace(2): every process of it by its role, every system call counted, and one of them made the
//! moment of a kill or of a failure.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::calls::Calls;
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use unboxed::keeper::cgroups::OwnerProcess;
use unboxed::kernel::pidfd::Pidfd;

/// Only so that a test ends: a run that takes longer hangs.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// How long the processes of a run may outlive its front end.
const END_TIMEOUT: Duration = Duration::from_secs(15);
/// The same where the keeper is dead, too, and nobody is left who could wait for anything.
const ORPHAN_TIMEOUT: Duration = Duration::from_secs(2);

/// Stopped until it is traced, so that no call is missed.
const STOP_FIRST: &str = "kill -STOP $$; exec \"$@\"";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    FrontEnd,
    Keeper,
    Store,
    Host,
    /// Everybody below the lab's host.
    Actor,
}

impl Role {
    pub const ALL: [Role; 5] = [Role::FrontEnd, Role::Keeper, Role::Store, Role::Host, Role::Actor];

    fn of_a_child(self) -> Role {
        match self {
            Role::FrontEnd => Role::Keeper,
            Role::Keeper => Role::Store,
            Role::Store => Role::Host,
            Role::Host | Role::Actor => Role::Actor,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// SIGKILL to the process that is about to make the call.
    Kill,
    /// The call fails and is not made.
    Fail(Errno),
}

/// A deed at the `number`th call (from 1) of a role, among calls with the given numbers; all calls where none is given.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    pub role: Role,
    pub among: Calls,
    pub number: usize,
    pub deed: Deed,
}

/// What was seen of a run.
#[derive(Debug, Default)]
pub struct Course {
    /// The calls of each role, in order; of a run with a point, those of its role until then.
    pub calls: BTreeMap<Role, Vec<i64>>,
    /// The call at which the deed was done.
    pub hit: Option<i64>,
    /// The front end's exit status, as a shell's `$?`.
    pub status: Option<i32>,
    /// Every process there was.
    pub processes: Vec<OwnerProcess>,
    /// Roles that ended as a panic or an abort ends.
    pub panicked: Vec<Role>,
    /// Where everybody was when the time was over.
    pub hung: Option<String>,
    pub stdout: String,
    pub stderr: String,
}

/// Run a command to its end, or to the point and what comes of it. All tracing is over when this returns.
pub fn run(command: &mut Command, outputs: &Path, point: Option<Point>) -> Course {
    let (stdout, stderr) = (outputs.join("stdout"), outputs.join("stderr"));
    let file = |path: &Path| Stdio::from(File::create(path).expect("a file for what is printed"));
    let mut stopped = Command::new("sh");
    stopped.args(["-c", STOP_FIRST, "sh"]).arg(command.get_program()).args(command.get_args());
    stopped.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    stopped.stdin(Stdio::null()).stdout(file(&stdout)).stderr(file(&stderr));

    // A tracer is a thread: with its end, whoever it still traces is let go.
    let tracer = std::thread::spawn(move || Tracer::start(&mut stopped, point).follow());
    let mut course = tracer.join().expect("the tracer does not panic");
    let text = |path: &Path| {
        String::from_utf8_lossy(&std::fs::read(path).expect("what was printed")).into_owned()
    };
    (course.stdout, course.stderr) = (text(&stdout), text(&stderr));
    course
}

#[derive(Debug)]
struct Thread {
    process: i32,
    /// None for what is no role: the probe, and a child of the front end that has not executed anything yet.
    role: Option<Role>,
    /// What the call that it is in is to return.
    failing: Option<Errno>,
}

#[derive(Debug)]
struct Tracer {
    point: Option<Point>,
    front_end: i32,
    keeper: Option<i32>,
    threads: BTreeMap<i32, Thread>,
    matched: usize,
    course: Course,
    alarm: Receiver<String>,
}

impl Tracer {
    #[expect(
        clippy::zombie_processes,
        reason = "`next_stop` waits for it, as for all that are traced"
    )]
    fn start(command: &mut Command, point: Option<Point>) -> Tracer {
        let child = command.spawn().expect("sh starts");
        let front_end = i32::try_from(child.id()).expect("a pid");
        let mut status = 0;
        // SAFETY: status is a place for the result.
        let stopped = unsafe { libc::waitpid(front_end, &raw mut status, libc::WUNTRACED) };
        assert!(stopped == front_end && libc::WIFSTOPPED(status), "sh stopped itself: {status:#x}");

        let options = libc::PTRACE_O_TRACESYSGOOD
            | libc::PTRACE_O_TRACECLONE
            | libc::PTRACE_O_TRACEFORK
            | libc::PTRACE_O_TRACEVFORK
            | libc::PTRACE_O_TRACEEXEC;
        ptrace(libc::PTRACE_SEIZE, front_end, 0, i64::from(options))
            .expect("a child may be traced");
        nix::sys::signal::kill(Pid::from_raw(front_end), Signal::SIGCONT).expect("a signal");
        let first = Thread { process: front_end, role: None, failing: None };
        Tracer {
            point,
            front_end,
            keeper: None,
            threads: BTreeMap::from([(front_end, first)]),
            matched: 0,
            course: Course { processes: vec![owner(front_end)], ..Course::default() },
            alarm: watch(front_end),
        }
    }

    fn follow(mut self) -> Course {
        let mut front_end_ended = None;
        loop {
            // Blocking while the front end lives, whom the alarm ends at the latest.
            let (thread, status) = match next_stop(front_end_ended.is_some()) {
                Some((0, _)) => {
                    let keeper_lives =
                        self.keeper.is_some_and(|keeper| self.threads.contains_key(&keeper));
                    let timeout = if keeper_lives { END_TIMEOUT } else { ORPHAN_TIMEOUT };
                    if front_end_ended.is_some_and(|ended: Instant| ended.elapsed() > timeout) {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(5));
                    continue;
                }
                Some(stop) => stop,
                None => break,
            };
            if libc::WIFSTOPPED(status) {
                self.stopped(thread, status);
                continue;
            }
            self.ended(thread, status);
            if thread == self.front_end {
                front_end_ended = Some(Instant::now());
            }
        }
        self.course.hung = self.alarm.try_recv().ok();
        self.course
    }

    fn ended(&mut self, thread: i32, status: i32) {
        let code = if libc::WIFEXITED(status) {
            libc::WEXITSTATUS(status)
        } else {
            128 + libc::WTERMSIG(status)
        };
        if thread == self.front_end {
            self.course.status = Some(code);
        }
        let Some(Thread { process, role: Some(role), .. }) = self.threads.remove(&thread) else {
            return;
        };
        // 101 is Rust's; programs that an actor runs may have any.
        const ABORTED: i32 = 128 + libc::SIGABRT;
        const OUT_OF_BOUNDS: i32 = 128 + libc::SIGSEGV;
        if process == thread && role != Role::Actor && [101, ABORTED, OUT_OF_BOUNDS].contains(&code)
        {
            self.course.panicked.push(role);
        }
    }

    fn stopped(&mut self, thread: i32, status: i32) {
        let (signal, event) = (libc::WSTOPSIG(status), status >> 16);
        self.know(thread);
        match event {
            libc::PTRACE_EVENT_CLONE | libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK => {
                self.born(thread);
                self.go_on(thread, 0);
            }
            libc::PTRACE_EVENT_EXEC => {
                self.executed(thread);
                self.go_on(thread, 0);
            }
            // A stop of the whole process stays one, as without a tracer.
            libc::PTRACE_EVENT_STOP if signal != libc::SIGTRAP => {
                let _ = ptrace(libc::PTRACE_LISTEN, thread, 0, 0);
            }
            0 if signal == libc::SIGTRAP | 0x80 => {
                self.at_call(thread);
                self.go_on(thread, 0);
            }
            0 => self.go_on(thread, signal),
            _ => self.go_on(thread, 0),
        }
    }

    /// A newborn may stop before its parent's event tells of it.
    fn know(&mut self, thread: i32) {
        if !self.threads.contains_key(&thread) {
            let parent = status_field(thread, "PPid:").unwrap_or(0);
            self.add(thread, parent);
        }
    }

    fn born(&mut self, parent: i32) {
        let mut newborn: libc::c_ulong = 0;
        let place = (&raw mut newborn) as i64;
        let parent_process = self.threads[&parent].process;
        if ptrace(libc::PTRACE_GETEVENTMSG, parent, 0, place).is_ok()
            && let Ok(newborn) = i32::try_from(newborn)
            && !self.threads.contains_key(&newborn)
        {
            self.add(newborn, parent_process);
        }
    }

    fn add(&mut self, thread: i32, parent: i32) {
        let process = status_field(thread, "Tgid:").unwrap_or(thread);
        let role = if process == thread {
            self.course.processes.push(owner(process));
            let of_parent = self.threads.get(&parent).and_then(|parent| parent.role);
            // What the front end starts is a role with its execve(2), by its name.
            of_parent.filter(|role| *role != Role::FrontEnd).map(Role::of_a_child)
        } else {
            self.threads.get(&process).and_then(|leader| leader.role)
        };
        self.threads.insert(thread, Thread { process, role, failing: None });
    }

    fn executed(&mut self, thread: i32) {
        let title = std::fs::read(format!("/proc/{thread}/cmdline")).unwrap_or_default();
        let Some(known) = self.threads.get_mut(&thread) else { return };
        if thread == self.front_end {
            known.role = Some(Role::FrontEnd);
        } else if known.role.is_none() && title.starts_with(b"unboxed: keeper") {
            known.role = Some(Role::Keeper);
            self.keeper = Some(thread);
        }
    }

    fn at_call(&mut self, thread: i32) {
        let Some(known) = self.threads.get_mut(&thread) else { return };
        let Some(role) = known.role else { return };
        let call = match read_stop(thread) {
            Some(CallStop::Entry(call)) => call,
            Some(CallStop::Exit) => {
                if let Some(errno) = known.failing.take() {
                    change_registers(thread, |registers| {
                        registers.rax = -i64::from(errno as i32) as u64
                    });
                }
                return;
            }
            None => return,
        };
        let Some(point) = self.point else {
            self.course.calls.entry(role).or_default().push(call);
            return;
        };
        let is_meant = role == point.role && point.includes(call);
        if !is_meant || self.course.hit.is_some() {
            return;
        }
        self.matched += 1;
        if self.matched < point.number {
            return;
        }
        self.course.hit = Some(call);
        match point.deed {
            Deed::Kill => {
                let _ = nix::sys::signal::kill(Pid::from_raw(known.process), Signal::SIGKILL);
            }
            Deed::Fail(errno) => {
                known.failing = Some(errno);
                change_registers(thread, |registers| registers.orig_rax = u64::MAX);
            }
        }
    }

    /// To its next call, or where nobody counts those, to whatever else comes.
    fn go_on(&self, thread: i32, signal: i32) {
        let Some(known) = self.threads.get(&thread) else { return };
        let is_counted = match self.point {
            Some(point) => known.role == Some(point.role) && self.course.hit.is_none(),
            None => known.role.is_some(),
        };
        let request = if is_counted || known.failing.is_some() {
            libc::PTRACE_SYSCALL
        } else {
            libc::PTRACE_CONT
        };
        // It may have been killed meanwhile.
        let _ = ptrace(request, thread, 0, i64::from(signal));
    }
}

impl Point {
    fn includes(&self, call: i64) -> bool {
        self.among.is_empty() || self.among.iter().any(|(_, number)| *number == call)
    }
}

/// End a front end that takes too long, and say where everybody below it was.
fn watch(front_end: i32) -> Receiver<String> {
    let (tell, told) = channel();
    let process = Pidfd::open(Pid::from_raw(front_end)).expect("a pidfd");
    std::thread::spawn(move || {
        if !process.has_ended_within(TIME_LIMIT) {
            let _ = tell.send(whereabouts(front_end));
            let _ = process.send(Signal::SIGKILL);
        }
    });
    told
}

fn whereabouts(front_end: i32) -> String {
    let tree = unboxed::observe::processes::process_tree(
        Path::new("/proc"),
        front_end.cast_unsigned(),
        &[],
    );
    let one = |(pid, stat): &(u32, unboxed::observe::processes::ProcessStat)| {
        let waits_in = std::fs::read_to_string(format!("/proc/{pid}/wchan")).unwrap_or_default();
        format!("{} {} in {waits_in}", stat.comm, stat.state)
    };
    tree.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// The next thread of this tracer's that stopped or ended, and how; (0, 0) where none has and nobody is to be waited for; None
/// where there is none left.
fn next_stop(at_once: bool) -> Option<(i32, i32)> {
    let flags = libc::__WALL | libc::__WNOTHREAD | if at_once { libc::WNOHANG } else { 0 };
    let mut status = 0;
    loop {
        // SAFETY: status is a place for the result.
        match Errno::result(unsafe { libc::waitpid(-1, &raw mut status, flags) }) {
            Ok(thread) => return Some((thread, status)),
            Err(Errno::EINTR) => {}
            Err(_) => return None,
        }
    }
}

fn ptrace(request: libc::c_uint, thread: i32, address: i64, data: i64) -> Result<i64, Errno> {
    // SAFETY: where a request takes an address in this process, its caller gives that of a place large enough for it.
    Errno::result(unsafe { libc::ptrace(request, thread, address, data) })
}

enum CallStop {
    /// With the call's number.
    Entry(i64),
    Exit,
}

fn read_stop(thread: i32) -> Option<CallStop> {
    let mut info = std::mem::MaybeUninit::<libc::ptrace_syscall_info>::zeroed();
    let size = i64::try_from(size_of::<libc::ptrace_syscall_info>()).ok()?;
    ptrace(libc::PTRACE_GET_SYSCALL_INFO, thread, size, info.as_mut_ptr() as i64).ok()?;
    // SAFETY: all of it is numbers, zero until the kernel wrote some; at the entry of a call, the union holds that.
    unsafe {
        let info = info.assume_init();
        match info.op {
            libc::PTRACE_SYSCALL_INFO_ENTRY => {
                i64::try_from(info.u.entry.nr).ok().map(CallStop::Entry)
            }
            libc::PTRACE_SYSCALL_INFO_EXIT => Some(CallStop::Exit),
            _ => None,
        }
    }
}

fn change_registers(thread: i32, change: impl FnOnce(&mut libc::user_regs_struct)) {
    let mut registers = std::mem::MaybeUninit::<libc::user_regs_struct>::zeroed();
    if ptrace(libc::PTRACE_GETREGS, thread, 0, registers.as_mut_ptr() as i64).is_ok() {
        // SAFETY: all of it is numbers, which the kernel has just written.
        let mut registers = unsafe { registers.assume_init() };
        change(&mut registers);
        let _ = ptrace(libc::PTRACE_SETREGS, thread, 0, (&raw const registers) as i64);
    }
}

fn status_field(thread: i32, name: &str) -> Option<i32> {
    let status = std::fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix(name))?.trim().parse().ok()
}

/// A process by its number and start time.
fn owner(pid: i32) -> OwnerProcess {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let start = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.split_ascii_whitespace().nth(19)?.parse().ok());
    OwnerProcess {
        pid: pid.cast_unsigned(),
        start: start.unwrap_or(0),
        ..OwnerProcess::this_process()
    }
}
