//! Entries of an inbox, and the types for claiming and listing them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use ecp_core::model::{Callback, End};
use ecp_core::{Clock as _, PaymentId, ProjectId, SystemClock, Timestamp};
use ecp_notify::{Expected, Unexpected};

use crate::error::InboxError;
use crate::state::{Change, PaymentState, StatusUpdate};

/// The number of a callback in its inbox. Later callbacks have greater numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(i64);

/// What has become of a callback in an inbox: it waits for its handler, was handled, was given up
/// (dead), is held until Gate confirms it, or repeats another callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryState {
    /// The callback waits for a [`Worker`](crate::Worker) to pass it to your handler, for the first
    /// time or again, or is being handled now.
    Waiting,
    /// Your handler succeeded with the callback, which is not handled again unless somebody replays
    /// it.
    Done,
    /// The callback was given up after its last attempt, or because its stored body cannot be read,
    /// so your handler has not done its work for it. Remove the cause that [`Entry::error`] shows;
    /// then [`Inbox::replay`](crate::Inbox::replay) or `ecp inbox replay` schedules it for handling
    /// again.
    Dead,
    /// The callback waits until Gate (the platform's API) confirms it: it reports a final status,
    /// and the inbox's [`Hold`](crate::Hold) policy does not trust its signature alone. Until then
    /// it changes no payment's state and reaches no handler. A worker with
    /// [`Questions`](crate::Questions) requests the status from Gate and releases the callback
    /// automatically; without one it stays held until [`Inbox::release`](crate::Inbox::release) is
    /// called, as `ecp inbox release` does.
    Held,
    /// Another callback in the inbox reported the same values of the same operation, in other
    /// bytes, and is handled for both. This callback is kept but not handled. If the other one is
    /// dead (given up), replay the other one.
    Repeated,
}

/// A callback in an inbox, as a list of callbacks shows it: which payment it is about, whether it
/// was handled, how often that was tried, and why the last attempt failed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// The callback's number in the inbox, by which it can be read, replayed or released.
    pub id: EntryId,
    /// Whether the callback waits, was handled, was given up, is held until Gate confirms it, or
    /// repeats another one.
    pub state: EntryState,
    /// The project whose key verified the callback's signature.
    pub project: ProjectId,
    /// The id of the payment; `None` if the callback names no payment.
    pub payment: Option<PaymentId>,
    /// The payment's status in this callback, as the platform spells it, such as `success`; `None`
    /// if the callback has no status.
    pub status: Option<String>,
    /// Time when the callback was first received.
    pub received: Timestamp,
    /// Number of times that the callback was received with exactly the same bytes, the first time
    /// included.
    pub times: u32,
    /// Number of attempts to handle the callback since it was received, released or last replayed,
    /// the current one included. While the callback is held (Gate has not confirmed it), number of
    /// status requests to Gate about it.
    pub attempts: u32,
    /// Time of the next attempt to handle the callback, while it waits; while it is being handled,
    /// time when another worker may take it over. While the callback is held (Gate has not
    /// confirmed it), time of the next status request to Gate: `None` with no
    /// [`attempts`](Self::attempts) means at once (never, if the callback names no payment), and
    /// `None` after an attempt means that no further request is sent automatically. `None` also if
    /// the callback is done, dead or repeated.
    pub due: Option<Timestamp>,
    /// Why the last failed attempt failed, in at most 1000 characters: the text of the handler's
    /// error, in which handlers must put no personal data, or why there was no result. It may still
    /// be there when a later attempt has succeeded. While the callback is held (Gate has not
    /// confirmed it), the reason why the last status request did not release it. `None` if nothing
    /// failed.
    pub error: Option<String>,
    /// What the callback changed in the payment's state, such as the status from `processing` to
    /// `success`. Nothing while the callback is held (Gate has not confirmed it), and nothing if it
    /// repeats another one.
    pub change: Change,
    /// Dotted paths of the texts, such as `payment.description`, that make the callback's signature
    /// ambiguous: the same signature also fits a callback with other values. Empty if it does not.
    pub ambiguous: Vec<String>,
    /// The received body, which holds personal data. `None` in the results of
    /// [`Inbox::entries`](crate::Inbox::entries), and after
    /// [`Inbox::remove_bodies`](crate::Inbox::remove_bodies) has removed it.
    pub raw: Option<Raw>,
    /// Milliseconds since 1970 at which the last attempt began or ended; 0 before the first.
    pub(crate) since: i64,
}

