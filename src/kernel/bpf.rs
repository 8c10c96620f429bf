//! Rules for devices in cgroup v2: no file takes them, so a small program is put together, loaded and attached to a group;
//! the kernel asks it at every open and mknod. See bpf(2), and the kernel's text on cgroup-v2, "Device controller".

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

use super::notation::quoted;
use super::record::Recorder;
use crate::op::DeviceRule;

/// What a group may do, as the rules so far leave it; in v1 the kernel keeps this itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    allows: bool,
    /// Of the devices for which it is the other way round.
    exceptions: Vec<Devices>,
}

/// Devices and what is done with them. `None` stands for `*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Devices {
    kind: i32,
    major: Option<i32>,
    minor: Option<i32>,
    access: i32,
}

const BLOCK: i32 = 1;
const CHARACTER: i32 = 2;
const MKNOD: i32 = 1;
const READ: i32 = 2;
const WRITE: i32 = 4;

impl Default for Policy {
    fn default() -> Policy {
        Policy { allows: true, exceptions: Vec::new() }
    }
}

impl Policy {
    /// Take in a rule as v1's files would: `a` begins anew, any other is an exception, or takes one back.
    pub fn apply(&mut self, rule: &DeviceRule) -> Result<(), Errno> {
        if rule.rule.trim() == "a" {
            *self = Policy { allows: rule.allow, exceptions: Vec::new() };
            return Ok(());
        }
        let devices = Devices::parse(&rule.rule).ok_or(Errno::EINVAL)?;
        self.exceptions.retain(|known| *known != devices);
        if rule.allow != self.allows {
            self.exceptions.push(devices);
        }
        Ok(())
    }

    /// The program: each exception is tried, and the first that fits decides.
    fn program(&self) -> Vec<Instruction> {
        // r1 is the request: access and kind in one word, then major, then minor.
        let mut program = vec![
            load_word(R2, R1, 0),
            copy(R3, R2),
            and(R3, 0xffff),
            shift_right(R2, 16),
            load_word(R4, R1, 4),
            load_word(R5, R1, 8),
        ];
        for devices in &self.exceptions {
            program.extend(devices.test(!self.allows));
        }
        program.extend([set(R0, i32::from(self.allows)), EXIT]);
        program
    }
}

impl Devices {
    /// `c 1:5 rwm`, see the kernel's text on cgroup-v1's devices.
    fn parse(rule: &str) -> Option<Devices> {
        let mut words = rule.split_ascii_whitespace();
        let kind = match words.next()? {
            "b" => BLOCK,
            "c" => CHARACTER,
            _ => return None,
        };
        let (major, minor) = words.next()?.split_once(':')?;
        let number = |text: &str| if text == "*" { Some(None) } else { text.parse().ok().map(Some) };
        let bit = |letter: char| match letter {
            'm' => Some(MKNOD),
            'r' => Some(READ),
            'w' => Some(WRITE),
            _ => None,
        };
        let access = words.next()?.chars().map(bit).try_fold(0, |all, bit| Some(all | bit?))?;
        Some(Devices { kind, major: number(major)?, minor: number(minor)?, access })
    }

    /// Instructions that end the program with `allow` where the request is for these devices, and else go on.
    fn test(&self, allow: bool) -> Vec<Instruction> {
        // A request is denied for any bit that is denied, and allowed only if all of its bits are.
        let (mask, fits) = if allow { (!self.access, JUMP_UNLESS_ZERO) } else { (self.access, JUMP_IF_ZERO) };
        let mut test = vec![jump_unless_equal(R3, self.kind)];
        test.extend(self.major.map(|major| jump_unless_equal(R4, major)));
        test.extend(self.minor.map(|minor| jump_unless_equal(R5, minor)));
        test.extend([
            copy(R6, R2),
            and(R6, mask & 0xffff),
            Instruction { code: fits, registers: R6, ..NOTHING },
            set(R0, i32::from(allow)),
            EXIT,
        ]);
        // Each jump leads behind the last instruction.
        let end = test.len();
        for (place, instruction) in test.iter_mut().enumerate() {
            if matches!(instruction.code, JUMP_UNLESS_ZERO | JUMP_IF_ZERO) {
                instruction.offset = (end - place - 1) as i16;
            }
        }
        test
    }
}

