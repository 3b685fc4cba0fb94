//! A durable store of verified callbacks.
//!
//! [`Inbox::accept`] returns when a callback is on disk, so the platform gets its 200 only then.
//! Each callback updates the [`PaymentState`], which is the same for every order and repetition of
//! callbacks. [`Worker`] passes each new callback to a handler, at least once and in the order of
//! its payment. The handler of a worker made by `SqliteInbox::worker` or `PostgresInbox::worker`
//! writes to the inbox's own database in the transaction that marks the callback as done, so its
//! effect is stored exactly once.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use ecp_core::model::PaymentStatus;
//! use ecp_core::signature::{self, Place, Rules, SigningKey};
//! use ecp_core::{ProjectId, SecretKey};
//! use ecp_inbox::sqlite::SqliteInbox;
//! use ecp_inbox::{Accepted, Inbox};
//! use ecp_notify::Verifier;
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("shop.sqlite");
//! let inbox = SqliteInbox::open(&path).await?;
//! inbox.transaction(|db| Ok(db.execute_batch("CREATE TABLE shipped (payment TEXT)")?)).await?;
//!
//! // A body like the platform's.
//! let secret = SecretKey::new("secret")?;
//! let body = br#"{"project_id":1,"payment":{"id":"X1","status":"success"},"operation":{"id":7}}"#;
//! let body =
//!     signature::sign_document(&SigningKey::new(&secret), body, Place::Root, Rules::private())?;
//!
//! // The endpoint: verify, store, and answer 200.
//! let callback = Verifier::new().key(ProjectId::new(1)?, &secret).verify(&body)?;
//! assert!(matches!(inbox.accept(&callback).await?, Accepted::New(_)));
//! assert!(matches!(inbox.accept(&callback).await?, Accepted::Repeated(_)));
//!
//! // The handler, in the transaction that marks the callback as done.
//! let (done, all_done) = tokio::sync::oneshot::channel::<()>();
//! let done = std::sync::Mutex::new(Some(done));
//! let worker = inbox.worker(move |db, delivery| {
//!     if delivery.change.moved_to(&PaymentStatus::Success) {
//!         let payment = delivery.callback.payment_id().map(ToString::to_string);
//!         db.execute("INSERT INTO shipped VALUES (?1)", [payment])?;
//!     }
//!     drop(done.lock().map(|mut done| done.take()));
//!     Ok(())
//! });
//! worker.run(async { drop(all_done.await) }).await;
//! assert_eq!(inbox.stats().await?.done, 1);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sqlite"))]
//! # fn main() {}
//! ```
//!
//! # Features
//!
//! - `sqlite` (default): the embedded store, [`sqlite`]. It compiles SQLite, so it needs a C
//!   compiler.
//! - `postgres`: the store for several replicas behind a balancer, `postgres`.
//! - `postgres-tls`: connections to Postgres over TLS, by rustls with ring.
//! - `conformance`: the tests that every store passes, for tests.
//! - `failpoints`: places where a test can stop the process. It is not for production.

#![cfg_attr(
    not(any(feature = "postgres", feature = "sqlite")),
    expect(dead_code, unused_imports, unused_macros, reason = "only stores use what they share")
)]

mod accept;
mod agreement;
mod batch;
mod checkup;
mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
mod entry;
mod error;
mod failpoint;
mod hold;
mod inbox;
mod observer;
mod outbox;
#[cfg(feature = "postgres")]
pub mod postgres;
mod questions;
mod receive;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod state;
mod telemetry;
mod worker;

pub use self::checkup::{Finding, Level, Topic};
pub use self::entry::{
    Claim, Claimed, ClaimedHeld, Delivery, Entry, EntryId, EntryState, Finish, InvalidVersion,
    Lease, Query, Question, Raw, Stats, Version,
};
pub use self::error::{InboxError, InboxErrorKind};
pub use self::hold::Hold;
pub use self::inbox::{Accepted, Inbox, Release};
pub use self::observer::{METRICS, Observed};
pub use self::outbox::{Publication, PublisherId, message_id};
pub use self::questions::{Confirm, Questions};
pub use self::state::{Amount, Change, Member, OperationState, PaymentState, Report, StatusUpdate};
pub use self::worker::{Handler, HandlerError, Worker};
