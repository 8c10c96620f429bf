//! Errors as `thiserror` declares them: a cause is in the text, or it is the source, so that a chain says nothing twice.

/// The declarations that have their source in their text as well.
pub fn said_twice(text: &str) -> Vec<String> {
    let declared = text.split("#[error(").skip(1);
    declared.filter_map(told_source).collect()
}

/// The name of the source that the text of a declaration speaks of. `rest` is all behind `#[error(`.
fn told_source(rest: &str) -> Option<String> {
    let (told, rest) = rest.split_once(")]")?;
    let body = body(rest);
    let at = ["#[from]", "#[source]"].iter().find_map(|mark| Some(body.find(mark)? + mark.len()));
    let field = match at {
        Some(at) => &body[at..],
        None => &body[body.find("source:")?..],
    };

    // A field of a tuple has no name but its number.
    let name = match field.split_once(':') {
        Some((name, _)) if body.starts_with('{') => name.trim().trim_start_matches("pub "),
        _ => "0",
    };
    let words = told.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    words.into_iter().any(|word| word == name).then(|| format!("{{{name}}} in {}", told.trim()))
}

/// The fields of the variant or struct that follows an attribute.
fn body(rest: &str) -> &str {
    let opens = rest.find(['{', '(', ',']).unwrap_or(rest.len());
    let closes = match rest[opens..].chars().next() {
        Some('{') => '}',
        Some('(') => ')',
        _ => return "",
    };
    let length = rest[opens..].find(closes).unwrap_or(rest.len() - opens);
    &rest[opens..opens + length]
}

#[test]
fn a_cause_in_the_text_is_found_however_it_is_written() {
    let check =
        |text: &str, expected: usize| assert_eq!(said_twice(text).len(), expected, "{text}");
    check("#[error(\"a: {0}\")]\n    Io(#[from] io::Error),", 1);
    check(
        "#[error(\"a: {why}\")]\n    Io {\n        #[source]\n        why: io::Error,\n    },",
        1,
    );
    check(
        "#[error(\"{path}: {source}\")]\nstruct At {\n    path: String,\n    source: io::Error,\n}",
        1,
    );
    check("#[error(\"a\")]\n    Io(#[from] io::Error),", 0);
    check(
        "#[error(\"a: {0}\")]\n    Named(String),\n    #[error(transparent)]\n    B(#[from] X),",
        0,
    );
    check("#[error(\"a {path}\")]\n    Io { path: String, #[source] error: io::Error },", 0);
}
