//! The glossary and the cards: whatever a lab records or a pane lists has an entry, its lines for a shell work in real labs and
//! show what the row says, and the texts are short and lead somewhere.

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use common::{alone, open_session, unboxed};
use unboxed::app::LessonView;
use unboxed::app::panes::RowKind;
use unboxed::call::ErrnoName;
use unboxed::diagnosis::Playable;
use unboxed::diff::Diff;
use unboxed::doctor::can_play;
use unboxed::engine::session::Session;
use unboxed::explain::card::{Card, See};
use unboxed::explain::{self, Reading, WordKind};
use unboxed::lesson::catalogue;
use unboxed::lesson::model::Lesson;
use unboxed::op::{ActorName, Op};
use unboxed::tape::{embedded, file};
use unboxed::view::ViewKind;

fn source(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path);
    std::fs::read_to_string(&root).unwrap_or_else(|error| panic!("{}: {error}", root.display()))
}

/// The text of a source file before its tests.
fn production(path: &str) -> String {
    source(path).split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

/// The string literals of a text of Rust. Its comments have none.
fn literals(text: &str) -> Vec<String> {
    let code = text.lines().map(|line| line.trim_start());
    let code: Vec<&str> = code.filter(|line| !line.starts_with("//")).collect();
    let code = code.join("\n").replace("\\\"", "");
    code.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Words in capitals with a `_`, or flags of strace's tables without one.
fn constants_in(literal: &str) -> BTreeSet<String> {
    let words = literal.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    let is_constant = |word: &&str| {
        word.len() >= 5
            && word.contains('_')
            && word.chars().all(|letter| {
                letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_'
            })
            && word.starts_with(|letter: char| letter.is_ascii_uppercase())
    };
    words.filter(is_constant).map(str::to_owned).collect()
}

/// The files of the kernel layer that write down what is recorded.
const RECORDING: [&str; 18] = [
    "kernel/held.rs",
    "kernel/enter.rs",
    "kernel/notation.rs",
    "kernel/net.rs",
    "kernel/tc.rs",
    "kernel/nft.rs",
    "kernel/icmp.rs",
    "kernel/process.rs",
    "kernel/program.rs",
    "kernel/file.rs",
    "kernel/copy.rs",
    "kernel/layout.rs",
    "kernel/unlayer.rs",
    "kernel/tar_writer.rs",
    "kernel/mount.rs",
    "kernel/perform.rs",
    "kernel/bpf/mod.rs",
    "op.rs",
];

#[test]
fn every_call_that_can_be_recorded_has_an_entry() {
    let mut found = BTreeSet::new();
    for path in RECORDING {
        let text = production(path);
        let flat: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        // `recorder.call("mount", …)`, and what is pushed as a `Call`.
        for begin in [
            ".call( \"",
            ".call(\"",
            ".call_with_late_args( \"",
            ".call_with_late_args(\"",
            ".call_with_buffer( \"",
            "name: \"",
        ] {
            let calls = flat.split(begin).skip(1).filter_map(|rest| rest.split('"').next());
            found.extend(calls.map(str::to_owned));
        }
        let requests = ["RTM_", "NFT_MSG_"];
        for literal in literals(&text) {
            if requests.iter().any(|prefix| literal.starts_with(prefix)) {
                found.insert(literal);
            }
        }
    }
    // The name of a firewall chain.
    found.remove("POSTROUTING");
    found.remove("out");
    assert!(found.len() > 30, "{found:?}");
    let without: Vec<&String> =
        found.iter().filter(|name| explain::of_kind(WordKind::Call, name).is_none()).collect();
    assert!(without.is_empty(), "no entry for {without:?}");
}

#[test]
fn every_flag_and_constant_that_can_be_recorded_has_an_entry() {
    let mut found = BTreeSet::new();
    for path in RECORDING {
        for literal in literals(&production(path)) {
            found.extend(constants_in(&literal));
        }
    }
    found.retain(|word| explain::of_kind(WordKind::Call, word).is_none());
    assert!(found.len() > 70, "{found:?}");
    let without: Vec<&String> =
        found.iter().filter(|name| explain::of_kind(WordKind::Flag, name).is_none()).collect();
    assert!(without.is_empty(), "no entry for {without:?}");
}

/// Names of the form `memory.max`, in a text.
fn group_files_in(text: &str) -> BTreeSet<String> {
    const CONTROLLERS: [&str; 13] = [
        "memory", "cpu", "cpuacct", "cpuset", "pids", "freezer", "devices", "blkio", "io",
        "net_cls", "net_prio", "cgroup", "hugetlb",
    ];
    let words =
        text.split(|letter: char| !(letter.is_ascii_alphanumeric() || "._".contains(letter)));
    let words = words.map(|word| word.trim_end_matches('.'));
    words
        .filter(|word| {
            let mut parts = word.split('.');
            parts.next().is_some_and(|first| CONTROLLERS.contains(&first))
                && parts.next().is_some()
                && !word.ends_with(".yaml")
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_file_of_a_control_group_that_lessons_or_panes_name_has_an_entry() {
    let mut found = BTreeSet::from(["tasks".to_owned()]);
    for path in [
        "observe/cgroups.rs",
        "action/cgroup.rs",
        "action/device_rules.rs",
        "op.rs",
        "words/rows.rs",
    ] {
        for literal in literals(&production(path)) {
            // `io.max rbps`, and `blkio.throttle.*_device`, which stands for several.
            if !literal.contains('*') {
                found.extend(group_files_in(&literal));
            }
        }
    }
    for lesson in catalogue::all_lessons().expect("sound lessons") {
        let mut text = catalogue::lesson_text(&lesson.id).expect("its text").to_owned();
        // Names of other things, a pattern, and an answer to a question that is wrong.
        for other in ["cgroup.classid", "cgroup.devices", "devices.max", "*"] {
            text = text.replace(other, "");
        }
        found.extend(group_files_in(&text));
    }
    for (bytes, _) in embedded::all_tapes() {
        let tape = file::read(bytes).expect("the tape");
        let groups = tape.records.iter().flat_map(|record| &record.after.cgroups);
        found.extend(groups.flat_map(|group| group.files.keys().cloned()));
        let mounts = tape.records.iter().flat_map(|record| &record.after.mounts);
        for mount in mounts.flat_map(|table| &table.rows) {
            assert!(explain::find(&mount.fstype).is_some(), "no entry for {}", mount.fstype);
        }
    }

    assert!(found.len() > 55, "{found:?}");
    let without: Vec<&String> =
        found.iter().filter(|name| explain::of_kind(WordKind::GroupFile, name).is_none()).collect();
    assert!(without.is_empty(), "no entry for {without:?}");
    for entry in explain::all().filter(|entry| entry.kind == WordKind::GroupFile) {
        let file = entry.file.expect("how it is used");
        assert!(!file.unit.is_empty(), "{}", entry.word);
        assert!(file.reading.is_some() || file.writing.is_some(), "{}", entry.word);
    }
}

#[test]
fn every_errno_that_the_program_names_has_an_entry() {
    let mut found = BTreeSet::new();
    for path in ["failure.rs", "kernel/errno.rs"] {
        for literal in literals(&production(path)) {
            found.insert(literal);
        }
    }
    for lesson in catalogue::all_lessons().expect("sound lessons") {
        for step in &lesson.steps {
            let entries = step.actions.iter().chain(&step.breaks);
            let branches = step.branches.iter().flat_map(|branch| &branch.actions);
            found.extend(
                entries.chain(branches).filter_map(|entry| Some(entry.fails.as_ref()?.0.clone())),
            );
        }
    }
    for (bytes, _) in embedded::all_tapes() {
        let tape = file::read(bytes).expect("the tape");
        let calls = tape.records.iter().flat_map(|record| &record.ops).flat_map(|op| &op.calls);
        found.extend(calls.filter_map(|call| Some(call.result.errno()?.0.clone())));
    }
    found.retain(|word| ErrnoName(word.clone()).is_known());

    assert!(found.len() > 10, "{found:?}");
    for name in found {
        assert!(explain::of_kind(WordKind::Errno, &name).is_some(), "no entry for {name}");
    }
    for entry in explain::all().filter(|entry| entry.kind == WordKind::Errno) {
        assert!(
            ErrnoName(entry.word.to_owned()).is_known(),
            "{} is none of the kernel's",
            entry.word
        );
    }
}

#[test]
fn what_a_failed_call_of_a_lesson_means_is_said_for_that_call() {
    let mut count = 0;
    let mut without = BTreeSet::new();
    for (bytes, header) in embedded::all_tapes() {
        let tape = file::read(bytes).expect("the tape");
        for op in tape.records.iter().flat_map(|record| &record.ops) {
            // A call that fails on the way of an op that goes well is none that is asked about.
            let failed = op.calls.iter().filter(|_| !op.outcome.is_ok());
            for call in failed {
                let Some(errno) = call.result.errno() else { continue };
                let said = unboxed::failure::explain(&op.op, errno);
                count += 1;
                if said.is_none() {
                    without.insert(format!("{}: {call}", header.lesson));
                }
            }
        }
    }
    assert!(count > 5, "{count} failed calls");
    assert!(without.is_empty(), "nothing is said of {without:#?}");
}

#[test]
fn texts_are_short_and_lead_on_and_no_word_stands_twice() {
    let mut seen = BTreeSet::new();
    for entry in explain::all() {
        let text = entry.paragraphs().join(" ");
        let words = text.split_whitespace().count();
        assert!(words <= 60, "{}: {words} words: {text}", entry.word);
        assert!(words >= 3 && entry.text.ends_with(['.', ')', ':']), "{}: {text}", entry.word);
        assert!(seen.insert((entry.word, entry.kind as u8)), "{} stands twice", entry.word);
        assert_eq!(explain::find(entry.word).map(|found| found.word), Some(entry.word));
        for word in entry.see {
            let found = explain::find(word);
            assert!(found.is_some_and(|found| found.word == *word), "{}: see {word}", entry.word);
        }
        match entry.reading() {
            Reading::Manual { section, name } => {
                assert!(!name.is_empty() && section.parse::<u8>().is_ok(), "{}", entry.word);
            }
            Reading::KernelText(path) => {
                assert!(path.ends_with(".rst") && path.contains('/'), "{}: {path}", entry.word);
            }
            Reading::ImageSpec(file) => assert!(file.ends_with(".md"), "{}: {file}", entry.word),
        }
    }
    assert!(seen.len() > 250, "{} entries", seen.len());

    // A word that learners meet by another name, in another case, in the plural, or as a path.
    for (asked, found) in [
        ("umount", "umount2"),
        ("clone_newns", "CLONE_NEWNS"),
        ("peer groups", "peer group"),
        ("/sys/fs/cgroup/box/memory.max", "memory.max"),
        ("zombies", "zombie"),
        ("chroot()", "chroot"),
        ("Control groups", "control group"),
    ] {
        assert_eq!(explain::find(asked).map(|entry| entry.word), Some(found), "{asked}");
    }
    assert!(explain::find("banana").is_none() && explain::find("").is_none());
}

#[test]
fn the_manual_pages_are_there_where_manuals_are_installed() {
    let has = |section: &str, name: &str| {
        let found = Command::new("man").args(["-w", section, name]).output();
        found.is_ok_and(|output| output.status.success())
    };
    // Minimal images have the program, and leave the pages out.
    if !(has("2", "pivot_root")
        && has("7", "cgroups")
        && has("8", "ip-link")
        && has("8", "nft")
        && has("1", "strace"))
    {
        common::skip(
            "the manual pages of man-pages, iproute2, nftables and strace are not installed",
        );
        return;
    }
    let pages: BTreeSet<(&str, &str)> = explain::all()
        .filter_map(|entry| match entry.reading() {
            Reading::Manual { section, name } => Some((section, name)),
            Reading::KernelText(_) | Reading::ImageSpec(_) => None,
        })
        .collect();
    let missing: Vec<_> = pages.iter().filter(|(section, name)| !has(section, name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Every row of every pane, with its card, of every step of every tape.
fn each_taped_card(mut check: impl FnMut(&str, ViewKind, RowKind, &Card)) {
    for (bytes, header) in embedded::all_tapes() {
        let tape = file::read(bytes).expect("the tape");
        let lesson = Arc::new(catalogue::find_lesson(&header.lesson).expect("the lesson"));
        let mut view = LessonView::new(Arc::clone(&lesson));
        view.set_ready(tape.state_after(&lesson, 0).expect("a beginning"));
        for record in &tape.records {
            view.start_playing(record.step);
            view.set_record(Arc::clone(record));
            view.look_at(record.step);
            for pane in ViewKind::ALL {
                view.panes.focus = pane;
                let rows: Vec<RowKind> = view.panes.rows(pane).map(|row| row.kind).collect();
                for (place, kind) in rows.into_iter().enumerate() {
                    view.panes.select_row(place);
                    let card = view.card_of_selected_row().expect("every row has a card");
                    let row = view.panes.rows(pane).nth(place).expect("the row");
                    let at =
                        format!("{}, {}: {}", lesson.id, lesson.steps[record.step].id, row.text);
                    check(&at, pane, kind, &card);
                }
            }
        }
    }
}

#[test]
fn every_row_of_every_pane_has_a_card_of_its_own() {
    let mut count = 0;
    let mut with_steps = 0;
    each_taped_card(|at, pane, kind, card| {
        count += 1;
        with_steps += usize::from(card.origin.is_some());
        assert!(!card.entries.is_empty() && !card.sentences.is_empty(), "{at}: {card:#?}");
        // A heading or a note may be about the pane; a row is about something.
        let is_of_pane = card.title == format!("the pane {}", pane.title());
        let is_row = matches!(kind, RowKind::Plain | RowKind::Bad);
        assert!(!(is_row && is_of_pane), "{at}: it has no card of its own");
        for line in card.lines(72) {
            assert!(unboxed::text::safe(&line.text) == line.text, "{at}: {}", line.text);
        }
    });
    assert!(count > 5_000 && with_steps > count / 4, "{count} cards, {with_steps} with a step");
}

/// A lesson as it plays here, or None with the reason said.
fn playable(id: &str) -> Option<Lesson> {
    let lesson = catalogue::find_lesson(id).expect("the lesson");
    match can_play(&lesson.needs, &common::facts()) {
        Playable::Live => Some(lesson),
        Playable::No { why, .. } => {
            if common::is_root() {
                common::skip(&format!("{id}: {}", unboxed::words::blocker(&why)));
            }
            None
        }
    }
}

/// What a shell line prints beside the lab's host, with its errors.
fn typed(session: &mut Session, line: &str) -> String {
    let argv = vec!["bash".to_owned(), "-c".into(), format!("{{ {line}\n}} 2>&1")];
    let lab = session.lab().expect("a lab");
    let record = lab.perform(&ActorName::host(), Op::Run { argv }).expect("the host answers");
    record.outcome.output().to_owned()
}

/// Plays a lesson, and at some of its steps types the line of every card. The kinds of rows whose lines were typed.
fn type_lines(id: &str, is_tried: impl Fn(usize, usize) -> bool) -> Option<BTreeSet<String>> {
    let lesson = playable(id)?;
    let steps = lesson.steps.len();
    let facts = common::facts();
    let mut session = open_session(lesson.clone());
    let lesson = Arc::new(lesson);
    let mut kinds = BTreeSet::new();
    let mut tried = BTreeSet::new();

    for at in 0..steps {
        if can_play(&lesson.steps[at].needs, &facts) != Playable::Live {
            session.leave_out(at);
        }
        let record = session.play_next().expect("the step plays");
        if !is_tried(at, steps) {
            continue;
        }
        let mut view = LessonView::new(Arc::clone(&lesson));
        view.set_ready(session.ready_state(std::time::Instant::now()).expect("the lab"));
        view.start_playing(at);
        view.set_record(Arc::new(record));

        for pane in ViewKind::of_state() {
            view.panes.focus = pane;
            for place in 0..view.panes.rows(pane).count() {
                view.panes.select_row(place);
                let row = view.panes.rows(pane).nth(place).expect("the row").clone();
                let card = view.card_of_selected_row().expect("a card");
                let See::Line(see) = &card.see else { continue };
                if !tried.insert(see.line.clone()) {
                    continue;
                }
                let printed = typed(&mut session, &see.line);
                // Counters and neighbours go on by themselves, and a use falls while one looks.
                let moves = pane == ViewKind::Cgroups && unboxed::diff::is_counter(&card.title)
                    || row.text.trim_start().starts_with("neighbour");
                let shows = if moves { "" } else { see.shows.as_str() };
                assert!(
                    !printed.trim().is_empty() || shows.is_empty(),
                    "{id}, {}: `{}` printed nothing, for {}",
                    lesson.steps[at].id,
                    see.line,
                    row.text
                );
                assert!(
                    printed.contains(shows),
                    "{id}, {}: `{}` does not show {shows:?}, for {}:\n{printed}",
                    lesson.steps[at].id,
                    see.line,
                    row.text
                );
                let kind = card.entries.first().map_or("", |entry| entry.word);
                kinds.insert(kind.to_owned());
            }
        }
    }
    assert!(session.close_and_compare().is_clean());
    Some(kinds)
}

#[test]
fn the_lines_of_the_container_lesson_show_what_its_rows_say() {
    let _turn = alone();
    let Some(kinds) = type_lines("build-a-container", |at, steps| at % 4 == 3 || at + 1 == steps)
    else {
        return;
    };
    for kind in [
        "mount",
        "process",
        "mount namespace",
        "UTS namespace",
        "link",
        "address",
        "route",
        "default route",
        "upper layer",
    ] {
        assert!(kinds.contains(kind), "no line was typed for a {kind}: {kinds:?}");
    }
}

#[test]
fn the_lines_of_the_group_lessons_show_what_their_rows_say() {
    let _turn = alone();
    for (id, file) in [("pids", "pids.max"), ("net-cls-prio", "net_cls.classid")] {
        let Some(kinds) = type_lines(id, |at, steps| at == 1 || at + 1 == steps) else { continue };
        assert!(kinds.contains("control group"), "{id}: {kinds:?}");
        assert!(kinds.contains(file), "{id}: {kinds:?}");
    }
}

#[test]
fn the_line_of_a_call_shows_it_and_changes_nothing_of_the_lab() {
    let _turn = alone();
    let mut session =
        open_session(catalogue::find_lesson("build-a-container").expect("the lesson"));
    let before = session.lab().expect("a lab").snapshot();
    let mut count = 0;
    for entry in explain::all().filter(|entry| entry.kind == WordKind::Call) {
        let See::Line(see) = Card::of_word(entry).see else {
            // No program of everybody's makes these, or a lab may not.
            assert!(
                ["sendfile", "bpf", "pidfd_open", "setxattr"].contains(&entry.word),
                "{} has no line",
                entry.word
            );
            continue;
        };
        let printed = typed(&mut session, &see.line);
        assert!(printed.contains(&see.shows), "{}: `{}`:\n{printed}", entry.word, see.line);
        count += 1;
    }
    assert!(count > 30, "{count} lines");

    // The lab has the manual pages of the machine, and says so where there are none.
    let printed = typed(&mut session, &unboxed::explain::see::manual("2", "mount"));
    let has_pages = Command::new("man").args(["-w", "2", "mount"]).output();
    match has_pages.is_ok_and(|found| found.status.success()) {
        true => assert!(printed.contains("mount - mount filesystem"), "{printed}"),
        false => assert!(printed.contains("not installed here"), "{printed}"),
    }

    let after = session.lab().expect("a lab").snapshot();
    let diff = Diff::between(&before, &after);
    let changes: Vec<(ViewKind, usize)> = ViewKind::of_state()
        .map(|view| (view, diff.change_count(view)))
        .filter(|(_, count)| *count > 0)
        .collect();
    assert!(changes.is_empty(), "{changes:?}: {:#?}", unboxed::words::rows::diff_lines(&diff));
    assert!(session.close_and_compare().is_clean());
}

/// Standard output, standard error, and whether it went well.
fn explained(words: &[&str]) -> (String, String, bool) {
    let output = unboxed().arg("explain").args(words).output().expect("unboxed starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (text(output.stdout), text(output.stderr), output.status.success())
}

#[test]
fn the_command_explains_a_word_lists_all_and_suggests_near_ones() {
    let (out, _, ok) = explained(&["peer", "group"]);
    assert!(ok && out.starts_with("peer group, a word\n"), "{out}");
    assert!(out.contains("Read: mount_namespaces(7)"), "{out}");
    assert!(out.is_ascii() && !out.contains('\u{1b}'), "{out:?}");
    assert!(out.lines().all(|line| line.len() <= 80), "{out}");

    let (out, _, ok) = explained(&["memory.max"]);
    assert!(ok && out.contains("In v2 only. Unit: bytes") && out.contains("Writing:"), "{out}");
    let (out, _, ok) = explained(&["mount"]);
    assert!(ok && out.contains("mount, a word") && out.contains("mount, a call"), "{out}");

    let (out, _, ok) = explained(&[]);
    assert!(ok, "{out}");
    for entry in explain::all() {
        let text: String = out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(entry.word), "{} is not in the list", entry.word);
    }

    for (asked, near) in [
        ("MS_PRIVAT", "MS_PRIVATE"),
        ("ebusi", "EBUSY"),
        ("pivot", "pivot_root"),
        ("memroy.max", "memory.max"),
    ] {
        let (out, error, ok) = explained(&[asked]);
        assert!(!ok && out.is_empty() && error.contains(near), "{asked}: {out}{error}");
    }
    let (_, error, ok) = explained(&["\u{1b}[31mxyzzyxyzzy"]);
    assert!(!ok && error.contains("lists all words") && !error.contains('\u{1b}'), "{error:?}");
}

#[test]
fn each_bold_word_of_a_lesson_is_known_or_no_word_of_the_field() {
    // Emphasis, and not a word of the field.
    const EMPHASIS: [&str; 6] = [
        "waits",
        "copy",
        "counts",
        "new namespaces",
        "first network namespace",
        "The number alone limits nothing.",
    ];
    let mut known = 0;
    for lesson in catalogue::all_lessons().expect("sound lessons") {
        for step in &lesson.steps {
            for text in [&step.story, &step.after] {
                for word in text.split("**").skip(1).step_by(2) {
                    let word = word.split_whitespace().collect::<Vec<_>>().join(" ");
                    if EMPHASIS.contains(&word.as_str()) || word == "keeper" {
                        continue;
                    }
                    assert!(
                        explain::find(&word).is_some(),
                        "{}: **{word}** is in no glossary",
                        step.id
                    );
                    known += 1;
                }
            }
        }
    }
    assert!(known > 15, "{known} bold words");
}
