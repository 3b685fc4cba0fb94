//! Callbacks on their way to the merchant.

mod schedule;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::oneshot;

pub use self::schedule::Schedule;
use crate::config::Config;
use crate::event::{About, EventKind, RawBody};
use crate::platform::Sandbox;

/// Why a callback is not even tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallbackRefusal {
    /// The host is neither the own machine nor allowed by
    /// [`Config::allow_callback_host`].
    HostNotAllowed,
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
            Self::NoAddress => "neither the request nor the project names a callback address",
            Self::NoUrl => "the callback address is no absolute URL",
            Self::NotPlainHttp => "the callback address must begin with http://",
        })
    }
}

/// A callback that is ready to go. Its body is written once: every attempt sends the same bytes.
pub(crate) struct Parcel {
    pub(crate) about: About,
    pub(crate) callback: u32,
    pub(crate) url: Option<String>,
    pub(crate) body: RawBody,
    /// Ends when the payment's previous callback has been tried.
    pub(crate) previous: Option<oneshot::Receiver<()>>,
    /// Dropped when this one has been.
    pub(crate) tried: oneshot::Sender<()>,
}

pub(crate) type HttpClient = Client<HttpConnector, Full<Bytes>>;

pub(crate) fn client() -> HttpClient {
    // A connection for each attempt: merchants restart often while they develop, and a connection
    // to the process before would fail the first callback.
    Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http()
}

/// Delivers a callback, however long it takes.
///
/// A payment's callbacks are tried in the order in which they came about. One that fails does not
/// hold up the next: as on the platform, later ones may then overtake it.
pub(crate) async fn deliver(sandbox: Sandbox, mut parcel: Parcel) {
    if let Some(previous) = parcel.previous.take() {
        // It ends by dropping the other side; there is nothing to receive.
        let _ = previous.await;
    }
    tokio::select! {
        () = sandbox.stopped() => {}
        () = attempt_until_delivered(&sandbox, parcel) => {}
    }
}

async fn attempt_until_delivered(sandbox: &Sandbox, parcel: Parcel) {
    let Parcel { about, callback, url, body, previous: _, tried } = parcel;
    let (url, uri) = match target(sandbox.config(), url.as_deref()) {
        Ok(uri) => (url.unwrap_or_default(), uri),
        Err(reason) => {
            tracing::warn!(%reason, "not sending a callback");
            sandbox.record(about, EventKind::CallbackRefused { callback, url, body, reason });
            return;
        }
    };
    let mut tried = Some(tried);
    let schedule = sandbox.config().schedule;
    for attempt in 1.. {
        let answer = post(sandbox, &uri, body.bytes().clone()).await;
        let retry_in = if answer == Ok(200) { None } else { schedule.pause_after(attempt) };
        tracing::debug!(callback, attempt, ?answer, ?retry_in, "tried to deliver a callback");
        let kind = EventKind::CallbackAttempted {
            callback,
            attempt,
            url: url.clone(),
            body: body.clone(),
            answer,
            retry_in,
        };
        sandbox.record(about.clone(), kind);
        drop(tried.take());
        let Some(pause) = retry_in else { return };
        tokio::time::sleep(pause).await;
    }
}

/// The HTTP status of the answer. Its body is of no interest, and redirects are not followed.
async fn post(sandbox: &Sandbox, uri: &Uri, body: Bytes) -> Result<u16, String> {
    let request = Request::post(uri.clone())
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, concat!("ecp-sandbox/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(body))
        .map_err(|error| error.to_string())?;
    let timeout = sandbox.config().callback_timeout;
    match tokio::time::timeout(timeout, sandbox.client().request(request)).await {
        Ok(Ok(response)) => Ok(response.status().as_u16()),
        Ok(Err(error)) => Err(with_causes(&error)),
        Err(_) => Err(format!("no answer within {}", in_words(timeout))),
    }
}

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

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn in_words(duration: Duration) -> String {
    format!("{duration:?}")
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
