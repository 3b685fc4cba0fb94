//! Operations: what can be done with a payment method, such as a sale, a payout or a refund.

use std::fmt;

use crate::request::{
    CancelRequest, CaptureRequest, OperationRequest, PayoutRequest, RefundRequest, SaleRequest,
};

/// An operation of a payment method as a Rust type, such as [`Sale`]. A call with such a type
/// compiles only for payment methods that have the operation. Your crate can define an operation
/// that this crate lacks, with a request type that allows its effect
/// ([`OperationRequest::EFFECTS`]):
///
/// ```
/// use ecp_core::Currency;
/// use ecp_methods::request::{Field, SaleRequest};
/// use ecp_methods::spec::Interface;
/// use ecp_methods::{
///     Effect, Flow, Operation, PaymentMethod, Rule, Spec, Supports, prepare_as,
/// };
///
/// enum OneTap {}
///
/// impl Flow for OneTap {
///     const OPERATION: Operation = Operation::new("1-tap", Effect::MoneyIn);
///     type Request = SaleRequest;
/// }
///
/// #[derive(Debug)]
/// struct Acme;
///
/// impl Supports<OneTap> for Acme {}
/// impl PaymentMethod for Acme {
///     const SPEC: Spec<Self> = Spec::new("acme", "Acme Wallet")
///         .gate_path("wallet/acme")
///         .currencies(&[Currency::EUR])
///         .flow::<OneTap>(Rule::new().on(&[Interface::Gate]).needs(&[Field::CUSTOMER_ID]));
/// }
///
/// let request = SaleRequest::new("X-1".parse()?, "5.00 EUR".parse()?);
/// let request = request.field(Field::CUSTOMER_ID, "customer-1");
/// let prepared = prepare_as::<OneTap>(&Acme, request)?;
/// assert_eq!(prepared.endpoint(), "/v2/payment/wallet/acme/1-tap");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Flow: Send + Sync + 'static {
    /// The operation as a value.
    const OPERATION: Operation;
    /// The type of this operation's requests.
    type Request: OperationRequest;
}

/// What an operation does to money, such as moving it from the customer to the merchant. Every
/// decision about an operation, such as whether its request may be sent again, follows from this
/// effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// A new payment: the customer pays the merchant.
    MoneyIn,
    /// A new payment: the customer's money is held for the merchant, who captures or releases it
    /// later. A hold does not last for ever: see [`Operation::AUTH`].
    Hold,
    /// The merchant takes money that a payment holds, in full or in part.
    Capture,
    /// The merchant gives up money that a payment holds, in full or in part.
    Release,
    /// A new payment: the merchant pays the customer.
    Out,
    /// The merchant returns money of a payment to the customer, in full or in part.
    Back,
    /// A new payment that moves no money: it registers or verifies the customer's account.
    Register,
    /// A change of data on the platform that moves no money, such as the end of a series of
    /// payments. The platform's answer is already the result.
    Manage,
}

impl Effect {
    /// All effects that an operation can have.
    pub const ALL: &[Self] = &[
        Self::MoneyIn,
        Self::Hold,
        Self::Capture,
        Self::Release,
        Self::Out,
        Self::Back,
        Self::Register,
        Self::Manage,
    ];

