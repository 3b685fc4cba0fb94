//! Failures between a client and its platform.

pub(crate) mod server;

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ecp_transport::{HttpTransport, TransportError};
use http::header::RETRY_AFTER;
use http::{HeaderValue, Request, Response, StatusCode};

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing.
    None,
    /// There is no connection. The platform sees nothing. A [`FaultServer`](crate::FaultServer)
    /// cannot do that; it takes this as [`Fault::ResetBefore`].
    Refused,
    /// The connection is reset before the platform has read the request.
    ResetBefore,
    /// The connection is reset after the platform has done what the request asks for.
    ResetAfter,
    /// The platform does what the request asks for, and half of its answer arrives.
    Truncated,
    /// The request takes that long to reach the platform.
    Slow(Duration),
    /// The platform does what the request asks for, and the answer takes that long.
    SlowAnswer(Duration),
    /// The platform does what the request asks for, and something before it answers that HTTP
    /// status instead.
    StatusAfter(u16),
    /// Something before the platform answers that HTTP status, and may say in how many seconds to
    /// come back. The platform sees nothing.
    StatusInstead(u16, Option<u32>),
    /// The platform does what the request asks for, and something replaces its answer by this
    /// one, with HTTP status 200.
    WrongBody(&'static str),
    /// All goes well, and then the connection is closed without a word. In the same process there
    /// is no connection, so nothing happens.
    Stale,
}

impl Fault {
    /// Whether the platform sees the request.
    pub const fn reaches(&self) -> bool {
        !matches!(self, Self::Refused | Self::ResetBefore | Self::StatusInstead(..))
    }
}

/// A request that came by.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// Its place, from 0.
    pub number: usize,
    /// Where it went: `/v2/payment/status`.
    pub path: String,
    /// What went wrong.
    pub fault: Fault,
}

/// Decides what goes wrong with a request, by its place and its path.
type Plan = Box<dyn Fn(usize, &str) -> Fault + Send + Sync>;

/// Decides and remembers.
struct Script {
    plan: Plan,
    /// How many there were, and those that are remembered.
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

/// Lets requests through to another transport, or not, by a plan.
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
    /// Asks the plan about every request: its place from 0, and its path.
    pub fn new(inner: T, plan: impl Fn(usize, &str) -> Fault + Send + Sync + 'static) -> Self {
        Self { inner, script: Script::new(plan) }
    }

    /// The requests that came by so far.
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

/// What a proxy answers.
fn bare(status: u16, pause: Option<u32>) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from_static(b"<html>not the platform</html>"));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    if let Some(seconds) = pause {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}
