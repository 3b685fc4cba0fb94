//! Gate: the server API.
//!
//! Every request is answered at once with what became of the request; what becomes of the payment
//! is told by callbacks.

mod check;

use axum::Router;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use ecp_core::model::Code;
use http::{Method, StatusCode, Uri, header};
use serde_json::Value;

pub(crate) use self::check::Refusal;
use crate::event::{About, EventKind, RawBody};
use crate::message::{ErrorPart, Refused, Registered, message_of};
use crate::platform::{Registration, Sandbox};

/// More than any request needs.
const BODY_LIMIT: usize = 256 << 10;

pub(crate) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/v2/payment/status", post(status))
        .route("/v2/payment/{*path}", post(payment))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
}

type Body = Result<Bytes, BytesRejection>;

async fn payment(
    State(sandbox): State<Sandbox>,
    Path(path): Path<String>,
    method: Method,
    uri: Uri,
    body: Body,
) -> Response {
    let exchange = Exchange::begin(&sandbox, &method, &uri, body.as_ref().ok());
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return exchange.unreadable(&rejection),
    };
    match register(&sandbox, &path, &body) {
        Ok((registration, answer)) => {
            let response = exchange.end(StatusCode::OK, answer);
            // Only now: the answer comes before the first callback, at least in the events.
            sandbox.process(registration.number);
            response
        }
        Err(refusal) => exchange.refuse(&refusal),
    }
}

/// The registration, and the answer that tells of it.
fn register(sandbox: &Sandbox, path: &str, body: &[u8]) -> Result<(Registration, String), Refusal> {
    let document = check::read(body)?;
    let ids = check::GivenIds::of(&document);
    let registered = || {
        let project = check::authenticate(sandbox.config(), &document)?;
        let (spec, flow) = check::method(&sandbox.config().registry, path)?;
        let order = check::order(project.id, spec, flow, &document)?;
        let (project_id, payment_id) = (order.project, order.payment_id.clone());
        let registration = sandbox.register(order)?;
        let answer = Registered {
            status: "success",
            request_id: &registration.request_id,
            project_id,
            payment_id: &payment_id,
        };
        let answer = answer.json();
        Ok((registration, answer))
    };
    registered().map_err(|refusal: Refusal| refusal.about(&ids))
}

async fn status(State(sandbox): State<Sandbox>, method: Method, uri: Uri, body: Body) -> Response {
    let exchange = Exchange::begin(&sandbox, &method, &uri, body.as_ref().ok());
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return exchange.unreadable(&rejection),
    };
    match look_up(&sandbox, &body) {
        Ok(answer) => exchange.end(StatusCode::OK, answer),
        Err(refusal) => exchange.refuse(&refusal),
    }
}

fn look_up(sandbox: &Sandbox, body: &[u8]) -> Result<String, Refusal> {
    let document = check::read(body)?;
    let found = || {
        let project = check::authenticate(sandbox.config(), &document)?;
        let payment_id = check::payment_id(&document)?;
        Ok(sandbox.status(project, &payment_id))
    };
    found().map_err(|refusal: Refusal| refusal.about(&check::GivenIds::of(&document)))
}

async fn not_found(
    State(sandbox): State<Sandbox>,
    method: Method,
    uri: Uri,
    body: Body,
) -> Response {
    Exchange::begin(&sandbox, &method, &uri, body.as_ref().ok())
        .end_plainly(StatusCode::NOT_FOUND, "there is nothing at this path")
}

async fn method_not_allowed(
    State(sandbox): State<Sandbox>,
    method: Method,
    uri: Uri,
    body: Body,
) -> Response {
    Exchange::begin(&sandbox, &method, &uri, body.as_ref().ok())
        .end_plainly(StatusCode::METHOD_NOT_ALLOWED, "this path is for another HTTP method")
}

/// A request and its answer, both of which become events.
struct Exchange<'s> {
    sandbox: &'s Sandbox,
    about: About,
}

impl<'s> Exchange<'s> {
    fn begin(sandbox: &'s Sandbox, method: &Method, uri: &Uri, body: Option<&Bytes>) -> Self {
        let body = body.cloned().unwrap_or_default();
        let document: Value = serde_json::from_slice(&body).unwrap_or_default();
        let ids = check::GivenIds::of(&document);
        let about = (ids.project_id, ids.payment_id);
        let kind = EventKind::RequestReceived {
            method: method.to_string(),
            path: uri.path_and_query().map_or(uri.path(), |path| path.as_str()).to_owned(),
            body: RawBody::new(body),
        };
        sandbox.record(about.clone(), kind);
        Self { sandbox, about }
    }

    fn end(self, status: StatusCode, json: String) -> Response {
        self.record(status, &json);
        (status, [(header::CONTENT_TYPE, "application/json")], json).into_response()
    }

    fn refuse(self, refusal: &Refusal) -> Response {
        tracing::debug!(code = refusal.code, fields = ?refusal.fields, "refused a request");
        let errors = if refusal.fields.is_empty() {
            vec![ErrorPart::new(refusal.code, None)]
        } else {
            let error = |&field| ErrorPart::new(refusal.code, Some(field));
            refusal.fields.iter().map(error).collect()
        };
        let answer = Refused {
            status: "error",
            project_id: refusal.project_id,
            payment_id: refusal.payment_id.as_ref(),
            request_id: &self.sandbox.next_request_id(),
            code: refusal.code.to_string(),
            message: message_of(&Code::from(refusal.code)),
            errors,
        };
        let json = answer.json();
        let status = self.sandbox.config().error_status;
        self.end(status, json)
    }

    /// The body is too large, or did not arrive.
    fn unreadable(self, rejection: &BytesRejection) -> Response {
        self.end_plainly(rejection.status(), &rejection.body_text())
    }

    fn end_plainly(self, status: StatusCode, text: &str) -> Response {
        self.record(status, text);
        (status, text.to_owned()).into_response()
    }

    fn record(&self, status: StatusCode, body: &str) {
        let body = RawBody::new(body.to_owned());
        let kind = EventKind::ResponseSent { status: status.as_u16(), body };
        self.sandbox.record(self.about.clone(), kind);
    }
}
