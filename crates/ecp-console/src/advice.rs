//! What a state means, and what to do, in sentences for the person on call.

use ecp_inbox::{Entry, EntryState, Report};
use ecp_payouts::State;

/// What is, and what to do about it.
pub(crate) struct Advice {
    pub(crate) meaning: String,
    pub(crate) action: String,
}

/// The advice for a callback. `flags` select the inbox in commands.
pub(crate) fn callback(entry: &Entry, flags: &str) -> Advice {
    let (id, attempts) = (entry.id, entry.attempts);
    let (meaning, action) = match entry.state {
        EntryState::Waiting if attempts == 0 => (
            "It waits for a worker of your service.".to_owned(),
            "Nothing, if it came a moment ago. Otherwise look whether a worker runs with this inbox: \
             its process, its log, and whether it uses this database. Earlier callbacks of the same \
             payment are handled first."
                .to_owned(),
        ),
        EntryState::Waiting if entry.error.is_some() => (
            format!("The handler failed {}, and tries again by itself.", times(attempts)),
            "Read the error. If it ends by itself, do nothing; otherwise correct the handler, and then \
             have it tried again now. Later callbacks of this payment wait until then."
                .to_owned(),
        ),
        EntryState::Waiting => (
            format!("Attempt {attempts} of the handler has begun and stored no result yet."),
            "Nothing, if it began a moment ago. It is tried again when its lease ends; if that happens \
             again and again, the handler ends its process or takes longer than its lease."
                .to_owned(),
        ),
        EntryState::Done => (
            "The handler has processed it.".to_owned(),
            "Nothing. Replay it only if its effect was lost: the handler is then called once more."
                .to_owned(),
        ),
        EntryState::Dead => (
            format!("It was given up after {}, and its effect is missing.", times(attempts)),
            "Correct the handler by the error, then replay it. Later callbacks of the payment may be \
             handled already: the state of the payment below includes them."
                .to_owned(),
        ),
        EntryState::Held if entry.payment.is_none() => (
            "It is final, must be confirmed by Gate, and names no payment to ask about.".to_owned(),
            "Deliver and book nothing by it. Ask technical support about the operation.".to_owned(),
        ),
        EntryState::Held if entry.due.is_none() && attempts > 0 => (
            "Gate contradicts it, or did not decide in time: it is not requested again by itself."
                .to_owned(),
            format!(
                "Deliver and book nothing by it. Have Gate asked once more (ecp inbox \
                 release{flags} {id}). If Gate still contradicts it, somebody may have reused a \
                 signature: keep it held, go by Gate's status, and tell technical support."
            ),
        ),
        EntryState::Held => (
            "It is genuine and final, and is handled only when Gate reports the same status."
                .to_owned(),
            format!(
                "Deliver and book nothing by it. A worker with questions asks Gate by itself; without \
                 one, have Gate asked now (ecp inbox release{flags} {id})."
            ),
        ),
        EntryState::Repeated => (
            "An earlier callback reported the same, so this one is kept and not handled.".to_owned(),
            "Nothing.".to_owned(),
        ),
        _ => ("Its state is not known to this version.".to_owned(), "Update this program.".to_owned()),
    };
    Advice { meaning, action }
}

fn times(attempts: u32) -> String {
    if attempts == 1 { "one attempt".to_owned() } else { format!("{attempts} attempts") }
}

/// A problem of a status update as a sentence, and what to do.
pub(crate) fn report(report: &Report) -> String {
    let ask = "request the status from Gate before anything is delivered or booked";
    match report {
        Report::UnknownPaymentStatus(status) => {
            format!("The payment's status “{status}” is unknown and decides nothing: {ask}.")
        }
        Report::UnknownOperationStatus(status) => {
            format!("The operation's status “{status}” is unknown and decides nothing: {ask}.")
        }
        Report::Contradiction(operation) => format!(
            "Operation {operation} was reported both as a success and as a failure. The state keeps \
             the success: {ask}."
        ),
        Report::Differs { operation, member } => {
            let whose = match operation {
                Some(operation) => format!("of operation {operation}"),
                None => "of the payment".to_owned(),
            };
            format!(
                "Two callbacks gave different values to the {member} {whose}, which cannot change: {ask}."
            )
        }
        Report::RefundReversed(operation) => {
            format!("The refund with the operation number {operation} was reversed: {ask}.")
        }
        other => format!("A problem that this version does not know ({other:?}): {ask}."),
    }
}

