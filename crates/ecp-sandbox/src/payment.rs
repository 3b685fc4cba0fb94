//! A payment and its life.
//!
//! ```text
//! sale:    processing -> awaiting redirect result -> success | decline
//!                        (awaiting customer, where the method's step is no redirect)
//! payout:  processing ----------------------------> success | decline
//! refund:                     of a success: (partially) refunded | no change
//! hold:    as a sale, but -------------------------> awaiting capture | decline
//! capture:            of an awaiting capture: success | no change
//! release:            of an awaiting capture: canceled | awaiting capture (a part) | no change
//! ```
//!
//! An operation goes by its effect on money, whatever its name. A registration is like a sale that
//! moves no money.
//!
//! A sale that waits for the customer beyond its cut-off time is declined, and so is a payout that
//! takes longer because of a fault. A payment that a fault holds goes no further: a sale stays
//! `external processing` once the customer has decided, a payout stays `processing`, until it is
//! released. Another fault lets it end in `internal error`.
//!
//! A sale or payout outside its method's limits is declined from `processing`: the documents
//! check the consistency of parameters after the registration. A sale whose amount the merchant
//! confirms keeps its status until the merchant has answered; no document shows another.

pub(crate) mod clarification;
mod decision;
mod follow_up;
pub(crate) mod ids;
#[cfg(feature = "state")]
pub(crate) mod kept;
mod order;
#[cfg(feature = "pages")]
mod page;
mod rules;

use std::time::Duration;

use ecp_core::model::{Code, End, PaymentStatus};
use ecp_core::{Money, Timestamp};
use ecp_methods::spec::{Capability, Interface, TestStep};
use ecp_methods::{Effect, Rule};

use self::clarification::Questions;
pub use self::decision::Decision;
pub(crate) use self::follow_up::{FollowUp, FollowUpOrder};
use self::ids::{About, PaymentIds};
pub(crate) use self::order::{CallbackWishes, Order, ReturnUrls, type_of};
pub use self::rules::{ButtonRule, RefundOperation};

/// Code of a payout that is declined because the project's balance is too low.
pub(crate) const INSUFFICIENT_FUNDS: u32 = 3028;

/// The code that the platform's table calls so.
const INTERNAL_ERROR: u32 = 501;

pub(crate) struct Payment {
    pub(crate) order: Order,
    pub(crate) ids: PaymentIds,
    pub(crate) created: Timestamp,
    pub(crate) changed: Timestamp,
    /// Time of the last change of the first operation itself. Its follow-ups do not change it.
    pub(crate) first_changed: Timestamp,
    stage: Stage,
    /// The amount that the customer chose in a sale that was requested with the amount 0; `None`
    /// until the customer has decided to pay, and in other payments.
    chosen: Option<Money>,
    /// Whether a fault (`Fault::StalePayment`) keeps the payment from ending.
    held: bool,
    /// The code with which the payment is to be declined once it is released, because its cut-off
    /// time came while a fault kept it from ending; `None` if that did not happen.
    late_cut_off: Option<u32>,
    /// Whether the payment ends in the status `internal error`, whatever its result would be,
    /// because of `Fault::EndInError`.
    ends_in_error: bool,
    /// Time by which `Fault::SlowPayout` delays the first step of a payout; `None` without this
    /// fault, and once the delay has begun.
    slow: Option<Duration>,
    /// Whether the delay by `Fault::SlowPayout` has begun, so that the cut-off time applies to the
    /// payout.
    is_slow: bool,
    /// The customer's decision and the chosen amount, kept while a fault keeps the payment from
    /// ending; applied when the payment is released.
    pending: Option<(Decision, Option<Money>)>,
    follow_ups: Vec<FollowUp>,
    questions: Questions,
}

/// Action that follows a step of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send the merchant a confirmation request (`check_deposit`), which asks whether the merchant
    /// accepts this amount.
    Ask(Money),
    /// Wait for this duration, then take the first step after the registration again.
    Later(Duration),
    /// Record the new status as an event, but send no callback. This is for a sale on the Payment
    /// Page, which itself leads the customer to the provider's page.
    Note,
    /// Do nothing, because the payment is not in a state in which the step applies.
    Stay,
    /// Send a callback about the payment.
    Tell,
    /// Send a callback about the refund, capture or release at this position in the payment's list.
    TellOf(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Processing,
    AwaitingClarification,
    AwaitingCustomer,
    AwaitingMerchant,
    /// The customer has decided, and a fault (`Fault::StalePayment`) keeps the payment from ending.
    Held,
    Ended(Outcome),
}

