//! Payment links: signed addresses of the Payment Page, for methods that can be paid by them.

use std::time::Duration;

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::response::Response;
use ecp_core::{Currency, Money, Timestamp};
use ecp_methods::Operation;
use ecp_methods::spec::Interface;
use http::StatusCode;

use super::forms::{Choices, Pairs, field, project};
use super::shell::{Shell, Stamp, payment_url};
use super::state::Dashboard;
use crate::surface::page::{Policy, html, see_other};

/// For how long a link can be paid. The platform has 30 days at most.
const VALIDITIES: [(&str, Duration); 3] = [
    ("1 hour", Duration::from_hours(1)),
    ("1 day", Duration::from_hours(24)),
    ("30 days", Duration::from_hours(30 * 24)),
];

#[derive(Template)]
#[template(path = "dashboard/links.html")]
struct LinksPage {
    shell: Shell,
    choices: Choices,
    validities: Vec<&'static str>,
    given: Pairs,
    links: Vec<Line>,
}

struct Line {
    payment_id: String,
    url: String,
    created: Stamp,
    /// Status of the payment that was made with the link, such as `success`; `not paid` while there
    /// is none.
    status: String,
    payment_url: Option<String>,
}

impl LinksPage {
    fn new(dashboard: &Dashboard, shell: Shell, given: Pairs) -> Self {
        let links = dashboard.links.all().into_iter().rev().map(|link| {
            let id = ecp_core::PaymentId::new(link.payment_id.as_str()).ok();
            let payment = id.and_then(|id| dashboard.engine.payment(link.project, &id));
            Line {
                status: payment.as_ref().map_or_else(
                    || "not paid".to_owned(),
                    |payment| payment.status.as_str().to_owned(),
                ),
                payment_url: payment.map(|_| payment_url(link.project, &link.payment_id)),
                payment_id: link.payment_id,
                url: link.url,
                created: Stamp::of(link.created),
            }
        });
        Self {
            shell,
            links: links.collect(),
            choices: choices(dashboard),
            validities: VALIDITIES.map(|(name, _)| name).into(),
            given,
        }
    }

    fn given(&self, name: &str) -> &str {
        field(&self.given, name).unwrap_or_default()
    }
}

/// The methods that links can be paid with: the Payment Page must know them.
fn choices(dashboard: &Dashboard) -> Choices {
    let mut choices = Choices::of(&dashboard.engine, Operation::SALE, Interface::PaymentLinks);
    choices.methods.retain(|spec| !spec.page_codes().is_empty());
    choices
}

pub(super) async fn show(
    State(dashboard): State<Dashboard>,
    Query(pairs): Query<Pairs>,
) -> Response {
    let page = LinksPage::new(&dashboard, Shell::after("links", &pairs), Vec::new());
    html(StatusCode::OK, &page, &Policy::default().script())
}

pub(super) async fn create(
    State(dashboard): State<Dashboard>,
    Form(pairs): Form<Pairs>,
) -> Response {
    match created(&dashboard, &pairs) {
        Ok(()) => see_other("/dashboard/links?done=link"),
        Err(problem) => {
            let page = LinksPage::new(&dashboard, Shell::new("links").failed(problem), pairs);
            html(StatusCode::UNPROCESSABLE_ENTITY, &page, &Policy::default().script())
        }
    }
}

fn created(dashboard: &Dashboard, pairs: &Pairs) -> Result<(), String> {
    let project = project(pairs)?;
    let spec = field(pairs, "method")
        .and_then(|code| choices(dashboard).methods.into_iter().find(|spec| spec.code() == code))
        .ok_or_else(|| "Choose a method.".to_owned())?;
    let currency: Currency = field(pairs, "currency")
        .and_then(|code| code.parse().ok())
        .filter(|currency| spec.currencies_of(Operation::SALE).contains(currency))
        .ok_or_else(|| {
            let known = spec.currencies_of(Operation::SALE).iter().map(|known| known.code());
            let known = known.collect::<Vec<_>>().join(", ");
            format!("{} does not take this currency. Its currencies are: {known}.", spec.title())
        })?;
    let amount = Money::from_decimal(field(pairs, "amount").unwrap_or_default(), currency);
    let amount = amount.map_err(|error| error.to_string())?;
    if let Some(limits) = spec.rule(Operation::SALE).map(|rule| rule.limits(currency))
        && !limits.allow(amount)
    {
        return Err(format!("The amount for {} must be {limits}.", spec.title()));
    }
    let number = spec.sent_amount(amount).ok_or_else(|| {
        format!("{} counts {currency} in whole major units: leave the fraction out.", spec.title())
    })?;
    let validity = VALIDITIES
        .into_iter()
        .find(|(name, _)| field(pairs, "validity") == Some(*name))
        .map_or(VALIDITIES[1].1, |(_, validity)| validity);
    let text = |name: &str| field(pairs, name).unwrap_or_default().to_owned();
    let code = spec.page_codes().first().copied().unwrap_or_default();
    let mut parameters = vec![
        ("payment_id", text("payment_id")),
        ("payment_amount", number.to_string()),
        ("payment_currency", currency.code().to_owned()),
        ("customer_id", text("customer_id")),
        ("force_payment_method", code.to_owned()),
        ("best_before", best_before(dashboard.engine.now(), validity)?),
    ];
    let description = text("description");
    if !description.is_empty() {
        parameters.push(("payment_description", description));
    }
    for (name, value) in &parameters {
        if value.is_empty() {
            return Err(format!("Fill in the field `{name}`."));
        }
        if value.contains(';') {
            return Err(format!("The field `{name}` must not contain a semicolon."));
        }
    }
    let parameters: Pairs =
        parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let link = dashboard.links.create(&dashboard.engine, project, &parameters);
    link.map(|_| ()).ok_or_else(|| "The sandbox does not have this project.".to_owned())
}

/// `2026-11-23T10:00:00+00:00`
fn best_before(now: Timestamp, validity: Duration) -> Result<String, String> {
    let seconds = i64::try_from(validity.as_secs()).unwrap_or(0);
    let end = Timestamp::from_unix_seconds(now.unix_seconds().saturating_add(seconds));
    let end = end.map_err(|error| error.to_string())?.to_string();
    Ok(end.replace("+0000", "+00:00"))
}
