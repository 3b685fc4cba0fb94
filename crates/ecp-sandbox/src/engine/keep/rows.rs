//! Rows of the file as JSON: what belongs to a payment, a delivery or an event.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ecp_core::Timestamp;
use ecp_core::model::{OperationStatus, PaymentStatus};
use ecp_methods::Registry;
use ecp_methods::spec::Interface;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::data::about;
use crate::engine::callbacks::{CallbackState, CallbackStates};
use crate::engine::delivery::{Message, Pending};
use crate::engine::events::{CallbackRefusal, Confirmation, Event, EventKind, RawBody};
use crate::engine::state::{Entry, Resuming};
use crate::payment::Decision;
use crate::payment::kept::KeptPayment;

/// Reads a row's JSON.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("a row cannot be read: {error}"))
}

/// A payment with what belongs to it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeptEntry {
    payment: KeptPayment,
    first_event: u64,
    callbacks: u32,
    callback_states: Vec<(u32, KeptCallbackState)>,
    latest: Option<u64>,
    kept_back: Option<u64>,
    cut_off: Option<i64>,
    clarification: Option<(u32, i64)>,
    later: Option<i64>,
    answer: Option<Value>,
    ending: Option<u64>,
    other_requests: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeptCallbackState {
    Delivered,
    Waiting,
    Retrying { attempt: u32, problem: String },
    Failed { attempt: u32, problem: String },
    Refused { reason: String },
}

impl KeptEntry {
    pub(super) fn of(entry: &Entry) -> Self {
        let states = entry.callback_states.iter();
        let states = states.filter_map(|(number, state)| {
            let kept = match state.clone() {
                CallbackState::None => return None,
                CallbackState::Delivered => KeptCallbackState::Delivered,
                CallbackState::Waiting { .. } => KeptCallbackState::Waiting,
                CallbackState::Retrying { attempt, problem, .. } => {
                    KeptCallbackState::Retrying { attempt, problem }
                }
                CallbackState::Failed { attempt, problem, .. } => {
                    KeptCallbackState::Failed { attempt, problem }
                }
                CallbackState::Refused { reason, .. } => {
                    KeptCallbackState::Refused { reason: name_of(reason).to_owned() }
                }
            };
            Some((number, kept))
        });
        let before = entry.resuming.as_ref();
        let cut_off = entry.cut_off.as_ref().map(|watch| watch.until);
        let clarification =
            entry.clarification.as_ref().map(|(round, watch)| (*round, watch.until));
        let latest = entry.latest.as_ref().map(|(id, _)| *id);
        let kept_back = entry.kept_back.as_ref().map(|(id, _)| *id);
        Self {
            payment: KeptPayment::of(&entry.payment),
            first_event: entry.first_event,
            callbacks: entry.callbacks,
            callback_states: states.collect(),
            latest: latest.or_else(|| before?.latest),
            kept_back: kept_back.or_else(|| before?.kept_back),
            cut_off: cut_off.or_else(|| before?.cut_off),
            clarification: clarification.or_else(|| before?.clarification),
            later: entry.later,
            answer: entry.answer.clone(),
            ending: entry.ending,
            other_requests: entry.other_requests.clone(),
        }
    }

    /// Returns the entry. What it waits for is taken up when the engine resumes.
    pub(super) fn entry(self, registry: &Registry) -> Result<Entry, String> {
        let mut states = CallbackStates::default();
        for (callback, kept) in self.callback_states {
            let state = match kept {
                KeptCallbackState::Delivered => CallbackState::Delivered,
                KeptCallbackState::Waiting => CallbackState::Waiting { callback },
                KeptCallbackState::Retrying { attempt, problem } => {
                    CallbackState::Retrying { callback, attempt, problem }
                }
                KeptCallbackState::Failed { attempt, problem } => {
                    CallbackState::Failed { callback, attempt, problem }
                }
                KeptCallbackState::Refused { reason } => {
                    CallbackState::Refused { callback, reason: refusal(&reason)? }
                }
            };
            states.set(callback, state);
        }
        let mut entry = Entry::new(self.payment.payment(registry)?, self.first_event);
        entry.callbacks = self.callbacks;
        entry.callback_states = states;
        entry.later = self.later;
        entry.answer = self.answer;
        entry.ending = self.ending;
        entry.other_requests = self.other_requests;
        entry.resuming = Some(Resuming {
            latest: self.latest,
            kept_back: self.kept_back,
            cut_off: self.cut_off,
            clarification: self.clarification,
        });
        Ok(entry)
    }
}