/// Result of an ended operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Declined with this code. `field` is the request field that the code is about, such as
    /// `payment.amount`; `None` if it is about no field.
    Decline {
        code: u32,
        field: Option<&'static str>,
    },
    /// Ended in an error: it is unknown whether money has moved.
    Error,
    Success,
}

impl Outcome {
    /// No method page gives the code of a decline in test projects; most of their samples have this
    /// one.
    const TEST_DECLINE: Self = Self::Decline { code: 20_000, field: None };

    const fn of(success: bool) -> Self {
        if success { Self::Success } else { Self::TEST_DECLINE }
    }
}

impl Payment {
    pub(crate) fn new(order: Order, ids: PaymentIds, now: Timestamp) -> Self {
        Self {
            order,
            ids,
            created: now,
            changed: now,
            first_changed: now,
            stage: Stage::Processing,
            chosen: None,
            held: false,
            late_cut_off: None,
            ends_in_error: false,
            slow: None,
            is_slow: false,
            pending: None,
            follow_ups: Vec::new(),
            questions: Questions::default(),
        }
    }

    /// Sets the questions that the merchant must answer before the customer can pay.
    pub(crate) fn asking(self, questions: Questions) -> Self {
        Self { questions, ..self }
    }

    /// Returns the project and the payment, for an event.
    pub(crate) fn about(&self) -> About {
        (Some(self.order.project), Some(self.order.payment_id.clone()))
    }

    /// Takes the first step after the registration. `funds` is the project's balance in the
    /// payment's currency, in minor units. A payment that has already taken the step is unchanged.
    pub(crate) fn process(&mut self, funds: i64, now: Timestamp) -> Step {
        if self.stage != Stage::Processing {
            return Step::Stay;
        }
        // An amount that the customer chooses is held against the limits when it is chosen.
        let broken = match self.order.amount.minor() {
            0 => None,
            _ => self.limit_broken(self.order.amount),
        };
        let would_end = broken.is_some() || self.order.is_out();
        if self.held && would_end {
            return Step::Stay;
        }
        if broken.is_none()
            && let Some(by) = self.slow.take()
        {
            self.is_slow = true;
            return Step::Later(by);
        }
        let stage = match (broken, self.order.is_out()) {
            (Some(outcome), _) => Stage::Ended(outcome),
            (None, false) => self.first_wait(),
            (None, true) if self.order.amount.minor() > funds => {
                Stage::Ended(Outcome::Decline { code: INSUFFICIENT_FUNDS, field: None })
            }
            (None, true) => {
                let declined = self.order.spec.testing().is_declined(self.order.amount.minor());
                Stage::Ended(Outcome::of(!declined))
            }
        };
        self.enter(stage, now);
        // The Payment Page sends the customer on by itself.
        let on_page = self.order.interface == Interface::PaymentPage;
        if on_page && stage == Stage::AwaitingCustomer { Step::Note } else { Step::Tell }
    }

    /// Declines the payment with this code because its cut-off time is over. Does nothing if a
    /// fault keeps the payment from ending.
    pub(crate) fn cut_off(&mut self, code: u32, now: Timestamp) -> Step {
        if !self.has_cut_off() {
            return Step::Stay;
        }
        if self.held {
            self.late_cut_off = Some(code);
            return Step::Stay;
        }
        self.enter(Stage::Ended(Outcome::Decline { code, field: None }), now);
        Step::Tell
    }

    /// Whether the payment is in a state in which its cut-off time declines it.
    pub(crate) fn has_cut_off(&self) -> bool {
        match self.stage {
            Stage::AwaitingClarification | Stage::AwaitingCustomer => true,
            Stage::Processing => self.is_slow,
            Stage::AwaitingMerchant | Stage::Held | Stage::Ended(_) => false,
        }
    }

    /// Makes a payout take longer to end, by this time.
    pub(crate) fn slow_down(&mut self, by: Duration) {
        self.slow = Some(self.slow.unwrap_or_default().saturating_add(by));
    }

