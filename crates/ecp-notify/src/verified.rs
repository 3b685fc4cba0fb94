//! The proof that a message is genuine.

use std::ops::Deref;

use ecp_core::ProjectId;
use ecp_core::signature::{Doubts, Order};

/// A message whose signature matched. Only a [`Verifier`](crate::Verifier) makes one.
#[derive(Clone, Debug)]
pub struct Verified<T> {
    message: T,
    raw: RawBody,
    project: ProjectId,
    key: usize,
    order: Order,
    doubts: Doubts,
}

/// Whether a signature proves one message only. Values are signed unescaped, so a text that holds
/// `;` and then something like an item may have been several items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading<'v> {
    /// There is no other reading.
    Unique,
    /// These texts, by their dotted paths, could be several items. Before money moves on the
    /// word of such a message, ask Gate for the payment's status.
    Ambiguous(&'v [String]),
}

#[derive(Clone)]
struct RawBody(Box<[u8]>);

impl<T> Verified<T> {
    pub(crate) fn new(
        message: T,
        raw: &[u8],
        project: ProjectId,
        key: usize,
        order: Order,
        doubts: Doubts,
    ) -> Self {
        Self { message, raw: RawBody(raw.into()), project, key, order, doubts }
    }

    /// Whether the signed string has another reading than this message.
    pub fn reading(&self) -> Reading<'_> {
        match self.doubts.ambiguous.as_slice() {
            [] => Reading::Unique,
            paths => Reading::Ambiguous(paths),
        }
    }

    /// Dotted paths of members that the signature does not cover: a provider's own `signature`
    /// among the fields of a redirect. Anywhere else such a member is refused.
    pub fn uncovered(&self) -> &[String] {
        &self.doubts.uncovered
    }

    /// The message without its proof.
    pub fn into_inner(self) -> T {
        self.message
    }

    /// The bytes that were verified, as they came. They hold personal data.
    pub fn raw(&self) -> &[u8] {
        &self.raw.0
    }

    /// The project whose key matched.
    pub const fn project(&self) -> ProjectId {
        self.project
    }

    /// Which of the project's keys matched, 0 for the one that was added first.
    pub const fn key(&self) -> usize {
        self.key
    }

    /// The order of the items that were signed.
    pub const fn order(&self) -> Order {
        self.order
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.message
    }
}

impl std::fmt::Debug for RawBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RawBody({} bytes)", self.0.len())
    }
}
