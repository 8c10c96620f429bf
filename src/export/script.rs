//! A lesson as one page of shell that runs without this program, as root of a virtual machine that can be thrown away: what
//! its steps make, in their order, and what takes it all away at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::own_paths::OwnPaths;
use crate::action::paths::{is_absolute, shell_word, shell_words};
use crate::action::{Action, CgroupMount, LabFacts};
use crate::lesson::model::{ActionEntry, Lesson, Step};
use crate::op::{ActorName, NamespaceKind};
use crate::snapshot::CgroupVersion;
use crate::text::{one_line, safe};
use crate::traffic;

const BEGIN: &str = include_str!("../../assets/export/script/begin.sh");
const IMAGE: &str = include_str!("../../assets/export/script/image.sh");
const NETWORK: &str = include_str!("../../assets/export/script/network.sh");
const GROUPS: &str = include_str!("../../assets/export/script/groups.sh");
const END: &str = include_str!("../../assets/export/script/end.sh");

/// The shell's question for control groups of version 2.
const HAS_V2: &str = "[ -e /sys/fs/cgroup/cgroup.controllers ]";

/// The controllers of control groups, by their names in version 1, where it has one, and in version 2.
const CONTROLLERS: [(&str, &str); 5] =
    [("memory", "memory"), ("cpu", "cpu"), ("pids", "pids"), ("cpuset", "cpuset"), ("freezer", "")];

/// A lesson that can't be told as a script: the step that needs a lab, and the action of it that does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    #[error("the lesson `{lesson}` is no script: `{action}` of its step `{step}` {why}")]
    NeedsLab { lesson: String, step: String, action: &'static str, why: &'static str },
    #[error("the lesson `{lesson}` is no script: none of its steps starts a container")]
    NoContainer { lesson: String },
}

/// The script of a lesson. It is in the lesson's own lines; those that only look, are refused on purpose or mend what was
/// broken on purpose are not in it.
pub fn write_script(lesson: &Lesson) -> Result<String, ScriptError> {
    let steps = told_steps(lesson);
    let entries =
        || steps.iter().flat_map(|told| told.entries.iter().map(move |entry| (told, *entry)));
    let Some(main) = entries().find_map(|(_, entry)| entry.action.made_actor()) else {
        return Err(ScriptError::NoContainer { lesson: lesson.id.clone() });
    };
    let mut surroundings = Surroundings::default();
    surroundings.spoken_of.insert(main.clone());
    for (told, entry) in entries() {
        let noted = surroundings.note(entry).and_then(|()| surroundings.check_lines(entry));
        noted.map_err(|why| ScriptError::NeedsLab {
            lesson: lesson.id.clone(),
            step: told.step.id.clone(),
            action: entry.action.name(),
            why,
        })?;
    }

    let mut text = String::new();
    let number = lesson.number;
    let title = safe(&one_line(&lesson.title));
    let _ = writeln!(
        text,
        "#!/bin/sh\n# {title}: what lesson {number} of unboxed makes, as one page of shell (unboxed export {number} --format sh)."
    );
    text.push_str(
        "# For root of a virtual machine that can be thrown away. The lines of the steps begin below; before them stands what\n\
         # takes everything away again, and what a lab has and a machine may not have.\n",
    );
    text.push_str(BEGIN);
    surroundings.write(&mut text);
    text.push_str("\n# From here on the shell says each line that it reads.\nset -v\n");

    for told in &steps {
        let title = safe(&one_line(&told.step.title));
        let _ = writeln!(text, "\n# {}. {title}", told.place + 1);
        write_step(&mut text, &told.entries, &surroundings);
    }

    text.push('\n');
    text.push_str(END);
    surroundings.write_end(&mut text, main);
    Ok(text)
}

/// A step that the script tells, by its place in the lesson, and the actions of it that are told.
struct ToldStep<'a> {
    place: usize,
    step: &'a Step,
    entries: Vec<&'a ActionEntry>,
}

fn told_steps(lesson: &Lesson) -> Vec<ToldStep<'_>> {
    let is_told = |entry: &&ActionEntry| entry.fails.is_none() && !entry.action.is_read_only();
    let steps = lesson.steps.iter().enumerate().filter(|(_, step)| step.breaks.is_empty());
    steps
        .map(|(place, step)| ToldStep {
            place,
            step,
            entries: step.actions.iter().filter(is_told).collect(),
        })
        .filter(|told| !told.entries.is_empty())
        .collect()
}