    /// Keeps the payment from ending until it is released.
    pub(crate) fn hold(&mut self) {
        self.held = self.outcome().is_none();
    }

    /// Makes the payment end in an error, whatever its result would have been.
    pub(crate) fn end_in_error(&mut self) {
        self.ends_in_error = true;
    }

    /// Releases a payment that was kept from ending, and continues from its current step.
    pub(crate) fn release(&mut self, funds: i64, rule: ButtonRule, now: Timestamp) -> Step {
        if !std::mem::take(&mut self.held) {
            return Step::Stay;
        }
        match (self.stage, self.pending.take()) {
            (Stage::Held, Some((decision, chosen))) => {
                self.stage = Stage::AwaitingCustomer;
                self.decide(decision, chosen, rule, now)
            }
            (Stage::Processing, _) => self.process(funds, now),
            _ => self.late_cut_off.take().map_or(Step::Stay, |code| self.cut_off(code, now)),
        }
    }

    /// Applies the customer's decision. `chosen` is the amount that the customer chose, in a sale
    /// that leaves it open. Does nothing unless the payment waits for the customer.
    pub(crate) fn decide(
        &mut self,
        decision: Decision,
        chosen: Option<Money>,
        rule: ButtonRule,
        now: Timestamp,
    ) -> Step {
        if self.stage != Stage::AwaitingCustomer {
            return Step::Stay;
        }
        // Only where the merchant left it open is there an amount to choose, in the currency asked for.
        let chosen = chosen.filter(|amount| {
            self.order.is_open() && amount.currency() == self.order.amount.currency()
        });
        if self.held {
            self.pending = Some((decision, chosen));
            self.enter(Stage::Held, now);
            return Step::Tell;
        }
        let amount = chosen.unwrap_or(self.order.amount);
        let testing = self.order.spec.testing();
        let by_amount = match rule {
            // No amount at all can be nothing but a decline.
            _ if amount.minor() == 0 && self.order.is_open() => false,
            ButtonRule::AmountOnly => true,
            ButtonRule::ListedAmounts => testing.is_listed(amount.minor()),
        };
        let success = if by_amount {
            !testing.is_declined(amount.minor())
        } else {
            decision == Decision::Success
        };
        let broken = chosen.filter(|_| success).and_then(|amount| self.limit_broken(amount));
        let outcome = broken.unwrap_or(Outcome::of(success));
        if outcome == Outcome::Success {
            self.chosen = chosen;
            if self.confirms_amount() {
                self.enter(Stage::AwaitingMerchant, now);
                return Step::Ask(amount);
            }
        }
        self.enter(Stage::Ended(outcome), now);
        Step::Tell
    }

    /// Applies the merchant's answer to a confirmation request: `Ok`, or the code of the decline.
    /// Does nothing unless the payment waits for the answer.
    pub(crate) fn conclude(&mut self, answer: Result<(), u32>, now: Timestamp) -> Step {
        if self.stage != Stage::AwaitingMerchant {
            return Step::Stay;
        }
        let outcome = match answer {
            Ok(()) => Outcome::Success,
            Err(code) => Outcome::Decline { code, field: None },
        };
        self.enter(Stage::Ended(outcome), now);
        Step::Tell
    }

    pub(crate) const fn outcome(&self) -> Option<Outcome> {
        match self.stage {
            Stage::Ended(outcome) => Some(outcome),
            Stage::Processing
            | Stage::AwaitingClarification
            | Stage::AwaitingCustomer
            | Stage::AwaitingMerchant
            | Stage::Held => None,
        }
    }

    /// Whether the first step after the registration is still to be taken.
    #[cfg(feature = "state")]
    pub(crate) fn is_unprocessed(&self) -> bool {
        self.stage == Stage::Processing && !self.held
    }

    /// Returns the amount that the merchant is asked to confirm; `None` if it is not asked.
    #[cfg(feature = "state")]
    pub(crate) fn asked_amount(&self) -> Option<Money> {
        let amount = self.chosen.unwrap_or(self.order.amount);
        (self.stage == Stage::AwaitingMerchant).then_some(amount)
    }

