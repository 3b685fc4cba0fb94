//! Reports: templates, made by hand or periodically, kept for four days and sent by e-mail.
//!
//! That reports are one-off or periodic, in files, sent to e-mail addresses is documented (sources:
//! reports); formats, templates, schedules, names and the time that files are kept are chosen here.

mod making;
mod store;

use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::response::Response;
use ecp_methods::{DynMethod, Effect, MethodSpec};
use ecp_reports::{Days, Delivery, Format, MailAddress, Schedule, UnwritableFormat, Zone};
use http::StatusCode;

pub(crate) use self::store::Reports;
use self::store::{Report, Saved};
use super::export::attachment;
use super::forms::{Pairs, field};
use super::payments::{OPERATION_STATUSES, PAYMENT_STATUSES, kinds};
use super::rows::List;
use super::search::Search;
use super::shell::{Shell, Stamp};
use super::state::Dashboard;
use crate::engine::Engine;
use crate::engine::view::Filter;
use crate::surface::page::{Policy, html, missing, see_other};

/// Most recipients of a report.
const MOST_RECIPIENTS: usize = 50;

/// Longest name of a template, in bytes.
const LONGEST_NAME: usize = 100;

const NO_SERVER: &str = "no mail server is configured: give the sandbox one, as in `[mail]` of the \
                         file for `ecp sandbox --config`";

const ONCE: &str = "once";

#[derive(Template)]
#[template(path = "dashboard/reports.html")]
struct ReportsPage {
    shell: Shell,
    given: Pairs,
    projects: Vec<String>,
    methods: Vec<&'static MethodSpec>,
    statuses: Vec<&'static str>,
    kinds: Vec<&'static str>,
    has_mail: bool,
    columns: [(&'static str, String); 2],
    templates: Vec<TemplateLine>,
    reports: Vec<ReportLine>,
}

struct TemplateLine {
    number: u64,
    name: String,
    list: &'static str,
    filters: String,
    columns: String,
    format: Format,
    schedule: String,
    /// Time at which the next report is made by the template's schedule; `None` if the template has
    /// no schedule.
    next: Option<Stamp>,
    to: String,
}

struct ReportLine {
    path: String,
    file: String,
    template: String,
    days: String,
    rows: usize,
    made: Stamp,
    by: &'static str,
    expires: Stamp,
    mails: Vec<MailLine>,
}

struct MailLine {
    to: String,
    status: &'static str,
    problem: String,
}

impl ReportsPage {
    fn new(dashboard: &Dashboard, shell: Shell, given: Pairs) -> Self {
        let engine = &dashboard.engine;
        let templates = dashboard.reports.templates();
        let reports = dashboard.reports.reports(engine.now());
        let mut statuses = PAYMENT_STATUSES.to_vec();
        statuses.extend(OPERATION_STATUSES.iter().filter(|s| !PAYMENT_STATUSES.contains(s)));
        Self {
            shell,
            given,
            projects: engine.projects().iter().map(ToString::to_string).collect(),
            methods: engine.config().registry.iter().map(DynMethod::spec).collect(),
            statuses,
            kinds: kinds(engine, |effect| effect != Effect::Manage),
            has_mail: engine.config().mailer.is_some(),
            columns: List::ALL.map(|list| (list.name(), list.columns().join(", "))),
            templates: templates
                .iter()
                .map(|(number, saved)| TemplateLine::of(engine, *number, saved))
                .collect(),
            reports: reports.iter().map(ReportLine::of).collect(),
        }
    }

    /// The text of a field as it was sent, or its default.
    fn given<'p>(&'p self, name: &str, default: &'p str) -> &'p str {
        field(&self.given, name).unwrap_or(default)
    }
}

impl TemplateLine {
    fn of(engine: &Engine, number: u64, saved: &Saved) -> Self {
        let schedule = saved.schedule;
        let zone = &saved.zone;
        let names = saved.template.column_names();
        let addresses: Vec<&str> = saved.to.iter().map(MailAddress::as_str).collect();
        let days = saved.days.map_or_else(|| "all days".to_owned(), |days| days.to_string());
        Self {
            number,
            name: saved.name.clone(),
            list: saved.list.name(),
            filters: in_words(&saved.filter),
            columns: if names.is_empty() { "all".to_owned() } else { names.join(", ") },
            format: saved.format,
            schedule: schedule
                .map_or_else(|| format!("by hand, {days}"), |s| format!("{s} {}", zone.name())),
            next: schedule.map(|s| Stamp::of(s.after(engine.now(), zone))),
            to: addresses.join(", "),
        }
    }
}

impl ReportLine {
    fn of(report: &Report) -> Self {
        Self {
            path: report.path(),
            file: report.file.clone(),
            template: report.template.clone(),
            days: report
                .days
                .map_or_else(|| "all".to_owned(), |days| format!("{days}, {}", report.zone)),
            rows: report.rows,
            made: Stamp::of(report.made),
            by: if report.by_schedule { "schedule" } else { "hand" },
            expires: Stamp::of(report.expires()),
            mails: report.deliveries.iter().map(MailLine::of).collect(),
        }
    }
}

impl MailLine {
    fn of(delivery: &Delivery) -> Self {
        let problem = delivery.problem().unwrap_or_default();
        let attempts = match delivery.attempts() {
            0 | 1 => String::new(),
            attempts => format!(" ({attempts} attempts)"),
        };
        Self {
            to: delivery.to().as_str().to_owned(),
            status: match (delivery.is_waiting(), problem.is_empty()) {
                (true, _) => "waiting",
                (false, true) => "sent",
                (false, false) => "failed",
            },
            problem: if problem.is_empty() {
                String::new()
            } else {
                format!("{problem}{attempts}")
            },
        }
    }

    fn tone(&self) -> &'static str {
        match self.status {
            "sent" => "yes",
            "failed" => "no",
            _ => "wait",
        }
    }
}

pub(super) async fn show(
    State(dashboard): State<Dashboard>,
    Query(pairs): Query<Pairs>,
) -> Response {
    page(&dashboard, StatusCode::OK, Shell::after("reports", &pairs), Vec::new())
}

fn page(dashboard: &Dashboard, status: StatusCode, shell: Shell, given: Pairs) -> Response {
    html(status, &ReportsPage::new(dashboard, shell, given), &Policy::default().script())
}

/// Saves a report template. A template without a schedule makes its first report at once.
pub(super) async fn create(
    State(dashboard): State<Dashboard>,
    Form(pairs): Form<Pairs>,
) -> Response {
    match created(&dashboard, &pairs) {
        Ok(done) => see_other(&format!("/dashboard/reports?done={done}")),
        Err(problem) => {
            let shell = Shell::new("reports").failed(problem);
            page(&dashboard, StatusCode::UNPROCESSABLE_ENTITY, shell, pairs)
        }
    }
}

fn created(dashboard: &Dashboard, pairs: &Pairs) -> Result<&'static str, String> {
    let Dashboard { engine, reports, .. } = dashboard;
    let saved = read(engine, pairs)?;
    let too_many = || "There are too many report templates: remove one first.".to_owned();
    let (number, removed) = reports.save(saved).ok_or_else(too_many)?;
    let Some(saved) = reports.template(number) else { return Ok("template") };
    match saved.schedule {
        Some(schedule) => {
            making::watch(engine, reports, saved, schedule, removed);
            Ok("template")
        }
        None => making::make(engine, reports, &saved, None).map(|_| "report"),
    }
}

