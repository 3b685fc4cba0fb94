//! `ecp trigger`

mod event;
mod sample;

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail, ensure};
use bytes::Bytes;
use clap::Args;
use ecp_core::model::{End, OperationStatus, OperationType, PaymentStatus};
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{Money, PaymentId, ProjectId};
use ecp_methods::Registry;
use ecp_transport::HttpTransport;
use http::Request;
use serde_json::{Value, json};

use self::event::Event;
use self::sample::{Sample, message_of};
use crate::address::{Target, TargetParser, local_address};
use crate::connection::reason;
use crate::fields::method;
use crate::nearest::{money, nearest};
use crate::next::next;
use crate::output::{is_json, print_result, shell_word, stdout};
use crate::profile::ProfileOptions;

/// Send a signed sample callback of any method and event to an address
///
/// It has the members of the sample on the method's page, and is signed with the profile's key, so a
/// receiver of that project accepts it as genuine.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp trigger jeton success http://127.0.0.1:3000/callbacks\n  ecp trigger wallet-partner refund-decline http://127.0.0.1:3000/\n  ecp trigger touchngo payout-decline http://127.0.0.1:3000/ --print\n\nExit codes:\n  0  it was answered with 200\n  1  it was not"
)]
pub(crate) struct Trigger {
    /// The payment method, by its code (`ecp methods` lists the codes) or its Gate path
    #[arg(value_name = "METHOD")]
    method: String,

    /// sale-success, sale-decline, payout-success, payout-decline, refund-success, refund-decline,
    /// redirect, or the status of a payment: success, decline, or any other word
    #[arg(value_name = "EVENT")]
    event: String,

    /// The address of your receiver, to which the callback is sent
    #[arg(value_name = "URL", value_parser = TargetParser)]
    url: Target,

    #[command(flatten)]
    profile: ProfileOptions,

    /// The id of the payment that the callback is about
    #[arg(long, alias = "payment", value_name = "ID", default_value = SAMPLE_ID)]
    payment_id: PaymentId,

    /// The sum of the payment, as in 100.00 EUR; by default an example in the method's first
    /// currency
    #[arg(long, value_name = "AMOUNT", value_parser = money)]
    amount: Option<Money>,

    /// The type of the operation in the callback, if EVENT is the status of a payment; by default
    /// sale
    #[arg(long, value_name = "TYPE")]
    operation: Option<String>,

    /// The status of the operation in the callback; by default that of the event
    #[arg(long, value_name = "STATUS")]
    operation_status: Option<String>,

    /// The result code of the operation in the callback; by default 0 for a success, for a decline
    /// that of the sample on the method's page (20000 if it has none), and 9999 otherwise
    #[arg(long, value_name = "CODE")]
    code: Option<u32>,

    /// Print the callback, as well as sending it
    #[arg(long)]
    print: bool,
}

const SAMPLE_ID: &str = "sample-1";

impl Trigger {
    pub(crate) fn run(&self, registry: &Registry) -> anyhow::Result<ExitCode> {
        let profile = self.profile.load()?;
        let runtime = crate::runtime::start()?;
        let sample = runtime.block_on(self.sample(registry, profile.project))?;
        let key = SigningKey::new(&profile.key);
        let signed = signature::sign_document(&key, &sample, Place::Root, Rules::private())?;
        if self.print && !is_json() {
            writeln!(stdout(), "{}", String::from_utf8_lossy(&signed))?;
        }
        let url = self.url.as_str();
        let transport = self.url.transport()?;
        let request = Request::post(url)
            .header("content-type", "application/json")
            .body(Bytes::from(signed.clone()))
            .with_context(|| format!("cannot make a request to {url}"))?;
        let answer = runtime.block_on(transport.send(request));
        let answer = answer.map_err(|error| {
            let start = match local_address(url) {
                Some(address) if !error.may_have_arrived() => {
                    format!(
                        ". To receive it there, start a receiver by: ecp listen --addr {address}"
                    )
                }
                _ => String::new(),
            };
            anyhow!("no answer from {url}: {}{start}", reason(&error))
        })?;
        let status = answer.status();
        if status != http::StatusCode::OK {
            bail!("{url} answered with HTTP status {status}; a receiver must answer with 200");
        }
        print_result(&if is_json() {
            let callback: Value = serde_json::from_slice(&signed)?;
            format!("{}\n", json!({"status": status.as_u16(), "callback": callback}))
        } else {
            format!("answered {status}\n")
        });
        // A payout or a refund stays one: the id may be of a payment that the shop has.
        let flow = self.operation.as_deref().unwrap_or(&self.event);
        let flow = ["payout", "refund"].into_iter().find(|name| flow.starts_with(name));
        let flow = flow.unwrap_or("sale");
        let end = if self.event.ends_with("decline") { "success" } else { "decline" };
        next(format_args!(
            "ecp trigger{} {} {flow}-{end} {}{}",
            self.profile.flags(),
            shell_word(&self.method),
            shell_word(url),
            self.payment_flags()
        ));
        Ok(ExitCode::SUCCESS)
    }

