//! Mount tables: /proc/PID/mountinfo, see proc_pid_mountinfo(5).

use std::path::Path;

use crate::snapshot::{Mount, Propagation};

/// The mount table as the process sees it. The file is opened anew each time: what it says depends on the root that the
/// process had when it was opened.
pub fn read(proc_root: &Path, pid: u32) -> Vec<Mount> {
    let text = std::fs::read(proc_root.join(format!("{pid}/mountinfo"))).unwrap_or_default();
    parse(&String::from_utf8_lossy(&text))
}

/// Lines that are no mountinfo are left out.
pub fn parse(text: &str) -> Vec<Mount> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ');
    let id = left.next()?.parse().ok()?;
    let parent = left.next()?.parse().ok()?;
    let device = left.next()?.to_owned();
    let root = unescape(left.next()?);
    let target = unescape(left.next()?);
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
        source: unescape(right.next()?),
        super_options: unescape(right.next().unwrap_or_default()),
    })
}

/// The kernel writes blank, tab, newline, backslash and `#` as three octal digits.
pub fn unescape(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let octal = bytes.get(at + 1..at + 4).filter(|digits| digits.iter().all(|digit| (b'0'..=b'7').contains(digit)));
        match (bytes[at], octal) {
            (b'\\', Some(digits)) => {
                let value = digits.iter().fold(0_u32, |value, digit| value * 8 + u32::from(digit - b'0'));
                plain.push(value as u8);
                at += 4;
            }
            (byte, _) => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
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
        assert_eq!((mount.source.as_str(), mount.super_options.as_str()), ("/dev/root", "rw,errors=continue"));
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
    fn octal_escapes_are_undone() {
        let check = |input: &str, expected: &str| assert_eq!(unescape(input), expected);
        check("/a\\040b", "/a b");
        check("/a\\134b", "/a\\b");
        check("/a\\", "/a\\");
        check("/\\343\\201\\202", "/あ");
        check("/\\777", "/\u{fffd}");
    }

    #[test]
    fn what_is_no_mountinfo_is_left_out() {
        for text in ["", "garbage", "1 2 3", "a b c d e f - g h i", "1 2 0:1 / /x rw - "] {
            assert_eq!(parse(text), [], "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,200}") {
            let _ = parse(&text);
            let _ = unescape(&text);
        }
    }
}
