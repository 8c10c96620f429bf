//! A probe of what this machine lets a user namespace do: it tries, in a process of its own, which then ends.

use nix::errno::Errno;

use super::mount::{self, MountCall};
use super::process;
use super::record::Recorder;
use crate::doctor::ProbeResult;
use crate::op::{MountFlag, NamespaceKind};
use crate::traffic::{BRIDGE, BRIDGE_NETWORK, BRIDGE_PREFIX};

/// The first argument that makes the program this role.
pub const ROLE: &str = "--probe-role";

/// The failure of each part, none where it works, in the order of `ProbeResult`'s fields: the
/// role prints this, as JSON.
type Failures = [Option<String>; 4];

/// Enter new namespaces and try.
pub fn main() -> u8 {
    let found = probe();
    let failures: Failures =
        [found.userns, found.mount_in_userns, found.overlay_in_userns, found.netns_in_userns]
            .map(Result::err);
    match serde_json::to_string(&failures) {
        Ok(json) => {
            println!("{json}");
            0
        }
        Err(_) => 1,
    }
}

/// Run the role in a new process of `program` and read what it found.
pub fn probe_machine(program: &std::path::Path) -> ProbeResult {
    let output =
        std::process::Command::new(program).arg(ROLE).stdin(std::process::Stdio::null()).output();
    let said = output.map_err(|error| error.to_string()).and_then(|output| {
        serde_json::from_slice::<Failures>(&output.stdout)
            .map_err(|error| format!("the probe said nothing: {error}"))
    });

    let [userns, mount, overlay, netns] = said
        .unwrap_or_else(|why| [const { None }; 4].map(|_: Option<String>| Some(why.clone())))
        .map(|failure| failure.map_or(Ok(()), Err));

    ProbeResult {
        userns,
        mount_in_userns: mount,
        overlay_in_userns: overlay,
        netns_in_userns: netns,
    }
}

fn probe() -> ProbeResult {
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    let recorder = &mut Recorder::default();

    let userns = process::unshare(recorder, &[NamespaceKind::User])
        .map_err(say("unshare(CLONE_NEWUSER)"))
        .and_then(|()| {
            let map = |file: &str, text: &str| {
                process::write_file(format!("/proc/self/{file}"), text).map_err(say(file))
            };
            // This first: without it an ordinary user may write no gid_map, user_namespaces(7).
            map("setgroups", "deny")?;
            map("gid_map", &format!("0 {gid} 1"))?;
            map("uid_map", &format!("0 {uid} 1"))
        });
    if let Err(why) = &userns {
        let without = || Err(why.clone());
        return ProbeResult {
            mount_in_userns: without(),
            overlay_in_userns: without(),
            netns_in_userns: without(),
            userns,
        };
    }

    let mount_in_userns = try_mounts(recorder);
    let overlay_in_userns = mount_in_userns.clone().and_then(|()| try_overlay());
    let netns_in_userns = process::unshare(recorder, &[NamespaceKind::Net])
        .map_err(say("unshare(CLONE_NEWNET)"))
        .and_then(|()| {
            super::nft::masquerade(BRIDGE_NETWORK, BRIDGE_PREFIX, BRIDGE)
                .map_err(say("nf_tables masquerade"))
        });

    ProbeResult { userns, mount_in_userns, overlay_in_userns, netns_in_userns }
}

fn say(what: &str) -> impl Fn(Errno) -> String + '_ {
    move |errno| format!("{errno:?}: {what}")
}

fn try_mounts(recorder: &mut Recorder) -> Result<(), String> {
    process::unshare(recorder, &[NamespaceKind::Mount]).map_err(say("unshare(CLONE_NEWNS)"))?;
    let private = [MountFlag::Recursive, MountFlag::Private];
    let call = MountCall { source: None, target: "/", fstype: None, flags: &private, data: None };
    mount::mount_unrecorded(call).map_err(say("mount(MS_PRIVATE)"))?;
    let tmpfs = MountCall {
        source: Some("probe"),
        target: "/tmp",
        fstype: Some("tmpfs"),
        flags: &[],
        data: None,
    };
    mount::mount_unrecorded(tmpfs).map_err(say("mount(tmpfs)"))
}

/// Below the tmpfs that now covers /tmp for this process alone.
fn try_overlay() -> Result<(), String> {
    for name in ["lower", "upper", "work", "merged"] {
        std::fs::create_dir(format!("/tmp/{name}")).map_err(|error| error.to_string())?;
    }
    let data = "lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work,userxattr";
    let call = MountCall {
        source: Some("overlay"),
        target: "/tmp/merged",
        fstype: Some("overlay"),
        flags: &[],
        data: Some(data),
    };
    mount::mount_unrecorded(call).map_err(say("mount(overlay)"))
}
