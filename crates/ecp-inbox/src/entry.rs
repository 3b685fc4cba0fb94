//! Entries of an inbox, and the types for claiming and listing them.

use std::fmt;
use std::time::Duration;

use ecp_core::model::{Callback, End};
use ecp_core::{Clock as _, PaymentId, ProjectId, SystemClock, Timestamp};
use ecp_notify::{Expected, Unexpected};

use crate::error::InboxError;
use crate::state::{Change, PaymentState, StatusUpdate};

/// The number of a callback in its inbox, growing with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(i64);

/// Processing state of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryState {
    /// Waits for a worker, or for another attempt.
    Waiting,
    /// A worker's handler processed it successfully.
    Done,
    /// Its handler failed too often. [`Inbox::replay`](crate::Inbox::replay) gives it another run.
    Dead,
    /// It reports a final status that the inbox's [`Hold`](crate::Hold) policy does not trust until
    /// Gate confirms it. Gate's answer to a status request releases it: a worker requests it
    /// automatically if it is given [`Questions`](crate::Questions), and
    /// [`Inbox::release`](crate::Inbox::release) does the same by hand.
    Held,
    /// An earlier callback reported the same of the same operation. It is kept but not handled.
    Repeated,
}

/// A callback in the inbox, without its body.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// The callback's number in the inbox.
    pub id: EntryId,
    /// Processing state of the callback.
    pub state: EntryState,
    /// The project whose key signed it.
    pub project: ProjectId,
    /// The payment, in the formats that name one.
    pub payment: Option<PaymentId>,
    /// The payment's status in this callback, in the platform's words.
    pub status: Option<String>,
    /// Time when the callback was first received.
    pub received: Timestamp,
    /// Number of times that the same bytes were received.
    pub times: u32,
    /// Number of attempts to handle it; while it is held, of status requests about it.
    pub attempts: u32,
    /// Time of the next attempt, while it waits. While it is held, time of the next status request:
    /// `None` after an attempt means never automatically.
    pub due: Option<Timestamp>,
    /// Last error of the callback's handler. Handlers must keep personal data out of it. While the
    /// callback is held, why the last status request did not release it.
    pub error: Option<String>,
    /// The change of the payment's state that the callback caused when it was received or released.
    pub change: Change,
    /// Dotted paths of the texts that have another reading.
    pub ambiguous: Vec<String>,
    /// The received body, until retention removes it; only for
    /// [`Inbox::entry`](crate::Inbox::entry). It holds personal data.
    pub raw: Option<Raw>,
}

/// The bytes of a callback. They hold personal data and are not printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Raw(Vec<u8>);

/// A claim on callbacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// Maximum number of callbacks.
    pub limit: usize,
    /// Duration of the lease, with millisecond precision. After that, others may claim them.
    pub lease: Duration,
    /// Maximum number of attempts for each, this one included.
    pub attempts: u32,
}

impl Claim {
    /// A claim on at most `limit` callbacks, by a lease, without a maximum number of attempts.
    pub fn new(limit: usize, lease: Duration) -> Self {
        Self { limit, lease, attempts: u32::MAX }
    }

    /// Sets the maximum number of attempts for each, this one included.
    pub fn attempts(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }
}

/// Why a callback is dead without a result of its handler.
pub(crate) const NO_RESULT: &str =
    "no attempt stored a result: each time its process ended, or it took longer than its lease";

/// Result of a claim.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Claimed {
    /// Callbacks to handle. Empty if none is due.
    pub deliveries: Vec<Delivery>,
    /// Callbacks that became dead instead, because no attempt stored a result, or because their
    /// bodies can no longer be read.
    pub dead: Vec<EntryId>,
}

/// A callback for a handler.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Delivery {
    /// The callback's number. A handler with effects outside the database can use it to apply each
    /// once.
    pub id: EntryId,
    /// The project whose key signed it.
    pub project: ProjectId,
    /// The callback to handle.
    pub callback: Callback,
    /// The change of the payment's state that the callback caused. Most handlers look at this
    /// first.
    pub change: Change,
    /// Current state of the payment, with all later callbacks.
    pub payment: Option<PaymentState>,
    /// Time when the callback was first received.
    pub received: Timestamp,
    /// Number of this attempt, from 1.
    pub attempt: u32,
    pub(crate) lease: Lease,
}

/// Held callbacks claimed for status requests.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ClaimedHeld {
    /// Status requests to send. Empty if none is due.
    pub questions: Vec<Question>,
    /// Callbacks without further status requests, because no earlier one was ever finished.
    pub given_up: Vec<EntryId>,
}

