//! Requests, one struct for each flow.
//!
//! `new` takes the fields that every method needs; a method's other required fields are in its
//! spec, and [`prepare`](crate::prepare) names the path of a missing one. Fields without a setter
//! are set by their path with `extra`.

mod body;
mod by_path;
mod field;
mod parts;

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};

use ecp_core::signature::Rules;
use ecp_core::{Money, PaymentId};
use serde::Serialize;

pub(crate) use self::body::Body;
pub(crate) use self::field::url;
pub use self::field::{Field, Format};
pub use self::parts::{Account, Customer, ReturnUrls};
use self::parts::{Extra, Fields};
use crate::flow::{Flow, FlowKind, Payout, Refund, Sale};
use crate::spec::Interface;

/// A request of a flow. Sealed: there is one for each [`Flow`].
pub trait FlowRequest: sealed::Sealed + std::fmt::Debug + Send + Sync {
    /// The flow of the request.
    type Flow: Flow<Request = Self>;

    /// The request in the form that the check reads.
    fn draft(&self) -> Draft<'_>;
}

/// A request before it is checked, of any flow.
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
    /// The requested flow.
    pub const fn flow(&self) -> FlowKind {
        self.flow
    }

    /// The interface. On the Payment Page the customer may still enter missing fields.
    pub const fn interface(&self) -> Interface {
        self.interface
    }

    /// The same request on another interface.
    pub const fn on(self, interface: Interface) -> Self {
        Self { interface, ..self }
    }

    /// The id of the payment.
    pub const fn payment_id(&self) -> &'r PaymentId {
        self.payment_id
    }

    /// The amount, `None` in a full refund.
    pub const fn amount(&self) -> Option<Money> {
        self.amount
    }

    /// Whether the request is a partial refund.
    pub const fn is_partial(&self) -> bool {
        self.partial
    }

    /// The value of a field that was set as such, `None` if it was not. [`Draft::value`] also finds what
    /// was set by its path.
    pub fn get(&self, field: Field) -> Option<&'r str> {
        self.fields.get(field.path())
    }

    /// The value that will be sent at a path, however it was set: text as it is, anything else as JSON.
    /// `None` if there is none, or `null`.
    pub fn value(&self, path: &str) -> Option<Cow<'r, str>> {
        if let Some(value) = self.fields.get(path) {
            return Some(Cow::Borrowed(value));
        }
        let inside = |own: &str, json: &str| {
            let rest = path.strip_prefix(own)?;
            let rest = if rest.is_empty() { rest } else { rest.strip_prefix('.')? };
            member(json, rest)
        };
        let extra = self.extra.iter().filter_map(|(own, json)| Some((own, json.ok()?.get())));
        let objects = self.fields.iter().filter(|(field, _)| field.format() == Format::Object);
        let mut all = objects.map(|(field, value)| (field.path(), value)).chain(extra);
        all.find_map(|(own, json)| inside(own, json)).map(Cow::Owned)
    }

    /// Whether anything but `null` will be sent at a path or below it.
    pub fn has(&self, path: &str) -> bool {
        let below = |own: &str| own.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
        self.fields.get(path).is_some()
            || self.fields.iter().any(|(field, _)| below(field.path()))
            || self
                .extra
                .iter()
                .any(|(own, json)| below(own) && json.is_ok_and(|it| it.get() != "null"))
            || self.value(path).is_some()
    }

    /// Whether signing may refuse a text that the fields' own checks accept: one with a `;`, an object, or
    /// an extra field, which may hold anything.
    pub(crate) fn may_be_ambiguous(&self) -> bool {
        self.fields.may_be_ambiguous()
            || self.extra.iter().next().is_some()
            || self.payment_id.as_str().contains(';')
    }

    /// Strictness of the Gate request's signature.
    pub(crate) fn signing_rules(&self) -> Rules {
        let rules = Rules::private();
        if self.items_in_texts { rules.allow_items_in_texts() } else { rules }
    }
}

