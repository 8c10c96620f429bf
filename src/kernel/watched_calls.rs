//! The **watched calls**: those by which containers are built. A learner's shell installs a filter that asks a listener
//! before each of them (seccomp_unotify(2)), and lets all others through at once.

use libc::{c_long, sock_filter};

use super::seccomp::{
    self, ALLOW, ARCH, ARCHITECTURE, NUMBER, argument, instruction, jump_if_equal, jump_if_set,
    load,
};

/// The condition under which a call is asked about: what a filter can see of its arguments, which is their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Always,
    /// One of these bits is set in an argument.
    AnyBit {
        argument: u32,
        bits: u32,
    },
    /// An argument is one of these values.
    IsOneOf {
        argument: u32,
        values: &'static [u32],
    },
}

use Condition::{Always, AnyBit, IsOneOf};

/// All `CLONE_NEW…` of clone(2) but that for time, which lies among the bits of the exit signal there.
pub const NEW_NAMESPACES: u32 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u32;

/// Requests of prctl(2) that give up or pass on capabilities.
const CAPABILITY_REQUESTS: &[u32] = &[
    libc::PR_SET_NO_NEW_PRIVS as u32,
    libc::PR_CAPBSET_DROP as u32,
    libc::PR_CAP_AMBIENT as u32,
    libc::PR_SET_KEEPCAPS as u32,
    libc::PR_SET_SECUREBITS as u32,
];

const WATCHED: &[(c_long, Condition)] = &[
    (libc::SYS_mount, Always),
    (libc::SYS_umount2, Always),
    (libc::SYS_pivot_root, Always),
    (libc::SYS_chroot, Always),
    (libc::SYS_unshare, Always),
    (libc::SYS_setns, Always),
    (libc::SYS_sethostname, Always),
    (libc::SYS_setdomainname, Always),
    (libc::SYS_clone, AnyBit { argument: 0, bits: NEW_NAMESPACES }),
    // Its flags lie in memory, where no filter sees them.
    (libc::SYS_clone3, Always),
    // The newer mount interface.
    (libc::SYS_fsopen, Always),
    (libc::SYS_fsconfig, Always),
    (libc::SYS_fsmount, Always),
    (libc::SYS_fspick, Always),
    (libc::SYS_move_mount, Always),
    (libc::SYS_open_tree, Always),
    (libc::SYS_mount_setattr, Always),
    // Directories: control groups are made and removed by them.
    (libc::SYS_mkdirat, Always),
    (libc::SYS_unlinkat, AnyBit { argument: 2, bits: libc::AT_REMOVEDIR as u32 }),
    (libc::SYS_mknodat, Always),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_mkdir, Always),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_rmdir, Always),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_mknod, Always),
    // Who a process is, and what it may.
    (libc::SYS_capset, Always),
    (libc::SYS_setgroups, Always),
    (libc::SYS_prctl, IsOneOf { argument: 0, values: CAPABILITY_REQUESTS }),
    (libc::SYS_seccomp, Always),
    (libc::SYS_kill, Always),
];

const ASK: sock_filter =
    instruction(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_USER_NOTIF, 0, 0);

/// The filter of a learner's shell. Programs of another architecture, with other numbers, are let through unasked.
pub(super) fn filter() -> Vec<sock_filter> {
    let mut filter = vec![load(ARCH), jump_if_equal(ARCHITECTURE, 1, 0), ALLOW, load(NUMBER)];
    #[cfg(target_arch = "x86_64")]
    filter.extend([seccomp::jump_if_at_least(seccomp::X32_BIT, 0, 1), ALLOW]);

    for (call, condition) in WATCHED {
        filter.extend(watch(*call, *condition));
    }
    filter.push(ALLOW);
    filter
}

/// The test for one call. It ends the filter for that call: what follows finds the call's number loaded.
fn watch(call: c_long, condition: Condition) -> Vec<sock_filter> {
    let test = match condition {
        Always => vec![ASK],
        AnyBit { argument: index, bits } => {
            vec![load(argument(index)), jump_if_set(bits, 0, 1), ASK, ALLOW]
        }
        IsOneOf { argument: index, values } => {
            let count = values.len() as u8;
            let mut test = vec![load(argument(index))];
            // Over the values that are left and the answer to others.
            let places = 0..count;
            test.extend(
                values.iter().zip(places).map(|(it, place)| jump_if_equal(*it, count - place, 0)),
            );
            test.extend([ALLOW, ASK]);
            test
        }
    };
    let mut whole = vec![jump_if_equal(call as u32, 0, test.len() as u8)];
    whole.extend(test);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::seccomp::tests::run;

    #[track_caller]
    fn check(call: c_long, arguments: &[u64], is_asked: bool) {
        let mut all = [0; 6];
        all[..arguments.len()].copy_from_slice(arguments);
        let answer = run(&filter(), ARCHITECTURE, call as u32, all);
        let expected =
            if is_asked { libc::SECCOMP_RET_USER_NOTIF } else { libc::SECCOMP_RET_ALLOW };
        assert_eq!(answer, expected);
    }

    #[test]
    fn calls_that_build_containers_are_asked_about_and_no_others() {
        for (call, condition) in WATCHED {
            match condition {
                Always => check(*call, &[], true),
                AnyBit { .. } | IsOneOf { .. } => check(*call, &[], false),
            }
        }

        for call in [libc::SYS_read, libc::SYS_write, libc::SYS_execve, libc::SYS_sendmmsg] {
            check(call, &[], false);
        }
        check(libc::SYS_clone, &[libc::CLONE_NEWUTS as u64 | libc::SIGCHLD as u64], true);
        check(libc::SYS_clone, &[libc::CLONE_VM as u64 | libc::CLONE_THREAD as u64], false);
        check(libc::SYS_unlinkat, &[3, 0, libc::AT_REMOVEDIR as u64], true);
        for request in CAPABILITY_REQUESTS {
            check(libc::SYS_prctl, &[u64::from(*request)], true);
        }
        check(libc::SYS_prctl, &[libc::PR_SET_NAME as u64], false);
    }

    #[test]
    fn a_program_of_another_architecture_is_not_held_up() {
        const I386: u32 = 0x4000_0003;
        let answer = run(&filter(), I386, libc::SYS_mount as u32, [0; 6]);
        assert_eq!(answer, libc::SECCOMP_RET_ALLOW);
    }
}
