//! What is sent, one struct a flow.
//!
//! `new` takes what every method needs; what a given method needs beyond that is in its spec, and
//! [`prepare`](crate::prepare) names the path of what is missing. Fields that have no setter here
//! are set by their path with `extra`.

mod body;
mod field;
mod parts;

use std::hash::{BuildHasher, RandomState};

use ecp_core::signature::Rules;
use ecp_core::{Money, PaymentId};
use serde::Serialize;

pub(crate) use self::body::Body;
pub use self::field::Field;
pub(crate) use self::field::url;
pub use self::parts::{Account, Customer, ReturnUrls};
use self::parts::{Extra, Fields};
use crate::flow::{Flow, FlowKind, Payout, Refund, Sale};
use crate::spec::Interface;

/// The request of some flow. Sealed: there is one a [`Flow`].
pub trait FlowRequest: sealed::Sealed + std::fmt::Debug + Send + Sync {
    /// The flow.
    type Flow: Flow<Request = Self>;

    /// The request as the check sees it.
    fn draft(&self) -> Draft<'_>;
}

/// A request before it is checked, whatever its flow.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'r> {
    pub(crate) flow: FlowKind,
    pub(crate) interface: Interface,
    pub(crate) payment_id: &'r PaymentId,
    pub(crate) amount: Option<Money>,
    pub(crate) partial: bool,
    pub(crate) items_in_texts: bool,
    pub(crate) fields: &'r Fields,
    pub(crate) extra: &'r Extra,
}

impl<'r> Draft<'r> {
    /// What it asks for.
    pub const fn flow(&self) -> FlowKind {
        self.flow
    }

    /// Where it goes. On the Payment Page the customer may still give what is missing.
    pub const fn interface(&self) -> Interface {
        self.interface
    }

    /// The payment.
    pub const fn payment_id(&self) -> &'r PaymentId {
        self.payment_id
    }

    /// The amount, `None` in a refund of all that was paid.
    pub const fn amount(&self) -> Option<Money> {
        self.amount
    }

    /// Whether it is a refund of a part of what was paid.
    pub const fn is_partial(&self) -> bool {
        self.partial
    }

    /// A field's value.
    pub fn get(&self, field: Field) -> Option<&'r str> {
        self.fields.get(field)
    }

    /// Whether signing may refuse a text of it that the fields' own checks let pass: one with a
    /// `;`, or an extra field, which may hold anything.
    pub(crate) fn may_be_ambiguous(&self) -> bool {
        self.fields.may_hold_separator()
            || self.extra.iter().next().is_some()
            || self.payment_id.as_str().contains(';')
    }

    /// How strictly its Gate request is signed.
    pub(crate) fn signing_rules(&self) -> Rules {
        let rules = Rules::private();
        if self.items_in_texts { rules.allow_items_in_texts() } else { rules }
    }
}

/// Declares the request of a flow with what every flow has. Its own setters go into an `impl`.
macro_rules! flow_request {
    ($(#[$doc:meta])* $name:ident, $flow:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            payment_id: PaymentId,
            amount: Option<Money>,
            partial: bool,
            items_in_texts: bool,
            fields: Fields,
            extra: Extra,
        }

        impl $name {
            fn bare(payment_id: PaymentId, amount: Option<Money>, partial: bool) -> Self {
                let (fields, extra) = (Fields::default(), Extra::default());
                Self { payment_id, amount, partial, items_in_texts: false, fields, extra }
            }

            /// The customer.
            pub fn customer(mut self, customer: Customer) -> Self {
                self.fields.take(customer.into_fields());
                self
            }

            /// The merchant's description, up to 255 characters.
            pub fn description(mut self, text: impl Into<String>) -> Self {
                self.fields.set(Field::Description, text);
                self
            }

            /// Where to send this payment's callbacks instead of the project's address.
            pub fn callback_url(mut self, url: impl Into<String>) -> Self {
                self.fields.set(Field::CallbackUrl, url);
                self
            }

            /// Any field by its name, for code that a spec or a file drives.
            pub fn field(mut self, field: Field, value: impl Into<String>) -> Self {
                self.fields.set(field, value);
                self
            }

            /// Sends texts to Gate that hold a `;`, a name and a `:`, such as
            /// `size:M;colour:red`, which are refused otherwise: a callback that repeats one has
            /// more than one reading, and may be held until Gate confirms it. Ids hold no `;` in
            /// any case.
            pub fn allow_items_in_texts(mut self) -> Self {
                self.items_in_texts = true;
                self
            }

            /// A field that has no setter, by its path in the Gate request. The value is sent as
            /// the JSON that it serialises to.
            pub fn extra(mut self, path: impl Into<String>, value: impl Serialize) -> Self {
                self.extra.set(path, &value);
                self
            }
        }

        impl FlowRequest for $name {
            type Flow = $flow;

            fn draft(&self) -> Draft<'_> {
                Draft {
                    flow: $flow::KIND,
                    interface: Interface::Gate,
                    payment_id: &self.payment_id,
                    amount: self.amount,
                    partial: self.partial,
                    items_in_texts: self.items_in_texts,
                    fields: &self.fields,
                    extra: &self.extra,
                }
            }
        }

        impl sealed::Sealed for $name {}
    };
}

