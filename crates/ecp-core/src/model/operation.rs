//! The parts that callbacks and status responses share.

use super::{
    Code, FromJson, ModelError, OperationStatus, OperationType, PaymentStatus, PaymentType, model,
};
use crate::json::{Kind, RawJson, Value};
use crate::{
    Currency, Money, OperationId, PaymentId, RequestId, Sensitive, Timestamp, UnknownCurrency,
};

model! {
    /// The object `payment` of a message: the payment as a whole, with its id, status and amount.
    pub struct Payment / PaymentRef {
        /// The merchant's id of the payment; `None` if the message does not have it here.
        id: Option<PaymentId> = decides "id",
        /// Purpose of the payment, such as a purchase or a payout; `None` if the message does not
        /// say it.
        kind: Option<PaymentType> = decides "type",
        /// Status of the payment, such as `success`; `None` if the message has none.
        /// [`PaymentStatus::end`] says how the status counts.
        status: Option<PaymentStatus> = decides "status",
        /// Time of the payment's last change; `None` if the message has no time that can be read.
        date: Option<Timestamp> = describes "date",
        /// The method's name in callbacks, such as `JetonWallet`. Upper and lower case differ.
        method: Option<String> = decides "method",
        /// The amount of the payment; after a refund, the remaining amount. `None` if the message
        /// has none. The amount may differ from the requested one, so compare them before goods are
        /// delivered.
        sum: Option<Sum> = decides "sum",
        /// The merchant's description of the payment.
        description: Option<Sensitive<String>> = describes "description",
        /// The merchant's id of the refund, in messages about a refund; otherwise `None`.
        merchant_refund_id: Option<String> = describes "merchant_refund_id",
    }
}

model! {
    /// The object `operation` of a message: one step of a payment, such as a sale or a refund.
    pub struct Operation / OperationRef {
        /// The platform's number of the operation.
        id: Option<OperationId> = decides "id",
        /// Type of the operation, such as a sale or a refund; `None` if the message does not say
        /// it.
        kind: Option<OperationType> = decides "type",
        /// Status of the operation, such as `success`; `None` if the message has none.
        /// [`OperationStatus::end`] says how the status counts.
        status: Option<OperationStatus> = decides "status",
        /// Time of the operation's last change; `None` if the message has no time that can be read.
        date: Option<Timestamp> = describes "date",
        /// Time of the operation's creation; `None` if the message has no time that can be read.
        created_date: Option<Timestamp> = describes "created_date",
        /// The platform's id of the merchant's request that began the operation; `None` if the
        /// message does not have it.
        request_id: Option<RequestId> = describes "request_id",
        /// The requested sum, in the payment's currency; `None` if the message has none.
        sum_initial: Option<Sum> = decides "sum_initial" | "sum",
        /// The sum after conversion into another currency, together with that currency; `None` if
        /// the message has none.
        sum_converted: Option<Sum> = describes "sum_converted",
        /// Result code of the operation, such as 0 for success; `None` if the message has none.
        code: Option<Code> = describes "code",
        /// Result of the operation in words, for people to read. Decide by the status instead.
        message: Option<String> = describes "message",
        /// Ids, authorisation code and date from the provider of the payment method; `None` if the
        /// message has none.
        provider: Option<Provider> = describes "provider",
    }
}

model! {
    /// The object `provider` of an operation: the id of the payment method's provider, and this
    /// provider's own payment id, authorisation code and date. The object is absent, partly empty
    /// or complete, depending on the provider.
    pub struct Provider / ProviderRef {
        /// The platform's id of the provider.
        id: Option<ProviderId> = describes "id",
        /// The id that the provider has given to the payment.
        payment_id: Option<Sensitive<String>> = describes "payment_id",
        /// The provider's authorisation code for the payment.
        auth_code: Option<Sensitive<String>> = describes "auth_code",
        /// The provider's date for the payment, as text. Its time zone is not reliable (sources:
        /// dates); use the date of the operation instead.
        date: Option<String> = describes "date",
    }
}

model! {
    /// An amount as it was sent. It is converted to [`Money`] only on request, so that a message in
    /// an unknown currency can still be read and kept.
    pub struct Sum / SumRef {
        /// The amount in minor units of the currency; in major units for the few methods whose
        /// description in `ecp-methods` says so (`MethodSpec::major_units`).
        amount: i64 = decides "amount",
        /// The three-letter code of the currency.
        currency: String = decides "currency",
    }
}

impl Sum {
    /// The amount as [`Money`], counted in minor units. An error if the currency is unknown. For a
    /// method with currencies that the platform counts in major units, use
    /// `MethodSpec::received_amount` of `ecp-methods` instead.
    pub fn money(&self) -> Result<Money, UnknownCurrency> {
        let currency: Currency = self.currency.parse()?;
        Ok(Money::from_minor(self.amount, currency))
    }
}

