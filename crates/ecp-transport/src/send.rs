//! Sending that may go again, where it is known to be safe.

mod budget;
mod pace;
mod policy;
mod retry_after;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ecp_core::model::{PaymentType, StatusResponse};
use ecp_core::{Money, PaymentId};
use ecp_methods::request::{PayoutRequest, RefundRequest, SaleRequest};
use ecp_methods::{Flow, FlowKind, Payout, Prepared, Refund, Sale, Supports, prepare};
use tokio::time::{Instant, sleep_until, timeout_at};

pub use self::budget::RetryBudget;
use self::pace::Pace;
pub use self::policy::SendPolicy;
pub(crate) use self::retry_after::retry_after;
use crate::error::{GateError, Outcome, UnknownReason};
use crate::gate::{Accepted, Gate};
use crate::http::TransportError;
use crate::wait::{Asked, is_passing};

/// A [`Gate`] that sends again where that cannot pay twice. Clones share its limits and budget.
///
/// What happens after a failure depends on what is known:
///
/// - the request never left, or was refused for a reason that passes
///   ([`SendPolicy::passing_statuses`]): it goes again;
/// - the platform refused it: that is the result;
/// - anything else is ambiguous. The payment's status is asked for, and nothing is sent until the
///   platform has said, signed and late enough ([`SendPolicy::not_found_after`]), that it does not
///   know the payment. The request then goes again under the same payment id, so even a first
///   request that arrives after all is paid once: one of the two gets code 3041, which is evidence
///   that the other arrived.
///
/// A refund whose outcome is unknown is never sent again here: no answer of the platform says that
/// a refund does not exist.
///
/// Every further request is paid from a [`RetryBudget`], so that an outage is not made worse.
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
/// match sender.payout(&Jeton, payout).await {
///     Ok(Sent::Registered(accepted)) => println!("registered as {}", accepted.request_id),
///     Ok(evidence) => println!("the platform has it: {evidence:?}"),
///     Err(error) if error.outcome() == Outcome::Unknown => println!("ask again later: {error}"),
///     Err(error) => println!("nothing happened: {error}"),
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
}

/// Is told of every send before it happens, to keep it: after a crash, what was kept says which
/// requests may have been sent, and when at the latest.
#[async_trait]
pub trait Intents: fmt::Debug + Send + Sync {
    /// The request for this payment is sent as soon as this returns, unless it fails: then it is
    /// not sent.
    async fn about_to_send(
        &self,
        payment_id: &PaymentId,
    ) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// Evidence that the platform has a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Sent {
    /// It answered that it registered the request.
    Registered(Accepted),
    /// There was no such answer, and its status answer knows the payment: same id, same kind, same
    /// sum.
    Found(Box<StatusResponse>),
    /// There was no such answer, and a second request was refused because the first is there
    /// (codes 3041 and 3230).
    Exists,
}

/// Why there is no evidence that the platform has a request, and what was tried.
#[derive(Debug)]
pub struct SendError {
    error: GateError,
    question: Option<Box<GateError>>,
    sends: u32,
    questions: u32,
    not_found: bool,
}

impl SendError {
    /// What is known about the request, everything considered.
    pub fn outcome(&self) -> Outcome<'_> {
        self.error.outcome()
    }

    /// How the last send failed.
    pub const fn error(&self) -> &GateError {
        &self.error
    }

    /// How the last question for the status failed, if it did.
    pub fn question(&self) -> Option<&GateError> {
        self.question.as_deref()
    }

    /// How often the request was sent or tried to be.
    pub const fn sends(&self) -> u32 {
        self.sends
    }

    /// How often the status was asked for.
    pub const fn questions(&self) -> u32 {
        self.questions
    }

    /// Whether the platform has said that it does not know the payment, but so soon after the
    /// request that this proves nothing yet.
    pub const fn is_not_found_yet(&self) -> bool {
        self.not_found
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)?;
        if self.sends > 1 {
            write!(f, "; sent {} times", self.sends)?;
        }
        if self.not_found {
            write!(
                f,
                "; the platform does not know the payment yet, which proves nothing so soon"
            )?;
        }
        match &self.question {
            Some(question) => write!(f, "; asked for the status: {question}"),
            None => Ok(()),
        }
    }
}