    /// The given options that name the payment and its sum, so that a further callback is of the same
    /// payment.
    fn payment_flags(&self) -> String {
        // Joined by `=`, as an id may begin with `-`.
        let id = match self.payment_id.as_str() {
            SAMPLE_ID => String::new(),
            id => format!(" --payment-id={}", shell_word(id)),
        };
        let flag = |amount: Money| format!(" --amount {}", shell_word(&amount.to_string()));
        id + &self.amount.map(flag).unwrap_or_default()
    }

    /// The callback, without its signature.
    async fn sample(&self, registry: &Registry, project: ProjectId) -> anyhow::Result<Vec<u8>> {
        let method = method(registry, &self.method)?;
        let named = Event::named(&self.event);
        if named.is_none() {
            let statuses = PaymentStatus::KNOWN.iter().map(PaymentStatus::as_str);
            warn_of(
                "status of a payment",
                &self.event,
                Event::NAMES.iter().copied().chain(statuses),
            );
        }
        if let Some(status) = &self.operation_status {
            let known = OperationStatus::KNOWN.iter().map(OperationStatus::as_str);
            warn_of("status of an operation", status, known);
        }
        if let Some(operation) = &self.operation {
            let known = OperationType::KNOWN.iter().map(OperationType::as_str);
            warn_of("type of an operation", operation, known);
        }
        ensure!(
            named.is_none() || self.operation.is_none(),
            "the event `{}` already has an operation type: leave out --operation",
            self.event
        );
        let status = self.operation_status.as_deref().unwrap_or(&self.event);
        let event = named.unwrap_or_else(|| {
            let flow = self.operation.as_deref().unwrap_or("sale");
            Event::of(flow, status)
        });
        let sample = Sample {
            registry,
            method,
            project,
            payment_id: &self.payment_id,
            event,
            fixed: self.amount.is_some(),
        };
        let mut callback = sample.make().await?;
        if named.is_none() {
            callback["payment"]["status"] = self.event.as_str().into();
            callback["operation"]["status"] = status.into();
            if !matches!(status, "success" | "decline") {
                set_code(&mut callback, 9999);
            }
        }
        if let Some(operation) = &self.operation {
            callback["operation"]["type"] = operation.as_str().into();
        }
        if let (Some(status), Some(_)) = (&self.operation_status, named) {
            let is_other = callback["operation"]["status"] != status.as_str();
            callback["operation"]["status"] = status.as_str().into();
            if is_other {
                let declined = method.spec().callback_form(event.flow, End::Decline);
                let code = match status.as_str() {
                    "success" => 0,
                    "decline" => declined.decline_code(),
                    _ => 9999,
                };
                set_code(&mut callback, code);
            }
        }
        if let Some(code) = self.code {
            set_code(&mut callback, code);
        }
        if let Some(amount) = self.amount {
            for sum in ["/payment/sum", "/operation/sum_initial", "/operation/sum_converted"] {
                if let Some(sum) = callback.pointer_mut(sum) {
                    // All of it may have been refunded.
                    if sum["amount"] != 0 {
                        sum["amount"] = amount.minor().into();
                    }
                    sum["currency"] = amount.currency().code().into();
                }
            }
        }
        Ok(serde_json::to_vec(&callback)?)
    }
}

/// Warns of a word that is not documented but similar to a documented word.
fn warn_of<'k>(what: &str, word: &str, known: impl Iterator<Item = &'k str>) {
    match nearest(word, known) {
        Some(found) if found != word => {
            note!("warning: `{word}` is not a known {what}; did you mean `{found}`?");
        }
        _ => {}
    }
}

fn set_code(callback: &mut Value, code: u32) {
    for place in ["/operation", "/errors/0"] {
        if let Some(place) = callback.pointer_mut(place) {
            place["code"] = code.to_string().into();
            place["message"] = message_of(code).into();
        }
    }
}
