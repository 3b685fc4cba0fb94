//! Publishing what an inbox has taken in.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::hash::Hash;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ecp_core::observe::{Meter, Observer};
use ecp_inbox::{Inbox, InboxError, Publication, PublisherId};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::telemetry::PUBLISH;

/// The reason why a callback could not be published. Its text is logged, so it must not quote the
/// callback.
pub type PublishError = Box<dyn Error + Send + Sync>;

/// Publishes callbacks to a stream, a queue or another service. Implement it for yours, or use
/// `NatsPublisher`, and pass it to [`Outbox::new`].
#[async_trait]
pub trait Publisher: Send + Sync {
    /// Publishes a callback, within five seconds: the call is dropped then.
    ///
    /// `Ok` is a promise that it will reach its readers: it is not published again, unless the
    /// process ends, the inbox fails or a later call for the same payment panics before that is
    /// stored. After an error, a panic or a dropped
    /// call, it is published again, with the same [`message_id`](Publication::message_id), as often
    /// as it takes. Callbacks of one payment come one after the other.
    async fn publish(&self, publication: &Publication) -> Result<(), PublishError>;
}

#[async_trait]
impl<P: Publisher + ?Sized> Publisher for Arc<P> {
    async fn publish(&self, publication: &Publication) -> Result<(), PublishError> {
        (**self).publish(publication).await
    }
}

/// Publishes the callbacks in the outbox of an inbox, which lists the accepted callbacks that are
/// still to be published: callbacks of one payment one after the other, in the order in which the
/// payment's state took them in, and callbacks of different payments concurrently.
///
/// Turn the outbox on first, once, with [`Inbox::keep_outbox`]: otherwise nothing is published, and
/// no error says so. Any number of processes may run an `Outbox` over the same inbox: one of them
/// publishes, and another one takes over within 30 seconds when it ends. A process that was
/// restarted waits as long. Clones count as one
/// publisher: while one of them runs, [`run`](Self::run) of the others waits for its end.
///
/// Each callback is published at least once: again if the process ends, or the inbox fails, before
/// the inbox has stored that it was published. Readers recognize repetitions by
/// [`Publication::message_id`]. Without repetitions, the callbacks of a payment are in order.
///
/// No callback is given up or passed over. One that always fails holds back the later ones of its
/// payment; when a whole [`batch`](Self::batch) is held back, so are all others.
#[derive(Clone)]
pub struct Outbox {
    inbox: Arc<dyn Inbox>,
    publisher: Arc<dyn Publisher>,
    id: PublisherId,
    batch: usize,
    poll: Duration,
    meter: Meter,
    /// Locked by the call of `run` that publishes, so that only one clone publishes at a time: two
    /// would both be the publisher that has the outbox, and mix the order of the callbacks.
    running: Arc<Mutex<()>>,
}

/// A publisher has its outbox for at least half a lease of 30 seconds when it has read from it. A call
/// that began in this time ends before that.
const BEGIN: Duration = Duration::from_secs(10);

/// Longest time of a call of [`Publisher::publish`].
const LONGEST: Duration = Duration::from_secs(5);

const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Result of publishing a batch.
enum Batch {
    /// There was nothing to publish: the outbox is empty, or another publisher has it.
    Empty,
    /// All callbacks of the batch were published.
    Whole,
    /// Some callbacks of the batch were published; the others are tried again after a pause.
    Part,
    /// No callback of the batch was published; all are tried again after a pause.
    Failed,
}

impl Outbox {
    /// Returns an outbox that publishes the callbacks in the outbox of this inbox by this
    /// publisher. It begins when [`run`](Self::run) is called; [`Inbox::keep_outbox`] must have
    /// turned on the inbox's outbox.
    pub fn new(inbox: impl Inbox + 'static, publisher: impl Publisher + 'static) -> Self {
        Self {
            inbox: Arc::new(inbox),
            publisher: Arc::new(publisher),
            id: PublisherId::random(),
            batch: 256,
            poll: Duration::from_millis(100),
            meter: Meter::default(),
            running: Arc::default(),
        }
    }

    /// Sets how many callbacks are read from the inbox's outbox at a time, and may be published
    /// concurrently: 256 by default, at least 1.
    pub fn batch(self, batch: usize) -> Self {
        Self { batch: batch.max(1), ..self }
    }

    /// Sets the pause between looks for new callbacks while there is nothing to publish: 100
    /// milliseconds by default.
    pub fn poll(self, poll: Duration) -> Self {
        Self { poll, ..self }
    }

