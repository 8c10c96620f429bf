//! `enter`: a new actor in namespaces that are there already, as nsenter(1) starts one.

use serde::{Deserialize, Serialize};

use super::paths::{check_cgroup, check_is_alive, check_is_no_process, shell_word};
use super::pid_text::PidText;
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, EnterTarget, NamespaceKind, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Enter {
    /// The new actor.
    pub actor: ActorName,
    pub place: EnteredPlace,
    pub kinds: Vec<NamespaceKind>,
    /// The control group that it joins first: namespaces bring none.
    pub group: Option<String>,
}

/// The way to the namespaces that are entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnteredPlace {
    /// Those of an actor.
    Of(ActorName),
    /// The one that a file stands for: /proc/PID/ns/NAME, or a bind mount of it.
    File(PidText),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "Enter")]
struct Fields {
    actor: ActorName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of: Option<ActorName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<PidText>,
    kinds: Vec<NamespaceKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<String>,
}

impl TryFrom<Fields> for Enter {
    type Error = String;

    fn try_from(fields: Fields) -> Result<Enter, String> {
        let Fields { actor, of, file, kinds, group } = fields;
        let place = match (of, file) {
            (Some(of), None) => EnteredPlace::Of(of),
            (None, Some(file)) => EnteredPlace::File(file),
            _ => return Err(format!("`{actor}` enters the namespaces `of` an actor, or a `file`")),
        };
        match (&place, kinds.len()) {
            (_, 0) => Err(format!("`{actor}` enters nothing: `kinds` names no namespace")),
            (EnteredPlace::File(_), 2..) => {
                Err(format!("`{actor}` enters a file, which stands for one namespace of `kinds`"))
            }
            _ => Ok(Enter { actor, place, kinds, group }),
        }
    }
}

impl From<Enter> for Fields {
    fn from(enter: Enter) -> Fields {
        let Enter { actor, place, kinds, group } = enter;
        let (of, file) = match place {
            EnteredPlace::Of(of) => (Some(of), None),
            EnteredPlace::File(file) => (None, Some(file)),
        };
        Fields { actor, of, file, kinds, group }
    }
}

impl Enter {
    /// The directories of its group, in each hierarchy of the lab.
    fn groups(&self, context: &LabFacts) -> Vec<String> {
        self.group.iter().flat_map(|group| context.group_directories(group)).collect()
    }
}

impl ActionKind for Enter {
    const SUMMARY: &'static str = "starts a process in namespaces that are there already";

    fn named_actors(&self) -> Vec<&ActorName> {
        match &self.place {
            EnteredPlace::Of(of) => vec![of],
            EnteredPlace::File(file) => file.actors().collect(),
        }
    }

    fn shell(&self, context: &LabFacts) -> Vec<String> {
        let options = NamespaceKind::unshare_options(&self.kinds);
        let nsenter = match &self.place {
            EnteredPlace::Of(of) => {
                format!("nsenter -t {} {options} sh", context.shown_pid(of))
            }
            // A file stands for one namespace.
            EnteredPlace::File(file) => {
                format!("nsenter {options}={} sh", shell_word(&file.shell(context)))
            }
        };

        let groups = self.groups(context);
        if groups.is_empty() {
            return vec![nsenter];
        }
        let joins: Vec<String> =
            groups.iter().map(|group| format!("echo $$ > {group}/cgroup.procs")).collect();
        vec![format!("sh -c '{}; exec {nsenter}'", joins.join("; "))]
    }

    fn lower(&self, context: &LabFacts) -> Result<Vec<Op>, LowerError> {
        let target = match &self.place {
            EnteredPlace::Of(of) => EnterTarget::Process { pid: context.lab_pid(of)? },
            EnteredPlace::File(path) => EnterTarget::File { path: path.lower(context)? },
        };
        let (actor, kinds) = (self.actor.clone(), self.kinds.clone());
        Ok(vec![Op::Enter { actor, target, kinds, groups: self.groups(context) }])
    }

    fn preflight(&self, _: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        let mut checks = vec![check_is_no_process(snapshot, &self.actor)];
        if let EnteredPlace::Of(of) = &self.place {
            checks.push(check_is_alive(snapshot, of));
        }
        checks.extend(self.group.iter().map(|group| check_cgroup(snapshot, group)));
        checks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::CgroupMount;
    use crate::snapshot::CgroupVersion;

    fn read(fields: &str) -> Result<Enter, serde_json::Error> {
        serde_json::from_str(&format!("{{\"actor\": \"ex\", {fields}}}"))
    }

    #[test]
    fn namespaces_are_an_actors_or_a_files() {
        let check = |fields: &str, expected: &str| match read(fields) {
            Ok(enter) => {
                let written = serde_json::to_string(&enter).expect("JSON");
                assert_eq!(serde_json::from_str::<Enter>(&written).expect("as it was"), enter);
                assert_eq!(expected, "", "{fields}");
            }
            Err(error) => assert!(
                error.to_string().contains(expected) && !expected.is_empty(),
                "{fields}: {error}"
            ),
        };
        check(r#""of": "box", "kinds": ["uts", "pid"]"#, "");
        check(r#""file": "/run/uts", "kinds": ["uts"]"#, "");
        check(r#""kinds": ["uts"]"#, "`of` an actor, or a `file`");
        check(r#""of": "box", "file": "/run/uts", "kinds": ["uts"]"#, "`of` an actor, or a `file`");
        check(r#""of": "box", "kinds": []"#, "names no namespace");
        check(r#""file": "/run/uts", "kinds": ["uts", "net"]"#, "one namespace");
    }

    #[test]
    fn the_shell_line_is_nsenters() {
        let cgroups = ["pids", "memory"].map(|name| {
            let path = format!("/sys/fs/cgroup/{name}");
            (name.to_owned(), CgroupMount { version: CgroupVersion::V1, path })
        });
        let context = LabFacts {
            lab_pids: [("box".into(), 7)].into(),
            cgroups: cgroups.into(),
            ..LabFacts::default()
        };
        let check = |fields: &str, expected: &str| {
            let enter = read(fields).expect(fields);
            assert_eq!(enter.shell(&context), [expected]);
            assert_eq!(enter.lower(&context).map(|ops| ops.len()), Ok(1));
        };
        check(r#""of": "box", "kinds": ["uts", "pid"]"#, "nsenter -t 7 --uts --pid sh");
        check(r#""file": "/run/uts", "kinds": ["uts"]"#, "nsenter --uts=/run/uts sh");
        check(
            r#""of": "box", "kinds": ["net"], "group": "box""#,
            "sh -c 'echo $$ > /sys/fs/cgroup/memory/box/cgroup.procs; \
             echo $$ > /sys/fs/cgroup/pids/box/cgroup.procs; exec nsenter -t 7 --net sh'",
        );
        let enter = read(r#""of": "gone", "kinds": ["uts"]"#).expect("an action");
        assert_eq!(enter.lower(&context), Err(LowerError::NoActor("gone".into())));
    }
}
