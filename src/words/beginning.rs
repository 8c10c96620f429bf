//! Words about a lesson as a whole: how much there is of it, and what it needs.

use crate::lesson::model::{Lesson, Needs};

/// The size of a lesson: `32 steps, 11 questions, 6 what-ifs; planned for 30 minutes.`
pub fn lesson_size(lesson: &Lesson) -> String {
    let what_ifs = lesson.steps.iter().map(|step| step.branches.len()).sum();
    let repairs = lesson.steps.iter().filter(|step| !step.breaks.is_empty()).count();
    let counts = [
        counted(lesson.steps.len(), "step", "steps"),
        counted(repairs, "of them a repair", "of them repairs"),
        counted(lesson.questions().count(), "question", "questions"),
        counted(what_ifs, "what-if", "what-ifs"),
    ];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    format!("{}; planned for {} minutes.", counts.join(", "), lesson.minutes)
}

fn counted(count: usize, one: &str, many: &str) -> Option<String> {
    (count > 0).then(|| format!("{count} {}", if count == 1 { one } else { many }))
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
        assert!(size.starts_with(&format!("{} steps, ", lesson.steps.len())), "{size}");
        assert!(size.ends_with(&format!("; planned for {} minutes.", lesson.minutes)), "{size}");
        assert_eq!(lesson_needs(&lesson).as_deref(), Some("It needs Linux 5.12 or later."));
        assert_eq!(lesson_needs(&Lesson { needs: Needs::default(), ..lesson }), None);
    }
}
