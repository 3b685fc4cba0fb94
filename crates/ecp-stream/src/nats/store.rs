//! A stream as the store of a receiver.

use async_nats::{Client, HeaderMap};
use async_trait::async_trait;
use ecp_core::model::Callback;
use ecp_inbox::message_id;
use ecp_notify::{CallbackStore, StoreError, Verified};

use super::settings::StreamSettings;
use super::stream::{NatsError, Stream};

/// A NATS JetStream stream as the store of a [`Receiver`](ecp_notify::Receiver), which then answers
/// 200 even while the inbox's database is down. A callback is stored when the stream has
/// acknowledged it, that is, when most of its servers have it. A [`NatsPump`](super::NatsPump)
/// moves it into an inbox: until then no handler sees it, and after [`StreamSettings::keep`] (a
/// week by default) the stream drops it.
///
/// The message is the received body, which holds personal data, with its signature.
#[derive(Clone, Debug)]
pub struct NatsStore {
    stream: Stream,
}

impl NatsStore {
    /// Opens the stream that the settings name, and creates it if it does not exist. An existing
    /// stream that could lose acknowledged messages, for example because it is in memory, is
    /// refused with [`NatsError::Unsafe`]. The window for repeated messages and the way the servers
    /// write to their disks (`sync_interval`) are not checked: check them on the servers.
    pub async fn open(client: Client, settings: StreamSettings) -> Result<Self, NatsError> {
        Ok(Self { stream: Stream::open(client, settings).await? })
    }
}

#[async_trait]
impl CallbackStore for NatsStore {
    async fn store(&self, callback: Verified<Callback>) -> Result<(), StoreError> {
        let (id, body) = (message_id(&callback), callback.raw().to_vec());
        let (project, payment) = (callback.project(), callback.payment_id());
        self.stream.publish(project, payment, &id, HeaderMap::new(), body).await
    }
}
