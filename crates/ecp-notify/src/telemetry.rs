//! Spans and metrics of callbacks, `check_deposit` requests and pages of operations.

use std::time::{Duration, Instant};

use ecp_core::observe::{Meter, Metric};
use ecp_core::signature::Order;

use crate::reply::Reply;
use crate::verified::Verified;

/// The names, units and labels of all metrics that this crate reports to an
/// [`Observer`](ecp_core::observe::Observer).
pub const METRICS: &[&Metric] = &[&CALLBACK, &CONFIRMATION, &OPERATIONS];

/// Time to receive a posted body.
pub(crate) static CALLBACK: Metric = Metric::duration(
    "ecp.callback.duration",
    "One body that was posted to a receiver, until it is stored or refused",
    &["ecp.outcome", "error.type", "http.response.status_code"],
);

/// Time to answer a `check_deposit` request.
pub(crate) static CONFIRMATION: Metric = Metric::duration(
    "ecp.confirmation.duration",
    "One `check_deposit` question, until it is answered",
    &["ecp.outcome", "error.type", "http.response.status_code"],
);

/// Time to receive a page of operations.
pub(crate) static OPERATIONS: Metric = Metric::duration(
    "ecp.operations.duration",
    "One page of operations that was posted to a receiver, until it is stored or refused",
    &["ecp.outcome", "error.type", "http.response.status_code"],
);

/// Records the duration, the outcome and the HTTP status of a reply; does nothing without a meter.
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

/// Logs a signature order other than the documented one: it verifies, but the platform has changed.
pub(crate) fn log_unusual_order<T>(message: &Verified<T>) {
    let (project, order) = (message.project().get(), message.order());
    if order != Order::Natural {
        tracing::warn!(
            "ecp.project_id" = project,
            "ecp.signature.order" = %order,
            "signed in another order than documented: the message is genuine and accepted; \
             please report the order"
        );
    }
}

/// Outcome label of a posted body.
pub(crate) const fn outcome(reply: &Reply) -> &'static str {
    match reply.status {
        200 if reply.body.is_empty() => "stored",
        200 => "answered",
        503 => "not_stored",
        _ => "refused",
    }
}

/// Label of the reason why a reply is not 200.
pub(crate) fn error_type(status: u16) -> &'static str {
    words(status).1.unwrap_or_default()
}

/// Labels of each status that a [`Reply`] may have: the status and the kind of error.
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

/// Span of a genuine message. Other messages get none: anyone may send any number of them.
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
