//! Every test of `ecp-transport` from outside, in one program: linking one is quicker than linking many.
//! A file that is not named here is not run; `xtask/tests` looks for such.

mod clarify;
mod data;
mod endpoint;
mod outcomes;
mod page;
mod redirect;
mod refund;
mod reqwest;
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod support;
mod wait;
