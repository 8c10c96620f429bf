//! Findings about a machine in words. A cure is sentences, and lines that start with `$ ` for commands to copy.

use super::packages;
use crate::action::SCRATCH_DIR;
use crate::action::paths::shell_word;
use crate::diagnosis::{
    Blocker, ContainerEngine, Cure, Detail, Environment, FindingTopic, Layout, NoController,
    NotInImage, Obstacle, OldKernel, Trees,
};

/// The subject of a finding.
pub fn subject(subject: FindingTopic) -> &'static str {
    match subject {
        FindingTopic::Kernel => "kernel",
        FindingTopic::UserNamespaces => "user namespaces",
        FindingTopic::UserIds => "user ids",
        FindingTopic::Mounts => "mounts",
        FindingTopic::Network => "network",
        FindingTopic::Overlay => "overlay",
        FindingTopic::ControlGroups => "control groups",
        FindingTopic::Controllers => "controllers",
        FindingTopic::Programs => "programs",
    }
}

/// The statement of a finding on its subject.
pub fn detail(what: FindingTopic, detail: &Detail) -> String {
    match detail {
        Detail::NothingSeen => {
            "there is no /proc: nothing about this machine can be seen".to_owned()
        }
        Detail::Kernel { release, environment } => kernel(release, environment),
        Detail::KernelTooOld(old) => too_old(old),

        Detail::Works => works(what).to_owned(),
        Detail::Refused { error } => refused(error),
        Detail::ProcCovered { covers, error } => {
            let covers = covers.join(", ");
            format!("the kernel mounts no /proc for a lab where parts of this one are covered ({covers}); {}", refused(error))
        }
        Detail::ProcSubset { error } => {
            format!("the kernel mounts no /proc for a lab where this one shows processes only (subset=pid); {}", refused(error))
        }
        Detail::NotListed { error } => format!("the kernel does not list it; {}", refused(error)),

        Detail::OneId { uid } => {
            format!("a lab has one user only (uid {uid} outside): chown to others fails")
        }
        Detail::LabIds { first, count } => {
            format!("labs are mapped to {count} ids from {first} on")
        }
        Detail::FewIds { count } => {
            format!("only {count} ids exist here: a lab has one user only, and chown to others fails")
        }

        Detail::NoCgroups => "none is mounted: lessons about limits do not play live".to_owned(),
        Detail::Cgroups { layout: kind, usable: 0, trees: all } => {
            format!("{}; this process may make no groups in {}", layout(*kind), trees(all))
        }
        Detail::Cgroups { layout: kind, usable, trees: all } => {
            format!("{}; labs can be made in {usable} of {}", layout(*kind), trees(all))
        }
        Detail::CgroupsRefused { layout: kind, usable, trees: all, error } => {
            let tried = refused(error);
            format!("{}; labs can be made in {usable} of {}; {tried}", layout(*kind), trees(all))
        }
        Detail::AllControllers(names) => names.join(" "),
        Detail::SomeControllers { has, lacks, why } => {
            let has = if has.is_empty() { "none".to_owned() } else { has.join(" ") };
            format!("labs have {has}; not {}: {}", lacks.join(" "), no_controller(*why))
        }

        Detail::ProgramsElsewhere => {
            "/usr has next to none: this distribution keeps them elsewhere, and a lab sees /usr alone".to_owned()
        }
        Detail::AllPrograms => "all for the default image".to_owned(),
        Detail::NoImage { error } => error.clone(),
        Detail::LacksPrograms(programs) => {
            let rows: Vec<String> =
                programs
                .iter()
                .map(|one| format!("{} ({})", one.program, not_in_image(&one.why)))
                .collect();
            format!("the default image lacks {}", rows.join(", "))
        }
    }
}

