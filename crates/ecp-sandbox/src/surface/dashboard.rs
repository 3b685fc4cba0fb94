//! The Dashboard: the platform's back office, in the browser.
//!
//! It protects nothing but against pages of other sites, which the sandbox's guard refuses.

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
use axum::extract::DefaultBodyLimit;
use axum::response::Response;
use axum::routing::{get, post};

pub(crate) use self::batch::Batches;
use self::forms::{Pairs, field};
use crate::engine::Sandbox;
use crate::surface::page::see_other;

/// Enough for the largest mass payout.
const BODY_LIMIT: usize = 4 << 20;

pub(crate) fn routes() -> Router<Sandbox> {
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
}

async fn front() -> Response {
    see_other("/dashboard")
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
        "decline" | "error" | "internal error" | "expired" => "no",
        "refunded" | "partially refunded" | "reversed" | "partially reversed" => "back",
        _ => "wait",
    }
}
