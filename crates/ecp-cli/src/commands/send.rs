//! `ecp sale`, `ecp payout` and `ecp refund`

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use ecp_core::{Money, PaymentId};
use ecp_methods::request::{Field, FlowRequest, PayoutRequest, RefundRequest, SaleRequest};
use ecp_methods::{DynMethod, Flow, MethodSpec, Operation, Prepared, Registry, prepare_dyn};
use ecp_sandbox::Decision;
use ecp_transport::{GateError, Outcome, SendError, Sender, Sent, UnknownReason, Wait, WaitError};

use crate::amount;
use crate::connection::{status_failure, unreachable};
use crate::duration::duration;
use crate::fields::{Fields, method};
use crate::nearest::money;
use crate::next::{About, after_payment, argument, is_wanted};
use crate::outcome::PaymentReport;
use crate::output::shell_word;
use crate::profile::{Profile, ProfileOptions};
use crate::step::NextStep;
use crate::usage::{Usage, UsageText};
use crate::waiting::Waiting;

const CODES: &str = "Exit codes:\n  0  the platform has the request; with --wait, it ended in a success\n  1  nothing happened: the request is wrong, was refused, or could not be sent\n  2  the command line was wrong\n  3  with --wait: it ended, and not in a success\n  4  the outcome is unknown: ask `ecp status`, and do not give the payment another id\n  6  with --wait: it ended in an error, and nothing says whether money has moved: ask\n     technical support before it is repeated under another id";

/// Take a payment through Gate
///
/// `ecp methods METHOD` lists the required fields by the paths that --field takes.
#[derive(Args)]
#[command(after_help = format!("Examples:\n  ecp sale jeton --sample\n  ecp sale jeton order-1 100.00 EUR --field customer.id=7 --field customer.ip_address=192.0.2.1 --field return_url.success=https://shop.example/paid --field return_url.decline=https://shop.example/declined\n\n{CODES}"))]
pub(crate) struct SaleCommand {
    #[command(flatten)]
    request: Request,

    /// The amount with its currency, as in 100.00 EUR
    #[arg(value_name = "AMOUNT", value_parser = money, required_unless_present = "sample")]
    amount: Option<Money>,

    /// Wait until the platform says what the customer has to do, and print that: at most for TIME,
    /// without a TIME for 30 seconds
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "30s", value_parser = duration, conflicts_with = "wait")]
    step: Option<Duration>,
}

/// Make a payout
///
/// `ecp methods METHOD` lists the required fields by the paths that --field takes.
#[derive(Args)]
#[command(after_help = format!("Examples:\n  ecp payout jeton --sample\n  ecp payout jeton P-17 300.00 EUR --field customer.ip_address=192.0.2.1 --field account.number=93017949 --wait\n\n{CODES}"))]
pub(crate) struct PayoutCommand {
    #[command(flatten)]
    request: Request,

    /// The amount with its currency, as in 100.00 EUR
    #[arg(value_name = "AMOUNT", value_parser = money, required_unless_present = "sample")]
    amount: Option<Money>,
}

/// Refund a sale, all of it or a part
#[derive(Args)]
#[command(after_help = format!("Examples:\n  ecp refund wallet-partner order-1 --field payment.description=returned --wait\n\n{CODES}"))]
pub(crate) struct RefundCommand {
    #[command(flatten)]
    request: Request,

    /// Refund only this amount, as in 10.00 EUR, instead of all of the sale
    #[arg(long, value_name = "AMOUNT", value_parser = money)]
    part: Option<Money>,

    /// Your id of the refund, unique among all refunds; by default a random one. To repeat a refund
    /// whose outcome is unknown, give the id that was printed
    #[arg(long, value_name = "ID")]
    refund_id: Option<String>,
}

#[derive(Args)]
struct Request {
    /// The payment method, by its code (`ecp methods` lists the codes) or its Gate path
    #[arg(value_name = "METHOD")]
    method: String,

    /// Your id of the payment
    #[arg(value_name = "PAYMENT_ID", required_unless_present = "sample")]
    payment_id: Option<PaymentId>,

    #[command(flatten)]
    fields: Fields,

    /// Fill in a missing payment id, amount and required fields with example values; only for the
    /// sandbox and addresses of this machine
    #[arg(long)]
    sample: bool,

    #[command(flatten)]
    profile: ProfileOptions,

    #[command(flatten)]
    waiting: Waiting,
}

/// What only some of the requests have.
#[derive(Default)]
struct Extra {
    refund_id: Option<String>,
    step: Option<Duration>,
}

impl SaleCommand {
    pub(crate) fn run(self, registry: &Registry) -> anyhow::Result<ExitCode> {
        let Self { request, amount, step } = self;
        let extra = Extra { refund_id: None, step };
        request.send_amount(registry, Operation::SALE, amount, SaleRequest::new, extra)
    }
}

impl PayoutCommand {
    pub(crate) fn run(self, registry: &Registry) -> anyhow::Result<ExitCode> {
        let Self { request, amount } = self;
        let extra = Extra::default();
        request.send_amount(registry, Operation::PAYOUT, amount, PayoutRequest::new, extra)
    }
}

