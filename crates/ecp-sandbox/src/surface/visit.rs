//! How a customer comes to the pages of a payment.

use ecp_core::{PaymentId, ProjectId};

use crate::surface::i18n::Language;

/// How the customer of a payment sees its pages.
#[derive(Clone, Copy)]
pub(crate) struct Visit {
    pub(crate) language: Language,
    /// In the frame of a Payment Page that a merchant's page shows.
    pub(crate) framed: bool,
}

/// The visits that began on a page, by their payments.
pub(crate) trait Visits: Send + Sync + 'static {
    /// `None` for payments that began elsewhere.
    fn of_payment(&self, project: ProjectId, payment_id: &PaymentId) -> Option<Visit>;
}
