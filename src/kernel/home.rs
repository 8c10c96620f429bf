//! The directories for a user's own files: those that the environment names, if they are this user's; else in
//! the home of the account.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};

const OWN_NAME: &str = "unboxed";

/// `$XDG_STATE_HOME/unboxed`, or `~/.local/state/unboxed`; none without a home.
///
/// `sudo -E` and the like keep the environment of somebody else: what root wrote in that home would be in its user's
/// way, and that user could lead root's writing astray. So a place that belongs to another user is passed over.
pub fn state_directory() -> Option<PathBuf> {
    Environment::own().state()
}

/// `$XDG_CONFIG_HOME/unboxed`, or `~/.config/unboxed`; none without a home. Passed over like the one for state: settings of
/// another user's are not ours.
pub fn config_directory() -> Option<PathBuf> {
    Environment::own().config()
}

/// `$XDG_RUNTIME_DIR/unboxed`, or else where state is kept.
pub fn runtime_directory() -> Option<PathBuf> {
    Environment::own().runtime()
}

/// The directory of this user's for what lasts no longer than a process, where there is no home, or none that can be written:
/// a service, a container with an id that has no account. Others may write beside it, so whose it is must be asked.
pub fn temporary_directory() -> PathBuf {
    PathBuf::from(format!("/tmp/{OWN_NAME}-{}", Uid::effective()))
}

/// The variables and the account that say where a user's files go.
struct Environment {
    runtime: Option<PathBuf>,
    state: Option<PathBuf>,
    config: Option<PathBuf>,
    home: Option<PathBuf>,
    /// The home that the account has, whatever the environment says.
    account: fn() -> Option<PathBuf>,
}

impl Environment {
    fn own() -> Environment {
        let set = |name: &str| {
            // The XDG base directory specification has paths ignored that are not absolute.
            std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
        };
        Environment {
            runtime: set("XDG_RUNTIME_DIR"),
            state: set("XDG_STATE_HOME"),
            config: set("XDG_CONFIG_HOME"),
            home: set("HOME"),
            account: || Some(User::from_uid(Uid::effective()).ok()??.dir),
        }
    }

    fn state(&self) -> Option<PathBuf> {
        self.lasting(self.state.as_ref(), [".local", "state"].as_slice())
    }

    fn config(&self) -> Option<PathBuf> {
        self.lasting(self.config.as_ref(), [".config"].as_slice())
    }

    /// The place that a variable names, or else the one below the home.
    fn lasting(&self, named: Option<&PathBuf>, below: &[&str]) -> Option<PathBuf> {
        let below_home = |home: PathBuf| {
            is_for_us(&home, below).then(|| home.join(below.iter().collect::<PathBuf>()))
        };
        let named = named.cloned().filter(|named| is_for_us(named, &[]));
        let place = named
            .or_else(|| below_home(self.home.clone()?))
            .or_else(|| below_home((self.account)()?))?;
        Some(place.join(OWN_NAME))
    }

    fn runtime(&self) -> Option<PathBuf> {
        // Whoever logs a user in makes it: one that is not there, or another's, is of another session.
        let is_own = |path: &PathBuf| {
            path.metadata().is_ok_and(|found| found.uid() == Uid::effective().as_raw())
        };
        self.runtime.clone().filter(is_own).map(|path| path.join(OWN_NAME)).or_else(|| self.state())
    }
}

/// True if nobody but this user, or root, has a hand in a path or what is below it; of what is not there yet, in
/// what it would be made in.
fn is_for_us(base: &Path, below: &[&str]) -> bool {
    let mut path = base.to_owned();
    while path.symlink_metadata().is_err() {
        if !path.pop() {
            return false;
        }
    }
    let mut is_for_us = is_trusted(&path);

    let mut path = base.to_owned();
    for name in below {
        path.push(name);
        is_for_us &= path.symlink_metadata().is_err() || is_trusted(&path);
    }
    is_for_us
}

/// True if this user or root owns a path and what it leads to. A link's owner decides where it leads, the
/// directory's what is in it.
fn is_trusted(path: &Path) -> bool {
    let trusted = |owner: u32| owner == 0 || owner == Uid::effective().as_raw();
    let link = path.symlink_metadata().is_ok_and(|found| trusted(found.uid()));
    // One that leads nowhere is said when something is to be made there.
    link && path.metadata().map_or(true, |found| trusted(found.uid()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{chown, symlink};

    use super::*;

    fn environment(
        runtime: Option<&Path>,
        state: Option<&Path>,
        home: Option<&Path>,
    ) -> Environment {
        let own = |path: Option<&Path>| path.map(Path::to_owned);
        Environment {
            runtime: own(runtime),
            state: own(state),
            config: own(state).map(|state| state.with_file_name("config")),
            home: own(home),
            account: || Some("/account".into()),
        }
    }

    #[test]
    fn the_environment_says_where_files_go() {
        let dir = tempfile::tempdir().expect("a directory");
        let at = |name: &str| dir.path().join(name);
        let (run, gone, state, home) = (at("run"), at("gone"), at("new/state"), at("home"));
        fs::create_dir(&run).expect("made");

        let found = |runtime, state, home| {
            let environment = environment(runtime, state, home);
            (environment.runtime(), environment.state())
        };
        let (runtime, kept) = (Some(run.join("unboxed")), Some(state.join("unboxed")));
        let below_home = Some(home.join(".local/state/unboxed"));

        assert_eq!(found(Some(&run), Some(&state), Some(&home)), (runtime.clone(), kept.clone()));
        assert_eq!(found(None, Some(&state), Some(&home)), (kept.clone(), kept));
        assert_eq!(found(Some(&run), None, Some(&home)), (runtime, below_home.clone()));
        // A session that is over has no directory any more.
        assert_eq!(found(Some(&gone), None, Some(&home)).0, below_home);
        let account = Some(PathBuf::from("/account/.local/state/unboxed"));
        assert_eq!(found(None, None, None), (account.clone(), account));

        let config = |state, home| environment(None, state, home).config();
        assert_eq!(config(Some(&state), Some(&home)), Some(at("new/config/unboxed")));
        assert_eq!(config(None, Some(&home)), Some(home.join(".config/unboxed")));
        assert_eq!(config(None, None), Some("/account/.config/unboxed".into()));
    }

    #[test]
    fn places_of_another_user_are_passed_over() {
        if !Uid::effective().is_root() {
            return;
        }
        let account = Some(PathBuf::from("/account/.local/state/unboxed"));
        let dir = tempfile::tempdir().expect("a directory");
        let foreign = dir.path().join("foreign");
        fs::create_dir(&foreign).expect("made");
        chown(&foreign, Some(64002), Some(64002)).expect("root may");
        let all = environment(Some(&foreign), Some(&foreign), Some(&foreign));
        assert_eq!((all.runtime(), all.state()), (account.clone(), account.clone()));
        // What is not there yet would be made in it.
        let new = foreign.join("new/state");
        assert_eq!(environment(None, Some(&new), None).state(), account);

        // A home of root's, in which another user has something on the way.
        let home = dir.path().join("home");
        fs::create_dir_all(home.join(".local/state")).expect("made");
        chown(home.join(".local"), Some(64002), None).expect("root may");
        assert_eq!(environment(None, None, Some(&home)).state(), account);

        // A link of another user's to root's own.
        let link = foreign.join("link");
        symlink(&home, &link).expect("a link");
        std::os::unix::fs::lchown(&link, Some(64002), None).expect("root may");
        assert_eq!(environment(None, Some(&link), None).state(), account);
    }
}
