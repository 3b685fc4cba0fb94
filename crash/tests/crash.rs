//! Fifty rounds on each store. `cargo xtask crash --rounds N` plays more.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use ecp_crash::{Plan, Store, run};
use ecp_testkit::postgres::Server;

fn fifty(store: Store) {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_ecp-crash"));
    let summary = run(&Plan { program, store, rounds: 50, seed: fastrand::u64(..) }).unwrap();
    println!("{summary}");
}

#[test]
fn sqlite_loses_nothing_and_does_nothing_twice() {
    fifty(Store::Sqlite);
}

#[test]
fn postgres_loses_nothing_and_does_nothing_twice() {
    if Server::start_or_skip("killing processes over Postgres").is_some() {
        fifty(Store::Postgres);
    }
}