/// The lines of a step: the machine's own as they are, a container's as they are typed into its shell.
fn write_step(text: &mut String, entries: &[&ActionEntry], surroundings: &Surroundings) {
    let mut inside: Option<&ActorName> = None;
    let close = |text: &mut String, inside: &mut Option<&ActorName>| {
        if inside.take().is_some() {
            text.push_str("LINES\n");
        }
    };

    for entry in entries {
        let [v1, v2] = CgroupVersion::BOTH.map(|version| surroundings.lines(entry, version));
        if entry.actor != ActorName::host() {
            if inside != Some(&entry.actor) {
                close(text, &mut inside);
                let _ = writeln!(text, "in_shell {} <<'LINES'", entry.actor);
                inside = Some(&entry.actor);
            }
            push_lines(text, "", &v2);
            continue;
        }

        close(text, &mut inside);
        if let Some(actor) = entry.action.made_actor() {
            for line in &v2 {
                let _ = writeln!(text, "start {actor} {}", safe(line));
            }
            if surroundings.spoken_of.contains(actor) {
                let _ = writeln!(text, "{}=$started", variable(actor));
            }
        } else if v1 == v2 {
            push_lines(text, "", &v2);
        } else {
            let _ = writeln!(text, "if {HAS_V2}; then");
            push_lines(text, "    ", &v2);
            text.push_str("else\n");
            push_lines(text, "    ", &v1);
            text.push_str("fi\n");
        }
    }
    close(text, &mut inside);
}

fn push_lines(text: &mut String, indent: &str, lines: &[String]) {
    for line in lines {
        let _ = writeln!(text, "{indent}{}", safe(line));
    }
}

/// The surroundings of the steps: what the script makes before them, since a lab has it or they name it, and takes away
/// after them.
#[derive(Debug, Default)]
struct Surroundings {
    /// The actors so far, each with its namespaces.
    actors: BTreeMap<ActorName, Vec<NamespaceKind>>,
    /// Those whose PIDs are in a line.
    spoken_of: BTreeSet<ActorName>,
    /// The paths of those whose root is no more the machine's.
    pivoted: BTreeMap<ActorName, OwnPaths>,
    /// The links that are made on the machine, and the far ends of those cables.
    links: BTreeSet<String>,
    far_ends: BTreeSet<String>,
    has_bridge: bool,
    controllers: BTreeSet<&'static str>,
    /// The directories of the groups that are made, in each version.
    groups: [Vec<String>; 2],
    /// The directories of the groups that each actor joins, in each version.
    joined: BTreeMap<ActorName, [Vec<String>; 2]>,
}

impl Surroundings {
    /// Learn of an action. An error says why no script can have it.
    fn note(&mut self, entry: &ActionEntry) -> Result<(), &'static str> {
        const ELSEWHERE: &str = "leaves something behind on a machine";
        const OF_MACHINE: &str = "may reach what is the machine's";
        const OF_LAB: &str = "needs what only a lab has";
        self.spoken_of.extend(entry.action.named_actors().into_iter().cloned());
        let actor = &entry.actor;
        let is_host = *actor == ActorName::host();
        let own = |kind| self.actors.get(actor).is_some_and(|kinds| kinds.contains(&kind));
        let (has_mounts, has_names, has_links) =
            (own(NamespaceKind::Mount), own(NamespaceKind::Uts), own(NamespaceKind::Net));
        let paths =
            self.pivoted.get(actor).cloned().unwrap_or_else(|| OwnPaths::of_shell(has_mounts));
        let of_path = |path: &str| if paths.has(path) { Ok(()) } else { Err(ELSEWHERE) };
        let if_private = |is: bool| if is { Ok(()) } else { Err(OF_MACHINE) };
        let if_own = |has: bool| if has { Ok(()) } else { Err(ELSEWHERE) };

