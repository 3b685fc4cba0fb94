//! Templates of reports, and the reports that are kept.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ecp_core::Timestamp;
use ecp_reports::{
    Attachment, Days, Delivery, Format, KEPT_FOR, Letter, MailAddress, MailError, Retries,
    Schedule, Template, Zone,
};
use tokio::sync::oneshot;

use crate::engine::view::Filter;
use crate::surface::dashboard::rows::List;

/// More than anybody looks through.
const MOST_TEMPLATES: usize = 200;

/// Bounds of the reports that are kept; beyond them the oldest is dropped before its time.
const MOST_REPORTS: usize = 1_000;
const MOST_BYTES: usize = 64 << 20;

/// A saved template of reports.
#[derive(Clone)]
pub(super) struct Saved {
    pub(super) name: String,
    pub(super) list: List,
    pub(super) filter: Filter,
    pub(super) template: Template,
    pub(super) format: Format,
    /// The schedule of the reports; `None` if they are made by hand.
    pub(super) schedule: Option<Schedule>,
    pub(super) zone: Zone,
    /// The days that a report made by hand covers; `None` for all days.
    pub(super) days: Option<Days>,
    pub(super) to: Vec<MailAddress>,
    pub(super) by_link: bool,
}

/// A finished report with its file.
#[derive(Clone)]
pub(super) struct Report {
    /// Number of the report, counted from 1 in the order in which reports are made.
    pub(super) number: u64,
    pub(super) template: String,
    pub(super) file: String,
    pub(super) format: Format,
    pub(super) days: Option<Days>,
    /// Name of the time zone of the days.
    pub(super) zone: String,
    pub(super) rows: usize,
    pub(super) made: Timestamp,
    pub(super) by_schedule: bool,
    pub(super) by_link: bool,
    pub(super) bytes: Arc<[u8]>,
    pub(super) deliveries: Vec<Delivery>,
}

impl Report {
    /// Returns the time at which the report's file is removed.
    pub(super) fn expires(&self) -> Timestamp {
        let kept = i64::try_from(KEPT_FOR.as_secs()).unwrap_or(i64::MAX);
        let seconds = self.made.unix_seconds().saturating_add(kept);
        Timestamp::from_unix_seconds(seconds).unwrap_or(self.made)
    }

    /// Returns the path of the report's file in the sandbox's URLs.
    pub(super) fn path(&self) -> String {
        format!("/dashboard/reports/files/{}/{}", self.number, self.file)
    }
}

/// All report templates and the stored reports.
#[derive(Default)]
pub(crate) struct Reports(Mutex<State>);

#[derive(Default)]
struct State {
    saved: u64,
    made: u64,
    templates: BTreeMap<u64, Entry>,
    /// The stored reports, oldest first.
    reports: VecDeque<Report>,
}

struct Entry {
    saved: Arc<Saved>,
    /// Sender of a channel on which nothing is sent. It is dropped together with the template,
    /// which tells the template's schedule to end.
    _scheduled: oneshot::Sender<Infallible>,
}

impl Reports {
    /// Saves a template. Returns its number, and a channel that closes when the template is
    /// removed; `None` if there are too many templates.
    pub(super) fn save(&self, saved: Saved) -> Option<(u64, oneshot::Receiver<Infallible>)> {
        let mut state = self.state();
        if state.templates.len() >= MOST_TEMPLATES {
            return None;
        }
        let (scheduled, removed) = oneshot::channel();
        state.saved += 1;
        let number = state.saved;
        state.templates.insert(number, Entry { saved: Arc::new(saved), _scheduled: scheduled });
        Some((number, removed))
    }

    pub(super) fn template(&self, number: u64) -> Option<Arc<Saved>> {
        self.state().templates.get(&number).map(|entry| Arc::clone(&entry.saved))
    }

    /// Returns all templates with their numbers, newest first.
    pub(super) fn templates(&self) -> Vec<(u64, Arc<Saved>)> {
        let state = self.state();
        let templates = state.templates.iter().rev();
        templates.map(|(number, entry)| (*number, Arc::clone(&entry.saved))).collect()
    }

    /// Removes a template and ends its schedule. Its reports are kept. Returns `false` if no
    /// template has this number.
    pub(super) fn remove(&self, number: u64) -> bool {
        self.state().templates.remove(&number).is_some()
    }

