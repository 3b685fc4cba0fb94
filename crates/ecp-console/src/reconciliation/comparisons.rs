//! Comparisons that operators started on the page.
//!
//! Their results stay in memory until the program ends. One runs at a time, so that the Data API is
//! asked once.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ecp_core::Timestamp;
use ecp_inbox::HandlerError;
use ecp_payouts::Owner;
use ecp_reconcile::{Interval, Reconcile, Reconciliation};

use super::content::{Content, Report};

/// How many comparisons are kept.
const MOST: usize = 10;

/// How many differences of a comparison are kept. Further ones are counted.
pub(crate) const MOST_DIFFERENCES: usize = 10_000;

pub(super) type Begun = Pin<Box<dyn Future<Output = Result<Reconciliation, HandlerError>> + Send>>;

/// Begins a comparison of the sides that it is given.
pub(crate) type Begin = Box<dyn Fn(Reconcile) -> Begun + Send + Sync>;

/// The comparisons of a console.
pub(crate) struct Comparisons {
    owner: Owner,
    begin: Begin,
    runs: Mutex<Vec<Run>>,
}

/// A comparison, while it runs and afterwards.
struct Run {
    /// Number of the comparison, counted from 1 since the program started.
    number: u64,
    days: Days,
    /// Differences and counts found so far, shared with the pages that show them.
    content: Arc<Content>,
    end: Option<End>,
}

struct End {
    at: Timestamp,
    /// Why the comparison failed; `None` if it was completed.
    problem: Option<String>,
}

/// A range of days in UTC, both included.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Days {
    first: Timestamp,
    /// The last second of the last day, in UTC.
    last: Timestamp,
}

impl Days {
    /// Reads two days such as `2026-11-30`. The error says what is wrong.
    pub(crate) fn read(first: Option<&str>, last: Option<&str>) -> Result<Self, &'static str> {
        let moment = |day: Option<&str>, time: &str| {
            let day = day.filter(|day| day.len() == "2026-11-30".len());
            day.and_then(|day| format!("{day}T{time}+0000").parse::<Timestamp>().ok())
        };
        match (moment(first, "00:00:00"), moment(last, "23:59:59")) {
            (Some(first), Some(last)) if first <= last => Ok(Self { first, last }),
            (Some(_), Some(_)) => {
                Err("The last day is before the first: give them in their order.")
            }
            _ => Err("Give the first and the last day, each as in 2026-11-30."),
        }
    }

    /// Returns the seven days before today.
    pub(crate) fn last_week(now: Timestamp) -> Option<Self> {
        const DAY: i64 = 86_400;
        let today = now.unix_seconds().div_euclid(DAY) * DAY;
        let first = Timestamp::from_unix_seconds(today - 7 * DAY).ok()?;
        Some(Self { first, last: Timestamp::from_unix_seconds(today - 1).ok()? })
    }

    pub(crate) const fn interval(self) -> Interval {
        Interval::new(self.first, self.last)
    }

    pub(crate) fn first(self) -> String {
        day(self.first)
    }

    pub(crate) fn last(self) -> String {
        day(self.last)
    }
}

fn day(moment: Timestamp) -> String {
    moment.to_string().chars().take("2026-11-30".len()).collect()
}

/// `2026-11-01 to 2026-11-30`
impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first() == self.last() {
            return f.write_str(&self.first());
        }
        write!(f, "{} to {}", self.first(), self.last())
    }
}

/// What became of the request for a comparison.
pub(crate) enum Started {
    New(u64),
    /// A comparison of the same days is running, with this number: the form was probably sent
    /// twice.
    Same(u64),
    /// A comparison of other days is running; these are its days, such as `2026-11-01 to
    /// 2026-11-30`.
    Busy(String),
}

impl Comparisons {
    pub(crate) fn new(owner: Owner, begin: Begin) -> Self {
        Self { owner, begin, runs: Mutex::new(Vec::new()) }
    }

