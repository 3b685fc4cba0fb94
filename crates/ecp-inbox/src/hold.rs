//! Which callbacks wait for Gate's confirmation.

use ecp_core::model::{Callback, OperationStatus, PaymentStatus};

/// Which callbacks are held until Gate confirms them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hold {
    /// Final ones whose signature proves more than one reading.
    #[default]
    Ambiguous,
    /// Every final one, also where its signature proves one reading. Declines and errors are final
    /// too: they move money where they free the sum of a payout.
    Finals,
}

impl Hold {
    /// Whether a callback is to be held.
    pub(crate) fn holds(self, callback: &Callback, is_ambiguous: bool) -> bool {
        (is_ambiguous || self == Self::Finals) && is_final(callback)
    }
}

/// Whether a handler may act on a callback as an end, of its payment or of any operation. An
/// operation without an id moves no [`PaymentState`](crate::PaymentState), and is an end all the
/// same.
fn is_final(callback: &Callback) -> bool {
    let mut operations = callback.operation.iter().chain(&callback.operations);
    callback.payment_status().is_some_and(PaymentStatus::is_final)
        || operations
            .any(|operation| operation.status.as_ref().is_some_and(OperationStatus::is_final))
}
