//! The Dashboard: the platform's back office, in the browser.
//!
//! It protects nothing but against pages of other sites, which the sandbox's guard refuses.

mod analytics;
mod batch;
mod chart;
mod export;
mod faults;
mod forms;
mod link;
mod links;
mod live;
mod methods;
mod nested;
mod payment;
mod payments;
mod payouts;
mod reports;
mod rows;
mod search;
mod shell;
mod state;
mod timeline;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::Response;
use axum::routing::{get, post};

pub(crate) use self::state::Dashboard;
use crate::surface::page::see_other;

/// Enough for the largest mass payout.
const BODY_LIMIT: usize = 4 << 20;

pub(crate) fn routes() -> Router<Dashboard> {
    Router::new()
        .route("/", get(front))
        .route("/dashboard", get(payments::payments))
        .route("/dashboard/events", get(live::events))
        .route("/dashboard/operations", get(payments::all_operations))
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
        .route("/dashboard/reports", get(reports::show).post(reports::create))
        .route("/dashboard/reports/files/{number}/{name}", get(reports::file))
        .route("/dashboard/reports/make", post(reports::make))
        .route("/dashboard/reports/remove", post(reports::remove))
        .route("/dashboard/links", get(links::show).post(links::create))
        .route("/dashboard/methods", get(methods::show))
        .route("/dashboard/faults", get(faults::show).post(faults::add))
        .route("/dashboard/faults/clear", post(faults::clear))
        .route("/dashboard/faults/remove", post(faults::remove))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
}

async fn front() -> Response {
    see_other("/dashboard")
}