pub fn not_in_image(why: &NotInImage) -> String {
    match why {
        NotInImage::Absent => "not on this machine".into(),
        NotInImage::NoLibrary { path, library } => {
            format!("/{path} needs the library {library}, which is nowhere its loader looks")
        }
        NotInImage::NotReadable { path, mode } => {
            format!("/{path} (mode {mode:04o}) is not for everyone to read")
        }
        NotInImage::NotExecutable { path, mode } => {
            format!("/{path} (mode {mode:04o}) is not for everyone to execute")
        }
        NotInImage::NotSearchable { path, mode } => {
            format!("the directory /{path} (mode {mode:04o}) is not for everyone to enter")
        }
        NotInImage::NotAFile(path) => format!("/{path} is not a regular file"),
        NotInImage::Loop(path) => format!("/{path} is a link that leads round in a circle"),
        NotInImage::TooManyInterpreters(path) => {
            format!("/{path} is a script whose interpreters never come to an end")
        }
        NotInImage::NoTerminal => {
            "no description of any terminal: full-screen programs will not start".into()
        }
        NotInImage::Io { path, message } => format!("/{path} can't be read: {message}"),
    }
}

fn kernel(release: &str, environment: &Environment) -> String {
    let place = match environment {
        Environment::Machine => String::new(),
        Environment::Container { engine, hint } => {
            let of = container_of(*engine).map_or_else(String::new, |name| format!(" of {name}"));
            format!(", in a container{of}, it seems ({hint})")
        }
        Environment::Chroot => ", in a chroot".to_owned(),
        Environment::Gvisor => ", played by gVisor".to_owned(),
        Environment::Wsl1 => ", played by the Windows Subsystem for Linux 1".to_owned(),
        Environment::Wsl => ", in the Windows Subsystem for Linux".to_owned(),
    };
    format!("Linux {release}{place}")
}

fn container_of(engine: ContainerEngine) -> Option<&'static str> {
    match engine {
        ContainerEngine::Docker => Some("Docker"),
        ContainerEngine::Podman => Some("Podman"),
        ContainerEngine::Kubernetes => Some("Kubernetes"),
        ContainerEngine::Lxc => Some("LXC"),
        ContainerEngine::Nspawn => Some("systemd-nspawn"),
        ContainerEngine::Other => None,
    }
}

fn too_old(OldKernel { release, needed: (major, minor) }: &OldKernel) -> String {
    format!("Linux {release} is too old: {major}.{minor} or later is needed")
}

fn works(what: FindingTopic) -> &'static str {
    match what {
        FindingTopic::UserNamespaces => "this process can make one",
        FindingTopic::Mounts => "a lab can mount its own /proc",
        FindingTopic::Network => "a lab can have network namespaces",
        FindingTopic::Overlay => "a lab can mount overlays",
        FindingTopic::Kernel
        | FindingTopic::UserIds
        | FindingTopic::ControlGroups
        | FindingTopic::Controllers
        | FindingTopic::Programs => "it works",
    }
}

fn refused(error: &str) -> String {
    format!("tried, and refused: {error}")
}

fn layout(layout: Layout) -> &'static str {
    match layout {
        Layout::None => "none",
        Layout::V1 => "v1, one tree per controller",
        Layout::V2 => "v2, one tree",
        Layout::Hybrid => "v1 trees, and a v2 tree beside them",
    }
}

fn trees(trees: &Trees) -> String {
    match trees {
        Trees::One { mount_point } => format!("1 tree, {mount_point}"),
        Trees::Several(count) => format!("{count} trees"),
    }
}

fn no_controller(why: NoController) -> &'static str {
    match why {
        NoController::Unmounted(Obstacle::NotRoot) => {
            "which is mounted nowhere, and only the machine's root may mount it"
        }
        NoController::Unmounted(Obstacle::Contained) => {
            "which is mounted nowhere, and root of a container may not mount it"
        }
        NoController::Unmounted(Obstacle::OldKernel) => {
            "which is mounted nowhere; before Linux 5.15 its use would disturb the whole machine"
        }
        NoController::Unmounted(Obstacle::SwitchedOff) => {
            "which the kernel's command line switches off (cgroup_no_v1)"
        }
        NoController::InNoTree => "which no mounted tree here has",
        NoController::ReadOnly => "whose tree is mounted read-only here",
        NoController::Refused => "in whose tree a group was tried, and refused",
        NoController::NotDelegated => "which nobody delegated to this user",
    }
}

