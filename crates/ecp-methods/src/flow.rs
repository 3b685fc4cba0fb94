//! Flows: sale, payout and refund.

use std::fmt;

use crate::request::{FlowRequest, PayoutRequest, RefundRequest, SaleRequest};

/// A flow (sale, payout or refund) as a type. No other crate can add a flow, because the platform
/// defines them.
pub trait Flow: sealed::Sealed + Send + Sync + 'static {
    /// The flow as a value.
    const KIND: FlowKind;
    /// The type of this flow's requests.
    type Request: FlowRequest;
}

/// The kind of an operation: sale, payout or refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlowKind {
    /// A payment by the customer to the merchant.
    Sale,
    /// A payment by the merchant to the customer.
    Payout,
    /// A return of a sale's money to the customer, in full or in part.
    Refund,
}

impl FlowKind {
    /// All three flows, in the order sale, payout, refund.
    pub const ALL: &[Self] = &[Self::Sale, Self::Payout, Self::Refund];

    /// The flow's name as the last part of a Gate path: `sale`, `payout` or `refund`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Payout => "payout",
            Self::Refund => "refund",
        }
    }
}

impl fmt::Display for FlowKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The type of the sale flow: the customer pays the merchant.
#[derive(Clone, Copy, Debug)]
pub enum Sale {}

impl Flow for Sale {
    const KIND: FlowKind = FlowKind::Sale;
    type Request = SaleRequest;
}

/// The type of the payout flow: the merchant pays the customer.
#[derive(Clone, Copy, Debug)]
pub enum Payout {}

impl Flow for Payout {
    const KIND: FlowKind = FlowKind::Payout;
    type Request = PayoutRequest;
}

/// The type of the refund flow: the merchant returns the money of a sale, or a part of it.
#[derive(Clone, Copy, Debug)]
pub enum Refund {}

impl Flow for Refund {
    const KIND: FlowKind = FlowKind::Refund;
    type Request = RefundRequest;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Sale {}
    impl Sealed for super::Payout {}
    impl Sealed for super::Refund {}
}
