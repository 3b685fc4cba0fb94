//! Interface of every store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ecp_core::model::{Callback, VerifiedStatus};
use ecp_core::{PaymentId, ProjectId, Timestamp};
use ecp_notify::Verified;

use crate::entry::{
    Claim, Claimed, ClaimedHeld, Delivery, Entry, EntryId, Finish, Query, Question, Stats, Version,
};
use crate::error::InboxError;
use crate::outbox::{Publication, PublisherId};
use crate::state::PaymentState;

/// A durable store of callbacks, which keeps each verified callback until your handler has
/// succeeded with it, and knows the state of each payment. Open a `SqliteInbox` or a
/// `PostgresInbox`, give it to a receiver, and handle its callbacks by a [`Worker`](crate::Worker).
///
/// A method returns when its effect is on disk. A call whose future is dropped took effect
/// completely or not at all; only [`remove_bodies`](Self::remove_bodies) may have done a part.
///
/// Only the stores of this crate can implement the trait (it is sealed), so that new versions can
/// add methods. `Arc<dyn Inbox>` and [`Observed`](crate::Observed) are inboxes too.
#[async_trait]
pub trait Inbox: sealed::Sealed + fmt::Debug + Send + Sync {
    /// Stores a verified callback, and changes the payment's state by it. A callback that repeats
    /// an earlier one, byte for byte or in content, does not change the state, and neither does one
    /// that is held ([`EntryState::Held`](crate::EntryState::Held)), until it is released. After an
    /// error, repeat the call: nothing is stored twice.
    async fn accept(&self, callback: &Verified<Callback>) -> Result<Accepted, InboxError>;

    /// Claims callbacks to handle: the oldest waiting callback of each payment. While a callback of
    /// a payment is being handled, no other callback of the payment is claimed, and while one waits
    /// for another attempt, no later one. Callbacks that name no payment wait for none.
    ///
    /// The claim itself counts as the attempt, so that a callback whose handler ends its process
    /// does not run for ever: a callback that was claimed the maximum number of times, and never
    /// finished, becomes dead.
    async fn claim(&self, claim: &Claim) -> Result<Claimed, InboxError>;

    /// Stores the result of an attempt. Returns `false`, and stores nothing, if another worker has
    /// claimed the callback since, or if a result of this attempt is stored already, as after a
    /// call that took effect and returned an error. A lease that has run out counts until another
    /// worker claims the callback.
    async fn finish(&self, delivery: &Delivery, finish: Finish) -> Result<bool, InboxError>;

    /// Waits until a callback comes through this inbox or a clone of it, but no longer than
    /// `at_most`. Callbacks that other processes store do not end the wait, and neither do attempts
    /// that become due.
    async fn wait(&self, at_most: Duration);

    /// State of a payment, as far as its callbacks report it; Gate is not asked. `None` if no
    /// callback has changed it: none was stored, or only callbacks that are held, or that have
    /// neither a status nor an operation. The state may still have no
    /// [`status`](PaymentState::status).
    async fn payment(
        &self,
        project: ProjectId,
        payment: &PaymentId,
    ) -> Result<Option<PaymentState>, InboxError>;

    /// Lists callbacks without their bodies, newest first: at most 100, unless the query sets
    /// another limit.
    async fn entries(&self, query: &Query) -> Result<Vec<Entry>, InboxError>;

    /// One callback, with its body if that is still stored; `None` if no callback has this id.
    async fn entry(&self, id: EntryId) -> Result<Option<Entry>, InboxError>;

    /// Schedules a callback that is done or dead for handling again, with the full number of
    /// attempts. A callback that waits for its next attempt is due now, with the attempts that it
    /// has left; the earlier callbacks of its payment still come first. Returns `false` if no such
    /// callback has this id: it is held or repeated, it is due already or being handled, or its body
    /// was removed.
    ///
    /// The handler runs also if it has succeeded before, and its effects then happen again, those
    /// in the inbox's own database too. The delivery has the callback's own change and the
    /// payment's present state, which does not change; the callback is not published again.
    async fn replay(&self, id: EntryId) -> Result<bool, InboxError>;

    /// Does the same as [`replay`](Self::replay), if the callback is still as this version
    /// ([`Entry::version`]) says. A person who decides by what a page shows then replays it once,
    /// also if the page's form is sent twice. Returns `false` if the callback has changed.
    async fn replay_version(&self, id: EntryId, version: Version) -> Result<bool, InboxError>;

    /// Compares Gate's answer to a status request with a held callback, and releases the callback
    /// for handling if they agree; the payment's state then takes it in. If Gate contradicts the
    /// callback, the contradiction is stored as [`Entry::error`], and no more status requests about
    /// the callback are claimed; a call with a later answer may still release it. A callback that
    /// names no payment, or an operation without an id, is never released.
    async fn release(&self, id: EntryId, answer: &VerifiedStatus) -> Result<Release, InboxError>;

    /// Claims held callbacks for status requests about their payments: for each payment without a
    /// request in progress, the oldest callback that is due. Callbacks that name no payment are
    /// never claimed, and stay held: Gate cannot be asked about them. The claim itself counts as an
    /// attempt, as with [`claim`](Self::claim).
    async fn claim_held(&self, claim: &Claim) -> Result<ClaimedHeld, InboxError>;