/// The reason why a lesson does not play live.
pub fn blocker(blocker: &Blocker) -> String {
    match blocker {
        Blocker::Machine { what, detail: said } => {
            format!("{}: {}", subject(*what), detail(*what, said))
        }
        Blocker::KernelTooOld(old) => too_old(old),
        Blocker::NeedsRoot { is_root_of_container: true } => {
            "it needs the machine's root, and this is root of a container only".to_owned()
        }
        Blocker::NeedsRoot { is_root_of_container: false } => {
            "it needs the machine's root".to_owned()
        }
        Blocker::OtherCgroupVersion { wanted, here } => format!(
            "it is about control groups of version {wanted}, and this machine has version {here}"
        ),
        Blocker::NoController { name, why } => {
            let what = match name.as_str() {
                "unified" => "the v2 tree of control groups".to_owned(),
                name => format!("the control group controller {name}"),
            };
            format!("it needs {what}, {}", no_controller(*why))
        }
        Blocker::NoProgram { program, why } => {
            format!(
                "it runs the program {program}, which a lab can't have here: {}",
                not_in_image(why)
            )
        }
        Blocker::OneUser { uid } => {
            format!(
                "it gives something to another user, and a lab has one user only (uid {uid} outside)"
            )
        }
        Blocker::NoDisk => format!(
            "it needs a real disk, and {SCRATCH_DIR} is on none (a tmpfs, an overlay, or btrfs)"
        ),
    }
}

const DOCKER: &str = "$ docker run -it --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined IMAGE";
const PODMAN: &str =
    "$ podman run -it --security-opt seccomp=unconfined --security-opt unmask=ALL IMAGE";

/// The ways to start a container in which labs can be made, by what runs it.
fn container_without_filters(engine: ContainerEngine) -> String {
    const FORBIDS: &str = "the container this runs in forbids it; start that one with";
    match engine {
        ContainerEngine::Docker => format!("{FORBIDS}\n{DOCKER}"),
        ContainerEngine::Podman => format!("{FORBIDS}\n{PODMAN}"),
        ContainerEngine::Other => format!("{FORBIDS}\n{DOCKER}\nor\n{PODMAN}"),
        ContainerEngine::Kubernetes => {
            "the pod this runs in forbids it; write in its spec `hostUsers: false`, and in the container's \
             `securityContext: {seccompProfile: {type: Unconfined}, appArmorProfile: {type: Unconfined}, \
             procMount: Unmasked}`"
                .to_owned()
        }
        ContainerEngine::Lxc => {
            "the container this runs in forbids it; on the machine, where it is called NAME\n\
             $ lxc config set NAME security.nesting true\n\
             $ lxc restart NAME"
                .to_owned()
        }
        ContainerEngine::Nspawn => {
            "the container this runs in forbids it: start it on the machine itself".to_owned()
        }
    }
}

fn container_with_cgroups(engine: ContainerEngine) -> String {
    const GIVE: &str = "give the container this runs in a writable tree of control groups";
    match engine {
        ContainerEngine::Docker | ContainerEngine::Other => {
            format!("{GIVE}\n$ docker run -it --privileged --cgroupns=host IMAGE")
        }
        ContainerEngine::Podman => {
            format!("{GIVE}\n$ sudo podman run -it --privileged --cgroupns=host IMAGE")
        }
        ContainerEngine::Kubernetes => {
            format!("{GIVE}: write in its spec `securityContext: {{privileged: true}}`")
        }
        ContainerEngine::Lxc | ContainerEngine::Nspawn => {
            "start it on the machine itself: this container has no tree of control groups to give"
                .to_owned()
        }
    }
}

