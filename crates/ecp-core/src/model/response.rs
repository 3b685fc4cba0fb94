//! Gate's answers to requests.

use super::callback::General;
use super::{Account, Code, Customer, Errors, Operation, Payment, PaymentStatus, model, open_enum};
use crate::{PaymentId, ProjectId, RequestId, Sensitive};

model! {
    /// The synchronous answer to a sale, payout or refund (sources: Gate answers). It describes the
    /// request, never the payment.
    pub struct SyncResponse / SyncResponseRef {
        /// Whether the request was registered.
        status: SyncStatus = decides "status",
        /// The request's id, if it was registered.
        request_id: Option<RequestId> = describes "request_id",
        /// The project.
        project_id: Option<ProjectId> = decides "project_id",
        /// The payment.
        payment_id: Option<PaymentId> = decides "payment_id",
        /// Code of the refusal.
        code: Option<Code> = describes "code",
        /// Message of the refusal.
        message: Option<String> = describes "message",
        /// Details of the refusal.
        errors: Errors = describes "errors",
        /// The signature, not verified here.
        signature: Option<Sensitive<String>> = describes "signature",
    }
}

open_enum! {
    /// Whether a request was registered.
    pub enum SyncStatus {
        /// Refused.
        Error = "error",
        /// Registered. The payment has only begun.
        Success = "success",
    }
}

model! {
    /// The answer to a status request (sources: status). A message with an `operation` or a
    /// `transaction` is a callback, and refused.
    pub struct StatusResponse / StatusResponseRef where agree {
        /// The project.
        root_project_id: Option<ProjectId> = decides "project_id",
        /// Ids, in the answers that group them there.
        general: Option<General> = decides "general",
        /// The payment. Its status is `error` when the platform knows no such payment.
        payment: Option<Payment> = decides "payment",
        /// The customer's account.
        account: Option<Account> = describes "account",
        /// The customer.
        customer: Option<Customer> = describes "customer",
        /// All operations of the payment.
        operations: Vec<Operation> = decides "operations",
        /// Errors.
        errors: Errors = describes "errors",
        /// The signature, not verified here.
        signature: Option<Sensitive<String>> = describes "signature",
    }
}

impl StatusResponse {
    /// Whether the platform says that the payment does not exist: status `error` and code 3061, and
    /// no member that only a payment has (a type, a sum or an operation). An answer with one of
    /// these contradicts itself and proves neither that the payment exists nor that it does not.
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
