//! Report on a payment, as text and as JSON.

use std::fmt::Write as _;
use std::process::ExitCode;

use ecp_core::model::{End, OperationStatus, PaymentStatus, StatusResponse, Sum};
use ecp_core::{Money, PaymentId, RequestId};
use ecp_methods::{MethodSpec, Registry};
use serde::Serialize;

use crate::step::{NextStep, write_step};

/// Exit code of a payment that has ended without success.
pub(crate) const DECLINED: u8 = 3;
/// Exit code of a payment that has not ended or whose status is unknown.
pub(crate) const UNKNOWN: u8 = 4;
/// Exit code of a payment that has ended in an error: it is unknown whether money has moved.
pub(crate) const ENDED_IN_ERROR: u8 = 6;

/// Advice for a payment that ended in an error.
pub(crate) const ASK_SUPPORT: &str = "it is unknown whether money has moved: ask technical support before the payment is repeated under another id";

/// Report on a payment. Unknown values are `null`.
#[derive(Serialize)]
pub(crate) struct PaymentReport {
    pub(crate) payment_id: String,
    /// What is known after the request: `registered`, `found`, `exists`, `refused`, `not sent`,
    /// `unknown`, or `not found`.
    pub(crate) outcome: &'static str,
    pub(crate) request_id: Option<String>,
    pub(crate) merchant_refund_id: Option<String>,
    /// The payment's status on the platform.
    pub(crate) status: Option<String>,
    /// End of the payment, or of the requested refund: `success`, `decline`, `error`, `returned`,
    /// `open` or `unknown`.
    pub(crate) end: &'static str,
    /// Whether the end is final.
    pub(crate) is_final: bool,
    /// Whether the payment or the refund succeeded.
    pub(crate) is_success: bool,
    /// In minor units.
    pub(crate) amount: Option<i64>,
    pub(crate) currency: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) operations: Vec<Operation>,
    /// The customer's next step, if there is one.
    pub(crate) next_step: Option<NextStep>,
    /// The first line of the text. `None` if the line is made from the other members.
    #[serde(skip)]
    pub(crate) sentence: Option<String>,
    /// The spec of the payment's method, which says in which units the platform counts amounts;
    /// `None` if the method is not known.
    #[serde(skip)]
    pub(crate) spec: Option<&'static MethodSpec>,
}

#[derive(Serialize)]
pub(crate) struct Operation {
    id: Option<u64>,
    kind: Option<String>,
    status: Option<String>,
    /// The operation's amount in minor units, such as 10000 for 100.00 EUR; `null` if none is
    /// reported.
    amount: Option<i64>,
    currency: Option<String>,
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
}

impl PaymentReport {
    /// Creates a report that has the payment's id only.
    pub(crate) fn of(payment_id: &PaymentId) -> Self {
        Self {
            payment_id: payment_id.as_str().to_owned(),
            outcome: "unknown",
            request_id: None,
            merchant_refund_id: None,
            status: None,
            end: End::Unknown.as_str(),
            is_final: false,
            is_success: false,
            amount: None,
            currency: None,
            code: None,
            message: None,
            operations: Vec::new(),
            next_step: None,
            sentence: None,
            spec: None,
        }
    }

    /// Copies the payment's state from the answer to a status request. With the request id of a
    /// refund, the end is the refund's.
    pub(crate) fn read(&mut self, status: &StatusResponse, refund: Option<&RequestId>) {
        self.status = status.payment_status().map(ToString::to_string);
        let operation = refund.and_then(|request_id| status.operation(request_id));
        let end = match refund {
            Some(_) => {
                operation.and_then(|operation| operation.status.as_ref()).map(OperationStatus::end)
            }
            None => status.payment_status().map(PaymentStatus::end),
        };
        self.set_end(end.unwrap_or(End::Unknown));
        let sum = status.payment.as_ref().and_then(|payment| payment.sum.as_ref());
        let spec = self.spec;
        let minor = |sum: &Sum| minor_units(spec, sum);
        self.amount = sum.map(minor);
        self.currency = sum.map(|sum| sum.currency.clone());
        if let Some(decisive) = operation.or(status.operations.last()) {
            self.code = decisive.code.as_ref().map(ToString::to_string);
            self.message.clone_from(&decisive.message);
        }
        self.next_step = NextStep::of(&status.next_step());
        self.operations = status
            .operations
            .iter()
            .map(|operation| Operation {
                id: operation.id.map(ecp_core::OperationId::get),
                kind: operation.kind.as_ref().map(ToString::to_string),
                status: operation.status.as_ref().map(ToString::to_string),
                amount: operation.sum_initial.as_ref().map(minor),
                currency: operation.sum_initial.as_ref().map(|sum| sum.currency.clone()),
                code: operation.code.as_ref().map(ToString::to_string),
                message: operation.message.clone(),
                request_id: operation.request_id.as_ref().map(|id| id.as_str().to_owned()),
            })
            .collect();
    }

