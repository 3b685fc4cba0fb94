//! Metrics, independent of the metrics library of the application.
//!
//! The crates that send, receive and store are given an [`Observer`], and report observations to
//! it: the [`Metric`], a count or a duration, and a few labels. Without one they read no clock and
//! build no observation. Each crate lists its metrics as `METRICS`; `docs/observability.md`
//! explains them. This module measures nothing itself.
//!
//! A label's value is a `&'static str`: one of our own words or a method's code. Text that came
//! over the wire, or that a customer typed, has another type, so it cannot become a label.
//!
//! ```
//! use std::sync::Mutex;
//! use ecp_core::observe::{Meter, Metric, Observation, Value};
//!
//! static SHIPPED: Metric = Metric::counter("shop.shipped", "{order}", "Orders sent out", &[]);
//!
//! static SEEN: Mutex<Vec<(&str, Value)>> = Mutex::new(Vec::new());
//! let meter = Meter::new(|seen: &Observation<'_>| {
//!     SEEN.lock().unwrap().push((seen.metric.name(), seen.value));
//! });
//! meter.count(&SHIPPED, 3, &[]);
//! assert_eq!(*SEEN.lock().unwrap(), [("shop.shipped", Value::Count(3))]);
//! ```

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Receiver of metrics: it is given each count and each measured duration as an [`Observation`], to
/// pass it on to the metrics library of the application.
///
/// It is called synchronously between two steps of a payment, so it must return quickly and must
/// not panic: a panic ends the call in progress, whose request may have been sent.
pub trait Observer: Send + Sync + 'static {
    /// Records one observation of a metric.
    fn observe(&self, observation: &Observation<'_>);
}

impl<F: Fn(&Observation<'_>) + Send + Sync + 'static> Observer for F {
    fn observe(&self, observation: &Observation<'_>) {
        self(observation);
    }
}

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn observe(&self, observation: &Observation<'_>) {
        (**self).observe(observation);
    }
}

/// One observation of a metric: a count or a duration, with its labels.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Observation<'o> {
    /// The metric that was observed.
    pub metric: &'static Metric,
    /// The count or the duration that was observed.
    pub value: Value,
    /// The labels with their values: some of the names in [`Metric::labels`], in the same order.
    pub labels: &'o [Label],
}

/// The name and the value of a label of a metric, such as `("ecp.request", "sale")`.
pub type Label = (&'static str, &'static str);

/// Value of an [`Observation`]: a count or a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// The number to add to a counter.
    Count(u64),
    /// A measured duration, to be recorded in a histogram whose unit is seconds.
    Took(Duration),
}

/// Definition of a metric: its name, kind, unit, description and labels. An [`Observer`] is given
/// it with each observation.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    name: &'static str,
    kind: MetricKind,
    unit: &'static str,
    description: &'static str,
    labels: &'static [&'static str],
}

/// Kind of a metric: a counter, or durations for a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricKind {
    /// A counter: each observation is a [`Value::Count`], to be added to it.
    Counter,
    /// A histogram of durations: each observation is a [`Value::Took`], to be recorded in it.
    Duration,
}

impl Metric {
    /// Defines a counter. The unit names the counted thing in braces, as in the UCUM standard:
    /// `{callback}`. `labels` are the names of the labels that its observations may have.
    pub const fn counter(
        name: &'static str,
        unit: &'static str,
        description: &'static str,
        labels: &'static [&'static str],
    ) -> Self {
        Self { name, kind: MetricKind::Counter, unit, description, labels }
    }

    /// Defines a histogram of durations in seconds. `labels` are the names of the labels that its
    /// observations may have.
    pub const fn duration(
        name: &'static str,
        description: &'static str,
        labels: &'static [&'static str],
    ) -> Self {
        Self { name, kind: MetricKind::Duration, unit: "s", description, labels }
    }

    /// The name of the metric, such as `ecp.gate.request.duration`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The kind of the metric: counter or duration.
    pub const fn kind(&self) -> MetricKind {
        self.kind
    }

    /// The unit of the metric in UCUM: `s` for a duration, the counted thing in braces for a
    /// counter, such as `{callback}`.
    pub const fn unit(&self) -> &'static str {
        self.unit
    }

    /// The description of the metric, a sentence without a full stop.
    pub const fn description(&self) -> &'static str {
        self.description
    }

    /// The names of the labels that observations of the metric may have.
    pub const fn labels(&self) -> &'static [&'static str] {
        self.labels
    }
}

/// Handle that reports metrics to an [`Observer`]. The default meter has no observer and reports
/// nothing. Clones report to the same observer.
#[derive(Clone, Default)]
pub struct Meter(Option<Arc<dyn Observer>>);

impl Meter {
    /// Makes a meter that reports to this observer. The default meter reports nothing.
    pub fn new(observer: impl Observer) -> Self {
        Self(Some(Arc::new(observer)))
    }

    /// Whether the meter has an observer. If not, there is no need to measure a duration, because
    /// nothing is reported.
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Reports to the observer, if there is one, that a counter grew by this number.
    pub fn count(&self, metric: &'static Metric, more: u64, labels: &[Label]) {
        self.tell(metric, Value::Count(more), labels);
    }

    /// Reports a measured duration to the observer, if there is one.
    pub fn took(&self, metric: &'static Metric, time: Duration, labels: &[Label]) {
        self.tell(metric, Value::Took(time), labels);
    }

    fn tell(&self, metric: &'static Metric, value: Value, labels: &[Label]) {
        if let Some(observer) = &self.0 {
            observer.observe(&Observation { metric, value, labels });
        }
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "Meter(on)" } else { "Meter(off)" })
    }
}
