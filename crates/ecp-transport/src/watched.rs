//! Spans and metrics of calls.

use ecp_core::observe::{Label, Meter, Metric};
use tokio::time::Instant;
use tracing::{Instrument, Span, Value};

use crate::error::{GateError, Outcome};

/// All metrics that this crate reports to an [`Observer`](ecp_core::observe::Observer), which
/// [`Gate::observer`](crate::Gate::observer) and [`DataApi::observer`](crate::DataApi::observer)
/// set.
pub const METRICS: &[&Metric] =
    &[&GATE_REQUEST, &SEND, &SEND_TURN, &FURTHER_REQUESTS, &BUDGET_EMPTY, &DATA_PAGE];

static GATE_REQUEST: Metric = Metric::duration(
    "ecp.gate.request.duration",
    "One request to Gate, from its signature to its answer",
    &["ecp.request", "ecp.method", "ecp.outcome", "error.type"],
);

static SEND: Metric = Metric::duration(
    "ecp.send.duration",
    "One call of a sender, with all its requests, turns and pauses",
    &["ecp.request", "ecp.method", "ecp.outcome", "error.type"],
);

/// Time that a request waits for the limits of requests at once and per second.
pub(crate) static SEND_TURN: Metric = Metric::duration(
    "ecp.send.turn.duration",
    "Time that a request waited for its turn, because of the limits of concurrency and rate",
    &[],
);

/// Requests beyond the first of a call.
pub(crate) static FURTHER_REQUESTS: Metric = Metric::counter(
    "ecp.send.further_requests",
    "{request}",
    "Requests beyond the first of a call: sent again, or asked for the status",
    &["ecp.request"],
);

/// Calls that end because the budget is empty.
pub(crate) static BUDGET_EMPTY: Metric = Metric::counter(
    "ecp.send.budget_empty",
    "{call}",
    "Calls that ended early because the retry budget was empty",
    &["ecp.request"],
);

static DATA_PAGE: Metric = Metric::duration(
    "ecp.data.page.duration",
    "One page of the Data API, with all its requests and pauses",
    &["ecp.outcome", "error.type"],
);

/// A call in progress: its span and its duration.
///
/// A dropped call is recorded as `unknown` with the error `dropped`: otherwise slow calls whose
/// callers stop waiting would be missing from the metrics.
pub(crate) struct Watched {
    span: Span,
    meter: Meter,
    metric: &'static Metric,
    /// The labels of the metric that are known when the call begins: the request and the method.
    labels: [Option<Label>; 2],
    begun: Option<Instant>,
    ended: bool,
}

impl Watched {
    /// One request to Gate.
    pub(crate) fn gate(
        span: Span,
        meter: &Meter,
        request: &'static str,
        method: Option<&'static str>,
    ) -> Self {
        Self::new(&GATE_REQUEST, span, meter, of(request, method))
    }

    /// One call of a sender.
    pub(crate) fn send(
        span: Span,
        meter: &Meter,
        request: &'static str,
        method: Option<&'static str>,
    ) -> Self {
        Self::new(&SEND, span, meter, of(request, method))
    }

    /// One page of the Data API.
    pub(crate) fn page(span: Span, meter: &Meter) -> Self {
        Self::new(&DATA_PAGE, span, meter, [None, None])
    }

    fn new(metric: &'static Metric, span: Span, meter: &Meter, labels: [Option<Label>; 2]) -> Self {
        let begun = meter.is_on().then(Instant::now);
        Self { span, meter: meter.clone(), metric, labels, begun, ended: false }
    }

    /// Runs the call inside its span.
    pub(crate) fn run<F: Future>(&self, work: F) -> impl Future<Output = F::Output> {
        work.instrument(self.span.clone())
    }

    /// Records a field of the span.
    pub(crate) fn record(&self, field: &str, value: impl Value) {
        self.span.record(field, value);
    }

    /// Records the end. `error` is the label of the error.
    pub(crate) fn end(mut self, outcome: &'static str, error: Option<&'static str>) {
        self.tell(outcome, error);
    }

    fn tell(&mut self, outcome: &'static str, error: Option<&'static str>) {
        self.ended = true;
        self.span.record("ecp.outcome", outcome);
        if let Some(error) = error {
            self.span.record("error.type", error).record("otel.status_code", "ERROR");
        }
        if let Some(begun) = self.begun {
            let end = [Some(("ecp.outcome", outcome)), error.map(|error| ("error.type", error))];
            let mut labels = [("", ""); 4];
            let mut known = 0;
            for label in self.labels.into_iter().chain(end).flatten() {
                labels[known] = label;
                known += 1;
            }
            self.meter.took(self.metric, begun.elapsed(), &labels[..known]);
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.ended {
            self.tell(Outcome::Unknown.as_str(), Some("dropped"));
        }
    }
}

fn of(request: &'static str, method: Option<&'static str>) -> [Option<Label>; 2] {
    [Some(("ecp.request", request)), method.map(|method| ("ecp.method", method))]
}

/// Outcome label (`success` for a successful call to Gate) and error label of a result.
pub(crate) fn words<T>(
    result: &Result<T, GateError>,
    success: &'static str,
) -> (&'static str, Option<&'static str>) {
    match result {
        Ok(_) => (success, None),
        Err(error) => (error.outcome().as_str(), Some(error.error_type())),
    }
}

/// A span of a request to Gate or of a call that makes some. Span names are constants, so this is a
/// macro.
macro_rules! request_span {
    ($name:literal, $kind:literal, $project:expr, $payment:expr, $method:expr $(, $field:literal)*) => {
        tracing::info_span!(
            $name,
            "otel.kind" = $kind,
            "otel.status_code" = tracing::field::Empty,
            "ecp.project_id" = $project.get(),
            "ecp.payment_id" = $payment,
            "ecp.method" = $method,
            "ecp.outcome" = tracing::field::Empty,
            "error.type" = tracing::field::Empty,
            $($field = tracing::field::Empty,)*
        )
    };
}

pub(crate) use request_span;