/// The profile is what Ubuntu has in /etc/apparmor.d for programs that need it (`man apparmor.d`: rules for user
/// namespaces). The kernel knows a program by its path without links; one with blanks stands in quotes. It stays under
/// its profile when it executes its copy in memory, which has no path: that is no other program to the kernel.
fn app_armor(program: &str) -> String {
    format!(
        "let AppArmor allow it for this program\n\
         $ printf 'abi <abi/4.0>,\\ninclude <tunables/global>\\n\\nprofile unboxed \"%s\" flags=(unconfined) {{\\n  userns,\\n}}\\n' \"$(readlink -f \"$(command -v {program})\")\" | sudo tee /etc/apparmor.d/unboxed\n\
         $ sudo apparmor_parser -r /etc/apparmor.d/unboxed\n\
         or for every program, until the next boot\n\
         $ sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0\n\
         or {}",
        as_root(program)
    )
}

fn delegate(program: &str) -> String {
    format!(
        "let systemd hand more controllers to its users, then log out and in again\n\
         $ sudo mkdir -p /etc/systemd/system/user@.service.d\n\
         $ printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' | sudo tee /etc/systemd/system/user@.service.d/delegate.conf\n\
         $ sudo systemctl daemon-reload\n\
         or {}",
        as_root(program)
    )
}

fn scope(program: &str) -> String {
    format!(
        "this session is outside of what systemd delegated to you; start inside of it\n\
         $ systemd-run --user --scope -p Delegate=yes {program}\n\
         or {}",
        as_root(program)
    )
}

fn as_root(program: &str) -> String {
    format!("start as root\n$ sudo {program}")
}

/// A line for each cover, the last first: one may lie on another.
fn uncover(covers: &[String]) -> String {
    let lines: Vec<String> =
        covers.iter().rev().map(|path| format!("$ sudo umount {}", shell_word(path))).collect();
    format!("take the covers away\n{}", lines.join("\n"))
}

const SECURITY_MODULES: &str = "no switch that this program knows forbids it: look at security modules and at the sandbox of the service \
     this shell belongs to\n$ sudo dmesg | tail";

/// A cure.
pub fn cure(cure: &Cure) -> String {
    let fixed = match cure {
        Cure::NewerKernel { needed: (major, minor) } => {
            return format!("use Linux {major}.{minor} or later, or watch the recording");
        }
        Cure::SetSysctl { key, value, or_start_as_root } => {
            return sysctl(key, value, or_start_as_root.as_deref());
        }
        Cure::StartAsRoot { program } => return as_root(program),
        Cure::StartOnMachineAsRoot { program } => {
            return format!("start it on the machine itself, as root\n$ sudo {program}");
        }
        Cure::StartInDelegatedScope { program } => return scope(program),
        Cure::StartContainerWithoutFilters { engine } => {
            return container_without_filters(*engine);
        }
        Cure::StartContainerWithCgroups { engine } => return container_with_cgroups(*engine),
        Cure::AllowInAppArmor { program } => return app_armor(program),
        Cure::DelegateControllers { program } => return delegate(program),
        Cure::UncoverProc { covers } => return uncover(covers),
        Cure::InstallPackages { manager, debian_names } => {
            return packages::install(*manager, debian_names);
        }
        Cure::ProgramsInUsr { program } => {
            return format!(
                "start it where programs are in /usr (in a container of another distribution), or watch the recordings\n\
                 $ {program} learn --tape"
            );
        }
        Cure::MountController { name } => return mount_controller(name),
        Cure::RemountWritable { mount_point } => {
            return format!("make it writable\n$ sudo mount -o remount,rw {mount_point}");
        }
        Cure::EnableController { name } => {
            return format!("add cgroup_enable={name} to the kernel's command line and reboot");
        }
        Cure::BootCgroupVersion { wanted } => {
            return format!("a machine that was booted with version {wanted}");
        }
        Cure::MountDisk => return format!("mount an ext4 or xfs file system on {SCRATCH_DIR}"),

        Cure::MountProc => "mount it\n$ sudo mount -t proc proc /proc",
        Cure::StartOutsideContainer => "start it outside of this container",
        Cure::StartOutsideContainerOrAsUser => {
            "start outside of this container, or as an ordinary user"
        }
        Cure::StartOutsideChroot => {
            "the kernel makes no user namespaces behind chroot(2): start it outside of the chroot, or enter that directory with\n\
             $ sudo systemd-nspawn -D DIRECTORY"
        }
        Cure::StartOutsideGvisor => {
            "gVisor plays a kernel, and has not all of one: start it on a real one (for docker, --runtime=runc), or watch the recordings"
        }
        Cure::UseWsl2 => {
            "version 1 has no Linux kernel; in PowerShell, where NAME is one of `wsl -l`\n$ wsl --set-version NAME 2"
        }
        Cure::MountWholeProc => "mount a whole one\n$ sudo mount -t proc proc /proc",
        Cure::LookAtSecurityModules => SECURITY_MODULES,
        Cure::LoadOverlay => "load it, if this kernel has it\n$ sudo modprobe overlay",
        Cure::MountCgroups => {
            "mount the tree of control groups\n$ sudo mount -t cgroup2 none /sys/fs/cgroup"
        }
        Cure::MountV2Beside => {
            "mount it\n$ sudo mkdir -p /sys/fs/cgroup/unified\n\
             $ sudo mount -t cgroup2 none /sys/fs/cgroup/unified"
        }
        Cure::AllowV1Controllers => {
            "take cgroup_no_v1 out of the kernel's command line and reboot, or watch the recording"
        }
        Cure::KernelWithController => {
            "use a kernel that has this controller, or watch the recording"
        }
        Cure::OnlyInV1 => "it exists in cgroup v1 only: watch the recording",
    };
    fixed.to_owned()
}

