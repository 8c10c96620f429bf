//! Beats on a screen that a projector throws at a wall.

use std::sync::Arc;

use unboxed::lesson::catalogue;
use unboxed::tape::{embedded, file};
use unboxed::ui::talk::fit_check;

use crate::common::unboxed;

#[test]
fn every_beat_of_every_lesson_fits_a_wall() {
    for lesson in catalogue::all_lessons().expect("sound lessons") {
        let lesson = Arc::new(lesson);
        let tapes = embedded::all_tapes().filter(|(_, header)| header.lesson == lesson.id);
        let mut count = 0;
        for (bytes, header) in tapes {
            let tape = file::read(bytes).expect("a tape");
            if tape.check_fits(&lesson).is_err() {
                continue;
            }
            count += 1;
            let misfits = fit_check::screen_misfits(&lesson, Some(&tape));
            assert!(
                misfits.is_empty(),
                "{} on cgroup {}: {}",
                lesson.id,
                header.cgroups,
                misfits.join("\n")
            );
        }
        assert!(count > 0, "no tape of {}", lesson.id);
    }
}

#[test]
fn check_finds_the_beat_that_does_not_fit() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("long.yaml");
    let text = catalogue::lesson_text("what-is-a-container").expect("its text");
    let long =
        format!("    title: A process is a process\n    say: {}\n", "many words ".repeat(200));
    let changed = text.replacen("    title: A process is a process\n", &long, 1);
    assert_ne!(changed, text);
    std::fs::write(&path, changed).expect("a file");
    let checked = unboxed().arg("check").arg(&path).output().expect("it starts");
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(!checked.status.success());
    assert!(said.contains("step 1 `a-process`, what will be done at 80x24"), "{said}");
}
