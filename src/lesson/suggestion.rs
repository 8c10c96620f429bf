//! "did you mean": the known word nearest to one that was typed.

/// The nearest of `known`, when it is near enough to be meant.
pub fn nearest_word<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().max(word.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_meant_only_when_it_is_near() {
        let check = |word: &str, expected: Option<&str>| {
            assert_eq!(
                nearest_word(word, ["mount", "umount", "pivot_root", "mkdir"]),
                expected,
                "{word}"
            );
        };
        check("muont", Some("mount"));
        check("pivotroot", Some("pivot_root"));
        check("mkdri", Some("mkdir"));
        check("banana", None);
        check("", None);
    }
}
