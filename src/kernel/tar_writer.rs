//! A directory as a tar archive that is the same wherever it is made: entries by their names, all times and owners 0. Byte for byte
//! what GNU tar writes with `--sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner`, so that both give one digest.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use nix::errno::Errno;
use nix::fcntl::OFlag;

use super::errno::to_errno;
use super::file;
use super::record::Recorder;

const BLOCK_BYTES: usize = 512;
/// GNU tar writes twenty blocks at a time, the last ones filled with zeros.
const RECORD_BYTES: u64 = 20 * BLOCK_BYTES as u64;
/// The letters of a name that a header has room for.
const NAME_BYTES: usize = 100;
/// The entry whose content is the next one's name.
const LONG_NAME: &[u8] = b"././@LongLink";
/// The most bytes of an archive: the memory of a lab ends sooner.
const MAX_BYTES: u64 = 1 << 30;
const READ_BYTES: usize = 256 << 10;
/// The most entries of an archive: each is some calls of the record, which is an answer of bounded length.
pub(super) const MAX_ENTRIES: usize = 4000;

/// Somebody who takes the bytes of an archive, in order.
pub trait TarSink {
    fn take(&mut self, recorder: &mut Recorder, bytes: &[u8]) -> Result<(), Errno>;
}

/// An archive on its way into a sink.
pub struct TarWriter<'a, S> {
    recorder: &'a mut Recorder,
    sink: &'a mut S,
    written: u64,
    entries: usize,
    /// Files with several names by device and inode, with the name that came first.
    linked: HashMap<(u64, u64), Vec<u8>>,
}

/// The fields of a header that differ from entry to entry.
struct TarHeader<'a> {
    name: &'a [u8],
    mode: u32,
    bytes: u64,
    kind: u8,
    target: &'a [u8],
    /// The numbers of a device: major, minor.
    device: Option<(u64, u64)>,
}

impl<S> std::fmt::Debug for TarWriter<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TarWriter").field("written", &self.written).finish_non_exhaustive()
    }
}

/// Write all that is in a directory, and the directory itself as `./`. Sockets are left out: an archive has no word for them.
pub fn write_tar<S: TarSink>(
    recorder: &mut Recorder,
    directory: &str,
    sink: &mut S,
) -> Result<(), Errno> {
    let mut writer = TarWriter { recorder, sink, written: 0, entries: 0, linked: HashMap::new() };
    writer.entry(directory, b".")?;

    let end = writer.written + 2 * BLOCK_BYTES as u64;
    let filled = end.next_multiple_of(RECORD_BYTES) - writer.written;
    writer.put(&vec![0; filled as usize])
}

impl<S: TarSink> TarWriter<'_, S> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        self.written += bytes.len() as u64;
        if self.written > MAX_BYTES {
            return Err(Errno::EFBIG);
        }
        self.sink.take(self.recorder, bytes)
    }

    fn entry(&mut self, path: &str, name: &[u8]) -> Result<(), Errno> {
        self.entries += 1;
        if self.entries > MAX_ENTRIES {
            return Err(Errno::EFBIG);
        }
        let metadata = std::fs::symlink_metadata(path).map_err(to_errno)?;
        let kind = metadata.file_type();
        let plain = TarHeader {
            name,
            mode: metadata.mode() & 0o7777,
            bytes: 0,
            kind: b'0',
            target: b"",
            device: None,
        };

        if kind.is_dir() {
            let with_slash = [name, b"/"].concat();
            self.header(&TarHeader { name: &with_slash, kind: b'5', ..plain })?;
            return self.content(path, name);
        }
        if metadata.nlink() > 1 {
            let inode = (metadata.dev(), metadata.ino());
            if let Some(first) = self.linked.get(&inode).cloned() {
                return self.header(&TarHeader { kind: b'1', target: &first, ..plain });
            }
            self.linked.insert(inode, name.to_vec());
        }

        if kind.is_symlink() {
            let target = std::fs::read_link(path).map_err(to_errno)?;
            let target = target.as_os_str().as_bytes();
            self.header(&TarHeader { kind: b'2', target, ..plain })
        } else if kind.is_char_device() || kind.is_block_device() {
            let device = Some((
                nix::sys::stat::major(metadata.rdev()),
                nix::sys::stat::minor(metadata.rdev()),
            ));
            let kind = if kind.is_char_device() { b'3' } else { b'4' };
            self.header(&TarHeader { kind, device, ..plain })
        } else if kind.is_fifo() {
            self.header(&TarHeader { kind: b'6', ..plain })
        } else if kind.is_file() {
            self.header(&TarHeader { bytes: metadata.len(), ..plain })?;
            self.file(path, &metadata)
        } else {
            Ok(())
        }
    }

    /// The entries of a directory, in byte order of their names.
    fn content(&mut self, path: &str, name: &[u8]) -> Result<(), Errno> {
        let mut names: Vec<_> = std::fs::read_dir(path)
            .map_err(to_errno)?
            .map(|entry| entry.map(|entry| entry.file_name()).map_err(to_errno))
            .collect::<Result<_, _>>()?;
        names.sort_unstable_by(|left: &std::ffi::OsString, right| {
            left.as_bytes().cmp(right.as_bytes())
        });

        for entry in names {
            let text = entry.to_str().ok_or(Errno::EILSEQ)?;
            let inner = [name, b"/", OsStr::as_bytes(&entry)].concat();
            self.entry(&format!("{path}/{text}"), &inner)?;
        }
        Ok(())
    }

    /// The bytes of a file, as many as its header says: what has become shorter meanwhile is filled with zeros.
    fn file(&mut self, path: &str, metadata: &Metadata) -> Result<(), Errno> {
        let source = file::open(self.recorder, path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, 0)?;
        let size = metadata.len();
        let mut left = size;
        let mut buffer = vec![0; READ_BYTES.min(left as usize)];

        while left > 0 {
            let room = buffer.len().min(left as usize);
            let count = file::read_some(self.recorder, &source, &mut buffer[..room])?;
            if count == 0 {
                buffer.fill(0);
            }
            let taken = if count == 0 { room } else { count };
            self.put(&buffer[..taken])?;
            left -= taken as u64;
        }
        self.fill_block(size)
    }

    /// Zeros up to the end of a block, after so many bytes.
    fn fill_block(&mut self, bytes: u64) -> Result<(), Errno> {
        let filled = bytes.next_multiple_of(BLOCK_BYTES as u64) - bytes;
        self.put(&[0; BLOCK_BYTES][..filled as usize])
    }

    fn header(&mut self, header: &TarHeader<'_>) -> Result<(), Errno> {
        for (text, kind) in [(header.target, b'K'), (header.name, b'L')] {
            if text.len() > NAME_BYTES {
                let long = TarHeader {
                    name: LONG_NAME,
                    mode: 0o644,
                    bytes: text.len() as u64 + 1,
                    kind,
                    target: b"",
                    device: None,
                };
                self.put(&long.block())?;
                self.put(&[text, b"\0"].concat())?;
                self.fill_block(long.bytes)?;
            }
        }
        self.put(&header.block())
    }
}

