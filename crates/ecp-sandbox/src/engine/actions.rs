//! Actions of people besides requests to Gate, in the Dashboard and in tests.

use std::fmt;

use bytes::Bytes;
use ecp_core::{Money, PaymentId, ProjectId};
use serde_json::Value;

use super::Engine;
use super::progress::callback_url;
use super::state::State;
use crate::engine::callbacks::CallbackState;
use crate::engine::delivery::{Message, Parcel};
use crate::engine::events::EventKind;
use crate::payment::Decision;
use crate::wire::document::CANONICAL_LIMIT;
use crate::wire::signature;
use crate::wire::tamper::signed_again;

/// Error of [`Sandbox::send_callback`](crate::Sandbox::send_callback): the callback's body cannot
/// be signed (it is not a JSON object, or the text to sign is longer than 8 MiB), or the project or
/// payment is unknown. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidBody;

impl fmt::Display for InvalidBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the callback cannot be sent: its body is not a JSON object or is too long to sign, or \
             the payment is not in the sandbox's history",
        )
    }
}

impl std::error::Error for InvalidBody {}

impl Engine {
    /// Decides a payment in place of the customer on the provider's page. `amount` is the amount
    /// that the customer chooses, in a sale that leaves it open. Returns `false` if the payment
    /// does not wait for the customer; otherwise the payment continues in the background
    /// ([`Engine::settled`]).
    pub(crate) fn choose(
        &self,
        project: ProjectId,
        payment_id: &PaymentId,
        decision: Decision,
        amount: Option<Money>,
    ) -> bool {
        let Some(number) = self.number_of(project, payment_id) else { return false };
        let awaited = |number| {
            let state = self.state();
            state.entries.get(number).is_some_and(|entry| entry.payment.awaits_customer())
        };
        if !awaited(&number) {
            return false;
        }
        self.decide_now(number, decision, amount);
        true
    }

    /// Lets a payment continue that a [`Fault::StalePayment`](crate::Fault::StalePayment) keeps
    /// from ending. Returns `false` if no such fault keeps it.
    pub(crate) fn release(&self, project: ProjectId, payment_id: &PaymentId) -> bool {
        self.number_of(project, payment_id).is_some_and(|number| self.release_number(number))
    }

    /// Sends a callback again, beginning with its first attempt: the same bytes to the same
    /// address. Returns `false` if the callback is not in the history of events.
    pub(crate) fn resend_callback(
        &self,
        project: ProjectId,
        payment_id: &PaymentId,
        callback: u32,
    ) -> bool {
        let sent = self.timeline(project, payment_id).into_iter().rev().find_map(|event| {
            let about = (event.project_id, event.payment_id);
            match event.kind {
                EventKind::CallbackAttempted { callback: number, url, body, .. }
                    if number == callback =>
                {
                    Some((about, Some(url), body))
                }
                EventKind::CallbackRefused { callback: number, url, body, .. }
                    if number == callback =>
                {
                    Some((about, url, body))
                }
                _ => None,
            }
        });
        let Some((about, url, body)) = sent else { return false };
        let mut state = self.changing();
        state.set_callback_state(&about, callback, CallbackState::Waiting { callback });
        let parcel = Parcel {
            id: state.pendings.next(),
            about,
            message: Message::Callback(callback),
            place: None,
            url,
            body,
            previous: None,
            next: None,
            delay: std::time::Duration::ZERO,
            attempts: 0,
            due: None,
            lost: false,
            tried: Vec::new(),
        };
        state.pendings.begin(parcel.id, parcel.pending(None, None));
        self.deliver(parcel);
        true
    }

    /// Sends a callback with this body to the address of the payment's callbacks, after the
    /// payment's earlier callbacks. If `signed` is true, the sandbox puts a valid signature into
    /// the top-level member `signature` of the body, in place of an existing one; otherwise the
    /// body is sent unchanged. Fault rules apply to this callback too.
    pub(crate) fn send_callback(
        &self,
        project: ProjectId,
        payment_id: &PaymentId,
        body: impl Into<Bytes>,
        signed: bool,
    ) -> Result<(), InvalidBody> {
        let project = self.config().projects.get(&project).ok_or(InvalidBody)?;
        let mut body = String::from_utf8_lossy(&body.into()).into_owned();
        if signed {
            let document: Value = serde_json::from_str(&body).map_err(|_| InvalidBody)?;
            let is_too_long = signature::canonical_length(&document) > CANONICAL_LIMIT;
            if !document.is_object() || is_too_long {
                return Err(InvalidBody);
            }
            body = signed_again(document, &project.key);
        }
        let number = self.number_of(project.id, payment_id).ok_or(InvalidBody)?;
        let mut state = self.changing();
        state.touch(number);
        let State { entries, pendings, .. } = &mut *state;
        let entry = entries.get_mut(&number).ok_or(InvalidBody)?;
        let url = callback_url(&entry.payment, None, project);
        self.send(entry, pendings, project, url.as_deref(), body);
        Ok(())
    }
}
