//! One payment: its state, its messages, and the possible actions.

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::response::Response;
use ecp_core::{Money, PaymentId, ProjectId};
use ecp_methods::spec::Interface;
use ecp_methods::{Effect, Operation, Rule};
use http::StatusCode;
use serde_json::json;

use super::forms::{Pairs, field, project};
use super::live::Live;
use super::shell::{Shell, payment_url};
use super::timeline::{Entry, Item};
use crate::engine::Engine;
use crate::engine::admit::refund_on;
use crate::engine::events::EventKind;
use crate::engine::view::PaymentView;
use crate::payment::Decision;
use crate::surface::page::{Policy, html, missing, see_other};

#[derive(Template)]
#[template(path = "dashboard/payment.html")]
struct PaymentPage {
    shell: Shell,
    payment: PaymentView,
    items: Vec<Item>,
    /// Whether the sandbox has removed the first events of the payment from memory, so that `items`
    /// may lack them.
    is_cut: bool,
    /// Text in the form for a callback of the user's own: the body of the payment's latest callback
    /// to begin with, or what the user entered if it could not be sent. Empty without a callback.
    draft: String,
    /// The greatest amount that can be refunded from this page; `None` if no refund is possible.
    refundable: Option<Money>,
}

pub(super) async fn show(State(engine): State<Engine>, Query(pairs): Query<Pairs>) -> Response {
    match find(&engine, &pairs) {
        Some(payment) => page(&engine, &payment, Shell::after("payments", &pairs), None),
        None => missing(),
    }
}

/// Sends a callback of the payment again, by the form on the payment's page.
pub(super) async fn resend(State(engine): State<Engine>, Form(pairs): Form<Pairs>) -> Response {
    act(&engine, &pairs, |project, id| {
        let callback = field(&pairs, "callback").and_then(|number| number.parse().ok());
        match callback.filter(|&callback| engine.resend_callback(project, id, callback)) {
            Some(_) => Ok("resent"),
            None => {
                Err("The history has no callback with this number for this payment.".to_owned())
            }
        }
    })
}

/// Sends a handwritten callback about the payment.
pub(super) async fn send_callback(
    State(engine): State<Engine>,
    Form(pairs): Form<Pairs>,
) -> Response {
    let Some(payment) = find(&engine, &pairs) else { return missing() };
    let body = field(&pairs, "body").unwrap_or_default().replace("\r\n", "\n");
    let signed = field(&pairs, "sign").is_some();
    let sent = engine.send_callback(payment.project_id, &payment.payment_id, body.clone(), signed);
    match sent {
        Ok(()) => done(&payment, "sent"),
        Err(error) => {
            let shell = Shell::new("payments").failed(error.to_string());
            page(&engine, &payment, shell, Some(body))
        }
    }
}

/// Decides the payment in place of the customer.
pub(super) async fn decide(State(engine): State<Engine>, Form(pairs): Form<Pairs>) -> Response {
    let amount = field(&pairs, "amount").map(str::to_owned);
    let currency = find(&engine, &pairs).map(|payment| payment.amount.currency());
    act(&engine, &pairs, |project, id| {
        let decision = match field(&pairs, "decision") {
            Some("success") => Decision::Success,
            _ => Decision::Decline,
        };
        let chosen = match (&amount, currency) {
            (Some(text), Some(currency)) => {
                Some(Money::from_decimal(text, currency).map_err(|error| error.to_string())?)
            }
            _ => None,
        };
        if engine.choose(project, id, decision, chosen) {
            Ok("decided")
        } else {
            Err("The payment does not wait for the customer’s decision.".to_owned())
        }
    })
}

pub(super) async fn release(State(engine): State<Engine>, Form(pairs): Form<Pairs>) -> Response {
    act(&engine, &pairs, |project, id| {
        if engine.release(project, id) {
            Ok("released")
        } else {
            Err("No `stale_payment` fault keeps the payment from ending.".to_owned())
        }
    })
}