/// A member of a JSON document by its path; the whole document by an empty one.
fn member(json: &str, path: &str) -> Option<String> {
    let document: serde_json::Value = serde_json::from_str(json).ok()?;
    let names = path.split('.').filter(|name| !name.is_empty());
    match names.into_iter().try_fold(&document, |value, name| value.get(name))? {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Declares the request of a flow with the setters of every flow. Its own setters go into an
/// `impl`.
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

            /// Sets the fields about the customer.
            pub fn customer(mut self, customer: Customer) -> Self {
                self.fields.take(customer.into_fields());
                self
            }

            /// Sets the merchant's description of the payment, up to 255 characters.
            pub fn description(mut self, text: impl Into<String>) -> Self {
                self.fields.set(Field::DESCRIPTION, text);
                self
            }

            /// Sets the callback address of this payment, instead of the project's.
            pub fn callback_url(mut self, url: impl Into<String>) -> Self {
                self.fields.set(Field::CALLBACK_URL, url);
                self
            }

            /// Sets any field by its name, for code that is driven by a spec or a file.
            pub fn field(mut self, field: Field, value: impl Into<String>) -> Self {
                self.fields.set(field, value);
                self
            }

            /// Allows texts that hold a `;`, a name and a `:`, such as `size:M;colour:red`, which
            /// are refused otherwise: a callback that repeats one has more than one reading, and
            /// may be held until Gate confirms it. Ids must hold no `;` in any case.
            pub fn allow_items_in_texts(mut self) -> Self {
                self.items_in_texts = true;
                self
            }

            /// Sets a field without a setter, by its path in the Gate request. The value is sent as
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

    /// Sets the addresses to which the customer returns.
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
    /// A payout under a payment id that is new in the project. The id protects against paying
    /// twice: store it before you send.
    pub fn new(payment_id: PaymentId, amount: Money) -> Self {
        Self::bare(payment_id, Some(amount), false)
    }

    /// Sets the account to pay to.
    pub fn account(mut self, account: Account) -> Self {
        self.fields.take(account.into_fields());
        self
    }
}

flow_request! {
    /// Money back.
    ///
    /// The platform distinguishes the refunds of a payment by the merchant's id of the refund and
    /// refuses an id that it has seen before (code 3230). A random id is set; set your own if you
    /// have one, and repeat a refund only under the same id.
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
    /// A full refund. No amount is sent: the platform knows it.
    pub fn full(payment_id: PaymentId) -> Self {
        Self::bare(payment_id, None, false).with_merchant_refund_id(random_id())
    }

    /// A full refund, with its amount: the platform refuses it if that is more than was paid.
    pub fn full_of(payment_id: PaymentId, amount: Money) -> Self {
        Self::bare(payment_id, Some(amount), false).with_merchant_refund_id(random_id())
    }

    /// A partial refund, for methods that have them.
    pub fn partial(payment_id: PaymentId, amount: Money) -> Self {
        Self::bare(payment_id, Some(amount), true).with_merchant_refund_id(random_id())
    }

    /// Sets the merchant's id of the refund, unique among all refunds.
    pub fn with_merchant_refund_id(mut self, id: impl Into<String>) -> Self {
        self.fields.set(Field::MERCHANT_REFUND_ID, id);
        self
    }

    /// The merchant's id of the refund.
    pub fn merchant_refund_id(&self) -> &str {
        self.fields.get(Field::MERCHANT_REFUND_ID.path()).unwrap_or_default()
    }
}

/// 128 bits from the standard library's hasher, whose keys come from the operating system's random
/// source once per thread. The id need not be secret, only unique; set your own where it must be
/// reproducible.
fn random_id() -> String {
    let half = || RandomState::new().hash_one(std::time::SystemTime::now());
    format!("{:016x}{:016x}", half(), half())
}

mod sealed {
    pub trait Sealed {}
}
