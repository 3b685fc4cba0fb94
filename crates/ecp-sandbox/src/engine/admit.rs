//! Admission: payments and refunds that pass every check are registered.

mod order;
mod own_check;
mod refund;

use ecp_core::{PaymentId, ProjectId};
use ecp_methods::spec::Interface;
use ecp_methods::{DynMethod, MethodSpec, Operation};
use serde_json::Value;

use super::Engine;
use super::state::{Entry, Kind, State};
use crate::engine::faults::{Fault, Point};
use crate::payment::clarification::Questions;
use crate::payment::{Order, OrderKind, Payment, RefundOrder};
use crate::wire::refusal::Refusal;

/// A registered payment or refund, with its payment's number and its request id.
pub(crate) struct Registration {
    pub(super) number: u64,
    pub(super) refund: Option<usize>,
    pub(crate) request_id: String,
}

impl Engine {
    /// Checks a request and registers its payment or refund.
    pub(crate) fn admit(
        &self,
        project: ProjectId,
        spec: &'static MethodSpec,
        flow: Operation,
        interface: Interface,
        document: &Value,
    ) -> Result<(PaymentId, Registration), Refusal> {
        let kind = match flow {
            Operation::PAYOUT => OrderKind::Payout,
            Operation::SALE => OrderKind::Sale,
            Operation::REFUND => {
                let order = refund::order(project, spec, document)?;
                let paid = self.payment(project, &order.payment_id).map(|payment| payment.amount);
                own_check::refund(self.method(spec)?, &order, paid, interface, document)?;
                let payment_id = order.payment_id.clone();
                return Ok((payment_id, self.register_refund(spec, order)?));
            }
            _ => return Err(Refusal::unknown_method()),
        };
        let order = order::order(project, spec, kind, interface, document)?;
        own_check::order(self.method(spec)?, &order, document)?;
        let payment_id = order.payment_id.clone();
        let questions = Questions::of(spec.testing().sale_questions(), interface, document);
        Ok((payment_id, self.register(order, questions)?))
    }

    /// The method that a spec belongs to.
    fn method(&self, spec: &MethodSpec) -> Result<&dyn DynMethod, Refusal> {
        self.0.config.registry.get(spec.code()).map_err(|_| Refusal::unknown_method())
    }

    /// Registers a payment unless its id is taken. Nothing more happens to it before
    /// [`Engine::process`].
    fn register(&self, order: Order, questions: Questions) -> Result<Registration, Refusal> {
        let mut state = self.state();
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
        self.record_status(&payment);
        let mut struck = self.strike(&payment.about(), Point::Payment);
        if payment.order.kind == OrderKind::Payout {
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
        state.entries.insert(number, Entry::new(payment));
        state.forget_beyond(self.0.config.payment_history);
        Ok(Registration { number, refund: None, request_id })
    }

    /// Registers a refund, if the method has the payment and nothing forbids it whatever the
    /// amount. Nothing goes back before [`Engine::process`].
    fn register_refund(
        &self,
        spec: &'static MethodSpec,
        order: RefundOrder,
    ) -> Result<Registration, Refusal> {
        let mut state = self.state();
        let State { requests, refunds, entries, by_id, by_request, refund_ids, taken, .. } =
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
        if let Some(code) = entry.payment.refund_refusal() {
            return Err(Refusal::not_refundable(code));
        }
        *requests += 1;
        *refunds += 1;
        let request_id = self.0.ids.request(*requests);
        by_request.insert(request_id.clone(), number);
        refund_ids.extend(refund_id);
        let ids = self.0.ids.refund(request_id.clone(), *refunds);
        let operation = self.0.config.refund_operation;
        let place = entry.payment.begin_refund(order, ids, operation, self.now());
        self.record_refund(&entry.payment, place);
        if self.strike(&entry.payment.about(), Point::Refund).contains(&Fault::EndInError) {
            entry.payment.end_refund_in_error(place);
        }
        Ok(Registration { number, refund: Some(place), request_id })
    }
}
