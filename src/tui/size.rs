//! The size of the person's terminal, which some do not know.

/// The columns and rows for a terminal that says 0: a serial line, `docker exec` before its first resize.
const UNKNOWN_SIZE: (u16, u16) = (80, 24);
/// The largest screen that is drawn, so that a terminal that says more takes no gigabytes.
const MAX_SIZE: (u16, u16) = (1000, 500);

/// Columns and rows of the terminal.
pub fn terminal_size() -> (u16, u16) {
    known_size(crossterm::terminal::size().unwrap_or_default())
}

/// The size that is drawn for one that a terminal says.
pub(super) fn known_size((columns, rows): (u16, u16)) -> (u16, u16) {
    let known = |said: u16, unknown: u16, max: u16| if said == 0 { unknown } else { said.min(max) };
    (known(columns, UNKNOWN_SIZE.0, MAX_SIZE.0), known(rows, UNKNOWN_SIZE.1, MAX_SIZE.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_that_is_not_known_or_not_to_be_believed_is_replaced() {
        for (said, drawn) in [
            ((0, 0), (80, 24)),
            ((0, 50), (80, 50)),
            ((132, 0), (132, 24)),
            ((1, 1), (1, 1)),
            ((120, 40), (120, 40)),
            ((u16::MAX, u16::MAX), (1000, 500)),
        ] {
            assert_eq!(known_size(said), drawn, "{said:?}");
        }
    }
}
