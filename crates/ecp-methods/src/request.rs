//! Requests, one struct for each flow.
//!
//! `new` takes the fields that every method needs; a method's other required fields are in its
//! spec, and [`prepare`](crate::prepare) names the path of a missing one. Fields without a setter
//! are set by their path with `extra`.

mod body;
mod field;
mod parts;
pub(crate) mod paths;

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
use self::paths::is_inside;
use crate::flow::{Cancel, Capture, Effect, Flow, Operation, Payout, Refund, Sale};
use crate::spec::Interface;

/// A request type, such as [`SaleRequest`], for generic code that works with requests of any type.
/// It can be used for every operation whose effect on money is among its
/// [`EFFECTS`](Self::EFFECTS). Types outside this crate cannot implement it.
pub trait OperationRequest: sealed::Sealed + Clone + std::fmt::Debug + Send + Sync {
    /// The effects of the operations for which this request type can be used. A spec whose
    /// operation has this request type and another effect does not compile.
    const EFFECTS: &[Effect];

    /// Returns the request in the common form of all requests, which the checks read. Its operation
    /// is the usual one of this request type.
    fn draft(&self) -> Draft<'_>;

    /// Sets the value of a field, as the method `field` of each request type does, for code that
    /// works with any of them.
    fn with_field(self, field: Field, value: impl Into<String>) -> Self;

    /// Sets a value by its path in the Gate request, as the method `extra` of each request type
    /// does, for code that works with any of them.
    fn with_extra(self, path: impl Into<String>, value: impl Serialize) -> Self;
}

/// A request type that has a usual operation, as [`SaleRequest`] has [`Sale`]:
/// [`prepare`](crate::prepare) checks the request for this operation. For another operation use
/// [`prepare_as`](crate::prepare_as).
pub trait FlowRequest: OperationRequest {
    /// The usual operation of this request type.
    type Flow: Flow<Request = Self>;
}

/// A request of any type, such as a sale or a refund, in one common form, for the checks that read
/// it. A payment method's own check gets one
/// ([`PaymentMethod::check`](crate::PaymentMethod::check)); [`OperationRequest::draft`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'r> {
    pub(crate) flow: Operation,
    pub(crate) interface: Interface,
    pub(crate) payment_id: &'r PaymentId,
    pub(crate) amount: Option<Money>,
    pub(crate) partial: bool,
    pub(crate) items_in_texts: bool,
    pub(crate) fields: &'r Fields,
    pub(crate) extra: &'r Extra,
}

impl<'r> Draft<'r> {
    /// The operation of the request, such as a sale.
    pub const fn flow(&self) -> Operation {
        self.flow
    }

    /// The interface of the platform that the request is for, such as Gate. On the Payment Page the
    /// customer may still enter missing fields.
    pub const fn interface(&self) -> Interface {
        self.interface
    }

    /// Returns the same request for another interface of the platform; at first it is for Gate. For
    /// the Payment Page, the customer's id is the only required field.
    pub const fn on(self, interface: Interface) -> Self {
        Self { interface, ..self }
    }

    /// Returns the same request for another operation, such as a hold instead of a sale.
    pub const fn with_operation(self, flow: Operation) -> Self {
        Self { flow, ..self }
    }

