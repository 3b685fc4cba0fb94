//! The evidence about a refund: its operation in the payment's status. The payment itself says
//! nothing of a refund that is open or declined (sources: refunds).

use ecp_core::RequestId;
use ecp_core::model::{
    End, Operation, OperationStatus, OperationType, PaymentStatus, StatusResponse,
};
use ecp_methods::request::Field;
use ecp_methods::{Flow, Prepared, Refund, Rule};
use ecp_transport::GateError;

use crate::evidence::note;
use crate::journal::{Entry, State};

/// Records what a status answer proves about a refund that may have been sent. Returns whether it
/// has ended.
///
/// Its operation is found by the request id from its registration. Where the answer to the request
/// was lost, two things prove a refund: the payment names this row's own id of the refund and has
/// one refund that fits, or all of it was returned, whichever request did that.
pub(crate) fn look(entry: &mut Entry, refund: &Prepared<Refund>, status: &StatusResponse) -> bool {
    if status.is_unknown_payment() {
        return false;
    }
    let Some((state, evidence)) = end(entry, refund, status) else { return false };
    entry.state = state;
    note(entry, evidence);
    true
}

fn end(
    entry: &mut Entry,
    refund: &Prepared<Refund>,
    status: &StatusResponse,
) -> Option<(State, String)> {
    let request_id = entry.request_id.as_deref().and_then(|id| RequestId::new(id).ok());
    let (operations, by_request): (Vec<&Operation>, bool) = match &request_id {
        Some(id) => {
            let began = |operation: &&Operation| operation.request_id.as_ref() == Some(id);
            (refunds(status).filter(began).collect(), true)
        }
        None => (own(refund, status).into_iter().collect(), false),
    };
    if operations.is_empty() {
        return if by_request { None } else { returned(refund, status) };
    }
    if operations.iter().any(|operation| is_open(operation)) {
        return None;
    }
    let done: Vec<&&Operation> =
        operations.iter().filter(|operation| end_of(operation) == End::Success).collect();
    let decisive = done.first().copied().or(operations.last())?;
    let word = decisive.status.as_ref().map_or("none", OperationStatus::as_str).to_owned();
    entry.status = Some(word.clone());
    entry.code = decisive.code.as_ref().map(ToString::to_string);
    if entry.request_id.is_none() {
        entry.request_id = decisive.request_id.as_ref().map(|id| id.as_str().to_owned());
    }
    let whose = if by_request { "its operation" } else { "a refund under its id" };
    let ask = "ask technical support";
    Some(match (done.as_slice(), end_of(decisive)) {
        ([_, _, ..], _) => {
            let times = done.len();
            (State::Error, format!("contradiction: {times} refunds of one request: {ask}"))
        }
        ([one], _) if !fits(refund, one) => {
            (State::Error, format!("contradiction: {whose} has another sum than the row: {ask}"))
        }
        ([_], _) => (State::Success, format!("a signed status says `{word}` of {whose}")),
        ([], End::Decline) => {
            let message = decisive.message.as_deref().unwrap_or_default();
            (State::Decline, format!("a signed status says `{word}` of {whose}: {message}"))
        }
        // Nothing says whether the money went back.
        ([], _) => (State::Error, format!("a signed status says `{word}` of {whose}: {ask}")),
    })
}

/// The refund that the payment names by this row's own id. The platform's samples have the
/// payment's id there where a refund has none of its own, so that one proves nothing.
fn own<'s>(refund: &Prepared<Refund>, status: &'s StatusResponse) -> Option<&'s Operation> {
    let id = refund.get(Field::MERCHANT_REFUND_ID)?;
    let named = status.payment.as_ref()?.merchant_refund_id.as_deref();
    if named != Some(id) || id == refund.payment_id().as_str() {
        return None;
    }
    let mut fitting = refunds(status).filter(|operation| fits(refund, operation));
    let first = fitting.next()?;
    fitting.next().is_none().then_some(first)
}

/// Whether a refund that may be the row's has not ended: its end may be the evidence.
pub(crate) fn is_going_on(refund: &Prepared<Refund>, status: &StatusResponse) -> bool {
    refunds(status).any(|operation| is_open(operation) && fits(refund, operation))
}

