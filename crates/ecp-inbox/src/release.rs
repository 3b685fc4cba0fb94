//! Whether Gate says what a callback said that is held.

use ecp_core::ProjectId;
use ecp_core::model::{Callback, Operation, PaymentStatus, StatusResponse, Sum};

/// Compares a callback with the answer to a status request. `Err` is the dotted path of the first
/// member on which they differ.
///
/// Everything that decides must be told by Gate too, and alike. The one exception is a payment
/// that has been refunded since it was a success: then the sum that is left says nothing, and the
/// operation speaks for itself. The type and the method are compared where Gate tells them.
pub(crate) fn agree(
    project: ProjectId,
    callback: &Callback,
    answer: &StatusResponse,
) -> Result<(), &'static str> {
    let same = |same: bool, path| if same { Ok(()) } else { Err(path) };
    same(answer.project_id().is_none_or(|told| told == project), "project_id")?;
    same(callback.payment_id().is_some(), "payment.id")?;
    same(callback.payment_id() == answer.payment_id(), "payment.id")?;

    let (said, told) = (callback.payment_status(), answer.payment_status());
    let refunded_since = said == Some(&PaymentStatus::Success) && told.is_some_and(is_refund);
    same(refunded_since || said == told, "payment.status")?;
    if let Some(payment) = &callback.payment {
        let answer = answer.payment.as_ref();
        let sum = answer.and_then(|answer| answer.sum.as_ref());
        same(refunded_since || is_same_sum(payment.sum.as_ref(), sum), "payment.sum")?;
        let kind = answer.and_then(|answer| answer.kind.as_ref());
        same(kind.is_none() || kind == payment.kind.as_ref(), "payment.type")?;
        let method = answer.and_then(|answer| answer.method.as_ref());
        same(method.is_none() || method == payment.method.as_ref(), "payment.method")?;
    }
    for operation in callback.operation.iter().chain(&callback.operations) {
        let by_id = |other: &&Operation| operation.id.is_some() && other.id == operation.id;
        let told = answer.operations.iter().find(by_id).ok_or("operation.id")?;
        same(operation.kind == told.kind, "operation.type")?;
        same(operation.status == told.status, "operation.status")?;
        same(
            is_same_sum(operation.sum_initial.as_ref(), told.sum_initial.as_ref()),
            "operation.sum_initial",
        )?;
    }
    Ok(())
}

fn is_refund(status: &PaymentStatus) -> bool {
    matches!(
        status,
        PaymentStatus::PartiallyRefunded
            | PaymentStatus::PartiallyReversed
            | PaymentStatus::Refunded
            | PaymentStatus::Reversed
    )
}

/// A sum that the callback does not tell is no matter.
fn is_same_sum(said: Option<&Sum>, told: Option<&Sum>) -> bool {
    let parts = |sum: &Sum| (sum.amount, sum.currency.clone());
    said.is_none() || said.map(parts) == told.map(parts)
}