    /// Whose operations are compared.
    pub(crate) const fn owner(&self) -> &Owner {
        &self.owner
    }

    fn runs(&self) -> MutexGuard<'_, Vec<Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, number: u64, change: impl FnOnce(&mut Run)) {
        if let Some(run) = self.runs().iter_mut().find(|run| run.number == number) {
            change(run);
        }
    }

    /// Begins to compare these sides.
    pub(super) fn begin(&self, sides: Reconcile) -> Begun {
        (self.begin)(sides)
    }

    /// Adds a line of a report to a comparison, unless it has too many differences.
    pub(super) fn add(&self, number: u64, line: &str) {
        self.change(number, |run| {
            // A line that `ecp-reconcile` writes can be read.
            let _ = Arc::make_mut(&mut run.content).read_line(line, MOST_DIFFERENCES);
        });
    }

    /// Notes that a comparison has ended, and why it did not come to its end.
    pub(super) fn end(&self, number: u64, at: Timestamp, problem: Option<String>) {
        self.change(number, |run| run.end = Some(End { at, problem }));
    }

    /// Notes a new comparison, unless one is running.
    pub(super) fn enter(&self, days: Days) -> Started {
        let mut runs = self.runs();
        if let Some(running) = runs.iter().find(|run| run.end.is_none()) {
            if running.days == days {
                return Started::Same(running.number);
            }
            return Started::Busy(running.days.to_string());
        }
        let number = runs.last().map_or(1, |run| run.number + 1);
        let surplus = (runs.len() + 1).saturating_sub(MOST);
        runs.drain(..surplus);
        runs.push(Run { number, days, content: Arc::default(), end: None });
        Started::New(number)
    }

    /// Returns the comparison with this number as a report.
    pub(crate) fn report(&self, number: u64) -> Option<Report> {
        self.runs().iter().find(|run| run.number == number).map(Run::report)
    }

    /// Returns all comparisons as reports, the newest first.
    pub(crate) fn reports(&self) -> Vec<Report> {
        self.runs().iter().rev().map(Run::report).collect()
    }

    /// Returns the newest comparison that is not running.
    pub(crate) fn newest(&self) -> Option<Report> {
        self.runs().iter().rev().find(|run| run.end.is_some()).map(Run::report)
    }
}

impl Run {
    fn report(&self) -> Report {
        Report {
            name: format!("{}, compared here", self.days),
            query: format!("comparison={}", self.number),
            written: self.end.as_ref().map(|end| end.at),
            is_running: self.end.is_none(),
            problem: self.end.as_ref().and_then(|end| end.problem.clone()),
            content: Ok(Arc::clone(&self.content)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_whole_ones_in_utc_and_in_their_order() {
        let days = Days::read(Some("2026-11-01"), Some("2026-11-30")).unwrap();
        let interval = days.interval();
        assert_eq!(interval.from().to_string(), "2026-11-01T00:00:00+0000");
        assert_eq!(interval.to().to_string(), "2026-11-30T23:59:59+0000");
        assert_eq!(days.to_string(), "2026-11-01 to 2026-11-30");
        let one = Days::read(Some("2026-11-01"), Some("2026-11-01")).unwrap();
        assert_eq!(one.to_string(), "2026-11-01");
        for (first, last, problem) in [
            (Some("2026-11-02"), Some("2026-11-01"), "before the first"),
            (Some("2026-11-02"), None, "Give the first"),
            (Some("2026-02-30"), Some("2026-11-01"), "Give the first"),
            (Some("2026-11-02"), Some("2026-11-02T00:00:00+0000"), "Give the first"),
            (Some("tomorrow"), Some("2026-11-01"), "Give the first"),
        ] {
            let found = Days::read(first, last).err().unwrap();
            assert!(found.contains(problem), "{first:?} {last:?}: {found}");
        }
        let now = "2026-11-29T14:00:00+0000".parse().unwrap();
        let week = Days::last_week(now).unwrap();
        assert_eq!(week.to_string(), "2026-11-22 to 2026-11-28");
    }
}