impl RefundCommand {
    pub(crate) fn run(self, registry: &Registry) -> anyhow::Result<ExitCode> {
        let Self { request, part, refund_id } = self;
        let method = method(registry, &request.method)?;
        let Filled { id, fields, .. } = request.filled(method.spec(), Operation::REFUND, part)?;
        let mut refund = match part {
            None => RefundRequest::full(id),
            Some(amount) => RefundRequest::partial(id, amount),
        };
        if let Some(id) = refund_id {
            refund = refund.with_merchant_refund_id(id);
        }
        let refund = request.with_fields(method, refund, fields);
        let refund_id = refund.merchant_refund_id().to_owned();
        request.send(method, refund, Extra { refund_id: Some(refund_id), step: None })
    }
}

/// The payment id and the amount of a request, and example values for fields that were not given.
struct Filled {
    id: PaymentId,
    amount: Option<Money>,
    fields: Vec<(Field, &'static str)>,
}

const NO_AMOUNT: &str = "the amount is missing: write it after the payment id, as in 100.00 EUR";

impl Request {
    /// Returns the given payment id and amount. With `--sample`, missing values and required fields
    /// are filled in by example values, and those are printed.
    fn filled(
        &self,
        spec: &MethodSpec,
        flow: Operation,
        amount: Option<Money>,
    ) -> anyhow::Result<Filled> {
        const NO_ID: &str = "the payment id is missing: write it after the method";
        if !self.sample {
            let id = self.payment_id.clone().ok_or(Usage(NO_ID))?;
            return Ok(Filled { id, amount, fields: Vec::new() });
        }
        let profile = self.profile.load()?;
        if !profile.takes_examples() {
            return Err(UsageText(format!(
                "--sample sends example values, and profile `{}` sends to {}: it is only for the \
                 sandbox and for addresses of this machine",
                profile.name, profile.gate_url
            ))
            .into());
        }
        let mut words = Vec::new();
        let id = match &self.payment_id {
            Some(id) => id.clone(),
            // A refund is of a payment that exists.
            None if flow == Operation::REFUND => return Err(Usage(NO_ID).into()),
            None => {
                let id =
                    PaymentId::new(format!("sample-{}", jiff::Timestamp::now().as_millisecond()))?;
                words.push(id.to_string());
                id
            }
        };
        let amount = match amount {
            None if flow == Operation::SALE => Some(example_of_sale(spec)?),
            None if flow == Operation::PAYOUT => Some(amount::of_payout(spec, Decision::Success)?),
            amount => amount,
        };
        let currency = amount.map(Money::currency).or(spec.currencies().first().copied());
        let fields =
            currency.map(|currency| self.fields.examples(spec, flow, currency)).unwrap_or_default();
        words.extend(amount.filter(|_| flow != Operation::REFUND).map(|amount| amount.to_string()));
        words.extend(fields.iter().map(|(field, value)| {
            format!("--field {}", shell_word(&format!("{}={value}", field.path())))
        }));
        note!("filled in: {}", words.join(" "));
        Ok(Filled { id, amount, fields })
    }

    /// Sends a request that has an amount.
    fn send_amount<R: FlowRequest>(
        &self,
        registry: &Registry,
        flow: Operation,
        amount: Option<Money>,
        new: impl FnOnce(PaymentId, Money) -> R,
        extra: Extra,
    ) -> anyhow::Result<ExitCode> {
        let method = method(registry, &self.method)?;
        let Filled { id, amount, fields } = self.filled(method.spec(), flow, amount)?;
        let amount = amount.ok_or(Usage(NO_AMOUNT))?;
        let request = self.with_fields(method, new(id, amount), fields);
        self.send(method, request, extra)
    }

