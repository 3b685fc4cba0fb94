//! `redirect_data`: where the customer is sent, in the form that the method's spec names.
//!
//! The forms are those of the documents' samples: `GET` with an empty list, `POST` with an empty
//! object, and `POST` with text and numbers. The names of the fields are chosen here; the
//! documents' differ from provider to provider and mean nothing to merchants.

#[cfg(feature = "pages")]
pub(crate) mod form;

use ecp_methods::spec::TestRedirect;
use serde::Serialize;

use crate::payment::Payment;

#[derive(Serialize)]
pub(crate) struct RedirectPart {
    method: &'static str,
    body: Body,
    encrypted: [(); 0],
    url: String,
}

/// PHP writes an empty list where it has no fields, and an empty object where that is forced.
#[derive(Serialize)]
#[serde(untagged)]
enum Body {
    EmptyList([(); 0]),
    EmptyObject {},
    Fields(Fields),
}

#[derive(Serialize)]
struct Fields {
    /// A number, as in one of the samples.
    #[serde(rename = "TransactionId")]
    transaction: u64,
    /// Major units, unlike everywhere else on the platform.
    #[serde(rename = "Amount")]
    amount: String,
    #[serde(rename = "Currency")]
    currency: &'static str,
}

impl RedirectPart {
    pub(crate) fn of(payment: &Payment, url: String) -> Self {
        let (method, body) = match payment.order.spec.testing().redirect_form() {
            TestRedirect::PostEmpty => ("POST", Body::EmptyObject {}),
            TestRedirect::PostFields => ("POST", Body::Fields(Fields::of(payment))),
            _ => ("GET", Body::EmptyList([])),
        };
        Self { method, body, encrypted: [], url }
    }
}

impl Fields {
    fn of(payment: &Payment) -> Self {
        let amount = payment.order.amount;
        Self {
            transaction: payment.ids.first.operation,
            amount: amount.decimal(),
            currency: amount.currency().code(),
        }
    }
}
