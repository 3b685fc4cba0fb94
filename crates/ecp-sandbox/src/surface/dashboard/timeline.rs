//! The story of a payment: every message, with what was said and how it was signed.

use ecp_core::ProjectId;
use serde_json::Value;

use super::shell::Stamp;
use crate::engine::Engine;
use crate::engine::events::{Confirmation, Event, EventKind, RawBody};

/// A longer body is cut: it is shown, not stored.
const LONGEST_BODY: usize = 64 << 10;

/// Fewest repeats that are folded into one line.
const FEWEST_FOLDED: usize = 3;

/// One event in the history of a payment, as its page shows it.
pub(crate) struct Entry {
    /// Number of the event.
    pub(crate) number: u64,
    pub(crate) at: Stamp,
    /// Kind of the event for the page's style: `in` and `out` for received and sent messages,
    /// `person` for a person's action, `state` for a new status.
    pub(crate) side: &'static str,
    pub(crate) good: Option<bool>,
    pub(crate) title: String,
    pub(crate) note: String,
    pub(crate) bodies: Vec<Body>,
    /// Number of the callback, if it can be sent again.
    pub(crate) callback: Option<u32>,
    /// Kind of event that often repeats, such as a request for the status. The page shows three or
    /// more equal ones in a row as one line. `None` for events that are always shown on their own.
    repeats: Option<Repeat>,
    /// Whether the event is the sandbox's answer to an HTTP request, which is then the event before
    /// it.
    is_answer: bool,
}

/// An event that is often repeated without a change.
#[derive(Clone, PartialEq, Eq)]
enum Repeat {
    /// A request for the payment's status at this path, such as `/v2/payment/status`, together with
    /// its answer.
    Poll(String),
    /// A failed attempt to send the callback with this number, counted from 1 for each payment.
    Attempt(u32),
}

/// A part of a payment's history: one event, or several that repeat each other.
pub(crate) enum Item {
    One(Entry),
    Many { title: String, first: Stamp, last: Stamp, good: Option<bool>, entries: Vec<Entry> },
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

impl Item {
    /// Returns the history of events with repeats folded: requests for the status, and failed
    /// attempts to send one callback.
    pub(super) fn fold(entries: Vec<Entry>) -> Vec<Self> {
        let mut runs: Vec<Vec<Entry>> = Vec::new();
        for mut entry in entries {
            let run = runs.last_mut().filter(|run| run[0].repeats.is_some());
            let before = run.as_ref().and_then(|run| run[0].repeats.clone());
            // The answer to a request for the status belongs to it.
            if entry.is_answer && matches!(before, Some(Repeat::Poll(_))) {
                entry.repeats.clone_from(&before);
            }
            match run {
                Some(run) if entry.repeats == before => run.push(entry),
                _ => runs.push(vec![entry]),
            }
        }
        runs.into_iter().flat_map(Self::of_run).collect()
    }

    fn of_run(entries: Vec<Entry>) -> Vec<Self> {
        let requests = entries.iter().filter(|entry| !entry.is_answer).count();
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Vec::new();
        };
        let (title, good) = match &first.repeats {
            Some(Repeat::Poll(_)) => {
                (format!("The merchant asked for the status {requests} times"), None)
            }
            Some(Repeat::Attempt(callback)) => {
                let text = format!("Callback {callback}: {requests} attempts failed");
                (text, Some(false))
            }
            None => (String::new(), None),
        };
        if requests < FEWEST_FOLDED || title.is_empty() {
            return entries.into_iter().map(Self::One).collect();
        }
        let (first, last) = (first.at, last.at);
        vec![Self::Many { title, first, last, good, entries }]
    }
}