        #[expect(clippy::wildcard_enum_match_arm, reason = "what is not listed needs a lab")]
        match &entry.action {
            Action::Spawn(spawn)
                if is_host
                    && spawn.ids.is_none()
                    && !spawn.unshare.is_empty()
                    && is_name(&spawn.actor) =>
            {
                self.actors.insert(spawn.actor.clone(), spawn.unshare.clone());
                Ok(())
            }
            Action::Unpack(unpack) => of_path(&unpack.to),
            Action::Mkdir(mkdir) => {
                if_own(mkdir.paths.iter().all(|path| paths.has_directory(path)))
            }
            Action::Rm(rm) => {
                if_own(paths.has_directory(&rm.path) || rm.dir && paths.is_old_root(&rm.path))
            }
            Action::Write(write) => of_path(&write.path.to_string()),
            // The script's mounts are its own, as a container's are; what they show may be the machine's.
            Action::Mount(mount) => if_private(paths.allow_mount(mount)),
            Action::Bind(bind) => if_private(paths.allow_bind(bind)),
            Action::Overlay(overlay) => if_private(paths.allow_overlay(overlay)),
            Action::Umount(umount) => {
                let target = &umount.target;
                if_private(paths.has_mount_point(target) || paths.is_old_root(target))
            }
            Action::Remount(remount) => if_private(paths.has_mount_point(&remount.target)),
            // What is shared would reach the script's own mounts.
            Action::Propagation(it) => if_private(is_absolute(&it.target) && !it.to.is_shared()),
            Action::PivotRoot(pivot) => {
                let after = paths.after(pivot).filter(|_| has_mounts);
                self.pivoted.insert(actor.clone(), after.ok_or(OF_MACHINE)?);
                Ok(())
            }
            Action::Hostname(_) => if_own(has_names),
            Action::Veth(veth) if is_host => {
                self.links.insert(veth.name.clone());
                self.far_ends.insert(veth.peer.clone());
                Ok(())
            }
            Action::Link(link) => {
                self.has_bridge |= link.master.as_deref() == Some(traffic::BRIDGE);
                let is_made = self.links.contains(&link.name) || self.far_ends.contains(&link.name);
                if_own(has_links || is_host && is_made && link.rename.is_none())
            }
            Action::Address(_) | Action::Route(_) => if_own(has_links),
            Action::Cgroup(group) if is_host => self.note_group(group),
            _ => Err(OF_LAB),
        }
    }

    fn note_group(&mut self, group: &crate::action::cgroup::Cgroup) -> Result<(), &'static str> {
        for controller in group.controllers() {
            let known = CONTROLLERS.into_iter().find(|(name, _)| *name == controller);
            let (_, in_v2) = known.ok_or("is about a controller that few machines have")?;
            self.controllers.extend((!in_v2.is_empty()).then_some(in_v2));
        }

        let directories = CgroupVersion::BOTH
            .map(|version| group.paths(&facts_of(version, &self.actors)).unwrap_or_default());
        for (place, paths) in directories.iter().enumerate() {
            if !group.existing {
                self.groups[place].extend(paths.iter().cloned());
            }
            for actor in &group.join {
                self.joined.entry(actor.clone()).or_default()[place].extend(paths.iter().cloned());
            }
        }
        Ok(())
    }

    /// In a lab each path and name is one word for the kernel, whatever is in it. A shell could take more from it.
    fn check_lines(&self, entry: &ActionEntry) -> Result<(), &'static str> {
        let in_both = |is: &dyn Fn(&String) -> bool| {
            CgroupVersion::BOTH.iter().all(|version| self.lines(entry, *version).iter().all(is))
        };
        // Its text is quoted, and its path was looked at. A script has it as it is shown, and would write
        // what stands there for a line break.
        if matches!(entry.action, Action::Write(_)) {
            let is_itself = in_both(&|line| safe(line) == *line);
            return is_itself
                .then_some(())
                .ok_or("writes a character that no line of a script can show");
        }
        let is_plain = |line: &String| {
            let words = line.split(' ').map(|word| word.strip_prefix("\"$pid_of_").unwrap_or(word));
            let words = words.map(|word| word.trim_end_matches('"'));
            words.filter(|word| *word != ">").all(|word| shell_word(word) == word)
        };
        if in_both(&is_plain) { Ok(()) } else { Err("has a name that a shell would take for more") }
    }

    fn lines(&self, entry: &ActionEntry, version: CgroupVersion) -> Vec<String> {
        entry.action.shell(&facts_of(version, &self.actors))
    }

    fn write(&self, text: &mut String) {
        text.push('\n');
        text.push_str(IMAGE);
        if self.has_bridge {
            text.push('\n');
            text.push_str(NETWORK);
        }
        for link in &self.links {
            let _ = writeln!(text, "will_make_link {}", shell_word(link));
        }

        let [v1, v2] = self.groups.each_ref().map(shell_words);
        if !v1.is_empty() {
            let controllers: Vec<&str> = self.controllers.iter().copied().collect();
            text.push('\n');
            text.push_str(GROUPS);
            let _ = writeln!(
                text,
                "if {HAS_V2}; then\n    will_make_group {v2}\n    hand_down {}\nelse\n    \
                 will_make_group {v1}\nfi",
                controllers.join(" ")
            );
        }
    }

    fn write_end(&self, text: &mut String, main: &ActorName) {
        let [v1, v2] =
            self.joined.get(main).cloned().unwrap_or_default().map(|paths| shell_words(&paths));
        let _ = writeln!(text, "joined='{v2}'");
        if v1 != v2 {
            let _ = writeln!(text, "{HAS_V2} || joined='{v1}'");
        }
        let kinds = self.actors.get(main).map_or(&[][..], |kinds| kinds);
        let _ = writeln!(
            text,
            "[ $# -gt 0 ] || set -- sh\ninside --target \"${}\" {} -- \"$@\"",
            variable(main),
            NamespaceKind::unshare_options(kinds)
        );
    }
}

