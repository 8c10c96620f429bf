//! The layer table of ARCHITECTURE.md holds, no files use each other in a circle, and what must stay in one place does.

mod errors;
mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use self::imports::{circles, of_top_modules, top_module};

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn all_sources() -> Vec<(String, String)> {
    files_of("src")
}

/// The Rust files below a folder, by path and text.
fn files_of(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    sources(Path::new(folder), &mut found);
    found
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source file");
            (path.to_string_lossy().into_owned(), text)
        })
        .collect()
}

/// The part of a file that is not its tests. A file that opens with `#![cfg(test)]` is nothing else.
fn production(text: &str) -> &str {
    let end = text.find("#![cfg(test)]").or_else(|| text.find("#[cfg(test)]"));
    &text[..end.unwrap_or(text.len())]
}

/// Module → its row in the table.
fn layers() -> BTreeMap<String, usize> {
    let text = fs::read_to_string("ARCHITECTURE.md").expect("ARCHITECTURE.md");
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| layer |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let mut found = BTreeMap::new();
    for (row, line) in rows.enumerate() {
        let modules = line.split('|').nth(2).unwrap_or_default();
        for module in modules.split('`').skip(1).step_by(2) {
            found.insert(module.to_owned(), row);
        }
    }
    found
}

/// The files of `src/` that each of them uses, in production code.
fn uses() -> imports::Uses {
    let files = all_sources();
    let below = |path: &str| path.trim_start_matches("src/").to_owned();
    imports::uses(
        &files
            .iter()
            .map(|(path, text)| (below(path), production(text).to_owned()))
            .collect::<Vec<_>>(),
    )
}

#[test]
fn every_module_uses_only_layers_above_its_own() {
    let layers = layers();
    assert!(layers.len() > 20, "{layers:?}");
    let layer = |module: &str| {
        *layers
            .get(module)
            .unwrap_or_else(|| panic!("{module} is not in the table of ARCHITECTURE.md"))
    };
    for (path, _) in all_sources().iter().filter(|(path, _)| path != "src/lib.rs") {
        layer(top_module(path.trim_start_matches("src/")));
    }
    let mut wrong = Vec::new();
    for (path, used) in uses() {
        let own = layer(top_module(&path));
        wrong.extend(
            used.iter()
                .filter(|used| layer(top_module(used)) > own)
                .map(|used| format!("{path} uses {used}")),
        );
    }
    assert_eq!(wrong, [] as [String; 0]);
}

#[test]
fn no_files_and_no_modules_use_each_other_in_a_circle() {
    let uses = uses();
    let count: usize = uses.values().map(|used| used.len()).sum();
    assert!(count > 500, "only {count} uses were found");
    assert_eq!(circles(&uses), [] as [String; 0]);
    assert_eq!(circles(&of_top_modules(&uses)), [] as [String; 0]);
}

/// Places of one family: a mount, a link, a group is a value of the kernel's state, something that an action makes, and something
/// that an expectation looks for. Lessons, the code and the learner call all three by the kernel's word, and each place has its own.
const FAMILY: [&[&str]; 3] =
    [&["src/snapshot.rs", "src/op.rs", "src/diff/"], &["src/action/"], &["src/lesson/expect/"]];

/// The names of the public types in a file.
fn public_types(text: &str) -> Vec<&str> {
    let declared = production(text).lines().filter_map(|line| {
        let line = line.trim_start().strip_prefix("pub")?;
        let line = line
            .strip_prefix(' ')
            .or_else(|| line.strip_prefix('(')?.split_once(") ").map(|(_, line)| line))?;
        let (kind, name) = line.split_once(' ')?;
        let end = name.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(name.len());
        ["struct", "enum", "union", "trait", "type"].contains(&kind).then_some(&name[..end])
    });
    declared.collect()
}

