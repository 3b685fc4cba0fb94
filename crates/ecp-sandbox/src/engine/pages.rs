//! The engine as pages use it.

use std::sync::Arc;

use ecp_core::{Money, PaymentId, ProjectId};

use super::{Engine, WeakEngine};
use crate::payment::{Decision, Payment};
use crate::wire::redirect::form;

impl WeakEngine {
    pub(crate) fn upgrade(&self) -> Option<Engine> {
        self.0.upgrade().map(Engine)
    }
}

impl Engine {
    pub(crate) fn downgrade(&self) -> WeakEngine {
        WeakEngine(Arc::downgrade(&self.0))
    }

    /// Looks at a payment, by the token of its page.
    pub(crate) fn with_page<T>(
        &self,
        token: &str,
        look: impl FnOnce(u64, &Payment) -> T,
    ) -> Option<T> {
        let state = self.state();
        let number = *state.by_token.get(token)?;
        Some(look(number, &state.entries.get(&number)?.payment))
    }

    /// The fields of the form that brings the customer of a payment to the provider's page, as
    /// `redirect_data` has it; `None` if a plain link does.
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

    /// The fields of that form that did not arrive as they were given.
    pub(crate) fn lost_fields(
        &self,
        payment: &Payment,
        arrived: &[(String, String)],
    ) -> Vec<String> {
        form::missing_fields(payment, &self.page_url(&payment.ids.token), arrived)
    }

    /// Decides as the customer did on the provider's page. Where the merchant confirms amounts,
    /// this takes until the merchant has answered.
    pub(crate) async fn decide(&self, number: u64, decision: Decision, chosen: Option<Money>) {
        if let Some(asking) = self.decide_now(number, decision, chosen) {
            // The task does not panic and is not cancelled.
            let _ = asking.await;
        }
    }
}
