//! A payment and its life.
//!
//! ```text
//! sale:    processing -> awaiting redirect result -> success | decline
//! payout:  processing ----------------------------> success | decline
//! ```
//!
//! A sale or payout outside its method's limits is declined from `processing`: the documents
//! check the consistency of parameters after the registration.

use ecp_core::model::{Code, PaymentStatus};
use ecp_core::{Money, PaymentId, ProjectId, Timestamp};
use ecp_methods::{FlowKind, MethodSpec};

use crate::config::ButtonRule;
use crate::event::Decision;
use crate::ids::PaymentIds;

/// What the merchant asked for, once every check has passed.
pub(crate) struct Order {
    pub(crate) project: ProjectId,
    pub(crate) payment_id: PaymentId,
    pub(crate) spec: &'static MethodSpec,
    pub(crate) flow: FlowKind,
    pub(crate) amount: Money,
    pub(crate) description: String,
    pub(crate) customer_id: Option<String>,
    pub(crate) account_number: Option<String>,
    pub(crate) callback_url: Option<String>,
    pub(crate) return_urls: ReturnUrls,
}

/// Where the customer returns to.
#[derive(Default)]
pub(crate) struct ReturnUrls {
    pub(crate) success: Option<String>,
    pub(crate) decline: Option<String>,
    pub(crate) neutral: Option<String>,
}

pub(crate) struct Payment {
    pub(crate) order: Order,
    pub(crate) ids: PaymentIds,
    pub(crate) created: Timestamp,
    pub(crate) changed: Timestamp,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Processing,
    AwaitingCustomer,
    Ended(Outcome),
}

/// How a payment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The code, and the field that it is about.
    Decline {
        code: u32,
        field: Option<&'static str>,
    },
    Success,
}

impl Outcome {
    /// No method page names the code of a decline in test projects; this one stands in most of
    /// their samples.
    const TEST_DECLINE: Self = Self::Decline { code: 20_000, field: None };

    const fn of(success: bool) -> Self {
        if success { Self::Success } else { Self::TEST_DECLINE }
    }
}

impl Payment {
    pub(crate) fn new(order: Order, ids: PaymentIds, now: Timestamp) -> Self {
        Self { order, ids, created: now, changed: now, stage: Stage::Processing }
    }

    /// The first step after the registration. Does nothing to a payment that has taken it.
    pub(crate) fn process(&mut self, now: Timestamp) -> bool {
        if self.stage != Stage::Processing {
            return false;
        }
        let stage = match (self.limit_broken(), self.order.flow) {
            (Some(outcome), _) => Stage::Ended(outcome),
            (None, FlowKind::Sale) => Stage::AwaitingCustomer,
            (None, FlowKind::Payout) => Stage::Ended(Outcome::of(!self.is_listed_as_declined())),
        };
        self.enter(stage, now);
        true
    }

    /// The customer's decision. Does nothing unless the payment waits for it.
    pub(crate) fn decide(&mut self, decision: Decision, rule: ButtonRule, now: Timestamp) -> bool {
        if self.stage != Stage::AwaitingCustomer {
            return false;
        }
        let by_amount = match rule {
            ButtonRule::AmountOnly => true,
            ButtonRule::ListedAmounts => self.is_listed(),
        };
        let success =
            if by_amount { !self.is_listed_as_declined() } else { decision == Decision::Success };
        self.enter(Stage::Ended(Outcome::of(success)), now);
        true
    }

    pub(crate) const fn outcome(&self) -> Option<Outcome> {
        match self.stage {
            Stage::Ended(outcome) => Some(outcome),
            Stage::Processing | Stage::AwaitingCustomer => None,
        }
    }

    pub(crate) fn awaits_customer(&self) -> bool {
        self.stage == Stage::AwaitingCustomer
    }

    pub(crate) const fn status(&self) -> PaymentStatus {
        match self.stage {
            Stage::Processing => PaymentStatus::Processing,
            Stage::AwaitingCustomer => PaymentStatus::AwaitingRedirectResult,
            Stage::Ended(Outcome::Success) => PaymentStatus::Success,
            Stage::Ended(Outcome::Decline { .. }) => PaymentStatus::Decline,
        }
    }

