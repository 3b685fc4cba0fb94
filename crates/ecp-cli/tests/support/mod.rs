//! The `ecp` command, as a test runs it.

pub(crate) mod data_api;
pub(crate) mod sandbox;

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// `ecp` without anything of the machine's configuration, and without the `next:` lines, which
/// `tests/next.rs` reads.
pub(crate) fn ecp(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ecp"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    for name in ["ECP_PROFILE", "ECP_PROFILES", "ECP_GATE_URL", "XDG_CONFIG_HOME"] {
        command.env_remove(name);
    }
    command.env("HOME", folder).env("ECP_QUIET", "1");
    command
}

pub(crate) fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

pub(crate) fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}
