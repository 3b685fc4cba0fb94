//! Waiting for the end of a payment.

use std::sync::Arc;
use std::time::Duration;

use ecp_core::model::{ModelError, OperationStatus, PaymentStatus, StatusResponse};
use ecp_core::{PaymentId, RequestId};
use ecp_methods::{DynMethod, Flow, Rule, Supports};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::error::{GateError, UnknownReason};
use crate::gate::Gate;

/// Schedule of the status requests with which [`Gate::wait_until_final`] waits for the end of a
/// payment. The platform prescribes no schedule. The first request comes after the method's base
/// time and never before it; each next pause is half as long again, up to five minutes. All pauses
/// vary by a fifth, so that many waits do not request at once; the first one varies only upwards.
///
/// ```
/// use std::time::Duration;
/// use ecp_methods::{Payout, TouchNGo};
/// use ecp_transport::Wait;
///
/// let wait = Wait::for_flow::<Payout>(&TouchNGo).deadline(Duration::from_mins(10));
/// assert_eq!(wait.first_pause(), Duration::from_mins(2));
/// ```
#[derive(Clone, Debug)]
pub struct Wait {
    first: Duration,
    longest: Duration,
    deadline: Duration,
    wake: Wake,
}

/// Handle that wakes a [`Wait`]. Call [`Wake::wake`] when a callback about the payment arrives, and
/// the status is requested immediately. Clones wake the same wait.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// Makes the wait request the status now. Without a wait in progress, the next wait begins with
    /// a status request.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// Error of a wait that ended without a final status.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The deadline passed before the payment or the operation had a final status.
    #[error("the payment had not ended by the deadline, and may end later{details}", details = last_words(.last.as_deref(), .error.as_deref()))]
    Deadline {
        /// The last answer to a status request; `None` if there was none.
        last: Option<Box<StatusResponse>>,
        /// Error of the last status request; `None` if it succeeded.
        error: Option<Box<GateError>>,
    },
    /// A status request failed with an error that further requests cannot fix.
    #[error(transparent)]
    Gate(#[from] GateError),
}

/// The answer to a status request, and the platform's `Retry-After`.
pub(crate) struct Asked<A = StatusResponse> {
    pub(crate) answer: Result<A, GateError>,
    pub(crate) retry_after: Option<Duration>,
}

fn last_words(last: Option<&StatusResponse>, error: Option<&GateError>) -> String {
    let status = last.and_then(StatusResponse::payment_status);
    let status = status.map(|status| format!("; its last status was `{status}`"));
    let error =
        error.map(|error| format!("; the last status request failed: {}", error.in_short()));
    [status, error].into_iter().flatten().collect()
}

impl Wait {
    /// First pause if the average time of a payment is not documented.
    const FIRST: Duration = Duration::from_secs(30);
    const LONGEST: Duration = Duration::from_mins(5);
    /// Deadline if the cut-off time is not documented.
    const DEADLINE: Duration = Duration::from_mins(30);

    /// Makes the schedule for payments by a method and operation, with the times of the method's
    /// rule (see [`Wait::by_rule`]).
    pub fn for_flow<F: Flow>(method: &impl Supports<F>) -> Self {
        match method.spec().rule(F::OPERATION) {
            Some(rule) => Self::by_rule(rule),
            None => Self::by_rule(&Rule::new()),
        }
    }

    /// Makes the schedule from a method's rule: the base time is the first pause, and the cut-off
    /// time is the deadline. Where the rule has none, they are 30 seconds and 30 minutes.
    pub fn by_rule(rule: &Rule) -> Self {
        Self {
            first: rule.average_time().unwrap_or(Self::FIRST),
            longest: Self::LONGEST,
            deadline: rule.longest_time().unwrap_or(Self::DEADLINE),
            wake: Wake::default(),
        }
    }

    /// No payment takes longer, and times up to this can be added without overflow.
    const FOR_EVER: Duration = Duration::from_hours(24 * 366);
    /// Time beyond the deadline that the last status request may take.
    const LAST_ANSWER: Duration = Duration::from_secs(30);
    /// Minimum of the pauses after the first.
    const SHORTEST: Duration = Duration::from_secs(1);

    /// Sets the time until the first status request, a year at most; by default the method's base
    /// time, or 30 seconds. A time below the method's base time is for a sandbox: the platform
    /// recommends no earlier request.
    pub fn first(self, first: Duration) -> Self {
        Self { first: first.min(Self::FOR_EVER), ..self }
    }

