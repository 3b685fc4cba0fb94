//! Metrics of inboxes: counts and durations.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use ecp_core::model::{Callback, VerifiedStatus};
use ecp_core::observe::{Meter, Metric, Observer};
use ecp_core::{PaymentId, ProjectId, Timestamp};
use ecp_notify::Verified;

use crate::entry::{
    Claim, Claimed, ClaimedHeld, Delivery, Entry, EntryId, Finish, Query, Question, Stats, Version,
};
use crate::error::InboxError;
use crate::inbox::{Accepted, Inbox, Release};
use crate::outbox::{Publication, PublisherId};
use crate::state::PaymentState;

/// The names, units and labels of the metrics of this crate: those that an [`Observed`] inbox
/// reports, and those that a [`Worker`](crate::Worker) with an observer reports. The present
/// numbers of waiting, held and dead callbacks are in [`Inbox::stats`] instead.
pub const METRICS: &[&Metric] =
    &[&OPERATION, &HANDLER, &QUESTION, &DEAD, &UNCONFIRMED, &BODIES_REMOVED];

static OPERATION: Metric = Metric::duration(
    "ecp.inbox.operation.duration",
    "One operation of an inbox, until it is on the disk",
    &["ecp.inbox.operation", "ecp.outcome", "error.type"],
);

/// Duration of handlers.
pub(crate) static HANDLER: Metric = Metric::duration(
    "ecp.inbox.handler.duration",
    "One attempt to handle a callback",
    &["ecp.outcome", "error.type"],
);

/// Duration and result of status requests to Gate.
pub(crate) static QUESTION: Metric = Metric::duration(
    "ecp.inbox.question.duration",
    "One question to Gate about a callback that is held",
    &["ecp.outcome", "error.type"],
);

/// Callbacks that Gate does not confirm.
pub(crate) static UNCONFIRMED: Metric = Metric::counter(
    "ecp.inbox.unconfirmed",
    "{callback}",
    "Held callbacks that Gate contradicts or did not decide in time: see `ecp inbox list --state held`",
    &["error.type"],
);

/// Callbacks whose handler failed too often.
pub(crate) static DEAD: Metric = Metric::counter(
    "ecp.inbox.dead",
    "{callback}",
    "Callbacks given up after their last attempt: see `ecp inbox list --state dead`",
    &["error.type"],
);

static BODIES_REMOVED: Metric = Metric::counter(
    "ecp.inbox.bodies_removed",
    "{callback}",
    "Callbacks whose bodies were removed because they are old enough",
    &[],
);

/// An inbox that passes each call to another inbox, and reports metrics, such as the duration of
/// the call, to an observer. Give it to a receiver; for a worker, use
/// [`Worker::observer`](crate::Worker::observer) instead, which reports the handler's results too.
#[derive(Clone, Debug)]
pub struct Observed<I> {
    inbox: I,
    meter: Meter,
}

impl<I: Inbox> Observed<I> {
    /// Wraps an inbox, and reports the metrics of its calls to an observer. The metrics are listed
    /// in [`METRICS`].
    pub fn new(inbox: I, observer: impl Observer) -> Self {
        Self::metered(inbox, Meter::new(observer))
    }

    pub(crate) const fn metered(inbox: I, meter: Meter) -> Self {
        Self { inbox, meter }
    }

    /// Measures an operation; the closure gives the outcome label of a success.
    async fn timed<T>(
        &self,
        operation: &'static str,
        done: impl Future<Output = Result<T, InboxError>>,
        word: impl FnOnce(&T) -> &'static str,
    ) -> Result<T, InboxError> {
        let begun = Instant::now();
        let result = done.await;
        let took = begun.elapsed();
        let operation = ("ecp.inbox.operation", operation);
        match &result {
            Ok(value) => {
                self.meter.took(&OPERATION, took, &[operation, ("ecp.outcome", word(value))]);
            }
            Err(error) => {
                let error = ("error.type", error.kind().as_str());
                self.meter.took(&OPERATION, took, &[operation, ("ecp.outcome", "failed"), error]);
            }
        }
        result
    }
}

impl<I: Inbox> crate::inbox::sealed::Sealed for Observed<I> {}

