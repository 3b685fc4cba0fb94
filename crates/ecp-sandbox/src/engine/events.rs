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

/// An event in the sandbox, such as a request, an attempt to send a callback, or a new status of a
/// payment. [`Sandbox::events`](crate::Sandbox::events) returns those of the sandbox, and
/// [`Sandbox::timeline`](crate::Sandbox::timeline) those of one payment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// Number of the event among all events of the sandbox, counted from 1. If an [`EventStream`]
    /// leaves out numbers, the sandbox had removed these events from memory before they were read.
    pub sequence: u64,
    /// Time of the event by the sandbox's clock, in whole seconds; `millis` has the rest.
    pub at: Timestamp,
    /// Milliseconds since the beginning of the second in `at`: 0 to 999.
    pub millis: u16,
    /// The project that the event is about; `None` if the request names no project, or several.
    pub project_id: Option<ProjectId>,
    /// The payment that the event is about; `None` if there is none, as in a request whose body is
    /// not JSON, or in a query about several payments.
    pub payment_id: Option<PaymentId>,
    /// What happened, such as a received request or an attempt to send a callback, with the
    /// details.
    pub kind: EventKind,
}

/// What happened in an [`Event`], such as a received request or an attempt to send a callback, with
/// the details.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// The sandbox tried to send a callback, successfully or not.
    CallbackAttempted {
        /// Number of the callback, counted from 1 for each payment.
        callback: u32,
        /// Number of the attempt to send this callback, from 1.
        attempt: u32,
        /// The URL to which the callback was sent.
        url: String,
        /// The body of the callback: the same bytes in every attempt.
        body: RawBody,
        /// The HTTP status of the merchant's answer, or the reason why there is no answer. Only 200
        /// counts as delivered.
        answer: Result<u16, String>,
        /// The beginning of the body of the merchant's answer, up to 4 KiB. It does not matter for
        /// the delivery.
        reply: RawBody,
        /// Time until the next attempt; `None` after a delivery, and after the last attempt.
        retry_in: Option<Duration>,
    },
    /// The sandbox refused to send a callback and will never send it; `reason` says why.
    CallbackRefused {
        /// Number of the callback, counted from 1 for each payment.
        callback: u32,
        /// The URL to which the callback should go; `None` if neither the payment's request nor the
        /// project names one.
        url: Option<String>,
        /// The body of the callback that was not sent.
        body: RawBody,
        /// Reason why the callback is not sent, such as a host that is not allowed.
        reason: CallbackRefusal,
    },
    /// A confirmation request to the merchant (`check_deposit`) has ended, with or without an
    /// answer.
    ConfirmationAnswered {
        /// The HTTP status of the merchant's answer; `None` if no complete answer came.
        status: Option<u16>,
        /// The body of the merchant's answer; empty if the HTTP status was not 2xx.
        body: RawBody,
        /// Result of the confirmation request: the merchant accepted or refused the amount, or gave
        /// no usable answer.
        confirmation: Confirmation,
    },
    /// The sandbox sent the merchant a confirmation request (`check_deposit`), which asks whether
    /// the merchant accepts the amount of a sale.
    ConfirmationAsked {
        /// The URL of the confirmation request.
        url: String,
        /// The signed body of the confirmation request.
        body: RawBody,
    },
    /// The sandbox refused to send a confirmation request (`check_deposit`); `reason` says why. The
    /// payment is declined with code 30302.
    ConfirmationRefused {
        /// The URL to which the confirmation request should go; `None` if neither the payment's
        /// request nor the project names one.
        url: Option<String>,
        /// The body of the confirmation request that was not sent.
        body: RawBody,
        /// Reason why the confirmation request was not sent, such as a host that is not allowed.
        reason: CallbackRefusal,
    },
    /// The customer opened the page of the payment method's provider, on which customers decide
    /// whether to pay.
    CustomerArrived,
    /// The customer decided whether to pay: by a button on the page of the payment method's
    /// provider, or by [`Sandbox::choose`](crate::Sandbox::choose) in a test.
    CustomerDecided(Decision),
    /// The customer was sent back from the sandbox's page to the merchant.
    CustomerReturned {
        /// The merchant's URL to which the customer was sent.
        url: String,
    },
    /// The sandbox injected a fault, such as a lost callback, because a fault rule asks for it.
    FaultStruck {
        /// Number of the fault rule that injected the fault, as in
        /// [`Sandbox::faults`](crate::Sandbox::faults).
        rule: u64,
        /// Name of the fault, such as `drop_answer`.
        fault: &'static str,
    },
    /// The sandbox tried to send a page of operations to the address in a Data API query,
    /// successfully or not. The page is a copy of the answer to the query.
    OperationsAttempted {
        /// Number of this delivery, counted from 1 over all operations that the sandbox sends to
        /// addresses.
        delivery: u64,
        /// Number of the attempt of this delivery, from 1.
        attempt: u32,
        /// The URL to which the page of operations was sent.
        url: String,
        /// The body of the page of operations: the same bytes in every attempt.
        body: RawBody,
        /// The HTTP status of the receiver's answer, or the reason why there is no answer. Only 200
        /// counts as delivered.
        answer: Result<u16, String>,
        /// The beginning of the body of the receiver's answer, up to 4 KiB.
        reply: RawBody,
        /// Time until the next attempt; `None` after a delivery, and after the last attempt.
        retry_in: Option<Duration>,
    },
    /// The sandbox refused to send a page of operations to the address in a Data API query and will
    /// never send it; `reason` says why.
    OperationsRefused {
        /// Number of this delivery, counted from 1 over all operations that the sandbox sends to
        /// addresses.
        delivery: u64,
        /// The URL in the Data API query; `None` if there is none.
        url: Option<String>,
        /// The body of the page of operations that was not sent.
        body: RawBody,
        /// Reason why the page of operations is not sent, such as a host that is not allowed.
        reason: CallbackRefusal,
    },
    /// The customer opened the Payment Page.
    PageOpened {
        /// Whether the Payment Page accepted the parameters and their signature. If not, the
        /// customer sees what is wrong and cannot pay.
        accepted: bool,
        /// Departure from the documents that the Payment Page accepted, in words, such as a missing
        /// `customer_id`; `None` if there was none.
        notice: Option<&'static str>,
        /// The parameters with which the Payment Page was opened, as a JSON object.
        parameters: RawBody,
    },
    /// The status of the payment changed to this one, such as `success`.
    PaymentChanged(PaymentStatus),
    /// The status of a capture or a release changed. These operations take, or give back, money
    /// that a payment has put on hold.
    OperationChanged {
        /// Id of the capture or release, as in `operation.id` of its callbacks.
        operation_id: u64,
        /// The type of the operation, as in `operation.type` of its callbacks, such as `capture`.
        kind: &'static str,
        /// The new status of the operation.
        status: OperationStatus,
    },
    /// [`Sandbox::release`](crate::Sandbox::release), the Dashboard or the API under `/sandbox` let
    /// a payment continue that a [`Fault::StalePayment`](crate::Fault::StalePayment) kept from
    /// ending.
    PaymentReleased,
    /// A payment or refund was requested through another interface than Gate, such as the
    /// Dashboard.
    Placed {
        /// The interface through which the payment or refund was requested.
        interface: Interface,
        /// The equivalent request on Gate (the platform's server API) as JSON, without its
        /// signature.
        document: RawBody,
    },
    /// A refund of the payment changed its status.
    RefundChanged {
        /// Id of the refund, as in `operation.id` of its callbacks.
        operation_id: u64,
        /// The new status of the refund, such as `success`.
        status: OperationStatus,
    },
    /// The sandbox received an HTTP request.
    RequestReceived {
        /// The HTTP method of the request, such as `POST`.
        method: String,
        /// Path and query of the request's URL.
        path: String,
        /// The body of the request; empty if it could not be read.
        body: RawBody,
    },
    /// The sandbox answered an HTTP request.
    ResponseSent {
        /// The HTTP status of the answer.
        status: u16,
        /// The body of the answer.
        body: RawBody,
    },
}

impl Event {
    /// Whether the event is a successful delivery of a callback: an attempt that the merchant
    /// answered with HTTP status 200.
    pub fn is_delivery(&self) -> bool {
        matches!(self.kind, EventKind::CallbackAttempted { answer: Ok(200), .. })
    }
}

/// Body of a request, an answer or a callback in an [`Event`], with its exact bytes. Bodies contain
/// personal data of customers, so `Debug` prints only the length.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RawBody(Bytes);

impl RawBody {
    pub(crate) fn new(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// Returns the bytes of the body.
    pub const fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// Returns a body with its own copy of these bytes, so that no larger buffer stays in memory.
    pub(crate) fn copied(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }

    /// Returns the body as text; invalid UTF-8 is replaced by the character U+FFFD.
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
