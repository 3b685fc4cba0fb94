//! Retry decisions of a sender: whether one call goes on, asks for the status or is sent again.

use std::time::Duration;

use ecp_core::model::{PaymentType, StatusResponse};
use ecp_core::observe::Meter;
use ecp_methods::{Effect, Operation};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{DEADLINE, SendError, Sender, Sent};
use crate::error::{GateError, UnknownReason};
use crate::gate::request::sealed::OfGate;
use crate::gate::request::{AnyAnswer, Outgoing, Registered};
use crate::http::TransportError;
use crate::wait::is_passing;
use crate::watched::{BUDGET_EMPTY, FURTHER_REQUESTS, Watched, request_span};

/// A call in progress.
pub(super) struct Call<'s> {
    sender: &'s Sender,
    request: Outgoing<'s>,
    deadline: Instant,
    sends: u32,
    status_checks: u32,
    /// Whether the store of [`Intents`](super::Intents) could not record the send. The call then
    /// ends without another try.
    is_forbidden: bool,
}

/// What is known of a request that an earlier call may have sent.
pub(super) struct Earlier {
    /// When its status is requested at the earliest.
    pub(super) first_question: Instant,
    /// When an answer that the payment is not known begins to prove that the request did not
    /// arrive.
    pub(super) late_enough: Instant,
}

/// Result of the status checks after an ambiguous send.
enum Settled {
    /// The platform has the payment.
    Found(Box<StatusResponse>),
    /// The platform said that it does not know the payment, and
    /// [`SendPolicy::not_found_after`](super::SendPolicy::not_found_after) had passed since the
    /// last send: the request did not arrive.
    DoesNotExist,
    /// The platform has another payment under this id; the error names the member that differs.
    Another(GateError),
    /// It is still unknown whether the request arrived: `question` is the error of the last status
    /// request, and `not_found` says that the platform did not know the payment yet.
    Open { question: Option<GateError>, not_found: bool },
}

impl<'s> Call<'s> {
    /// Begins a call, and pays its share into the budget.
    pub(super) fn new(sender: &'s Sender, request: Outgoing<'s>) -> Self {
        sender.policy.retry.budget.deposit();
        let deadline = Instant::now() + sender.policy.retry.deadline + sender.first_question;
        Self { sender, request, deadline, sends: 0, status_checks: 0, is_forbidden: false }
    }

    /// `earlier` is set if an earlier call may have sent the request.
    pub(super) async fn run<A: OfGate>(
        mut self,
        earlier: Option<Earlier>,
    ) -> Result<Sent, SendError> {
        let (name, method) = (self.request.name, self.request.method);
        let span = request_span!(
            "ecp.send",
            "internal",
            self.sender.gate.project(),
            self.request.payment_id.as_str(),
            method,
            "ecp.request",
            "ecp.sends",
            "ecp.questions"
        );
        let watched = Watched::send(span, self.meter(), name, method);
        watched.record("ecp.request", name);
        let result = watched.run(self.decide::<A>(earlier)).await;
        watched.record("ecp.sends", self.sends);
        watched.record("ecp.questions", self.status_checks);
        let (outcome, error) = match &result {
            Ok(Sent::Registered(_) | Sent::Answered(_)) => ("accepted", None),
            Ok(Sent::Found(_)) => ("found", None),
            Ok(Sent::Exists) => ("exists", None),
            Err(error) => (error.outcome().as_str(), Some(error.error.error_type())),
        };
        watched.end(outcome, error);
        result
    }

    async fn decide<A: OfGate>(&mut self, earlier: Option<Earlier>) -> Result<Sent, SendError> {
        // Whether some send of this request may have arrived.
        let mut ambiguous = earlier.is_some();
        if let Some(Earlier { first_question, late_enough }) = earlier {
            let unknown = GateError::Unknown(UnknownReason::Interrupted);
            // The payment that the platform knows is the one that the request is about.
            if !self.request.effect.is_new_payment() {
                return Err(self.failed(unknown, None, false));
            }
            if first_question >= self.deadline {
                return Err(self.failed(unknown, None, false));
            }
            sleep_until(first_question).await;
            match self.settle(late_enough, None).await {
                Settled::DoesNotExist => {}
                settled => return self.end(settled, unknown),
            }
        }
        loop {
            let (result, retry_after) = self.attempt().await;
            let error = match result.and_then(|it| A::of(it).map_err(GateError::Unknown)) {
                Ok(answer) => {
                    return Ok(match answer.any() {
                        AnyAnswer::Accepted(accepted) => Sent::Registered(accepted),
                        AnyAnswer::Answered(answered) => Sent::Answered(answered),
                    });
                }
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
                // In the last of these, another payment has the id. It is the caller's task to look
                // at it.
                GateError::Rejected(_)
                | GateError::Unsigned(_)
                | GateError::Refused(_)
                | GateError::Unknown(UnknownReason::AlreadyExists(_)) => {
                    return Err(self.failed(error, None, false));
                }
                _ if self.is_forbidden => return Err(self.failed(error, None, false)),
                _ if self.may_go_again(&error) => {
                    if !self.again(retry_after).await {
                        return Err(self.failed(error, None, false));
                    }
                    tracing::info!(
                        "ecp.payment_id" = self.request.payment_id.as_str(),
                        "error.type" = error.error_type(),
                        "nothing was registered: sending again"
                    );
                }
                _ if !self.request.effect.is_new_payment() => {
                    return Err(self.failed(error, None, false));
                }
                _ => {
                    tracing::warn!(
                        "ecp.payment_id" = self.request.payment_id.as_str(),
                        "error.type" = error.error_type(),
                        "the request may have arrived: requesting the status"
                    );
                    ambiguous = true;
                    let late_enough = Instant::now() + self.sender.policy.not_found_after;
                    let at_least = retry_after.max(Some(self.sender.first_question));
                    match self.settle(late_enough, at_least).await {
                        Settled::DoesNotExist if self.sends < self.sender.policy.retry.attempts => {
                            tracing::info!(
                                "ecp.payment_id" = self.request.payment_id.as_str(),
                                "the request never arrived: sending again"
                            );
                        }
                        settled => return self.end(settled, error),
                    }
                }
            }
        }
    }

