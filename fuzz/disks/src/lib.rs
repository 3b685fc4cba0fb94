//! Runs an inbox over a disk that fails and loses power, with a clock that jumps, and checks that
//! nothing was lost or done twice.
//!
//! Everything but the order of threads follows from a seed. A child process has the inbox, in a
//! folder that this process serves by FUSE ([`mount`]) from a disk in memory ([`disk`]). This
//! process fails operations of the disk and switches its power off ([`faults`]), kills the child,
//! starts another one, and compares what it was told with what is there ([`run`]). Payers and their
//! journals are treated alike ([`payouts`]).

#![cfg(target_os = "linux")]

pub mod child;
pub mod disk;
pub mod faults;
mod ledger;
pub mod mount;
pub mod payer;
pub mod payouts;
mod run;

pub use self::run::{Plan, Summary, run};
