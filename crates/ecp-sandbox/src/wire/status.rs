//! Answers to status requests.

use ecp_core::model::PaymentStatus;
use ecp_core::{PaymentId, ProjectId, Sensitive};
use serde::Serialize;
use serde_json::Value;

use crate::payment::Payment;
use crate::wire::answer::ErrorPart;
use crate::wire::parts::{
    AccountPart, CustomerPart, OperationPart, PaymentPart, arrange, errors_of, first_form,
    follow_up_form, text,
};
use crate::wire::php::{document, signed};
use crate::wire::steps::{DisplayPart, clarification, display};

/// Returns the signed answer to a status request about a payment. `page` is the URL where the
/// customer pays.
pub(crate) fn status(payment: &Payment, page: &str, key: &Sensitive<String>) -> String {
    let message = Status {
        project_id: payment.order.project,
        payment: PaymentPart::of(payment),
        account: AccountPart::of(payment),
        customer: CustomerPart::of(payment, &first_form(payment)),
        operations: std::iter::once(OperationPart::first_of(payment))
            .chain(payment.follow_ups().iter().map(|it| OperationPart::of(payment, it)))
            .collect(),
        errors: errors_of(payment),
        display_data: display(payment, page),
        clarification_fields: clarification(payment),
    };
    let mut message = document(&message);
    let later = payment.follow_ups().iter().map(|it| follow_up_form(payment, it));
    let forms = std::iter::once(first_form(payment)).chain(later);
    let operations = message["operations"].as_array_mut().into_iter().flatten();
    for (operation, form) in operations.zip(forms) {
        arrange(operation, "operation.", &form);
    }
    signed(&message, key)
}

/// Returns the signed answer to a status request about a payment that was never registered.
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    display_data: Vec<DisplayPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clarification_fields: Option<Value>,
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
