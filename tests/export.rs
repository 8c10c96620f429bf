//! Exports: every tape becomes a cast, a page and a handout, and no text in it becomes anything but text.

mod common;

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::Arc;

use common::lessons::{exported, first_step, hostile};
use common::{skip, unboxed};
use unboxed::export::{self, DocumentFormat};
use unboxed::lesson::catalogue;
use unboxed::lesson::expect::verdict::Expected;
use unboxed::lesson::model::Lesson;
use unboxed::report::{LazyDiff, StepRecord};
use unboxed::tape::{Tape, embedded, file};
use unboxed::text::is_hidden;

/// Every tape of the program, with its lesson.
fn all() -> impl Iterator<Item = (Lesson, Tape)> {
    embedded::all_tapes().map(|(bytes, header)| {
        let lesson = catalogue::find_lesson(&header.lesson).expect("the tape's lesson");
        (lesson, file::read(bytes).expect("a tape"))
    })
}

/// What is left of a terminal's text without the sequences that are allowed.
fn without_own_escapes(text: &str) -> String {
    let mut rest = text.replace("\x1b[2J", "").replace("\x1b[H", "").replace("\r\n", "");
    while let Some(at) = rest.find("\x1b[") {
        let end = at
            + rest[at..]
                .find('m')
                .unwrap_or_else(|| panic!("{text:?} has another escape sequence"));
        let codes = &rest[at + 2..end];
        assert!(codes.chars().all(|letter| letter.is_ascii_digit() || letter == ';'), "{text:?}");
        rest.replace_range(at..=end, "");
    }
    rest
}

/// A sound cast, with a marker and a title for each step.
fn check_cast(lesson: &Lesson, cast: &str) {
    let lines: Vec<serde_json::Value> =
        cast.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let (header, events) = lines.split_first().expect("a header");
    assert_eq!(header["version"], 3);
    let size = |name: &str| {
        header["term"][name].as_u64().and_then(|size| u16::try_from(size).ok()).expect("a size")
    };
    let (rows, columns) =
        (size("rows").try_into().expect("rows"), size("cols").try_into().expect("columns"));
    let mut terminal = vt100::Parser::new(rows, columns, 100);
    let mut markers = Vec::new();
    for event in events {
        let (after, code, text) =
            (event[0].as_f64(), event[1].as_str(), event[2].as_str().expect("text"));
        assert!(after.is_some_and(|after| (0.0..60.0).contains(&after)), "{event}");
        match code {
            Some("o") => {
                assert!(!without_own_escapes(text).chars().any(char::is_control), "{event}");
                terminal.process(text.as_bytes());
                terminal.screen_mut().set_scrollback(1);
                assert_eq!(terminal.screen().scrollback(), 0, "{}: it scrolls", lesson.id);
                if let Some(title) = markers.last().filter(|_| text.contains("\x1b[2J")) {
                    let top = terminal.screen().contents();
                    let is_titled = top.starts_with(&format!(
                        " {} of {}  {title}",
                        markers.len(),
                        lesson.steps.len()
                    ));
                    let is_branch = !top.starts_with(&format!(" {} of", markers.len()));
                    assert!(is_titled || is_branch, "{title}: {top}");
                }
            }
            Some("m") => {
                let number = markers.len() + 1;
                let title = text.strip_prefix(&format!("{number}. ")).expect("a numbered marker");
                assert_eq!(title, lesson.steps[markers.len()].title);
                markers.push(title.to_owned());
            }
            Some("x") => assert_eq!(text, "0"),
            _ => panic!("{event}"),
        }
    }
    assert_eq!(markers.len(), lesson.steps.len(), "{}", lesson.id);
    assert_eq!(events.last().expect("events")[1], "x");
}

#[test]
fn every_tape_becomes_a_cast_with_a_marker_a_step() {
    for (lesson, tape) in all() {
        let cast = exported(DocumentFormat::Cast, &lesson, &tape);
        check_cast(&lesson, &cast);
        for line in lesson.steps[0].actions[0].action.shell(&tape.states[0].context) {
            let typed: String = cast
                .lines()
                .skip(1)
                .filter_map(|line| {
                    serde_json::from_str::<serde_json::Value>(line).ok()?[2]
                        .as_str()
                        .map(str::to_owned)
                })
                .map(|text| without_own_escapes(&text))
                .collect();
            assert!(typed.contains(&line), "{}: {line}", lesson.id);
        }
    }
}

