//! The seam between a payer and the store of its journal.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ecp_transport::SharedLimits;

use super::{Entry, JournalError};
use crate::row::RowId;

/// A store that a [`Payer`](crate::Payer) can use as its journal: a [`Journal`](super::Journal) in a
/// file, which one process has open at a time, or with the feature `postgres` a `PostgresJournal`,
/// which several payers share.
///
/// The trait is sealed. A payer relies on what its methods promise after a crash, and the stores of
/// this crate are tested for that.
pub trait JournalStore: sealed::Store {}

/// What the payer and the stores of this crate share.
pub(crate) mod sealed {
    use super::{
        Arc, Duration, Entry, HashMap, JournalError, RowId, SharedLimits, async_trait, fmt,
    };

    /// A journal as a payer uses it.
    ///
    /// A row is worked on by one holder at a time. Each reservation has a new token, and a write
    /// with the token of an earlier one fails, so that a holder that was taken for dead cannot send:
    /// its intent is not stored.
    #[async_trait]
    pub trait Store: fmt::Debug + Send + Sync + 'static {
        /// The entries with which a file is compared before its first row is sent.
        async fn entries(&self) -> Result<Arc<HashMap<RowId, Entry>>, JournalError>;

        /// The present entry of a row; `None` if there is none.
        async fn entry(&self, id: &RowId) -> Result<Option<Entry>, JournalError>;

        /// Reserves rows, as far as they have not ended and no other payer or task has them. The result has one
        /// element for each row, in their order. The rows differ from each other.
        async fn take(&self, ids: &[RowId]) -> Result<Vec<Taken>, JournalError>;

        /// Stores the entry of a row that the caller has reserved, replacing the previous one. It is
        /// on the disk when the call returns. Fails with [`JournalError::Lost`] if another payer has
        /// the row by now; for an intent also if the reservation may have ended meanwhile, although
        /// the entry may be stored.
        async fn keep(&self, id: &RowId, token: i64, entry: &Entry) -> Result<(), JournalError>;

        /// Gives a reserved row back. `has_ended` says that its stored state is final.
        fn release(&self, id: &RowId, token: i64, has_ended: bool);

        /// Limits on requests that the payers of the journal share.
        fn limits(&self) -> Option<Arc<dyn SharedLimits>>;

        /// Time after which a row that another payer had may be free.
        fn pause(&self) -> Duration;
    }

    /// Result of an attempt to reserve a row, so that only the caller may send its request.
    #[derive(Debug)]
    pub enum Taken {
        /// The row is reserved for the caller, who may send its request.
        Held(Held),
        /// The row has ended in a success or a decline, with this entry. There is nothing to send.
        Ended(Box<Entry>),
        /// Another payer or task has the row, with this entry; `None` if it has none yet.
        Busy(Option<Box<Entry>>),
    }

    impl Taken {
        /// The row's entry; `None` if it has none yet.
        pub(crate) fn entry(&self) -> Option<&Entry> {
            match self {
                Self::Held(held) => held.entry.as_ref(),
                Self::Ended(entry) => Some(entry),
                Self::Busy(entry) => entry.as_deref(),
            }
        }
    }

    /// A row that is reserved for the caller, who alone may send its request.
    #[derive(Debug)]
    pub struct Held {
        /// The number of the reservation. A write names it, and fails if the row was reserved again
        /// since.
        pub token: i64,
        /// What the journal has recorded of the row; `None` for a new row.
        pub entry: Option<Entry>,
        /// Time since the request was last about to be sent, by the clock of the store; `None` if the
        /// store has no clock.
        pub age: Option<Duration>,
    }
}