impl Error for SendError {}

impl From<GateError> for SendError {
    fn from(error: GateError) -> Self {
        Self { error, question: None, sends: 0, questions: 0, not_found: false }
    }
}

impl Sender {
    /// Sends through a Gate, by a policy.
    pub fn new(gate: Gate, policy: SendPolicy) -> Self {
        let pace = Pace::new(policy.concurrency, policy.rate);
        Self { gate, policy, pace, intents: None }
    }

    /// Who is told of every send before it happens. The limits stay shared with the sender that
    /// this is a clone of.
    pub fn intents(self, intents: Arc<dyn Intents>) -> Self {
        Self { intents: Some(intents), ..self }
    }

    /// The Gate underneath.
    pub const fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Takes a payment.
    pub async fn sale<M: Supports<Sale>>(
        &self,
        method: &M,
        request: SaleRequest,
    ) -> Result<Sent, SendError> {
        self.send(&prepare(method, request).map_err(GateError::from)?).await
    }

    /// Makes a payout.
    pub async fn payout<M: Supports<Payout>>(
        &self,
        method: &M,
        request: PayoutRequest,
    ) -> Result<Sent, SendError> {
        self.send(&prepare(method, request).map_err(GateError::from)?).await
    }

    /// Gives back a sale. The request stays with the caller, because it may be sent again only
    /// with the id that it has.
    pub async fn refund<M: Supports<Refund>>(
        &self,
        method: &M,
        request: &RefundRequest,
    ) -> Result<Sent, SendError> {
        self.send(&prepare(method, request.clone()).map_err(GateError::from)?).await
    }

    /// Sends a request of which nothing was sent before.
    ///
    /// Dropping the call leaves its outcome unknown; so does the end of the process. Whoever may
    /// have to go on keeps the request first, and afterwards calls [`Sender::resume`].
    pub async fn send<F: Flow>(&self, prepared: &Prepared<F>) -> Result<Sent, SendError> {
        self.call(prepared).run(None).await
    }

    /// Goes on with a request that an earlier call may have sent, `age` before now at the latest:
    /// asks for the status first, and sends only what the platform does not know.
    pub async fn resume<F: Flow>(
        &self,
        prepared: &Prepared<F>,
        age: Duration,
    ) -> Result<Sent, SendError> {
        // A clock that cannot go back that far has not run that long: the request is older still.
        let sent = Instant::now().checked_sub(age);
        let late_enough = match sent {
            Some(sent) => sent + self.policy.not_found_after,
            None => Instant::now() + self.policy.not_found_after.saturating_sub(age),
        };
        self.call(prepared).run(Some(late_enough)).await
    }

    /// Asks where a payment stands, within the limits and the deadline. Questions change nothing,
    /// so they are asked again as the budget allows.
    pub async fn status(&self, payment_id: &PaymentId) -> Result<StatusResponse, GateError> {
        self.policy.budget.deposit();
        let deadline = Instant::now() + self.policy.deadline;
        let mut attempt = 0;
        loop {
            let Asked { answer, retry_after } = self.ask(payment_id, deadline).await;
            attempt += 1;
            let error = match answer {
                Err(error) if is_passing(&error) && attempt < self.policy.attempts => error,
                answer => return answer,
            };
            if !self.pause(attempt, retry_after, deadline).await || !self.policy.budget.withdraw() {
                return Err(error);
            }
        }
    }

    async fn ask(&self, payment_id: &PaymentId, deadline: Instant) -> Asked {
        let unanswered = |error| Asked { answer: Err(error), retry_after: None };
        let Ok(_permit) = timeout_at(deadline, self.pace.turn()).await else {
            return unanswered(GateError::NotSent(TransportError::not_sent(DEADLINE)));
        };
        match timeout_at(deadline, self.gate.ask(payment_id)).await {
            Ok(asked) => asked,
            Err(_) => unanswered(TransportError::maybe_sent(DEADLINE).into()),
        }
    }

