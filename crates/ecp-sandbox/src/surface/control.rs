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
//! | `GET /sandbox/events` | events, one line of JSON each, by `project`, `payment_id`, `after` (a `sequence`), `last` (so many) |
//!
//! A filter, a member of a body or a number in a path that cannot be read is refused with status
//! 400, and `problem` in the answer names it.
//!
//! Requests with a body must be `application/json`: a page of another origin cannot send that
//! without asking, and is never allowed to. The sandbox's guard refuses such pages as well.

use std::collections::HashMap;
use std::str::FromStr;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, RawQuery, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use bytes::Bytes;
use ecp_core::model::PaymentStatus;
use ecp_core::{Money, PaymentId, ProjectId};
use http::{Method, StatusCode, header};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::engine::Engine;
use crate::engine::events::Event;
use crate::engine::faults::FaultRule;
use crate::engine::view::{Filter, Paging, PaymentView};
use crate::payment::Decision;
use crate::wire::members::{self, Kind};

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
        Err(error) => unreadable(&error.to_string()),
    }
}

async fn clear_faults(State(engine): State<Engine>) -> Response {
    engine.clear_faults();
    answer(&json!({}))
}

async fn remove_fault(State(engine): State<Engine>, Path(rule): Path<String>) -> Response {
    let Ok(rule) = rule.parse() else {
        return unreadable(&format!(
            "`{}` in the path must be the number of a fault rule: GET /sandbox/faults lists the rules",
            rule.escape_debug()
        ));
    };
    done(
        engine.remove_fault(rule),
        "no fault rule has this number: GET /sandbox/faults lists the rules",
    )
}

async fn clock(State(engine): State<Engine>) -> Response {
    answer(&json!({"now": engine.now().to_string(), "virtual": engine.is_virtual()}))
}

async fn advance(State(engine): State<Engine>, body: Bytes) -> Response {
    const EXAMPLE: &str = r#"{"advance_seconds": 3600}"#;
    let known = [("advance_seconds", Kind::Number(u64::MAX))];
    let members = match members::read(&body, "the body", &known, EXAMPLE) {
        Ok(members) => members,
        Err(error) => return unreadable(&error),
    };
    let Some(advance_seconds) = members.get("advance_seconds").and_then(Value::as_u64) else {
        return unreadable(&format!(
            "`advance_seconds` is missing: write how far virtual time moves on, as in {EXAMPLE}"
        ));
    };
    if !engine.advance(Duration::from_secs(advance_seconds)).await {
        let words = "the sandbox runs by the machine's clock, which cannot be moved: start it with \
                     --clock virtual";
        return problem(StatusCode::CONFLICT, words);
    }
    engine.settled().await;
    clock(State(engine)).await
}

async fn events(State(engine): State<Engine>, RawQuery(query): RawQuery) -> Response {
    let known = ["project", "payment_id", "after", "last"];
    let chosen = match Query::read(query.as_deref(), &known) {
        Ok(query) => query.events(&engine),
        Err(error) => Err(error),
    };
    match chosen {
        Ok(events) => lines(&events),
        Err(error) => unreadable(&error),
    }
}

async fn payments(State(engine): State<Engine>, RawQuery(query): RawQuery) -> Response {
    let known = ["project", "id", "status", "method", "offset", "limit"];
    let chosen = Query::read(query.as_deref(), &known)
        .and_then(|query| Ok((query.filter(&engine)?, query.page()?)));
    let (filter, page) = match chosen {
        Ok(chosen) => chosen,
        Err(error) => return unreadable(&error),
    };
    let listed = engine.payments(&filter, page);
    let items: Vec<Value> = listed.items.iter().map(shown).collect();
    answer(&json!({"payments": items, "total": listed.total}))
}

/// The filters of a query. Errors name the filter.
struct Query(HashMap<String, String>);

