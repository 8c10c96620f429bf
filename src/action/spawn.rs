//! `spawn`: a new actor, in new namespaces or, with none, as a plain child.

use serde::{Deserialize, Serialize};

use super::paths::{check_is_no_process, shell_word};
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, ClockOffsets, IdMaps, NamespaceKind, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spawn {
    pub actor: ActorName,
    #[serde(default)]
    pub unshare: Vec<NamespaceKind>,
    /// The seconds that its new time namespace adds to the clocks.
    #[serde(default, skip_serializing_if = "ClockOffsets::is_empty")]
    pub offsets: ClockOffsets,
    /// The maps of its new user namespace, written by the one who starts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<IdMaps>,
}

impl Spawn {
    /// A process in these namespaces, as the kernel makes them.
    pub fn in_namespaces(actor: ActorName, unshare: Vec<NamespaceKind>) -> Spawn {
        Spawn { actor, unshare, offsets: ClockOffsets::default(), ids: None }
    }

    /// The options of unshare(1), and of nsenter(1) but for the last ones.
    fn options(&self) -> Vec<String> {
        let mut options = vec![NamespaceKind::unshare_options(&self.unshare)];
        let offsets = self.offsets.clocks();
        options.extend(offsets.map(|(name, seconds)| format!("--{name} {seconds}")));
        if self.unshare.contains(&NamespaceKind::Mount) {
            // unshare(1) would make all mounts private by itself; the call alone does not.
            options.push("--propagation unchanged".into());
        }
        options
    }

    /// Lines for a namespace whose ids others have to map: unshare(1) maps none but its own. A process waits in it, and
    /// the shell enters once it is root there.
    fn lines_with_maps(&self, maps: &IdMaps) -> Vec<String> {
        let mut lines =
            vec![format!("unshare {} sleep infinity & sleep 1", self.options().join(" "))];
        lines.extend(write_maps("$!", maps));
        let kinds = NamespaceKind::unshare_options(&self.unshare);
        lines.push(format!("nsenter --target $! {kinds} sh"));
        lines
    }
}

/// Lines that write the maps of a process's user namespace: `cat` makes one write of each, as the kernel wants it.
pub(super) fn write_maps(pid: &str, maps: &IdMaps) -> Vec<String> {
    let files = maps.files().into_iter();
    files
        .map(|(name, text)| match text.trim_end().lines().collect::<Vec<_>>()[..] {
            [line] => format!("echo {} > /proc/{pid}/{name}", shell_word(line)),
            _ => format!("cat > /proc/{pid}/{name} <<X\n{text}X"),
        })
        .collect()
}

impl ActionKind for Spawn {
    const SUMMARY: &'static str = "starts a process, in new namespaces or as a plain child";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        if self.unshare.is_empty() {
            return vec!["sleep infinity &".into()];
        }
        let mut options = self.options();
        if let Some(maps) = &self.ids {
            let Some((uid, gid)) = maps.only_root() else { return self.lines_with_maps(maps) };
            options.push(if (uid, gid) == (0, 0) {
                "--map-root-user".into()
            } else {
                format!("--map-user {uid} --map-group {gid}")
            });
        }
        vec![format!("unshare {} --fork sh", options.join(" "))]
    }

    fn own_process(&self) -> Option<&str> {
        Some(self.actor.as_str())
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::Spawn {
            actor: self.actor.clone(),
            unshare: self.unshare.clone(),
            offsets: self.offsets,
            ids: self.ids.clone(),
        }])
    }

    fn preflight(&self, _: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        vec![check_is_no_process(snapshot, &self.actor)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_line_is_unshares() {
        let kinds = vec![NamespaceKind::Mount, NamespaceKind::Pid];
        let spawn = Spawn::in_namespaces("box".into(), kinds);
        assert_eq!(
            spawn.shell(&LabFacts::default()),
            ["unshare --mount --pid --propagation unchanged --fork sh"]
        );
        let plain = Spawn::in_namespaces("box".into(), Vec::new());
        assert_eq!(plain.shell(&LabFacts::default()), ["sleep infinity &"]);
        assert_eq!(plain.own_process(), Some("box"));
    }

    #[test]
    fn clocks_and_one_id_are_options_of_unshare_and_more_ids_are_written() {
        let check = |yaml: &str, lines: &[&str]| {
            let spawn: Spawn =
                serde_json::from_str(yaml).unwrap_or_else(|error| panic!("{yaml}: {error}"));
            assert_eq!(spawn.shell(&LabFacts::default()), lines);
        };
        check(
            r#"{"actor": "old", "unshare": ["time"], "offsets": {"boottime": 864000}}"#,
            &["unshare --time --boottime 864000 --fork sh"],
        );
        check(
            r#"{"actor": "box", "unshare": ["user"], "ids": {"uids": ["0 0 1"], "gids": ["0 0 1"]}}"#,
            &["unshare --user --map-root-user --fork sh"],
        );
        check(
            r#"{"actor": "box", "unshare": ["user"], "ids": {"uids": ["5 0 1"], "gids": ["5 0 1"]}}"#,
            &["unshare --user --map-user 5 --map-group 5 --fork sh"],
        );
        check(
            r#"{"actor": "box", "unshare": ["user"],
                "ids": {"uids": ["0 1000 1", "1 2000 100"], "gids": ["0 1000 1"]}}"#,
            &[
                "unshare --user sleep infinity & sleep 1",
                "echo '0 1000 1' > /proc/$!/gid_map",
                "cat > /proc/$!/uid_map <<X\n0 1000 1\n1 2000 100\nX",
                "nsenter --target $! --user sh",
            ],
        );
    }
}
