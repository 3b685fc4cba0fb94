//! Refunds of sales.
//!
//! Checks that need only the request come before the registration. Whether the payment allows the
//! refund is decided here, when it is processed: another refund may have come first.

use ecp_core::model::{Code, End, OperationStatus, PaymentStatus};
use ecp_core::{Money, PaymentId, ProjectId, Timestamp};
use ecp_methods::Operation;

use super::{Outcome, Payment, Step, beyond_limits, code_of, end_of};
use crate::payment::RefundOperation;
use crate::payment::ids::OperationIds;

/// The most refunds of one payment, done, declined or under way. All of them are kept as long as
/// the payment is, so there must be an end; the documents name none.
const MOST_REFUNDS: usize = 100;

/// A merchant's request for a refund that has passed every check.
pub(crate) struct RefundOrder {
    pub(crate) project: ProjectId,
    pub(crate) payment_id: PaymentId,
    /// The amount to refund; `None` for all that has not been refunded.
    pub(crate) amount: Option<Money>,
    pub(crate) merchant_refund_id: Option<String>,
    pub(crate) callback_url: Option<String>,
}

/// A registered refund.
pub(crate) struct Refund {
    pub(crate) order: RefundOrder,
    pub(crate) ids: OperationIds,
    pub(crate) operation: RefundOperation,
    pub(crate) created: Timestamp,
    pub(crate) changed: Timestamp,
    /// The requested amount of the refund.
    pub(crate) sum: Money,
    outcome: Option<Outcome>,
    /// A fault lets it end in an error.
    ends_in_error: bool,
}

impl Refund {
    pub(crate) const fn status(&self) -> OperationStatus {
        match self.outcome {
            None => OperationStatus::Processing,
            Some(Outcome::Success) => OperationStatus::Success,
            Some(Outcome::Decline { .. }) => OperationStatus::Decline,
            Some(Outcome::Error) => OperationStatus::InternalError,
        }
    }

    pub(crate) fn code(&self) -> Code {
        code_of(self.outcome)
    }

    /// Returns how the refund has ended.
    pub(crate) const fn end(&self) -> End {
        end_of(self.outcome)
    }

    /// Returns the amount that was refunded, in minor units; 0 if the refund has not succeeded.
    pub(crate) fn done(&self) -> i64 {
        if self.is_done() { self.sum.minor() } else { 0 }
    }

    fn is_done(&self) -> bool {
        self.outcome == Some(Outcome::Success)
    }
}

impl Payment {
    pub(crate) fn refunds(&self) -> &[Refund] {
        &self.refunds
    }

    /// Returns the amount of the payment that has not been refunded.
    pub(crate) fn left(&self) -> Money {
        let sum = self.sum();
        let done = self.refunds.iter().filter(|refund| refund.is_done());
        let refunded: i64 = done.map(|refund| refund.sum.minor()).sum();
        Money::from_minor(sum.minor() - refunded, sum.currency())
    }

    /// The refundable amount: whether a refund that ended in an error returned money is unknown, so
    /// its sum counts as returned.
    fn refundable(&self) -> Money {
        let in_error = self.refunds.iter().filter(|refund| refund.outcome == Some(Outcome::Error));
        let in_error: i64 = in_error.map(|refund| refund.sum.minor()).sum();
        let left = self.left();
        Money::from_minor(left.minor() - in_error, left.currency())
    }

    /// Makes the refund at this position end in an error, whatever its result would have been.
    pub(crate) fn end_refund_in_error(&mut self, place: usize) {
        if let Some(refund) = self.refunds.get_mut(place) {
            refund.ends_in_error = true;
        }
    }

