//! The parts that callbacks and status responses share.

use super::{
    Code, FromJson, ModelError, OperationStatus, OperationType, PaymentStatus, PaymentType, model,
};
use crate::json::{Kind, RawJson, Value};
use crate::{
    Currency, Money, OperationId, PaymentId, RequestId, Sensitive, Timestamp, UnknownCurrency,
};

model! {
    /// `payment`: the payment as a whole.
    pub struct Payment {
        /// The merchant's id of the payment.
        id: Option<PaymentId> = decides "id",
        /// What it is for.
        kind: Option<PaymentType> = decides "type",
        /// Where it stands.
        status: Option<PaymentStatus> = decides "status",
        /// When it changed last.
        date: Option<Timestamp> = describes "date",
        /// The method's name in callbacks, compared to the letter.
        method: Option<String> = decides "method",
        /// What is paid; after a refund, what is left.
        sum: Option<Sum> = decides "sum",
        /// The merchant's description.
        description: Option<Sensitive<String>> = describes "description",
        /// The merchant's id of the refund.
        merchant_refund_id: Option<String> = describes "merchant_refund_id",
    }
}

model! {
    /// `operation`: one step of a payment.
    pub struct Operation {
        /// The platform's number of the operation.
        id: Option<OperationId> = decides "id",
        /// What it does.
        kind: Option<OperationType> = decides "type",
        /// Where it stands.
        status: Option<OperationStatus> = decides "status",
        /// When it changed last.
        date: Option<Timestamp> = describes "date",
        /// When it began.
        created_date: Option<Timestamp> = describes "created_date",
        /// The request that it answers.
        request_id: Option<RequestId> = describes "request_id",
        /// The sum as asked for, in the payment's currency.
        sum_initial: Option<Sum> = decides "sum_initial" | "sum",
        /// The sum after conversion.
        sum_converted: Option<Sum> = describes "sum_converted",
        /// The result.
        code: Option<Code> = describes "code",
        /// The result in words.
        message: Option<String> = describes "message",
        /// The provider's side of it.
        provider: Option<Provider> = describes "provider",
    }
}

model! {
    /// `operation.provider`: absent, partly empty or complete, as the provider likes.
    pub struct Provider {
        /// The platform's id of the provider.
        id: Option<ProviderId> = describes "id",
        /// The provider's id of the payment.
        payment_id: Option<Sensitive<String>> = describes "payment_id",
        /// The provider's authorisation code.
        auth_code: Option<Sensitive<String>> = describes "auth_code",
        /// The provider's date. Its zone is not reliable (sources: dates).
        date: Option<String> = describes "date",
    }
}

model! {
    /// An amount on the wire. It stays apart from [`Money`] until its currency is known, so that
    /// a message in a new currency can still be read and kept.
    pub struct Sum {
        /// Minor units.
        amount: i64 = decides "amount",
        /// The three-letter code.
        currency: String = decides "currency",
    }
}

impl Sum {
    /// The amount as money.
    pub fn money(&self) -> Result<Money, UnknownCurrency> {
        let currency: Currency = self.currency.parse()?;
        Ok(Money::from_minor(self.amount, currency))
    }
}

model! {
    /// `account`: the customer's wallet or card.
    pub struct Account {
        /// Wallet id or masked card number.
        number: Option<Sensitive<String>> = describes "number",
        /// The platform's token for it.
        token: Option<Sensitive<String>> = describes "token",
    }
}

model! {
    /// `customer`: any of it may be absent.
    pub struct Customer {
        /// The merchant's id of the customer.
        id: Option<Sensitive<String>> = describes "id",
        /// The IP address.
        ip_address: Option<Sensitive<String>> = describes "ip_address",
        /// The first name.
        first_name: Option<Sensitive<String>> = describes "first_name",
        /// The last name.
        last_name: Option<Sensitive<String>> = describes "last_name",
        /// The phone number, digits only.
        phone: Option<Sensitive<String>> = describes "phone",
        /// The e-mail address.
        email: Option<Sensitive<String>> = describes "email",
    }
}

model! {
    /// An entry of `errors`.
    pub struct ErrorItem {
        /// The code.
        code: Option<Code> = describes "code",
        /// The code in words.
        message: Option<String> = describes "message",
        /// More words.
        description: Option<String> = describes "description",
        /// The path of the field in question.
        field: Option<String> = describes "field",
    }
}

/// The platform's id of a provider: a number so far. Nothing is decided by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProviderId(Box<str>);

impl ProviderId {
    /// The id as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromJson for ProviderId {
    fn from_json(value: Value<'_>) -> Result<Self, ModelError> {
        match value.kind() {
            Kind::Number(text) | Kind::String(text) => Ok(Self(text.into())),
            _ => Err(ModelError::expected("an id", value)),
        }
    }
}

/// `errors`: a list wherever it has been seen. Anything else is kept unread.
#[derive(Clone, Debug, Default)]
pub struct Errors {
    items: Vec<ErrorItem>,
    unread: Option<RawJson>,
}

impl Errors {
    /// What stood there instead of a list.
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

impl FromJson for Errors {
    fn from_json(value: Value<'_>) -> Result<Self, ModelError> {
        let items: Result<Vec<_>, _> = match value.kind() {
            Kind::Array => value.children().map(ErrorItem::from_json).collect(),
            Kind::Null => Ok(Vec::new()),
            _ => Err(ModelError::expected("a list", value)),
        };
        Ok(match items {
            Ok(items) => Self { items, unread: None },
            Err(_) => Self { items: Vec::new(), unread: Some(value.into()) },
        })
    }

    fn absent(_: Value<'_>, _: &str) -> Result<Self, ModelError> {
        Ok(Self::default())
    }
}
