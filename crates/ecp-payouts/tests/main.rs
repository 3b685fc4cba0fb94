//! Every test of `ecp-payouts` from outside, in one program: linking one is quicker than linking many.
//! A file that is not named here is not run; `xtask/tests` looks for such.

mod ends;
mod journal_file;
mod payer;
mod plan;
mod refunds;
#[cfg(all(feature = "postgres", unix))]
mod shared;
mod single;
mod spreadsheets;
mod times;
