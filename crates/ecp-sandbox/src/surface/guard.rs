//! Protection from other web pages that would use the sandbox through a browser on this machine.
//!
//! A page anywhere can make its visitors' browsers send requests to loopback addresses: forms of
//! any type, `fetch` without CORS, beacons, images, frames. The demo key is public, so such a page
//! could sign requests too, and have the sandbox post callbacks to services of this machine. Three
//! rules close that way, whatever the type of a body:
//!
//! - `Host` is an IP address, `localhost` or a name of the sandbox's own, or is missing. A name of
//!   somebody else's may be made to lead here (DNS rebinding), and its pages would then be of one
//!   origin with this server.
//! - Browsers say where a request comes from, in `Sec-Fetch-Site` or `Origin`; clients that are no
//!   browser send neither. What comes from another site is refused, but for what merchants' pages
//!   lead customers to, which changes no payment.
//! - A request of a sandbox is for no sandbox: callbacks cannot go in circles.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};

use crate::engine::Engine;
use crate::engine::outgoing::{CAME_BACK, USER_AGENT};
use crate::wire::address;

/// Refuses requests with a foreign host name, and requests that a page of another site may have
/// sent.
pub(crate) async fn guard(State(engine): State<Engine>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if is_of_a_sandbox(headers) {
        return (StatusCode::LOOP_DETECTED, CAME_BACK).into_response();
    }
    if !is_own_host(headers, |name| engine.is_named(name)) {
        let words = "the host name in the header `Host` is not known as the sandbox's: add it to \
                     `host_names` or use --host-name, if clients reach the sandbox by this name; \
                     otherwise use localhost, an IP address or the public URL";
        return refused(&request, words);
    }
    let public = engine.config().public_url.as_deref();
    if !is_open(request.method(), request.uri().path()) && !is_own_page(headers, public) {
        let words = "a page of another site sent this request: the sandbox accepts it only from \
                     its own pages and from clients that are not browsers";
        return refused(&request, words);
    }
    let response = next.run(request).await;
    // A restart must not take back what this answer says.
    if !engine.is_kept().await {
        let words = "the sandbox stops: it could not write its state file";
        return (StatusCode::INTERNAL_SERVER_ERROR, words).into_response();
    }
    response
}

fn refused(request: &Request, words: &'static str) -> Response {
    tracing::warn!(method = %request.method(), path = request.uri().path(), "refused: {words}");
    (StatusCode::FORBIDDEN, words).into_response()
}

/// Whether merchants' pages may lead a browser there. That shows a page or fetches an asset, and
/// changes no payment: what a customer then does is sent by that page.
fn is_open(method: &Method, path: &str) -> bool {
    let is_interface = ["/v1/", "/v2/", "/sandbox/", "/dashboard/events"]
        .into_iter()
        .any(|prefix| path.starts_with(prefix));
    match *method {
        Method::GET | Method::HEAD => !is_interface,
        // The widget opens the Payment Page by a form, and a merchant's form redirects to a
        // provider's page.
        Method::POST => {
            path == "/payment"
                || path
                    .strip_prefix("/provider/")
                    .is_some_and(|token| !token.is_empty() && !token.contains('/'))
        }
        _ => false,
    }
}

fn is_of_a_sandbox(headers: &HeaderMap) -> bool {
    let (name, _) = USER_AGENT.split_once('/').unwrap_or((USER_AGENT, ""));
    headers.get(header::USER_AGENT).is_some_and(|agent| {
        agent.as_bytes().strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"/"))
    })
}

/// Whether the browser was sent here by an address, or by a name that belongs to the sandbox.
fn is_own_host(headers: &HeaderMap, is_named: impl Fn(&str) -> bool) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (None, _) => return true,
        (Some(host), None) => host,
        (Some(_), Some(_)) => return false,
    };
    let authority: Option<Authority> = host.to_str().ok().and_then(|host| host.parse().ok());
    let Some(authority) = authority else { return false };
    if authority.as_str().contains('@') {
        return false;
    }
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    let is_local = |name: &str| {
        let name = name.to_ascii_lowercase();
        name == "localhost" || name.ends_with(".localhost")
    };
    is_local(name) || address.parse::<std::net::IpAddr>().is_ok() || is_named(name)
}

/// Whether a page of the sandbox sent the request, or a client that is not a browser, which sends
/// no origin and cannot be misled. Behind a proxy that writes `Host` anew, the sandbox's pages are
/// those of the public URL.
pub(crate) fn is_own_page(headers: &HeaderMap, public: Option<&str>) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    // No page can write this one, so it decides where browsers send it.
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(header::ORIGIN) else { return true };
    let Ok(origin) = origin.parse::<Uri>() else { return false };
    let is_of_host = |host| origin.authority().is_some_and(|origin| *origin == host);
    let is_public = || {
        let public = public.and_then(|public| public.parse().ok());
        public.is_some_and(|public| address::origin(&public) == address::origin(&origin))
    };
    text(header::HOST).is_some_and(is_of_host) || (origin.scheme().is_some() && is_public())
}