    /// The operation's code. While it lasts, the code for what is not final; no sample of an
    /// intermediate callback is published.
    pub(crate) fn code(&self) -> Code {
        Code::from(match self.stage {
            Stage::Processing | Stage::AwaitingCustomer => 9999,
            Stage::Ended(Outcome::Success) => 0,
            Stage::Ended(Outcome::Decline { code, .. }) => code,
        })
    }

    /// The account that messages name: the one that was paid to, or the customer's wallet where
    /// the method's test rules tell it.
    pub(crate) fn account_number(&self) -> Option<&str> {
        match self.order.flow {
            FlowKind::Payout => self.order.account_number.as_deref(),
            FlowKind::Sale => {
                let told = self.outcome().is_some()
                    && self.order.spec.testing().shows_account(self.order.amount.minor());
                told.then_some(self.ids.wallet.as_str())
            }
        }
    }

    /// Where the customer goes when the payment has ended.
    pub(crate) fn return_url(&self) -> Option<&str> {
        let urls = &self.order.return_urls;
        let own = match self.outcome()? {
            Outcome::Success => &urls.success,
            Outcome::Decline { .. } => &urls.decline,
        };
        own.as_deref().or(urls.neutral.as_deref())
    }

    /// Whether the method's test rules give the amount a meaning.
    pub(crate) fn is_listed(&self) -> bool {
        self.order.spec.testing().is_listed(self.order.amount.minor())
    }

    fn is_listed_as_declined(&self) -> bool {
        self.order.spec.testing().is_declined(self.order.amount.minor())
    }

    fn limit_broken(&self) -> Option<Outcome> {
        let amount = self.order.amount;
        let rule = self.order.spec.rule(self.order.flow)?;
        let (least, greatest) = rule.limits(amount.currency())?;
        let decline = |code| Some(Outcome::Decline { code, field: Some("payment.amount") });
        if amount.minor() < least.minor() {
            decline(3358)
        } else if amount.minor() > greatest.minor() {
            decline(2642)
        } else {
            None
        }
    }

    fn enter(&mut self, stage: Stage, now: Timestamp) {
        self.stage = stage;
        self.changed = now;
    }
}

#[cfg(test)]
mod tests {
    use ecp_core::Currency;
    use ecp_methods::Registry;

    use super::*;
    use crate::ids::Ids;

    fn payment(flow: FlowKind, minor: i64, currency: Currency) -> Payment {
        let order = Order {
            project: ProjectId::new(1).unwrap(),
            payment_id: PaymentId::new("X1").unwrap(),
            spec: Registry::builtin().get("jeton").unwrap().spec(),
            flow,
            amount: Money::from_minor(minor, currency),
            description: String::new(),
            customer_id: None,
            account_number: Some("93017949".to_owned()),
            callback_url: None,
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
            let mut sale = payment(FlowKind::Sale, minor, Currency::EUR);
            assert!(sale.process(now()) && sale.decide(decision, rule, now()));
            let found = (sale.code(), sale.account_number().map(|_| ()));
            assert_eq!((found.0.as_str(), found.1), (code, account), "{minor} {decision} {rule:?}");
        }
    }

    #[test]
    fn limits_decline_either_flow_at_once() {
        let table = [
            (FlowKind::Sale, 99, Currency::EUR, "3358"),
            (FlowKind::Sale, 10_000_001, Currency::EUR, "2642"),
            (FlowKind::Sale, 100_001, Currency::JPY, "2642"),
            (FlowKind::Payout, 99, Currency::EUR, "3358"),
            (FlowKind::Payout, 40_000, Currency::EUR, "20000"),
            (FlowKind::Payout, 10_000, Currency::EUR, "0"),
        ];
        for (flow, minor, currency, code) in table {
            let mut payment = payment(flow, minor, currency);
            assert!(payment.process(now()));
            assert!(payment.outcome().is_some() && !payment.awaits_customer());
            assert_eq!(payment.code().as_str(), code, "{flow} {minor} {currency}");
        }
    }

    #[test]
    fn no_step_is_taken_twice_or_too_early() {
        let mut sale = payment(FlowKind::Sale, 10_000, Currency::EUR);
        let rule = ButtonRule::ListedAmounts;
        assert!(!sale.decide(Decision::Success, rule, now()));
        assert!(sale.process(now()) && !sale.process(now()));
        assert!(sale.decide(Decision::Success, rule, now()));
        assert!(!sale.decide(Decision::Decline, rule, now()) && !sale.process(now()));
        assert_eq!(sale.outcome(), Some(Outcome::Success));
    }
}
