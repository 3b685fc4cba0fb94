//! Fifty rounds on each store, some with all final callbacks held, and some failovers. `cargo xtask crash
//! --rounds N` and `cargo xtask failover --rounds N` play more.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use ecp_crash::{Fault, Plan, Store, Summary, failover, run};
use ecp_testkit::postgres::Server;

const ROUNDS: u32 = 50;

/// A round mostly waits, so that several are played beside each other. Each group over Postgres has
/// a server of its own.
const fn beside(store: Store) -> u32 {
    match store {
        Store::Postgres => 3,
        Store::Sqlite => 4,
    }
}

fn play(store: Store, rounds: u32, hold: bool, fault: Option<Fault>) -> Result<Summary, String> {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_ecp-crash"));
    let seed = fastrand::u64(..);
    let played = run(&Plan { program, store, rounds, seed, hold, fault });
    played.map_err(|error| format!("seed {seed}: {error}"))
}

/// Plays at least so many rounds in all.
fn play_all(store: Store, rounds: u32, hold: bool) {
    std::thread::scope(|scope| {
        for _ in 0..beside(store) {
            scope.spawn(|| play(store, rounds.div_ceil(beside(store)), hold, None).unwrap());
        }
    });
}

static ALONE: Mutex<()> = Mutex::new(());

/// Kills primaries whose standbys take over, where the programs for that are installed. One run at a
/// time, since answers must come in time.
fn fail_over(rounds: u32, synchronous: bool) -> Option<failover::Summary> {
    let left_out = "the failover of Postgres";
    let missing = failover::missing_programs();
    if !missing.is_empty() {
        let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!in_ci, "{left_out} needs {missing:?}");
        eprintln!("left out: {left_out} ({missing:?} are not installed here)");
        return None;
    }
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let program = PathBuf::from(env!("CARGO_BIN_EXE_ecp-crash"));
    let seed = fastrand::u64(..);
    let plan = failover::Plan { program, rounds, seed, synchronous, histories: None };
    Some(failover::run(&plan).unwrap_or_else(|error| panic!("seed {seed}: {error}")))
}

fn postgres(rounds: u32, hold: bool) {
    if Server::start_or_skip("killing processes over Postgres").is_some() {
        play_all(Store::Postgres, rounds, hold);
    }
}

#[test]
fn postgres_loses_nothing_and_does_nothing_twice() {
    postgres(ROUNDS, false);
}

#[test]
fn sqlite_loses_nothing_and_does_nothing_twice() {
    play_all(Store::Sqlite, ROUNDS, false);
}

#[test]
fn sqlite_with_all_ends_held_loses_nothing_and_does_nothing_twice() {
    play_all(Store::Sqlite, 15, true);
}

#[test]
fn postgres_with_all_ends_held_loses_nothing_and_does_nothing_twice() {
    postgres(10, true);
}

#[test]
fn a_synchronous_standby_takes_over_all_that_was_answered() {
    let Some(summary) = fail_over(3, true) else { return };
    assert!(summary.answered_before > 0 && summary.effects > 0, "{summary}");
    println!("{summary}");
}

#[test]
fn a_standby_that_commits_do_not_wait_for_loses_what_was_answered() {
    let Some(summary) = fail_over(1, false) else { return };
    assert!(summary.lost > 0, "{summary}");
}

#[test]
fn a_callback_that_was_answered_too_early_is_missed() {
    let error = play(Store::Sqlite, ROUNDS, false, Some(Fault::AnswersEarly)).unwrap_err();
    assert!(error.contains("lost: "), "{error}");
}

#[test]
fn effects_outside_of_the_transaction_are_seen_to_happen_twice() {
    let error = play(Store::Sqlite, ROUNDS, false, Some(Fault::EffectsApart)).unwrap_err();
    assert!(error.contains("done twice: "), "{error}");
}
