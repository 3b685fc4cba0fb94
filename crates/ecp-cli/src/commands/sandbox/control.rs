//! `ecp sandbox decide`, `fault`, `clock`, `resend`, `release` and `tail`: what people do to a
//! sandbox that runs.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};
use ecp_core::{Money, PaymentId};
use ecp_sandbox::FaultRule;
use http::Method;
use serde_json::{Value, json};

use super::client::{Client, Payment, Place};
use super::fault;
use super::line::Line;
use crate::duration::duration;
use crate::nearest::money;
use crate::next::next;
use crate::output::{is_closed, is_json, print_result, stdout};
use crate::signals::Signals;

/// What is done to a sandbox that runs.
#[derive(Subcommand)]
pub(crate) enum Control {
    Clock(Clock),
    Decide(Decide),
    Fault(FaultCommand),
    Release(Release),
    Resend(Resend),
    Tail(Tail),
}

/// Decide a payment in place of the customer
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp sandbox decide order-1\n  ecp sandbox decide order-1 decline\n  ecp sandbox decide voucher-1 success 20.00 EUR\n\nExit codes:\n  0  the decision was taken\n  1  the payment does not wait for the customer, or there is no such payment or sandbox\n  2  the command line was wrong"
)]
pub(crate) struct Decide {
    /// Your id of the payment
    #[arg(value_name = "PAYMENT_ID")]
    payment_id: PaymentId,

    /// What the customer does
    #[arg(value_name = "DECISION", default_value = "success")]
    decision: Choice,

    /// The amount that the customer pays, if the method lets the customer choose it, as in 20.00
    /// EUR
    #[arg(value_name = "AMOUNT", value_parser = money)]
    amount: Option<Money>,

    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Copy, ValueEnum)]
enum Choice {
    /// The customer pays
    Success,
    /// The customer does not pay
    Decline,
}

/// List the faults, inject one, or end them
#[derive(Args)]
#[command(
    after_help = format!("Examples:\n  ecp sandbox fault\n  ecp sandbox fault lose_callback --payment-id order-1 --times 1\n  ecp sandbox fault '{{\"fault\": \"drop_answer\", \"registered\": true, \"percent\": 10}}'\n  ecp sandbox fault --end 1\n\nA rule without --payment-id or \"path\" strikes every request to the sandbox, status requests too.\ndrop_answer, reset_connection and server_error strike before the request takes effect: a sale is\nnot registered. With \"registered\": true they strike after that: the sale exists, and only its\nanswer is lost.\n\nFaults: {}", ecp_sandbox::Fault::NAMES.join(", "))
)]
pub(crate) struct FaultCommand {
    /// Inject this fault: its name, or a rule in JSON
    #[arg(value_name = "FAULT", value_parser = fault)]
    fault: Option<FaultRule>,

    /// Only for payments with this id
    #[arg(long, alias = "payment", value_name = "ID", requires = "fault")]
    payment_id: Option<PaymentId>,

    /// End the rule after it has injected its fault this many times
    #[arg(long, value_name = "NUMBER", requires = "fault", value_parser = clap::value_parser!(u32).range(1..))]
    times: Option<u32>,

    /// End the rule of a fault with this number, as `ecp sandbox fault` lists it
    #[arg(long, value_name = "NUMBER", conflicts_with = "fault")]
    end: Option<u64>,

    /// End the rules of all faults
    #[arg(long, conflicts_with_all = ["fault", "end"])]
    end_all: bool,

    #[command(flatten)]
    place: Place,
}

/// Show the time of the sandbox, or move its virtual time on
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp sandbox clock\n  ecp sandbox clock 1h\n  ecp sandbox clock 11days"
)]
pub(crate) struct Clock {
    /// Move virtual time on by this much, as in 90s or 1h; the sandbox must run with --clock
    /// virtual
    #[arg(value_name = "TIME", value_parser = duration)]
    by: Option<Duration>,

    #[command(flatten)]
    place: Place,
}

/// Send a callback again
#[derive(Args)]
#[command(after_help = "Examples:\n  ecp sandbox resend order-1\n  ecp sandbox resend order-1 2")]
pub(crate) struct Resend {
    /// Your id of the payment
    #[arg(value_name = "PAYMENT_ID")]
    payment_id: PaymentId,

