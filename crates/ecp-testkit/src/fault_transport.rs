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

/// Fault of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// No fault: the request is sent and answered.
    None,
    /// There is no connection. The platform sees nothing. A [`FaultServer`](crate::FaultServer)
    /// cannot do that; it treats this as [`Fault::ResetBefore`].
    Refused,
    /// The connection is reset before the platform has read the request.
    ResetBefore,
    /// The connection is reset after the platform has processed the request.
    ResetAfter,
    /// The platform processes the request, and half of its answer arrives.
    Truncated,
    /// The request takes this long to reach the platform.
    Slow(Duration),
    /// The platform processes the request, and the answer takes this long.
    SlowAnswer(Duration),
    /// The platform processes the request, and a proxy answers with this HTTP status instead.
    StatusAfter(u16),
    /// A proxy answers with this HTTP status, and possibly a number of seconds to wait. The
    /// platform sees nothing.
    StatusInstead(u16, Option<u32>),
    /// The platform processes the request, and a proxy replaces its answer by this body, with HTTP
    /// status 200.
    WrongBody(&'static str),
    /// The request succeeds, and then the connection is closed silently. In the same process there
    /// is no connection, so nothing happens.
    Stale,
}

impl Fault {
    /// Whether the platform sees the request.
    pub const fn reaches(&self) -> bool {
        !matches!(self, Self::Refused | Self::ResetBefore | Self::StatusInstead(..))
    }
}

/// A recorded request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// Index of the request, from 0.
    pub number: usize,
    /// Path of the request, such as `/v2/payment/status`.
    pub path: String,
    /// Fault that was injected into the request.
    pub fault: Fault,
}

/// Chooses the fault of a request by its index and its path.
type Plan = Box<dyn Fn(usize, &str) -> Fault + Send + Sync>;

/// Chooses faults and records requests.
struct Script {
    plan: Plan,
    /// Number of requests, and the recorded ones.
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

/// Passes requests to an inner transport, with faults by a plan.
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
    /// Calls the plan for every request, with its index from 0 and its path.
    pub fn new(inner: T, plan: impl Fn(usize, &str) -> Fault + Send + Sync + 'static) -> Self {
        Self { inner, script: Script::new(plan) }
    }

    /// The requests so far.
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
