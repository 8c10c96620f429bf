//! System V objects, from the tables below /proc/sysvipc. These show the namespace of whoever opens them, so their text
//! comes from inside a lab.

use std::os::unix::fs::MetadataExt;

use crate::op::{IpcKind, IpcObject};
use crate::snapshot::{NsInode, Omitted};

/// The most objects that are kept of a namespace.
const MAX_OBJECTS: usize = 64;

/// The IPC namespace of a process, by its PID on the machine; none once it has ended.
pub fn namespace_of(pid: u32) -> Option<NsInode> {
    std::fs::metadata(format!("/proc/{pid}/ns/ipc")).ok().map(|link| NsInode(link.ino()))
}

/// The objects in the tables of all kinds, one after the other, in the order of [`IpcKind::ALL`]. Each table begins with
/// its heading.
pub fn parse(tables: &str) -> (Vec<IpcObject>, Omitted) {
    let mut objects = Vec::new();
    let mut kinds = IpcKind::ALL.into_iter();
    let mut kind = None;
    for line in tables.lines() {
        if line.trim_start().starts_with("key") {
            kind = kinds.next();
        } else if let Some(kind) = kind {
            objects.extend(object(kind, line));
        }
    }

    let omitted = Omitted::rows(objects.len().saturating_sub(MAX_OBJECTS));
    objects.truncate(MAX_OBJECTS);
    (objects, omitted)
}

fn object(kind: IpcKind, line: &str) -> Option<IpcObject> {
    // key, id, mode in octal; then, of a queue, the bytes in it; of memory its size, two pids and who has it mapped; of
    // semaphores how many.
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let number = |place: usize| fields.get(place)?.parse::<u64>().ok();
    let attached = if kind == IpcKind::Memory { number(6)? } else { 0 };
    let key = fields.first()?.parse::<i32>().ok()?.cast_unsigned();
    let id = u32::try_from(number(1)?).ok()?;
    Some(IpcObject { kind, key, id, size: number(3)?, attached })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_the_kernel_are_read_and_bounded() {
        // As Linux 6.18 prints them.
        let text = "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime
     16962          0   644           5          1    12     0     0     0     0     0          0          0 1764270000
       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap
         7          3   644               1048576    12    13      2     0     0     0     0          0          0 1764270000                     0                     0
       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime
-559038737          1   600          4     0     0     0     0          0 1764270000
";
        let object = |kind, key, id, size, attached| IpcObject { kind, key, id, size, attached };
        let expected = vec![
            object(IpcKind::Queue, 0x4242, 0, 5, 0),
            object(IpcKind::Memory, 7, 3, 1 << 20, 2),
            object(IpcKind::Semaphores, 0xdead_beef, 1, 4, 0),
        ];
        assert_eq!(parse(text), (expected, Omitted::Nothing));

        let many = format!("key\n{}", "1 2 644 0\n".repeat(100));
        let (kept, omitted) = parse(&many);
        assert_eq!((kept.len(), omitted), (64, Omitted::Rows(36)));
        assert_eq!(parse("key\nnonsense\n\n1\n").0, []);
    }
}