/// Makes a report from a template at once.
pub(super) async fn make(State(dashboard): State<Dashboard>, Form(pairs): Form<Pairs>) -> Response {
    let saved = number(&pairs).and_then(|number| dashboard.reports.template(number));
    let Some(saved) = saved else { return no_template(&dashboard) };
    match making::make(&dashboard.engine, &dashboard.reports, &saved, None) {
        Ok(_) => see_other("/dashboard/reports?done=report"),
        Err(problem) => {
            let shell = Shell::new("reports").failed(problem);
            page(&dashboard, StatusCode::INTERNAL_SERVER_ERROR, shell, Vec::new())
        }
    }
}

/// Removes a report template.
pub(super) async fn remove(
    State(dashboard): State<Dashboard>,
    Form(pairs): Form<Pairs>,
) -> Response {
    if number(&pairs).is_some_and(|number| dashboard.reports.remove(number)) {
        return see_other("/dashboard/reports?done=template-removed");
    }
    no_template(&dashboard)
}

fn number(pairs: &Pairs) -> Option<u64> {
    field(pairs, "template")?.parse().ok()
}

fn no_template(dashboard: &Dashboard) -> Response {
    let shell = Shell::new("reports").failed("The report template no longer exists.");
    page(dashboard, StatusCode::NOT_FOUND, shell, Vec::new())
}

