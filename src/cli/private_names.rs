//! The names by which others would know whose machine this is.

use std::path::PathBuf;

use nix::unistd::{Uid, User};

/// Every home, the host, and the user by each name, with the kind in capitals: `("/home/ada", "HOME")`. What is part of
/// another comes after it; some may be the same, or give nobody away.
pub fn private_names() -> Vec<(String, &'static str)> {
    let variable = |name: &str| std::env::var(name).ok().map(PathBuf::from);
    let account = User::from_uid(Uid::current()).ok().flatten();
    let homes = account.iter().map(|account| account.dir.clone()).chain(variable("HOME"));
    let host = nix::unistd::gethostname().ok().map(PathBuf::from);
    let users = ["USER", "LOGNAME", "SUDO_USER"].into_iter().filter_map(variable);
    let users = account.iter().map(|account| PathBuf::from(&account.name)).chain(users);

    let kinds = homes.map(|home| (home, "HOME")).chain(host.map(|host| (host, "HOST")));
    let kinds = kinds.chain(users.map(|user| (user, "USER")));
    kinds.map(|(name, kind)| (name.to_string_lossy().into_owned(), kind)).collect()
}
