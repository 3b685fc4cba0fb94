//! A callback held against the order that it is about.

use ecp_core::model::{Callback, PaymentType};
use ecp_core::{Money, PaymentId, ProjectId};

use crate::verified::Verified;

/// What the merchant knows of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected<'o> {
    /// The project it was started in.
    pub project: ProjectId,
    /// Its id.
    pub payment: &'o PaymentId,
    /// What it is for: money in or out.
    pub kind: PaymentType,
    /// What is to be paid.
    pub amount: Money,
    /// The method's names in callbacks, from its spec.
    pub callback_names: &'o [&'o str],
}

/// A callback is about something else than expected. The texts are safe to log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unexpected {
    /// Another project.
    #[error("the callback is about project {0}")]
    Project(ProjectId),
    /// Another payment, or none.
    #[error("`payment.id` is of another payment")]
    Payment,
    /// A payment of another kind, or of none.
    #[error("`payment.type` is {}", .0.as_ref().map_or("missing", PaymentType::as_str))]
    Kind(Option<PaymentType>),
    /// Another amount or currency, or none that is known.
    #[error("`payment.sum` is {}", .0.map_or_else(|| "none".to_owned(), |money| money.to_string()))]
    Amount(Option<Money>),
    /// Another method, or none.
    #[error("`payment.method` is of another method")]
    Method,
}

impl Expected<'_> {
    /// Holds a callback that was received for a project against the order. A genuine callback
    /// proves that the platform sent it, not that it is about this order, or about all of its
    /// amount.
    ///
    /// After a refund the sum is what is left of the payment, so this is for the callbacks before:
    /// [`Callback::refund`] tells what a refund did.
    pub fn check(&self, project: ProjectId, callback: &Callback) -> Result<(), Unexpected> {
        let payment = callback.payment.as_ref();
        if project != self.project {
            return Err(Unexpected::Project(project));
        }
        if callback.payment_id() != Some(self.payment) {
            return Err(Unexpected::Payment);
        }
        let kind = payment.and_then(|payment| payment.kind.clone());
        if kind.as_ref() != Some(&self.kind) {
            return Err(Unexpected::Kind(kind));
        }
        let sum = payment.and_then(|payment| payment.sum.as_ref()?.money().ok());
        if sum != Some(self.amount) {
            return Err(Unexpected::Amount(sum));
        }
        match payment.and_then(|payment| payment.method.as_deref()) {
            Some(method) if self.callback_names.contains(&method) => Ok(()),
            _ => Err(Unexpected::Method),
        }
    }
}

impl Verified<Callback> {
    /// Holds the callback against the order, see [`Expected::check`].
    pub fn expect(&self, expected: &Expected<'_>) -> Result<(), Unexpected> {
        expected.check(self.project(), self)
    }
}