#[test]
fn every_form_says_where_a_real_machine_differs() {
    for (lesson, tape) in all() {
        // A step that the recording has not come to be says nothing of it.
        let is_told = |record: &&Arc<StepRecord>| {
            let step = &lesson.steps[record.step];
            !step.real.trim().is_empty() && record.status.is_judged() && record.is_ok()
        };
        let said = tape.records.iter().filter(is_told).count();
        for form in [DocumentFormat::Html, DocumentFormat::Markdown] {
            let text = exported(form, &lesson, &tape);
            assert_eq!(text.matches("On a real machine:").count(), said, "{}: {form:?}", lesson.id);
        }
        assert!(lesson.id != "build-a-container" || said > 3, "{said}");
    }
}

#[test]
fn a_handout_has_every_question_and_its_answer_at_the_end_alone() {
    for (lesson, tape) in all() {
        let handout = exported(DocumentFormat::Markdown, &lesson, &tape);
        let (before, key) = handout.split_once("\n## Answers\n").unwrap_or((&handout, ""));
        for step in &lesson.steps {
            assert!(
                before.contains(&format!(". {}\n", step.title.replace('_', "\\_"))),
                "{}: {}",
                lesson.id,
                step.title
            );
        }
        let first_line = |text: &str| text.trim().lines().next().unwrap_or_default().to_owned();
        for (index, question) in lesson.questions().enumerate() {
            let number = format!("**Question {}**", index + 1);
            assert!(before.contains(&number) && key.contains(&number), "{}: {number}", lesson.id);
            assert!(before.contains(&first_line(&question.ask)), "{}: {}", lesson.id, question.ask);
            let explain = first_line(&question.explain);
            assert!(key.contains(&explain), "{}: {explain}", lesson.id);
            assert!(!before.contains(&explain), "{}: {explain}", lesson.id);
        }
        assert_eq!(unseen(&handout), None, "{}", lesson.id);
    }
}

#[test]
fn a_page_has_every_step_and_question_and_says_where_it_is_from() {
    for (lesson, tape) in all() {
        let page = exported(DocumentFormat::Html, &lesson, &tape);
        assert!(
            page.contains(&tape.header.kernel) && page.contains(&tape.header.date),
            "{}",
            lesson.id
        );
        for step in &lesson.steps {
            assert!(
                page.contains(&format!("<article class=\"step\" id=\"{}\"", step.id)),
                "{}",
                step.id
            );
        }
        assert_eq!(
            page.matches("Show the answer").count(),
            lesson.questions().count(),
            "{}",
            lesson.id
        );
        let branches = page.matches("<details class=\"what-if\"").count();
        assert_eq!(branches, tape.branches.len(), "{}", lesson.id);
        let charts = tape.records.iter().chain(tape.branches.iter().map(|taken| &taken.record));
        let drawn = charts
            .flat_map(|record| &record.charts)
            .filter(|series| !series.points.is_empty())
            .count();
        assert_eq!(page.matches("<svg class=\"chart\"").count(), drawn, "{}", lesson.id);
        // A map where the step shows something that the map before it did not; two of them where that changed.
        let maps = page.matches("<figure class=\"lab\"").count();
        let switches = page.matches("<label class=\"flip\"").count();
        assert!(maps > 0 && maps <= lesson.steps.len(), "{}: {maps}", lesson.id);
        assert_eq!(
            page.matches("<svg class=\"lab-map\"").count(),
            maps + switches,
            "{}",
            lesson.id
        );
        assert_eq!(unseen(&page), None, "{}", lesson.id);
        assert!(
            !page.contains("src=\"") && !page.contains("url(") && !page.contains("@import"),
            "{}",
            lesson.id
        );
    }
}

