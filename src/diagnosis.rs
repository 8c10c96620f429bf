//! Findings about a machine, reasons why a lesson does not play on it, and their cures, as values. `words` says them.

use serde::{Deserialize, Serialize};

/// The verdict on a lesson or a step, on one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Playable {
    Live,
    No { why: Blocker, cure: Cure },
}

/// One finding about the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineFinding {
    pub what: FindingTopic,
    pub state: State,
    pub detail: Detail,
    pub cure: Option<Cure>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Good,
    /// Some lessons, or some of their steps, do not play live.
    Warn,
    /// No lesson plays live.
    Bad,
}

/// The subject of a finding. A closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingTopic {
    Kernel,
    UserNamespaces,
    UserIds,
    Mounts,
    Network,
    Overlay,
    ControlGroups,
    Controllers,
    Programs,
}

/// The statement of a finding. A closed list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// There is no /proc.
    NothingSeen,
    Kernel {
        release: String,
        environment: Environment,
    },
    KernelTooOld(OldKernel),

    /// The subject was tried in a user namespace.
    Works,
    /// It was tried, with this error: `EPERM: what was tried`.
    Refused {
        error: String,
    },
    /// The same, of a /proc, of which parts are covered here.
    ProcCovered {
        covers: Vec<String>,
        error: String,
    },
    /// The same, where /proc shows processes only.
    ProcSubset {
        error: String,
    },
    /// The same, of a file system that /proc/filesystems does not list.
    NotListed {
        error: String,
    },

    OneId {
        uid: u32,
    },
    /// The range that labs of root are mapped to.
    LabIds {
        first: u64,
        count: u64,
    },
    FewIds {
        count: u64,
    },

    NoCgroups,
    /// The number of trees that labs can be made in, and of all.
    Cgroups {
        layout: Layout,
        usable: usize,
        trees: Trees,
    },
    /// The same, where some trees refused a group: the error of the first of them.
    CgroupsRefused {
        layout: Layout,
        usable: usize,
        trees: Trees,
        error: String,
    },
    AllControllers(Vec<String>),
    SomeControllers {
        has: Vec<String>,
        lacks: Vec<String>,
        /// The reason for the first of those.
        why: NoController,
    },

    AllPrograms,
    /// /usr has next to none.
    ProgramsElsewhere,
    NoImage {
        error: String,
    },
    LacksPrograms(Vec<LackingProgram>),
}

/// The trees of control groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trees {
    One { mount_point: String },
    Several(usize),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LackingProgram {
    pub program: String,
    pub why: NotInImage,
}

/// The reason why something of the machine can't be in an image. Paths begin below the machine's root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotInImage {
    Absent,
    /// The library is nowhere that its loader looks.
    NoLibrary {
        path: String,
        library: String,
    },
    /// Not for everyone to read, as the next two are not to execute and to enter.
    NotReadable {
        path: String,
        mode: u32,
    },
    NotExecutable {
        path: String,
        mode: u32,
    },
    NotSearchable {
        path: String,
        mode: u32,
    },
    NotAFile(String),
    /// A link that leads round in a circle.
    Loop(String),
    /// A script, whose interpreter is a script, and so on.
    TooManyInterpreters(String),
    /// No description of any terminal is found.
    NoTerminal,
    Io {
        path: String,
        message: String,
    },
}

/// A kernel that is older than what is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldKernel {
    pub release: String,
    pub needed: (u32, u32),
}

/// The reason why a lesson does not play live. A closed list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocker {
    /// No lesson plays on this machine.
    Machine {
        what: FindingTopic,
        detail: Box<Detail>,
    },
    KernelTooOld(OldKernel),
    NeedsRoot {
        is_root_of_container: bool,
    },
    OtherCgroupVersion {
        wanted: u32,
        here: u32,
    },
    /// A controller, or `unified`: the v2 tree.
    NoController {
        name: String,
        why: NoController,
    },
    NoDisk,
    /// A program that the step runs.
    NoProgram {
        program: String,
        why: NotInImage,
    },
    /// The step gives something to another user, and the lab has one only.
    OneUser {
        uid: u32,
    },
}

/// The reason why labs can't have a controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoController {
    Unmounted(Obstacle),
    InNoTree,
    ReadOnly,
    /// A group was tried in its tree, and refused.
    Refused,
    NotDelegated,
}

/// The reason why a v1 controller that is mounted nowhere stays so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// An ordinary user.
    NotRoot,
    /// Root of a container: a new hierarchy takes CAP_SYS_ADMIN in the machine's first user and cgroup namespaces.
    Contained,
    OldKernel,
    /// cgroup_no_v1= on the kernel's command line.
    SwitchedOff,
}

/// A change of the machine that would change a fact. A closed list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cure {
    MountProc,
    NewerKernel {
        needed: (u32, u32),
    },
    // `program` is this program, as a shell runs it.
    StartAsRoot {
        program: String,
    },
    StartOnMachineAsRoot {
        program: String,
    },
    StartOutsideContainer,
    StartOutsideContainerOrAsUser,
    StartInDelegatedScope {
        program: String,
    },
    StartContainerWithoutFilters {
        engine: ContainerEngine,
    },
    StartContainerWithCgroups {
        engine: ContainerEngine,
    },
    StartOutsideChroot,
    StartOutsideGvisor,
    UseWsl2,

    UncoverProc {
        covers: Vec<String>,
    },
    MountWholeProc,
    SetSysctl {
        key: String,
        value: String,
        or_start_as_root: Option<String>,
    },
    AllowInAppArmor {
        program: String,
    },
    LookAtSecurityModules,
    LoadOverlay,

    MountCgroups,
    MountV2Beside,
    MountController {
        name: String,
    },
    RemountWritable {
        mount_point: String,
    },
    EnableController {
        name: String,
    },
    AllowV1Controllers,
    DelegateControllers {
        program: String,
    },
    KernelWithController,
    OnlyInV1,
    BootCgroupVersion {
        wanted: u32,
    },

    /// By Debian's names.
    InstallPackages {
        manager: PackageManager,
        debian_names: Vec<String>,
    },
    ProgramsInUsr {
        program: String,
    },
    MountDisk,
}

/// The place where this system itself seems to run: a hint for choosing a cure, never a reason to refuse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    Machine,
    /// A container, and what gave it away.
    Container {
        engine: ContainerEngine,
        hint: String,
    },
    /// A directory that chroot(2) made the root: the kernel makes no user namespaces from there.
    Chroot,
    /// A program that plays a kernel.
    Gvisor,
    /// The first Windows Subsystem for Linux, which has no Linux in it.
    Wsl1,
    Wsl,
}

/// The program that runs or manages a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerEngine {
    Docker,
    Podman,
    Kubernetes,
    Lxc,
    Nspawn,
    Other,
}

/// The program that installs packages on a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageManager {
    Apt,
    Dnf,
    Pacman,
    Apk,
    Zypper,
    Nix,
    Unknown,
}

/// The trees of control groups that are mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    None,
    V1,
    V2,
    /// Controllers in v1 hierarchies, and a v2 tree beside them.
    Hybrid,
}
