//! What is delivered.

use crate::engine::events::{CallbackRefusal, EventKind, RawBody};

/// Kind of a delivered message, with its number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Message {
    /// A callback, with its number: counted from 1 for each payment.
    Callback(u32),
    /// A page of operations that goes to the address in a Data API query, with the number of this
    /// delivery: counted from 1 for the whole sandbox.
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
