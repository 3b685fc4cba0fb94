//! What the sandbox writes: callbacks, status answers and synchronous answers.

mod answer;
mod php;
mod tamper;

use ecp_core::model::{OperationStatus, PaymentStatus};
use ecp_core::{Money, PaymentId, ProjectId, Sensitive, Timestamp};
use serde::{Serialize, Serializer};

pub(crate) use self::answer::{ErrorPart, Refused, Registered, message_of};
use self::php::signed;
pub(crate) use self::tamper::{signed_again, tampered};
use crate::payment::{INSUFFICIENT_FUNDS, OrderKind, Outcome, Payment, Refund};
use crate::wire::redirect::RedirectPart;

/// The number of the provider in the platform's own samples. Nothing is decided by it.
const PROVIDER: u32 = 1079;

/// What the merchant is told about a payment, signed. It is about a refund if one is given;
/// `page` is where to send the customer.
pub(crate) fn callback(
    payment: &Payment,
    refund: Option<&Refund>,
    page: Option<String>,
    key: &Sensitive<String>,
) -> String {
    let mut payment_part = PaymentPart::of(payment);
    payment_part.merchant_refund_id =
        refund.and_then(|refund| refund.order.merchant_refund_id.as_deref());
    let message = Callback {
        project_id: payment.order.project,
        payment: payment_part,
        account: AccountPart::of(payment),
        customer: CustomerPart::of(payment),
        redirect_data: page.map(|url| RedirectPart::of(payment, url)),
        // Of the sale or payout: a declined refund names its code in the operation alone, by the
        // documents' sample.
        errors: errors_of(payment),
        operation: refund.map_or_else(|| OperationPart::first_of(payment), OperationPart::of),
    };
    signed(&message, key)
}

/// The question whether an amount is welcome, signed.
pub(crate) fn check_deposit(payment: &Payment, amount: Money, key: &Sensitive<String>) -> String {
    let order = &payment.order;
    let message = CheckDeposit {
        r#type: "check_deposit",
        project_id: order.project,
        payment_id: &order.payment_id,
        // Documented as always there.
        customer_id: order.customer_id.as_deref().unwrap_or_default(),
        amount: amount.minor(),
        currency: amount.currency().code(),
        payment_method: method_name(payment),
    };
    signed(&message, key)
}

/// The answer about a payment, signed.
pub(crate) fn status(payment: &Payment, key: &Sensitive<String>) -> String {
    let message = Status {
        project_id: payment.order.project,
        payment: PaymentPart::of(payment),
        account: AccountPart::of(payment),
        customer: CustomerPart::of(payment),
        operations: std::iter::once(OperationPart::first_of(payment))
            .chain(payment.refunds().iter().map(OperationPart::of))
            .collect(),
        errors: errors_of(payment),
    };
    signed(&message, key)
}

/// The answer about a payment that was never registered, signed.
pub(crate) fn status_of_none(
    project: ProjectId,
    payment: &PaymentId,
    key: &Sensitive<String>,
) -> String {
    const TRANSACTION_NOT_FOUND: u32 = 3061;
    let message = NoStatus {
        project_id: project,
        payment: NoPayment { id: payment, status: text(&PaymentStatus::Error) },
        errors: [ErrorPart::new(TRANSACTION_NOT_FOUND, None)],
    };
    signed(&message, key)
}

#[derive(Serialize)]
struct Callback<'a> {
    project_id: ProjectId,
    payment: PaymentPart<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<AccountPart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<CustomerPart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_data: Option<RedirectPart>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorPart<'a>>,
    operation: OperationPart<'a>,
}

#[derive(Serialize)]
struct Status<'a> {
    project_id: ProjectId,
    payment: PaymentPart<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<AccountPart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<CustomerPart<'a>>,
    operations: Vec<OperationPart<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorPart<'a>>,
}

#[derive(Serialize)]
struct NoStatus<'a> {
    project_id: ProjectId,
    payment: NoPayment<'a>,
    errors: [ErrorPart<'a>; 1],
}

#[derive(Serialize)]
struct NoPayment<'a> {
    id: &'a PaymentId,
    status: String,
}

#[derive(Serialize)]
struct PaymentPart<'a> {
    id: &'a PaymentId,
    r#type: &'static str,
    status: String,
    date: Date,
    method: &'static str,
    sum: Sum,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_refund_id: Option<&'a str>,
    description: &'a str,
}

impl<'a> PaymentPart<'a> {
    fn of(payment: &'a Payment) -> Self {
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
struct AccountPart<'a> {
    number: &'a str,
}

impl<'a> AccountPart<'a> {
    fn of(payment: &'a Payment) -> Option<Self> {
        payment.account_number().map(|number| Self { number })
    }
}

#[derive(Serialize)]
struct CustomerPart<'a> {
    id: &'a str,
}

impl<'a> CustomerPart<'a> {
    fn of(payment: &'a Payment) -> Option<Self> {
        payment.order.customer_id.as_deref().map(|id| Self { id })
    }
}

#[derive(Serialize)]
struct OperationPart<'a> {
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
    fn first_of(payment: &'a Payment) -> Self {
        let code = payment.code();
        let ids = &payment.ids.first;
        Self {
            id: ids.operation,
            r#type: payment.order.kind.flow().as_str(),
            // It stands where the payment did before any refund.
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

    fn of(refund: &'a Refund) -> Self {
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
struct CheckDeposit<'a> {
    r#type: &'static str,
    project_id: ProjectId,
    payment_id: &'a PaymentId,
    customer_id: &'a str,
    amount: i64,
    currency: &'static str,
    payment_method: &'static str,
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
fn method_name(payment: &Payment) -> &'static str {
    let spec = payment.order.spec;
    spec.callback_names().first().copied().unwrap_or(spec.title())
}

/// A decline that is about a field or about the balance says so besides the operation's code.
fn errors_of(payment: &Payment) -> Vec<ErrorPart<'_>> {
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

fn text(status: &PaymentStatus) -> String {
    status.as_str().to_owned()
}
