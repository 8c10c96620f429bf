//! The entries of a tar archive, with what stands before them in entries of its own: long names and PAX records. These are read here,
//! and not by the library, which would take one of any length into memory.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tar::EntryType;

use super::rooted::Attributes;

/// The most bytes that may stand before an entry at a time: extended attributes alone have up to 64 KiB each.
const MAX_EXTENSION_BYTES: u64 = 1 << 20;
/// The most bytes of a path or a link's target: Linux takes none beyond 4 KiB.
const MAX_PATH_BYTES: usize = 4096;

const TOO_LONG: &str = "it has a name that is longer than any path";

/// The entries of an archive, first to last.
pub struct NamedEntries<'a, R: 'a + Read> {
    entries: tar::Entries<'a, R>,
}

/// An entry with its whole name.
pub struct NamedEntry<'a, R: 'a + Read> {
    pub path: PathBuf,
    /// The target of a link; empty for other entries.
    pub target: PathBuf,
    pub kind: EntryType,
    pub attributes: Attributes,
    /// The entry's contents.
    pub entry: tar::Entry<'a, R>,
}

/// The words of earlier entries on the next one.
#[derive(Default)]
struct Extensions {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    uid: Option<u32>,
    gid: Option<u32>,
    seconds: Option<i64>,
    bytes: Option<u64>,
}

impl<'a, R: 'a + Read> NamedEntries<'a, R> {
    pub fn new(entries: tar::Entries<'a, R>) -> NamedEntries<'a, R> {
        NamedEntries { entries: entries.raw(true) }
    }

    fn read(&mut self) -> io::Result<Option<NamedEntry<'a, R>>> {
        let mut said = Extensions::default();
        loop {
            let Some(mut entry) = self.entries.next().transpose()? else { return Ok(None) };
            let kind = entry.header().entry_type();
            if kind.is_gnu_longname() {
                said.path = Some(without_nul(read_bounded(&mut entry)?));
            } else if kind.is_gnu_longlink() {
                said.target = Some(without_nul(read_bounded(&mut entry)?));
            } else if kind.is_pax_local_extensions() {
                said.take_in(&read_bounded(&mut entry)?)?;
            } else if kind.is_gnu_sparse() {
                return Err(refused("it has a sparse file: make the archive without `--sparse`"));
            } else if !kind.is_pax_global_extensions() {
                return said.named(entry).map(Some);
            }
        }
    }
}

impl<'a, R: 'a + Read> Iterator for NamedEntries<'a, R> {
    type Item = io::Result<NamedEntry<'a, R>>;

    fn next(&mut self) -> Option<io::Result<NamedEntry<'a, R>>> {
        self.read().transpose()
    }
}

