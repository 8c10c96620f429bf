//! The map of every recorded step, in cells, as a drawing and in words: pictures of some lessons, and what holds for all
//! of them.

mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use unboxed::diff::ChangeKind;
use unboxed::export::map::document;
use unboxed::map::{Glyphs, MapLens, MapScene, MapTone, draw, sign};
use unboxed::report::StepRecord;
use unboxed::tape::{Tape, embedded, file};
use unboxed::text::is_hidden;
use unboxed::words;
use unicode_width::UnicodeWidthStr;

/// The lessons whose maps are kept as pictures and in words.
const PICTURED: [&str; 12] = [
    "what-is-a-container",
    "build-a-container",
    "uts",
    "pid",
    "mount",
    "enter-and-leave",
    "ipc",
    "net",
    "overlay",
    "copy-on-write",
    "layers",
    "why-so-fast",
];

fn tapes() -> Vec<Tape> {
    embedded::all_tapes().map(|(bytes, _)| file::read(bytes).expect("a tape")).collect()
}

#[test]
fn the_lessons_as_pictures() {
    for tape in tapes().iter().filter(|tape| tape.header.cgroups == "v1") {
        let name = tape.header.lesson.as_str();
        if !PICTURED.contains(&name) {
            continue;
        }
        let lesson = unboxed::lesson::catalogue::find_lesson(name).expect("a lesson");
        let mut pictures = String::new();
        for record in &tape.records {
            let step = &lesson.steps[record.step];
            let Some(lens) = MapLens::of_views(&step.watch, record.diff()) else { continue };
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

fn scene(lens: MapLens, record: &StepRecord) -> MapScene {
    MapScene::of(lens, &record.before, &record.after, record.diff(), &record.ops)
}

fn drawing(lens: MapLens, scene: &MapScene) -> String {
    document(scene, words::map_title(lens), &words::map_words(lens, scene))
}

/// The largest picture of one scene.
const MAX_BYTES: usize = 40 * 1024;
/// Units that a column of text takes at most, as a part of its size.
const COLUMN: f64 = 0.62;

/// A drawing that is sound: it parses, has a name and words, and no text reaches out of its view box.
#[track_caller]
fn check_drawing(svg: &str) {
    let document = roxmltree::Document::parse(svg).unwrap_or_else(|error| panic!("{error}: {svg}"));
    let root = document.root_element();
    let view: Vec<f64> = root
        .attribute("viewBox")
        .expect("a view box")
        .split(' ')
        .map(|number| number.parse().expect("a number"))
        .collect();
    let number = |node: &roxmltree::Node<'_, '_>, name: &str| -> f64 {
        node.attribute(name).and_then(|value| value.parse().ok()).unwrap_or_default()
    };
    let text_of = |name: &str| {
        let found = root.children().find(|node| {
            node.has_tag_name((root.tag_name().namespace().expect("a name space"), name))
        });
        found.and_then(|node| node.text()).unwrap_or_default().to_owned()
    };
    assert!(!text_of("title").is_empty() && !text_of("desc").is_empty(), "{svg}");

    let mut texts = 0;
    for node in root.descendants().filter(|node| node.tag_name().name() == "text") {
        let text: String =
            node.descendants().filter(|it| it.is_text()).filter_map(|it| it.text()).collect();
        let width = text.width() as f64 * number(&node, "font-size") * COLUMN;
        let x = number(&node, "x");
        let (from, to) = match node.attribute("text-anchor") {
            Some("middle") => (x - width / 2.0, x + width / 2.0),
            _ => (x, x + width),
        };
        let y = number(&node, "y");
        let is_within = from >= 0.0
            && to <= view[2]
            && y - number(&node, "font-size") >= 0.0
            && y + 3.0 <= view[3];
        assert!(width > 0.0 && is_within, "{text:?} at {x}, {y} in {view:?}: {svg}");
        texts += 1;
    }
    assert!(texts > 0, "{svg}");
    assert!(svg.len() <= MAX_BYTES, "{} bytes", svg.len());
    let unseen =
        svg.chars().find(|letter| (letter.is_control() && *letter != '\n') || is_hidden(*letter));
    assert_eq!(unseen, None, "{svg}");
}

#[test]
fn every_drawing_is_sound_and_has_the_marks_of_the_map_in_cells() {
    for tape in tapes() {
        for record in &tape.records {
            for lens in MapLens::ALL {
                let scene = scene(lens, record);
                let svg = drawing(lens, &scene);
                check_drawing(&svg);

                let what = format!("{} {} {lens:?}", tape.header.lesson, record.step + 1);
                let document = roxmltree::Document::parse(&svg).expect("it parses");
                let all = |name: &'static str| {
                    let nodes = document.root_element().descendants();
                    nodes.filter_map(move |node| node.attribute(name)).collect::<Vec<_>>()
                };
                let changed: usize = all("data-changed")
                    .iter()
                    .map(|count| count.parse::<usize>().expect("a count"))
                    .sum();
                assert!(scene.lanes.is_some() || changed == scene.changed(), "{what}: {svg}");

                // Wires have none: that of their ends is told there.
                let drawn: BTreeSet<&str> = all("data-mark").into_iter().collect();
                let cells = draw(&scene, 200, 200, Glyphs::Unicode);
                let mut in_cells = BTreeSet::new();
                for (mark, name) in [
                    (ChangeKind::Added, "added"),
                    (ChangeKind::Gone, "gone"),
                    (ChangeKind::Changed, "changed"),
                    (ChangeKind::Moved, "moved"),
                ] {
                    let is_it = |cell: &unboxed::map::CanvasCell| {
                        // That of a box stands in its title.
                        [MapTone::Change(mark), MapTone::Title].contains(&cell.tone)
                            && cell.letter == Some(sign(mark))
                    };
                    if cells.rows().flatten().any(is_it) {
                        in_cells.insert(name);
                    }
                    assert_eq!(
                        svg.contains(&format!(">{}</text>", sign(mark))),
                        drawn.contains(name),
                        "{what}: a mark is a sign, not a colour alone"
                    );
                }
                assert_eq!(drawn, in_cells, "{what}: {svg}");
            }
        }
    }
}

#[test]
fn names_of_any_kind_are_text_in_a_drawing_and_keep_their_place() {
    for evil in [
        "</text></svg><script>pwned=1</script>\"' onload=pwned=1 &amp;<![CDATA[ ]]>",
        "\u{1b}[31mred\u{7}\u{202e}drow\u{2028}\u{200b}",
        "あ한字あ한字あ한字あ한字あ한字あ한字あ한字あ한字あ한字",
        "a\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
        "",
        " ",
    ] {
        let (_, tape) = common::lessons::hostile(evil);
        for record in &tape.records {
            for lens in MapLens::ALL {
                let svg = drawing(lens, &scene(lens, record));
                check_drawing(&svg);
                assert!(!svg.contains("<script"), "{svg}");
            }
        }
    }
}

#[test]
fn the_lessons_in_words() {
    for tape in tapes().iter().filter(|tape| tape.header.cgroups == "v1") {
        let name = tape.header.lesson.as_str();
        if !PICTURED.contains(&name) {
            continue;
        }
        let lesson = unboxed::lesson::catalogue::find_lesson(name).expect("a lesson");
        let mut said = String::new();
        for record in &tape.records {
            let step = &lesson.steps[record.step];
            let Some(lens) = MapLens::of_views(&step.watch, record.diff()) else { continue };
            let words = words::map_words(lens, &scene(lens, record));
            writeln!(said, "{} {}: {words}\n", record.step + 1, step.id).expect("a text");
        }
        insta::assert_snapshot!(format!("words-{name}"), said);
    }
}

#[test]
fn the_words_of_a_map_are_few_and_tell_every_kind_of_change_without_its_signs() {
    const SIGNS: &str = "●○◉◆▸↦−▕▏█│└├─═┄╌…\n";
    for tape in tapes() {
        for record in &tape.records {
            for lens in MapLens::ALL {
                let scene = scene(lens, record);
                let said = words::map_words(lens, &scene);
                let what = format!("{} {} {lens:?}: {said}", tape.header.lesson, record.step + 1);
                assert!(
                    !said.contains(", ,") && !said.contains(": ."),
                    "a gap in a sentence: {what}"
                );
                assert!(said.ends_with('.') && said.split_whitespace().count() < 160, "{what}");
                assert_eq!(said.chars().find(|letter| SIGNS.contains(*letter)), None, "{what}");
                let cells = draw(&scene, 200, 200, Glyphs::Unicode);
                for (mark, word) in [
                    (ChangeKind::Added, "New"),
                    (ChangeKind::Gone, "Gone"),
                    (ChangeKind::Changed, "Changed"),
                    (ChangeKind::Moved, "Moved"),
                ] {
                    let is_it = |cell: &unboxed::map::CanvasCell| {
                        cell.tone == MapTone::Change(mark) && cell.letter == Some(sign(mark))
                    };
                    let is_drawn = cells.rows().flatten().any(is_it);
                    assert!(!is_drawn || said.contains(word), "{word} in {what}");
                }
                assert!(scene.changed() == 0 || !said.contains("changed."), "{what}");
            }
        }
    }
}
