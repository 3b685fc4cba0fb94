//! Confirmation of held callbacks by status requests to Gate.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ecp_core::model::VerifiedStatus;
use ecp_core::observe::Meter;
use ecp_core::{PaymentId, ProjectId};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::Instrument;
use tracing::field::Empty;

use crate::entry::{Claim, Question};
use crate::error::InboxError;
use crate::inbox::{Inbox, Release};
use crate::observer::QUESTION;
use crate::telemetry;
use crate::worker::{HandlerError, attempt, exponential, pause};

/// Requests the status of a payment from Gate (the platform's API), to confirm a callback that is
/// held: not handled until then. Pass an implementation to [`Questions::new`]. Async functions of
/// this shape implement the trait:
///
/// ```
/// use ecp_core::model::VerifiedStatus;
/// use ecp_core::{PaymentId, ProjectId};
/// use ecp_inbox::{HandlerError, Questions};
///
/// # struct Gate;
/// # impl Gate {
/// #     async fn verified_status(&self, _: &PaymentId) -> Result<VerifiedStatus, HandlerError> {
/// #         Err("no Gate".into())
/// #     }
/// # }
/// # let gate = std::sync::Arc::new(Gate);
/// // `gate` is that of `ecp_transport`; with several projects, choose it by the first argument.
/// let questions = Questions::new(move |_: ProjectId, payment: PaymentId| {
///     let gate = gate.clone();
///     async move { Ok(gate.verified_status(&payment).await?) }
/// });
/// ```
#[async_trait]
pub trait Confirm: Send + Sync {
    /// Sends one status request. The text of an error is stored and shown to operators, so it must
    /// hold no personal data. The call may be dropped at any `.await`, when its deadline has
    /// passed.
    async fn status(
        &self,
        project: ProjectId,
        payment: &PaymentId,
    ) -> Result<VerifiedStatus, HandlerError>;
}

#[async_trait]
impl<F, A> Confirm for F
where
    F: Fn(ProjectId, PaymentId) -> A + Send + Sync,
    A: Future<Output = Result<VerifiedStatus, HandlerError>> + Send,
{
    async fn status(
        &self,
        project: ProjectId,
        payment: &PaymentId,
    ) -> Result<VerifiedStatus, HandlerError> {
        self(project, payment.clone()).await
    }
}

/// Settings of a [`Worker`](crate::Worker) for status requests to Gate (the platform's API) about
/// held callbacks, which are not handled until Gate confirms them. Give them to
/// [`Worker::questions`](crate::Worker::questions).
///
/// The first request is sent within [`Worker::poll`](crate::Worker::poll), the next ones after
/// pauses that double from 5 seconds to one hour and are shortened at random. A callback that Gate
/// confirms is released and handled, unless it repeats another one. If Gate contradicts the
/// callback, or has not confirmed it after 200 requests (some four days, eight at most; unanswered
/// ones count), it stays held and a person must decide about it:
/// [`Entry::error`](crate::Entry::error) says why, and
/// [`Stats::unconfirmed`](crate::Stats::unconfirmed) counts such callbacks. Gate cannot be asked
/// about a callback that names no payment: it stays held, and is not counted there.
///
/// While Gate is unreachable, only one request at a time is sent, after pauses of at most one
/// minute.
#[derive(Clone)]
pub struct Questions {
    confirm: Arc<dyn Confirm>,
    concurrency: usize,
    attempts: u32,
    first_pause: Duration,
    longest_pause: Duration,
}

impl Questions {
    /// Returns the default settings; `confirm` sends a status request to Gate and returns the
    /// verified answer.
    pub fn new(confirm: impl Confirm + 'static) -> Self {
        Self {
            confirm: Arc::new(confirm),
            concurrency: 4,
            attempts: 200,
            first_pause: Duration::from_secs(5),
            longest_pause: Duration::from_hours(1),
        }
    }

    /// Sets how many status requests to Gate may run at the same time: 4 by default, at least 1.
    pub fn concurrency(self, concurrency: usize) -> Self {
        Self { concurrency: concurrency.max(1), ..self }
    }

    /// Sets the maximum number of status requests about one held callback, answered or not: at
    /// least 1, and 200 by default. If none confirms the callback, it stays held (not handled), and
    /// a person must decide about it; `ecp inbox release` asks Gate once more.
    pub fn attempts(self, attempts: u32) -> Self {
        Self { attempts: attempts.max(1), ..self }
    }

    /// Sets the bounds of the pauses between status requests about a held callback. The bound is
    /// `first` after the first request, 5 seconds by default, and doubles up to `longest`, 1 hour
    /// by default. Each pause is chosen at random below its bound.
    pub fn pauses(self, first: Duration, longest: Duration) -> Self {
        Self { first_pause: first, longest_pause: longest, ..self }
    }
}

impl fmt::Debug for Questions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Questions")
            .field("concurrency", &self.concurrency)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// The part of a worker that sends status requests.
#[derive(Clone)]
pub(crate) struct Asker {
    pub(crate) inbox: Arc<dyn Inbox>,
    pub(crate) meter: Meter,
    pub(crate) questions: Questions,
    pub(crate) lease: Duration,
    pub(crate) poll: Duration,
}

