//! What is sent, one struct a flow.
//!
//! `new` takes what every method needs; what a given method needs beyond that is in its spec, and
//! [`prepare`](crate::prepare) names the path of what is missing. Fields that have no setter here
//! are set by their path with `extra`.

mod body;
mod field;
mod parts;

use ecp_core::{Money, PaymentId};
use serde::Serialize;

pub(crate) use self::body::Body;
pub use self::field::Field;
pub use self::parts::{Account, Customer, ReturnUrls};
use self::parts::{Extra, Fields};
use crate::flow::{Flow, FlowKind, Payout, Sale};

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
    pub(crate) payment_id: &'r PaymentId,
    pub(crate) amount: Money,
    pub(crate) fields: &'r Fields,
    pub(crate) extra: &'r Extra,
}

impl<'r> Draft<'r> {
    /// What it asks for.
    pub const fn flow(&self) -> FlowKind {
        self.flow
    }

    /// The payment.
    pub const fn payment_id(&self) -> &'r PaymentId {
        self.payment_id
    }

    /// The amount.
    pub const fn amount(&self) -> Money {
        self.amount
    }

    /// A field's value.
    pub fn get(&self, field: Field) -> Option<&'r str> {
        self.fields.get(field)
    }
}

/// Declares the request of a flow with what every flow has. Its own setters go into an `impl`.
macro_rules! flow_request {
    ($(#[$doc:meta])* $name:ident, $flow:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            payment_id: PaymentId,
            amount: Money,
            fields: Fields,
            extra: Extra,
        }

        impl $name {
            /// A request under a payment id that is new in the project.
            pub fn new(payment_id: PaymentId, amount: Money) -> Self {
                Self { payment_id, amount, fields: Fields::default(), extra: Extra::default() }
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
                    payment_id: &self.payment_id,
                    amount: self.amount,
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
    /// The account to pay to.
    pub fn account(mut self, account: Account) -> Self {
        self.fields.take(account.into_fields());
        self
    }
}

mod sealed {
    pub trait Sealed {}
}
