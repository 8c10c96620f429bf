//! Remarks of panes in words, and what became of a section's owner.

use crate::diff::OwnerChange;
use crate::remark::Remark;
use crate::seen::{CutList, CutRows};
use crate::snapshot::Omitted;

pub fn remark(remark: &Remark) -> String {
    match remark {
        Remark::Nothing => "nothing".into(),
        Remark::NothingChanged => "nothing changed".into(),
        Remark::CallsNotHeard => {
            "not all of your calls are here: the process that hears them has ended; the next shell brings another".into()
        }
        Remark::MoreCalls { count: 1 } => "and 1 more call".into(),
        Remark::MoreCalls { count } => format!("and {count} more calls"),
        Remark::NoCalls => "no calls yet: they appear when the step has run".into(),
        Remark::NoCgroups => {
            "this lab has no cgroups: unboxed doctor says why, and what would change it".into()
        }
        Remark::NoFiles => "this step shows no directory, and no overlay is mounted".into(),
        Remark::WhoIsInWhichGroup { key, is_one_alone } => {
            let hint = if *is_one_alone { "all again" } else { "one alone" };
            format!("who is in which group   {key}: {hint}")
        }
        Remark::More(rows) => format!("  {}", more(rows)),
        Remark::MoreNotCompared(rows) => format!("  {}, not compared", more(rows)),
        Remark::MoreBefore(rows) => format!("  before: {}, not compared", more(rows)),
    }
}

/// `… 12 more mounts`; nothing of a list that is whole.
pub(super) fn more(rows: &CutRows) -> String {
    let (what, listed) = (list(rows.list), rows.listed);
    match rows.omitted {
        Omitted::Nothing => String::new(),
        Omitted::Rows(count) => format!("… {count} more {what}"),
        Omitted::Uncounted => format!("… more than {listed} {what}"),
    }
}

/// The rows of a list by their name.
fn list(list: CutList) -> &'static str {
    match list {
        CutList::Mounts => "mounts",
        CutList::Links => "links",
        CutList::Addresses => "addresses",
        CutList::Routes => "routes",
        CutList::Neighbours => "neighbours",
        CutList::Traffic => "classes and rules",
        CutList::Cgroups => "cgroups",
        CutList::Groups => "groups",
        CutList::CgroupMembers => "members",
        CutList::OverlayEntries | CutList::Directory => "entries",
        CutList::Overlays => "overlays",
        CutList::Processes => "processes",
        CutList::IpcObjects => "System V objects",
    }
}

/// The end of an owner's heading: `container  new: a copy of host's`.
pub fn owner_change_suffix(change: &OwnerChange) -> String {
    owner_change(change).map_or_else(String::new, |words| format!("  {words}"))
}

/// The change of an owner; nothing of one that is there on both sides.
pub(super) fn owner_change(change: &OwnerChange) -> Option<String> {
    match change {
        OwnerChange::Old => None,
        OwnerChange::New => Some("new".into()),
        OwnerChange::CopyOf(actor) => Some(format!("new: a copy of {actor}'s")),
        OwnerChange::Gone => Some("gone".into()),
        OwnerChange::Unknown => Some("not known whether it is new or gone".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::KeyName;

    #[test]
    fn a_list_that_was_cut_says_how_much_is_missing_and_of_which_moment() {
        let rows = |omitted| CutRows { list: CutList::Mounts, listed: 5, omitted };
        let check = |said: Remark, expected: &str| assert_eq!(remark(&said), expected);

        check(Remark::More(rows(Omitted::Rows(12))), "  … 12 more mounts");
        check(Remark::More(rows(Omitted::Uncounted)), "  … more than 5 mounts");
        check(Remark::MoreNotCompared(rows(Omitted::Rows(1))), "  … 1 more mounts, not compared");
        check(
            Remark::MoreBefore(rows(Omitted::Rows(1))),
            "  before: … 1 more mounts, not compared",
        );

        let key = KeyName("v".into());
        check(
            Remark::WhoIsInWhichGroup { key, is_one_alone: true },
            "who is in which group   v: all again",
        );
    }
}
