//! Callbacks: the platform's messages to the merchant.

use super::redirect::redirect_in;
use super::{
    Account, Customer, Errors, FromJson, Operation, OperationStatus, Payment, PaymentStatus,
    RedirectData, Sum, model,
};
use crate::json::RawJson;
use crate::{OperationId, PaymentId, PaymentIdRef, ProjectId, RequestId, Sensitive, Timestamp};

model! {
    /// A callback in any of the platform's formats (sources: callback formats).
    ///
    /// The format with `payment` and `operation` is the one that wallets and vouchers use. Parts
    /// that only cards know (`acs`, `threeds2`, `recurring`, `card`, ..) are kept in `extra`.
    ///
    /// ```
    /// use ecp_core::model::{Callback, CallbackFormat, FromJson, PaymentStatus};
    ///
    /// let json = br#"{"project_id":1236,"payment":{"id":"X1","status":"decline"},"operation":{"id":1}}"#;
    /// let callback = Callback::from_slice(json)?;
    /// assert_eq!(callback.format(), CallbackFormat::Operation);
    /// assert_eq!(callback.payment_status(), Some(&PaymentStatus::Decline));
    /// # Ok::<(), ecp_core::model::ModelError>(())
    /// ```
    pub struct Callback / CallbackRef where agree {
        /// The project, in the formats that name it at the top level.
        root_project_id: Option<ProjectId> = decides "project_id",
        /// `general`, in the other formats.
        general: Option<General> = decides "general",
        /// The payment.
        payment: Option<Payment> = decides "payment",
        /// The operation that the callback is about.
        operation: Option<Operation> = decides "operation",
        /// All operations, in the transaction format.
        operations: Vec<Operation> = decides "operations",
        /// The operation, in the transaction format.
        transaction: Option<Transaction> = decides "transaction",
        /// The customer's account.
        account: Option<Account> = describes "account",
        /// The customer.
        customer: Option<Customer> = describes "customer",
        /// Errors, where they say more than the operation's code.
        errors: Errors = describes "errors",
        /// The customer's redirect.
        redirect_data: Option<RedirectData> = describes "redirect_data" | "redirectData",
        /// The request, in the token format.
        request: Option<RequestInfo> = describes "request",
        /// The request's id, in the transaction format.
        request_id: Option<RequestId> = describes "request_id",
        /// The requested sum, in the transaction format.
        sum_request: Option<Sum> = describes "sum_request",
        /// The real sum, in the transaction format.
        sum_real: Option<Sum> = describes "sum_real",
        /// The refunded sum, in the transaction format.
        sum_refund: Option<Sum> = describes "sum_refund",
        /// The signature, not verified here.
        signature: Option<Sensitive<String>> = describes "signature",
    }
}

/// Which of the platform's formats a callback has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallbackFormat {
    /// `payment` and `operation`: the main format.
    Operation,
    /// Only a redirect for the customer.
    Redirect,
    /// About a subscription.
    Subscription,
    /// About a token.
    Token,
    /// `transaction`: an older format, like a status response.
    Transaction,
    /// A format that is none of the documented ones.
    Unknown,
}

impl Callback {
    /// The format, recognized by the members that distinguish it.
    pub fn format(&self) -> CallbackFormat {
        let says_something = |name| {
            let nothing = |json: &RawJson| matches!(json.as_str(), "[]" | "{}" | "null");
            self.extra.get(name).is_some_and(|json| !nothing(json))
        };
        if self.operation.is_some() {
            CallbackFormat::Operation
        } else if self.transaction.is_some() {
            CallbackFormat::Transaction
        } else if says_something("token") {
            CallbackFormat::Token
        } else if self.redirect().is_some() {
            CallbackFormat::Redirect
        } else if says_something("recurring") {
            CallbackFormat::Subscription
        } else {
            CallbackFormat::Unknown
        }
    }

    /// Status of the operation.
    pub fn operation_status(&self) -> Option<&OperationStatus> {
        self.operation.as_ref()?.status.as_ref()
    }

    /// The customer's redirect, under any of its three names.
    pub fn redirect(&self) -> Option<RedirectData> {
        self.redirect_data.clone().or_else(|| redirect_in(&self.extra, "return_url"))
    }
}

impl CallbackRef<'_> {
    /// The project, from whichever member names it.
    pub fn project_id(&self) -> Option<ProjectId> {
        self.root_project_id.or_else(|| self.general.as_ref()?.project_id)
    }

    /// The merchant's id of the payment, from whichever member names it.
    pub fn payment_id(&self) -> Option<PaymentIdRef<'_>> {
        let in_payment = || self.payment.as_ref()?.id;
        in_payment().or_else(|| self.general.as_ref()?.payment_id)
    }

    /// Status of the payment.
    pub fn payment_status(&self) -> Option<&PaymentStatus> {
        self.payment.as_ref()?.status.as_ref()
    }

    /// Status of the operation.
    pub fn operation_status(&self) -> Option<&OperationStatus> {
        self.operation.as_ref()?.status.as_ref()
    }

    /// Whether the callback has a redirect for the customer, under any of its three names.
    pub fn has_redirect(&self) -> bool {
        let is_redirect = |value| RedirectData::borrow_from(value).is_ok();
        self.redirect_data.is_some() || self.extra.get("return_url").is_some_and(is_redirect)
    }
}

model! {
    /// `general`: ids, in the formats that group them there.
    pub struct General / GeneralRef {
        /// The project.
        project_id: Option<ProjectId> = decides "project_id",
        /// The payment.
        payment_id: Option<PaymentId> = decides "payment_id",
        /// The signature, not verified here.
        signature: Option<Sensitive<String>> = describes "signature",
    }
}

model! {
    /// `transaction`: the operation in the older format.
    pub struct Transaction / TransactionRef {
        /// The platform's number of the operation.
        id: Option<OperationId> = decides "id",
        /// Time of the last change.
        date: Option<Timestamp> = describes "date",
        /// Type of the operation.
        kind: Option<super::OperationType> = decides "type",
    }
}

model! {
    /// `request`: the request that a token callback answers.
    pub struct RequestInfo / RequestInfoRef {
        /// The request's id.
        id: Option<RequestId> = decides "id",
        /// The requested action.
        action: Option<String> = describes "action",
        /// The request's status.
        status: Option<String> = decides "status",
    }
}
