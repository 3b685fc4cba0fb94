//! Gate's answers to requests.

use super::callback::General;
use super::{Account, Code, Customer, Errors, Operation, Payment, PaymentStatus, model, open_enum};
use crate::{PaymentId, ProjectId, RequestId, Sensitive};

model! {
    /// Gate's immediate answer to a sale, payout or refund (sources: Gate answers). It says whether
    /// the request was registered, never how the payment ended. An `error` leaves even that open,
    /// unless its code proves that nothing was registered; `GateError` of `ecp-transport` decides
    /// it.
    pub struct SyncResponse / SyncResponseRef {
        /// Whether the request was registered, as far as the status says.
        status: SyncStatus = decides "status",
        /// The platform's id of the request. An answer with the status `error` can have one too, so
        /// it does not prove that the request was registered.
        request_id: Option<RequestId> = describes "request_id",
        /// The project's id.
        project_id: Option<ProjectId> = decides "project_id",
        /// The merchant's id of the payment.
        payment_id: Option<PaymentId> = decides "payment_id",
        /// Result code of an answer with the status `error`; otherwise usually `None`.
        code: Option<Code> = describes "code",
        /// The platform's message for the result code.
        message: Option<String> = describes "message",
        /// Errors that say more than the code, such as the fields that are wrong.
        errors: Errors = describes "errors",
        /// The signature, as it was sent. Gate does not sign an answer that only registers or
        /// refuses a request, so this is usually `None`. `Gate` of `ecp-transport` verifies a
        /// signature that is there; reading the message does not.
        signature: Option<Sensitive<String>> = describes "signature",
    }
}

open_enum! {
    /// Status of Gate's immediate answer to a request: whether the request was registered, not how
    /// the payment ended.
    pub enum SyncStatus {
        /// The platform answered with an error code. Not every code proves that nothing was
        /// registered: code 3041 says that the payment id exists already. `GateError` of
        /// `ecp-transport` says which do.
        Error = "error",
        /// The request was registered. The payment has only begun.
        Success = "success",
    }
}

model! {
    /// The answer to a status request (sources: status). A message with an `operation` or a
    /// `transaction` is a callback: reading it as this type is an error.
    ///
    /// Reading an answer does not check its signature;
    /// [`VerifiedStatus::verify`](super::VerifiedStatus::verify) does.
    pub struct StatusResponse / StatusResponseRef where agree {
        /// The project's id, in the answers that have it at the top level, otherwise `None`.
        /// [`project_id`](StatusResponse::project_id) finds it in both places.
        root_project_id: Option<ProjectId> = decides "project_id",
        /// The object `general` with the ids of the project and the payment; `None` in the answers
        /// that have these ids elsewhere.
        general: Option<General> = decides "general",
        /// The payment. Its status is `error` both if the platform does not know the payment and if
        /// the payment ended in an error:
        /// [`is_unknown_payment`](StatusResponse::is_unknown_payment) tells them apart.
        payment: Option<Payment> = decides "payment",
        /// The customer's wallet or card.
        account: Option<Account> = describes "account",
        /// The customer's id and personal data.
        customer: Option<Customer> = describes "customer",
        /// All operations of the payment, such as its sale and its refunds.
        operations: Vec<Operation> = decides "operations",
        /// Errors that the platform reports; empty if there are none.
        errors: Errors = describes "errors",
        /// The signature, as it was sent. Reading the message does not verify it;
        /// [`VerifiedStatus::verify`](super::VerifiedStatus::verify) does.
        signature: Option<Sensitive<String>> = describes "signature",
    }
}

impl StatusResponse {
    /// Whether the platform says that the payment does not exist: status `error` and code 3061, and
    /// no member that only an existing payment has (a type, a sum or an operation). An answer with
    /// this code and such a member contradicts itself: the result is `false`, which does not prove
    /// that the payment exists.
    pub fn is_unknown_payment(&self) -> bool {
        const TRANSACTION_NOT_FOUND: u32 = 3061;
        let is_bare = self.operations.is_empty()
            && self
                .payment
                .as_ref()
                .is_none_or(|payment| payment.kind.is_none() && payment.sum.is_none());
        is_bare
            && self.payment_status() == Some(&PaymentStatus::Error)
            && self.errors.iter().any(|error| {
                error.code.as_ref().and_then(Code::number) == Some(TRANSACTION_NOT_FOUND)
            })
    }
}
