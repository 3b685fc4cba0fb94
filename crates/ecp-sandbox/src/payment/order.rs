//! Orders: the merchant's requests for sales and payouts.

use std::time::Duration;

use ecp_core::{Money, PaymentId, ProjectId};
use ecp_methods::spec::Interface;
use ecp_methods::{MethodSpec, Operation};

/// A merchant's request for a sale or a payout that has passed every check.
pub(crate) struct Order {
    pub(crate) project: ProjectId,
    pub(crate) payment_id: PaymentId,
    pub(crate) spec: &'static MethodSpec,
    pub(crate) kind: OrderKind,
    /// The requested amount; 0 if the customer chooses the amount.
    pub(crate) amount: Money,
    pub(crate) description: String,
    pub(crate) customer_id: Option<String>,
    /// The customer's country, on which limits can depend.
    pub(crate) customer_country: Option<String>,
    pub(crate) customer_phone: Option<String>,
    pub(crate) account_number: Option<String>,
    pub(crate) callback_url: Option<String>,
    pub(crate) callbacks: CallbackWishes,
    /// The interface through which the payment was requested.
    pub(crate) interface: Interface,
    pub(crate) return_urls: ReturnUrls,
}

/// Kind of an order: a sale or a payout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderKind {
    Payout,
    Sale,
}

impl OrderKind {
    pub(crate) const fn flow(self) -> Operation {
        match self {
            Self::Payout => Operation::PAYOUT,
            Self::Sale => Operation::SALE,
        }
    }
}

/// The URLs to which the customer returns after the payment.
#[derive(Default)]
pub(crate) struct ReturnUrls {
    pub(crate) success: Option<String>,
    pub(crate) decline: Option<String>,
    pub(crate) neutral: Option<String>,
}

/// The merchant's settings for the callbacks of a payment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CallbackWishes {
    /// Delay of the final callback.
    pub(crate) delay: Duration,
    /// Whether no callbacks are sent.
    pub(crate) disabled: bool,
}
