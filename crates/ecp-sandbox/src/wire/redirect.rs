//! `redirect_data`: where the customer is sent, in the form of the sample on the method's page.
//!
//! The forms are `GET` with an empty list, `POST` with an empty object, and `POST` with text and
//! numbers. The names of the fields are those of the method's spec; a method that names none gets
//! three that are chosen here. They mean nothing to merchants.

#[cfg(feature = "pages")]
pub(crate) mod form;

use ecp_methods::spec::{RedirectField, RedirectValue, TestRedirect};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::payment::Payment;

/// The member `redirect_data` of messages, with its members in the order of the documents' samples.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum RedirectPart {
    Usual { body: Body, method: &'static str, url: String },
    Encrypted { method: &'static str, body: Body, encrypted: [(); 0], url: String },
}

/// Fields of a redirect. Without fields, PHP writes an empty list, or an empty object if that is
/// forced.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Body {
    EmptyList([(); 0]),
    Fields(Map<String, Value>),
}

/// The fields for methods that name none: a number, an amount in major units, and text.
const CHOSEN: [RedirectField; 3] = [
    RedirectField::new("TransactionId", RedirectValue::Operation),
    RedirectField::new("Amount", RedirectValue::Amount),
    RedirectField::new("Currency", RedirectValue::Currency),
];

impl RedirectPart {
    /// Returns the redirect to the provider's page of the payment.
    pub(crate) fn of(payment: &Payment, url: String) -> Self {
        let testing = payment.order.spec.testing();
        let (method, body) = match fields(payment, &url) {
            Some(fields) => ("POST", Body::Fields(fields)),
            None => ("GET", Body::EmptyList([])),
        };
        if testing.has_redirect_encrypted() {
            Self::Encrypted { method, body, encrypted: [], url }
        } else {
            Self::Usual { body, method, url }
        }
    }
}

/// The fields, if the customer is sent by `POST`.
fn fields(payment: &Payment, page: &str) -> Option<Map<String, Value>> {
    let testing = payment.order.spec.testing();
    let declared = match testing.redirect_form() {
        TestRedirect::PostEmpty => &[],
        TestRedirect::PostFields if testing.redirect_form_fields().is_empty() => &CHOSEN[..],
        TestRedirect::PostFields => testing.redirect_form_fields(),
        _ => return None,
    };
    let member = |field: &RedirectField| {
        let value = value(payment, field.value(), page);
        (field.name().to_owned(), value)
    };
    Some(declared.iter().map(member).collect())
}

pub(super) fn value(payment: &Payment, value: RedirectValue, page: &str) -> Value {
    let order = &payment.order;
    let operation = payment.ids.first.operation;
    match value {
        RedirectValue::Amount => order.amount.decimal().into(),
        RedirectValue::Checksum(digits) => {
            payment.ids.checksum.chars().take(digits).collect::<String>().into()
        }
        RedirectValue::Currency => order.amount.currency().code().into(),
        RedirectValue::CustomerId => order.customer_id.as_deref().unwrap_or_default().into(),
        RedirectValue::Description => order.description.as_str().into(),
        RedirectValue::Operation => operation.into(),
        RedirectValue::OperationText => operation.to_string().into(),
        RedirectValue::Page => page.into(),
        RedirectValue::Text(text) => text.into(),
        _ => Value::from(""),
    }
}
