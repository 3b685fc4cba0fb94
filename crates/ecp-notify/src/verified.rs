//! Verified messages.

use std::fmt;
use std::ops::Deref;

use ecp_core::ProjectId;
use ecp_core::model::Callback;
use ecp_core::model::borrowed::CallbackRef;
use ecp_core::signature::{Doubts, Order};

/// A message whose signature matched. Only a [`Verifier`](crate::Verifier) makes one.
#[derive(Clone)]
pub struct Verified<T, Body = Box<[u8]>> {
    message: T,
    raw: Body,
    project: ProjectId,
    key: usize,
    order: Order,
    doubts: Doubts,
}

/// A [`Callback`] that borrows from the document that was verified.
pub type VerifiedRef<'d> = Verified<CallbackRef<'d>, &'d [u8]>;

/// Whether a signature proves only one message. Values are signed unescaped, so a text that holds
/// `;` and then something like an item may have been several items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading<'v> {
    /// There is no other reading.
    Unique,
    /// These members, by their dotted paths, may hold others that were signed separately. Before
    /// money moves because of such a message, request the payment's status from Gate.
    Ambiguous(&'v [String]),
}

impl<'d, T> Verified<T, &'d [u8]> {
    pub(crate) fn new(
        message: T,
        raw: &'d [u8],
        project: ProjectId,
        key: usize,
        order: Order,
        doubts: Doubts,
    ) -> Self {
        Self { message, raw, project, key, order, doubts }
    }

    pub(crate) fn copy<U>(self, message: impl FnOnce(T) -> U) -> Verified<U> {
        let Self { project, key, order, doubts, .. } = self;
        Verified {
            message: message(self.message),
            raw: self.raw.into(),
            project,
            key,
            order,
            doubts,
        }
    }
}

impl VerifiedRef<'_> {
    /// An owned copy, body and proof included.
    pub fn into_owned(self) -> Verified<Callback> {
        self.copy(CallbackRef::into_owned)
    }
}

impl<T, Body: AsRef<[u8]>> Verified<T, Body> {
    /// Whether the signed string allows another reading than this message.
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

    /// The verified bytes, unchanged. They hold personal data.
    pub fn raw(&self) -> &[u8] {
        self.raw.as_ref()
    }

    /// The project whose key matched.
    pub const fn project(&self) -> ProjectId {
        self.project
    }

    /// Index of the matching key of the project, 0 for the one that was added first.
    pub const fn key(&self) -> usize {
        self.key
    }

    /// The order of the signed items.
    pub const fn order(&self) -> Order {
        self.order
    }
}

impl<T, Body> Deref for Verified<T, Body> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.message
    }
}

/// Prints the size of the body only: it holds personal data.
impl<T: fmt::Debug, Body: AsRef<[u8]>> fmt::Debug for Verified<T, Body> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("message", &self.message)
            .field("raw", &format_args!("{} bytes", self.raw().len()))
            .field("project", &self.project)
            .field("key", &self.key)
            .field("order", &self.order)
            .field("doubts", &self.doubts)
            .finish()
    }
}