/// One name of several types, and where they are: all but those of a family.
fn homonyms(files: &[(String, String)]) -> Vec<String> {
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (path, text) in files {
        for name in public_types(text) {
            places.entry(name).or_default().push(path);
        }
    }
    let in_family = |paths: &[&str]| {
        let of_kind = |kind: &&[&str]| {
            paths.iter().filter(|path| kind.iter().any(|start| path.starts_with(start))).count()
        };
        let counts: Vec<usize> = FAMILY.iter().map(of_kind).collect();
        counts.iter().all(|count| *count <= 1) && counts.iter().sum::<usize>() == paths.len()
    };
    let several = places.into_iter().filter(|(_, paths)| paths.len() > 1 && !in_family(paths));
    several.map(|(name, paths)| format!("{name}: {}", paths.join(", "))).collect()
}

#[test]
fn a_public_type_has_a_name_of_its_own() {
    assert_eq!(homonyms(&all_sources()), [] as [String; 0]);

    let check = |places: [&str; 2], expected: &[&str]| {
        let files = places.map(|path| (path.to_owned(), "pub(super) enum Mount<'a> {".to_owned()));
        assert_eq!(homonyms(&files), expected);
    };
    check(["src/snapshot.rs", "src/action/mount.rs"], &[]);
    check(["src/action/mount.rs", "src/lesson/expect/mount.rs"], &[]);
    check(
        ["src/action/bind.rs", "src/action/mount.rs"],
        &["Mount: src/action/bind.rs, src/action/mount.rs"],
    );
    check(["src/app/mod.rs", "src/snapshot.rs"], &["Mount: src/app/mod.rs, src/snapshot.rs"]);
}

#[test]
fn what_must_stay_in_one_place_does() {
    let only = |needle: &str, places: &[&str]| {
        let strays: Vec<String> = all_sources()
            .into_iter()
            .filter(|(path, text)| {
                production(text).contains(needle)
                    && !places.iter().any(|place| path.starts_with(place))
            })
            .map(|(path, _)| path)
            .collect();
        assert_eq!(strays, [] as [String; 0], "`{needle}`");
    };
    only("serde_yaml", &["src/lesson/parse.rs", "src/rootfs/fixture.rs"]);
    only("anyhow", &["src/cli/", "src/tui/", "src/main.rs"]);
    only("unsafe {", &["src/kernel/", "src/wire/mod.rs"]);
    only("syntect", &["src/ui/highlight.rs"]);
    // It panics where the terminal is gone: `cli::to_stderr` does not.
    only("eprintln!", &[]);
    only("pulldown_cmark", &["src/ui/markdown.rs", "src/export/prose.rs"]);
    only("maud", &["src/export/"]);
    // A key is named where it is bound. The terminal of a learner's shell is the other end: it says each key as bytes.
    for needle in ["KeyCode", "KeyModifiers"] {
        only(needle, &["src/app/keymap/", "src/app/terminal.rs"]);
    }
    // What a page holds as it stands, unescaped.
    only("PreEscaped", &["src/export/prose.rs", "src/export/html/mod.rs"]);
    only(
        "rtnetlink::",
        &[
            "src/kernel/net.rs",
            "src/kernel/tc.rs",
            "src/observe/netlink.rs",
            "src/observe/network.rs",
            "src/observe/traffic.rs",
        ],
    );
    only(
        "std::fs",
        &[
            "src/kernel/",
            "src/lab/",
            "src/actor/",
            "src/keeper/",
            "src/observe/",
            "src/rootfs/",
            "src/doctor/",
            "src/image/",
            "src/progress.rs",
            "src/cli/",
            "src/tui/",
            "src/engine/lab.rs",
        ],
    );
}

/// The texts in a line of code.
fn literals(line: &str) -> Vec<&str> {
    let code = if line.trim_start().starts_with("//") { "" } else { line };
    code.split('"').skip(1).step_by(2).collect()
}