    /// Sets the maximum pause between two status requests, 5 minutes by default, a year at most.
    pub fn longest(self, longest: Duration) -> Self {
        Self { longest: longest.min(Self::FOR_EVER), ..self }
    }

    /// Sets the deadline, counted from the call, a year at most; by default the method's cut-off
    /// time, or 30 minutes. The last status request is sent when the deadline passes, even if the
    /// first request was not due yet.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline: deadline.min(Self::FOR_EVER), ..self }
    }

    /// The time until the first status request.
    pub const fn first_pause(&self) -> Duration {
        self.first
    }

    /// Returns the handle that wakes this wait, to be kept by the code that receives callbacks.
    pub fn wake_handle(&self) -> Wake {
        self.wake.clone()
    }
}

impl Gate {
    /// Requests a payment's status until it is final. A refund changes a payment that has ended
    /// already, so use [`Gate::wait_for_operation`] for it.
    ///
    /// Requests that fail are repeated. An answer that is not genuine, or a refusal, is returned as
    /// an error at once. A payment that the platform does not know may still appear, so the wait
    /// goes on.
    pub async fn wait_until_final(
        &self,
        payment_id: &PaymentId,
        wait: &Wait,
    ) -> Result<StatusResponse, WaitError> {
        self.wait(payment_id, wait, is_final).await
    }

    /// Requests a payment's status until one of its operations, such as a refund, has ended. The id
    /// of the request that began the operation is in [`Accepted`](crate::Accepted);
    /// [`StatusResponse::refund`] then returns the result of a refund.
    pub async fn wait_for_operation(
        &self,
        payment_id: &PaymentId,
        request_id: &RequestId,
        wait: &Wait,
    ) -> Result<StatusResponse, WaitError> {
        let ended = |status: &StatusResponse| {
            let operation = status.operation(request_id);
            operation
                .and_then(|operation| operation.status.as_ref())
                .is_some_and(OperationStatus::is_final)
        };
        self.wait(payment_id, wait, ended).await
    }

    async fn wait(
        &self,
        payment_id: &PaymentId,
        wait: &Wait,
        ended: impl Fn(&StatusResponse) -> bool,
    ) -> Result<StatusResponse, WaitError> {
        let deadline = Instant::now() + wait.deadline;
        let longest = wait.longest.max(wait.first);
        let mut pause = wait.first;
        let mut varied = longer(pause);
        let (mut last, mut error) = (None, None);
        loop {
            let next = (Instant::now() + varied).min(deadline);
            tokio::select! {
                () = sleep_until(next) => {}
                () = wait.wake.0.notified() => {}
            }
            // A transport without timeouts must not make the wait endless.
            match timeout_at(deadline + Wait::LAST_ANSWER, self.status(payment_id)).await {
                Ok(Ok(status)) if ended(&status) => return Ok(status),
                Ok(Ok(status)) => (last, error) = (Some(Box::new(status)), None),
                Ok(Err(failure)) if is_passing(&failure) => error = Some(Box::new(failure)),
                Ok(Err(failure)) => return Err(failure.into()),
                Err(_) => return Err(WaitError::Deadline { last, error }),
            }
            if Instant::now() >= deadline {
                return Err(WaitError::Deadline { last, error });
            }
            pause = (pause + pause / 2).min(longest).max(Wait::SHORTEST);
            varied = spread(pause);
        }
    }
}

fn is_final(status: &StatusResponse) -> bool {
    let ended = status.payment_status().is_some_and(PaymentStatus::is_final);
    ended && !status.is_unknown_payment()
}

/// Whether the next status request may be answered.
pub(crate) fn is_passing(error: &GateError) -> bool {
    matches!(
        error,
        GateError::NotSent(_)
            | GateError::Unknown(
                UnknownReason::Transport(_)
                    | UnknownReason::HttpStatus(_)
                    | UnknownReason::Inconclusive(_)
            )
    ) || says_no_status(error)
}

/// An answer about the payment without a status.
fn says_no_status(error: &GateError) -> bool {
    matches!(
        error,
        GateError::Unknown(UnknownReason::Unreadable(ModelError::Missing { path }))
            if path == "payment.status"
    )
}

/// Varies a pause by up to a fifth, and makes none shorter.
fn longer(pause: Duration) -> Duration {
    pause + random_part(pause / 5)
}

/// Varies a pause by up to a fifth.
fn spread(pause: Duration) -> Duration {
    pause * 4 / 5 + random_part(pause * 2 / 5)
}

/// A random part of a duration, from zero to nearly all of it.
pub(crate) fn random_part(time: Duration) -> Duration {
    time.mul_f64(fastrand::f64())
}
