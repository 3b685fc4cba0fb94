//! `ecp trigger`

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use clap::Args;
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{Money, PaymentId};
use ecp_methods::Registry;
use ecp_transport::HttpTransport;
use http::Request;
use serde_json::json;

use crate::address::{Target, TargetParser};
use crate::connection::reason;
use crate::fields::method;
use crate::output::{print_result, stdout};
use crate::profile::ProfileOptions;

/// Send a signed sample callback of any method and status to an address
///
/// It is signed with the profile's key, so a receiver of that project accepts it as genuine.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp trigger jeton success http://127.0.0.1:3000/callbacks\n  ecp trigger wallet-partner success http://127.0.0.1:3000/ --operation refund --operation-status decline --code 3283\n  ecp trigger touchngo decline http://127.0.0.1:3000/ --print\n\nExit codes:\n  0  it was answered with 200\n  1  it was not"
)]
pub(crate) struct Trigger {
    /// The method: a code or a Gate path
    #[arg(value_name = "METHOD")]
    method: String,

    /// The payment's status: success, decline, processing, or any other word
    #[arg(value_name = "STATUS")]
    status: String,

    /// The address to send it to
    #[arg(value_name = "URL", value_parser = TargetParser)]
    url: Target,

    #[command(flatten)]
    profile: ProfileOptions,

    /// The payment's id
    #[arg(long, value_name = "ID", default_value = "sample-1")]
    payment_id: PaymentId,

    /// The payment's sum; by default 100.00 in the method's first currency
    #[arg(long, value_name = "AMOUNT")]
    amount: Option<Money>,

    /// The operation's type
    #[arg(long, value_name = "TYPE", default_value = "sale")]
    operation: String,

    /// The operation's status; by default the payment's
    #[arg(long, value_name = "STATUS")]
    operation_status: Option<String>,

    /// The operation's code; by default 0 for a success, 20000 for a decline and 9999 otherwise
    #[arg(long, value_name = "CODE")]
    code: Option<u32>,

    /// Print the callback
    #[arg(long)]
    print: bool,
}

impl Trigger {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let profile = self.profile.load()?;
        let sample = self.sample(profile.project)?;
        let key = SigningKey::new(&profile.key);
        let signed = signature::sign_document(&key, &sample, Place::Root, Rules::private())?;
        if self.print {
            writeln!(stdout(), "{}", String::from_utf8_lossy(&signed))?;
        }
        let url = self.url.as_str();
        let transport = self.url.transport()?;
        let request = Request::post(url)
            .header("content-type", "application/json")
            .body(Bytes::from(signed))
            .with_context(|| format!("cannot post to {url}"))?;
        let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
        let answer = runtime.block_on(transport.send(request));
        let answer = answer.map_err(|error| anyhow!("{url}: no answer: {}", reason(&error)))?;
        let status = answer.status();
        if status != http::StatusCode::OK {
            bail!("{url} answered {status}, and only 200 counts");
        }
        print_result(&format!("answered {status}\n"));
        Ok(ExitCode::SUCCESS)
    }

    /// The callback, without its signature.
    fn sample(&self, project: ecp_core::ProjectId) -> anyhow::Result<Vec<u8>> {
        const DATE: &str = "2024-01-31T12:00:00+0000";
        let registry = Registry::builtin();
        let spec = method(&registry, &self.method)?.spec();
        let first = spec.currencies().first().copied();
        let amount = match (self.amount, first) {
            (Some(amount), _) => amount,
            (None, Some(currency)) => Money::from_decimal("100", currency)?,
            (None, None) => bail!(
                "method `{}` has no currency for a default amount: set one, such as --amount \
                 '100.00 EUR'",
                self.method
            ),
        };
        let sum = json!({"amount": amount.minor(), "currency": amount.currency().code()});
        let kind = if self.operation == "payout" { "payout" } else { "purchase" };
        let operation_status = self.operation_status.as_ref().unwrap_or(&self.status);
        let code = self.code.unwrap_or(match operation_status.as_str() {
            "success" => 0,
            "decline" => 20000,
            _ => 9999,
        });
        let info = ecp_core::model::Code::from(code);
        let message = info.info().map(|info| info.message).unwrap_or_default();
        let callback = json!({
            "project_id": project.get(),
            "payment": {
                "id": self.payment_id.as_str(),
                "type": kind,
                "status": self.status,
                "date": DATE,
                "method": spec.callback_names().first().copied().unwrap_or(spec.title()),
                "sum": sum,
                "description": "a sample",
            },
            "operation": {
                "id": 1,
                "type": self.operation,
                "status": operation_status,
                "date": DATE,
                "created_date": DATE,
                "request_id": "sample-request-1",
                "sum_initial": sum,
                "sum_converted": sum,
                "code": code.to_string(),
                "message": message,
            },
        });
        Ok(serde_json::to_vec(&callback)?)
    }
}
