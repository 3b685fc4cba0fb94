//! Protection from pages of other sites, which could send forms through an operator's browser.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};

/// Refuses what could change something or show personal data, unless a page of this server sent it.
pub(crate) async fn same_origin(request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if is_read || is_own_page(request.headers()) {
        return next.run(request).await;
    }
    tracing::warn!("refused: a request did not come from a page of the console");
    let words = "refused: the request did not come from a page of this console. If it did, the \
                 proxy in front must leave the headers Origin and Host as they are";
    (StatusCode::FORBIDDEN, words).into_response()
}

/// Whether the headers prove that a page of this server sent the request. Without either header it
/// is not proven.
fn is_own_page(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    // No page can write this one.
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin";
    }
    let origin = text(header::ORIGIN).and_then(|origin| origin.parse::<Uri>().ok());
    let authority = origin.as_ref().and_then(Uri::authority);
    authority.zip(text(header::HOST)).is_some_and(|(origin, host)| *origin == host)
}

/// Whether the browser says that it was not a page of this server that led here. Older browsers, and
/// those without encryption to another machine, say nothing.
pub(crate) fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin")
}

/// Adds security headers to every answer. A page's own content security policy is kept.
pub(crate) async fn fenced(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        // Not `no-referrer`, under which browsers do not say where a form comes from.
        ("referrer-policy", "same-origin"),
        ("x-frame-options", "DENY"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; base-uri 'none'"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_server_are_known_as_its_own() {
        let table: [(&[(&'static str, &'static str)], bool); 9] = [
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site"), ("origin", "http://a"), ("host", "a")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("origin", "https://ops.example"), ("host", "ops.example")], true),
            (&[("origin", "https://ops.example:8443"), ("host", "ops.example")], false),
            (&[("origin", "null"), ("host", "ops.example")], false),
            (&[("origin", "https://evil.example"), ("host", "ops.example")], false),
            (&[("host", "ops.example")], false),
        ];
        for (pairs, expected) in table {
            let named = pairs
                .iter()
                .map(|&(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
            assert_eq!(is_own_page(&named.collect()), expected, "{pairs:?}");
        }
    }
}
