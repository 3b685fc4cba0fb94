//! The pages of reconciliations, by their reports.

mod report;

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ecp_reconcile::Kind;
use http::StatusCode;

use self::report::{Difference, Side, report, report_files};
pub(crate) use self::report::{Report, newest, reports};
use crate::files;
use crate::page::{Parameters, Shell, html, problem, when};
use crate::parts::Shared;

const SECTION: &str = "reconciliation";

/// Differences on a page.
const PAGE: usize = 100;

#[derive(Template)]
#[template(path = "reports.html")]
struct List {
    shell: Shell,
    reports: Vec<Report>,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    shell: Shell,
    report: Report,
    kind: String,
    /// Number of the page, from 0.
    number: usize,
    has_inbox: bool,
}

pub(crate) async fn list(State(parts): State<Shared>) -> Response {
    let shell = Shell::new(&parts, SECTION);
    if parts.reports.is_empty() {
        let text = "This console has no reports of reconciliations: a service adds them by \
                    Console::reports, the command by --report.";
        return problem(StatusCode::NOT_FOUND, shell, "No reports", text);
    }
    html(StatusCode::OK, &List { shell, reports: reports(&parts).await })
}

pub(crate) async fn show(State(parts): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = Parameters::read(query.as_deref().map(str::as_bytes));
    let shell = Shell::new(&parts, SECTION);
    let reports = report_files(&parts).await;
    let named = query.get("file").and_then(|name| files::named(&reports, name));
    let Some(path) = named else {
        let text = "This console has no report under this name. It may have been moved.";
        return problem(StatusCode::NOT_FOUND, shell, "No such report", text);
    };
    let kind = query.get("kind").unwrap_or_default().to_owned();
    let number = query.get("page").and_then(|page| page.parse().ok()).unwrap_or(0);
    let report = report(path).await;
    let has_inbox = parts.inbox.is_some();
    html(StatusCode::OK, &Page { shell, report, kind, number, has_inbox })
}

impl Page {
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
