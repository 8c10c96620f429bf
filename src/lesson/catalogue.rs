//! The lessons inside the program, and finding one by what a person types.

use include_dir::{Dir, include_dir};

use super::model::Lesson;
use super::parse::{LessonError, parse};
use super::suggestion::nearest_word;

static LESSONS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/lessons");

/// The reason why there is no lesson to open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    #[error("there is no lesson `{name}`{}", meant.as_ref().map_or_else(String::new, |meant| format!("; did you mean `{meant}`?")))]
    Unknown { name: String, meant: Option<String> },
    #[error("`{name}` could be any of {}", of.join(", "))]
    Ambiguous { name: String, of: Vec<String> },
    #[error(transparent)]
    Broken(#[from] LessonError),
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

/// By id, number, or the beginning of an id that only one has.
pub fn find_lesson(name: &str) -> Result<Lesson, FindError> {
    let lessons = all_lessons()?;
    let by = |test: &dyn Fn(&Lesson) -> bool| {
        lessons.iter().filter(|lesson| test(lesson)).cloned().collect::<Vec<_>>()
    };
    let number: Option<u32> = name.parse().ok();

    if let Some(lesson) =
        by(&|lesson| lesson.id == name || Some(lesson.number) == number).into_iter().next()
    {
        return Ok(lesson);
    }

    let mut beginning = by(&|lesson| !name.is_empty() && lesson.id.starts_with(name));
    match beginning.len() {
        1 => Ok(beginning.remove(0)),
        0 => {
            let meant = nearest_word(name, lessons.iter().map(|lesson| lesson.id.as_str()))
                .map(str::to_owned);
            Err(FindError::Unknown { name: name.to_owned(), meant })
        }
        _ => Err(FindError::Ambiguous {
            name: name.to_owned(),
            of: beginning.into_iter().map(|lesson| lesson.id).collect(),
        }),
    }
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
    }
}
