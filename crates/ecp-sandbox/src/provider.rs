//! The provider's page, where the customer pays or does not: the documents' "emulator" with its
//! two buttons.
//!
//! Pages work without JavaScript and fetch nothing but their style sheet. What a merchant sends is
//! escaped, and the content security policy would not let it run anyway.

use std::collections::BTreeSet;

use askama::Template;
use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use serde::Deserialize;

use crate::event::{About, Decision, EventKind};
use crate::payment::{Outcome, Payment};
use crate::platform::{Sandbox, about};

const STYLE: &str = include_str!("templates/provider.css");

pub(crate) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/provider/{token}", get(show).post(decide))
        .route("/assets/provider.css", get(style))
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}

async fn show(State(sandbox): State<Sandbox>, Path(token): Path<String>) -> Response {
    let look = |_, payment: &Payment| (about(payment), payment.awaits_customer(), page(payment));
    match sandbox.with_page(&token, look) {
        Some((about, awaited, page)) => {
            if awaited {
                sandbox.record(about, EventKind::CustomerArrived);
            }
            page
        }
        None => missing(),
    }
}

#[derive(Deserialize)]
struct Choice {
    decision: Decision,
}

/// Deciding twice changes nothing: whoever comes late is sent where the first decision led.
async fn decide(
    State(sandbox): State<Sandbox>,
    Path(token): Path<String>,
    choice: Result<Form<Choice>, FormRejection>,
) -> Response {
    let look = |number, payment: &Payment| (number, about(payment));
    let Some((number, about)) = sandbox.with_page(&token, look) else { return missing() };
    let decision = match choice {
        Ok(Form(Choice { decision })) => decision,
        Err(rejection) => return (rejection.status(), rejection.body_text()).into_response(),
    };
    sandbox.decide(number, decision);
    send_back(&sandbox, &token, about)
}

/// To the merchant if it named an address, else to the result.
fn send_back(sandbox: &Sandbox, token: &str, about: About) -> Response {
    let url = sandbox.with_page(token, |_, payment| payment.return_url().map(str::to_owned));
    let url = url.flatten();
    let target = match &url {
        Some(url) => url.clone(),
        None => format!("/provider/{token}"),
    };
    let Ok(location) = HeaderValue::try_from(target) else { return missing() };
    if let Some(url) = url {
        sandbox.record(about, EventKind::CustomerReturned { url });
    }
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

#[derive(Template)]
#[template(path = "provider.html")]
struct Page<'a> {
    method: &'a str,
    project: String,
    payment: &'a str,
    description: &'a str,
    amount: String,
    amount_decides: bool,
    result: Option<Shown<'a>>,
}

/// A payment that has ended.
struct Shown<'a> {
    success: bool,
    return_url: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "missing.html")]
struct Missing;

fn page(payment: &Payment) -> Response {
    let order = &payment.order;
    let page = Page {
        method: order.spec.title(),
        project: order.project.to_string(),
        payment: order.payment_id.as_str(),
        description: &order.description,
        amount: order.amount.to_string(),
        amount_decides: payment.is_listed(),
        result: payment.outcome().map(|outcome| Shown {
            success: outcome == Outcome::Success,
            return_url: payment.return_url(),
        }),
    };
    let urls = &order.return_urls;
    let onward = [&urls.success, &urls.decline, &urls.neutral].into_iter().flatten();
    html(StatusCode::OK, &page, &policy(onward.filter_map(|url| origin(url))))
}

fn missing() -> Response {
    html(StatusCode::NOT_FOUND, &Missing, &policy(std::iter::empty()))
}

fn html(status: StatusCode, page: &impl Template, policy: &str) -> Response {
    let Ok(text) = page.render() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let headers: [(HeaderName, &str); 4] = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, Html(text)).into_response()
}

/// Browsers hold the redirect after a form against `form-action` too, so the merchant's origins
/// must be in it.
fn policy(onward: impl Iterator<Item = String>) -> String {
    let actions: BTreeSet<String> = onward.chain(["'self'".to_owned()]).collect();
    let actions: Vec<String> = actions.into_iter().collect();
    format!(
        "default-src 'none'; style-src 'self'; form-action {}; base-uri 'none'; \
         frame-ancestors 'none'",
        actions.join(" ")
    )
}

/// `https://shop.example:8443`; nothing that could end a directive of the policy.
fn origin(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let (scheme, host) = (uri.scheme_str()?, uri.host()?);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_[]:".contains(&byte);
    let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    host.bytes().all(plain).then(|| format!("{scheme}://{host}{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_lets_the_customer_return_and_nothing_else() {
        let urls = ["https://shop.example:8443/ok?x=1", "http://[::1]/", "https://a;b.example/"];
        let policy = policy(urls.into_iter().filter_map(origin));
        assert_eq!(
            policy,
            "default-src 'none'; style-src 'self'; form-action 'self' http://[::1] \
             https://shop.example:8443; base-uri 'none'; frame-ancestors 'none'"
        );
    }
}
