//! Logs and spans of a store's operations.

use ecp_core::PaymentId;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::entry::EntryId;
use crate::error::InboxError;
use crate::inbox::{Accepted, Release};
use crate::state::{Change, Report};

/// Stores a callback in a span of its own and logs the result.
pub(crate) async fn accept(
    project: i64,
    payment: Option<&PaymentId>,
    is_ambiguous: bool,
    written: impl Future<Output = Result<(Accepted, Change), InboxError>>,
) -> Result<Accepted, InboxError> {
    let span = tracing::debug_span!(
        "ecp.inbox.accept",
        "otel.status_code" = Empty,
        "ecp.project_id" = project,
        "ecp.payment_id" = payment.map(PaymentId::as_str),
        "ecp.entry_id" = Empty,
        "ecp.outcome" = Empty,
        "error.type" = Empty,
    );
    let result = written.instrument(span.clone()).await;
    match &result {
        Ok((accepted, change)) => {
            span.in_scope(|| {
                log_accepted(&span, project, payment, is_ambiguous, *accepted, change);
            });
        }
        Err(error) => {
            span.record("ecp.outcome", "failed")
                .record("error.type", error.kind().as_str())
                .record("otel.status_code", "ERROR");
        }
    }
    Ok(result?.0)
}

/// The callback that an event is about. Payment ids may be logged; bodies may not.
#[derive(Clone, Copy)]
struct About<'a> {
    project: i64,
    payment: Option<&'a PaymentId>,
    entry: EntryId,
}

/// Logs an event about a callback.
macro_rules! tell {
    ($about:ident, $level:ident, $($what:tt)+) => {
        tracing::$level!(
            "ecp.project_id" = $about.project,
            "ecp.payment_id" = $about.payment.map(PaymentId::as_str),
            "ecp.entry_id" = $about.entry.get(),
            $($what)+
        )
    };
}

/// Logs the result and the reports of an accepted callback.
fn log_accepted(
    span: &Span,
    project: i64,
    payment: Option<&PaymentId>,
    is_ambiguous: bool,
    accepted: Accepted,
    change: &Change,
) {
    let about = About { project, payment, entry: accepted.id() };
    span.record("ecp.outcome", accepted.as_str()).record("ecp.entry_id", about.entry.get());
    match accepted {
        Accepted::New(_) => tell!(about, debug, "callback stored"),
        Accepted::Held(_) if is_ambiguous => {
            tell!(
                about,
                warn,
                "callback held: its signature allows more than one reading, so Gate must confirm it"
            );
        }
        Accepted::Held(_) => tell!(about, debug, "callback held until Gate confirms it"),
        Accepted::Repeated(_) | Accepted::SameOperation { .. } => {
            tell!(about, debug, "callback stored before");
        }
    }
    log_reports(about, change);
}

/// Logs what a change reports to a person.
fn log_reports(about: About<'_>, change: &Change) {
    for report in change.reports() {
        match report {
            Report::UnknownPaymentStatus(status) | Report::UnknownOperationStatus(status) => {
                let status = status.as_str();
                tell!(
                    about,
                    warn,
                    "ecp.payment_status" = status,
                    "unknown status: it changes nothing; look it up in the platform's documentation"
                );
            }
            Report::Contradiction(operation) => tell!(
                about,
                error,
                "ecp.operation_id" = operation,
                "an operation was reported as success and as failure: ask Gate for the status"
            ),
            Report::Differs { operation, member } => tell!(
                about,
                error,
                "ecp.operation_id" = *operation,
                "ecp.path" = member.path(operation.is_some()),
                "two messages differ in a member that cannot change: ask Gate for the status"
            ),
            Report::RefundReversed(operation) => {
                tell!(
                    about,
                    error,
                    "ecp.operation_id" = operation,
                    "a refund was reversed: ask Gate for the status"
                );
            }
        }
    }
}

/// What became of a held callback and, if it was released, what that changed in its payment.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) release: Release,
    pub(crate) change: Option<(i64, Option<PaymentId>, Change)>,
}

impl From<Release> for Decided {
    fn from(release: Release) -> Self {
        Self { release, change: None }
    }
}

/// Logs the effect of Gate's answer on a held callback.
pub(crate) fn released(id: EntryId, decided: &Decided) {
    let Decided { release, change } = decided;
    if let Some((project, payment, change)) = change {
        let about = About { project: *project, payment: payment.as_ref(), entry: id };
        log_reports(about, change);
    }
    let (id, outcome) = (id.get(), release.as_str());
    match release {
        Release::Disagrees(path) => tracing::error!(
            "ecp.entry_id" = id,
            "ecp.outcome" = outcome,
            "ecp.path" = path,
            "Gate contradicts a held callback: do not act on it, and ask the platform"
        ),
        Release::Released | Release::Repeated => tracing::info!(
            "ecp.entry_id" = id,
            "ecp.outcome" = outcome,
            "callback released: Gate confirms it"
        ),
        Release::Undecided(path) => tracing::info!(
            "ecp.entry_id" = id,
            "ecp.outcome" = outcome,
            "ecp.path" = path,
            "callback stays held: Gate has not decided yet"
        ),
        Release::NotHeld => {}
    }
}

/// Logs that Gate is not asked again about a held callback.
pub(crate) fn given_up(id: EntryId) {
    tracing::error!(
        "ecp.entry_id" = id.get(),
        "callback stays held: Gate was asked as often as configured and did not decide; \
         release it with `ecp inbox release`"
    );
}

/// Logs that a callback will be handled again.
pub(crate) fn replayed(id: EntryId, replayed: bool) {
    if replayed {
        tracing::info!("ecp.entry_id" = id.get(), "callback will be handled again");
    }
}

/// Logs the number of removed bodies.
pub(crate) fn bodies_removed(removed: u64) {
    if removed > 0 {
        tracing::info!("ecp.inbox.bodies_removed" = removed, "old bodies were removed");
    }
}
