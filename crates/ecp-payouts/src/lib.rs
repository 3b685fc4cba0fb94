//! Mass payouts and refunds: a file of rows, each of which is carried out once, whatever interrupts
//! the run.
//!
//! 1. [`Plan::read`] checks every row of a CSV file against its method before anything is sent,
//!    and reports every bad row by line and field. A plan has totals per method and currency.
//! 2. A [`Journal`] stores, in SQLite, the intent of every send before it happens, and the
//!    result.
//! 3. A [`Payer`] sends the payouts that have not ended by the journal, at a limited pace, and
//!    requests their status until each has ended. It may be interrupted at any point, and run again.
//! 4. A refund whose answer was lost is never sent again: no answer of the platform says that a
//!    refund does not exist. Its result is known by its operation in the payment's status, and
//!    stays unknown without one.
//! 5. [`write_results`] writes the result of each row (a success, a decline, an error, or unknown),
//!    with its evidence: a text that explains how the result is known.
//!
//! A service pays single payouts through the same journal by `Payer::pay`, which returns when the
//! intent is on the disk.
//!
//! Payers on several machines share one file through a journal in Postgres: the
//! `postgres::PostgresJournal` of the feature `postgres`, and of `postgres-tls` with TLS.
//!
//! ```
//! use ecp_core::ProjectId;
//! use ecp_methods::Registry;
//! use ecp_payouts::{Layout, Plan};
//!
//! let file = "method,general.payment_id,payment.amount,payment.currency,account.number,customer.ip_address\n\
//!             jeton,P-1,30000,EUR,93017949,192.0.2.1\n\
//!             jeton,P-2,0,EUR,93017949,\n";
//! let project = ProjectId::new(1)?;
//! let problems = Plan::read(file.into(), &Layout::new(), &Registry::builtin(), project).unwrap_err();
//! assert_eq!(
//!     problems.to_string(),
//!     "line 3, `payment.amount`: 0.00 EUR is not positive\n\
//!      line 3, `customer.ip_address`: is required"
//! );
//! # Ok::<(), ecp_core::InvalidId>(())
//! ```

mod alike;
mod cells;
mod columns;
mod doubts;
mod evidence;
mod journal;
mod layout;
mod names;
mod payer;
mod plan;
#[cfg(feature = "postgres")]
pub mod postgres;
mod problem;
mod progress;
mod refunds;
mod respelled;
mod results;
mod row;
mod run;
mod settings;
mod single;
mod template;

pub use self::journal::{
    Entry, Journal, JournalError, JournalReader, JournalStore, OddEntry, Owner, State,
};
pub use self::layout::{AmountUnit, Layout};
pub use self::payer::{METRICS, Payer};
pub use self::plan::{Plan, Total};
pub use self::problem::{Problem, Problems};
pub use self::progress::{Counts, Progress, Stop};
pub use self::results::write_results;
pub use self::row::{Row, RowId, RowRequest};
pub use self::settings::Settings;
pub use self::single::{Ongoing, PayError};
pub use self::template::write_template;
