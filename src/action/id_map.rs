//! `id_map`: the ids of another process's user namespace, as somebody outside writes them.

use serde::{Deserialize, Serialize};

use super::paths::check_is_alive;
use super::spawn::write_maps;
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, IdMaps, MappedIds, Op, SetgroupsRule, WriteMode};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdMap {
    /// The actor whose user namespace gets the maps.
    pub of: ActorName,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uids: Vec<MappedIds>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gids: Vec<MappedIds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setgroups: Option<SetgroupsRule>,
}

impl IdMap {
    fn maps(&self) -> IdMaps {
        IdMaps { uids: self.uids.clone(), gids: self.gids.clone(), setgroups: self.setgroups }
    }
}

impl ActionKind for IdMap {
    const SUMMARY: &'static str = "writes the id maps of an actor's user namespace";

    fn named_actors(&self) -> Vec<&ActorName> {
        vec![&self.of]
    }

    fn shell(&self, context: &LabFacts) -> Vec<String> {
        write_maps(&context.shown_pid(&self.of), &self.maps())
    }

    fn lower(&self, context: &LabFacts) -> Result<Vec<Op>, LowerError> {
        let pid = context.lab_pid(&self.of)?;
        let write = |(name, text): (&str, String)| Op::WriteFile {
            path: format!("/proc/{pid}/{name}"),
            text,
            mode: WriteMode::Existing,
        };
        Ok(self.maps().files().into_iter().map(write).collect())
    }

    fn preflight(&self, _: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        vec![check_is_alive(snapshot, &self.of)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_map_is_one_write_into_a_file_of_the_process() {
        let map: IdMap = serde_json::from_str(
            r#"{"of": "box", "uids": ["0 1000 1", "1 2000 100"], "gids": ["0 1000 1"], "setgroups": "deny"}"#,
        )
        .expect("an action");
        let facts = LabFacts { lab_pids: [("box".into(), 7)].into(), ..LabFacts::default() };
        assert_eq!(
            map.shell(&facts),
            [
                "echo deny > /proc/7/setgroups",
                "echo '0 1000 1' > /proc/7/gid_map",
                "cat > /proc/7/uid_map <<X\n0 1000 1\n1 2000 100\nX"
            ]
        );
        assert_eq!(map.shell(&LabFacts::default())[0], "echo deny > /proc/PID/setgroups");
        let ops = map.lower(&facts).expect("it knows the PID");
        let is_one_write = |op: &Op| matches!(op, Op::WriteFile { mode: WriteMode::Existing, .. });
        assert!(ops.len() == 3 && ops.iter().all(is_one_write), "{ops:?}");
        assert_eq!(map.lower(&LabFacts::default()), Err(LowerError::NoActor("box".into())));
    }
}
