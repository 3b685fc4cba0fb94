//! The form that brings a customer to the provider's page, and what is left of it on arrival.

use serde_json::Value;

use super::fields;
use crate::payment::Payment;

/// The fields, if the customer is sent by `POST` to this page.
pub(crate) fn form(payment: &Payment, page: &str) -> Option<Vec<(String, String)>> {
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Some(fields(payment, page)?.into_iter().map(|(name, value)| (name, text(value))).collect())
}

/// The fields of the redirect's form that did not arrive as they were given.
pub(crate) fn missing_fields(
    payment: &Payment,
    page: &str,
    arrived: &[(String, String)],
) -> Vec<String> {
    let given = form(payment, page).unwrap_or_default();
    given.into_iter().filter(|field| !arrived.contains(field)).map(|(name, _)| name).collect()
}
