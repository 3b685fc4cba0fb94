//! Marked secrets and personal data, and everything that a log, a metric or a printed value could
//! show of them.
//!
//! [`Sentinels`] knows the marks in each form in which they could come out. [`Capture`] takes in all
//! that is logged, whoever logs it, and all that metrics are told; what is printed is added by hand.
//! The test beside this file runs the crates in between.

mod capture;
mod sentinels;

pub use self::capture::{Capture, Seen};
pub use self::sentinels::{Search, Sentinels};
