//! Mount tables: /proc/PID/mountinfo, see proc_pid_mountinfo(5).

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Take};
use std::path::Path;

use super::bounds;
use crate::snapshot::{Mount, Omitted, Propagation};
use crate::text::octal_undone;

/// The bounds on all mount tables of one snapshot, less what has been read.
#[derive(Debug)]
pub struct MountLimits {
    pub rows: bounds::Budget,
    pub bytes: bounds::Budget,
}

impl Default for MountLimits {
    fn default() -> MountLimits {
        MountLimits {
            rows: bounds::Budget::new(bounds::MAX_MOUNTS_TOTAL),
            bytes: bounds::Budget::new(bounds::MAX_MOUNT_BYTES),
        }
    }
}

/// The mount table as the process sees it, in the kernel's order, and what was left out of it. The file is opened anew
/// each time: what it says depends on the root that the process had when it was opened.
pub fn read(proc_root: &Path, pid: u32, limits: &mut MountLimits) -> (Vec<Mount>, Omitted) {
    let Ok(file) = File::open(proc_root.join(format!("{pid}/mountinfo"))) else {
        return (Vec::new(), Omitted::Nothing);
    };
    let (rows, bytes) = (limits.rows.up_to(bounds::MAX_MOUNTS), limits.bytes.up_to(usize::MAX));
    let (kept, omitted) =
        read_lines(file.take(bounds::MAX_MOUNT_BYTES_COUNTED as u64), rows, bytes);
    limits.rows.spend(kept.iter().filter(|byte| **byte == b'\n').count());
    limits.bytes.spend(kept.len());

    (parse(&String::from_utf8_lossy(&kept)), omitted)
}

/// The mount table of a process of the machine, whole if it is no larger than one can be.
pub fn read_whole(proc_root: &Path, pid: u32) -> (Vec<Mount>, Omitted) {
    let Ok(file) = File::open(proc_root.join(format!("{pid}/mountinfo"))) else {
        return (Vec::new(), Omitted::Nothing);
    };
    let bytes = bounds::MAX_MACHINE_BYTES;
    let (kept, omitted) = read_lines(file.take(bytes as u64), bounds::MAX_MACHINE_ENTRIES, bytes);
    (parse(&String::from_utf8_lossy(&kept)), omitted)
}

/// The first lines, whole; those behind them are counted.
fn read_lines(from: Take<impl Read>, rows: usize, bytes: usize) -> (Vec<u8>, Omitted) {
    let mut reader = BufReader::with_capacity(16 << 10, from);
    let mut kept = Vec::new();
    let mut lines = 0;
    while lines < rows {
        let before = kept.len();
        match reader.read_until(b'\n', &mut kept) {
            Ok(0) if reader.get_ref().limit() == 0 => return (kept, Omitted::Uncounted),
            Ok(0) | Err(_) => return (kept, Omitted::Nothing),
            Ok(_) if kept.len() > bytes => {
                kept.truncate(before);
                return (kept, count_lines(reader, 1));
            }
            Ok(_) => lines += 1,
        }
    }

    (kept, count_lines(reader, 0))
}

fn count_lines(mut reader: BufReader<Take<impl Read>>, mut lines: usize) -> Omitted {
    loop {
        let length = match reader.fill_buf() {
            Ok([]) | Err(_) => break,
            Ok(buffer) => {
                lines += buffer.iter().filter(|byte| **byte == b'\n').count();
                buffer.len()
            }
        };
        reader.consume(length);
    }

    if reader.get_ref().limit() == 0 { Omitted::Uncounted } else { Omitted::rows(lines) }
}

/// The mounts of a mountinfo text. Lines that are no mountinfo are left out.
pub fn parse(text: &str) -> Vec<Mount> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Mount> {
    // Paths have their blanks escaped: the first ` - ` is the end of the optional fields.
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ');
    let id = left.next()?.parse().ok()?;
    let parent = left.next()?.parse().ok()?;
    let device = left.next()?.to_owned();
    let root = octal_undone(left.next()?);
    let target = octal_undone(left.next()?);
    let options = left.next()?.to_owned();

    let mut propagation = Propagation::default();
    for field in left {
        match field.split_once(':') {
            Some(("shared", group)) => propagation.shared = group.parse().ok(),
            Some(("master", group)) => propagation.master = group.parse().ok(),
            _ => propagation.unbindable |= field == "unbindable",
        }
    }

    let mut right = right.splitn(3, ' ');
    Some(Mount {
        id,
        parent,
        device,
        root,
        target,
        options,
        propagation,
        fstype: right.next()?.to_owned(),
        source: octal_undone(right.next()?),
        super_options: octal_undone(right.next().unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_mountinfo_is_read_field_by_field() {
        let line = "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue";
        let mount = &parse(line)[0];
        assert_eq!((mount.id, mount.parent, mount.device.as_str()), (36, 35, "98:0"));
        assert_eq!((mount.root.as_str(), mount.target.as_str()), ("/mnt1", "/mnt 2"));
        assert_eq!((mount.options.as_str(), mount.fstype.as_str()), ("rw,noatime", "ext3"));
        assert_eq!(
            (mount.source.as_str(), mount.super_options.as_str()),
            ("/dev/root", "rw,errors=continue")
        );
        assert_eq!(mount.propagation.word(), "shared,slave");
    }

    #[test]
    fn propagation_has_findmnts_words() {
        let check = |tags: &str, expected: &str| {
            let line = format!("1 2 0:1 / /x rw {tags}- tmpfs none rw");
            assert_eq!(parse(&line)[0].propagation.word(), expected, "{tags}");
        };
        check("", "private");
        check("shared:1 ", "shared");
        check("master:1 ", "private,slave");
        check("master:1 propagate_from:2 ", "private,slave");
        check("unbindable ", "private,unbindable");
    }

    #[test]
    fn what_is_no_mountinfo_is_left_out() {
        for text in ["", "garbage", "1 2 3", "a b c d e f - g h i", "1 2 0:1 / /x rw - "] {
            assert_eq!(parse(text), [], "{text}");
        }
    }

    #[test]
    fn a_table_of_any_size_is_cut_and_says_how_much_is_missing() {
        let line = |index: usize| format!("{index} 1 0:1 / /mnt/{index} rw - tmpfs none rw\n");
        let check = |count: usize, rows, bytes, expected: usize, omitted| {
            let table: String = (0..count).map(line).collect();
            let (kept, left) = read_lines(
                table.as_bytes().take(bounds::MAX_MOUNT_BYTES_COUNTED as u64),
                rows,
                bytes,
            );
            let mounts = parse(&String::from_utf8_lossy(&kept));
            assert_eq!((mounts.len(), left), (expected, omitted), "{count} {rows} {bytes}");
            assert!(
                mounts.iter().enumerate().all(|(at, mount)| mount.id as usize == at),
                "whole lines, in order"
            );
        };

        let all = usize::MAX;
        check(0, 10, all, 0, Omitted::Nothing);
        check(10, 10, all, 10, Omitted::Nothing);
        check(11, 10, all, 10, Omitted::Rows(1));
        check(3000, 256, all, 256, Omitted::Rows(2744));
        check(100_000, 256, all, 256, Omitted::Uncounted);
        check(3000, 0, all, 0, Omitted::Rows(3000));
        check(10, 10, line(0).len() * 3, 3, Omitted::Rows(7));

        let endless = read_lines(std::io::repeat(b'x').take(1000), 10, 100);
        assert_eq!((endless.0.len(), endless.1), (0, Omitted::Uncounted));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,200}") {
            let _ = parse(&text);
            let _ = octal_undone(&text);
        }
    }
}
