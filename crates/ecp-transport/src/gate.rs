//! The Gate client.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ecp_core::json::{Document, Limits, Value};
use ecp_core::model::{Code, FromJson, ModelError, StatusResponse, SyncResponse, SyncStatus};
use ecp_core::signature::{self, Place, Rules, SigningKey, VerifyError};
use ecp_core::{PaymentId, ProjectId, RequestId, SecretKey};
use ecp_methods::request::{Field, PayoutRequest, RefundRequest, SaleRequest};
use ecp_methods::{Flow, Payout, Prepared, Refund, Sale, Supports, prepare};
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde::Serialize;

use crate::address::{Address, InvalidBaseUrl};
use crate::error::{GateError, Refusal, UnknownReason};
use crate::http::HttpTransport;
use crate::send::retry_after;
use crate::wait::Asked;

/// Where the platform's Gate is. Test projects use the same address.
pub const GATE_URL: &str = "https://api.ecommpay.com";

/// A project's Gate. Clones share the transport.
///
/// Calls can be dropped at any time; a request that was under way then has an unknown outcome.
#[derive(Clone, Debug)]
pub struct Gate {
    project: ProjectId,
    key: SigningKey,
    address: Address,
    transport: Arc<dyn HttpTransport>,
}

/// The platform has registered a request. That says nothing about the payment yet: its result
/// comes by callback.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// The payment.
    pub payment_id: PaymentId,
    /// The platform's id of the request, which the callbacks repeat.
    pub request_id: RequestId,
    /// The merchant's id of a refund, as it was sent.
    pub merchant_refund_id: Option<String>,
}

