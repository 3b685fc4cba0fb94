//! The simulation at CI's size.

use std::process::Command;

/// `cargo xtask ci` runs it, apart from the other tests, which its kills would slow.
#[test]
#[ignore = "keeps both cores busy for half a minute; `cargo xtask ci` runs it"]
fn none_of_2000_payouts_is_paid_twice_or_lost_through_failures_and_kills() {
    let status = Command::new(env!("CARGO_BIN_EXE_ecp-simulations")).arg("2000").status().unwrap();
    assert!(status.success(), "{status}");
}

#[test]
#[ignore = "keeps both cores busy for some seconds; `cargo xtask ci` runs it"]
fn none_of_300_payouts_is_paid_twice_or_lost_by_four_payers_through_kills_and_a_failover() {
    let mut simulation = Command::new(env!("CARGO_BIN_EXE_ecp-simulations"));
    let status = simulation.args(["300", "1", "--payers", "4"]).status().unwrap();
    assert!(status.success(), "{status}");
}
