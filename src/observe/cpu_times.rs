//! CPU time of the whole machine and of a family of processes, by which one knows what others took.

use std::path::Path;
use std::time::Instant;

use super::{kernel_file, processes};

/// The CPU time at a moment, in clock ticks.
#[derive(Debug, Clone, Copy)]
pub struct CpuTimes {
    at: Instant,
    cpus: u64,
    /// The time that somebody had a CPU, or the machine below took one away.
    busy: u64,
    /// The time of the family, with that of the dead among it.
    own: u64,
}

impl CpuTimes {
    /// The times right now, with `family` and its descendants as the own ones. None where the kernel does not say.
    pub fn read(proc_root: &Path, family: u32) -> Option<CpuTimes> {
        let (cpus, busy) = parse_machine(&kernel_file::read_text(&proc_root.join("stat"))?)?;
        let own = processes::process_tree(proc_root, family, &[])
            .iter()
            .map(|(_, stat)| stat.cpu_ticks)
            .sum();
        Some(CpuTimes { at: Instant::now(), cpus, busy, own })
    }

    /// The share of all CPUs that others had since an earlier moment, in percent.
    pub fn percent_of_others(&self, earlier: &CpuTimes) -> u8 {
        let window = (self.at - earlier.at).as_secs_f64() * ticks_per_second() * self.cpus as f64;
        let busy = self.busy.saturating_sub(earlier.busy);
        let others = busy.saturating_sub(self.own.saturating_sub(earlier.own)) as f64;
        if window < 1.0 { 0 } else { (100.0 * others / window).round().clamp(0.0, 100.0) as u8 }
    }
}

fn ticks_per_second() -> f64 {
    let ticks = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok().flatten();
    ticks.filter(|ticks| *ticks > 0).unwrap_or(100) as f64
}

/// The number of CPUs, and the ticks for which they had something to do, see proc_stat(5): user, nice, system, irq,
/// softirq, and steal. That of guests is in user and nice already.
fn parse_machine(stat: &str) -> Option<(u64, u64)> {
    let mut all = None;
    let mut cpus = 0;
    for line in stat.lines() {
        let mut words = line.split_ascii_whitespace();
        match words.next()?.strip_prefix("cpu") {
            Some("") => all = Some(words.map_while(|word| word.parse().ok()).collect::<Vec<u64>>()),
            Some(_) => cpus += 1,
            None => break,
        }
    }
    let all = all?;
    let busy = [0, 1, 2, 5, 6, 7].iter().filter_map(|field| all.get(*field)).sum();
    (cpus > 0).then_some((cpus, busy))
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};
    use std::time::Duration;

    use super::*;

    #[test]
    fn idle_and_waiting_for_disks_is_not_busy_and_guests_count_once() {
        let stat = "cpu  100 10 50 7000 900 3 2 5 60 4\ncpu0 1 2 3\ncpu1 1 2 3\nintr 12 0\n";
        assert_eq!(parse_machine(stat), Some((2, 100 + 10 + 50 + 3 + 2 + 5)));
        assert_eq!(parse_machine("intr 12 0\n"), None);
        assert_eq!(parse_machine(""), None);
    }

    #[test]
    fn others_have_what_is_busy_and_not_our_own() {
        let at = Instant::now();
        let then = CpuTimes { at, cpus: 2, busy: 1000, own: 400 };
        let later = |busy, own| {
            let at = at + Duration::from_secs(2);
            CpuTimes { at, cpus: 2, busy: 1000 + busy, own: 400 + own }
        };
        let hundredth = ticks_per_second() / 100.0;
        let ticks = |percent: f64| (percent * 4.0 * hundredth) as u64;

        assert_eq!(later(ticks(90.0), ticks(15.0)).percent_of_others(&then), 75);
        assert_eq!(later(ticks(15.0), ticks(15.0)).percent_of_others(&then), 0);
        // The kernel counts by ticks, and may count a moment twice or not at all.
        assert_eq!(later(ticks(10.0), ticks(15.0)).percent_of_others(&then), 0);
        assert_eq!(later(ticks(400.0), 0).percent_of_others(&then), 100);
        assert_eq!(then.percent_of_others(&then), 0);
    }

    /// A load that is known: loops that end by themselves.
    fn load() -> Child {
        let spin = "for i in 1 2; do timeout 20 sh -c 'while :; do :; done' & done; wait";
        let mut command = Command::new("sh");
        command.args(["-c", spin]).stdin(Stdio::null());
        command.spawn().expect("sh is there")
    }

    #[test]
    fn a_known_load_is_others_where_it_is_not_ours_and_nobodys_where_it_is() {
        let proc_root = Path::new("/proc");
        let mut load = load();
        let read = |family: u32| CpuTimes::read(proc_root, family).expect("times");
        let start = (read(load.id()), read(std::process::id()));

        // Long enough for two hundred ticks, however busy the machine is.
        let deadline = Instant::now() + Duration::from_secs(15);
        while read(load.id()).own < start.0.own + 200 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        let end = (read(load.id()), read(std::process::id()));
        for loops in processes::process_tree(proc_root, load.id(), &[]).iter().rev() {
            let pid = nix::unistd::Pid::from_raw(i32::try_from(loops.0).expect("a pid"));
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        }
        load.wait().expect("its end");

        // All the loops' time is ours in the second view, which knows this very process as the family.
        let loops = end.0.own - start.0.own;
        assert!(loops >= 200, "the loops had {loops} ticks");
        assert!(end.1.own - start.1.own + 20 >= loops, "{start:?} {end:?}");
        // And what is busy is at least theirs.
        assert!(end.0.busy - start.0.busy + 20 >= loops, "{start:?} {end:?}");

        // A stranger to the loops sees them as others.
        let mut stranger = CpuTimes { own: 0, ..end.0 };
        stranger.at = end.0.at;
        let then = CpuTimes { own: 0, ..start.0 };
        let window = (end.0.at - start.0.at).as_secs_f64() * ticks_per_second() * end.0.cpus as f64;
        let known = 100.0 * loops as f64 / window;
        let (with, without) =
            (stranger.percent_of_others(&then), end.0.percent_of_others(&start.0));
        let difference = f64::from(with) - f64::from(without);
        assert!((difference - known).abs() <= 5.0 || with == 100, "{with} {without} {known}");
    }
}
