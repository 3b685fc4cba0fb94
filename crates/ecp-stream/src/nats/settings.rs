//! Settings of a stream.

use std::time::Duration;

/// Settings of a NATS JetStream stream of callbacks. A stream that does not exist is created with
/// them. An existing stream is not changed, and opening it fails with
/// [`NatsError::Unsafe`](super::NatsError::Unsafe) if it is less safe than the settings ask for.
/// Two things are not checked: the window for repeated messages, and how the servers write to their
/// disks ([`sync_interval`](crate::nats)). If somebody changes the stream later, that is noticed
/// only when it is opened again.
///
/// Streams are created with file storage, and refuse new messages when they reach a limit, rather than
/// drop old ones. Only messages older than [`keep`](Self::keep) are dropped.
#[derive(Clone, Debug)]
#[must_use]
pub struct StreamSettings {
    pub(crate) name: String,
    pub(crate) subject: String,
    pub(crate) replicas: usize,
    pub(crate) keep: Duration,
    pub(crate) duplicate_window: Duration,
    pub(crate) patience: Duration,
}

impl StreamSettings {
    /// Returns the settings of a stream with this name, such as `CALLBACKS`, and messages with subjects
    /// that begin with `subject`, such as `callbacks`. By default it is on three servers, keeps messages
    /// for a week and recognizes repetitions within two minutes.
    ///
    /// The subject of a message is `callbacks.1236.a7` for project 1236: its last part, two hexadecimal
    /// digits, is made from the payment's id, so that all messages of a payment have one subject.
    pub fn new(name: impl Into<String>, subject: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            subject: subject.into(),
            replicas: 3,
            keep: Duration::from_hours(7 * 24),
            duplicate_window: Duration::from_mins(2),
            patience: Duration::from_secs(4),
        }
    }

    /// Sets the number of servers that have a copy of the stream: 3 by default, at least 1. With
    /// three, the stream survives the loss of one server. With one, its messages are lost with the
    /// disk of that server.
    pub fn replicas(self, replicas: usize) -> Self {
        Self { replicas: replicas.max(1), ..self }
    }

    /// Sets how long a created stream keeps messages, moved into an inbox or not: a week by
    /// default. Older messages are dropped: callbacks are lost if the inbox is down, or its pump
    /// cannot verify them, for longer than this. Within this time, callbacks can be moved once more
    /// into an inbox that was restored from a backup.
    pub fn keep(self, keep: Duration) -> Self {
        Self { keep, ..self }
    }

    /// Sets the time within which a created stream drops a message that it has already: 2 minutes
    /// by default. A repetition after this time is in the stream twice; an inbox recognizes it at
    /// any time.
    pub fn duplicate_window(self, window: Duration) -> Self {
        Self { duplicate_window: window, ..self }
    }

    /// Sets the longest wait for an acknowledgement by the stream: 4 seconds by default. Then
    /// publishing fails and is tried again, or a receiver answers the callback with 503, so that
    /// the platform sends it again. Keep it below 5 seconds, after which an
    /// [`Outbox`](crate::Outbox) and, by default, a receiver stop waiting themselves.
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}
