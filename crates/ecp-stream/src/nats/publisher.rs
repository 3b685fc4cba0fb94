//! Publishing to a stream.

use async_nats::{Client, HeaderMap};
use async_trait::async_trait;
use ecp_inbox::Publication;

use super::settings::StreamSettings;
use super::stream::{NatsError, Stream};
use crate::outbox::{PublishError, Publisher};

/// Publishes the callbacks of an inbox to a NATS JetStream stream; pass it to an
/// [`Outbox`](crate::Outbox). A callback counts as published when the stream has acknowledged it,
/// that is, when most of the stream's servers have it.
///
/// The message is the received body, which holds personal data, with its signature. Its headers are:
///
/// | header | is |
/// |---|---|
/// | `Nats-Msg-Id` | [`Publication::message_id`], by which the stream drops repetitions within its window ([`StreamSettings::duplicate_window`]), and readers recognize all others |
/// | `Ecp-Entry` | number of the callback in the inbox |
/// | `Ecp-Received` | when it was first received, in seconds since 1970 |
/// | `Ecp-Change` | [`Publication::change`] as JSON |
///
/// A callback leaves the inbox's outbox then, so a reader that is away for longer than
/// [`StreamSettings::keep`] misses it. Use another stream than that of a
/// [`NatsStore`](super::NatsStore).
#[derive(Clone, Debug)]
pub struct NatsPublisher {
    stream: Stream,
}

impl NatsPublisher {
    /// Opens the stream that the settings name, and creates it if it does not exist. An existing
    /// stream that could lose acknowledged messages, for example because it is in memory, is
    /// refused with [`NatsError::Unsafe`]. The window for repeated messages and the way the servers
    /// write to their disks (`sync_interval`) are not checked: check them on the servers.
    pub async fn open(client: Client, settings: StreamSettings) -> Result<Self, NatsError> {
        Ok(Self { stream: Stream::open(client, settings).await? })
    }
}

#[async_trait]
impl Publisher for NatsPublisher {
    async fn publish(&self, publication: &Publication) -> Result<(), PublishError> {
        let Publication { id, project, payment, change, received, raw, message_id, .. } =
            publication;
        let mut headers = HeaderMap::new();
        headers.insert("Ecp-Entry", id.to_string());
        headers.insert("Ecp-Received", received.unix_seconds().to_string());
        headers.insert("Ecp-Change", serde_json::to_string(change)?);
        let body = raw.expose().to_vec();
        self.stream.publish(*project, payment.as_ref(), message_id, headers, body).await
    }
}