/// The rest of a delivery, without its body.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeptDelivery {
    project: Option<u64>,
    payment: Option<String>,
    callback: Option<u32>,
    page: Option<u64>,
    url: Option<String>,
    lost: bool,
    delay_millis: u64,
    tried: u32,
    after: Option<u64>,
    kept_until: Option<i64>,
    due: Option<i64>,
    place: u64,
}

impl KeptDelivery {
    pub(super) fn of(pending: &Pending) -> Self {
        let Pending { about, message, url, body: _, lost, delay, tried, .. } = pending;
        let Pending { after, kept_until, due, place, .. } = pending;
        let (callback, page) = match *message {
            Message::Callback(number) => (Some(number), None),
            Message::Operations(number) => (None, Some(number)),
        };
        Self {
            project: about.0.map(ecp_core::ProjectId::get),
            payment: about.1.as_ref().map(|id| id.as_str().to_owned()),
            callback,
            page,
            url: url.clone(),
            lost: *lost,
            delay_millis: millis(*delay),
            tried: *tried,
            after: *after,
            kept_until: *kept_until,
            due: *due,
            place: *place,
        }
    }

    pub(super) fn pending(self, body: RawBody) -> Result<Pending, String> {
        let message = match (self.callback, self.page) {
            (Some(number), None) => Message::Callback(number),
            (None, Some(number)) => Message::Operations(number),
            _ => return Err("the row is neither a callback nor a page of operations".to_owned()),
        };
        Ok(Pending {
            about: about(self.project, self.payment)?,
            message,
            url: self.url,
            body,
            lost: self.lost,
            delay: Duration::from_millis(self.delay_millis),
            tried: self.tried,
            after: self.after,
            kept_until: self.kept_until,
            due: self.due,
            place: self.place,
        })
    }
}

