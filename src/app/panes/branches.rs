//! The branches in front of the rows of a tree.

/// `├─` before a row that is followed by another one below the same parent, `└─` before the last, `│` past those that go on
/// below: two columns for each level. `depths` has, row by row, the number of rows that each lies below; none for those at
/// the top.
pub fn branches(depths: &[usize]) -> Vec<String> {
    // From the end: a level is open where a row of it is still to come below the same parent.
    let mut open: Vec<bool> = Vec::new();
    let mut found: Vec<String> = Vec::with_capacity(depths.len());
    for &depth in depths.iter().rev() {
        open.resize(depth + 1, false);
        let passed = open.iter().take(depth).skip(1).map(|open| if *open { "│ " } else { "  " });
        let last = match (depth, open[depth]) {
            (0, _) => "",
            (_, true) => "├─",
            (_, false) => "└─",
        };
        found.push(passed.chain([last]).collect());
        open[depth] = true;
    }

    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_goes_on_where_another_row_follows_below_the_same_parent() {
        let check = |depths: &[usize], expected: &[&str]| assert_eq!(branches(depths), expected);
        check(&[0, 1, 2, 2, 1, 2], &["", "├─", "│ ├─", "│ └─", "└─", "  └─"]);
        check(&[0, 1, 0, 1], &["", "└─", "", "└─"]);
        check(&[0, 1, 2, 3, 1], &["", "├─", "│ └─", "│   └─", "└─"]);
        // A row whose parent is not among them.
        check(&[2, 1], &["│ └─", "└─"]);
        check(&[], &[]);
    }
}
