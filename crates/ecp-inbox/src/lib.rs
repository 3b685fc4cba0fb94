//! A durable home for verified callbacks.
//!
//! [`Inbox::accept`] returns when a callback is on disk, so that only then the platform gets its
//! 200. What was heard moves the [`PaymentState`], which ends the same in whatever order callbacks
//! come and however often. [`Worker`] hands each callback to a handler, at least once and in the
//! order of its payment; a handler that writes to the inbox's own database does so in the same
//! transaction, so that its effect is there exactly once.

mod accept;
mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
mod entry;
mod failpoint;
mod inbox;
mod observer;
#[cfg(feature = "postgres")]
pub mod postgres;
mod release;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod state;
mod worker;

pub use self::clock::{Clock, SteppedClock, SystemClock};
pub use self::entry::{
    Claim, Claimed, Delivery, Entry, EntryId, EntryState, Finish, Lease, Query, Raw, Stats,
};
pub use self::inbox::{Accepted, Inbox, InboxError, InboxErrorKind, Release};
pub use self::observer::{Event, Observed, Observer};
pub use self::state::{Amount, Change, News, OperationState, PaymentState, Report};
pub use self::worker::{Handler, HandlerError, Worker};
