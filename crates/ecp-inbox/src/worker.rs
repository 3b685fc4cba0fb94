//! Workers: they pass callbacks to a handler until they are done.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ecp_core::PaymentId;
use ecp_core::observe::{Meter, Observer};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::entry::{Claim, Delivery, Finish};
use crate::inbox::Inbox;
use crate::observer::{DEAD, HANDLER, Observed};
use crate::questions::{Asker, Questions};

/// Error of a handler of callbacks. The text of the error is stored and shown to operators, so it
/// must hold no personal data.
pub type HandlerError = Box<dyn Error + Send + Sync>;

/// Handles callbacks: ships an order, writes to a ledger, sends a mail. Implement it with your
/// code, and pass it to [`Worker::new`].
///
/// Each callback is passed to the handler at least once: again after an error, a panic, a missed
/// deadline or the death of its process, and after a replay. Callbacks that are held or repeated
/// are not passed ([`EntryState`](crate::EntryState)). For an effect that must happen once,
/// recognize a repetition by [`Delivery::id`]; or make the worker with `SqliteInbox::worker` or
/// `PostgresInbox::worker`, whose handler writes to the inbox's own database in the transaction
/// that marks the callback as done.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Handles a callback. The call may be dropped at any `.await`, when its deadline has passed.
    async fn handle(&self, delivery: &Delivery) -> Result<(), HandlerError>;
}

#[async_trait]
impl<H: Handler + ?Sized> Handler for Arc<H> {
    async fn handle(&self, delivery: &Delivery) -> Result<(), HandlerError> {
        (**self).handle(delivery).await
    }
}

/// Claims callbacks from an inbox and passes them to a handler: callbacks of one payment one after
/// the other, in the order of arrival, and callbacks of different payments concurrently. Any number
/// of workers, in any number of processes, may share an inbox and its callbacks.
///
/// A failed callback is retried, after pauses that double from one second to one hour and are
/// shortened at random; meanwhile later callbacks of the same payment wait. After 20 failed
/// attempts (some four hours, eight at most) the callback is dead, and the later callbacks are
/// handled. Later callbacks do not wait for one that is held or dead, and may be handled before it.
/// Once it is released or replayed, it comes before those of its payment that still wait.
#[derive(Clone)]
pub struct Worker {
    inbox: Arc<dyn Inbox>,
    processor: Arc<dyn Processor>,
    meter: Meter,
    concurrency: usize,
    lease: Duration,
    attempts: u32,
    first_pause: Duration,
    longest_pause: Duration,
    poll: Duration,
    questions: Option<Questions>,
}

/// One attempt to handle a delivery, with or without a transaction of its own.
#[async_trait]
pub(crate) trait Processor: Send + Sync {
    /// Handles a delivery within the deadline. Panics are failures.
    async fn process(&self, delivery: &Delivery, deadline: Duration) -> Attempt;
}

/// Result of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// The handler succeeded. The worker stores this result next.
    Handled,
    /// The handler succeeded, and the result was stored in the handler's transaction.
    Finished,
    /// The handler failed, with this text of its error. Nothing was written to the inbox.
    Failed(String),
    /// The time for which the callback was reserved (its lease) was over, and another worker has
    /// taken the callback. Nothing was written.
    LeaseLost,
}

impl Worker {
    /// Returns a worker that passes each waiting callback in the inbox to the handler at least
    /// once. It begins when [`run`](Self::run) is called.
    pub fn new(inbox: impl Inbox + 'static, handler: impl Handler + 'static) -> Self {
        Self::with(Arc::new(inbox), Arc::new(AtLeastOnce(handler)))
    }

    pub(crate) fn with(inbox: Arc<dyn Inbox>, processor: Arc<dyn Processor>) -> Self {
        Self {
            inbox,
            processor,
            meter: Meter::default(),
            concurrency: 16,
            lease: Duration::from_secs(30),
            attempts: 20,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_hours(1),
            poll: Duration::from_secs(1),
            questions: None,
        }
    }