impl Entry {
    pub(super) fn of(engine: &Engine, project: ProjectId, event: &Event) -> Self {
        let mut entry = Self {
            number: event.sequence,
            at: Stamp::exact(event.at, event.millis),
            side: "state",
            good: None,
            title: String::new(),
            note: String::new(),
            bodies: Vec::new(),
            callback: None,
            repeats: None,
            is_answer: false,
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
                entry.repeats = (!matches!(answer, Ok(200))).then_some(Repeat::Attempt(*callback));
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
            EventKind::ConfirmationAsked { .. }
            | EventKind::ConfirmationAnswered { .. }
            | EventKind::ConfirmationRefused { .. } => entry.confirm(engine, project, &event.kind),
            EventKind::RequestReceived { method, path, body } => {
                entry.side = "in";
                entry.title = format!("{method} {path}");
                let is_poll = path.starts_with("/v2/payment/status");
                entry.repeats = is_poll.then(|| Repeat::Poll(path.clone()));
                entry.bodies.extend(signed("Request", body));
            }
            EventKind::ResponseSent { status, body } => {
                entry.side = "out";
                entry.is_answer = true;
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

    /// Titles of the merchant's confirmation of an amount.
    fn confirm(&mut self, engine: &Engine, project: ProjectId, kind: &EventKind) {
        let question = |body| Body::signed(engine, project, "Question", body);
        match kind {
            EventKind::ConfirmationAsked { url, body } => {
                self.side = "out";
                "The merchant was asked to confirm the amount".clone_into(&mut self.title);
                self.note = format!("to {url}");
                self.bodies.extend(question(body));
            }
            EventKind::ConfirmationAnswered { status, body, confirmation } => {
                self.side = "in";
                self.good = Some(*confirmation == Confirmation::Accepted);
                self.title = match status {
                    Some(status) => format!("The merchant answered {status}"),
                    None => "The merchant did not answer".to_owned(),
                };
                self.note = confirmation.to_string();
                self.bodies.extend(Body::new("Answer", body));
            }
            EventKind::ConfirmationRefused { url, body, reason } => {
                self.side = "out";
                self.good = Some(false);
                self.title = format!("The merchant could not be asked: {reason}");
                self.note = url.as_ref().map(|url| format!("to {url}")).unwrap_or_default();
                self.bodies.extend(question(body));
            }
            _ => {}
        }
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
                self.title = format!("Fault injected: {fault}");
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
            EventKind::OperationsAttempted { delivery, attempt, answer, .. } => {
                self.title = match answer {
                    Ok(status) => {
                        format!("Operations {delivery}, attempt {attempt}: answered {status}")
                    }
                    Err(error) => {
                        format!("Operations {delivery}, attempt {attempt}: no answer: {error}")
                    }
                };
            }
            EventKind::OperationsRefused { delivery, reason, .. } => {
                self.title = format!("Operations {delivery} were not sent: {reason}");
            }
            EventKind::CallbackAttempted { .. }
            | EventKind::CallbackRefused { .. }
            | EventKind::ConfirmationAnswered { .. }
            | EventKind::ConfirmationAsked { .. }
            | EventKind::ConfirmationRefused { .. }
            | EventKind::PageOpened { .. }
            | EventKind::Placed { .. }
            | EventKind::RequestReceived { .. }
            | EventKind::ResponseSent { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use ecp_core::Timestamp;

    use super::*;

    fn entry(number: u64, repeats: Option<Repeat>, is_answer: bool) -> Entry {
        let at = Stamp::exact(Timestamp::from_unix_seconds(0).unwrap(), 7);
        Entry {
            number,
            at,
            side: "in",
            good: None,
            title: String::new(),
            note: String::new(),
            bodies: Vec::new(),
            callback: None,
            repeats,
            is_answer,
        }
    }

    #[test]
    fn repeats_are_folded_and_what_happens_in_between_is_seen() {
        let poll = |number| entry(number, Some(Repeat::Poll("/v2/payment/status".into())), false);
        let attempt = |number| entry(number, Some(Repeat::Attempt(1)), false);
        let answer = |number| entry(number, None, true);
        let other = |number| entry(number, None, false);
        let mut entries = vec![other(1), answer(2), poll(3), answer(4), poll(5), answer(6)];
        entries.extend([poll(7), answer(8), other(9), poll(10), answer(11)]);
        entries.extend([attempt(12), attempt(13), attempt(14), other(15), attempt(16)]);
        let shown: Vec<String> = Item::fold(entries)
            .into_iter()
            .map(|item| match item {
                Item::One(entry) => entry.number.to_string(),
                Item::Many { title, entries, .. } => format!("{title} ({})", entries.len()),
            })
            .collect();
        assert_eq!(
            shown,
            [
                "1",
                "2",
                "The merchant asked for the status 3 times (6)",
                "9",
                "10",
                "11",
                "Callback 1: 3 attempts failed (3)",
                "15",
                "16"
            ]
        );
    }
}
