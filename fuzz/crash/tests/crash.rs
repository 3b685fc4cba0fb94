//! Fifty rounds on each store in two halves, and some with all ends held. `cargo xtask crash
//! --rounds N` plays more.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use ecp_crash::{Fault, Plan, Store, Summary, run};
use ecp_testkit::postgres::Server;

/// Half of the rounds: the two halves run beside each other, since a round mostly waits.
const HALF: u32 = 25;

fn play(store: Store, rounds: u32, hold: bool, fault: Option<Fault>) -> Result<Summary, String> {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_ecp-crash"));
    let seed = fastrand::u64(..);
    let played = run(&Plan { program, store, rounds, seed, hold, fault });
    played.map_err(|error| format!("seed {seed}: {error}"))
}

fn postgres(rounds: u32, hold: bool) {
    if Server::start_or_skip("killing processes over Postgres").is_some() {
        play(Store::Postgres, rounds, hold, None).unwrap();
    }
}

#[test]
fn postgres_loses_nothing_and_does_nothing_twice() {
    postgres(HALF, false);
}

#[test]
fn postgres_loses_nothing_and_does_nothing_twice_in_the_other_half() {
    postgres(HALF, false);
}

#[test]
fn sqlite_loses_nothing_and_does_nothing_twice() {
    play(Store::Sqlite, HALF, false, None).unwrap();
}

#[test]
fn sqlite_loses_nothing_and_does_nothing_twice_in_the_other_half() {
    play(Store::Sqlite, HALF, false, None).unwrap();
}

#[test]
fn sqlite_with_all_ends_held_loses_nothing_and_does_nothing_twice() {
    play(Store::Sqlite, 15, true, None).unwrap();
}

#[test]
fn postgres_with_all_ends_held_loses_nothing_and_does_nothing_twice() {
    postgres(10, true);
}

#[test]
fn a_callback_that_was_answered_too_early_is_missed() {
    let error = play(Store::Sqlite, 2 * HALF, false, Some(Fault::AnswersEarly)).unwrap_err();
    assert!(error.contains("lost: "), "{error}");
}

#[test]
fn effects_outside_of_the_transaction_are_seen_to_happen_twice() {
    let error = play(Store::Sqlite, 2 * HALF, false, Some(Fault::EffectsApart)).unwrap_err();
    assert!(error.contains("done twice: "), "{error}");
}