/// The advice for a payout or refund in a journal. `is_at_work`: a payer has rows of the journal now.
pub(crate) const fn row(state: State, is_refund: bool, is_at_work: bool) -> RowAdvice {
    let (meaning, action) = match (state, is_refund) {
        (State::Intended | State::Unknown, _) if is_at_work => (
            "may have been sent: no answer that proves anything is recorded yet, and a payer is at work",
            "Wait, and load the page again. If it stays so when no payer is at work, run the same ecp \
             payouts command again; a service repeats Payer::pay with the same request. Pay or refund \
             it no other way before that.",
        ),
        (State::Registered, _) if is_at_work => (
            "the platform has it, and its result is not known yet",
            "Wait, and load the page again: a payer is at work.",
        ),
        (State::Intended, false) => (
            "may have been sent: its payer recorded no answer",
            "Run the same ecp payouts command again; a service repeats Payer::pay with the same \
             request. Either asks the platform first. Pay it no other way before that.",
        ),
        (State::Unknown, false) => (
            "may have arrived at the platform: its answer was lost or proves nothing",
            "Run the same ecp payouts command again; a service repeats Payer::pay with the same \
             request. Either asks the platform first, and sends again only with proof that the first \
             request does not exist. Never pay it under another id before that.",
        ),
        (State::Intended | State::Unknown, true) => (
            "a refund that may have been carried out",
            "Run the same ecp payouts command again; a service repeats Payer::pay with the same \
             request. Either looks for the refund's operation and never sends it twice. If it stays \
             unclear, ask technical support with the payment's id.",
        ),
        (State::Registered, _) => (
            "the platform has it, and its result is not known yet",
            "Wait; then run the same ecp payouts command again, which asks for the result; a service \
             repeats Payer::pay with the same request.",
        ),
        (State::Error, _) => (
            "ended in an error: nothing says whether money has moved, or how much",
            "Do not pay or refund it again, under any id. Ask technical support with the payment's id \
             and the request's id.",
        ),
        (State::NotSent, _) => (
            "was not sent: no money has moved",
            "Read why. Run the same ecp payouts command again, or correct the row in the file first; a \
             service repeats Payer::pay.",
        ),
        (State::Success, false) => ("paid", "Nothing."),
        (State::Success, true) => ("refunded", "Nothing."),
        (State::Decline, _) => (
            "declined by the platform: no money has moved, and none will under this id",
            "Nothing, or correct what was wrong and give the new row an id of its own.",
        ),
        _ => ("in a state that this version does not know", "Update this program."),
    };
    RowAdvice { meaning, action }
}

/// What is, and what to do about it, of a fixed set.
pub(crate) struct RowAdvice {
    pub(crate) meaning: &'static str,
    pub(crate) action: &'static str,
}

#[cfg(test)]
mod tests {
    use super::{State, row};

    #[test]
    fn a_row_is_left_alone_while_a_payer_is_at_work() {
        for state in [State::Intended, State::Unknown, State::Registered] {
            for is_refund in [false, true] {
                let at_work = row(state, is_refund, true);
                assert!(at_work.action.starts_with("Wait, and load the page again"), "{state}");
                let alone = row(state, is_refund, false);
                assert!(alone.action.contains("a service repeats Payer::pay"), "{state}");
                assert!(!alone.meaning.contains("the run ended"), "{state}");
            }
        }
        assert_eq!(row(State::Success, false, true).action, "Nothing.");
    }
}
