//! Capture of everything that is logged and measured.

use std::collections::BTreeSet;
use std::fmt::{self, Debug, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ecp_core::observe::{Observation, Observer};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::Sentinels;

/// Captures everything that a service prints, so that a test can search it for secrets: spans and
/// events of `tracing` at every level with all fields, records of `log`, observations of metrics,
/// and printed texts. Clones share the captured data. [`Capture::install`] begins, and
/// [`Capture::leaks`] searches.
#[derive(Clone, Debug, Default)]
pub struct Capture(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    lines: Mutex<Vec<String>>,
    named: Mutex<Named>,
    spans: AtomicU64,
}

/// Spans and fields with their crates, and metrics.
#[derive(Debug, Default)]
struct Named {
    spans: BTreeSet<(String, String)>,
    fields: BTreeSet<(String, String)>,
    metrics: BTreeSet<String>,
}

/// The names of spans, fields and metrics that a service used while it was captured, from
/// [`Capture::names`]. A test can compare them with a document that lists them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Names {
    /// The names of the `tracing` spans.
    pub spans: BTreeSet<String>,
    /// The names of the fields of `tracing` spans and events, except `message`.
    pub fields: BTreeSet<String>,
    /// The names of the metrics that were observed.
    pub metrics: BTreeSet<String>,
}

/// A captured line that contains sentinels: invented secrets or other texts that must not be
/// printed. Print it with `Display` in a failed test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    names: BTreeSet<String>,
    line: String,
}

impl Leak {
    /// The names of the sentinels (texts that must not be printed) that the line contains, as in
    /// `Sentinels::add`.
    pub fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// The whole captured line, with the leaked text.
    pub fn line(&self) -> &str {
        &self.line
    }
}

/// The names, and the beginning of the line.
impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} in {:.2000}", self.names, self.line)
    }
}

impl Capture {
    /// Creates a capture that has no lines yet. [`Capture::install`] makes it record what the
    /// process logs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Captures everything that this process logs through `tracing` and `log` from now on. Call it
    /// once in a process.
    ///
    /// # Panics
    ///
    /// If the process already has a subscriber of `tracing` or a logger of `log`.
    pub fn install(&self) {
        tracing::subscriber::set_global_default(self.clone())
            .expect("this process has no other subscriber");
        log::set_boxed_logger(Box::new(self.clone())).expect("this process has no other logger");
        log::set_max_level(log::LevelFilter::Trace);
    }

    /// Adds a text that was printed elsewhere, such as the output of a command, to the captured
    /// lines. `what` describes the text, such as `output of ecp status`, and is put before it.
    pub fn note(&self, what: &str, printed: impl Into<String>) {
        self.taken_in().push(format!("{what}: {}", printed.into()));
    }

    /// Adds the `Debug` output of a value, plain and pretty-printed, to the captured lines. `what`
    /// describes the value, such as `the configuration`, and is put before it.
    pub fn debug(&self, what: &str, value: &dyn Debug) {
        self.note(what, format!("{value:?}"));
        self.note(what, format!("{value:#?}"));
    }

    /// Adds the `Debug` output of a result and, if it is an error, the texts of the error and of
    /// all its causes to the captured lines. `what` describes the result, such as `the sale`, and
    /// is put before it.
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

    /// All lines that have been captured so far, such as log records and printed texts.
    pub fn lines(&self) -> Vec<String> {
        self.taken_in().clone()
    }

    /// The captured lines that contain at least one of the sentinels (texts that must not be
    /// printed), each with the names of the sentinels in it. A test asserts that there are none.
    pub fn leaks(&self, sentinels: &Sentinels) -> Vec<Leak> {
        let (lines, search) = (self.taken_in(), sentinels.search());
        let leak = |line: &String| {
            let names = search.found_in(line);
            let names: BTreeSet<String> = names.into_iter().map(str::to_owned).collect();
            (!names.is_empty()).then(|| Leak { names, line: line.clone() })
        };
        lines.iter().filter_map(leak).collect()
    }

    /// The names that have been used so far: of all metrics, and of the spans and fields of those
    /// crates for which `of_crate` returns true. The argument of `of_crate` is the name of a crate
    /// as in Rust paths, such as `ecp_core`.
    pub fn names(&self, of_crate: impl Fn(&str) -> bool) -> Names {
        let named = self.named();
        let wanted = |all: &BTreeSet<(String, String)>| -> BTreeSet<String> {
            let wanted = all.iter().filter(|(owner, _)| of_crate(owner));
            wanted.map(|(_, name)| name.clone()).collect()
        };
        Names {
            spans: wanted(&named.spans),
            fields: wanted(&named.fields),
            metrics: named.metrics.clone(),
        }
    }

    fn taken_in(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn named(&self) -> MutexGuard<'_, Named> {
        self.0.named.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name(&self, metadata: &Metadata<'_>) {
        let owner = metadata.target().split("::").next().unwrap_or_default();
        let mut named = self.named();
        if metadata.is_span() {
            named.spans.insert((owner.to_owned(), metadata.name().to_owned()));
        }
        let fields = metadata.fields().iter().map(|field| field.name());
        let fields = fields.filter(|field| *field != "message");
        named.fields.extend(fields.map(|field| (owner.to_owned(), field.to_owned())));
    }
}

impl Subscriber for Capture {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.name(span.metadata());
        let mut line = Line::of(span.metadata());
        span.record(&mut line);
        self.taken_in().push(line.0);
        Id::from_u64(1 + self.0.spans.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = Line("recorded:".to_owned());
        values.record(&mut line);
        self.taken_in().push(line.0);
    }

    fn event(&self, event: &Event<'_>) {
        self.name(event.metadata());
        let mut line = Line::of(event.metadata());
        event.record(&mut line);
        self.taken_in().push(line.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Text of one span or event.
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
        self.taken_in().push(line);
    }

    fn flush(&self) {}
}

impl Observer for Capture {
    fn observe(&self, observation: &Observation<'_>) {
        self.named().metrics.insert(observation.metric.name().to_owned());
        self.note("metric", format!("{observation:?}"));
    }
}