    /// The code that says why there can be no refund of the payment now, whatever its amount.
    fn refund_obstacle(&self) -> Option<u32> {
        const STATUS_FORBIDS: u32 = 3060;
        const UNAVAILABLE: u32 = 3610;
        if self.order.kind.flow() != Operation::SALE
            || self.order.spec.rule(Operation::REFUND).is_none()
        {
            return Some(UNAVAILABLE);
        }
        let open = self.outcome() == Some(Outcome::Success) && self.refundable().minor() > 0;
        (!open).then_some(STATUS_FORBIDS)
    }

    /// Returns the code that refuses every refund of the payment, whatever the amount; `None` if a
    /// refund is possible.
    pub(crate) fn refund_refusal(&self) -> Option<u32> {
        const TOO_SOON_AGAIN: u32 = 3285;
        let many = self.refunds.len() >= MOST_REFUNDS;
        self.refund_obstacle().or_else(|| many.then_some(TOO_SOON_AGAIN))
    }

    /// Adds a refund to the payment and returns its position.
    pub(crate) fn begin_refund(
        &mut self,
        order: RefundOrder,
        ids: OperationIds,
        operation: RefundOperation,
        now: Timestamp,
    ) -> usize {
        let sum = order.amount.unwrap_or_else(|| self.refundable());
        let (created, changed, outcome) = (now, now, None);
        let ends_in_error = false;
        self.refunds.push(Refund {
            order,
            ids,
            operation,
            created,
            changed,
            sum,
            outcome,
            ends_in_error,
        });
        self.refunds.len() - 1
    }

    /// Carries out or declines the refund at this position. `code` declines a refund that would
    /// otherwise succeed. Does nothing if the refund has already ended.
    pub(crate) fn process_refund(
        &mut self,
        place: usize,
        code: Option<u32>,
        now: Timestamp,
    ) -> Step {
        let left = self.refundable();
        let Some(refund) = self.refunds.get(place).filter(|refund| refund.outcome.is_none()) else {
            return Step::Stay;
        };
        let sum = refund.order.amount.unwrap_or(left);
        let chosen = code.map(|code| Outcome::Decline { code, field: None });
        let outcome = self.refund_decline(sum, left).or(chosen).unwrap_or(Outcome::Success);
        if let Some(refund) = self.refunds.get_mut(place) {
            refund.sum = sum;
            refund.outcome = Some(if refund.ends_in_error { Outcome::Error } else { outcome });
            refund.changed = now;
        }
        self.changed = now;
        Step::TellOfRefund(place)
    }

    /// Returns the status of a successful payment after its refunds; `None` if nothing was
    /// refunded.
    pub(super) fn refunded_status(&self) -> Option<PaymentStatus> {
        let latest = self.refunds.iter().rev().find(|refund| refund.is_done())?;
        let all = self.left().minor() == 0;
        Some(match (latest.operation, all) {
            (RefundOperation::Refund, true) => PaymentStatus::Refunded,
            (RefundOperation::Refund, false) => PaymentStatus::PartiallyRefunded,
            (RefundOperation::Reversal, true) => PaymentStatus::Reversed,
            (RefundOperation::Reversal, false) => PaymentStatus::PartiallyReversed,
        })
    }

    fn refund_decline(&self, sum: Money, left: Money) -> Option<Outcome> {
        const MORE_THAN_LEFT: u32 = 3283;
        const OTHER_CURRENCY: u32 = 3284;
        const NOT_ALL: u32 = 3609;
        let decline = |code| Some(Outcome::Decline { code, field: None });
        if let Some(code) = self.refund_obstacle() {
            return decline(code);
        }
        let rule = self.order.spec.rule(Operation::REFUND)?;
        if sum.currency() != left.currency() {
            decline(OTHER_CURRENCY)
        } else if sum.minor() > left.minor() {
            decline(MORE_THAN_LEFT)
        } else if sum.minor() < self.sum().minor() && !rule.allows_partial() {
            decline(NOT_ALL)
        } else {
            let country = self.order.customer_country.as_deref();
            beyond_limits(rule, sum, country).and_then(decline)
        }
    }
}
