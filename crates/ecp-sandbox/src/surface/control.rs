//! The sandbox's own API under `/sandbox`, which the platform does not have: faults, time,
//! payments and what happened, for tests in other languages.
//!
//! | request | does |
//! |---|---|
//! | `GET /sandbox/faults` | the rules in force, with their numbers |
//! | `POST /sandbox/faults` | adds a rule ([`FaultRule::from_json`]), answers its number |
//! | `DELETE /sandbox/faults` | ends all rules |
//! | `DELETE /sandbox/faults/{rule}` | ends one |
//! | `GET /sandbox/clock` | the moment, and whether time is virtual |
//! | `POST /sandbox/clock` | `{"advance_seconds": 3600}` moves virtual time on |
//! | `GET /sandbox/payments` | payments, by `project`, `id`, `status`, `method`, `offset`, `limit` |
//! | `GET /sandbox/payments/{project}/{id}` | one payment |
//! | `GET /sandbox/payments/{project}/{id}/events` | its events, one line of JSON each |
//! | `POST /sandbox/payments/{project}/{id}/decision` | `{"decision": "success"}`, with `amount` in minor units where it is the customer's |
//! | `POST /sandbox/payments/{project}/{id}/release` | lets a held payment go on |
//! | `POST /sandbox/payments/{project}/{id}/callbacks/{n}/resend` | sends a callback again |
//! | `GET /sandbox/events` | all events |
//!
//! Requests with a body must be `application/json`: a page of another origin cannot send that
//! without asking, and is never allowed to. The sandbox's guard refuses such pages as well.

use std::collections::HashMap;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, RawQuery, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use bytes::Bytes;
use ecp_core::{Money, PaymentId, ProjectId};
use http::{Method, StatusCode, header};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::engine::Engine;
use crate::engine::events::Event;
use crate::engine::faults::FaultRule;
use crate::engine::view::{Filter, Paging, PaymentView};
use crate::payment::Decision;

pub(crate) fn routes() -> Router<Engine> {
    Router::new()
        .route("/sandbox/clock", get(clock).post(advance))
        .route("/sandbox/events", get(events))
        .route("/sandbox/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/sandbox/faults/{rule}", delete(remove_fault))
        .route("/sandbox/payments", get(payments))
        .route("/sandbox/payments/{project}/{id}", get(payment))
        .route("/sandbox/payments/{project}/{id}/events", get(timeline))
        .route("/sandbox/payments/{project}/{id}/decision", post(decide))
        .route("/sandbox/payments/{project}/{id}/release", post(release))
        .route("/sandbox/payments/{project}/{id}/callbacks/{callback}/resend", post(resend))
        .layer(middleware::from_fn(only_json))
}

/// Pages of other origins can send forms and plain text to this machine, but no JSON.
async fn only_json(request: Request, next: Next) -> Response {
    let media_type = request.headers().get(header::CONTENT_TYPE);
    let media_type = media_type.and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(|value| value.split(';').next()).map(str::trim);
    let is_json = media_type.is_some_and(|name| name.eq_ignore_ascii_case("application/json"));
    if request.method() == Method::POST && !is_json {
        return problem(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the header `content-type` must be `application/json`, also if the body is empty",
        );
    }
    next.run(request).await
}

async fn faults(State(engine): State<Engine>) -> Response {
    let rule = |(number, rule): (u64, FaultRule)| {
        let mut json = serde_json::to_value(rule).unwrap_or_default();
        json["rule"] = number.into();
        json
    };
    answer(&json!({"faults": engine.faults().into_iter().map(rule).collect::<Vec<Value>>()}))
}

