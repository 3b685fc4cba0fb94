//! The Gate client.

pub(crate) mod answer;
pub(crate) mod request;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ecp_core::model::{
    Code, ModelError, PaymentStatus, StatusResponse, SyncResponse, SyncStatus, VerifiedStatus,
};
use ecp_core::observe::{Meter, Observer};
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{PaymentId, ProjectId, RequestId, SecretKey};
use ecp_methods::request::{PayoutRequest, RefundRequest, SaleRequest};
use ecp_methods::{Flow, Operation, Payout, Refund, Sale, Supports, prepare_as};
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request, Response};
use serde::Serialize;

use self::answer::Target;
pub use self::request::Accepted;
use self::request::sealed::OfGate;
use self::request::{GateRequest, Outgoing, Registered};
use crate::address::{Address, InvalidBaseUrl};
use crate::error::{GateError, UnknownReason};
use crate::http::HttpTransport;
use crate::send::retry_after;
use crate::wait::Asked;
use crate::watched::{Watched, request_span, words};

/// Base address of Gate, the platform's API for payments. Test projects use the same address.
pub const GATE_URL: &str = "https://api.ecommpay.com";

/// Client of Gate, the platform's API for payments, for one project: it requests payments, payouts,
/// refunds and statuses. Clones share the HTTP transport.
///
/// The future of a call can be dropped at any time; the outcome of its request is then unknown.
#[derive(Clone, Debug)]
pub struct Gate {
    project: ProjectId,
    pub(crate) key: SigningKey,
    address: Address,
    transport: Arc<dyn HttpTransport>,
    meter: Meter,
}

impl Gate {
    /// Makes a client of the platform's Gate for a project, at [`GATE_URL`]. `key` is the project's
    /// key: it signs requests and verifies answers.
    pub fn new(
        project: ProjectId,
        key: &SecretKey,
        transport: impl HttpTransport + 'static,
    ) -> Self {
        Self {
            project,
            key: SigningKey::new(key),
            address: Address::platform("api.ecommpay.com"),
            transport: Arc::new(transport),
            meter: Meter::default(),
        }
    }

    /// Sets the base address of Gate, [`GATE_URL`] by default. The address of a sandbox is such as
    /// `http://127.0.0.1:8080`. Plain HTTP is allowed only to this machine, because requests hold
    /// personal data.
    pub fn base_url(self, url: &str) -> Result<Self, InvalidBaseUrl> {
        Ok(Self { address: Address::parse(url)?, ..self })
    }

    /// Sets the observer to which this client reports the metrics of every request; by default
    /// nothing is reported. A [`Sender`](crate::Sender) that uses this client reports its calls
    /// there too. [`METRICS`](crate::METRICS) lists these metrics.
    pub fn observer(self, observer: impl Observer) -> Self {
        Self { meter: Meter::new(observer), ..self }
    }

    /// Id of the project that this client sends requests for.
    pub const fn project(&self) -> ProjectId {
        self.project
    }

    /// The handle that reports metrics to this client's observer. Code that sends requests through
    /// this client can report its own metrics with it.
    pub const fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Checks a request to take a payment by a payment method, and sends it once, without a retry.
    /// `Ok` means that the platform registered the request; a callback reports the payment's
    /// result. A second request under the same payment id begins no second payment: it fails with
    /// [`UnknownReason::AlreadyExists`](crate::UnknownReason::AlreadyExists).
    pub async fn sale<M: Supports<Sale>>(
        &self,
        method: &M,
        request: &SaleRequest,
    ) -> Result<Accepted, GateError> {
        self.request(method, request).await
    }

    /// Checks a request to pay out by a payment method, and sends it once, without a retry. `Ok`
    /// means that the platform registered the request; a callback reports the payout's result. A
    /// second request under the same payment id pays nothing: it fails with
    /// [`UnknownReason::AlreadyExists`](crate::UnknownReason::AlreadyExists).
    pub async fn payout<M: Supports<Payout>>(
        &self,
        method: &M,
        request: &PayoutRequest,
    ) -> Result<Accepted, GateError> {
        self.request(method, request).await
    }

