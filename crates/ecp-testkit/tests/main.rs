//! Every test of `ecp-testkit` from outside, in one program: linking one is quicker than linking many.
//! A file that is not named here is not run; `xtask/tests` looks for such.

mod adapters;
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod common;
mod conformance;
mod deliveries;
mod kinds;
mod operations;
mod outside_methods;
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod printed;
mod safe_sending;
mod sockets;
