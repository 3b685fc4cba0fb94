//! Interface to HTTP clients.

#[cfg(feature = "reqwest")]
pub(crate) mod reqwest;
#[cfg(feature = "tower")]
pub(crate) mod tower;

use std::error::Error;
use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

/// The HTTP client that this crate sends its requests with. Each call sends one request and reads
/// one response.
///
/// An implementation must not follow redirects, must not send anything twice, and must limit the
/// time and the size of the response. Above all, it must return the right error:
/// [`TransportError::not_sent`] only if no byte of the request can have left this machine,
/// otherwise [`TransportError::maybe_sent`]. The cause of the error for a response that is too
/// large is a [`ResponseTooLarge`].
#[async_trait]
pub trait HttpTransport: fmt::Debug + Send + Sync {
    /// Sends the request. Every response is `Ok`, also one with an error status.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError>;
}

#[async_trait]
impl<T: HttpTransport + ?Sized> HttpTransport for std::sync::Arc<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        (**self).send(request).await
    }
}

/// Error of an HTTP request that got no response, or one that was too large.
/// [`TransportError::may_have_arrived`] says whether the server may have the request.
#[derive(Debug)]
pub struct TransportError {
    sent: bool,
    source: Box<dyn Error + Send + Sync>,
}

impl TransportError {
    /// Makes an error that happened before any byte of the request reached the server: the address
    /// of the host was not found, or no connection or no TLS session could be opened. The request
    /// may then be sent again.
    pub fn not_sent(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { sent: false, source: source.into() }
    }

    /// Makes an error after which the server may have the request: any failure of an open
    /// connection. The outcome of a payment request is then unknown.
    pub fn maybe_sent(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { sent: true, source: source.into() }
    }

    /// The error that the HTTP client reported, such as a refused connection, or a
    /// [`ResponseTooLarge`].
    pub fn cause(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.source
    }

    /// Whether the response was larger than the transport reads: its cause is a
    /// [`ResponseTooLarge`].
    pub(crate) fn is_too_large(&self) -> bool {
        self.cause().is::<ResponseTooLarge>()
    }

    /// Whether the server may have the request although there is no response. With `false`, nothing
    /// was sent, and the request can be sent again.
    pub const fn may_have_arrived(&self) -> bool {
        self.sent
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.sent { "no response" } else { "not sent" };
        write!(f, "{what}: {}", self.source)?;
        // Only the innermost cause distinguishes a refused port from a wrong name.
        let mut cause: &dyn Error = &*self.source;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        if std::ptr::addr_eq(cause, &raw const *self.source) {
            Ok(())
        } else {
            write!(f, " ({cause})")
        }
    }
}

/// The cause is part of the text and not also a source: an error chain would print it twice.
impl Error for TransportError {}

/// Error for a response that is larger than the transport allows, which is 256 KiB by default, and
/// 32 MiB with `ReqwestTransport::for_data_api`. If it is the cause of the [`TransportError`] of a
/// Data API query, [`Operations`](crate::Operations) requests a smaller page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the response is larger than the {limit} bytes that `response_limit` allows")]
pub struct ResponseTooLarge {
    /// The maximum size of a response, in bytes.
    pub limit: usize,
}

/// Reads a body to its end, within a limit.
#[cfg(any(feature = "reqwest", feature = "tower"))]
async fn read<B>(response: Response<B>, limit: usize) -> Result<Response<Bytes>, TransportError>
where
    B: http_body::Body<Data: Send> + Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    use http_body_util::{BodyExt, LengthLimitError, Limited};

    let (parts, body) = response.into_parts();
    let collected = Limited::new(body, limit).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            TransportError::maybe_sent(ResponseTooLarge { limit })
        } else {
            TransportError::maybe_sent(error)
        }
    })?;
    Ok(Response::from_parts(parts, collected.to_bytes()))
}
