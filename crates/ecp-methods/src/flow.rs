//! Operations: what can be done with a payment method, such as a sale, a payout or a refund.

use std::fmt;

use crate::request::{FlowRequest, PayoutRequest, RefundRequest, SaleRequest};

/// An operation of a payment method as a Rust type, such as [`Sale`]. A call with such a type
/// compiles only for payment methods that have the operation.
pub trait Flow: Send + Sync + 'static {
    /// The operation as a value.
    const OPERATION: Operation;
    /// The type of this operation's requests.
    type Request: FlowRequest;
}

/// What an operation does to money, such as moving it from the customer to the merchant. Every
/// decision about an operation, such as whether its request may be sent again, follows from this
/// effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// A new payment: the customer pays the merchant.
    MoneyIn,
    /// A new payment: the customer's money is held for the merchant until it is captured or
    /// released.
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
    /// A change of something that the platform keeps, such as a series of payments. It moves no
    /// money, and the platform answers it synchronously.
    Manage,
}

/// An operation of a payment method: its name, which is the last part of its Gate path, and its
/// effect on money.
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

    /// The operations that are constants of this type: sale, payout and refund.
    pub const KNOWN: &[Self] = &[Self::SALE, Self::PAYOUT, Self::REFUND];

    /// Creates an operation from its name and its effect on money. The name is the last part of the
    /// operation's Gate path: lower case letters, digits, `_` and `-`. In a constant, an invalid
    /// name is a compile error.
    ///
    /// # Panics
    ///
    /// If the name is empty or has other characters.
    pub const fn new(name: &'static str, effect: Effect) -> Self {
        assert!(
            is_name(name),
            "an operation's name must hold only lower case letters, digits, `_` and `-`"
        );
        Self { name, effect }
    }

    /// The name of the operation, which is the last part of its Gate path, such as `sale`.
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

const fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !matches!(bytes[at], b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_') {
            return false;
        }
        at += 1;
    }
    !bytes.is_empty()
}

/// Whether two names are the same, at compile time too.
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