    /// Sends once.
    async fn attempt(&mut self) -> (Result<Registered, GateError>, Option<Duration>) {
        let _permit = match self.sender.turn(self.deadline).await {
            Ok(permit) => permit,
            Err(error) => return (Err(GateError::NotSent(error)), None),
        };
        if let Some(intents) = &self.sender.intents
            && let Err(error) = intents.about_to_send(self.request.payment_id).await
        {
            self.is_forbidden = true;
            return (Err(GateError::NotSent(TransportError::not_sent(error))), None);
        }
        // A process that was paused here may have lost its row to another one meanwhile.
        if Instant::now() >= self.deadline {
            return (Err(GateError::NotSent(TransportError::not_sent(DEADLINE))), None);
        }
        self.sends += 1;
        if self.sends > 1 || self.status_checks > 0 {
            self.further(self.request.name);
        }
        match timeout_at(self.deadline, self.sender.gate.attempt(&self.request)).await {
            Ok(result) => result,
            Err(_) => (Err(TransportError::maybe_sent(DEADLINE).into()), None),
        }
    }

    /// Whether nothing was registered, for a temporary reason.
    fn may_go_again(&self, error: &GateError) -> bool {
        match error {
            GateError::NotSent(_) => true,
            GateError::Unknown(UnknownReason::HttpStatus(status)) => {
                self.sender.policy.retryable_statuses.contains(status)
            }
            _ => false,
        }
    }

    /// Waits for the next send, if there may be one.
    async fn again(&self, retry_after: Option<Duration>) -> bool {
        if self.sends >= self.sender.policy.retry.attempts {
            return false;
        }
        if !self.sender.policy.retry.budget.withdraw(self.deadline).await {
            self.budget_empty();
            return false;
        }
        self.sender.pause(self.sends, retry_after, self.deadline).await
    }

    fn budget_empty(&self) {
        let id = self.request.payment_id.as_str();
        tracing::warn!(
            "ecp.payment_id" = id,
            "the retry budget is empty: the call makes no further request"
        );
        self.meter().count(&BUDGET_EMPTY, 1, &[("ecp.request", self.request.name)]);
    }

    fn further(&self, request: &'static str) {
        self.meter().count(&FURTHER_REQUESTS, 1, &[("ecp.request", request)]);
    }

    const fn meter(&self) -> &'s Meter {
        self.sender.gate.meter()
    }

    /// Requests the status until it decides, or until no further request is allowed.
    async fn settle(&mut self, late_enough: Instant, first: Option<Duration>) -> Settled {
        let Sender { policy, .. } = self.sender;
        let (mut question, mut not_found) = (None, false);
        let mut at_least = first;
        for number in 1..=policy.retry.attempts {
            // In a call that only resumes, the first status request is the purpose of the call.
            let is_first_request = self.sends == 0 && self.status_checks == 0;
            if !is_first_request {
                let until = late_enough.saturating_duration_since(Instant::now());
                if number == policy.retry.attempts
                    && not_found
                    && Instant::now() + until < self.deadline
                {
                    at_least = at_least.max(Some(until));
                }
                if !self.sender.pause(number, at_least, self.deadline).await {
                    break;
                }
                if !self.sender.question_paid(self.deadline).await {
                    self.budget_empty();
                    break;
                }
                self.further("status");
            }
            self.status_checks += 1;
            let asked_at = Instant::now();
            let asked = self.sender.ask(self.request.payment_id, self.deadline).await;
            at_least = asked.retry_after;
            if asked.answer.is_ok() && !is_first_request {
                policy.retry.budget.give_back();
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

    /// The member of a found payment that differs from the request. Where the customer chooses the
    /// amount, it is not compared.
    fn mismatch(&self, status: &StatusResponse) -> Option<&'static str> {
        let payment = status.payment.as_ref()?;
        let is_other = |found: &PaymentType| match (self.request.effect, self.request.operation) {
            (Effect::Out, _) => *found != PaymentType::Payout,
            (_, Some(Operation::SALE)) => *found != PaymentType::Purchase,
            // The words of other payments than sales and payouts are known in part only.
            _ => *found == PaymentType::Payout,
        };
        if payment.kind.as_ref().is_some_and(is_other) {
            return Some("payment.type");
        }
        let asked = self.request.amount.filter(|amount| amount.minor() > 0)?;
        let sum = payment.sum.as_ref()?;
        let found = match self.request.spec {
            Some(spec) => {
                let code = sum.currency.parse().ok();
                code.and_then(|code| spec.received_amount(sum.amount, code))
            }
            // Both are the numbers of the messages.
            None => sum.money().ok(),
        };
        (found != Some(asked)).then_some("payment.sum")
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
        let (question, sends, status_checks) =
            (question.map(Box::new), self.sends, self.status_checks);
        SendError { error, question, sends, status_checks, not_found }
    }
}
