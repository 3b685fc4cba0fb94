//! Comparison of a held callback with Gate's answer.

use ecp_core::ProjectId;
use ecp_core::model::{
    Callback, Operation, OperationStatus, Payment, PaymentStatus, Sum, VerifiedStatus,
};

/// Why a callback stays held: the dotted path of the first member that is not confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// Gate (the platform's API) has not decided the member at this dotted path, such as
    /// `payment.status`, or its answer lacks the member: keep the callback held (not handled), and
    /// request the payment's status again later.
    Undecided(&'static str),
    /// Gate's answer contradicts the callback in the member at this dotted path, such as
    /// `payment.sum`, or the callback lacks a member that must be compared, such as `operation.id`:
    /// keep the callback held (not handled), and do not ask Gate again automatically.
    Contradicted(&'static str),
}

use Doubt::{Contradicted, Undecided};

/// Compares a callback with the answer to a status request.
///
/// Every deciding member must be in Gate's answer too, with the same value. Gate may lag behind the
/// callback: a member that is not final there, or missing, is not a contradiction yet. Gate may
/// also be ahead: a payment that has been refunded since has another status and another sum, and
/// then its operation decides alone. The type and the method are compared if Gate names them.
pub(crate) fn compare(
    project: ProjectId,
    callback: &Callback,
    answer: &VerifiedStatus,
) -> Result<(), Doubt> {
    require(answer.project() == project, Contradicted("project_id"))?;
    require(callback.payment_id().is_some(), Contradicted("payment.id"))?;
    require(callback.payment_id() == answer.payment_id(), Contradicted("payment.id"))?;
    require(!answer.is_unknown_payment(), Undecided("payment.status"))?;
    require(!answer.operations.is_empty(), Undecided("operations"))?;
    let mut operations = Vec::new();
    for operation in callback.operation.iter().chain(&callback.operations) {
        require(operation.id.is_some(), Contradicted("operation.id"))?;
        let same = answer.operations.iter().find(|other| other.id == operation.id);
        operations.push((operation, same.ok_or(Undecided("operation.id"))?));
    }
    if let Some(payment) = &callback.payment {
        compare_payments(payment, answer.payment.as_ref(), !operations.is_empty())?;
    }
    operations.into_iter().try_for_each(|(said, known)| compare_operations(said, known))
}

fn compare_payments(
    said: &Payment,
    known: Option<&Payment>,
    has_operation: bool,
) -> Result<(), Doubt> {
    let known = known.ok_or(Undecided("payment.status"))?;
    let ahead = has_operation && is_ahead(known.status.as_ref(), said.status.as_ref());
    if said.status != known.status && !ahead {
        let is_final = known.status.as_ref().is_some_and(PaymentStatus::is_final);
        return Err(doubt(is_final, "payment.status"));
    }
    if !ahead {
        compare_sums(said.sum.as_ref(), known.sum.as_ref(), "payment.sum")?;
    }
    let kind = known.kind.is_none() || known.kind == said.kind;
    require(kind, Contradicted("payment.type"))?;
    let method = known.method.is_none() || known.method == said.method;
    require(method, Contradicted("payment.method"))
}

fn compare_operations(said: &Operation, known: &Operation) -> Result<(), Doubt> {
    require(said.kind == known.kind, doubt(known.kind.is_some(), "operation.type"))?;
    let is_final =
        |operation: &Operation| operation.status.as_ref().is_some_and(OperationStatus::is_final);
    // One of several operations that had not ended when the callback was sent.
    let ahead = !is_final(said) && is_final(known);
    if said.status != known.status && !ahead {
        return Err(doubt(is_final(known), "operation.status"));
    }
    compare_sums(said.sum_initial.as_ref(), known.sum_initial.as_ref(), "operation.sum_initial")
}

/// Whether Gate's status comes later in the life of every payment.
fn is_ahead(known: Option<&PaymentStatus>, said: Option<&PaymentStatus>) -> bool {
    let step = |status: &PaymentStatus| match status {
        PaymentStatus::Success => Some(1),
        PaymentStatus::PartiallyRefunded | PaymentStatus::PartiallyReversed => Some(2),
        PaymentStatus::Refunded | PaymentStatus::Reversed => Some(3),
        _ => None,
    };
    let Some((known, said)) = known.zip(said) else { return false };
    // The callback's own status decided nothing; its operation had ended.
    let has_ended_since = !said.is_final() && known.is_final();
    has_ended_since || step(said).zip(step(known)).is_some_and(|(said, known)| said < known)
}

/// A sum that the callback does not name is not compared.
fn compare_sums(said: Option<&Sum>, known: Option<&Sum>, path: &'static str) -> Result<(), Doubt> {
    let parts = |sum: &Sum| (sum.amount, sum.currency.clone());
    let same = said.is_none() || said.map(parts) == known.map(parts);
    require(same, doubt(known.is_some(), path))
}

fn doubt(is_decided: bool, path: &'static str) -> Doubt {
    if is_decided { Contradicted(path) } else { Undecided(path) }
}

fn require(condition: bool, doubt: Doubt) -> Result<(), Doubt> {
    if condition { Ok(()) } else { Err(doubt) }
}

/// Why a callback that Gate contradicts stays held, for a person.
pub(crate) fn disagreement(path: &str) -> String {
    format!("Gate contradicts the callback: `{path}` differs")
}
