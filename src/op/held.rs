//! The number under which an actor keeps a file open.

use serde::{Deserialize, Serialize};

/// The number of a descriptor that a lesson holds: 7, 8 or 9. Those below are the actor's own, and a POSIX shell knows
/// none beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct HeldNumber(u32);

impl Default for HeldNumber {
    fn default() -> Self {
        HeldNumber(9)
    }
}

impl TryFrom<u32> for HeldNumber {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, Self::Error> {
        let is_free = (7..=9).contains(&number);
        is_free
            .then_some(HeldNumber(number))
            .ok_or_else(|| format!("the descriptor {number} is none of 7, 8 and 9"))
    }
}

impl From<HeldNumber> for u32 {
    fn from(number: HeldNumber) -> u32 {
        number.0
    }
}

impl std::fmt::Display for HeldNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Op;

    #[test]
    fn what_is_no_lessons_number_is_no_part_of_an_op() {
        let release = serde_json::to_string(&Op::Release { fd: HeldNumber::default() });
        let release = release.expect("JSON");
        assert!(serde_json::from_str::<Op>(&release).is_ok(), "{release}");
        for number in [0, 2, 3, 6, 10, u32::MAX] {
            assert!(HeldNumber::try_from(number).is_err());
            let wrong = release.replace('9', &number.to_string());
            assert!(serde_json::from_str::<Op>(&wrong).is_err(), "{wrong}");
        }
    }
}
