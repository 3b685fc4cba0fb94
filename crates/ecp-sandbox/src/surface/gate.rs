//! Gate: the server API.
//!
//! Every request is answered at once with what became of the request; what becomes of the payment
//! is told by callbacks.

mod check;

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use ecp_core::model::Code;
use ecp_core::{PaymentId, ProjectId};
use ecp_methods::FlowKind;
use ecp_methods::spec::Interface;
use http::{Method, StatusCode, Uri, header};
use serde_json::Value;

use crate::engine::events::{EventKind, RawBody};
use crate::engine::faults::{Fault, Point};
use crate::engine::{Registration, Sandbox};
use crate::payment::ids::About;
use crate::surface::server::{Cut, Late};
use crate::wire::answer::{ErrorPart, Refused, Registered};
use crate::wire::codes::message_of;
use crate::wire::document::{GivenIds, Place};
use crate::wire::refusal::Refusal;
use crate::wire::{codes, document};

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

async fn payment(Path(path): Path<String>, call: Call) -> Response {
    call.answer(|sandbox, document| {
        let project = check::authenticate(sandbox.config(), document, Place::General)?.id;
        let (spec, flow) = check::method(&sandbox.config().registry, &path)?;
        if flow == FlowKind::Refund && refers_to_forgotten(sandbox, project, document)? {
            return Ok(Done::forgotten());
        }
        let registered = sandbox.admit(project, spec, flow, Interface::Gate, document)?;
        Ok(Done::registered(project, registered))
    })
    .await
}

/// Refunds a payment of whatever method.
async fn refund(call: Call) -> Response {
    call.answer(|sandbox, document| {
        let project = check::authenticate(sandbox.config(), document, Place::General)?.id;
        let payment_id = document::payment_id(document)?;
        if refers_to_forgotten(sandbox, project, document)? {
            return Ok(Done::forgotten());
        }
        let spec = sandbox.method_of(project, &payment_id).ok_or_else(Refusal::unknown_payment)?;
        if !check::has_on_gate(spec, FlowKind::Refund) {
            return Err(Refusal::not_refundable(codes::REFUND_UNAVAILABLE));
        }
        let gate = Interface::Gate;
        let registered = sandbox.admit(project, spec, FlowKind::Refund, gate, document)?;
        Ok(Done::registered(project, registered))
    })
    .await
}

/// Whether a refund is about a payment that the history has dropped. That its own id was used is
/// known all the same, and refused.
fn refers_to_forgotten(
    sandbox: &Sandbox,
    project: ProjectId,
    document: &Value,
) -> Result<bool, Refusal> {
    let Ok(payment_id) = document::payment_id(document) else { return Ok(false) };
    if !sandbox.has_forgotten(project, &payment_id) {
        return Ok(false);
    }
    let refund_id = document["payment"]["merchant_refund_id"].as_str();
    if refund_id.is_some_and(|id| sandbox.has_forgotten_refund(project, id)) {
        return Err(Refusal::repeated_refund());
    }
    Ok(true)
}

async fn status(call: Call) -> Response {
    call.answer(|sandbox, document| {
        let project = check::authenticate(sandbox.config(), document, Place::General)?;
        let payment_id = document::payment_id(document)?;
        if sandbox.has_forgotten(project.id, &payment_id) {
            return Ok(Done::forgotten());
        }
        Ok(Done::told(sandbox.status(project, &payment_id)))
    })
    .await
}

/// Says of a request what was said when it was registered.
async fn status_of_request(call: Call) -> Response {
    call.answer(|sandbox, document| {
        let project = check::authenticate(sandbox.config(), document, Place::Root)?.id;
        let request_id = check::request_id(document)?;
        if sandbox.has_forgotten_request(project, &request_id) {
            return Ok(Done::forgotten());
        }
        let payment_id = sandbox
            .payment_of_request(project, &request_id)
            .ok_or_else(|| Refusal::new(codes::NOT_FOUND, ["request_id"]))?;
        Ok(Done::told(registered(&request_id, project, &payment_id)))
    })
    .await
}

/// What a request led to.
pub(crate) struct Done {
    status: StatusCode,
    answer: String,
    /// What goes on after the answer.
    begun: Option<Registration>,
}

impl Done {
    /// An answer that begins nothing.
    pub(crate) const fn told(answer: String) -> Self {
        Self { status: StatusCode::OK, answer, begun: None }
    }

    /// There was a payment, and what became of it is forgotten: no answer about it would be true.
    pub(crate) fn forgotten() -> Self {
        let words = "the sandbox's history has dropped this payment, so nothing is known of it but \
                     that its id is taken: raise payment_history";
        let answer = serde_json::json!({"problem": words}).to_string();
        Self { status: StatusCode::SERVICE_UNAVAILABLE, answer, begun: None }
    }

    fn registered(
        project_id: ProjectId,
        (payment_id, registration): (PaymentId, Registration),
    ) -> Self {
        let answer = registered(&registration.request_id, project_id, &payment_id);
        Self { status: StatusCode::OK, answer, begun: Some(registration) }
    }
}

fn registered(request_id: &str, project_id: ProjectId, payment_id: &PaymentId) -> String {
    Registered { status: "success", request_id, project_id, payment_id }.json()
}

