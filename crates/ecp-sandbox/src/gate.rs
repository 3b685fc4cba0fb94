//! Gate: the server API.
//!
//! Every request is answered at once with what became of the request; what becomes of the payment
//! is told by callbacks.

mod check;
mod document;
mod refund;

use axum::Router;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use ecp_core::model::Code;
use ecp_core::{PaymentId, ProjectId};
use ecp_methods::{FlowKind, MethodSpec};
use http::{Method, StatusCode, Uri, header};
use serde_json::Value;

use self::check::Place;
pub(crate) use self::check::Refusal;
use crate::event::{About, EventKind, RawBody};
use crate::message::{ErrorPart, Refused, Registered, message_of};
use crate::payment::OrderKind;
use crate::platform::{Registration, Sandbox};

/// More than any request needs.
const BODY_LIMIT: usize = 256 << 10;

pub(crate) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/v2/payment/refund", post(refund))
        .route("/v2/payment/status", post(status))
        .route("/v2/payment/status/request", post(status_of_request))
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
    answer(&sandbox, &method, &uri, body, |document| {
        let project = check::authenticate(sandbox.config(), document, Place::General)?.id;
        let (spec, flow) = check::method(&sandbox.config().registry, &path)?;
        let kind = match flow {
            FlowKind::Payout => OrderKind::Payout,
            FlowKind::Sale => OrderKind::Sale,
            FlowKind::Refund => return register_refund(&sandbox, project, spec, document),
        };
        let order = check::order(project, spec, kind, document)?;
        let payment_id = order.payment_id.clone();
        let registration = sandbox.register(order)?;
        Ok(Done::registered(project, &payment_id, registration))
    })
}

/// Refunds a payment of whatever method.
async fn refund(State(sandbox): State<Sandbox>, method: Method, uri: Uri, body: Body) -> Response {
    answer(&sandbox, &method, &uri, body, |document| {
        let project = check::authenticate(sandbox.config(), document, Place::General)?.id;
        let payment_id = check::payment_id(document)?;
        let spec = sandbox.method_of(project, &payment_id).ok_or_else(Refusal::unknown_payment)?;
        if !check::has_on_gate(spec, FlowKind::Refund) {
            return Err(Refusal::not_refundable(check::code::REFUND_UNAVAILABLE));
        }
        register_refund(&sandbox, project, spec, document)
    })
}

fn register_refund(
    sandbox: &Sandbox,
    project: ProjectId,
    spec: &'static MethodSpec,
    document: &Value,
) -> Result<Done, Refusal> {
    let order = refund::order(project, spec, document)?;
    let payment_id = order.payment_id.clone();
    let registration = sandbox.register_refund(spec, order)?;
    Ok(Done::registered(project, &payment_id, registration))
}

async fn status(State(sandbox): State<Sandbox>, method: Method, uri: Uri, body: Body) -> Response {
    answer(&sandbox, &method, &uri, body, |document| {
        let project = check::authenticate(sandbox.config(), document, Place::General)?;
        let payment_id = check::payment_id(document)?;
        Ok(Done { answer: sandbox.status(project, &payment_id), begun: None })
    })
}

/// Says of a request what was said when it was registered.
async fn status_of_request(
    State(sandbox): State<Sandbox>,
    method: Method,
    uri: Uri,
    body: Body,
) -> Response {
    answer(&sandbox, &method, &uri, body, |document| {
        let project = check::authenticate(sandbox.config(), document, Place::Root)?.id;
        let request_id = check::request_id(document)?;
        let payment_id = sandbox
            .payment_of_request(project, &request_id)
            .ok_or_else(|| Refusal::new(check::code::NOT_FOUND, ["request_id"]))?;
        Ok(Done { answer: registered(&request_id, project, &payment_id), begun: None })
    })
}

/// What a request led to.
struct Done {
    answer: String,
    /// What goes on after the answer.
    begun: Option<Registration>,
}

impl Done {
    fn registered(
        project_id: ProjectId,
        payment_id: &PaymentId,
        registration: Registration,
    ) -> Self {
        let answer = registered(&registration.request_id, project_id, payment_id);
        Self { answer, begun: Some(registration) }
    }
}

fn registered(request_id: &str, project_id: ProjectId, payment_id: &PaymentId) -> String {
    Registered { status: "success", request_id, project_id, payment_id }.json()
}

/// Reads a request, does what it asks for, and answers.
fn answer(
    sandbox: &Sandbox,
    method: &Method,
    uri: &Uri,
    body: Body,
    work: impl FnOnce(&Value) -> Result<Done, Refusal>,
) -> Response {
    let exchange = Exchange::begin(sandbox, method, uri, body.as_ref().ok());
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return exchange.unreadable(&rejection),
    };
    let done = check::read(&body).and_then(|document| {
        work(&document).map_err(|refusal| refusal.about(&check::GivenIds::of(&document)))
    });
    match done {
        Ok(Done { answer, begun }) => {
            let response = exchange.end(StatusCode::OK, answer);
            // Only now: the answer comes before the first callback, at least in the events.
            if let Some(registration) = begun {
                sandbox.process(&registration);
            }
            response
        }
        Err(refusal) => exchange.refuse(&refusal),
    }
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
