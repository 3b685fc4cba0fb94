//! What happened in a sandbox, in order.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ecp_core::model::{OperationStatus, PaymentStatus};
use ecp_core::{PaymentId, ProjectId, Timestamp};
use tokio::sync::watch;

use crate::confirmation::Confirmation;
use crate::outgoing::CallbackRefusal;

/// Something that happened, with its place in the order of all that did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// Counted from 1 without gaps; a gap means that the history was too short.
    pub sequence: u64,
    /// When, by the sandbox's clock.
    pub at: Timestamp,
    /// The project that it is about, as far as known.
    pub project_id: Option<ProjectId>,
    /// The payment that it is about, as far as known.
    pub payment_id: Option<PaymentId>,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// A callback was sent, or could not be.
    CallbackAttempted {
        /// Which of the payment's callbacks, counted from 1.
        callback: u32,
        /// Which attempt, counted from 1.
        attempt: u32,
        /// Where to.
        url: String,
        /// What was sent: the same bytes in every attempt.
        body: RawBody,
        /// The HTTP status of the merchant's answer, or why there is none. Only 200 counts as
        /// delivered.
        answer: Result<u16, String>,
        /// When it will be tried again: `None` after a delivery, and when there are no more
        /// attempts.
        retry_in: Option<Duration>,
    },
    /// A callback will never be sent.
    CallbackRefused {
        /// Which of the payment's callbacks, counted from 1.
        callback: u32,
        /// Where it should have gone.
        url: Option<String>,
        /// What would have been sent.
        body: RawBody,
        /// Why not.
        reason: CallbackRefusal,
    },
    /// The merchant answered whether the amount is welcome, or did not.
    ConfirmationAnswered {
        /// The HTTP status, `None` if nothing came.
        status: Option<u16>,
        /// The body of an answer with a status of success.
        body: RawBody,
        /// What it means.
        confirmation: Confirmation,
    },
    /// The merchant was asked whether an amount is welcome (`check_deposit`).
    ConfirmationAsked {
        /// Where.
        url: String,
        /// The signed question.
        body: RawBody,
    },
    /// The merchant should have been asked, and could not be. The payment is declined.
    ConfirmationRefused {
        /// Where the question should have gone.
        url: Option<String>,
        /// What would have been asked.
        body: RawBody,
        /// Why it was not.
        reason: CallbackRefusal,
    },
    /// The customer opened the provider's page.
    CustomerArrived,
    /// The customer pressed a button on the provider's page.
    CustomerDecided(Decision),
    /// The customer was sent back to the merchant.
    CustomerReturned {
        /// Where to.
        url: String,
    },
    /// The payment is in a new status.
    PaymentChanged(PaymentStatus),
    /// A refund of the payment is in a new status.
    RefundChanged {
        /// The refund's operation.
        operation_id: u64,
        /// The operation's status.
        status: OperationStatus,
    },
    /// A request came in.
    RequestReceived {
        /// The HTTP method.
        method: String,
        /// Path and query.
        path: String,
        /// The body, empty if it could not be read.
        body: RawBody,
    },
    /// A request was answered.
    ResponseSent {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: RawBody,
    },
}

impl Event {
    /// Whether this is the delivery of a callback: the merchant answered 200.
    pub fn is_delivery(&self) -> bool {
        matches!(self.kind, EventKind::CallbackAttempted { answer: Ok(200), .. })
    }
}

/// A button on the provider's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Do not pay.
    Decline,
    /// Pay.
    Success,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Decline => "decline",
            Self::Success => "success",
        })
    }
}

/// A body as it was sent. Bodies name customers, so `Debug` tells the length only.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RawBody(Bytes);

impl RawBody {
    pub(crate) fn new(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    pub const fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// The bytes as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl fmt::Debug for RawBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawBody({} bytes)", self.0.len())
    }
}

/// Events as they happen. None is missed unless the reader falls behind by the whole history.
#[derive(Debug)]
pub struct EventStream {
    log: Arc<EventLog>,
    next: u64,
    news: watch::Receiver<News>,
}