    /// Checks a request to refund a sale, and sends it once, without a retry. A callback reports
    /// the result, in the operation's status: a declined refund leaves the payment's status at
    /// `success` (see [`Callback::refund`](ecp_core::model::Callback::refund)).
    ///
    /// Keep the request until the result is known: a refund whose outcome is unknown may be sent
    /// again only under the same `merchant_refund_id`. A new [`RefundRequest`] has a new random
    /// one, and could refund twice.
    pub async fn refund<M: Supports<Refund>>(
        &self,
        method: &M,
        request: &RefundRequest,
    ) -> Result<Accepted, GateError> {
        self.request(method, request).await
    }

    /// Checks and sends a request for any operation that a method has, once. `Ok` means that the
    /// platform registered the request, not that the payment succeeded. [`Gate::sale`],
    /// [`Gate::payout`] and [`Gate::refund`] do the same for one operation each.
    ///
    /// ```no_run
    /// # use ecp_core::Currency;
    /// # use ecp_methods::spec::Interface;
    /// # use ecp_methods::{PaymentMethod, Rule, Spec, Supports};
    /// # #[derive(Debug)]
    /// # struct Acme;
    /// # impl Supports<Auth> for Acme {}
    /// # impl PaymentMethod for Acme {
    /// #     const SPEC: Spec<Self> = Spec::new("acme", "Acme Wallet")
    /// #         .gate_path("wallet/acme")
    /// #         .currencies(&[Currency::EUR])
    /// #         .flow::<Auth>(Rule::new().on(&[Interface::Gate]));
    /// # }
    /// use ecp_methods::Auth;
    /// use ecp_methods::request::SaleRequest;
    /// use ecp_transport::{Gate, GateError};
    ///
    /// # async fn hold(gate: Gate) -> Result<(), Box<dyn std::error::Error>> {
    /// let hold = SaleRequest::new("order-3936".parse()?, "100.00 EUR".parse()?);
    /// let accepted = gate.request::<Auth>(&Acme, &hold).await?;
    /// # let _ = accepted;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn request<F: Flow>(
        &self,
        method: &impl Supports<F>,
        request: &F::Request,
    ) -> Result<Accepted, GateError> {
        self.send(&prepare_as::<F>(method, request.clone())?).await
    }

    /// Sends, once, a request that [`ecp_methods::prepare`] has checked, or an
    /// [`EndpointRequest`](crate::EndpointRequest), for endpoints without a request type. `Ok`
    /// means that the platform accepted the request; after an error, [`GateError::outcome`] says
    /// whether it may have arrived.
    pub async fn send<R: GateRequest>(&self, request: &R) -> Result<R::Answer, GateError> {
        let registered = self.attempt(&request.outgoing(self.project)).await.0?;
        R::Answer::of(registered).map_err(GateError::Unknown)
    }

    /// Sends once and returns the platform's `Retry-After`.
    pub(crate) async fn attempt(
        &self,
        outgoing: &Outgoing<'_>,
    ) -> (Result<Registered, GateError>, Option<Duration>) {
        let method = outgoing.method;
        macro_rules! span {
            ($name:literal) => {
                request_span!(
                    $name,
                    "client",
                    self.project,
                    outgoing.payment_id.as_str(),
                    method,
                    "ecp.request",
                    "ecp.request_id",
                    "ecp.code",
                    "http.response.status_code"
                )
            };
        }
        let span = match outgoing.operation {
            Some(Operation::SALE) => span!("ecp.gate.sale"),
            Some(Operation::PAYOUT) => span!("ecp.gate.payout"),
            Some(Operation::REFUND) => span!("ecp.gate.refund"),
            _ => span!("ecp.gate.operation"),
        };
        let watched = Watched::gate(span, &self.meter, outgoing.name, method);
        watched.record("ecp.request", outgoing.name);
        let (registered, retry_after) = watched.run(self.register(outgoing, &watched)).await;
        match &registered {
            Ok(registered) => {
                let request_id = registered.request_id.as_ref().map(RequestId::as_str);
                watched.record("ecp.request_id", request_id);
            }
            Err(error) => watched.record("ecp.code", error.code().and_then(Code::number)),
        }
        let (outcome, error) = words(&registered, "accepted");
        watched.end(outcome, error);
        (registered, retry_after)
    }

    async fn register(
        &self,
        outgoing: &Outgoing<'_>,
        watched: &Watched,
    ) -> (Result<Registered, GateError>, Option<Duration>) {
        let body = outgoing.body.expose().as_bytes();
        let posted = self.post(&outgoing.path, body, Place::General, outgoing.rules, watched).await;
        let response = match posted {
            Ok(response) => response,
            Err(error) => return (Err(error), None),
        };
        let target =
            if outgoing.effect.is_new_payment() { Target::New } else { Target::ThatIsThere };
        let registered = self.read_registered(&response, outgoing, target);
        (registered, retry_after(response.headers()))
    }

    /// Requests the status of a payment, once and without a retry. A status without the platform's
    /// signature is an error.
    ///
    /// If the platform does not know the payment, that is not an error: check
    /// [`StatusResponse::is_unknown_payment`]. An error says nothing about the payment, whatever
    /// its [`GateError::outcome`] is: request the status again.
    pub async fn status(&self, payment_id: &PaymentId) -> Result<StatusResponse, GateError> {
        self.verified_status(payment_id).await.map(VerifiedStatus::into_inner)
    }

    /// Does the same as [`Gate::status`] and keeps the proof that the platform signed the answer.
    /// An inbox of `ecp-inbox` can hold a callback, that is, give it to no handler until Gate
    /// confirms it: to release such a callback, the inbox needs this proof.
    pub async fn verified_status(
        &self,
        payment_id: &PaymentId,
    ) -> Result<VerifiedStatus, GateError> {
        self.ask_verified(payment_id).await.answer
    }

    /// Requests the status once and returns the platform's `Retry-After`.
    pub(crate) async fn ask(&self, payment_id: &PaymentId) -> Asked {
        let Asked { answer, retry_after } = self.ask_verified(payment_id).await;
        Asked { answer: answer.map(VerifiedStatus::into_inner), retry_after }
    }

    async fn ask_verified(&self, payment_id: &PaymentId) -> Asked<VerifiedStatus> {
        let span = request_span!(
            "ecp.gate.status",
            "client",
            self.project,
            payment_id.as_str(),
            None::<&str>,
            "ecp.payment_status",
            "ecp.code",
            "http.response.status_code"
        );
        let watched = Watched::gate(span, &self.meter, "status", None);
        let asked = watched.run(self.ask_once(payment_id, &watched)).await;
        match &asked.answer {
            Ok(status) => {
                let status = status.payment_status().map(PaymentStatus::as_str);
                watched.record("ecp.payment_status", status);
            }
            Err(error) => watched.record("ecp.code", error.code().and_then(Code::number)),
        }
        let (outcome, error) = words(&asked.answer, "answered");
        watched.end(outcome, error);
        asked
    }

    async fn ask_once(&self, payment_id: &PaymentId, watched: &Watched) -> Asked<VerifiedStatus> {
        let general = General { payment_id, project_id: self.project };
        let body = serde_json::to_vec(&StatusRequest { general })
            .expect("a struct of text and a number always serialises");
        match self
            .post("/v2/payment/status", &body, Place::General, to_ask(payment_id.as_str()), watched)
            .await
        {
            Ok(response) => Asked {
                answer: self.read_status(&response, payment_id),
                retry_after: retry_after(response.headers()),
            },
            Err(error) => Asked { answer: Err(error), retry_after: None },
        }
    }

    /// Asks what became of a request, by the id that the platform gave the request
    /// ([`Accepted::request_id`]). `Ok` means only that the platform answered: with
    /// [`SyncStatus::Success`](ecp_core::model::SyncStatus::Success) it has the request, with
    /// [`SyncStatus::Error`](ecp_core::model::SyncStatus::Error) the code says why not. The answer
    /// says less about the payment than that of [`Gate::status`], and may be unsigned: do not move
    /// money because of it. The documents recommend to ask no earlier than 10 seconds after the
    /// request was sent.
    pub async fn request_status(&self, request_id: &RequestId) -> Result<SyncResponse, GateError> {
        let span = request_span!(
            "ecp.gate.request_status",
            "client",
            self.project,
            None::<&str>,
            None::<&str>,
            "ecp.request_id",
            "http.response.status_code"
        );
        let watched = Watched::gate(span, &self.meter, "request_status", None);
        watched.record("ecp.request_id", request_id.as_str());
        let answer = watched.run(self.ask_for_request(request_id, &watched)).await;
        let (outcome, error) = words(&answer, "answered");
        watched.end(outcome, error);
        answer
    }

    async fn ask_for_request(
        &self,
        request_id: &RequestId,
        watched: &Watched,
    ) -> Result<SyncResponse, GateError> {
        let body = serde_json::to_vec(&RequestStatus { project_id: self.project, request_id })
            .expect("a struct of text and a number always serialises");
        let rules = to_ask(request_id.as_str());
        let path = "/v2/payment/status/request";
        let response = self.post(path, &body, Place::Root, rules, watched).await?;
        let answer = self.read_sync(&response).map_err(GateError::Unknown)?;
        let unknown = |reason| Err(GateError::Unknown(reason));
        if answer.project_id.is_some_and(|project| project != self.project) {
            return unknown(UnknownReason::Mismatch("project_id"));
        }
        match &answer.request_id {
            Some(id) if id != request_id => unknown(UnknownReason::Mismatch("request_id")),
            None if answer.status == SyncStatus::Success => {
                unknown(ModelError::Missing { path: "request_id".to_owned() }.into())
            }
            _ => Ok(answer),
        }
    }

    pub(crate) async fn post(
        &self,
        path: &str,
        body: &[u8],
        place: Place,
        rules: Rules,
        watched: &Watched,
    ) -> Result<Response<Bytes>, GateError> {
        let signed = signature::sign_document(&self.key, body, place, rules)?;
        let mut request = Request::new(Bytes::from(signed));
        *request.method_mut() = Method::POST;
        *request.uri_mut() =
            self.address.url(path).parse().map_err(|error: http::uri::InvalidUri| {
                GateError::NotSent(crate::TransportError::not_sent(error))
            })?;
        let headers = request.headers_mut();
        let json = HeaderValue::from_static("application/json");
        headers.insert(CONTENT_TYPE, json.clone());
        headers.insert(ACCEPT, json);
        let agent = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        let response = self.transport.send(request).await?;
        watched.record("http.response.status_code", response.status().as_u16());
        Ok(response)
    }
}

/// A sale whose payment id holds a `;` is refused, but the status of an older payment with such an
/// id can be requested: that request creates nothing.
pub(crate) fn to_ask(id: &str) -> Rules {
    if id.contains(';') { Rules::private().allow_ambiguous() } else { Rules::private() }
}

#[derive(Serialize)]
struct StatusRequest<'r> {
    general: General<'r>,
}

#[derive(Serialize)]
struct RequestStatus<'r> {
    project_id: ProjectId,
    request_id: &'r RequestId,
}

#[derive(Serialize)]
pub(crate) struct General<'r> {
    pub(crate) payment_id: &'r PaymentId,
    pub(crate) project_id: ProjectId,
}
