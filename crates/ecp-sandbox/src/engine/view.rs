//! Payments as they are shown: what pages, tests and the Data API read of a sandbox.

use std::fmt;

use ecp_core::model::{Code, PaymentStatus};
use ecp_core::{Money, PaymentId, ProjectId, Timestamp};
use ecp_methods::spec::Interface;
use ecp_methods::{MethodSpec, Operation};

use crate::engine::callbacks::CallbackState;
use crate::engine::events::RawBody;
use crate::payment::{FollowUp, Payment, type_of};
use crate::wire::codes::message_of;

/// Conditions that select payments for [`Sandbox::payments`](crate::Sandbox::payments) or
/// operations for [`Sandbox::operations`](crate::Sandbox::operations). The default selects all.
///
/// ```
/// use ecp_sandbox::{Config, Filter, Paging, Sandbox};
///
/// let sandbox = Sandbox::new(Config::demo());
/// let declined = Filter::new().status("decline");
/// assert_eq!(sandbox.payments(&declined, Paging::default()).total, 0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filter {
    /// Number of the project to select; `None` for all projects.
    pub project: Option<ProjectId>,
    /// Text that the payment's id must contain; upper and lower case do not matter. `None` for all
    /// ids.
    pub text: Option<String>,
    /// Search words, separated by spaces. Each word must be found in the payment: in its id or the
    /// customer's id, or as an amount (`100.00`), a currency, a code (`20000`) or an operation's
    /// id. Upper and lower case do not matter. `None` for all payments.
    pub search: Option<String>,
    /// Whether to select only payments with a callback that has not arrived
    /// ([`CallbackState::is_failing`]), and their operations. `false` selects all.
    pub failing_callbacks: bool,
    /// The status to select, in the platform's word, such as `awaiting redirect result`: the status
    /// of the payment in a list of payments, and of the operation in a list of operations. `None`
    /// for all.
    pub status: Option<String>,
    /// Code of the payment method to select, such as `jeton`; `None` for all methods.
    pub method: Option<String>,
    /// Operation to select, such as [`Operation::SALE`]. A list of payments then has those that
    /// began with this operation, and a list of operations has those of this kind;
    /// [`Operation::REFUND`] also selects refunds that messages call `reversal`. `None` for all.
    pub kind: Option<Operation>,
    /// Earliest time at which the payment or operation was created, inclusive; `None` for no limit.
    pub from: Option<Timestamp>,
    /// Latest time at which the payment or operation was created, inclusive; `None` for no limit.
    pub to: Option<Timestamp>,
}

impl Filter {
    /// Returns a filter that selects all payments and operations.
    pub fn new() -> Self {
        Self::default()
    }

    /// Selects only payments of the project with this number, and their operations.
    pub fn project(self, project: ProjectId) -> Self {
        Self { project: Some(project), ..self }
    }

    /// Selects only payments whose payment id contains this text, and their operations. Upper and
    /// lower case do not matter.
    pub fn text(self, text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..self }
    }

    /// Selects only payments in which each of these words, separated by spaces, is found, and their
    /// operations. A word may be in the payment's id or the customer's id, or be an amount
    /// (`100.00`), a currency, a code (`20000`) or an operation's id. Upper and lower case do not
    /// matter.
    pub fn search(self, words: impl Into<String>) -> Self {
        Self { search: Some(words.into()), ..self }
    }

    /// Selects only payments with a callback that has not arrived ([`CallbackState::is_failing`]),
    /// and their operations.
    pub fn failing_callbacks(self) -> Self {
        Self { failing_callbacks: true, ..self }
    }

    /// Selects only payments or operations with this status, in the platform's word, such as
    /// `success`.
    pub fn status(self, status: impl Into<String>) -> Self {
        Self { status: Some(status.into()), ..self }
    }

    /// Selects only payments by this payment method, and their operations. `code` is the method's
    /// code, such as `jeton`.
    pub fn method(self, code: impl Into<String>) -> Self {
        Self { method: Some(code.into()), ..self }
    }

    /// Selects only this operation, such as [`Operation::SALE`]. A list of payments then has those
    /// that began with the operation, and a list of operations has those of this kind;
    /// [`Operation::REFUND`] also selects refunds that messages call `reversal`.
    pub fn kind(self, kind: Operation) -> Self {
        Self { kind: Some(kind), ..self }
    }

    /// Selects only payments or operations that were created at this time or later.
    pub fn from(self, time: Timestamp) -> Self {
        Self { from: Some(time), ..self }
    }

    /// Selects only payments or operations that were created at this time or earlier.
    pub fn to(self, time: Timestamp) -> Self {
        Self { to: Some(time), ..self }
    }
}