/// The name can be part of a variable's.
fn is_name(actor: &ActorName) -> bool {
    actor.as_str().chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
}

/// The shell's variable for an actor's PID.
fn variable(actor: &ActorName) -> String {
    format!("pid_of_{}", actor.as_str().replace('-', "_"))
}

/// The places of control groups on a machine, and the words for PIDs.
fn facts_of(version: CgroupVersion, actors: &BTreeMap<ActorName, Vec<NamespaceKind>>) -> LabFacts {
    const TOP: &str = "/sys/fs/cgroup";
    let mount = |(name, _): (&str, &str)| {
        let path = match version {
            CgroupVersion::V1 => format!("{TOP}/{name}"),
            CgroupVersion::V2 => TOP.to_owned(),
        };
        (name.to_owned(), CgroupMount { version, path })
    };
    let word = |actor: &ActorName| (actor.clone(), format!("\"${}\"", variable(actor)));
    LabFacts {
        cgroups: CONTROLLERS.into_iter().map(mount).collect(),
        pid_words: actors.keys().map(word).collect(),
        ..LabFacts::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::catalogue::find_lesson;
    use crate::lesson::parse::parse;

    /// A lesson of one step after one that starts a container in a mount namespace.
    fn script_of(actions: &str) -> Result<String, ScriptError> {
        let text = format!(
            "format: 1\nnumber: 1\nid: one\ntitle: One\nsummary: s\nminutes: 1\nsteps:\n  - id: start\n    title: Start\n    \
             story: s\n    actions:\n      - spawn: {{actor: box, unshare: [mount]}}\n  - id: go\n    title: |\n      On\n      \
             reboot\n    story: s\n    actions:\n{actions}"
        );
        write_script(&parse("one.yaml", &text).unwrap_or_else(|error| panic!("{error}")))
    }

    #[test]
    fn what_looks_fails_or_mends_is_left_out_and_steps_keep_their_numbers() {
        let script = write_script(&find_lesson("2").expect("the lesson")).expect("a script");
        let has = |text: &str| assert!(script.contains(text), "{text}: {script}");
        has("\n# 3. New namespaces\nstart container unshare --mount");
        has(
            "\n# 11. pivot_root\nin_shell container <<'LINES'\ncd /root/container\npivot_root . oldroot\n",
        );
        has("\nip link set c0 netns \"$pid_of_container\"\n");
        has("    echo 67108864 > /sys/fs/cgroup/box/memory.max\n");
        has("    echo 67108864 > /sys/fs/cgroup/memory/box/memory.limit_in_bytes\n");
        for absent in ["# 4.", "umount -a", "/mnt", "cat /proc/[0-9]*/comm", "pidof"] {
            assert!(!script.contains(absent), "{absent}");
        }
    }

    #[test]
    fn what_would_leave_something_behind_is_no_script() {
        let check = |action: &str| {
            let script = script_of(&format!("      - {action}\n"));
            assert!(
                matches!(&script, Err(ScriptError::NeedsLab { step, .. }) if step == "go"),
                "{action}: {script:?}"
            );
        };
        check("mkdir: {paths: [/srv/x]}");
        check("mkdir: {paths: [/root/../srv]}");
        check("mkdir: {paths: [/rooted]}");
        check("{in: box, mkdir: {paths: [/srv/x]}}");
        check("write: {path: /proc/sys/kernel/hostname, text: x}");
        check("hostname: {set: x}");
        check("{in: box, hostname: {set: x}}");
        check("link: {name: eth0, up: false}");
        check("address: {dev: eth0, add: 10.0.0.1/8}");
        check("cgroup: {name: x, limits: {write_bps: 1MiB}}");
        check("spawn: {actor: \"a;reboot\", unshare: [mount]}");
        check("mkdir: {paths: [/root/x, \"/root/$(reboot)\"]}");
        check("mount: {type: tmpfs, target: \"/mnt;reboot\"}");
        check("write: {path: \"/root/x;reboot\", text: x}");
        check("run: {changes: true, command: [reboot]}");
        for text in ["a\\nb", "a\\tb"] {
            let script =
                script_of(&format!("      - write: {{path: /root/x, text: \"{text}\"}}\n"));
            let error = script.expect_err(text).to_string();
            assert!(
                error.ends_with("writes a character that no line of a script can show"),
                "{error}"
            );
        }
        check("mount: {type: sysfs, target: /root/x}");
        check("{in: box, mount: {type: cgroup2, target: /root/x}}");
        check("bind: {source: /etc, target: /root/x}");
        check("{in: box, bind: {source: /, target: /root/x, recursive: true}}");
        check("overlay: {lower: [/root/a], upper: /etc, work: /root/w, merged: /root/m}");
        check("overlay: {lower: [/root/a], upper: /root/u, work: /srv, merged: /root/m}");
        check("umount: {target: /root}");
        check("{in: box, pivot_root: {new_root: /usr, put_old: old}}");
        check("{in: box, pivot_root: {new_root: /root/c, put_old: usr}}");
        check("umount: {target: /proc, lazy: true}");
        check("propagation: {target: \"-a\", to: private}");
        check("propagation: {target: /, to: rshared}");

        // After a container's own root is in place, its paths are its own.
        let inside = "      - {in: box, pivot_root: {new_root: /root/c, put_old: old}}\n      - {in: box, mkdir: {paths: [/srv/x]}}\n";
        assert!(script_of(inside).is_ok(), "{:?}", script_of(inside));
        // The old root is the machine's, as long as it is there, and so is what the kernel shows of itself.
        let check = |action: &str| {
            let script = script_of(&format!("{inside}      - {{in: box, {action}}}\n"));
            assert!(matches!(&script, Err(ScriptError::NeedsLab { .. })), "{action}: {script:?}");
        };
        check("rm: {path: /old/etc/passwd}");
        check("rm: {path: //./old/etc/passwd}");
        check("bind: {source: /old, target: /x}");
        check("bind: {source: /, target: /x, recursive: true}");
        check("unpack: {to: /old}");
        check("write: {path: /proc/sys/kernel/core_pattern, text: x}");
        let check = |lesson: &str| {
            let script = write_script(&find_lesson(lesson).expect("the lesson"));
            assert!(script.is_err(), "{lesson}");
        };
        check("pids");
        check("user");
    }

    #[test]
    fn a_title_stays_a_comment() {
        let actions =
            "      - mkdir: {paths: [/root/x]}\n      - write: {path: /root/x/y, text: \"$(a)\"}\n";
        let script = script_of(actions).expect("a script");
        assert!(script.contains("echo '$(a)' > /root/x/y\n"), "{script}");
        assert!(script.contains("\n# 2. On  reboot\nmkdir -p /root/x\n"), "{script}");
    }
}
