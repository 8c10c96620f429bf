//! Workloads made for teaching: touch memory, burn CPU, fork, send, serve, count. Each runs in a child that joins its groups
//! first, says what it measured, and ends by itself.

use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::socket::{setsockopt, sockopt};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::net::DISCARD_PORT;
use super::process::{self, ExitStatus, Fork};
use super::program;
use super::record::Recorder;
use super::{confine, errno, file, tcp};
use crate::call::Call;
use crate::op::{ActorName, Load, WriteMode, Writing};

/// The longest that a workload takes, whatever a lesson says.
const MAX_RUN_TIME: Duration = Duration::from_secs(15);
/// The longest for one that hardly does anything, and that somebody may want to look at for as
/// long as a lesson takes.
const MAX_COUNT_TIME: Duration = Duration::from_secs(3600);
const MIB: usize = 1 << 20;

/// Run a workload in the groups whose directories these are. What it prints are lines of a word and a number:
/// `cpu_share 0.503`, `touched_mib 64`, `forked 19`.
pub fn run_workload(
    recorder: &mut Recorder,
    name: &ActorName,
    groups: &[String],
    load: Load,
    background: bool,
) -> Result<String, Errno> {
    let (joined, tell) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    let (printed, out) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;

    match process::fork(recorder, &[])? {
        Fork::Child => {
            drop((joined, printed));
            live(name, groups, load, tell, out)
        }
        Fork::Parent(child) => {
            drop((tell, out));
            let mut bytes = Vec::new();
            let _ = std::fs::File::from(joined).read_to_end(&mut bytes);
            let Beginning { calls, refused } = serde_json::from_slice(&bytes).unwrap_or_default();
            recorder.extend(calls);

            if let Some(errno) = refused {
                process::wait(&mut Recorder::default(), child)?;
                return Err(Errno::from_raw(errno));
            }
            if background {
                return Ok(format!("pid {child}"));
            }
            finish(recorder, printed, child)
        }
    }
}

/// The calls that a workload begins with, and the errno of the one without which it can't work.
#[derive(Default, Serialize, Deserialize)]
struct Beginning {
    calls: Vec<Call>,
    refused: Option<i32>,
}

fn finish(recorder: &mut Recorder, printed: OwnedFd, child: Pid) -> Result<String, Errno> {
    let mut said = program::read_output_or_kill(recorder, printed, child);
    let ended = process::wait(&mut Recorder::default(), child)?;
    match ended {
        ExitStatus::Exited(0) => {}
        ExitStatus::Exited(status) => said.push_str(&format!("status {status}\n")),
        ExitStatus::Killed(signal) => said.push_str(&format!("killed {signal}\n")),
    }
    Ok(said)
}

/// The child: it joins its groups, works and ends.
fn live(name: &ActorName, groups: &[String], load: Load, tell: OwnedFd, out: OwnedFd) -> ! {
    confine::keep_only(&[&tell, &out]);
    process::reset_signals();
    // Nobody listens to one in the background.
    process::ignore_broken_pipes();
    process::set_title(&format!("unboxed: {name}"));

    let mut recorder = Recorder::default();
    for group in groups.iter().filter(|group| std::path::Path::new(group).is_dir()) {
        // 0 is the writer itself. A group that takes no process is the lesson's point, and shows in the call.
        let _ = file::write_text(
            &mut recorder,
            &format!("{group}/cgroup.procs"),
            "0\n",
            WriteMode::Existing,
        );
    }

    // A server has its port before the step goes on.
    let port = if let Load::Serve { port, .. } = load {
        Some(tcp::listen(&mut recorder, port))
    } else {
        None
    };
    let refused = port.as_ref().and_then(|port| port.as_ref().err()).map(|errno| *errno as i32);
    let beginning = Beginning { calls: recorder.into_calls(), refused };
    let mut tell = std::fs::File::from(tell);
    let _ = tell.write_all(&serde_json::to_vec(&beginning).unwrap_or_default());
    // The step goes on when this is dropped: at once, but for a burning program, whose threads the next action may count.
    let waited_for = matches!(load, Load::Burn { .. }).then_some(tell);

    let mut out = Teller { out: out.into() };
    match load {
        Load::Touch { mib, hold_ms } => touch(&mut out, mib, Duration::from_millis(hold_ms)),
        Load::Burn { threads, millis } => {
            burn(&mut out, threads, Duration::from_millis(millis), || drop(waited_for));
        }
        Load::Fork { count } => fork(&mut out, count),
        Load::Write { mib, how, most_ms } => {
            write(&mut out, mib, how, Duration::from_millis(most_ms))
        }
        Load::Open { device } => open(&mut out, device.path()),
        Load::Send { mib, to } => send(&mut out, mib, to),
        Load::Serve { millis, .. } => {
            if let (Some(Ok(socket)), 1..) = (port, millis) {
                tcp::serve(socket, name.as_str(), Duration::from_millis(millis));
            }
        }
        Load::Count { millis } => count(&mut out, Duration::from_millis(millis)),
    }
    process::exit_now(0)
}

