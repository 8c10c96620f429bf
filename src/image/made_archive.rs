//! Entries of archives that tests make, with names as they are written: the library's own functions refuse what a hostile archive has.
#![cfg(test)]

use std::io::Write;

use tar::{Builder, EntryType, Header};

/// Add an entry of root's: its name and the target of a link have at most 100 bytes.
pub fn add(to: &mut Builder<impl Write>, name: &str, kind: EntryType, target: &str, bytes: &[u8]) {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o755);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(bytes.len() as u64);
    let old = header.as_old_mut();
    old.name[..name.len()].copy_from_slice(name.as_bytes());
    old.linkname[..target.len()].copy_from_slice(target.as_bytes());
    header.set_cksum();
    to.append(&header, bytes).expect("an entry");
}
