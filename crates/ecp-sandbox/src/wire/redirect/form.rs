//! The form that brings a customer to the provider's page, and what is left of it on arrival.

use ecp_methods::spec::TestRedirect;

use super::Fields;
use crate::payment::Payment;

/// The fields, if the customer is sent by `POST`.
pub(crate) fn form(payment: &Payment) -> Option<Vec<(&'static str, String)>> {
    match payment.order.spec.testing().redirect_form() {
        TestRedirect::PostEmpty => Some(Vec::new()),
        TestRedirect::PostFields => Some(named(Fields::of(payment)).to_vec()),
        _ => None,
    }
}

/// The fields of the redirect's form that did not arrive as they were given.
pub(crate) fn missing_fields(payment: &Payment, arrived: &[(String, String)]) -> Vec<&'static str> {
    let given = form(payment).unwrap_or_default();
    let has = |name: &str, value: &str| arrived.iter().any(|(n, v)| n == name && v == value);
    given.iter().filter(|(name, value)| !has(name, value)).map(|&(name, _)| name).collect()
}

fn named(fields: Fields) -> [(&'static str, String); 3] {
    let Fields { transaction, amount, currency } = fields;
    [
        ("TransactionId", transaction.to_string()),
        ("Amount", amount),
        ("Currency", currency.to_owned()),
    ]
}
