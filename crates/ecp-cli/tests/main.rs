//! Every test of `ecp-cli` from outside, in one program: linking one is quicker than linking many.
//! A file that is not named here is not run; `xtask/tests` looks for such.

mod confirm;
mod console;
mod control;
mod demo;
mod docs;
mod effects;
mod explain;
mod inbox;
mod installing;
mod keys;
mod listen;
mod machine;
mod next;
mod offered;
mod operations;
mod outputs;
mod payments;
mod payouts;
mod permissions;
mod postgres;
mod reconcile;
mod report;
mod reports;
mod sandbox;
mod sentinels;
#[cfg(unix)]
mod shared_payouts;
mod signatures;
#[path = "../../ecp-reports/tests/support/smtp.rs"]
mod smtp;
mod state;
mod steps;
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod support;
mod trigger;
