//! Errors of a comparison.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use ecp_core::PaymentId;
use ecp_inbox::InboxError;
use ecp_payouts::JournalError;
use ecp_transport::{DataError, GateError, InvalidQuery};

use crate::names::NOT_AN_AMOUNT;

/// Why the platform, the inbox and the journals could not be compared. None of them was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReconcileError {
    /// The interval of the comparison cannot be used in a query of the Data API, because it ends
    /// before it begins.
    #[error(transparent)]
    Interval(InvalidQuery),
    /// The operations could not be read from the Data API. Run the comparison again when the cause
    /// is removed; it sends no payments.
    #[error(
        "cannot get the operations from the Data API: {0}; when the cause is removed, run the \
         comparison again, which sends no payments"
    )]
    Data(DataError),
    /// Nearly all operations in the Data API's answer lack a member (a JSON field) whose path is
    /// set in [`OperationNames`](crate::OperationNames), or its values cannot be used. Set the
    /// right path or unit there, and run the comparison again.
    #[error(
        "cannot read the Data API's operations: `{path}` {problem}; their members are: {}; {}",
        .there.join(", "),
        advice(.problem)
    )]
    Member {
        /// The dotted path of the member that was looked for.
        path: String,
        /// The problem with the member, without its value: the value may be personal data.
        problem: &'static str,
        /// The dotted paths of all members that one of the operations has, such as
        /// `sum_initial.amount`.
        there: Vec<String>,
    },
    /// Gate did not return the status of a payment. The next call of
    /// [`Reconciliation::next`](crate::Reconciliation::next) requests the status again.
    #[error(
        "cannot get the status of payment {payment} from Gate: {}; run the comparison \
         again, which sends no payments",
        cause(.error)
    )]
    Gate {
        /// The payment whose status was requested.
        payment: PaymentId,
        /// The error of the status request.
        error: GateError,
    },
    /// The inbox of callbacks could not be read; the error in it says why.
    #[error("cannot read the inbox: {0}")]
    Inbox(InboxError),
    /// The journal of payouts at a path could not be read, or belongs to another project or another
    /// address of Gate than those of the comparison.
    #[error("cannot read the journal {}: {error}", .path.display())]
    Journal {
        /// Path of the journal.
        path: PathBuf,
        /// The error of reading the journal.
        error: JournalError,
    },
    /// A journal in Postgres could not be read, or its database has no job (the rows of one payout
    /// file or service) of the comparison's project at its address of Gate.
    #[error("cannot read the journal in Postgres: {0}")]
    SharedJournal(JournalError),
    /// The temporary SQLite file, in which the comparison keeps what it has read, could not be
    /// written or read. Check the space and the rights of its folder, `SQLITE_TMPDIR` or `TMPDIR`.
    #[error(
        "cannot write or read SQLite's temporary file: {0}; check the space and rights of its folder, which is the first writable one of `SQLITE_TMPDIR`, `TMPDIR`, /var/tmp, /usr/tmp and /tmp, or set `SQLITE_TMPDIR` to another folder, and run the comparison again"
    )]
    Storage(Box<dyn Error + Send + Sync>),
}

/// What to do about a member whose problem this is.
fn advice(problem: &str) -> &'static str {
    if problem == NOT_AN_AMOUNT {
        "set the unit in which the Data API counts (`AmountUnit`, `--major-units`) or, if this is \
         another member, its right name (`OperationNames`, `--name`)"
    } else {
        "set the right name (`OperationNames`, `--name`)"
    }
}

/// The cause of a failed status request, without the advice not to send a request of unknown outcome
/// again: a status request changes nothing.
fn cause(error: &GateError) -> &dyn fmt::Display {
    match error {
        GateError::Unknown(reason) => reason,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use ecp_transport::UnknownReason;

    use super::*;

    #[test]
    fn a_status_request_of_unknown_outcome_may_be_repeated() {
        let error = ReconcileError::Gate {
            payment: "P-1".parse().unwrap(),
            error: GateError::Unknown(UnknownReason::HttpStatus(502)),
        };
        assert_eq!(
            error.to_string(),
            "cannot get the status of payment P-1 from Gate: the answer has the unexpected HTTP \
             status 502; run the comparison again, which sends no payments"
        );
    }
}
