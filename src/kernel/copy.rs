//! `cp -a FROM/. TO` for the trees of an image: directories, regular files, symbolic links; modes kept.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;

use super::errno::to_errno;
use super::file;
use super::record::Recorder;

/// Copy the content of a directory into another, which must be there. Entries come in byte order of their names.
pub fn copy_tree(recorder: &mut Recorder, from: &str, to: &str) -> Result<(), Errno> {
    let mut names: Vec<_> = std::fs::read_dir(from)
        .map_err(to_errno)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort_unstable();

    for name in names {
        let source = format!("{from}/{name}");
        let target = format!("{to}/{name}");
        let metadata = std::fs::symlink_metadata(&source).map_err(to_errno)?;

        if metadata.is_dir() {
            if !Path::new(&target).is_dir() {
                file::mkdir(recorder, &target)?;
            }
            copy_tree(recorder, &source, &target)?;
        } else if metadata.is_symlink() {
            let link = std::fs::read_link(&source).map_err(to_errno)?;
            file::make_way(recorder, &target)?;
            file::symlink(recorder, &link.to_string_lossy(), &target)?;
        } else if metadata.is_file() {
            file::make_way(recorder, &target)?;
            copy_file(
                recorder,
                &source,
                &target,
                metadata.permissions().mode() & 0o777,
                metadata.len() as usize,
            )?;
        }
    }
    Ok(())
}

fn copy_file(
    recorder: &mut Recorder,
    from: &str,
    to: &str,
    mode: u32,
    size: usize,
) -> Result<(), Errno> {
    let source = file::open(recorder, from, OFlag::O_RDONLY | OFlag::O_CLOEXEC, 0)?;
    let target = file::open(
        recorder,
        to,
        OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC,
        mode,
    )?;

    let mut left = size;
    while left > 0 {
        let args =
            format!("{}, {}, NULL, {left}", file::fd_number(&target), file::fd_number(&source));
        match recorder
            .call("sendfile", args, || nix::sys::sendfile::sendfile(&target, &source, None, left))?
        {
            // The source became shorter meanwhile.
            0 => break,
            sent => left -= sent.min(left),
        }
    }
    Ok(())
}