async fn add_fault(State(engine): State<Engine>, body: Bytes) -> Response {
    match FaultRule::from_json(&String::from_utf8_lossy(&body)) {
        Ok(rule) => answer(&json!({"rule": engine.add_fault(rule)})),
        Err(error) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

async fn clear_faults(State(engine): State<Engine>) -> Response {
    engine.clear_faults();
    answer(&json!({}))
}

async fn remove_fault(State(engine): State<Engine>, Path(rule): Path<u64>) -> Response {
    done(
        engine.remove_fault(rule),
        "no fault rule has this number: GET /sandbox/faults lists the rules",
    )
}

async fn clock(State(engine): State<Engine>) -> Response {
    answer(&json!({"now": engine.now().to_string(), "virtual": engine.is_virtual()}))
}

async fn advance(State(engine): State<Engine>, body: Bytes) -> Response {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Advance {
        advance_seconds: u64,
    }

    let Advance { advance_seconds } = match serde_json::from_slice(&body) {
        Ok(advance) => advance,
        Err(error) => return problem(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    if !engine.advance(Duration::from_secs(advance_seconds)).await {
        let words = "the sandbox runs by the machine's clock, which cannot be moved: start it with \
                     --clock virtual";
        return problem(StatusCode::CONFLICT, words);
    }
    engine.settled().await;
    clock(State(engine)).await
}

async fn events(State(engine): State<Engine>) -> Response {
    lines(&engine.events())
}

async fn payments(State(engine): State<Engine>, RawQuery(query): RawQuery) -> Response {
    let wanted = pairs(query.as_deref().unwrap_or_default());
    let text = |name: &str| wanted.get(name).filter(|text| !text.is_empty()).cloned();
    let number = |name: &str| text(name).and_then(|text| text.parse::<u64>().ok());
    let place = |name: &str| number(name).and_then(|number| usize::try_from(number).ok());
    let filter = Filter {
        project: number("project").and_then(|id| ProjectId::new(id).ok()),
        text: text("id"),
        status: text("status"),
        method: text("method"),
        ..Filter::default()
    };
    let whole = Paging::default();
    let page = Paging {
        offset: place("offset").unwrap_or(whole.offset),
        limit: place("limit").unwrap_or(whole.limit),
    };
    let listed = engine.payments(&filter, page);
    let items: Vec<Value> = listed.items.iter().map(shown).collect();
    answer(&json!({"payments": items, "total": listed.total}))
}

/// The parameters of a query as a form writes it. The last of a name counts.
fn pairs(query: &str) -> HashMap<String, String> {
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

/// The project and the payment of a path.
type Place = Path<(u64, String)>;

fn found(engine: &Engine, (project, id): (u64, String)) -> Option<PaymentView> {
    engine.payment(ProjectId::new(project).ok()?, &PaymentId::new(id).ok()?)
}

async fn payment(State(engine): State<Engine>, Path(place): Place) -> Response {
    match found(&engine, place) {
        Some(payment) => answer(&shown(&payment)),
        None => no_payment(),
    }
}

async fn timeline(State(engine): State<Engine>, Path(place): Place) -> Response {
    match found(&engine, place) {
        Some(payment) => lines(&engine.timeline(payment.project_id, &payment.payment_id)),
        None => no_payment(),
    }
}

async fn decide(State(engine): State<Engine>, Path(place): Place, body: Bytes) -> Response {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Choice {
        decision: Decision,
        amount: Option<i64>,
    }

    let Choice { decision, amount } = match serde_json::from_slice(&body) {
        Ok(choice) => choice,
        Err(error) => return problem(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let Some(payment) = found(&engine, place) else { return no_payment() };
    let amount = amount.map(|minor| Money::from_minor(minor, payment.amount.currency()));
    let chosen = engine.choose(payment.project_id, &payment.payment_id, decision, amount);
    done(chosen, "the payment does not wait for the customer's decision: see its `status`")
}

async fn release(State(engine): State<Engine>, Path(place): Place) -> Response {
    match found(&engine, place) {
        Some(payment) => done(
            engine.release(payment.project_id, &payment.payment_id),
            "no `stale_payment` fault keeps the payment from ending",
        ),
        None => no_payment(),
    }
}

async fn resend(
    State(engine): State<Engine>,
    Path((project, id, callback)): Path<(u64, String, u32)>,
) -> Response {
    match found(&engine, (project, id)) {
        Some(payment) => done(
            engine.resend_callback(payment.project_id, &payment.payment_id, callback),
            "the history has no callback of the payment with this number: the payment's events \
             list its callbacks",
        ),
        None => no_payment(),
    }
}

fn shown(payment: &PaymentView) -> Value {
    let operations: Vec<Value> = payment
        .operations
        .iter()
        .map(|operation| {
            json!({
                "id": operation.id,
                "type": operation.kind,
                "status": operation.status,
                "code": operation.code.as_str(),
                "amount": operation.sum.minor(),
                "currency": operation.sum.currency().code(),
                "request_id": operation.request_id,
            })
        })
        .collect();
    json!({
        "project_id": payment.project_id,
        "payment_id": payment.payment_id,
        "method": payment.method.code(),
        "type": payment.kind.name(),
        "status": payment.status.as_str(),
        "code": payment.code.as_str(),
        "amount": payment.amount.minor(),
        "left": payment.left.minor(),
        "currency": payment.amount.currency().code(),
        "interface": payment.interface.to_string(),
        "created": payment.created.to_string(),
        "changed": payment.changed.to_string(),
        "held": payment.held,
        "page_url": payment.page_url,
        "callbacks": payment.callbacks,
        "operations": operations,
    })
}

fn answer(json: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], json.to_string()).into_response()
}

fn done(is_done: bool, otherwise: &str) -> Response {
    if is_done { answer(&json!({})) } else { problem(StatusCode::CONFLICT, otherwise) }
}

fn no_payment() -> Response {
    problem(
        StatusCode::NOT_FOUND,
        "there is no payment with this id in this project: GET /sandbox/payments lists the payments",
    )
}

fn problem(status: StatusCode, words: &str) -> Response {
    (status, answer(&json!({"problem": words}))).into_response()
}

fn lines(events: &[Event]) -> Response {
    let lines: Vec<String> = events.iter().map(|event| event.to_json() + "\n").collect();
    ([(header::CONTENT_TYPE, "application/x-ndjson")], lines.concat()).into_response()
}