    pub(crate) fn awaits_customer(&self) -> bool {
        self.stage == Stage::AwaitingCustomer
    }

    /// Whether the customer pays after a redirect, and not by displayed data or on the phone.
    pub(crate) const fn is_redirected(&self) -> bool {
        matches!(self.order.spec.testing().sale_step(), TestStep::Redirect)
    }

    pub(crate) const fn is_held(&self) -> bool {
        self.held
    }

    /// Returns the amount of the payment: the amount that the customer chose if the payment has
    /// succeeded, otherwise the requested amount, as in the documents' sample. Callbacks, statuses,
    /// lists and exports all have this amount.
    pub(crate) fn sum(&self) -> Money {
        match self.stage {
            Stage::Ended(Outcome::Success) => self.chosen.unwrap_or(self.order.amount),
            _ => self.order.amount,
        }
    }

    /// Whether the merchant confirms the amount of the payment.
    pub(crate) fn confirms_amount(&self) -> bool {
        self.order.operation.effect() == Effect::MoneyIn
            && self.order.spec.capabilities().has(Capability::AmountConfirmation)
    }

    /// Returns the status of the first operation itself, without its follow-ups.
    pub(crate) const fn first_status(&self) -> PaymentStatus {
        match self.stage {
            Stage::Processing => PaymentStatus::Processing,
            Stage::AwaitingClarification => PaymentStatus::AwaitingClarification,
            Stage::AwaitingCustomer if !self.is_redirected() => PaymentStatus::AwaitingCustomer,
            Stage::AwaitingCustomer | Stage::AwaitingMerchant => {
                PaymentStatus::AwaitingRedirectResult
            }
            Stage::Held => PaymentStatus::ExternalProcessing,
            Stage::Ended(Outcome::Success) => PaymentStatus::Success,
            Stage::Ended(Outcome::Decline { .. }) => PaymentStatus::Decline,
            Stage::Ended(Outcome::Error) => PaymentStatus::InternalError,
        }
    }

    pub(crate) fn status(&self) -> PaymentStatus {
        self.followed_status().unwrap_or_else(|| self.first_status())
    }

    /// Returns the platform's code for the state of the first operation itself.
    pub(crate) fn code(&self) -> Code {
        code_of(self.outcome())
    }

    /// Returns how the first operation itself has ended.
    pub(crate) const fn end(&self) -> End {
        end_of(self.outcome())
    }

    /// Returns the account number in messages: the payout's account, or the customer's wallet if
    /// the method's test rules show it.
    pub(crate) fn account_number(&self) -> Option<&str> {
        if self.order.is_out() {
            return self.order.account_number.as_deref();
        }
        let is_shown =
            self.outcome().is_some() && self.order.spec.testing().shows_account(self.sum().minor());
        is_shown.then_some(self.ids.wallet.as_str())
    }

    /// Returns the URL to which the customer goes when the payment has ended; `None` before, or if
    /// the merchant gave none.
    pub(crate) fn return_url(&self) -> Option<&str> {
        let urls = &self.order.return_urls;
        let own = match (self.outcome(), self.stage) {
            (Some(Outcome::Success), _) => &urls.success,
            (Some(Outcome::Decline { .. } | Outcome::Error), _) => &urls.decline,
            (None, Stage::Held) => &None,
            (None, _) => return None,
        };
        own.as_deref().or(urls.neutral.as_deref())
    }

    fn limit_broken(&self, amount: Money) -> Option<Outcome> {
        let rule = self.order.spec.rule(self.order.operation)?;
        let country = self.order.customer_country.as_deref();
        let code = beyond_limits(rule, amount, country)?;
        Some(Outcome::Decline { code, field: Some("payment.amount") })
    }

    fn enter(&mut self, stage: Stage, now: Timestamp) {
        self.stage = match stage {
            Stage::Ended(_) if self.ends_in_error => Stage::Ended(Outcome::Error),
            stage => stage,
        };
        self.changed = now;
        self.first_changed = now;
    }
}

/// The code for an amount outside of a rule's limits, for a customer of this country.
fn beyond_limits(rule: &Rule, amount: Money, country: Option<&str>) -> Option<u32> {
    let limits = rule.limits_in(amount.currency(), country);
    if limits.least().is_some_and(|least| amount.minor() < least.minor()) {
        Some(3358)
    } else if limits.greatest().is_some_and(|greatest| amount.minor() > greatest.minor()) {
        Some(2642)
    } else {
        None
    }
}

