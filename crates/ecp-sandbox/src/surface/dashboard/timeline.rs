//! The story of a payment: every message, with what was said and how it was signed.

use ecp_core::ProjectId;
use serde_json::Value;

use super::shell::when;
use crate::engine::Engine;
use crate::engine::events::{Confirmation, Event, EventKind, RawBody};

/// A longer body is cut: it is shown, not stored.
const LONGEST_BODY: usize = 64 << 10;

/// One event in the history of a payment, as its page shows it.
pub(crate) struct Entry {
    pub(crate) at: String,
    /// Kind of the event for the page's style: `in` and `out` for received and sent messages,
    /// `person` for a person's action, `state` for a new status.
    pub(crate) side: &'static str,
    pub(crate) good: Option<bool>,
    pub(crate) title: String,
    pub(crate) note: String,
    pub(crate) bodies: Vec<Body>,
    /// Number of the callback, if it can be sent again.
    pub(crate) callback: Option<u32>,
}

/// A message's body.
pub(crate) struct Body {
    pub(crate) name: &'static str,
    pub(crate) text: String,
    pub(crate) signature: Option<Signature>,
}

/// Explanation of the signature of a message's body.
pub(crate) struct Signature {
    pub(crate) items: Vec<String>,
    pub(crate) given: String,
    pub(crate) expected: String,
    pub(crate) matches: bool,
}

impl Body {
    fn new(name: &'static str, body: &RawBody) -> Option<Self> {
        let text = pretty(body);
        (!text.is_empty()).then_some(Self { name, text, signature: None })
    }

    /// A body that carries a signature, or should.
    fn signed(
        engine: &Engine,
        project: ProjectId,
        name: &'static str,
        body: &RawBody,
    ) -> Option<Self> {
        let note = engine.explain(project, body);
        let signature = note.map(|note| Signature {
            matches: note.matches(),
            items: note.canonical.split(';').map(str::to_owned).collect(),
            given: note.given.unwrap_or_default(),
            expected: note.expected,
        });
        Some(Self { signature, ..Self::new(name, body)? })
    }
}

/// The JSON in lines, or whatever it is.
fn pretty(body: &RawBody) -> String {
    let text = match serde_json::from_slice::<Value>(body.bytes()) {
        Ok(document) => serde_json::to_string_pretty(&document).unwrap_or_default(),
        Err(_) => body.text(),
    };
    match text.char_indices().nth(LONGEST_BODY) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl Entry {
    pub(super) fn of(engine: &Engine, project: ProjectId, event: &Event) -> Self {
        let mut entry = Self {
            at: when(event.at),
            side: "state",
            good: None,
            title: String::new(),
            note: String::new(),
            bodies: Vec::new(),
            callback: None,
        };
        let signed = |name, body| Body::signed(engine, project, name, body);
        match &event.kind {
            EventKind::CallbackAttempted {
                callback,
                attempt,
                url,
                body,
                answer,
                reply,
                retry_in,
            } => {
                entry.side = "out";
                entry.good = Some(matches!(answer, Ok(200)));
                entry.callback = Some(*callback);
                let answer = match answer {
                    Ok(status) => format!("the merchant answered {status}"),
                    Err(error) => format!("no answer: {error}"),
                };
                entry.title = format!("Callback {callback}, attempt {attempt}: {answer}");
                entry.note = format!("to {url}");
                if let Some(pause) = retry_in {
                    entry.note = format!("{}; again in {} s", entry.note, pause.as_secs_f64());
                }
                entry.bodies.extend(signed("Callback", body));
                entry.bodies.extend(Body::new("The merchant’s answer", reply));
            }
            EventKind::CallbackRefused { callback, url, body, reason } => {
                entry.side = "out";
                entry.good = Some(false);
                entry.callback = Some(*callback);
                entry.title = format!("Callback {callback} was not sent: {reason}");
                entry.note = url.as_ref().map(|url| format!("to {url}")).unwrap_or_default();
                entry.bodies.extend(signed("Callback", body));
            }
            EventKind::ConfirmationAsked { url, body } => {
                entry.side = "out";
                "The merchant was asked to confirm the amount".clone_into(&mut entry.title);
                entry.note = format!("to {url}");
                entry.bodies.extend(signed("Question", body));
            }
            EventKind::ConfirmationAnswered { status, body, confirmation } => {
                entry.side = "in";
                entry.good = Some(*confirmation == Confirmation::Accepted);
                entry.title = match status {
                    Some(status) => format!("The merchant answered {status}"),
                    None => "The merchant did not answer".to_owned(),
                };
                entry.note = confirmation.to_string();
                entry.bodies.extend(Body::new("Answer", body));
            }
            EventKind::ConfirmationRefused { url, body, reason } => {
                entry.side = "out";
                entry.good = Some(false);
                entry.title = format!("The merchant could not be asked: {reason}");
                entry.note = url.as_ref().map(|url| format!("to {url}")).unwrap_or_default();
                entry.bodies.extend(signed("Question", body));
            }
            EventKind::RequestReceived { method, path, body } => {
                entry.side = "in";
                entry.title = format!("{method} {path}");
                entry.bodies.extend(signed("Request", body));
            }
            EventKind::ResponseSent { status, body } => {
                entry.side = "out";
                entry.good = Some(*status < 400);
                entry.title = format!("Answered {status}");
                entry.bodies.extend(Body::new("Response", body));
            }
            EventKind::Placed { interface, document } => {
                entry.side = "in";
                entry.title = format!("Channel: {interface}");
                entry.bodies.extend(Body::new("As a Gate request", document));
            }
            EventKind::PageOpened { accepted, notice, parameters } => {
                entry.side = "person";
                entry.good = Some(*accepted);
                notice.unwrap_or_default().clone_into(&mut entry.note);
                entry.title = if *accepted {
                    "The Payment Page was opened".to_owned()
                } else {
                    "The Payment Page was refused".to_owned()
                };
                entry.bodies.extend(signed("Parameters", parameters));
            }
            other => entry.say(other),
        }
        entry
    }

    /// Titles of events without a message.
    fn say(&mut self, kind: &EventKind) {
        match kind {
            EventKind::CustomerArrived => {
                self.side = "person";
                "The customer opened the provider’s page".clone_into(&mut self.title);
            }
            EventKind::CustomerDecided(decision) => {
                self.side = "person";
                self.title = format!("The customer pressed {decision}");
            }
            EventKind::CustomerReturned { url } => {
                self.side = "person";
                "The customer was sent back".clone_into(&mut self.title);
                self.note = format!("to {url}");
            }
            EventKind::FaultStruck { rule, fault } => {
                self.good = Some(false);
                self.title = format!("Fault: {fault}");
                self.note = format!("by rule {rule}");
            }
            EventKind::OperationChanged { operation_id, kind, status } => {
                self.title = format!("The {kind} is “{status}”");
                self.note = format!("operation {operation_id}");
            }
            EventKind::PaymentChanged(status) => self.title = format!("The payment is “{status}”"),
            EventKind::PaymentReleased => {
                "The payment was released".clone_into(&mut self.title);
            }
            EventKind::RefundChanged { operation_id, status } => {
                self.title = format!("The refund is “{status}”");
                self.note = format!("operation {operation_id}");
            }
            other => self.title = format!("{other:?}"),
        }
    }
}
