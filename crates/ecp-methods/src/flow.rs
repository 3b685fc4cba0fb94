//! Operations: what can be done with a payment method, such as a sale, a payout or a refund.

use std::fmt;

use crate::request::{
    CancelRequest, CaptureRequest, OperationRequest, PayoutRequest, RefundRequest, SaleRequest,
};

/// An operation of a payment method as a Rust type, such as [`Sale`]. A call that names this type,
/// as `prepare_as::<Sale>` does, compiles only for payment methods that have the operation. Your
/// crate can define an operation that this crate lacks. Its request type must allow the effect that
/// the operation has on money ([`OperationRequest::EFFECTS`]):
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
    /// later. Do so soon: by a copy of its documentation, the platform ends holds of cards by
    /// itself after some days; when holds of wallets end is not known.
    Hold,
    /// The merchant takes money that an earlier hold keeps for it, in full or in part.
    Capture,
    /// The merchant gives up money that an earlier hold keeps for it, in full or in part, so that
    /// the customer has the money again.
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

/// An operation of a payment method: its name and its effect on money. The name is the last part of
/// the Gate path, such as `sale` in `/v2/payment/wallet/jeton/sale`.
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
    /// A hold of the customer's money, until the merchant captures or releases it (row `operations`
    /// of `docs/sources.md`). A copy of the platform's documentation says that the platform
    /// captures or releases holds of cards by itself after some days; when holds of wallets end is
    /// not known.
    pub const AUTH: Self = Self::new("auth", Effect::Hold);
    /// A capture: the merchant takes money that an earlier hold ([`Operation::AUTH`]) keeps for it,
    /// in full or in part (row `operations` of `docs/sources.md`).
    pub const CAPTURE: Self = Self::new("capture", Effect::Capture);
    /// A release: the merchant gives up money that an earlier hold ([`Operation::AUTH`]) keeps for
    /// it, in full or in part (row `operations` of `docs/sources.md`).
    pub const CANCEL: Self = Self::new("cancel", Effect::Release);
    /// A payment in a series, such as a subscription, that the customer agreed to before (row
    /// `operations` of `docs/sources.md`).
    pub const RECURRING: Self = Self::new("recurring", Effect::MoneyIn);
    /// A check of the customer's account, with an amount of 0 or more (row `operations` of
    /// `docs/sources.md`).
    pub const ACCOUNT_VERIFICATION: Self = Self::new("account_verification", Effect::Register);

    /// The operation of a [`ManageRequest`](crate::request::ManageRequest) until it is checked for
    /// an operation of a method.
    pub(crate) const MANAGE: Self = Self::new("manage", Effect::Manage);

    /// The operations that are constants of this type, such as [`Operation::SALE`]. A payment
    /// method can also have other operations.
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

/// The sale as a Rust type, for calls such as `prepare_as::<Sale>` and the marker `Supports<Sale>`:
/// the customer pays the merchant.
#[derive(Clone, Copy, Debug)]
pub enum Sale {}

impl Flow for Sale {
    const OPERATION: Operation = Operation::SALE;
    type Request = SaleRequest;
}

/// The payout as a Rust type, for calls such as `prepare_as::<Payout>` and the marker
/// `Supports<Payout>`: the merchant pays the customer.
#[derive(Clone, Copy, Debug)]
pub enum Payout {}

impl Flow for Payout {
    const OPERATION: Operation = Operation::PAYOUT;
    type Request = PayoutRequest;
}

/// The refund as a Rust type, for calls such as `prepare_as::<Refund>` and the marker
/// `Supports<Refund>`: the merchant returns the money of a payment, or a part of it.
#[derive(Clone, Copy, Debug)]
pub enum Refund {}

impl Flow for Refund {
    const OPERATION: Operation = Operation::REFUND;
    type Request = RefundRequest;
}

/// The hold as a Rust type, for calls such as `prepare_as::<Auth>` and the marker `Supports<Auth>`:
/// the customer's money is held for the merchant, who later captures or releases it. Its name on
/// Gate is `auth`, and its requests are those of a sale.
#[derive(Clone, Copy, Debug)]
pub enum Auth {}

impl Flow for Auth {
    const OPERATION: Operation = Operation::AUTH;
    type Request = SaleRequest;
}

/// The capture as a Rust type, for calls such as `prepare_as::<Capture>` and the marker
/// `Supports<Capture>`: the merchant takes money that an earlier hold keeps for it.
#[derive(Clone, Copy, Debug)]
pub enum Capture {}

impl Flow for Capture {
    const OPERATION: Operation = Operation::CAPTURE;
    type Request = CaptureRequest;
}

/// The release as a Rust type, for calls such as `prepare_as::<Cancel>` and the marker
/// `Supports<Cancel>`: the merchant gives up money that an earlier hold keeps for it. Its name on
/// Gate is `cancel`.
#[derive(Clone, Copy, Debug)]
pub enum Cancel {}

impl Flow for Cancel {
    const OPERATION: Operation = Operation::CANCEL;
    type Request = CancelRequest;
}

/// The payment in a series as a Rust type, for calls such as `prepare_as::<Recurring>` and the
/// marker `Supports<Recurring>`. The customer agreed to the series before, so the merchant can
/// repeat it without the customer.
#[derive(Clone, Copy, Debug)]
pub enum Recurring {}

impl Flow for Recurring {
    const OPERATION: Operation = Operation::RECURRING;
    type Request = SaleRequest;
}

/// The check of the customer's account as a Rust type, for calls such as
/// `prepare_as::<AccountVerification>` and the marker `Supports<AccountVerification>`. Its requests
/// are those of a sale, with an amount of 0 or more.
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