/// How an operation has ended.
const fn end_of(outcome: Option<Outcome>) -> End {
    match outcome {
        None => End::Open,
        Some(Outcome::Success) => End::Success,
        Some(Outcome::Error) => End::Error,
        Some(Outcome::Decline { .. }) => End::Decline,
    }
}

/// An operation's code. While it lasts, the code of an unfinished operation; no sample of an
/// intermediate callback is published.
fn code_of(outcome: Option<Outcome>) -> Code {
    Code::from(match outcome {
        None => 9999,
        Some(Outcome::Success) => 0,
        Some(Outcome::Error) => INTERNAL_ERROR,
        Some(Outcome::Decline { code, .. }) => code,
    })
}

#[cfg(test)]
mod tests {
    use ecp_core::{Currency, PaymentId, ProjectId};
    use ecp_methods::{Operation, Registry};

    use super::*;
    use crate::payment::ids::Ids;

    fn payment(operation: Operation, minor: i64, currency: Currency) -> Payment {
        let order = Order {
            project: ProjectId::new(1).unwrap(),
            payment_id: PaymentId::new("X1").unwrap(),
            spec: Registry::builtin().get("jeton").unwrap().spec(),
            operation,
            amount: Money::from_minor(minor, currency),
            description: String::new(),
            customer_id: None,
            customer_country: None,
            customer_phone: None,
            account_number: Some("93017949".to_owned()),
            callback_url: None,
            callbacks: CallbackWishes::default(),
            interface: Interface::Gate,
            return_urls: ReturnUrls::default(),
        };
        Payment::new(order, Ids::new(1).payment("r".to_owned(), 1), now())
    }

    fn now() -> Timestamp {
        Timestamp::from_unix_seconds(0).unwrap()
    }

    #[test]
    fn amount_and_button_decide_by_the_rule() {
        use ButtonRule::{AmountOnly, ListedAmounts};
        use Decision::{Decline, Success};
        let table = [
            (10_000, Success, ListedAmounts, "0", None),
            (10_000, Decline, ListedAmounts, "20000", None),
            (10_000, Decline, AmountOnly, "0", None),
            (40_000, Success, ListedAmounts, "20000", None),
            (40_000, Success, AmountOnly, "20000", None),
            (40_400, Success, ListedAmounts, "20000", Some(())),
            (20_400, Decline, ListedAmounts, "0", Some(())),
            (20_400, Success, AmountOnly, "0", Some(())),
        ];
        for (minor, decision, rule, code, account) in table {
            let mut sale = payment(Operation::SALE, minor, Currency::EUR);
            assert!(sale.process(i64::MAX, now()) == Step::Tell);
            assert!(sale.decide(decision, None, rule, now()) == Step::Tell);
            let found = (sale.code(), sale.account_number().map(|_| ()));
            assert_eq!((found.0.as_str(), found.1), (code, account), "{minor} {decision} {rule:?}");
        }
    }

    #[test]
    fn a_registration_has_no_amount_to_choose() {
        let mut registration = payment(Operation::ACCOUNT_VERIFICATION, 0, Currency::EUR);
        assert!(registration.process(0, now()) == Step::Tell);
        let chosen = Some(Money::from_minor(500, Currency::EUR));
        let decided = registration.decide(Decision::Success, chosen, ButtonRule::AmountOnly, now());
        assert!(decided == Step::Tell);
        assert_eq!((registration.code().as_str(), registration.sum().minor()), ("0", 0));
    }

    #[test]
    fn limits_decline_either_flow_at_once() {
        let table = [
            (Operation::SALE, 99, Currency::EUR, "3358"),
            (Operation::SALE, 10_000_001, Currency::EUR, "2642"),
            (Operation::SALE, 100_001, Currency::JPY, "2642"),
            (Operation::PAYOUT, 99, Currency::EUR, "3358"),
            (Operation::PAYOUT, 40_000, Currency::EUR, "20000"),
            (Operation::PAYOUT, 10_000, Currency::EUR, "0"),
        ];
        for (kind, minor, currency, code) in table {
            let mut payment = payment(kind, minor, currency);
            assert_eq!(payment.process(i64::MAX, now()), Step::Tell);
            assert!(payment.outcome().is_some() && !payment.awaits_customer());
            assert_eq!(payment.code().as_str(), code, "{kind:?} {minor} {currency}");
        }
    }

