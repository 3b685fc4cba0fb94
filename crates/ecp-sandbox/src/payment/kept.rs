//! Payments as the state file keeps them.
//!
//! The file's form is written out here, apart from the types that the sandbox works with: a change of
//! this form is another version of the file.

use std::time::Duration;

use ecp_core::{Currency, Money, PaymentId, ProjectId, Timestamp};
use ecp_methods::spec::{Interface, TestQuestion};
use ecp_methods::{DynMethod, MethodSpec, Operation, Registry};
use serde::{Deserialize, Serialize};

use super::clarification::{Open, Questions};
use super::follow_up::{FollowUp, FollowUpOrder};
use super::ids::{OperationIds, PaymentIds};
use super::{
    CallbackWishes, Decision, Order, Outcome, Payment, RefundOperation, ReturnUrls, Stage,
};

/// The field of a decline that is about one.
const AMOUNT: &str = "payment.amount";

/// A payment in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a member of the file's JSON")]
pub(crate) struct KeptPayment {
    project: u64,
    payment_id: String,
    method: String,
    operation: String,
    amount: KeptMoney,
    description: String,
    customer_id: Option<String>,
    customer_country: Option<String>,
    customer_phone: Option<String>,
    account_number: Option<String>,
    callback_url: Option<String>,
    callback_delay_millis: u64,
    callbacks_disabled: bool,
    interface: String,
    return_success: Option<String>,
    return_decline: Option<String>,
    return_neutral: Option<String>,
    ids: KeptIds,
    wallet: String,
    token: String,
    checksum: String,
    created: i64,
    changed: i64,
    first_changed: i64,
    stage: KeptStage,
    chosen: Option<KeptMoney>,
    held: bool,
    late_cut_off: Option<u32>,
    ends_in_error: bool,
    slow_millis: Option<u64>,
    is_slow: bool,
    pending: Option<(bool, Option<KeptMoney>)>,
    follow_ups: Vec<KeptFollowUp>,
    questions: Vec<KeptQuestion>,
    rounds: u32,
}

