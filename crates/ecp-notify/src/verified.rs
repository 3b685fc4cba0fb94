//! Verified messages.

use std::fmt;
use std::ops::Deref;

use ecp_core::ProjectId;
use ecp_core::model::Callback;
use ecp_core::model::borrowed::CallbackRef;
use ecp_core::signature::{Doubts, Order};

/// A message from the platform with a valid signature. Only a [`Verifier`](crate::Verifier) creates
/// one, so code that gets one need not check the signature.
///
/// A signature does not prove when the message was sent, that it comes for the first time, or that
/// it is about your order: callbacks come more than once and in any order. Compare a callback with
/// the order by [`Verified::result_for`].
#[derive(Clone)]
pub struct Verified<T, Body = Box<[u8]>> {
    message: T,
    raw: Body,
    project: ProjectId,
    key: usize,
    order: Order,
    doubts: Doubts,
}

/// A verified [`Callback`] without copies of its texts: it borrows from the JSON document that was
/// verified. [`into_owned`](Verified::into_owned) makes a copy that can be kept.
pub type VerifiedRef<'d> = Verified<CallbackRef<'d>, &'d [u8]>;

/// Whether a signature proves only one message, or also fits another one. Values are signed without
/// escaping: a description `a;payment:extra:1` may have the same signature as a description `a`
/// beside a member `payment.extra` with the value 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading<'v> {
    /// The signature fits this message only, as far as can be seen: no text of it looks like
    /// several members. A text that anyone chose, such as a description, may still have been split
    /// into members that were never sent, which no check can see. So [`Verified::result_for`]
    /// compares the members that decide with your order.
    Unique,
    /// The signature also fits another message, because the texts at these dotted paths, such as
    /// `payment.description`, may be several members that were signed separately. Before money
    /// moves because of such a message, request the payment's status from Gate (the platform's
    /// API).
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
    /// Returns an owned copy of the callback, with its body and its proof of verification.
    pub fn into_owned(self) -> Verified<Callback> {
        self.copy(CallbackRef::into_owned)
    }
}

impl<T, Body: AsRef<[u8]>> Verified<T, Body> {
    /// Whether the signature proves only this message, or also fits another one, because a text of
    /// the message can be read as several members. If it is [`Reading::Ambiguous`], request the
    /// payment's status from Gate (the platform's API) before money moves because of the message.
    pub fn reading(&self) -> Reading<'_> {
        match self.doubts.ambiguous.as_slice() {
            [] => Reading::Unique,
            paths => Reading::Ambiguous(paths),
        }
    }

    /// The dotted paths of members that the signature does not cover, so that their values prove
    /// nothing; mostly empty. The only such members are a payment provider's own fields named
    /// `signature` in the form of a redirect, such as `redirect_data.body.signature`; a message
    /// with any other uncovered member is refused.
    pub fn uncovered(&self) -> &[String] {
        &self.doubts.uncovered
    }

    /// Returns the message alone, without its proof of verification.
    pub fn into_inner(self) -> T {
        self.message
    }

    /// The bytes of the message, exactly as they were received and verified. They contain personal
    /// data.
    pub fn raw(&self) -> &[u8] {
        self.raw.as_ref()
    }

    /// The project whose key matched the signature. If two projects have the same key and the
    /// message names no project, it is the one that was added to the verifier first.
    pub const fn project(&self) -> ProjectId {
        self.project
    }

    /// The index of the key that matched the signature, among the project's keys: 0 for the key
    /// that was added first.
    pub const fn key(&self) -> usize {
        self.key
    }

    /// The order in which the members of the message were joined for its signature. The documented
    /// order is [`Order::Natural`]; a message in another order is genuine all the same, but not
    /// signed as documented: please report the order to this project.
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
