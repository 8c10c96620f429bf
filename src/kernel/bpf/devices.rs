//! Rules for devices in cgroup v2: no file takes them, so a small program is put together, loaded and attached to a
//! group; the kernel asks it at every open and mknod. See the kernel's text on cgroup-v2, "Device controller".

use nix::errno::Errno;

use super::{
    EXIT, Instruction, JUMP_IF_ZERO, JUMP_UNLESS_ZERO, Kind, NOTHING, R0, R1, R2, R3, R4, R5, R6,
    and, copy, jump_unless_equal, lead_behind, load_word, set, shift_right,
};
use crate::kernel::record::Recorder;
use crate::op::DeviceRule;

/// The rights of a group to devices, as the rules so far leave them; in v1 the kernel keeps this itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevicePolicy {
    allows: bool,
    /// The devices for which it is the other way round.
    exceptions: Vec<Devices>,
}

/// Devices and what is done with them. `None` stands for `*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Devices {
    kind: i32,
    major: Option<i32>,
    minor: Option<i32>,
    access: i32,
}

const BLOCK: i32 = 1;
const CHARACTER: i32 = 2;
const MKNOD: i32 = 1;
const READ: i32 = 2;
const WRITE: i32 = 4;

impl Default for DevicePolicy {
    fn default() -> DevicePolicy {
        DevicePolicy { allows: true, exceptions: Vec::new() }
    }
}

impl DevicePolicy {
    /// Take in a rule as v1's files would: `a` begins anew, any other is an exception, or takes one back, bit by bit. Only an
    /// exception for just these devices is changed, whatever others also fit them; see `security/device_cgroup.c`.
    pub fn apply(&mut self, rule: &DeviceRule) -> Result<(), Errno> {
        if rule.rule.trim() == "a" {
            *self = DevicePolicy { allows: rule.allow, exceptions: Vec::new() };
            return Ok(());
        }
        let devices = Devices::parse(&rule.rule).ok_or(Errno::EINVAL)?;
        let is_exception = rule.allow != self.allows;
        match self.exceptions.iter_mut().find(|known| known.are_those_of(&devices)) {
            Some(known) if is_exception => known.access |= devices.access,
            Some(known) => known.access &= !devices.access,
            None if is_exception => self.exceptions.push(devices),
            None => {}
        }
        self.exceptions.retain(|known| known.access != 0);
        Ok(())
    }

    /// The program: each exception is tried, and the first that fits decides.
    fn program(&self) -> Vec<Instruction> {
        // r1 is the request: access and kind in one word, then major, then minor.
        let mut program = vec![
            load_word(R2, R1, 0),
            copy(R3, R2),
            and(R3, 0xffff),
            shift_right(R2, 16),
            load_word(R4, R1, 4),
            load_word(R5, R1, 8),
        ];

        for devices in &self.exceptions {
            program.extend(devices.test(if self.allows {
                Decision::Deny
            } else {
                Decision::Allow
            }));
        }

        program.extend([set(R0, i32::from(self.allows)), EXIT]);
        program
    }
}

/// The answer of the program to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Allow,
    Deny,
}

impl Devices {
    /// `c 1:5 rwm`, see the kernel's text on cgroup-v1's devices.
    fn parse(rule: &str) -> Option<Devices> {
        let mut words = rule.split_ascii_whitespace();
        let kind = match words.next()? {
            "b" => BLOCK,
            "c" => CHARACTER,
            _ => return None,
        };

        let (major, minor) = words.next()?.split_once(':')?;
        let number =
            |text: &str| if text == "*" { Some(None) } else { text.parse().ok().map(Some) };
        let bit = |letter: char| match letter {
            'm' => Some(MKNOD),
            'r' => Some(READ),
            'w' => Some(WRITE),
            _ => None,
        };

        let access = words.next()?.chars().map(bit).try_fold(0, |all, bit| Some(all | bit?))?;
        Some(Devices { kind, major: number(major)?, minor: number(minor)?, access })
    }

    fn are_those_of(&self, other: &Devices) -> bool {
        (self.kind, self.major, self.minor) == (other.kind, other.major, other.minor)
    }

