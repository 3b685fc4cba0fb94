//! One payment on all sides.

use ecp_core::OperationId;
use ecp_core::model::{
    End, OperationStatus, OperationType, PaymentStatus, PaymentType, StatusResponse,
};
use ecp_inbox::{EntryId, EntryState, PaymentState};
use ecp_payouts::State;

use crate::difference::Sum;

/// One payment on all sides.
#[derive(Debug, Default)]
pub(crate) struct Sides {
    /// The platform's operations; empty if it does not know the payment.
    pub(crate) platform: Vec<Operation>,
    /// Contradicting rows of the platform's list about these operations.
    pub(crate) contradictions: Vec<Operation>,
    /// The payouts in the journals, one for each. `None` if no journal is compared.
    pub(crate) journals: Option<Vec<Payout>>,
    pub(crate) inbox: Option<InboxState>,
}

/// An operation as the platform reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    /// A status answer may omit it.
    pub(crate) id: Option<OperationId>,
    pub(crate) kind: OperationType,
    pub(crate) status: OperationStatus,
    pub(crate) sum: Option<Sum>,
}

/// A payout in a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Payout {
    pub(crate) state: State,
    /// The payment's last status, if one was read.
    pub(crate) status: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) sum: Option<Sum>,
}

/// Inbox state of a payment.
#[derive(Debug, Default)]
pub(crate) struct InboxState {
    /// `None` if the inbox has no callback about it.
    pub(crate) state: Option<PaymentState>,
    /// Callbacks that are held or dead.
    pub(crate) stuck: Vec<(EntryId, EntryState)>,
}

impl Operation {
    pub(crate) const fn end(&self) -> End {
        self.status.end()
    }

    /// Merges two rows of one operation: the row to use, and the other one if they contradict each
    /// other. A success takes precedence, so that it is not paid again in any case.
    pub(crate) fn together(self, later: &Self) -> (Self, Option<Self>) {
        let has_both = self.sum.is_some() && later.sum.is_some();
        let same = self.kind == later.kind && (self.sum == later.sum || !has_both);
        let sum = self.sum.clone().or_else(|| later.sum.clone());
        if same && (self.status == later.status || later.end() == End::Open) {
            return (Self { sum, ..self }, None);
        }
        if same && self.end() == End::Open {
            return (Self { sum, ..later.clone() }, None);
        }
        if self.end() != End::Success && later.end() == End::Success {
            return (later.clone(), Some(self));
        }
        (self, Some(later.clone()))
    }

    /// Whether its type is unknown: it may be a payout.
    pub(crate) const fn has_unknown_type(&self) -> bool {
        matches!(self.kind, OperationType::Other(_))
    }

    /// The operations of Gate's answer. If it lists none, the payment counts as its only operation.
    pub(crate) fn of_status(answer: &StatusResponse) -> Vec<Self> {
        if answer.is_unknown_payment() {
            return Vec::new();
        }
        let unknown = || OperationStatus::from("");
        let listed: Vec<Self> = answer
            .operations
            .iter()
            .map(|operation| Self {
                id: operation.id,
                kind: operation.kind.clone().unwrap_or_else(|| OperationType::from("")),
                status: operation.status.clone().unwrap_or_else(unknown),
                sum: operation.sum_initial.as_ref().map(Sum::from),
            })
            .collect();
        let payment = answer.payment.as_ref().filter(|_| listed.is_empty());
        let alone = payment.map(|payment| Self {
            id: None,
            kind: match payment.kind {
                Some(PaymentType::Payout) => OperationType::Payout,
                _ => OperationType::Sale,
            },
            status: payment.status.as_ref().map_or_else(unknown, of_payment),
            sum: payment.sum.as_ref().map(Sum::from),
        });
        listed.into_iter().chain(alone).collect()
    }
}

/// Status of a payment's first operation, derived from the payment's status.
pub(crate) fn of_payment(status: &PaymentStatus) -> OperationStatus {
    match status.end() {
        // It was paid before it was returned.
        End::Returned => OperationStatus::Success,
        // Operations have no status of their own for `canceled`.
        End::Decline if *status == PaymentStatus::Canceled => OperationStatus::Decline,
        _ => OperationStatus::from(status.as_str()),
    }
}

impl Payout {
    /// Whether the platform should know the payout.
    pub(crate) const fn was_sent(&self) -> bool {
        match self.state {
            State::NotSent => false,
            // Refused before it was registered, or declined afterwards.
            State::Decline => self.status.is_some(),
            _ => true,
        }
    }
}
