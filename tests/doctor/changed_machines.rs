//! What the doctor and a lesson say on machines that were changed for it: groups, filters, a /bin of its own.

use std::path::Path;

use unboxed::doctor::MachineRoot;

use crate::{common, in_changed_machine, in_one_line};

#[test]
fn a_distribution_whose_bin_is_no_link_to_usr_plays() {
    // /bin, /sbin and the libraries are directories of their own, where the same programs are once more.
    let Some(said) = in_changed_machine(
        "d=/mnt; mount -t tmpfs tmpfs $d && cd $d && mkdir -p usr etc proc dev sys tmp root var/tmp run old\n\
         mount --bind /usr usr\n\
         for name in bin sbin lib lib64; do\n\
           [ -d /usr/$name ] || continue; mkdir $name; mount --bind /usr/$name $name\n\
         done\n\
         for name in etc proc dev sys tmp; do mount --rbind /$name $name; done\n\
         cp \"$0\" unboxed && pivot_root . old && cd / && umount -l /old\n\
         [ -L /bin ] && echo merged; /unboxed doctor; echo doctor $?; /unboxed run 1; echo run $?",
    ) else {
        return;
    };

    assert!(!said.contains("merged\n"), "{said}");
    assert!(said.contains("programs         all for the default image"), "{said}");
    assert!(said.contains("doctor 0\n") && said.ends_with("run 0\n"), "{said}");
}

/// A command whose system call of this number fails with that errno, as a container's filter has it.
fn refusing(call: libc::c_long, errno: i32, program: &Path) -> std::process::Command {
    use std::os::unix::process::CommandExt;
    let statement = |code: u32, value: u32, (jump_if, jump_else): (u8, u8)| libc::sock_filter {
        code: u16::try_from(code).expect("16 bits"),
        jt: jump_if,
        jf: jump_else,
        k: value,
    };
    let number = u32::try_from(call).expect("a number");
    let answer = libc::SECCOMP_RET_ERRNO | u32::try_from(errno).expect("an errno");
    let filter = [
        // The first field of seccomp_data is the number.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, (0, 0)),
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, number, (0, 1)),
        statement(libc::BPF_RET | libc::BPF_K, answer, (0, 0)),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, (0, 0)),
    ];

    let mut command = std::process::Command::new(program);
    let install = move || {
        let program = libc::sock_fprog {
            len: u16::try_from(filter.len()).expect("four"),
            filter: filter.as_ptr().cast_mut(),
        };
        nix::sys::prctl::set_no_new_privs()?;
        // SAFETY: the kernel copies the filter, which lives as long as the call.
        let set = unsafe {
            libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program)
        };
        nix::errno::Errno::result(set).map(drop).map_err(std::io::Error::from)
    };
    // SAFETY: two system calls, and no memory is allocated in between.
    unsafe { command.pre_exec(install) };
    command.stdin(std::process::Stdio::null()).env("HOME", "/nonexistent");
    command
}

#[test]
fn where_a_filter_has_no_clone3_labs_are_made_by_clone() {
    let run = |call, errno, arguments: &[&str]| {
        let output =
            refusing(call, errno, common::program()).args(arguments).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), in_one_line(&said))
    };

    let (code, said) = run(libc::SYS_clone3, libc::ENOSYS, &["doctor"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(libc::SYS_clone3, libc::ENOSYS, &["run", "1"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("clone(child_stack=NULL, flags="), "{said}");

    // What has no other way is seen before a lab is made.
    let (code, said) = run(libc::SYS_mount_setattr, libc::EPERM, &["doctor"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("missing mounts"), "{said}");
    let (code, said) = run(libc::SYS_mount_setattr, libc::EPERM, &["run", "1"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("can't play here: mounts: tried, and refused"), "{said}");
}

/// A group of v2 that belongs to an ordinary user, as a delegated one does; removed at the end.
struct DelegatedGroup(std::path::PathBuf);

impl DelegatedGroup {
    const USER: u32 = 65534;

    fn make() -> Option<DelegatedGroup> {
        let groups = unboxed::doctor::MachineCgroups::read(&MachineRoot::this_machine());
        let tree = groups.hierarchies.iter().find(|tree| tree.version.as_number() == 2);
        let Some(tree) = tree.filter(|_| common::is_root()) else {
            common::skip("delegating a group takes root, and a v2 tree");
            return None;
        };
        let group =
            Path::new(&tree.mount_point).join(format!("test-doctor-{}", std::process::id()));
        std::fs::create_dir(&group).expect("a group");
        for file in ["", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"] {
            std::os::unix::fs::chown(group.join(file), Some(Self::USER), Some(Self::USER))
                .expect("given away");
        }
        Some(DelegatedGroup(group))
    }

    fn write(&self, file: &str, value: &str) {
        std::fs::write(self.0.join(file), value).expect("written");
    }

    /// The groups in it.
    fn below(&self) -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(&self.0).expect("a listing").flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
    }

    /// The program as that user, from within the group.
    fn run(&self, program: &Path, arguments: &[&str]) -> std::process::Output {
        let user = Self::USER;
        let line = format!(
            "echo 0 > '{}/cgroup.procs' && exec setpriv --reuid={user} --regid={user} --clear-groups \"$0\" \"$@\"",
            self.0.display()
        );
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &line]).arg(program).args(arguments).env("HOME", "/nonexistent");
        command.stdin(std::process::Stdio::null()).output().expect("sh runs")
    }
}

impl Drop for DelegatedGroup {
    fn drop(&mut self) {
        let mut tries = 0;
        while std::fs::remove_dir(&self.0).is_err() && tries < 100 {
            tries += 1;
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

#[test]
fn a_group_that_a_user_may_make_by_its_modes_only_is_seen_to_be_refused() {
    let Some(group) = DelegatedGroup::make() else { return };
    let folder = tempfile::tempdir().expect("a directory");
    let program = common::copy_program(folder.path());
    let facts = || {
        let output = group.run(&program, &["doctor", "--format", "json"]);
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert!(group.below().is_empty(), "the doctor leaves {:?}", group.below());
        (output.status.success(), told["facts"]["probe"]["groups"].clone())
    };

    assert_eq!(facts(), (true, serde_json::json!({ "ok": null })));

    // The modes are as they were, and access(2) says yes.
    group.write("cgroup.max.descendants", "0");
    let (is_good, groups) = facts();
    let why = groups["error"].as_str().expect("an error");
    assert!(why.contains("make a control group for the lab in") && why.contains("EAGAIN"), "{why}");
    assert!(!is_good, "no lesson plays: {groups}");

    let output = group.run(&program, &["run", "1"]);
    let said = in_one_line(&String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("can't play here: control groups: tried, and refused"), "{said}");
    assert!(said.contains("Or `unboxed run` what-is-a-container --tape"), "{said}");
}