impl SumRef<'_> {
    /// The amount as [`Money`], counted in minor units. An error if the currency is unknown. For a
    /// method with currencies that the platform counts in major units, use
    /// `MethodSpec::received_amount` of `ecp-methods` instead.
    pub fn money(&self) -> Result<Money, UnknownCurrency> {
        let currency: Currency = self.currency.parse()?;
        Ok(Money::from_minor(self.amount, currency))
    }
}

model! {
    /// The object `account` of a message: the customer's wallet or card.
    pub struct Account / AccountRef {
        /// The id of the wallet, or the masked number of the card.
        number: Option<Sensitive<String>> = describes "number",
        /// The platform's token, which stands for the wallet or card.
        token: Option<Sensitive<String>> = describes "token",
    }
}

model! {
    /// The object `customer` of a message: the customer's id and personal data. Any member may be
    /// absent.
    pub struct Customer / CustomerRef {
        /// The merchant's id of the customer.
        id: Option<Sensitive<String>> = describes "id",
        /// The customer's IP address.
        ip_address: Option<Sensitive<String>> = describes "ip_address",
        /// The customer's first name.
        first_name: Option<Sensitive<String>> = describes "first_name",
        /// The customer's last name.
        last_name: Option<Sensitive<String>> = describes "last_name",
        /// The customer's phone number, digits only.
        phone: Option<Sensitive<String>> = describes "phone",
        /// The customer's e-mail address.
        email: Option<Sensitive<String>> = describes "email",
    }
}

model! {
    /// One error that a message reports: an item of its list `errors`, with code and description.
    pub struct ErrorItem / ErrorItemRef {
        /// The result code of this error.
        code: Option<Code> = describes "code",
        /// The platform's message for the code.
        message: Option<String> = describes "message",
        /// A longer description of the error.
        description: Option<String> = describes "description",
        /// Path of the request's field that the error is about; `None` if it is about no single
        /// field.
        field: Option<String> = describes "field",
    }
}

/// The platform's id of the provider of a payment method. All ids seen so far are numbers, but any
/// text is accepted, because nothing in this library depends on the id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProviderId(Box<str>);

impl ProviderId {
    /// The provider's id as text, as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromJson for ProviderId {
    type Borrowed<'d> = &'d str;

    fn borrow_from(value: Value<'_>) -> Result<&str, ModelError> {
        value
            .text_or_literal()
            .ok_or_else(|| ModelError::expected("an id as text or number", value))
    }

    fn from_borrowed(borrowed: &str) -> Self {
        Self(borrowed.into())
    }
}

/// `errors`: the errors that a message reports. Use it like a slice of [`ErrorItem`]s. All known
/// messages have a list there; a value of another form is in [`unread`](Self::unread).
#[derive(Clone, Debug, Default)]
pub struct Errors {
    items: Vec<ErrorItem>,
    unread: Option<RawJson>,
}

impl Errors {
    /// The value of `errors` if it is not a list of errors, otherwise `None`.
    pub const fn unread(&self) -> Option<&RawJson> {
        self.unread.as_ref()
    }
}

impl std::ops::Deref for Errors {
    type Target = [ErrorItem];

    fn deref(&self) -> &[ErrorItem] {
        &self.items
    }
}

/// `errors`: the errors that a message reports, with texts borrowed from the JSON document. Use it
/// like a slice of [`ErrorItemRef`]s; a value that is no list of errors is in
/// [`unread`](Self::unread).
#[derive(Clone, Debug, Default)]
pub struct ErrorsRef<'d> {
    items: Vec<ErrorItemRef<'d>>,
    unread: Option<Value<'d>>,
}

impl<'d> ErrorsRef<'d> {
    /// The value of `errors` if it is not a list of errors, otherwise `None`.
    pub const fn unread(&self) -> Option<Value<'d>> {
        self.unread
    }
}

impl<'d> std::ops::Deref for ErrorsRef<'d> {
    type Target = [ErrorItemRef<'d>];

    fn deref(&self) -> &[ErrorItemRef<'d>] {
        &self.items
    }
}

impl FromJson for Errors {
    type Borrowed<'d> = ErrorsRef<'d>;

    fn borrow_from(value: Value<'_>) -> Result<ErrorsRef<'_>, ModelError> {
        let items: Option<Vec<_>> = match value.kind() {
            Kind::Array => value.children().map(|item| ErrorItem::borrow_from(item).ok()).collect(),
            Kind::Null => Some(Vec::new()),
            _ => None,
        };
        Ok(match items {
            Some(items) => ErrorsRef { items, unread: None },
            None => ErrorsRef { items: Vec::new(), unread: Some(value) },
        })
    }

    fn absent<'d>(_: Value<'d>, _: &str) -> Result<ErrorsRef<'d>, ModelError> {
        Ok(ErrorsRef::default())
    }

    fn from_borrowed(borrowed: ErrorsRef<'_>) -> Self {
        let items = borrowed.items.into_iter().map(ErrorItemRef::into_owned).collect();
        Self { items, unread: borrowed.unread.map(RawJson::from) }
    }
}
