//! Calls in strace's notation, from their numbers and the caller's memory. Pure: memory is a trait.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::flags::{self, FlagNames};
use crate::kernel::notation::{hexadecimal, mode, node, quoted, quoted_start};
use crate::kernel::watched_calls::NEW_NAMESPACES;

/// The most that is read of a string, in bytes: PATH_MAX. A mount's options are a page, too.
const MAX_STRING: usize = 4096;
/// The most group ids that are shown of setgroups(2); as strace.
const MAX_GROUPS: usize = 32;

/// The memory of the thread that makes a call.
pub trait CallerMemory {
    /// Read from an address on; how many bytes there were.
    fn read(&self, address: u64, into: &mut [u8]) -> usize;
}

/// A call as it is written, without its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenCall {
    pub name: &'static str,
    pub args: String,
}

/// Write a watched call; none for one that is not watched.
pub fn write(number: i64, args: [u64; 6], memory: &dyn CallerMemory) -> Option<WrittenCall> {
    let reader = Reader { memory };
    let [a, b, c, d, e, _] = args;
    let path = |address| reader.path(address);
    let (name, words) = match number {
        libc::SYS_mount => {
            let data = match reader.c_string(e) {
                // A page of options, cut as strace does.
                Some(text) => quoted_start(&text),
                None => pointer(e),
            };
            ("mount", vec![path(a), path(b), path(c), flags::mount(d), data])
        }
        libc::SYS_umount2 => ("umount2", vec![path(a), flags::flags(low(b), flags::UMOUNT)]),
        libc::SYS_pivot_root => ("pivot_root", vec![path(a), path(b)]),
        libc::SYS_chroot => ("chroot", vec![path(a)]),
        libc::SYS_unshare => ("unshare", vec![flags::flags(low(a), flags::CLONE)]),
        libc::SYS_setns => ("setns", vec![fd(a), flags::flags(low(b), flags::CLONE)]),
        libc::SYS_sethostname => ("sethostname", vec![reader.bytes(a, b), b.to_string()]),
        libc::SYS_setdomainname => ("setdomainname", vec![reader.bytes(a, b), b.to_string()]),
        libc::SYS_clone => ("clone", reader.clone(a, b)),
        libc::SYS_clone3 => ("clone3", reader.clone3(a, b)),
        libc::SYS_fsopen => ("fsopen", vec![path(a), flags::flags(low(b), flags::FSOPEN)]),
        libc::SYS_fsconfig => ("fsconfig", reader.fsconfig(args)),
        libc::SYS_fsmount => (
            "fsmount",
            vec![
                fd(a),
                flags::flags(low(b), flags::FSMOUNT),
                flags::flags(low(c), flags::MOUNT_ATTRIBUTES),
            ],
        ),
        libc::SYS_fspick => ("fspick", vec![dir(a), path(b), flags::flags(low(c), flags::FSPICK)]),
        libc::SYS_move_mount => (
            "move_mount",
            vec![dir(a), path(b), dir(c), path(d), flags::flags(low(e), flags::MOVE_MOUNT)],
        ),
        libc::SYS_open_tree => ("open_tree", vec![dir(a), path(b), open_tree_flags(c)]),
        libc::SYS_mount_setattr => (
            "mount_setattr",
            vec![
                dir(a),
                path(b),
                flags::flags(low(c), flags::AT),
                reader.mount_attributes(d, e),
                e.to_string(),
            ],
        ),
        libc::SYS_mkdirat => ("mkdirat", vec![dir(a), path(b), mode(low(c) as u32)]),
        libc::SYS_unlinkat => ("unlinkat", vec![dir(a), path(b), flags::flags(low(c), flags::AT)]),
        libc::SYS_mknodat => ("mknodat", [vec![dir(a), path(b)], node(low(c) as u32, d)].concat()),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_mkdir => ("mkdir", vec![path(a), mode(low(b) as u32)]),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_rmdir => ("rmdir", vec![path(a)]),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_mknod => ("mknod", [vec![path(a)], node(low(b) as u32, c)].concat()),
        libc::SYS_capset => {
            ("capset", vec![reader.capability_header(a), reader.capability_sets(b)])
        }
        libc::SYS_setgroups => ("setgroups", vec![low(a).to_string(), reader.groups(a, b)]),
        libc::SYS_prctl => ("prctl", prctl(args)),
        libc::SYS_seccomp => (
            "seccomp",
            vec![
                flags::constant(low(a), flags::SECCOMP),
                flags::flags(low(b), flags::SECCOMP_FILTER),
                reader.filter(a, c),
            ],
        ),
        libc::SYS_kill => ("kill", vec![signed(a).to_string(), flags::signal(low(b))]),
        _ => return None,
    };
    Some(WrittenCall { name, args: words.join(", ") })
}