    /// Stores the `reason` why a status request did not release its held callback. The next request
    /// is due when the time `after` has passed, or never if `after` is `None`. Returns `false`, and
    /// stores nothing, if another worker has claimed the callback since, if it is no longer held,
    /// or if Gate's contradiction or a reason for this request is stored already.
    async fn postpone(
        &self,
        question: &Question,
        after: Option<Duration>,
        reason: &str,
    ) -> Result<bool, InboxError>;

    /// Removes the stored bodies of callbacks that were received before a time and are done or
    /// repeated, and returns the number of removed bodies. Bodies that wait, are held or dead, or
    /// are still to be published are kept. Without its body a callback cannot be replayed;
    /// repetitions of it are still recognized.
    ///
    /// It works in steps: after an error, or if the call is dropped, a part may be removed. Call it
    /// again.
    async fn remove_bodies(&self, before: Timestamp) -> Result<u64, InboxError>;

    /// Turns the outbox on or off: the list of callbacks to be published. It is off in a new inbox.
    /// The setting is stored in the database, and so holds for all processes that share the inbox.
    ///
    /// Callbacks that were taken in before the outbox was turned on are not published. Turning it
    /// off removes what is still to be published: it is then never published. Turning on an outbox
    /// that is on changes nothing. In Postgres, a change of the setting needs the role that owns
    /// the inbox's tables.
    async fn keep_outbox(&self, keep: bool) -> Result<(), InboxError>;

    /// The oldest callbacks to be published, in the order in which their payments' states took them
    /// in; empty if another publisher has the outbox, which it keeps for 15 to 30 seconds after it
    /// has last read from it. Publish them within 15 seconds, or another publisher may publish them
    /// too. They stay in the outbox until [`published`](Self::published) is called.
    async fn publications(
        &self,
        publisher: PublisherId,
        limit: usize,
    ) -> Result<Vec<Publication>, InboxError>;

    /// Removes callbacks from the outbox, after they were published.
    async fn published(&self, publications: &[Publication]) -> Result<(), InboxError>;

    /// Counts the callbacks in each state.
    async fn stats(&self) -> Result<Stats, InboxError>;
}

/// Result of storing a callback with [`Inbox::accept`]. In each case the callback is on disk, and
/// the platform may be answered with 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Accepted {
    /// The callback is new, has this id, and waits for a worker to handle it.
    New(EntryId),
    /// The callback is new, has this id, and is held: it is not handled until Gate (the platform's
    /// API) confirms its final status ([`EntryState::Held`](crate::EntryState::Held)).
    Held(EntryId),
    /// The same bytes were received before, as the callback with this id. It is not handled again,
    /// and there is no new entry: only [`Entry::times`] is incremented.
    Repeated(EntryId),
    /// An earlier callback reported the same values of the same operation, in other bytes, and is
    /// handled for both. This one is kept and not handled.
    SameOperation {
        /// Id under which this callback is kept.
        id: EntryId,
        /// Id of the earlier callback, which reported the same values.
        first: EntryId,
    },
}

impl Accepted {
    /// The id of the stored callback in the inbox. If the same bytes were received before, it is
    /// the id that they got then.
    pub const fn id(self) -> EntryId {
        match self {
            Self::New(id)
            | Self::Held(id)
            | Self::Repeated(id)
            | Self::SameOperation { id, .. } => id,
        }
    }

    /// The name of the result of storing a callback, for logs and metrics, such as `new`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::New(_) => "new",
            Self::Held(_) => "held",
            Self::Repeated(_) => "repeated",
            Self::SameOperation { .. } => "same_operation",
        }
    }
}

/// Result of [`Inbox::release`]: whether Gate's answer to a status request confirms a callback that
/// was held (not handled) until then.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "the callback may still be held"]
pub enum Release {
    /// Gate confirms the callback, which now waits for a worker to handle it.
    Released,
    /// Gate confirms the callback, but it repeats another callback, which is handled for both. So
    /// this one is kept and not handled.
    Repeated,
    /// Gate contradicts the callback's member at this dotted path, such as `payment.sum`: the
    /// callback stays held, and a worker sends no more status requests about it. Deliver nothing by
    /// it, and ask the platform.
    Disagrees(&'static str),
    /// Gate has not decided the callback's member at this dotted path, such as `payment.status`, or
    /// does not know it yet: the callback stays held. Request the status again later, as a worker
    /// with [`Questions`](crate::Questions) does.
    Undecided(&'static str),
    /// Nothing was changed: no callback has this id, or the callback is not held, for example
    /// because it was released already.
    NotHeld,
}

impl Release {
    /// The name of the result of comparing Gate's answer with a held callback, for logs and
    /// metrics, such as `released`.
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

pub(crate) mod sealed {
    /// Only the stores of this crate implement [`Inbox`](super::Inbox), because it needs this
    /// private trait. So new versions can add methods to it.
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

    async fn replay_version(&self, id: EntryId, version: Version) -> Result<bool, InboxError> {
        (**self).replay_version(id, version).await
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

    async fn keep_outbox(&self, keep: bool) -> Result<(), InboxError> {
        (**self).keep_outbox(keep).await
    }

    async fn publications(
        &self,
        publisher: PublisherId,
        limit: usize,
    ) -> Result<Vec<Publication>, InboxError> {
        (**self).publications(publisher, limit).await
    }

    async fn published(&self, publications: &[Publication]) -> Result<(), InboxError> {
        (**self).published(publications).await
    }

    async fn stats(&self) -> Result<Stats, InboxError> {
        (**self).stats().await
    }
}
