//! Policy of dependencies, by cargo-deny and `deny.toml`.

use std::process::{Command, Stdio};

use crate::{left_out, run};

/// Checks licences, duplicate versions, and sources of crates, those of other platforms too.
///
/// Needs the network only for packages that Cargo has never downloaded here.
pub(crate) fn deny() -> Result<(), String> {
    if !is_installed() {
        return left_out(format!("not checked: {MISSING}"));
    }
    if !run("cargo", &["fetch", "--quiet", "--locked"], &[]) {
        return Err("cargo could not download the packages that Cargo.lock names".to_owned());
    }
    let checks = ["deny", "--offline", "check", "licenses", "bans", "sources"];
    let done = run("cargo", &checks, &[]);
    done.then_some(()).ok_or_else(|| "deny.toml does not allow what is built in".to_owned())
}

/// Checks security advisories about the dependencies. Fetches the database of RustSec.
pub(crate) fn advisories() -> Result<(), String> {
    if !is_installed() {
        return Err(MISSING.to_owned());
    }
    let done = run("cargo", &["deny", "check", "advisories"], &[]);
    done.then_some(()).ok_or_else(|| {
        "there are advisories, or the database of RustSec cannot be fetched".to_owned()
    })
}

const MISSING: &str = "cargo-deny is not installed: `cargo install cargo-deny`, or a package of it";

fn is_installed() -> bool {
    let mut version = Command::new("cargo");
    version.args(["deny", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}