impl EventStream {
    /// The next event: at once if it has happened already. `None` when the sandbox was shut down,
    /// or all its handles dropped, and everything has been told.
    ///
    /// Dropping the future before it is ready loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            let closed = self.news.borrow_and_update().closed;
            if let Some(event) = self.log.first_from(self.next) {
                self.next = event.sequence + 1;
                return Some(event);
            }
            if closed {
                return None;
            }
            self.news.changed().await.ok()?;
        }
    }
}

/// The memory of a sandbox.
#[derive(Debug)]
pub(crate) struct EventLog {
    limit: usize,
    entries: Mutex<Entries>,
    news: watch::Sender<News>,
}

#[derive(Debug, Default)]
struct Entries {
    /// Of the last event.
    sequence: u64,
    events: VecDeque<Event>,
}

#[derive(Clone, Copy, Debug, Default)]
struct News {
    sequence: u64,
    closed: bool,
}

/// Who an event is about.
pub(crate) type About = (Option<ProjectId>, Option<PaymentId>);

impl EventLog {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        let news = watch::Sender::new(News::default());
        Arc::new(Self { limit, entries: Mutex::default(), news })
    }

    pub(crate) fn record(&self, at: Timestamp, about: About, kind: EventKind) {
        let (project_id, payment_id) = about;
        let sequence = {
            let mut entries = self.lock();
            entries.sequence += 1;
            let sequence = entries.sequence;
            if entries.events.len() >= self.limit {
                entries.events.pop_front();
            }
            entries.events.push_back(Event { sequence, at, project_id, payment_id, kind });
            sequence
        };
        self.news.send_modify(|news| news.sequence = news.sequence.max(sequence));
    }

    pub(crate) fn snapshot(&self) -> Vec<Event> {
        self.lock().events.iter().cloned().collect()
    }

    /// Tells what happens from now on.
    pub(crate) fn follow(self: &Arc<Self>) -> EventStream {
        let next = self.lock().sequence + 1;
        EventStream { log: Arc::clone(self), next, news: self.news.subscribe() }
    }

    pub(crate) fn close(&self) {
        self.news.send_modify(|news| news.closed = true);
    }

    fn first_from(&self, sequence: u64) -> Option<Event> {
        let entries = self.lock();
        let place = entries.events.partition_point(|event| event.sequence < sequence);
        entries.events.get(place).cloned()
    }

    /// Entries are whole at any time, so a panic elsewhere does not spoil them.
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(log: &EventLog, times: usize) {
        let now = Timestamp::from_unix_seconds(0).unwrap();
        for _ in 0..times {
            log.record(now, (None, None), EventKind::CustomerArrived);
        }
    }

    fn sequences(events: &[Event]) -> Vec<u64> {
        events.iter().map(|event| event.sequence).collect()
    }

    #[test]
    fn the_history_keeps_the_latest() {
        let log = EventLog::new(3);
        record(&log, 5);
        assert_eq!(sequences(&log.snapshot()), [3, 4, 5]);
    }

    #[tokio::test]
    async fn a_stream_begins_now_and_ends_when_the_log_is_closed() {
        let log = EventLog::new(10);
        record(&log, 2);
        let mut stream = log.follow();
        record(&log, 1);
        assert_eq!(stream.next().await.unwrap().sequence, 3);

        let waiting = tokio::spawn(async move {
            let mut told = Vec::new();
            while let Some(event) = stream.next().await {
                told.push(event.sequence);
            }
            told
        });
        tokio::task::yield_now().await;
        record(&log, 2);
        log.close();
        assert_eq!(waiting.await.unwrap(), [4, 5]);
    }

    #[test]
    fn bodies_are_not_printed_by_debug() {
        let body = RawBody::new("sentinel");
        assert_eq!(
            (format!("{body:?}"), body.text()),
            ("RawBody(8 bytes)".into(), "sentinel".into())
        );
    }
}
