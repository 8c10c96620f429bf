//! The files that facts are read from.

use std::path::{Path, PathBuf};

/// The root to read below, and the user to read as: a test reads a folder of files.
#[derive(Debug, Clone)]
pub struct MachineRoot {
    pub root: PathBuf,
    pub euid: u32,
    /// Tells if this process may write to a path.
    pub may_write: fn(&Path) -> bool,
    /// This program, as a shell runs it.
    pub program: String,
}

impl MachineRoot {
    /// This machine, as this process.
    pub fn this_machine() -> MachineRoot {
        use nix::fcntl::{AT_FDCWD, AtFlags};
        use nix::unistd::{AccessFlags, faccessat, geteuid};
        let may_write =
            |path: &Path| faccessat(AT_FDCWD, path, AccessFlags::W_OK, AtFlags::AT_EACCESS).is_ok();
        MachineRoot {
            root: PathBuf::from("/"),
            euid: geteuid().as_raw(),
            may_write,
            program: own_program(),
        }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    pub fn is_writable(&self, path: &str) -> bool {
        (self.may_write)(&self.path(path))
    }

    pub fn read_text(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.path(path)).ok()
    }

    pub(super) fn read_number(&self, path: &str) -> Option<u64> {
        self.read_text(path)?.trim().parse().ok()
    }
}

/// The words that run this very program. Its name alone where sudo(8) finds it, too: its PATH is these directories.
fn own_program() -> String {
    const FOUND_BY_SUDO: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];
    let Ok(path) = std::env::current_exe() else { return "unboxed".to_owned() };
    if path.file_name().is_some_and(|name| name == "unboxed")
        && path
            .parent()
            .is_some_and(|dir| FOUND_BY_SUDO.iter().any(|known| dir == Path::new(known)))
    {
        return "unboxed".to_owned();
    }
    quoted(&path.to_string_lossy())
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    match word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_quoted_where_a_shell_would_break_it() {
        assert_eq!(quoted("/home/joe/unboxed-0.1"), "/home/joe/unboxed-0.1");
        assert_eq!(quoted("/home/joe's own/unboxed"), r"'/home/joe'\''s own/unboxed'");
    }

    #[test]
    fn a_program_that_is_not_on_the_path_is_named_by_its_path() {
        let own = std::env::current_exe().expect("a path");
        assert!(own_program().contains(own.to_str().expect("text")), "{}", own_program());
    }
}