/// The keys that a text names as it stands: by a name, or by a letter among other words.
fn typed_keys(text: &str) -> Vec<String> {
    const NAMES: [&str; 7] = ["Enter", "Esc", "PgDn", "PgUp", "Space", "Tab", "F1"];
    let text = text.replace("\\n", " ").replace("\\r", " ");
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| word.trim_matches(|letter: char| "`,;:.()[]?!/".contains(letter)))
        .collect();
    let is_key = |word: &str| {
        let is_letter = word.len() == 1 && word.chars().all(|letter| letter.is_ascii_alphabetic());
        NAMES.contains(&word)
            || word.contains("ctrl-")
            || word.contains("shift-")
            || (is_letter && words.len() > 1 && !["a", "A", "I"].contains(&word))
    };
    words.iter().filter(|word| is_key(word)).map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_text_names_a_key_by_its_constant() {
    let check = |text: &str, keys: &[&str]| assert_eq!(typed_keys(text), keys, "{text}");
    check("Enter runs it, `T` ends your turn", &["Enter", "T"]);
    check("ctrl-z leaves a shell; {key} hides it", &["ctrl-z"]);
    check("a step", &[]);

    // The names themselves; what a rebuilt shell says to whoever types in it; a state of processes, and a plural.
    const EXEMPT: [(&str, &str); 4] = [
        ("src/app/keymap/mod.rs", ""),
        ("src/app/terminal.rs", "press Enter"),
        ("src/app/panes/processes.rs", "{} {} S command"),
        ("src/ui/talk/audience.rs", "{} s"),
    ];
    let layers = ["src/app/", "src/ui/", "src/tui/", "src/talk/", "src/tape/", "src/engine/"];
    let mut wrong = Vec::new();
    let mut used = [false; EXEMPT.len()];
    for (path, text) in all_sources() {
        if !layers.iter().any(|layer| path.starts_with(layer)) {
            continue;
        }
        for text in production(&text).lines().flat_map(literals) {
            let keys = typed_keys(text);
            let place = EXEMPT.iter().position(|(of, part)| *of == path && text.contains(part));
            match place {
                _ if keys.is_empty() => {}
                Some(place) => used[place] = true,
                None => wrong.push(format!("{path}: {keys:?} in \"{text}\"")),
            }
        }
    }
    assert_eq!(wrong, [] as [String; 0], "a key is printed from app/keymap/keys.rs");
    assert_eq!(used, [true; EXEMPT.len()], "an exemption that exempts nothing");
}

