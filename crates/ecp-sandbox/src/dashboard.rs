//! The Dashboard: the platform's back office, in the browser.
//!
//! It protects nothing, so it keeps to whoever sits at it: what changes something is taken only
//! from its own pages, and its pages only by an address that nobody else can have.

mod analytics;
mod batch;
mod chart;
mod export;
mod faults;
mod forms;
mod links;
mod payment;
mod payments;
mod payouts;
mod search;
mod timeline;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::uri::Authority;
use http::{HeaderMap, Method, StatusCode, Uri, header};

pub(crate) use self::batch::Batches;
use self::forms::{Pairs, field};
use crate::platform::Sandbox;
use crate::web::see_other;

/// Enough for the largest mass payout.
const BODY_LIMIT: usize = 4 << 20;

pub(crate) fn routes(sandbox: &Sandbox) -> Router<Sandbox> {
    Router::new()
        .route("/", get(front))
        .route("/dashboard", get(payments::payments))
        .route("/dashboard/operations", get(payments::operations))
        .route("/dashboard/export/{file}", get(export::download))
        .route("/dashboard/payment", get(payment::show))
        .route("/dashboard/payment/callback", post(payment::send_callback))
        .route("/dashboard/payment/decide", post(payment::decide))
        .route("/dashboard/payment/refund", post(payment::refund))
        .route("/dashboard/payment/release", post(payment::release))
        .route("/dashboard/payment/resend", post(payment::resend))
        .route("/dashboard/analytics", get(analytics::show))
        .route("/dashboard/payouts", get(payouts::show).post(payouts::pay))
        .route("/dashboard/payouts/example.csv", get(payouts::example))
        .route("/dashboard/payouts/batches", post(payouts::upload))
        .route("/dashboard/payouts/batches/{number}", get(payouts::batch))
        .route("/dashboard/links", get(links::show).post(links::create))
        .route("/dashboard/faults", get(faults::show).post(faults::add))
        .route("/dashboard/faults/clear", post(faults::clear))
        .route("/dashboard/faults/remove", post(faults::remove))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn_with_state(sandbox.clone(), guard))
}

async fn front() -> Response {
    see_other("/dashboard")
}

/// Keeps other sites' pages from using the Dashboard through the browser of whoever sits at it.
async fn guard(State(sandbox): State<Sandbox>, request: Request, next: Next) -> Response {
    let public: Option<Uri> = sandbox.public_url().parse().ok();
    let refusal = if !is_own_host(request.headers(), public.as_ref().and_then(Uri::host)) {
        Some("the Dashboard answers only to addresses, to localhost and to its own name")
    } else if !is_safe(request.method()) && !is_own_page(request.headers()) {
        Some("the Dashboard takes changes from its own pages only")
    } else {
        None
    };
    match refusal {
        Some(text) => (StatusCode::FORBIDDEN, text).into_response(),
        None => next.run(request).await,
    }
}

const fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Whether the browser was sent here by a name that belongs to the sandbox. A name of somebody
/// else's may lead here too, and its pages would be of one origin with this one.
pub(crate) fn is_own_host(headers: &HeaderMap, public: Option<&str>) -> bool {
    let Some(host) = headers.get(header::HOST) else { return true };
    let authority: Option<Authority> = host.to_str().ok().and_then(|host| host.parse().ok());
    let Some(authority) = authority else { return false };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || address.parse::<std::net::IpAddr>().is_ok()
        || public.is_some_and(|public| public.eq_ignore_ascii_case(name))
}

/// Whether a form was sent by a page of the Dashboard. What is no browser says nothing of it, and
/// cannot be misled.
fn is_own_page(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    // No page can write this one, so it decides where browsers send it.
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return matches!(site, "same-origin" | "none");
    }
    match (headers.get(header::ORIGIN), text(header::HOST)) {
        (None, _) => true,
        (Some(origin), Some(host)) => {
            let origin: Option<Uri> = origin.to_str().ok().and_then(|origin| origin.parse().ok());
            origin.as_ref().and_then(Uri::authority).is_some_and(|origin| *origin == host)
        }
        (Some(_), None) => false,
    }
}

