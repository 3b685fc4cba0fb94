//! Waiting for the end of a payment, and printing the result.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use ecp_transport::Wait;

use crate::duration::duration;
use crate::outcome::{PaymentReport, text};
use crate::output::{print_result, stdout};

/// Options of the commands that print a payment's status.
#[derive(Args)]
pub(crate) struct Waiting {
    /// Wait until the payment has ended, at most for TIME; without a TIME for as long as its method
    /// takes, or 30 minutes if that is not known
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, value_parser = duration)]
    #[expect(clippy::option_option, reason = "not given, given, given with a time")]
    wait: Option<Option<Duration>>,

    /// Print the result, with the payment's status, as JSON
    #[arg(long)]
    json: bool,
}

impl Waiting {
    /// Returns the wait with the time of `--wait` as its deadline; `None` without `--wait`.
    pub(crate) fn patience(&self, wait: Wait) -> Option<Wait> {
        self.wait.map(|time| match time {
            Some(time) => wait.deadline(time),
            None => wait,
        })
    }

    /// Whether the result is printed as JSON.
    pub(crate) const fn json(&self) -> bool {
        self.json
    }

    /// Prints the result of a status request, and returns its exit code.
    pub(crate) fn print(&self, report: &PaymentReport) -> anyhow::Result<ExitCode> {
        stdout().write_all(text(report, self.json)?.as_bytes())?;
        Ok(report.exit_code(self.wait.is_some()))
    }

    /// Prints the result of a sent request, and returns its exit code, even if printing fails.
    pub(crate) fn print_sent(&self, report: &PaymentReport) -> anyhow::Result<ExitCode> {
        print_result(&text(report, self.json)?);
        Ok(report.exit_code(self.wait.is_some()))
    }
}
