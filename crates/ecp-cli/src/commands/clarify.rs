//! `ecp clarify`

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use clap::Args;
use ecp_core::PaymentId;
use ecp_core::model::{AdditionalData, AdditionalDataError, ClarificationFields, Step};
use ecp_transport::{Clarified, GateError, Outcome};
use serde_json::json;

use crate::connection::status_failure;
use crate::fields::pair;
use crate::next::{argument, next};
use crate::outcome::UNKNOWN;
use crate::output::{is_json, print_result, shell_word};
use crate::profile::ProfileOptions;
use crate::step::{NextStep, write_step};

/// Send the further data that the platform asks for before a payment goes on
///
/// `ecp status` lists the fields that the platform asks for. An answer may be incomplete or empty:
/// the platform then asks again, and waits 30 minutes from then on.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp clarify order-1 --field customer.phone=02081234567\n\nExit codes:\n  0  the platform took the answer; it may ask for more\n  1  nothing was sent, or the answer was refused\n  2  the command line was wrong\n  4  the outcome is unknown: ask `ecp status`, which shows whether the platform still asks"
)]
pub(crate) struct Clarify {
    /// Your id of the payment
    #[arg(value_name = "PAYMENT_ID")]
    payment_id: PaymentId,

    /// A field that the platform asks for, by its path, with your answer, as in
    /// customer.phone=02081234567. May be repeated
    #[arg(long = "field", value_name = "PATH=VALUE", value_parser = pair)]
    fields: Vec<(String, String)>,

    #[command(flatten)]
    profile: ProfileOptions,
}

impl Clarify {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let runtime = crate::runtime::start()?;
        runtime.block_on(self.answer())
    }

    async fn answer(&self) -> anyhow::Result<ExitCode> {
        let profile = self.profile.load()?;
        profile.warn();
        let (sender, id) = (profile.sender()?, &self.payment_id);
        // The status has the types of the fields.
        let status = match sender.status(id).await {
            Ok(status) => status,
            Err(GateError::NotSent(cause)) => bail!("{}", profile.cannot_connect(&cause, 1)),
            Err(error) => {
                let next = match error {
                    GateError::Refused(_) => "correct the cause, then run the command again",
                    _ => "run the command again",
                };
                let error = status_failure(error);
                bail!(
                    "cannot get the status of payment {id}: {error}; the answer to the clarification \
                     was not sent: {next}"
                )
            }
        };
        if status.is_unknown_payment() {
            bail!(
                "the platform does not know the payment {id}; the answer to the clarification was \
                 not sent: check the id, and that the profile is that of the payment's project"
            );
        }
        let Step::Clarify(asked) = status.next_step() else {
            let status = status.payment_status().map_or("", |status| status.as_str());
            bail!(
                "the payment {id} does not wait for an answer: its status is `{status}`; no answer \
                 was sent"
            );
        };
        let data = self
            .data(&asked)
            .map_err(|error| anyhow!("{error}; the answer to the clarification was not sent"))?;
        match sender.clarify(id, &data).await {
            Ok(clarified) => {
                print_result(&text(&clarified)?);
                self.say_next(&clarified);
                Ok(ExitCode::SUCCESS)
            }
            Err(GateError::NotSent(cause)) => Err(anyhow!("{}", profile.cannot_connect(&cause, 1))),
            Err(error) if error.outcome() == Outcome::Unknown => {
                print_result(&if is_json() {
                    let outcome = json!({"payment_id": id, "outcome": "unknown", "message": error.to_string()});
                    format!("{outcome:#}\n")
                } else {
                    format!("{id}: {error}\n")
                });
                Ok(ExitCode::from(UNKNOWN))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Prints the command that answers the fields that are asked for again or, if there are none,
    /// the command that shows the payment.
    fn say_next(&self, clarified: &Clarified) {
        let (flags, id) = (self.profile.flags(), argument(self.payment_id.as_str()));
        let step = clarified.asked_again.clone().map(Step::Clarify);
        match step.as_ref().and_then(NextStep::of) {
            Some(step) => {
                let fields: String = step
                    .asked()
                    .unwrap_or_default()
                    .into_iter()
                    .fold(String::new(), |fields, path| {
                        format!("{fields} --field {}=VALUE", shell_word(path))
                    });
                next(format_args!("ecp clarify{flags}{fields} {id}"));
            }
            None => next(format_args!("ecp status{flags} --wait {id}")),
        }
    }

    fn data(&self, asked: &ClarificationFields) -> Result<AdditionalData, AdditionalDataError> {
        let mut data = AdditionalData::new();
        for (path, value) in &self.fields {
            data = match asked.get(path) {
                Some(field) => data.answer(field, value)?,
                None => data.text(path, value.as_str())?,
            };
        }
        Ok(data)
    }
}

fn text(clarified: &Clarified) -> anyhow::Result<String> {
    if is_json() {
        let asked = clarified.asked_again.clone().map(Step::Clarify);
        let taken = json!({
            "payment_id": clarified.payment_id,
            "outcome": "answered",
            "request_id": clarified.request_id.as_ref().map(ToString::to_string),
            "next_step": asked.as_ref().and_then(NextStep::of),
        });
        return Ok(format!("{taken:#}\n"));
    }
    let mut text = String::new();
    write(clarified, &mut text)?;
    Ok(text)
}

fn write(clarified: &Clarified, text: &mut String) -> std::fmt::Result {
    let id = &clarified.payment_id;
    writeln!(text, "{id}: answer taken")?;
    if let Some(request) = &clarified.request_id {
        writeln!(text, "  request {request}")?;
    }
    let asked = clarified.asked_again.clone().map(Step::Clarify);
    match asked.as_ref().and_then(NextStep::of) {
        Some(step) => write_step(&step, text),
        None => Ok(()),
    }
}
