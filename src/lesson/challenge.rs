//! **Challenges**: tasks without steps. A challenge is a lesson of one repair: what the step breaks is how the lab begins,
//! its actions are the shortest way that is known. Names and numbers in it are drawn, others at each try.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bounds::MAX_BYTES;

/// The parts of the curriculum, in its order.
pub const PARTS: [&str; 4] =
    ["The whole container", "Namespaces", "Control groups", "File systems"];

/// The terms of a challenge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// The part of the curriculum that it is about, one of `PARTS`.
    pub part: String,
    /// The fewest commands that are known to do it.
    pub par: usize,
    /// The names of what differs at each try: each stands in the text as `<name>`, and has one of these values.
    #[serde(default)]
    pub draw: BTreeMap<String, Vec<DrawnValue>>,
}

/// A value that can be drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DrawnValue {
    Number(u64),
    Text(String),
}

impl std::fmt::Display for DrawnValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DrawnValue::Number(number) => number.fmt(f),
            DrawnValue::Text(text) => text.fmt(f),
        }
    }
}

/// The text with what a seed draws in the place of its names: in one pass, so that no value brings names of its own. A
/// mistake where names and values can't be told apart, or where the text would outgrow a lesson.
pub fn draw(terms: &Challenge, text: &str, seed: u64) -> Result<String, String> {
    let mut drawn = BTreeMap::new();
    let mut state = seed;
    for (name, values) in &terms.draw {
        // splitmix64 (Steele, Lea, Flood 2014), as for questions.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let has_bracket =
            |value: &DrawnValue| matches!(value, DrawnValue::Text(text) if text.contains('<'));
        if name.contains(['<', '>']) || values.iter().any(has_bracket) {
            return Err(format!(
                "`{name}` holds `<` or `>`, or a value of it holds `<`: names are written with them"
            ));
        }
        let place = mixed.checked_rem(values.len() as u64).unwrap_or(0);
        if let Some(value) = usize::try_from(place).ok().and_then(|place| values.get(place)) {
            drawn.insert(name.as_str(), value.to_string());
        }
    }

    let mut pieces = text.split('<');
    let mut whole = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let named = piece.split_once('>');
        let (begin, rest) = match named.and_then(|(name, rest)| Some((drawn.get(name)?, rest))) {
            Some((value, rest)) => (value.as_str(), rest),
            None => ("<", piece),
        };
        if whole.len() + begin.len() + rest.len() > MAX_BYTES {
            return Err(
                "with what is drawn, this challenge has more than 1 MiB, and no lesson has".into(),
            );
        }
        whole.push_str(begin);
        whole.push_str(rest);
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_again_and_all_values_come() {
        let terms: Challenge = serde_json::from_str(
            r#"{"part": "Namespaces", "par": 1, "draw": {"name": ["red", "green", "blue"], "pids": [5, 6]}}"#,
        )
        .expect("terms");
        let text = "title: <name>, <pids>, <other>";
        let draw = |seed| draw(&terms, text, seed).expect("a draw");
        let drawn: std::collections::BTreeSet<String> = (0..40).map(draw).collect();
        assert_eq!(drawn.len(), 6, "three names and two numbers: {drawn:?}");
        assert!(drawn.iter().all(|text| text.ends_with(", <other>")), "{drawn:?}");
        assert_eq!(draw(7), draw(7));
    }
}