/// True for a watched call that is told: one that makes a thread is not, nor one that only asks (whether a process is
/// there, what a capability is), nor a directory that is no control group. `is_group` says whether a path of the caller's leads into a tree of groups.
pub fn is_told(
    number: i64,
    args: [u64; 6],
    memory: &dyn CallerMemory,
    is_group: impl Fn(i32, &Path) -> bool,
) -> bool {
    const NEW: u64 = NEW_NAMESPACES as u64 | flags::CLONE_NEWTIME | flags::CLONE_INTO_CGROUP;

    let reader = Reader { memory };
    let parent_is_group = |dir: i32, path: u64| {
        let path = reader.c_string(path).map(|it| PathBuf::from(OsString::from_vec(it)));
        path.and_then(|path| Some(is_group(dir, path.parent()?))).unwrap_or(false)
    };
    let [a, b, ..] = args;
    match number {
        libc::SYS_clone3 => reader.word(a).is_some_and(|flags| flags & NEW != 0),
        libc::SYS_kill => low(b) != 0,
        libc::SYS_prctl => {
            let is_question =
                low(a) == libc::PR_CAP_AMBIENT as u64 && b == libc::PR_CAP_AMBIENT_IS_SET as u64;
            !is_question
        }
        libc::SYS_seccomp => low(a) <= u64::from(libc::SECCOMP_SET_MODE_FILTER),
        libc::SYS_mkdirat | libc::SYS_unlinkat => parent_is_group(signed(a), b),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_mkdir | libc::SYS_rmdir => parent_is_group(libc::AT_FDCWD, a),
        _ => true,
    }
}

/// The signal in the lowest byte of clone(2)'s flags: CSIGNAL of linux/sched.h.
const EXIT_SIGNAL: u64 = 0xff;

struct Reader<'a> {
    memory: &'a dyn CallerMemory,
}

