//! The parts that callbacks and status answers have in common.

use ecp_core::model::{OperationStatus, PaymentStatus};
use ecp_core::{Money, PaymentId, Timestamp};
use ecp_methods::spec::CallbackForm;
use ecp_methods::{Effect, Operation};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::payment::{FollowUp, INSUFFICIENT_FUNDS, Outcome, Payment, type_of};
use crate::wire::answer::ErrorPart;
use crate::wire::codes::message_of;

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
            r#type: payment_type(payment.order.operation),
            status: text(&payment.status()),
            date: Date(payment.changed),
            method: method_name(payment),
            sum: Sum::of(payment, payment.left()),
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
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
}

impl<'a> CustomerPart<'a> {
    /// Returns the customer for messages of this form; `None` if they have no customer.
    pub(super) fn of(payment: &'a Payment, form: &CallbackForm) -> Option<Self> {
        let order = &payment.order;
        let id = order.customer_id.as_deref();
        let phone = order.customer_phone.as_deref().filter(|_| form.has_customer_phone());
        (id.is_some() || phone.is_some()).then_some(Self { id, phone })
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
    code: String,
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<ProviderPart<'a>>,
}

impl<'a> OperationPart<'a> {
    /// Returns the operation that began the payment.
    pub(super) fn first_of(payment: &'a Payment) -> Self {
        let (code, form) = (payment.code(), first_form(payment));
        let ids = &payment.ids.first;
        Self {
            id: ids.operation,
            r#type: type_of(payment.order.operation),
            // The payment's status before any follow-up; of a hold, the result of the operation.
            status: text(&payment.first_status()),
            date: Date(payment.first_changed),
            created_date: Date(payment.created),
            request_id: &ids.request,
            sum_initial: Sum::of(payment, payment.sum()),
            sum_converted: Sum::of(payment, payment.sum()),
            provider: Some(match payment.outcome() {
                Some(Outcome::Decline { code: INSUFFICIENT_FUNDS, .. }) => {
                    ProviderPart::unreached(&form)
                }
                outcome => {
                    let ended = outcome.map(|_| payment.first_changed);
                    ProviderPart::of(&form, &ids.provider_payment, ended)
                }
            }),
            message: message_of(&code),
            code: code.to_string(),
        }
    }

    /// Returns the operation of a follow-up.
    pub(super) fn of(payment: &Payment, follow_up: &'a FollowUp) -> Self {
        let (code, form) = (follow_up.code(), follow_up_form(payment, follow_up));
        let status = follow_up.status();
        let reached_provider = status == OperationStatus::Success;
        Self {
            id: follow_up.ids.operation,
            r#type: follow_up.kind(),
            status: status.to_string(),
            date: Date(follow_up.changed),
            created_date: Date(follow_up.created),
            request_id: &follow_up.ids.request,
            sum_initial: Sum::of(payment, follow_up.sum),
            sum_converted: Sum::of(payment, follow_up.sum),
            provider: reached_provider.then(|| {
                ProviderPart::of(&form, &follow_up.ids.provider_payment, Some(follow_up.changed))
            }),
            message: message_of(&code),
            code: code.to_string(),
        }
    }
}

#[derive(Serialize)]
struct ProviderPart<'a> {
    /// The platform's number of the provider behind the payment method; 0 if the method's
    /// documentation page does not give it. Only callbacks and answers show it.
    id: u32,
    payment_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<Date>,
}

impl<'a> ProviderPart<'a> {
    /// By the documents' sample of a payout beyond the balance.
    fn unreached(form: &CallbackForm) -> Self {
        let id = form.provider_id().unwrap_or_default();
        Self { id, payment_id: "", auth_code: None, date: None }
    }

    /// The date is that of the operation's end.
    fn of(form: &CallbackForm, payment_id: &'a str, ended: Option<Timestamp>) -> Self {
        Self {
            id: form.provider_id().unwrap_or_default(),
            payment_id: if form.has_provider_payment() { payment_id } else { "" },
            auth_code: Some(""),
            date: ended.filter(|_| form.has_provider_date()).map(Date),
        }
    }
}

#[derive(Serialize)]
struct Sum {
    amount: i64,
    currency: &'static str,
}

impl Sum {
    fn of(payment: &Payment, amount: Money) -> Self {
        Self { amount: sent(payment, amount), currency: amount.currency().code() }
    }
}

/// Returns the number by which the platform's messages state an amount: minor units, or major units
/// if the spec of the payment's method says so. The sandbox never has an amount with a fraction of
/// such a major unit, because it refuses requests for one; the number would be 0.
pub(super) fn sent(payment: &Payment, amount: Money) -> i64 {
    payment.order.spec.sent_amount(amount).unwrap_or_default()
}

struct Date(Timestamp);

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Returns the type of a payment by the operation that began it. The platform has words of their
/// own for payouts, payments of a series and checks of an account.
fn payment_type(operation: Operation) -> &'static str {
    match operation.effect() {
        _ if operation == Operation::RECURRING => "recurring",
        Effect::Out => "payout",
        Effect::Register => "account verification",
        _ => "purchase",
    }
}

/// Returns the form of messages about the operation that began the payment.
pub(super) fn first_form(payment: &Payment) -> CallbackForm {
    payment.order.spec.callback_form(payment.order.operation, payment.end())
}

/// Returns the form of messages about a follow-up.
pub(super) fn follow_up_form(payment: &Payment, follow_up: &FollowUp) -> CallbackForm {
    payment.order.spec.callback_form(follow_up.order.operation, follow_up.end())
}

/// Puts the members of a message, or of an object at a path in it, into the order of a form.
pub(super) fn arrange(message: &mut Value, at: &str, form: &CallbackForm) {
    for (moved, other) in form.moved() {
        let (Some(moved), Some(other)) = (moved.strip_prefix(at), other.strip_prefix(at)) else {
            continue;
        };
        let (object, moved) = moved.rsplit_once('.').unwrap_or(("", moved));
        let other = other.rsplit_once('.').map_or(other, |(_, name)| name);
        let mut object = object.split('.').filter(|name| !name.is_empty());
        let object = object.try_fold(&mut *message, |value, name| value.get_mut(name));
        if let Some(object) = object.and_then(Value::as_object_mut)
            && object.contains_key(other)
            && let Some((name, value)) = object.shift_remove_entry(moved)
        {
            let place = object.keys().position(|name| name == other).unwrap_or_default();
            object.shift_insert(place, name, value);
        }
    }
}

/// Returns the name of the payment's method in messages.
pub(super) fn method_name(payment: &Payment) -> &'static str {
    let spec = payment.order.spec;
    spec.callback_names().first().copied().unwrap_or(spec.title())
}

/// Returns the entries of `errors` in a message: for a decline about a field or the balance, an
/// entry besides the operation's code.
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