/// The names of all tags, in order.
fn tags(page: &str) -> Vec<&str> {
    let starts = page.split('<').skip(1);
    starts
        .map(|rest| {
            rest.split(|letter: char| letter.is_whitespace() || letter == '>')
                .next()
                .unwrap_or_default()
        })
        .collect()
}

#[test]
fn no_text_of_a_lesson_or_a_tape_becomes_markup_or_an_escape_sequence() {
    let evil = "\u{1b}[2J\u{9b}3J</code><script>pwned=1</script><img src=x onerror=pwned=1>\"' onload=pwned=1 &amp;<>&#x202e;\
                \u{202e}\u{2066}\u{200f}\u{61c}\u{2028}\u{e0041}\u{200b}\u{3164}\u{feff}";
    let (lesson, tape) = hostile(evil);
    let page = exported(DocumentFormat::Html, &lesson, &tape);
    assert!(page.matches(&evil.replace('\u{1b}', "\\x1b")[..6]).count() > 10, "the text is there");
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("<img").count(), 0);
    assert_eq!(unseen(&page), None);
    assert_eq!(page.matches("&#x202e").count(), 0, "a reader would make the character of it");
    check_cast_text(&exported(DocumentFormat::Cast, &lesson, &tape));
    let handout = exported(DocumentFormat::Markdown, &lesson, &tape);
    assert_eq!(unseen(&handout), None);
    assert!(handout.contains("\\u{202e}") && handout.contains("\\u{e0041}"));
}

/// A character that a reader would not see, or that turns the order of what stands around it.
fn unseen(text: &str) -> Option<char> {
    text.chars().find(|letter| (letter.is_control() && *letter != '\n') || is_hidden(*letter))
}

