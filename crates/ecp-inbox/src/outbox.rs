//! Callbacks to be published: what an inbox has taken in, in the order of each payment.

use std::fmt::Write as _;
use std::time::Duration;

use ecp_core::model::Callback;
use ecp_core::{PaymentId, ProjectId, Timestamp};
use ecp_notify::Verified;

use crate::accept::{Digest, content};
use crate::entry::{EntryId, Raw};
use crate::state::Change;

/// Time for which one publisher has the outbox to itself, since it last read from it.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// A callback in the outbox of an inbox: the inbox has accepted the callback, and it is still to be
/// published, for example to a stream by `Outbox` of `ecp-stream`.
///
/// The outbox holds a callback from the transaction in which the payment's state takes it in: when
/// it is accepted, or when it is released if it was held. Callbacks that repeat an earlier one are
/// not in it, and a replayed one does not come into it again. It does not matter whether the
/// callback was handled.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Publication {
    /// The callback's number in the inbox. It is not the id to recognize repetitions by: that is
    /// [`message_id`](Self::message_id).
    pub id: EntryId,
    /// The project whose key verified the callback's signature.
    pub project: ProjectId,
    /// The id of the payment; `None` if the callback names no payment.
    pub payment: Option<PaymentId>,
    /// What the callback changed in the payment's state, such as the status from `processing` to
    /// `success`.
    pub change: Change,
    /// Time when the callback was first received.
    pub received: Timestamp,
    /// The received body, which holds personal data.
    pub raw: Raw,
    /// The id of the message, 64 hexadecimal digits. It is the same each time the callback is
    /// published, so readers recognize repetitions by it ([`message_id`]).
    pub message_id: String,
    /// The place in the order of publication.
    pub(crate) place: i64,
}

/// Identifies one publisher among those that share the outbox of an inbox, the list of callbacks to
/// be published. Only one of them has the outbox at a time; if that one has not read from the
/// outbox for 15 to 30 seconds, another one takes over. If the first one was only slow, both may
/// publish the same callbacks: readers recognize them by [`Publication::message_id`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublisherId(pub(crate) i64);

impl PublisherId {
    /// Makes a new random id. Make one for each publisher, and use it for all its calls of
    /// [`Inbox::publications`](crate::Inbox::publications).
    pub fn random() -> Self {
        Self(fastrand::i64(1..))
    }
}

/// The id under which a callback is published: 64 hexadecimal digits, the SHA-256 digest of its
/// project and its received bytes. The same callback has the same id in every inbox and every stream.
pub fn message_id(callback: &Verified<Callback>) -> String {
    of_content(&content(callback.project(), callback.raw()))
}

pub(crate) fn of_content(content: &Digest) -> String {
    let mut id = String::with_capacity(64);
    for byte in content {
        let _ = write!(id, "{byte:02x}");
    }
    id
}
