//! Interface of every store.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ecp_core::model::{Callback, VerifiedStatus};
use ecp_core::{PaymentId, ProjectId, Timestamp};
use ecp_notify::Verified;

use crate::entry::{
    Claim, Claimed, ClaimedHeld, Delivery, Entry, EntryId, Finish, Query, Question, Stats,
};
use crate::state::PaymentState;

/// A durable store of callbacks.
///
/// A method returns when its effect is on disk. A call whose future is dropped took effect
/// completely or not at all.
///
/// The trait is sealed: the stores are those of this crate, and methods are added with them.
/// `Arc<dyn Inbox>` and [`Observed`](crate::Observed) are inboxes too.
#[async_trait]
pub trait Inbox: sealed::Sealed + fmt::Debug + Send + Sync {
    /// Stores a callback. What came before, byte for byte or in meaning, changes nothing.
    async fn accept(&self, callback: &Verified<Callback>) -> Result<Accepted, InboxError>;

    /// Takes callbacks to handle, each the oldest that waits of its payment. While one of a
    /// payment is being handled or waits for another attempt, no other one of it is taken.
    ///
    /// The attempt is counted here, so that a handler that takes its process down with it comes
    /// to an end too: what was claimed as often as may be, and was never finished, becomes dead.
    async fn claim(&self, claim: &Claim) -> Result<Claimed, InboxError>;

    /// Ends an attempt. `false` if the lease was lost meanwhile to another worker.
    async fn finish(&self, delivery: &Delivery, finish: Finish) -> Result<bool, InboxError>;

    /// Returns when there may be something to claim, at the latest after `at_most`.
    async fn wait(&self, at_most: Duration);

    /// State of a payment; `None` if the inbox has no callback of it.
    async fn payment(
        &self,
        project: ProjectId,
        payment: &PaymentId,
    ) -> Result<Option<PaymentState>, InboxError>;

    /// Lists callbacks, newest first.
    async fn entries(&self, query: &Query) -> Result<Vec<Entry>, InboxError>;

    /// One callback, with its body if that is still kept.
    async fn entry(&self, id: EntryId) -> Result<Option<Entry>, InboxError>;

    /// Has a callback that is done or dead handled again, with all its attempts. `false` if there
    /// is no such callback, or if its body is gone.
    async fn replay(&self, id: EntryId) -> Result<bool, InboxError>;

    /// Compares Gate's answer to a status request with a callback that is held, and lets the
    /// callback go on if they agree. If Gate has decided otherwise, that is kept as the callback's
    /// [`Entry::error`], and no question about it is claimed any more.
    async fn release(&self, id: EntryId, answer: &VerifiedStatus) -> Result<Release, InboxError>;

    /// Takes callbacks that are held, to ask Gate about their payments: the oldest that is due of
    /// each payment, and none of a payment about which somebody asks already. Those that name no
    /// payment are never taken. The attempt is counted here, as with [`claim`](Self::claim).
    async fn claim_held(&self, claim: &Claim) -> Result<ClaimedHeld, InboxError>;

    /// Ends a question that did not release its callback, with the reason. Gate is asked again
    /// after that time, or not at all. `false` if the lease was lost meanwhile.
    async fn postpone(
        &self,
        question: &Question,
        after: Option<Duration>,
        reason: &str,
    ) -> Result<bool, InboxError>;

    /// Removes the bodies of callbacks that came before then and are done or repeated. What is
    /// left tells them when they come again. Returns how many were removed.
    async fn remove_bodies(&self, before: Timestamp) -> Result<u64, InboxError>;

    /// Counts by state.
    async fn stats(&self) -> Result<Stats, InboxError>;
}

/// Result of accepting a callback. In each case it is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Accepted {
    /// It is new and waits for a worker.
    New(EntryId),
    /// It is new and held, see [`EntryState::Held`](crate::EntryState::Held).
    Held(EntryId),
    /// The same bytes came before.
    Repeated(EntryId),
    /// An earlier callback reported the same of the same operation, in other bytes.
    SameOperation {
        /// Where this one is kept.
        id: EntryId,
        /// The one before.
        first: EntryId,
    },
}

impl Accepted {
    /// The callback's number.
    pub const fn id(self) -> EntryId {
        match self {
            Self::New(id)
            | Self::Held(id)
            | Self::Repeated(id)
            | Self::SameOperation { id, .. } => id,
        }
    }

    /// Its word in logs and metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::New(_) => "new",
            Self::Held(_) => "held",
            Self::Repeated(_) => "repeated",
            Self::SameOperation { .. } => "same_operation",
        }
    }
}

