//! This program's own binary as a sealed copy in memory, for roles to be executed from: a lab can reach the
//! file that its first process runs (`/proc/1/exe`), and where it is the user's own, root of the lab could
//! write to it on kernels that let go of a running program (6.11, 6.12). The kind of CVE-2019-5736. The copy
//! has no path to give away, either.

use std::io::Seek;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::errno::to_errno;

/// A copy that nobody can change, to be executed as `/proc/self/fd/N`; it ends with its last descriptor and process.
pub fn sealed_copy(program: &Path) -> Result<OwnedFd, Errno> {
    let mut from = std::fs::File::open(program).map_err(to_errno)?;
    let mut into = std::fs::File::from(create()?);
    std::io::copy(&mut from, &mut into).map_err(to_errno)?;
    into.rewind().map_err(to_errno)?;

    let seals = SealFlag::F_SEAL_WRITE
        | SealFlag::F_SEAL_SHRINK
        | SealFlag::F_SEAL_GROW
        | SealFlag::F_SEAL_SEAL;
    fcntl(&into, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(into.into())
}

/// An empty file in memory. Since Linux 6.3 one that is to be executed says so; before, EINVAL.
fn create() -> Result<OwnedFd, Errno> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let executable = MFdFlags::from_bits_retain(libc::MFD_EXEC);
    memfd_create(c"unboxed", flags | executable).or_else(|_| memfd_create(c"unboxed", flags))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsRawFd;

    #[test]
    fn a_sealed_copy_runs_and_takes_no_write() {
        let sealed = sealed_copy(Path::new("/bin/true")).expect("a copy");
        let path = format!("/proc/self/fd/{}", sealed.as_raw_fd());
        assert!(std::process::Command::new(&path).status().expect("it starts").success());

        let opened = std::fs::OpenOptions::new().write(true).open(&path);
        assert!(opened.and_then(|mut file| file.write_all(b"x")).is_err());
    }
}
