//! Policy for holding callbacks until Gate confirms them.

use ecp_core::model::{Callback, OperationStatus, PaymentStatus};

/// Which callbacks an inbox holds until Gate (the platform's API) confirms them by its answer to a
/// status request. Until then, no handler receives a held callback, and no payment's state takes it
/// in. A status is final if it ends the payment or any operation, such as a refund.
///
/// `SqliteOptions::hold` and `PostgresOptions::hold` set it for the callbacks that this process
/// stores; it is not kept in the database, so set the same in every process that stores callbacks.
/// Callbacks that are stored already stay as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hold {
    /// Holds callbacks with a final status if their signature is ambiguous: it also fits a callback
    /// with other values. This is the default.
    #[default]
    Ambiguous,
    /// Holds every callback with a final status, even if its signature is not ambiguous. Declines
    /// and errors are final too: for a payout they move money, because they release its sum. A
    /// worker with [`Questions`](crate::Questions) asks Gate about held callbacks; without one, no
    /// handler receives the end of any payment until [`Inbox::release`](crate::Inbox::release) is
    /// called.
    Finals,
}

impl Hold {
    /// Whether to hold a callback.
    pub(crate) fn holds(self, callback: &Callback, is_ambiguous: bool) -> bool {
        (is_ambiguous || self == Self::Finals) && is_final(callback)
    }
}

/// Whether a callback reports an end, of its payment or of any operation. An operation without an
/// id moves no [`PaymentState`](crate::PaymentState), but is an end as well.
fn is_final(callback: &Callback) -> bool {
    let mut operations = callback.operation.iter().chain(&callback.operations);
    callback.payment_status().is_some_and(PaymentStatus::is_final)
        || operations
            .any(|operation| operation.status.as_ref().is_some_and(OperationStatus::is_final))
}
