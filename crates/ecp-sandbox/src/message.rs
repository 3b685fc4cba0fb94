//! What the sandbox writes: callbacks, status answers and synchronous answers.

use std::fmt::Write;

use ecp_core::model::{Code, PaymentStatus};
use ecp_core::{PaymentId, ProjectId, Sensitive, Timestamp};
use ecp_methods::FlowKind;
use serde::{Serialize, Serializer};

use crate::payment::{Outcome, Payment};
use crate::signature;

/// The number of the provider in the platform's own samples. Nothing is decided by it.
const PROVIDER: u32 = 1079;

/// What the merchant is told about a payment, signed. `redirect` is where to send the customer.
pub(crate) fn callback(
    payment: &Payment,
    redirect: Option<&str>,
    key: &Sensitive<String>,
) -> String {
    let message = Callback {
        project_id: payment.order.project,
        payment: PaymentPart::of(payment),
        account: AccountPart::of(payment),
        customer: CustomerPart::of(payment),
        redirect_data: redirect.map(|url| RedirectPart {
            method: "GET",
            body: [],
            encrypted: [],
            url,
        }),
        errors: errors_of(payment),
        operation: OperationPart::of(payment),
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
        operations: [OperationPart::of(payment)],
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

/// The answer to a request that was registered.
#[derive(Serialize)]
pub(crate) struct Registered<'a> {
    pub(crate) status: &'static str,
    pub(crate) request_id: &'a str,
    pub(crate) project_id: ProjectId,
    pub(crate) payment_id: &'a PaymentId,
}

impl Registered<'_> {
    pub(crate) fn json(&self) -> String {
        php_json(self)
    }
}

/// The answer to a request that was refused.
#[derive(Serialize)]
pub(crate) struct Refused<'a> {
    pub(crate) status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) project_id: Option<ProjectId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payment_id: Option<&'a PaymentId>,
    pub(crate) request_id: &'a str,
    pub(crate) code: String,
    pub(crate) message: &'static str,
    pub(crate) errors: Vec<ErrorPart<'a>>,
}

impl Refused<'_> {
    pub(crate) fn json(&self) -> String {
        php_json(self)
    }
}

/// An entry of `errors`.
#[derive(Serialize)]
pub(crate) struct ErrorPart<'a> {
    code: String,
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

impl<'a> ErrorPart<'a> {
    pub(crate) fn new(code: u32, field: Option<&'a str>) -> Self {
        Self { code: code.to_string(), message: message_of(&Code::from(code)), field }
    }
}

/// The platform's words for a code.
pub(crate) fn message_of(code: &Code) -> &'static str {
    code.info().map_or("", |info| info.message)
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
    redirect_data: Option<RedirectPart<'a>>,
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
    operations: [OperationPart<'a>; 1],
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
    description: &'a str,
}

impl<'a> PaymentPart<'a> {
    fn of(payment: &'a Payment) -> Self {
        let spec = payment.order.spec;
        Self {
            id: &payment.order.payment_id,
            r#type: match payment.order.flow {
                FlowKind::Sale => "purchase",
                FlowKind::Payout => "payout",
            },
            status: text(&payment.status()),
            date: Date(payment.changed),
            method: spec.callback_names().first().copied().unwrap_or(spec.title()),
            sum: Sum::of(payment),
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

/// PHP writes an empty list where it has no fields.
#[derive(Serialize)]
struct RedirectPart<'a> {
    method: &'static str,
    body: [(); 0],
    encrypted: [(); 0],
    url: &'a str,
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
    provider: ProviderPart<'a>,
    code: String,
    message: &'static str,
}

impl<'a> OperationPart<'a> {
    fn of(payment: &'a Payment) -> Self {
        let code = payment.code();
        Self {
            id: payment.ids.operation,
            r#type: payment.order.flow.as_str(),
            // A payment of one operation stands where the operation does.
            status: text(&payment.status()),
            date: Date(payment.changed),
            created_date: Date(payment.created),
            request_id: &payment.ids.request,
            sum_initial: Sum::of(payment),
            sum_converted: Sum::of(payment),
            provider: ProviderPart {
                id: PROVIDER,
                payment_id: &payment.ids.provider_payment,
                auth_code: "",
            },
            message: message_of(&code),
            code: code.to_string(),
        }
    }
}

#[derive(Serialize)]
struct ProviderPart<'a> {
    id: u32,
    payment_id: &'a str,
    auth_code: &'static str,
}

#[derive(Serialize)]
struct Sum {
    amount: i64,
    currency: &'static str,
}

impl Sum {
    fn of(payment: &Payment) -> Self {
        let amount = payment.order.amount;
        Self { amount: amount.minor(), currency: amount.currency().code() }
    }
}

struct Date(Timestamp);

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A decline that is about a field says so besides the operation's code.
fn errors_of(payment: &Payment) -> Vec<ErrorPart<'_>> {
    match payment.outcome() {
        Some(Outcome::Decline { code, field: field @ Some(_) }) => {
            vec![ErrorPart::new(code, field)]
        }
        _ => Vec::new(),
    }
}

fn text(status: &PaymentStatus) -> String {
    status.as_str().to_owned()
}

/// Signs at the root. What is canonicalised is what a receiver reads: the text, parsed again.
fn signed<T: Serialize>(message: &T, key: &Sensitive<String>) -> String {
    #[derive(Serialize)]
    struct Signed<'a, T> {
        #[serde(flatten)]
        message: &'a T,
        signature: String,
    }

    let document = serde_json::from_str(&php_json(message)).unwrap_or_default();
    php_json(&Signed { message, signature: signature::sign(key, &document) })
}

/// JSON as PHP's `json_encode` writes it by default: `/` as `\/` (the documents' signatures show
/// it) and everything beyond ASCII as `\u....`.
fn php_json(message: &impl Serialize) -> String {
    let Ok(plain) = serde_json::to_string(message) else {
        unreachable!("maps with text keys always serialise")
    };
    let mut json = String::with_capacity(plain.len() + 64);
    // Neither can stand outside of a string.
    for character in plain.chars() {
        match character {
            '/' => json.push_str("\\/"),
            ascii if ascii.is_ascii() => json.push(ascii),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    let _ = write!(json, "\\u{unit:04x}");
                }
            }
        }
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_escaped_as_php_does_and_reads_back() {
        let text = "https://a/b?c=\"d\" Ж😀\u{1}";
        let json = php_json(&text);
        assert_eq!(json, r#""https:\/\/a\/b?c=\"d\" \u0416\ud83d\ude00\u0001""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