impl Reader<'_> {
    fn read(&self, address: u64, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        (address != 0 && self.memory.read(address, &mut bytes) == length).then_some(bytes)
    }

    fn word(&self, address: u64) -> Option<u64> {
        let bytes = self.read(address, size_of::<u64>())?;
        Some(u64::from_ne_bytes(bytes.try_into().ok()?))
    }

    /// A string up to its end, or to the most that is read.
    pub fn c_string(&self, address: u64) -> Option<Vec<u8>> {
        let mut bytes = vec![0; MAX_STRING];
        let count = if address == 0 { 0 } else { self.memory.read(address, &mut bytes) };
        bytes.truncate(count);
        if count == 0 {
            return None;
        }
        if let Some(end) = bytes.iter().position(|byte| *byte == 0) {
            bytes.truncate(end);
        }
        Some(bytes)
    }

    /// A path, whole; the pointer where there is none.
    fn path(&self, address: u64) -> String {
        self.c_string(address).map_or_else(|| pointer(address), quoted)
    }

    /// A buffer with its length beside it.
    fn bytes(&self, address: u64, length: u64) -> String {
        let length = usize::try_from(length).unwrap_or(MAX_STRING).min(MAX_STRING);
        self.read(address, length).map_or_else(|| pointer(address), |bytes| quoted_start(&bytes))
    }

    /// The order of clone(2)'s arguments differs from machine to machine; stack and flags come first on all.
    fn clone(&self, flags: u64, stack: u64) -> Vec<String> {
        let (bits, signal) = (flags & !EXIT_SIGNAL, flags & EXIT_SIGNAL);
        let signal = (signal != 0).then(|| flags::signal(signal));
        let bits = (bits != 0 || signal.is_none()).then(|| flags::flags(bits, flags::CLONE));
        let words: Vec<String> = bits.into_iter().chain(signal).collect();
        vec![format!("child_stack={}", pointer(stack)), format!("flags={}", words.join("|"))]
    }

    /// The first members of `struct clone_args`, those that programs set.
    fn clone3(&self, address: u64, size: u64) -> Vec<String> {
        const EXIT_SIGNAL_AT: u64 = 4 * 8;
        const STACK_AT: u64 = 5 * 8;
        const STACK_SIZE_AT: u64 = 6 * 8;
        const CGROUP_AT: u64 = 10 * 8;

        let words = [0, EXIT_SIGNAL_AT, STACK_AT, STACK_SIZE_AT].map(|at| self.word(address + at));
        let [Some(flags), Some(signal), Some(stack), Some(stack_size)] = words else {
            return vec![pointer(address), size.to_string()];
        };
        let mut members = vec![
            format!("flags={}", flags::flags(flags, flags::CLONE)),
            format!("exit_signal={}", flags::signal(signal)),
            format!("stack={}", pointer(stack)),
            format!("stack_size={}", hexadecimal(stack_size)),
        ];
        if flags & flags::CLONE_INTO_CGROUP != 0
            && let Some(group) = self.word(address + CGROUP_AT)
        {
            members.push(format!("cgroup={group}"));
        }
        vec![format!("{{{}}}", members.join(", ")), size.to_string()]
    }

    fn fsconfig(&self, [fs, command, key, value, aux, _]: [u64; 6]) -> Vec<String> {
        const SET_STRING: u64 = 1;
        const SET_PATH: u64 = 3;
        const SET_PATH_EMPTY: u64 = 4;
        let word = match low(command) {
            SET_STRING | SET_PATH | SET_PATH_EMPTY => self.path(value),
            _ => pointer(value),
        };
        let aux = match low(command) {
            SET_PATH | SET_PATH_EMPTY => dir(aux),
            _ => signed(aux).to_string(),
        };
        vec![fd(fs), flags::constant(low(command), flags::FSCONFIG), self.path(key), word, aux]
    }

    fn mount_attributes(&self, address: u64, size: u64) -> String {
        let words: Vec<u64> = (0..4).map_while(|index| self.word(address + 8 * index)).collect();
        let (true, [set, clear, propagation, user_ns]) = (size >= 32, words.as_slice()) else {
            return pointer(address);
        };
        let bits = |value: u64, names: FlagNames| flags::flags(value, names);
        format!(
            "{{attr_set={}, attr_clr={}, propagation={}, userns_fd={}}}",
            bits(*set, flags::MOUNT_ATTRIBUTES),
            bits(*clear, flags::MOUNT_ATTRIBUTES),
            bits(*propagation, flags::PROPAGATION),
            fd(*user_ns)
        )
    }

    /// `struct __user_cap_header_struct`: a version and a pid.
    fn capability_header(&self, address: u64) -> String {
        const VERSION_3: u64 = 0x2008_0522;
        let Some(word) = self.word(address) else { return pointer(address) };
        let version = match low(word) {
            VERSION_3 => "_LINUX_CAPABILITY_VERSION_3".to_owned(),
            other => format!("{other:#x}"),
        };
        format!("{{version={version}, pid={}}}", signed(word >> 32))
    }

    /// Two of `struct __user_cap_data_struct`: the lower and the upper halves of three sets.
    fn capability_sets(&self, address: u64) -> String {
        let words: Vec<u64> = (0..3).map_while(|index| self.word(address + 8 * index)).collect();
        let [first, second, third] = words.as_slice() else { return pointer(address) };
        // effective, permitted, inheritable: lower halves, then upper ones.
        let sets = [
            low(*first) | (second >> 32) << 32,
            (first >> 32) | low(*third) << 32,
            low(*second) | (third >> 32) << 32,
        ];
        let [effective, permitted, inheritable] = sets.map(flags::capabilities);
        format!("{{effective={effective}, permitted={permitted}, inheritable={inheritable}}}")
    }

    fn groups(&self, count: u64, address: u64) -> String {
        let count = usize::try_from(low(count)).unwrap_or(0);
        if count == 0 {
            return if address == 0 { "NULL".to_owned() } else { "[]".to_owned() };
        }
        let Some(bytes) = self.read(address, count.min(MAX_GROUPS) * 4) else {
            return pointer(address);
        };
        let mut ids: Vec<String> = bytes
            .chunks_exact(4)
            .map(|id| u32::from_ne_bytes([id[0], id[1], id[2], id[3]]).to_string())
            .collect();
        if count > MAX_GROUPS {
            ids.push("...".to_owned());
        }
        format!("[{}]", ids.join(", "))
    }

    /// `struct sock_fprog` of seccomp(2): how long it is, and where it lies.
    fn filter(&self, operation: u64, address: u64) -> String {
        let is_filter = low(operation) == u64::from(libc::SECCOMP_SET_MODE_FILTER);
        match (self.word(address), self.word(address + 8)) {
            (Some(length), Some(filter)) if is_filter => {
                format!("{{len={}, filter={}}}", length & 0xffff, pointer(filter))
            }
            _ => pointer(address),
        }
    }
}

