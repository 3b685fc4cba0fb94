//! Payouts by hand: one by a form, many by a file.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::multipart::Multipart;
use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Response};
use ecp_core::{Currency, Money, ProjectId};
use ecp_methods::mass_file::{self, RowKind};
use ecp_methods::request::Field;
use ecp_methods::spec::Interface;
use ecp_methods::{DynMethod, Operation, Rule};
use http::{StatusCode, header};

use super::analytics::balances;
use super::batch::{Progress, RowView, Table};
use super::forms::{Choices, Pairs, field, project};
use super::nested::nested;
use super::shell::{Shell, Stamp, payment_url};
use super::state::Dashboard;
use crate::surface::page::{Policy, html, missing, see_other};

#[derive(Template)]
#[template(path = "dashboard/payouts.html")]
struct PayoutsPage {
    shell: Shell,
    choices: Choices,
    inputs: Vec<Field>,
    /// Names and values of the form that was sent, to fill it in again after an error; empty when
    /// the page is opened.
    given: Pairs,
    /// URL of the page of the payout that was just made from the form, and its payment id; `None`
    /// otherwise.
    link: Option<(String, String)>,
    batches: Vec<BatchLine>,
    /// The balances of all projects: a label such as `Balance of project 1`, and the amount.
    balances: Vec<(String, String)>,
}

struct BatchLine {
    number: u64,
    file: String,
    created: Stamp,
    progress: Progress,
}

impl PayoutsPage {
    fn new(dashboard: &Dashboard, shell: Shell, given: Pairs) -> Self {
        let choices = choices(dashboard);
        let needed = choices.methods.iter().filter_map(|spec| spec.rule(Operation::PAYOUT));
        let needed = needed.flat_map(Rule::needed_fields).copied();
        let always = [Field::ACCOUNT_NUMBER, Field::CUSTOMER_ID, Field::DESCRIPTION];
        let inputs: BTreeSet<Field> =
            needed.chain(always).filter(|field| *field != Field::CUSTOMER_IP_ADDRESS).collect();
        let batches = dashboard.batches.all();
        let line = |batch: &std::sync::Arc<super::batch::Batch>| BatchLine {
            number: batch.number,
            file: batch.file.clone(),
            created: Stamp::of(batch.created),
            progress: Progress::of(&batch.rows(&dashboard.engine)),
        };
        Self {
            shell,
            choices,
            inputs: inputs.into_iter().collect(),
            given,
            link: None,
            balances: balances(&dashboard.engine),
            batches: batches.iter().map(line).collect(),
        }
    }

    fn given(&self, name: &str) -> &str {
        field(&self.given, name).unwrap_or_default()
    }

    fn respond(&self, status: StatusCode) -> Response {
        html(status, self, &Policy::default().script())
    }
}

fn choices(dashboard: &Dashboard) -> Choices {
    Choices::of(&dashboard.engine, Operation::PAYOUT, Interface::Dashboard)
}

pub(super) async fn show(
    State(dashboard): State<Dashboard>,
    Query(pairs): Query<Pairs>,
) -> Response {
    let mut page = PayoutsPage::new(&dashboard, Shell::after("payouts", &pairs), Vec::new());
    if let (Ok(project), Some(id)) = (project(&pairs), field(&pairs, "id")) {
        page.link = Some((payment_url(project, id), id.to_owned()));
    }
    page.respond(StatusCode::OK)
}

/// Registers a single payout from the form, which has its amount in major units.
pub(super) async fn pay(State(dashboard): State<Dashboard>, Form(pairs): Form<Pairs>) -> Response {
    match paid(&dashboard, &pairs) {
        Ok((project, id)) => {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("project", &project.to_string())
                .append_pair("id", &id)
                .finish();
            see_other(&format!("/dashboard/payouts?done=payout&{query}"))
        }
        Err(problem) => {
            let shell = Shell::new("payouts").failed(problem);
            PayoutsPage::new(&dashboard, shell, pairs).respond(StatusCode::UNPROCESSABLE_ENTITY)
        }
    }
}

