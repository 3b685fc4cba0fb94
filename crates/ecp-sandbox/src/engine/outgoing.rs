//! The sandbox's requests to merchants, restricted to allowed hosts.

use std::collections::BTreeSet;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::engine::events::CallbackRefusal;
use crate::engine::merchant::Merchant;

/// User agent of all callbacks and confirmation requests of a sandbox. A sandbox refuses requests
/// with it, because they are meant for merchants.
pub(crate) const USER_AGENT: &str = concat!("ecp-sandbox/", env!("CARGO_PKG_VERSION"));

/// Body of the answer, with HTTP status 508, to a request that a sandbox sent to a sandbox.
pub(crate) const CAME_BACK: &str = "a callback of a sandbox arrived at a sandbox: set `callback_url` to the address of your receiver";

/// Transport of messages to merchants: a function in this process, or the network.
pub(crate) enum Outgoing {
    InProcess(Merchant),
    Sockets(Client<HttpConnector, Full<Bytes>>),
}

/// The hosts to which the sandbox may send, and the addresses of the sandbox itself.
pub(crate) struct Hosts<'h> {
    /// Allowed hosts in addition to this machine.
    pub(crate) allowed: &'h BTreeSet<String>,
    /// The base URL under which browsers reach the sandbox; `None` if it was not set.
    pub(crate) public_url: Option<&'h str>,
    /// The addresses of the sockets on which the sandbox listens.
    pub(crate) listening: &'h [SocketAddr],
}

/// A merchant's answer to a callback, a confirmation request or a page of operations.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// The body of the answer, up to the limit or to an error.
    pub(crate) body: Bytes,
    /// Reason why the rest of the body is missing; `None` if the body is complete.
    pub(crate) cut: Option<String>,
}