/// Adds security headers to every answer: browsers must respect its content type and run no scripts
/// in it. A page's own content security policy is kept.
pub(crate) async fn fenced(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
        .entry(HeaderName::from_static("cross-origin-resource-policy"))
        .or_insert(HeaderValue::from_static("same-origin"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; base-uri 'none'"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let named = pairs
            .iter()
            .map(|&(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        named.collect()
    }

    #[test]
    fn requests_of_other_sites_are_known() {
        let table = [
            (&[][..], true),
            (&[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080")], true),
            (&[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8081")], false),
            (&[("host", "127.0.0.1:8080"), ("origin", "http://localhost:8080")], false),
            (&[("host", "127.0.0.1:8080"), ("origin", "http://evil.example")], false),
            (&[("host", "127.0.0.1:8080"), ("origin", "null")], false),
            (&[("host", "127.0.0.1:8080"), ("origin", "")], false),
            (&[("host", "127.0.0.1:8080"), ("origin", "file://")], false),
            (&[("origin", "http://127.0.0.1:8080")], false),
            (&[("host", "a"), ("sec-fetch-site", "same-origin")], true),
            (&[("host", "a"), ("sec-fetch-site", "none")], true),
            (&[("host", "a"), ("sec-fetch-site", "same-site")], false),
            (&[("host", "a"), ("sec-fetch-site", "cross-site")], false),
            (&[("host", "a"), ("sec-fetch-site", "")], false),
            (&[("host", "a:1"), ("origin", "http://a:1"), ("sec-fetch-site", "cross-site")], false),
        ];
        for (pairs, expected) in table {
            assert_eq!(is_own_page(&headers(pairs), None), expected, "{pairs:?}");
        }
    }

    #[test]
    fn behind_a_proxy_its_pages_are_those_of_the_public_url() {
        let table = [
            ("http://dev.lan", "http://dev.lan", true),
            ("http://Dev.lan:80/sandbox", "http://dev.lan", true),
            ("https://dev.lan", "https://dev.lan", true),
            ("http://dev.lan:8443", "http://dev.lan:8443", true),
            ("http://dev.lan", "https://dev.lan", false),
            ("http://dev.lan", "http://dev.lan:8080", false),
            ("http://dev.lan", "http://evil.example", false),
            ("http://dev.lan", "http://dev.lan.evil.example", false),
            ("http://dev.lan", "null", false),
            ("http://dev.lan", "", false),
            ("dev.lan", "dev.lan", false),
            ("", "null", false),
        ];
        for (public, origin, expected) in table {
            let mut headers = headers(&[("host", "127.0.0.1:8080"), ("origin", origin)]);
            assert_eq!(is_own_page(&headers, Some(public)), expected, "{public} {origin}");
            headers.insert("sec-fetch-site", "cross-site".parse().unwrap());
            assert!(!is_own_page(&headers, Some(public)), "{public} {origin}");
        }
    }

    #[test]
    fn names_of_others_do_not_lead_here() {
        let table = [
            ("127.0.0.1:8080", true),
            ("[::1]:8080", true),
            ("192.0.2.7", true),
            ("localhost:3000", true),
            ("shop.localhost:3000", true),
            ("sandbox.test", true),
            ("SANDBOX.test:80", true),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("notlocalhost", false),
            ("127.0.0.1.evil.example", false),
            ("evil.example@127.0.0.1", false),
            ("127.0.0.1@evil.example", false),
            ("2130706433.evil.example", false),
            ("@", false),
            ("", false),
        ];
        let is_named = |name: &str| name.eq_ignore_ascii_case("sandbox.test");
        for (host, expected) in table {
            assert_eq!(is_own_host(&headers(&[("host", host)]), is_named), expected, "{host}");
        }
        assert!(is_own_host(&HeaderMap::new(), is_named));
        let mut two = headers(&[("host", "127.0.0.1")]);
        two.append(header::HOST, "evil.example".parse().unwrap());
        assert!(!is_own_host(&two, is_named));
    }

    #[test]
    fn only_what_shows_a_page_is_open_to_other_sites() {
        let table = [
            (Method::GET, "/payment", true),
            (Method::POST, "/payment", true),
            (Method::GET, "/provider/token", true),
            (Method::POST, "/provider/token", true),
            (Method::GET, "/shared/merchant.js", true),
            (Method::GET, "/dashboard", true),
            (Method::POST, "/provider/token/decision", false),
            (Method::POST, "/provider/", false),
            (Method::POST, "/payment/session/pay", false),
            (Method::POST, "/dashboard/faults", false),
            (Method::POST, "/v2/payment/status", false),
            (Method::GET, "/v2/payment/status", false),
            (Method::GET, "/sandbox/events", false),
            (Method::GET, "/v1/balance/get", false),
            (Method::GET, "/dashboard/events", false),
            (Method::DELETE, "/payment", false),
            (Method::PUT, "/provider/token", false),
            (Method::OPTIONS, "/v2/payment/status", false),
        ];
        for (method, path, expected) in table {
            assert_eq!(is_open(&method, path), expected, "{method} {path}");
        }
    }
}
