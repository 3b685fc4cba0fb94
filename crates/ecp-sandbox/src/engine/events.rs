//! Events of a sandbox, in order.

mod confirmation;
mod log;
mod refusal;
mod story;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use ecp_core::model::{OperationStatus, PaymentStatus};
use ecp_core::{PaymentId, ProjectId, Timestamp};
use ecp_methods::spec::Interface;

pub use self::confirmation::Confirmation;
pub(crate) use self::log::EventLog;
pub use self::log::EventStream;
pub use self::refusal::CallbackRefusal;
use crate::payment::Decision;

/// An event in the sandbox, with its place in the order of all events.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// Counted from 1 without gaps; a gap means that the history was too short.
    pub sequence: u64,
    /// Time of the event, by the sandbox's clock.
    pub at: Timestamp,
    /// The project of the event, as far as known.
    pub project_id: Option<ProjectId>,
    /// The payment of the event, as far as known.
    pub payment_id: Option<PaymentId>,
    /// Kind of the event, with its data.
    pub kind: EventKind,
}

/// Kind of an event.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// A callback was sent, or could not be.
    CallbackAttempted {
        /// Number of the callback among the payment's, from 1.
        callback: u32,
        /// Number of the attempt, from 1.
        attempt: u32,
        /// The address.
        url: String,
        /// The body: the same bytes in every attempt.
        body: RawBody,
        /// The HTTP status of the merchant's answer, or why there is none. Only 200 counts as
        /// delivered.
        answer: Result<u16, String>,
        /// The beginning of the answer's body, up to 4 KiB. It decides nothing.
        reply: RawBody,
        /// Time until the next attempt: `None` after a delivery, and after the last attempt.
        retry_in: Option<Duration>,
    },
    /// A callback will never be sent.
    CallbackRefused {
        /// Number of the callback among the payment's, from 1.
        callback: u32,
        /// The address, if there is one.
        url: Option<String>,
        /// The body that was not sent.
        body: RawBody,
        /// Reason why it is not sent.
        reason: CallbackRefusal,
    },
    /// The merchant answered whether the amount is welcome, or did not.
    ConfirmationAnswered {
        /// The HTTP status, `None` if nothing came.
        status: Option<u16>,
        /// The body of an answer with a status of success.
        body: RawBody,
        /// The decision that the answer means.
        confirmation: Confirmation,
    },
    /// The merchant was asked whether an amount is welcome (`check_deposit`).
    ConfirmationAsked {
        /// The address of the question.
        url: String,
        /// The signed question.
        body: RawBody,
    },
    /// The merchant should have been asked, and could not be. The payment is declined.
    ConfirmationRefused {
        /// The address of the question, if there is one.
        url: Option<String>,
        /// The body that was not sent.
        body: RawBody,
        /// Reason why it was not sent.
        reason: CallbackRefusal,
    },
    /// The customer opened the provider's page.
    CustomerArrived,
    /// The customer pressed a button on the provider's page.
    CustomerDecided(Decision),
    /// The customer was sent back to the merchant.
    CustomerReturned {
        /// The address.
        url: String,
    },
    /// A fault was injected.
    FaultStruck {
        /// The number of the fault's rule.
        rule: u64,
        /// Name of the fault, such as `drop_answer`.
        fault: &'static str,
    },
    /// A page of operations was sent to the address of its query, successfully or not.
    OperationsAttempted {
        /// Which delivery of operations, counted from 1.
        delivery: u64,
        /// The attempt, counted from 1.
        attempt: u32,
        /// Where it went.
        url: String,
        /// The body.
        body: RawBody,
        /// The HTTP status, or why there is none.
        answer: Result<u16, String>,
        /// The body of the answer, the first 4 KiB of it.
        reply: RawBody,
        /// When it will be sent again, if it will.
        retry_in: Option<Duration>,
    },
    /// A page of operations will never be sent.
    OperationsRefused {
        /// Which delivery of operations, counted from 1.
        delivery: u64,
        /// Where it should have gone.
        url: Option<String>,
        /// The body that was not sent.
        body: RawBody,
        /// Why not.
        reason: CallbackRefusal,
    },
    /// The customer opened the Payment Page.
    PageOpened {
        /// Whether parameters and signature were in order.
        accepted: bool,
        /// Departure from the documents that was accepted.
        notice: Option<&'static str>,
        /// The parameters, as they came.
        parameters: RawBody,
    },
    /// The payment is in a new status.
    PaymentChanged(PaymentStatus),
    /// A payment that a fault had held up goes on.
    PaymentReleased,
    /// A payment or refund was requested through another interface than Gate.
    Placed {
        /// The interface of the request.
        interface: Interface,
        /// The equivalent request on Gate, without its signature.
        document: RawBody,
    },
    /// A refund of the payment is in a new status.
    RefundChanged {
        /// The refund's operation.
        operation_id: u64,
        /// The operation's status.
        status: OperationStatus,
    },
    /// A request came in.
    RequestReceived {
        /// The HTTP method.
        method: String,
        /// Path and query.
        path: String,
        /// The body, empty if it could not be read.
        body: RawBody,
    },
    /// A request was answered.
    ResponseSent {
        /// The HTTP status.
        status: u16,
        /// The body of the answer.
        body: RawBody,
    },
}

impl Event {
    /// Whether this is the delivery of a callback: the merchant answered 200.
    pub fn is_delivery(&self) -> bool {
        matches!(self.kind, EventKind::CallbackAttempted { answer: Ok(200), .. })
    }
}

/// A body as it was sent. Bodies name customers, so `Debug` prints the length only.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RawBody(Bytes);

impl RawBody {
    pub(crate) fn new(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// The bytes of the body.
    pub const fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// A copy that keeps nothing else alive.
    pub(crate) fn copied(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }

    /// The bytes as text; invalid UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl fmt::Debug for RawBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawBody({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_not_printed_by_debug() {
        let body = RawBody::new("sentinel");
        assert_eq!(
            (format!("{body:?}"), body.text()),
            ("RawBody(8 bytes)".into(), "sentinel".into())
        );
    }
}
