//! A sender that retries where that is known to be safe.

mod budget;
mod clarify;
mod pace;
mod policy;
mod retry;
mod retry_after;
mod shared;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ecp_core::PaymentId;
use ecp_core::model::StatusResponse;
use ecp_methods::request::{PayoutRequest, RefundRequest, SaleRequest};
use ecp_methods::{Flow, Payout, Refund, Sale, Supports, prepare_as};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until, timeout_at};

pub use self::budget::RetryBudget;
use self::pace::Pace;
pub use self::policy::SendPolicy;
use self::retry::{Call, Earlier};
pub(crate) use self::retry_after::retry_after;
pub use self::shared::{Booking, SharedLimits};
use crate::error::{GateError, Outcome};
use crate::gate::request::{Answered, GateRequest};
use crate::gate::{Accepted, Gate};
use crate::http::TransportError;
use crate::retry_policy::A_YEAR;
use crate::wait::{Asked, is_passing};
use crate::watched::{BUDGET_EMPTY, FURTHER_REQUESTS, SEND_TURN, Watched, request_span, words};

/// A [`Gate`] client that retries requests where a retry cannot pay twice. Clones share its limits
/// on requests and its retry budget.
///
/// After a failure, the next step depends on what is known about the request:
///
/// - the request was not sent, or was refused for a temporary reason
///   ([`SendPolicy::retryable_statuses`]): it is sent again;
/// - the platform refused the request: the call returns the refusal;
/// - in every other case the outcome is unknown. The payment's status is requested, and nothing is
///   sent until the platform has said, signed and late enough ([`SendPolicy::not_found_after`]),
///   that it does not know the payment. The request is then sent again under the same payment id,
///   so even if the first request arrives after all, the payment is made once: one of the two
///   requests gets code 3041, which is evidence that the other arrived.
///
/// A request whose outcome is unknown is sent again only if it begins a payment
/// ([`Effect::is_new_payment`](ecp_methods::Effect::is_new_payment)): a sale, hold, payout or
/// registration. A refund whose outcome is unknown is never sent again automatically, because no
/// answer of the platform says that a refund does not exist. The same is true of captures, releases
/// and all other requests about a payment that exists.
///
/// Retries and status requests are taken from a [`RetryBudget`], so that retries do not make an
/// outage of the platform worse. When it is empty, a call ends with what is known until then,
/// unless [`SendPolicy::wait_for_budget`] lets it wait. Two requests are free: the first status
/// request of [`Sender::resume`], and a send after the platform's answer that it does not know the
/// payment.
///
/// ```no_run
/// use std::time::Duration;
/// use ecp_core::{PaymentId, ProjectId, SecretKey};
/// use ecp_methods::Jeton;
/// use ecp_methods::request::{Account, Customer, PayoutRequest};
/// use ecp_transport::{Gate, Outcome, ReqwestTransport, SendPolicy, Sender, Sent};
///
/// # async fn pay(key: SecretKey) -> Result<(), Box<dyn std::error::Error>> {
/// let gate = Gate::new(ProjectId::new(1236)?, &key, ReqwestTransport::new()?);
/// let sender = Sender::new(gate, SendPolicy::new().deadline(Duration::from_secs(30)));
/// let payout = PayoutRequest::new(PaymentId::new("P-17")?, "300.00 EUR".parse()?)
///     .customer(Customer::new().ip_address("192.0.2.1"))
///     .account(Account::new().number("93017949"));
/// match sender.payout(&Jeton, &payout).await {
///     Ok(Sent::Registered(accepted)) => println!("registered as {}", accepted.request_id),
///     Ok(evidence) => println!("the platform has it: {evidence:?}"),
///     Err(error) if error.outcome() == Outcome::Unknown => println!("ask again later: {error}"),
///     Err(error) => println!("nothing was registered: {error}"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Sender {
    gate: Gate,
    policy: SendPolicy,
    pace: Pace,
    intents: Option<Arc<dyn Intents>>,
    first_question: Duration,
}

