//! The ids of the machine that a lab's users and groups are.

use super::facts::IdMapping;
use super::roots::MachineRoot;

/// The first of a lab's ids on the machine, where the keeper is root: far above any real user.
const FIRST_ID: u32 = 1_000_000_000;
const ID_COUNT: u32 = 65_536;

/// The ids of the machine that a lab's ids are mapped to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabIdMapping {
    pub first: u32,
    pub count: u32,
}

impl LabIdMapping {
    /// Root: a high range, or the highest one that this process's own namespace has. Anybody else: themself.
    pub fn choose() -> LabIdMapping {
        let machine = MachineRoot::this_machine();
        LabIdMapping::of_user(machine.euid, &IdMapping::read(&machine))
    }

    /// The mapping for this user, in a namespace with these ids.
    pub fn of_user(euid: u32, uid_map: &[IdMapping]) -> LabIdMapping {
        if euid != 0 {
            return LabIdMapping { first: euid, count: 1 };
        }

        let ranges = uid_map.iter().map(|range| (range.inside, range.count));
        let mut best = LabIdMapping { first: 0, count: 1 };
        for (first, count) in ranges {
            let end = first.saturating_add(count);
            if first <= FIRST_ID && FIRST_ID + ID_COUNT <= end {
                return LabIdMapping { first: FIRST_ID, count: ID_COUNT };
            }
            if count >= 2 * ID_COUNT && end - ID_COUNT > best.first {
                best = LabIdMapping { first: end - ID_COUNT, count: ID_COUNT };
            } else if best.count == 1 && count > 1 && end - 1 > best.first {
                best = LabIdMapping { first: end - 1, count: 1 };
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lab_of_root_gets_ids_that_no_user_has() {
        let check = |map: &str, first, count| {
            let ranges: Vec<_> = map.lines().filter_map(IdMapping::parse).collect();
            assert_eq!(LabIdMapping::of_user(0, &ranges), LabIdMapping { first, count }, "{map}");
            let user = LabIdMapping { first: 1000, count: 1 };
            assert_eq!(LabIdMapping::of_user(1000, &ranges), user, "{map}");
        };
        check("         0          0 4294967295\n", FIRST_ID, ID_COUNT);
        check("0 100000 200000\n", 200000 - ID_COUNT, ID_COUNT);
        check("0 100000 65536\n", 65535, 1);
        check("0 1000 1\n", 0, 1);
        check("", 0, 1);
    }
}
