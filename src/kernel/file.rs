//! Files and directories, with every call recorded.

use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, SFlag};

use super::notation;
use super::record::Recorder;
use crate::op::WriteMode;

/// Most of a file that an op reads, in bytes.
const READ_LIMIT: usize = 64 * 1024;

pub fn open(
    recorder: &mut Recorder,
    path: &str,
    flags: OFlag,
    mode: u32,
) -> Result<OwnedFd, Errno> {
    let mut args = format!("AT_FDCWD, {}, {}", notation::quoted(path), notation::open_flags(flags));
    if flags.contains(OFlag::O_CREAT) {
        args.push_str(&format!(", {mode:#05o}").replace("0o", "0"));
    }
    recorder.call("openat", args, || {
        nix::fcntl::openat(nix::fcntl::AT_FDCWD, path, flags, Mode::from_bits_truncate(mode))
    })
}

/// One write of the whole text: files of /proc and cgroups take nothing else.
pub fn write_text(
    recorder: &mut Recorder,
    path: &str,
    text: &str,
    mode: WriteMode,
) -> Result<(), Errno> {
    let flags = match mode {
        WriteMode::Create => OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC,
        WriteMode::Append => OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_APPEND,
        WriteMode::Existing | WriteMode::IfThere => OFlag::O_WRONLY,
    };
    let file = match open(recorder, path, flags | OFlag::O_CLOEXEC, 0o644) {
        Err(Errno::ENOENT) if mode == WriteMode::IfThere => return Ok(()),
        opened => opened?,
    };

    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let args = format!("{}, {}, {}", fd_number(&file), notation::quoted(rest), rest.len());
        let written = recorder.call("write", args, || nix::unistd::write(&file, rest))?;
        rest = &rest[written..];
    }
    Ok(())
}

/// The file's text, up to 64 KiB; bytes that are no UTF-8 are replaced.
pub fn read_text(recorder: &mut Recorder, path: &str) -> Result<String, Errno> {
    let file = open(recorder, path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, 0)?;
    read_all(recorder, &file)
}

/// A file below a directory that is held open.
pub fn read_text_at(recorder: &mut Recorder, dir: &OwnedFd, name: &str) -> Result<String, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let args =
        format!("{}, {}, {}", fd_number(dir), notation::quoted(name), notation::open_flags(flags));
    let file =
        recorder.call("openat", args, || nix::fcntl::openat(dir, name, flags, Mode::empty()))?;
    read_all(recorder, &file)
}

fn read_all(recorder: &mut Recorder, file: &OwnedFd) -> Result<String, Errno> {
    let mut content = Vec::new();
    let mut buffer = vec![0_u8; 16 * 1024];

    while content.len() < READ_LIMIT {
        let fd = fd_number(file);
        let size = buffer.len();
        let count = recorder.call_with_buffer(
            "read",
            &mut buffer,
            |buffer| nix::unistd::read(file, buffer),
            |buffer, read| {
                format!(
                    "{fd}, {}, {size}",
                    notation::quoted(&buffer[..*read.as_ref().unwrap_or(&0)])
                )
            },
        )?;
        if count == 0 {
            break;
        }
        content.extend_from_slice(&buffer[..count]);
    }

    Ok(String::from_utf8_lossy(&content).into_owned())
}

/// Read once into a buffer; 0 at the end of the file. Of what was read the record has the beginning, as strace writes it.
pub fn read_some(
    recorder: &mut Recorder,
    file: &OwnedFd,
    buffer: &mut [u8],
) -> Result<usize, Errno> {
    let fd = fd_number(file);
    let size = buffer.len();
    recorder.call_with_buffer(
        "read",
        buffer,
        |buffer| nix::unistd::read(file, buffer),
        |buffer, read| {
            let count = *read.as_ref().unwrap_or(&0);
            format!("{fd}, {}, {size}", notation::quoted_start(&buffer[..count]))
        },
    )
}

