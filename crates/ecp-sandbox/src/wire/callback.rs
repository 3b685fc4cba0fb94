//! The platform's posts to merchants: callbacks and confirmation requests.

use ecp_core::{Money, PaymentId, ProjectId, Sensitive};
use serde::Serialize;
use serde_json::Value;

use crate::payment::{FollowUp, Payment};
use crate::wire::answer::ErrorPart;
use crate::wire::parts::{
    AccountPart, CustomerPart, OperationPart, PaymentPart, arrange, errors_of, first_form,
    follow_up_form, method_name, sent,
};
use crate::wire::php::{document, signed};
use crate::wire::redirect::RedirectPart;
use crate::wire::steps::{DisplayPart, clarification, display};

/// Returns the signed callback about a payment, or about a follow-up if `follow_up` is given. `page`
/// is the URL where the customer pays.
pub(crate) fn callback(
    payment: &Payment,
    follow_up: Option<&FollowUp>,
    page: Option<String>,
    key: &Sensitive<String>,
) -> String {
    let mut payment_part = PaymentPart::of(payment);
    payment_part.merchant_refund_id =
        follow_up.and_then(|follow_up| follow_up.order.merchant_refund_id.as_deref());
    let form = follow_up.map_or_else(|| first_form(payment), |it| follow_up_form(payment, it));
    let message = Callback {
        project_id: payment.order.project,
        payment: payment_part,
        account: AccountPart::of(payment),
        customer: CustomerPart::of(payment, &form),
        display_data: page.as_deref().map(|url| display(payment, url)).unwrap_or_default(),
        clarification_fields: clarification(payment),
        redirect_data: page
            .filter(|_| payment.is_redirected())
            .map(|url| RedirectPart::of(payment, url)),
        // Of the first operation: a declined refund names its code in the operation alone, by the
        // documents' sample.
        errors: errors_of(payment),
        operation: follow_up.map_or_else(
            || OperationPart::first_of(payment),
            |follow_up| OperationPart::of(payment, follow_up),
        ),
    };
    let mut message = document(&message);
    arrange(&mut message, "", &form);
    signed(&message, key)
}

/// Returns the signed confirmation request (`check_deposit`) for an amount.
pub(crate) fn check_deposit(payment: &Payment, amount: Money, key: &Sensitive<String>) -> String {
    let order = &payment.order;
    let message = CheckDeposit {
        r#type: "check_deposit",
        project_id: order.project,
        payment_id: &order.payment_id,
        // Documented as always there.
        customer_id: order.customer_id.as_deref().unwrap_or_default(),
        amount: sent(payment, amount),
        currency: amount.currency().code(),
        payment_method: method_name(payment),
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
    display_data: Vec<DisplayPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clarification_fields: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorPart<'a>>,
    operation: OperationPart<'a>,
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
