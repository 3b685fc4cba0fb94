//! Everything that is logged and measured.

use std::collections::BTreeSet;
use std::fmt::{Debug, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ecp_core::observe::{Observation, Observer};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Takes in spans and events of `tracing` at every level with all their fields, records of `log`,
/// observations, and what is printed. Clones share what they took in.
#[derive(Clone, Debug, Default)]
pub struct Capture(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    lines: Mutex<Vec<String>>,
    seen: Mutex<Seen>,
    spans: AtomicU64,
}

/// Names in use: whoever documents them can be held to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen {
    /// Of spans of the crates here, the sandbox aside: it talks to whoever develops against it.
    pub spans: BTreeSet<String>,
    /// Of fields of their spans and events, the message aside.
    pub fields: BTreeSet<String>,
    /// Of metrics.
    pub metrics: BTreeSet<String>,
}

impl Capture {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in what this process logs from now on, through either of the two.
    ///
    /// # Panics
    ///
    /// When somebody else does already.
    pub fn install(&self) {
        tracing::subscriber::set_global_default(self.clone()).expect("nobody else has subscribed");
        log::set_boxed_logger(Box::new(self.clone())).expect("nobody else has a logger");
        log::set_max_level(log::LevelFilter::Trace);
    }

    /// Takes in something printed.
    pub fn note(&self, what: &str, printed: impl Into<String>) {
        self.lines().push(format!("{what}: {}", printed.into()));
    }

    /// Takes in how a value prints itself, in each of the two ways of `Debug`.
    pub fn debug(&self, what: &str, value: &dyn Debug) {
        self.note(what, format!("{value:?}"));
        self.note(what, format!("{value:#?}"));
    }

    /// Takes in a result: the value, or the error with all its causes.
    pub fn result<T: Debug, E: std::error::Error>(&self, what: &str, result: &Result<T, E>) {
        self.debug(what, result);
        if let Err(error) = result {
            self.note(what, error.to_string());
            let mut cause = error.source();
            while let Some(error) = cause {
                self.note(what, error.to_string());
                self.debug(what, &error);
                cause = error.source();
            }
        }
    }

    /// All lines so far.
    pub fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The names so far.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn names(&self, metadata: &Metadata<'_>) {
        let target = metadata.target();
        if target.starts_with("ecp_") && !target.starts_with("ecp_sandbox") {
            let mut seen = self.seen();
            if metadata.is_span() {
                seen.spans.insert(metadata.name().to_owned());
            }
            let names = metadata.fields().iter().map(|field| field.name());
            seen.fields.extend(names.filter(|name| *name != "message").map(str::to_owned));
        }
    }
}

impl Subscriber for Capture {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.names(span.metadata());
        let mut line = Line::of(span.metadata());
        span.record(&mut line);
        self.lines().push(line.0);
        Id::from_u64(1 + self.0.spans.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = Line("recorded:".to_owned());
        values.record(&mut line);
        self.lines().push(line.0);
    }

    fn event(&self, event: &Event<'_>) {
        self.names(event.metadata());
        let mut line = Line::of(event.metadata());
        event.record(&mut line);
        self.lines().push(line.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// What one span or event says.
struct Line(String);

impl Line {
    fn of(metadata: &Metadata<'_>) -> Self {
        Self(format!("{} {} {}:", metadata.level(), metadata.target(), metadata.name()))
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, " {field}={value}");
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl log::Log for Capture {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {}: {}", record.level(), record.target(), record.args());
        self.lines().push(line);
    }

    fn flush(&self) {}
}

impl Observer for Capture {
    fn observe(&self, observation: &Observation<'_>) {
        self.seen().metrics.insert(observation.metric.name().to_owned());
        self.note("metric", format!("{observation:?}"));
    }
}
