//! Orders: the merchant's requests for sales and payouts.

use std::time::Duration;

use ecp_core::{Money, PaymentId, ProjectId};
use ecp_methods::spec::Interface;
use ecp_methods::{FlowKind, MethodSpec};

/// A merchant's request that has passed every check.
pub(crate) struct Order {
    pub(crate) project: ProjectId,
    pub(crate) payment_id: PaymentId,
    pub(crate) spec: &'static MethodSpec,
    pub(crate) kind: OrderKind,
    /// 0 where the customer chooses the amount.
    pub(crate) amount: Money,
    pub(crate) description: String,
    pub(crate) customer_id: Option<String>,
    pub(crate) customer_phone: Option<String>,
    pub(crate) account_number: Option<String>,
    pub(crate) callback_url: Option<String>,
    pub(crate) callbacks: CallbackWishes,
    /// The interface of the request.
    pub(crate) interface: Interface,
    pub(crate) return_urls: ReturnUrls,
}

/// Kind of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderKind {
    Payout,
    Sale,
}

impl OrderKind {
    pub(crate) const fn flow(self) -> FlowKind {
        match self {
            Self::Payout => FlowKind::Payout,
            Self::Sale => FlowKind::Sale,
        }
    }
}

/// Where the customer returns to.
#[derive(Default)]
pub(crate) struct ReturnUrls {
    pub(crate) success: Option<String>,
    pub(crate) decline: Option<String>,
    pub(crate) neutral: Option<String>,
}

/// The merchant's settings for the callbacks of a payment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CallbackWishes {
    /// How long the final callback waits.
    pub(crate) delay: Duration,
    /// Not at all.
    pub(crate) disabled: bool,
}