/// Part of a list of payments or operations to return: a number of items to skip, and a maximum
/// number of items. The default is the first 50 items; [`Paging::ALL`] is the whole list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    /// Number of items to skip at the beginning of the list.
    pub offset: usize,
    /// Maximum number of items to return.
    pub limit: usize,
}

impl Paging {
    /// Selects the whole list of payments or operations, without a maximum.
    pub const ALL: Self = Self { offset: 0, limit: usize::MAX };
}

impl Default for Paging {
    fn default() -> Self {
        Self { offset: 0, limit: 50 }
    }
}

/// One page of a list of payments or operations, as selected by a [`Paging`], with the length of
/// the whole list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Listed<T> {
    /// The items on this page.
    pub items: Vec<T>,
    /// Number of items in the whole list, on all pages.
    pub total: usize,
}

impl<T> Listed<T> {
    pub(crate) fn of(all: impl Iterator<Item = T>, page: Paging) -> Self {
        let mut listed = Self { items: Vec::new(), total: 0 };
        for item in all {
            if listed.total >= page.offset && listed.items.len() < page.limit {
                listed.items.push(item);
            }
            listed.total += 1;
        }
        listed
    }
}

/// The state of a payment on the sandbox at one moment, with its operations.
/// [`Sandbox::payment`](crate::Sandbox::payment) returns it.
///
/// `Debug` leaves out personal data.
#[derive(Clone)]
#[non_exhaustive]
pub struct PaymentView {
    /// Number of the payment on the sandbox, counted from 1 in the order of registration over all
    /// projects.
    pub number: u64,
    /// Number of the merchant's project to which the payment belongs.
    pub project_id: ProjectId,
    /// Id of the payment, which the merchant chose in its request.
    pub payment_id: PaymentId,
    /// The payment method, such as Jeton Wallet, as the data that describe it.
    pub method: &'static MethodSpec,
    /// The operation that began the payment, such as [`Operation::SALE`] or [`Operation::PAYOUT`].
    pub kind: Operation,
    /// The payment's status, such as `awaiting redirect result`.
    pub status: PaymentStatus,
    /// The platform's code for the state of the payment's first operation, such as a sale: 9999
    /// until it ends, 0 after success, otherwise the code of the decline or error, such as 20000.
    pub code: Code,
    /// The platform's message for `code`, such as `General decline` for 20000.
    pub message: &'static str,
    /// The amount of the payment's first operation: the requested amount, or after a successful sale
    /// the amount that the customer chose. Refunds, captures and releases do not change it.
    pub amount: Money,
    /// The amount that is left, which callbacks have as `payment.sum`: the amount that was paid or
    /// captured, less refunds; or the amount that is held for a capture, less releases. For a
    /// payment that has not succeeded it is the same as `amount`.
    pub left: Money,
    /// The merchant's description of the payment; empty if the request has none.
    pub description: String,
    /// The merchant's id of the customer; `None` if the request has none.
    pub customer_id: Option<String>,
    /// The account number in callbacks and answers: the account of a payout, or the customer's
    /// wallet where the method's test amounts show it. `None` if callbacks have none.
    pub account_number: Option<String>,
    /// The interface through which the payment was requested, such as Gate.
    pub interface: Interface,
    /// Time when the payment was registered.
    pub created: Timestamp,
    /// Time of the last change of the payment or of one of its operations.
    pub changed: Timestamp,
    /// Time when the payment's first operation, such as a sale, ended; `None` while it has not ended.
    pub ended: Option<Timestamp>,
    /// Whether the payment waits for the customer's decision on the page of the payment method's
    /// provider. [`Sandbox::choose`](crate::Sandbox::choose) decides in a test.
    pub awaits_customer: bool,
    /// Whether a [`Fault::StalePayment`](crate::Fault::StalePayment) keeps the payment from ending,
    /// until [`Sandbox::release`](crate::Sandbox::release).
    pub held: bool,
    /// URL of the page on which the customer decides, at the payment method's provider; `None` if
    /// the payment does not wait for the customer.
    pub page_url: Option<String>,
    /// URL of the merchant to which the customer returns; `None` before the payment has ended
    /// (unless the customer has decided and a fault holds the payment), or if the merchant gave
    /// none.
    pub return_url: Option<String>,
    /// Number of the payment's callbacks. A callback that is sent again counts once.
    pub callbacks: u32,
    /// State of the payment's callbacks: that of the callback which is worst off, such as one that
    /// could not be delivered.
    pub callback_state: CallbackState,
    /// The payment's operations: the first one, such as a sale, then refunds, captures and
    /// releases in their order.
    pub operations: Vec<OperationView>,
}

