//! The tests of an outside crate.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod command;
mod conformance;
