//! The map of every recorded step: pictures of the two first lessons, and what holds for all of them.

use std::fmt::Write as _;

use unboxed::map::{Glyphs, MapLens, MapScene, draw};
use unboxed::tape::{Tape, embedded, file};

fn tapes() -> Vec<Tape> {
    embedded::all_tapes().map(|(bytes, _)| file::read(bytes).expect("a tape")).collect()
}

#[test]
fn the_first_two_lessons_as_pictures() {
    for tape in tapes().iter().filter(|tape| tape.header.cgroups == "v1") {
        let name = tape.header.lesson.as_str();
        if !["what-is-a-container", "build-a-container"].contains(&name) {
            continue;
        }
        let lesson = unboxed::lesson::catalogue::find_lesson(name).expect("a lesson");
        let mut pictures = String::new();
        for record in &tape.records {
            let step = &lesson.steps[record.step];
            let lens = step.watch.iter().find_map(|view| MapLens::of_view(*view, record.diff()));
            let Some(lens) = lens else { continue };
            let scene =
                MapScene::of(lens, &record.before, &record.after, record.diff(), &record.ops);
            let picture = draw(&scene, 76, 18, Glyphs::Unicode).text();
            writeln!(
                pictures,
                "{} {}: {lens:?}\n{}\n",
                record.step + 1,
                step.id,
                picture.trim_end()
            )
            .expect("a text");
        }
        insta::assert_snapshot!(name, pictures);
    }
}

#[test]
fn every_change_that_a_pane_counts_stands_for_something_in_the_map() {
    let mut pictures = 0;
    for tape in tapes() {
        for record in &tape.records {
            let diff = record.diff();
            for lens in MapLens::ALL {
                let scene = MapScene::of(lens, &record.before, &record.after, diff, &record.ops);
                let counted = diff.change_count(lens.view());
                let what = format!("{} {} {lens:?}", tape.header.lesson, record.step + 1);
                assert_eq!(scene.changed(), counted, "{what}: {scene:#?}");
                pictures += 1;
            }
        }
    }
    assert!(pictures > 500, "only {pictures}");
}

#[test]
fn a_picture_is_the_same_each_time_and_has_one_shape_in_ascii() {
    for tape in tapes() {
        for record in &tape.records {
            for lens in MapLens::ALL {
                let make = |glyphs| {
                    let scene = MapScene::of(
                        lens,
                        &record.before,
                        &record.after,
                        record.diff(),
                        &record.ops,
                    );
                    draw(&scene, 76, 16, glyphs).text()
                };
                let (one, plain) = (make(Glyphs::Unicode), make(Glyphs::Ascii));
                assert_eq!(one, make(Glyphs::Unicode));
                let shape = |text: &str| {
                    let lines = text.lines();
                    lines
                        .map(|line| line.chars().map(|it| it == ' ').collect())
                        .collect::<Vec<Vec<bool>>>()
                };
                assert_eq!(shape(&one), shape(&plain), "{one}{plain}");
                let foreign = plain.chars().find(|letter| !letter.is_ascii());
                assert_eq!(foreign, None, "{plain}");
            }
        }
    }
}
