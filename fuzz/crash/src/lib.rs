//! Kills processes that have an inbox, and checks that nothing was lost or done twice.
//!
//! A child process accepts callbacks and handles them, by a handler that writes its effects in the
//! inbox's own transaction. This process sends it histories of payments, out of order and with
//! repetitions, and kills it: at random times, and at every place that the inbox names. Then it
//! starts another one with the same data and continues, like the platform, which repeats callbacks
//! that were not answered with 200.

pub mod child;
pub mod failover;
pub mod history;
mod judge;
pub mod process;
mod rounds;

pub use self::rounds::{Fault, Plan, Store, Summary, run};
