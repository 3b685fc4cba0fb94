//! Policy for holding callbacks until Gate confirms them.

use ecp_core::model::{Callback, OperationStatus, PaymentStatus};

/// Policy for holding callbacks until Gate confirms them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hold {
    /// Holds final callbacks whose signature proves more than one reading.
    #[default]
    Ambiguous,
    /// Holds every final callback, even with a single reading. Declines and errors are final too:
    /// they move money where they release the sum of a payout.
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