    /// The short English name of the effect, such as `money in`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MoneyIn => "money in",
            Self::Hold => "hold",
            Self::Capture => "capture",
            Self::Release => "release",
            Self::Out => "money out",
            Self::Back => "money back",
            Self::Register => "registration",
            Self::Manage => "management",
        }
    }

    /// Whether a request with this effect begins a new payment, under a payment id that must be new
    /// in the project. Otherwise the request is about a payment that exists.
    pub const fn is_new_payment(self) -> bool {
        match self {
            Self::MoneyIn | Self::Hold | Self::Out | Self::Register => true,
            Self::Capture | Self::Release | Self::Back | Self::Manage => false,
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An operation of a payment method: its name, which is the part of its Gate path after the
/// method's, and its effect on money.
///
/// ```
/// use ecp_methods::{Effect, Operation};
///
/// const TOP_UP: Operation = Operation::new("top_up", Effect::MoneyIn);
/// assert_eq!(TOP_UP.to_string(), "top_up");
/// assert_eq!(Operation::PAYOUT.effect(), Effect::Out);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operation {
    name: &'static str,
    effect: Effect,
}

impl Operation {
    /// A payment by the customer to the merchant.
    pub const SALE: Self = Self::new("sale", Effect::MoneyIn);
    /// A payment by the merchant to the customer.
    pub const PAYOUT: Self = Self::new("payout", Effect::Out);
    /// A return of a payment's money to the customer, in full or in part.
    pub const REFUND: Self = Self::new("refund", Effect::Back);
    /// A hold of the customer's money, until it is captured or released (sources: operations). A
    /// copy of the platform's documentation says that the platform captures or releases holds of
    /// cards by itself after some days; when holds of wallets end is not known.
    pub const AUTH: Self = Self::new("auth", Effect::Hold);
    /// A capture of money that a payment holds (sources: operations).
    pub const CAPTURE: Self = Self::new("capture", Effect::Capture);
    /// A release of money that a payment holds (sources: operations).
    pub const CANCEL: Self = Self::new("cancel", Effect::Release);
    /// A payment in a series that the customer agreed to before (sources: operations).
    pub const RECURRING: Self = Self::new("recurring", Effect::MoneyIn);
    /// A check of the customer's account (sources: operations).
    pub const ACCOUNT_VERIFICATION: Self = Self::new("account_verification", Effect::Register);

    /// The operation of a [`ManageRequest`](crate::request::ManageRequest) until it is checked for
    /// an operation of a method.
    pub(crate) const MANAGE: Self = Self::new("manage", Effect::Manage);

    /// The operations that are constants of this type. A method can also have other operations.
    pub const KNOWN: &[Self] = &[
        Self::SALE,
        Self::PAYOUT,
        Self::REFUND,
        Self::AUTH,
        Self::CAPTURE,
        Self::CANCEL,
        Self::RECURRING,
        Self::ACCOUNT_VERIFICATION,
    ];

    /// Creates an operation from its name and its effect. The name is the part of the operation's
    /// Gate path after the method's, such as `sale` or `recurring/cancel`: words of lower case
    /// letters, digits, `_` and `-`, with `/` between them. If the operation is a constant, an
    /// invalid name is a compile error.
    ///
    /// # Panics
    ///
    /// If the name is empty or has other characters.
    pub const fn new(name: &'static str, effect: Effect) -> Self {
        assert!(
            is_path(name),
            "an operation's name must be words of lower case letters, digits, `_` and `-` with `/` \
             between them"
        );
        Self { name, effect }
    }

    /// The name of the operation, which is the part of its Gate path after the method's, such as
    /// `sale`.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// What the operation does to money, such as moving it from the customer to the merchant.
    pub const fn effect(self) -> Effect {
        self.effect
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

/// The sale as a Rust type (see [`Flow`]): the customer pays the merchant.
#[derive(Clone, Copy, Debug)]
pub enum Sale {}

impl Flow for Sale {
    const OPERATION: Operation = Operation::SALE;
    type Request = SaleRequest;
}

/// The payout as a Rust type (see [`Flow`]): the merchant pays the customer.
#[derive(Clone, Copy, Debug)]
pub enum Payout {}

impl Flow for Payout {
    const OPERATION: Operation = Operation::PAYOUT;
    type Request = PayoutRequest;
}

/// The refund as a Rust type (see [`Flow`]): the merchant returns the money of a payment, or a part
/// of it.
#[derive(Clone, Copy, Debug)]
pub enum Refund {}

impl Flow for Refund {
    const OPERATION: Operation = Operation::REFUND;
    type Request = RefundRequest;
}

/// The hold ([`Operation::AUTH`]) as a Rust type (see [`Flow`]): the customer's money is held for
/// the merchant.
#[derive(Clone, Copy, Debug)]
pub enum Auth {}

impl Flow for Auth {
    const OPERATION: Operation = Operation::AUTH;
    type Request = SaleRequest;
}

/// The capture as a Rust type (see [`Flow`]): the merchant takes money that a payment holds.
#[derive(Clone, Copy, Debug)]
pub enum Capture {}

impl Flow for Capture {
    const OPERATION: Operation = Operation::CAPTURE;
    type Request = CaptureRequest;
}

/// The release ([`Operation::CANCEL`]) as a Rust type (see [`Flow`]): the merchant gives up money
/// that a payment holds.
#[derive(Clone, Copy, Debug)]
pub enum Cancel {}

impl Flow for Cancel {
    const OPERATION: Operation = Operation::CANCEL;
    type Request = CancelRequest;
}

/// The payment in a series as a Rust type (see [`Flow`]). The customer agreed to the series before.
#[derive(Clone, Copy, Debug)]
pub enum Recurring {}

impl Flow for Recurring {
    const OPERATION: Operation = Operation::RECURRING;
    type Request = SaleRequest;
}

/// The check of the customer's account as a Rust type (see [`Flow`]).
#[derive(Clone, Copy, Debug)]
pub enum AccountVerification {}

impl Flow for AccountVerification {
    const OPERATION: Operation = Operation::ACCOUNT_VERIFICATION;
    type Request = SaleRequest;
}

/// Whether a text is words of lower case letters, digits, `_` and `-`, with `/` between them.
pub(crate) const fn is_path(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut word_begins = true;
    while at < bytes.len() {
        match bytes[at] {
            b'/' if word_begins => return false,
            b'/' => word_begins = true,
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => word_begins = false,
            _ => return false,
        }
        at += 1;
    }
    !word_begins
}

/// Whether two operations are the same; usable at compile time.
pub(crate) const fn is_same(one: Operation, other: Operation) -> bool {
    same_name(one.name, other.name) && one.effect as u8 == other.effect as u8
}

/// Whether two names are the same; usable at compile time.
pub(crate) const fn same_name(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}
