//! Everything a program needs to start: its interpreter, its loader, its libraries and theirs, found as ld.so(8) finds
//! them, without running anything.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Read;
use std::rc::Rc;

use crate::diagnosis::NotInImage;
use crate::rootfs::elf::{Elf, ElfKind, expand_tokens};
use crate::rootfs::host::{FoundFile, HostTree, ResolvedTarget};

/// A script's interpreter may be a script; the kernel stops at four levels (execve(2)).
const MAX_INTERPRETERS: usize = 4;

/// The most programs that one script may come to, with all that env(1) starts.
const MAX_PROGRAMS: usize = 16;

/// Debian's name for a machine's directory of libraries, by ELF machine number.
const MULTIARCH: [(u16, &str); 7] = [
    (goblin::elf::header::EM_X86_64, "x86_64-linux-gnu"),
    (goblin::elf::header::EM_AARCH64, "aarch64-linux-gnu"),
    (goblin::elf::header::EM_386, "i386-linux-gnu"),
    (goblin::elf::header::EM_ARM, "arm-linux-gnueabihf"),
    (goblin::elf::header::EM_RISCV, "riscv64-linux-gnu"),
    (goblin::elf::header::EM_PPC64, "powerpc64le-linux-gnu"),
    (goblin::elf::header::EM_S390, "s390x-linux-gnu"),
];

/// The files and links to take along for one program.
#[derive(Debug, Default)]
pub struct ProgramClosure {
    pub files: Vec<FoundFile>,
    /// (where the link is, what it says), below the root.
    pub links: Vec<(String, String)>,
}

/// Finds closures on one host; remembers what it has read.
#[derive(Debug)]
pub struct ClosureFinder {
    read: HashMap<String, Rc<Option<Elf>>>,
    /// Directories that only ld.so.conf names. An image has no ld.so.cache, so what is found there needs a link.
    configured: Vec<String>,
}

/// A library's bearer: who asks, and which DT_RPATHs it inherits.
struct Asker {
    found: FoundFile,
    elf: Rc<Option<Elf>>,
    inherited: Vec<String>,
}

impl ClosureFinder {
    pub fn new(host: &HostTree) -> ClosureFinder {
        ClosureFinder { read: HashMap::new(), configured: configured_directories(host) }
    }

    /// Everything that a program needs. `find` looks one up by name, for scripts that start `#!/usr/bin/env name`.
    pub fn closure_of(
        &mut self,
        host: &mut HostTree,
        program: &str,
        find: &dyn Fn(&mut HostTree, &str) -> Result<String, NotInImage>,
    ) -> Result<ProgramClosure, NotInImage> {
        let mut needed = ProgramClosure::default();
        // With the number of interpreters that stand before it: env(1) starts its program anew, by an execve(2) of its own.
        let mut waiting = vec![(program.to_owned(), 0)];
        let mut programs = 0;

        while let Some((path, interpreters)) = waiting.pop() {
            // A script that env(1) leads back to itself would go on for ever.
            programs += 1;
            if interpreters > MAX_INTERPRETERS || programs > MAX_PROGRAMS {
                return Err(NotInImage::TooManyInterpreters(needed_path(program)));
            }
            let found = take(host, &path, &mut needed)?;
            let elf = self.read(host, &found)?;
            match elf.as_ref() {
                Some(_) => {
                    self.libraries(host, Asker { found, elf, inherited: Vec::new() }, &mut needed)?
                }
                None => {
                    let mut words = interpreter_words(host, &found)?.into_iter();
                    let Some(interpreter) = words.next() else { continue };
                    // env(1) runs yet another program, whose name follows options and assignments.
                    if interpreter.ends_with("/env")
                        && let Some(name) =
                            words.find(|word| !word.starts_with('-') && !word.contains('='))
                    {
                        waiting.push((find(host, &name)?, 0));
                    }
                    waiting.push((interpreter, interpreters + 1));
                }
            }
        }

        Ok(needed)
    }