/// Refunds all or a part of the payment.
pub(super) async fn refund(State(engine): State<Engine>, Form(pairs): Form<Pairs>) -> Response {
    let Some(payment) = find(&engine, &pairs) else { return missing() };
    let Some((operation, _)) = offered_refund(&payment) else { return missing() };
    act(&engine, &pairs, |project, id| {
        let description = field(&pairs, "description").unwrap_or("Refund by hand");
        let mut document = json!({
            "general": {"payment_id": id.as_str()},
            "payment": {"description": description},
        });
        if let Some(text) = field(&pairs, "amount") {
            let amount = Money::from_decimal(text, payment.amount.currency());
            let amount = amount.map_err(|error| error.to_string())?;
            let number = payment.method.sent_amount(amount).ok_or_else(|| {
                format!("{amount} has a fraction, and this method takes whole units: leave it out")
            })?;
            document["payment"]["amount"] = number.into();
            document["payment"]["currency"] = amount.currency().code().into();
        }
        let method = payment.method.code();
        match engine.place(project, method, operation, Interface::Dashboard, &document) {
            Ok(_) => Ok("refund"),
            Err(error) => Err(error.to_string()),
        }
    })
}

/// The refund for which the method's page has a plus in the Dashboard.
fn offered_refund(payment: &PaymentView) -> Option<(Operation, &Rule)> {
    refund_on(payment.method, Interface::Dashboard)
}

fn find(engine: &Engine, pairs: &Pairs) -> Option<PaymentView> {
    let project = project(pairs).ok()?;
    let id = pairs.iter().find(|(name, _)| name == "id")?;
    engine.payment(project, &PaymentId::new(id.1.as_str()).ok()?)
}

/// Does something with the payment that a form names, and shows it again.
fn act(
    engine: &Engine,
    pairs: &Pairs,
    action: impl FnOnce(ProjectId, &PaymentId) -> Result<&'static str, String>,
) -> Response {
    let Some(payment) = find(engine, pairs) else { return missing() };
    match action(payment.project_id, &payment.payment_id) {
        Ok(word) => done(&payment, word),
        Err(problem) => page(engine, &payment, Shell::new("payments").failed(problem), None),
    }
}

fn done(payment: &PaymentView, word: &str) -> Response {
    let url = payment_url(payment.project_id, payment.payment_id.as_str());
    see_other(&format!("{url}&done={word}"))
}

fn page(engine: &Engine, payment: &PaymentView, shell: Shell, draft: Option<String>) -> Response {
    let (project, id) = (payment.project_id, &payment.payment_id);
    let url = payment_url(project, id.as_str());
    let shell = shell.live(Live::of_payment(engine, url, project, id));
    // It may have changed before its events were followed.
    let payment = engine.payment(project, id).unwrap_or_else(|| payment.clone());
    let events = engine.timeline(project, id);
    let draft = draft.or_else(|| {
        events.iter().rev().find_map(|event| match &event.kind {
            EventKind::CallbackAttempted { body, .. } | EventKind::CallbackRefused { body, .. } => {
                let document: serde_json::Value = serde_json::from_slice(body.bytes()).ok()?;
                serde_json::to_string_pretty(&document).ok()
            }
            _ => None,
        })
    });
    let entries = events.iter().map(|event| Entry::of(engine, project, event));
    let refundable = offered_refund(&payment)
        .and_then(|(operation, _)| engine.possible_follow_up(project, id, operation));
    let page = PaymentPage {
        shell,
        items: Item::fold(entries.collect()),
        is_cut: engine.has_dropped_events(project, id),
        draft: draft.unwrap_or_default(),
        refundable,
        payment,
    };
    html(StatusCode::OK, &page, &Policy::default().script())
}

impl PaymentPage {
    fn allows_partial(&self) -> bool {
        offered_refund(&self.payment).is_some_and(|(_, rule)| rule.allows_partial())
    }

    /// Whether the customer chooses the amount.
    fn is_open(&self) -> bool {
        self.payment.amount.minor() == 0 && self.payment.kind.effect() != Effect::Register
    }
}
