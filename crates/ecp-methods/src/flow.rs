//! Flows: sale, payout and refund.

use std::fmt;

use crate::request::{FlowRequest, PayoutRequest, RefundRequest, SaleRequest};

/// A flow as a type. The set is closed: the platform defines it.
pub trait Flow: sealed::Sealed + Send + Sync + 'static {
    /// The flow as a value.
    const KIND: FlowKind;
    /// Type of the flow's request.
    type Request: FlowRequest;
}

/// A flow as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlowKind {
    /// A payment by the customer to the merchant.
    Sale,
    /// A payment by the merchant to the customer.
    Payout,
    /// Money of a sale back.
    Refund,
}

impl FlowKind {
    /// All three flows.
    pub const ALL: &[Self] = &[Self::Sale, Self::Payout, Self::Refund];

    /// The last part of the Gate path.
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

/// Money in: the customer pays the merchant.
#[derive(Clone, Copy, Debug)]
pub enum Sale {}

impl Flow for Sale {
    const KIND: FlowKind = FlowKind::Sale;
    type Request = SaleRequest;
}

/// Money out: the merchant pays the customer.
#[derive(Clone, Copy, Debug)]
pub enum Payout {}

impl Flow for Payout {
    const KIND: FlowKind = FlowKind::Payout;
    type Request = PayoutRequest;
}

/// Money back: the merchant returns a sale, or a part of it.
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
