//! The form that brings a customer to the provider's page, and what is left of it on arrival.

use serde_json::Value;

use super::fields;
use crate::payment::Payment;

/// Returns the fields of the redirect's form, if the customer is sent to this page by `POST`;
/// otherwise `None`.
pub(crate) fn form(payment: &Payment, page: &str) -> Option<Vec<(String, String)>> {
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Some(fields(payment, page)?.into_iter().map(|(name, value)| (name, text(value))).collect())
}

/// Returns the fields of the redirect's form that did not arrive with their original values.
pub(crate) fn missing_fields(
    payment: &Payment,
    page: &str,
    arrived: &[(String, String)],
) -> Vec<String> {
    let given = form(payment, page).unwrap_or_default();
    given.into_iter().filter(|field| !arrived.contains(field)).map(|(name, _)| name).collect()
}
