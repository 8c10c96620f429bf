//! The bytes of a layer: a part of a file, decompressed, counted and hashed on the way.

use crate::text::hexadecimal;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::rc::Rc;

use sha2::{Digest, Sha256};

use super::Compression;

/// A part of a file, read by its place: the file's own position stays, so that the same file can be read again and by others.
pub struct FilePart<'a> {
    pub file: &'a File,
    pub next: u64,
    pub end: u64,
}

impl Read for FilePart<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.next)).unwrap_or(usize::MAX);
        let room = buffer.len().min(left);
        let count = self.file.read_at(&mut buffer[..room], self.next)?;
        if count == 0 && room > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.next += count as u64;
        Ok(count)
    }
}

impl Seek for FilePart<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let next = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.next.checked_add_signed(by),
            SeekFrom::End(by) => self.end.checked_add_signed(by),
        };
        self.next = next.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.next)
    }
}

/// A reader that hashes what passes, and tells how much that was.
pub struct Hashing<R> {
    inner: R,
    hash: Hash,
}

/// The hash and the count of a `Hashing` reader, for whoever has given the reader away.
#[derive(Clone)]
pub struct Hash {
    hasher: Rc<Cell<Option<Sha256>>>,
    count: Rc<Cell<u64>>,
}

/// A reader that says how many bytes have passed, once in so many.
pub struct Telling<'a, R> {
    inner: R,
    words: CopyWords<'a>,
}

/// Words on how far a copy is: one in so many bytes, and one in so many files, which may be empty.
pub struct CopyWords<'a> {
    told: &'a mut dyn FnMut(u64),
    bytes: u64,
    next_word: u64,
    entries: u64,
}

/// The bytes between two words on how far it is.
pub(super) const PROGRESS_BYTES: u64 = 4 << 20;
/// The files between two words, where these have fewer bytes.
const PROGRESS_ENTRIES: u64 = 1000;

impl<'a> CopyWords<'a> {
    pub fn new(told: &'a mut dyn FnMut(u64)) -> CopyWords<'a> {
        CopyWords { told, bytes: 0, next_word: 0, entries: 0 }
    }

    /// Count a file, directory or link.
    pub fn count_entry(&mut self) {
        self.entries += 1;
        if self.entries.is_multiple_of(PROGRESS_ENTRIES) {
            (self.told)(self.bytes);
        }
    }

    /// Count bytes that are copied.
    pub fn count_bytes(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.say_if_due();
    }

    fn say_if_due(&mut self) {
        if self.bytes >= self.next_word {
            (self.told)(self.bytes);
            self.next_word = self.bytes + PROGRESS_BYTES;
        }
    }

    /// The bytes that were copied.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl<'a, R: Read> Telling<'a, R> {
    pub fn new(inner: R, told: &'a mut dyn FnMut(u64)) -> Telling<'a, R> {
        Telling { inner, words: CopyWords::new(told) }
    }
}

impl<R: Read> Read for Telling<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Before it: a first word comes at once, also where reading takes its time.
        self.words.say_if_due();
        let count = self.inner.read(buffer)?;
        self.words.bytes += count as u64;
        Ok(count)
    }
}

impl<R: Read> Hashing<R> {
    /// A reader that counts, and hashes where somebody has promised a hash: that takes longer than all the rest.
    pub fn new(inner: R, promised: Option<&String>) -> (Hashing<R>, Hash) {
        let hasher = Rc::new(Cell::new(promised.map(|_| Sha256::new())));
        let hash = Hash { hasher, count: Rc::default() };
        (Hashing { inner, hash: hash.clone() }, hash)
    }
}

impl Hash {
    /// The bytes that have passed.
    pub fn count(&self) -> u64 {
        self.count.get()
    }

    /// The SHA-256 of what has passed, in hexadecimal.
    pub fn finish(&self) -> String {
        let hasher = self.hasher.take().unwrap_or_default();
        hexadecimal(hasher.finalize())
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if let Some(mut hasher) = self.hash.hasher.take() {
            hasher.update(&buffer[..count]);
            self.hash.hasher.set(Some(hasher));
        }
        self.hash.count.set(self.hash.count() + count as u64);
        Ok(count)
    }
}

/// The compression of what begins at a place of a file.
pub(super) fn compression_at(file: &File, offset: u64) -> io::Result<Compression> {
    let mut first = [0; 4];
    let count = file.read_at(&mut first, offset)?;
    Ok(Compression::of_bytes(&first[..count]))
}

/// The bytes without their compression.
pub fn decompressed<'a>(
    bytes: impl Read + 'a,
    compression: Compression,
) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match compression {
        Compression::None => Box::new(bytes),
        // Some tools write several members one after another.
        Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(bytes)),
        Compression::Zstd => {
            let mut decoder = zstd::Decoder::new(bytes)?;
            // 128 MiB, which is what zstd's own programs take without being asked.
            decoder.window_log_max(27)?;
            Box::new(decoder)
        }
    })
}
