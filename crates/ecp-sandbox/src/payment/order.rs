//! Orders: the merchant's requests for new payments.

use std::time::Duration;

use ecp_core::{Money, PaymentId, ProjectId};
use ecp_methods::spec::Interface;
use ecp_methods::{Effect, MethodSpec, Operation};

/// A merchant's request for a new payment, such as a sale, a hold or a payout, that has passed
/// every check.
pub(crate) struct Order {
    pub(crate) project: ProjectId,
    pub(crate) payment_id: PaymentId,
    pub(crate) spec: &'static MethodSpec,
    /// The operation that begins the payment, such as a sale.
    pub(crate) operation: Operation,
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

impl Order {
    /// Whether the merchant pays the customer.
    pub(crate) fn is_out(&self) -> bool {
        self.operation.effect() == Effect::Out
    }

    /// Whether the customer chooses the amount. A registration with the amount 0 moves no money.
    pub(crate) fn is_open(&self) -> bool {
        self.amount.minor() == 0 && self.operation.effect() != Effect::Register
    }
}

/// Returns the type of an operation in messages: its name, or the platform's own word.
pub(crate) fn type_of(operation: Operation) -> &'static str {
    match operation {
        Operation::ACCOUNT_VERIFICATION => "account verification",
        other => other.name(),
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
