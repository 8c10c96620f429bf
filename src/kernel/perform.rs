//! Performing ops: everything an actor can do by itself. (`Spawn` and `Enter` make a new actor: see actor/spawn.rs.)

use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::bpf::devices::{self, DevicePolicy};
use super::mount::{self, MountCall};
use super::net::RouteSocket;
use super::record::Recorder;
use super::unlayer::{self, Unlayered};
use super::{copy, file, icmp, layout, nft, program, sysv, tcp};
use crate::call::ErrnoName;
use crate::op::{ActorName, DeviceRule, Op, OpRecord, Outcome, UmountFlag, WriteMode};
use crate::text::octal_undone;

/// Perform one op and report every call it made.
pub fn perform(actor: &ActorName, op: &Op) -> OpRecord {
    recorded(actor, op, |recorder| attempt(recorder, op))
}

/// An op that is done in another way than usual: `act` returns its output.
pub fn perform_as(
    actor: &ActorName,
    op: &Op,
    act: impl FnOnce(&mut Recorder) -> Result<String, Errno>,
) -> OpRecord {
    recorded(actor, op, |recorder| Ok(Outcome::Done { output: act(recorder)? }))
}

fn recorded(
    actor: &ActorName,
    op: &Op,
    act: impl FnOnce(&mut Recorder) -> Result<Outcome, Errno>,
) -> OpRecord {
    let mut recorder = Recorder::default();
    let started = Instant::now();
    let mut outcome = act(&mut recorder).unwrap_or_else(|errno| failed_outcome(&recorder, errno));

    // No recorded call returned this errno: the op itself says what was tried.
    if let Outcome::Failed { what, .. } = &mut outcome
        && what.is_empty()
    {
        *what = in_words(op);
    }

    let nanos = started.elapsed().as_nanos() as u64;
    let pieces = recorder.take_pieces();
    OpRecord {
        actor: actor.clone(),
        op: op.clone(),
        calls: recorder.into_calls(),
        outcome,
        pieces,
        nanos,
        bar: None,
    }
}

/// A rule of the devices controller, for the group whose directory on the machine this is.
pub fn device_rule(actor: &ActorName, op: &Op, dir: &str, rule: &DeviceRule) -> OpRecord {
    perform_as(actor, op, |recorder| {
        let path = format!("{dir}/{}", rule.file());
        file::write_text(recorder, &path, &format!("{}\n", rule.rule), WriteMode::Existing)?;
        Ok(String::new())
    })
}

/// The same in v2, where a program decides: one for the rules so far, which replaces the one before.
pub fn device_program(
    actor: &ActorName,
    op: &Op,
    dir: &str,
    rule: &DeviceRule,
    policy: &mut DevicePolicy,
) -> OpRecord {
    perform_as(actor, op, |recorder| {
        policy.apply(rule)?;
        devices::attach_policy(recorder, dir, policy)?;
        Ok(String::new())
    })
}

/// The outcome for an errno: `what` is the call that said so, as recorded.
pub fn failed_outcome(recorder: &Recorder, errno: Errno) -> Outcome {
    let name = ErrnoName::from_raw(errno as i32);
    let what = recorder
        .calls()
        .iter()
        .rev()
        .find(|call| call.result.errno() == Some(&name))
        .map_or_else(String::new, |call| format!("{}({})", call.name, call.args));
    Outcome::Failed { errno: name, what }
}

/// An op, for an errno that none of its recorded calls returned: a program that is nowhere, a
/// directory that can't be listed.
fn in_words(op: &Op) -> String {
    if let Op::Run { argv } = op {
        argv.join(" ")
    } else if let Op::CopyTree { from, to } = op {
        format!("cp -a {from}/. {to}")
    } else if let Op::Pack(order) = op {
        format!("tar -C {} -c .", order.from)
    } else if let Op::Unlayer(order) = op {
        format!("tar -C {} -xf {}/{}", order.to, order.layout, order.layer)
    } else {
        serde_json::to_string(op).unwrap_or_default()
    }
}