fn paid(dashboard: &Dashboard, pairs: &Pairs) -> Result<(ProjectId, String), String> {
    let project = project(pairs)?;
    let currency = field(pairs, "payment.currency").unwrap_or_default();
    let currency: Currency = currency.parse().map_err(|_| "Choose a currency.".to_owned())?;
    let amount = Money::from_decimal(field(pairs, "amount").unwrap_or_default(), currency);
    let amount = amount.map_err(|error| error.to_string())?.minor().to_string();
    let cells = pairs.iter().filter(|(name, _)| name.contains('.'));
    let cells = cells.map(|(path, text)| (path.as_str(), text.as_str()));
    let own = [("payment.amount", amount.as_str()), ("customer.ip_address", "127.0.0.1")];
    let document = nested(cells.chain(own));
    let method = field(pairs, "method").unwrap_or_default();
    let placed =
        dashboard.engine.place(project, method, Operation::PAYOUT, Interface::Dashboard, &document);
    match placed {
        Ok(placed) => Ok((project, placed.payment_id.as_str().to_owned())),
        Err(error) => Err(error.to_string()),
    }
}

/// Answers with an example file for a mass payout: for each method, the payouts and refunds that
/// the Dashboard has.
pub(super) async fn example(State(dashboard): State<Dashboard>) -> Response {
    const OF_EACH: usize = 3;
    let methods = dashboard.engine.config().registry.iter().map(DynMethod::spec);
    let rows = methods.flat_map(|spec| {
        let in_dashboard = |kind: &RowKind| {
            spec.rule(kind.operation())
                .is_some_and(|rule| rule.interfaces().contains(&Interface::Dashboard))
        };
        let kinds = [RowKind::Payout, RowKind::Refund].into_iter().filter(in_dashboard);
        kinds.flat_map(move |kind| std::iter::repeat_n((spec, kind), OF_EACH))
    });
    let Some(&project) = dashboard.engine.config().projects.keys().next() else {
        return missing();
    };
    let mut writer =
        csv::WriterBuilder::new().delimiter(mass_file::DELIMITER).from_writer(Vec::new());
    let written = mass_file::template(project, rows)
        .iter()
        .try_for_each(|record| writer.write_record(record));
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"payouts.csv\""),
    ];
    match (written, writer.into_inner()) {
        (Ok(()), Ok(file)) => (headers, file).into_response(),
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Starts a mass payout from an uploaded file.
pub(super) async fn upload(State(dashboard): State<Dashboard>, mut form: Multipart) -> Response {
    let mut pairs = Pairs::new();
    let mut file = None;
    loop {
        let part = match form.next_field().await {
            Ok(Some(part)) => part,
            Ok(None) => break,
            Err(error) => return (error.status(), error.body_text()).into_response(),
        };
        let name = part.name().unwrap_or_default().to_owned();
        let file_name = part.file_name().map(str::to_owned);
        let content = match part.bytes().await {
            Ok(content) => content,
            Err(error) => return (error.status(), error.body_text()).into_response(),
        };
        match file_name {
            Some(file_name) => file = Some((file_name, content)),
            None => pairs.push((name, String::from_utf8_lossy(&content).into_owned())),
        }
    }
    let begun = project(&pairs).and_then(|project| {
        let (name, content) = file.ok_or_else(|| "Choose a file.".to_owned())?;
        let table = Table::read(&content, field(&pairs, "method"), project)?;
        Ok(dashboard.batches.begin(&dashboard.engine, &name, project, table))
    });
    match begun {
        Ok(number) => see_other(&format!("/dashboard/payouts/batches/{number}")),
        Err(problem) => {
            let shell = Shell::new("payouts").failed(problem);
            let page = PayoutsPage::new(&dashboard, shell, Vec::new());
            page.respond(StatusCode::UNPROCESSABLE_ENTITY)
        }
    }
}

#[derive(Template)]
#[template(path = "dashboard/batch.html")]
struct BatchPage {
    shell: Shell,
    number: u64,
    file: String,
    project: ProjectId,
    created: Stamp,
    notes: Vec<&'static str>,
    progress: Progress,
    rows: Vec<RowView>,
}

pub(super) async fn batch(State(dashboard): State<Dashboard>, Path(number): Path<u64>) -> Response {
    let Some(batch) = dashboard.batches.get(number) else { return missing() };
    let rows = batch.rows(&dashboard.engine);
    let page = BatchPage {
        shell: Shell::new("payouts"),
        number,
        file: batch.file.clone(),
        project: batch.project,
        created: Stamp::of(batch.created),
        notes: batch.notes.clone(),
        progress: Progress::of(&rows),
        rows,
    };
    html(StatusCode::OK, &page, &Policy::default().script())
}
