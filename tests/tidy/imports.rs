//! Which file of the program uses which, by the paths in its production code.

use std::collections::{BTreeMap, BTreeSet};

/// A module by the names that lead to it from the crate's root.
type Module = Vec<String>;

/// File → files that it uses.
pub type Uses = BTreeMap<String, BTreeSet<String>>;

/// The uses among these files (path below `src/`, text).
///
/// A use is a path that begins with `crate`, `super`, `self` or a module of the file's own, in an import or in code. Two are
/// none: a re-export of a file of the own folder, which leads on to the file that it names; and that of a `mod.rs` by the files of its folder, whose common
/// words stand there.
pub fn uses(files: &[(String, String)]) -> Uses {
    let modules: BTreeMap<Module, &str> =
        files.iter().map(|(path, _)| (module_of(path), path.as_str())).collect();
    let read: Vec<(Module, Paths)> =
        files.iter().map(|(path, text)| (module_of(path), Paths::read(text))).collect();
    let mut exports: BTreeMap<(Module, String), (Module, Option<String>)> = BTreeMap::new();
    for (module, paths) in &read {
        for path in &paths.exported {
            if let (Some(name), Some(target)) = (path.last(), resolve(&modules, module, path)) {
                exports.insert((module.clone(), name.clone()), target);
            }
        }
    }

    let mut found = Uses::new();
    for (module, paths) in &read {
        let exported = paths.exported.iter().filter(|path| {
            resolve(&modules, module, path).is_some_and(|(target, _)| !target.starts_with(module))
        });
        for path in paths.used.iter().chain(exported) {
            // By way of a module that an import names.
            let through = || {
                let import =
                    paths.used.iter().find(|used| used.len() > 1 && used.last() == path.first())?;
                resolve(&modules, module, &[&import[..], &path[1..]].concat())
            };
            let Some((mut target, mut name)) = resolve(&modules, module, path).or_else(through)
            else {
                continue;
            };
            // A name that is exported in a circle does not compile: this ends.
            while let Some(next) =
                name.as_ref().and_then(|name| exports.get(&(target.clone(), name.clone())))
            {
                (target, name) = next.clone();
            }
            if target.is_empty() || module.starts_with(&target) {
                continue;
            }
            found
                .entry(modules[module].to_owned())
                .or_default()
                .insert(modules[&target].to_owned());
        }
    }
    found
}

/// The uses that a way leads back from.
pub fn circles(uses: &Uses) -> Vec<String> {
    let leads_back = |user: &String, used: &String| {
        let mut seen = BTreeSet::from([used]);
        let mut ahead = vec![used];
        while let Some(at) = ahead.pop() {
            ahead.extend(uses.get(at).into_iter().flatten().filter(|next| seen.insert(next)));
        }
        seen.contains(user)
    };
    let all = uses.iter().flat_map(|(user, used)| used.iter().map(move |one| (user, one)));
    all.filter(|(user, used)| leads_back(user, used))
        .map(|(user, used)| format!("{user} uses {used}"))
        .collect()
}

/// The same uses among the crate's modules, of files and folders directly in `src/`.
pub fn of_top_modules(uses: &Uses) -> Uses {
    let mut found = Uses::new();
    for (user, used) in uses {
        let own = top_module(user);
        let others = used.iter().map(|one| top_module(one)).filter(|other| *other != own);
        found.entry(own.to_owned()).or_default().extend(others.map(str::to_owned));
    }
    found
}

/// `kernel/bpf/mod.rs` is in `kernel`, `text.rs` is `text`.
pub fn top_module(path: &str) -> &str {
    path.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

fn module_of(path: &str) -> Module {
    let path = path.trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

/// The module that a path of this module leads to, and what it names there.
fn resolve(
    modules: &BTreeMap<Module, &str>,
    own: &Module,
    path: &[String],
) -> Option<(Module, Option<String>)> {
    let mut rest = path.iter().peekable();
    let mut found = own.clone();
    match rest.next()?.as_str() {
        "crate" => found.clear(),
        "self" => {}
        "super" => {
            found.pop();
        }
        child => {
            found.push(child.to_owned());
            return modules.contains_key(&found).then(|| lead_on(modules, found, rest));
        }
    }
    // `super` may stand more than once.
    while rest.next_if(|name| *name == "super").is_some() {
        found.pop();
    }
    Some(lead_on(modules, found, rest))
}

/// As far as names are modules.
fn lead_on<'a>(
    modules: &BTreeMap<Module, &str>,
    mut found: Module,
    rest: impl Iterator<Item = &'a String>,
) -> (Module, Option<String>) {
    for name in rest {
        found.push(name.clone());
        if !modules.contains_key(&found) {
            found.pop();
            return (found, Some(name.clone()));
        }
    }
    (found, None)
}

/// The paths in a file.
#[derive(Debug, Default)]
struct Paths {
    used: Vec<Vec<String>>,
    exported: Vec<Vec<String>>,
}

impl Paths {
    fn read(text: &str) -> Paths {
        let words = words(text);
        let mut found = Paths::default();
        let mut at = 0;
        let mut is_public = false;
        while let Some(word) = words.get(at) {
            at += 1;
            match word.as_str() {
                // `+ use<>` of a type names what it captures.
                "use" if words.get(at).is_none_or(|next| next != "<") => {
                    let into = if is_public { &mut found.exported } else { &mut found.used };
                    at = read_tree(&words, at, &[], into);
                }
                name if is_name(name) && words.get(at).is_some_and(|next| next == "::") => {
                    let mut path = vec![name.to_owned()];
                    while words.get(at).is_some_and(|next| next == "::")
                        && let Some(name) = words.get(at + 1).filter(|name| is_name(name))
                    {
                        path.push(name.clone());
                        at += 2;
                    }
                    at += usize::from(words.get(at).is_some_and(|next| next == "::"));
                    found.used.push(path);
                }
                _ => {}
            }
            // `pub(super) use` is one, too.
            is_public = word == "pub"
                || (is_public && matches!(word.as_str(), "(" | ")" | "super" | "crate"));
        }
        found
    }
}

/// One branch of an import, `a::b` or `a::{b, c}`; returns the place behind it.
fn read_tree(
    words: &[String],
    mut at: usize,
    before: &[String],
    into: &mut Vec<Vec<String>>,
) -> usize {
    let mut path = before.to_vec();
    while let Some(word) = words.get(at) {
        at += 1;
        match word.as_str() {
            "{" => {
                while words.get(at).is_some_and(|word| word != "}") {
                    at = read_tree(words, at, &path, into);
                    at += usize::from(words.get(at).is_some_and(|word| word == ","));
                }
                return at + 1;
            }
            "," | "}" | ";" => {
                at -= 1;
                break;
            }
            // `as NAME`: by which name, does not matter here.
            "as" => at += 1,
            // The module before it.
            "self" if !path.is_empty() => {}
            name if is_name(name) => path.push(name.to_owned()),
            _ => {}
        }
    }
    into.push(path);
    at
}

fn is_name(word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
}

/// Names, `::`, and single characters; without comments.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for line in text.lines() {
        let code = if line.trim_start().starts_with("//") {
            ""
        } else {
            line.split(" // ").next().unwrap_or_default()
        };
        let mut rest = code;
        while let Some(letter) = rest.chars().next() {
            let length = match letter {
                ':' if rest.starts_with("::") => 2,
                letter if letter.is_alphanumeric() || letter == '_' => rest
                    .find(|other: char| !other.is_alphanumeric() && other != '_')
                    .unwrap_or(rest.len()),
                letter => letter.len_utf8(),
            };
            let (word, behind) = rest.split_at(length);
            if !word.trim().is_empty() {
                words.push(word.to_owned());
            }
            rest = behind;
        }
    }
    words
}