    fn libraries(
        &mut self,
        host: &mut HostTree,
        program: Asker,
        needed: &mut ProgramClosure,
    ) -> Result<(), NotInImage> {
        let mut seen = HashSet::new();
        let kind = program.elf.as_ref().as_ref().map(|elf| elf.kind).unwrap_or_default();
        let system = system_directories(kind);
        // Libraries may name the loader among their needs; it is taken along once.
        if let Some(interpreter) =
            program.elf.as_ref().as_ref().and_then(|elf| elf.interpreter.as_ref())
        {
            seen.insert(take(host, interpreter, needed)?.path);
        }

        let mut waiting = vec![program];
        while let Some(asker) = waiting.pop() {
            let Some(elf) = asker.elf.as_ref() else { continue };
            let own = own_directories(host, &asker, elf);
            for name in &elf.libraries {
                let found =
                    self.library(host, name, kind, &own, &system, needed)?.ok_or_else(|| {
                        NotInImage::NoLibrary {
                            path: asker.found.path.clone(),
                            library: name.clone(),
                        }
                    })?;
                if seen.insert(found.path.clone()) {
                    needed.files.push(found.clone());
                    // DT_RPATH holds for what the library needs in its turn; beside a DT_RUNPATH it
                    // does not count.
                    let inherited = if elf.runpath.is_empty() { own.clone() } else { Vec::new() };
                    waiting.push(Asker { elf: self.read(host, &found)?, found, inherited });
                }
            }
        }

        Ok(())
    }

    fn library(
        &mut self,
        host: &mut HostTree,
        name: &str,
        kind: ElfKind,
        own: &[String],
        system: &[String],
        needed: &mut ProgramClosure,
    ) -> Result<Option<FoundFile>, NotInImage> {
        let configured = self.configured.clone();
        let searched =
            own.iter().chain(system).chain(&configured).map(|dir| format!("{dir}/{name}"));
        // A name with a slash is a path and is not searched for, see ld.so(8).
        let candidates: Vec<String> =
            if name.contains('/') { vec![name.to_owned()] } else { searched.collect() };
        let needs_link = own.len() + system.len();

        let mut refused = None;
        for (index, candidate) in candidates.iter().enumerate() {
            let (found, links) = match host.find_file(candidate) {
                Ok(result) => result,
                Err(NotInImage::Absent) => continue,
                Err(error) => {
                    refused = Some(error);
                    continue;
                }
            };

            if self.read(host, &found)?.as_ref().as_ref().is_none_or(|elf| elf.kind != kind) {
                continue;
            }
            if index >= needs_link && !name.contains('/') {
                let at = library_directory(host, system);
                needed.links.push((format!("{at}/{name}"), candidate.clone()));
            }
            needed.links.extend(links);
            return Ok(Some(found));
        }

        refused.map_or(Ok(None), Err)
    }

    fn read(&mut self, host: &HostTree, found: &FoundFile) -> Result<Rc<Option<Elf>>, NotInImage> {
        if let Some(elf) = self.read.get(&found.path) {
            return Ok(Rc::clone(elf));
        }
        let elf = Elf::read(&host.open(found)?)
            .map_err(|error| host.unreadable_path(&found.path, &error))?;
        let elf = Rc::new(elf);
        self.read.insert(found.path.clone(), Rc::clone(&elf));
        Ok(elf)
    }
}

/// A path as plans hold it.
fn needed_path(program: &str) -> String {
    program.trim_start_matches('/').to_owned()
}

fn take(
    host: &mut HostTree,
    path: &str,
    needed: &mut ProgramClosure,
) -> Result<FoundFile, NotInImage> {
    let (found, links) = host.find_file(path)?;
    needed.links.extend(links);
    needed.files.push(found.clone());
    Ok(found)
}

/// The directories in which an object itself wants its libraries looked for. DT_RPATH is inherited from whoever loaded
/// it and does not count beside a DT_RUNPATH.
fn own_directories(host: &mut HostTree, asker: &Asker, elf: &Elf) -> Vec<String> {
    let directory = asker.found.path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let origin = format!("/{directory}");
    let lib = lib_token(host, elf.kind);
    let expanded = |dirs: &[String]| {
        dirs.iter().filter_map(|dir| expand_tokens(dir, &origin, &lib)).collect::<Vec<_>>()
    };
    if !elf.runpath.is_empty() {
        return expanded(&elf.runpath);
    }
    let mut own = expanded(&elf.rpath);
    own.extend(asker.inherited.iter().cloned());
    own
}

/// The directories that the loader searches without being told.
fn system_directories(kind: ElfKind) -> Vec<String> {
    let mut directories = Vec::new();
    if let Some((_, name)) = MULTIARCH.iter().find(|(machine, _)| *machine == kind.machine) {
        directories.extend([format!("/lib/{name}"), format!("/usr/lib/{name}")]);
    }
    if kind.is_64 {
        directories.extend(["/lib64".to_owned(), "/usr/lib64".to_owned()]);
    }
    directories.extend(["/lib".to_owned(), "/usr/lib".to_owned()]);
    directories
}

