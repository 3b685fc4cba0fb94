//! Checks of changes of data, which move no money.

use ecp_core::PaymentId;
use ecp_methods::{MethodSpec, Operation};
use serde_json::Value;

use super::order;
use crate::wire::document::{Fields, payment_id, require};
use crate::wire::refusal::Refusal;

/// Checks a request against the method's spec, and returns its payment id.
pub(super) fn check(
    spec: &MethodSpec,
    operation: Operation,
    document: &Value,
) -> Result<PaymentId, Refusal> {
    let needed = order::needed(spec.rule(operation), document);
    let paths = needed.iter().map(|field| field.path());
    require(document, std::iter::once("general.payment_id").chain(paths))?;
    let mut fields = Fields::of(document);
    for &field in &needed {
        fields.value(field);
    }
    fields.end()?;
    payment_id(document)
}
