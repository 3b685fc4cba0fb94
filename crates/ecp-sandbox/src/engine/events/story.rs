//! Events as lines of JSON, for files and for comparing runs.

use ecp_core::model::OperationStatus;
use ecp_core::{PaymentId, ProjectId};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Event, EventKind, RawBody};
use crate::engine::events::Confirmation;

impl Event {
    /// Returns the event as one line of JSON, with the bodies as text. Equal events give equal
    /// bytes, so the lines of two runs can be compared.
    ///
    /// The bodies contain personal data of customers: protect a file of such lines like the
    /// sandbox's other data.
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Line<'e> {
            sequence: u64,
            at: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            project_id: Option<ProjectId>,
            #[serde(skip_serializing_if = "Option::is_none")]
            payment_id: Option<&'e PaymentId>,
            event: &'static str,
            #[serde(flatten)]
            details: Value,
        }

        let (event, details) = self.kind.details();
        let line = Line {
            sequence: self.sequence,
            at: self.at.to_string(),
            project_id: self.project_id,
            payment_id: self.payment_id.as_ref(),
            event,
            details,
        };
        let Ok(text) = serde_json::to_string(&line) else {
            unreachable!("maps with text keys always serialise")
        };
        text
    }
}

impl EventKind {
    /// Returns the name of this kind of event, in words joined by `_`, such as
    /// `callback_attempted`. The name is in the member `event` of [`Event::to_json`].
    pub fn name(&self) -> &'static str {
        self.details().0
    }

    fn details(&self) -> (&'static str, Value) {
        let text = RawBody::text;
        match self {
            Self::CallbackAttempted { callback, attempt, url, body, answer, reply, retry_in } => {
                let (status, error) = match answer {
                    Ok(status) => (Some(status), None),
                    Err(error) => (None, Some(error)),
                };
                let details = json!({
                    "callback": callback,
                    "attempt": attempt,
                    "url": url,
                    "body": text(body),
                    "status": status,
                    "error": error,
                    "reply": text(reply),
                    "retry_in_millis": retry_in.map(|pause| pause.as_millis()),
                });
                ("callback_attempted", details)
            }
            Self::CallbackRefused { callback, url, body, reason } => {
                let reason = reason.to_string();
                let details =
                    json!({"callback": callback, "url": url, "body": text(body), "reason": reason});
                ("callback_refused", details)
            }
            Self::ConfirmationAnswered { status, body, confirmation } => {
                let (means, reason) = match confirmation {
                    Confirmation::Accepted => ("accepted", None),
                    Confirmation::Refused { .. } => ("refused", None),
                    Confirmation::Unusable { reason } => ("unusable", Some(reason)),
                };
                let details =
                    json!({"status": status, "body": text(body), "means": means, "reason": reason});
                ("confirmation_answered", details)
            }
            Self::ConfirmationAsked { url, body } => {
                ("confirmation_asked", json!({"url": url, "body": text(body)}))
            }
            Self::ConfirmationRefused { url, body, reason } => {
                let reason = reason.to_string();
                let details = json!({"url": url, "body": text(body), "reason": reason});
                ("confirmation_refused", details)
            }
            Self::CustomerArrived => ("customer_arrived", json!({})),
            Self::CustomerDecided(decision) => {
                ("customer_decided", json!({"decision": decision.to_string()}))
            }
            Self::CustomerReturned { url } => ("customer_returned", json!({"url": url})),
            Self::FaultStruck { rule, fault } => {
                ("fault_struck", json!({"rule": rule, "fault": fault}))
            }
            Self::OperationsAttempted { delivery, attempt, url, body, answer, reply, retry_in } => {
                let (status, error) = match answer {
                    Ok(status) => (Some(status), None),
                    Err(error) => (None, Some(error)),
                };
                let details = json!({
                    "delivery": delivery,
                    "attempt": attempt,
                    "url": url,
                    "body": text(body),
                    "status": status,
                    "error": error,
                    "reply": text(reply),
                    "retry_in_millis": retry_in.map(|pause| pause.as_millis()),
                });
                ("operations_attempted", details)
            }
            Self::OperationsRefused { delivery, url, body, reason } => {
                let reason = reason.to_string();
                let details =
                    json!({"delivery": delivery, "url": url, "body": text(body), "reason": reason});
                ("operations_refused", details)
            }
            Self::PageOpened { accepted, notice, parameters } => {
                let parameters = text(parameters);
                let details =
                    json!({"accepted": accepted, "notice": notice, "parameters": parameters});
                ("page_opened", details)
            }
            Self::OperationChanged { operation_id, kind, status } => {
                ("operation_changed", operation(*operation_id, kind, status))
            }
            Self::PaymentChanged(status) => ("payment_changed", json!({"status": status.as_str()})),
            Self::PaymentReleased => ("payment_released", json!({})),
            Self::Placed { interface, document } => {
                let interface = interface.to_string();
                ("placed", json!({"interface": interface, "document": text(document)}))
            }
            Self::RefundChanged { operation_id, status } => {
                ("refund_changed", json!({"operation_id": operation_id, "status": status.as_str()}))
            }
            Self::RequestReceived { method, path, body } => {
                let details = json!({"method": method, "path": path, "body": text(body)});
                ("request_received", details)
            }
            Self::ResponseSent { status, body } => {
                ("response_sent", json!({"status": status, "body": text(body)}))
            }
        }
    }
}

fn operation(id: u64, kind: &str, status: &OperationStatus) -> Value {
    json!({"operation_id": id, "type": kind, "status": status.as_str()})
}
