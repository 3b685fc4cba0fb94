//! Callbacks on standard output, as text and as JSON.

use std::borrow::Cow;
use std::io::Write;
use std::time::SystemTime;

use ecp_core::model::{self, FromJson as _, Sum};
use ecp_core::{Money, Timestamp};
use ecp_inbox::{Amount, Entry, EntryId, EntryState, Member, PaymentState, Report, Stats};
use ecp_methods::Registry;
use serde::Serialize;

use super::Before;
use crate::outcome::{minor_units, shown_amount};

/// A callback as JSON. Numbers of callbacks grow with time.
#[derive(Serialize)]
struct Callback<'e> {
    id: i64,
    state: &'static str,
    project: u64,
    payment: Option<&'e str>,
    status: Option<&'e str>,
    received: String,
    times: u32,
    attempts: u32,
    due: Option<String>,
    error: Option<&'e str>,
    ambiguous: &'e [String],
    change: &'e ecp_inbox::Change,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_state: Option<&'e PaymentState>,
}

#[derive(Serialize)]
struct Counts {
    waiting: u64,
    held: u64,
    unconfirmed: u64,
    dead: u64,
    done: u64,
    repeated: u64,
    payments: u64,
    oldest_waiting: Option<String>,
    oldest_waiting_seconds: Option<u64>,
    oldest_held: Option<String>,
    oldest_held_seconds: Option<u64>,
}

pub(super) fn list(entries: &[Entry], before: &Before, json: bool) -> anyhow::Result<()> {
    let mut output = crate::output::stdout();
    if json {
        let callbacks: Vec<Callback<'_>> = entries.iter().map(callback).collect();
        writeln!(output, "{}", serde_json::to_string_pretty(&callbacks)?)?;
        return Ok(());
    }
    for entry in entries {
        let payment = entry.payment.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let status = entry.status.as_deref().map_or(Cow::Borrowed("-"), printable);
        write!(
            output,
            "{:>6}  {:<8}  {}  {}/{payment}  {status}",
            entry.id.get(),
            entry.state,
            entry.received,
            entry.project
        )?;
        if entry.times > 1 {
            write!(output, "  {} times", entry.times)?;
        }
        if let Some(first) = before.of_entry(entry) {
            write!(output, "  waits for {first}")?;
        }
        let mut marks: Vec<&str> = entry.change.reports().iter().map(mark).collect();
        marks.dedup();
        if !marks.is_empty() {
            write!(output, "  {}", marks.join(", "))?;
        }
        if let Some(error) = &entry.error {
            let error = printable(error);
            let attempts = entry.attempts;
            match entry.state {
                EntryState::Held => write!(output, "  after {attempts} status requests: {error}")?,
                EntryState::Done => {
                    write!(output, "  done at attempt {attempts}, earlier error: {error}")?;
                }
                _ => write!(output, "  after {attempts} attempts: {error}")?,
            }
        }
        writeln!(output)?;
    }
    Ok(())
}

pub(super) fn one(
    entry: &Entry,
    state: Option<&PaymentState>,
    before: Option<EntryId>,
    registry: &Registry,
    json: bool,
    body: bool,
) -> anyhow::Result<()> {
    let mut output = crate::output::stdout();
    let raw = entry.raw.as_ref().filter(|_| body).map(ecp_inbox::Raw::expose);
    if json {
        let body = raw.map(String::from_utf8_lossy);
        let callback = Callback { body, payment_state: state, ..callback(entry) };
        writeln!(output, "{}", serde_json::to_string_pretty(&callback)?)?;
        return Ok(());
    }
    for (name, value) in rows(entry, state, before, registry) {
        if let Some(value) = value {
            writeln!(output, "{name:<14}  {}", printable(&value))?;
        }
    }
    match raw {
        Some(raw) => {
            writeln!(output)?;
            output.write_all(raw)?;
            writeln!(output)?;
        }
        None if body => writeln!(output, "\nthe body was removed")?,
        None => {}
    }
    Ok(())
}

/// Advice for callbacks that contradict others.
const ASK: &str = "deliver and book nothing before the status is requested from Gate";

fn rows(
    entry: &Entry,
    state: Option<&PaymentState>,
    before: Option<EntryId>,
    registry: &Registry,
) -> Vec<(&'static str, Option<String>)> {
    let moved = entry.change.moved().map(|(from, to)| match from {
        Some(from) => format!("the payment went from `{from}` to `{to}`"),
        None => format!("the payment is `{to}`"),
    });
    let status = state.and_then(PaymentState::status).map(ToString::to_string);
    let callback =
        entry.raw.as_ref().and_then(|raw| model::Callback::from_slice(raw.expose()).ok());
    let payment = callback.as_ref().and_then(|callback| callback.payment.as_ref());
    // The method says in which units the platform counts.
    let method = payment.and_then(|payment| payment.method.as_deref());
    let method = method.and_then(|name| registry.by_callback_name(name));
    let spec = method.map(ecp_methods::DynMethod::spec);
    let shown = |sum: &Sum| shown_amount(minor_units(spec, sum), &sum.currency);
    let own_sum = payment.and_then(|payment| payment.sum.as_ref()).map(shown);
    let sum = |amount: Option<&Amount>| {
        amount.map(|amount| {
            let money = spec.zip(amount.currency.parse().ok());
            let money = money.and_then(|(spec, known)| spec.received_amount(amount.amount, known));
            shown_amount(money.map_or(amount.amount, Money::minor), &amount.currency)
        })
    };
    let reports: Vec<String> = entry.change.reports().iter().map(sentence).collect();
    let is_doubtful = entry.change.reports().iter().any(|report| {
        !matches!(report, Report::UnknownPaymentStatus(_) | Report::UnknownOperationStatus(_))
    });
    let list = |items: &[String], between| (!items.is_empty()).then(|| items.join(between));
    vec![
        ("number", Some(entry.id.to_string())),
        ("state", Some(entry.state.to_string())),
        ("project", Some(entry.project.to_string())),
        ("payment", entry.payment.as_ref().map(ToString::to_string)),
        ("status", entry.status.clone()),
        ("sum", own_sum),
        ("received", Some(entry.received.to_string())),
        ("times", Some(entry.times.to_string())),
        ("attempts", Some(entry.attempts.to_string())),
        ("waits for", before.map(|first| first.to_string())),
        ("due", entry.due.map(|due| due.to_string())),
        (
            if entry.state == EntryState::Done { "earlier error" } else { "error" },
            entry.error.clone(),
        ),
        ("change", moved),
        ("reports", list(&reports, "; ")),
        ("advice", is_doubtful.then(|| ASK.to_owned())),
        ("ambiguous", list(&entry.ambiguous, ", ")),
        ("payment is now", status),
        ("paid", sum(state.and_then(PaymentState::paid))),
        ("left", sum(state.and_then(PaymentState::left))),
    ]
}

