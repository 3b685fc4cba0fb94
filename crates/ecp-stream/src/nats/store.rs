//! A stream as the store of a receiver.

use async_nats::{Client, HeaderMap};
use async_trait::async_trait;
use ecp_core::model::Callback;
use ecp_inbox::message_id;
use ecp_notify::{CallbackStore, StoreError, Verified};

use super::settings::StreamSettings;
use super::stream::{NatsError, Stream};

/// A stream as the store of a receiver: a callback is stored when the stream has acknowledged it,
/// which it does when most of its servers have it. A [`NatsPump`](super::NatsPump) moves it into an
/// inbox: until then no handler sees it, and after [`StreamSettings::keep`] the stream drops it.
///
/// The message is the received body, which holds personal data, with its signature.
#[derive(Clone, Debug)]
pub struct NatsStore {
    stream: Stream,
}

impl NatsStore {
    /// Opens a stream, and creates it if it does not exist. A stream that could lose what it acknowledges is
    /// refused, as far as its settings say; [`StreamSettings`] says what is not checked.
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
