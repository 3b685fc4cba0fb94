//! Gate: the server API.
//!
//! Every request is answered at once with the result of the request; callbacks report the result of
//! the payment.

mod check;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path};
use axum::response::Response;
use axum::routing::post;
use ecp_core::ProjectId;
use ecp_methods::Effect;
use ecp_methods::spec::Interface;
use http::StatusCode;
use serde_json::{Map, Value};

use crate::engine::Engine;
use crate::engine::admit::refund_on;
use crate::surface::exchange::{Call, Done, registered};
use crate::wire::document::Place;
use crate::wire::refusal::Refusal;
use crate::wire::{codes, document};

/// More than any request needs.
const BODY_LIMIT: usize = 256 << 10;

pub(crate) fn routes() -> Router<Engine> {
    Router::new()
        .route("/v2/payment/clarification", post(clarification))
        .route("/v2/payment/refund", post(refund))
        .route("/v2/payment/status", post(status))
        .route("/v2/payment/status/request", post(status_of_request))
        .route("/v2/payment/{*path}", post(payment))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
}

async fn payment(Path(path): Path<String>, call: Call) -> Response {
    call.answer(|engine, document| {
        let project = check::authenticate(engine.config(), document, Place::General)?.id;
        let (spec, flow) = check::method(&engine.config().registry, &path)?;
        let is_follow_up =
            matches!(flow.effect(), Effect::Back | Effect::Capture | Effect::Release);
        if is_follow_up && refers_to_forgotten(engine, project, document)? {
            return Ok(Done::forgotten());
        }
        let registered = engine.admit(project, spec, flow, Interface::Gate, document)?;
        Ok(Done::registered(project, registered))
    })
    .await
}

/// Refunds a payment of whatever method.
async fn refund(call: Call) -> Response {
    call.answer(|engine, document| {
        let project = check::authenticate(engine.config(), document, Place::General)?.id;
        let payment_id = document::payment_id(document)?;
        if refers_to_forgotten(engine, project, document)? {
            return Ok(Done::forgotten());
        }
        let spec = engine.method_of(project, &payment_id).ok_or_else(Refusal::unknown_payment)?;
        let Some((refund, _)) = refund_on(spec, Interface::Gate) else {
            return Err(Refusal::not_possible(codes::REFUND_UNAVAILABLE));
        };
        let registered = engine.admit(project, spec, refund, Interface::Gate, document)?;
        Ok(Done::registered(project, registered))
    })
    .await
}

/// What the platform asked the merchant for. It may be incomplete; a callback asks again.
async fn clarification(call: Call) -> Response {
    const DATA: &str = "additional_data";
    call.answer(|engine, document| {
        let project = check::authenticate(engine.config(), document, Place::General)?.id;
        let payment_id = document::payment_id(document)?;
        document::require(document, [DATA])?;
        // PHP writes an empty list for an object without members.
        let data = match &document[DATA] {
            data @ Value::Object(_) => data.clone(),
            Value::Array(items) if items.is_empty() => Value::Object(Map::new()),
            _ => return Err(Refusal::malformed(DATA)),
        };
        if engine.has_forgotten(project, &payment_id) {
            return Ok(Done::forgotten());
        }
        let clarification = engine.admit_clarification(project, &payment_id)?;
        Ok(Done::clarified(project, &payment_id, clarification, data))
    })
    .await
}

/// Whether a refund, capture or release is about a payment that the history has dropped. That its
/// own id was used is known all the same, and refused.
fn refers_to_forgotten(
    engine: &Engine,
    project: ProjectId,
    document: &Value,
) -> Result<bool, Refusal> {
    let Ok(payment_id) = document::payment_id(document) else { return Ok(false) };
    if !engine.has_forgotten(project, &payment_id) {
        return Ok(false);
    }
    let refund_id = document["payment"]["merchant_refund_id"].as_str();
    if refund_id.is_some_and(|id| engine.has_forgotten_refund(project, id)) {
        return Err(Refusal::repeated_refund());
    }
    Ok(true)
}

async fn status(call: Call) -> Response {
    call.answer(|engine, document| {
        let project = check::authenticate(engine.config(), document, Place::General)?;
        let payment_id = document::payment_id(document)?;
        if engine.has_forgotten(project.id, &payment_id) {
            return Ok(Done::forgotten());
        }
        Ok(Done::answered(engine.status(project, &payment_id)))
    })
    .await
}

/// Repeats the answer of a request's registration.
async fn status_of_request(call: Call) -> Response {
    call.answer(|engine, document| {
        let project = check::authenticate(engine.config(), document, Place::Root)?.id;
        let request_id = check::request_id(document)?;
        if engine.has_forgotten_request(project, &request_id) {
            return Ok(Done::forgotten());
        }
        let payment_id = engine
            .payment_of_request(project, &request_id)
            .ok_or_else(|| Refusal::new(codes::NOT_FOUND, ["request_id"]))?;
        Ok(Done::answered(registered(&request_id, project, &payment_id)))
    })
    .await
}

async fn not_found(call: Call) -> Response {
    call.end(
        StatusCode::NOT_FOUND,
        "there is nothing at this path; Gate's paths begin with /v2/payment/",
    )
}

async fn method_not_allowed(call: Call) -> Response {
    call.end(
        StatusCode::METHOD_NOT_ALLOWED,
        "this path does not take this HTTP method; Gate's requests are POST",
    )
}