    /// Sets the example values and the given fields.
    fn with_fields<R: FlowRequest>(
        &self,
        method: &dyn DynMethod,
        request: R,
        examples: Vec<(Field, &'static str)>,
    ) -> R {
        let filled = examples
            .into_iter()
            .fold(request, |request, (field, value)| request.with_field(field, value));
        self.fields.fill(filled, method.spec())
    }

    fn send<R: FlowRequest>(
        &self,
        method: &dyn DynMethod,
        request: R,
        Extra { refund_id, step }: Extra,
    ) -> anyhow::Result<ExitCode> {
        let prepared = prepare_dyn(method, request)?;
        for warning in prepared.warnings() {
            note!("warning: {warning}");
        }
        let profile = self.profile.load()?;
        profile.warn();
        let runtime = crate::runtime::start()?;
        let mut report = runtime.block_on(self.carry_out(&profile, &prepared, step))?;
        report.merchant_refund_id = refund_id;
        let code = self.waiting.print_sent(&report)?;
        if is_wanted(self.waiting.json()) {
            let about = if R::Flow::OPERATION == Operation::REFUND {
                About::Refund
            } else {
                About::Payment
            };
            let id = prepared.payment_id();
            runtime.block_on(after_payment(&profile, &self.profile, id, &report, about));
        }
        Ok(code)
    }

    async fn carry_out<F: Flow>(
        &self,
        profile: &Profile,
        prepared: &Prepared<F>,
        step: Option<Duration>,
    ) -> anyhow::Result<PaymentReport> {
        // Everything that can fail comes before the request is sent.
        let (sender, gate) = (profile.sender()?, profile.gate()?);
        let rule = prepared.spec().rule(F::OPERATION).context(
            "the method does not have this operation; `ecp methods METHOD` lists those that it \
                 has",
        )?;
        let id = prepared.payment_id();
        let sent = match sender.send(prepared).await {
            Ok(sent) => sent,
            Err(error) => return Ok(self.failed(profile, prepared, &error)),
        };
        let mut report = PaymentReport::of(id);
        report.spec = Some(prepared.spec());
        report.outcome = sent.as_str();
        if let Sent::Registered(accepted) = &sent {
            report.request_id = Some(accepted.request_id.as_str().to_owned());
        }
        if let Sent::Found(status) = &sent {
            report.read(status, None);
        }
        if let Some(longest) = step {
            wait_for_step(profile, &sender, &mut report, id, longest).await;
            return Ok(report);
        }
        let Some(wait) = self.waiting.patience(Wait::by_rule(rule)) else { return Ok(report) };
        let request_id = match &sent {
            Sent::Registered(accepted) if F::OPERATION == Operation::REFUND => {
                Some(&accepted.request_id)
            }
            _ => None,
        };
        let wait = match profile.first_question {
            Some(first) => wait.first(first),
            None => wait,
        };
        let answer = match request_id {
            Some(request_id) => gate.wait_for_operation(id, request_id, &wait).await,
            None => gate.wait_until_final(id, &wait).await,
        };
        match answer {
            Ok(status) => report.read(&status, request_id),
            Err(error) => {
                report.message = Some(no_result(profile, error));
            }
        }
        Ok(report)
    }

    fn failed<F: Flow>(
        &self,
        profile: &Profile,
        prepared: &Prepared<F>,
        error: &SendError,
    ) -> PaymentReport {
        let id = prepared.payment_id();
        let mut report = PaymentReport::of(id);
        report.outcome = match error.outcome() {
            Outcome::NotSent => "not sent",
            Outcome::Refused { .. } => "refused",
            Outcome::Unknown => "unknown",
        };
        report.code = error.error().code().map(ToString::to_string);
        report.message = Some(error.to_string());
        report.sentence = match error.error() {
            GateError::NotSent(cause) => {
                Some(format!("{id}: not sent: {}", profile.cannot_connect(cause, error.sends())))
            }
            GateError::Refused(_) => Some(format!("{id}: {error}")),
            GateError::Unknown(UnknownReason::AlreadyExists(code)) => {
                let refund = prepared.get(Field::MERCHANT_REFUND_ID);
                let what = refund.map_or_else(|| id.to_string(), |id| format!("refund {id}"));
                Some(format!(
                    "{what} already exists on the platform ({code}). Run: {}",
                    status_command(id, &self.profile)
                ))
            }
            _ => None,
        };
        report
    }
}

/// Why the result of a request that the platform has is not known yet. The command that asks later is
/// in a `next:` line.
fn no_result(profile: &Profile, error: WaitError) -> String {
    let has_words = matches!(error, WaitError::Deadline { .. });
    let error = match error {
        WaitError::Gate(error) => status_failure(error),
        error => error.into(),
    };
    if has_words && unreachable(&error).is_none() {
        return error.to_string();
    }
    no_status("result", profile, error)
}

/// What is not known because a status request failed, of a request that the platform has.
fn no_status(what: &str, profile: &Profile, error: anyhow::Error) -> String {
    let error = profile.with_address(error);
    format!(
        "the {what} is not known yet, because the payment's status could not be requested: {error}"
    )
}

/// Returns the example amount of a sale. It is 0 if the customer chooses it by a voucher.
fn example_of_sale(spec: &MethodSpec) -> anyhow::Result<Money> {
    let amount = amount::of_sale(spec, Decision::Success)?;
    let is_theirs = amount::is_voucher(spec, amount);
    Ok(if is_theirs { Money::from_minor(0, amount.currency()) } else { amount })
}

/// Requests the status until it says what the customer has to do. For a redirect, it says only that
/// there is one: the address is in the callback.
async fn wait_for_step(
    profile: &Profile,
    sender: &Sender,
    report: &mut PaymentReport,
    id: &PaymentId,
    longest: Duration,
) {
    const PAUSE: Duration = Duration::from_secs(1);
    let deadline = Instant::now() + longest;
    loop {
        match sender.status(id).await {
            Ok(status) if !status.is_unknown_payment() => report.read(&status, None),
            Ok(_) => {}
            Err(error) => {
                report.message = Some(no_status("next step", profile, status_failure(error)));
            }
        }
        if report.status.as_deref() == Some("awaiting redirect result") {
            report.next_step = Some(NextStep::redirect());
        }
        if report.next_step.is_some() || report.is_final {
            return;
        }
        if Instant::now() + PAUSE >= deadline {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The command that requests the status of a payment.
fn status_command(id: &PaymentId, profile: &ProfileOptions) -> String {
    format!("ecp status{} {}", profile.flags(), argument(id.as_str()))
}
