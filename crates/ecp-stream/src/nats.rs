//! NATS JetStream: streams of callbacks on several servers.
//!
//! A stream of callbacks acknowledges a message when most of its servers have it. Whether that survives
//! the loss of power of all servers at once is a setting of the servers (`sync_interval`).
//!
//! ```no_run
//! # async fn open(verifier: ecp_notify::Verifier, inbox: impl ecp_inbox::Inbox + 'static)
//! # -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use ecp_notify::Receiver;
//! use ecp_stream::nats::{NatsPump, NatsStore, StreamSettings, async_nats};
//!
//! let client = async_nats::connect("nats-1,nats-2,nats-3").await?;
//! let settings = StreamSettings::new("CALLBACKS", "callbacks");
//!
//! // The endpoint: a stream on three servers has the callback when the platform gets its 200.
//! let store = NatsStore::open(client.clone(), settings.clone()).await?;
//! let receiver = Receiver::new(verifier.clone(), store);
//!
//! // Moves callbacks from the stream into the inbox, now or when its database is back.
//! NatsPump::new(client, settings, inbox, verifier).run(std::future::pending()).await;
//! # Ok(())
//! # }
//! ```

mod publisher;
mod pump;
mod settings;
mod store;
mod stream;

pub use async_nats;

pub use self::publisher::NatsPublisher;
pub use self::pump::NatsPump;
pub use self::settings::StreamSettings;
pub use self::store::NatsStore;
pub use self::stream::NatsError;
