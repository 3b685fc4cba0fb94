//! Callbacks and confirmation requests of the platform.

use async_trait::async_trait;
use axum::Router;
use ecp_core::Money;
use ecp_core::model::{Code, DepositCheck, Step};
use ecp_inbox::sqlite::rusqlite::Connection;
use ecp_inbox::{Delivery, Questions, Worker};
use ecp_methods::Operation;
use ecp_notify::{Confirmations, Decision, DepositHandler, Receiver, Verified};

use crate::orders::{Order, State};
use crate::{Error, Shop};

/// Maximum amount that a customer may choose where the method leaves it open, in major units.
const MOST: i64 = 500;

impl Shop {
    /// The platform's endpoint. It gets its 200 when the callback is on disk.
    pub(crate) fn receiver(&self) -> Router {
        let verifier = self.settings.verifier.clone();
        let confirmations = Confirmations::new(verifier.clone(), self.clone());
        Receiver::new(verifier, self.inbox.clone())
            .confirmations(confirmations)
            .into_router("/callbacks")
    }

    /// Updates the orders from callbacks. The handling of a callback and its effect on the order
    /// are one transaction, so each has its effect exactly once. Held callbacks come once Gate
    /// confirms them.
    pub(crate) fn worker(&self) -> Worker {
        let shop = self.clone();
        let worker =
            self.inbox.worker(move |connection, delivery| shop.take_in(connection, delivery));
        let gate = self.settings.gate.clone();
        worker.questions(Questions::new(move |project, payment| {
            let gate = gate.clone();
            async move {
                if project != gate.project() {
                    return Err("the callback is of another project than the shop's".into());
                }
                Ok(gate.verified_status(&payment).await?)
            }
        }))
    }

    fn take_in(&self, connection: &Connection, delivery: &Delivery) -> Result<(), Error> {
        let callback = &delivery.callback;
        for report in delivery.change.reports() {
            tracing::error!(callback = %delivery.id, ?report, "a person must look into this callback");
        }
        let order = callback.payment_id().map(|id| Order::load(connection, id)).transpose()?;
        let Some(mut order) = order.flatten() else {
            tracing::warn!(callback = %delivery.id, "it is about no order of this shop");
            return Ok(());
        };
        if delivery.project != self.settings.gate.project() {
            order.flag(format!("project {} reports it, and not the shop's", delivery.project));
            return order.save(connection);
        }
        if !matches!(callback.next_step(), Step::Done | Step::Wait) {
            order.step = Some(delivery.id);
        }
        if let Some(refund) = callback.refund() {
            order.apply_refund(&refund);
        }
        // Uses the change rather than the callback's status: a late callback changes nothing.
        if let Some((_, status)) = delivery.change.moved() {
            let operation = callback.operation.as_ref();
            let code = operation.and_then(|operation| operation.code.as_ref()).map(Code::to_string);
            let spec = self.settings.registry.get(&order.method)?.spec();
            order.apply(status, callback.payment.as_ref(), code, spec);
        }
        order.save(connection)
    }
}

/// Decides whether to accept an amount that a customer chose outside of the shop.
#[async_trait]
impl DepositHandler for Shop {
    async fn confirm(&self, check: &Verified<DepositCheck>) -> Result<Decision, Error> {
        let (id, chosen) = (check.payment_id.clone(), check.money()?);
        let ours = check.project() == self.settings.gate.project();
        self.write(move |connection| {
            let order = Order::load(connection, &id)?;
            let waits = |order: &Order| {
                ours && order.flow == Operation::SALE && order.state == State::Pending
            };
            let Some(mut order) = order.filter(waits) else { return Ok(Decision::REFUSE) };
            if order.amount.minor() == 0 && is_welcome(chosen, order.amount) {
                // From now on the order has this amount: no other is accepted.
                order.amount = chosen;
                order.save(connection)?;
            }
            Ok(if order.amount == chosen { Decision::Accept } else { Decision::REFUSE })
        })
        .await
    }
}

fn is_welcome(chosen: Money, open: Money) -> bool {
    let most = MOST * 10_i64.pow(chosen.currency().exponent());
    chosen.currency() == open.currency() && (1..=most).contains(&chosen.minor())
}
