//! A mistake in the text of a lesson.

/// Something wrong, and where: line and column from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LessonFinding {
    pub line: usize,
    pub column: usize,
    pub message: String,
}

impl LessonFinding {
    /// A mistake at a place in bytes.
    pub fn at_byte(text: &str, at: usize, message: String) -> LessonFinding {
        let before = &text[..at];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        LessonFinding {
            line: 1 + before.matches('\n').count(),
            column: 1 + before[start..].chars().count(),
            message,
        }
    }
}
