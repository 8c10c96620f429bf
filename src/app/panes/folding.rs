//! The rows that make way for what changed: runs of those that are as before are folded, and a side that is looked at
//! alone begins at what the step changed. Pure.

use std::collections::HashSet;

use super::{PaneRow, PaneSection, RowKind};
use crate::diff::ChangeKind;

/// The most rows that stay as they are where they stand together: a fold would save next to nothing.
const MAX_RUN: usize = 3;

/// The rows of a pane that are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFolding {
    /// Runs of rows that are as before take one row each.
    Folded,
    All,
}

impl RowFolding {
    pub fn turned(self) -> RowFolding {
        match self {
            RowFolding::Folded => RowFolding::All,
            RowFolding::All => RowFolding::Folded,
        }
    }
}

/// One line of a pane whose rows are folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownRow {
    /// The row at this place.
    Row(usize),
    /// So many rows from this place on, all of them as before.
    Fold { first: usize, count: usize },
}

impl ShownRow {
    /// True if it is this row, or the row is folded in it.
    pub fn has(self, place: usize) -> bool {
        match self {
            ShownRow::Row(row) => row == place,
            ShownRow::Fold { first, count } => (first..first + count).contains(&place),
        }
    }
}

impl PaneRow {
    /// Something that is listed, and neither new nor otherwise than before.
    pub fn is_as_before(&self) -> bool {
        match self.kind {
            RowKind::Plain | RowKind::Dim => !self.mark.is_change(),
            RowKind::Heading | RowKind::Columns | RowKind::Note | RowKind::Bad | RowKind::Chart => {
                false
            }
        }
    }
}

/// The lines of rows that are folded; the run that has the row `open` is not.
pub fn folded(rows: &[PaneRow], open: Option<usize>) -> Vec<ShownRow> {
    let mut shown = Vec::new();
    let mut first = 0;
    while first < rows.len() {
        let run = rows[first..].iter().take_while(|row| row.is_as_before()).count();
        let is_open = open.is_some_and(|row| (first..first + run).contains(&row));
        if run <= MAX_RUN || is_open {
            // With the row that ends the run, if one does.
            let end = (first + run + 1).min(rows.len());
            shown.extend((first..end).map(ShownRow::Row));
            first = end;
            continue;
        }

        let is_last = rows.get(first + run).is_none_or(|next| next.kind == RowKind::Heading);
        // Names of columns with nothing in them say nothing.
        if let Some(ShownRow::Row(last)) = shown.last()
            && is_last
            && rows[*last].kind == RowKind::Columns
        {
            shown.pop();
        }
        shown.push(ShownRow::Fold { first, count: run });
        first += run;
    }
    shown
}

/// The numbers of rows that have the mark of a change, and of those that are as before.
pub fn counts(sections: &[PaneSection]) -> (usize, usize) {
    let rows = || sections.iter().flat_map(|section| &section.rows);
    let changed = rows().filter(|row| row.mark.is_change()).count();
    (changed, rows().filter(|row| row.is_as_before()).count())
}

/// Make the rows dim that a side shares with the other one, and return the place of the first that it does not share.
/// `marked` is the same pane with its changes marked.
pub fn dim_what_is_shared(sections: &mut [PaneSection], marked: &[PaneSection]) -> Option<usize> {
    let is_same = |row: &&PaneRow| matches!(row.mark, ChangeKind::Same | ChangeKind::Quiet);
    let all = marked.iter().flat_map(|section| &section.rows);
    let shared: HashSet<&str> = all.filter(is_same).map(|row| row.text.as_str()).collect();

    let mut found = None;
    let rows = sections.iter_mut().flat_map(|section| &mut section.rows);
    for (place, row) in rows.enumerate().filter(|(_, row)| row.kind == RowKind::Plain) {
        if shared.contains(row.text.as_str()) {
            row.kind = RowKind::Dim;
        } else {
            found = found.or(Some(place));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::panes::row;

    /// Rows by a letter each: `h` heading, `c` names of columns, `=` as before, `+` new.
    fn rows(letters: &str) -> Vec<PaneRow> {
        let one = |letter: char| match letter {
            'h' => PaneRow::heading("host"),
            'c' => PaneRow::columns("id target"),
            '+' => row(ChangeKind::Added, "new"),
            _ => row(ChangeKind::Same, "as before"),
        };
        letters.chars().map(one).collect()
    }

    /// The lines of rows: a letter for each that is shown, a number for so many in a fold.
    fn lines(letters: &str, open: Option<usize>) -> String {
        let letter = |place: usize| letters.chars().nth(place).expect("a row");
        let text = |line: ShownRow| match line {
            ShownRow::Row(place) => letter(place).to_string(),
            ShownRow::Fold { count, .. } => count.to_string(),
        };
        folded(&rows(letters), open).into_iter().map(text).collect()
    }

    #[test]
    fn runs_of_more_than_three_rows_as_before_are_folded() {
        let check = |letters: &str, expected: &str| assert_eq!(lines(letters, None), expected);
        check("", "");
        check("hc===+", "hc===+");
        check("hc====+=====", "hc4+5");
        check("hc====h+", "h4h+");
        check("hc====", "h4");
        check("====", "4");
        check("+++++", "+++++");
    }

    #[test]
    fn a_row_that_is_looked_at_opens_its_fold_and_no_other() {
        let letters = "h=====+=====";
        assert_eq!(lines(letters, Some(1)), "h=====+5");
        assert_eq!(lines(letters, Some(6)), "h5+5", "the changed one");
        assert_eq!(lines(letters, Some(11)), "h5+=====");
        for open in (0..letters.len()).map(Some).chain([None]) {
            let lines = folded(&rows(letters), open);
            let of = |line: &ShownRow| (0..letters.len()).filter(|row| line.has(*row)).count();
            assert_eq!(lines.iter().map(of).sum::<usize>(), letters.len(), "{open:?}");
        }
    }

    #[test]
    fn a_side_begins_at_what_the_other_has_not() {
        let section = |texts: &[(ChangeKind, &str)]| {
            vec![PaneSection { rows: texts.iter().map(|(mark, text)| row(*mark, text)).collect() }]
        };
        let same = ChangeKind::Same;
        let marked = section(&[(same, "a"), (ChangeKind::Changed, "b2"), (same, "c")]);
        let mut before = section(&[(same, "a"), (same, "b1"), (same, "c")]);
        assert_eq!(dim_what_is_shared(&mut before, &marked), Some(1));
        let kinds: Vec<RowKind> = before[0].rows.iter().map(|row| row.kind).collect();
        assert_eq!(kinds, [RowKind::Dim, RowKind::Plain, RowKind::Dim]);
    }
}