/// A request as it came.
pub(crate) struct Call {
    sandbox: Sandbox,
    method: Method,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
}

impl FromRequest<Sandbox> for Call {
    type Rejection = Infallible;

    async fn from_request(request: Request, sandbox: &Sandbox) -> Result<Self, Infallible> {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let body = Bytes::from_request(request, sandbox).await;
        Ok(Self { sandbox: sandbox.clone(), method, uri, body })
    }
}

impl Call {
    /// Reads the request, does what it asks for, and answers; or not, where a fault strikes.
    pub(crate) async fn answer(
        self,
        work: impl FnOnce(&Sandbox, &Value) -> Result<Done, Refusal> + Send,
    ) -> Response {
        let sandbox = &self.sandbox;
        let document = self.body.as_ref().map(|body| document::read(body));
        let ids = match &document {
            Ok(Ok(document)) => GivenIds::of(document),
            _ => GivenIds::default(),
        };
        let exchange = Exchange::begin(&self, ids);
        let point = Point::Answer(self.uri.path());
        let struck = AnswerFaults::of(&sandbox.strike(&exchange.about, point));
        if let Some((cut, false)) = struck.cut {
            struck.wait(sandbox).await;
            return cut.response(None);
        }
        let done = match document {
            Ok(Ok(document)) => {
                work(sandbox, &document).map_err(|refusal| refusal.about(&exchange.about))
            }
            Ok(Err(refusal)) => Err(refusal),
            // The body is too large, or did not arrive.
            Err(rejection) => {
                let status = match rejection {
                    late if Late::is_cause_of(late) => StatusCode::REQUEST_TIMEOUT,
                    other => other.status(),
                };
                return exchange.end_plainly(status, &rejection.body_text());
            }
        };
        let (status, json, begun) = match done {
            Ok(Done { status, answer, begun }) => (status, answer, begun),
            Err(refusal) => (sandbox.config().error_status, exchange.refusal(&refusal), None),
        };
        if struck.is_none() {
            let response = exchange.end(status, json);
            // Only now: the answer comes before the first callback, at least in the events.
            if let Some(registration) = begun {
                sandbox.process(registration);
            }
            return response;
        }
        if let Some(registration) = begun {
            sandbox.process(registration);
        }
        struck.wait(sandbox).await;
        match struck.cut {
            None => exchange.end(status, json),
            Some((cut, _)) => cut.response(Some((status, json))),
        }
    }

    /// Answers without looking at it.
    fn end(&self, status: StatusCode, text: &str) -> Response {
        let status = match &self.body {
            Err(late) if Late::is_cause_of(late) => StatusCode::REQUEST_TIMEOUT,
            _ => status,
        };
        Exchange::begin(self, GivenIds::default()).end_plainly(status, text)
    }
}

async fn not_found(call: Call) -> Response {
    call.end(StatusCode::NOT_FOUND, "there is nothing at this path")
}

async fn method_not_allowed(call: Call) -> Response {
    call.end(StatusCode::METHOD_NOT_ALLOWED, "this path is for another HTTP method")
}

/// What strikes an answer.
#[derive(Default)]
struct AnswerFaults {
    delay: Duration,
    /// How it is cut off, and whether the request takes effect before. The first fault decides.
    cut: Option<(Cut, bool)>,
}

impl AnswerFaults {
    fn of(faults: &[Fault]) -> Self {
        let mut struck = Self::default();
        for &fault in faults {
            let cut = match fault {
                Fault::DelayAnswer(by) => {
                    struck.delay += by;
                    continue;
                }
                Fault::DropAnswer { registered } => (Cut::Close, registered),
                Fault::ResetConnection { registered } => (Cut::Reset, registered),
                Fault::ServerError { status, registered } => (Cut::Status(status), registered),
                Fault::TruncateAnswer => (Cut::Truncate, true),
                _ => continue,
            };
            struck.cut = struck.cut.or(Some(cut));
        }
        struck
    }

    const fn is_none(&self) -> bool {
        self.cut.is_none() && self.delay.is_zero()
    }

    async fn wait(&self, sandbox: &Sandbox) {
        if !self.delay.is_zero() {
            tokio::select! {
                () = sandbox.stopped() => {}
                _ = sandbox.time().pause(self.delay, sandbox.time().begin()) => {}
            }
        }
    }
}

/// A request and its answer, both of which become events.
struct Exchange<'s> {
    sandbox: &'s Sandbox,
    about: About,
}

impl<'s> Exchange<'s> {
    fn begin(call: &'s Call, ids: GivenIds) -> Self {
        let Call { sandbox, method, uri, body } = call;
        let about = (ids.project_id, ids.payment_id);
        let kind = EventKind::RequestReceived {
            method: method.to_string(),
            path: uri.path_and_query().map_or(uri.path(), |path| path.as_str()).to_owned(),
            // Received bytes may be part of a larger buffer.
            body: RawBody::copied(body.as_ref().map(AsRef::as_ref).unwrap_or_default()),
        };
        sandbox.record(about.clone(), kind);
        Self { sandbox, about }
    }

    fn end(self, status: StatusCode, json: String) -> Response {
        self.record(status, &json);
        (status, [(header::CONTENT_TYPE, "application/json")], json).into_response()
    }

    fn refusal(&self, refusal: &Refusal) -> String {
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
        answer.json()
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
