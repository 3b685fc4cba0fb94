//! How a customer comes to the pages of a payment.

use ecp_core::{PaymentId, ProjectId};

use crate::surface::i18n::Language;

/// How the customer of a payment sees the pages: the language and the frame.
#[derive(Clone, Copy)]
pub(crate) struct Visit {
    pub(crate) language: Language,
    /// Whether the pages are shown in the frame of a Payment Page on a merchant's page.
    pub(crate) framed: bool,
}

/// Visits of customers that began on the Payment Page, by payment.
pub(crate) trait Visits: Send + Sync + 'static {
    /// Returns the visit of a payment; `None` if the payment began elsewhere.
    fn of_payment(&self, project: ProjectId, payment_id: &PaymentId) -> Option<Visit>;
}
