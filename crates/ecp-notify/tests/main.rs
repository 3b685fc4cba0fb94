//! Every test of `ecp-notify` from outside, in one program: linking one is quicker than linking many.
//! A file that is not named here is not run; `xtask/tests` looks for such.

#[cfg(feature = "receiver")]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod common;
#[cfg(feature = "receiver")]
mod confirmations;
#[cfg(feature = "receiver")]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod operations;
mod reading;
#[cfg(feature = "receiver")]
mod receiver;
#[cfg(all(feature = "axum", feature = "server"))]
mod server;
mod verifier;