    /// Reports the metrics of publishing to an observer; by default nothing is reported. The
    /// metrics are listed in [`METRICS`](crate::METRICS).
    pub fn observer(self, observer: impl Observer) -> Self {
        Self { meter: Meter::new(observer), ..self }
    }

    /// Publishes callbacks until the future `stop` is ready, and then ends after the current batch:
    /// at most 15 seconds later, if the publisher does not answer.
    ///
    /// Dropping the future of this call instead loses nothing. After an error of the inbox or the
    /// publisher, the rest is published again, after pauses of at most 10 seconds.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let _alone = tokio::select! {
            biased;
            alone = self.running.lock() => alone,
            () = &mut stop => return,
        };
        let mut failures = 0;
        loop {
            let batch = self.publish_batch().await.unwrap_or_else(|error| {
                tracing::error!(
                    "error.type" = error.kind().as_str(),
                    "error.message" = %error,
                    "cannot use the outbox"
                );
                Batch::Failed
            });
            failures = match batch {
                Batch::Empty | Batch::Whole => 0,
                Batch::Part => 1,
                Batch::Failed => failures + 1,
            };
            let pause = match batch {
                Batch::Empty => self.poll,
                Batch::Whole => Duration::ZERO,
                Batch::Part | Batch::Failed => pause(failures),
            };
            tokio::select! {
                biased;
                () = &mut stop => break,
                () = sleep(pause) => {}
            }
        }
    }

    /// Publishes the oldest callbacks in the outbox.
    async fn publish_batch(&self) -> Result<Batch, InboxError> {
        let begun = Instant::now();
        let found = self.inbox.publications(self.id, self.batch).await?;
        if found.is_empty() {
            return Ok(Batch::Empty);
        }
        let wanted = found.len();
        let mut running = JoinSet::new();
        let payment = |one: &Publication| Some((one.project, one.payment.clone()?));
        for publications in by_payment(found, payment) {
            let (publisher, meter) = (self.publisher.clone(), self.meter.clone());
            running.spawn(publish_all(publisher, publications, begun, meter));
        }
        let mut published = Vec::with_capacity(wanted);
        while let Some(part) = running.join_next().await {
            // A publisher that panics has published nothing.
            published.extend(part.unwrap_or_default());
        }
        if published.is_empty() {
            return Ok(Batch::Failed);
        }
        self.inbox.published(&published).await?;
        Ok(if published.len() < wanted { Batch::Part } else { Batch::Whole })
    }
}

/// Items of each payment, in their order. Each without a payment is alone.
pub(crate) fn by_payment<T, K: Eq + Hash>(
    items: Vec<T>,
    payment: impl Fn(&T) -> Option<K>,
) -> Vec<Vec<T>> {
    let mut places = HashMap::new();
    let mut found: Vec<Vec<T>> = Vec::new();
    for item in items {
        let place = payment(&item).map(|key| *places.entry(key).or_insert(found.len()));
        match place.and_then(|place| found.get_mut(place)) {
            Some(of_payment) => of_payment.push(item),
            None => found.push(vec![item]),
        }
    }
    found
}

/// Publishes callbacks up to the first failure, and returns those that were published.
async fn publish_all(
    publisher: Arc<dyn Publisher>,
    publications: Vec<Publication>,
    begun: Instant,
    meter: Meter,
) -> Vec<Publication> {
    let mut done = Vec::new();
    for publication in publications {
        if begun.elapsed() > BEGIN {
            break;
        }
        let attempt = Instant::now();
        let result = timeout(LONGEST, publisher.publish(&publication)).await;
        let result = result
            .unwrap_or_else(|_| Err(format!("the publisher took longer than {LONGEST:?}").into()));
        let outcome = if result.is_ok() { "published" } else { "failed" };
        meter.took(&PUBLISH, attempt.elapsed(), &[("ecp.outcome", outcome)]);
        if let Err(error) = result {
            tracing::warn!(
                "ecp.entry_id" = publication.id.get(),
                "error.message" = %error,
                "cannot publish a callback; it will be published again"
            );
            break;
        }
        done.push(publication);
    }
    done
}

/// A pause after failures in a row, counted from 1.
pub(crate) fn pause(failures: u32) -> Duration {
    let bound = Duration::from_millis(50).saturating_mul(2_u32.saturating_pow(failures));
    bound.min(LONGEST_PAUSE).mul_f64(0.5 + fastrand::f64() / 2.0)
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("inbox", &self.inbox)
            .field("batch", &self.batch)
            .field("poll", &self.poll)
            .finish_non_exhaustive()
    }
}
