//! A **call**: one system call (or netlink request) that was really made, as `strace` would print it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One recorded call. `args` is already in strace's notation, without the outer parentheses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    pub kind: CallKind,
    /// The system call's name (`mount`), or the netlink message type (`RTM_NEWLINK`).
    pub name: String,
    pub args: String,
    pub result: CallResult,
    /// Wall time spent in the call, in nanoseconds.
    pub nanos: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallKind {
    Syscall,
    /// A request on a netlink socket: the result is the kernel's acknowledgement.
    Netlink,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallResult {
    Value(i64),
    /// The errno's name (`EINVAL`).
    Errno(ErrnoName),
    /// It could not be seen: somebody else watches whoever made the call, or they ended in it.
    Unseen,
}

/// An errno by its symbolic name, as lessons (`fails: EINVAL`) and recorded calls both carry it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrnoName(pub String);

impl ErrnoName {
    pub fn from_raw(number: i32) -> Self {
        ErrnoName(format!("{:?}", nix::errno::Errno::from_raw(number)))
    }

    /// The kernel's own sentence for it (`Invalid argument`); empty when the name is unknown.
    pub fn sentence(&self) -> &'static str {
        (1..=133)
            .map(nix::errno::Errno::from_raw)
            .find(|errno| format!("{errno:?}") == self.0)
            .map_or("", nix::errno::Errno::desc)
    }

    pub fn is_known(&self) -> bool {
        !self.sentence().is_empty()
    }
}

impl fmt::Display for ErrnoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl CallResult {
    pub fn is_ok(&self) -> bool {
        matches!(self, CallResult::Value(_))
    }

    /// The result of a call by the number that the kernel returned: errnos are negative.
    pub fn from_returned(returned: i64) -> CallResult {
        /// MAX_ERRNO of linux/err.h.
        const MAX_ERRNO: i64 = 4095;
        match i32::try_from(-returned) {
            Ok(errno) if (1..=MAX_ERRNO).contains(&i64::from(errno)) => {
                CallResult::Errno(ErrnoName::from_raw(errno))
            }
            _ => CallResult::Value(returned),
        }
    }

    pub fn errno(&self) -> Option<&ErrnoName> {
        match self {
            CallResult::Value(_) | CallResult::Unseen => None,
            CallResult::Errno(errno) => Some(errno),
        }
    }
}

impl fmt::Display for CallResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallResult::Value(value) => write!(f, "{value}"),
            CallResult::Errno(errno) => write!(f, "-1 {errno} ({})", errno.sentence()),
            CallResult::Unseen => f.write_str("?"),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({}) = {}", self.name, self.args, self.result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_reads_like_a_line_of_strace() {
        let mut call = Call {
            kind: CallKind::Syscall,
            name: "pivot_root".into(),
            args: r#"".", "oldroot""#.into(),
            result: CallResult::Value(0),
            nanos: 12,
        };
        assert_eq!(call.to_string(), r#"pivot_root(".", "oldroot") = 0"#);
        call.result = CallResult::Errno(ErrnoName::from_raw(libc::EINVAL));
        assert_eq!(
            call.to_string(),
            r#"pivot_root(".", "oldroot") = -1 EINVAL (Invalid argument)"#
        );
    }

    #[test]
    fn an_unknown_errno_name_is_told_apart() {
        assert!(ErrnoName("EBUSY".into()).is_known());
        assert!(!ErrnoName("EBUZY".into()).is_known());
    }
}