/// Whether something in the callback needs a person's attention.
pub(super) fn has_reports(entry: &Entry) -> bool {
    !entry.change.reports().is_empty()
}

/// A report in the list: the handler may have done nothing by such a callback.
const fn mark(report: &Report) -> &'static str {
    match report {
        Report::Contradiction(_) | Report::Differs { .. } => "contradicts an earlier message",
        Report::UnknownPaymentStatus(_) | Report::UnknownOperationStatus(_) => "unknown status",
        Report::RefundReversed(_) => "refund reversed",
        _ => "needs attention",
    }
}

fn sentence(report: &Report) -> String {
    match report {
        Report::UnknownPaymentStatus(status) => format!(
            "the payment's status `{status}` is not known to this program and changes nothing: treat \
             the payment as open, and look the status up in the platform's documentation"
        ),
        Report::UnknownOperationStatus(status) => format!(
            "an operation's status `{status}` is not known to this program and changes nothing: treat \
             the operation as open, and look the status up in the platform's documentation"
        ),
        Report::Contradiction(id) => format!(
            "operation {id} was reported both as a success and as a failure, and counts as a success \
             here"
        ),
        Report::Differs { operation, member } => {
            let what = match member {
                Member::Currency => "currency",
                Member::Method => "method",
                Member::Sum => "sum",
                Member::Type => "type",
                _ => "member",
            };
            let of = match operation {
                Some(id) => format!("operation {id}"),
                None => "the payment".to_owned(),
            };
            format!(
                "the {what} of {of} differs from the {what} in an earlier message, and counts as \
                 unknown"
            )
        }
        Report::RefundReversed(id) => {
            format!("refund {id} was reversed, which the payment's state here does not show")
        }
        other => format!("{other:?}"),
    }
}

pub(super) fn stats(stats: &Stats, json: bool) -> anyhow::Result<()> {
    let age = |oldest: Option<Timestamp>| {
        let since = SystemTime::now().duration_since(oldest?.into());
        Some(since.unwrap_or_default().as_secs())
    };
    let (waiting, held) = (age(stats.oldest_waiting), age(stats.oldest_held));
    let mut output = crate::output::stdout();
    if json {
        let counts = Counts {
            waiting: stats.waiting,
            held: stats.held,
            unconfirmed: stats.unconfirmed,
            dead: stats.dead,
            done: stats.done,
            repeated: stats.repeated,
            payments: stats.payments,
            oldest_waiting: stats.oldest_waiting.map(|oldest| oldest.to_string()),
            oldest_waiting_seconds: waiting,
            oldest_held: stats.oldest_held.map(|oldest| oldest.to_string()),
            oldest_held_seconds: held,
        };
        writeln!(output, "{}", serde_json::to_string_pretty(&counts)?)?;
        return Ok(());
    }
    let rows = [
        ("waiting", stats.waiting),
        ("held", stats.held),
        ("dead", stats.dead),
        ("done", stats.done),
        ("repeated", stats.repeated),
        ("payments", stats.payments),
    ];
    for (name, count) in rows {
        writeln!(output, "{name:<9} {count}")?;
    }
    if let Some(seconds) = waiting {
        writeln!(output, "the oldest waiting callback has waited for {seconds} s")?;
    }
    if let Some(seconds) = held {
        writeln!(output, "the oldest held callback has been held for {seconds} s")?;
    }
    if stats.unconfirmed > 0 {
        let count = stats.unconfirmed;
        writeln!(
            output,
            "Gate is not asked again about {count} held callbacks: `ecp inbox list --state held` \
             says why, and `ecp inbox release` asks once more"
        )?;
    }
    Ok(())
}

fn callback(entry: &Entry) -> Callback<'_> {
    Callback {
        id: entry.id.get(),
        state: entry.state.as_str(),
        project: entry.project.get(),
        payment: entry.payment.as_ref().map(ecp_core::PaymentId::as_str),
        status: entry.status.as_deref(),
        received: entry.received.to_string(),
        times: entry.times,
        attempts: entry.attempts,
        due: entry.due.map(|due| due.to_string()),
        error: entry.error.as_deref(),
        ambiguous: &entry.ambiguous,
        change: &entry.change,
        body: None,
        payment_state: None,
    }
}

/// Text from outside must not control the terminal.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        Cow::Owned(text.escape_debug().to_string())
    } else {
        Cow::Borrowed(text)
    }
}
