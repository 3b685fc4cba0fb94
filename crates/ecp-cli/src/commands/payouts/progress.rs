//! Progress of a run, on a terminal and in a log.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ecp_core::PaymentId;
use ecp_payouts::{Counts, Progress, State};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The progress of a run: a bar if standard error is a terminal, otherwise a line every few
/// seconds.
#[derive(Clone)]
pub(super) struct Shown {
    bar: Option<ProgressBar>,
    last_line: Arc<Mutex<Instant>>,
}

/// Minimum time between two lines in a log.
const PAUSE: Duration = Duration::from_secs(5);

impl Shown {
    pub(super) fn new(rows: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(rows), ProgressDrawTarget::stderr());
            let style = "{bar:30} {pos}/{len} rows, {per_sec}, {eta} left; {msg}";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, last_line: Arc::new(Mutex::new(Instant::now())) }
    }

    /// Prints a message without disturbing the progress bar.
    pub(super) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => note!("{text}"),
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Formats the counts as text. Errors are rare, and only mentioned if there are any.
pub(super) fn words(counts: &Counts) -> String {
    let Counts { success, decline, error, unknown, not_sent, .. } = *counts;
    let error = if error > 0 { format!("{error} in error, ") } else { String::new() };
    format!("{success} paid, {decline} declined, {error}{unknown} unknown, {not_sent} not sent")
}

impl Progress for Shown {
    fn row(&self, _: &PaymentId, _: State, counts: &Counts) {
        let Counts { rows, before, .. } = *counts;
        let words = words(counts);
        if let Some(bar) = &self.bar {
            // Rows of an earlier run take no time, and would distort the rate and the time left.
            bar.set_length(rows - before);
            bar.set_position(counts.done() - before);
            bar.set_message(match before {
                0 => words,
                before => format!("{words}; {before} in an earlier run"),
            });
            return;
        }
        let mut last = self.last_line.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= PAUSE {
            *last = Instant::now();
            note!("{}/{rows} rows: {words}", counts.done());
        }
    }
}