    /// Which of the payment's callbacks to send, counted from 1 [default: the last one]
    #[arg(value_name = "NUMBER")]
    callback: Option<u32>,

    #[command(flatten)]
    place: Place,
}

/// Let a payment go on that the fault `stale_payment` keeps from ending
#[derive(Args)]
#[command(after_help = "Examples:\n  ecp sandbox release order-1")]
pub(crate) struct Release {
    /// Your id of the payment
    #[arg(value_name = "PAYMENT_ID")]
    payment_id: PaymentId,

    #[command(flatten)]
    place: Place,
}

/// Print the events of the sandbox as they happen, until Ctrl-C
///
/// The lines hold customers' data.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp sandbox tail\n  ecp sandbox tail --payment-id order-1 --lines 100\n  ecp sandbox tail --json | jq -r .event\n\nExit codes:\n  0  ended by Ctrl-C or SIGTERM\n  1  there is no sandbox, or it has ended\n  2  the command line was wrong"
)]
pub(crate) struct Tail {
    /// Only the events of this payment
    #[arg(long, alias = "payment", value_name = "ID")]
    payment_id: Option<PaymentId>,

    /// Print this many past events first
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 10)]
    lines: usize,

    #[command(flatten)]
    place: Place,
}

impl Control {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let runtime = crate::runtime::start()?;
        runtime.block_on(async {
            match self {
                Self::Clock(command) => command.run().await,
                Self::Decide(command) => command.run().await,
                Self::Fault(command) => command.run().await,
                Self::Release(command) => command.run().await,
                Self::Resend(command) => command.run().await,
                Self::Tail(command) => command.run().await,
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Decide {
    async fn run(&self) -> anyhow::Result<()> {
        let client = self.place.client()?;
        let before = client.payment(&self.payment_id).await?;
        let mut body = json!({"decision": match self.decision {
            Choice::Success => "success",
            Choice::Decline => "decline",
        }});
        if let Some(amount) = self.amount {
            let currency = before.currency()?;
            if amount.currency() != currency {
                bail!(
                    "the payment is in {currency}, and the amount in {}: give an amount in {currency}",
                    amount.currency()
                );
            }
            body["amount"] = amount.minor().into();
        }
        client.act(&self.payment_id, "decision", &body).await?;
        show(&client, &self.payment_id, &before).await
    }
}

impl Release {
    async fn run(&self) -> anyhow::Result<()> {
        let client = self.place.client()?;
        let before = client.payment(&self.payment_id).await?;
        client.act(&self.payment_id, "release", &json!({})).await?;
        show(&client, &self.payment_id, &before).await
    }
}

/// Prints a payment after something was done to it.
async fn show(client: &Client, id: &PaymentId, before: &Payment) -> anyhow::Result<()> {
    const TRIES: u32 = 20;
    let mut after = client.payment(id).await?;
    for _ in 0..TRIES {
        // It goes on after the request was answered, by the sandbox's clock.
        if after.status != before.status {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
        after = client.payment(id).await?;
    }
    print(&after.json, || format!("{id}: status `{}`, {}", after.status, after.sum()))?;
    if after.held {
        next(format_args!("{}", client.suggested("sandbox release", id)));
    }
    next(format_args!("open {}", client.dashboard(id)));
    Ok(())
}

impl FaultCommand {
    async fn run(&self) -> anyhow::Result<()> {
        let client = self.place.client()?;
        if let Some(rule) = &self.fault {
            let mut rule = rule.clone();
            if let Some(id) = &self.payment_id {
                rule = rule.payment_id(id.as_str());
            }
            if let Some(times) = self.times {
                rule = rule.times(times);
            }
            let body: Value = serde_json::from_str(&rule.to_json())?;
            let added = client.control(Method::POST, "faults", Some(&body)).await?;
            let number = added["rule"].as_u64().unwrap_or_default();
            print(&added, || format!("fault {number}: {}", rule.to_json()))?;
            let end = client.suggested_for_all("sandbox fault");
            next(format_args!("{end} --end {number}"));
            return Ok(());
        }
        if self.end_all {
            client.control(Method::DELETE, "faults", None).await?;
        }
        if let Some(number) = self.end {
            client.control(Method::DELETE, &format!("faults/{number}"), None).await?;
        }
        let left = client.control(Method::GET, "faults", None).await?;
        print(&left, || list(&left))
    }
}

/// The rules that are in force, a line each.
fn list(faults: &Value) -> String {
    let rules = faults["faults"].as_array().into_iter().flatten();
    let lines: Vec<String> = rules
        .map(|rule| {
            let mut members = rule.clone();
            let number = members.as_object_mut().and_then(|members| members.shift_remove("rule"));
            format!("fault {}: {members}", number.unwrap_or_default())
        })
        .collect();
    if lines.is_empty() { "no faults".to_owned() } else { lines.join("\n") }
}

impl Clock {
    async fn run(&self) -> anyhow::Result<()> {
        let client = self.place.client()?;
        let clock = match self.by {
            Some(by) => {
                if by.subsec_nanos() != 0 {
                    bail!("virtual time moves by whole seconds: write a TIME such as 90s");
                }
                let body = json!({"advance_seconds": by.as_secs()});
                client.control(Method::POST, "clock", Some(&body)).await?
            }
            None => client.control(Method::GET, "clock", None).await?,
        };
        let is_virtual = clock["virtual"] == true;
        print(&clock, || {
            let kind = if is_virtual { "virtual time" } else { "the machine's clock" };
            format!("{}, {kind}", clock["now"].as_str().unwrap_or_default())
        })?;
        if is_virtual && self.by.is_none() {
            next(format_args!("{} 1h", client.suggested_for_all("sandbox clock")));
        }
        if self.by.is_some() {
            next(format_args!("{}", client.suggested_for_all("sandbox tail")));
        }
        Ok(())
    }
}

impl Resend {
    async fn run(&self) -> anyhow::Result<()> {
        let client = self.place.client()?;
        let id = &self.payment_id;
        let payment = client.payment(id).await?;
        let number = self.callback.unwrap_or(payment.callbacks);
        if number == 0 {
            bail!(
                "{}: payment `{id}` has no callback yet, so none can be sent again",
                client.address()
            );
        }
        client.act(id, &format!("callbacks/{number}/resend"), &json!({})).await?;
        let done = json!({"payment_id": id, "callback": number});
        print(&done, || format!("callback {number} of {id} is sent again"))?;
        next(format_args!("open {}", client.dashboard(id)));
        Ok(())
    }
}

impl Tail {
    async fn run(&self) -> anyhow::Result<()> {
        const PAUSE: Duration = Duration::from_millis(200);
        let mut signals = Signals::listen()?;
        let client = self.place.client()?;
        let filter = self.payment_id.as_ref().map(|id| {
            let id: String = form_urlencoded::byte_serialize(id.as_str().as_bytes()).collect();
            format!("&project={}&payment_id={id}", client.project)
        });
        let filter = filter.unwrap_or_default();
        let last = client.events("last=1").await?;
        let mut seen = last
            .first()
            .map_or(Ok(0), |line| Ok::<_, anyhow::Error>(Line::read(line)?.sequence))?;
        if self.lines > 0 {
            let lines = self.lines;
            for line in client.events(&format!("last={lines}{filter}")).await? {
                let event = Line::read(&line)?;
                // Events since the first request are shown by the loop below.
                if event.sequence <= seen {
                    say(&event, &line)?;
                }
            }
        }
        loop {
            let query = format!("after={seen}{filter}");
            let events = tokio::select! {
                () = signals.next() => return Ok(()),
                events = client.events(&query) => events?,
            };
            for line in events {
                let event = Line::read(&line)?;
                let between = event.sequence.saturating_sub(seen + 1);
                if filter.is_empty() && between > 0 {
                    note!(
                        "warning: {between} events are missing here: the sandbox has dropped them"
                    );
                }
                seen = event.sequence;
                say(&event, &line)?;
            }
            if is_closed() {
                return Ok(());
            }
            tokio::select! {
                () = signals.next() => return Ok(()),
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
}

/// Prints an event at once.
fn say(event: &Line, json: &str) -> anyhow::Result<()> {
    let mut output = stdout();
    if is_json() {
        writeln!(output, "{json}")?;
    } else {
        writeln!(output, "{}", event.text())?;
    }
    Ok(output.flush()?)
}

/// Prints what a command did, as JSON or as text.
fn print(json: &Value, text: impl FnOnce() -> String) -> anyhow::Result<()> {
    let text = if is_json() { serde_json::to_string_pretty(json)? } else { text() };
    print_result(&format!("{text}\n"));
    Ok(())
}