impl TarHeader<'_> {
    /// The header as its 512 bytes, in GNU tar's own format.
    fn block(&self) -> [u8; BLOCK_BYTES] {
        let mut block = [0; BLOCK_BYTES];
        let mut set = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        let octal = |number: u64, digits: usize| format!("{number:0digits$o}").into_bytes();

        set(0, &self.name[..self.name.len().min(NAME_BYTES)]);
        set(100, &octal(u64::from(self.mode), 7));
        // Owner and group.
        set(108, &octal(0, 7));
        set(116, &octal(0, 7));
        set(124, &octal(self.bytes, 11));
        set(136, &octal(0, 11));
        // The sum counts its own field as blanks.
        set(148, b"        ");
        set(156, &[self.kind]);
        set(157, &self.target[..self.target.len().min(NAME_BYTES)]);
        set(257, b"ustar  \0");
        if let Some((major, minor)) = self.device {
            set(329, &octal(major, 7));
            set(337, &octal(minor, 7));
        }

        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        block[148..156].copy_from_slice(&[&octal(sum, 6)[..], b"\0 "].concat());
        block
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    impl TarSink for Vec<u8> {
        fn take(&mut self, _: &mut Recorder, bytes: &[u8]) -> Result<(), Errno> {
            self.extend_from_slice(bytes);
            Ok(())
        }
    }

    #[test]
    fn the_archive_is_the_one_that_gnu_tar_writes() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = dir.path();
        let long = "x".repeat(120);
        for path in ["a", "a.b", "a/b", "etc", &long] {
            std::fs::create_dir(root.join(path)).expect("a directory");
        }
        let files = [
            ("a-b", 0),
            ("a/one", 511),
            ("etc/.wh.hosts", 0),
            ("etc/Large", 600_000),
            ("etc/full", 512),
        ];
        for (path, size) in files {
            std::fs::write(root.join(path), vec![b'x'; size]).expect("a file");
        }
        std::fs::write(root.join(&long).join("ü"), "a name of more letters than there is room")
            .expect("a file");
        std::fs::hard_link(root.join("a/one"), root.join("second-name")).expect("a link");
        std::os::unix::fs::symlink("etc", root.join("link")).expect("a link");
        std::os::unix::fs::symlink(&long, root.join("long-link")).expect("a link");
        nix::unistd::mkfifo(&root.join("fifo"), nix::sys::stat::Mode::S_IRUSR).expect("a FIFO");

        let mut ours = Vec::new();
        let path = root.to_str().expect("a path");
        write_tar(&mut Recorder::default(), path, &mut ours).expect("an archive");

        let options = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];
        let theirs =
            Command::new("tar").arg("-C").arg(root).args(options).args(["-c", "."]).output();
        let theirs = theirs.expect("tar starts").stdout;
        let first = ours.iter().zip(&theirs).position(|(one, other)| one != other);
        assert_eq!((first, ours.len()), (None, theirs.len()));
    }
}
