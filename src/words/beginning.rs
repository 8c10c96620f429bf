//! Words about a lesson as a whole: how much there is of it, and what it needs.

use std::fmt::Display;

use crate::lesson::model::{Lesson, Minutes, Needs};

/// The size of a lesson: `32 steps in 4 chapters, 11 questions, 6 what-ifs; 28 minutes to watch, 57 to do it all.`
pub fn lesson_size(lesson: &Lesson) -> String {
    if lesson.challenge.is_some() {
        return format!("{}.", minutes(lesson.minutes));
    }
    let what_ifs = lesson.steps.iter().map(|step| step.branches.len()).sum();
    let repairs = lesson.steps.iter().filter(|step| !step.breaks.is_empty()).count();
    let steps = counted(lesson.steps.len(), "step", "steps");
    let chapters = counted(lesson.chapters().len(), "chapter", "chapters");
    let counts = [
        steps.map(|steps| chapters.iter().fold(steps, |steps, more| format!("{steps} in {more}"))),
        counted(repairs, "of them a repair", "of them repairs"),
        counted(lesson.questions().count(), "question", "questions"),
        counted(what_ifs, "what-if", "what-ifs"),
    ];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    format!("{}; {}.", counts.join(", "), minutes(lesson.minutes))
}

/// `28 minutes to watch, 57 to do it all`.
pub fn minutes(Minutes { watch, all }: Minutes) -> String {
    let unit = if watch == 1 { "minute" } else { "minutes" };
    if watch == all {
        return format!("{watch} {unit}");
    }
    format!("{watch} {unit} to watch, {all} to do it all")
}

/// The same in a column: `28-57`.
pub fn short_minutes(Minutes { watch, all }: Minutes) -> String {
    if watch == all { watch.to_string() } else { format!("{watch}-{all}") }
}

/// The chapter that a step begins, if it begins one: `Chapter 2 of 4: A network`.
pub fn chapter_begin(lesson: &Lesson, step: usize) -> Option<String> {
    let (number, chapter) = lesson.chapter_of(step)?;
    let count = lesson.chapters().len();
    (chapter.steps.start == step).then(|| format!("Chapter {number} of {count}: {}", chapter.title))
}

/// The words at the end of a chapter, if the step is its last one and another follows.
pub fn chapter_end(lesson: &Lesson, step: usize) -> Option<String> {
    let (number, chapter) = lesson.chapter_of(step)?;
    let (next_number, next) = lesson.chapter_of(step + 1)?;
    (next_number > number).then(|| {
        format!(
            "**Here ends chapter {number}, \"{}\".** A good place to rest: next time the lesson goes on here, with chapter {next_number}, \"{}\".",
            chapter.title, next.title
        )
    })
}

/// `2 steps`; None of 0.
pub(super) fn counted(count: usize, one: &str, many: &str) -> Option<String> {
    (count > 0).then(|| format!("{count} {}", if count == 1 { one } else { many }))
}

/// The words below the first question of earlier lessons: the key that answers it, and how many there are.
pub fn warm_up(key: impl Display, count: usize) -> String {
    match count {
        1 => format!("{key}: answer it. It is from an earlier lesson."),
        _ => format!("{key}: answer it, and one more. Both are from earlier lessons."),
    }
}

/// The needs of a lesson from the machine; none where it needs nothing.
pub fn lesson_needs(lesson: &Lesson) -> Option<String> {
    let Needs { root, kernel, cgroup, disk, programs: _, other_ids: _, cgroup_version } =
        &lesson.needs;
    let needs = [
        root.then(|| "root on this machine".to_owned()),
        kernel.map(|(major, minor)| format!("Linux {major}.{minor} or later")),
        (!cgroup.is_empty()).then(|| format!("control groups for {}", cgroup.join(", "))),
        cgroup_version.map(|version| format!("cgroup v{version}")),
        disk.then(|| "a real disk, for a scratch file".to_owned()),
    ];
    let needs: Vec<String> = needs.into_iter().flatten().collect();
    (!needs.is_empty()).then(|| format!("It needs {}.", needs.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::catalogue::find_lesson;

    #[test]
    fn a_lesson_is_told_in_numbers_that_it_has() {
        let lesson = find_lesson("build-a-container").expect("the lesson");
        let size = lesson_size(&lesson);
        let chapters = lesson.chapters().len();
        let steps = lesson.steps.len();
        assert!(size.starts_with(&format!("{steps} steps in {chapters} chapters, ")), "{size}");
        assert!(size.ends_with(&format!("; {}.", minutes(lesson.minutes))), "{size}");
        assert_eq!(minutes(Minutes { watch: 28, all: 57 }), "28 minutes to watch, 57 to do it all");
        assert_eq!((minutes(1.into()), short_minutes(7.into())), ("1 minute".into(), "7".into()));
        assert_eq!(lesson_needs(&lesson).as_deref(), Some("It needs Linux 5.12 or later."));
        assert_eq!(lesson_needs(&Lesson { needs: Needs::default(), ..lesson }), None);
    }

    #[test]
    fn a_chapter_says_where_it_begins_and_that_its_end_is_a_place_to_rest() {
        let lesson = find_lesson("build-a-container").expect("the lesson");
        let chapters = lesson.chapters();
        assert_eq!(chapters.len(), 4);
        let begins: Vec<usize> = (0..lesson.steps.len())
            .filter(|step| chapter_begin(&lesson, *step).is_some())
            .collect();
        let ends: Vec<usize> =
            (0..lesson.steps.len()).filter(|step| chapter_end(&lesson, *step).is_some()).collect();
        let starts: Vec<usize> = chapters.iter().map(|chapter| chapter.steps.start).collect();
        assert_eq!(begins, starts);
        let last: Vec<usize> = starts.iter().skip(1).map(|start| start - 1).collect();
        assert_eq!(ends, last, "after the last one the lesson is over");

        let title = chapters[1].title;
        assert_eq!(chapter_begin(&lesson, starts[1]), Some(format!("Chapter 2 of 4: {title}")));
        let end = chapter_end(&lesson, last[0]).expect("an end");
        assert!(end.ends_with(&format!("with chapter 2, \"{title}\".")), "{end}");

        // Without chapters nothing is said of them.
        let lesson = find_lesson("freezer").expect("the lesson");
        assert!(lesson.chapters().is_empty());
        assert!(chapter_begin(&lesson, 0).is_none() && chapter_end(&lesson, 0).is_none());
    }
}