fn check_cast_text(cast: &str) {
    for line in cast.lines().skip(1) {
        let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let text = event[2].as_str().expect("text");
        assert_eq!(unseen(&without_own_escapes(text)), None, "{text:?}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_a_program_prints_the_page_has_the_same_tags(text in "[<>&\"'/a-z \u{1b}\u{0}\u{202e}あ-]{1,40}") {
        let page = |text: &str| {
            let (mut lesson, mut tape) = first_step();
            lesson.title = text.to_owned();
            lesson.steps[0].title = text.to_owned();
            let record = Arc::make_mut(&mut tape.records[0]);
            let after = Arc::make_mut(&mut record.after);
            for process in &mut after.processes {
                process.args = format!("{text}x");
            }
            record.diff = LazyDiff::default();
            for verdict in &mut record.verdicts {
                verdict.expected = Expected::Works { action: text.to_owned() };
            }
            tape.header.kernel = text.to_owned();
            exported(DocumentFormat::Html, &lesson, &tape)
        };
        let (plain, given) = (page("plain"), page(&text));
        proptest::prop_assert_eq!(tags(&plain), tags(&given));
        proptest::prop_assert_eq!(unseen(&given), None);
    }
}

#[test]
fn the_page_allows_its_own_script_and_style_and_no_other() {
    if Command::new("python3").arg("--version").output().is_err() {
        return skip("python3 is missing");
    }
    let (lesson, tape) = first_step();
    let page = exported(DocumentFormat::Html, &lesson, &tape);
    for tag in ["style", "script"] {
        let text = page
            .split_once(&format!("<{tag}>"))
            .and_then(|(_, rest)| rest.split_once(&format!("</{tag}>")));
        let program = "import base64,hashlib,sys;print('sha256-'+base64.b64encode(hashlib.sha256(sys.argv[1].encode()).digest()).decode())";
        let hash = common::output_of("python3", &["-c", program, text.expect("the element").0]);
        let is_named = page.contains(&format!("{tag}-src &#39;{}&#39;", hash.trim()))
            || page.contains(&format!("{tag}-src '{}'", hash.trim()));
        assert!(
            is_named,
            "assets/export/page.* has changed: the {tag}'s hash in src/export/html/mod.rs is {hash}"
        );
    }
}

fn said(arguments: &[&str]) -> (String, String, bool) {
    let output = unboxed().arg("export").args(arguments).output().expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (text(output.stdout), text(output.stderr), output.status.success())
}

#[test]
fn a_lesson_is_exported_to_a_file_or_to_standard_output() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("one.md");
    let (printed, error, ok) = said(&["1", "--format", "md"]);
    assert!(ok, "{error}");
    std::fs::write(&path, "an older one").expect("a file");
    let (nothing, error, ok) =
        said(&["1", "--format", "md", "--tape", "-o", path.to_str().expect("a name")]);
    assert!(ok, "{error}");
    assert_eq!(
        (nothing.as_str(), std::fs::read_to_string(&path).expect("the file")),
        ("", printed)
    );
    assert_eq!(
        std::fs::read_dir(folder.path()).expect("the folder").count(),
        1,
        "nothing is left beside it"
    );
    let tape = folder.path().join("one.tape");
    let bytes = embedded::all_tapes()
        .find(|(_, header)| header.lesson == "what-is-a-container")
        .expect("a tape")
        .0;
    std::fs::write(&tape, bytes).expect("a tape");
    let (cast, error, ok) =
        said(&["1", "--format", "cast", "--tape", tape.to_str().expect("a name")]);
    assert!(ok, "{error}");
    check_cast(&catalogue::find_lesson("1").expect("the lesson"), &cast);
    let (_, error, ok) = said(&["2", "--format", "cast", "--tape", tape.to_str().expect("a name")]);
    assert!(!ok && error.contains("the tape is of the lesson `what-is-a-container`"), "{error}");
}

#[test]
fn what_cannot_be_exported_is_one_clear_line() {
    let check = |arguments: &[&str], expected: &str| {
        let (printed, error, ok) = said(arguments);
        assert!(!ok && printed.is_empty(), "{printed}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.contains(expected), "{error}");
    };
    check(&["biuld-a-container", "--format", "md"], "did you mean `build-a-container`?");
    check(
        &["1", "--format", "md", "-o", "/nowhere/x.md"],
        "could not write /nowhere/x.md: No such file or directory",
    );
    check(
        &["1", "--format", "md", "--tape", "/nowhere/x.tape"],
        "could not open the tape /nowhere/x.tape",
    );
}

#[test]
fn a_script_is_of_the_lesson_alone_and_sound_shell() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("container.sh");
    let path = path.to_str().expect("a name");
    let (printed, error, ok) = said(&["2", "--format", "sh"]);
    assert!(ok, "{error}");
    let (_, error, ok) = said(&["2", "--format", "sh", "-o", path]);
    assert!(ok, "{error}");
    assert_eq!(std::fs::read_to_string(path).expect("the file"), printed);
    assert_eq!(unseen(&printed), None);

    let check = |arguments: &[&str], expected: &str| {
        let (printed, error, ok) = said(arguments);
        assert!(!ok && printed.is_empty() && error.contains(expected), "{error}");
    };
    check(&["2", "--format", "sh", "--live"], "leave out --live and --tape");
    check(&["2", "--format", "sh", "--tape"], "leave out --live and --tape");
    check(&["20", "--format", "sh"], "the lesson `pids` is no script");
    check(&["8", "--format", "sh"], "the lesson `user` is no script: `run` of its step");

    let shell = Command::new("sh").args(["-n", path]).output().expect("a shell");
    assert!(shell.status.success(), "{}", String::from_utf8_lossy(&shell.stderr));
    let Ok(shellcheck) = Command::new("shellcheck").arg(path).output() else {
        return skip("shellcheck is missing");
    };
    assert!(shellcheck.status.success(), "{}", String::from_utf8_lossy(&shellcheck.stdout));
}

#[test]
fn a_reader_who_has_seen_enough_hears_no_complaint() {
    let mut child = unboxed()
        .args(["export", "2", "--format", "html"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut few = [0; 10];
    child.stdout.take().expect("its output").read_exact(&mut few).expect("a beginning");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_writer_that_fails_is_said_to() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("full"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let (lesson, tape) = first_step();
    for form in [DocumentFormat::Cast, DocumentFormat::Html, DocumentFormat::Markdown] {
        assert!(export::write(form, &lesson, &tape, Full).is_err());
    }
}
