//! The pages of reconciliations: reports in files, and comparisons that operators start.

mod comparisons;
mod content;
mod report;
mod start;

use std::collections::BTreeMap;

use askama::Template;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ecp_reconcile::Kind;
use http::StatusCode;

pub(crate) use self::comparisons::Comparisons;
use self::comparisons::{Days, MOST_DIFFERENCES, Started};
pub(crate) use self::content::Report;
use self::content::{Difference, Side};
pub(crate) use self::report::newest;
use self::report::{report, report_files, reports};
use self::start::start;
use crate::action::{Action, Operator};
use crate::files;
use crate::page::{Notice, Parameters, Shell, html, problem, see_other, when};
use crate::parts::{Parts, Shared};

const SECTION: &str = "reconciliation";

/// Differences on a page.
const PAGE: usize = 100;

#[derive(Template)]
#[template(path = "reports.html")]
struct List {
    shell: Shell,
    compare: Option<Form>,
    reports: Vec<Report>,
}

/// The form that starts a comparison.
struct Form {
    first: String,
    last: String,
    project: String,
    url: String,
    /// What is compared with the platform, such as `the inbox and the journals`.
    sides: &'static str,
}

impl Form {
    /// `None` if the console starts no comparisons.
    fn new(parts: &Parts, given: Option<(&str, &str)>) -> Option<Self> {
        let owner = parts.comparisons.as_ref()?.owner();
        let usual = || Days::last_week(parts.now()).map(|days| (days.first(), days.last()));
        let given = given.map(|(first, last)| (first.to_owned(), last.to_owned()));
        let (first, last) = given.or_else(usual).unwrap_or_default();
        let sides = match (parts.inbox.is_some(), parts.has_jobs()) {
            (true, true) => "the inbox and the journals",
            (true, false) => "the inbox",
            _ => "the journals",
        };
        let (project, url) = (owner.project.to_string(), owner.gate_url.clone());
        Some(Self { first, last, project, url, sides })
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    shell: Shell,
    report: Report,
    kind: String,
    /// Number of the shown page of differences, from 0.
    number: usize,
    has_inbox: bool,
}

pub(crate) async fn list(State(parts): State<Shared>) -> Response {
    let shell = Shell::new(&parts, SECTION);
    if !parts.has_reconciliation() {
        let text = "This console has no reports of reconciliations: a service adds them by \
                    Console::reports, the command by --report. Comparisons can be started here if a \
                    service adds Console::comparisons, or the command has --profile with a token for \
                    the Data API, and an inbox or journals.";
        return problem(StatusCode::NOT_FOUND, shell, "No reports", text);
    }
    let form = Form::new(&parts, None);
    list_page(&parts, StatusCode::OK, shell, form).await
}

async fn list_page(
    parts: &Parts,
    status: StatusCode,
    shell: Shell,
    compare: Option<Form>,
) -> Response {
    let mut all = parts.comparisons.as_ref().map(Comparisons::reports).unwrap_or_default();
    all.extend(reports(parts).await);
    // What is running has no time yet: it is the newest.
    all.sort_by_key(|report| (!report.is_running, std::cmp::Reverse(report.written)));
    html(status, &List { shell, compare, reports: all })
}

/// Starts a comparison for a range of days.
pub(crate) async fn compare(
    State(parts): State<Shared>,
    operator: Option<Extension<Operator>>,
    form: Bytes,
) -> Response {
    let shell = Shell::new(&parts, SECTION);
    let Some(comparisons) = &parts.comparisons else {
        let text = "This console starts no comparisons: a service adds Console::comparisons, the command \
                    needs --profile with a token for the Data API, and an inbox or journals.";
        return problem(StatusCode::NOT_FOUND, shell, "No comparisons", text);
    };
    let form = Parameters::read(Some(&form));
    let (first, last) = (form.get("from"), form.get("to"));
    let refused = |status: StatusCode, text: String| {
        let shell = Shell::new(&parts, SECTION).notice(Some(Notice { good: false, text }));
        let given = (first.unwrap_or_default(), last.unwrap_or_default());
        let form = Form::new(&parts, Some(given));
        let parts = parts.clone();
        async move { list_page(&parts, status, shell, form).await }
    };
    let days = match Days::read(first, last) {
        Ok(days) => days,
        Err(text) => return refused(StatusCode::UNPROCESSABLE_ENTITY, text.to_owned()).await,
    };
    let number = match start(&parts, comparisons, days) {
        Started::New(number) => {
            let project = comparisons.owner().project;
            let action = Action::ComparisonStarted { project, interval: days.interval() };
            parts.report(operator.as_deref(), action);
            number
        }
        Started::Same(number) => number,
        Started::Busy(other) => {
            let text =
                format!("A comparison of {other} is running: start this one when it has ended.");
            return refused(StatusCode::CONFLICT, text).await;
        }
    };
    see_other(&format!("{}/reconciliation/report?comparison={number}", parts.base))
}

pub(crate) async fn show(State(parts): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = Parameters::read(query.as_deref().map(str::as_bytes));
    let shell = Shell::new(&parts, SECTION);
    let found = if let Some(number) = query.get("comparison") {
        let number = number.parse().ok();
        number.and_then(|number| parts.comparisons.as_ref()?.report(number))
    } else {
        let reports = report_files(&parts).await;
        match query.get("file").and_then(|name| files::named(&reports, name)) {
            Some(path) => Some(report(path).await),
            None => None,
        }
    };
    let Some(report) = found else {
        let text = "This console has no report under this name. It may have been moved. The last ten \
                    comparisons that were started here are kept until the console is restarted.";
        return problem(StatusCode::NOT_FOUND, shell, "No such report", text);
    };
    let kind = query.get("kind").unwrap_or_default().to_owned();
    let number = query.get("page").and_then(|page| page.parse().ok()).unwrap_or(0);
    let has_inbox = parts.inbox.is_some();
    html(StatusCode::OK, &Page { shell, report, kind, number, has_inbox })
}

impl Page {
    /// Whether there are more differences than a comparison of this console keeps.
    fn has_dropped(&self) -> bool {
        let summary =
            self.report.content.as_ref().ok().and_then(|content| content.summary.as_ref());
        self.report.query.starts_with("comparison=")
            && summary.is_some_and(|summary| summary.differences > MOST_DIFFERENCES as u64)
    }

