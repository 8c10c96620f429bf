//! Settings below /proc/sys that a network namespace's root may write although they are the whole machine's: a
//! program that is attached to a lab's group refuses them. See the kernel's text on BPF_PROG_TYPE_CGROUP_SYSCTL.

use nix::errno::Errno;

use super::{
    EXIT, FRAME, Instruction, Kind, R0, R1, R2, R3, R4, add, call, copy, jump_if_zero,
    jump_unless_equal, lead_behind, load_word, set,
};
use crate::kernel::record::Recorder;

/// A switch that any network namespace turns on for all of them, for good (seen on Linux 6.18).
const REFUSED: &str = "net/netfilter/nf_hooks_lwtunnel";
/// Its length with the zero byte behind it. A longer name is cut, which the function's result tells.
const ROOM: usize = REFUSED.len() + 1;
/// `bpf_sysctl_get_name`, by its number.
const GET_NAME: i32 = 101;

/// Refuse what is the machine's to processes of the group whose directory this is, and of all groups below. Takes
/// CAP_BPF and CAP_NET_ADMIN over the machine.
pub fn refuse_machine_settings(dir: &str) -> Result<(), Errno> {
    super::attach(&mut Recorder::default(), dir, Kind::Settings, &program())
}

fn program() -> Vec<Instruction> {
    let place = -(ROOM as i16);
    // r1 is the request: whether it writes, in its first word.
    let mut program = vec![
        load_word(R2, R1, 0),
        jump_if_zero(R2),
        // (request, room, size, flags): without a flag the name with its path, bpf-helpers(7).
        copy(R2, FRAME),
        add(R2, i32::from(place)),
        set(R3, ROOM as i32),
        set(R4, 0),
        call(GET_NAME),
        jump_unless_equal(R0, REFUSED.len() as i32),
    ];

    let mut name = REFUSED.as_bytes().to_vec();
    name.resize(ROOM, 0);
    // Its 32 bytes are eight whole words: none is left out of the comparison.
    for (index, word) in name.as_chunks::<4>().0.iter().enumerate() {
        program.extend([
            load_word(R1, FRAME, place + 4 * index as i16),
            jump_unless_equal(R1, i32::from_ne_bytes(*word)),
        ]);
    }
    // 0 refuses with EPERM, 1 lets the kernel go on.
    program.extend([set(R0, 0), EXIT]);

    lead_behind(&mut program);
    program.extend([set(R0, 1), EXIT]);
    program
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::bpf::machine;

    /// True if the program allows a request.
    fn is_allowed(writes: bool, name: &str) -> bool {
        let stack = std::cell::RefCell::new([0_u8; ROOM]);
        let load = |from, offset: i16| {
            if from != FRAME {
                return u32::from(writes);
            }
            let place = ROOM - usize::from(offset.unsigned_abs());
            u32::from_ne_bytes(stack.borrow()[place..place + 4].try_into().expect("four bytes"))
        };

        let call = |function, registers: &[i64; 11]| {
            assert_eq!(function, GET_NAME);
            let room = registers[usize::from(R3)] as usize;
            let kept = name.len().min(room - 1);
            stack.borrow_mut()[..kept].copy_from_slice(&name.as_bytes()[..kept]);
            if name.len() < room { name.len() as i64 } else { -7 }
        };

        machine::run(&program(), load, call) == 1
    }

    #[test]
    fn one_setting_is_refused_to_writers() {
        assert!(!is_allowed(true, REFUSED));
        assert!(is_allowed(false, REFUSED));
        for other in [
            "net/ipv4/ip_forward",
            "net/netfilter/nf_hooks_lwtunnel2",
            "net/netfilter/nf_hooks",
            "kernel/sem",
            "",
        ] {
            assert!(is_allowed(true, other), "{other}");
        }
    }

    #[test]
    fn the_name_fills_whole_words() {
        assert_eq!(ROOM % 8, 0);
    }
}