fn open_tree_flags(value: u64) -> String {
    let own = flags::flags(low(value) & OPEN_TREE_BITS, flags::OPEN_TREE);
    match low(value) & !OPEN_TREE_BITS {
        0 => own,
        rest if own == "0" => flags::flags(rest, flags::AT),
        rest => format!("{own}|{}", flags::flags(rest, flags::AT)),
    }
}

/// The bits of open_tree(2) that are no `AT_…`.
const OPEN_TREE_BITS: u64 = 0o2_000_001;

fn prctl([option, a, b, c, d, _]: [u64; 6]) -> Vec<String> {
    let mut words = vec![flags::constant(low(option), flags::PRCTL)];
    let option = i32::try_from(low(option)).unwrap_or(-1);
    match option {
        libc::PR_CAPBSET_DROP => words.push(flags::capability(a)),
        libc::PR_SET_SECUREBITS => words.push(flags::flags(a, flags::SECUREBITS)),
        libc::PR_SET_KEEPCAPS => words.push(a.to_string()),
        libc::PR_CAP_AMBIENT => {
            words.push(flags::constant(a, flags::AMBIENT));
            words.push(match i32::try_from(a) {
                Ok(libc::PR_CAP_AMBIENT_CLEAR_ALL) => b.to_string(),
                _ => flags::capability(b),
            });
            words.extend([c, d].map(|it| it.to_string()));
        }
        _ => words.extend([a, b, c, d].map(|it| it.to_string())),
    }
    words
}

/// The lower 32 bits: what the kernel takes of an `int`.
fn low(value: u64) -> u64 {
    value & 0xffff_ffff
}

#[expect(clippy::cast_possible_truncation, reason = "the kernel takes the lower half of an int")]
fn signed(value: u64) -> i32 {
    value as i32
}

fn fd(value: u64) -> String {
    signed(value).to_string()
}

/// A directory's descriptor, or the sign for the current one.
fn dir(value: u64) -> String {
    if signed(value) == libc::AT_FDCWD { "AT_FDCWD".to_owned() } else { fd(value) }
}

