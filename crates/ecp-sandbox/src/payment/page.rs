//! A payment as its pages show it.

use ecp_core::Money;

use super::{Payment, Stage};

impl Payment {
    /// The amount on the provider's page: while the merchant is asked, the one that the customer
    /// chose, and otherwise the sum.
    pub(crate) fn on_page(&self) -> Money {
        match self.stage {
            Stage::AwaitingMerchant => self.chosen.unwrap_or(self.order.amount),
            _ => self.sum(),
        }
    }

    /// Whether the customer has decided and something else is still to come.
    pub(crate) fn awaits_others(&self) -> bool {
        matches!(self.stage, Stage::AwaitingMerchant | Stage::Held)
    }

    /// Whether the amount is the customer's to choose.
    pub(crate) const fn is_open(&self) -> bool {
        self.order.amount.minor() == 0
    }

    /// Whether the method's test rules give the amount a meaning.
    pub(crate) fn is_listed(&self) -> bool {
        self.order.spec.testing().is_listed(self.order.amount.minor())
    }
}