/// A whole number of minor units, and the currency's code.
#[derive(Serialize, Deserialize)]
struct KeptMoney(i64, String);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptIds {
    request: String,
    operation: u64,
    provider_payment: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeptStage {
    Processing,
    AwaitingClarification,
    AwaitingCustomer,
    AwaitingMerchant,
    Held,
    Ended(KeptOutcome),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeptOutcome {
    Decline { code: u32, of_amount: bool },
    Error,
    Success,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptFollowUp {
    operation: String,
    amount: Option<KeptMoney>,
    merchant_refund_id: Option<String>,
    callback_url: Option<String>,
    ids: KeptIds,
    reversal: bool,
    created: i64,
    changed: i64,
    sum: KeptMoney,
    outcome: Option<KeptOutcome>,
    ends_in_error: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptQuestion {
    object: String,
    name: String,
    refused: bool,
}

impl KeptPayment {
    /// Returns the payment as the file keeps it.
    pub(crate) fn of(payment: &Payment) -> Self {
        let Payment {
            order,
            ids,
            created,
            changed,
            first_changed,
            stage,
            chosen,
            held,
            late_cut_off,
            ends_in_error,
            slow,
            is_slow,
            pending,
            follow_ups,
            questions,
        } = payment;
        let Order {
            project,
            payment_id,
            spec,
            operation,
            amount,
            description,
            customer_id,
            customer_country,
            customer_phone,
            account_number,
            callback_url,
            callbacks: CallbackWishes { delay, disabled },
            interface,
            return_urls: ReturnUrls { success, decline, neutral },
        } = order;
        let PaymentIds { first, wallet, token, checksum } = ids;
        Self {
            project: project.get(),
            payment_id: payment_id.as_str().to_owned(),
            method: spec.code().to_owned(),
            operation: operation.name().to_owned(),
            amount: KeptMoney::of(*amount),
            description: description.clone(),
            customer_id: customer_id.clone(),
            customer_country: customer_country.clone(),
            customer_phone: customer_phone.clone(),
            account_number: account_number.clone(),
            callback_url: callback_url.clone(),
            callback_delay_millis: millis(*delay),
            callbacks_disabled: *disabled,
            interface: interface.to_string(),
            return_success: success.clone(),
            return_decline: decline.clone(),
            return_neutral: neutral.clone(),
            ids: KeptIds::of(first),
            wallet: wallet.clone(),
            token: token.clone(),
            checksum: checksum.clone(),
            created: created.unix_seconds(),
            changed: changed.unix_seconds(),
            first_changed: first_changed.unix_seconds(),
            stage: KeptStage::of(*stage),
            chosen: chosen.map(KeptMoney::of),
            held: *held,
            late_cut_off: *late_cut_off,
            ends_in_error: *ends_in_error,
            slow_millis: slow.map(millis),
            is_slow: *is_slow,
            pending: pending.map(|(decision, chosen)| {
                (decision == Decision::Success, chosen.map(KeptMoney::of))
            }),
            follow_ups: follow_ups.iter().map(KeptFollowUp::of).collect(),
            questions: questions.open.iter().map(KeptQuestion::of).collect(),
            rounds: questions.rounds,
        }
    }

    /// Returns the payment of the file, or why it is none.
    pub(crate) fn payment(self, registry: &Registry) -> Result<Payment, String> {
        let project = ProjectId::new(self.project).map_err(|error| error.to_string())?;
        let payment_id = PaymentId::new(self.payment_id).map_err(|error| error.to_string())?;
        let spec = registry.get(&self.method).map(DynMethod::spec).map_err(|_| {
            format!("the payment method `{}` is not among this sandbox's methods", self.method)
        })?;
        let order = Order {
            project,
            payment_id: payment_id.clone(),
            spec,
            operation: operation(spec, &self.operation)?,
            amount: self.amount.money()?,
            description: self.description,
            customer_id: self.customer_id,
            customer_country: self.customer_country,
            customer_phone: self.customer_phone,
            account_number: self.account_number,
            callback_url: self.callback_url,
            callbacks: CallbackWishes {
                delay: Duration::from_millis(self.callback_delay_millis),
                disabled: self.callbacks_disabled,
            },
            interface: interface(&self.interface)?,
            return_urls: ReturnUrls {
                success: self.return_success,
                decline: self.return_decline,
                neutral: self.return_neutral,
            },
        };
        let pending = match self.pending {
            None => None,
            Some((is_success, chosen)) => {
                let decision = if is_success { Decision::Success } else { Decision::Decline };
                Some((decision, chosen.map(KeptMoney::money).transpose()?))
            }
        };
        let follow_ups = self.follow_ups.into_iter();
        let follow_ups = follow_ups.map(|kept| kept.follow_up(project, &payment_id, spec));
        let open = self.questions.into_iter().map(|kept| kept.open(spec));
        Ok(Payment {
            order,
            ids: PaymentIds {
                first: self.ids.ids(),
                wallet: self.wallet,
                token: self.token,
                checksum: self.checksum,
            },
            created: time(self.created)?,
            changed: time(self.changed)?,
            first_changed: time(self.first_changed)?,
            stage: self.stage.stage(),
            chosen: self.chosen.map(KeptMoney::money).transpose()?,
            held: self.held,
            late_cut_off: self.late_cut_off,
            ends_in_error: self.ends_in_error,
            slow: self.slow_millis.map(Duration::from_millis),
            is_slow: self.is_slow,
            pending,
            follow_ups: follow_ups.collect::<Result<_, String>>()?,
            questions: Questions {
                open: open.collect::<Result<_, String>>()?,
                rounds: self.rounds,
            },
        })
    }
}

impl KeptMoney {
    fn of(money: Money) -> Self {
        Self(money.minor(), money.currency().code().to_owned())
    }

    fn money(self) -> Result<Money, String> {
        let Self(minor, code) = self;
        let currency: Currency = code
            .parse()
            .map_err(|_| format!("the currency `{code}` is not known to this release"))?;
        Ok(Money::from_minor(minor, currency))
    }
}

impl KeptIds {
    fn of(ids: &OperationIds) -> Self {
        let OperationIds { request, operation, provider_payment } = ids;
        Self {
            request: request.clone(),
            operation: *operation,
            provider_payment: provider_payment.clone(),
        }
    }

    fn ids(self) -> OperationIds {
        let Self { request, operation, provider_payment } = self;
        OperationIds { request, operation, provider_payment }
    }
}

impl KeptStage {
    fn of(stage: Stage) -> Self {
        match stage {
            Stage::Processing => Self::Processing,
            Stage::AwaitingClarification => Self::AwaitingClarification,
            Stage::AwaitingCustomer => Self::AwaitingCustomer,
            Stage::AwaitingMerchant => Self::AwaitingMerchant,
            Stage::Held => Self::Held,
            Stage::Ended(outcome) => Self::Ended(KeptOutcome::of(outcome)),
        }
    }

    fn stage(self) -> Stage {
        match self {
            Self::Processing => Stage::Processing,
            Self::AwaitingClarification => Stage::AwaitingClarification,
            Self::AwaitingCustomer => Stage::AwaitingCustomer,
            Self::AwaitingMerchant => Stage::AwaitingMerchant,
            Self::Held => Stage::Held,
            Self::Ended(outcome) => Stage::Ended(outcome.outcome()),
        }
    }
}

impl KeptOutcome {
    fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Decline { code, field } => Self::Decline { code, of_amount: field.is_some() },
            Outcome::Error => Self::Error,
            Outcome::Success => Self::Success,
        }
    }

    fn outcome(self) -> Outcome {
        match self {
            Self::Decline { code, of_amount } => {
                Outcome::Decline { code, field: of_amount.then_some(AMOUNT) }
            }
            Self::Error => Outcome::Error,
            Self::Success => Outcome::Success,
        }
    }
}

impl KeptFollowUp {
    fn of(follow_up: &FollowUp) -> Self {
        let FollowUp { order, ids, refunds_as, created, changed, sum, outcome, ends_in_error } =
            follow_up;
        let FollowUpOrder { operation, amount, merchant_refund_id, callback_url, .. } = order;
        Self {
            operation: operation.name().to_owned(),
            amount: amount.map(KeptMoney::of),
            merchant_refund_id: merchant_refund_id.clone(),
            callback_url: callback_url.clone(),
            ids: KeptIds::of(ids),
            reversal: *refunds_as == RefundOperation::Reversal,
            created: created.unix_seconds(),
            changed: changed.unix_seconds(),
            sum: KeptMoney::of(*sum),
            outcome: outcome.map(KeptOutcome::of),
            ends_in_error: *ends_in_error,
        }
    }

    fn follow_up(
        self,
        project: ProjectId,
        payment_id: &PaymentId,
        spec: &MethodSpec,
    ) -> Result<FollowUp, String> {
        let refunds_as =
            if self.reversal { RefundOperation::Reversal } else { RefundOperation::Refund };
        Ok(FollowUp {
            order: FollowUpOrder {
                project,
                payment_id: payment_id.clone(),
                operation: operation(spec, &self.operation)?,
                amount: self.amount.map(KeptMoney::money).transpose()?,
                merchant_refund_id: self.merchant_refund_id,
                callback_url: self.callback_url,
            },
            ids: self.ids.ids(),
            refunds_as,
            created: time(self.created)?,
            changed: time(self.changed)?,
            sum: self.sum.money()?,
            outcome: self.outcome.map(KeptOutcome::outcome),
            ends_in_error: self.ends_in_error,
        })
    }
}

impl KeptQuestion {
    fn of(open: &Open) -> Self {
        let (object, name) = (open.question.object().to_owned(), open.question.name().to_owned());
        Self { object, name, refused: open.refused }
    }

    fn open(self, spec: &MethodSpec) -> Result<Open, String> {
        let Self { object, name, refused } = self;
        let is_it =
            |question: &&TestQuestion| question.object() == object && question.name() == name;
        let question = spec.testing().sale_questions().iter().find(is_it).copied();
        let question = question.ok_or_else(|| {
            format!("the method `{}` of this release does not ask for {object}.{name}", spec.code())
        });
        Ok(Open { question: question?, refused })
    }
}

/// The operation of a method with this name.
fn operation(spec: &MethodSpec, name: &str) -> Result<Operation, String> {
    let mut operations = spec.rules().map(|(operation, _)| operation);
    let found = operations.find(|operation| operation.name() == name);
    found.ok_or_else(|| {
        format!("the method `{}` of this release has no operation `{name}`", spec.code())
    })
}

fn interface(name: &str) -> Result<Interface, String> {
    let found = Interface::ALL.iter().find(|interface| interface.to_string() == name);
    found.copied().ok_or_else(|| format!("the interface `{name}` is not known to this release"))
}

fn time(seconds: i64) -> Result<Timestamp, String> {
    Timestamp::from_unix_seconds(seconds).map_err(|error| error.to_string())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
