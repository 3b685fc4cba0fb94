//! Read access to a sandbox.

use ecp_core::{Currency, Money, PaymentId, ProjectId};

use super::Engine;
use super::state::Entry;
use crate::engine::events::{CallbackRefusal, Event, RawBody};
use crate::engine::view::{Filter, Listed, OperationView, Paging, PaymentView, SignatureNote};
use crate::wire::document::CANONICAL_LIMIT;

impl Engine {
    /// Returns the numbers of all projects, in ascending order.
    pub(crate) fn projects(&self) -> Vec<ProjectId> {
        self.config().projects.keys().copied().collect()
    }

    /// Returns the projects' addresses for callbacks and confirmations to which the sandbox refuses
    /// to send anything, each with its project and the reason.
    pub(crate) fn refused_addresses(&self) -> Vec<(ProjectId, String, CallbackRefusal)> {
        let mut refused = Vec::new();
        for project in self.config().projects.values() {
            for url in [&project.callback_url, &project.confirmation_url].into_iter().flatten() {
                if let Err(reason) = self.target(Some(url)) {
                    refused.push((project.id, url.clone(), reason));
                }
            }
        }
        refused
    }

    /// Returns the payments in the history that the filter selects, newest first.
    pub(crate) fn payments(&self, filter: &Filter, page: Paging) -> Listed<PaymentView> {
        let state = self.state();
        let wanted =
            state.entries.iter().rev().filter(|(_, entry)| {
                wants_callbacks(filter, entry) && filter.wants(&entry.payment)
            });
        let Listed { items, total } = Listed::of(wanted, page);
        let view = |(&number, entry): (&u64, &Entry)| self.view(number, entry);
        Listed { items: items.into_iter().map(view).collect(), total }
    }

    /// Returns the operations in the history that the filter selects. Operations of the newest
    /// payment come first.
    pub(crate) fn operations(&self, filter: &Filter, page: Paging) -> Listed<OperationView> {
        let state = self.state();
        let wanted = state
            .entries
            .values()
            .rev()
            .filter(|entry| wants_callbacks(filter, entry))
            .map(|entry| &entry.payment)
            .filter(|payment| filter.wants_any_kind(payment))
            .flat_map(|payment| {
                let later = payment.follow_ups().iter().rev();
                let later = later.map(|it| OperationView::of_follow_up(payment, it));
                later.chain(std::iter::once_with(|| OperationView::of_first(payment)))
            })
            .filter(|operation| filter.wants_operation(operation));
        Listed::of(wanted, page)
    }

    /// Returns the state of a payment; `None` if the payment is not in the history.
    pub(crate) fn payment(
        &self,
        project: ProjectId,
        payment_id: &PaymentId,
    ) -> Option<PaymentView> {
        let state = self.state();
        let &number = state.by_id.get(&(project, payment_id.clone()))?;
        Some(self.view(number, state.entries.get(&number)?))
    }

    /// Returns the events of a payment that are in the history, oldest first: every request and
    /// answer, every attempt of every callback with the merchant's answer, confirmation requests
    /// and their answers, the customer's steps, and faults.
    pub(crate) fn timeline(&self, project: ProjectId, payment_id: &PaymentId) -> Vec<Event> {
        self.0.log.of_payment(project, payment_id)
    }

    /// Returns the balances of a project, one for each currency of its configuration and of its
    /// payments. Empty if the project is unknown.
    pub(crate) fn balances(&self, project: ProjectId) -> Vec<Money> {
        let Some(project) = self.config().projects.get(&project) else { return Vec::new() };
        let mut state = self.state();
        let mut currencies: Vec<Currency> = state.currencies(project.id).collect();
        currencies.extend(project.balances.iter().map(|balance| balance.currency()));
        currencies.sort_by_key(|currency| currency.code());
        currencies.dedup();
        let money = |currency| Money::from_minor(*state.funds(project, currency), currency);
        currencies.into_iter().map(money).collect()
    }

    /// Explains the signature of a message of this project: the signed text, the message's own
    /// signature and the correct one. Returns `None` if the message is not a JSON object or the
    /// project is unknown.
    pub(crate) fn explain(&self, project: ProjectId, body: &RawBody) -> Option<SignatureNote> {
        SignatureNote::of(body, self.project_key(project)?, CANONICAL_LIMIT)
    }

    pub(crate) fn number_of(&self, project: ProjectId, payment_id: &PaymentId) -> Option<u64> {
        self.state().by_id.get(&(project, payment_id.clone())).copied()
    }

    fn view(&self, number: u64, entry: &Entry) -> PaymentView {
        let payment = &entry.payment;
        let page = payment.awaits_customer().then(|| self.page_url(&payment.ids.token));
        let callback_state = entry.callback_states.worst();
        PaymentView::of(number, payment, page, entry.callbacks, callback_state)
    }
}

/// Whether a filter selects payments whose callbacks fare so.
fn wants_callbacks(filter: &Filter, entry: &Entry) -> bool {
    !filter.failing_callbacks || entry.callback_states.is_failing()
}