/// Marks how far the processing of a callback was when a page showed it, so that a person replays
/// exactly what the page showed. [`Inbox::replay_version`](crate::Inbox::replay_version) schedules
/// the callback for handling again only if it was left alone since: no attempt has begun or ended,
/// and it was neither replayed nor released. Get it from [`Entry::version`].
///
/// As text, for a field of a form, it has no blanks and no personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    pub(crate) state: EntryState,
    pub(crate) attempts: u32,
    pub(crate) since: i64,
}

/// Error for a text that is not a [`Version`], such as `dead-3-1700000000000`: the form that sent
/// it was not made from [`Entry::version`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the text is not a callback's `Version`, such as `dead-3-1700000000000`: use the one that `Entry::version` \
     gives"
)]
#[non_exhaustive]
pub struct InvalidVersion;

impl Entry {
    /// Returns a mark of the processing that this entry shows. With it,
    /// [`Inbox::replay_version`](crate::Inbox::replay_version) replays the callback only if its
    /// processing has not gone on since.
    pub fn version(&self) -> Version {
        Version { state: self.state, attempts: self.attempts, since: self.since }
    }
}

/// `dead-3-1700000000000`
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.state, self.attempts, self.since)
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let read = || {
            let (state, rest) = text.split_once('-')?;
            let (attempts, since) = rest.split_once('-')?;
            let state = EntryState::parse(state).ok()?;
            Some(Self { state, attempts: attempts.parse().ok()?, since: since.parse().ok()? })
        };
        read().ok_or(InvalidVersion)
    }
}

/// The received bytes of a callback, read by [`expose`](Self::expose). They hold personal data and
/// are not printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Raw(Vec<u8>);

/// Parameters of [`Inbox::claim`](crate::Inbox::claim) and
/// [`Inbox::claim_held`](crate::Inbox::claim_held), by which a worker reserves callbacks for
/// itself: how many, for how long, and the maximum number of attempts for each callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// Maximum number of callbacks to claim.
    pub limit: usize,
    /// Time for which the callbacks are reserved, with millisecond precision. Afterwards, any
    /// worker may claim them again.
    pub lease: Duration,
    /// Maximum number of attempts for each callback, including the attempt that this claim begins.
    /// A callback that has had them all is not claimed: one that waits is given up and becomes dead
    /// ([`Claimed::dead`]); one that is held until Gate confirms it stays held, without further
    /// status requests ([`ClaimedHeld::given_up`]).
    pub attempts: u32,
}

impl Claim {
    /// Returns the parameters that reserve at most `limit` callbacks for the time `lease`, without
    /// a maximum number of attempts.
    pub fn new(limit: usize, lease: Duration) -> Self {
        Self { limit, lease, attempts: u32::MAX }
    }

    /// Sets the maximum number of attempts for each callback, including the attempt that this claim
    /// begins; by default there is no maximum. A callback that has had them all is not claimed: one
    /// that waits is given up and becomes dead ([`Claimed::dead`]); one that is held until Gate
    /// confirms it stays held, without further status requests ([`ClaimedHeld::given_up`]).
    pub fn attempts(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }
}

/// Why a callback is dead without a result of its handler.
pub(crate) const NO_RESULT: &str = "the last attempt stored no result: its process ended, or it took \
                                    longer than its lease (`Worker::lease`)";

