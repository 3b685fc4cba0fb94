//! The simulation at CI's size.

use std::process::Command;

/// `cargo xtask ci` runs it, apart from the other tests, which its kills would slow.
#[test]
#[ignore = "keeps both cores busy for half a minute; `cargo xtask ci` runs it"]
fn none_of_2000_payouts_is_paid_twice_or_lost_through_failures_and_kills() {
    let status = Command::new(env!("CARGO_BIN_EXE_ecp-simulations")).arg("2000").status().unwrap();
    assert!(status.success(), "{status}");
}