/// A store in which a [`Sender`] records every send before it happens. After a crash, the records
/// say which requests may have been sent, and the latest time when each was sent. Status requests
/// and the answers of [`Sender::clarify`] are not recorded.
#[async_trait]
pub trait Intents: fmt::Debug + Send + Sync {
    /// Records that a request is about to be sent; called before each send, also a repeated one.
    /// The request for this payment is sent immediately after this returns `Ok`, or not at all if
    /// the deadline of the call has passed meanwhile. After an error it is not sent, and the call
    /// ends with [`GateError::NotSent`].
    ///
    /// The deadline of the call does not interrupt this function, so limit its time yourself.
    async fn about_to_send(
        &self,
        payment_id: &PaymentId,
    ) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// Result of a [`Sender`]'s call that succeeded: evidence that the platform has the request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Sent {
    /// The platform's answer says that the request is registered. The payment's result comes by
    /// callback.
    Registered(Accepted),
    /// The platform answered that it accepted an [`EndpointRequest`](crate::EndpointRequest).
    Answered(Answered),
    /// No answer said that the request was registered, but the answer to a status request has the
    /// payment, with the same id. Its kind and sum do not contradict the request; a member that the
    /// answer lacks is not compared, nor is a sum that the customer chooses. The payment may have
    /// ended already, also with a decline: see its status.
    Found(Box<StatusResponse>),
    /// No answer said that the request was registered, but a second request for the new payment was
    /// refused because its id exists (code 3041). No status answer had the payment, so its kind and
    /// sum were not compared: request its status later. Never for a refund: there, the same refusal
    /// is the error [`UnknownReason::AlreadyExists`](crate::UnknownReason::AlreadyExists).
    Exists,
}

impl Sent {
    /// How it is known that the platform has the request, as a word: `registered`, `answered`,
    /// `found` or `exists`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Registered(_) => "registered",
            Self::Answered(_) => "answered",
            Self::Found(_) => "found",
            Self::Exists => "exists",
        }
    }

    /// How it is known that the platform has the request, as a sentence for journals and logs, such
    /// as `the platform registered it`.
    pub const fn evidence(&self) -> &'static str {
        match self {
            Self::Registered(_) => "the platform registered it",
            Self::Answered(_) => "the platform took it",
            Self::Found(_) => "no answer to the request, but the platform knows the payment",
            Self::Exists => "no answer to the request, but a second one was refused as a duplicate",
        }
    }
}

/// Error of a call of a [`Sender`]: nothing shows that the platform has the request.
/// [`SendError::outcome`] says whether the request may have arrived all the same.
#[derive(Debug)]
pub struct SendError {
    error: GateError,
    question: Option<Box<GateError>>,
    sends: u32,
    status_checks: u32,
    not_found: bool,
}

impl SendError {
    /// What is known about the request after all attempts: nothing was registered, the platform
    /// refused the request, or the request may be in progress.
    pub fn outcome(&self) -> Outcome<'_> {
        self.error.outcome()
    }

    /// Why the call ended: the error of the last attempt to send the request. It is
    /// [`UnknownReason::Mismatch`](crate::UnknownReason::Mismatch) if the payment that was found
    /// under the id has another kind or sum, and
    /// [`UnknownReason::Interrupted`](crate::UnknownReason::Interrupted) if [`Sender::resume`] sent
    /// nothing.
    pub const fn error(&self) -> &GateError {
        &self.error
    }

    /// Error of the last status request; `None` if no status was requested or the last status
    /// request succeeded.
    pub fn question(&self) -> Option<&GateError> {
        self.question.as_deref()
    }

    /// Number of times that the call tried to send the request.
    pub const fn sends(&self) -> u32 {
        self.sends
    }

    /// Number of status requests that the call made.
    pub const fn status_checks(&self) -> u32 {
        self.status_checks
    }

    /// Whether the platform has answered that it does not know the payment, but so soon after the
    /// request that the request may still arrive ([`SendPolicy::not_found_after`]). If so, call
    /// [`Sender::resume`] later. `false` in all other cases.
    pub const fn is_not_found_yet(&self) -> bool {
        self.not_found
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)?;
        if self.sends > 1 {
            write!(f, " ({} attempts)", self.sends)?;
        }
        if self.not_found {
            write!(
                f,
                "; the platform does not know the payment yet, and it is too early to send the request again"
            )?;
        }
        match &self.question {
            Some(question) => write!(f, "; the status request failed: {}", question.in_short()),
            None => Ok(()),
        }
    }
}

impl Error for SendError {}

impl From<GateError> for SendError {
    fn from(error: GateError) -> Self {
        Self { error, question: None, sends: 0, status_checks: 0, not_found: false }
    }
}

impl Sender {
    /// Makes a sender that sends through a [`Gate`] client and retries as the policy allows.
    pub fn new(gate: Gate, policy: SendPolicy) -> Self {
        let pace = Pace::new(policy.concurrency, policy.rate);
        Self { gate, policy, pace, intents: None, first_question: Duration::ZERO }
    }

    /// Sets the store in which every send is recorded before it happens; if the store fails,
    /// nothing is sent. By default nothing is recorded. To use one store per payment, set it on a
    /// clone of the sender: the clones still share their limits and their retry budget.
    pub fn intents(self, intents: Arc<dyn Intents>) -> Self {
        Self { intents: Some(intents), ..self }
    }