/// The functions in a text that take a bool, by name; but for `new`, which the standard library's types have, too.
fn functions_with_a_bool(text: &str) -> BTreeSet<&str> {
    let declared = text.split("fn ").skip(1).filter_map(|rest| {
        let (name, rest) = rest.split_once('(')?;
        let parameters = &rest[..rest.find(['{', ';'])?];
        let takes_bool = parameters.split("->").next()?.contains(": bool");
        (takes_bool
            && name != "new"
            && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_'))
        .then_some(name)
    });
    declared.collect()
}

/// The calls of these functions to which a bare `true` or `false` is passed.
fn bare_bools(text: &str, functions: &BTreeSet<&str>) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices('(') {
        let name = text[..at].rsplit(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let Some(name) = name.into_iter().next().filter(|name| functions.contains(name)) else {
            continue;
        };
        let (mut depth, mut argument) = (0, String::new());
        for letter in text[at..].chars() {
            depth += i32::from("([{".contains(letter)) - i32::from(")]}".contains(letter));
            if depth == 0 || (depth == 1 && letter == ',') {
                if ["true", "false"].contains(&argument.trim()) {
                    found.push(format!("{name}({})", argument.trim()));
                }
                argument.clear();
            } else if !(depth == 1 && letter == '(') {
                argument.push(letter);
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

#[test]
fn no_bare_true_or_false_is_passed_to_a_function() {
    let check = |text: &str, expected: &[&str]| {
        assert_eq!(bare_bools(text, &functions_with_a_bool(text)), expected, "{text}");
    };
    check("fn f(a: u8, b: bool) {} fn g() { f(1, true) }", &["f(true)"]);
    check("fn f(b: bool, a: u8) {} fn g() { f(\n    false,\n    (1, 2),\n) }", &["f(false)"]);
    check("fn f(b: bool) {} fn g() { f(is_so); f(!true_one); h(true) }", &[]);
    check("fn f(a: u8) -> bool {} fn g() { f(true) }", &[]);

    let files = all_sources();
    let functions: BTreeSet<&str> =
        files.iter().flat_map(|(_, text)| functions_with_a_bool(production(text))).collect();
    assert!(functions.len() > 10, "{functions:?}");
    let wrong: Vec<String> = files
        .iter()
        .filter(|(path, _)| !path.starts_with("src/app/scripts/"))
        .flat_map(|(path, text)| {
            let bare = bare_bools(production(text), &functions);
            bare.into_iter().map(move |call| format!("{path}: {call}"))
        })
        .collect();
    assert_eq!(wrong, [] as [String; 0], "which of the two is it? An enum says so");
}

#[test]
fn an_error_tells_its_cause_once() {
    let mut twice = Vec::new();
    for (path, text) in all_sources() {
        let found = errors::said_twice(production(&text));
        twice.extend(found.into_iter().map(|what| format!("{path}: {what}")));
    }
    assert_eq!(twice, [] as [String; 0]);
}

#[test]
fn no_file_has_grown_past_five_hundred_lines() {
    for (path, text) in files_of("src").into_iter().chain(files_of("tests")) {
        let lines = production(&text).lines().count();
        assert!(lines <= 500, "{path} has {lines} lines: which noun wants its own file?");
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for (path, text) in all_sources() {
        assert!(text.starts_with("//!"), "{path} does not open with what it is for");
    }
}

#[test]
fn a_new_file_in_a_folder_that_is_embedded_builds_the_program_again() {
    let script = fs::read_to_string("build.rs").expect("build.rs");
    let mut folders = 0;
    for (path, text) in all_sources() {
        for folder in text.split("include_dir!(\"$CARGO_MANIFEST_DIR/").skip(1) {
            let folder = folder.split('"').next().unwrap_or_default();
            assert!(
                script.contains(&format!("\"{folder}\"")),
                "{path} embeds {folder}, which build.rs does not watch"
            );
            folders += 1;
        }
    }
    assert!(folders >= 2, "{folders} folders");
}

#[test]
fn contributing_says_when_to_run_each_test_and_only_names_tasks_that_are_there() {
    let text = fs::read_to_string("CONTRIBUTING.md").expect("CONTRIBUTING.md");
    let tasks = fs::read_to_string(".ci/task").expect(".ci/task");
    for entry in fs::read_dir("tests").expect("tests").flatten() {
        let path = entry.path();
        let is_test = path.extension().is_some_and(|extension| extension == "rs")
            || path.join("main.rs").exists();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        assert!(
            !is_test || text.contains(&format!("`{name}`")),
            "CONTRIBUTING.md does not say when to run tests/{name}"
        );
    }
    for rest in text.split(".ci/task ").skip(1) {
        let name: String = rest
            .chars()
            .take_while(|letter| letter.is_ascii_lowercase() || *letter == '-')
            .collect();
        let is_there = name.is_empty() || tasks.contains(&format!("\ntask-{name}() {{ # "));
        assert!(is_there, "CONTRIBUTING.md names the task {name}, which .ci/task does not have");
    }
}

#[test]
fn doc_comments_begin_with_what_they_name() {
    const QUESTIONS: [&str; 9] =
        ["What", "How", "Where", "Which", "Whether", "When", "Who", "Whose", "Why"];
    let mut wrong = Vec::new();
    // The doc comments of the command line are its help.
    for (path, text) in all_sources().into_iter().filter(|(path, _)| !path.starts_with("src/cli/"))
    {
        let mut is_inside = false;
        for (index, line) in text.lines().map(str::trim_start).enumerate() {
            let comment = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
            let first = comment.and_then(|comment| comment.split_whitespace().next());
            if !is_inside && first.is_some_and(|word| QUESTIONS.contains(&word)) {
                wrong.push(format!("{path}:{}: {line}", index + 1));
            }
            is_inside = comment.is_some();
        }
    }
    assert_eq!(wrong, [] as [String; 0]);
}
