//! Follow-ups: operations about a payment that exists, which are refunds, captures and releases.
//!
//! Checks that need only the request come before the registration. Whether the payment allows the
//! follow-up is decided here, when it is processed: another one may have come first.
//!
//! A capture of a part ends the hold: the platform gives up the rest. A release of a part makes the
//! hold smaller.

use ecp_core::model::{Code, End, OperationStatus, PaymentStatus};
use ecp_core::{Money, PaymentId, ProjectId, Timestamp};
use ecp_methods::{Effect, Operation};

use super::{Outcome, Payment, Step, beyond_limits, code_of, end_of};
use crate::payment::ids::OperationIds;
use crate::payment::{RefundOperation, type_of};

/// The most follow-ups of one payment, done, declined or under way. All of them are kept as long as
/// the payment is, so there must be an end; the documents name none.
const MOST: usize = 100;

/// The status of the payment does not allow the operation.
const STATUS_FORBIDS: u32 = 3060;

/// A merchant's request for a follow-up that has passed every check.
pub(crate) struct FollowUpOrder {
    pub(crate) project: ProjectId,
    pub(crate) payment_id: PaymentId,
    pub(crate) operation: Operation,
    /// The amount of the follow-up; `None` for all that there is: the money that was paid and has
    /// not been refunded, or the money that is held.
    pub(crate) amount: Option<Money>,
    pub(crate) merchant_refund_id: Option<String>,
    pub(crate) callback_url: Option<String>,
}

/// A registered follow-up.
pub(crate) struct FollowUp {
    pub(crate) order: FollowUpOrder,
    pub(crate) ids: OperationIds,
    /// The platform's word for refunds.
    pub(super) refunds_as: RefundOperation,
    pub(crate) created: Timestamp,
    pub(crate) changed: Timestamp,
    /// The requested amount of the follow-up.
    pub(crate) sum: Money,
    pub(super) outcome: Option<Outcome>,
    /// A fault lets it end in an error.
    pub(super) ends_in_error: bool,
}

impl FollowUp {
    pub(crate) const fn status(&self) -> OperationStatus {
        match self.outcome {
            None => OperationStatus::Processing,
            Some(Outcome::Success) => OperationStatus::Success,
            Some(Outcome::Decline { .. }) => OperationStatus::Decline,
            Some(Outcome::Error) => OperationStatus::InternalError,
        }
    }

    /// Returns the type of the operation in messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self.order.operation {
            Operation::REFUND => self.refunds_as.as_str(),
            other => type_of(other),
        }
    }

    pub(crate) const fn effect(&self) -> Effect {
        self.order.operation.effect()
    }

    /// Whether the follow-up is still to be carried out.
    #[cfg(feature = "state")]
    pub(crate) const fn is_unprocessed(&self) -> bool {
        self.outcome.is_none()
    }

    pub(crate) fn code(&self) -> Code {
        code_of(self.outcome)
    }

    /// Returns how the follow-up has ended.
    pub(crate) const fn end(&self) -> End {
        end_of(self.outcome)
    }

    /// Returns the follow-up's effect on the project's balance, in minor units; 0 if it has not
    /// succeeded.
    pub(crate) fn moved(&self) -> i64 {
        match self.effect() {
            _ if !self.is_done() => 0,
            Effect::Back => -self.sum.minor(),
            Effect::Capture => self.sum.minor(),
            _ => 0,
        }
    }

    fn is_done(&self) -> bool {
        self.outcome == Some(Outcome::Success)
    }
}

impl Payment {
    pub(crate) fn follow_ups(&self) -> &[FollowUp] {
        &self.follow_ups
    }

    /// Returns the amount of the payment that is left: what was paid and has not been refunded, or
    /// what is held and has not been released.
    pub(crate) fn left(&self) -> Money {
        let sum = self.whole();
        let back = self.total(Effect::Back, Outcome::Success);
        Money::from_minor(sum.minor() - back, sum.currency())
    }

    /// Returns the amount of a follow-up about the whole payment: what was paid, captured or is
    /// held.
    pub(crate) fn whole(&self) -> Money {
        let sum = self.sum();
        let minor = match self.captured() {
            0 => sum.minor() - self.total(Effect::Release, Outcome::Success),
            captured => captured,
        };
        Money::from_minor(minor, sum.currency())
    }

    /// Makes the follow-up at this position end in an error, whatever its result would have been.
    pub(crate) fn end_follow_up_in_error(&mut self, place: usize) {
        if let Some(follow_up) = self.follow_ups.get_mut(place) {
            follow_up.ends_in_error = true;
        }
    }

    /// Returns the code that refuses every follow-up by this operation, whatever the amount; `None`
    /// if one is possible.
    pub(crate) fn follow_up_refusal(&self, operation: Operation) -> Option<u32> {
        const TOO_SOON_AGAIN: u32 = 3285;
        let many = self.follow_ups.len() >= MOST;
        let many_code = match operation.effect() {
            Effect::Back => TOO_SOON_AGAIN,
            _ => STATUS_FORBIDS,
        };
        self.obstacle(operation).or_else(|| many.then_some(many_code))
    }

    /// Adds a follow-up to the payment and returns its position.
    pub(crate) fn begin_follow_up(
        &mut self,
        order: FollowUpOrder,
        ids: OperationIds,
        refunds_as: RefundOperation,
        now: Timestamp,
    ) -> usize {
        let sum = order.amount.unwrap_or_else(|| self.available(order.operation.effect()));
        self.follow_ups.push(FollowUp {
            order,
            ids,
            refunds_as,
            created: now,
            changed: now,
            sum,
            outcome: None,
            ends_in_error: false,
        });
        self.follow_ups.len() - 1
    }

