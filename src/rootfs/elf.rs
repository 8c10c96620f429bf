//! The needs of a program or library, as it tells them: its loader, its libraries, and where it wants them looked for.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use goblin::container::Ctx;
use goblin::elf::dynamic::{DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_STRSZ, DT_STRTAB};
use goblin::elf::program_header::{PT_DYNAMIC, PT_INTERP, PT_LOAD};
use goblin::elf::{Dynamic, Elf as GoblinElf, ProgramHeader, ProgramHeaders};

/// Larger than any header part of a sane file; keeps a broken one from asking for gigabytes.
const MAX_PART_BYTES: u64 = 4 << 20;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Elf {
    pub kind: ElfKind,
    /// PT_INTERP; None for libraries and static programs.
    pub interpreter: Option<String>,
    /// DT_NEEDED, in order.
    pub libraries: Vec<String>,
    /// DT_RPATH, split at colons, `$ORIGIN` not yet replaced.
    pub rpath: Vec<String>,
    /// DT_RUNPATH, likewise. Where there is one, DT_RPATH does not count (ld.so(8)).
    pub runpath: Vec<String>,
}

/// A loader skips libraries of another kind than the program's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ElfKind {
    /// EI_CLASS
    pub is_64: bool,
    pub machine: u16,
}

impl Elf {
    /// Reads only the headers, the dynamic section and its strings. None when it is no ELF file.
    pub fn read(file: &File) -> io::Result<Option<Elf>> {
        let mut start = vec![0; 4096];
        let length = file.read_at(&mut start, 0)?;
        start.truncate(length);
        if !start.starts_with(b"\x7fELF") {
            return Ok(None);
        }

        let header = GoblinElf::parse_header(&start).map_err(malformed)?;
        let ctx = Ctx::new(
            header.container().map_err(malformed)?,
            header.endianness().map_err(malformed)?,
        );
        let table = header
            .e_phoff
            .saturating_add(u64::from(header.e_phnum) * u64::from(header.e_phentsize));
        if table > start.len() as u64 {
            start = part(file, 0, table)?;
        }
        let segments =
            ProgramHeader::parse(&start, header.e_phoff as usize, usize::from(header.e_phnum), ctx)
                .map_err(malformed)?;

        let mut elf = Elf {
            kind: ElfKind { is_64: ctx.is_big(), machine: header.e_machine },
            ..Elf::default()
        };
        if let Some(interp) = segments.iter().find(|segment| segment.p_type == PT_INTERP) {
            elf.interpreter = Some(text_at(&part(file, interp.p_offset, interp.p_filesz)?, 0));
        }

        let Some(segment) = segments.iter().find(|segment| segment.p_type == PT_DYNAMIC) else {
            return Ok(Some(elf));
        };
        let bytes = part(file, segment.p_offset, segment.p_filesz)?;
        // What was read begins with the segment, so that it lies at offset 0 for the parser.
        let moved = ProgramHeader {
            p_type: PT_DYNAMIC,
            p_offset: 0,
            p_filesz: segment.p_filesz,
            ..Default::default()
        };
        let Some(dynamic) = Dynamic::parse(&bytes, &[moved], ctx).map_err(malformed)? else {
            return Ok(Some(elf));
        };
        elf.take_names(file, &dynamic, &segments)?;
        Ok(Some(elf))
    }

    fn take_names(
        &mut self,
        file: &File,
        dynamic: &Dynamic,
        segments: &ProgramHeaders,
    ) -> io::Result<()> {
        let value =
            |tag| dynamic.dyns.iter().find(|entry| entry.d_tag == tag).map(|entry| entry.d_val);
        let (Some(address), Some(size)) = (value(DT_STRTAB), value(DT_STRSZ)) else {
            return Ok(());
        };
        // DT_STRTAB is an address in memory; the segment that holds it tells the place in the file,
        // see elf(5).
        let Some(offset) = file_offset(segments, address) else {
            return Err(malformed("the string table is in no segment"));
        };
        let strings = part(file, offset, size)?;

        for entry in &dynamic.dyns {
            let text = || text_at(&strings, entry.d_val as usize);
            match entry.d_tag {
                DT_NEEDED => self.libraries.push(text()),
                DT_RPATH => self.rpath = split_path(&text()),
                DT_RUNPATH => self.runpath = split_path(&text()),
                _ => {}
            }
        }
        Ok(())
    }
}

