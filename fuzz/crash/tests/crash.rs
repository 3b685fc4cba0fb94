//! Fifty rounds on each store, and some with all ends held. `cargo xtask crash --rounds N` plays
//! more.

use std::path::PathBuf;

use ecp_crash::{Fault, Plan, Store, Summary, run};
use ecp_testkit::postgres::Server;

fn fifty(store: Store, fault: Option<Fault>) -> Result<Summary, String> {
    play(store, 50, false, fault)
}

fn play(store: Store, rounds: u32, hold: bool, fault: Option<Fault>) -> Result<Summary, String> {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_ecp-crash"));
    let seed = fastrand::u64(..);
    let played = run(&Plan { program, store, rounds, seed, hold, fault });
    played.map_err(|error| format!("seed {seed}: {error}"))
}

#[test]
fn sqlite_loses_nothing_and_does_nothing_twice() {
    fifty(Store::Sqlite, None).unwrap();
}

#[test]
fn postgres_loses_nothing_and_does_nothing_twice() {
    if Server::start_or_skip("killing processes over Postgres").is_some() {
        fifty(Store::Postgres, None).unwrap();
    }
}

#[test]
fn sqlite_with_all_ends_held_loses_nothing_and_does_nothing_twice() {
    play(Store::Sqlite, 15, true, None).unwrap();
}

#[test]
fn postgres_with_all_ends_held_loses_nothing_and_does_nothing_twice() {
    if Server::start_or_skip("killing processes over Postgres while ends are held").is_some() {
        play(Store::Postgres, 10, true, None).unwrap();
    }
}

#[test]
fn a_callback_that_was_answered_too_early_is_missed() {
    let error = fifty(Store::Sqlite, Some(Fault::AnswersEarly)).unwrap_err();
    assert!(error.contains("lost: "), "{error}");
}

#[test]
fn effects_outside_of_the_transaction_are_seen_to_happen_twice() {
    let error = fifty(Store::Sqlite, Some(Fault::EffectsApart)).unwrap_err();
    assert!(error.contains("done twice: "), "{error}");
}
