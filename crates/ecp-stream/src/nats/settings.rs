//! Settings of a stream.

use std::time::Duration;

/// Settings of a stream of callbacks. A stream that does not exist is created with them. One that
/// exists is left as it is, and must promise as much: otherwise opening it fails with
/// [`NatsError::Unsafe`](super::NatsError::Unsafe). Two things are not checked: the window for
/// repeated messages, and how the servers write to their disks ([`sync_interval`](crate::nats)). A
/// change of the stream is noticed when it is opened again.
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

    /// Sets the number of servers that have the stream: 3 by default, at least 1. With three, one
    /// may be lost. With one, messages are lost with its disk.
    pub fn replicas(self, replicas: usize) -> Self {
        Self { replicas: replicas.max(1), ..self }
    }

    /// Sets how long a created stream keeps messages, moved into an inbox or not: a week by
    /// default. An inbox that is down for longer loses callbacks, and so does one whose pump cannot
    /// verify them for longer. Within this time, callbacks can be moved once more into an inbox
    /// that was restored from a backup.
    pub fn keep(self, keep: Duration) -> Self {
        Self { keep, ..self }
    }

    /// Sets for how long a created stream recognizes a repeated message: 2 minutes by default. Later
    /// repetitions are in the stream twice; an inbox recognizes them at any time.
    pub fn duplicate_window(self, window: Duration) -> Self {
        Self { duplicate_window: window, ..self }
    }

    /// Sets the longest wait for an acknowledgement by the stream: 4 seconds by default. An
    /// [`Outbox`](crate::Outbox) waits for five seconds at most, and a receiver for its store as
    /// long by default.
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}