/// Result of [`Inbox::claim`](crate::Inbox::claim): the callbacks that are now reserved for you,
/// and those that were given up instead (became dead), for example after the maximum number of
/// attempts.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Claimed {
    /// Callbacks to handle; store the result of each by [`Inbox::finish`](crate::Inbox::finish).
    /// Empty if none is due.
    pub deliveries: Vec<Delivery>,
    /// Callbacks that were given up instead of being claimed: they have had all their attempts
    /// ([`Claim::attempts`]), or the stored body can no longer be read. A [`Worker`](crate::Worker)
    /// gives up a callback itself after the last failed attempt, so here it is one whose last
    /// attempt stored no result, for example because its process crashed, or one whose maximum
    /// number of attempts was lowered. Remove the cause, and replay them.
    pub dead: Vec<EntryId>,
}

/// A callback that your handler is to handle, with its effect on the payment and the present state
/// of the payment. Most handlers act on [`change`](Self::change), or compare the callback with
/// their order by [`result_for`](Self::result_for).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Delivery {
    /// The callback's number, the same in every attempt. A handler with effects outside the
    /// database can use it to apply each effect once.
    pub id: EntryId,
    /// The project whose key verified the callback's signature.
    pub project: ProjectId,
    /// The callback to handle, as the platform sent it. Its signature was verified.
    pub callback: Callback,
    /// What the callback changed in the payment's state, such as the status from `processing` to
    /// `success`. Most handlers look at this first.
    pub change: Change,
    /// State of the payment when this attempt began, which includes callbacks that arrived after
    /// this one. `None` if the callback names no payment, or if no callback about it had a status
    /// or an operation.
    pub payment: Option<PaymentState>,
    /// Time when the callback was first received.
    pub received: Timestamp,
    /// Number of this attempt to handle the callback, from 1; again from 1 after a replay.
    pub attempt: u32,
    pub(crate) lease: Lease,
}

/// Result of [`Inbox::claim_held`](crate::Inbox::claim_held): the status requests to send to Gate
/// (the platform's API), to confirm callbacks that are held until then.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ClaimedHeld {
    /// Status requests to send; give Gate's answer to [`Inbox::release`](crate::Inbox::release), or
    /// the reason why it decided nothing to [`Inbox::postpone`](crate::Inbox::postpone). Empty if
    /// none is due.
    pub questions: Vec<Question>,
    /// Callbacks that stay held, without further automatic status requests to Gate: they have had
    /// all their attempts ([`Claim::attempts`]), and the last one stored no result, for example
    /// because its process crashed, or the number of attempts was lowered. A person must decide
    /// about them; `ecp inbox release` asks Gate once more.
    pub given_up: Vec<EntryId>,
}

/// A status request to send to Gate (the platform's API) about the payment of a held callback,
/// which is not handled until Gate confirms it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Question {
    /// The number of the held callback in the inbox, for [`Inbox::release`](crate::Inbox::release).
    pub id: EntryId,
    /// The project whose key verified the callback's signature.
    pub project: ProjectId,
    /// The id of the payment whose status is to be requested.
    pub payment: PaymentId,
    /// Time when the callback was first received.
    pub received: Timestamp,
    /// Number of this status request about the callback: 1 for the first one.
    pub attempt: u32,
    pub(crate) lease: Lease,
}

/// The right of one worker to store the result of its attempt to handle a callback. The right ends
/// when the result is stored, or when another worker claims the callback. The inbox checks it:
/// there is nothing to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease(pub(crate) i64);

/// Result of an attempt to handle a callback, for [`Inbox::finish`](crate::Inbox::finish). A
/// [`Worker`](crate::Worker) chooses it by the result of your handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The handler succeeded: the callback is not handled again.
    Done,
    /// The handler failed; the callback is tried again after a pause.
    Retry {
        /// Time until the next attempt, with millisecond precision.
        after: Duration,
        /// The text of the handler's error, without personal data; [`Entry::error`] shows it.
        error: String,
    },
    /// The handler failed too often: the callback is given up, and is not handled again until
    /// somebody replays it.
    Dead {
        /// The text of the handler's error, without personal data; [`Entry::error`] shows it.
        error: String,
    },
}