impl Gate {
    /// The platform's Gate for a project, at [`GATE_URL`].
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
        }
    }

    /// Another address, such as a sandbox: `http://127.0.0.1:8080`. Plain HTTP is refused beyond
    /// this machine, because requests hold personal data.
    pub fn base_url(self, url: &str) -> Result<Self, InvalidBaseUrl> {
        Ok(Self { address: Address::parse(url)?, ..self })
    }

    /// The project.
    pub const fn project(&self) -> ProjectId {
        self.project
    }

    /// Takes a payment.
    pub async fn sale<M: Supports<Sale>>(
        &self,
        method: &M,
        request: SaleRequest,
    ) -> Result<Accepted, GateError> {
        self.send(&prepare(method, request)?).await
    }

    /// Makes a payout.
    pub async fn payout<M: Supports<Payout>>(
        &self,
        method: &M,
        request: PayoutRequest,
    ) -> Result<Accepted, GateError> {
        self.send(&prepare(method, request)?).await
    }

    /// Gives back a sale. What it did comes by callback, and is read from the operation: a
    /// declined refund leaves the payment's status at `success`
    /// (see [`Callback::refund`](ecp_core::model::Callback::refund)).
    ///
    /// The request stays with the caller, because a refund whose outcome is unknown may be sent
    /// again only with the id that it has.
    pub async fn refund<M: Supports<Refund>>(
        &self,
        method: &M,
        request: &RefundRequest,
    ) -> Result<Accepted, GateError> {
        self.send(&prepare(method, request.clone())?).await
    }

    /// Sends a request that was prepared before, once.
    pub async fn send<F: Flow>(&self, prepared: &Prepared<F>) -> Result<Accepted, GateError> {
        self.attempt(prepared).await.0
    }

    /// Sends once, and says how long the platform wants to be left alone.
    pub(crate) async fn attempt<F: Flow>(
        &self,
        prepared: &Prepared<F>,
    ) -> (Result<Accepted, GateError>, Option<Duration>) {
        let body = prepared.body(self.project);
        let response = match self.post(&prepared.endpoint(), &body, Place::General).await {
            Ok(response) => response,
            Err(error) => return (Err(error), None),
        };
        let accepted = self.read_registration(&response, prepared.payment_id());
        let refund_id = || prepared.get(Field::MerchantRefundId).map(str::to_owned);
        let accepted =
            accepted.map(|accepted| Accepted { merchant_refund_id: refund_id(), ..accepted });
        (accepted, retry_after(response.headers()))
    }

    /// Asks where a payment stands. The answer must be signed.
    ///
    /// A payment that the platform does not know is no error:
    /// see [`StatusResponse::is_unknown_payment`].
    pub async fn status(&self, payment_id: &PaymentId) -> Result<StatusResponse, GateError> {
        self.ask(payment_id).await.answer
    }

    /// Asks once, and says how long the platform wants to be left alone.
    pub(crate) async fn ask(&self, payment_id: &PaymentId) -> Asked {
        let general = General { payment_id, project_id: self.project };
        let body = serde_json::to_vec(&StatusRequest { general })
            .expect("a struct of text and a number always serialises");
        match self.post("/v2/payment/status", &body, Place::General).await {
            Ok(response) => Asked {
                answer: self.read_status(&response, payment_id),
                retry_after: retry_after(response.headers()),
            },
            Err(error) => Asked { answer: Err(error), retry_after: None },
        }
    }

    /// Asks whether a request was registered. This says less than [`Gate::status`]; the
    /// documents want it no earlier than 10 seconds after the request.
    #[expect(clippy::missing_panics_doc, reason = "the request always serialises")]
    pub async fn request_status(&self, request_id: &RequestId) -> Result<SyncResponse, GateError> {
        let body = serde_json::to_vec(&RequestStatus { project_id: self.project, request_id })
            .expect("a struct of text and a number always serialises");
        let response = self.post("/v2/payment/status/request", &body, Place::Root).await?;
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

    async fn post(
        &self,
        path: &str,
        body: &[u8],
        place: Place,
    ) -> Result<Response<Bytes>, GateError> {
        let signed = signature::sign_document(&self.key, body, place, Rules::private())?;
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
        Ok(self.transport.send(request).await?)
    }

    fn read_registration(
        &self,
        response: &Response<Bytes>,
        payment_id: &PaymentId,
    ) -> Result<Accepted, GateError> {
        let answer = self.read_sync(response).map_err(GateError::Unknown)?;
        let unknown = |reason| Err(GateError::Unknown(reason));
        if answer.project_id.is_some_and(|project| project != self.project) {
            return unknown(UnknownReason::Mismatch("project_id"));
        }
        if answer.payment_id.as_ref().is_some_and(|id| id != payment_id) {
            return unknown(UnknownReason::Mismatch("payment_id"));
        }
        let http_status = response.status();
        let missing = |path: &str| match http_status {
            StatusCode::OK => unknown(ModelError::Missing { path: path.to_owned() }.into()),
            // Too many requests, say: nothing that the platform's documents know.
            other => unknown(UnknownReason::HttpStatus(other.as_u16())),
        };
        match answer.status {
            SyncStatus::Success if http_status == StatusCode::OK => match answer.request_id {
                Some(request_id) => {
                    let payment_id = payment_id.clone();
                    Ok(Accepted { payment_id, request_id, merchant_refund_id: None })
                }
                None => missing("request_id"),
            },
            SyncStatus::Error => match answer.code {
                Some(code) => Err(match error_says(code) {
                    Err(reason) => GateError::Unknown(reason),
                    Ok(code) => GateError::Refused(Refusal {
                        message: answer.message.unwrap_or_default(),
                        errors: answer.errors,
                        http_status: http_status.as_u16(),
                        code,
                    }),
                }),
                None => missing("code"),
            },
            _ => unknown(UnknownReason::HttpStatus(http_status.as_u16())),
        }
    }

    /// Registrations are not signed; where there is a signature after all, it must be right.
    fn read_sync(&self, response: &Response<Bytes>) -> Result<SyncResponse, UnknownReason> {
        let status = response.status();
        if status.is_redirection() || status.is_server_error() {
            return Err(UnknownReason::HttpStatus(status.as_u16()));
        }
        let unreadable = |error| match status {
            StatusCode::OK => UnknownReason::Unreadable(error),
            // A proxy's page rather than the platform's answer.
            _ => UnknownReason::HttpStatus(status.as_u16()),
        };
        let document = Document::parse(response.body(), Limits::default())
            .map_err(|error| unreadable(error.into()))?;
        let answer = SyncResponse::from_json(document.root()).map_err(unreadable)?;
        match signature::verify_document([&self.key], &document) {
            Ok(_) | Err(VerifyError::MissingSignature) => Ok(answer),
            Err(error) => Err(error.into()),
        }
    }

    fn read_status(
        &self,
        response: &Response<Bytes>,
        payment_id: &PaymentId,
    ) -> Result<StatusResponse, GateError> {
        let document = match Document::parse(response.body(), Limits::default()) {
            Ok(document) => document,
            Err(_) if response.status() != StatusCode::OK => {
                let status = response.status().as_u16();
                return Err(GateError::Unknown(UnknownReason::HttpStatus(status)));
            }
            Err(error) => return Err(GateError::Unknown(ModelError::from(error).into())),
        };
        match signature::verify_document([&self.key], &document) {
            // An error answer is not signed. It speaks about the question only.
            Err(VerifyError::MissingSignature) if is_error(&document) => {
                return Err(match self.read_registration(response, payment_id) {
                    Err(error) => error,
                    Ok(_) => GateError::Unknown(VerifyError::MissingSignature.into()),
                });
            }
            Err(error) => return Err(GateError::Unknown(error.into())),
            Ok(_) if response.status() != StatusCode::OK => {
                let status = response.status().as_u16();
                return Err(GateError::Unknown(UnknownReason::HttpStatus(status)));
            }
            Ok(_) => {}
        }
        self.about(document.root(), payment_id).map_err(GateError::Unknown)
    }

    /// The answer, if it is about the payment, wherever it names it.
    fn about(
        &self,
        root: Value<'_>,
        payment_id: &PaymentId,
    ) -> Result<StatusResponse, UnknownReason> {
        let answer = StatusResponse::from_json(root)?;
        let general = answer.general.as_ref();
        let projects = [answer.root_project_id, general.and_then(|general| general.project_id)];
        if projects.into_iter().flatten().any(|project| project != self.project) {
            return Err(UnknownReason::Mismatch("project_id"));
        }
        let ids = [
            answer.payment.as_ref().and_then(|payment| payment.id.as_ref()),
            general.and_then(|general| general.payment_id.as_ref()),
        ];
        if ids.into_iter().flatten().any(|id| id != payment_id) {
            return Err(UnknownReason::Mismatch("payment_id"));
        }
        if ids.into_iter().flatten().next().is_none() {
            return Err(ModelError::Missing { path: "payment.id".to_owned() }.into());
        }
        Ok(answer)
    }
}

