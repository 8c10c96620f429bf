//! Preconditions of actions in words.

use crate::action::Precondition;

pub fn precondition(condition: &Precondition) -> String {
    match condition {
        Precondition::MountPoint { path } => format!("{path} is a mount point"),
        Precondition::NoMountPointYet { path } => format!("{path} is no mount point yet"),
        Precondition::ParentMountNotShared => "the mount it lies on is not shared".into(),
        Precondition::OtherProcMounted => {
            "another proc is still mounted, which a user namespace must have".into()
        }

        Precondition::Alive(actor) => format!("`{actor}` is alive"),
        Precondition::NoProcessYet(actor) => format!("no process is called `{actor}` yet"),
        Precondition::OwnUtsNamespace(actor) => format!("{actor} has a UTS namespace of its own"),

        Precondition::Link { actor, name } => format!("{actor} has a link {name}"),
        Precondition::NoLinkYet { name } => format!("no link is called {name} yet"),
        Precondition::NoAddressYet { dev, address } => format!("{dev} has no {address} yet"),
        Precondition::NoRouteYet { actor, to } => format!("{actor} has no route to {to} yet"),
        Precondition::RouteTo(address) => format!("a route leads to {address}"),
        Precondition::GatewayInNetwork(gateway) => {
            format!("the gateway {gateway} is in a network of a link that is up")
        }

        Precondition::Cgroup { name } => format!("there is a cgroup called {name}"),
        Precondition::NoCgroupYet { name } => format!("no cgroup is called {name} yet"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Action;
    use crate::op::ActorName;
    use crate::snapshot::Snapshot;

    /// The needs of an action in a lab of which nothing is known, after they have travelled as JSON.
    fn needs(action: &str) -> Vec<(String, bool)> {
        let (name, fields) = action.split_once(": ").expect("a name and its fields");
        let mut fields = serde_json::Deserializer::from_str(fields);
        let action =
            Action::read(name, &mut fields).unwrap_or_else(|error| panic!("{name}: {error}"));

        let checks = action.preflight(&ActorName::from("box"), &Snapshot::default());
        let text = serde_json::to_string(&checks).expect("it can be written");
        let read: Vec<crate::action::PreflightCheck> =
            serde_json::from_str(&text).expect("it can be read");
        assert_eq!(read, checks, "{text}");
        read.iter().map(|check| (precondition(&check.condition), check.ok)).collect()
    }

    #[test]
    fn an_action_says_what_it_needs_and_if_that_is_so() {
        let check = |action: &str, expected: &[(&str, bool)]| {
            let said = needs(action);
            let said: Vec<_> = said.iter().map(|(text, ok)| (text.as_str(), *ok)).collect();
            assert_eq!(said, expected, "{action}");
        };
        check(
            r#"pivot_root: {"new_root": "/new", "put_old": "old"}"#,
            &[("/new is a mount point", false), ("the mount it lies on is not shared", true)],
        );
        check(r#"bind: {"source": "/a", "target": "/b"}"#, &[("/b is no mount point yet", true)]);
        check(r#"kill: {"actor": "second", "signal": "KILL"}"#, &[("`second` is alive", false)]);
        check(r#"spawn: {"actor": "second"}"#, &[("no process is called `second` yet", true)]);
        check(r#"veth: {"name": "v0", "peer": "v1"}"#, &[("no link is called v0 yet", true)]);
        check(r#"address: {"dev": "v0", "add": "10.0.0.1/8"}"#, &[("box has a link v0", false)]);
        check(r#"ping: {"to": "10.0.0.2"}"#, &[("a route leads to 10.0.0.2", false)]);
        check(r#"cgroup: {"name": "box"}"#, &[("no cgroup is called box yet", true)]);
    }
}
