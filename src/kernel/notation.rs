//! strace's notation for arguments: quoted strings, flag words, socket addresses.

use std::net::Ipv4Addr;

use nix::fcntl::OFlag;

use crate::op::{MountFlag, NamespaceKind, UmountFlag};

/// A C string or a buffer between quotes, escaped as strace does: C escapes, octal for the rest.
pub fn quoted(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref();
    let mut text = String::with_capacity(bytes.len() + 2);
    text.push('"');

    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            b'\r' => text.push_str("\\r"),
            0x0b => text.push_str("\\v"),
            0x0c => text.push_str("\\f"),
            b' '..=b'~' => text.push(byte as char),
            _ => {
                let digit_follows = bytes.get(at + 1).is_some_and(|it| (b'0'..=b'7').contains(it));
                text.push_str(&if digit_follows {
                    format!("\\{byte:03o}")
                } else {
                    format!("\\{byte:o}")
                });
            }
        }
    }

    text.push('"');
    text
}

/// The first bytes of a long buffer, as strace writes it: three dots stand for the rest.
pub fn quoted_start(bytes: &[u8]) -> String {
    const SHOWN: usize = 32;
    match bytes.get(..SHOWN) {
        Some(start) if bytes.len() > SHOWN => format!("{}...", quoted(start)),
        _ => quoted(bytes),
    }
}

/// A number in hexadecimal, and 0 as it is.
pub fn hexadecimal(value: u64) -> String {
    if value == 0 { "0".to_owned() } else { format!("{value:#x}") }
}

/// Permissions, in octal with three digits at least.
pub fn mode(bits: u32) -> String {
    format!("0{:03o}", bits & 0o7777)
}

/// Kind and permissions of a new file, and a device's numbers where it is one.
pub fn node(bits: u32, device: u64) -> Vec<String> {
    let kind = match bits & libc::S_IFMT {
        libc::S_IFCHR => "S_IFCHR|",
        libc::S_IFBLK => "S_IFBLK|",
        libc::S_IFIFO => "S_IFIFO|",
        libc::S_IFREG => "S_IFREG|",
        libc::S_IFSOCK => "S_IFSOCK|",
        _ => "",
    };
    let mut words = vec![format!("{kind}{}", mode(bits))];
    if matches!(bits & libc::S_IFMT, libc::S_IFCHR | libc::S_IFBLK) {
        let (major, minor) = (libc::major(device), libc::minor(device));
        words.push(format!(
            "makedev({}, {})",
            hexadecimal(major.into()),
            hexadecimal(minor.into())
        ));
    }
    words
}

/// A pointer that may be NULL.
pub fn quoted_or_null(text: Option<&str>) -> String {
    text.map_or_else(|| "NULL".into(), quoted)
}

fn joined(names: Vec<&'static str>) -> String {
    if names.is_empty() { "0".into() } else { names.join("|") }
}

pub fn mount_flags(flags: &[MountFlag]) -> String {
    let mut flags = flags.to_vec();
    flags.sort_unstable();

    joined(
        flags
            .into_iter()
            .map(|flag| match flag {
                MountFlag::ReadOnly => "MS_RDONLY",
                MountFlag::NoSuid => "MS_NOSUID",
                MountFlag::NoDev => "MS_NODEV",
                MountFlag::NoExec => "MS_NOEXEC",
                MountFlag::Remount => "MS_REMOUNT",
                MountFlag::Bind => "MS_BIND",
                MountFlag::Move => "MS_MOVE",
                MountFlag::Recursive => "MS_REC",
                MountFlag::Unbindable => "MS_UNBINDABLE",
                MountFlag::Private => "MS_PRIVATE",
                MountFlag::Slave => "MS_SLAVE",
                MountFlag::Shared => "MS_SHARED",
            })
            .collect(),
    )
}

pub fn umount_flags(flags: &[UmountFlag]) -> String {
    joined(
        flags
            .iter()
            .map(|flag| match flag {
                UmountFlag::Force => "MNT_FORCE",
                UmountFlag::Detach => "MNT_DETACH",
                UmountFlag::NoFollow => "UMOUNT_NOFOLLOW",
            })
            .collect(),
    )
}

/// Flags of clone(2), in the order of strace's own table.
pub fn clone_flags(kinds: &[NamespaceKind]) -> String {
    const ORDER: [NamespaceKind; 8] = [
        NamespaceKind::Time,
        NamespaceKind::Mount,
        NamespaceKind::Cgroup,
        NamespaceKind::Uts,
        NamespaceKind::Ipc,
        NamespaceKind::User,
        NamespaceKind::Pid,
        NamespaceKind::Net,
    ];

    joined(
        ORDER
            .into_iter()
            .filter(|kind| kinds.contains(kind))
            .map(NamespaceKind::clone_flag)
            .collect(),
    )
}

/// The same as clone(2) takes them, with the signal that tells the parent of the end.
pub fn old_clone_flags(kinds: &[NamespaceKind]) -> String {
    if kinds.is_empty() { "SIGCHLD".to_owned() } else { format!("{}|SIGCHLD", clone_flags(kinds)) }
}

pub fn open_flags(flags: OFlag) -> String {
    let mode = flags & OFlag::O_ACCMODE;
    let mut names = vec![if mode == OFlag::O_WRONLY {
        "O_WRONLY"
    } else if mode == OFlag::O_RDWR {
        "O_RDWR"
    } else {
        "O_RDONLY"
    }];

    const NAMES: [(OFlag, &str); 7] = [
        (OFlag::O_CREAT, "O_CREAT"),
        (OFlag::O_EXCL, "O_EXCL"),
        (OFlag::O_TRUNC, "O_TRUNC"),
        (OFlag::O_APPEND, "O_APPEND"),
        (OFlag::O_NOFOLLOW, "O_NOFOLLOW"),
        (OFlag::O_CLOEXEC, "O_CLOEXEC"),
        (OFlag::O_DIRECTORY, "O_DIRECTORY"),
    ];

    names.extend(NAMES.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, name)| *name));
    names.join("|")
}

pub fn socket_address(to: Ipv4Addr, port: u16) -> String {
    format!("{{sa_family=AF_INET, sin_port=htons({port}), sin_addr=inet_addr(\"{to}\")}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_as_strace_quotes_them() {
        let check = |input: &[u8], expected: &str| assert_eq!(quoted(input), expected);
        check(b"/proc", r#""/proc""#);
        check(b"a\"b\\c\n", r#""a\"b\\c\n""#);
        check(b"\x08\0\0", r#""\10\0\0""#);
        check(b"\x081", r#""\0101""#);
        // No octal digit.
        check(b"\x088", r#""\108""#);
        check("é".as_bytes(), r#""\303\251""#);
        assert_eq!(quoted_or_null(None), "NULL");
    }

    #[test]
    fn flags_come_in_straces_order() {
        assert_eq!(mount_flags(&[MountFlag::Private, MountFlag::Recursive]), "MS_REC|MS_PRIVATE");
        assert_eq!(mount_flags(&[]), "0");
        assert_eq!(
            clone_flags(&[NamespaceKind::Pid, NamespaceKind::Mount, NamespaceKind::Net]),
            "CLONE_NEWNS|CLONE_NEWPID|CLONE_NEWNET"
        );
        assert_eq!(
            open_flags(OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_CLOEXEC),
            "O_WRONLY|O_CREAT|O_CLOEXEC"
        );
    }
}