impl PaymentView {
    pub(crate) fn of(
        number: u64,
        payment: &Payment,
        page_url: Option<String>,
        callbacks: u32,
        callback_state: CallbackState,
    ) -> Self {
        let order = &payment.order;
        let code = payment.code();
        let later = payment.follow_ups().iter();
        let later = later.map(|follow_up| OperationView::of_follow_up(payment, follow_up));
        Self {
            number,
            project_id: order.project,
            payment_id: order.payment_id.clone(),
            method: order.spec,
            kind: order.operation,
            status: payment.status(),
            message: message_of(&code),
            code,
            amount: payment.sum(),
            left: payment.left(),
            description: order.description.clone(),
            customer_id: order.customer_id.clone(),
            account_number: payment.account_number().map(str::to_owned),
            interface: order.interface,
            created: payment.created,
            changed: payment.changed,
            ended: payment.outcome().map(|_| payment.first_changed),
            awaits_customer: payment.awaits_customer(),
            held: payment.is_held(),
            page_url,
            return_url: payment.return_url().map(str::to_owned),
            callbacks,
            callback_state,
            operations: std::iter::once(OperationView::of_first(payment)).chain(later).collect(),
        }
    }
}

impl fmt::Debug for PaymentView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PaymentView")
            .field("project_id", &self.project_id)
            .field("payment_id", &self.payment_id)
            .field("method", &self.method.code())
            .field("kind", &self.kind)
            .field("status", &self.status)
            .field("code", &self.code)
            .field("amount", &self.amount)
            .finish_non_exhaustive()
    }
}

/// The state of one operation of a payment at one moment. An operation is the one that
/// began the payment, such as a sale, or a refund, capture or release.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OperationView {
    /// Number of the project to which the payment belongs.
    pub project_id: ProjectId,
    /// Id of the payment to which the operation belongs, chosen by the merchant.
    pub payment_id: PaymentId,
    /// The payment method, such as Jeton Wallet, as the data that describe it.
    pub method: &'static MethodSpec,
    /// Id of the operation, which callbacks have as `operation.id`.
    pub id: u64,
    /// What the operation does, such as [`Operation::REFUND`].
    pub operation: Operation,
    /// The type of the operation as in `operation.type` of callbacks: its name, such as `sale` or
    /// `refund`, or the platform's own word, such as `reversal` for a refund.
    pub kind: &'static str,
    /// The status of the operation, in the platform's word, such as `success`.
    pub status: String,
    /// The platform's code for the state of the operation: 9999 until it ends, 0 after success,
    /// otherwise the code of the decline or error, such as 20000.
    pub code: Code,
    /// The platform's message for `code`, such as `General decline` for 20000.
    pub message: &'static str,
    /// The amount of this operation, such as the refunded amount.
    pub sum: Money,
    /// Id of the request that began the operation, as in Gate's answer to the request.
    pub request_id: String,
    /// Id of the operation at the payment method's provider, which the sandbox invents.
    pub provider_payment_id: String,
    /// The merchant's id of the refund (`merchant_refund_id` in the request); `None` for other
    /// operations, and for a refund without one.
    pub merchant_refund_id: Option<String>,
    /// Time when the operation was registered.
    pub created: Timestamp,
    /// Time of the last change of the operation's status.
    pub changed: Timestamp,
    /// Whether the operation has ended, so that its status no longer changes.
    pub is_final: bool,
}

impl OperationView {
    pub(crate) fn of_first(payment: &Payment) -> Self {
        let (order, code) = (&payment.order, payment.code());
        Self {
            project_id: order.project,
            payment_id: order.payment_id.clone(),
            method: order.spec,
            id: payment.ids.first.operation,
            operation: order.operation,
            kind: type_of(order.operation),
            status: payment.first_status().as_str().to_owned(),
            message: message_of(&code),
            code,
            sum: payment.sum(),
            request_id: payment.ids.first.request.clone(),
            provider_payment_id: payment.ids.first.provider_payment.clone(),
            merchant_refund_id: None,
            created: payment.created,
            changed: payment.first_changed,
            is_final: payment.outcome().is_some(),
        }
    }

    pub(crate) fn of_follow_up(payment: &Payment, follow_up: &FollowUp) -> Self {
        let (order, code) = (&payment.order, follow_up.code());
        Self {
            project_id: order.project,
            payment_id: order.payment_id.clone(),
            method: order.spec,
            id: follow_up.ids.operation,
            operation: follow_up.order.operation,
            kind: follow_up.kind(),
            status: follow_up.status().to_string(),
            message: message_of(&code),
            code,
            sum: follow_up.sum,
            request_id: follow_up.ids.request.clone(),
            provider_payment_id: follow_up.ids.provider_payment.clone(),
            merchant_refund_id: follow_up.order.merchant_refund_id.clone(),
            created: follow_up.created,
            changed: follow_up.changed,
            is_final: follow_up.status().is_final(),
        }
    }
}

