//! What is delivered.

use crate::engine::events::{CallbackRefusal, EventKind, RawBody};

/// Kind of a delivered message, with its number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Message {
    /// The callback with this number among the payment's callbacks.
    Callback(u32),
    /// The page of operations with this delivery number.
    Operations(u64),
}

impl Message {
    /// Returns the event of a message that is refused and never sent.
    pub(crate) const fn refused(
        self,
        url: Option<String>,
        body: RawBody,
        reason: CallbackRefusal,
    ) -> EventKind {
        match self {
            Self::Callback(callback) => EventKind::CallbackRefused { callback, url, body, reason },
            Self::Operations(delivery) => {
                EventKind::OperationsRefused { delivery, url, body, reason }
            }
        }
    }
}