/// Write all of it, in as many calls as it takes.
pub fn write_all(recorder: &mut Recorder, file: &OwnedFd, mut rest: &[u8]) -> Result<(), Errno> {
    while !rest.is_empty() {
        let fd = fd_number(file);
        let args = format!("{fd}, {}, {}", notation::quoted_start(rest), rest.len());
        let written = recorder.call("write", args, || nix::unistd::write(file, rest))?;
        rest = &rest[written..];
    }
    Ok(())
}

/// Take away the file that is in the way of another, if one is.
pub fn make_way(recorder: &mut Recorder, path: &str) -> Result<(), Errno> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => unlink(recorder, path),
        Err(_) => Ok(()),
    }
}

pub fn rename(recorder: &mut Recorder, from: &str, to: &str) -> Result<(), Errno> {
    let args = format!("{}, {}", notation::quoted(from), notation::quoted(to));
    recorder.call("rename", args, || std::fs::rename(from, to).map_err(super::errno::to_errno))
}

pub fn link(recorder: &mut Recorder, from: &str, to: &str) -> Result<(), Errno> {
    let args = format!("{}, {}", notation::quoted(from), notation::quoted(to));
    recorder.call("link", args, || make_link(from, to))
}

pub fn chmod(recorder: &mut Recorder, path: &str, mode: u32) -> Result<(), Errno> {
    let args = format!("{}, 0{mode:03o}", notation::quoted(path));
    let permissions = std::fs::Permissions::from_mode(mode);
    recorder.call("chmod", args, || {
        std::fs::set_permissions(path, permissions.clone()).map_err(super::errno::to_errno)
    })
}

/// A kind of file that mknod(2) makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    Character,
    Block,
    Fifo,
}

/// A device node with its numbers, major and minor, or a FIFO, which has none.
pub fn mknod(
    recorder: &mut Recorder,
    path: &str,
    kind: NodeKind,
    (major, minor): (u32, u32),
) -> Result<(), Errno> {
    let flag = match kind {
        NodeKind::Character => SFlag::S_IFCHR,
        NodeKind::Block => SFlag::S_IFBLK,
        NodeKind::Fifo => SFlag::S_IFIFO,
    };
    let device = nix::sys::stat::makedev(u64::from(major), u64::from(minor));
    let mode = flag.bits() | 0o644;
    let args = [vec![notation::quoted(path)], notation::node(mode, device)].concat().join(", ");
    recorder.call("mknod", args, || make_node(path, mode, device))
}

/// link(2) itself: the C library makes a linkat(2) of it.
#[cfg(target_arch = "x86_64")]
fn make_link(from: &str, to: &str) -> Result<(), Errno> {
    let (from, to) = (c_string(from)?, c_string(to)?);
    // SAFETY: both strings live through the call.
    Errno::result(unsafe { libc::syscall(libc::SYS_link, from.as_ptr(), to.as_ptr()) }).map(drop)
}

/// mknod(2) itself: the C library makes a mknodat(2) of it.
#[cfg(target_arch = "x86_64")]
fn make_node(path: &str, mode: u32, device: u64) -> Result<(), Errno> {
    let path = c_string(path)?;
    // SAFETY: the string lives through the call.
    let returned = unsafe { libc::syscall(libc::SYS_mknod, path.as_ptr(), mode, device) };
    Errno::result(returned).map(drop)
}

#[cfg(target_arch = "x86_64")]
fn c_string(path: &str) -> Result<std::ffi::CString, Errno> {
    std::ffi::CString::new(path).map_err(|_| Errno::EINVAL)
}

/// As near as a machine comes that has only linkat(2).
#[cfg(not(target_arch = "x86_64"))]
fn make_link(from: &str, to: &str) -> Result<(), Errno> {
    std::fs::hard_link(from, to).map_err(super::errno::to_errno)
}