    /// Waits before the next request. False, at once, if it would come after the deadline.
    async fn pause(&self, attempt: u32, at_least: Option<Duration>, deadline: Instant) -> bool {
        let pause = self.policy.pause(attempt).max(at_least.unwrap_or_default());
        match Instant::now().checked_add(pause) {
            Some(next) if next < deadline => {
                sleep_until(next).await;
                true
            }
            _ => false,
        }
    }

    /// Pays for a question from the budget, if there is anything in it in time.
    async fn question_paid(&self, deadline: Instant) -> bool {
        const PAUSE: Duration = Duration::from_millis(50);
        while !self.policy.budget.withdraw() {
            if !self.policy.waits_for_budget || Instant::now() + PAUSE >= deadline {
                return false;
            }
            sleep_until(Instant::now() + PAUSE).await;
        }
        true
    }

    fn call<'s, F: Flow>(&'s self, prepared: &'s Prepared<F>) -> Call<'s, F> {
        self.policy.budget.deposit();
        let deadline = Instant::now() + self.policy.deadline;
        Call { sender: self, prepared, deadline, sends: 0, questions: 0 }
    }
}

const DEADLINE: &str = "the deadline of the call has passed";

/// One call on its way.
struct Call<'s, F: Flow> {
    sender: &'s Sender,
    prepared: &'s Prepared<F>,
    deadline: Instant,
    sends: u32,
    questions: u32,
}

/// What the questions after an ambiguous send have shown.
enum Settled {
    /// The platform has the payment.
    Found(Box<StatusResponse>),
    /// It said, late enough, that it has none of that id.
    DoesNotExist,
    /// There is a payment of that id, and it is another one.
    Another(GateError),
    /// None of that.
    Open { question: Option<GateError>, not_found: bool },
}