/// Filter for listing callbacks with [`Inbox::entries`](crate::Inbox::entries). A field that is
/// `None` excludes nothing, but at most 100 callbacks are listed unless `limit` is set.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Query {
    /// Only callbacks in this state, such as [`EntryState::Dead`]; `None` for all states.
    pub state: Option<EntryState>,
    /// Only callbacks of this project; `None` for all projects.
    pub project: Option<ProjectId>,
    /// Only callbacks of payments with this id, in any project unless `project` is set; `None` for
    /// all payments.
    pub payment: Option<PaymentId>,
    /// Only callbacks with smaller numbers than this one. For the next page of a list, give the
    /// number of the last callback of the previous page; `None` begins with the newest callback.
    pub before: Option<EntryId>,
    /// Maximum number of callbacks; `None` means 100.
    pub limit: Option<usize>,
}

/// Numbers of callbacks in an inbox by state, and the times when the oldest callbacks that still
/// wait were received: what to watch and alert on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Number of callbacks that wait for a worker or for another attempt, or that are being handled
    /// now.
    pub waiting: u64,
    /// Number of callbacks that are held: they are not handled until Gate (the platform's API)
    /// confirms them.
    pub held: u64,
    /// Number of held callbacks without further automatic status requests, because Gate contradicts
    /// them or did not confirm them in time. Alert if it is not 0: a person must decide about them
    /// (`ecp inbox list --state held`). Callbacks that Gate was never asked about are not among
    /// them: those that name no payment, and all of them if no worker has
    /// [`Questions`](crate::Questions); [`oldest_held`](Self::oldest_held) shows these.
    pub unconfirmed: u64,
    /// Number of callbacks that were given up and not replayed since. Alert if it is not 0, and
    /// list them by `ecp inbox list --state dead`.
    pub dead: u64,
    /// Number of callbacks that were handled, including those whose stored bodies were removed.
    pub done: u64,
    /// Number of callbacks that are kept but not handled, because another callback reported the
    /// same values in other bytes and is handled for both.
    pub repeated: u64,
    /// Number of payments with at least one stored callback.
    pub payments: u64,
    /// Time when the oldest waiting callback was received; `None` if none waits. Alert on its age.
    /// A callback that was replayed or released counts from when it was received.
    pub oldest_waiting: Option<Timestamp>,
    /// Time when the oldest held callback was received, one that is not handled until Gate confirms
    /// it; `None` if none is held. Alert on its age.
    pub oldest_held: Option<Timestamp>,
    /// Time when the oldest callback in the outbox was received, the list of callbacks that are
    /// still to be published to a stream; `None` if the outbox is empty or off. Alert on its age.
    pub oldest_unpublished: Option<Timestamp>,
}

impl Delivery {
    /// Makes a delivery with which a test calls a handler: the callback counts as received now, and
    /// as the first about its payment. The delivery belongs to no inbox, so the result of handling
    /// it cannot be stored.
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

    /// Compares the callback with your order, and returns the payment's result, such as
    /// [`End::Success`]; the error says what does not match, such as the amount
    /// ([`Expected::result`]). The signature needs no further check: a final callback whose
    /// signature also fits other values is handled only after Gate has confirmed it.
    ///
    /// The result is that of the payment in this callback: more than one callback may return
    /// [`End::Success`], among them one about a declined refund. Deliver once for each payment, by
    /// a note on the order.
    ///
    /// A mismatch is not an error of the handler, because no repetition of the callback can fit:
    /// note it on the order, return `Ok`, and settle the order by Gate's answer to a status request
    /// ([`Expected::status_result`]). As an error it would keep the later callbacks of the payment
    /// waiting until this one is dead.
    pub fn result_for(&self, expected: &Expected<'_>) -> Result<End, Unexpected> {
        expected.result(self.project, &self.callback)
    }
}

impl EntryId {
    /// Makes the id of a callback from the callback's number in its inbox, which [`EntryId::get`]
    /// returns.
    pub const fn new(id: i64) -> Self {
        Self(id)
    }

    /// The callback's number in its inbox.
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
    /// All states that a callback in an inbox can have.
    pub const ALL: &'static [Self] =
        &[Self::Waiting, Self::Done, Self::Dead, Self::Held, Self::Repeated];

    /// The name of the callback's state, as it is stored and printed, such as `waiting`.
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
    /// The received bytes of the callback, which hold personal data.
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