impl Query {
    /// Reads a query that has these filters and no others. An empty filter is one that is not
    /// given.
    fn read(query: Option<&str>, known: &[&str]) -> Result<Self, String> {
        let mut filters = pairs(query.unwrap_or_default());
        filters.retain(|name, value| !(name.is_empty() && value.is_empty()));
        if let Some(name) = filters.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(format!(
                "there is no filter `{}`: the filters are `{}`",
                name.escape_debug(),
                known.join("`, `")
            ));
        }
        filters.retain(|_, value| !value.is_empty());
        Ok(Self(filters))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn number<N: FromStr>(&self, name: &str) -> Result<Option<N>, String> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let text = text.trim();
        text.parse().map(Some).map_err(|_| {
            format!("`{name}` must be a whole number, and is `{}`", text.escape_debug())
        })
    }

    fn project(&self, engine: &Engine) -> Result<Option<ProjectId>, String> {
        let Some(number) = self.number::<u64>("project")? else { return Ok(None) };
        let projects = &engine.config().projects;
        match ProjectId::new(number) {
            Ok(id) if projects.contains_key(&id) => Ok(Some(id)),
            _ => {
                let known: Vec<String> = projects.keys().map(ToString::to_string).collect();
                Err(format!(
                    "`project` is `{number}`, and the sandbox has no such project: it has {}",
                    known.join(", ")
                ))
            }
        }
    }

    fn filter(&self, engine: &Engine) -> Result<Filter, String> {
        let unknown = |name: &str, text: &str, known: &[&str]| {
            let text = text.escape_debug();
            format!("`{name}` is `{text}`, which is none: write one of `{}`", known.join("`, `"))
        };
        let status = self.text("status");
        if let Some(text) = status {
            let known: Vec<&str> = PaymentStatus::KNOWN.iter().map(PaymentStatus::as_str).collect();
            if !known.contains(&text) {
                return Err(unknown("status", text, &known));
            }
        }
        let method = self.text("method");
        if let Some(text) = method {
            let methods = engine.config().registry.iter();
            let known: Vec<&str> = methods.map(|method| method.spec().code()).collect();
            if !known.contains(&text) {
                return Err(unknown("method", text, &known));
            }
        }
        Ok(Filter {
            project: self.project(engine)?,
            text: self.text("id").map(str::to_owned),
            status: status.map(str::to_owned),
            method: method.map(str::to_owned),
            ..Filter::default()
        })
    }

    fn page(&self) -> Result<Paging, String> {
        let whole = Paging::default();
        Ok(Paging {
            offset: self.number("offset")?.unwrap_or(whole.offset),
            limit: self.number("limit")?.unwrap_or(whole.limit),
        })
    }

    fn events(&self, engine: &Engine) -> Result<Vec<Event>, String> {
        let project = self.project(engine)?;
        let payment = self.text("payment_id");
        let (after, last) = (self.number("after")?.unwrap_or(0), self.number("last")?);
        // The events of one payment are found without reading all others.
        let id = payment.and_then(|id| PaymentId::new(id).ok());
        let mut events = match project.zip(id) {
            Some((project, id)) => engine.timeline(project, &id),
            None => engine.events_after(after),
        };
        events.retain(|event| {
            event.sequence > after
                && project.is_none_or(|project| event.project_id == Some(project))
                && payment.is_none_or(|id| {
                    event.payment_id.as_ref().is_some_and(|payment| payment.as_str() == id)
                })
        });
        if let Some(last) = last {
            events.drain(..events.len().saturating_sub(last));
        }
        Ok(events)
    }
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
type Place = Path<(String, String)>;

/// The payment at a place, or the answer that there is none.
fn found(engine: &Engine, (project, id): (String, String)) -> Result<PaymentView, Problem> {
    let Ok(project) = project.parse::<u64>() else {
        return Err(Problem(
            StatusCode::BAD_REQUEST,
            format!("`{}` in the path must be the number of a project", project.escape_debug()),
        ));
    };
    let ids = ProjectId::new(project).ok().zip(PaymentId::new(id).ok());
    ids.and_then(|(project, id)| engine.payment(project, &id)).ok_or_else(no_payment)
}

async fn payment(State(engine): State<Engine>, Path(place): Place) -> Response {
    match found(&engine, place) {
        Ok(payment) => answer(&shown(&payment)),
        Err(refusal) => refusal.answer(),
    }
}

