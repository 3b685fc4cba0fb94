//! Waiting for the end of a payment.

use std::sync::Arc;
use std::time::Duration;

use ecp_core::model::{ModelError, OperationStatus, PaymentStatus, StatusResponse};
use ecp_core::{PaymentId, RequestId};
use ecp_methods::{DynMethod, Effect, Flow, Rule, Supports};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::error::{GateError, UnknownReason};
use crate::gate::Gate;

/// Schedule of the status requests with which [`Gate::wait_until_final`] waits for the end of a
/// payment. The platform prescribes no schedule. The first request comes after the method's base
/// time (the average time of a payment by it), and earlier only if a [`Wake`] or a shorter deadline
/// asks for it. Each later pause is half as long again as the one before it, up to five minutes.
/// All pauses vary by a fifth, so that many waits do not request at once; the first one only
/// becomes longer.
///
/// Make a `Wait` for each payment if you use its [`Wake`]: a `Wait` and its clones have one.
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
    until_held: bool,
    wake: Wake,
}

/// Handle that wakes a [`Wait`]. Call [`Wake::wake`] when a callback about the payment arrives, and
/// the status is requested immediately. Clones wake the same wait. If several payments are waited
/// for with one [`Wait`] or its clones, a call wakes only one of these waits, whichever it is.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// Ends the current pause of the wait, so that the status is requested now. If no wait is in
    /// progress, the next one begins with a status request.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// Error of waiting for the end of a payment or of an operation: no final status came.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The deadline ([`Wait::deadline`]) passed before the payment or the operation had a final
    /// status. It may still end: request the status again later.
    #[error("{}", deadline_text(.operation.as_ref(), .last.as_deref(), .error.as_deref()))]
    Deadline {
        /// The platform's id of the request whose operation was waited for, such as a refund;
        /// `None` if the end of the whole payment was waited for.
        operation: Option<RequestId>,
        /// The last answer to a status request; `None` if there was none.
        last: Option<Box<StatusResponse>>,
        /// Error of the last status request; `None` if it succeeded.
        error: Option<Box<GateError>>,
    },
    /// A status request failed in a way that further requests cannot fix, such as a refusal or an
    /// answer with a wrong signature.
    #[error(transparent)]
    Gate(#[from] GateError),
}

/// The answer to a status request, and the platform's `Retry-After`.
pub(crate) struct Asked<A = StatusResponse> {
    pub(crate) answer: Result<A, GateError>,
    pub(crate) retry_after: Option<Duration>,
}

fn deadline_text(
    operation: Option<&RequestId>,
    last: Option<&StatusResponse>,
    error: Option<&GateError>,
) -> String {
    let what = if operation.is_some() {
        "the operation had not ended by the deadline, and may end later"
    } else {
        "the payment had not ended by the deadline, and may end later"
    };
    let last = last.and_then(|last| {
        if last.is_unknown_payment() {
            return Some("; the platform did not know the payment yet".to_owned());
        }
        let Some(request_id) = operation else {
            let status = last.payment_status()?;
            return Some(format!("; its last status was `{status}`"));
        };
        let Some(operation) = last.operation(request_id) else {
            return Some("; the payment did not have it yet".to_owned());
        };
        let status = operation.status.as_ref()?;
        Some(format!("; its last status was `{status}`"))
    });
    let error =
        error.map(|error| format!("; the last status request failed: {}", error.in_short()));
    let advice = "; request the status again, and do not send the request again";
    format!("{what}{}{}{advice}", last.unwrap_or_default(), error.unwrap_or_default())
}

impl Wait {
    /// First pause if the average time of a payment is not documented.
    const FIRST: Duration = Duration::from_secs(30);
    const LONGEST: Duration = Duration::from_mins(5);
    /// Deadline if the cut-off time is not documented.
    const DEADLINE: Duration = Duration::from_mins(30);

    /// Makes the schedule for an operation, such as a payout, by a payment method. The times are
    /// those that the platform documents for the method, otherwise the default values of
    /// [`Wait::by_rule`]. The wait for a hold ends when the money is held.
    pub fn for_flow<F: Flow>(method: &impl Supports<F>) -> Self {
        let wait = match method.spec().rule(F::OPERATION) {
            Some(rule) => Self::by_rule(rule),
            None => Self::by_rule(&Rule::new()),
        };
        match F::OPERATION.effect() {
            Effect::Hold => wait.until_held(),
            _ => wait,
        }
    }