/// Lines of a word and a number.
struct Teller {
    out: std::fs::File,
}

impl Teller {
    fn say(&mut self, what: &str, number: impl std::fmt::Display) {
        // Nobody listens to a workload in the background.
        let _ = writeln!(self.out, "{what} {number}");
    }
}

/// A MiB every 10 milliseconds: slow enough to be watched.
fn touch(out: &mut Teller, mib: u64, hold: Duration) {
    let started = Instant::now();
    let mut held: Vec<Vec<u8>> = Vec::new();

    for number in 1..=mib {
        // A group above its memory.high is made to wait at every touch, longer and longer.
        if started.elapsed() > MAX_RUN_TIME {
            break;
        }
        let mut piece = vec![0_u8; MIB];
        // One byte a page will do: the kernel gives a page its memory when it is first written to.
        for byte in piece.iter_mut().step_by(4096) {
            *byte = 1;
        }
        held.push(std::hint::black_box(piece));
        out.say("touched_mib", number);
        std::thread::sleep(Duration::from_millis(10));
    }

    std::thread::sleep(hold.min(MAX_RUN_TIME));
    out.say("held_mib", held.len());
}

/// Spin, and say which share of the time the kernel gave: user and system time over wall time. All threads are there when
/// `under_way` is called.
fn burn(out: &mut Teller, threads: u32, time: Duration, under_way: impl FnOnce()) {
    let started = Instant::now();
    let until = started + time.min(MAX_RUN_TIME);
    let spin = || {
        while Instant::now() < until {
            std::hint::spin_loop()
        }
    };

    std::thread::scope(|scope| {
        for _ in 1..threads.clamp(1, 16) {
            scope.spawn(spin);
        }
        under_way();
        spin();
    });

    let wall = started.elapsed().as_secs_f64();
    if let Ok(mask) = nix::sched::sched_getaffinity(Pid::from_raw(0)) {
        let cpus = (0..nix::sched::CpuSet::count())
            .filter(|cpu| mask.is_set(*cpu).unwrap_or(false))
            .count();
        out.say("cpus", cpus);
    }
    if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
        let seconds =
            |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
        let used = seconds(usage.user_time()) + seconds(usage.system_time());
        out.say("cpu_seconds", format!("{used:.3}"));
        out.say("cpu_share", format!("{:.3}", used / wall));
    }
    out.say("seconds", format!("{wall:.2}"));
}

/// Children that do nothing, until there are enough or the kernel allows no more.
fn fork(out: &mut Teller, count: u32) {
    let mut children = Vec::new();
    let mut refused = None;
    for _ in 0..count.min(300) {
        match process::fork(&mut Recorder::default(), &[]) {
            Ok(Fork::Child) => {
                std::thread::sleep(MAX_RUN_TIME);
                process::exit_now(0)
            }
            Ok(Fork::Parent(child)) => children.push(child),
            Err(errno) => {
                refused = Some(errno);
                break;
            }
        }
    }

    out.say("forked", children.len());
    if let Some(errno) = refused {
        out.say("refused", format!("{errno:?}"));
    }

    std::thread::sleep(Duration::from_millis(300));
    for child in children {
        let _ = nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGKILL);
        let _ = process::wait(&mut Recorder::default(), child);
    }
}

/// The most that one program writes to /scratch, in MiB.
const MAX_WRITTEN_MIB: u64 = 184;
/// Direct writes go round in the first part of the file: two at a time then wait for the disk, not for the file
/// to grow. What goes through the page cache stands behind it.
const DIRECT_ROUND: u64 = 8 << 20;
/// The largest that /scratch becomes by what lessons do.
pub const MAX_SCRATCH_BYTES: u64 = DIRECT_ROUND + (MAX_WRITTEN_MIB << 20);

