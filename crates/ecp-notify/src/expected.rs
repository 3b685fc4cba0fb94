//! Comparison of a callback with an order.

use ecp_core::model::{Callback, End, Payment, PaymentStatus, PaymentType, VerifiedStatus};
use ecp_core::{Currency, Money, PaymentId, ProjectId};

use crate::verified::{Reading, Verified};

/// The merchant's record of a payment (an order or a payout), to compare a callback with: a genuine
/// callback may be about another payment or another amount. Pass it to [`Verified::result_for`].
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
    major_units: &'o [Currency],
}

/// The next step after a callback that is about something else than the order.
const ASK: &str = "deliver nothing by it; after a callback, ask Gate for the payment's status; if Gate's answer does not fit, a person must decide";

/// The reason why a callback does not fit the merchant's record of a payment. Deliver nothing by
/// such a callback: request the payment's status from Gate (the platform's API), whose answer
/// decides ([`Expected::status_result`]). The error's text is safe to log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unexpected {
    /// The signature also fits another message, because the text of the member at this dotted path,
    /// such as `payment.description`, could be several members that were signed separately. Deliver
    /// nothing by it, and request the payment's status from Gate.
    #[error(
        "the signature also fits a message with other JSON members, since the text of `{0}` can be \
         read as several of them: deliver nothing by it, and ask Gate for the payment's status"
    )]
    Ambiguous(String),
    /// The callback is for this project, and not for the order's. Deliver nothing by it, and
    /// request the status of the order's payment from Gate.
    #[error("the message is for project {0}, not for the order's project: {ask}", ask = ASK)]
    Project(ProjectId),
    /// The callback is about another payment than the order's, or has no payment id. Deliver
    /// nothing by it, and request the status of the order's payment from Gate.
    #[error("the message's `payment.id` is missing or is not the order's payment id: {ask}", ask = ASK)]
    Payment,
    /// The payment has this type, which is not the order's, for example a payout instead of a
    /// purchase; `None` if the callback names no type. Deliver nothing by it, and request the
    /// payment's status from Gate.
    #[error("the message's `payment.type` is {}, not the order's type: {ask}", .0.as_ref().map_or("missing", PaymentType::as_str), ask = ASK)]
    Kind(Option<PaymentType>),
    /// The payment has this amount or currency, which is not the order's; `None` if the amount is
    /// missing or its currency is unknown. Deliver nothing by it, and request the payment's status
    /// from Gate.
    #[error("the message's `payment.sum` is {}, not the order's amount and currency: {ask}",
        .0.map_or_else(|| "missing or in an unknown currency".to_owned(), |money| money.to_string()),
        ask = ASK)]
    Amount(Option<Money>),
    /// The payment is by another method than the order's, or the callback names no method. Deliver
    /// nothing by it, and request the payment's status from Gate.
    #[error("the message's `payment.method` is missing or is not the order's method: {ask}", ask = ASK)]
    Method,
}

impl<'o> Expected<'o> {
    /// Creates the record of a sale with this payment id and amount, to compare callbacks with. An
    /// amount of 0 means that the customer chooses the amount, as it does in the request of a sale:
    /// any amount in the currency then fits, and [`Callback::payment`] has the paid amount.
    pub const fn sale(payment: &'o PaymentId, amount: Money) -> Self {
        Self::new(payment, PaymentType::Purchase, amount)
    }

    /// Creates the record of a payout with this payment id and amount, to compare callbacks with.
    pub const fn payout(payment: &'o PaymentId, amount: Money) -> Self {
        Self::new(payment, PaymentType::Payout, amount)
    }

    const fn new(payment: &'o PaymentId, kind: PaymentType, amount: Money) -> Self {
        Self { payment, kind, amount, project: None, callback_names: &[], major_units: &[] }
    }

    /// Requires a callback to be for this project; by default, any project fits. Use this if the
    /// receiver has the keys of several projects.
    pub fn project(self, project: ProjectId) -> Self {
        Self { project: Some(project), ..self }
    }

