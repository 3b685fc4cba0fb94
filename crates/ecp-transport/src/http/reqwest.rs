//! reqwest as the transport.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use rustls::{ConfigBuilder, WantsVerifier};
use rustls_platform_verifier::BuilderVerifierExt;

use super::{HttpTransport, TransportError, read};

/// Timeouts of a [`ReqwestTransport`]. For comparison: the platform answers a registration within
/// seconds, and its official shop plug-ins wait 3 to 20 seconds for an answer. When `read` or
/// `total` has passed, the outcome of a payment request is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "setters return the changed timeouts"]
pub struct Timeouts {
    /// Maximum time until a connection is open, TLS included. 5 seconds by default. After that, the
    /// call fails, and nothing was sent.
    pub connect: Duration,
    /// Maximum time until the next bytes of the response arrive. 20 seconds by default. After that,
    /// the call fails, and the outcome of a payment request is unknown.
    pub read: Duration,
    /// Maximum time of a whole request, until the end of its response. 30 seconds by default. After
    /// that, the call fails, and the outcome of a payment request is unknown.
    pub total: Duration,
    /// Maximum time that an open connection stays unused. After that it is closed rather than
    /// reused, because the server may be closing it. 15 seconds by default.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(20),
            total: Duration::from_secs(30),
            idle: Duration::from_secs(15),
        }
    }
}

impl Timeouts {
    /// Sets the maximum time until a connection is open, TLS included; 5 seconds by default. After
    /// that, the call fails, and nothing was sent.
    pub fn connect(self, connect: Duration) -> Self {
        Self { connect, ..self }
    }

    /// Sets the maximum time until the next bytes of the response arrive; 20 seconds by default.
    /// After that, the call fails, and the outcome of a payment request is unknown.
    pub fn read(self, read: Duration) -> Self {
        Self { read, ..self }
    }

    /// Sets the maximum time of a whole request, until the end of its response; 30 seconds by
    /// default. After that, the call fails, and the outcome of a payment request is unknown.
    pub fn total(self, total: Duration) -> Self {
        Self { total, ..self }
    }

    /// Sets the maximum time that an open connection stays unused before it is closed; 15 seconds
    /// by default.
    pub fn idle(self, idle: Duration) -> Self {
        Self { idle, ..self }
    }
}

/// An HTTPS client: reqwest, with rustls and ring for TLS. It trusts the certificates that the
/// operating system trusts.
///
/// Redirects are not followed, nothing is sent twice, proxy settings in the environment are
/// ignored, and a response of more than 256 KiB is an error unless
/// [`response_limit`](Self::response_limit) sets another limit. Clones share their connections.
#[derive(Clone, Debug)]
pub struct ReqwestTransport {
    client: reqwest::Client,
    response_limit: usize,
}

/// Error of setting up a [`ReqwestTransport`], for example because there are no trusted
/// certificates: install them (in a Linux image, the package `ca-certificates`), or use
/// [`ReqwestTransport::plain_http`] for a sandbox.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the HTTP client: {0}")]
pub struct ClientError(Box<dyn std::error::Error + Send + Sync>);

impl ReqwestTransport {
    /// Makes an HTTPS client with the default [`Timeouts`]. It fails if the operating system has no
    /// trusted certificates.
    pub fn new() -> Result<Self, ClientError> {
        Self::with_timeouts(Timeouts::default())
    }

    /// Makes an HTTPS client with these timeouts. It fails if the operating system has no trusted
    /// certificates.
    pub fn with_timeouts(timeouts: Timeouts) -> Result<Self, ClientError> {
        let tls = tls()?
            .with_platform_verifier()
            .map_err(|error| ClientError(error.into()))?
            .with_no_client_auth();
        Self::build(timeouts, tls)
    }

    /// Makes an HTTPS client for the Data API, whose answers may take minutes and be large
    /// (sources: Data API): it waits up to 6 minutes for an answer, and allows a size of up to 32
    /// MiB.
    pub fn for_data_api() -> Result<Self, ClientError> {
        let patience = Duration::from_mins(6);
        let timeouts = Timeouts::default().read(patience).total(patience);
        Ok(Self::with_timeouts(timeouts)?.response_limit(32 << 20))
    }

    /// Makes a client that trusts no certificates, so it can only use plain HTTP, for example to a
    /// sandbox. It works also on machines without trusted certificates, where [`new`](Self::new)
    /// fails.
    pub fn plain_http() -> Result<Self, ClientError> {
        let no_roots = rustls::RootCertStore::empty();
        Self::build(
            Timeouts::default(),
            tls()?.with_root_certificates(no_roots).with_no_client_auth(),
        )
    }

    fn build(timeouts: Timeouts, tls: rustls::ClientConfig) -> Result<Self, ClientError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout(timeouts.connect)
            .read_timeout(timeouts.read)
            .timeout(timeouts.total)
            .pool_idle_timeout(timeouts.idle)
            .build()
            .map_err(|error| ClientError(error.into()))?;
        Ok(Self { client, response_limit: 256 * 1024 })
    }

    /// Sets the maximum size of a response in bytes, 256 KiB by default. A larger response is an
    /// error; if it is the answer to a payment request, the outcome of that request is then
    /// unknown.
    pub fn response_limit(self, bytes: usize) -> Self {
        Self { response_limit: bytes, ..self }
    }
}

/// The provider is passed in here: no process-wide default is needed or set.
fn tls() -> Result<ConfigBuilder<rustls::ClientConfig, WantsVerifier>, ClientError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ClientError(error.into()))
}

#[async_trait]
impl HttpTransport for ReqwestTransport {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let request = request
            .try_into()
            .map_err(|error: reqwest::Error| TransportError::not_sent(error.without_url()))?;
        let response = self.client.execute(request).await.map_err(|error| {
            // A failure to connect comes before the first byte of the request. A time-out of the
            // whole call may happen at any moment, so it does not count as one.
            if error.is_builder() || error.is_connect() {
                TransportError::not_sent(error.without_url())
            } else {
                TransportError::maybe_sent(error.without_url())
            }
        })?;
        read(response.into(), self.response_limit).await
    }
}
