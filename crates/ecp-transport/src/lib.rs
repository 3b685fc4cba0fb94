//! The Gate client: prepared requests out, registrations and statuses back.
//!
//! [`Gate`] signs and sends requests that [`ecp_methods::prepare`] has checked, over any
//! [`HttpTransport`]. [`GateError::outcome`] says what an error means for the request: it was not
//! sent, it was refused, or the outcome is unknown. In the last case request [`Gate::status`] and
//! keep the payment's id. [`Gate`] sends everything once; a [`Sender`] also repeats requests that
//! are known not to have arrived, and no others.
//!
//! ```no_run
//! use ecp_core::{PaymentId, ProjectId, SecretKey};
//! use ecp_methods::Jeton;
//! use ecp_methods::request::{Account, Customer, PayoutRequest};
//! use ecp_transport::{Gate, Outcome, ReqwestTransport};
//!
//! # async fn pay(key: SecretKey) -> Result<(), Box<dyn std::error::Error>> {
//! let gate = Gate::new(ProjectId::new(1236)?, &key, ReqwestTransport::new()?);
//! let payout = PayoutRequest::new(PaymentId::new("P-17")?, "300.00 EUR".parse()?)
//!     .customer(Customer::new().ip_address("192.0.2.1"))
//!     .account(Account::new().number("93017949"));
//!
//! match gate.payout(&Jeton, &payout).await {
//!     Ok(accepted) => println!("registered as {}", accepted.request_id),
//!     Err(error) => match error.outcome() {
//!         Outcome::NotSent => println!("nothing was registered: {error}"),
//!         Outcome::Refused { code, .. } => println!("refused with code {code}"),
//!         Outcome::Unknown => println!("ask for the status of P-17: {error}"),
//!     },
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`DataApi`] reads past operations from the platform's Data API, page by page, or has pages sent to
//! an address of yours.
//!
//! Every request is a `tracing` span, and [`Gate::observer`] and [`DataApi::observer`] report
//! durations and outcomes to your metrics ([`METRICS`]). Neither ever holds a key, a token, a
//! signature or a customer's data.
//!
//! The crates whose types this one takes and returns are re-exported, [`ecp_core`] and
//! [`ecp_methods`], so that one dependency is enough and versions always fit.
//!
//! # Features
//!
//! - `reqwest` (default): [`ReqwestTransport`], an HTTPS client on rustls. Without it the crate
//!   brings no HTTP client; implement [`HttpTransport`] for yours.
//! - `tower`: [`TowerTransport`] sends requests into a tower service in the same process.

mod address;
mod clarify;
mod data;
mod error;
mod gate;
mod http;
mod page;
mod redirect;
mod retry_policy;
mod send;
mod wait;
mod watched;

/// The crate with money, ids, keys and messages, re-exported.
pub use ecp_core;
pub use ecp_core::model::DataOperation;
/// The crate with payment methods and their requests, re-exported.
pub use ecp_methods;

pub use self::address::{InvalidBaseUrl, normal_base_url};
pub use self::clarify::Clarified;
pub use self::data::destination::{Destination, InvalidDestination, Requested};
pub use self::data::query::{InvalidQuery, OperationsQuery};
pub use self::data::{DATA_API_URL, DESTINATION_NAME, DataApi, DataError, Operations};
pub use self::error::{GateError, Outcome, Refusal, UnknownReason};
pub use self::gate::request::{Answered, EndpointRequest, GateRequest, InvalidEndpointRequest};
pub use self::gate::{Accepted, GATE_URL, Gate};
#[cfg(feature = "reqwest")]
pub use self::http::reqwest::{ClientError, ReqwestTransport, Timeouts};
#[cfg(feature = "tower")]
pub use self::http::tower::TowerTransport;
pub use self::http::{HttpTransport, ResponseTooLarge, TransportError};
pub use self::page::{PAYMENT_PAGE_URL, PageError, PaymentPage, SignedPage};
pub use self::redirect::{RedirectError, redirect_response};
pub use self::retry_policy::RetryPolicy;
pub use self::send::{
    Booking, Intents, RetryBudget, SendError, SendPolicy, Sender, Sent, SharedLimits,
};
pub use self::wait::{Wait, WaitError, Wake};
pub use self::watched::METRICS;