    /// Requires a callback's `payment.method` to be one of these names, compared case-sensitively;
    /// by default, any method fits. `MethodSpec::callback_names` of `ecp-methods` has the names by
    /// which callbacks call a method.
    pub fn callback_names(self, names: &'o [&'o str]) -> Self {
        Self { callback_names: names, ..self }
    }

    /// Sets the currencies whose amounts the platform counts in whole major units for the order's
    /// method, as listed by `MethodSpec::major_units` of `ecp-methods`. The amount of a callback in
    /// such a currency is then read as major units; without this call, it is read as minor units.
    pub fn major_units(self, currencies: &'o [Currency]) -> Self {
        Self { major_units: currencies, ..self }
    }

    /// Compares a callback with this record, and returns the payment's result as of this callback,
    /// such as [`End::Success`]; a later callback may change it. `project` is the project for which
    /// the callback was received. The error is the first difference.
    ///
    /// If the payment succeeded, the callback must have the payment's type, the whole amount and,
    /// if [`callback_names`](Self::callback_names) is set, one of these names. In other callbacks
    /// these may be missing, and the amount may be 0. After a refund the callback has the amount
    /// that is left, so only its currency is compared.
    ///
    /// This does not check whether the callback's signature also fits another message:
    /// [`Verified::result_for`] does.
    pub fn result(&self, project: ProjectId, callback: &Callback) -> Result<End, Unexpected> {
        self.compare(project, callback.payment_id(), callback.payment.as_ref())
    }

    /// Compares Gate's signed answer to a status request (`Gate::verified_status`) with this
    /// record, as [`result`](Self::result) compares a callback, and returns the payment's result or
    /// the first difference. Use it for an order whose callback did not fit: the answer decides.
    ///
    /// [`End::Error`] is also the result where Gate does not know the payment
    /// (`StatusResponse::is_unknown_payment`). The answer must come from Gate: of one from elsewhere
    /// check [`VerifiedStatus::doubts`] too.
    pub fn status_result(&self, answer: &VerifiedStatus) -> Result<End, Unexpected> {
        let payment = answer.payment.as_ref();
        let in_general = || answer.general.as_ref()?.payment_id.as_ref();
        let id = payment.and_then(|payment| payment.id.as_ref()).or_else(in_general);
        self.compare(answer.project(), id, payment)
    }

    fn compare(
        &self,
        project: ProjectId,
        id: Option<&PaymentId>,
        payment: Option<&Payment>,
    ) -> Result<End, Unexpected> {
        if self.project.is_some_and(|expected| expected != project) {
            return Err(Unexpected::Project(project));
        }
        if id != Some(self.payment) {
            return Err(Unexpected::Payment);
        }
        let status = payment.and_then(|payment| payment.status.as_ref());
        let end = status.map_or(End::Unknown, PaymentStatus::end);
        let kind = payment.and_then(|payment| payment.kind.as_ref());
        if kind.map_or(end.is_success(), |kind| *kind != self.kind) {
            return Err(Unexpected::Kind(kind.cloned()));
        }
        let sum = payment.and_then(|payment| payment.sum.as_ref());
        let money = sum.and_then(|sum| {
            let money = sum.money().ok()?;
            if self.major_units.contains(&money.currency()) {
                Money::from_major(sum.amount, money.currency())
            } else {
                Some(money)
            }
        });
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
    /// Returns the payment's result if the callback is about the expected payment: [`End::Success`]
    /// for a payment of the full amount, [`End::Decline`] for a declined payment, [`End::Open`] for
    /// a payment that has not ended, [`End::Returned`] for one that was refunded, whatever amount
    /// is left. [`End::Error`] and [`End::Unknown`] are results too: they do not say whether money
    /// has moved. Otherwise the error says what does not fit.
    ///
    /// The result is that of the payment in this one callback, not that of the callback's
    /// operation: a callback about a declined refund returns `Success` again. Callbacks also come
    /// more than once and in any order. So deliver once for each payment, not once for each
    /// `Success`. The inbox of `ecp-inbox` keeps a state of the payment that does not depend on the
    /// order; without it, let only a `Returned` follow a `Success`, and expect that a `Success` may
    /// still follow anything else but a `Returned`.
    ///
    /// A valid signature proves that the platform sent the callback, not that the callback is about
    /// this payment or its full amount. If the callback ends the payment and its signature also
    /// fits another message (see [`Reading`]), the error is [`Unexpected::Ambiguous`].
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
