//! Differences and counts as lines of JSON: what `ecp reconcile --json` prints, and what the pages of
//! `ecp-console` read.

use ecp_core::OperationId;
use ecp_core::model::OperationType;
use serde::Serialize;
use serde_json::json;

use crate::difference::{Difference, SideState};
use crate::odd::Odd;
use crate::reconcile::Reconciliation;

/// A difference as JSON. Unknown values are `null`.
#[derive(Serialize)]
struct Line<'d> {
    difference: &'static str,
    payment: &'d str,
    operation: Option<u64>,
    operation_type: Option<&'d str>,
    platform: Option<Side<'d>>,
    journal: Option<Side<'d>>,
    inbox: Option<Side<'d>>,
    request_id: Option<&'d str>,
    /// Ids of the callbacks in the inbox.
    callbacks: Vec<i64>,
    /// Members (JSON fields of callbacks), such as the currency, to which callbacks gave two
    /// values.
    members: Vec<String>,
    meaning: &'static str,
    action: String,
}

/// State on one side, its amount in minor units.
#[derive(Serialize)]
struct Side<'d> {
    status: &'d str,
    amount: Option<i64>,
    currency: Option<&'d str>,
}

impl<'d> Side<'d> {
    fn of(state: &'d SideState) -> Self {
        let sum = state.sum.as_ref();
        Self {
            status: &state.status,
            amount: sum.map(|sum| sum.amount),
            currency: sum.map(|sum| sum.currency.as_str()),
        }
    }
}

impl Difference {
    /// The difference as one line of JSON, as `ecp reconcile --json` prints it: amounts in minor
    /// units, unknown values as `null`. For a report that the pages of `ecp-console` can show,
    /// write these lines to a file, and [`Reconciliation::to_json`] as its last line.
    pub fn to_json(&self) -> String {
        let line = Line {
            difference: self.kind.as_str(),
            payment: self.payment.as_str(),
            operation: self.operation.map(OperationId::get),
            operation_type: self.operation_type.as_ref().map(OperationType::as_str),
            platform: self.platform.as_ref().map(Side::of),
            journal: self.journal.as_ref().map(Side::of),
            inbox: self.inbox.as_ref().map(Side::of),
            request_id: self.request_id.as_deref(),
            callbacks: self.callbacks.iter().map(|id| id.get()).collect(),
            members: self.members.iter().map(ToString::to_string).collect(),
            meaning: self.kind.meaning(),
            action: self.action(),
        };
        // Texts and numbers alone: they can always be written.
        serde_json::to_string(&line).unwrap_or_default()
    }
}

impl Reconciliation {
    /// The counts of the comparison so far as one line of JSON. Write it to a report after the
    /// lines of all differences ([`Difference::to_json`]): a report without it counts as one of a
    /// comparison that was not finished.
    pub fn to_json(&self) -> String {
        let counts = self.counts();
        let named = |odd: &Odd| json!({"record": odd.record, "problem": odd.problem});
        let summary = json!({"summary": {
            "agrees": counts.agrees(),
            "differences": counts.differences,
            "payments": counts.payments,
            "pending": counts.pending,
            "operations": counts.operations,
            "without_sum": counts.without_sum,
            "payouts": counts.payouts,
            "callbacks": counts.callbacks,
            "questions": counts.questions,
            "odd": counts.odd,
            "odd_payouts": counts.odd_payouts,
            "odd_records": self.odd().iter().map(named).collect::<Vec<_>>(),
        }});
        summary.to_string()
    }
}
