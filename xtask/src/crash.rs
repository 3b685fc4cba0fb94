//! Kills processes that have an inbox, for a number of rounds.

use crate::run;

/// Passes the options on: `--rounds N`, `--store sqlite|postgres`, `--seed N`.
pub(crate) fn crash(options: &[&str]) -> bool {
    let mut arguments =
        vec!["run", "--release", "--quiet", "--package", "ecp-crash", "--", "rounds"];
    arguments.extend(options);
    run("cargo", &arguments, &[])
}
