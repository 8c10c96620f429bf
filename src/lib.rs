//! `unboxed` teaches how a Linux container is built by building one, step by step, with real system calls.
//!
//! Layers, from values to effects: see ARCHITECTURE.md.

pub mod action;
pub mod call;
pub mod diff;
pub mod doctor;
pub mod engine;
pub mod failure;
pub mod lesson;
pub mod op;
pub mod report;
pub mod rootfs;
pub mod snapshot;
