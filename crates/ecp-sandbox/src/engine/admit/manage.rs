//! Checks of changes of data, which move no money.

use ecp_core::PaymentId;
use ecp_methods::{MethodSpec, Operation};
use serde_json::Value;

use super::order;
use crate::wire::document::payment_id;
use crate::wire::refusal::Refusal;

/// Checks a request against the method's spec, and returns its payment id.
pub(super) fn check(
    spec: &MethodSpec,
    operation: Operation,
    document: &Value,
) -> Result<PaymentId, Refusal> {
    let needed = order::needed(spec.rule(operation), document);
    order::required(&[order::PAYMENT], &needed, document)?.end()?;
    payment_id(document)
}
