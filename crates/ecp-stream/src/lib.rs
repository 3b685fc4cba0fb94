//! Streams behind and before an inbox of callbacks.
//!
//! **Behind:** an [`Outbox`] publishes what an inbox has taken in: at least once, in the order of each
//! payment, after the inbox's commit. A [`Publisher`] is where to: NATS JetStream with the feature
//! `nats`, or one of yours.
//!
//! **Before:** with the feature `nats`, a `NatsStore` lets a receiver answer 200 when a stream on three
//! servers has the callback, and a `NatsPump` moves the callbacks from the stream into the inbox. While the
//! inbox's database is down, the platform still gets its 200, and callbacks wait in the stream.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use async_trait::async_trait;
//! use ecp_inbox::sqlite::SqliteInbox;
//! use ecp_inbox::{Inbox, Publication};
//! use ecp_stream::{Outbox, PublishError, Publisher};
//!
//! struct Printer;
//!
//! #[async_trait]
//! impl Publisher for Printer {
//!     async fn publish(&self, publication: &Publication) -> Result<(), PublishError> {
//!         println!("{} moved {:?}", publication.message_id, publication.payment);
//!         Ok(())
//!     }
//! }
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("shop.sqlite");
//! let inbox = SqliteInbox::open(&path).await?;
//! // From now on, what is accepted is also in the outbox.
//! inbox.keep_outbox(true).await?;
//! let stop = async { /* until the service ends */ };
//! Outbox::new(inbox, Printer).run(stop).await;
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! - `nats`: NATS JetStream by `async-nats`, in the module `nats`.

#[cfg(feature = "nats")]
pub mod nats;
mod outbox;
mod telemetry;

pub use self::outbox::{Outbox, PublishError, Publisher};
pub use self::telemetry::METRICS;
