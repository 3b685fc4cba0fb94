//! `ecp status`

use std::process::ExitCode;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use ecp_core::PaymentId;
use ecp_methods::{Registry, Rule};
use ecp_transport::{GateError, Wait, WaitError};

use crate::connection::status_failure;
use crate::next::{About, after_payment, is_wanted};
use crate::outcome::PaymentReport;
use crate::profile::{Profile, ProfileOptions};
use crate::waiting::Waiting;

/// Request the status of a payment
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp status P-17\n  ecp status P-17 --wait=10m --json | jq -r .status\n\nExit codes:\n  0  the platform knows the payment; with --wait, it is a success\n  1  the platform does not know the payment, or the question failed\n  2  the command line was wrong\n  3  with --wait: it ended, and not in a success\n  4  with --wait: it has not ended, or the outcome is unknown\n  6  with --wait: it ended in an error, and nothing says whether money has moved"
)]
pub(crate) struct Status {
    /// Your id of the payment
    #[arg(value_name = "PAYMENT_ID")]
    payment_id: PaymentId,

    #[command(flatten)]
    profile: ProfileOptions,

    #[command(flatten)]
    waiting: Waiting,
}

impl Status {
    pub(crate) fn run(&self, registry: &Registry) -> anyhow::Result<ExitCode> {
        let runtime = crate::runtime::start()?;
        let profile = self.profile.load()?;
        let report = runtime.block_on(self.ask(registry, &profile))?;
        let code = self.waiting.print(&report)?;
        if is_wanted(self.waiting.json()) {
            let (id, about) = (&self.payment_id, About::Payment);
            runtime.block_on(after_payment(&profile, &self.profile, id, &report, about));
        }
        Ok(code)
    }

    async fn ask(&self, registry: &Registry, profile: &Profile) -> anyhow::Result<PaymentReport> {
        let mut report = PaymentReport::of(&self.payment_id);
        let wait = Wait::by_rule(&Rule::new()).first(Duration::ZERO);
        let Some(wait) = self.waiting.patience(wait) else {
            let answer = match profile.sender()?.status(&self.payment_id).await {
                Err(GateError::NotSent(cause)) => {
                    return Err(anyhow!("{}", profile.cannot_connect(&cause, 1)));
                }
                Err(error @ GateError::Refused(_)) => return Err(error.into()),
                Err(error) => {
                    let error = status_failure(error);
                    return Err(anyhow!(
                        "cannot get the status of payment {}: {error}; run the command again, which \
                         changes nothing",
                        self.payment_id
                    ));
                }
                Ok(answer) => answer,
            };
            if answer.is_unknown_payment() {
                report.outcome = "not found";
            } else {
                report.outcome = "found";
                report.find_spec(&answer, registry);
                report.read(&answer, None);
            }
            return Ok(report);
        };
        match profile.gate()?.wait_until_final(&self.payment_id, &wait).await {
            Ok(answer) => {
                report.outcome = "found";
                report.find_spec(&answer, registry);
                report.read(&answer, None);
            }
            Err(WaitError::Gate(error)) if matches!(error, GateError::Refused(_)) => {
                return Err(error.into());
            }
            Err(WaitError::Deadline { last: Some(answer), .. }) if !answer.is_unknown_payment() => {
                report.outcome = "found";
                report.find_spec(&answer, registry);
                report.read(&answer, None);
            }
            Err(WaitError::Gate(error)) => {
                let error = profile.with_address(status_failure(error));
                report.message = Some(error.to_string());
            }
            Err(error) => {
                report.message = Some(profile.with_address(error.into()).to_string());
            }
        }
        Ok(report)
    }
}
