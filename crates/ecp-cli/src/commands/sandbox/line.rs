//! Events of a sandbox as lines for people, of what `Event::to_json` writes.

use std::time::Duration;

use anyhow::Context;
use serde::Deserialize;

/// The members of all kinds of events that a line shows.
#[derive(Deserialize)]
pub(super) struct Line {
    /// Number of the event in the order of all events.
    pub(super) sequence: u64,
    at: String,
    payment_id: Option<String>,
    event: String,
    accepted: Option<bool>,
    attempt: Option<u32>,
    body: Option<String>,
    callback: Option<u32>,
    decision: Option<String>,
    delivery: Option<u64>,
    error: Option<String>,
    fault: Option<String>,
    interface: Option<String>,
    /// The type of an operation, such as `capture`.
    #[serde(rename = "type")]
    kind: Option<String>,
    means: Option<String>,
    method: Option<String>,
    operation_id: Option<u64>,
    path: Option<String>,
    reason: Option<String>,
    retry_in_millis: Option<u64>,
    rule: Option<u64>,
    /// The status of an HTTP answer as a number, or of a payment as a word.
    status: Option<Status>,
    url: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Status {
    Http(u16),
    Word(String),
}

impl Line {
    /// Reads an event from its line of JSON.
    pub(super) fn read(json: &str) -> anyhow::Result<Self> {
        serde_json::from_str(json).context(
            "the sandbox wrote an event that cannot be read: run `ecp` in the sandbox's version",
        )
    }

    /// Returns the event as one line.
    pub(super) fn text(&self) -> String {
        let (at, what) = (&self.at, self.what());
        match &self.payment_id {
            Some(payment) => format!("{at} [{payment}] {what}"),
            None => format!("{at} {what}"),
        }
    }

    fn what(&self) -> String {
        let text = |member: &Option<String>| member.clone().unwrap_or_default();
        let url = self.url.as_deref().unwrap_or("nowhere");
        let reason = text(&self.reason);
        match self.event.as_str() {
            "callback_attempted" => {
                format!("callback {}, {}", number(self.callback), self.tried(url))
            }
            "callback_refused" => {
                format!("callback {} to {url} is not sent: {reason}", number(self.callback))
            }
            "confirmation_asked" => format!("asked {url} to confirm the amount"),
            "confirmation_answered" => {
                let answer = match &self.status {
                    Some(status) => format!("answered {}", status.text()),
                    None => "not answered".to_owned(),
                };
                let reason = if reason.is_empty() { reason } else { format!(": {reason}") };
                let means = text(&self.means);
                format!("the question about the amount was {answer}: {means}{reason}")
            }
            "confirmation_refused" => {
                format!("the question about the amount to {url} is not sent: {reason}")
            }
            "operations_attempted" => {
                format!("operations {}, {}", number(self.delivery), self.tried(url))
            }
            "operations_refused" => {
                format!("operations {} to {url} are not sent: {reason}", number(self.delivery))
            }
            "customer_arrived" => "the customer opened the provider's page".to_owned(),
            "customer_decided" => format!("the customer pressed {}", text(&self.decision)),
            "customer_returned" => format!("the customer was sent to {url}"),
            "operation_changed" => format!(
                "the {} {} is `{}`",
                text(&self.kind),
                number(self.operation_id),
                self.status()
            ),
            "payment_changed" => format!("the payment is `{}`", self.status()),
            "payment_released" => "the payment was released, and goes on".to_owned(),
            "refund_changed" => {
                format!("the refund {} is `{}`", number(self.operation_id), self.status())
            }
            "request_received" => format!("{} {}", text(&self.method), text(&self.path)),
            "response_sent" => match &self.status {
                Some(Status::Http(200)) => {
                    format!("answered 200, {} bytes", self.body.as_ref().map_or(0, String::len))
                }
                _ => format!("answered {} {}", self.status(), text(&self.body)),
            },
            "fault_struck" => format!("fault {} struck: {}", number(self.rule), text(&self.fault)),
            "page_opened" if self.accepted == Some(true) => {
                "the Payment Page was opened".to_owned()
            }
            "page_opened" => "the Payment Page refused its parameters, and shows why".to_owned(),
            "placed" => format!("asked for through {}", text(&self.interface)),
            other => other.replace('_', " "),
        }
    }

    /// What became of an attempt, and when the next one comes.
    fn tried(&self, url: &str) -> String {
        let answer = match (&self.status, &self.error) {
            (Some(status), _) => format!("answered {}", status.text()),
            (None, error) => format!("not answered: {}", error.as_deref().unwrap_or_default()),
        };
        let next = self.retry_in_millis.map(Duration::from_millis);
        let next = next.map(|pause| format!(", again in {} s", pause.as_secs()));
        let attempt = number(self.attempt);
        format!("attempt {attempt}, to {url}: {answer}{}", next.unwrap_or_default())
    }

    fn status(&self) -> String {
        self.status.as_ref().map(Status::text).unwrap_or_default()
    }
}

impl Status {
    fn text(&self) -> String {
        match self {
            Self::Http(status) => status.to_string(),
            Self::Word(word) => word.clone(),
        }
    }
}

fn number<N: ToString>(number: Option<N>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_shown_with_their_types_and_statuses() {
        let shown = |event: &str| {
            let json = format!(r#"{{"sequence":1,"at":"12:00","payment_id":"P-1",{event}}}"#);
            Line::read(&json).unwrap().text()
        };
        for (event, line) in [
            (
                r#""event":"operation_changed","operation_id":7,"type":"capture","status":"success""#,
                "12:00 [P-1] the capture 7 is `success`",
            ),
            (
                r#""event":"refund_changed","operation_id":8,"status":"decline""#,
                "12:00 [P-1] the refund 8 is `decline`",
            ),
        ] {
            assert_eq!(shown(event), line);
        }
    }
}
