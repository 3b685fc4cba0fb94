//! The demonstration's output as text for people, or as JSON lines.

use std::io::Write;

use ecp_core::PaymentId;
use ecp_core::model::PaymentStatus;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::output::write_error;

/// `println!` that ignores a closed pipe: `ecp demo | head` is not a failure.
macro_rules! say {
    ($($text:tt)*) => {
        let _ = writeln!(std::io::stdout(), $($text)*);
    };
}

pub(super) struct Story {
    json: bool,
    steps: usize,
    open: Option<Step>,
}

/// Output of one step. It is printed when the next one begins.
#[derive(Serialize)]
pub(super) struct Step {
    #[serde(rename = "step")]
    name: &'static str,
    title: String,
    details: Vec<Detail>,
}

#[derive(Serialize)]
struct Detail {
    name: &'static str,
    #[serde(flatten)]
    value: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Value {
    Text(String),
    Json(Box<RawValue>),
    Note(&'static str),
}

#[derive(Serialize)]
struct End<'e> {
    step: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<&'e PaymentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Story {
    pub(super) const fn new(json: bool) -> Self {
        Self { json, steps: 0, open: None }
    }

    /// Prints the previous step, and begins a new one.
    pub(super) fn step(&mut self, name: &'static str, title: &str) -> &mut Step {
        self.close();
        self.open.insert(Step { name, title: title.to_owned(), details: Vec::new() })
    }

    /// Prints the final status of the payment as the result of the demonstration.
    pub(super) fn result(&mut self, payment_id: &PaymentId, status: &PaymentStatus) {
        self.close();
        if self.json {
            let (payment_id, status) = (Some(payment_id), Some(status.as_str()));
            print_json(&End { step: "result", payment_id, status, error: None });
        } else {
            say!("Done: payment {payment_id} is `{status}`, and a verified callback says so.");
        }
    }

    /// Prints the last step and the error, if there is one.
    pub(super) fn end(mut self, error: Option<&anyhow::Error>) {
        self.close();
        let Some(error) = error else { return };
        write_error(&format!("{error:#}"), 1);
        if self.json {
            let error = Some(format!("{error:#}"));
            print_json(&End { step: "result", payment_id: None, status: None, error });
        }
    }

    fn close(&mut self) {
        let Some(step) = self.open.take() else { return };
        self.steps += 1;
        if self.json {
            print_json(&step);
            return;
        }
        say!("{}. {}", self.steps, step.title);
        for Detail { name, value } in &step.details {
            match value {
                Value::Text(text) => {
                    say!("   {name}: {text}");
                }
                Value::Json(json) => {
                    say!("   {name}: {json}");
                }
                Value::Note(note) => {
                    say!("   {note}");
                }
            }
        }
        say!("");
    }
}

impl Step {
    pub(super) fn line(&mut self, name: &'static str, text: impl Into<String>) -> &mut Self {
        self.add(name, Value::Text(text.into()))
    }

    /// Adds a JSON document, as it was on the wire.
    pub(super) fn json(&mut self, name: &'static str, text: &str) -> &mut Self {
        let value = match RawValue::from_string(text.to_owned()) {
            Ok(json) => Value::Json(json),
            Err(_) => Value::Text(text.to_owned()),
        };
        self.add(name, value)
    }

    pub(super) fn note(&mut self, note: &'static str) -> &mut Self {
        self.add("note", Value::Note(note))
    }

    fn add(&mut self, name: &'static str, value: Value) -> &mut Self {
        self.details.push(Detail { name, value });
        self
    }
}

fn print_json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(line) => {
            say!("{line}");
        }
        Err(error) => note!("error: {error}"),
    }
}
