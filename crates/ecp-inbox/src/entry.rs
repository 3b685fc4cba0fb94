//! Entries of an inbox, and the types for claiming and listing them.

use std::fmt;
use std::time::Duration;

use ecp_core::model::{Callback, End};
use ecp_core::{PaymentId, ProjectId, Timestamp};
use ecp_notify::{Expected, Unexpected};

use crate::clock::{self, SystemClock};
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
    /// It reports a final status that the inbox's [`Hold`](crate::Hold) does not trust until Gate
    /// confirms it. Gate's answer to a status request releases it: a worker asks by
    /// itself where it is given [`Questions`](crate::Questions), and
    /// [`Inbox::release`](crate::Inbox::release) does the same by hand.
    Held,
    /// An earlier callback reported the same of the same operation. It is kept but not handled.
    Repeated,
}

/// A callback in the inbox, without its body.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// Its number.
    pub id: EntryId,
    /// Processing state.
    pub state: EntryState,
    /// The project whose key signed it.
    pub project: ProjectId,
    /// The payment that it is about, in the formats that name one.
    pub payment: Option<PaymentId>,
    /// The payment's status as this callback said, in the platform's words.
    pub status: Option<String>,
    /// When it came first.
    pub received: Timestamp,
    /// How often the same bytes came.
    pub times: u32,
    /// How often a handler was given it; while it is held, how often Gate was asked about it.
    pub attempts: u32,
    /// When it may be handled next, while it waits. While it is held, when Gate is asked again:
    /// `None` after an attempt means never by itself.
    pub due: Option<Timestamp>,
    /// Last error of its handler. Handlers must keep personal data out of it.
    /// While it is held, why the last question did not release it.
    pub error: Option<String>,
    /// What it changed when it came, or when it was released.
    pub change: Change,
    /// Dotted paths of the texts that have another reading.
    pub ambiguous: Vec<String>,
    /// The body as it came, until retention removes it; only where one entry was asked for.
    /// It holds personal data.
    pub raw: Option<Raw>,
}

/// The bytes of a callback. They hold personal data and are not printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Raw(Vec<u8>);

/// What to take for handling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// How many at most.
    pub limit: usize,
    /// How long they are the claimer's, to the millisecond. After that, others may take them.
    pub lease: Duration,
    /// How many attempts each may have, this one included.
    pub attempts: u32,
}

/// What was taken.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Claimed {
    /// To be handled. Empty if nothing is due.
    pub deliveries: Vec<Delivery>,
    /// What became dead instead, because no attempt was ever finished, or because its body cannot
    /// be read any more.
    pub dead: Vec<EntryId>,
}

/// A callback handed to a handler.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Delivery {
    /// Its number. A handler whose effects go elsewhere can use it to do each once.
    pub id: EntryId,
    /// The project whose key signed it.
    pub project: ProjectId,
    /// The callback.
    pub callback: Callback,
    /// What it changed. Most handlers look at this first.
    pub change: Change,
    /// Where the payment stands now, with all that came since.
    pub payment: Option<PaymentState>,
    /// When it came first.
    pub received: Timestamp,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    pub(crate) lease: Lease,
}

/// What Gate is to be asked about callbacks that are held.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ClaimedHeld {
    /// To be asked. Empty if nothing is due.
    pub questions: Vec<Question>,
    /// Callbacks about which Gate is not asked again, because no question ever came to an end.
    pub given_up: Vec<EntryId>,
}

/// A callback that is held, and about whose payment Gate is to be asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Question {
    /// The callback's number.
    pub id: EntryId,
    /// The project whose key signed it.
    pub project: ProjectId,
    /// The payment.
    pub payment: PaymentId,
    /// When the callback came first.
    pub received: Timestamp,
    /// Which question about this callback it is, from 1.
    pub attempt: u32,
    pub(crate) lease: Lease,
}

/// The right to finish a delivery. It ends when another worker claims the callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease(pub(crate) i64);

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The handler has taken the callback in.
    Done,
    /// It failed; try again.
    Retry {
        /// How much later, to the millisecond.
        after: Duration,
        /// What it said.
        error: String,
    },
    /// It failed too often.
    Dead {
        /// What it said.
        error: String,
    },
}

/// Which entries to list, newest first.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Query {
    /// Only those in this state.
    pub state: Option<EntryState>,
    /// Only those of this project.
    pub project: Option<ProjectId>,
    /// Only those of this payment.
    pub payment: Option<PaymentId>,
    /// Only those before this one: where the page before ended.
    pub before: Option<EntryId>,
    /// How many at most; 100 by default.
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
    /// Held callbacks about which Gate is not asked again automatically: it contradicts them, or
    /// did not decide in time. Alert on any.
    pub unconfirmed: u64,
    /// Callbacks whose handler failed too often.
    pub dead: u64,
    /// Callbacks that were handled.
    pub done: u64,
    /// Callbacks that repeated known statuses.
    pub repeated: u64,
    /// Payments with at least one stored callback.
    pub payments: u64,
    /// When the oldest waiting callback came: alert on its age.
    pub oldest_waiting: Option<Timestamp>,
    /// When the oldest held callback came: alert on its age.
    pub oldest_held: Option<Timestamp>,
}

impl Delivery {
    /// A delivery to call a handler with in a test: a callback that came now for the first time,
    /// and changed the status to its own. It is of no inbox, so nothing can be finished with it.
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
            received: clock::timestamp(clock::now(&SystemClock)),
            attempt: 1,
            lease: Lease(0),
        }
    }

    /// The payment's result, if the callback is about this order; otherwise what does not fit, see
    /// [`Expected::result`]. Callbacks that can be read in more than one way are held by the inbox
    /// until Gate confirms them.
    pub fn result_for(&self, expected: &Expected<'_>) -> Result<End, Unexpected> {
        expected.result(self.project, &self.callback)
    }
}

impl EntryId {
    /// A number that an inbox gave.
    pub const fn new(id: i64) -> Self {
        Self(id)
    }

    /// The number.
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
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::Waiting, Self::Done, Self::Dead, Self::Held, Self::Repeated];

    /// Its word, as it is stored and printed.
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
        known.copied().ok_or_else(|| InboxError::damaged("a callback's state"))
    }
}

impl fmt::Display for EntryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Raw {
    /// The bytes, as they came.
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
