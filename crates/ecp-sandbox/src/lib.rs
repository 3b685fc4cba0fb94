//! The platform on your machine.
//!
//! A [`Sandbox`] answers Gate requests, shows the provider's page to the customer and sends signed
//! callbacks, as the ecommpay platform does in a test project. Merchants develop and test against
//! it; it moves no money and knows nobody.
//!
//! It is the other side of the wire: of this workspace it uses only the words of the protocol
//! (`ecp-core`'s ids, money and codes) and the methods' data (`ecp-methods`). It has its own
//! [`signature`], and it shares no code with the clients that are tested against it.
//!
//! # One payment
//!
//! ```
//! use axum::body::Body;
//! use ecp_core::Sensitive;
//! use ecp_sandbox::{Config, Sandbox, signature};
//! use http::Request;
//! use serde_json::json;
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::new(Config::demo());
//! let mut sale = json!({
//!     "general": {"project_id": Config::DEMO_PROJECT, "payment_id": "X03936"},
//!     "customer": {"id": "1", "ip_address": "192.0.2.1"},
//!     "payment": {"amount": 10000, "currency": "EUR"},
//!     "return_url": {"success": "http://shop.test/ok", "decline": "http://shop.test/no"},
//! });
//! let key = Sensitive::new(Config::DEMO_KEY.to_owned());
//! sale["general"]["signature"] = signature::sign(&key, &sale).into();
//!
//! let request = Request::post("/v2/payment/wallet/jeton/sale").body(Body::from(sale.to_string()))?;
//! let response = sandbox.router().oneshot(request).await?;
//! assert_eq!(response.status(), 200);
//! # Ok(())
//! # }
//! ```
//!
//! # Refusals
//!
//! | what is wrong | code | `errors[].field` |
//! |---|---|---|
//! | the body is no JSON | 2003 | |
//! | `general.project_id` is missing | 2004 | its path |
//! | there is no such project | 2442 | its path |
//! | the signature is missing or empty | 3262 | its path |
//! | the signature is wrong | 3261 | its path |
//! | there is no such method, or it does not have the flow on Gate | 2541 | |
//! | required fields are missing or empty | 2004 | one error for each path |
//! | fields are of another type than documented, addresses are none | 702 | one error for each path |
//! | the payment id is too long or otherwise none | 3024 | its path |
//! | the currency is none | 3121 | its path |
//! | the method does not take the currency | 3023 | its path |
//! | the amount is no positive integer | 702 | its path |
//! | the payment id is taken | 3041 | its path |
//!
//! The codes and their messages are the platform's, and so is that format, signature and existence
//! are checked before a request is registered. The order among them, 702 for what has no code of
//! its own, and the content of `errors` are chosen here. The first row that applies is the answer,
//! and nothing is registered unless none does. An amount outside of the method's limits is no
//! reason to refuse: the payment is registered and declined by a callback, with code 3358 or 2642.
//!
//! # What is documented and what is chosen
//!
//! Bodies, statuses, codes, the signature and the test amounts follow the platform's documents.
//! Where they are silent, the choice is noted where it is made; the main ones are the codes of
//! refusals and their HTTP status ([`Config::error_status`]), the rule for buttons that contradict
//! the amount ([`ButtonRule`]), code 20000 for a decline by amount or button, and code 9999 in the
//! callback that carries the redirect. A client should depend on none of these.

mod clock;
mod config;
mod delivery;
mod event;
mod gate;
mod ids;
mod message;
mod payment;
mod platform;
mod provider;
pub mod signature;

pub use self::clock::{Clock, SteppedClock, SystemClock};
pub use self::config::{ButtonRule, Config, Project};
pub use self::delivery::{CallbackRefusal, Schedule};
pub use self::event::{Decision, Event, EventKind, EventStream, RawBody};
pub use self::platform::Sandbox;