    /// The merchant's id of the payment.
    pub const fn payment_id(&self) -> &'r PaymentId {
        self.payment_id
    }

    /// The amount of the request. `None` for a full refund, capture or release without an amount, and
    /// for a [`ManageRequest`], which moves no money.
    pub const fn amount(&self) -> Option<Money> {
        self.amount
    }

    /// Whether the request is a partial refund, capture or release. `false` for a full one, and for
    /// any other operation.
    pub const fn is_partial(&self) -> bool {
        self.partial
    }

    /// The value of a field, `None` if it was not set. Values that were set by their path (`extra`)
    /// are not found; to find these too, use [`Draft::value`].
    pub fn get(&self, field: Field) -> Option<&'r str> {
        self.fields.get(field.path())
    }

    /// The value that will be sent at a path of the Gate request, such as `customer.email`, whether
    /// it was set by a setter or by its path. A text is returned as it is, any other value as JSON;
    /// `None` if the value is missing or `null`.
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

    /// Whether a value other than `null` will be sent at this path of the Gate request or inside
    /// it, as `account.number` is inside `account`.
    pub fn has(&self, path: &str) -> bool {
        let below = |own: &str| is_inside(own, path);
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
    ($(#[$doc:meta])* $name:ident, $operation:expr, [$($effect:ident),*]) => {
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

            /// Sets the data of the customer, such as name and e-mail address. Fields that were set
            /// before and are missing in `customer` stay set.
            pub fn customer(mut self, customer: Customer) -> Self {
                self.fields.take(customer.into_fields());
                self
            }

            /// Sets the merchant's description of the payment, 1 to 255 characters. A request with
            /// another length is refused before it is sent.
            pub fn description(mut self, text: impl Into<String>) -> Self {
                self.fields.set(Field::DESCRIPTION, text);
                self
            }

            /// Sets the URL to which the platform sends callbacks about this payment. Without this
            /// call, the platform uses the callback URL of the project. The documents do not say
            /// whether callbacks about a refund, capture or release go to the URL of the payment's
            /// first request, as in the sandbox: set the URL in each of these requests too.
            pub fn callback_url(mut self, url: impl Into<String>) -> Self {
                self.fields.set(Field::CALLBACK_URL, url);
                self
            }

            /// Sets the value of a [`Field`], for code that chooses the field at run time, such as
            /// from a spec or a file. A second value for the same path replaces the first.
            pub fn field(mut self, field: Field, value: impl Into<String>) -> Self {
                self.fields.set(field, value);
                self
            }

            /// Allows texts such as `size:M;colour:red`, which contain a `;`, a name and a `:`. By
            /// default a request with such a text is refused, because the signed string has the
            /// same form: a callback that repeats the text can be read in more than one way. A
            /// receiver that stores callbacks in `ecp-inbox` may then keep such a callback from
            /// your handler until the platform's answer to a status request says the same. Ids must
            /// not contain `;` in any case.
            pub fn allow_items_in_texts(mut self) -> Self {
                self.items_in_texts = true;
                self
            }

            /// Sets a value that has no setter in this type, by its path in the Gate request, such
            /// as `payment.extra_param`. The value is sent as the JSON that it serialises to. A
            /// request is refused before it is sent if a path is set twice or has a setter.
            pub fn extra(mut self, path: impl Into<String>, value: impl Serialize) -> Self {
                self.extra.set(path, &value);
                self
            }
        }

        impl OperationRequest for $name {
            const EFFECTS: &[Effect] = &[$(Effect::$effect),*];

            fn with_field(self, field: Field, value: impl Into<String>) -> Self {
                self.field(field, value)
            }

            fn with_extra(self, path: impl Into<String>, value: impl Serialize) -> Self {
                self.extra(path, value)
            }

            fn draft(&self) -> Draft<'_> {
                Draft {
                    flow: $operation,
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
    /// A request for a sale: the customer pays the merchant. It is also the request for a hold, the
    /// registration of an account and similar operations, which [`prepare_as`](crate::prepare_as)
    /// checks.
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
    SaleRequest, Operation::SALE, [MoneyIn, Hold, Register]
}

impl SaleRequest {
    /// Creates a request for a sale of an amount. The payment id must be new in the project: the
    /// platform refuses a second payment with the same id (code 3041).
    pub fn new(payment_id: PaymentId, amount: Money) -> Self {
        Self::bare(payment_id, Some(amount), false)
    }

    /// Sets the URLs to which the customer returns from the provider's page, such as after a
    /// success.
    pub fn return_urls(mut self, urls: ReturnUrls) -> Self {
        self.fields.take(urls.into_fields());
        self
    }
}

flow_request! {
    /// A request for a payout: the merchant pays the customer.
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
    PayoutRequest, Operation::PAYOUT, [Out]
}

impl PayoutRequest {
    /// Creates a request for a payout of an amount. The payment id must be new in the project: the
    /// platform refuses a second payment with the same id (code 3041). The id therefore protects
    /// against paying twice, so store it before you send the request.
    pub fn new(payment_id: PaymentId, amount: Money) -> Self {
        Self::bare(payment_id, Some(amount), false)
    }

    /// Sets the customer's account that receives the payout, such as a wallet.
    pub fn account(mut self, account: Account) -> Self {
        self.fields.take(account.into_fields());
        self
    }
}

flow_request! {
    /// A request for a refund of a payment, in full or in part.
    ///
    /// Each refund has an id of the merchant, by which the platform distinguishes the refunds of a
    /// payment; it refuses an id that it has seen before (code 3230). A new request has a random
    /// refund id; set your own id if you have one, and repeat a refund only under the same id.
    /// Store the id before you send the request: two requests for one refund have two random ids,
    /// and the platform may carry out both.
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
    RefundRequest, Operation::REFUND, [Back]
}

impl RefundRequest {
    /// Creates a request for a full refund of a payment, without an amount: the platform knows what
    /// was paid. The documents do not say how much the customer gets if a part was refunded before;
    /// in the sandbox it is the rest.
    pub fn full(payment_id: PaymentId) -> Self {
        Self::bare(payment_id, None, false).with_merchant_refund_id(random_id())
    }

    /// Creates a request for a full refund of a payment, with the amount that was paid. The
    /// platform refuses a greater amount. This library does not know what was paid, so it does not
    /// notice a smaller amount; use [`partial`](Self::partial) for a part.
    pub fn full_of(payment_id: PaymentId, amount: Money) -> Self {
        Self::bare(payment_id, Some(amount), false).with_merchant_refund_id(random_id())
    }

    /// Creates a request for a partial refund of a payment. It is refused before it is sent if the
    /// payment method allows full refunds only.
    pub fn partial(payment_id: PaymentId, amount: Money) -> Self {
        Self::bare(payment_id, Some(amount), true).with_merchant_refund_id(random_id())
    }

    /// Sets the merchant's id of the refund, by which the platform distinguishes refunds of a
    /// payment; by default it is random. The id must be unique among all refunds of the merchant:
    /// the platform refuses one that it has seen before (code 3230).
    pub fn with_merchant_refund_id(mut self, id: impl Into<String>) -> Self {
        self.fields.set(Field::MERCHANT_REFUND_ID, id);
        self
    }

    /// The merchant's id of the refund: the id that was set, otherwise a random one.
    pub fn merchant_refund_id(&self) -> &str {
        self.fields.get(Field::MERCHANT_REFUND_ID.path()).unwrap_or_default()
    }
}

macro_rules! about_held_money {
    ($($name:ident, $what:literal;)*) => {
        $(impl $name {
            #[doc = concat!("Creates a ", $what, " of all money that a payment holds.")]
            pub fn full(payment_id: PaymentId) -> Self {
                Self::bare(payment_id, None, false)
            }

            #[doc = concat!("Creates a ", $what, " of all money that a payment holds, with its amount. Some methods require the amount. This library does not know what is held, so it does not notice another amount; use [`partial`](Self::partial) for a part.")]
            pub fn full_of(payment_id: PaymentId, amount: Money) -> Self {
                Self::bare(payment_id, Some(amount), false)
            }

            #[doc = concat!("Creates a ", $what, " of a part of the money that a payment holds. It is refused before it is sent if the payment method does not allow that.")]
            pub fn partial(payment_id: PaymentId, amount: Money) -> Self {
                Self::bare(payment_id, Some(amount), true)
            }
        })*
    };
}

flow_request! {
    /// A request for a capture: the merchant takes money that an earlier hold keeps for it. Do not
    /// count on a second capture: after the capture of a part, the platform reduces the hold by
    /// itself (documented for cards; row `holds` of `docs/sources.md`).
    ///
    /// A capture has no id of its own by which the platform would refuse a second one. If its
    /// outcome is unknown, request the payment's status before you capture again.
    ///
    /// ```
    /// use ecp_core::PaymentId;
    /// use ecp_methods::request::CaptureRequest;
    ///
    /// let all = CaptureRequest::full(PaymentId::new("order-3936")?);
    /// let part = CaptureRequest::partial(PaymentId::new("order-3936")?, "10.00 EUR".parse()?);
    /// # let _ = (all, part);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    CaptureRequest, Operation::CAPTURE, [Capture]
}

flow_request! {
    /// A request for a release: the merchant gives up money that an earlier hold keeps for it.
    /// After the release of a part, the hold keeps the rest.
    ///
    /// A release has no id of its own by which the platform would refuse a second one. If its
    /// outcome is unknown, request the payment's status before you release again.
    CancelRequest, Operation::CANCEL, [Release]
}

about_held_money! {
    CaptureRequest, "capture";
    CancelRequest, "release";
}

flow_request! {
    /// A request that changes data on the platform and moves no money, such as the end of a series
    /// of payments. Set its fields by their paths with [`extra`](Self::extra). It has no usual
    /// operation: check it with [`prepare_as`](crate::prepare_as) or
    /// [`prepare_operation`](crate::prepare_operation).
    ///
    /// ```
    /// use ecp_core::PaymentId;
    /// use ecp_methods::request::ManageRequest;
    ///
    /// let end = ManageRequest::new(PaymentId::new("order-3936")?).extra("recurring.id", 1015);
    /// # let _ = end;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ManageRequest, Operation::MANAGE, [Manage]
}

impl ManageRequest {
    /// Creates a request about a payment, by the merchant's id of the payment, at first without
    /// other fields.
    pub fn new(payment_id: PaymentId) -> Self {
        Self::bare(payment_id, None, false)
    }
}

macro_rules! usual {
    ($($name:ident => $flow:ident;)*) => {
        $(impl FlowRequest for $name {
            type Flow = $flow;
        })*
    };
}

usual! {
    SaleRequest => Sale;
    PayoutRequest => Payout;
    RefundRequest => Refund;
    CaptureRequest => Capture;
    CancelRequest => Cancel;
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