/// Results of the status requests of one batch.
struct Round {
    asked: usize,
    /// Number of status requests that Gate answered, whatever the answer. If it is less than
    /// `asked`, the next requests are sent one at a time, after a pause.
    answered: usize,
}

impl Asker {
    /// Sends status requests until `stop` is ready. Requests in progress are then dropped, and
    /// repeated after the next start.
    pub(crate) async fn run(self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut failures = 0_u32;
        loop {
            let limit = if failures == 0 { self.questions.concurrency } else { 1 };
            let round = async {
                let failed = match self.round(limit).await {
                    Ok(round) if round.answered == round.asked => {
                        if round.asked < limit {
                            sleep(self.poll).await;
                        }
                        return if round.asked > 0 { 0 } else { failures };
                    }
                    Ok(_) => None,
                    Err(error) => Some(error),
                };
                if let Some(error) = failed {
                    tracing::error!(
                        "error.type" = error.kind().as_str(),
                        "error.message" = %error,
                        "cannot claim held callbacks"
                    );
                }
                let longest = Duration::from_mins(1);
                sleep(exponential(Duration::from_secs(1), failures).min(longest)).await;
                failures.saturating_add(1)
            };
            tokio::select! {
                biased;
                () = &mut stop => return,
                now = round => failures = now,
            }
        }
    }

    async fn round(&self, limit: usize) -> Result<Round, InboxError> {
        let claim = Claim::new(limit, self.lease).attempts(self.questions.attempts);
        let claimed = self.inbox.claim_held(&claim).await?;
        for id in claimed.given_up {
            telemetry::given_up(id);
        }
        let asked = claimed.questions.len();
        let mut running = JoinSet::new();
        for question in claimed.questions {
            let this = self.clone();
            running.spawn(async move { this.ask(question).await });
        }
        let mut answered = 0;
        while let Some(answer) = running.join_next().await {
            answered += usize::from(answer.unwrap_or(false));
        }
        Ok(Round { asked, answered })
    }

    /// Sends one status request, and returns whether there was an answer.
    async fn ask(&self, question: Question) -> bool {
        let span = tracing::info_span!(
            "ecp.inbox.ask",
            "otel.status_code" = Empty,
            "ecp.project_id" = question.project.get(),
            "ecp.payment_id" = question.payment.as_str(),
            "ecp.entry_id" = question.id.get(),
            "ecp.attempt" = question.attempt,
            "ecp.outcome" = Empty,
            "error.type" = Empty,
        );
        let begun = Instant::now();
        let deadline = self.lease.mul_f64(0.9);
        let status = self.questions.confirm.status(question.project, &question.payment);
        let status = attempt(status, deadline, "status request").instrument(span.clone()).await;
        let took = begun.elapsed();
        let is_answered = status.is_ok();
        let (outcome, error) = self.decide(&question, status).instrument(span.clone()).await;
        span.record("ecp.outcome", outcome);
        let outcome = ("ecp.outcome", outcome);
        match error {
            None => self.meter.took(&QUESTION, took, &[outcome]),
            Some(error) => {
                span.record("error.type", error).record("otel.status_code", "ERROR");
                self.meter.took(&QUESTION, took, &[outcome, ("error.type", error)]);
            }
        }
        is_answered
    }

    /// Releases the callback, or stores why it stays held. If storing fails, the status is
    /// requested again when the lease is over.
    async fn decide(
        &self,
        question: &Question,
        status: Result<VerifiedStatus, String>,
    ) -> (&'static str, Option<&'static str>) {
        let decided = async {
            let (outcome, error, reason) = match status {
                Err(text) => ("unanswered", Some("gate"), format!("Gate cannot be asked: {text}")),
                Ok(status) => match self.inbox.release(question.id, &status).await? {
                    Release::Undecided(path) => {
                        ("undecided", None, format!("Gate has not decided `{path}` yet"))
                    }
                    release => return Ok((release.as_str(), None)),
                },
            };
            let after = (question.attempt < self.questions.attempts).then(|| {
                let Questions { first_pause, longest_pause, .. } = self.questions;
                pause(first_pause, longest_pause, question.attempt)
            });
            if !self.inbox.postpone(question, after, &reason).await? {
                return Ok(("lease_lost", Some("lease_lost")));
            }
            match after {
                None => telemetry::given_up(question.id),
                Some(_) if error.is_some() => tracing::warn!(
                    "ecp.entry_id" = question.id.get(),
                    "cannot ask Gate about a held callback; it is asked again, and `ecp inbox show` \
                     prints why"
                ),
                Some(_) => {}
            }
            Ok::<_, InboxError>((outcome, error))
        };
        decided.await.unwrap_or_else(|error| {
            tracing::error!(
                "ecp.entry_id" = question.id.get(),
                "error.type" = error.kind().as_str(),
                "error.message" = %error,
                "cannot store Gate's answer about a held callback; Gate is asked again after the lease"
            );
            ("unfinished", Some("inbox"))
        })
    }
}