fn attempt(recorder: &mut Recorder, op: &Op) -> Result<Outcome, Errno> {
    let mut output = String::new();
    match op {
        // These are others' to perform: an actor forks one itself, the keeper has the other.
        Op::Spawn { .. } | Op::Enter { .. } | Op::Device { .. } => return Err(Errno::ENOSYS),
        Op::Mount { source, target, fstype, flags, data } => {
            let call = MountCall {
                source: source.as_deref(),
                target,
                fstype: fstype.as_deref(),
                flags,
                data: data.as_deref(),
            };
            mount::mount(recorder, call)?;
        }
        Op::Umount { target, flags } => mount::umount(recorder, target, flags)?,
        Op::UmountAll => umount_all(recorder)?,
        Op::PivotRoot { new_root, put_old } => mount::pivot_root(recorder, new_root, put_old)?,
        Op::Chroot { path } => file::chroot(recorder, path)?,
        Op::Chdir { path } => file::chdir(recorder, path)?,
        Op::Mkdir { path, parents: true } => file::mkdir_parents(recorder, path)?,
        Op::Mkdir { path, parents: false } => file::mkdir(recorder, path)?,
        Op::Rmdir { path } => file::rmdir(recorder, path)?,
        Op::Unlink { path } => file::unlink(recorder, path)?,
        Op::WriteFile { path, text, mode } => file::write_text(recorder, path, text, *mode)?,
        Op::ReadFile { path } => output = file::read_text(recorder, path)?,
        Op::CopyTree { from, to } => copy::copy_tree(recorder, from, to)?,
        Op::Pack(order) => output = layout::pack(recorder, order)?,
        Op::MakeImage(order) => output = layout::make_image(recorder, order)?,
        Op::Unlayer(order) => match unlayer::unlayer(recorder, order)? {
            Unlayered::Done(said) => output = said,
            // As sha256sum(1) ends, which finds the same.
            Unlayered::Damaged(output) => return Ok(Outcome::Exited { output, status: 1 }),
        },
        Op::Hold { path, fd } => super::held::hold(recorder, path, *fd)?,
        Op::Release { fd } => super::held::release(recorder, *fd)?,
        Op::SetHostname { name } => {
            let args = format!("{}, {}", super::notation::quoted(name), name.len());
            recorder.call("sethostname", args, || nix::unistd::sethostname(name))?;
        }
        Op::GetPid => {
            let pid = recorder.call("getpid", "", || Ok::<_, Errno>(nix::unistd::getpid()))?;
            output = pid.to_string();
        }
        Op::Ipc { kind, key, order } => sysv::change(recorder, *kind, *key, *order)?,
        Op::Run { argv } => {
            let finished = program::run(recorder, argv)?;
            let status = finished.status.code();
            if status != 0 {
                return Ok(Outcome::Exited { output: finished.output, status });
            }
            output = finished.output;
        }
        Op::Ping { to, timeout_ms } => {
            let trip = icmp::echo(recorder, *to, Duration::from_millis(u64::from(*timeout_ms)))?;
            output = format!("answer from {to} in {:.3} ms", trip.as_secs_f64() * 1000.0);
        }
        Op::Dial { to, port, timeout_ms } => {
            let timeout = Duration::from_millis(u64::from(*timeout_ms));
            output = tcp::dial(recorder, *to, *port, timeout)?;
        }
        Op::Net(request) => RouteSocket::open()?.perform(recorder, request)?,
        Op::PacketRule(rule) => nft::add_packet_rule(recorder, rule)?,
        Op::PortRule(rule) => nft::add_port_rule(recorder, rule)?,
        Op::Work { name, groups, load, background } => {
            output = super::work::run_workload(recorder, name, groups, *load, *background)?;
        }
        Op::Kill { pid, signal } => {
            let signal: nix::sys::signal::Signal =
                format!("SIG{signal}").parse().map_err(|_| Errno::EINVAL)?;
            let pid = nix::unistd::Pid::from_raw(i32::try_from(*pid).map_err(|_| Errno::EINVAL)?);
            recorder
                .call("kill", format!("{pid}, {signal}"), || nix::sys::signal::kill(pid, signal))?;
        }
    }

    Ok(Outcome::Done { output })
}

/// Unmount all but proc, last mounted first, so that what lies on top goes before what it lies on. The last failure
/// is reported, after all were tried, as umount(8) does.
fn umount_all(recorder: &mut Recorder) -> Result<(), Errno> {
    let table = file::read_text(recorder, "/proc/self/mountinfo")?;
    let mut last_failure = Ok(());

    for line in table.lines().rev() {
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let target = left.split(' ').nth(4).unwrap_or_default();
        if right.split(' ').next() == Some("proc") {
            continue;
        }
        let done = mount::umount(recorder, &octal_undone(target), &[] as &[UmountFlag]);
        if done.is_err() {
            last_failure = done;
        }
    }

    last_failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_failed_even_where_no_call_was_recorded() {
        let check = |op: Op, expected: &str| match perform(&ActorName::host(), &op).outcome {
            Outcome::Failed { what, .. } => assert_eq!(what, expected),
            other => panic!("{other:?}"),
        };
        check(Op::Run { argv: vec!["no-such-program".into(), "-x".into()] }, "no-such-program -x");
        check(Op::CopyTree { from: "/no/such".into(), to: "/tmp".into() }, "cp -a /no/such/. /tmp");
        check(Op::Rmdir { path: "/no/such".into() }, "rmdir(\"/no/such\")");
    }
}
