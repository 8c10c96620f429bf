//! The only module that changes the system, and the only one with `unsafe`. Every call that an op makes goes through a
//! `Recorder`, so that what is shown is what was done.
#![allow(clippy::disallowed_methods)]

pub mod bpf;
pub mod call_listener;
pub mod caller;
pub mod caller_path;
pub mod confine;
pub mod copy;
pub mod directory;
pub mod enter;
pub mod errno;
pub mod file;
pub mod held;
pub mod home;
pub mod icmp;
pub mod inherited;
pub mod layout;
pub mod ledger;
pub mod load;
pub mod log;
pub mod mount;
pub mod net;
pub mod nf_tables;
pub mod nft;
pub mod notation;
pub mod panics;
pub mod perform;
pub mod pidfd;
pub mod process;
pub mod program;
pub mod ptrace;
pub mod pty;
pub mod record;
pub mod rooted;
pub mod sealed;
pub mod seccomp;
pub mod sysv;
pub(crate) mod tar_entry;
pub mod tar_writer;
pub mod tc;
pub mod tcp;
pub mod unlayer;
pub mod watched_calls;
pub mod work;
