//! The machine's load, and how much longer than usual something may take under it.

use std::time::Duration;

/// The most that a wait is stretched by.
pub const MAX_STRETCH: u32 = 10;

/// A wait that is long enough on an idle machine, stretched by as much as the CPUs are in demand: on a machine with
/// four runnable processes for each of its CPUs, what takes a second there takes four here.
pub fn stretched(idle: Duration) -> Duration {
    let runnable = std::fs::read_to_string("/proc/loadavg").ok().and_then(|text| runnable(&text));
    let demand = runnable.unwrap_or_default().max(average());
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    idle.mul_f64(stretch(demand, cpus))
}

fn stretch(demand: f64, cpus: usize) -> f64 {
    (demand / cpus as f64).clamp(1.0, f64::from(MAX_STRETCH))
}

/// The runnable processes of the whole machine right now: `0.20 0.18 0.12 3/80 11206`, proc_loadavg(5).
fn runnable(loadavg: &str) -> Option<f64> {
    loadavg.split_ascii_whitespace().nth(3)?.split('/').next()?.parse().ok()
}

/// The average over the last minute, sysinfo(2), which needs no /proc.
fn average() -> f64 {
    nix::sys::sysinfo::sysinfo().map_or(0.0, |info| info.load_average().0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_grows_with_the_demand_for_each_cpu_and_is_bounded() {
        assert_eq!(runnable("0.20 0.18 0.12 3/80 11206\n"), Some(3.0));
        assert_eq!(runnable(""), None);

        assert_eq!(stretch(0.0, 2), 1.0);
        assert_eq!(stretch(2.0, 2), 1.0);
        assert_eq!(stretch(8.0, 2), 4.0);
        assert_eq!(stretch(500.0, 2), f64::from(MAX_STRETCH));
    }
}