    /// Sets how long the sender waits after a send that may have arrived before it requests the
    /// status of the new payment for the first time; a year at most, and no time by default. For
    /// background jobs, set it to the payment method's base time (the average time of a payment),
    /// before which the platform recommends no status request (sources: waiting). A call may take
    /// this much longer than its deadline.
    pub fn first_question(self, time: Duration) -> Self {
        Self { first_question: time.min(A_YEAR), ..self }
    }

    /// Shares the limit on requests per second and the retry budget with senders of other
    /// processes, through a store outside of them. Their values are still those of the
    /// [`SendPolicy`], so give all processes the same policy. The limit on requests at once stays
    /// in this process. Call this before you clone the sender: clones that were made before keep
    /// limits of their own.
    ///
    /// Without a rate ([`SendPolicy::rate`] with `None`), only the budget is shared. A budget with
    /// a reserve of 0 has a reserve of one request here.
    pub fn shared_limits(mut self, limits: Arc<dyn SharedLimits>) -> Self {
        self.policy.retry.budget = self.policy.retry.budget.shared(Arc::clone(&limits));
        self.pace = self.pace.shared(limits);
        self
    }

    /// The Gate client that the sender sends through.
    pub const fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Requests a sale. `Ok` means that the platform has the request ([`Sent`]); a callback reports
    /// the payment's result. The error says whether the request may have arrived
    /// ([`SendError::outcome`]). If so, repeat it only by [`Sender::resume`], which requests the
    /// status first.
    pub async fn sale<M: Supports<Sale>>(
        &self,
        method: &M,
        request: &SaleRequest,
    ) -> Result<Sent, SendError> {
        self.request(method, request).await
    }

    /// Requests a payout. `Ok` means that the platform has the request ([`Sent`]); a callback
    /// reports the payment's result. The error says whether the request may have arrived
    /// ([`SendError::outcome`]). If so, repeat it only by [`Sender::resume`], which requests the
    /// status first.
    pub async fn payout<M: Supports<Payout>>(
        &self,
        method: &M,
        request: &PayoutRequest,
    ) -> Result<Sent, SendError> {
        self.request(method, request).await
    }

    /// Requests a refund of a sale. `Ok` means that the platform has the request ([`Sent`]); a
    /// callback reports the result. Keep the request until then: a refund whose outcome is unknown
    /// may be sent again only under the same `merchant_refund_id`. This call sends it again only if
    /// it certainly did not arrive, and [`Sender::resume`] never does.
    pub async fn refund<M: Supports<Refund>>(
        &self,
        method: &M,
        request: &RefundRequest,
    ) -> Result<Sent, SendError> {
        self.request(method, request).await
    }

    /// Requests any operation that a method has. `Ok` means that the platform has the request
    /// ([`Sent`]); the error says whether the request may have arrived ([`SendError::outcome`]).
    /// [`Sender::sale`], [`Sender::payout`] and [`Sender::refund`] do the same for one operation
    /// each.
    pub async fn request<F: Flow>(
        &self,
        method: &impl Supports<F>,
        request: &F::Request,
    ) -> Result<Sent, SendError> {
        let prepared = prepare_as::<F>(method, request.clone()).map_err(GateError::from)?;
        self.send(&prepared).await
    }

    /// Sends a request that has never been sent: one that [`ecp_methods::prepare`] has checked, or
    /// an [`EndpointRequest`](crate::EndpointRequest) to an endpoint for which this library has no
    /// request type. After a failure, this call repeats a request by itself where the request's
    /// effect on money allows it ([`EndpointRequest::effect`](crate::EndpointRequest::effect)).
    ///
    /// If the call is dropped or the process ends, the outcome is unknown. To be able to continue,
    /// store the request before this call; later pass it to [`Sender::resume`].
    pub async fn send<R: GateRequest>(&self, request: &R) -> Result<Sent, SendError> {
        let outgoing = request.outgoing(self.gate.project());
        Call::new(self, outgoing).run::<R::Answer>(None).await
    }

    /// Continues a request that earlier calls may have sent. `age` is the time since the **last**
    /// of these sends; if it is not known exactly, pass a time that is surely not longer, or zero.
    /// The sender first requests the payment's status, at once or after the time of
    /// [`Sender::first_question`]. It sends the request only if the platform does not know the
    /// payment and [`SendPolicy::not_found_after`] has passed since that last send; until then, the
    /// call ends with an unknown outcome.
    ///
    /// For a refund, and for every other request about a payment that exists, this sends nothing
    /// and returns an unknown outcome: the payment's status does not distinguish one refund from
    /// another, and a second request could refund twice. Look for the refund among the operations
    /// of the status, by its request id, or in a callback, by its `merchant_refund_id`.
    pub async fn resume<R: GateRequest>(
        &self,
        request: &R,
        age: Duration,
    ) -> Result<Sent, SendError> {
        // A clock that cannot represent that time has not run that long: the request is older
        // still.
        let sent = Instant::now().checked_sub(age);
        let after = |time: Duration| match sent {
            Some(sent) => sent + time,
            None => Instant::now() + time.saturating_sub(age),
        };
        let earlier = Earlier {
            first_question: after(self.first_question),
            late_enough: after(self.policy.not_found_after),
        };
        let outgoing = request.outgoing(self.gate.project());
        Call::new(self, outgoing).run::<R::Answer>(Some(earlier)).await
    }

