//! Policy for holding callbacks until Gate confirms them.

use ecp_core::model::{Callback, OperationStatus, PaymentStatus};

/// Which callbacks an inbox holds until Gate confirms them. No handler receives a held callback.
/// `SqliteOptions::hold` and `PostgresOptions::hold` set it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hold {
    /// Holds callbacks with a final status if their signature is ambiguous: it also fits a callback
    /// with other values.
    #[default]
    Ambiguous,
    /// Holds every callback with a final status, even if its signature is not ambiguous. Declines
    /// and errors are final too: for a payout they move money, because they release its sum.
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
