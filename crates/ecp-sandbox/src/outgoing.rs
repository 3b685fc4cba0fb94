//! What the sandbox sends to merchants: never to anybody else.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::config::Config;

/// Why a callback or a question is not even tried.
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
            Self::NoAddress => "neither the request nor the project names an address",
            Self::NoUrl => "the address is no absolute URL",
            Self::NotPlainHttp => "the address must begin with http://",
        })
    }
}

pub(crate) type HttpClient = Client<HttpConnector, Full<Bytes>>;

pub(crate) fn client() -> HttpClient {
    // A connection for each attempt: merchants restart often while they develop, and a connection
    // to the process before would fail the first callback.
    Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http()
}

/// Posts JSON. Redirects are not followed.
pub(crate) async fn post(
    client: &HttpClient,
    uri: &Uri,
    body: Bytes,
) -> Result<Response<BoxBody<Bytes, String>>, String> {
    let request = Request::post(uri.clone())
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, concat!("ecp-sandbox/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(body))
        .map_err(|error| error.to_string())?;
    let response = client.request(request).await.map_err(|error| with_causes(&error))?;
    Ok(response.map(|body| body.map_err(|error| with_causes(&error)).boxed()))
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
pub(crate) fn target(config: &Config, url: Option<&str>) -> Result<Uri, CallbackRefusal> {
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
