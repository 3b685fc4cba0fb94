//! Kills processes that have an inbox, or their database servers, for a number of rounds, and fails
//! their disks.

use crate::run;

/// Passes the options on: `--rounds N`, `--store sqlite|postgres`, `--seed N`.
pub(crate) fn crash(options: &[&str]) -> bool {
    play("rounds", options)
}

/// Passes the options on: `--rounds N`, `--seed N`, `--commit on|local`, `--histories FOLDER`.
pub(crate) fn fail_over(options: &[&str]) -> bool {
    play("failover", options)
}

/// Passes the options on: `--seeds N`, `--seed FIRST`, `--beside N`. Not optimized, since the kernel
/// takes most of the time.
pub(crate) fn disks(options: &[&str]) -> bool {
    let mut arguments = vec!["run", "--quiet", "--package", "ecp-disks", "--"];
    arguments.extend(options);
    run("cargo", &arguments, &[])
}

fn play(what: &str, options: &[&str]) -> bool {
    let mut arguments = vec!["run", "--release", "--quiet", "--package", "ecp-crash", "--", what];
    arguments.extend(options);
    run("cargo", &arguments, &[])
}
