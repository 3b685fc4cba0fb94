//! Faults between a client and the platform.

pub(crate) mod server;

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ecp_transport::{HttpTransport, TransportError};
use http::header::RETRY_AFTER;
use http::{HeaderValue, Request, Response, StatusCode};

/// A network fault that a [`FaultTransport`] or a [`FaultServer`](crate::FaultServer) injects into
/// a request between a client and the platform, such as a reset connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// No fault: the request is sent and answered.
    None,
    /// There is no connection, and the platform does not receive the request. A
    /// [`FaultServer`](crate::FaultServer) cannot refuse connections, so there it is the same as
    /// [`Fault::ResetBefore`].
    Refused,
    /// The connection is reset before the platform has read the request.
    ResetBefore,
    /// The connection is reset after the platform has processed the request.
    ResetAfter,
    /// The platform processes the request, and half of its answer arrives. In a [`FaultTransport`],
    /// which has no connection, it is the same as [`Fault::ResetAfter`].
    Truncated,
    /// The request reaches the platform only after this time. If the client gives up before, it
    /// arrives all the same through a [`FaultServer`](crate::FaultServer), and never through a
    /// [`FaultTransport`].
    Slow(Duration),
    /// The platform processes the request, and its answer arrives only after this time.
    SlowAnswer(Duration),
    /// The platform processes the request, but a proxy replaces the answer by an answer with this
    /// HTTP status.
    StatusAfter(u16),
    /// A proxy answers with this HTTP status and, if the second value is given, a header
    /// `retry-after` with this number of seconds. The platform does not receive the request.
    StatusInstead(u16, Option<u32>),
    /// The platform processes the request, but a proxy replaces the body of the answer by this
    /// text, with HTTP status 200.
    WrongBody(&'static str),
    /// The request succeeds, and then the server closes the connection without notice, so that the
    /// next request on this connection may fail. It has no effect in a [`FaultTransport`], which
    /// has no connection.
    Stale,
}

impl Fault {
    /// Whether the platform receives a request with this fault. For [`Fault::Slow`] in a
    /// [`FaultTransport`], only if the client waits long enough.
    pub const fn reaches(&self) -> bool {
        !matches!(self, Self::Refused | Self::ResetBefore | Self::StatusInstead(..))
    }
}

/// A request that a [`FaultTransport`] or a [`FaultServer`](crate::FaultServer) has recorded, with
/// the fault that was injected into it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// Index of the request among all that were received, counted from 0.
    pub number: usize,
    /// The path of the request, such as `/v2/payment/status`.
    pub path: String,
    /// The fault that was injected into the request.
    pub fault: Fault,
}

/// Chooses the fault of a request by its index and its path.
type Plan = Box<dyn Fn(usize, &str) -> Fault + Send + Sync>;

/// Chooses faults and records requests.
struct Script {
    plan: Plan,
    /// Number of requests so far, and the recorded requests. The list stays empty if `remembers` is
    /// false.
    seen: Mutex<(usize, Vec<Exchange>)>,
    remembers: bool,
}

impl Script {
    fn new(plan: impl Fn(usize, &str) -> Fault + Send + Sync + 'static) -> Self {
        Self { plan: Box::new(plan), seen: Mutex::default(), remembers: true }
    }

    fn next(&self, path: &str) -> Fault {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let number = seen.0;
        let fault = (self.plan)(number, path);
        seen.0 += 1;
        if self.remembers {
            seen.1.push(Exchange { number, path: path.to_owned(), fault: fault.clone() });
        }
        fault
    }

    fn exchanges(&self) -> Vec<Exchange> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }
}

/// A transport that passes requests to another transport and injects network faults. A function,
/// the plan, chooses the fault of each request.
///
/// ```
/// use ecp_core::{PaymentId, SecretKey};
/// use ecp_sandbox::{Config, Sandbox};
/// use ecp_testkit::{Fault, FaultTransport};
/// use ecp_transport::{Gate, TowerTransport};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let platform = TowerTransport::new(Sandbox::new(Config::demo()).router());
/// let faults = FaultTransport::new(platform, |number, _| match number {
///     0 => Fault::ResetAfter,
///     _ => Fault::None,
/// });
/// let key = SecretKey::new(Config::DEMO_KEY)?;
/// let gate = Gate::new(Config::DEMO_PROJECT, &key, faults);
/// let payment = PaymentId::new("P-17")?;
/// assert!(gate.status(&payment).await.is_err());
/// assert!(gate.status(&payment).await?.is_unknown_payment());
/// # Ok(())
/// # }
/// ```
pub struct FaultTransport<T> {
    inner: T,
    script: Script,
}

impl<T> FaultTransport<T> {
    /// Creates a transport that passes requests to the transport `inner`. It calls `plan` with the
    /// index (from 0) and the path of each request, and injects the fault that `plan` returns.
    pub fn new(inner: T, plan: impl Fn(usize, &str) -> Fault + Send + Sync + 'static) -> Self {
        Self { inner, script: Script::new(plan) }
    }

    /// The requests that this transport has received, each with its fault, in the order of arrival.
    /// A test compares them with what it expects.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.script.exchanges()
    }
}

impl<T> fmt::Debug for FaultTransport<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultTransport")
    }
}

#[async_trait]
impl<T: HttpTransport> HttpTransport for FaultTransport<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let fault = self.script.next(request.uri().path());
        match &fault {
            Fault::Refused => return Err(TransportError::not_sent("connection refused")),
            Fault::ResetBefore => return Err(TransportError::maybe_sent("connection reset")),
            Fault::StatusInstead(status, pause) => return Ok(bare(*status, *pause)),
            Fault::Slow(time) => tokio::time::sleep(*time).await,
            _ => {}
        }
        let answer = self.inner.send(request).await?;
        match fault {
            Fault::ResetAfter | Fault::Truncated => {
                Err(TransportError::maybe_sent("connection reset"))
            }
            Fault::SlowAnswer(time) => {
                tokio::time::sleep(time).await;
                Ok(answer)
            }
            Fault::StatusAfter(status) => Ok(bare(status, None)),
            Fault::WrongBody(body) => Ok(Response::new(Bytes::from_static(body.as_bytes()))),
            _ => Ok(answer),
        }
    }
}

/// A proxy's answer.
fn bare(status: u16, pause: Option<u32>) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from_static(b"<html>not the platform</html>"));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    if let Some(seconds) = pause {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}
