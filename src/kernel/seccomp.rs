//! The seccomp filter of a lab, see seccomp(2): system calls that no lesson needs and that reach past a lab's
//! namespaces, or into parts of the kernel that keep turning out to have holes. Docker's default profile is the
//! measure; what it refuses and a lesson shows (mount, unshare, setns, pivot_root, the new mount interface, ptrace,
//! reboot) stays possible.

use libc::{c_long, sock_filter};
use nix::errno::Errno;

/// Calls that answer EPERM.
pub const REFUSED_CALLS: &[c_long] = &[
    // Keys of whoever runs the program: keyrings belong to no namespace.
    libc::SYS_add_key,
    libc::SYS_keyctl,
    libc::SYS_request_key,
    // Programs in the kernel, counters of the machine, faults handled in user space, and rings of requests.
    libc::SYS_bpf,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    // Files by handle go around mounts and roots.
    libc::SYS_open_by_handle_at,
    // The machine's kernel, modules, clock, swap, accounting, quotas and log.
    libc::SYS_acct,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_init_module,
    libc::SYS_kexec_file_load,
    libc::SYS_kexec_load,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    // Watching whole file systems.
    libc::SYS_fanotify_init,
    // Memory nodes of other processes.
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_uselib,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ustat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_sysfs,
];

/// Families of sockets that lessons and the programs of a lab use. Others lead to the hypervisor (AF_VSOCK), to the
/// kernel's cryptography (AF_ALG), to hardware, or to protocols that few machines need.
const FAMILIES: [i32; 5] =
    [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK, libc::AF_PACKET];

/// Requests of ioctl(2) for space beyond a file's end, older than fallocate(2) and of every file system:
/// FS_IOC_RESVSP, FS_IOC_RESVSP64, FS_IOC_ZERO_RANGE of linux/falloc.h.
const SPACE_REQUESTS: [u32; 3] = [0x4030_5828, 0x4030_582a, 0x4030_5839];

/// `AUDIT_ARCH_…` of linux/audit.h: 64 bits, little-endian, and the ELF machine.
#[cfg(target_arch = "x86_64")]
pub(super) const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
pub(super) const ARCHITECTURE: u32 = 0xc000_00b7;
#[cfg(target_arch = "riscv64")]
pub(super) const ARCHITECTURE: u32 = 0xc000_00f3;

/// Calls of x32, which have x86-64's architecture and numbers of their own.
#[cfg(target_arch = "x86_64")]
pub(super) const X32_BIT: u32 = 0x4000_0000;

// Where things lie in struct seccomp_data: the number, the architecture, six arguments of 64 bits each.
pub(super) const NUMBER: u32 = 0;
pub(super) const ARCH: u32 = 4;
// The lower half comes first: all of the architectures above are little-endian.
pub(super) const fn argument(index: u32) -> u32 {
    16 + 8 * index
}

/// Refuse these calls from now on, for this process and all it starts. Takes CAP_SYS_ADMIN in the own user namespace,
/// so that programs keep what set-uid bits and file capabilities give them there.
pub fn confine() -> Result<(), Errno> {
    install(&filter(), 0).map(drop)
}

/// Install a filter for this process and all it starts; what seccomp(2) returns with these flags.
pub(super) fn install(filter: &[sock_filter], flags: libc::c_ulong) -> Result<c_long, Errno> {
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    // SAFETY: the program lives through the call, which copies it.
    let returned = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            std::ptr::from_ref(&program),
        )
    };
    Errno::result(returned)
}

fn filter() -> Vec<sock_filter> {
    // A program of another architecture has other numbers: it finds no call at all.
    let mut filter =
        vec![load(ARCH), jump_if_equal(ARCHITECTURE, 1, 0), refuse(Errno::ENOSYS), load(NUMBER)];
    #[cfg(target_arch = "x86_64")]
    filter.extend([jump_if_at_least(X32_BIT, 0, 1), refuse(Errno::ENOSYS)]);

    for call in REFUSED_CALLS {
        filter.extend([jump_if_equal(*call as u32, 0, 1), refuse(Errno::EPERM)]);
    }

    for call in [libc::SYS_socket, libc::SYS_socketpair] {
        filter.extend(by_argument(
            call,
            0,
            &FAMILIES.map(|family| family as u32),
            ALLOW,
            refuse(Errno::EAFNOSUPPORT),
        ));
    }

    filter.extend(no_space_beyond_the_end());
    filter.extend(by_argument(
        libc::SYS_ioctl,
        1,
        &SPACE_REQUESTS,
        refuse(Errno::EOPNOTSUPP),
        ALLOW,
    ));
    filter.extend(no_other_core_limit());
    filter.push(ALLOW);
    filter
}

