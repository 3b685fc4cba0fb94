//! Bytes in, [`Verified`] callbacks out.
//!
//! A [`Verifier`] holds the keys of your projects and accepts only messages that were signed with
//! one of them. It is the only source of a `Verified<Callback>`, so a function that takes one need
//! not check its origin.
//!
//! ```
//! use ecp_core::{ProjectId, SecretKey};
//! use ecp_notify::Verifier;
//!
//! let verifier = Verifier::new()
//!     .key(ProjectId::new(1236)?, &SecretKey::new("this year's key")?)
//!     .key(ProjectId::new(1236)?, &SecretKey::new("last year's key")?);
//!
//! // The body of the POST, byte for byte: parsing and printing it again may change it.
//! let body = br#"{"project_id":1236,"payment":{"id":"X1","status":"success"},"signature":""}"#;
//! let error = verifier.verify(body).unwrap_err();
//! assert_eq!(error.to_string(), "the signature is not 88 characters of Base64");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # An endpoint
//!
//! A `Receiver` answers 200 when a callback is stored, 4xx when it is not genuine, and 503 when the
//! store fails or a genuine callback is not as documented: the platform repeats a callback that is
//! not answered with exactly 200, for 11 days (sources: callback delivery). Expect each callback
//! more than once and in any order. With the features `axum` and `server` this is a shop's complete
//! endpoint:
//!
#![cfg_attr(all(feature = "axum", feature = "server"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "axum", feature = "server")), doc = "```ignore")]
//! use std::net::TcpListener;
//!
//! use ecp_core::{ProjectId, SecretKey, model::Callback};
//! use ecp_notify::{CallbackStore, Receiver, Server, StoreError, Verified, Verifier};
//!
//! struct Orders; // a pool of connections to your database
//!
//! #[async_trait::async_trait]
//! impl CallbackStore for Orders {
//!     async fn store(&self, callback: Verified<Callback>) -> Result<(), StoreError> {
//!         println!("{:?}", callback.payment_id()); // insert it unless it is there, and commit
//!         Ok(())
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let key = SecretKey::new(std::env::var("PROJECT_KEY")?)?;
//!     let receiver = Receiver::new(Verifier::new().key(ProjectId::new(1236)?, &key), Orders);
//!     let shop = axum::Router::new().merge(receiver.into_router("/callbacks")); // and your pages
//!     let shutdown = std::future::pending(); // or a signal
//!     Server::new().serve(TcpListener::bind("[::]:8080")?, shop, shutdown).await?;
//!     Ok(())
//! }
//! ```
//!
//! # Pages of operations
//!
//! Where a query of the Data API names an address, the page goes there, signed with the key of the
//! query's token. [`OperationsVerifier`] takes such pages and nothing else, and
//! `OperationsReceiver` stores them.
//!
//! # Features
//!
//! None is on by default; without them the crate verifies, and needs no runtime.
//!
//! - `receiver`: `Receiver`, `Confirmations` and `OperationsReceiver`, bytes in and reply out, for
//!   any framework. They run on tokio.
//! - `tower`: both receivers are a `tower::Service` of `http::Request`.
//! - `axum`: `into_router` of both receivers, for axum 0.8.
//! - `server`: `Server`, HTTP/1 with a deadline for heads and a bound on connections, for an
//!   endpoint without a proxy before it.

#[cfg(feature = "receiver")]
mod confirmation;
mod expected;
#[cfg(feature = "receiver")]
mod intake;
mod kind;
mod operations;
#[cfg(feature = "receiver")]
mod operations_receiver;
#[cfg(feature = "receiver")]
mod receiver;
#[cfg(feature = "receiver")]
mod reply;
#[cfg(feature = "axum")]
mod router;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "receiver")]
mod store;
#[cfg(feature = "receiver")]
mod telemetry;
#[cfg(feature = "tower")]
mod tower;
mod verified;
mod verifier;

/// The crate `ecp_core` (money, ids, keys and messages), re-exported so that one dependency is
/// enough and the versions always fit.
pub use ecp_core;

#[cfg(feature = "receiver")]
pub use self::confirmation::{Confirmations, Decision, DepositHandler};
pub use self::expected::{Expected, Unexpected};
#[cfg(feature = "receiver")]
pub use self::intake::Head;
pub use self::operations::{OperationsVerifier, VerifiedOperations};
#[cfg(feature = "receiver")]
pub use self::operations_receiver::{Admitted, OperationsReceiver, OperationsStore};
#[cfg(feature = "receiver")]
pub use self::receiver::Receiver;
#[cfg(feature = "receiver")]
pub use self::reply::Reply;
#[cfg(feature = "server")]
pub use self::server::{RequestBody, Server};
#[cfg(feature = "receiver")]
pub use self::store::{CallbackStore, StoreError, Unreadable};
#[cfg(feature = "receiver")]
pub use self::telemetry::METRICS;
#[cfg(feature = "tower")]
pub use self::tower::ReplyBody;
pub use self::verified::{Reading, Verified, VerifiedRef};
pub use self::verifier::{Verifier, VerifyError};
