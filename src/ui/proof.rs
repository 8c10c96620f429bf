//! The machine before and after a session, as rows of a screen: at a lesson's end, and at a talk's.

use ratatui::text::{Line, Span};

use super::theme::Theme;
use crate::proof::Proof;
use crate::text::{padded, safe, shortened};

/// The changes of a row that are shown, of ours and of others each.
const MAX_CHANGES: usize = 6;

/// A line for each row, and below it what is different, and what others changed meanwhile.
pub fn lines(proof: &Proof, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for row in &proof.rows {
        let same = row.differences.is_empty();
        let (word, style) =
            if same { ("as it was", theme.good()) } else { ("DIFFERENT", theme.bad()) };
        let counts = format!("{:>6} {:>6}", row.before, row.after);
        lines.push(Line::from(vec![
            Span::raw(format!("  {} {counts}  ", padded(&safe(&row.what), 22))),
            Span::styled(word, style),
        ]));

        lines.extend(changes(&row.differences, "", columns));
        lines.extend(changes(&row.by_others, "by others meanwhile: ", columns));
    }
    lines
}

fn changes(changes: &[String], before: &str, columns: usize) -> Vec<Line<'static>> {
    let line = |text: String| Line::from(shortened(&format!("      {before}{text}"), columns));
    let mut lines: Vec<Line<'_>> =
        changes.iter().take(MAX_CHANGES).map(|change| line(safe(change))).collect();
    let more = changes.len().saturating_sub(MAX_CHANGES);
    if more > 0 {
        lines.push(line(format!("... and {more} more")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::ProofRow;

    #[test]
    fn what_others_changed_is_told_as_theirs_and_no_difference() {
        let row = |differences: &[&str], by_others: usize| ProofRow {
            what: "mounts".into(),
            before: 1,
            after: 2,
            differences: differences.iter().map(|text| (*text).to_owned()).collect(),
            by_others: (0..by_others).map(|number| format!("+ {number} \x1b[2J")).collect(),
        };
        let theme = Theme::without_colors().in_ascii();
        let told = |row: ProofRow| -> Vec<String> {
            let proof = Proof { rows: vec![row] };
            lines(&proof, 60, theme).iter().map(Line::to_string).collect()
        };

        let theirs = told(row(&[], 8));
        assert_eq!(theirs[0], "  mounts                      1      2  as it was");
        assert_eq!(theirs[1], "      by others meanwhile: + 0 \\x1b[2J");
        assert_eq!(theirs[7], "      by others meanwhile: ... and 2 more");
        assert_eq!(theirs.len(), 8);

        let ours = told(row(&["+ a mount"], 0));
        assert_eq!(ours[0], "  mounts                      1      2  DIFFERENT");
        assert_eq!(ours[1..], ["      + a mount"]);
    }
}