/// Write to /scratch, and say how fast that was.
fn write(out: &mut Teller, mib: u64, how: Writing, most: Duration) {
    // Direct writes that are bounded by time go round, and need no such bound.
    let (most, mib) = match (most.is_zero(), how) {
        (false, Writing::Direct) => (most.min(MAX_RUN_TIME), mib),
        (false, _) => (most.min(MAX_RUN_TIME), mib.min(MAX_WRITTEN_MIB)),
        (true, _) => (MAX_RUN_TIME, mib.min(MAX_WRITTEN_MIB)),
    };

    /// O_DIRECT wants whole blocks, in memory and on disk.
    const BLOCK: usize = 128 * 1024;

    let mut options = std::fs::OpenOptions::new();
    options.write(true);
    if how == Writing::Direct {
        options.custom_flags(libc::O_DIRECT);
    }

    let mut memory = vec![b'x'; 2 * BLOCK];
    let aligned = memory.as_ptr().align_offset(4096);
    let block = &mut memory[aligned..aligned + BLOCK];
    let written = options.open(SCRATCH_PATH).and_then(|mut file| {
        // What an earlier one left in the page cache must not be written out on this one's account.
        if how != Writing::Buffered && file.metadata()?.len() > DIRECT_ROUND {
            file.set_len(DIRECT_ROUND)?;
        }
        file.seek(SeekFrom::Start(DIRECT_ROUND))?;
        let started = Instant::now();
        let mut done = 0;
        while done < mib << 20 && started.elapsed() < most {
            if how == Writing::Direct {
                file.seek(SeekFrom::Start(done % DIRECT_ROUND))?;
            }
            file.write_all(block)?;
            done += BLOCK as u64;
        }
        if how == Writing::Fsync {
            file.sync_all()?;
        }
        Ok((done as f64 / MIB as f64, started.elapsed().as_secs_f64()))
    });

    match written {
        Ok((mib, seconds)) => {
            out.say("seconds", format!("{seconds:.2}"));
            out.say("mib_per_s", format!("{:.2}", mib / seconds.max(0.000_1)));
        }
        Err(error) => out.say("failed", error),
    }
}

fn open(out: &mut Teller, path: &str) {
    let opened = std::fs::File::open(path).and_then(|mut file| file.read(&mut [0]));
    out.say("opened", u8::from(opened.is_ok()));
    if let Err(error) = opened {
        out.say("refused", format!("{:?}", errno::to_errno(error)));
    }
}

/// Datagrams of a KiB, and how fast they went out: with their headers, as the kernel's traffic control counts them.
fn send(out: &mut Teller, mib: u64, to: Ipv4Addr) {
    const PAYLOAD: usize = 1024;
    /// Ethernet, IPv4, UDP.
    const HEADERS: usize = 14 + 20 + 8;
    /// The bytes that may wait to go out: so few that sending takes as long as the wire does.
    const BUFFER: usize = 4096;

    let started = Instant::now();
    let mut packets = 0_u64;
    let sent = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        setsockopt(&socket, sockopt::SndBuf, &BUFFER)?;
        socket.set_write_timeout(Some(MAX_RUN_TIME))?;
        socket.connect((to, DISCARD_PORT))?;
        while packets < mib.min(256) * 1024 && started.elapsed() < MAX_RUN_TIME {
            socket.send(&[b'x'; PAYLOAD])?;
            packets += 1;
        }
        Ok(())
    });

    let seconds = started.elapsed().as_secs_f64();
    out.say("packets", packets);
    match sent {
        Ok(()) => {
            let bits = packets as f64 * 8.0 * (PAYLOAD + HEADERS) as f64;
            out.say("seconds", format!("{seconds:.3}"));
            out.say("mbit_per_s", format!("{:.2}", bits / 1e6 / seconds.max(0.000_1)));
        }
        Err(error) => out.say("failed", error),
    }
}

/// The file on a real disk that a lab may have.
const SCRATCH_PATH: &str = "/scratch";

/// A number that goes up twenty times a second, in a file that anybody may look at.
fn count(out: &mut Teller, time: Duration) {
    let until = Instant::now() + time.min(MAX_COUNT_TIME);
    let mut number = 0_u32;
    while Instant::now() < until {
        number += 1;
        let _ = std::fs::write(COUNTER_FILE, format!("{number}\n"));
        std::thread::sleep(Duration::from_millis(50));
    }
    out.say("counted", number);
}

/// The file that `count` writes its number to.
pub const COUNTER_FILE: &str = "/run/counter";
