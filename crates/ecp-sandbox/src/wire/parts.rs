//! The parts that callbacks and status answers have in common.

use ecp_core::model::{OperationStatus, PaymentStatus};
use ecp_core::{Money, PaymentId, Timestamp};
use serde::{Serialize, Serializer};

use crate::payment::{INSUFFICIENT_FUNDS, OrderKind, Outcome, Payment, Refund};
use crate::wire::answer::ErrorPart;
use crate::wire::codes::message_of;

/// The number of the provider in the platform's own samples. Nothing is decided by it.
const PROVIDER: u32 = 1079;

#[derive(Serialize)]
pub(super) struct PaymentPart<'a> {
    id: &'a PaymentId,
    r#type: &'static str,
    status: String,
    date: Date,
    method: &'static str,
    sum: Sum,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) merchant_refund_id: Option<&'a str>,
    description: &'a str,
}

impl<'a> PaymentPart<'a> {
    pub(super) fn of(payment: &'a Payment) -> Self {
        Self {
            id: &payment.order.payment_id,
            r#type: match payment.order.kind {
                OrderKind::Sale => "purchase",
                OrderKind::Payout => "payout",
            },
            status: text(&payment.status()),
            date: Date(payment.changed),
            method: method_name(payment),
            sum: Sum::of(payment.left()),
            merchant_refund_id: None,
            description: &payment.order.description,
        }
    }
}

#[derive(Serialize)]
pub(super) struct AccountPart<'a> {
    number: &'a str,
}

impl<'a> AccountPart<'a> {
    pub(super) fn of(payment: &'a Payment) -> Option<Self> {
        payment.account_number().map(|number| Self { number })
    }
}

#[derive(Serialize)]
pub(super) struct CustomerPart<'a> {
    id: &'a str,
}

impl<'a> CustomerPart<'a> {
    pub(super) fn of(payment: &'a Payment) -> Option<Self> {
        payment.order.customer_id.as_deref().map(|id| Self { id })
    }
}

#[derive(Serialize)]
pub(super) struct OperationPart<'a> {
    id: u64,
    r#type: &'static str,
    status: String,
    date: Date,
    created_date: Date,
    request_id: &'a str,
    sum_initial: Sum,
    sum_converted: Sum,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<ProviderPart<'a>>,
    code: String,
    message: &'static str,
}

impl<'a> OperationPart<'a> {
    /// The sale or payout itself.
    pub(super) fn first_of(payment: &'a Payment) -> Self {
        let code = payment.code();
        let ids = &payment.ids.first;
        Self {
            id: ids.operation,
            r#type: payment.order.kind.flow().as_str(),
            // The payment's status before any refund.
            status: text(&payment.first_status()),
            date: Date(payment.first_changed),
            created_date: Date(payment.created),
            request_id: &ids.request,
            sum_initial: Sum::of(payment.sum()),
            sum_converted: Sum::of(payment.sum()),
            provider: Some(match payment.outcome() {
                Some(Outcome::Decline { code: INSUFFICIENT_FUNDS, .. }) => ProviderPart::UNREACHED,
                _ => ProviderPart::of(&ids.provider_payment),
            }),
            message: message_of(&code),
            code: code.to_string(),
        }
    }

    pub(super) fn of(refund: &'a Refund) -> Self {
        let code = refund.code();
        let status = refund.status();
        let reached_provider = status == OperationStatus::Success;
        Self {
            id: refund.ids.operation,
            r#type: refund.operation.as_str(),
            status: status.to_string(),
            date: Date(refund.changed),
            created_date: Date(refund.created),
            request_id: &refund.ids.request,
            sum_initial: Sum::of(refund.sum),
            sum_converted: Sum::of(refund.sum),
            provider: reached_provider.then(|| ProviderPart::of(&refund.ids.provider_payment)),
            message: message_of(&code),
            code: code.to_string(),
        }
    }
}

#[derive(Serialize)]
struct ProviderPart<'a> {
    id: u32,
    payment_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_code: Option<&'static str>,
}

impl<'a> ProviderPart<'a> {
    /// By the documents' sample of a payout beyond the balance.
    const UNREACHED: Self = Self { id: PROVIDER, payment_id: "", auth_code: None };

    const fn of(payment_id: &'a str) -> Self {
        Self { id: PROVIDER, payment_id, auth_code: Some("") }
    }
}

#[derive(Serialize)]
struct Sum {
    amount: i64,
    currency: &'static str,
}

impl Sum {
    fn of(amount: Money) -> Self {
        Self { amount: amount.minor(), currency: amount.currency().code() }
    }
}

struct Date(Timestamp);

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// The method's name in messages.
pub(super) fn method_name(payment: &Payment) -> &'static str {
    let spec = payment.order.spec;
    spec.callback_names().first().copied().unwrap_or(spec.title())
}

/// A decline about a field or about the balance has an entry besides the operation's code.
pub(super) fn errors_of(payment: &Payment) -> Vec<ErrorPart<'_>> {
    match payment.outcome() {
        Some(Outcome::Decline { code: code @ INSUFFICIENT_FUNDS, .. }) => {
            vec![ErrorPart::new(code, None).described("public: BALANCE_INSUFFICIENT_FUNDS")]
        }
        Some(Outcome::Decline { code, field: field @ Some(_) }) => {
            vec![ErrorPart::new(code, field)]
        }
        _ => Vec::new(),
    }
}

pub(super) fn text(status: &PaymentStatus) -> String {
    status.as_str().to_owned()
}