impl Filter {
    /// Whether the filter selects this payment.
    pub(crate) fn wants(&self, payment: &Payment) -> bool {
        self.wants_any_kind(payment)
            && self.kind.is_none_or(|kind| payment.order.operation == kind)
            && self.wants_times(payment.created)
            && self.status.as_deref().is_none_or(|status| payment.status().as_str() == status)
    }

    /// Whether the filter selects this operation of a payment that it selects otherwise.
    pub(crate) fn wants_operation(&self, operation: &OperationView) -> bool {
        self.kind.is_none_or(|wanted| wanted == operation.operation)
            && self.wants_times(operation.created)
            && self.status.as_deref().is_none_or(|status| operation.status == status)
    }

    /// Whether the filter's conditions that payments and operations have in common select this
    /// payment.
    pub(crate) fn wants_any_kind(&self, payment: &Payment) -> bool {
        let order = &payment.order;
        let has = |text: &str| {
            let id = order.payment_id.as_str().to_lowercase();
            id.contains(&text.to_lowercase())
        };
        self.project.is_none_or(|project| order.project == project)
            && self.method.as_deref().is_none_or(|method| order.spec.code() == method)
            && self.text.as_deref().is_none_or(has)
            && self.search.as_deref().is_none_or(|words| {
                words.split_whitespace().all(|word| is_found(&word.to_lowercase(), payment))
            })
    }

    fn wants_times(&self, created: Timestamp) -> bool {
        self.from.is_none_or(|from| created >= from) && self.to.is_none_or(|to| created <= to)
    }
}

/// Whether a word, in lower case, is found in a payment.
fn is_found(word: &str, payment: &Payment) -> bool {
    let order = &payment.order;
    let has = |text: &str| text.to_lowercase().contains(word);
    let is_amount = |money: Money| {
        word.starts_with(|first: char| first.is_ascii_digit())
            && Money::from_decimal(word, money.currency()).ok() == Some(money)
    };
    has(order.payment_id.as_str())
        || order.customer_id.as_deref().is_some_and(has)
        || is_amount(payment.sum())
        || payment.sum().currency().code().eq_ignore_ascii_case(word)
        || (payment.outcome().is_some() && payment.code().as_str() == word)
        || payment.ids.first.operation.to_string() == word
        || payment.follow_ups().iter().any(|it| {
            is_amount(it.sum)
                || (it.status().is_final() && it.code().as_str() == word)
                || it.ids.operation.to_string() == word
        })
}

/// Explanation of a message's signature: the text to sign, the signature that the message has, and
/// the correct one. [`Sandbox::explain`](crate::Sandbox::explain) returns it. If a signature is
/// wrong, compare `canonical` with the text that your program signs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignatureNote {
    /// The canonical string of the message, which is the text that is signed.
    pub canonical: String,
    /// The signature in the message, from the member `signature` at the top level or in `general`;
    /// `None` if the message has none.
    pub given: Option<String>,
    /// The correct signature of the message, made with the project's key.
    pub expected: String,
}

impl SignatureNote {
    pub(crate) fn of(
        body: &RawBody,
        key: &ecp_core::Sensitive<String>,
        longest: usize,
    ) -> Option<Self> {
        let document: serde_json::Value = serde_json::from_slice(body.bytes()).ok()?;
        if !document.is_object() || crate::wire::signature::canonical_length(&document) > longest {
            return None;
        }
        let given = document
            .get("signature")
            .or_else(|| document.get("general")?.get("signature"))
            .and_then(serde_json::Value::as_str);
        Some(Self {
            canonical: crate::wire::signature::canonical_string(&document),
            given: given.map(str::to_owned),
            expected: crate::wire::signature::sign(key, &document),
        })
    }

    /// Whether the message has the correct signature; `false` also if it has none.
    pub fn matches(&self) -> bool {
        self.given.as_ref() == Some(&self.expected)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_of_a_list_knows_the_whole() {
        let listed = Listed::of(0..10, Paging { offset: 8, limit: 5 });
        assert_eq!((listed.items, listed.total), (vec![8, 9], 10));
        assert_eq!(Listed::of(0..3, Paging::ALL).items, [0, 1, 2]);
    }

    #[test]
    fn a_signature_is_explained() {
        let key = ecp_core::Sensitive::new("secret".to_owned());
        let document = json!({"payment": {"id": "000049", "status": "success"}});
        let signature = crate::wire::signature::sign(&key, &document);
        for (place, right) in [("signature", true), ("other", false)] {
            let mut signed = document.clone();
            signed[place] = signature.clone().into();
            let body = RawBody::copied(signed.to_string().as_bytes());
            let note = SignatureNote::of(&body, &key, 1000).unwrap();
            assert_eq!(note.matches(), right);
            assert!(note.canonical.starts_with("payment:id:000049;") || !right);
        }
        let text = RawBody::copied(b"no JSON");
        assert_eq!(SignatureNote::of(&text, &key, 1000), None);
    }
}