async fn timeline(State(engine): State<Engine>, Path(place): Place) -> Response {
    match found(&engine, place) {
        Ok(payment) => lines(&engine.timeline(payment.project_id, &payment.payment_id)),
        Err(refusal) => refusal.answer(),
    }
}

async fn decide(State(engine): State<Engine>, Path(place): Place, body: Bytes) -> Response {
    let (decision, amount) = match decision(&body) {
        Ok(decided) => decided,
        Err(error) => return unreadable(&error),
    };
    let payment = match found(&engine, place) {
        Ok(payment) => payment,
        Err(refusal) => return refusal.answer(),
    };
    let amount = amount.map(|minor| Money::from_minor(minor, payment.amount.currency()));
    let chosen = engine.choose(payment.project_id, &payment.payment_id, decision, amount);
    let words = format!(
        "the payment does not wait for the customer's decision: its status is `{}`",
        payment.status.as_str()
    );
    done(chosen, &words)
}

/// Reads the body of a decision: the decision, and the amount in minor units.
fn decision(body: &[u8]) -> Result<(Decision, Option<i64>), String> {
    const EXAMPLE: &str = r#"{"decision": "success"}"#;
    let known = [("decision", Kind::Text), ("amount", Kind::Number(i64::MAX.cast_unsigned()))];
    let members = members::read(body, "the body", &known, EXAMPLE)?;
    let decision = match members.get("decision").and_then(Value::as_str) {
        Some("success") => Decision::Success,
        Some("decline") => Decision::Decline,
        Some(other) => {
            return Err(format!(
                "`decision` must be `success` or `decline`, and is `{}`",
                other.escape_debug()
            ));
        }
        None => return Err(format!("`decision` is missing: write it as in {EXAMPLE}")),
    };
    Ok((decision, members.get("amount").and_then(Value::as_i64)))
}

async fn release(State(engine): State<Engine>, Path(place): Place, body: Bytes) -> Response {
    if let Err(error) = without_members(&body) {
        return unreadable(&error);
    }
    match found(&engine, place) {
        Ok(payment) => done(
            engine.release(payment.project_id, &payment.payment_id),
            "no `stale_payment` fault keeps the payment from ending",
        ),
        Err(refusal) => refusal.answer(),
    }
}

async fn resend(
    State(engine): State<Engine>,
    Path((project, id, callback)): Path<(String, String, String)>,
    body: Bytes,
) -> Response {
    if let Err(error) = without_members(&body) {
        return unreadable(&error);
    }
    let Ok(callback) = callback.parse() else {
        return unreadable(&format!(
            "`{}` in the path must be the number of a callback of the payment, from 1",
            callback.escape_debug()
        ));
    };
    match found(&engine, (project, id)) {
        Ok(payment) => done(
            engine.resend_callback(payment.project_id, &payment.payment_id, callback),
            "the history has no callback of the payment with this number: the payment's events \
             list its callbacks",
        ),
        Err(refusal) => refusal.answer(),
    }
}

/// Checks that a body is empty, or an object without members.
fn without_members(body: &[u8]) -> Result<(), String> {
    if body.is_empty() {
        return Ok(());
    }
    let members: Result<Value, _> = serde_json::from_slice(body);
    match members {
        Ok(Value::Object(members)) if members.is_empty() => Ok(()),
        _ => Err("the body must be empty or {}: this request takes no members".to_owned()),
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

/// Why a request is refused, with the status of the answer.
struct Problem(StatusCode, String);

impl Problem {
    fn answer(&self) -> Response {
        problem(self.0, &self.1)
    }
}

fn no_payment() -> Problem {
    let words = "there is no payment with this id in this project: GET /sandbox/payments lists the payments";
    Problem(StatusCode::NOT_FOUND, words.to_owned())
}

/// What was sent cannot be read.
fn unreadable(words: &str) -> Response {
    problem(StatusCode::BAD_REQUEST, words)
}

fn problem(status: StatusCode, words: &str) -> Response {
    (status, answer(&json!({"problem": words}))).into_response()
}

fn lines(events: &[Event]) -> Response {
    let lines: Vec<String> = events.iter().map(|event| event.to_json() + "\n").collect();
    ([(header::CONTENT_TYPE, "application/x-ndjson")], lines.concat()).into_response()
}
