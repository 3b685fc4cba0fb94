//! Counting and timing what happens, for metrics.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use ecp_core::model::{Callback, StatusResponse};
use ecp_core::{PaymentId, ProjectId, Timestamp};
use ecp_notify::Verified;

use crate::entry::{Claim, Claimed, Delivery, Entry, EntryId, Finish, Query, Stats};
use crate::inbox::{Accepted, Inbox, InboxError, Release};
use crate::state::PaymentState;

/// Is told what happens, as it happens. It must be quick: whoever tells it waits.
pub trait Observer: Send + Sync + 'static {
    /// Something happened.
    fn observe(&self, event: &Event<'_>);
}

impl<F: Fn(&Event<'_>) + Send + Sync + 'static> Observer for F {
    fn observe(&self, event: &Event<'_>) {
        self(event);
    }
}

/// What happens in an inbox ([`Observed`]) and in a [`Worker`](crate::Worker).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'e> {
    /// A callback was stored.
    Accepted {
        /// What became of it.
        accepted: Accepted,
        /// How long it took, until it was on disk.
        took: Duration,
    },
    /// The inbox did not do something.
    Failed(&'e InboxError),
    /// A callback that was held was compared with Gate's answer.
    Released {
        /// Its number.
        id: EntryId,
        /// What became of it.
        release: &'e Release,
    },
    /// A callback is to be handled again.
    Replayed(EntryId),
    /// That many bodies were removed.
    BodiesRemoved(u64),
    /// A worker took that many callbacks.
    Claimed(usize),
    /// A handler has taken a callback in.
    Done {
        /// Its number.
        id: EntryId,
        /// The attempt, from 1.
        attempt: u32,
        /// How long the handler took.
        took: Duration,
    },
    /// A handler failed, and will be asked again.
    Retried {
        /// The callback's number.
        id: EntryId,
        /// The attempt that failed, from 1.
        attempt: u32,
        /// How much later.
        after: Duration,
    },
    /// A handler failed too often, or never came to an end.
    Dead(EntryId),
    /// A handler took longer than its lease, and somebody else has the callback now.
    LeaseLost(EntryId),
}

/// An inbox whose observer is told what it does.
#[derive(Clone)]
pub struct Observed<I, O> {
    inbox: I,
    observer: O,
}

impl<I: Inbox, O: Observer> Observed<I, O> {
    /// Watches an inbox.
    pub const fn new(inbox: I, observer: O) -> Self {
        Self { inbox, observer }
    }

    fn told<T>(&self, result: Result<T, InboxError>) -> Result<T, InboxError> {
        if let Err(error) = &result {
            self.observer.observe(&Event::Failed(error));
        }
        result
    }
}

#[async_trait]
impl<I: Inbox, O: Observer> Inbox for Observed<I, O> {
    async fn accept(&self, callback: &Verified<Callback>) -> Result<Accepted, InboxError> {
        let begun = Instant::now();
        let accepted = self.told(self.inbox.accept(callback).await)?;
        self.observer.observe(&Event::Accepted { accepted, took: begun.elapsed() });
        Ok(accepted)
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, InboxError> {
        self.told(self.inbox.claim(claim).await)
    }

    async fn finish(&self, delivery: &Delivery, finish: Finish) -> Result<bool, InboxError> {
        self.told(self.inbox.finish(delivery, finish).await)
    }

    async fn wait(&self, at_most: Duration) {
        self.inbox.wait(at_most).await;
    }

    async fn payment(
        &self,
        project: ProjectId,
        payment: &PaymentId,
    ) -> Result<Option<PaymentState>, InboxError> {
        self.told(self.inbox.payment(project, payment).await)
    }

    async fn entries(&self, query: &Query) -> Result<Vec<Entry>, InboxError> {
        self.told(self.inbox.entries(query).await)
    }

    async fn entry(&self, id: EntryId) -> Result<Option<Entry>, InboxError> {
        self.told(self.inbox.entry(id).await)
    }

    async fn replay(&self, id: EntryId) -> Result<bool, InboxError> {
        let replayed = self.told(self.inbox.replay(id).await)?;
        if replayed {
            self.observer.observe(&Event::Replayed(id));
        }
        Ok(replayed)
    }

    async fn release(&self, id: EntryId, answer: &StatusResponse) -> Result<Release, InboxError> {
        let release = self.told(self.inbox.release(id, answer).await)?;
        self.observer.observe(&Event::Released { id, release: &release });
        Ok(release)
    }

    async fn remove_bodies(&self, before: Timestamp) -> Result<u64, InboxError> {
        let removed = self.told(self.inbox.remove_bodies(before).await)?;
        self.observer.observe(&Event::BodiesRemoved(removed));
        Ok(removed)
    }

    async fn stats(&self) -> Result<Stats, InboxError> {
        self.told(self.inbox.stats().await)
    }
}

impl<I: std::fmt::Debug, O> std::fmt::Debug for Observed<I, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Observed").field(&self.inbox).finish()
    }
}
