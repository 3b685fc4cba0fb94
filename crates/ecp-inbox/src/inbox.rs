//! The one face of every store.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use ecp_core::model::{Callback, StatusResponse};
use ecp_core::{PaymentId, ProjectId, Timestamp};
use ecp_notify::Verified;

use crate::entry::{Delivery, Entry, EntryId, Finish, Query, Stats};
use crate::state::PaymentState;

/// A durable store of callbacks.
///
/// Everything that a method says happened has happened on disk. A call whose future is dropped
/// has happened whole or not at all.
#[async_trait]
pub trait Inbox: fmt::Debug + Send + Sync {
    /// Stores a callback. What came before, byte for byte or in meaning, changes nothing.
    async fn accept(&self, callback: &Verified<Callback>) -> Result<Accepted, InboxError>;

    /// Takes at most `limit` callbacks to handle, each the oldest that waits of its payment, for
    /// as long as the lease lasts.
    async fn claim(&self, limit: usize, lease: Duration) -> Result<Vec<Delivery>, InboxError>;

    /// Ends an attempt. `false` if the lease was lost meanwhile: somebody else has it now.
    async fn finish(&self, delivery: &Delivery, finish: Finish) -> Result<bool, InboxError>;

    /// Returns when there may be something to claim, at the latest after `at_most`.
    async fn wait(&self, at_most: Duration);

    /// Where a payment stands; `None` if nothing was heard of it.
    async fn payment(
        &self,
        project: ProjectId,
        payment: &PaymentId,
    ) -> Result<Option<PaymentState>, InboxError>;

    /// Lists callbacks, newest first.
    async fn entries(&self, query: &Query) -> Result<Vec<Entry>, InboxError>;

    /// One callback, with its body if that is still kept.
    async fn entry(&self, id: EntryId) -> Result<Option<Entry>, InboxError>;

    /// Has a callback handled again, as if it came now. `false` if there is no such callback, or
    /// if it is held or its body is gone.
    async fn replay(&self, id: EntryId) -> Result<bool, InboxError>;

    /// Holds what Gate answered to a status request against a callback that is held, and lets it
    /// go on if they agree.
    async fn release(&self, id: EntryId, answer: &StatusResponse) -> Result<Release, InboxError>;

    /// Removes the bodies of callbacks that came before then and are done or repeated. What is
    /// left tells them when they come again. Returns how many were removed.
    async fn remove_bodies(&self, before: Timestamp) -> Result<u64, InboxError>;

    /// How much there is of what.
    async fn stats(&self) -> Result<Stats, InboxError>;
}

/// What became of a callback that was accepted. In each case it is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Accepted {
    /// It is new and waits for a worker.
    New(EntryId),
    /// It is new and held, see [`EntryState::Held`](crate::EntryState::Held).
    Held(EntryId),
    /// The same bytes came before.
    Repeated(EntryId),
    /// The same was said of the same operation before, in other bytes.
    SameOperation {
        /// Where this one is kept.
        id: EntryId,
        /// The one before.
        first: EntryId,
    },
}

/// What became of a callback that was held.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Release {
    /// Gate says the same: it waits for a worker now.
    Released,
    /// Gate says the same, and so did another callback before.
    Repeated,
    /// Gate says otherwise, about the member at this dotted path: it is held on.
    Disagrees(&'static str),
    /// No callback of that number is held.
    NotHeld,
}

/// Why an inbox did not do what it was asked. Nothing is half done.
#[derive(Debug, thiserror::Error)]
#[error("{context}")]
pub struct InboxError {
    context: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}