fn file_offset(segments: &ProgramHeaders, address: u64) -> Option<u64> {
    let segment = segments.iter().filter(|segment| segment.p_type == PT_LOAD).find(|segment| {
        address >= segment.p_vaddr && address - segment.p_vaddr < segment.p_filesz
    })?;
    segment.p_offset.checked_add(address - segment.p_vaddr)
}

fn split_path(text: &str) -> Vec<String> {
    text.split(':').filter(|dir| !dir.is_empty()).map(str::to_owned).collect()
}

/// Replaces what ld.so(8) lets stand in a search path. None when a token here is unknown: nothing can be found there.
pub fn expand_tokens(dir: &str, origin: &str, lib: &str) -> Option<String> {
    let mut out = dir.to_owned();
    for (token, value) in [("ORIGIN", origin), ("LIB", lib)] {
        out = out.replace(&format!("${{{token}}}"), value).replace(&format!("${token}"), value);
    }
    (!out.contains('$') && out.starts_with('/')).then_some(out)
}

/// The text from `start` up to the next NUL.
fn text_at(bytes: &[u8], start: usize) -> String {
    let rest = bytes.get(start..).unwrap_or_default();
    let end = rest.iter().position(|&byte| byte == 0).unwrap_or(rest.len());
    String::from_utf8_lossy(&rest[..end]).into_owned()
}

fn part(file: &File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    if length > MAX_PART_BYTES {
        return Err(malformed(format!("a part of {length} bytes")));
    }
    let mut bytes = vec![0; length as usize];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}

fn malformed(what: impl ToString) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("not a sound ELF file: {}", what.to_string()),
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_hosts_shell_names_its_loader_and_its_c_library() {
        let file = File::open("/bin/sh").expect("the host has a shell");
        let elf = Elf::read(&file).expect("readable").expect("an ELF program");
        let Some(interpreter) = &elf.interpreter else { return };
        assert!(std::path::Path::new(interpreter).exists(), "{interpreter}");
        assert!(elf.libraries.iter().any(|name| name.starts_with("libc.")), "{:?}", elf.libraries);
        assert!(elf.kind.is_64 == cfg!(target_pointer_width = "64"));
    }

    #[test]
    fn a_library_has_no_loader_and_a_script_is_no_elf() {
        let mut script = tempfile::tempfile().expect("temporary file");
        script.write_all(b"#!/bin/sh\n").expect("written");
        assert_eq!(Elf::read(&script).expect("readable"), None);
    }

    #[test]
    fn a_cut_off_file_is_an_error_and_not_a_panic() {
        let whole = std::fs::read("/proc/self/exe").expect("readable");
        for length in [4, 20, 63, 64, 100, 500, 4096] {
            let mut cut = tempfile::tempfile().expect("temporary file");
            cut.write_all(&whole[..length]).expect("written");
            assert!(Elf::read(&cut).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn search_paths_are_split_and_their_tokens_replaced() {
        let check = |text: &str, expected: &[Option<&str>]| {
            let got: Vec<_> = split_path(text)
                .iter()
                .map(|dir| expand_tokens(dir, "/opt/app/bin", "lib/x86_64-linux-gnu"))
                .collect();
            assert_eq!(got.iter().map(Option::as_deref).collect::<Vec<_>>(), expected, "{text}");
        };

        check("", &[]);
        check("/opt/lib", &[Some("/opt/lib")]);
        check("$ORIGIN/../lib:/usr/lib", &[Some("/opt/app/bin/../lib"), Some("/usr/lib")]);
        check("${ORIGIN}::/a", &[Some("/opt/app/bin"), Some("/a")]);
        check(
            "/usr/$LIB/x:/usr/${LIB}",
            &[Some("/usr/lib/x86_64-linux-gnu/x"), Some("/usr/lib/x86_64-linux-gnu")],
        );
        check("/usr/$PLATFORM:relative", &[None, None]);
    }
}
