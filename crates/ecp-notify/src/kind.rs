//! Kinds of messages. The platform's messages and the merchant's own are signed with one key, so a
//! signature alone does not distinguish a callback from a request or from an address of the Payment
//! Page: each kind must have its documented shape.

use ecp_core::json::{Kind, Value};
use ecp_core::model::borrowed::{CallbackRef, DepositCheckRef, ExtraRef};
use ecp_core::model::{DataOperation, ModelError, PageParameters, PaymentStatus};

use crate::verifier::VerifyError;

/// A callback has an operation, a transaction, a token, a redirect, a subscription or the status
/// of a payment (sources: callback formats).
pub(crate) fn callback(callback: &CallbackRef<'_>) -> Result<(), VerifyError> {
    no_page_parameters(&callback.extra)?;
    let payment = callback.payment.as_ref();
    if payment.is_some_and(|payment| payment.extra.get("amount").is_some()) {
        return other_kind("payment.amount", "a request to Gate, not a callback");
    }
    if has_operation(callback) {
        return Ok(());
    }
    if !callback.operations.is_empty() {
        return other_kind("operations", "an answer to a status request, not a callback");
    }
    if has_another_format(callback) {
        return Ok(());
    }
    match payment.and_then(|payment| payment.status.as_ref()) {
        // The platform's status answer for a payment that it does not know.
        Some(PaymentStatus::Error) => {
            other_kind("payment.status", "an answer to a status request, not a callback")
        }
        Some(_) => Ok(()),
        None => missing("operation"),
    }
}

/// Objects that hold only objects and lists are ignored: no signature covers them.
fn has_operation(callback: &CallbackRef<'_>) -> bool {
    let operation = callback.operation.as_ref();
    let transaction = callback.transaction.as_ref();
    operation.is_some_and(|it| it.id.is_some() || it.kind.is_some() || it.status.is_some())
        || transaction.is_some_and(|it| it.id.is_some() || it.kind.is_some())
}

/// The formats that have neither an operation nor a transaction.
fn has_another_format(callback: &CallbackRef<'_>) -> bool {
    let is_text = |value: Value<'_>| value.as_str().is_some();
    let has = |name| callback.extra.get(name).is_some_and(is_text);
    let is_token = has("token") && (callback.request.is_some() || has("token_status"));
    // Gate requests about a subscription name their project in `general`.
    let recurring = callback.extra.get("recurring").and_then(|it| it.get("id"));
    let is_subscription = callback.root_project_id.is_some()
        && recurring.is_some_and(|id| matches!(id.kind(), Kind::Number(_) | Kind::String(_)));
    is_token || is_subscription || callback.has_redirect()
}

/// A `check_deposit` request is flat, and shares only some names with the Payment Page.
pub(crate) fn deposit_check(check: &DepositCheckRef<'_>) -> Result<(), VerifyError> {
    const ELSEWHERE: [&str; 5] = ["general", "operation", "operations", "payment", "transaction"];
    no_page_parameters(&check.extra)?;
    match check.extra.iter().find(|(name, _)| ELSEWHERE.contains(name)) {
        None => Ok(()),
        Some((name, _)) => {
            other_kind(name, "a message about a payment, not a `check_deposit` question")
        }
    }
}

/// A page of operations has its list, and nothing that another kind of message has at its root.
pub(crate) fn operations<'d>(root: Value<'d>, list: &str) -> Result<Value<'d>, VerifyError> {
    const ELSEWHERE: [&str; 4] = ["payment_amount", "payment_id", "request_id", "type"];
    const OTHER: &str = "another kind of message, not a page of operations";
    let other = |path: &str| VerifyError::OtherKind { path: path.to_owned(), kind: OTHER };
    if let Some(name) = root.children().filter_map(Value::key).find(|name| ELSEWHERE.contains(name))
    {
        return Err(other(name));
    }
    match DataOperation::list(root, list) {
        Ok(Some(list)) => Ok(list),
        Ok(None) => Err(VerifyError::Unreadable(ModelError::Missing { path: list.to_owned() })),
        Err(error) => Err(other(error.path().unwrap_or_default())),
    }
}

fn no_page_parameters(unknown: &ExtraRef<'_>) -> Result<(), VerifyError> {
    match unknown.iter().find(|(name, value)| PageParameters::is_parameter(name, *value)) {
        None => Ok(()),
        Some((name, _)) => Err(VerifyError::PageParameter { name: name.to_owned() }),
    }
}

fn other_kind(path: &str, kind: &'static str) -> Result<(), VerifyError> {
    Err(VerifyError::OtherKind { path: path.to_owned(), kind })
}

fn missing(path: &str) -> Result<(), VerifyError> {
    Err(VerifyError::Unreadable(ModelError::Missing { path: path.to_owned() }))
}
