//! The provider's page, where the customer pays or does not: the documents' "emulator" with its
//! two buttons.
//!
//! The customer arrives by `GET` or by the `POST` of a form, as `redirect_data` says, and decides
//! at an address of its own below. Whatever the form of the redirect, both ways lead to the page.
//!
//! Pages work without JavaScript and fetch nothing but their style sheet. What a merchant sends is
//! escaped, and the content security policy would not let it run anyway.

mod choice;

use std::collections::BTreeSet;

use askama::Template;
use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use ecp_core::Money;
use ecp_methods::spec::Capability;
use http::{HeaderName, HeaderValue, StatusCode, Uri, header};

use self::choice::{Choice, Unclear};
use crate::event::{About, EventKind};
use crate::payment::{Outcome, Payment};
use crate::platform::{Sandbox, about};
use crate::redirect;

const STYLE: &str = include_str!("templates/provider.css");

pub(crate) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/provider/{token}", get(open).post(arrive))
        .route("/provider/{token}/decision", get(back).post(decide))
        .route("/assets/provider.css", get(style))
}

type Fields = Result<Form<Vec<(String, String)>>, FormRejection>;

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}

async fn open(State(sandbox): State<Sandbox>, Path(token): Path<String>) -> Response {
    show(&sandbox, &token, |_| None)
}

/// The merchant's form brought the customer. What it lacks is told, and does no harm.
async fn arrive(
    State(sandbox): State<Sandbox>,
    Path(token): Path<String>,
    fields: Fields,
) -> Response {
    let fields = fields.map(|Form(fields)| fields).unwrap_or_default();
    show(&sandbox, &token, |payment| {
        let missing = redirect::missing_fields(payment, &fields);
        if missing.is_empty() {
            return None;
        }
        let missing = missing.join(", ");
        tracing::warn!(missing, "a customer arrived without fields of the redirect");
        Some(format!("The merchant’s form did not send on as they were given: {missing}."))
    })
}

fn show(sandbox: &Sandbox, token: &str, note: impl FnOnce(&Payment) -> Option<String>) -> Response {
    let look = |_, payment: &Payment| {
        let page = Page::of(payment, token, note(payment)).response(StatusCode::OK, payment);
        (about(payment), payment.awaits_customer(), page)
    };
    match sandbox.with_page(token, look) {
        Some((about, awaited, page)) => {
            if awaited {
                sandbox.record(about, EventKind::CustomerArrived);
            }
            page
        }
        None => missing(),
    }
}

/// Deciding twice changes nothing: whoever comes late is sent where the first decision led.
async fn decide(
    State(sandbox): State<Sandbox>,
    Path(token): Path<String>,
    fields: Fields,
) -> Response {
    let look = |number, payment: &Payment| (number, about(payment));
    let Some((number, about)) = sandbox.with_page(&token, look) else { return missing() };
    let fields = match fields {
        Ok(Form(fields)) => fields,
        Err(rejection) => return (rejection.status(), rejection.body_text()).into_response(),
    };
    let choice = sandbox.with_page(&token, |_, payment| {
        payment.awaits_customer().then(|| Choice::read(&fields, payment))
    });
    match choice.flatten() {
        Some(Ok(Choice { decision, amount })) => sandbox.decide(number, decision, amount).await,
        Some(Err(unclear)) => return show_again(&sandbox, &token, unclear),
        None => {}
    }
    send_back(&sandbox, &token, about)
}

fn show_again(sandbox: &Sandbox, token: &str, unclear: Unclear) -> Response {
    let note = match unclear {
        Unclear::Foreign => "This page has no such button or voucher.",
        Unclear::Nothing => "Choose an amount first.",
    };
    let page = sandbox.with_page(token, |_, payment| {
        let page = Page::of(payment, token, Some(note.to_owned()));
        page.response(StatusCode::UNPROCESSABLE_ENTITY, payment)
    });
    page.unwrap_or_else(missing)
}

/// Whoever reloads after a decision that was none.
async fn back(State(sandbox): State<Sandbox>, Path(token): Path<String>) -> Response {
    match sandbox.with_page(&token, |_, _| ()) {
        Some(()) => see_other(&format!("/provider/{token}")),
        None => missing(),
    }
}

/// To the merchant if it named an address, else to the result.
fn send_back(sandbox: &Sandbox, token: &str, about: About) -> Response {
    let url = sandbox.with_page(token, |_, payment| payment.return_url().map(str::to_owned));
    match url.flatten() {
        Some(url) => {
            let response = see_other(&url);
            sandbox.record(about, EventKind::CustomerReturned { url });
            response
        }
        None => see_other(&format!("/provider/{token}")),
    }
}

fn see_other(target: &str) -> Response {
    match HeaderValue::try_from(target) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        Err(_) => missing(),
    }
}

#[derive(Template)]
#[template(path = "provider.html")]
struct Page<'a> {
    token: &'a str,
    method: &'a str,
    project: String,
    payment: &'a str,
    description: &'a str,
    amount: Money,
    /// What makes up the amount, for people.
    parts: Vec<String>,
    stage: Shown<'a>,
    note: Option<String>,
}

/// What a page is for.
enum Shown<'a> {
    Asking(Ask),
    /// The merchant has not confirmed the amount yet.
    Waiting,
    Ended {
        success: bool,
        return_url: Option<&'a str>,
    },
}

struct Ask {
    amount_decides: bool,
    confirmed: bool,
    open: Option<Open>,
}

/// An amount that the customer chooses: by vouchers, or by typing it if there are none.
struct Open {
    currency: &'static str,
    /// Minor units, and the same for people.
    vouchers: Vec<(i64, String)>,
}

impl<'a> Page<'a> {
    fn of(payment: &'a Payment, token: &'a str, note: Option<String>) -> Self {
        let order = &payment.order;
        let stage = match payment.outcome() {
            Some(outcome) => Shown::Ended {
                success: outcome == Outcome::Success,
                return_url: payment.return_url(),
            },
            None if payment.awaits_merchant() => Shown::Waiting,
            None => Shown::Asking(Ask {
                amount_decides: payment.is_listed(),
                confirmed: order.spec.capabilities().has(Capability::AmountConfirmation),
                open: payment.is_open().then(|| Open {
                    currency: order.amount.currency().code(),
                    vouchers: choice::offered(order)
                        .into_iter()
                        .map(|voucher| (voucher.minor(), voucher.to_string()))
                        .collect(),
                }),
            }),
        };
        let (parts, rest) = choice::split(order);
        let mut parts: Vec<String> =
            parts.into_iter().map(|(times, voucher)| format!("{times} × {voucher}")).collect();
        if !parts.is_empty() && rest.minor() > 0 {
            parts.push(format!("{rest} of one more"));
        }
        Self {
            token,
            method: order.spec.title(),
            project: order.project.to_string(),
            payment: order.payment_id.as_str(),
            description: &order.description,
            amount: payment.asked(),
            parts,
            stage,
            note,
        }
    }

    fn heading(&self) -> String {
        match self.amount.minor() {
            0 if matches!(self.stage, Shown::Asking(_)) => "Choose an amount".to_owned(),
            0 => "No amount".to_owned(),
            _ => self.amount.to_string(),
        }
    }

    fn response(&self, status: StatusCode, payment: &Payment) -> Response {
        let urls = &payment.order.return_urls;
        let onward = [&urls.success, &urls.decline, &urls.neutral].into_iter().flatten();
        html(status, self, &policy(onward.filter_map(|url| origin(url))))
    }
}

#[derive(Template)]
#[template(path = "missing.html")]
struct Missing;

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
