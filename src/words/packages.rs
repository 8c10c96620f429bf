//! Packages, by the names that each distribution gives them, and the line that installs them.

use crate::diagnosis::PackageManager;

/// Debian's name, and those of Fedora, Arch, Alpine and openSUSE where they differ.
const NAMES: [(&str, [&str; 4]); 6] = [
    ("procps", ["procps-ng", "procps-ng", "procps-ng", "procps"]),
    ("mount", ["util-linux", "util-linux", "util-linux", "util-linux"]),
    ("hostname", ["hostname", "inetutils", "net-tools", "hostname"]),
    ("iproute2", ["iproute", "iproute2", "iproute2", "iproute2"]),
    ("iputils-ping", ["iputils", "iputils", "iputils", "iputils"]),
    ("ncurses-base", ["ncurses-base", "ncurses", "ncurses-terminfo-base", "terminfo-base"]),
];

/// The cure for missing packages, with a line to copy where the package manager is known.
pub fn install(manager: PackageManager, debian_names: &[String]) -> String {
    let (command, column) = match manager {
        PackageManager::Apt => ("apt-get install", None),
        PackageManager::Dnf => ("dnf install", Some(0)),
        PackageManager::Pacman => ("pacman -S --needed", Some(1)),
        PackageManager::Apk => ("apk add", Some(2)),
        PackageManager::Zypper => ("zypper install", Some(3)),
        PackageManager::Nix | PackageManager::Unknown => {
            return format!(
                "install them with this distribution's package manager; Debian's packages with them are {}",
                debian_names.join(" ")
            );
        }
    };

    let mut names: Vec<&str> = Vec::new();
    for debian_name in debian_names {
        let others = NAMES.iter().find(|(known, _)| known == debian_name);
        let name = match (others, column) {
            (Some((_, others)), Some(column)) => others[column],
            (None, _) | (_, None) => debian_name,
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    format!("install them\n$ sudo {command} {}", names.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_have_the_names_of_the_distribution() {
        let check = |manager, expected: &str| {
            let names = ["iproute2", "iputils-ping", "mount", "procps", "util-linux"];
            assert_eq!(install(manager, &names.map(String::from)), expected);
        };

        check(
            PackageManager::Apt,
            "install them\n$ sudo apt-get install iproute2 iputils-ping mount procps util-linux",
        );
        check(
            PackageManager::Dnf,
            "install them\n$ sudo dnf install iproute iputils util-linux procps-ng",
        );
        check(
            PackageManager::Pacman,
            "install them\n$ sudo pacman -S --needed iproute2 iputils util-linux procps-ng",
        );
        check(
            PackageManager::Apk,
            "install them\n$ sudo apk add iproute2 iputils util-linux procps-ng",
        );
        check(
            PackageManager::Zypper,
            "install them\n$ sudo zypper install iproute2 iputils util-linux procps",
        );
        check(
            PackageManager::Unknown,
            "install them with this distribution's package manager; Debian's packages with them are \
             iproute2 iputils-ping mount procps util-linux",
        );
    }
}