impl<F: Flow> Call<'_, F> {
    /// `earlier` is set where an earlier call may have sent the request: the time from which on an
    /// answer that the payment is not known proves that it was not.
    async fn run(mut self, earlier: Option<Instant>) -> Result<Sent, SendError> {
        // Whether some send of this request may have arrived.
        let mut ambiguous = earlier.is_some();
        if let Some(late_enough) = earlier {
            let unknown = GateError::Unknown(UnknownReason::Interrupted);
            match self.settle(late_enough, None).await {
                Settled::DoesNotExist => {}
                settled => return self.end(settled, unknown),
            }
        }
        loop {
            let (result, retry_after) = self.attempt().await;
            let error = match result {
                Ok(accepted) => return Ok(Sent::Registered(accepted)),
                Err(error) => error,
            };
            match &error {
                // One of this request's own sends has arrived.
                GateError::Unknown(UnknownReason::AlreadyExists(_)) if ambiguous => {
                    return match self.settle(self.deadline, None).await {
                        Settled::Found(status) => Ok(Sent::Found(status)),
                        Settled::Another(other) => Err(self.failed(other, None, false)),
                        _ => Ok(Sent::Exists),
                    };
                }
                // The last of these: another payment has the id. To look at it is the caller's
                // business.
                GateError::Rejected(_)
                | GateError::Unsigned(_)
                | GateError::Refused(_)
                | GateError::Unknown(UnknownReason::AlreadyExists(_)) => {
                    return Err(self.failed(error, None, false));
                }
                _ if self.may_go_again(&error) => {
                    if !self.again(retry_after).await {
                        return Err(self.failed(error, None, false));
                    }
                }
                _ if F::KIND == FlowKind::Refund => return Err(self.failed(error, None, false)),
                _ => {
                    ambiguous = true;
                    let late_enough = Instant::now() + self.sender.policy.not_found_after;
                    match self.settle(late_enough, retry_after).await {
                        Settled::DoesNotExist if self.sends < self.sender.policy.attempts => {}
                        settled => return self.end(settled, error),
                    }
                }
            }
        }
    }

    /// Sends once.
    async fn attempt(&mut self) -> (Result<Accepted, GateError>, Option<Duration>) {
        let Ok(_permit) = timeout_at(self.deadline, self.sender.pace.turn()).await else {
            return (Err(GateError::NotSent(TransportError::not_sent(DEADLINE))), None);
        };
        if let Some(intents) = &self.sender.intents
            && let Err(error) = intents.about_to_send(self.prepared.payment_id()).await
        {
            return (Err(GateError::NotSent(TransportError::not_sent(error))), None);
        }
        self.sends += 1;
        match timeout_at(self.deadline, self.sender.gate.attempt(self.prepared)).await {
            Ok(result) => result,
            Err(_) => (Err(TransportError::maybe_sent(DEADLINE).into()), None),
        }
    }

    /// Whether nothing was registered, for a reason that passes.
    fn may_go_again(&self, error: &GateError) -> bool {
        match error {
            GateError::NotSent(_) => true,
            GateError::Unknown(UnknownReason::HttpStatus(status)) => {
                self.sender.policy.passing_statuses.contains(status)
            }
            _ => false,
        }
    }

    /// Waits for the next send, if there may be one.
    async fn again(&self, retry_after: Option<Duration>) -> bool {
        self.sends < self.sender.policy.attempts
            && self.sender.policy.budget.withdraw()
            && self.sender.pause(self.sends, retry_after, self.deadline).await
    }

    /// Asks for the status until it tells something, or may not be asked again.
    async fn settle(&mut self, late_enough: Instant, retry_after: Option<Duration>) -> Settled {
        let Sender { policy, .. } = self.sender;
        let (mut question, mut not_found) = (None, false);
        let mut at_least = retry_after;
        for number in 1..=policy.attempts {
            // In a call that only goes on, the first question is what the call is made for.
            let is_first_request = self.sends == 0 && self.questions == 0;
            if !is_first_request {
                let until = late_enough.saturating_duration_since(Instant::now());
                if number == policy.attempts && not_found && Instant::now() + until < self.deadline
                {
                    at_least = at_least.max(Some(until));
                }
                if !self.sender.pause(number, at_least, self.deadline).await
                    || !self.sender.question_paid(self.deadline).await
                {
                    break;
                }
            }
            self.questions += 1;
            let asked_at = Instant::now();
            let asked = self.sender.ask(self.prepared.payment_id(), self.deadline).await;
            at_least = asked.retry_after;
            if asked.answer.is_ok() && !is_first_request {
                policy.budget.give_back();
            }
            (question, not_found) = match asked.answer {
                Ok(status) if status.is_unknown_payment() => {
                    if asked_at >= late_enough {
                        return Settled::DoesNotExist;
                    }
                    (None, true)
                }
                Ok(status) => match self.mismatch(&status) {
                    None => return Settled::Found(Box::new(status)),
                    Some(path) => {
                        return Settled::Another(GateError::Unknown(UnknownReason::Mismatch(path)));
                    }
                },
                Err(error) if is_passing(&error) => (Some(error), not_found),
                Err(error) => return Settled::Open { question: Some(error), not_found },
            };
        }
        Settled::Open { question, not_found }
    }

    /// What of a payment that was found is not as it was asked for. Where the customer chooses the
    /// amount, it says nothing.
    fn mismatch(&self, status: &StatusResponse) -> Option<&'static str> {
        let payment = status.payment.as_ref()?;
        let kind = match F::KIND {
            FlowKind::Payout => PaymentType::Payout,
            FlowKind::Sale | FlowKind::Refund => PaymentType::Purchase,
        };
        if payment.kind.as_ref().is_some_and(|found| *found != kind) {
            return Some("payment.type");
        }
        let asked = self.prepared.amount().filter(|amount| amount.minor() > 0)?;
        let sum = payment.sum.as_ref()?;
        let same = |asked: Money| sum.money().is_ok_and(|found| found == asked);
        (F::KIND != FlowKind::Refund && !same(asked)).then_some("payment.sum")
    }

    fn end(&self, settled: Settled, error: GateError) -> Result<Sent, SendError> {
        match settled {
            Settled::Found(status) => Ok(Sent::Found(status)),
            Settled::Another(other) => Err(self.failed(other, None, false)),
            Settled::Open { question, not_found } => Err(self.failed(error, question, not_found)),
            Settled::DoesNotExist => Err(self.failed(error, None, false)),
        }
    }

    fn failed(&self, error: GateError, question: Option<GateError>, not_found: bool) -> SendError {
        let (question, sends, questions) = (question.map(Box::new), self.sends, self.questions);
        SendError { error, question, sends, questions, not_found }
    }
}
