//! The lessons inside the program, and finding one by what a person types.

use include_dir::{Dir, include_dir};

use super::challenge::PARTS;
use super::model::Lesson;
use super::parse::{LessonError, parse, parse_drawn};
use super::suggestion::nearest_word;

static LESSONS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/lessons");

/// The reason why there is no lesson to open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    #[error("there is no {what} `{name}`{}", meant.as_ref().map_or_else(String::new, |meant| format!("; did you mean `{meant}`?")))]
    Unknown { what: FoundKind, name: String, meant: Option<String> },
    #[error("`{name}` could be any of {}", of.join(", "))]
    Ambiguous { name: String, of: Vec<String> },
    #[error(transparent)]
    Broken(#[from] LessonError),
}

/// The kind of what is looked for: each has a list of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundKind {
    Lesson,
    Challenge,
}

impl std::fmt::Display for FoundKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            FoundKind::Lesson => "lesson",
            FoundKind::Challenge => "challenge",
        })
    }
}

/// Every embedded lesson, by number.
pub fn all_lessons() -> Result<Vec<Lesson>, LessonError> {
    let mut lessons = LESSONS
        .files()
        .filter(|file| file.path().extension().is_some_and(|extension| extension == "yaml"))
        .map(|file| parse(&file.path().to_string_lossy(), file.contents_utf8().unwrap_or_default()))
        .collect::<Result<Vec<_>, _>>()?;
    lessons.sort_by_key(|lesson| lesson.number);
    Ok(lessons)
}

/// The text of an embedded lesson, for those who want to write one like it.
pub fn lesson_text(id: &str) -> Option<&'static str> {
    LESSONS
        .files()
        .filter_map(|file| file.contents_utf8())
        .find(|text| text.contains(&format!("\nid: {id}\n")))
}

/// By id, number, title, or the beginning of an id or title that only one has. Upper and lower case are alike.
pub fn find_lesson(typed: &str) -> Result<Lesson, FindError> {
    let lessons = all_lessons()?;
    let lower = typed.trim().to_lowercase();
    let name = lower.as_str();
    let number: Option<u32> = name.parse().ok();
    let title = |lesson: &Lesson| lesson.title.to_lowercase();
    let is_named = |lesson: &Lesson| {
        lesson.id == name || Some(lesson.number) == number || title(lesson) == name
    };
    let begins = |lesson: &Lesson| lesson.id.starts_with(name) || title(lesson).starts_with(name);
    pick(&lessons, name, is_named, begins)
        .map_err(|of| not_picked(FoundKind::Lesson, typed, of, || meant(name, &lessons)))
}

/// The lesson that is named so, or the only one that begins so. An error has the ids of all that do.
fn pick(
    lessons: &[Lesson],
    name: &str,
    is_named: impl Fn(&Lesson) -> bool,
    begins: impl Fn(&Lesson) -> bool,
) -> Result<Lesson, Vec<String>> {
    if let Some(lesson) = lessons.iter().find(|lesson| is_named(lesson)) {
        return Ok(lesson.clone());
    }
    let beginning = lessons.iter().filter(|lesson| !name.is_empty() && begins(lesson));
    match beginning.collect::<Vec<_>>()[..] {
        [lesson] => Ok(lesson.clone()),
        ref many => Err(many.iter().map(|lesson| lesson.id.clone()).collect()),
    }
}

fn not_picked(
    what: FoundKind,
    typed: &str,
    of: Vec<String>,
    meant: impl FnOnce() -> Option<String>,
) -> FindError {
    let name = typed.to_owned();
    if of.is_empty() {
        FindError::Unknown { what, name, meant: meant() }
    } else {
        FindError::Ambiguous { name, of }
    }
}

/// The id of the lesson that may be meant: the nearest id, or that of the nearest title or number.
fn meant(name: &str, lessons: &[Lesson]) -> Option<String> {
    let ids = || lessons.iter().map(|lesson| lesson.id.as_str());
    if let Some(id) = nearest_word(name, ids()) {
        return Some(id.to_owned());
    }

    let titles: Vec<String> = lessons.iter().map(|lesson| lesson.title.to_lowercase()).collect();
    let title = nearest_word(name, titles.iter().map(String::as_str));
    let of_title = title.and_then(|title| titles.iter().position(|one| one == title));
    // `lesson 2`, `#2`, `02-build`: a number among other words.
    let digits: String =
        name.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    let of_number = || {
        let number: u32 = digits.parse().ok()?;
        lessons.iter().position(|lesson| lesson.number == number)
    };
    // A word of an id, where only one has it.
    let of_word = || {
        let is_word = |lesson: &&Lesson| lesson.id.split('-').any(|word| word == name);
        let mut having = lessons.iter().enumerate().filter(|(_, lesson)| is_word(lesson));
        having.next().map(|(index, _)| index).filter(|_| having.next().is_none())
    };

    let index = of_title.or_else(of_number).or_else(of_word)?;
    Some(lessons[index].id.clone())
}

