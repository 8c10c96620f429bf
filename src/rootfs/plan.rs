//! A **plan**: every directory, file and link of an image, layer by layer, before anything is written. Plain values:
//! two plans of one host are equal.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use serde::Serialize;

use crate::diagnosis::NotInImage;
use crate::rootfs::busybox;
use crate::rootfs::closure::{ClosureFinder, ProgramClosure};
use crate::rootfs::fixture::{Busybox, Fixture, LayerSpec, ProgramSpec};
use crate::rootfs::host::{HostTree, ResolvedTarget, ResourceShortage};
use crate::words::diagnosis::not_in_image;

/// The directories that programs are looked for in, in order.
const PROGRAM_DIRECTORIES: [&str; 6] =
    ["usr/bin", "usr/sbin", "bin", "sbin", "usr/local/bin", "usr/local/sbin"];

/// Directories that are links where /usr is merged, and that the loader or `#!/bin/sh` name.
const MERGED_DIRECTORIES: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

const TERMINFO_DIRECTORIES: [&str; 4] =
    ["etc/terminfo", "usr/lib/terminfo", "lib/terminfo", "usr/share/terminfo"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePlan {
    /// Lowest first.
    pub layers: Vec<Layer>,
    /// Programs and descriptions of terminals that the fixture names and this host can't give.
    pub missing: Vec<MissingProgram>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    pub name: String,
    /// Sorted by path, so that a directory comes before what is in it.
    pub entries: Vec<ImageEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageEntry {
    /// Relative to the layer's root, no leading slash.
    pub path: String,
    pub what: EntryKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    Directory { mode: u32 },
    File { mode: u32, source: FileSource },
    Symlink { to: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileSource {
    /// A file of the host. The same path twice in a layer is one file with two names.
    Host(PathBuf),
    Text(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingProgram {
    pub program: String,
    /// The package to install to have it.
    pub debian_package: String,
    pub why: NotInImage,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RootfsError {
    #[error("make a root file system from this machine's programs: there is no usable sh: {}", not_in_image(.why))]
    NoShell { why: NotInImage },
    #[error("make a root file system from this machine's programs: read /{path}")]
    OutOfResources { path: String, errno: Errno },
}

impl RootfsError {
    pub fn errno(&self) -> Errno {
        match self {
            RootfsError::NoShell { .. } => Errno::ENOENT,
            RootfsError::OutOfResources { errno, .. } => *errno,
        }
    }
}

/// Reads the host below `host_root` and changes nothing.
pub fn plan_image(fixture: &Fixture, host_root: &Path) -> Result<ImagePlan, RootfsError> {
    let mut planner = Planner::new(HostTree::new(host_root));
    for spec in &fixture.layers {
        planner.layer(spec);
    }

    if let Some(ResourceShortage { path, errno }) = planner.host.shortage() {
        return Err(RootfsError::OutOfResources { path, errno });
    }
    let no_shell = planner.missing.iter().find(|missing| missing.program == "sh");
    if let Some(missing) = no_shell {
        return Err(RootfsError::NoShell { why: missing.why.clone() });
    }

    Ok(planner.finish())
}

type Tree = BTreeMap<String, EntryKind>;

struct Planner {
    host: HostTree,
    closures: ClosureFinder,
    applets: Vec<String>,
    /// (device, inode) → the name it was first met by.
    names: HashMap<(u64, u64), PathBuf>,
    /// Finished layers, lowest first, and the one in work.
    layers: Vec<(String, Tree)>,
    missing: Vec<MissingProgram>,
}

impl Planner {
    fn new(mut host: HostTree) -> Planner {
        let applets = find_program(&mut host, "busybox")
            .ok()
            .and_then(|path| {
                let path = path.trim_start_matches('/');
                fs::read(host.path_on_machine(path))
                    .map_err(|error| host.unreadable_path(path, &error))
                    .ok()
            })
            .map_or_else(Vec::new, |program| busybox::list_applets(&program));

        let closures = ClosureFinder::new(&host);
        Planner {
            host,
            closures,
            applets,
            names: HashMap::new(),
            layers: Vec::new(),
            missing: Vec::new(),
        }
    }

    fn layer(&mut self, spec: &LayerSpec) {
        let is_lowest = self.layers.is_empty();
        self.layers.push((spec.name.clone(), Tree::new()));
        // First: `settle` looks for these links in all paths that follow.
        if is_lowest {
            self.merge_directories();
        }

        for directory in &spec.directories {
            let path = self.settle(&directory.path);
            self.put(path, EntryKind::Directory { mode: directory.mode });
        }

        for group in &spec.programs {
            for name in &group.names {
                if let Err(error) = self.program(name, group) {
                    let (program, debian_package) = (name.clone(), group.package.clone());
                    self.missing.push(MissingProgram { program, debian_package, why: error });
                }
            }
        }

        for link in &spec.links {
            let path = self.settle(&link.path);
            self.put(path, EntryKind::Symlink { to: link.to.clone() });
        }
        for file in &spec.files {
            let path = self.settle(&file.path);
            self.put(
                path,
                EntryKind::File { mode: 0o644, source: FileSource::Text(file.text.clone()) },
            );
        }

        self.terminfo(&spec.terminfo);
        // Last: by now every path of the layer is known.
        self.parents();
    }

    /// The links of a merged /usr, and what they lead to.
    fn merge_directories(&mut self) {
        for name in MERGED_DIRECTORIES {
            let Ok(resolved) = self.host.resolve(name) else { continue };
            let ResolvedTarget::Directory(path) = resolved.target else { continue };
            if !resolved.links.is_empty() {
                self.put(path, EntryKind::Directory { mode: 0o755 });
                self.links(resolved.links);
            }
        }
    }

    fn program(&mut self, name: &str, group: &ProgramSpec) -> Result<(), NotInImage> {
        let has_applet = self.applets.iter().any(|applet| applet == name);
        match (group.busybox, has_applet) {
            (Busybox::Prefer, true) => {
                self.applet(name).or_else(|_| self.host_program(name).map(drop))
            }
            (Busybox::Fallback, true) => {
                self.host_program(name).map(drop).or_else(|_| self.applet(name))
            }
            (Busybox::Prefer | Busybox::Fallback | Busybox::Never, _) => {
                self.host_program(name).map(drop)
            }
        }
    }

    /// Link an applet beside busybox, as its own installer does.
    fn applet(&mut self, name: &str) -> Result<(), NotInImage> {
        let path = self.host_program("busybox")?;
        let link = match path.rsplit_once('/') {
            Some((directory @ ("usr/bin" | "bin"), busybox)) => {
                (format!("{directory}/{name}"), busybox.to_owned())
            }
            _ => (self.settle(&format!("usr/bin/{name}")), format!("/{path}")),
        };
        self.links(vec![link]);
        Ok(())
    }

    /// Take a program of the host and all that it needs. Returns its path, without links.
    fn host_program(&mut self, name: &str) -> Result<String, NotInImage> {
        let path = find_program(&mut self.host, name)?;
        let needed = self.closures.closure_of(&mut self.host, &path, &find_program)?;
        let real = needed.files.first().map_or_else(String::new, |found| found.path.clone());
        self.take(needed);
        self.short_name(path.trim_start_matches('/'));
        Ok(real)
    }

    /// The name in /bin or /sbin, by which scripts and lessons call a program, where these are no links to /usr and
    /// the host has the program in both.
    fn short_name(&mut self, path: &str) {
        let Some(short) = path.strip_prefix("usr/") else { return };
        let Some((directory, _)) = short.split_once('/') else { return };
        let is_merged = matches!(self.get(directory), Some(EntryKind::Symlink { .. }));
        if MERGED_DIRECTORIES.contains(&directory)
            && !is_merged
            // The program itself may lie there, and what is in /usr be a link to it.
            && self.get(short).is_none()
            && self.host.find_file(short).is_ok()
        {
            self.put(short.to_owned(), EntryKind::Symlink { to: format!("../{path}") });
        }
    }

    fn take(&mut self, needed: ProgramClosure) {
        self.links(needed.links);
        for found in needed.files {
            let source = self.host.path_on_machine(&found.path);
            let source = self.names.entry((found.device, found.inode)).or_insert(source).clone();
            // Set-user-ID and capabilities would not survive a copy by an ordinary user: they never do.
            let mode = if found.mode & 0o111 == 0 { 0o644 } else { 0o755 };
            self.put(found.path, EntryKind::File { mode, source: FileSource::Host(source) });
        }
    }

    fn links(&mut self, links: Vec<(String, String)>) {
        for (path, to) in links {
            self.put(path, EntryKind::Symlink { to });
        }
    }

    /// Take the descriptions of these terminals. If the host has none of them, that is said once: full-screen programs
    /// need one.
    fn terminfo(&mut self, terminals: &[String]) {
        let mut found = terminals.is_empty();
        for terminal in terminals {
            let Some(first) = terminal.bytes().next() else { continue };
            let letter = char::from(first);
            // By the first letter, or by its code where file names don't tell `a` from `A`.
            let candidates = TERMINFO_DIRECTORIES.iter().flat_map(|dir| {
                [format!("{dir}/{letter}/{terminal}"), format!("{dir}/{first:02x}/{terminal}")]
            });
            let hit = candidates.into_iter().find_map(|path| self.host.find_file(&path).ok());
            if let Some((file, links)) = hit {
                found = true;
                self.take(ProgramClosure { files: vec![file], links });
            }
        }

        if !found {
            self.missing.push(MissingProgram {
                program: "terminfo".into(),
                debian_package: "ncurses-base".into(),
                why: NotInImage::NoTerminal,
            });
        }
    }

    /// Add an entry, unless a lower layer has the same already.
    fn put(&mut self, path: String, what: EntryKind) {
        let Some(((_, tree), lower)) = self.layers.split_last_mut() else { return };
        if lower.iter().rev().find_map(|(_, tree)| tree.get(&path)) != Some(&what) {
            tree.insert(path, what);
        }
    }

    fn get(&self, path: &str) -> Option<&EntryKind> {
        self.layers.iter().rev().find_map(|(_, tree)| tree.get(path))
    }

    /// The place that a path of the fixture leads to when a directory on its way is a link (`bin/x` on a merged /usr).
    fn settle(&self, path: &str) -> String {
        for (at, _) in path.match_indices('/') {
            if let Some(EntryKind::Symlink { to }) = self.get(&path[..at])
                && !to.starts_with('/')
                && !to.contains("..")
            {
                let parent = path[..at]
                    .rsplit_once('/')
                    .map_or(String::new(), |(parent, _)| format!("{parent}/"));
                return self.settle(&format!("{parent}{to}{}", &path[at..]));
            }
        }
        path.to_owned()
    }

    /// Directories that nobody named. A merged directory takes its mode from the upper layer: so it says it again.
    fn parents(&mut self) {
        let Some((_, tree)) = self.layers.last() else { return };
        let mut parents = Tree::new();
        for path in tree.keys() {
            for (at, _) in path.match_indices('/') {
                let mode = match self.get(&path[..at]) {
                    Some(EntryKind::Directory { mode }) => *mode,
                    Some(EntryKind::File { .. } | EntryKind::Symlink { .. }) | None => 0o755,
                };
                parents.insert(path[..at].to_owned(), EntryKind::Directory { mode });
            }
        }

        if let Some((_, tree)) = self.layers.last_mut() {
            tree.extend(parents);
        }
    }

    fn finish(self) -> ImagePlan {
        let layers = self.layers.into_iter().map(|(name, tree)| {
            let entries = tree.into_iter().map(|(path, what)| ImageEntry { path, what }).collect();
            Layer { name, entries }
        });
        ImagePlan { layers: layers.collect(), missing: self.missing }
    }
}

/// The first usable one wins; if there is none, the first reason that says more than "absent".
fn find_program(host: &mut HostTree, name: &str) -> Result<String, NotInImage> {
    let mut reason = NotInImage::Absent;
    for directory in PROGRAM_DIRECTORIES {
        let path = format!("/{directory}/{name}");
        match host.find_file(&path) {
            Ok((found, _)) if found.mode & 0o001 != 0 => return Ok(path),
            Ok((found, _)) => {
                reason = NotInImage::NotExecutable { path: found.path, mode: found.mode }
            }
            Err(NotInImage::Absent) => {}
            Err(error) => reason = error,
        }
    }

    Err(reason)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// A host of scripts without interpreter lines: nothing to load, so only the planning is seen.
    fn host(programs: &[(&str, u32)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("temporary directory");
        fs::create_dir_all(dir.path().join("usr/bin")).expect("made");
        symlink("usr/bin", dir.path().join("bin")).expect("linked");
        for (name, mode) in programs {
            let path = dir.path().join("usr/bin").join(name);
            let text = if *name == "busybox" { "x\0cat\0ls\0ps\0sh\0" } else { "x" };
            fs::write(&path, text).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).expect("changed");
        }
        dir
    }

    fn fixture(layers: &str) -> Fixture {
        Fixture::parse(&format!("format: 1\nname: test\nlayers:\n{layers}")).expect("sound")
    }

    fn lines(layer: &Layer) -> Vec<String> {
        let line = |entry: &ImageEntry| match &entry.what {
            EntryKind::Directory { mode } => format!("{}/ {mode:o}", entry.path),
            EntryKind::File { mode, source: FileSource::Text(text) } => {
                format!("{} {mode:o} {text:?}", entry.path)
            }
            EntryKind::File { mode, source: FileSource::Host(_) } => {
                format!("{} {mode:o}", entry.path)
            }
            EntryKind::Symlink { to } => format!("{} -> {to}", entry.path),
        };
        layer.entries.iter().map(line).collect()
    }

    #[test]
    fn where_bin_is_no_link_programs_have_their_names_in_it_too() {
        let dir = host(&[("sh", 0o755), ("cat", 0o755), ("dd", 0o755)]);
        let at = |path: &str| dir.path().join(path);
        fs::remove_file(at("bin")).expect("the link is gone");
        fs::create_dir(at("bin")).expect("made");
        fs::rename(at("usr/bin/dd"), at("bin/dd")).expect("moved");
        symlink("../../bin/dd", at("usr/bin/dd")).expect("linked");
        fs::copy(at("usr/bin/sh"), at("bin/sh")).expect("copied");

        let programs = "  - name: base\n    programs: [{package: x, names: [sh, cat, dd]}]\n";
        let plan = plan_image(&fixture(programs), dir.path()).expect("has a shell");
        assert_eq!(
            lines(&plan.layers[0]),
            [
                "bin/ 755",
                "bin/dd 755",
                "bin/sh -> ../usr/bin/sh",
                "usr/ 755",
                "usr/bin/ 755",
                "usr/bin/cat 755",
                "usr/bin/dd -> ../../bin/dd",
                "usr/bin/sh 755"
            ]
        );
    }

    #[test]
    fn a_merged_usr_is_kept_and_modes_are_made_plain() {
        let dir = host(&[("sh", 0o4755), ("ls", 0o711), ("ps", 0o755)]);
        let plan = plan_image(
            &fixture(
                "  - name: base\n    programs: [{package: dash, names: [sh, ls]}]\n    \
                 directories: [{path: tmp, mode: '1777'}]\n    files: [{path: bin/hello, text: hi}]\n  \
                 - name: tools\n    programs: [{package: procps, names: [sh, ps, top]}]\n    \
                 files: [{path: tmp/x, text: ''}]\n",
            ),
            dir.path(),
        )
        .expect("has a shell");

        assert_eq!(
            lines(&plan.layers[0]),
            [
                "bin -> usr/bin",
                "tmp/ 1777",
                "usr/ 755",
                "usr/bin/ 755",
                "usr/bin/hello 644 \"hi\"",
                "usr/bin/sh 755"
            ]
        );
        assert_eq!(
            lines(&plan.layers[1]),
            ["tmp/ 1777", "tmp/x 644 \"\"", "usr/ 755", "usr/bin/ 755", "usr/bin/ps 755"]
        );

        let missing: Vec<_> = plan
            .missing
            .iter()
            .map(|m| format!("{} {} {}", m.program, m.debian_package, not_in_image(&m.why)))
            .collect();
        assert_eq!(
            missing,
            [
                "ls dash /usr/bin/ls (mode 0711) is not for everyone to read",
                "top procps not on this machine"
            ]
        );
    }

    #[test]
    fn busybox_takes_the_place_the_fixture_gives_it() {
        let layers = "  - name: base\n    programs:\n      - {package: a, busybox: fallback, names: [sh, cat]}\n      \
                      - {package: b, busybox: prefer, names: [ls]}\n      - {package: c, names: [ps]}\n";
        let check = |programs: &[(&str, u32)], expected: &[&str], missing: usize| {
            let dir = host(programs);
            let plan = plan_image(&fixture(layers), dir.path()).expect("has a shell");
            let programs: Vec<_> =
                lines(&plan.layers[0]).into_iter().filter(|l| l.starts_with("usr/bin/")).collect();
            assert_eq!(programs[1..], *expected);
            assert_eq!(plan.missing.len(), missing);
        };

        check(
            &[("sh", 0o755), ("ls", 0o755), ("busybox", 0o755)],
            &[
                "usr/bin/busybox 755",
                "usr/bin/cat -> busybox",
                "usr/bin/ls -> busybox",
                "usr/bin/sh 755",
            ],
            1,
        );
        check(&[("sh", 0o755), ("ls", 0o755)], &["usr/bin/ls 755", "usr/bin/sh 755"], 2);
        check(
            &[("sh", 0o755), ("ls", 0o755), ("busybox", 0o700)],
            &["usr/bin/ls 755", "usr/bin/sh 755"],
            2,
        );
    }

    #[test]
    fn a_program_that_may_be_read_and_not_run_says_so() {
        let dir = host(&[("sh", 0o755), ("ls", 0o644), ("ps", 0o754)]);
        let fixture =
            fixture("  - name: base\n    programs: [{package: p, names: [sh, ls, ps]}]\n");
        let plan = plan_image(&fixture, dir.path()).expect("has a shell");
        let reasons: Vec<_> =
            plan.missing.iter().map(|missing| not_in_image(&missing.why)).collect();
        assert_eq!(
            reasons,
            [
                "/usr/bin/ls (mode 0644) is not for everyone to execute",
                "/usr/bin/ps (mode 0754) is not for everyone to execute"
            ]
        );
    }

    #[test]
    fn without_a_shell_there_is_no_plan() {
        let dir = host(&[("ls", 0o755), ("sh", 0o750)]);
        let fixture = fixture("  - name: base\n    programs: [{package: dash, names: [sh, ls]}]\n");
        let error = plan_image(&fixture, dir.path()).expect_err("no shell").to_string();
        assert_eq!(
            error,
            "make a root file system from this machine's programs: there is no usable sh: \
             /usr/bin/sh (mode 0750) is not for everyone to read"
        );
    }

    #[test]
    fn two_plans_of_this_machine_are_equal_and_parents_come_first() {
        let fixture = Fixture::embedded();
        let first = plan_image(&fixture, Path::new("/")).expect("this machine has a shell");
        assert_eq!(first, plan_image(&fixture, Path::new("/")).expect("this machine has a shell"));

        for layer in &first.layers {
            let mut seen = std::collections::HashSet::new();
            for entry in &layer.entries {
                if let Some((parent, _)) = entry.path.rsplit_once('/') {
                    assert!(seen.contains(parent), "{} before {parent}", entry.path);
                }
                if matches!(entry.what, EntryKind::Directory { .. }) {
                    seen.insert(entry.path.as_str());
                }
            }
        }
    }
}