impl Outgoing {
    /// Returns the transport to the merchant's function in this process if there is one, otherwise
    /// to the network.
    pub(crate) fn to(merchant: Option<&Merchant>) -> Self {
        if let Some(merchant) = merchant {
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

    /// Posts a JSON body and reads the answer up to `limit` bytes. Redirects are not followed.
    pub(crate) async fn post(&self, uri: &Uri, body: Bytes, limit: usize) -> Result<Reply, String> {
        let request = Request::post(uri.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, USER_AGENT);
        match self {
            Self::InProcess(merchant) => {
                let request = request.body(body).map_err(|error| error.to_string())?;
                let (parts, body) = merchant.answer(request).await.into_parts();
                let cut = (body.len() > limit).then(|| too_long(limit));
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

    /// Returns the merchant's address, or the reason why nothing may be sent to it. A function in
    /// this process may receive messages for any host.
    pub(crate) fn target(
        &self,
        hosts: &Hosts<'_>,
        url: Option<&str>,
    ) -> Result<Uri, CallbackRefusal> {
        match (self, target(hosts, url)) {
            (
                Self::InProcess(_),
                Err(
                    CallbackRefusal::HostNotAllowed
                    | CallbackRefusal::NotPlainHttp
                    | CallbackRefusal::OwnAddress,
                ),
            ) => url.unwrap_or_default().parse().map_err(|_| CallbackRefusal::NoUrl),
            (_, target) => target,
        }
    }
}

fn too_long(limit: usize) -> String {
    format!("the merchant's answer is longer than {limit} bytes")
}

/// The beginning of a body, and what ended it early.
async fn read(mut body: Incoming, limit: usize) -> (Bytes, Option<String>) {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) if whole.len() + data.len() > limit => {
                whole.extend_from_slice(&data[..limit - whole.len()]);
                return (whole.freeze(), Some(too_long(limit)));
            }
            Ok(Ok(data)) => whole.extend_from_slice(&data),
            Ok(Err(_trailers)) => {}
            Err(error) => return (whole.freeze(), Some(with_causes(&error))),
        }
    }
    (whole.freeze(), None)
}

/// Runs `work` with a time limit. Returns an error in words when the time is over.
pub(crate) async fn within<T>(
    timeout: Duration,
    work: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    match tokio::time::timeout(timeout, work).await {
        Ok(result) => result,
        Err(_) => Err(format!("the merchant did not answer within {timeout:?}")),
    }
}

/// The address, if it may be contacted.
fn target(hosts: &Hosts<'_>, url: Option<&str>) -> Result<Uri, CallbackRefusal> {
    let url = url.ok_or(CallbackRefusal::NoAddress)?;
    let uri: Uri = url.parse().map_err(|_| CallbackRefusal::NoUrl)?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or(CallbackRefusal::NoUrl)?;
    match uri.scheme_str() {
        Some("http") => {}
        Some(_) => return Err(CallbackRefusal::NotPlainHttp),
        None => return Err(CallbackRefusal::NoUrl),
    }
    let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    if is_own(hosts, (&host, uri.port_u16().unwrap_or(80)), uri.path()) {
        return Err(CallbackRefusal::OwnAddress);
    }
    let is_own_machine = match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host == "localhost",
    };
    if is_own_machine || hosts.allowed.contains(&host) {
        Ok(uri)
    } else {
        Err(CallbackRefusal::HostNotAllowed)
    }
}

/// Whether a request to this host, port and path ends at the sandbox, as far as can be said without
/// asking for the name. What cannot is refused where it arrives, by its [`USER_AGENT`].
fn is_own(hosts: &Hosts<'_>, (host, port): (&str, u16), path: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let public: Option<Uri> = hosts.public_url.and_then(|url| url.parse().ok());
    let is_public = public.is_some_and(|public| {
        let default = if public.scheme_str() == Some("https") { 443 } else { 80 };
        let name = public.host().map(|name| name.trim_start_matches('[').trim_end_matches(']'));
        name.is_some_and(|name| {
            let name = name.strip_suffix('.').unwrap_or(name);
            match (ip_address(name), ip_address(host)) {
                (Some(own), Some(given)) => own == given,
                _ => {
                    name.eq_ignore_ascii_case(host)
                        || (is_localhost(name) && is_loopback(host))
                        || (is_loopback(name) && is_localhost(host))
                }
            }
        }) && public.port_u16().unwrap_or(default) == port
            && is_below(path, public.path())
    });
    let is_listening = hosts.listening.iter().any(|own| {
        let ip = own.ip().to_canonical();
        own.port() == port
            && match ip_address(host) {
                Some(given) => {
                    given == ip
                        || (ip.is_unspecified() && given.is_loopback())
                        || (given.is_unspecified() && (ip.is_loopback() || ip.is_unspecified()))
                }
                None => is_localhost(host) && (ip.is_loopback() || ip.is_unspecified()),
            }
    });
    is_public || is_listening
}

/// Whether a proxy that routes by path prefix would route a path to this prefix, also if the proxy
/// may normalize the path.
fn is_below(path: &str, prefix: &str) -> bool {
    let is_plain = !["%", "//", "/."].iter().any(|odd| path.contains(odd));
    let rest = path.strip_prefix(prefix.trim_end_matches('/'));
    !is_plain || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_loopback(host: &str) -> bool {
    ip_address(host).map_or_else(|| is_localhost(host), |ip| ip.is_loopback())
}

fn is_localhost(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

/// An IP address in every form that resolvers take: `127.0.0.1`, `127.1`, `0x7f000001`,
/// `2130706433`, `017700000001`, `::ffff:127.0.0.1`.
fn ip_address(host: &str) -> Option<IpAddr> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let number = |text: &str| match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None if text.len() > 1 && text.starts_with('0') => u32::from_str_radix(text, 8).ok(),
        None => text.parse().ok(),
    };
    let parts: Option<Vec<u32>> = host.split('.').map(number).collect();
    let parts = parts.filter(|parts| parts.len() <= 4)?;
    let (&last, first) = parts.split_last()?;
    let room = 8 * (4 - u32::try_from(first.len()).ok()?);
    if first.iter().any(|&part| part > 255) || u64::from(last) >= 1 << room {
        return None;
    }
    let high = first.iter().fold(0_u64, |all, &part| all << 8 | u64::from(part)) << room;
    Some(Ipv4Addr::from(u32::try_from(high | u64::from(last)).ok()?).into())
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
    use crate::config::Config;

    fn target(
        config: &Config,
        listening: &[SocketAddr],
        url: Option<&str>,
    ) -> Result<Uri, CallbackRefusal> {
        let (allowed, public_url) = (&config.callback_hosts, config.public_url.as_deref());
        super::target(&Hosts { allowed, public_url, listening }, url)
    }

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
            assert_eq!(target(&config, &[], url).err(), refusal, "{url:?}");
        }
    }

    #[test]
    fn the_own_address_is_no_target_in_any_spelling() {
        let everything = |config: Config| {
            ["127.1", "2130706433", "0x7f000001", "0x7F.1", "0177.0.0.1", "017700000001"]
                .into_iter()
                .chain(["0.0.0.0", "0", "localhost.", "shop.localhost", "127.0.0.1.", "192.0.2.7"])
                .chain(["sandbox.test", "sandbox.test."])
                .fold(config, Config::allow_callback_host)
        };
        let config = everything(Config::new()).public_url("http://sandbox.test:8443/");
        let socket = |text: &str| text.parse::<SocketAddr>().unwrap();
        let here = [socket("127.0.0.1:8080")];
        let everywhere = [socket("[::]:8080"), socket("0.0.0.0:8080")];
        let table = [
            ("http://127.0.0.1:8080/sandbox/faults", true, true),
            ("http://127.1:8080/", true, true),
            ("http://2130706433:8080/", true, true),
            ("http://0x7f000001:8080/", true, true),
            ("http://0x7F.1:8080/", true, true),
            ("http://0177.0.0.1:8080/", true, true),
            ("http://017700000001:8080/", true, true),
            ("http://0.0.0.0:8080/", true, true),
            ("http://0:8080/", true, true),
            ("http://localhost:8080/", true, true),
            ("http://LocalHost.:8080/", true, true),
            ("http://shop.localhost:8080/", true, true),
            ("http://127.0.0.1.:8080/", true, true),
            ("http://[::ffff:127.0.0.1]:8080/", true, true),
            ("http://[::ffff:7f00:1]:8080/", true, true),
            ("http://sandbox.test:8443/x", true, true),
            ("http://SANDBOX.test.:8443/x", true, true),
            // These end at the sandbox only where it listens everywhere.
            ("http://127.0.0.2:8080/", false, true),
            ("http://[::1]:8080/", false, true),
            // Others' ports, and names that only a resolver knows.
            ("http://127.0.0.1:8081/", false, false),
            ("http://localhost/", false, false),
            ("http://sandbox.test:8080/", false, false),
            ("http://192.0.2.7:8080/", false, false),
        ];
        for (url, from_here, from_everywhere) in table {
            for (listening, own) in [(&here[..], from_here), (&everywhere[..], from_everywhere)] {
                let refusal = target(&config, listening, Some(url)).err();
                let expected = own.then_some(CallbackRefusal::OwnAddress);
                assert_eq!(refusal, expected, "{url}, {listening:?}");
            }
        }
        let config = Config::new().public_url("http://localhost");
        for url in ["http://127.0.0.1/", "http://localhost:80/", "http://[::1]/x"] {
            assert_eq!(target(&config, &[], Some(url)), Err(CallbackRefusal::OwnAddress), "{url}");
        }
    }

    #[test]
    fn merchants_behind_the_sandboxs_proxy_are_known_by_their_paths() {
        let config = Config::new().public_url("http://dev.lan/ecp/").allow_callback_host("dev.lan");
        for (url, own) in [
            ("http://dev.lan/shop/callback", false),
            ("http://dev.lan/", false),
            ("http://dev.lan/ecpay", false),
            ("http://dev.lan/ecp", true),
            ("http://dev.lan/ecp/sandbox/faults", true),
            ("http://dev.lan/ecp?x", true),
            ("http://dev.lan/shop/../ecp/x", true),
            ("http://dev.lan//ecp/x", true),
            ("http://dev.lan/%65cp/x", true),
        ] {
            let expected = own.then_some(CallbackRefusal::OwnAddress);
            assert_eq!(target(&config, &[], Some(url)).err(), expected, "{url}");
        }
    }

    #[test]
    fn numbers_that_are_no_addresses_are_names() {
        for host in
            ["256.1.1.1", "1.2.3.4.5", "4294967296", "127.16777216", "0x", "", "a.b", "1..2"]
        {
            assert_eq!(ip_address(host), None, "{host}");
        }
    }
}
