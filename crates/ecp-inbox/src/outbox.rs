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

/// A callback that the inbox has taken in and that is to be published.
///
/// The outbox holds a callback from the transaction in which the payment's state takes it in: when
/// it is accepted, or when it is released if it was held. Callbacks that repeat an earlier one are
/// not in it, and a replayed one does not come into it again. It does not matter whether the
/// callback was handled.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Publication {
    /// The callback's number in the inbox.
    pub id: EntryId,
    /// The project whose key verified the callback's signature.
    pub project: ProjectId,
    /// The id of the payment; `None` if the callback names no payment.
    pub payment: Option<PaymentId>,
    /// The change of the payment's state that the callback caused.
    pub change: Change,
    /// Time when the callback was first received.
    pub received: Timestamp,
    /// The received body, which holds personal data.
    pub raw: Raw,
    /// The message's id, by which repetitions of it are recognized: see [`message_id`].
    pub message_id: String,
    /// The place in the order of publication.
    pub(crate) place: i64,
}

/// Identifies one publisher among those that share an inbox. Only one of them has the outbox at a
/// time; another one takes over when it has not read from the outbox for 15 to 30 seconds. If it
/// was only slow, both may publish the same callbacks: readers recognize them by
/// [`Publication::message_id`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublisherId(pub(crate) i64);

impl PublisherId {
    /// Makes a new id, different from all others.
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