fn lib_token(host: &mut HostTree, kind: ElfKind) -> String {
    let multiarch = MULTIARCH
        .iter()
        .find(|(machine, _)| *machine == kind.machine)
        .map(|(_, name)| format!("lib/{name}"));
    let candidates = multiarch.into_iter().chain(kind.is_64.then(|| "lib64".to_owned()));
    candidates
        .into_iter()
        .find(|dir| host.resolve(&format!("usr/{dir}")).is_ok())
        .unwrap_or_else(|| "lib".to_owned())
}

/// The first searched directory that the host has, without links in it.
fn library_directory(host: &mut HostTree, system: &[String]) -> String {
    let existing = system.iter().find_map(|dir| match host.resolve(dir).ok()?.target {
        ResolvedTarget::Directory(path) => Some(path),
        ResolvedTarget::File(_) => None,
    });
    existing.unwrap_or_else(|| "usr/lib".to_owned())
}

fn configured_directories(host: &HostTree) -> Vec<String> {
    let mut directories = Vec::new();
    let main = read_text(host, "etc/ld.so.conf").unwrap_or_default();
    for line in configuration_lines(&main) {
        match line.strip_prefix("include") {
            Some(pattern) => {
                for text in included(host, pattern.trim()) {
                    directories.extend(configuration_lines(&text).map(str::to_owned));
                }
            }
            None => directories.push(line.to_owned()),
        }
    }

    directories.retain(|dir| dir.starts_with('/'));
    directories
}

fn configuration_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty())
}

/// Every distribution's pattern is `ld.so.conf.d/*.conf`, absolute or relative to /etc: other patterns are not read.
fn included(host: &HostTree, pattern: &str) -> Vec<String> {
    let Some(directory) = pattern.strip_suffix("/*.conf") else { return Vec::new() };
    let directory = match directory.strip_prefix('/') {
        Some(absolute) => absolute.to_owned(),
        None => format!("etc/{directory}"),
    };

    let entries = fs::read_dir(host.path_on_machine(&directory))
        .map_err(|error| host.unreadable_path(&directory, &error));
    let Ok(entries) = entries else { return Vec::new() };

    let mut names: Vec<_> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| name.ends_with(".conf"));
    // As glob(3) does for ldconfig(8): directories are searched in the order of these files.
    names.sort();
    names.iter().filter_map(|name| read_text(host, &format!("{directory}/{name}"))).collect()
}

fn read_text(host: &HostTree, path: &str) -> Option<String> {
    fs::read_to_string(host.path_on_machine(path))
        .map_err(|error| host.unreadable_path(path, &error))
        .ok()
}