    /// Instructions that end the program with this decision where the request is for these devices, and else go on.
    fn test(&self, decision: Decision) -> Vec<Instruction> {
        // A request is denied for any bit that is denied, and allowed only if all of its bits are.
        let (mask, fits) = match decision {
            Decision::Allow => (!self.access, JUMP_UNLESS_ZERO),
            Decision::Deny => (self.access, JUMP_IF_ZERO),
        };

        let mut test = vec![jump_unless_equal(R3, self.kind)];
        test.extend(self.major.map(|major| jump_unless_equal(R4, major)));
        test.extend(self.minor.map(|minor| jump_unless_equal(R5, minor)));
        test.extend([
            copy(R6, R2),
            and(R6, mask & 0xffff),
            Instruction { code: fits, registers: R6, ..NOTHING },
            set(R0, i32::from(decision == Decision::Allow)),
            EXIT,
        ]);

        lead_behind(&mut test);
        test
    }
}

/// Have the kernel ask a program for this policy, in the group whose directory this is; it takes the
/// place of an earlier one.
pub fn attach_policy(
    recorder: &mut Recorder,
    dir: &str,
    policy: &DevicePolicy,
) -> Result<(), Errno> {
    super::attach(recorder, dir, Kind::Devices, &policy.program())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::bpf::machine;

    /// True if the program allows a request.
    fn ask(policy: &DevicePolicy, kind: i32, major: i32, minor: i32, access: i32) -> bool {
        let request = [access << 16 | kind, major, minor];
        let load = |_, offset: i16| request[offset as usize / 4].cast_unsigned();
        machine::run(&policy.program(), load, |function, _| {
            panic!("no function is called: {function}")
        }) == 1
    }

    #[test]
    fn the_program_decides_as_the_rules_say() {
        let check = |rules: &[(bool, &str)], request: (i32, i32, i32, i32), expected: bool| {
            let mut policy = DevicePolicy::default();
            for (allow, rule) in rules {
                policy.apply(&DeviceRule { allow: *allow, rule: (*rule).into() }).expect("a rule");
            }
            let (kind, major, minor, access) = request;
            assert_eq!(ask(&policy, kind, major, minor, access), expected, "{rules:?} {request:?}");
        };

        let (zero, full, disk) =
            ((CHARACTER, 1, 5, READ), (CHARACTER, 1, 7, READ), (BLOCK, 1, 5, READ));

        check(&[], zero, true);
        check(&[(false, "c 1:5 rwm")], zero, false);
        check(&[(false, "c 1:5 rwm")], full, true);
        check(&[(false, "c 1:5 rwm")], disk, true);
        check(&[(false, "c 1:5 w")], zero, true);
        check(&[(false, "c 1:5 w")], (CHARACTER, 1, 5, READ | WRITE), false);
        check(&[(false, "c 1:5 rwm"), (true, "c 1:5 rwm")], zero, true);
        // One bit given back is just that bit.
        let (write, both) = ((CHARACTER, 1, 5, WRITE), (CHARACTER, 1, 5, READ | WRITE));
        let read_again = &[(false, "c 1:5 rwm"), (true, "c 1:5 r")];
        check(read_again, zero, true);
        check(read_again, write, false);
        check(read_again, both, false);
        check(&[(false, "c 1:5 r"), (false, "c 1:5 w"), (true, "c 1:5 rw")], both, true);
        // Rules for more or fewer devices leave the exception as it is.
        check(&[(false, "c 1:5 rwm"), (true, "c *:* r")], zero, false);
        check(&[(false, "c 1:* rwm"), (true, "c 1:5 r")], zero, false);
        // Rights that are given one after the other are had together, and taken one by one.
        check(&[(false, "a"), (true, "c 1:5 r"), (true, "c 1:5 w")], both, true);
        check(&[(false, "a"), (true, "c 1:5 rw"), (false, "c 1:5 w")], zero, true);
        check(&[(false, "a"), (true, "c 1:5 rw"), (false, "c 1:5 w")], write, false);

        check(&[(false, "a")], zero, false);
        check(&[(false, "a"), (true, "c 1:5 rwm")], zero, true);
        check(&[(false, "a"), (true, "c 1:5 rwm")], full, false);
        check(&[(false, "a"), (true, "c 1:5 r")], (CHARACTER, 1, 5, READ | WRITE), false);
        check(&[(false, "a"), (true, "c *:* m")], (CHARACTER, 9, 9, MKNOD), true);
        check(&[(false, "a"), (true, "c 1:* rw"), (true, "b 8:0 r")], (BLOCK, 8, 0, READ), true);
        check(&[(false, "a"), (true, "a")], full, true);
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for wrong in ["", "x", "c", "c 1:5", "c 1 rwm", "c 1:5 rwx", "c one:5 r", "d 1:5 r"] {
            let rule = DeviceRule { allow: true, rule: wrong.into() };
            assert_eq!(DevicePolicy::default().apply(&rule), Err(Errno::EINVAL), "{wrong}");
        }
    }
}