/// A held callback that needs a status request about its payment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Question {
    /// The callback's number.
    pub id: EntryId,
    /// The project whose key signed it.
    pub project: ProjectId,
    /// The payment whose status to request.
    pub payment: PaymentId,
    /// Time when the callback was first received.
    pub received: Timestamp,
    /// Number of this status request about the callback, from 1.
    pub attempt: u32,
    pub(crate) lease: Lease,
}

/// The right to finish a delivery. It ends when another worker claims the callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease(pub(crate) i64);

/// Result of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The handler succeeded.
    Done,
    /// The handler failed; try again.
    Retry {
        /// Time until the next attempt, with millisecond precision.
        after: Duration,
        /// The handler's error.
        error: String,
    },
    /// The handler failed too often.
    Dead {
        /// The handler's error.
        error: String,
    },
}

/// A filter for listing entries, newest first.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Query {
    /// Only entries in this state.
    pub state: Option<EntryState>,
    /// Only entries of this project.
    pub project: Option<ProjectId>,
    /// Only entries of this payment.
    pub payment: Option<PaymentId>,
    /// Only entries before this one: the last of the previous page.
    pub before: Option<EntryId>,
    /// Maximum number of callbacks; 100 by default.
    pub limit: Option<usize>,
}

/// Counts of an inbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Callbacks that wait for a worker or another attempt.
    pub waiting: u64,
    /// Callbacks that are held.
    pub held: u64,
    /// Held callbacks without further automatic status requests: Gate contradicts them, or did not
    /// decide in time. Alert on any.
    pub unconfirmed: u64,
    /// Callbacks whose handler failed too often.
    pub dead: u64,
    /// Callbacks that were handled.
    pub done: u64,
    /// Callbacks that repeated known statuses.
    pub repeated: u64,
    /// Payments with at least one stored callback.
    pub payments: u64,
    /// Time when the oldest waiting callback was received: alert on its age.
    pub oldest_waiting: Option<Timestamp>,
    /// Time when the oldest held callback was received: alert on its age.
    pub oldest_held: Option<Timestamp>,
}

impl Delivery {
    /// A delivery for testing a handler: a callback received now for the first time, which changed
    /// the status to its own. It belongs to no inbox, so it cannot be finished.
    ///
    /// ```
    /// use ecp_core::ProjectId;
    /// use ecp_core::model::{Callback, FromJson, PaymentStatus};
    /// use ecp_inbox::Delivery;
    ///
    /// let callback = Callback::from_slice(
    ///     br#"{"project_id":1,"payment":{"id":"order-1","type":"purchase","status":"success",
    ///         "sum":{"amount":10000,"currency":"EUR"}},"signature":"of no importance here"}"#,
    /// )?;
    /// let delivery = Delivery::for_test(ProjectId::new(1)?, callback);
    /// assert!(delivery.change.moved_to(&PaymentStatus::Success));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn for_test(project: ProjectId, callback: Callback) -> Self {
        let mut payment = PaymentState::default();
        let change = payment.apply(&StatusUpdate::of(&callback));
        Self {
            id: EntryId::new(1),
            project,
            change,
            payment: Some(payment),
            callback,
            received: SystemClock.timestamp(),
            attempt: 1,
            lease: Lease(0),
        }
    }

    /// The payment's result, if the callback is about this order; otherwise the mismatch, see
    /// [`Expected::result`]. Callbacks with more than one reading are held by the inbox until Gate
    /// confirms them.
    pub fn result_for(&self, expected: &Expected<'_>) -> Result<End, Unexpected> {
        expected.result(self.project, &self.callback)
    }
}

impl EntryId {
    /// An id from an inbox.
    pub const fn new(id: i64) -> Self {
        Self(id)
    }

    /// The callback's number.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Query {
    pub(crate) fn limit(&self) -> i64 {
        self.limit.map_or(100, |limit| i64::try_from(limit).unwrap_or(i64::MAX))
    }
}

impl EntryState {
    /// All states of a callback.
    pub const ALL: &'static [Self] =
        &[Self::Waiting, Self::Done, Self::Dead, Self::Held, Self::Repeated];

    /// The name, as it is stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Held => "held",
            Self::Repeated => "repeated",
        }
    }

    pub(crate) fn parse(word: &str) -> Result<Self, InboxError> {
        let known = Self::ALL.iter().find(|state| state.as_str() == word);
        known.copied().ok_or_else(|| InboxError::damaged("reading a callback's state"))
    }
}

impl fmt::Display for EntryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Raw {
    /// The received bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Raw {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({} bytes)", self.0.len())
    }
}
