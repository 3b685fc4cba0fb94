//! Errors of a comparison.

use std::error::Error;
use std::path::PathBuf;

use ecp_core::PaymentId;
use ecp_inbox::InboxError;
use ecp_payouts::JournalError;
use ecp_transport::{DataError, GateError, InvalidQuery};

/// Why the platform, the inbox and the journals could not be compared. None of them was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReconcileError {
    /// The interval cannot be used in a query.
    #[error(transparent)]
    Interval(InvalidQuery),
    /// The Data API did not return its operations.
    #[error(
        "cannot get the operations from the Data API: {0}; comparing sends no payment, and the next run \
         requests them again"
    )]
    Data(DataError),
    /// The Data API's operations do not match [`OperationNames`](crate::OperationNames).
    #[error(
        "cannot read the Data API's operations: `{path}` {problem}; their members are: {}; set the \
         right name (`OperationNames`, `--name`)",
        .there.join(", ")
    )]
    Member {
        /// The path of the member.
        path: String,
        /// The problem, without the value: it may be personal data.
        problem: &'static str,
        /// The existing paths of the operation.
        there: Vec<String>,
    },
    /// Gate did not return a payment's status. The next call requests it again.
    #[error(
        "cannot get the status of {payment} from Gate: {error}; comparing sends no payment, and the \
         next run requests the status again"
    )]
    Gate {
        /// The payment whose status was requested.
        payment: PaymentId,
        /// The error of the status request.
        error: GateError,
    },
    /// The inbox could not be read.
    #[error("cannot read the inbox: {0}")]
    Inbox(InboxError),
    /// A journal could not be read, or belongs to another project or address.
    #[error("cannot read the journal {}: {error}", .path.display())]
    Journal {
        /// Path of the journal.
        path: PathBuf,
        /// The error of the journal.
        error: JournalError,
    },
    /// The temporary file could not be written or read.
    #[error(
        "cannot write or read SQLite's temporary file, in the system's folder for temporary files: {0}"
    )]
    Storage(Box<dyn Error + Send + Sync>),
}
