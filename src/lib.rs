//! `unboxed` teaches how a Linux container is built by building one, step by step, with real system calls.
//!
//! Layers, from values to effects: see ARCHITECTURE.md.

// A new variant asks at each place that decides by it. Tests may look for the one that they are about.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

pub mod action;
pub mod actor;
pub mod app;
pub mod call;
pub mod cli;
pub mod diagnosis;
pub mod diff;
pub mod doctor;
pub mod engine;
pub mod explain;
pub mod export;
pub mod fact;
pub mod failure;
pub mod image;
pub mod keeper;
pub mod kernel;
pub mod lab;
pub mod laid_out;
pub mod lesson;
pub mod map;
pub mod notice;
pub mod observe;
pub mod op;
pub mod own_call;
pub mod progress;
pub mod prompt;
pub mod proof;
pub mod remark;
pub mod report;
pub mod rootfs;
pub mod seen;
pub mod settings;
pub mod snapshot;
pub mod talk;
pub mod tape;
pub mod text;
pub mod tracer;
pub mod traffic;
pub mod tui;
pub mod ui;
pub mod view;
pub mod wire;
pub mod words;
