//! A signed request and its answer, and the faults that strike the answer.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use ecp_core::model::Code;
use ecp_core::{PaymentId, ProjectId};
use http::{Method, StatusCode, Uri, header};
use serde_json::Value;

use crate::engine::Engine;
use crate::engine::admit::Registration;
use crate::engine::events::{EventKind, RawBody};
use crate::engine::faults::{Fault, Point};
use crate::engine::progress::Clarification;
use crate::engine::pushed::Page;
use crate::payment::ids::About;
use crate::surface::cut::Cut;
use crate::surface::late::Late;
use crate::wire::answer::{ErrorPart, Refused, Registered};
use crate::wire::codes::message_of;
use crate::wire::document::{self, GivenIds};
use crate::wire::refusal::Refusal;

/// Result of a request: its answer, and the work that follows the answer.
pub(crate) struct Done {
    status: StatusCode,
    answer: String,
    /// Work that the request has started and that goes on after the answer, such as the first step
    /// of a registered payment; `None` if the answer is all.
    begun: Option<Begun>,
}

/// What a request has begun.
enum Begun {
    Clarification(Clarification, Value),
    Delivery(Page),
    Registration(Registration),
}

impl Begun {
    fn go_on(self, engine: &Engine) {
        match self {
            Self::Clarification(clarification, data) => engine.clarify(&clarification, data),
            Self::Delivery(page) => engine.push(page),
            Self::Registration(registration) => engine.process(registration),
        }
    }
}

impl Done {
    /// Returns a result with an answer and no further work.
    pub(crate) const fn answered(answer: String) -> Self {
        Self { status: StatusCode::OK, answer, begun: None }
    }

    /// Returns the result with a page of operations to deliver after the answer.
    pub(crate) fn delivering(self, page: Option<Page>) -> Self {
        Self { begun: page.map(Begun::Delivery), ..self }
    }

    /// Returns the answer about a payment that was removed from the history: its result is no
    /// longer known.
    pub(crate) fn forgotten() -> Self {
        let words = "the sandbox has removed this payment from its history and knows only that the \
                     id is taken: raise `payment_history` to keep more payments";
        let answer = serde_json::json!({"problem": words}).to_string();
        Self { status: StatusCode::SERVICE_UNAVAILABLE, answer, begun: None }
    }

    /// Returns the result of a merchant's accepted answer to a clarification.
    pub(super) fn clarified(
        project_id: ProjectId,
        payment_id: &PaymentId,
        clarification: Clarification,
        data: Value,
    ) -> Self {
        let answer = registered(&clarification.request_id, project_id, payment_id);
        let begun = Some(Begun::Clarification(clarification, data));
        Self { status: StatusCode::OK, answer, begun }
    }

    pub(super) fn registered(
        project_id: ProjectId,
        (payment_id, registration): (PaymentId, Registration),
    ) -> Self {
        let answer = registered(&registration.request_id, project_id, &payment_id);
        Self { status: StatusCode::OK, answer, begun: Some(Begun::Registration(registration)) }
    }
}

pub(super) fn registered(
    request_id: &str,
    project_id: ProjectId,
    payment_id: &PaymentId,
) -> String {
    Registered { status: "success", request_id, project_id, payment_id }.json()
}

/// An HTTP request before it is processed.
pub(crate) struct Call {
    engine: Engine,
    method: Method,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
}

impl FromRequest<Engine> for Call {
    type Rejection = Infallible;

    async fn from_request(request: Request, engine: &Engine) -> Result<Self, Infallible> {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let body = Bytes::from_request(request, engine).await;
        Ok(Self { engine: engine.clone(), method, uri, body })
    }
}

