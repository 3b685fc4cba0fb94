//! Comparison of a callback with an order.

use ecp_core::model::{Callback, End, PaymentStatus, PaymentType};
use ecp_core::{Money, PaymentId, ProjectId};

use crate::verified::{Reading, Verified};

/// The merchant's records about a payment, to compare a callback with.
///
/// ```
/// use ecp_core::model::{Callback, End};
/// use ecp_core::{Money, PaymentId};
/// use ecp_notify::{Expected, Unexpected, Verified};
///
/// fn is_paid(callback: &Verified<Callback>, order: &PaymentId, price: Money) -> bool {
///     match callback.result_for(&Expected::sale(order, price)) {
///         Ok(End::Success) => true,
///         Ok(_) => false, // declined, not ended yet, ..
///         Err(problem) => {
///             tracing::warn!(%problem, "a callback does not fit its order");
///             false
///         }
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected<'o> {
    payment: &'o PaymentId,
    kind: PaymentType,
    amount: Money,
    project: Option<ProjectId>,
    callback_names: &'o [&'o str],
}

/// Why a callback is not the result of an order. The texts are safe to log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unexpected {
    /// The signed text has another reading: this member may hold others that were signed
    /// separately. Request the payment's status from Gate.
    #[error(
        "the signature also fits another message, since the text of `{0}` can be read as further members: \
         ask Gate for the payment's status"
    )]
    Ambiguous(String),
    /// The callback is of another project than the order.
    #[error("the callback is for project {0}, not for the order's project")]
    Project(ProjectId),
    /// The callback is about another payment than the order's, or names none.
    #[error("`payment.id` is missing or is not the order's id")]
    Payment,
    /// The payment is of another type than the order, or has none.
    #[error("`payment.type` is {}, not the order's type", .0.as_ref().map_or("missing", PaymentType::as_str))]
    Kind(Option<PaymentType>),
    /// The payment has another amount or currency than the order, or no known one.
    #[error("`payment.sum` is {}, not the order's amount and currency",
        .0.map_or_else(|| "missing or in an unknown currency".to_owned(), |money| money.to_string()))]
    Amount(Option<Money>),
    /// The payment is by another method than the order, or names none.
    #[error("`payment.method` is missing or is not the order's method")]
    Method,
}

impl<'o> Expected<'o> {
    /// A sale of this amount. An amount of 0 leaves the choice to the customer, as in the request:
    /// then any amount of the currency fits, and [`Callback::payment`] holds the paid one.
    pub const fn sale(payment: &'o PaymentId, amount: Money) -> Self {
        Self::new(payment, PaymentType::Purchase, amount)
    }

    /// A payout of this amount.
    pub const fn payout(payment: &'o PaymentId, amount: Money) -> Self {
        Self::new(payment, PaymentType::Payout, amount)
    }

    const fn new(payment: &'o PaymentId, kind: PaymentType, amount: Money) -> Self {
        Self { payment, kind, amount, project: None, callback_names: &[] }
    }

    /// Requires the project, for a receiver that has the keys of several.
    pub fn project(self, project: ProjectId) -> Self {
        Self { project: Some(project), ..self }
    }

    /// Requires a method, by its names in callbacks (`MethodSpec::callback_names`), compared
    /// case-sensitively.
    pub fn callback_names(self, names: &'o [&'o str]) -> Self {
        Self { callback_names: names, ..self }
    }

    /// Compares a callback that was received for a project with the order, and returns the
    /// payment's result.
    ///
    /// A success must name the kind, the whole amount and, if required, the method. In other
    /// callbacks these may be missing, and the sum may be 0. After a refund the sum is the rest of
    /// the payment, so only its currency is compared.
    ///
    /// This does not check for other readings of the callback: [`Verified::result_for`] does.
    pub fn result(&self, project: ProjectId, callback: &Callback) -> Result<End, Unexpected> {
        let payment = callback.payment.as_ref();
        if self.project.is_some_and(|expected| expected != project) {
            return Err(Unexpected::Project(project));
        }
        if callback.payment_id() != Some(self.payment) {
            return Err(Unexpected::Payment);
        }
        let end = callback.payment_status().map_or(End::Unknown, PaymentStatus::end);
        let kind = payment.and_then(|payment| payment.kind.as_ref());
        if kind.map_or(end.is_success(), |kind| *kind != self.kind) {
            return Err(Unexpected::Kind(kind.cloned()));
        }
        let sum = payment.and_then(|payment| payment.sum.as_ref());
        let money = sum.and_then(|sum| sum.money().ok());
        let fits = match (sum, money) {
            (None, _) => !end.is_success(),
            (Some(_), None) => false,
            (_, Some(money)) => {
                money.currency() == self.amount.currency()
                    && (money.minor() == self.amount.minor()
                        || self.amount.minor() == 0
                        || end == End::Returned
                        || (money.minor() == 0 && !end.is_success()))
            }
        };
        if !fits {
            return Err(Unexpected::Amount(money));
        }
        let method = payment.and_then(|payment| payment.method.as_deref());
        let is_of_method =
            method.map_or(!end.is_success(), |method| self.callback_names.contains(&method));
        if !self.callback_names.is_empty() && !is_of_method {
            return Err(Unexpected::Method);
        }
        Ok(end)
    }
}

impl Verified<Callback> {
    /// The payment's result, if the callback is about this order: [`End::Success`] for a sale that
    /// is paid in full, [`End::Decline`] for one that is declined, [`End::Open`] for one that has
    /// not ended. Otherwise the mismatch.
    ///
    /// A genuine callback proves that the platform sent it, not that it is about this order or all
    /// of its amount. One that ends the payment and has more than one reading is
    /// [`Unexpected::Ambiguous`].
    pub fn result_for(&self, expected: &Expected<'_>) -> Result<End, Unexpected> {
        let end = expected.result(self.project(), self)?;
        match self.reading() {
            Reading::Ambiguous([path, ..]) if end.is_final() => {
                Err(Unexpected::Ambiguous(path.clone()))
            }
            _ => Ok(end),
        }
    }
}
