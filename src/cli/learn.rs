//! `unboxed` and `unboxed learn`: the screen.

use std::process::ExitCode;

pub fn learn(_lesson: Option<&str>, _ascii: bool) -> anyhow::Result<ExitCode> {
    anyhow::bail!("the screen is not there yet; `unboxed run` plays a lesson")
}