impl Call {
    /// Reads the request, processes it and returns the answer. A fault may delay the answer or cut
    /// it off.
    pub(crate) async fn answer(
        self,
        work: impl FnOnce(&Engine, &Value) -> Result<Done, Refusal> + Send,
    ) -> Response {
        let engine = &self.engine;
        let document = self.body.as_ref().map(|body| document::read(body));
        let ids = match &document {
            Ok(Ok(document)) => GivenIds::of(document),
            _ => GivenIds::default(),
        };
        let exchange = Exchange::begin(&self, ids);
        let point = Point::Answer(self.uri.path());
        let struck = AnswerFaults::of(&engine.strike(&exchange.about, point));
        if let Some((cut, false)) = struck.cut {
            struck.wait(engine).await;
            return cut.response(None);
        }
        let done = match document {
            Ok(Ok(document)) => {
                work(engine, &document).map_err(|refusal| refusal.about(&exchange.about))
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
            Err(refusal) => (engine.config().error_status, exchange.refusal(&refusal), None),
        };
        if struck.is_none() {
            let response = exchange.end(status, json);
            // Only now: the answer comes before the first callback, at least in the events.
            if let Some(begun) = begun {
                begun.go_on(engine);
            }
            return response;
        }
        if let Some(begun) = begun {
            begun.go_on(engine);
        }
        struck.wait(engine).await;
        match struck.cut {
            None => exchange.end(status, json),
            Some((cut, _)) => cut.response(Some((status, json))),
        }
    }

    /// Returns an answer with this status and text, without processing the request.
    pub(super) fn end(&self, status: StatusCode, text: &str) -> Response {
        let status = match &self.body {
            Err(late) if Late::is_cause_of(late) => StatusCode::REQUEST_TIMEOUT,
            _ => status,
        };
        Exchange::begin(self, GivenIds::default()).end_plainly(status, text)
    }
}

/// Faults of an answer.
#[derive(Default)]
struct AnswerFaults {
    delay: Duration,
    /// How a fault cuts the answer off, and whether the request takes effect before that (if not,
    /// it is not processed). Of several such faults the first counts; `None` if there is none.
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

    async fn wait(&self, engine: &Engine) {
        if !self.delay.is_zero() {
            tokio::select! {
                () = engine.stopped() => {}
                _ = engine.time().pause(self.delay, engine.time().begin()) => {}
            }
        }
    }
}

/// A request and its answer, both of which become events.
struct Exchange<'s> {
    engine: &'s Engine,
    about: About,
}

impl<'s> Exchange<'s> {
    fn begin(call: &'s Call, ids: GivenIds) -> Self {
        let Call { engine, method, uri, body } = call;
        let about = (ids.project_id, ids.payment_id);
        let kind = EventKind::RequestReceived {
            method: method.to_string(),
            path: uri.path_and_query().map_or(uri.path(), |path| path.as_str()).to_owned(),
            // Received bytes may be part of a larger buffer.
            body: RawBody::copied(body.as_ref().map(AsRef::as_ref).unwrap_or_default()),
        };
        engine.record(about.clone(), kind);
        Self { engine, about }
    }

    fn end(self, status: StatusCode, json: String) -> Response {
        self.record(status, &json);
        (status, [(header::CONTENT_TYPE, "application/json")], json).into_response()
    }

    fn refusal(&self, refusal: &Refusal) -> String {
        tracing::debug!(code = refusal.code, fields = ?refusal.fields, "refused a request");
        let fields = refusal.fields.iter().copied().chain(refusal.named.as_deref());
        let mut errors: Vec<_> =
            fields.map(|field| ErrorPart::new(refusal.code, Some(field))).collect();
        if errors.is_empty() {
            errors.push(ErrorPart::new(refusal.code, None));
        }
        if let Some(description) = &refusal.description {
            errors = errors.into_iter().map(|error| error.described(description)).collect();
        }
        let answer = Refused {
            status: "error",
            project_id: refusal.project_id,
            payment_id: refusal.payment_id.as_ref(),
            request_id: &self.engine.next_request_id(),
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
        self.engine.record(self.about.clone(), kind);
    }
}
