//! Settings below /proc/sys that a network namespace's root may write although they are the whole machine's: a program at the door of
//! a lab's group refuses them. See the kernel's text on BPF_PROG_TYPE_CGROUP_SYSCTL.

use nix::errno::Errno;

use super::{
    EXIT, FRAME, Instruction, JUMP_IF_ZERO, JUMP_UNLESS_ZERO, Kind, NOTHING, R0, R1, R2, R3, R4, add, call, copy,
    jump_unless_equal, load_word, set,
};
use crate::kernel::record::Recorder;

/// A switch that any network namespace turns on for all of them, for good (seen on Linux 6.18).
const REFUSED: &str = "net/netfilter/nf_hooks_lwtunnel";
/// Its length with the zero byte behind it. A longer name is cut, which the function's result tells.
const ROOM: usize = REFUSED.len() + 1;
/// `bpf_sysctl_get_name`, by its number.
const GET_NAME: i32 = 101;

/// Refuse what is the machine's to processes of the group whose directory this is, and of all groups below. Takes CAP_BPF and
/// CAP_NET_ADMIN over the machine.
pub fn guard(dir: &str) -> Result<(), Errno> {
    super::attach(&mut Recorder::default(), dir, Kind::Settings, &program())
}

fn program() -> Vec<Instruction> {
    let place = -(ROOM as i16);
    // r1 is the request: whether it writes, in its first word.
    let mut program = vec![
        load_word(R2, R1, 0),
        Instruction { code: JUMP_IF_ZERO, registers: R2, ..NOTHING },
        copy(R2, FRAME),
        add(R2, i32::from(place)),
        set(R3, ROOM as i32),
        set(R4, 0),
        call(GET_NAME),
        jump_unless_equal(R0, REFUSED.len() as i32),
    ];

    let mut name = REFUSED.as_bytes().to_vec();
    name.resize(ROOM, 0);
    for (index, word) in name.as_chunks::<4>().0.iter().enumerate() {
        program
            .extend([load_word(R1, FRAME, place + 4 * index as i16), jump_unless_equal(R1, i32::from_ne_bytes(*word))]);
    }
    program.extend([set(R0, 0), EXIT]);

    // Each jump leads behind the refusal.
    let end = program.len();
    for (at, instruction) in program.iter_mut().enumerate() {
        if matches!(instruction.code, JUMP_UNLESS_ZERO | JUMP_IF_ZERO) {
            instruction.offset = (end - at - 1) as i16;
        }
    }
    program.extend([set(R0, 1), EXIT]);
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the program says to a request, by the rules of the machine it is for.
    fn is_allowed(writes: bool, name: &str) -> bool {
        let (mut registers, mut stack, program) = ([0_i64; 11], [0_u8; ROOM], program());
        let mut at = 0;
        loop {
            let Instruction { code, registers: both, offset, immediate } = program[at];
            let (to, from) = (usize::from(both & 15), usize::from(both >> 4));
            at += 1;
            match code {
                0x61 if from == usize::from(FRAME) => {
                    let place = ROOM - usize::from(offset.unsigned_abs());
                    let word = stack[place..place + 4].try_into().expect("four bytes");
                    registers[to] = i64::from(u32::from_ne_bytes(word));
                }
                0x61 => registers[to] = i64::from(writes),
                0xbf => registers[to] = registers[from],
                0x07 => registers[to] += i64::from(immediate),
                0xb7 => registers[to] = i64::from(immediate),
                0x85 => {
                    assert_eq!(immediate, GET_NAME);
                    let room = registers[usize::from(R3)] as usize;
                    let kept = name.len().min(room - 1);
                    registers[0] = if name.len() < room { name.len() as i64 } else { -7 };
                    stack[..kept].copy_from_slice(&name.as_bytes()[..kept]);
                }
                0x55 if registers[to] != i64::from(immediate) => at += offset as usize,
                0x15 if registers[to] == i64::from(immediate) => at += offset as usize,
                0x55 | 0x15 => {}
                0x95 => return registers[0] == 1,
                other => panic!("no such instruction: {other:#x}"),
            }
        }
    }

    #[test]
    fn one_setting_is_refused_to_writers() {
        assert!(!is_allowed(true, REFUSED));
        assert!(is_allowed(false, REFUSED));
        for other in
            ["net/ipv4/ip_forward", "net/netfilter/nf_hooks_lwtunnel2", "net/netfilter/nf_hooks", "kernel/sem", ""]
        {
            assert!(is_allowed(true, other), "{other}");
        }
    }

    #[test]
    fn the_name_fills_whole_words() {
        assert_eq!(ROOM % 8, 0);
    }
}
