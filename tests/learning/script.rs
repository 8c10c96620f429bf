//! Commands that somebody may type for the steps of a lesson, and in which shell.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// In the first shell, which stays.
    First,
    /// In a shell of its own, which is closed again.
    NewShell,
    /// In a shell of its own, which becomes something else by this line.
    Becomes,
}

/// What a person may type for each step: their own commands, not the lesson's.
pub fn script(step: &str) -> &'static [(&'static str, &'static str, Way)] {
    use Way::{Becomes, First, NewShell};
    match step {
        "rootfs" => &[(
            "host",
            "mkdir -p container; cp -a /image/base/. container; cp -a /image/tools/. container",
            NewShell,
        )],
        "make-rprivate" => &[("host", "mount --make-rprivate /", NewShell)],
        "unshare" => {
            &[("host", "unshare -m -u -i -n -p --propagation unchanged --fork bash", Becomes)]
        }
        "pid-one" => &[("container", "echo $$", First)],
        "hostname" => {
            &[("container", "python3 -c 'import socket; socket.sethostname(\"box\")'", NewShell)]
        }
        "proc-lies" => &[("container", "head -n1 /proc/[1-9]*/comm", NewShell)],
        "mount-copy" => &[("container", "cat /proc/self/mounts", NewShell)],
        "mount-proc" => &[("container", "mount -t proc proc /proc; ps -ef", NewShell)],
        "pivot-root-refused" => {
            &[("container", "cd container; mkdir oldroot; pivot_root . oldroot", NewShell)]
        }
        "bind" => &[("container", "mount -B /root/container /root/container", NewShell)],
        "pivot-root" => &[("container", "cd /root/container; pivot_root . oldroot", NewShell)],
        "proc-in-new-root" | "repair-proc" => {
            &[("container", "mount -t proc none /proc", NewShell)]
        }
        "old-root-visible" => &[("container", "cat /oldroot/etc/hostname", NewShell)],
        "umount-all" => &[("container", "umount -a -t noproc", NewShell)],
        "umount-lazy" => &[("container", "cd /; umount -l /oldroot; rmdir /oldroot", NewShell)],
        "own-table" => &[("container", "mount", NewShell)],
        "repair-leak" => {
            &[("host", "pkill -KILL -f 'unboxed: guest'; umount /mnt/data; umount /mnt", NewShell)]
        }
        "no-network" => &[("container", "ping -c 1 203.0.113.1", NewShell)],
        "veth" => &[("host", "ip link add c0 type veth peer h0", NewShell)],
        "veth-move" => {
            &[("host", "ip link set c0 netns $(pgrep -o -P $(pidof unshare))", NewShell)]
        }
        "bridge" => &[("host", "ip link set h0 up; ip link set dev h0 master docker0", NewShell)],
        "eth0" => &[(
            "container",
            "ip link set c0 name eth0; ip link set lo up; ip link set eth0 up",
            NewShell,
        )],
        "address" => {
            &[("container", "ip a add 172.17.42.3/16 dev eth0; ping -c 1 172.17.0.1", NewShell)]
        }
        "default-route" => &[(
            "container",
            "ip route add 0.0.0.0/0 via 172.17.0.1; ping -c 1 203.0.113.1",
            NewShell,
        )],
        "repair-route" => &[("container", "ip r add default via 172.17.0.1", NewShell)],
        "limits" => &[(
            "host",
            "cd /sys/fs/cgroup; mkdir {memory,cpu,pids}/box; echo 64M >memory/box/memory.limit_in_bytes; \
             echo 50000 >cpu/box/cpu.cfs_quota_us; echo 20 >pids/box/pids.max; for c in memory cpu pids; do \
             pgrep -o -P $(pidof unshare) >$c/box/tasks; done",
            NewShell,
        )],
        "repair-limit" => &[("host", "echo 20 > /sys/fs/cgroup/pids/box/pids.max", NewShell)],
        "overlay" => &[(
            "host",
            "cd /root; mkdir -p overlay/{upper,work,merged}; mount -t overlay none -o lowerdir=/image/tools:/image/base,\
             upperdir=/root/overlay/upper,workdir=/root/overlay/work overlay/merged",
            NewShell,
        )],
        "second-container" => &[
            ("host", "exec unshare -mup --propagation unchanged --fork sh", Becomes),
            (
                "second",
                "cd /root/overlay/merged; mkdir oldroot; pivot_root . oldroot; cd /; mount -t proc none /proc; \
                 umount -l oldroot",
                NewShell,
            ),
        ],
        "copy-on-write" => {
            &[("second", "echo second >>/etc/hostname; rm /etc/os-release", NewShell)]
        }
        "what-docker-does" => &[("container", "hostname", NewShell)],
        other => panic!("nobody knows how to type `{other}`"),
    }
}