#[test]
fn circles_are_found_however_they_are_written() {
    let check = |files: &[(&str, &str)], expected: &[&str]| {
        let files: Vec<(String, String)> =
            files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        assert_eq!(circles(&uses(&files)), expected, "{files:?}");
    };
    let both = ["a.rs uses b.rs", "b.rs uses a.rs"];
    check(&[("a.rs", "use crate::b::B;"), ("b.rs", "use crate::a::A;")], &both);
    check(&[("a.rs", "use crate::b::B;"), ("b.rs", "struct B;")], &[]);
    check(
        &[("a.rs", "use crate::{b, c};"), ("b.rs", "fn f() { crate::a::g() }"), ("c.rs", "")],
        &both,
    );
    check(&[("a.rs", "use crate::b::B;"), ("b.rs", "//! See `crate::a::A`.\n// crate::a::A")], &[]);

    let captures = "fn f() -> impl Fn() + use<> { loop {} g(); }";
    check(&[("a.rs", captures), ("b.rs", "use crate::a::A;")], &[]);

    // In one folder, and by way of a third.
    let folder = ["m/a.rs uses m/b.rs", "m/b.rs uses m/a.rs"];
    check(
        &[
            ("m/mod.rs", ""),
            ("m/a.rs", "use super::b::{self, B};"),
            ("m/b.rs", "use super::{a, c};"),
        ],
        &folder,
    );
    check(
        &[
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "use crate::c;"),
            ("c.rs", "use crate::a::A as Other;"),
        ],
        &["a.rs uses b.rs", "b.rs uses c.rs", "c.rs uses a.rs"],
    );
    check(
        &[("a.rs", "use crate::m::n::N;"), ("m/mod.rs", ""), ("m/n.rs", "use super::super::a::A;")],
        &["a.rs uses m/n.rs", "m/n.rs uses a.rs"],
    );

    // A folder's own words stand in its `mod.rs`, which may name its files; but no way leads back from elsewhere.
    check(&[("m/mod.rs", "mod a; use self::a::A; struct M;"), ("m/a.rs", "use super::M;")], &[]);
    check(
        &[
            ("m/mod.rs", "mod a; fn f() { a::g() }"),
            ("m/a.rs", "use crate::b::B;"),
            ("b.rs", "use crate::m::M;"),
        ],
        &["b.rs uses m/mod.rs", "m/a.rs uses b.rs", "m/mod.rs uses m/a.rs"],
    );

    // By way of an imported module; and a re-export of another folder's is a use.
    check(
        &[
            ("a.rs", "use crate::m; fn f() { m::n::g() }"),
            ("m/mod.rs", ""),
            ("m/n.rs", "use crate::a::A;"),
        ],
        &["a.rs uses m/n.rs", "m/n.rs uses a.rs"],
    );
    check(&[("a.rs", "pub use crate::b::B;"), ("b.rs", "use crate::a::A;")], &both);

    // A re-export of the own folder is no use, and hides none.
    check(
        &[
            ("m/mod.rs", "mod a; pub use a::A;"),
            ("m/a.rs", "use crate::b::B;"),
            ("b.rs", "use crate::m::M;"),
        ],
        &[],
    );
    check(
        &[
            ("m/mod.rs", "pub(crate) use self::a::A;"),
            ("m/a.rs", "use crate::b::B;"),
            ("b.rs", "use crate::m::A;"),
        ],
        &["b.rs uses m/a.rs", "m/a.rs uses b.rs"],
    );
}
