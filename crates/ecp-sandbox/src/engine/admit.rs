//! Admission: new payments and operations about payments are registered if they pass every check.

mod follow_up;
mod manage;
mod order;
mod own_check;

use ecp_core::{Money, PaymentId, ProjectId};
use ecp_methods::spec::Interface;
use ecp_methods::{DynMethod, Effect, MethodSpec, Operation, Rule};
use serde_json::Value;

use super::Engine;
use super::state::{Entry, Kind, State};
use crate::engine::faults::{Fault, Point};
use crate::payment::clarification::Questions;
use crate::payment::{FollowUpOrder, Order, Payment};
use crate::wire::refusal::Refusal;

/// A registered request.
pub(crate) struct Registration {
    /// What is to be done after the answer; `None` if the answer is the result.
    pub(super) work: Option<Work>,
    pub(crate) request_id: String,
}

/// An operation that goes on after the answer to its request.
pub(super) struct Work {
    /// The payment's number.
    pub(super) number: u64,
    /// The position of a follow-up; `None` for the operation that began the payment.
    pub(super) follow_up: Option<usize>,
}

/// Returns the first refund that a method has on an interface.
pub(crate) fn refund_on(spec: &MethodSpec, interface: Interface) -> Option<(Operation, &Rule)> {
    spec.rules().find(|(operation, rule)| {
        operation.effect() == Effect::Back && rule.interfaces().contains(&interface)
    })
}

impl Engine {
    /// Checks a request and registers its operation, by the operation's effect.
    pub(crate) fn admit(
        &self,
        project: ProjectId,
        spec: &'static MethodSpec,
        flow: Operation,
        interface: Interface,
        document: &Value,
    ) -> Result<(PaymentId, Registration), Refusal> {
        let method = self.method(spec)?;
        match flow.effect() {
            Effect::MoneyIn | Effect::Hold | Effect::Out | Effect::Register => {
                let order = order::order(project, spec, flow, interface, document)?;
                own_check::order(method, &order, document)?;
                let payment_id = order.payment_id.clone();
                let questions = Questions::of(spec.testing().sale_questions(), interface, document);
                Ok((payment_id, self.register(order, questions)?))
            }
            Effect::Capture | Effect::Release | Effect::Back => {
                let order = follow_up::order(project, spec, flow, document)?;
                let whole = self.whole(project, &order.payment_id);
                own_check::follow_up(method, &order, whole, interface, document)?;
                let payment_id = order.payment_id.clone();
                Ok((payment_id, self.register_follow_up(spec, order)?))
            }
            Effect::Manage => {
                let payment_id = manage::check(spec, flow, document)?;
                own_check::manage(method, flow, &payment_id, interface, document)?;
                let registration = self.register_change(project, &payment_id);
                Ok((payment_id, registration))
            }
        }
    }

    /// The amount of a follow-up about the whole of a payment; `None` if the payment is unknown.
    fn whole(&self, project: ProjectId, payment_id: &PaymentId) -> Option<Money> {
        let state = self.state();
        let number = state.by_id.get(&(project, payment_id.clone()))?;
        Some(state.entries.get(number)?.payment.whole())
    }

    /// Registers a change of data, which moves no money. A payment with its id need not exist: the
    /// documents do not say which id such requests have.
    fn register_change(&self, project: ProjectId, payment_id: &PaymentId) -> Registration {
        let mut state = self.changing();
        let number = state.by_id.get(&(project, payment_id.clone())).copied();
        let request_id = state.count_request(self.0.ids, number);
        Registration { work: None, request_id }
    }

    /// The method that a spec belongs to.
    fn method(&self, spec: &MethodSpec) -> Result<&dyn DynMethod, Refusal> {
        self.0.config.registry.get(spec.code()).map_err(|_| Refusal::unknown_method())
    }

    /// Registers a payment unless its id is taken. Nothing more happens to it before
    /// [`Engine::process`].
    fn register(&self, order: Order, questions: Questions) -> Result<Registration, Refusal> {
        let mut state = self.changing();
        let id = (order.project, order.payment_id.clone());
        let is_taken = state.taken.has(Kind::Payment, id.0, id.1.as_str());
        if is_taken || state.by_id.contains_key(&id) {
            return Err(Refusal::duplicate());
        }
        state.requests += 1;
        state.registered += 1;
        let number = state.registered;
        let request_id = self.0.ids.request(state.requests);
        let ids = self.0.ids.payment(request_id.clone(), number);
        state.by_id.insert(id, number);
        state.by_token.insert(ids.token.clone(), number);
        state.by_request.insert(request_id.clone(), number);
        let mut payment = Payment::new(order, ids, self.now()).asking(questions);
        let first_event = self.0.log.latest();
        self.record_status(&payment);
        let mut struck = self.strike(&payment.about(), Point::Payment);
        if payment.order.is_out() {
            struck.extend(self.strike(&payment.about(), Point::Payout));
        }
        for fault in struck {
            match fault {
                Fault::StalePayment => payment.hold(),
                Fault::EndInError => payment.end_in_error(),
                Fault::SlowPayout(by) => payment.slow_down(by),
                _ => {}
            }
        }
        state.entries.insert(number, Entry::new(payment, first_event));
        state.touch(number);
        state.forget_beyond(self.0.config.payment_history);
        Ok(Registration { work: Some(Work { number, follow_up: None }), request_id })
    }

    /// Registers a follow-up, if the method has the payment and nothing forbids it whatever the
    /// amount. No money moves before [`Engine::process`].
    fn register_follow_up(
        &self,
        spec: &'static MethodSpec,
        order: FollowUpOrder,
    ) -> Result<Registration, Refusal> {
        let mut state = self.changing();
        let State { requests, follow_ups, entries, by_id, by_request, refund_ids, taken, .. } =
            &mut *state;
        let (number, entry) = by_id
            .get(&(order.project, order.payment_id.clone()))
            .and_then(|&number| Some((number, entries.get_mut(&number)?)))
            .filter(|(_, entry)| entry.payment.order.spec.code() == spec.code())
            .ok_or_else(Refusal::unknown_payment)?;
        let refund_id = order.merchant_refund_id.clone().map(|id| (order.project, id));
        let is_taken = |id: &(ProjectId, String)| {
            refund_ids.contains(id) || taken.has(Kind::Refund, id.0, &id.1)
        };
        if refund_id.as_ref().is_some_and(is_taken) {
            return Err(Refusal::repeated_refund());
        }
        if let Some(code) = entry.payment.follow_up_refusal(order.operation) {
            return Err(Refusal::not_possible(code));
        }
        *requests += 1;
        *follow_ups += 1;
        let request_id = self.0.ids.request(*requests);
        by_request.insert(request_id.clone(), number);
        refund_ids.extend(refund_id);
        let ids = self.0.ids.follow_up(request_id.clone(), *follow_ups);
        let refunds_as = self.0.config.refund_operation;
        let place = entry.payment.begin_follow_up(order, ids, refunds_as, self.now());
        self.record_follow_up(&entry.payment, place);
        if self.strike(&entry.payment.about(), Point::FollowUp).contains(&Fault::EndInError) {
            entry.payment.end_follow_up_in_error(place);
        }
        state.touch(number);
        let work = Some(Work { number, follow_up: Some(place) });
        Ok(Registration { work, request_id })
    }
}