    /// Requests the status of a payment, within the sender's limits and the deadline of its policy.
    /// Status requests change nothing, so one that fails for a temporary reason is repeated as long
    /// as [`RetryPolicy::attempts`](crate::RetryPolicy::attempts) and the retry budget allow.
    pub async fn status(&self, payment_id: &PaymentId) -> Result<StatusResponse, GateError> {
        let span = request_span!(
            "ecp.send",
            "internal",
            self.gate.project(),
            payment_id.as_str(),
            None::<&str>,
            "ecp.request",
            "ecp.questions"
        );
        let watched = Watched::send(span, self.gate.meter(), "status", None);
        watched.record("ecp.request", "status");
        let (answer, status_checks) = watched.run(self.ask_again(payment_id)).await;
        watched.record("ecp.questions", status_checks);
        let (outcome, error) = words(&answer, "answered");
        watched.end(outcome, error);
        answer
    }

    /// Returns the answer and the number of status checks.
    async fn ask_again(&self, payment_id: &PaymentId) -> (Result<StatusResponse, GateError>, u32) {
        self.policy.retry.budget.deposit();
        let deadline = Instant::now() + self.policy.retry.deadline;
        let mut attempt = 0;
        loop {
            let Asked { answer, retry_after } = self.ask(payment_id, deadline).await;
            attempt += 1;
            let passing = answer.as_ref().is_err_and(is_passing);
            if !passing || attempt >= self.policy.retry.attempts {
                return (answer, attempt);
            }
            if !self.policy.retry.budget.withdraw(deadline).await {
                let id = payment_id.as_str();
                tracing::warn!(
                    "ecp.payment_id" = id,
                    "the retry budget is empty: the call makes no further request"
                );
                self.gate.meter().count(&BUDGET_EMPTY, 1, &[("ecp.request", "status")]);
                return (answer, attempt);
            }
            if !self.pause(attempt, retry_after, deadline).await {
                return (answer, attempt);
            }
            self.gate.meter().count(&FURTHER_REQUESTS, 1, &[("ecp.request", "status")]);
        }
    }

    /// Waits for a turn, until the deadline at most.
    async fn turn(
        &self,
        deadline: Instant,
    ) -> Result<Option<OwnedSemaphorePermit>, TransportError> {
        match timeout_at(deadline, self.any_turn()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(error)) => Err(TransportError::not_sent(error)),
            Err(_) => Err(TransportError::not_sent(DEADLINE)),
        }
    }

    async fn any_turn(&self) -> Result<Option<OwnedSemaphorePermit>, Box<dyn Error + Send + Sync>> {
        let begun = self.gate.meter().is_on().then(Instant::now);
        let turn = self.pace.turn().await;
        if let Some(begun) = begun {
            self.gate.meter().took(&SEND_TURN, begun.elapsed(), &[]);
        }
        turn
    }

    async fn ask(&self, payment_id: &PaymentId, deadline: Instant) -> Asked {
        let unanswered = |error| Asked { answer: Err(error), retry_after: None };
        let _permit = match self.turn(deadline).await {
            Ok(permit) => permit,
            Err(error) => return unanswered(GateError::NotSent(error)),
        };
        match timeout_at(deadline, self.gate.ask(payment_id)).await {
            Ok(asked) => asked,
            Err(_) => unanswered(TransportError::maybe_sent(DEADLINE).into()),
        }
    }

    /// Waits before the next request. Returns false immediately if it would come after the
    /// deadline.
    async fn pause(&self, attempt: u32, at_least: Option<Duration>, deadline: Instant) -> bool {
        let pause = self.policy.retry.pause(attempt).max(at_least.unwrap_or_default());
        match Instant::now().checked_add(pause) {
            Some(next) if next < deadline => {
                sleep_until(next).await;
                true
            }
            _ => false,
        }
    }

    /// Takes a status request from the budget, if there is one in time.
    async fn question_paid(&self, deadline: Instant) -> bool {
        const PAUSE: Duration = Duration::from_millis(50);
        while !self.policy.retry.budget.withdraw(deadline).await {
            if !self.policy.waits_for_budget || Instant::now() + PAUSE >= deadline {
                return false;
            }
            sleep_until(Instant::now() + PAUSE).await;
        }
        true
    }
}

pub(crate) const DEADLINE: &str = "the deadline of the call has passed (`deadline` of its policy)";