flow_request! {
    /// Money in.
    ///
    /// ```
    /// use ecp_core::PaymentId;
    /// use ecp_methods::request::{Customer, ReturnUrls, SaleRequest};
    ///
    /// let request = SaleRequest::new(PaymentId::new("X03936")?, "100.00 EUR".parse()?)
    ///     .customer(Customer::new().id("customer1").ip_address("192.0.2.1"))
    ///     .return_urls(ReturnUrls::new().success("https://shop.example/paid"))
    ///     .description("Order 3936")
    ///     .extra("payment.extra_param", "blue");
    /// # let _ = request;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    SaleRequest, Sale
}

impl SaleRequest {
    /// A sale under a payment id that is new in the project.
    pub fn new(payment_id: PaymentId, amount: Money) -> Self {
        Self::bare(payment_id, Some(amount), false)
    }

    /// Where the customer returns to.
    pub fn return_urls(mut self, urls: ReturnUrls) -> Self {
        self.fields.take(urls.into_fields());
        self
    }
}

flow_request! {
    /// Money out.
    ///
    /// ```
    /// use ecp_core::PaymentId;
    /// use ecp_methods::request::{Account, Customer, PayoutRequest};
    ///
    /// let request = PayoutRequest::new(PaymentId::new("P-17")?, "300.00 EUR".parse()?)
    ///     .customer(Customer::new().ip_address("192.0.2.1"))
    ///     .account(Account::new().number("93017949"));
    /// # let _ = request;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    PayoutRequest, Payout
}

impl PayoutRequest {
    /// A payout under a payment id that is new in the project. The id is what protects against
    /// paying twice: keep it before you send.
    pub fn new(payment_id: PaymentId, amount: Money) -> Self {
        Self::bare(payment_id, Some(amount), false)
    }

    /// The account to pay to.
    pub fn account(mut self, account: Account) -> Self {
        self.fields.take(account.into_fields());
        self
    }
}

flow_request! {
    /// Money back.
    ///
    /// The platform tells refunds of one payment apart by the merchant's id of the refund and
    /// refuses one that it has seen before (code 3230). An id is chosen here; set your own if you
    /// have one, and send a refund again only with the id that it had.
    ///
    /// ```
    /// use ecp_core::PaymentId;
    /// use ecp_methods::request::RefundRequest;
    ///
    /// let refund = RefundRequest::full(PaymentId::new("order-3936")?).description("returned");
    /// assert_eq!(refund.merchant_refund_id().len(), 32);
    /// let part = RefundRequest::partial(PaymentId::new("order-3936")?, "10.00 EUR".parse()?)
    ///     .with_merchant_refund_id("order-3936-1");
    /// assert_eq!(part.merchant_refund_id(), "order-3936-1");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    RefundRequest, Refund
}

impl RefundRequest {
    /// All of a payment. No amount is sent: the platform knows it.
    pub fn full(payment_id: PaymentId) -> Self {
        Self::bare(payment_id, None, false).with_merchant_refund_id(random_id())
    }

    /// All of a payment, by its amount: the platform refuses it if that is more than was paid.
    pub fn full_of(payment_id: PaymentId, amount: Money) -> Self {
        Self::bare(payment_id, Some(amount), false).with_merchant_refund_id(random_id())
    }

    /// A part of a payment, with methods that can do it.
    pub fn partial(payment_id: PaymentId, amount: Money) -> Self {
        Self::bare(payment_id, Some(amount), true).with_merchant_refund_id(random_id())
    }

    /// Sets the merchant's id of the refund, unique among all refunds.
    pub fn with_merchant_refund_id(mut self, id: impl Into<String>) -> Self {
        self.fields.set(Field::MerchantRefundId, id);
        self
    }

    /// The merchant's id of the refund.
    pub fn merchant_refund_id(&self) -> &str {
        self.fields.get(Field::MerchantRefundId).unwrap_or_default()
    }
}

/// 128 bits of the standard library's hasher, whose keys come from the operating system's random
/// source once a thread. It need not be secret, only new; where it must be reproducible, set an id
/// of your own.
fn random_id() -> String {
    let half = || RandomState::new().hash_one(std::time::SystemTime::now());
    format!("{:016x}{:016x}", half(), half())
}

mod sealed {
    pub trait Sealed {}
}