    /// Finds the spec of the payment's method by the method's name in the answer.
    pub(crate) fn find_spec(&mut self, status: &StatusResponse, registry: &Registry) {
        let method = status.payment.as_ref().and_then(|payment| payment.method.as_deref());
        let method = method.and_then(|name| registry.by_callback_name(name));
        self.spec = method.map(ecp_methods::DynMethod::spec);
    }

    fn set_end(&mut self, end: End) {
        self.end = end.as_str();
        (self.is_final, self.is_success) = (end.is_final(), end.is_success());
    }

    /// Returns the exit code; `waited` says whether the command waited for the payment's end.
    pub(crate) fn exit_code(&self, waited: bool) -> ExitCode {
        match self.outcome {
            "refused" | "not sent" | "not found" => ExitCode::FAILURE,
            "unknown" => ExitCode::from(UNKNOWN),
            _ if !waited || self.is_success => ExitCode::SUCCESS,
            _ if self.end == End::Error.as_str() => ExitCode::from(ENDED_IN_ERROR),
            _ if self.is_final => ExitCode::from(DECLINED),
            _ => ExitCode::from(UNKNOWN),
        }
    }
}

/// Formats the report as text, or as JSON.
pub(crate) fn text(report: &PaymentReport, json: bool) -> anyhow::Result<String> {
    if json {
        return Ok(serde_json::to_string_pretty(report)? + "\n");
    }
    let mut output = String::new();
    write(report, &mut output)?;
    Ok(output)
}

fn write(report: &PaymentReport, output: &mut String) -> std::fmt::Result {
    match &report.sentence {
        Some(sentence) => writeln!(output, "{sentence}")?,
        None => write_summary(report, output)?,
    }
    if report.end == End::Error.as_str() {
        writeln!(output, "  {ASK_SUPPORT}")?;
    }
    for (name, value) in [("request", &report.request_id), ("refund", &report.merchant_refund_id)] {
        if let Some(value) = value {
            writeln!(output, "  {name} {value}")?;
        }
    }
    for operation in &report.operations {
        let part = |value: &Option<String>| value.clone().unwrap_or_else(|| "?".to_owned());
        write!(output, "  {} `{}`", part(&operation.kind), part(&operation.status))?;
        if let Some(id) = operation.id {
            write!(output, ", operation {id}")?;
        }
        writeln!(output)?;
    }
    match &report.next_step {
        Some(step) => write_step(step, output),
        None => Ok(()),
    }
}

fn write_summary(report: &PaymentReport, output: &mut String) -> std::fmt::Result {
    write!(output, "{}: {}", report.payment_id, report.outcome)?;
    if let Some(status) = &report.status {
        write!(output, ", status `{status}`")?;
    }
    if let (Some(amount), Some(currency)) = (report.amount, &report.currency) {
        write!(output, ", {}", shown_amount(amount, currency))?;
    }
    let code = report.code.as_deref().map(|code| format!("code {code}"));
    let words: Vec<String> = code.into_iter().chain(report.message.clone()).collect();
    if !words.is_empty() {
        write!(output, "; {}", words.join(": "))?;
    }
    writeln!(output)
}

/// Returns an amount of minor units as text, such as `25.00 EUR`. A currency that is not known has no
/// known decimals.
pub(crate) fn shown_amount(minor: i64, currency: &str) -> String {
    match currency.parse() {
        Ok(known) => Money::from_minor(minor, known).to_string(),
        Err(_) => format!("{minor} minor units of {currency}"),
    }
}

/// Returns an amount in a message of the platform in minor units.
pub(crate) fn minor_units(spec: Option<&MethodSpec>, sum: &Sum) -> i64 {
    let money = spec.and_then(|spec| spec.received_amount(sum.amount, sum.currency.parse().ok()?));
    money.map_or(sum.amount, Money::minor)
}