/// Result of comparing Gate's answer with a held callback.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Release {
    /// Gate confirms it: it waits for a worker now.
    Released,
    /// Gate confirms it, and it repeats an earlier callback.
    Repeated,
    /// Gate has decided otherwise, about the member at this dotted path: it stays held.
    Disagrees(&'static str),
    /// Gate has not decided the member at this dotted path, or does not know it yet: it stays held,
    /// and a later answer may release it.
    Undecided(&'static str),
    /// No callback of that number is held.
    NotHeld,
}

impl Release {
    /// Its word in logs and metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::Repeated => "repeated",
            Self::Disagrees(_) => "disagrees",
            Self::Undecided(_) => "undecided",
            Self::NotHeld => "not_held",
        }
    }
}

/// Error of an inbox operation. The operation had no partial effect.
///
/// Its text is safe to log; that of its source, which the database wrote, need not be.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {kind}")]
pub struct InboxError {
    doing: &'static str,
    kind: InboxErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Cause of an inbox error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InboxErrorKind {
    /// Another process has the database locked. Temporary.
    #[error("another process has the database locked")]
    Busy,
    /// The inbox was closed: its process is ending.
    #[error("the inbox is closed")]
    Closed,
    /// The contents of the database cannot have been written by this crate.
    #[error("the database is damaged")]
    Damaged,
    /// The disk or the configured size is full. It works again once space is freed.
    #[error("no space left for the database")]
    Full,
    /// The database exists but is not an inbox.
    #[error("not an ecp inbox database")]
    NoInbox,
    /// A newer version of this crate has changed the tables. Take that one.
    #[error("the database was made by a newer version of ecp-inbox: upgrade")]
    Newer,
    /// An older version of this crate made the tables, and it was asked not to change them.
    #[error("the database was made by an older version of ecp-inbox and needs a migration")]
    Older,
    /// The file was removed, moved, or replaced by what is no inbox, while it was open. It passes
    /// when an inbox is under its name again.
    #[error("the database's file was removed or replaced")]
    Removed,
    /// The database cannot be reached, opened, read or written now.
    #[error("the database cannot be reached, opened, read or written")]
    Unavailable,
}

impl InboxErrorKind {
    /// Its word in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Closed => "closed",
            Self::Damaged => "damaged",
            Self::Full => "full",
            Self::NoInbox => "no_inbox",
            Self::Newer => "newer",
            Self::Older => "older",
            Self::Removed => "removed",
            Self::Unavailable => "unavailable",
        }
    }
}

impl InboxError {
    pub(crate) fn new(
        kind: InboxErrorKind,
        doing: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { doing, kind, source: Some(source.into()) }
    }

    pub(crate) const fn plain(kind: InboxErrorKind, doing: &'static str) -> Self {
        Self { doing, kind, source: None }
    }

    /// Error for stored data that cannot be decoded.
    pub(crate) const fn damaged(what: &'static str) -> Self {
        Self::plain(InboxErrorKind::Damaged, what)
    }

    /// What is wrong.
    pub const fn kind(&self) -> InboxErrorKind {
        self.kind
    }
}

pub(crate) mod sealed {
    /// Keeps [`Inbox`](super::Inbox) to the stores of this crate.
    pub trait Sealed {}

    impl<I: Sealed + ?Sized> Sealed for std::sync::Arc<I> {}
}

#[async_trait]
impl<I: Inbox + ?Sized> Inbox for Arc<I> {
    async fn accept(&self, callback: &Verified<Callback>) -> Result<Accepted, InboxError> {
        (**self).accept(callback).await
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, InboxError> {
        (**self).claim(claim).await
    }

    async fn finish(&self, delivery: &Delivery, finish: Finish) -> Result<bool, InboxError> {
        (**self).finish(delivery, finish).await
    }

    async fn wait(&self, at_most: Duration) {
        (**self).wait(at_most).await;
    }

    async fn payment(
        &self,
        project: ProjectId,
        payment: &PaymentId,
    ) -> Result<Option<PaymentState>, InboxError> {
        (**self).payment(project, payment).await
    }

    async fn entries(&self, query: &Query) -> Result<Vec<Entry>, InboxError> {
        (**self).entries(query).await
    }

    async fn entry(&self, id: EntryId) -> Result<Option<Entry>, InboxError> {
        (**self).entry(id).await
    }

    async fn replay(&self, id: EntryId) -> Result<bool, InboxError> {
        (**self).replay(id).await
    }

    async fn release(&self, id: EntryId, answer: &VerifiedStatus) -> Result<Release, InboxError> {
        (**self).release(id, answer).await
    }

    async fn claim_held(&self, claim: &Claim) -> Result<ClaimedHeld, InboxError> {
        (**self).claim_held(claim).await
    }

    async fn postpone(
        &self,
        question: &Question,
        after: Option<Duration>,
        reason: &str,
    ) -> Result<bool, InboxError> {
        (**self).postpone(question, after, reason).await
    }

    async fn remove_bodies(&self, before: Timestamp) -> Result<u64, InboxError> {
        (**self).remove_bodies(before).await
    }

    async fn stats(&self) -> Result<Stats, InboxError> {
        (**self).stats().await
    }
}
