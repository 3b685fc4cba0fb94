//! The Gate client.

use std::sync::Arc;

use bytes::Bytes;
use ecp_core::json::{Document, Limits};
use ecp_core::model::{
    Advice, Code, FromJson, ModelError, StatusResponse, SyncResponse, SyncStatus,
};
use ecp_core::signature::{self, Place, Rules, SigningKey, VerifyError};
use ecp_core::{PaymentId, ProjectId, RequestId, SecretKey};
use ecp_methods::request::{PayoutRequest, SaleRequest};
use ecp_methods::{Flow, Payout, Prepared, Sale, Supports, prepare};
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use serde::Serialize;

use crate::error::{GateError, Refusal, UnknownReason};
use crate::http::HttpTransport;

/// Where the platform's Gate is. Test projects use the same address.
pub const PRODUCTION_URL: &str = "https://api.ecommpay.com";

/// A project's Gate. Clones share the transport.
///
/// Calls can be dropped at any time; a request that was under way then has an unknown outcome.
#[derive(Clone, Debug)]
pub struct Gate {
    project: ProjectId,
    key: SigningKey,
    scheme: Scheme,
    authority: Authority,
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
}

/// An address that no Gate can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` is no Gate address: {problem}")]
pub struct InvalidBaseUrl {
    url: String,
    problem: &'static str,
}

impl Gate {
    /// The platform's Gate for a project, at [`PRODUCTION_URL`].
    pub fn new(
        project: ProjectId,
        key: &SecretKey,
        transport: impl HttpTransport + 'static,
    ) -> Self {
        Self {
            project,
            key: SigningKey::new(key),
            scheme: Scheme::HTTPS,
            authority: Authority::from_static("api.ecommpay.com"),
            transport: Arc::new(transport),
        }
    }

    /// Another address, such as a sandbox: `http://127.0.0.1:8080`. Plain HTTP is refused beyond
    /// this machine, because requests hold personal data.
    pub fn base_url(self, url: &str) -> Result<Self, InvalidBaseUrl> {
        let invalid = |problem| InvalidBaseUrl { url: url.to_owned(), problem };
        let parts = url.parse::<Uri>().map_err(|_| invalid("it is no URL"))?.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(invalid("it has no scheme or no host"));
        };
        if parts.path_and_query.is_some_and(|path| path != "/") {
            return Err(invalid("a path does not belong to it"));
        }
        if scheme == Scheme::HTTP {
            if !is_loopback(&authority) {
                return Err(invalid("plain HTTP is for this machine only"));
            }
        } else if scheme != Scheme::HTTPS {
            return Err(invalid("the scheme must be https"));
        }
        Ok(Self { scheme, authority, ..self })
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

    /// Sends a request that was prepared before, once.
    pub async fn send<F: Flow>(&self, prepared: &Prepared<F>) -> Result<Accepted, GateError> {
        let body = prepared.body(self.project);
        let response = self.post(&prepared.endpoint(), &body).await?;
        self.read_registration(&response, prepared.payment_id())
    }

    /// Asks where a payment stands. The answer must be signed.
    ///
    /// A payment that the platform does not know is no error:
    /// see [`StatusResponse::is_unknown_payment`].
    #[expect(clippy::missing_panics_doc, reason = "the request always serialises")]
    pub async fn status(&self, payment_id: &PaymentId) -> Result<StatusResponse, GateError> {
        let general = General { payment_id, project_id: self.project };
        let body = serde_json::to_vec(&StatusRequest { general })
            .expect("a struct of text and a number always serialises");
        let response = self.post("/v2/payment/status", &body).await?;
        self.read_status(&response, payment_id).map_err(GateError::Unknown)
    }

    async fn post(&self, path: &str, body: &[u8]) -> Result<Response<Bytes>, GateError> {
        let signed = signature::sign_document(&self.key, body, Place::General, Rules::private())?;
        let uri = format!("{}://{}{path}", self.scheme, self.authority);
        let mut request = Request::new(Bytes::from(signed));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.parse().map_err(|error: http::uri::InvalidUri| {
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
        let missing = |path: &str| {
            unknown(UnknownReason::Unreadable(ModelError::Missing { path: path.to_owned() }))
        };
        match answer.status {
            SyncStatus::Success if http_status == StatusCode::OK => match answer.request_id {
                Some(request_id) => Ok(Accepted { payment_id: payment_id.clone(), request_id }),
                None => missing("request_id"),
            },
            SyncStatus::Error => match answer.code {
                Some(code) if !proves_refusal(&code) => unknown(UnknownReason::Inconclusive(code)),
                Some(code) => Err(GateError::Refused(Refusal {
                    message: answer.message.unwrap_or_default(),
                    errors: answer.errors,
                    http_status: http_status.as_u16(),
                    code,
                })),
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
        match signature::verify_document(std::slice::from_ref(&self.key), &document) {
            Ok(_) | Err(VerifyError::MissingSignature) => Ok(answer),
            Err(error) => Err(error.into()),
        }
    }

    fn read_status(
        &self,
        response: &Response<Bytes>,
        payment_id: &PaymentId,
    ) -> Result<StatusResponse, UnknownReason> {
        if response.status() != StatusCode::OK {
            return Err(UnknownReason::HttpStatus(response.status().as_u16()));
        }
        let document =
            Document::parse(response.body(), Limits::default()).map_err(ModelError::from)?;
        signature::verify_document(std::slice::from_ref(&self.key), &document)?;
        let answer = StatusResponse::from_json(document.root())?;
        if answer.project_id().is_some_and(|project| project != self.project) {
            return Err(UnknownReason::Mismatch("project_id"));
        }
        if answer.payment_id().is_some_and(|id| id != payment_id) {
            return Err(UnknownReason::Mismatch("payment_id"));
        }
        Ok(answer)
    }
}

#[derive(Serialize)]
struct StatusRequest<'r> {
    general: General<'r>,
}

#[derive(Serialize)]
struct General<'r> {
    payment_id: &'r PaymentId,
    project_id: ProjectId,
}

/// Which error codes prove that nothing was registered is not documented. Those that speak of
/// something still going on, of an internal error or of the network are not taken for proof.
fn proves_refusal(code: &Code) -> bool {
    const INTERNAL_ERROR: u32 = 501;
    const NETWORK_ERROR: u32 = 602;
    !code.is_success()
        && !matches!(code.number(), Some(INTERNAL_ERROR | NETWORK_ERROR))
        && code.info().is_none_or(|info| info.advice != Advice::Wait)
}

fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
