//! What the sandbox sends to merchants: never to anybody else.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::config::Config;

/// Why a callback or a question is not even tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallbackRefusal {
    /// The host is neither the own machine nor allowed by
    /// [`Config::allow_callback_host`].
    HostNotAllowed,
    /// A fault lost it.
    Lost,
    /// Neither the request nor the project names an address.
    NoAddress,
    /// The address is no absolute URL.
    NoUrl,
    /// The address is not plain `http`: the sandbox has no TLS.
    NotPlainHttp,
}

impl fmt::Display for CallbackRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HostNotAllowed => "this host is not allowed: only the own machine is by default",
            Self::Lost => "a fault lost it",
            Self::NoAddress => "neither the request nor the project names an address",
            Self::NoUrl => "the address is no absolute URL",
            Self::NotPlainHttp => "the address must begin with http://",
        })
    }
}

/// Whoever receives what a sandbox sends, without a socket.
#[derive(Clone)]
pub(crate) struct Merchant(Arc<Answer>);

type Answer = dyn Fn(Request<Bytes>) -> Answering + Send + Sync;
type Answering = Pin<Box<dyn Future<Output = Response<Bytes>> + Send>>;

impl Merchant {
    pub(crate) fn new<R>(answer: impl Fn(Request<Bytes>) -> R + Send + Sync + 'static) -> Self
    where
        R: Future<Output = Response<Bytes>> + Send + 'static,
    {
        Self(Arc::new(move |request| Box::pin(answer(request))))
    }
}

impl fmt::Debug for Merchant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Merchant(..)")
    }
}

/// The way to merchants.
pub(crate) enum Outgoing {
    InProcess(Merchant),
    Sockets(Client<HttpConnector, Full<Bytes>>),
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// As far as it was read.
    pub(crate) body: Bytes,
    /// Why the rest of the body is missing.
    pub(crate) cut: Option<String>,
}

impl Outgoing {
    pub(crate) fn of(config: &Config) -> Self {
        if let Some(merchant) = &config.merchant {
            return Self::InProcess(merchant.clone());
        }
        // Connections are used again, or thousands of callbacks would use up the machine's ports.
        // A short life, because merchants restart often while they develop.
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_millis(500))
            .pool_max_idle_per_host(32)
            .build_http();
        Self::Sockets(client)
    }

    /// Posts JSON and reads no more of the answer than the limit. Redirects are not followed.
    pub(crate) async fn post(&self, uri: &Uri, body: Bytes, limit: usize) -> Result<Reply, String> {
        let request = Request::post(uri.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("ecp-sandbox/", env!("CARGO_PKG_VERSION")));
        match self {
            Self::InProcess(Merchant(answer)) => {
                let request = request.body(body).map_err(|error| error.to_string())?;
                let (parts, body) = answer(request).await.into_parts();
                let cut = (body.len() > limit).then(|| TOO_LONG.to_owned());
                let body = body.slice(..body.len().min(limit));
                Ok(Reply { status: parts.status, body, cut })
            }
            Self::Sockets(client) => {
                let request = request.body(Full::new(body)).map_err(|error| error.to_string())?;
                let answer = client.request(request).await;
                let (parts, body) = answer.map_err(|error| with_causes(&error))?.into_parts();
                let (body, cut) = read(body, limit).await;
                Ok(Reply { status: parts.status, body, cut })
            }
        }
    }

    /// The address, if it may be contacted. In the own process nobody else can be met.
    pub(crate) fn target(
        &self,
        config: &Config,
        url: Option<&str>,
    ) -> Result<Uri, CallbackRefusal> {
        match (self, target(config, url)) {
            (
                Self::InProcess(_),
                Err(CallbackRefusal::HostNotAllowed | CallbackRefusal::NotPlainHttp),
            ) => url.unwrap_or_default().parse().map_err(|_| CallbackRefusal::NoUrl),
            (_, target) => target,
        }
    }
}

const TOO_LONG: &str = "the answer is too long";

/// The beginning of a body, and what ended it early.
async fn read(mut body: Incoming, limit: usize) -> (Bytes, Option<String>) {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) if whole.len() + data.len() > limit => {
                whole.extend_from_slice(&data[..limit - whole.len()]);
                return (whole.freeze(), Some(TOO_LONG.to_owned()));
            }
            Ok(Ok(data)) => whole.extend_from_slice(&data),
            Ok(Err(_trailers)) => {}
            Err(error) => return (whole.freeze(), Some(with_causes(&error))),
        }
    }
    (whole.freeze(), None)
}

/// Gives up after a while, in words.
pub(crate) async fn within<T>(
    timeout: Duration,
    work: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    match tokio::time::timeout(timeout, work).await {
        Ok(result) => result,
        Err(_) => Err(format!("no answer within {timeout:?}")),
    }
}

/// The address, if it may be contacted.
fn target(config: &Config, url: Option<&str>) -> Result<Uri, CallbackRefusal> {
    let url = url.ok_or(CallbackRefusal::NoAddress)?;
    let uri: Uri = url.parse().map_err(|_| CallbackRefusal::NoUrl)?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or(CallbackRefusal::NoUrl)?;
    match uri.scheme_str() {
        Some("http") => {}
        Some(_) => return Err(CallbackRefusal::NotPlainHttp),
        None => return Err(CallbackRefusal::NoUrl),
    }
    let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let is_own_machine = match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host == "localhost",
    };
    if is_own_machine || config.callback_hosts.contains(&host) {
        Ok(uri)
    } else {
        Err(CallbackRefusal::HostNotAllowed)
    }
}

pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callbacks_go_to_the_own_machine_and_to_allowed_hosts_only() {
        use CallbackRefusal::{HostNotAllowed, NoAddress, NoUrl, NotPlainHttp};
        let table = [
            (Some("http://127.0.0.1:3000/callback"), None),
            (Some("http://127.1.2.3/"), None),
            (Some("http://localhost/"), None),
            (Some("http://LOCALHOST:1/"), None),
            (Some("http://[::1]:3000/"), None),
            (Some("http://[::ffff:127.0.0.1]/"), None),
            (Some("http://shop.test:8000/x"), None),
            (Some("http://192.0.2.1/"), Some(HostNotAllowed)),
            (Some("http://shop.example/"), Some(HostNotAllowed)),
            (Some("http://127.0.0.1.shop.example/"), Some(HostNotAllowed)),
            (Some("http://127.0.0.1@shop.example/"), Some(HostNotAllowed)),
            (Some("http://0.0.0.0/"), Some(HostNotAllowed)),
            (Some("http://169.254.169.254/"), Some(HostNotAllowed)),
            (Some("https://127.0.0.1/"), Some(NotPlainHttp)),
            (Some("ftp://127.0.0.1/"), Some(NotPlainHttp)),
            (Some("/callback"), Some(NoUrl)),
            (Some("not a url"), Some(NoUrl)),
            (None, Some(NoAddress)),
        ];
        let config = Config::new().allow_callback_host("Shop.test");
        for (url, refusal) in table {
            assert_eq!(target(&config, url).err(), refusal, "{url:?}");
        }
    }
}