#[async_trait]
impl<I: Inbox> Inbox for Observed<I> {
    async fn accept(&self, callback: &Verified<Callback>) -> Result<Accepted, InboxError> {
        self.timed("accept", self.inbox.accept(callback), Accepted::as_str).await
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, InboxError> {
        let claimed = self.timed("claim", self.inbox.claim(claim), |claimed| {
            if claimed.deliveries.is_empty() { "nothing" } else { "claimed" }
        });
        let claimed = claimed.await?;
        if !claimed.dead.is_empty() {
            let dead = claimed.dead.len() as u64;
            self.meter.count(&DEAD, dead, &[("error.type", "never_ended")]);
        }
        Ok(claimed)
    }

    async fn finish(&self, delivery: &Delivery, finish: Finish) -> Result<bool, InboxError> {
        let word = match &finish {
            Finish::Done => "done",
            Finish::Retry { .. } => "retry",
            Finish::Dead { .. } => "dead",
        };
        let finished = self.inbox.finish(delivery, finish);
        self.timed("finish", finished, |held| if *held { word } else { "lease_lost" }).await
    }

    async fn wait(&self, at_most: Duration) {
        self.inbox.wait(at_most).await;
    }

    async fn payment(
        &self,
        project: ProjectId,
        payment: &PaymentId,
    ) -> Result<Option<PaymentState>, InboxError> {
        self.timed("payment", self.inbox.payment(project, payment), |_| "done").await
    }

    async fn entries(&self, query: &Query) -> Result<Vec<Entry>, InboxError> {
        self.timed("entries", self.inbox.entries(query), |_| "done").await
    }

    async fn entry(&self, id: EntryId) -> Result<Option<Entry>, InboxError> {
        self.timed("entry", self.inbox.entry(id), |_| "done").await
    }

    async fn replay(&self, id: EntryId) -> Result<bool, InboxError> {
        let word = |replayed: &bool| if *replayed { "replayed" } else { "nothing" };
        self.timed("replay", self.inbox.replay(id), word).await
    }

    async fn replay_version(&self, id: EntryId, version: Version) -> Result<bool, InboxError> {
        let word = |replayed: &bool| if *replayed { "replayed" } else { "nothing" };
        self.timed("replay", self.inbox.replay_version(id, version), word).await
    }

    async fn release(&self, id: EntryId, answer: &VerifiedStatus) -> Result<Release, InboxError> {
        let release = self.timed("release", self.inbox.release(id, answer), Release::as_str);
        let release = release.await?;
        if matches!(release, Release::Disagrees(_)) {
            self.meter.count(&UNCONFIRMED, 1, &[("error.type", "disagrees")]);
        }
        Ok(release)
    }

    async fn claim_held(&self, claim: &Claim) -> Result<ClaimedHeld, InboxError> {
        let claimed = self.timed("claim_held", self.inbox.claim_held(claim), |claimed| {
            if claimed.questions.is_empty() { "nothing" } else { "claimed" }
        });
        let claimed = claimed.await?;
        if !claimed.given_up.is_empty() {
            let given_up = claimed.given_up.len() as u64;
            self.meter.count(&UNCONFIRMED, given_up, &[("error.type", "never_ended")]);
        }
        Ok(claimed)
    }

    async fn postpone(
        &self,
        question: &Question,
        after: Option<Duration>,
        reason: &str,
    ) -> Result<bool, InboxError> {
        let word = if after.is_some() { "retry" } else { "given_up" };
        let postponed = self.inbox.postpone(question, after, reason);
        let ended = |held: &bool| if *held { word } else { "lease_lost" };
        let postponed = self.timed("postpone", postponed, ended).await?;
        if postponed && after.is_none() {
            self.meter.count(&UNCONFIRMED, 1, &[("error.type", "given_up")]);
        }
        Ok(postponed)
    }

    async fn remove_bodies(&self, before: Timestamp) -> Result<u64, InboxError> {
        let removed = self.inbox.remove_bodies(before);
        let removed = self.timed("remove_bodies", removed, |_| "done").await?;
        self.meter.count(&BODIES_REMOVED, removed, &[]);
        Ok(removed)
    }

    async fn keep_outbox(&self, keep: bool) -> Result<(), InboxError> {
        self.timed("keep_outbox", self.inbox.keep_outbox(keep), |()| "done").await
    }

    async fn publications(
        &self,
        publisher: PublisherId,
        limit: usize,
    ) -> Result<Vec<Publication>, InboxError> {
        let publications = self.inbox.publications(publisher, limit);
        let word = |found: &Vec<_>| if found.is_empty() { "nothing" } else { "claimed" };
        self.timed("publications", publications, word).await
    }

    async fn published(&self, publications: &[Publication]) -> Result<(), InboxError> {
        self.timed("published", self.inbox.published(publications), |()| "done").await
    }

    async fn stats(&self) -> Result<Stats, InboxError> {
        self.timed("stats", self.inbox.stats(), |_| "done").await
    }
}
