//! Callbacks on standard output, as text and as JSON.

use std::borrow::Cow;
use std::io::Write;
use std::time::SystemTime;

use ecp_core::Timestamp;
use ecp_inbox::{Amount, Entry, EntryState, PaymentState, Stats};
use serde::Serialize;

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

pub(super) fn list(entries: &[Entry], json: bool) -> anyhow::Result<()> {
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
        if let Some(error) = &entry.error {
            let what = if entry.state == EntryState::Held { "status requests" } else { "attempts" };
            write!(output, "  after {} {what}: {}", entry.attempts, printable(error))?;
        }
        writeln!(output)?;
    }
    Ok(())
}

pub(super) fn one(
    entry: &Entry,
    state: Option<&PaymentState>,
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
    for (name, value) in rows(entry, state) {
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

fn rows(entry: &Entry, state: Option<&PaymentState>) -> Vec<(&'static str, Option<String>)> {
    let moved = entry.change.moved().map(|(from, to)| match from {
        Some(from) => format!("the payment went from `{from}` to `{to}`"),
        None => format!("the payment is `{to}`"),
    });
    let status = state.and_then(PaymentState::status).map(ToString::to_string);
    let sum = |sum: Option<&Amount>| sum.map(|sum| format!("{} {}", sum.amount, sum.currency));
    let reports = entry.change.reports().iter().map(|report| format!("{report:?}"));
    let reports: Vec<String> = reports.collect();
    let list = |items: &[String]| (!items.is_empty()).then(|| items.join(", "));
    vec![
        ("number", Some(entry.id.to_string())),
        ("state", Some(entry.state.to_string())),
        ("project", Some(entry.project.to_string())),
        ("payment", entry.payment.as_ref().map(ToString::to_string)),
        ("status", entry.status.clone()),
        ("received", Some(entry.received.to_string())),
        ("times", Some(entry.times.to_string())),
        ("attempts", Some(entry.attempts.to_string())),
        ("due", entry.due.map(|due| due.to_string())),
        ("error", entry.error.clone()),
        ("change", moved),
        ("reports", list(&reports)),
        ("ambiguous", list(&entry.ambiguous)),
        ("payment is now", status),
        ("paid (minor)", sum(state.and_then(PaymentState::paid))),
        ("left (minor)", sum(state.and_then(PaymentState::left))),
    ]
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