/// The words after `#!`; empty when the file does not start so.
fn interpreter_words(host: &HostTree, found: &FoundFile) -> Result<Vec<String>, NotInImage> {
    let mut start = Vec::new();
    let file = host.open(found)?;
    // Of a longer line the kernel ignores the rest, see execve(2).
    file.take(256)
        .read_to_end(&mut start)
        .map_err(|error| host.unreadable_path(&found.path, &error))?;
    let text = String::from_utf8_lossy(&start);
    let line = text.lines().next().unwrap_or_default();
    Ok(line.strip_prefix("#!").unwrap_or_default().split_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;
    use crate::words::diagnosis::not_in_image;

    fn closure(root: &Path, program: &str) -> Result<ProgramClosure, NotInImage> {
        let mut host = HostTree::new(root);
        let mut closures = ClosureFinder::new(&host);
        closures.closure_of(&mut host, program, &|_, name| Ok(format!("/usr/bin/{name}")))
    }

    fn paths(needed: &ProgramClosure) -> Vec<&str> {
        needed.files.iter().map(|found| found.path.as_str()).collect()
    }

    #[test]
    fn the_hosts_shell_comes_with_what_ldd_lists() {
        let needed = closure(Path::new("/"), "/bin/sh").expect("usable");
        let listed =
            std::process::Command::new("ldd").arg("/bin/sh").output().expect("ldd runs").stdout;
        let listed = String::from_utf8(listed).expect("text");
        for word in listed.split_whitespace().filter(|word| word.starts_with('/')) {
            let real = fs::canonicalize(word).expect("exists");
            let real = real.to_str().expect("text").trim_start_matches('/');
            assert!(paths(&needed).contains(&real), "{word} is not in {:?}", paths(&needed));
        }
    }

    #[test]
    fn a_script_brings_its_interpreter() {
        let dir = tempfile::tempdir().expect("temporary directory");
        fs::create_dir_all(dir.path().join("usr/bin")).expect("made");
        for (name, text) in [
            ("a", "#!/usr/bin/env -S b -x\n"),
            ("b", "#! /usr/bin/c\n"),
            ("c", "no interpreter line"),
            ("env", "x"),
            ("d", "#!/usr/bin/env e\n"),
            ("e", "#!/usr/bin/env f\n"),
            ("f", "#!/usr/bin/env b\n"),
            ("round", "#!/usr/bin/env round\n"),
            ("gone", "#!/usr/bin/nowhere"),
        ] {
            let path = dir.path().join("usr/bin").join(name);
            fs::write(&path, text).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("changed");
        }

        let check = |program: &str, expected: &[&str]| {
            let needed = closure(dir.path(), program).expect(program);
            assert_eq!(paths(&needed), expected, "{program}");
        };
        check("/usr/bin/c", &["usr/bin/c"]);
        check("/usr/bin/b", &["usr/bin/b", "usr/bin/c"]);
        check("/usr/bin/a", &["usr/bin/a", "usr/bin/env", "usr/bin/b", "usr/bin/c"]);

        // Each env is a program of its own: what it starts has all the levels of interpreters before it.
        let all = closure(dir.path(), "/usr/bin/d").expect("usable");
        for path in ["usr/bin/env", "usr/bin/e", "usr/bin/f", "usr/bin/b", "usr/bin/c"] {
            assert!(paths(&all).contains(&path), "{path} is not in {:?}", paths(&all));
        }
        assert_eq!(
            not_in_image(&closure(dir.path(), "/usr/bin/round").expect_err("it never ends")),
            "/usr/bin/round is a script whose interpreters never come to an end"
        );

        assert_eq!(
            closure(dir.path(), "/usr/bin/gone").expect_err("no interpreter"),
            NotInImage::Absent
        );
    }

    #[test]
    fn the_loaders_configuration_is_read_with_its_includes() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let etc = dir.path().join("etc/ld.so.conf.d");
        fs::create_dir_all(&etc).expect("made");
        fs::write(
            dir.path().join("etc/ld.so.conf"),
            "# x\n/first\ninclude /etc/ld.so.conf.d/*.conf\n/last # end\n",
        )
        .expect("written");
        fs::write(etc.join("b.conf"), "/b\n").expect("written");
        fs::write(etc.join("a.conf"), "\nrelative\n/a\n").expect("written");
        fs::write(etc.join("ignored.txt"), "/x\n").expect("written");

        assert_eq!(
            configured_directories(&HostTree::new(dir.path())),
            ["/first", "/a", "/b", "/last"]
        );
    }

    /// The host's own shell and its libraries, moved to places that only RUNPATH-less configuration names.
    #[test]
    fn a_library_from_a_configured_directory_gets_a_link_where_the_loader_looks() {
        let real = closure(Path::new("/"), "/bin/sh").expect("usable");
        let dir = tempfile::tempdir().expect("temporary directory");
        let at = |path: &str| dir.path().join(path);
        fs::create_dir_all(at("etc")).expect("made");
        fs::write(at("etc/ld.so.conf"), "/opt/lib\n").expect("written");
        fs::create_dir_all(at("opt/lib")).expect("made");
        fs::create_dir_all(at("lib")).expect("made");
        for found in &real.files {
            let name = found.path.rsplit('/').next().expect("a name");
            fs::copy(format!("/{}", found.path), at(&format!("opt/lib/{name}"))).expect("copied");
        }
        let shell = real.files[0].path.rsplit('/').next().expect("a name").to_owned();
        let file = fs::File::open(at(&format!("opt/lib/{shell}"))).expect("open");
        let elf = Elf::read(&file).expect("readable").expect("ELF");
        let (Some(loader), Some(library)) = (elf.interpreter, elf.libraries.first()) else {
            return;
        };
        fs::create_dir_all(at(loader.trim_start_matches('/')).parent().expect("a parent"))
            .expect("made");
        fs::copy(&loader, at(loader.trim_start_matches('/'))).expect("copied");

        let needed = closure(dir.path(), &format!("/opt/lib/{shell}")).expect("usable");
        let link = needed
            .links
            .iter()
            .find(|(_, to)| *to == format!("/opt/lib/{library}"))
            .expect("a link");
        assert!(link.0.starts_with("lib") && link.0.ends_with(library), "{link:?}");
        fs::remove_file(at(&format!("opt/lib/{library}"))).expect("removed");
        let error = closure(dir.path(), &format!("/opt/lib/{shell}")).expect_err("no library");
        assert_eq!(
            not_in_image(&error),
            format!(
                "/opt/lib/{shell} needs the library {library}, which is nowhere its loader looks"
            )
        );
    }
}