    #[test]
    fn a_payout_beyond_the_funds_is_declined_and_its_limits_come_first() {
        for (minor, funds, code) in
            [(10_000, 10_000, "0"), (10_000, 9_999, "3028"), (99, 0, "3358"), (40_000, 0, "3028")]
        {
            let mut payout = payment(Operation::PAYOUT, minor, Currency::EUR);
            assert_eq!(payout.process(funds, now()), Step::Tell);
            assert_eq!(payout.code().as_str(), code, "{minor} of {funds}");
        }
    }

    #[test]
    fn a_held_payment_never_ends_until_it_is_released() {
        let rule = ButtonRule::ListedAmounts;
        let mut sale = payment(Operation::SALE, 10_000, Currency::EUR);
        sale.hold();
        assert_eq!(sale.process(0, now()), Step::Tell);
        assert_eq!(sale.cut_off(20_000, now()), Step::Stay);
        assert_eq!(sale.decide(Decision::Success, None, rule, now()), Step::Tell);
        assert_eq!(sale.status(), PaymentStatus::ExternalProcessing);
        assert_eq!(sale.decide(Decision::Decline, None, rule, now()), Step::Stay);
        assert_eq!(sale.cut_off(20_000, now()), Step::Stay);
        assert_eq!(sale.release(0, rule, now()), Step::Tell);
        assert_eq!(sale.status(), PaymentStatus::Success);
        assert_eq!(sale.release(0, rule, now()), Step::Stay);

        let mut forgotten = payment(Operation::SALE, 10_000, Currency::EUR);
        forgotten.hold();
        forgotten.process(0, now());
        assert_eq!(forgotten.cut_off(20_000, now()), Step::Stay);
        assert_eq!(forgotten.release(0, rule, now()), Step::Tell);
        assert_eq!(forgotten.status(), PaymentStatus::Decline);

        let mut payout = payment(Operation::PAYOUT, 10_000, Currency::EUR);
        payout.hold();
        assert_eq!(payout.process(i64::MAX, now()), Step::Stay);
        assert_eq!(payout.status(), PaymentStatus::Processing);
        assert_eq!(payout.release(i64::MAX, rule, now()), Step::Tell);
        assert_eq!(payout.status(), PaymentStatus::Success);
        payout.hold();
        assert!(!payout.is_held());
    }

    #[test]
    fn only_who_waits_for_the_customer_is_cut_off() {
        let mut sale = payment(Operation::SALE, 10_000, Currency::EUR);
        assert_eq!(sale.cut_off(20_000, now()), Step::Stay);
        sale.process(0, now());
        assert_eq!(sale.cut_off(20_000, now()), Step::Tell);
        assert_eq!((sale.status(), sale.code().as_str()), (PaymentStatus::Decline, "20000"));
        let decided = sale.decide(Decision::Success, None, ButtonRule::ListedAmounts, now());
        assert_eq!(decided, Step::Stay);
    }

    #[test]
    fn no_step_is_taken_twice_or_too_early() {
        let mut sale = payment(Operation::SALE, 10_000, Currency::EUR);
        let rule = ButtonRule::ListedAmounts;
        let (yes, no) = (Decision::Success, Decision::Decline);
        assert_eq!(sale.decide(yes, None, rule, now()), Step::Stay);
        assert_eq!(
            [sale.process(i64::MAX, now()), sale.process(i64::MAX, now())],
            [Step::Tell, Step::Stay]
        );
        assert_eq!(sale.conclude(Err(1), now()), Step::Stay);
        assert_eq!(sale.decide(yes, None, rule, now()), Step::Tell);
        assert_eq!(sale.decide(no, None, rule, now()), Step::Stay);
        assert_eq!([sale.process(i64::MAX, now()), sale.conclude(Err(1), now())], [Step::Stay; 2]);
        assert_eq!(sale.outcome(), Some(Outcome::Success));
    }
}