fn is_open(operation: &Operation) -> bool {
    matches!(end_of(operation), End::Open | End::Unknown)
}

/// A payment of which nothing is left, for a row that asks for all of it.
fn returned(refund: &Prepared<Refund>, status: &StatusResponse) -> Option<(State, String)> {
    if !is_of_all(refund) {
        return None;
    }
    let word = status.payment_status()?;
    let is_returned = matches!(word, PaymentStatus::Refunded | PaymentStatus::Reversed);
    let has_done = refunds(status)
        .any(|operation| end_of(operation) == End::Success && fits(refund, operation));
    if !is_returned || !has_done || refunds(status).any(is_open) {
        return None;
    }
    let evidence = format!(
        "a signed status says `{word}` of the payment; no answer says whether this row's request did it"
    );
    Some((State::Success, evidence))
}

/// Records that a refund has not ended by the last answer of this run.
pub(crate) fn open(
    entry: &mut Entry,
    refund: &Prepared<Refund>,
    answer: &Result<StatusResponse, GateError>,
) {
    // An earlier answer was more specific than this one.
    if entry.state == State::Error {
        return;
    }
    let is_registered = entry.request_id.is_some();
    let status = match answer {
        Ok(status) => status,
        Err(error) => {
            let known = if is_registered { "registered" } else { "it may have been sent" };
            note(entry, format!("{known}; the status request failed: {error}"));
            return;
        }
    };
    entry.state = if is_registered { State::Registered } else { State::Unknown };
    let fitting = refunds(status).filter(|operation| fits(refund, operation)).count();
    let evidence = match (is_registered, fitting) {
        (true, 0) => "registered; the payment's status does not have its operation".to_owned(),
        (true, _) => "registered; not ended when last asked".to_owned(),
        (false, 0) => {
            "it may have been sent, and the payment has no such refund so far, which does \
                       not prove that none will come: it is not sent again"
                .to_owned()
        }
        (false, many) => {
            let refunds = if many == 1 { "a refund" } else { "refunds" };
            format!(
                "it may have been sent, and the payment has {refunds} of this sum, which nothing \
                 ascribes to this row: compare them in the Dashboard"
            )
        }
    };
    note(entry, evidence);
}

/// Records the status of a payment whose refund the platform refused. An earlier run, whose journal
/// is lost, may have refunded it.
pub(crate) fn refused(
    entry: &mut Entry,
    refund: &Prepared<Refund>,
    answer: &Result<StatusResponse, GateError>,
) {
    let status = match answer {
        Ok(status) => status,
        Err(error) => {
            entry.evidence.push_str("; the status request failed: ");
            entry.evidence.push_str(&error.to_string());
            return;
        }
    };
    if status.is_unknown_payment() {
        entry.state = State::Decline;
        return;
    }
    if look(entry, refund, status) {
        return;
    }
    let may_have_moved = |operation: &Operation| end_of(operation) != End::Decline;
    if refunds(status).any(|operation| may_have_moved(operation) && fits(refund, operation)) {
        entry.state = State::Error;
        entry.evidence.push_str(
            "; the payment has a refund of this sum by another request: compare them in the \
             Dashboard before it is refunded again",
        );
    } else {
        entry.state = State::Decline;
    }
}

/// The operations that return money.
fn refunds(status: &StatusResponse) -> impl Iterator<Item = &Operation> {
    status.operations.iter().filter(|operation| {
        matches!(operation.kind, Some(OperationType::Refund | OperationType::Reversal))
    })
}

/// Whether the operation may have the row's sum: a row without one asks for all of the payment.
fn fits(refund: &Prepared<Refund>, operation: &Operation) -> bool {
    let (Some(asked), Some(sum)) = (refund.amount(), &operation.sum_initial) else { return true };
    Some(sum.amount) == refund.spec().sent_amount(asked) && sum.currency == asked.currency().code()
}

/// Whether the row asks for all of the payment.
fn is_of_all(refund: &Prepared<Refund>) -> bool {
    let rule = refund.spec().rule(Refund::OPERATION);
    refund.amount().is_none() || !rule.is_some_and(Rule::allows_partial)
}

fn end_of(operation: &Operation) -> End {
    operation.status.as_ref().map_or(End::Unknown, OperationStatus::end)
}