    /// The kinds of this report's differences with their numbers and meanings.
    fn kinds(&self) -> Vec<(&str, usize, &'static str)> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for difference in self.report.content.iter().flat_map(|content| &content.differences) {
            *counts.entry(difference.kind.as_str()).or_default() += 1;
        }
        let meaning = |name: &str| {
            let known = Kind::ALL.iter().find(|kind| kind.as_str() == name);
            known.map_or("", |kind| kind.meaning())
        };
        counts.into_iter().map(|(name, count)| (name, count, meaning(name))).collect()
    }

    fn chosen(&self) -> impl Iterator<Item = &Difference> {
        let differences = self.report.content.as_ref().map(|content| &content.differences);
        let of_kind = |one: &&Difference| self.kind.is_empty() || one.kind == self.kind;
        differences.into_iter().flatten().filter(of_kind)
    }

    fn differences(&self) -> Vec<&Difference> {
        self.chosen().skip(self.number.saturating_mul(PAGE)).take(PAGE).collect()
    }

    fn has_more(&self) -> bool {
        self.chosen().nth(self.number.saturating_add(1).saturating_mul(PAGE)).is_some()
    }

    fn current(&self, kind: &str) -> &'static str {
        if self.kind == kind { "page" } else { "false" }
    }
}

fn sides(difference: &Difference) -> Vec<(&'static str, &Side)> {
    let Difference { platform, journal, inbox, .. } = difference;
    let sides = [("platform", platform), ("journal", journal), ("inbox", inbox)];
    sides.into_iter().filter_map(|(name, side)| Some((name, side.as_ref()?))).collect()
}
