//! Events that a callback is about.

use ecp_methods::Operation;
use ecp_sandbox::Decision;

/// The event that a sample callback reports: a flow and how far its operation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) flow: Operation,
    pub(super) goal: Goal,
}

/// How far the operation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    End(Decision),
    /// The payment waits until the customer is redirected to the provider's page.
    Redirect,
}

impl Event {
    /// The names of all events.
    pub(super) const NAMES: [&'static str; 7] = [
        "sale-success",
        "sale-decline",
        "payout-success",
        "payout-decline",
        "refund-success",
        "refund-decline",
        "redirect",
    ];

    /// Reads an event by its name: `redirect`, or a flow with its result such as `refund-decline`.
    /// `None` for any other word.
    pub(super) fn named(word: &str) -> Option<Self> {
        if word == "redirect" {
            return Some(Self { flow: Operation::SALE, goal: Goal::Redirect });
        }
        let (flow, end) = word.split_once('-')?;
        Some(Self { flow: flow_of(flow)?, goal: Goal::End(end_of(end)?) })
    }

    /// Returns the event for an operation's type and status. For an unknown status the event is a
    /// success, and for an unknown type a sale: the caller puts the given words into that callback.
    pub(super) fn of(operation: &str, status: &str) -> Self {
        let flow = flow_of(operation).unwrap_or(Operation::SALE);
        Self { flow, goal: Goal::End(end_of(status).unwrap_or(Decision::Success)) }
    }
}

fn flow_of(word: &str) -> Option<Operation> {
    Operation::KNOWN.iter().copied().find(|flow| flow.name() == word)
}

fn end_of(word: &str) -> Option<Decision> {
    match word {
        "decline" => Some(Decision::Decline),
        "success" => Some(Decision::Success),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_flows_with_their_ends_and_the_redirect() {
        let end = |flow, decision| Some(Event { flow, goal: Goal::End(decision) });
        for (word, expected) in [
            ("sale-success", end(Operation::SALE, Decision::Success)),
            ("refund-decline", end(Operation::REFUND, Decision::Decline)),
            ("payout-success", end(Operation::PAYOUT, Decision::Success)),
            ("redirect", Some(Event { flow: Operation::SALE, goal: Goal::Redirect })),
            ("success", None),
            ("sale-processing", None),
            ("external-success", None),
        ] {
            assert_eq!(Event::named(word), expected, "{word}");
        }
    }
}