impl Extensions {
    /// Take in the records of a PAX header, `LENGTH KEY=VALUE` and a line feed each. A value may have line feeds of its own.
    fn take_in(&mut self, mut records: &[u8]) -> io::Result<()> {
        let broken = || refused("it has a PAX header that can't be read");
        while !records.is_empty() {
            let space = records.iter().position(|byte| *byte == b' ').ok_or_else(broken)?;
            let length: usize = number(&records[..space]).ok_or_else(broken)?;
            if length <= space + 1 || length > records.len() {
                return Err(broken());
            }
            let (record, rest) = records.split_at(length);
            records = rest;
            let record = record[space + 1..].strip_suffix(b"\n").ok_or_else(broken)?;
            let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(broken)?;
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.target = Some(value.to_vec()),
                b"uid" => self.uid = Some(number(value).ok_or_else(broken)?),
                b"gid" => self.gid = Some(number(value).ok_or_else(broken)?),
                b"size" => self.bytes = Some(number(value).ok_or_else(broken)?),
                b"mtime" => {
                    let whole = value.split(|byte| *byte == b'.').next().unwrap_or_default();
                    self.seconds = Some(number(whole).ok_or_else(broken)?);
                }
                key if key.starts_with(b"GNU.sparse.") => {
                    return Err(refused(
                        "it has a sparse file: make the archive without `--sparse`",
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn named<'a, R: 'a + Read>(self, entry: tar::Entry<'a, R>) -> io::Result<NamedEntry<'a, R>> {
        // Two readers that take different sizes for true would see different archives.
        if self.bytes.is_some_and(|bytes| bytes != entry.size()) {
            return Err(refused("it has a file that two headers give different sizes"));
        }
        let header = entry.header();
        let link = || header.link_name_bytes().map(|bytes| bytes.into_owned()).unwrap_or_default();
        let path = self.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let target = self.target.unwrap_or_else(link);
        if path.len().max(target.len()) > MAX_PATH_BYTES {
            return Err(refused(TOO_LONG));
        }
        let id = |told: Option<u32>, here: io::Result<u64>| {
            // One that no file can have is mapped nowhere.
            Ok::<u32, io::Error>(match told {
                Some(id) => id,
                None => u32::try_from(here?).unwrap_or(u32::MAX),
            })
        };
        let attributes = Attributes {
            uid: id(self.uid, header.uid())?,
            gid: id(self.gid, header.gid())?,
            mode: header.mode()?,
            seconds: match self.seconds {
                Some(seconds) => seconds,
                None => i64::try_from(header.mtime()?).unwrap_or(0),
            },
        };
        let kind = header.entry_type();
        Ok(NamedEntry {
            path: Path::new(OsStr::from_bytes(&path)).to_owned(),
            target: Path::new(OsStr::from_bytes(&target)).to_owned(),
            kind,
            attributes,
            entry,
        })
    }
}

fn read_bounded(entry: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    entry.take(MAX_EXTENSION_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_EXTENSION_BYTES {
        return Err(refused(TOO_LONG));
    }
    Ok(bytes)
}

fn without_nul(mut name: Vec<u8>) -> Vec<u8> {
    while name.last() == Some(&0) {
        name.pop();
    }
    name
}

fn number<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::made_archive::add;

    fn after(records: &[u8]) -> io::Result<Extensions> {
        let mut said = Extensions::default();
        said.take_in(records).map(|()| said)
    }

    #[test]
    fn pax_records_are_read_by_their_lengths() {
        let said =
            after(b"24 SCHILY.xattr.a=x\n\xff=y\n12 path=a/b\n18 mtime=-12.3456\n9 uid=70\n");
        let said = said.expect("records");
        assert_eq!(said.path.as_deref(), Some(&b"a/b"[..]));
        assert_eq!((said.seconds, said.uid, said.gid), (Some(-12), Some(70), None));

        let broken: [&[u8]; 6] = [
            b"path=a\n",
            b"99 path=a\n",
            b"0 path=a\n",
            b"2 path=a\n",
            b"10 path=ab",
            b"9 uid=-1\n",
        ];
        for records in broken {
            assert!(after(records).is_err(), "{:?}", String::from_utf8_lossy(records));
        }
    }

    #[test]
    fn a_name_without_end_is_not_taken_into_memory() {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(EntryType::GNULongName);
        header.set_size(1 << 40);
        header.set_cksum();
        let endless = header.as_bytes().chain(io::repeat(b'a'));
        let mut archive = tar::Archive::new(endless);
        let mut entries = NamedEntries::new(archive.entries().expect("entries"));
        let first = entries.next().expect("an entry");
        assert!(first.is_err_and(|error| error.kind() == io::ErrorKind::InvalidData));
    }

    #[test]
    fn a_name_that_no_path_can_have_is_refused() {
        let is_taken = |kind: EntryType, length: usize| {
            let mut made = tar::Builder::new(Vec::new());
            add(&mut made, "", kind, "", &vec![b'a'; length]);
            add(&mut made, "", EntryType::Symlink, "", b"");
            let bytes = made.into_inner().expect("an archive");
            let mut archive = tar::Archive::new(&bytes[..]);
            let mut entries = NamedEntries::new(archive.entries().expect("entries"));
            match entries.next().expect("an entry") {
                Ok(_) => true,
                Err(error) => {
                    assert_eq!(error.to_string(), TOO_LONG);
                    false
                }
            }
        };
        for kind in [EntryType::GNULongName, EntryType::GNULongLink] {
            assert_eq!([4096, 4097].map(|length| is_taken(kind, length)), [true, false]);
        }
    }
}
