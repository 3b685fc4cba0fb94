//! Kills processes that have an inbox, or their database servers, for a number of rounds.

use crate::run;

/// Passes the options on: `--rounds N`, `--store sqlite|postgres`, `--seed N`.
pub(crate) fn crash(options: &[&str]) -> bool {
    play("rounds", options)
}

/// Passes the options on: `--rounds N`, `--seed N`, `--commit on|local`, `--histories FOLDER`.
pub(crate) fn fail_over(options: &[&str]) -> bool {
    play("failover", options)
}

fn play(what: &str, options: &[&str]) -> bool {
    let mut arguments = vec!["run", "--release", "--quiet", "--package", "ecp-crash", "--", what];
    arguments.extend(options);
    run("cargo", &arguments, &[])
}