fn pointer(address: u64) -> String {
    if address == 0 { "NULL".to_owned() } else { format!("{address:#x}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libc::c_long;
    use std::collections::BTreeMap;

    /// Memory that has these bytes at these addresses, and nothing else.
    #[derive(Default)]
    struct Pieces(BTreeMap<u64, Vec<u8>>);

    impl CallerMemory for Pieces {
        fn read(&self, address: u64, into: &mut [u8]) -> usize {
            let found = self.0.range(..=address).next_back();
            let Some((start, bytes)) = found else { return 0 };
            let rest = bytes.get((address - start) as usize..).unwrap_or(&[]);
            let count = rest.len().min(into.len());
            into[..count].copy_from_slice(&rest[..count]);
            count
        }
    }

    fn words(words: &[u64]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    #[track_caller]
    fn check(call: c_long, args: &[u64], pieces: &[(u64, &[u8])], expected: &str) {
        let mut all = [0; 6];
        all[..args.len()].copy_from_slice(args);
        let memory = Pieces(pieces.iter().map(|(at, bytes)| (*at, bytes.to_vec())).collect());
        let written = write(call, all, &memory).expect("a watched call");
        assert_eq!(format!("{}({})", written.name, written.args), expected);
    }

    #[test]
    fn mounts_are_written_as_strace_writes_them() {
        let pieces: &[(u64, &[u8])] =
            &[(0x1000, b"none\0"), (0x2000, b"/a \"b\"\0"), (0x3000, b"tmpfs\0")];
        check(
            libc::SYS_mount,
            &[0x1000, 0x2000, 0x3000, libc::MS_NOSUID | libc::MS_NODEV, 0],
            pieces,
            r#"mount("none", "/a \"b\"", "tmpfs", MS_NOSUID|MS_NODEV, NULL)"#,
        );
        check(
            libc::SYS_mount,
            &[0, 0x2000, 0, libc::MS_REC | libc::MS_PRIVATE, 0],
            pieces,
            r#"mount(NULL, "/a \"b\"", NULL, MS_REC|MS_PRIVATE, NULL)"#,
        );
        check(libc::SYS_umount2, &[0x1000, 2], pieces, r#"umount2("none", MNT_DETACH)"#);
        // An address that leads nowhere is written as it is.
        check(libc::SYS_chroot, &[0x10], &[], "chroot(0x10)");
        let long = [b'x'; 40];
        let options: &[(u64, &[u8])] = &[(0x1000, b"a\0"), (0x4000, &long)];
        check(
            libc::SYS_mount,
            &[0x1000, 0x1000, 0x1000, 0, 0x4000],
            options,
            &format!(r#"mount("a", "a", "a", 0, "{}"...)"#, "x".repeat(32)),
        );
    }

    #[test]
    fn namespaces_are_written_as_strace_writes_them() {
        let new = (libc::CLONE_NEWPID | libc::CLONE_NEWNS) as u64;
        check(
            libc::SYS_unshare,
            &[new | 0x80],
            &[],
            "unshare(CLONE_NEWTIME|CLONE_NEWNS|CLONE_NEWPID)",
        );
        check(libc::SYS_setns, &[3, 0], &[], "setns(3, 0)");
        check(
            libc::SYS_clone,
            &[new | libc::SIGCHLD as u64, 0],
            &[],
            "clone(child_stack=NULL, flags=CLONE_NEWNS|CLONE_NEWPID|SIGCHLD)",
        );
        let arguments = words(&[new, 0, 0, 0, libc::SIGCHLD as u64, 0x7000, 0x100, 0, 0, 0, 0]);
        check(
            libc::SYS_clone3,
            &[0x5000, 88],
            &[(0x5000, &arguments)],
            "clone3({flags=CLONE_NEWNS|CLONE_NEWPID, exit_signal=SIGCHLD, stack=0x7000, stack_size=0x100}, 88)",
        );
        check(
            libc::SYS_sethostname,
            &[0x1000, 3],
            &[(0x1000, b"box\0")],
            r#"sethostname("box", 3)"#,
        );
    }

    #[test]
    fn directories_devices_and_rights_are_written_as_strace_writes_them() {
        let at = libc::AT_FDCWD as u64;
        let pieces: &[(u64, &[u8])] = &[(0x1000, b"web\0")];
        check(libc::SYS_mkdirat, &[at, 0x1000, 0o755], pieces, r#"mkdirat(AT_FDCWD, "web", 0755)"#);
        check(
            libc::SYS_unlinkat,
            &[at, 0x1000, 0x200],
            pieces,
            r#"unlinkat(AT_FDCWD, "web", AT_REMOVEDIR)"#,
        );
        check(
            libc::SYS_mknodat,
            &[at, 0x1000, u64::from(libc::S_IFCHR) | 0o666, libc::makedev(1, 3)],
            pieces,
            r#"mknodat(AT_FDCWD, "web", S_IFCHR|0666, makedev(0x1, 0x3))"#,
        );
        check(libc::SYS_kill, &[1, 15], &[], "kill(1, SIGTERM)");
        check(
            libc::SYS_prctl,
            &[libc::PR_SET_NO_NEW_PRIVS as u64, 1],
            &[],
            "prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)",
        );
        let header = words(&[0x2008_0522]);
        let sets = words(&[0b11 << 32 | 0b1, 0, 1 << 8 << 32]);
        check(
            libc::SYS_capset,
            &[0x1000, 0x2000],
            &[(0x1000, &header), (0x2000, &sets)],
            "capset({version=_LINUX_CAPABILITY_VERSION_3, pid=0}, {effective=1<<CAP_CHOWN, \
             permitted=1<<CAP_CHOWN|1<<CAP_DAC_OVERRIDE, inheritable=1<<CAP_CHECKPOINT_RESTORE})",
        );
    }

    #[test]
    fn what_is_not_watched_is_not_written() {
        assert_eq!(write(libc::SYS_read, [0; 6], &Pieces::default()), None);
    }
}