    /// Makes the worker send status requests about held callbacks, which wait until Gate (the
    /// platform's API) confirms them, and handle those that Gate confirms. Without this setting,
    /// callbacks stay held until [`Inbox::release`] is called.
    pub fn questions(self, questions: Questions) -> Self {
        Self { questions: Some(questions), ..self }
    }

    /// Sets how many callbacks may be handled at the same time: 16 by default, at least 1. The
    /// default of a worker of `PostgresInbox::worker` is half of the inbox's connections. Handlers
    /// of `SqliteInbox::worker` run one at a time in any case.
    pub fn concurrency(self, concurrency: usize) -> Self {
        Self { concurrency: concurrency.max(1), ..self }
    }

    /// Sets the time for which the worker reserves a callback (its lease), 30 seconds by default. A
    /// handler must finish within nine tenths of the lease: otherwise its call is dropped, and the
    /// attempt has failed. The same holds for a status request about a held callback. A handler of
    /// `SqliteInbox::worker`, or any that blocks its thread, cannot be dropped. After a crash of
    /// the process, a callback that was being handled is handled again when its lease is over.
    pub fn lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    /// Sets the maximum number of attempts to handle a callback: 20 by default, at least 1. After
    /// the last failed attempt the callback is dead: it is not handled again until somebody replays
    /// it. An attempt that a crash of the process interrupted counts too. If the number is lowered,
    /// waiting callbacks that have had so many attempts become dead when they are due, without
    /// another attempt.
    pub fn attempts(self, attempts: u32) -> Self {
        Self { attempts: attempts.max(1), ..self }
    }

    /// Sets the bounds of the pauses between attempts to handle a callback. The bound is `first`
    /// after the first attempt, 1 second by default, and doubles up to `longest`, 1 hour by
    /// default. Each pause is chosen at random below its bound, so that callbacks that failed
    /// together are not retried together.
    pub fn pauses(self, first: Duration, longest: Duration) -> Self {
        Self { first_pause: first, longest_pause: longest, ..self }
    }

    /// Sets how often the worker looks for callbacks that other processes stored, for attempts that
    /// are due, and for held callbacks: every second by default. A new callback that is stored
    /// through this worker's inbox or a clone of it is seen at once.
    pub fn poll(self, poll: Duration) -> Self {
        Self { poll, ..self }
    }

    /// Reports the metrics of the worker, its handler and its inbox to an observer. The worker's
    /// inbox should not be an [`Observed`] inbox, as its metrics would be reported twice. The
    /// metrics are listed in [`METRICS`](crate::METRICS).
    pub fn observer(self, observer: impl Observer) -> Self {
        let meter = Meter::new(observer);
        let inbox = Arc::new(Observed::metered(self.inbox, meter.clone()));
        Self { inbox, meter, ..self }
    }

