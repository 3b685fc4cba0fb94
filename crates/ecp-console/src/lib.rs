//! The operator's pages: what needs a person, and what to do about it.
//!
//! A [`Console`] shows the callbacks of an inbox (waiting; held until Gate confirms them; dead,
//! which are given up after their last attempt), payout jobs by their journals (the records of what
//! was sent), and the reports of reconciliations, each with the next step. It is an axum router for
//! your service, behind the service's own login. The command `ecp console` serves the same pages.
//! They change nothing without [`Console::allow_changes`], or `--allow-changes` of the command.
//!
//! ```
//! use std::sync::Arc;
//!
//! use axum::Router;
//! use axum::extract::Request;
//! use axum::http::StatusCode;
//! use axum::middleware::{self, Next};
//! use axum::response::{IntoResponse, Response};
//! use ecp_console::{Console, Operator};
//! use ecp_inbox::Inbox;
//!
//! # fn operator_of(request: &Request) -> Option<String> { None }
//! /// The login of the service: it knows who asks, and lets only operators in.
//! async fn login(mut request: Request, next: Next) -> Response {
//!     let Some(name) = operator_of(&request) else {
//!         return StatusCode::UNAUTHORIZED.into_response();
//!     };
//!     request.extensions_mut().insert(Operator::new(&name));
//!     next.run(request).await
//! }
//!
//! fn pages(inbox: Arc<dyn Inbox>) -> Router {
//!     Console::new()
//!         .inbox(inbox)
//!         .journals("/var/lib/shop/payouts")
//!         .reports("/var/lib/shop/reconciliations")
//!         .into_router("/console")
//!         .layer(middleware::from_fn(login))
//! }
//! ```
//!
//! # What it changes
//!
//! Nothing, unless [`Console::allow_changes`] is set: then callbacks can be replayed, and held ones
//! released by Gate's answer if [`Console::gate`] is set too. It never sends a payment. A comparison
//! with the platform, which operators can start where [`Console::comparisons`] is set, only reads.
//!
//! # What it shows
//!
//! Payment ids, statuses, sums and errors. The body of a callback holds personal data and is hidden
//! until an operator asks for it; asking is an [`Event`], which is logged with the operator's name
//! and passed to [`Console::on_event`].
//!
//! # What it does not protect
//!
//! The pages have no login of their own. They refuse forms of other sites, forbid frames and
//! scripts, and are not stored by browsers; who may see them is decided by what is in front of them.

mod action;
mod advice;
mod callbacks;
mod console;
mod files;
mod guard;
mod overview;
mod page;
mod parts;
mod payouts;
mod reconciliation;

pub use self::action::{Action, CallbackRecord, Event, Operator};
pub use self::console::Console;