fn is_error(document: &Document<'_>) -> bool {
    document.root().get("status").and_then(Value::as_str) == Some("error")
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
struct General<'r> {
    payment_id: &'r PaymentId,
    project_id: ProjectId,
}

/// What an error code says about the request. Which codes prove that nothing was registered is
/// not documented as such; these belong to the checks that the documents place before the
/// registration (JSON, required fields, project, method, signature, types and values) or say that
/// the payment cannot be acted upon. No other code is taken for proof.
fn error_says(code: Code) -> Result<Code, UnknownReason> {
    const ALREADY_EXISTS: [u32; 2] = [3041, 3230];
    const REFUSED: [u32; 32] = [
        702, 2003, 2004, 2124, 2154, 2261, 2426, 2442, 2541, 2606, 2609, 2610, 2611, 2641, 3023,
        3024, 3060, 3061, 3121, 3123, 3124, 3162, 3242, 3243, 3244, 3261, 3262, 3283, 3284, 3286,
        3287, 3610,
    ];
    match code.number() {
        Some(number) if ALREADY_EXISTS.contains(&number) => Err(UnknownReason::AlreadyExists(code)),
        Some(number) if REFUSED.contains(&number) => Ok(code),
        _ => Err(UnknownReason::Inconclusive(code)),
    }
}
