//! Programs that the kernel runs for a control group: put together from instructions, loaded, attached. See bpf(2).

pub mod devices;
pub mod settings;

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

use super::notation::quoted;
use super::record::Recorder;

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
/// The register that points to the end of a program's own 512 bytes; read-only.
const FRAME: u8 = 10;
/// `BPF_JMP | BPF_JNE | BPF_K` and `BPF_JMP | BPF_JEQ | BPF_K`: compared with the immediate.
const JUMP_UNLESS_ZERO: u8 = 0x55;
const JUMP_IF_ZERO: u8 = 0x15;
const NOTHING: Instruction = Instruction { code: 0, registers: 0, offset: 0, immediate: 0 };
const EXIT: Instruction = Instruction { code: 0x95, ..NOTHING };

// The codes of linux/bpf.h, in the order of these functions: LDX|W|MEM, ALU64|MOV|X,
// ALU64|MOV|K, ALU64|ADD|K, JMP|CALL, ALU64|AND|K, ALU64|RSH|K.
fn load_word(to: u8, from: u8, offset: i16) -> Instruction {
    Instruction { code: 0x61, registers: to | from << 4, offset, ..NOTHING }
}

fn copy(to: u8, from: u8) -> Instruction {
    Instruction { code: 0xbf, registers: to | from << 4, ..NOTHING }
}

fn set(to: u8, immediate: i32) -> Instruction {
    Instruction { code: 0xb7, registers: to, immediate, ..NOTHING }
}

fn add(to: u8, immediate: i32) -> Instruction {
    Instruction { code: 0x07, registers: to, immediate, ..NOTHING }
}

/// A function of the kernel's: arguments from r1 on, result in r0; r1 to r5 are gone afterwards.
fn call(function: i32) -> Instruction {
    Instruction { code: 0x85, immediate: function, ..NOTHING }
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

fn jump_if_zero(register: u8) -> Instruction {
    Instruction { code: JUMP_IF_ZERO, registers: register, ..NOTHING }
}

/// Have each jump lead behind the last of these instructions.
fn lead_behind(instructions: &mut [Instruction]) {
    let end = instructions.len();
    for (place, instruction) in instructions.iter_mut().enumerate() {
        if matches!(instruction.code, JUMP_UNLESS_ZERO | JUMP_IF_ZERO) {
            instruction.offset = (end - place - 1) as i16;
        }
    }
}

/// The requests that a program is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Opening and making device files.
    Devices,
    /// Reading and writing settings (/proc/sys).
    Settings,
}

impl Kind {
    /// `BPF_PROG_TYPE_…`, by number and name.
    fn program(self) -> (u32, &'static str) {
        match self {
            Kind::Devices => (15, "BPF_PROG_TYPE_CGROUP_DEVICE"),
            Kind::Settings => (23, "BPF_PROG_TYPE_CGROUP_SYSCTL"),
        }
    }

    /// `BPF_CGROUP_…`, by number and name.
    fn attachment(self) -> (u32, &'static str) {
        match self {
            Kind::Devices => (6, "BPF_CGROUP_DEVICE"),
            Kind::Settings => (18, "BPF_CGROUP_SYSCTL"),
        }
    }
}

/// Have the kernel ask a program, in the group whose directory this is and in all below; it takes the
/// place of an earlier one.
fn attach(
    recorder: &mut Recorder,
    dir: &str,
    kind: Kind,
    program: &[Instruction],
) -> Result<(), Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let group: OwnedFd = recorder.call(
        "openat",
        format!("AT_FDCWD, {}, O_RDONLY|O_DIRECTORY|O_CLOEXEC", quoted(dir)),
        || nix::fcntl::open(dir, flags, Mode::empty()),
    )?;

    let program = load(recorder, kind, program)?;
    let (number, name) = kind.attachment();
    let attributes = AttachAttributes {
        target: group.as_raw_fd() as u32,
        program: program.as_raw_fd() as u32,
        kind: number,
        flags: 0,
    };
    let args = format!(
        "BPF_PROG_ATTACH, {{target_fd={}, attach_bpf_fd={}, attach_type={name}, attach_flags=0}}, {}",
        group.as_raw_fd(),
        program.as_raw_fd(),
        size_of::<AttachAttributes>()
    );

    recorder.call("bpf", args, || bpf(PROGRAM_ATTACH, &attributes)).map(drop)
}

fn load(recorder: &mut Recorder, kind: Kind, program: &[Instruction]) -> Result<OwnedFd, Errno> {
    let (number, name) = kind.program();
    let attributes = LoadAttributes {
        kind: number,
        count: program.len() as u32,
        instructions: program.as_ptr() as u64,
        // None of the kernel's functions that are called asks for another.
        license: c"MIT".as_ptr() as u64,
        ..LoadAttributes::default()
    };
    let args = format!(
        "BPF_PROG_LOAD, {{prog_type={name}, insn_cnt={}, license=\"MIT\"}}, {}",
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
    // SAFETY: the attributes are laid out as the command wants them, their size is told, and what they
    // point to outlives the call.
    let returned = unsafe {
        libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attributes), size_of::<A>())
    };
    Errno::result(returned).map(|number| number as i32)
}

#[cfg(test)]
mod machine {
    use super::*;

    /// A program's answer (r0), by the rules of the machine it is for: `load` is memory, by the register that points
    /// there and the offset, and `call` a function of the kernel's, which sees the registers and gives r0.
    pub fn run(
        program: &[Instruction],
        load: impl Fn(u8, i16) -> u32,
        call: impl Fn(i32, &[i64; 11]) -> i64,
    ) -> i64 {
        let (mut registers, mut at) = ([0_i64; 11], 0);
        loop {
            let Instruction { code, registers: both, offset, immediate } = program[at];
            let (to, from) = (usize::from(both & 15), usize::from(both >> 4));
            at += 1;

            match code {
                0x61 => registers[to] = i64::from(load(both >> 4, offset)),
                0xbf => registers[to] = registers[from],
                0x07 => registers[to] += i64::from(immediate),
                0xb7 => registers[to] = i64::from(immediate),
                0x57 => registers[to] &= i64::from(immediate),
                0x77 => registers[to] >>= immediate,
                0x85 => registers[0] = call(immediate, &registers),
                JUMP_UNLESS_ZERO if registers[to] != i64::from(immediate) => at += offset as usize,
                JUMP_IF_ZERO if registers[to] == i64::from(immediate) => at += offset as usize,
                JUMP_UNLESS_ZERO | JUMP_IF_ZERO => {}
                0x95 => return registers[0],
                other => panic!("no such instruction: {other:#x}"),
            }
        }
    }
}
