//! Callbacks: the platform's messages to the merchant.

use super::redirect::redirect_in;
use super::{
    Account, Customer, Errors, FromJson, Operation, OperationStatus, Payment, PaymentStatus,
    RedirectData, Sum, model,
};
use crate::json::RawJson;
use crate::{OperationId, PaymentId, PaymentIdRef, ProjectId, RequestId, Sensitive, Timestamp};

model! {
    /// A callback, the platform's message to the merchant about the progress or the result of a
    /// payment, in any of the platform's formats (sources: callback formats).
    ///
    /// Wallets and vouchers use the format with `payment` and `operation`. Parts that only cards
    /// have (`acs`, `threeds2`, `recurring`, `card`, ..) are kept in `extra`.
    ///
    /// Reading a callback does not check its signature, so anybody may have made it. The `Verifier`
    /// of `ecp-notify` checks a received callback before it reads it.
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
        /// The project's id, in the formats that have it at the top level, otherwise `None`.
        /// [`project_id`](Callback::project_id) finds it in both places.
        root_project_id: Option<ProjectId> = decides "project_id",
        /// The object `general` with the ids of the project and the payment; `None` in the formats
        /// that have these ids elsewhere.
        general: Option<General> = decides "general",
        /// The payment that the callback is about; `None` if the callback has none, such as one
        /// about a token or a subscription.
        payment: Option<Payment> = decides "payment",
        /// The operation that the callback is about: one step of the payment, such as a sale or a
        /// refund. `None` in other formats than the main one ([`CallbackFormat::Operation`]).
        operation: Option<Operation> = decides "operation",
        /// All operations of the payment. Only an older format, the one with the member
        /// `transaction`, lists them; in other formats the list is empty.
        operations: Vec<Operation> = decides "operations",
        /// The operation that the callback is about, in an older format
        /// ([`CallbackFormat::Transaction`]). `None` in the main format, which has it in
        /// `operation`.
        transaction: Option<Transaction> = decides "transaction",
        /// The customer's wallet or card; `None` if the callback has none, as many have.
        account: Option<Account> = describes "account",
        /// The customer's id and personal data; `None` if the callback has none.
        customer: Option<Customer> = describes "customer",
        /// Errors that the platform reports, where it says more than the operation's result code;
        /// otherwise empty.
        errors: Errors = describes "errors",
        /// Where to redirect the customer's browser, from the member `redirect_data` or
        /// `redirectData`; `None` if the callback has neither. [`redirect`](Callback::redirect)
        /// finds a redirect in every format.
        redirect_data: Option<RedirectData> = describes "redirect_data" | "redirectData",
        /// The merchant's request whose result is reported. Only callbacks about a token, which
        /// stands for a customer's wallet or card, have it; otherwise `None`.
        request: Option<RequestInfo> = describes "request",
        /// The platform's id of the merchant's request, in an older format, the one with the member
        /// `transaction`; otherwise `None`. The main format has this id in `operation`.
        request_id: Option<RequestId> = describes "request_id",
        /// The requested sum, in an older format, the one with the member `transaction`; otherwise
        /// `None`. The main format has it in `operation`, as `sum_initial`.
        sum_request: Option<Sum> = describes "sum_request",
        /// The member `sum_real` of an older format, the one with the member `transaction`;
        /// otherwise `None`. The platform's documents do not say how it differs from the requested
        /// sum: do not book by it, but request the payment's status.
        sum_real: Option<Sum> = describes "sum_real",
        /// The refunded sum, in an older format, the one with the member `transaction`; otherwise
        /// `None`. The platform's documents do not say whether it is the sum of this operation or
        /// of all refunds of the payment: do not book by it, but request the payment's status.
        sum_refund: Option<Sum> = describes "sum_refund",
        /// The signature, as it was sent. Reading the message does not verify it; the `Verifier` of
        /// `ecp-notify` does.
        signature: Option<Sensitive<String>> = describes "signature",
    }
}