/// What every page of the Dashboard has around it.
pub(crate) struct Shell {
    section: &'static str,
    /// What was just done, or why not.
    told: Option<Told>,
}

/// What can have been done, by the word for it in addresses.
const DONE: [(&str, &str); 10] = [
    ("cleared", "No faults are in force."),
    ("decided", "Decided in the customer’s place."),
    ("ended", "The rule has ended."),
    ("fault", "The rule is in force."),
    ("link", "The link is ready."),
    ("payout", "The payout is registered."),
    ("refund", "The refund is registered."),
    ("released", "The payment goes on."),
    ("resent", "The callback is on its way again."),
    ("sent", "The callback is on its way."),
];

/// A line at the top of a page.
struct Told {
    good: bool,
    text: String,
}

impl Shell {
    const fn new(section: &'static str) -> Self {
        Self { section, told: None }
    }

    /// With what was done before the browser was sent here.
    fn after(section: &'static str, pairs: &Pairs) -> Self {
        let text = field(pairs, "done").and_then(|word| {
            DONE.into_iter().find(|(known, _)| *known == word).map(|(_, text)| text)
        });
        let told = text.map(|text| Told { good: true, text: text.to_owned() });
        Self { told, ..Self::new(section) }
    }

    fn failed(self, text: impl Into<String>) -> Self {
        Self { told: Some(Told { good: false, text: text.into() }), ..self }
    }

    fn current(&self, section: &str) -> &'static str {
        if self.section == section { "page" } else { "false" }
    }
}

/// The link to a payment's page.
fn payment_url(project: ecp_core::ProjectId, payment_id: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("project", &project.to_string())
        .append_pair("id", payment_id)
        .finish();
    format!("/dashboard/payment?{query}")
}

/// `2026-11-22 10:00:00`, as the platform's Data API writes it.
fn when(time: ecp_core::Timestamp) -> String {
    let text = time.to_string();
    text.split_at_checked(19).map_or_else(|| text.clone(), |(text, _)| text.replace('T', " "))
}

/// Whether an option of a form is the one that was given.
fn is_chosen(option: impl AsRef<str>, given: impl AsRef<str>) -> bool {
    option.as_ref() == given.as_ref()
}

/// How a status is shown: good, bad or still open.
fn tone(status: &str) -> &'static str {
    match status {
        "success" => "yes",
        "decline" | "error" | "expired" => "no",
        "refunded" | "partially refunded" | "reversed" | "partially reversed" => "back",
        _ => "wait",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let named = pairs
            .iter()
            .map(|&(name, value)| (header::HeaderName::from_static(name), value.parse().unwrap()));
        named.collect()
    }

    #[test]
    fn forms_of_other_sites_are_refused() {
        let table = [
            (&[][..], true),
            (&[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080")], true),
            (&[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8081")], false),
            (&[("host", "127.0.0.1:8080"), ("origin", "http://evil.example")], false),
            (&[("host", "127.0.0.1:8080"), ("origin", "null")], false),
            (&[("origin", "http://127.0.0.1:8080")], false),
            (&[("host", "a"), ("sec-fetch-site", "same-origin")], true),
            (&[("host", "a"), ("sec-fetch-site", "none")], true),
            (&[("host", "a"), ("sec-fetch-site", "same-site")], false),
            (&[("host", "a"), ("sec-fetch-site", "cross-site")], false),
            (&[("host", "a:1"), ("origin", "http://a:1"), ("sec-fetch-site", "cross-site")], false),
        ];
        for (pairs, expected) in table {
            assert_eq!(is_own_page(&headers(pairs)), expected, "{pairs:?}");
        }
    }

    #[test]
    fn names_of_others_do_not_lead_here() {
        let table = [
            ("127.0.0.1:8080", true),
            ("[::1]:8080", true),
            ("192.0.2.7", true),
            ("localhost:3000", true),
            ("sandbox.test", true),
            ("SANDBOX.test:80", true),
            ("evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("@", false),
        ];
        for (host, expected) in table {
            let headers = headers(&[("host", host)]);
            assert_eq!(is_own_host(&headers, Some("sandbox.test")), expected, "{host}");
        }
        assert!(is_own_host(&HeaderMap::new(), None));
    }
}
