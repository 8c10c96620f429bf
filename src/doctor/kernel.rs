//! The release of the kernel.

use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KernelVersion {
    /// `6.1.0-30-amd64`
    pub release: String,
    pub version: (u32, u32),
}

impl KernelVersion {
    pub(super) fn parse(release: &str) -> Option<KernelVersion> {
        let mut numbers = release.split(|c: char| !c.is_ascii_digit());
        let version = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
        Some(KernelVersion { release: release.to_owned(), version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_of_many_kinds_have_a_version() {
        let check = |release: &str, expected: Option<(u32, u32)>| {
            assert_eq!(
                KernelVersion::parse(release).map(|kernel| kernel.version),
                expected,
                "{release}"
            );
        };

        check("6.18.44-fc-v657", Some((6, 18)));
        check("5.15.167.4-microsoft-standard-WSL2", Some((5, 15)));
        check("6.1-rc3", Some((6, 1)));
        check("4.4", Some((4, 4)));
        check("six", None);
        check("", None);
    }
}