/// Format of a callback. The platform sends several formats, which differ in their members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallbackFormat {
    /// The main format, with `payment` and `operation`.
    Operation,
    /// A callback with only a redirect for the customer, in the member `redirectData`,
    /// `redirect_data` or `return_url`.
    Redirect,
    /// A callback about a subscription, with the member `recurring`.
    Subscription,
    /// A callback about a token, which stands for a customer's wallet or card.
    Token,
    /// An older format with `transaction`, similar to an answer to a status request.
    Transaction,
    /// A format that is not one of the documented ones. The callback's fields and `extra` have its
    /// members all the same.
    Unknown,
}

impl Callback {
    /// The format of the callback, recognized by its members: the main format by the member
    /// `operation`, for example.
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

    /// Status of the operation that the callback is about; `None` if the callback has none.
    pub fn operation_status(&self) -> Option<&OperationStatus> {
        self.operation.as_ref()?.status.as_ref()
    }

    /// Where to redirect the customer's browser, from the member `redirect_data`, `redirectData` or
    /// `return_url`; `None` if the callback has no redirect.
    pub fn redirect(&self) -> Option<RedirectData> {
        self.redirect_data.clone().or_else(|| redirect_in(&self.extra, "return_url"))
    }
}

impl CallbackRef<'_> {
    /// The project's id, from the top level of the callback or from its object `general`; `None` if
    /// neither has it.
    pub fn project_id(&self) -> Option<ProjectId> {
        self.root_project_id.or_else(|| self.general.as_ref()?.project_id)
    }

    /// The merchant's id of the payment, from the object `payment` or `general` of the callback;
    /// `None` if neither has it.
    pub fn payment_id(&self) -> Option<PaymentIdRef<'_>> {
        let in_payment = || self.payment.as_ref()?.id;
        in_payment().or_else(|| self.general.as_ref()?.payment_id)
    }

    /// Status of the payment that the callback is about; `None` if the callback has none. It is not
    /// the result of a refund, which [`Callback::refund`] returns.
    pub fn payment_status(&self) -> Option<&PaymentStatus> {
        self.payment.as_ref()?.status.as_ref()
    }

    /// Status of the operation that the callback is about; `None` if the callback has none.
    pub fn operation_status(&self) -> Option<&OperationStatus> {
        self.operation.as_ref()?.status.as_ref()
    }

    /// Whether the callback says where to redirect the customer's browser, in the member
    /// `redirect_data`, `redirectData` or `return_url`.
    pub fn has_redirect(&self) -> bool {
        let is_redirect = |value| RedirectData::borrow_from(value).is_ok();
        self.redirect_data.is_some() || self.extra.get("return_url").is_some_and(is_redirect)
    }
}

model! {
    /// The object `general` of a message: the ids of the project and the payment. Only some formats
    /// of messages have it; the others have these ids elsewhere.
    pub struct General / GeneralRef {
        /// The project's id; `None` if `general` does not have it.
        project_id: Option<ProjectId> = decides "project_id",
        /// The merchant's id of the payment; `None` if `general` does not have it.
        payment_id: Option<PaymentId> = decides "payment_id",
        /// The signature, as it was sent, if it is in `general` rather than at the top level.
        /// Reading the message does not verify it: for callbacks the `Verifier` of `ecp-notify`
        /// does, for status answers [`VerifiedStatus`](super::VerifiedStatus).
        signature: Option<Sensitive<String>> = describes "signature",
    }
}

model! {
    /// The object `transaction` of a callback: the operation that the callback is about. Only an
    /// older format of callbacks has it.
    pub struct Transaction / TransactionRef {
        /// The platform's number of the operation.
        id: Option<OperationId> = decides "id",
        /// Time of the operation's last change; `None` if the message has no time that can be read.
        date: Option<Timestamp> = describes "date",
        /// Type of the operation, such as a sale or a refund; `None` if the message does not say
        /// it.
        kind: Option<super::OperationType> = decides "type",
    }
}

model! {
    /// The object `request` of a callback about a token, which stands for a customer's wallet or
    /// card: the merchant's request whose result is reported.
    pub struct RequestInfo / RequestInfoRef {
        /// The platform's id of the request.
        id: Option<RequestId> = decides "id",
        /// The action that was requested, such as `create`.
        action: Option<String> = describes "action",
        /// Status of the request as the platform sent it. No document lists its values, and this
        /// crate does not interpret it.
        status: Option<String> = decides "status",
    }
}
