//! A stream that keeps what it acknowledges.

use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, Info, PersistenceMode, RetentionPolicy, StorageType,
};
use async_nats::jetstream::{Context, ErrorCode, message::PublishMessage};
use async_nats::{Client, HeaderMap};
use bytes::Bytes;
use ecp_core::{PaymentId, ProjectId};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use super::settings::StreamSettings;
use crate::outbox::PublishError;

/// Why a NATS stream of callbacks could not be opened or created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NatsError {
    /// The NATS servers do not answer, or refuse to find or create the stream. Check that they are
    /// up and have JetStream on, and what the user may do.
    #[error(
        "cannot open or create the stream {stream}: if the servers do not answer, check \
         that they are up, that JetStream is on for the account, and that the user may publish to \
         `$JS.API.>`; if they refuse, correct the settings as the error's source says"
    )]
    Unavailable {
        /// The name of the stream.
        stream: String,
        /// The error of the NATS client, which says what the servers answered.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The stream exists, and its settings allow it to lose messages that it has acknowledged, or
    /// it does not take the subjects of the callbacks. Change the stream as `problem` says, or ask
    /// for less in [`StreamSettings`].
    #[error("the stream {stream} {problem}")]
    Unsafe {
        /// The name of the stream.
        stream: String,
        /// What is wrong with the stream and what to do, such as "is on 1 servers, not 3: update
        /// its number of replicas, or call `StreamSettings::replicas`".
        problem: String,
    },
}

/// An open stream.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    context: Context,
    pub(super) settings: StreamSettings,
}

impl Stream {
    /// Opens the stream. It is created if it does not exist.
    pub(super) async fn open(client: Client, settings: StreamSettings) -> Result<Self, NatsError> {
        let stream = Self::new(client, settings);
        let Self { context, settings } = &stream;
        let unavailable = |source: Box<dyn std::error::Error + Send + Sync>| {
            NatsError::Unavailable { stream: settings.name.clone(), source }
        };
        let found = match context.get_stream(&settings.name).await {
            Ok(found) => found,
            Err(error) => {
                let is_missing = matches!(
                    error.kind(),
                    GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND
                );
                if !is_missing {
                    return Err(unavailable(error.into()));
                }
                // Another process may create it first, with the same settings.
                let created = context.get_or_create_stream(config(settings)).await;
                created.map_err(|error| unavailable(error.into()))?
            }
        };
        match problem(settings, found.cached_info()) {
            None => Ok(stream),
            Some(problem) => Err(NatsError::Unsafe { stream: settings.name.clone(), problem }),
        }
    }

    pub(super) fn new(client: Client, settings: StreamSettings) -> Self {
        Self { context: async_nats::jetstream::new(client), settings }
    }

    pub(super) const fn context(&self) -> &Context {
        &self.context
    }

    /// Publishes a message, and returns when the stream has acknowledged it.
    pub(super) async fn publish(
        &self,
        project: ProjectId,
        payment: Option<&PaymentId>,
        message_id: &str,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<(), PublishError> {
        let message = PublishMessage::build()
            .headers(headers)
            .message_id(message_id)
            .expected_stream(&self.settings.name)
            .payload(Bytes::from(body));
        let subject = subject(&self.settings.subject, project, payment);
        let acknowledged = async { self.context.send_publish(subject, message).await?.await };
        let patience = self.settings.patience;
        match timeout(patience, acknowledged).await {
            Ok(acknowledged) => Ok(acknowledged.map(drop)?),
            Err(_) => Err(format!(
                "the stream did not acknowledge the message in {patience:?} \
                     (`StreamSettings::patience`): check that most of its servers are up"
            )
            .into()),
        }
    }
}

fn config(settings: &StreamSettings) -> Config {
    Config {
        name: settings.name.clone(),
        subjects: vec![format!("{}.>", settings.subject)],
        num_replicas: settings.replicas,
        max_age: settings.keep,
        duplicate_window: settings.duplicate_window.min(settings.keep),
        discard: DiscardPolicy::New,
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        ..Config::default()
    }
}

/// Why the stream could lose what it acknowledges.
fn problem(settings: &StreamSettings, info: &Info) -> Option<String> {
    let config = &info.config;
    let has_limit = |limit: i64| limit > 0;
    let subjects = format!("{}.>", settings.subject);
    if config.num_replicas < settings.replicas {
        Some(format!(
            "is on {} servers, not {}: update its number of replicas, or call `StreamSettings::replicas`",
            config.num_replicas, settings.replicas
        ))
    } else if config.storage != StorageType::File {
        Some(
            "is in memory: when its messages were read, delete it and create it with file storage"
                .to_owned(),
        )
    } else if config.no_ack || matches!(config.persist_mode, Some(PersistenceMode::Async)) {
        Some(
            "acknowledges messages before it has them: when its messages were read, delete it, and it is \
             created with the right settings"
                .to_owned(),
        )
    } else if config.retention == RetentionPolicy::Interest {
        Some("drops messages without a consumer: create it with the retention `limits`".to_owned())
    } else if config.discard == DiscardPolicy::Old
        && (has_limit(config.max_messages) || has_limit(config.max_bytes))
    {
        Some("drops old messages for new ones: update its discard policy to `new`".to_owned())
    } else if has_limit(config.max_messages_per_subject)
        && !(config.discard == DiscardPolicy::New && config.discard_new_per_subject)
    {
        // Without the second setting the server drops the oldest message of a full subject even
        // where it refuses new ones of a full stream.
        Some(
            "drops old messages of a subject for new ones: update its limit of messages per subject to \
             -1 (none), or its discard policy to `new` with `discard_new_per_subject`"
                .to_owned(),
        )
    } else if !config.max_age.is_zero() && config.max_age < settings.keep {
        Some(format!(
            "keeps messages for {:?}, not {:?}: update its maximum age, or call `StreamSettings::keep`",
            config.max_age, settings.keep
        ))
    } else if !config.subjects.contains(&subjects) {
        Some(format!("does not take the subjects {subjects}: add them to it"))
    } else {
        None
    }
}

/// The subject of a callback: all callbacks of a payment have the same.
fn subject(prefix: &str, project: ProjectId, payment: Option<&PaymentId>) -> String {
    let id = payment.map_or("", PaymentId::as_str);
    let part = Sha256::digest(id.as_bytes())[0];
    format!("{prefix}.{project}.{part:02x}")
}
