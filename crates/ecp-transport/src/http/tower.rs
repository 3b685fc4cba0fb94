//! Tower services as the transport.

use std::error::Error;
use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Service, ServiceExt};

use super::{HttpTransport, TransportError, read};

/// An [`HttpTransport`](crate::HttpTransport) that passes requests to a tower service in the same
/// process, such as an axum router. It is for tests: it has no timeouts. A response of more than
/// 256 KiB is an error.
#[derive(Clone)]
pub struct TowerTransport<S> {
    service: S,
    response_limit: usize,
}

impl<S> TowerTransport<S> {
    /// Makes a transport that passes requests to this service. The service is cloned for each
    /// request.
    pub const fn new(service: S) -> Self {
        Self { service, response_limit: 256 * 1024 }
    }
}

impl<S> fmt::Debug for TowerTransport<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TowerTransport")
    }
}

#[async_trait]
impl<S, B> HttpTransport for TowerTransport<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: http_body::Body<Data: Send> + Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let service = self.service.clone();
        let response =
            service.oneshot(request.map(Full::new)).await.map_err(TransportError::maybe_sent)?;
        read(response, self.response_limit).await
    }
}