    /// Carries out or declines the follow-up at this position. `refund_code` declines a refund that
    /// would otherwise succeed. Does nothing if the follow-up has already ended.
    pub(crate) fn process_follow_up(
        &mut self,
        place: usize,
        refund_code: Option<u32>,
        now: Timestamp,
    ) -> Step {
        let open = self.follow_ups.get(place).filter(|follow_up| follow_up.outcome.is_none());
        let Some(follow_up) = open else { return Step::Stay };
        let operation = follow_up.order.operation;
        let available = self.available(operation.effect());
        let sum = follow_up.order.amount.unwrap_or(available);
        let chosen = refund_code.filter(|_| operation.effect() == Effect::Back);
        let code = self.decline_code(operation, sum, available).or(chosen);
        let outcome = code.map_or(Outcome::Success, |code| Outcome::Decline { code, field: None });
        if let Some(follow_up) = self.follow_ups.get_mut(place) {
            follow_up.sum = sum;
            follow_up.outcome =
                Some(if follow_up.ends_in_error { Outcome::Error } else { outcome });
            follow_up.changed = now;
        }
        self.changed = now;
        Step::TellOf(place)
    }

    /// Returns the status of a successful payment by its follow-ups; `None` if there is no other
    /// status than that of the first operation.
    pub(super) fn followed_status(&self) -> Option<PaymentStatus> {
        if self.is_on_hold() {
            let is_open = self.whole().minor() > 0;
            return Some(if is_open {
                PaymentStatus::AwaitingCapture
            } else {
                PaymentStatus::Canceled
            });
        }
        let refunds = self.follow_ups.iter().filter(|it| it.effect() == Effect::Back);
        let latest = refunds.rev().find(|refund| refund.is_done())?;
        let all = self.left().minor() == 0;
        Some(match (latest.refunds_as, all) {
            (RefundOperation::Refund, true) => PaymentStatus::Refunded,
            (RefundOperation::Refund, false) => PaymentStatus::PartiallyRefunded,
            (RefundOperation::Reversal, true) => PaymentStatus::Reversed,
            (RefundOperation::Reversal, false) => PaymentStatus::PartiallyReversed,
        })
    }

    /// Whether the customer's money was held and nothing of it has been captured.
    fn is_on_hold(&self) -> bool {
        self.order.operation.effect() == Effect::Hold
            && self.outcome() == Some(Outcome::Success)
            && self.captured() == 0
    }

    fn captured(&self) -> i64 {
        self.total(Effect::Capture, Outcome::Success)
    }

    /// The sum of the follow-ups with this effect that have ended so, in minor units.
    fn total(&self, effect: Effect, outcome: Outcome) -> i64 {
        let ended = self.follow_ups.iter().filter(|it| it.outcome == Some(outcome));
        ended.filter(|it| it.effect() == effect).map(|it| it.sum.minor()).sum()
    }

    /// The amount that a follow-up with this effect can have. Whether a follow-up that ended in an
    /// error moved money is unknown, so its sum counts as moved.
    pub(crate) fn available(&self, effect: Effect) -> Money {
        let left = self.left();
        let error = |effect| self.total(effect, Outcome::Error);
        let in_error = match effect {
            Effect::Back => error(Effect::Back),
            _ => error(Effect::Capture) + error(Effect::Release),
        };
        Money::from_minor(left.minor() - in_error, left.currency())
    }

    /// The code that says why there can be no follow-up by this operation now, whatever its amount.
    fn obstacle(&self, operation: Operation) -> Option<u32> {
        const UNAVAILABLE: u32 = 3610;
        let effect = operation.effect();
        let is_paid = match (effect, self.order.operation.effect()) {
            (Effect::Back, Effect::MoneyIn) => true,
            (Effect::Back, Effect::Hold) => !self.is_on_hold(),
            (Effect::Back, _) => return Some(UNAVAILABLE),
            _ => self.is_on_hold(),
        };
        if effect == Effect::Back && self.order.spec.rule(operation).is_none() {
            return Some(UNAVAILABLE);
        }
        let is_open = is_paid
            && self.outcome() == Some(Outcome::Success)
            && self.available(effect).minor() > 0;
        (!is_open).then_some(STATUS_FORBIDS)
    }

    /// The code that declines a follow-up of this amount. The documents have codes for refunds
    /// alone; captures and releases have that of a status that does not allow them.
    fn decline_code(&self, operation: Operation, sum: Money, available: Money) -> Option<u32> {
        let (more_than_left, other_currency, not_all) = match operation.effect() {
            Effect::Back => (3283, 3284, 3609),
            _ => (STATUS_FORBIDS, STATUS_FORBIDS, STATUS_FORBIDS),
        };
        if let Some(code) = self.obstacle(operation) {
            return Some(code);
        }
        let rule = self.order.spec.rule(operation)?;
        if sum.currency() != available.currency() {
            Some(other_currency)
        } else if sum.minor() > available.minor() {
            Some(more_than_left)
        } else if sum.minor() < self.whole().minor() && !rule.allows_partial() {
            Some(not_all)
        } else {
            beyond_limits(rule, sum, self.order.customer_country.as_deref())
        }
    }
}