/// A challenge as it is listed: one of its draws.
pub fn all_challenges(seed: u64) -> Result<Vec<Lesson>, LessonError> {
    let files = LESSONS.get_dir("challenges").into_iter().flat_map(Dir::files);
    let mut challenges = files
        .map(|file| {
            let text = file.contents_utf8().unwrap_or_default();
            parse_drawn(&file.path().to_string_lossy(), text, seed)
        })
        .collect::<Result<Vec<_>, _>>()?;
    challenges.sort_by_key(|challenge| (place(challenge), challenge.number, challenge.id.clone()));
    Ok(challenges)
}

fn place(challenge: &Lesson) -> Option<usize> {
    let terms = challenge.challenge.as_ref()?;
    PARTS.iter().position(|part| *part == terms.part)
}

/// A challenge by its id, or by the beginning of an id that only one has.
pub fn find_challenge(name: &str, seed: u64) -> Result<Lesson, FindError> {
    let all = all_challenges(seed)?;
    let meant = || nearest_word(name, all.iter().map(|one| one.id.as_str())).map(str::to_owned);
    pick(&all, name, |one| one.id == name, |one| one.id.starts_with(name))
        .map_err(|of| not_picked(FoundKind::Challenge, name, of, meant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_lesson_is_sound() {
        match all_lessons() {
            Ok(lessons) => assert!(lessons.len() >= 2, "{} lessons", lessons.len()),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_lesson_is_found_by_what_a_person_types() {
        let check = |name: &str| find_lesson(name).map(|lesson| lesson.id);
        assert_eq!(check("build-a-container").as_deref(), Ok("build-a-container"));
        assert_eq!(check("build").as_deref(), Ok("build-a-container"));
        assert_eq!(check("2").as_deref(), Ok("build-a-container"));
        let error = check("biuld-a-container").expect_err("a typo").to_string();
        assert!(error.contains("did you mean `build-a-container`"), "{error}");
        assert!(check("").is_err());

        assert_eq!(check("Build a container by hand").as_deref(), Ok("build-a-container"));
        assert_eq!(check("build a container").as_deref(), Ok("build-a-container"));
        assert_eq!(check(" Build-A-Container ").as_deref(), Ok("build-a-container"));
        for typed in ["Biuld a contaner by hand", "lesson 2", "02-build", "#2"] {
            let error = check(typed).expect_err(typed).to_string();
            assert!(error.contains("did you mean `build-a-container`?"), "{typed}: {error}");
        }
        let error = check("99").expect_err("no such number").to_string();
        assert!(!error.contains("did you mean"), "{error}");
    }

    #[test]
    fn every_challenge_of_the_program_is_sound_and_each_part_has_two() {
        for seed in 0..20 {
            let all = all_challenges(seed).unwrap_or_else(|error| panic!("{seed}: {error}"));
            assert!(all.iter().all(|one| one.challenge.is_some()));
            let ids: std::collections::BTreeSet<&str> =
                all.iter().map(|one| one.id.as_str()).collect();
            assert_eq!(ids.len(), all.len(), "two have one id");
            for (index, part) in PARTS.into_iter().enumerate() {
                let count = all.iter().filter(|one| place(one) == Some(index)).count();
                assert!(count >= 2, "{part}: {count}");
            }
            for one in &all {
                let told = serde_json::to_string(one).expect("JSON");
                let terms = one.challenge.as_ref().expect("its terms");
                for name in terms.draw.keys() {
                    assert!(!told.contains(&format!("<{name}>")), "{}: {name}", one.id);
                }
            }
        }
    }

    #[test]
    fn a_challenge_is_found_by_its_id_and_what_is_no_challenge_is_not() {
        let all = all_challenges(0).expect("sound challenges");
        for one in &all {
            assert_eq!(find_challenge(&one.id, 0).as_ref(), Ok(one));
        }
        let error = find_challenge("no-asnwer", 0).expect_err("a typo").to_string();
        assert!(error.contains("did you mean `no-answer`?"), "{error}");
        assert!(find_challenge("", 0).is_err());
    }
}
