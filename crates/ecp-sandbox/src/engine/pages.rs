//! The engine as pages use it.

use std::sync::Arc;

use ecp_core::{Money, PaymentId, ProjectId};
use ecp_methods::Operation;

use super::{Engine, WeakEngine};
use crate::payment::{Decision, Payment};
use crate::wire::redirect::form;

impl WeakEngine {
    pub(crate) fn upgrade(&self) -> Option<Engine> {
        self.0.upgrade().map(Engine)
    }
}

impl Engine {
    /// Returns the number of the latest event; 0 before the first one.
    pub(crate) fn latest_event(&self) -> u64 {
        self.0.log.latest()
    }

    /// Whether the history has removed events of a payment, which were the first ones.
    pub(crate) fn has_dropped_events(&self, project: ProjectId, payment_id: &PaymentId) -> bool {
        let Some(number) = self.number_of(project, payment_id) else { return false };
        let first = self.state().entries.get(&number).map_or(0, |entry| entry.first_event);
        first.max(1) < self.0.log.oldest()
    }

    /// Returns the number of payments that the history has removed.
    pub(crate) fn dropped_payments(&self) -> u64 {
        let state = self.state();
        state.registered.saturating_sub(state.entries.len() as u64)
    }

    pub(crate) fn downgrade(&self) -> WeakEngine {
        WeakEngine(Arc::downgrade(&self.0))
    }

    /// Returns the greatest amount that a follow-up by this operation can have now; `None` if none
    /// is possible, or the payment is unknown.
    pub(crate) fn possible_follow_up(
        &self,
        project: ProjectId,
        payment_id: &PaymentId,
        operation: Operation,
    ) -> Option<Money> {
        let number = self.number_of(project, payment_id)?;
        let state = self.state();
        let payment = &state.entries.get(&number)?.payment;
        let is_possible = payment.follow_up_refusal(operation).is_none();
        is_possible.then(|| payment.available(operation.effect()))
    }

    /// Calls a function with the payment that belongs to this token of a provider's page; `None` if
    /// the token is unknown.
    pub(crate) fn with_page<T>(
        &self,
        token: &str,
        look: impl FnOnce(u64, &Payment) -> T,
    ) -> Option<T> {
        let state = self.state();
        let number = *state.by_token.get(token)?;
        Some(look(number, &state.entries.get(&number)?.payment))
    }

    /// Returns the fields of the form in `redirect_data`, which sends the customer to the
    /// provider's page; `None` if a plain link does.
    pub(crate) fn redirect_form(
        &self,
        project: ProjectId,
        payment_id: &PaymentId,
    ) -> Option<Vec<(String, String)>> {
        let number = self.number_of(project, payment_id)?;
        let state = self.state();
        let payment = &state.entries.get(&number)?.payment;
        form::form(payment, &self.page_url(&payment.ids.token))
    }

    /// Returns the fields of the redirect's form that did not arrive with their original values.
    pub(crate) fn lost_fields(
        &self,
        payment: &Payment,
        arrived: &[(String, String)],
    ) -> Vec<String> {
        form::missing_fields(payment, &self.page_url(&payment.ids.token), arrived)
    }

    /// Applies the customer's decision on the provider's page. If the merchant confirms amounts,
    /// waits for the merchant's answer.
    pub(crate) async fn decide(&self, number: u64, decision: Decision, chosen: Option<Money>) {
        if let Some(asking) = self.decide_now(number, decision, chosen) {
            // The task does not panic and is not cancelled.
            let _ = asking.await;
        }
    }
}
