//! Rows of two lists, set beside each other by what they are told by. Linear in their length: a lab decides how long
//! they are.

use std::collections::HashMap;
use std::hash::Hash;

use super::{ChangeKind, DiffRow, DiffSection, OwnerChange};
use crate::snapshot::Omitted;

/// One side of a comparison.
#[derive(Debug)]
pub struct DiffSide<'a, T> {
    pub rows: &'a [T],
    pub omitted: Omitted,
}

impl<'a, T> DiffSide<'a, T> {
    pub fn new(rows: &'a [T], omitted: Omitted) -> DiffSide<'a, T> {
        DiffSide { rows, omitted }
    }

    /// A list that nothing was left out of.
    pub fn whole(rows: &'a [T]) -> DiffSide<'a, T> {
        DiffSide::new(rows, Omitted::Nothing)
    }

    /// True if nothing was left out: a row that is not in this list is not there.
    fn is_whole(&self) -> bool {
        self.omitted.is_nothing()
    }
}

/// The mark of a row that one side alone has; unknown where the other side was cut, since the row may be there, too.
fn unless_cut<T>(mark: ChangeKind, other: &DiffSide<'_, T>) -> ChangeKind {
    if other.is_whole() { mark } else { ChangeKind::Unknown }
}

/// Rows in the order of `after`; a row that is gone stands behind the one it stood behind.
pub fn diff_rows<T: Clone, K: Eq + Hash>(
    before: &DiffSide<'_, T>,
    after: &DiffSide<'_, T>,
    key: impl Fn(&T) -> K,
    mark: impl Fn(&T, &T) -> ChangeKind,
) -> Vec<DiffRow<T>> {
    let old_places = places(before.rows, &key);
    let new_places = places(after.rows, &key);

    // The rows that are gone, each with the number of new rows that stand before it.
    let (mut gone, mut behind) = (Vec::new(), 0);
    for old in before.rows {
        match new_places.get(&key(old)) {
            Some(place) => behind = place + 1,
            None => gone.push((behind, old)),
        }
    }
    gone.sort_by_key(|(behind, _)| *behind);

    let mut gone = gone.into_iter().peekable();
    let mut rows = Vec::with_capacity(after.rows.len() + gone.len());
    let lost = |old: &T| DiffRow {
        mark: unless_cut(ChangeKind::Gone, after),
        before: Some(old.clone()),
        after: None,
    };
    for (place, new) in after.rows.iter().enumerate() {
        while let Some((_, old)) = gone.next_if(|(behind, _)| *behind <= place) {
            rows.push(lost(old));
        }
        rows.push(match old_places.get(&key(new)).map(|place| &before.rows[*place]) {
            Some(old) => DiffRow {
                mark: mark(old, new),
                before: Some(old.clone()),
                after: Some(new.clone()),
            },
            None => DiffRow {
                mark: unless_cut(ChangeKind::Added, before),
                before: None,
                after: Some(new.clone()),
            },
        });
    }
    rows.extend(gone.map(|(_, old)| lost(old)));
    rows
}

/// The first row with each key.
fn places<T, K: Eq + Hash>(rows: &[T], key: impl Fn(&T) -> K) -> HashMap<K, usize> {
    let mut places = HashMap::with_capacity(rows.len());
    for (place, row) in rows.iter().enumerate() {
        places.entry(key(row)).or_insert(place);
    }
    places
}

pub fn mark_by_equality<T: PartialEq>(before: &T, after: &T) -> ChangeKind {
    if before == after { ChangeKind::Same } else { ChangeKind::Changed }
}

/// One owner and its rows.
#[derive(Debug)]
pub struct OwnedRows<'a, O, T> {
    pub owner: O,
    pub side: DiffSide<'a, T>,
}

/// Per owner: an owner that is new, gone, or there on both sides.
pub fn diff_sections<O: Clone + Eq + Hash, T: Clone + PartialEq, K: Eq + Hash>(
    before: &DiffSide<'_, OwnedRows<'_, O, T>>,
    after: &DiffSide<'_, OwnedRows<'_, O, T>>,
    key: impl Fn(&T) -> K,
) -> Vec<DiffSection<O, T>> {
    let none = DiffSide::whole(&[]);
    // An owner that may have been there among what was left out is neither new nor gone, nor are its rows.
    let unseen = DiffSide::new(&[], Omitted::Uncounted);
    let by_owner = |one: &OwnedRows<'_, O, T>| one.owner.clone();
    let (old_places, new_places) = (places(before.rows, by_owner), places(after.rows, by_owner));

    let mut found: Vec<DiffSection<O, T>> = Vec::new();
    for new in after.rows {
        let old = old_places.get(&new.owner).map(|place| &before.rows[*place].side);
        let (owner_change, old) = match old {
            Some(old) => (OwnerChange::Old, old),
            None if before.is_whole() => (OwnerChange::New, &none),
            None => (OwnerChange::Unknown, &unseen),
        };
        found.push(section(&new.owner, owner_change, old, &new.side, &key));
    }

    for old in before.rows.iter().filter(|old| !new_places.contains_key(&old.owner)) {
        let (owner_change, new) = if after.is_whole() {
            (OwnerChange::Gone, &none)
        } else {
            (OwnerChange::Unknown, &unseen)
        };
        found.push(section(&old.owner, owner_change, &old.side, new, &key));
    }

    found
}

fn section<O: Clone, T: Clone + PartialEq, K: Eq + Hash>(
    owner: &O,
    owner_change: OwnerChange,
    before: &DiffSide<'_, T>,
    after: &DiffSide<'_, T>,
    key: impl Fn(&T) -> K,
) -> DiffSection<O, T> {
    DiffSection {
        owner: owner.clone(),
        owner_change,
        rows: diff_rows(before, after, key, mark_by_equality),
        omitted: [before.omitted, after.omitted],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(before: &str, was: Omitted, after: &str, is: Omitted) -> String {
        let (before, after): (Vec<char>, Vec<char>) =
            (before.chars().collect(), after.chars().collect());
        diff_rows(
            &DiffSide::new(&before, was),
            &DiffSide::new(&after, is),
            |letter| *letter,
            mark_by_equality,
        )
        .iter()
        .flat_map(|row| [row.mark.sign(), row.after.or(row.before).unwrap_or('!')])
        .collect()
    }

    #[test]
    fn gone_rows_stay_where_they_were() {
        let check = |before: &str, after: &str, expected: &str| {
            assert_eq!(shown(before, Omitted::Nothing, after, Omitted::Nothing), expected);
        };
        check("abc", "abc", " a b c");
        check("abc", "ac", " a-b c");
        check("abc", "c", "-a-b c");
        check("a", "ab", " a+b");
        check("", "", "");
        check("ab", "", "-a-b");
        check("abcd", "dcx", "-a-b d c+x");
        check("abcd", "dax", " d a-b-c+x");
    }

    #[test]
    fn what_one_side_alone_has_says_nothing_where_the_other_was_cut() {
        let (whole, cut) = (Omitted::Nothing, Omitted::Rows(3));
        let check = |before: &str, was, after: &str, is, expected: &str| {
            assert_eq!(shown(before, was, after, is), expected);
        };
        // Something in front was unmounted, and what was behind the end came into sight.
        check("abc", cut, "acd", cut, " a?b c?d");
        // It has become too many: what is missing may be there, but what is there is new.
        check("ab", whole, "acx", cut, " a?b+c+x");
        check("acx", cut, "ab", whole, " a-c-x?b");
        check("acx", Omitted::Uncounted, "acx", cut, " a c x");
    }

    #[test]
    fn an_owner_that_may_have_been_left_out_is_neither_new_nor_gone() {
        let rows = ['r'];
        let side = |owners: &str| -> Vec<OwnedRows<'_, char, char>> {
            let owned =
                |owner: char| OwnedRows { owner, side: DiffSide::new(&rows, Omitted::Nothing) };
            owners.chars().map(owned).collect()
        };
        let check = |before: &str,
                     was,
                     after: &str,
                     is,
                     expected: &[(char, OwnerChange, ChangeKind)]| {
            let (before, after) = (side(before), side(after));
            let sections =
                diff_sections(&DiffSide::new(&before, was), &DiffSide::new(&after, is), |row| *row);
            let found: Vec<(char, OwnerChange, ChangeKind)> = sections
                .iter()
                .map(|section| (section.owner, section.owner_change.clone(), section.rows[0].mark))
                .collect();
            assert_eq!(found, expected);
        };

        let (whole, cut) = (Omitted::Nothing, Omitted::Rows(1));
        let old = |owner: char| (owner, OwnerChange::Old, ChangeKind::Same);
        check(
            "ab",
            whole,
            "bc",
            whole,
            &[
                old('b'),
                ('c', OwnerChange::New, ChangeKind::Added),
                ('a', OwnerChange::Gone, ChangeKind::Gone),
            ],
        );
        let unknown = |owner: char| (owner, OwnerChange::Unknown, ChangeKind::Unknown);
        check("ab", cut, "bc", cut, &[old('b'), unknown('c'), unknown('a')]);
        check(
            "ab",
            whole,
            "bc",
            cut,
            &[old('b'), ('c', OwnerChange::New, ChangeKind::Added), unknown('a')],
        );
    }
}