    /// Stores a report and returns its number.
    pub(super) fn keep(&self, report: Report) -> u64 {
        let mut state = self.state();
        state.made += 1;
        let number = state.made;
        let now = report.made;
        state.reports.push_back(Report { number, ..report });
        state.drop_old(now);
        number
    }

    /// Returns the stored reports, newest first.
    pub(super) fn reports(&self, now: Timestamp) -> Vec<Report> {
        let mut state = self.state();
        state.drop_old(now);
        state.reports.iter().rev().cloned().collect()
    }

    pub(super) fn report(&self, number: u64, now: Timestamp) -> Option<Report> {
        let mut state = self.state();
        state.drop_old(now);
        state.reports.iter().find(|report| report.number == number).cloned()
    }

    /// Returns the e-mail of a report for the recipient at this position; `None` if it need not be
    /// sent.
    pub(super) fn letter(&self, number: u64, place: usize, url: &str) -> Option<Letter> {
        let state = self.state();
        let report = state.reports.iter().find(|report| report.number == number)?;
        let delivery = report.deliveries.get(place).filter(|delivery| delivery.is_waiting())?;
        let days = report.days.map(|days| format!(", {days}")).unwrap_or_default();
        let subject = format!("Report {}{days}", report.template);
        let rows = match report.rows {
            1 => "1 row".to_owned(),
            rows => format!("{rows} rows"),
        };
        let until = crate::surface::dashboard::shell::when(report.expires());
        let address = format!("{url}{}", report.path());
        let text = format!(
            "{subject}: {rows}.\n\n{address}\nThe file is there until {until} UTC.\n\nFrom a \
             sandbox: no real money moves there.\n"
        );
        let attachment = (!report.by_link).then(|| {
            Attachment::new(report.file.as_str(), report.format, Arc::clone(&report.bytes))
        });
        Some(Letter::new(delivery, subject, text).attachment(attachment))
    }

    /// Records an attempt to send an e-mail. Returns the pause before the next attempt; `None` if
    /// there is none.
    pub(super) fn record(
        &self,
        number: u64,
        place: usize,
        sent: Result<(), MailError>,
    ) -> Option<Duration> {
        let mut state = self.state();
        let report = state.reports.iter_mut().find(|report| report.number == number)?;
        report.deliveries.get_mut(place)?.record(sent, Retries::default())
    }

    /// Each change is whole by itself, so a panic elsewhere does not spoil it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn drop_old(&mut self, now: Timestamp) {
        self.reports.retain(|report| now < report.expires());
        let mut bytes: usize = self.reports.iter().map(|report| report.bytes.len()).sum();
        while self.reports.len() > MOST_REPORTS || (bytes > MOST_BYTES && self.reports.len() > 1) {
            bytes -= self.reports.pop_front().map_or(0, |report| report.bytes.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(made: i64, bytes: usize) -> Report {
        Report {
            number: 0,
            template: "t".to_owned(),
            file: "t.csv".to_owned(),
            format: Format::Csv,
            days: None,
            zone: "UTC".to_owned(),
            rows: 0,
            made: moment(made),
            by_schedule: false,
            by_link: false,
            bytes: vec![0; bytes].into(),
            deliveries: Vec::new(),
        }
    }

    fn moment(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds).unwrap()
    }

    #[test]
    fn a_report_is_kept_four_days_and_to_the_second() {
        let reports = Reports::default();
        let number = reports.keep(report(0, 10));
        let end = 4 * 24 * 3600;
        assert!(reports.report(number, moment(end - 1)).is_some());
        assert!(reports.report(number, moment(end)).is_none());
        assert!(reports.reports(moment(0)).is_empty());
    }

    #[test]
    fn beyond_the_bounds_the_oldest_is_dropped() {
        let reports = Reports::default();
        let numbers: Vec<u64> = (0..3).map(|at| reports.keep(report(at, MOST_BYTES / 2))).collect();
        let kept: Vec<u64> = reports.reports(moment(3)).iter().map(|kept| kept.number).collect();
        assert_eq!(kept, [numbers[2], numbers[1]]);
        // One that is too large by itself is kept all the same.
        let large = reports.keep(report(4, MOST_BYTES + 1));
        assert_eq!(reports.reports(moment(4)).len(), 1);
        assert!(reports.report(large, moment(4)).is_some());
    }
}