    /// Makes the schedule from the rule of an operation by a payment method. The first pause is the
    /// average time of a payment ([`Rule::average_time`]), or 30 seconds if the rule has none. The
    /// deadline is the time after which the platform declines an unfinished payment
    /// ([`Rule::longest_time`]), or 30 minutes if the rule has none.
    pub fn by_rule(rule: &Rule) -> Self {
        Self {
            first: rule.average_time().unwrap_or(Self::FIRST),
            longest: Self::LONGEST,
            deadline: rule.longest_time().unwrap_or(Self::DEADLINE),
            until_held: false,
            wake: Wake::default(),
        }
    }

    /// No payment takes longer, and times up to this can be added without overflow.
    const FOR_EVER: Duration = Duration::from_hours(24 * 366);
    /// Time beyond the deadline that the last status request may take.
    const LAST_ANSWER: Duration = Duration::from_secs(30);
    /// Minimum of the pauses after the first.
    const SHORTEST: Duration = Duration::from_secs(1);

    /// Sets the time until the first status request, a year at most. By default it is the method's
    /// base time (the average time of a payment), or 30 seconds if that is not known. Set a shorter
    /// time than the base time only for a sandbox: the platform recommends no earlier request.
    pub fn first(self, first: Duration) -> Self {
        Self { first: first.min(Self::FOR_EVER), ..self }
    }

    /// Sets the maximum pause between two status requests, 5 minutes by default, a year at most. A
    /// longer first pause ([`Wait::first`]) takes its place.
    pub fn longest(self, longest: Duration) -> Self {
        Self { longest: longest.min(Self::FOR_EVER), ..self }
    }

    /// Sets how long a wait takes at most, counted from the call that waits; a year at most. By
    /// default it is the method's cut-off time (after which the platform declines the payment), or
    /// 30 minutes if that is not known. The last status request is sent when this time is over,
    /// even if the first request was not due yet; its answer is awaited for up to 30 seconds more.
    /// Without a final status, the wait ends with [`WaitError::Deadline`].
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline: deadline.min(Self::FOR_EVER), ..self }
    }

    /// Makes the wait for a payment end at the status `awaiting capture` too: the payment then
    /// holds the customer's money (sources: statuses), and has no final status before the money is
    /// captured or released.
    pub fn until_held(self) -> Self {
        Self { until_held: true, ..self }
    }

    /// The time from the beginning of the wait until the first status request.
    pub const fn first_pause(&self) -> Duration {
        self.first
    }

    /// Returns the handle that makes this wait request the status at once. Give it to the code that
    /// receives callbacks.
    pub fn wake_handle(&self) -> Wake {
        self.wake.clone()
    }
}

impl Gate {
    /// Requests a payment's status until the status is final, and returns it, whatever the end is:
    /// a decline is `Ok` too ([`PaymentStatus::end`]). A refund changes a payment that has ended
    /// already, so use [`Gate::wait_for_operation`] for a refund.
    ///
    /// A status request that fails for a temporary reason is repeated. An answer that is not
    /// genuine, or a refusal, is returned as an error at once. A payment that the platform does not
    /// know may still appear, so the wait goes on.
    pub async fn wait_until_final(
        &self,
        payment_id: &PaymentId,
        wait: &Wait,
    ) -> Result<StatusResponse, WaitError> {
        let is_held = |status: &StatusResponse| {
            wait.until_held && status.payment_status() == Some(&PaymentStatus::AwaitingCapture)
        };
        let ended = |status: &StatusResponse| is_final(status) || is_held(status);
        self.wait(payment_id, None, wait, ended).await
    }

    /// Requests a payment's status until one of its operations, such as a refund, has ended,
    /// successfully or not. Errors are those of [`Gate::wait_until_final`].
    /// `request_id` is the platform's id of the request that began the operation, which
    /// [`Accepted`](crate::Accepted) has. [`StatusResponse::refund`] of the returned status has the
    /// result of a refund.
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
        self.wait(payment_id, Some(request_id), wait, ended).await
    }

    async fn wait(
        &self,
        payment_id: &PaymentId,
        operation: Option<&RequestId>,
        wait: &Wait,
        ended: impl Fn(&StatusResponse) -> bool,
    ) -> Result<StatusResponse, WaitError> {
        let deadline = Instant::now() + wait.deadline;
        let longest = wait.longest.max(wait.first);
        let mut pause = wait.first;
        let mut varied = longer(pause);
        let (mut last, mut error) = (None, None);
        let operation = operation.cloned();
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
                Err(_) => return Err(WaitError::Deadline { operation, last, error }),
            }
            if Instant::now() >= deadline {
                return Err(WaitError::Deadline { operation, last, error });
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
