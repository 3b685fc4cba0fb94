//! A payment as its pages show it.

use ecp_core::Money;

use super::{Payment, Stage};

impl Payment {
    /// Returns the amount that the provider's page shows: the amount that the customer chose while
    /// the merchant is asked to confirm it, otherwise the payment's amount.
    pub(crate) fn on_page(&self) -> Money {
        match self.stage {
            Stage::AwaitingMerchant => self.chosen.unwrap_or(self.order.amount),
            _ => self.sum(),
        }
    }

    /// Whether the customer has decided and the payment still waits for something else.
    pub(crate) fn awaits_others(&self) -> bool {
        matches!(self.stage, Stage::AwaitingMerchant | Stage::Held)
    }

    /// Whether the customer chooses the amount.
    pub(crate) fn is_open(&self) -> bool {
        self.order.is_open()
    }

    /// Whether the amount has a special meaning in the method's test rules.
    pub(crate) fn is_listed(&self) -> bool {
        self.order.spec.testing().is_listed(self.order.amount.minor())
    }
}
