//! What logs and metrics are told of a callback or a question.

use std::time::{Duration, Instant};

use ecp_core::observe::{Meter, Metric};

use crate::reply::Reply;

/// What this crate times.
pub const METRICS: &[&Metric] = &[&CALLBACK, &CONFIRMATION];

/// Everything that is posted to a receiver.
pub(crate) static CALLBACK: Metric = Metric::duration(
    "ecp.callback.duration",
    "One body that was posted to a receiver, until it is stored or refused",
    &["ecp.outcome", "error.type", "http.response.status_code"],
);

/// Questions.
pub(crate) static CONFIRMATION: Metric = Metric::duration(
    "ecp.confirmation.duration",
    "One `check_deposit` question, until it is answered",
    &["ecp.outcome", "error.type", "http.response.status_code"],
);

/// Tells how something ended that was begun then, if anybody wants to know.
pub(crate) fn ended(
    meter: &Meter,
    metric: &'static Metric,
    begun: Option<Instant>,
    outcome: &'static str,
    reply: &Reply,
) {
    let Some(begun) = begun else { return };
    let took: Duration = begun.elapsed();
    let outcome = ("ecp.outcome", outcome);
    let (status, error) = words(reply.status);
    let status = ("http.response.status_code", status);
    match error {
        None => meter.took(metric, took, &[outcome, status]),
        Some(error) => meter.took(metric, took, &[outcome, ("error.type", error), status]),
    }
}

/// What became of a body that was posted to a receiver.
pub(crate) const fn outcome(reply: &Reply) -> &'static str {
    match reply.status {
        200 if reply.body.is_empty() => "stored",
        200 => "answered",
        503 => "not_stored",
        _ => "refused",
    }
}

/// Why an answer is not 200, in a word.
pub(crate) fn error_type(status: u16) -> &'static str {
    words(status).1.unwrap_or_default()
}

/// Each status that a [`Reply`] may have, as a label, and what it says went wrong.
const fn words(status: u16) -> (&'static str, Option<&'static str>) {
    match status {
        200 => ("200", None),
        400 => ("400", Some("unreadable")),
        403 => ("403", Some("not_genuine")),
        405 => ("405", Some("not_a_post")),
        408 => ("408", Some("too_slow")),
        413 => ("413", Some("too_large")),
        415 => ("415", Some("compressed")),
        501 => ("501", Some("no_confirmations")),
        503 => ("503", Some("not_stored")),
        _ => ("other", Some("other")),
    }
}

/// The span of what is genuine. What is not gets none: anybody may send it, as often as they like.
macro_rules! genuine_span {
    ($name:literal, $project:expr, $payment:expr) => {
        tracing::info_span!(
            $name,
            "otel.kind" = "consumer",
            "otel.status_code" = tracing::field::Empty,
            "ecp.project_id" = $project.map(ecp_core::ProjectId::get),
            "ecp.payment_id" = $payment.map(ecp_core::PaymentId::as_str),
            "ecp.outcome" = tracing::field::Empty,
            "error.type" = tracing::field::Empty,
        )
    };
}

pub(crate) use genuine_span;