/// A call that is answered by one of its arguments: `listed` where that is one of these values,
/// `other` where it is not.
fn by_argument(
    call: c_long,
    index: u32,
    values: &[u32],
    listed: sock_filter,
    other: sock_filter,
) -> Vec<sock_filter> {
    let count = values.len() as u8;
    // Past the load, the values and the two answers.
    let mut test = vec![jump_if_equal(call as u32, 0, count + 3), load(argument(index))];
    for (place, value) in values.iter().enumerate() {
        // Over the values that are left and the answer to others.
        test.push(jump_if_equal(*value, count - place as u8, 0));
    }

    // Both end the filter: whatever tests follow find the call's number loaded, not its argument.
    test.extend([other, listed]);
    test
}

/// fallocate(2) with FALLOC_FL_KEEP_SIZE takes space that RLIMIT_FSIZE does not see; punching a hole wants that flag
/// too, and gives space back.
fn no_space_beyond_the_end() -> [sock_filter; 6] {
    const KEEP_SIZE: u32 = 1;
    const PUNCH_HOLE: u32 = 2;
    [
        jump_if_equal(libc::SYS_fallocate as u32, 0, 5),
        load(argument(1)),
        jump_if_set(PUNCH_HOLE, 2, 0),
        jump_if_set(KEEP_SIZE, 0, 1),
        refuse(Errno::EOPNOTSUPP),
        ALLOW,
    ]
}

/// RLIMIT_CORE stays what `confine::limit_resources` made it: with any other value a crash in the lab starts the
/// machine's handler for crashes (core(5)), as the machine's root, and feeds it what the lab wants.
fn no_other_core_limit() -> [sock_filter; 14] {
    const CORE: u32 = nix::sys::resource::Resource::RLIMIT_CORE as u32;
    /// The upper half of an argument.
    const UPPER: u32 = 4;

    [
        jump_if_equal(libc::SYS_setrlimit as u32, 0, 4),
        load(argument(0)),
        jump_if_equal(CORE, 0, 1),
        refuse(Errno::EPERM),
        ALLOW,
        jump_if_equal(libc::SYS_prlimit64 as u32, 0, 8),
        load(argument(1)),
        jump_if_equal(CORE, 0, 5),
        // Only asking for it has no new limit.
        load(argument(2)),
        jump_if_equal(0, 0, 2),
        load(argument(2) + UPPER),
        jump_if_equal(0, 1, 0),
        refuse(Errno::EPERM),
        ALLOW,
    ]
}

// The machine of bpf(4): one accumulator, words of 32 bits; jumps count the instructions that are passed over.
pub(super) const ALLOW: sock_filter =
    instruction(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0, 0);

pub(super) const fn instruction(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: code as u16, jt, jf, k }
}

pub(super) const fn load(offset: u32) -> sock_filter {
    instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset, 0, 0)
}

const fn refuse(errno: Errno) -> sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | errno as u32, 0, 0)
}

pub(super) const fn jump_if_equal(value: u32, then: u8, otherwise: u8) -> sock_filter {
    instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, then, otherwise)
}

#[cfg(target_arch = "x86_64")]
pub(super) const fn jump_if_at_least(value: u32, then: u8, otherwise: u8) -> sock_filter {
    instruction(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, value, then, otherwise)
}

