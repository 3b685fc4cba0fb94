//! Kills processes that have an inbox, and looks whether anything was lost or done twice.
//!
//! A child process accepts callbacks and has them handled, by a handler that writes its effects in
//! the inbox's own transaction. This process sends it histories of payments, out of order and with
//! repetitions, and kills it: at random instants, and at every place that the inbox names. Then it
//! starts another one over the same data and goes on, like the platform, which sends again what
//! was not answered with 200.

pub mod child;
mod history;
mod process;
mod rounds;

pub use self::rounds::{Fault, Plan, Store, Summary, run};