/// One instruction of the machine that bpf(2) speaks of; the layout is the kernel's.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Instruction {
    code: u8,
    /// Destination in the low half, source in the high one.
    registers: u8,
    offset: i16,
    immediate: i32,
}

const R0: u8 = 0;
const R1: u8 = 1;
const R2: u8 = 2;
const R3: u8 = 3;
const R4: u8 = 4;
const R5: u8 = 5;
const R6: u8 = 6;
/// `BPF_JMP | BPF_JNE | BPF_K` and `BPF_JMP | BPF_JEQ | BPF_K`: compared with the immediate.
const JUMP_UNLESS_ZERO: u8 = 0x55;
const JUMP_IF_ZERO: u8 = 0x15;
const NOTHING: Instruction = Instruction { code: 0, registers: 0, offset: 0, immediate: 0 };
const EXIT: Instruction = Instruction { code: 0x95, ..NOTHING };

fn load_word(to: u8, from: u8, offset: i16) -> Instruction {
    Instruction { code: 0x61, registers: to | from << 4, offset, ..NOTHING }
}

fn copy(to: u8, from: u8) -> Instruction {
    Instruction { code: 0xbf, registers: to | from << 4, ..NOTHING }
}

fn set(to: u8, immediate: i32) -> Instruction {
    Instruction { code: 0xb7, registers: to, immediate, ..NOTHING }
}

fn and(to: u8, immediate: i32) -> Instruction {
    Instruction { code: 0x57, registers: to, immediate, ..NOTHING }
}

fn shift_right(to: u8, immediate: i32) -> Instruction {
    Instruction { code: 0x77, registers: to, immediate, ..NOTHING }
}

fn jump_unless_equal(register: u8, immediate: i32) -> Instruction {
    Instruction { code: JUMP_UNLESS_ZERO, registers: register, immediate, ..NOTHING }
}

/// Have the kernel ask a program for this policy, in the group whose directory this is; it takes the place of an earlier one.
pub fn attach(recorder: &mut Recorder, dir: &str, policy: &Policy) -> Result<(), Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let group: OwnedFd =
        recorder.call("openat", format!("AT_FDCWD, {}, O_RDONLY|O_DIRECTORY|O_CLOEXEC", quoted(dir)), || {
            nix::fcntl::open(dir, flags, Mode::empty())
        })?;
    let program = load(recorder, &policy.program())?;
    let attributes = AttachAttributes {
        target: group.as_raw_fd() as u32,
        program: program.as_raw_fd() as u32,
        kind: ATTACH_TO_DEVICES,
        flags: 0,
    };
    let args = format!(
        "BPF_PROG_ATTACH, {{target_fd={}, attach_bpf_fd={}, attach_type=BPF_CGROUP_DEVICE, attach_flags=0}}, {}",
        group.as_raw_fd(),
        program.as_raw_fd(),
        size_of::<AttachAttributes>()
    );
    recorder.call("bpf", args, || bpf(PROGRAM_ATTACH, &attributes)).map(drop)
}

fn load(recorder: &mut Recorder, program: &[Instruction]) -> Result<OwnedFd, Errno> {
    let attributes = LoadAttributes {
        kind: PROGRAM_FOR_DEVICES,
        count: program.len() as u32,
        instructions: program.as_ptr() as u64,
        // No function of the kernel is called that would ask for another.
        license: c"MIT".as_ptr() as u64,
        ..LoadAttributes::default()
    };
    let args = format!(
        "BPF_PROG_LOAD, {{prog_type=BPF_PROG_TYPE_CGROUP_DEVICE, insn_cnt={}, license=\"MIT\"}}, {}",
        program.len(),
        size_of::<LoadAttributes>()
    );
    recorder.call("bpf", args, || {
        let descriptor = bpf(PROGRAM_LOAD, &attributes)?;
        // SAFETY: the kernel has just handed out this descriptor, and nobody else knows of it.
        Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
    })
}

