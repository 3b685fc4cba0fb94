//! Checks of refunds, captures and releases that need only the request.

use ecp_core::{Money, ProjectId};
use ecp_methods::{Effect, MethodSpec, Operation};
use serde_json::Value;

use super::order;
use crate::payment::FollowUpOrder;
use crate::wire::codes;
use crate::wire::document::{is_missing, payment_id};
use crate::wire::refusal::Refusal;

/// Checks a follow-up against the method's spec, and returns it as an order.
pub(super) fn order(
    project: ProjectId,
    spec: &MethodSpec,
    operation: Operation,
    document: &Value,
) -> Result<FollowUpOrder, Refusal> {
    let needed = order::needed(spec.rule(operation), document);
    let mut fields = order::required(&[order::PAYMENT], &needed, document)?;
    fields.text("payment.description");
    let merchant_refund_id = fields.text("payment.merchant_refund_id");
    let callback_url = fields.url("general.merchant_callback_url");
    fields.end()?;

    let is_refund = operation.effect() == Effect::Back;
    Ok(FollowUpOrder {
        project,
        payment_id: payment_id(document)?,
        operation,
        amount: amount(spec, document)?,
        merchant_refund_id: merchant_refund_id.filter(|id| is_refund && !id.is_empty()),
        callback_url,
    })
}

/// Amount and currency come together or not at all.
fn amount(spec: &MethodSpec, document: &Value) -> Result<Option<Money>, Refusal> {
    const AMOUNT: &str = "payment.amount";
    const CURRENCY: &str = "payment.currency";
    match (is_missing(document, AMOUNT), is_missing(document, CURRENCY)) {
        (true, true) => Ok(None),
        (true, false) => Err(Refusal::new(codes::AMOUNT_REQUIRED, [AMOUNT])),
        (false, true) => Err(Refusal::new(codes::CURRENCY_REQUIRED, [CURRENCY])),
        (false, false) => {
            let currency = order::currency(document)?;
            order::amount(document, spec, currency, 1).map(Some)
        }
    }
}