    /// Runs the worker until the future `stop` is ready, then waits for the running handlers, for
    /// as long as their leases last. Without `stop` the call never ends. Status requests in
    /// progress are dropped, and sent again after the next start.
    ///
    /// Dropping the future of this call instead loses nothing: callbacks that the worker claimed
    /// are handled again when their lease is over, and the interrupted attempt counts. After an
    /// error of the inbox the worker retries, after pauses of at most 30 seconds.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let Some(questions) = self.questions.clone() else { return self.handle_until(stop).await };
        let asker = Asker {
            inbox: self.inbox.clone(),
            meter: self.meter.clone(),
            questions,
            lease: self.lease,
            poll: self.poll,
        };
        let (working, stopped) = tokio::sync::oneshot::channel::<()>();
        let stop = async {
            stop.await;
            drop(working);
        };
        tokio::join!(self.handle_until(stop), asker.run(async { drop(stopped.await) }));
    }

    async fn handle_until(&self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut running = JoinSet::new();
        let mut failures = 0;
        loop {
            let mut pause = self.poll;
            let free = self.concurrency.saturating_sub(running.len());
            if free > 0 {
                match self.claim(free, &mut running).await {
                    Ok(()) => failures = 0,
                    Err(error) => {
                        tracing::error!(
                            "error.type" = error.kind().as_str(),
                            "error.message" = %error,
                            "cannot claim callbacks"
                        );
                        pause = exponential(Duration::from_secs(1), failures)
                            .min(Duration::from_secs(30));
                        failures += 1;
                    }
                }
            }
            let full = running.len() >= self.concurrency;
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some(_) = running.join_next(), if failures == 0 => {}
                () = sleep(pause), if failures > 0 => {}
                () = self.inbox.wait(pause), if failures == 0 && !full => {}
            }
            // New callbacks are claimed at once for all handlers that have ended.
            while running.try_join_next().is_some() {}
        }
        while running.join_next().await.is_some() {}
    }

    async fn claim(
        &self,
        limit: usize,
        running: &mut JoinSet<()>,
    ) -> Result<(), crate::InboxError> {
        let claim = Claim::new(limit, self.lease).attempts(self.attempts);
        let claimed = self.inbox.claim(&claim).await?;
        if !claimed.deliveries.is_empty() {
            tracing::debug!("ecp.inbox.claimed" = claimed.deliveries.len(), "callbacks claimed");
        }
        for id in claimed.dead {
            tracing::error!(
                "ecp.entry_id" = id.get(),
                "callback is dead: the last attempt stored no result; replay it when the cause is removed"
            );
        }
        for delivery in claimed.deliveries {
            let worker = self.clone();
            running.spawn(async move { worker.work(delivery).await });
        }
        Ok(())
    }

    async fn work(&self, delivery: Delivery) {
        let span = tracing::info_span!(
            "ecp.inbox.handle",
            "otel.kind" = "consumer",
            "otel.status_code" = Empty,
            "ecp.project_id" = delivery.project.get(),
            "ecp.payment_id" = delivery.callback.payment_id().map(PaymentId::as_str),
            "ecp.entry_id" = delivery.id.get(),
            "ecp.attempt" = delivery.attempt,
            "ecp.outcome" = Empty,
            "error.type" = Empty,
        );
        self.attempt(&delivery, &span).instrument(span.clone()).await;
    }

    async fn attempt(&self, delivery: &Delivery, span: &Span) {
        let begun = Instant::now();
        let deadline = self.lease.mul_f64(0.9);
        let attempt = self.processor.process(delivery, deadline).await;
        let took = begun.elapsed();
        let finish = match attempt {
            Attempt::Finished => return self.ended(span, "done", None, took),
            Attempt::LeaseLost => return self.lease_lost(delivery, span, took),
            Attempt::Handled => Finish::Done,
            Attempt::Failed(error) if delivery.attempt >= self.attempts => Finish::Dead { error },
            Attempt::Failed(error) => {
                let after = pause(self.first_pause, self.longest_pause, delivery.attempt);
                Finish::Retry { after, error }
            }
        };
        match (self.finish(delivery, &finish, begun).await, finish) {
            (None, _) => self.ended(span, "unfinished", Some("inbox"), took),
            (Some(false), _) => self.lease_lost(delivery, span, took),
            (Some(true), Finish::Done) => self.ended(span, "done", None, took),
            (Some(true), Finish::Retry { after, .. }) => {
                let pause = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
                tracing::warn!(
                    "ecp.entry_id" = delivery.id.get(),
                    "ecp.attempt" = delivery.attempt,
                    "ecp.pause_ms" = pause,
                    "handler failed and will be retried; `ecp inbox show` prints its error"
                );
                self.ended(span, "retry", Some("handler"), took);
            }
            (Some(true), Finish::Dead { .. }) => {
                tracing::error!(
                    "ecp.entry_id" = delivery.id.get(),
                    "ecp.attempt" = delivery.attempt,
                    "callback is dead: its handler failed too often; replay it when the cause is removed"
                );
                self.meter.count(&DEAD, 1, &[("error.type", "handler")]);
                self.ended(span, "dead", Some("handler"), took);
            }
        }
    }

    /// Stores the result of an attempt. Errors of the inbox are retried for as long as the lease
    /// lasts; after that the callback is handled again.
    async fn finish(&self, delivery: &Delivery, finish: &Finish, begun: Instant) -> Option<bool> {
        for failures in 0.. {
            match self.inbox.finish(delivery, finish.clone()).await {
                Ok(finished) => return Some(finished),
                Err(error) => tracing::error!(
                    "ecp.entry_id" = delivery.id.get(),
                    "error.type" = error.kind().as_str(),
                    "error.message" = %error,
                    "cannot store the result of an attempt; it is tried again, and after the lease \
                     the callback is handled again"
                ),
            }
            let pause = exponential(Duration::from_millis(100), failures);
            if begun.elapsed() + pause > self.lease {
                break;
            }
            sleep(pause).await;
        }
        None
    }

    fn lease_lost(&self, delivery: &Delivery, span: &Span, took: Duration) {
        let id = delivery.id.get();
        tracing::warn!(
            "ecp.entry_id" = id,
            "handler took longer than its lease: another attempt has the callback, and this result is \
             not stored; raise `Worker::lease`"
        );
        self.ended(span, "lease_lost", Some("lease_lost"), took);
    }

    /// Records the result and the duration of an attempt in its span and metrics.
    fn ended(
        &self,
        span: &Span,
        outcome: &'static str,
        error: Option<&'static str>,
        took: Duration,
    ) {
        span.record("ecp.outcome", outcome);
        let outcome = ("ecp.outcome", outcome);
        match error {
            None => self.meter.took(&HANDLER, took, &[outcome]),
            Some(error) => {
                span.record("error.type", error).record("otel.status_code", "ERROR");
                self.meter.took(&HANDLER, took, &[outcome, ("error.type", error)]);
            }
        }
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("inbox", &self.inbox)
            .field("concurrency", &self.concurrency)
            .field("lease", &self.lease)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

struct AtLeastOnce<H>(H);

#[async_trait]
impl<H: Handler> Processor for AtLeastOnce<H> {
    async fn process(&self, delivery: &Delivery, deadline: Duration) -> Attempt {
        match attempt(self.0.handle(delivery), deadline, "handler").await {
            Ok(()) => Attempt::Handled,
            Err(error) => Attempt::Failed(error),
        }
    }
}

/// Runs a handler or another function of the merchant. An error, a panic and a missed deadline
/// become a text.
pub(crate) async fn attempt<T>(
    handled: impl Future<Output = Result<T, HandlerError>>,
    deadline: Duration,
    what: &str,
) -> Result<T, String> {
    let mut handled = pin!(handled);
    let handled = poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| handled.as_mut().poll(context)))
            .unwrap_or_else(|_| Poll::Ready(Err(format!("the {what} panicked").into())))
    });
    match timeout(deadline, handled).await {
        Ok(result) => result.map_err(|error| with_causes(&*error)),
        Err(_) => {
            Err(format!("the {what} took longer than {deadline:?}, nine tenths of `Worker::lease`"))
        }
    }
}

pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// A pause after an attempt, counted from 1.
pub(crate) fn pause(first: Duration, longest: Duration, attempt: u32) -> Duration {
    exponential(first, attempt.saturating_sub(1)).min(longest).mul_f64(fastrand::f64())
}

pub(crate) fn exponential(first: Duration, doublings: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(doublings))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_hours(1);

    #[test]
    fn pauses_double_up_to_their_bound_and_are_spread_below_it() {
        for (attempt, bound) in [
            (1, 1),
            (2, 2),
            (3, 4),
            (11, 1024),
            (12, 2048),
            (13, 3600),
            (20, 3600),
            (u32::MAX, 3600),
        ] {
            let bound = Duration::from_secs(bound);
            let pauses: Vec<Duration> = (0..1000).map(|_| pause(FIRST, LONGEST, attempt)).collect();
            assert!(pauses.iter().all(|pause| *pause < bound), "{attempt}");
            // A thousand draws miss either tenth of the range once in 10^45 runs.
            assert!(pauses.iter().any(|pause| *pause < bound / 10), "{attempt}");
            assert!(pauses.iter().any(|pause| *pause > bound / 10 * 9), "{attempt}");
        }
    }
}
