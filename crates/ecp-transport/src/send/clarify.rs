//! Answers to clarifications, sent again where that is known to be safe.

use std::time::Duration;

use ecp_core::PaymentId;
use ecp_core::model::AdditionalData;
use tokio::time::{Instant, timeout_at};

use super::{DEADLINE, Sender};
use crate::clarify::Clarified;
use crate::error::{GateError, UnknownReason};
use crate::http::TransportError;
use crate::wait::is_passing;
use crate::watched::{BUDGET_EMPTY, FURTHER_REQUESTS, Watched, request_span, words};

const CLARIFY: &str = "clarify";

impl Sender {
    /// Sends the fields that the platform asked for before a payment goes on, as
    /// [`Gate::clarify`](crate::Gate::clarify) does, within the sender's limits and the deadline of
    /// its policy. A request that certainly did not arrive is sent again, as long as attempts and
    /// the retry budget allow.
    ///
    /// Whether the platform accepts one answer twice is unknown. So a request that may have arrived
    /// is repeated only if
    /// [`SendPolicy::repeat_clarifications`](super::SendPolicy::repeat_clarifications) allows it.
    /// Otherwise request the payment's status: if fields are still missing, it asks for them again.
    pub async fn clarify(
        &self,
        payment_id: &PaymentId,
        data: &AdditionalData,
    ) -> Result<Clarified, GateError> {
        let span = request_span!(
            "ecp.send",
            "internal",
            self.gate.project(),
            payment_id.as_str(),
            None::<&str>,
            "ecp.request",
            "ecp.sends"
        );
        let watched = Watched::send(span, self.gate.meter(), CLARIFY, None);
        watched.record("ecp.request", CLARIFY);
        let (clarified, sends) = watched.run(self.clarify_again(payment_id, data)).await;
        watched.record("ecp.sends", sends);
        let (outcome, error) = words(&clarified, "accepted");
        watched.end(outcome, error);
        clarified
    }

    /// Returns the answer and the number of sends.
    async fn clarify_again(
        &self,
        payment_id: &PaymentId,
        data: &AdditionalData,
    ) -> (Result<Clarified, GateError>, u32) {
        let retry = &self.policy.retry;
        retry.budget.deposit();
        let deadline = Instant::now() + retry.deadline;
        let (mut sends, mut may_have_arrived) = (0, None);
        loop {
            let (clarified, retry_after) = self.clarify_in_time(payment_id, data, deadline).await;
            sends += 1;
            let error = match clarified {
                Ok(clarified) => return (Ok(clarified), sends),
                Err(error) => error,
            };
            let goes_again = self.may_clarify_again(&error) && sends < retry.attempts;
            // An earlier send that may have arrived leaves the outcome unknown, whatever a later
            // one ends in.
            let error = match may_have_arrived.take() {
                Some(earlier) if !matches!(error, GateError::Unknown(_)) => earlier,
                _ => error,
            };
            if !goes_again {
                return (Err(error), sends);
            }
            if !retry.budget.withdraw(deadline).await {
                let id = payment_id.as_str();
                tracing::warn!(
                    "ecp.payment_id" = id,
                    "the retry budget is empty: the call makes no further request"
                );
                self.gate.meter().count(&BUDGET_EMPTY, 1, &[("ecp.request", CLARIFY)]);
                return (Err(error), sends);
            }
            if !self.pause(sends, retry_after, deadline).await {
                return (Err(error), sends);
            }
            self.gate.meter().count(&FURTHER_REQUESTS, 1, &[("ecp.request", CLARIFY)]);
            if !self.did_not_arrive(&error) {
                may_have_arrived = Some(error);
            }
        }
    }

    async fn clarify_in_time(
        &self,
        payment_id: &PaymentId,
        data: &AdditionalData,
        deadline: Instant,
    ) -> (Result<Clarified, GateError>, Option<Duration>) {
        let _permit = match self.turn(deadline).await {
            Ok(permit) => permit,
            Err(error) => return (Err(GateError::NotSent(error)), None),
        };
        match timeout_at(deadline, self.gate.clarify_once(payment_id, data)).await {
            Ok(answer) => answer,
            Err(_) => (Err(TransportError::maybe_sent(DEADLINE).into()), None),
        }
    }

    fn may_clarify_again(&self, error: &GateError) -> bool {
        self.did_not_arrive(error)
            || (self.policy.repeats_clarifications
                && matches!(error, GateError::Unknown(_))
                && is_passing(error))
    }

    /// Whether nothing reached the platform, for a temporary reason.
    fn did_not_arrive(&self, error: &GateError) -> bool {
        match error {
            GateError::NotSent(_) => true,
            GateError::Unknown(UnknownReason::HttpStatus(status)) => {
                self.policy.retryable_statuses.contains(status)
            }
            _ => false,
        }
    }
}