pub(super) const fn jump_if_set(bits: u32, then: u8, otherwise: u8) -> sock_filter {
    instruction(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, bits, then, otherwise)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use nix::sys::resource::Resource;

    /// The filter's answer: None where the call is let through.
    fn ask(architecture: u32, number: u32, arguments: [u64; 6]) -> Option<Errno> {
        let answer = run(&filter(), architecture, number, arguments);
        let is_let_through = answer == libc::SECCOMP_RET_ALLOW;
        (!is_let_through).then(|| Errno::from_raw((answer & 0xffff) as i32))
    }

    /// The answer of a filter, as the kernel works it out.
    pub(in crate::kernel) fn run(
        filter: &[sock_filter],
        architecture: u32,
        number: u32,
        arguments: [u64; 6],
    ) -> u32 {
        let mut data = [number, architecture, 0, 0].to_vec();
        data.extend(
            arguments.iter().flat_map(|argument| [*argument as u32, (*argument >> 32) as u32]),
        );

        let (mut accumulator, mut at) = (0, 0);
        loop {
            let sock_filter { code, jt, jf, k } = filter[at];
            at += 1;
            let holds = match u32::from(code) & 0xf7 {
                0x20 => {
                    accumulator = data[k as usize / 4];
                    continue;
                }
                0x06 => return k,
                0x15 => accumulator == k,
                0x35 => accumulator >= k,
                0x45 => accumulator & k != 0,
                other => panic!("no such instruction: {other:#x}"),
            };
            at += usize::from(if holds { jt } else { jf });
        }
    }

    #[track_caller]
    fn check(call: c_long, arguments: &[u64], expected: Option<Errno>) {
        let mut all = [0; 6];
        all[..arguments.len()].copy_from_slice(arguments);
        assert_eq!(ask(ARCHITECTURE, call as u32, all), expected);
    }

    #[test]
    fn what_no_lesson_needs_is_refused_and_the_rest_let_through() {
        for call in REFUSED_CALLS {
            check(*call, &[], Some(Errno::EPERM));
        }
        for call in
            [libc::SYS_read, libc::SYS_mount, libc::SYS_unshare, libc::SYS_clone3, libc::SYS_ptrace]
        {
            check(call, &[], None);
        }
    }

    #[test]
    fn sockets_are_of_few_families() {
        for call in [libc::SYS_socket, libc::SYS_socketpair] {
            for family in FAMILIES {
                check(call, &[family as u64], None);
            }
            for family in [libc::AF_VSOCK, libc::AF_ALG, libc::AF_BLUETOOTH, libc::AF_CAN, 0, 45] {
                check(call, &[family as u64], Some(Errno::EAFNOSUPPORT));
            }
        }
    }

    #[test]
    fn no_file_is_given_space_beyond_its_end() {
        check(libc::SYS_fallocate, &[3, 0], None);
        check(libc::SYS_fallocate, &[3, 1], Some(Errno::EOPNOTSUPP));
        check(libc::SYS_fallocate, &[3, 0x11], Some(Errno::EOPNOTSUPP));
        check(libc::SYS_fallocate, &[3, 3], None);
        for request in [0x4030_5828, 0x4030_582a, 0x4030_5839] {
            check(libc::SYS_ioctl, &[3, request], Some(Errno::EOPNOTSUPP));
        }
        // FS_IOC_UNRESVSP gives back, TCGETS asks a terminal.
        check(libc::SYS_ioctl, &[3, 0x4030_5829], None);
        check(libc::SYS_ioctl, &[3, 0x5401], None);
    }

    #[test]
    fn the_limit_on_cores_can_be_asked_for_and_not_changed() {
        let (core, files) = (Resource::RLIMIT_CORE as u64, Resource::RLIMIT_NOFILE as u64);
        for new in [1, 1 << 32] {
            check(libc::SYS_prlimit64, &[0, core, new, 0], Some(Errno::EPERM));
            check(libc::SYS_prlimit64, &[0, files, new, 0], None);
        }
        check(libc::SYS_prlimit64, &[0, core, 0, 1], None);
        check(libc::SYS_setrlimit, &[core, 1], Some(Errno::EPERM));
        check(libc::SYS_setrlimit, &[files, 1], None);
        check(libc::SYS_getrlimit, &[core, 1], None);
    }

    #[test]
    fn another_architecture_has_no_calls() {
        const I386: u32 = 0x4000_0003;
        assert_eq!(ask(I386, 0, [0; 6]), Some(Errno::ENOSYS));
        #[cfg(target_arch = "x86_64")]
        assert_eq!(
            ask(ARCHITECTURE, X32_BIT | libc::SYS_keyctl as u32, [0; 6]),
            Some(Errno::ENOSYS)
        );
    }
}