fn sysctl(key: &str, value: &str, program: Option<&str>) -> String {
    let or = program.map_or_else(String::new, |program| format!("\nor {}", as_root(program)));
    format!(
        "allow them now and after the next boot\n\
         $ echo {key}={value} | sudo tee /etc/sysctl.d/99-unboxed.conf\n\
         $ sudo sysctl -p /etc/sysctl.d/99-unboxed.conf{or}"
    )
}

fn mount_controller(name: &str) -> String {
    format!(
        "mount its hierarchy\n\
         $ sudo mkdir -p /sys/fs/cgroup/{name}\n\
         $ sudo mount -t cgroup -o {name} cgroup /sys/fs/cgroup/{name}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::{LackingProgram, MachineFinding, Playable, State};

    /// A value that has travelled as JSON.
    fn travelled<T>(value: &T) -> T
    where
        T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
    {
        let text = serde_json::to_string(value).expect("it can be written");
        let read = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(value, &read, "{text}");
        read
    }

    #[test]
    fn a_finding_travels_as_a_value_and_is_said_where_it_arrives() {
        let check = |what, said: Detail, expected: &str| {
            let finding = MachineFinding { what, state: State::Warn, detail: said, cure: None };
            let finding = travelled(&finding);
            assert_eq!(detail(finding.what, &finding.detail), expected);
        };

        let environment =
            Environment::Container { engine: ContainerEngine::Docker, hint: "/.dockerenv".into() };
        check(
            FindingTopic::Kernel,
            Detail::Kernel { release: "6.1".into(), environment },
            "Linux 6.1, in a container of Docker, it seems (/.dockerenv)",
        );
        check(FindingTopic::Overlay, Detail::Works, "a lab can mount overlays");
        check(
            FindingTopic::Overlay,
            Detail::NotListed { error: "ENODEV: mount an overlay".into() },
            "the kernel does not list it; tried, and refused: ENODEV: mount an overlay",
        );
        let trees = Trees::One { mount_point: "/sys/fs/cgroup".into() };
        check(
            FindingTopic::ControlGroups,
            Detail::Cgroups { layout: Layout::V2, usable: 1, trees },
            "v2, one tree; labs can be made in 1 of 1 tree, /sys/fs/cgroup",
        );
        check(
            FindingTopic::Controllers,
            Detail::SomeControllers {
                has: Vec::new(),
                lacks: vec!["cpu".into()],
                why: NoController::NotDelegated,
            },
            "labs have none; not cpu: which nobody delegated to this user",
        );
        let program = LackingProgram { program: "ip".into(), why: NotInImage::Absent };
        check(
            FindingTopic::Programs,
            Detail::LacksPrograms(vec![program]),
            "the default image lacks ip (not on this machine)",
        );
    }

    #[test]
    fn the_line_for_apparmor_writes_a_profile_for_the_program_as_the_kernel_knows_it() {
        let folder = tempfile::tempdir().expect("a directory");
        let home = folder.path().join("joe's own");
        std::fs::create_dir(&home).expect("made");
        let (own, link) = (home.join("unboxed-0.1"), home.join("unboxed"));
        std::fs::write(&own, "").expect("written");
        std::fs::set_permissions(&own, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("its mode");
        std::os::unix::fs::symlink(&own, &link).expect("linked");

        let program = format!("'{}'", link.to_string_lossy().replace('\'', "'\\''"));
        let said = cure(&Cure::AllowInAppArmor { program });
        let line = said.lines().find_map(|line| line.strip_prefix("$ printf")).expect("a line");
        let (line, _) = line.split_once(" | sudo tee").expect("the profile goes to a file");
        let output = std::process::Command::new("sh")
            .args(["-c", &format!("printf{line}")])
            .output()
            .expect("sh runs");

        let own = own.canonicalize().expect("its path");
        let expected = format!(
            "abi <abi/4.0>,\ninclude <tunables/global>\n\nprofile unboxed \"{}\" flags=(unconfined) {{\n  userns,\n}}\n",
            own.display()
        );
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
        assert!(output.stderr.is_empty(), "{output:?}");
    }

    #[test]
    fn a_lesson_that_does_not_play_says_why_and_what_would_change_that() {
        let check = |why, by, expected: [&str; 2]| match travelled(&Playable::No { why, cure: by })
        {
            Playable::No { why, cure: by } => assert_eq!([blocker(&why), cure(&by)], expected),
            Playable::Live => panic!("it does not play"),
        };

        check(
            Blocker::Machine { what: FindingTopic::Kernel, detail: Box::new(Detail::NothingSeen) },
            Cure::MountProc,
            [
                "kernel: there is no /proc: nothing about this machine can be seen",
                "mount it\n$ sudo mount -t proc proc /proc",
            ],
        );
        check(
            Blocker::KernelTooOld(OldKernel { release: "5.4".into(), needed: (6, 6) }),
            Cure::NewerKernel { needed: (6, 6) },
            [
                "Linux 5.4 is too old: 6.6 or later is needed",
                "use Linux 6.6 or later, or watch the recording",
            ],
        );
        check(
            Blocker::NoController {
                name: "unified".into(),
                why: NoController::Unmounted(Obstacle::NotRoot),
            },
            Cure::SetSysctl {
                key: "a.b".into(),
                value: "1".into(),
                or_start_as_root: Some("unboxed".into()),
            },
            [
                "it needs the v2 tree of control groups, which is mounted nowhere, and only the machine's root may mount it",
                "allow them now and after the next boot\n$ echo a.b=1 | sudo tee /etc/sysctl.d/99-unboxed.conf\n\
                 $ sudo sysctl -p /etc/sysctl.d/99-unboxed.conf\nor start as root\n$ sudo unboxed",
            ],
        );
        check(
            Blocker::OtherCgroupVersion { wanted: 2, here: 1 },
            Cure::BootCgroupVersion { wanted: 2 },
            [
                "it is about control groups of version 2, and this machine has version 1",
                "a machine that was booted with version 2",
            ],
        );
    }
}