/// An event, without its bodies.
#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum KeptEvent {
    CallbackAttempted {
        callback: u32,
        attempt: u32,
        url: String,
        answer: Result<u16, String>,
        retry_in_millis: Option<u64>,
    },
    CallbackRefused {
        callback: u32,
        url: Option<String>,
        reason: String,
    },
    ConfirmationAnswered {
        status: Option<u16>,
        confirmation: KeptConfirmation,
    },
    ConfirmationAsked {
        url: String,
    },
    ConfirmationRefused {
        url: Option<String>,
        reason: String,
    },
    CustomerArrived {},
    CustomerDecided {
        success: bool,
    },
    CustomerReturned {
        url: String,
    },
    FaultStruck {
        rule: u64,
        fault: String,
    },
    OperationsAttempted {
        delivery: u64,
        attempt: u32,
        url: String,
        answer: Result<u16, String>,
        retry_in_millis: Option<u64>,
    },
    OperationsRefused {
        delivery: u64,
        url: Option<String>,
        reason: String,
    },
    PageOpened {
        accepted: bool,
        notice: Option<String>,
    },
    PaymentChanged {
        status: String,
    },
    OperationChanged {
        operation_id: u64,
        kind: String,
        status: String,
    },
    PaymentReleased {},
    Placed {
        interface: String,
    },
    RefundChanged {
        operation_id: u64,
        status: String,
    },
    RequestReceived {
        method: String,
        path: String,
    },
    ResponseSent {
        status: u16,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum KeptConfirmation {
    Accepted,
    Refused(Option<i64>),
    Unusable(String),
}

impl KeptEvent {
    /// Returns the event, its body and the merchant's answer to it.
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of event")]
    pub(super) fn of(event: &EventKind) -> (Self, Option<&RawBody>, Option<&RawBody>) {
        match event {
            EventKind::CallbackAttempted {
                callback,
                attempt,
                url,
                body,
                answer,
                reply,
                retry_in,
            } => {
                let kept = Self::CallbackAttempted {
                    callback: *callback,
                    attempt: *attempt,
                    url: url.clone(),
                    answer: answer.clone(),
                    retry_in_millis: retry_in.map(millis),
                };
                (kept, Some(body), Some(reply))
            }
            EventKind::CallbackRefused { callback, url, body, reason } => {
                let reason = name_of(*reason).to_owned();
                let kept = Self::CallbackRefused { callback: *callback, url: url.clone(), reason };
                (kept, Some(body), None)
            }
            EventKind::ConfirmationAnswered { status, body, confirmation } => {
                let confirmation = match confirmation.clone() {
                    Confirmation::Accepted => KeptConfirmation::Accepted,
                    Confirmation::Refused { code } => KeptConfirmation::Refused(code),
                    Confirmation::Unusable { reason } => KeptConfirmation::Unusable(reason),
                };
                let kept = Self::ConfirmationAnswered { status: *status, confirmation };
                (kept, Some(body), None)
            }
            EventKind::ConfirmationAsked { url, body } => {
                (Self::ConfirmationAsked { url: url.clone() }, Some(body), None)
            }
            EventKind::ConfirmationRefused { url, body, reason } => {
                let reason = name_of(*reason).to_owned();
                (Self::ConfirmationRefused { url: url.clone(), reason }, Some(body), None)
            }
            EventKind::CustomerArrived => (Self::CustomerArrived {}, None, None),
            EventKind::CustomerDecided(decision) => {
                let success = *decision == Decision::Success;
                (Self::CustomerDecided { success }, None, None)
            }
            EventKind::CustomerReturned { url } => {
                (Self::CustomerReturned { url: url.clone() }, None, None)
            }
            EventKind::FaultStruck { rule, fault } => {
                (Self::FaultStruck { rule: *rule, fault: (*fault).to_owned() }, None, None)
            }
            EventKind::OperationsAttempted {
                delivery,
                attempt,
                url,
                body,
                answer,
                reply,
                retry_in,
            } => {
                let kept = Self::OperationsAttempted {
                    delivery: *delivery,
                    attempt: *attempt,
                    url: url.clone(),
                    answer: answer.clone(),
                    retry_in_millis: retry_in.map(millis),
                };
                (kept, Some(body), Some(reply))
            }
            EventKind::OperationsRefused { delivery, url, body, reason } => {
                let reason = name_of(*reason).to_owned();
                let kept =
                    Self::OperationsRefused { delivery: *delivery, url: url.clone(), reason };
                (kept, Some(body), None)
            }
            EventKind::PageOpened { accepted, notice, parameters } => {
                let notice = notice.map(str::to_owned);
                (Self::PageOpened { accepted: *accepted, notice }, Some(parameters), None)
            }
            EventKind::PaymentChanged(status) => {
                (Self::PaymentChanged { status: status.to_string() }, None, None)
            }
            EventKind::OperationChanged { operation_id, kind, status } => {
                let (kind, status) = ((*kind).to_owned(), status.to_string());
                let kept = Self::OperationChanged { operation_id: *operation_id, kind, status };
                (kept, None, None)
            }
            EventKind::PaymentReleased => (Self::PaymentReleased {}, None, None),
            EventKind::Placed { interface, document } => {
                (Self::Placed { interface: interface.to_string() }, Some(document), None)
            }
            EventKind::RefundChanged { operation_id, status } => {
                let status = status.to_string();
                (Self::RefundChanged { operation_id: *operation_id, status }, None, None)
            }
            EventKind::RequestReceived { method, path, body } => {
                let kept = Self::RequestReceived { method: method.clone(), path: path.clone() };
                (kept, Some(body), None)
            }
            EventKind::ResponseSent { status, body } => {
                (Self::ResponseSent { status: *status }, Some(body), None)
            }
        }
    }

    fn kind(self, body: RawBody, reply: RawBody) -> Result<EventKind, String> {
        Ok(match self {
            Self::CallbackAttempted { callback, attempt, url, answer, retry_in_millis } => {
                let retry_in = retry_in_millis.map(Duration::from_millis);
                EventKind::CallbackAttempted {
                    callback,
                    attempt,
                    url,
                    body,
                    answer,
                    reply,
                    retry_in,
                }
            }
            Self::CallbackRefused { callback, url, reason } => {
                EventKind::CallbackRefused { callback, url, body, reason: refusal(&reason)? }
            }
            Self::ConfirmationAnswered { status, confirmation } => {
                let confirmation = match confirmation {
                    KeptConfirmation::Accepted => Confirmation::Accepted,
                    KeptConfirmation::Refused(code) => Confirmation::Refused { code },
                    KeptConfirmation::Unusable(reason) => Confirmation::Unusable { reason },
                };
                EventKind::ConfirmationAnswered { status, body, confirmation }
            }
            Self::ConfirmationAsked { url } => EventKind::ConfirmationAsked { url, body },
            Self::ConfirmationRefused { url, reason } => {
                EventKind::ConfirmationRefused { url, body, reason: refusal(&reason)? }
            }
            Self::CustomerArrived {} => EventKind::CustomerArrived,
            Self::CustomerDecided { success } => EventKind::CustomerDecided(if success {
                Decision::Success
            } else {
                Decision::Decline
            }),
            Self::CustomerReturned { url } => EventKind::CustomerReturned { url },
            Self::FaultStruck { rule, fault } => {
                EventKind::FaultStruck { rule, fault: constant(fault) }
            }
            Self::OperationsAttempted { delivery, attempt, url, answer, retry_in_millis } => {
                let retry_in = retry_in_millis.map(Duration::from_millis);
                EventKind::OperationsAttempted {
                    delivery,
                    attempt,
                    url,
                    body,
                    answer,
                    reply,
                    retry_in,
                }
            }
            Self::OperationsRefused { delivery, url, reason } => {
                EventKind::OperationsRefused { delivery, url, body, reason: refusal(&reason)? }
            }
            Self::PageOpened { accepted, notice } => {
                EventKind::PageOpened { accepted, notice: notice.map(constant), parameters: body }
            }
            Self::PaymentChanged { status } => {
                EventKind::PaymentChanged(PaymentStatus::from(status.as_str()))
            }
            Self::OperationChanged { operation_id, kind, status } => EventKind::OperationChanged {
                operation_id,
                kind: constant(kind),
                status: OperationStatus::from(status.as_str()),
            },
            Self::PaymentReleased {} => EventKind::PaymentReleased,
            Self::Placed { interface } => {
                let found = Interface::ALL.iter().find(|known| known.to_string() == interface);
                let interface = *found.ok_or_else(|| {
                    format!("the interface `{interface}` is not known to this release")
                })?;
                EventKind::Placed { interface, document: body }
            }
            Self::RefundChanged { operation_id, status } => EventKind::RefundChanged {
                operation_id,
                status: OperationStatus::from(status.as_str()),
            },
            Self::RequestReceived { method, path } => {
                EventKind::RequestReceived { method, path, body }
            }
            Self::ResponseSent { status } => EventKind::ResponseSent { status, body },
        })
    }
}

/// The columns of an event.
pub(super) struct EventRow {
    pub(super) sequence: u64,
    pub(super) at: i64,
    pub(super) millis: u16,
    pub(super) project: Option<u64>,
    pub(super) payment: Option<String>,
    pub(super) data: String,
    pub(super) body: Option<Vec<u8>>,
    pub(super) reply: Option<Vec<u8>>,
}

impl EventRow {
    /// Returns the event of a row, or why it is none.
    pub(super) fn event(self) -> Result<Event, String> {
        let (project_id, payment_id) = about(self.project, self.payment)?;
        let body = |bytes: Option<Vec<u8>>| RawBody::new(bytes.unwrap_or_default());
        let kept: KeptEvent = read(&self.data)?;
        Ok(Event {
            sequence: self.sequence,
            at: Timestamp::from_unix_seconds(self.at).map_err(|error| error.to_string())?,
            millis: self.millis,
            project_id,
            payment_id,
            kind: kept.kind(body(self.body), body(self.reply))?,
        })
    }
}

/// The reasons of refusals by their names in the file.
const REFUSALS: [(&str, CallbackRefusal); 7] = [
    ("host_not_allowed", CallbackRefusal::HostNotAllowed),
    ("lost", CallbackRefusal::Lost),
    ("no_address", CallbackRefusal::NoAddress),
    ("no_url", CallbackRefusal::NoUrl),
    ("not_plain_http", CallbackRefusal::NotPlainHttp),
    ("own_address", CallbackRefusal::OwnAddress),
    ("too_many", CallbackRefusal::TooMany),
];

const fn name_of(refusal: CallbackRefusal) -> &'static str {
    match refusal {
        CallbackRefusal::HostNotAllowed => "host_not_allowed",
        CallbackRefusal::Lost => "lost",
        CallbackRefusal::NoAddress => "no_address",
        CallbackRefusal::NoUrl => "no_url",
        CallbackRefusal::NotPlainHttp => "not_plain_http",
        CallbackRefusal::OwnAddress => "own_address",
        CallbackRefusal::TooMany => "too_many",
    }
}

fn refusal(name: &str) -> Result<CallbackRefusal, String> {
    let found = REFUSALS.iter().find(|(known, _)| *known == name);
    found.map(|(_, refusal)| *refusal).ok_or_else(|| {
        format!("the reason `{name}` for not sending a message is not known to this release")
    })
}

/// Texts of events that are constants of the program that wrote them. There are few, and each is
/// kept once.
fn constant(text: String) -> &'static str {
    static TEXTS: Mutex<Option<HashMap<String, &'static str>>> = Mutex::new(None);
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    let texts = texts.get_or_insert_default();
    if let Some(known) = texts.get(&text) {
        return known;
    }
    let known: &'static str = Box::leak(text.clone().into_boxed_str());
    texts.insert(text, known);
    known
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_read_back_by_its_name() {
        for (name, reason) in REFUSALS {
            assert_eq!((name_of(reason), refusal(name)), (name, Ok(reason)));
        }
    }

    #[test]
    fn a_text_is_kept_once() {
        let one = constant("capture".to_owned());
        assert!(std::ptr::eq(one, constant("capture".to_owned())));
    }
}