/// As near as a machine comes that has only mknodat(2).
#[cfg(not(target_arch = "x86_64"))]
fn make_node(path: &str, mode: u32, device: u64) -> Result<(), Errno> {
    let (kind, mode) = (SFlag::from_bits_truncate(mode), Mode::from_bits_truncate(mode));
    nix::sys::stat::mknod(path, kind, mode, device)
}

/// An extended attribute of a file.
pub fn setxattr(recorder: &mut Recorder, path: &str, name: &str, value: &str) -> Result<(), Errno> {
    let quoted = notation::quoted;
    let args = format!("{}, {}, {}, {}, 0", quoted(path), quoted(name), quoted(value), value.len());
    recorder.call("setxattr", args, || {
        xattr::set_deref(path, name, value.as_bytes()).map_err(super::errno::to_errno)
    })
}

pub fn mkdir(recorder: &mut Recorder, path: &str) -> Result<(), Errno> {
    let args = format!("{}, 0755", notation::quoted(path));
    recorder.call("mkdir", args, || nix::unistd::mkdir(path, Mode::from_bits_truncate(0o755)))
}

/// `mkdir -p`: what is there already is fine.
pub fn mkdir_parents(recorder: &mut Recorder, path: &str) -> Result<(), Errno> {
    let cuts = path.match_indices('/').map(|(at, _)| at).filter(|&at| at > 0).chain([path.len()]);
    for cut in cuts {
        let ancestor = &path[..cut];
        if !std::path::Path::new(ancestor).is_dir() {
            mkdir(recorder, ancestor)?;
        }
    }
    Ok(())
}

pub fn rmdir(recorder: &mut Recorder, path: &str) -> Result<(), Errno> {
    recorder.call("rmdir", notation::quoted(path), || {
        // nix has unlinkat for this; the plain call is what `rmdir` makes.
        std::fs::remove_dir(path).map_err(super::errno::to_errno)
    })
}

pub fn unlink(recorder: &mut Recorder, path: &str) -> Result<(), Errno> {
    recorder.call("unlink", notation::quoted(path), || nix::unistd::unlink(path))
}

pub fn symlink(recorder: &mut Recorder, to: &str, path: &str) -> Result<(), Errno> {
    let args = format!("{}, {}", notation::quoted(to), notation::quoted(path));
    recorder.call("symlink", args, || {
        std::os::unix::fs::symlink(to, path).map_err(super::errno::to_errno)
    })
}

pub fn chdir(recorder: &mut Recorder, path: &str) -> Result<(), Errno> {
    recorder.call("chdir", notation::quoted(path), || nix::unistd::chdir(path))
}

pub fn chroot(recorder: &mut Recorder, path: &str) -> Result<(), Errno> {
    recorder.call("chroot", notation::quoted(path), || nix::unistd::chroot(path))
}

pub fn fd_number(file: &OwnedFd) -> i32 {
    use std::os::fd::AsRawFd;
    file.as_raw_fd()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_may_be_missing_is_no_failure_but_any_other_errno_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let check = |name: &str, mode, wanted: Result<(), Errno>| {
            let path = folder.path().join(name);
            let path = path.to_str().expect("a path");
            let mut recorder = Recorder::default();

            assert_eq!(write_text(&mut recorder, path, "0\n", mode), wanted, "{name}");
            assert_eq!(recorder.into_calls()[0].name, "openat", "what was tried is told");
        };

        check("absent", WriteMode::IfThere, Ok(()));
        check("absent", WriteMode::Existing, Err(Errno::ENOENT));
        std::fs::write(folder.path().join("there"), "1\n").expect("a file");
        check("there", WriteMode::IfThere, Ok(()));
        check("there/below", WriteMode::IfThere, Err(Errno::ENOTDIR));
        let text = std::fs::read_to_string(folder.path().join("there")).expect("its text");
        assert_eq!(text, "0\n");
    }
}
