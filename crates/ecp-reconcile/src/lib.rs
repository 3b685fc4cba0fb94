//! Reconciliation: comparison of the platform, the inbox and the payouts' journals.
//!
//! Three sides know of a payment: the platform, the inbox of its callbacks (`ecp-inbox`), and the
//! journals in which `ecp-payouts` records payouts before it sends them. A [`Reconcile`] reads the
//! operations that the platform began in an [`Interval`], the payouts that the journals sent in it
//! and the callbacks that the inbox received in it, and returns every [`Difference`] with a
//! recommended action.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use ecp_core::{ProjectId, SecretKey, Sensitive};
//! use ecp_inbox::Inbox;
//! use ecp_payouts::Owner;
//! use ecp_reconcile::{Interval, Reconcile};
//! use ecp_transport::{DataApi, GATE_URL, Gate, ReqwestTransport, SendPolicy, Sender};
//!
//! # async fn compare(
//! #     inbox: Arc<dyn Inbox>,
//! #     key: SecretKey,
//! #     token: Sensitive<String>,
//! #     token_key: SecretKey,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! let project = ProjectId::new(1236)?;
//! let owner = Owner::new(project, GATE_URL);
//! let gate = Gate::new(project, &key, ReqwestTransport::new()?);
//! let data = DataApi::new(token, &token_key, ReqwestTransport::for_data_api()?);
//! let january = Interval::new("2024-01-01T00:00:00+0000".parse()?, "2024-01-31T23:59:59+0000".parse()?);
//!
//! let mut reconciliation = Reconcile::new(owner, january)
//!     .inbox(inbox)
//!     .journal("payouts.csv.journal")
//!     .begin(&data, Sender::new(gate, SendPolicy::new()))
//!     .await?;
//! while let Some(difference) = reconciliation.next().await? {
//!     println!("{difference}\n  {}", difference.action());
//! }
//! println!("{:?}", reconciliation.counts());
//! # Ok(())
//! # }
//! ```
//!
//! # What is compared
//!
//! Operations, by the platform's numbers: type, status and sum. Of a payout also what its journal
//! says of its end. If a side has an operation that the Data API does not list in that
//! interval, Gate is asked: it may have begun before the interval, with a callback in it.
//!
//! A payment that has not ended on any side is not a difference; it is counted as pending. What is still
//! on its way is one, so choose an interval that ended a while ago, longer than callbacks are
//! repeated.
//!
//! # What cannot be detected
//!
//! - Unrequested sales and refunds: neither side here keeps the requests of a service. Unrequested
//!   payouts can be detected where journals are given. The refunds of journals are not compared.
//! - Two payouts under two ids that were meant to be one: equal sums to one account may be right.
//!   Two payouts under one id are a difference.
//! - Callbacks in formats that name no payment, operations without a payment id and other odd records
//!   are not compared. They are counted and named ([`Odd`]).
//!
//! # Room
//!
//! Memory holds one page of operations, one of callbacks and one payment. The data of the three sides
//! wait in a temporary SQLite file: about 150 bytes for an operation, and for a payout in a
//! journal. It is written and read on the runtime's threads for blocking work.

mod blocking;
mod compare;
mod difference;
mod error;
mod interval;
mod json;
mod names;
mod odd;
mod reconcile;
#[cfg(feature = "postgres")]
mod shared;
mod sides;
mod spool;

pub use self::difference::{Difference, Kind, SideState, Sum};
pub use self::error::ReconcileError;
pub use self::interval::Interval;
pub use self::names::OperationNames;
pub use self::odd::Odd;
pub use self::reconcile::{Counts, Reconcile, Reconciliation};