const PROGRAM_LOAD: libc::c_int = 5;
const PROGRAM_ATTACH: libc::c_int = 8;
const PROGRAM_FOR_DEVICES: u32 = 15;
const ATTACH_TO_DEVICES: u32 = 6;

/// The first part of `union bpf_attr` for BPF_PROG_LOAD; the kernel takes what is missing for zero.
#[repr(C)]
#[derive(Default)]
struct LoadAttributes {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
}

/// The same for BPF_PROG_ATTACH.
#[repr(C)]
struct AttachAttributes {
    target: u32,
    program: u32,
    kind: u32,
    flags: u32,
}

fn bpf<A>(command: libc::c_int, attributes: &A) -> Result<i32, Errno> {
    // SAFETY: the attributes are laid out as the command wants them, their size is told, and what they point to outlives
    // the call.
    let returned = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attributes), size_of::<A>()) };
    Errno::result(returned).map(|number| number as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the program says to a request, by the rules of the machine it is for.
    fn ask(policy: &Policy, kind: i32, major: i32, minor: i32, access: i32) -> bool {
        let request = [access << 16 | kind, major, minor];
        let (mut registers, program) = ([0_i64; 8], policy.program());
        let mut at = 0;
        loop {
            let Instruction { code, registers: both, offset, immediate } = program[at];
            let (to, from) = (usize::from(both & 15), usize::from(both >> 4));
            at += 1;
            match code {
                0x61 => registers[to] = i64::from(request[offset as usize / 4]),
                0xbf => registers[to] = registers[from],
                0xb7 => registers[to] = i64::from(immediate),
                0x57 => registers[to] &= i64::from(immediate),
                0x77 => registers[to] >>= immediate,
                0x55 if registers[to] != i64::from(immediate) => at += offset as usize,
                0x15 if registers[to] == i64::from(immediate) => at += offset as usize,
                0x55 | 0x15 => {}
                0x95 => return registers[0] == 1,
                other => panic!("no such instruction: {other:#x}"),
            }
        }
    }

    #[test]
    fn the_program_decides_as_the_rules_say() {
        let check = |rules: &[(bool, &str)], request: (i32, i32, i32, i32), expected: bool| {
            let mut policy = Policy::default();
            for (allow, rule) in rules {
                policy.apply(&DeviceRule { allow: *allow, rule: (*rule).into() }).expect("a rule");
            }
            let (kind, major, minor, access) = request;
            assert_eq!(ask(&policy, kind, major, minor, access), expected, "{rules:?} {request:?}");
        };
        let (zero, full, disk) = ((CHARACTER, 1, 5, READ), (CHARACTER, 1, 7, READ), (BLOCK, 1, 5, READ));
        check(&[], zero, true);
        check(&[(false, "c 1:5 rwm")], zero, false);
        check(&[(false, "c 1:5 rwm")], full, true);
        check(&[(false, "c 1:5 rwm")], disk, true);
        check(&[(false, "c 1:5 w")], zero, true);
        check(&[(false, "c 1:5 w")], (CHARACTER, 1, 5, READ | WRITE), false);
        check(&[(false, "c 1:5 rwm"), (true, "c 1:5 rwm")], zero, true);
        check(&[(false, "a")], zero, false);
        check(&[(false, "a"), (true, "c 1:5 rwm")], zero, true);
        check(&[(false, "a"), (true, "c 1:5 rwm")], full, false);
        check(&[(false, "a"), (true, "c 1:5 r")], (CHARACTER, 1, 5, READ | WRITE), false);
        check(&[(false, "a"), (true, "c *:* m")], (CHARACTER, 9, 9, MKNOD), true);
        check(&[(false, "a"), (true, "c 1:* rw"), (true, "b 8:0 r")], (BLOCK, 8, 0, READ), true);
        check(&[(false, "a"), (true, "a")], full, true);
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for wrong in ["", "x", "c", "c 1:5", "c 1 rwm", "c 1:5 rwx", "c one:5 r", "d 1:5 r"] {
            let rule = DeviceRule { allow: true, rule: wrong.into() };
            assert_eq!(Policy::default().apply(&rule), Err(Errno::EINVAL), "{wrong}");
        }
    }
}