pub(super) async fn file(
    State(dashboard): State<Dashboard>,
    Path((number, name)): Path<(u64, String)>,
) -> Response {
    let found = dashboard.reports.report(number, dashboard.engine.now());
    match found.filter(|report| report.file == name) {
        Some(report) => attachment(&report.file, report.format, report.bytes.to_vec()),
        None => missing(),
    }
}

/// A template of the form's fields.
fn read(engine: &Engine, pairs: &Pairs) -> Result<Saved, String> {
    let name = field(pairs, "name").ok_or("Give the template a name.")?;
    if name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(format!(
            "The template's name must be one line of at most {LONGEST_NAME} bytes."
        ));
    }
    let list = field(pairs, "list")
        .and_then(List::named)
        .ok_or("Choose the list for the report: payments or operations.")?;
    let format = field(pairs, "format").unwrap_or_default();
    let format: Format = format.parse().map_err(|error: UnwritableFormat| error.to_string())?;
    let zone: Zone = field(pairs, "zone").unwrap_or("UTC").parse().map_err(in_text)?;
    let schedule = schedule(pairs)?;
    let days = match (field(pairs, "from"), field(pairs, "to")) {
        (None, None) => None,
        (from, to) if schedule.is_none() => {
            let days = Days::new(from.unwrap_or_default(), to.unwrap_or_default());
            Some(
                days.ok_or(
                    "Give both days of the report, the first not after the last, or no days.",
                )?,
            )
        }
        _ => {
            return Err(
                "A periodic report covers the day, week or month before it: give no days.".into()
            );
        }
    };
    let to = recipients(field(pairs, "recipients").unwrap_or_default())?;
    if !to.is_empty() && engine.config().mailer.is_none() {
        return Err(format!("The report cannot be sent by e-mail: {NO_SERVER}."));
    }
    Ok(Saved {
        name: name.to_owned(),
        list,
        filter: Filter {
            from: None,
            to: None,
            ..Search::new(pairs.clone()).filter(&engine.config().registry)
        },
        template: ecp_reports::Template::new().columns(columns(list, pairs)?),
        format,
        schedule,
        zone,
        days,
        to,
        by_link: field(pairs, "deliver") == Some("link"),
    })
}

fn in_text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// `None` for a report that is made by hand.
fn schedule(pairs: &Pairs) -> Result<Option<Schedule>, String> {
    let at = field(pairs, "at").unwrap_or_default();
    let text = match field(pairs, "repeat").unwrap_or(ONCE) {
        ONCE => return Ok(None),
        "daily" => format!("daily {at}"),
        "weekly" => format!("weekly {} {at}", field(pairs, "weekday").unwrap_or_default()),
        "monthly" => format!("monthly {} {at}", field(pairs, "day").unwrap_or_default()),
        other => {
            return Err(format!(
                "`{other}` is not a repetition of reports: use once, daily, weekly or monthly."
            ));
        }
    };
    text.parse().map(Some).map_err(in_text)
}

fn columns(list: List, pairs: &Pairs) -> Result<Vec<String>, String> {
    let known = list.columns();
    let names = field(pairs, "columns").unwrap_or_default();
    let names = names.split([',', ' ', ';']).map(str::trim).filter(|name| !name.is_empty());
    let checked = names.map(|name| {
        if known.contains(&name) {
            return Ok(name.to_owned());
        }
        let (list, known) = (list.name(), known.join(", "));
        Err(format!("The list of {list} has no column `{name}`; its columns are: {known}."))
    });
    checked.collect()
}

fn recipients(text: &str) -> Result<Vec<MailAddress>, String> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';'));
    let mut all = Vec::new();
    for (number, word) in (1..).zip(words.filter(|word| !word.is_empty())) {
        let address = word.parse::<MailAddress>();
        let address = address.map_err(|error| format!("Recipient {number}: {error}."))?;
        if !all.contains(&address) {
            all.push(address);
        }
    }
    if all.len() > MOST_RECIPIENTS {
        return Err(format!("A report can have at most {MOST_RECIPIENTS} recipients."));
    }
    Ok(all)
}

/// `status success, method jeton`
fn in_words(filter: &Filter) -> String {
    let Filter { project, search, status, method, kind, .. } = filter;
    let parts = [
        ("project", project.map(|project| project.to_string())),
        ("search", search.clone()),
        ("status", status.clone()),
        ("method", method.clone()),
        ("type", kind.map(|kind| kind.name().to_owned())),
    ];
    let parts = parts.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value?)));
    let words: Vec<String> = parts.collect();
    if words.is_empty() { "all".to_owned() } else { words.join(", ") }
}
