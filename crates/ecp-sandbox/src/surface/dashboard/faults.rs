//! The switches that make things go wrong.

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::response::Response;
use http::StatusCode;
use serde_json::{Map, Value};

use super::forms::{Pairs, field};
use super::shell::Shell;
use crate::engine::Engine;
use crate::engine::faults::{Fault, FaultRule};
use crate::surface::page::{Policy, html, see_other};

#[derive(Template)]
#[template(path = "dashboard/faults.html")]
struct FaultsPage {
    shell: Shell,
    rules: Vec<(u64, &'static str, String)>,
    names: Vec<(&'static str, &'static str)>,
    given: Pairs,
}

/// Names and descriptions of all faults, in the order of [`Fault::NAMES`].
const DESCRIPTIONS: [(&str, &str); Fault::NAMES.len()] = [
    ("delay_answer", "The answer to a request comes late."),
    ("delay_callback", "A callback sets out late; others may overtake it."),
    ("drop_answer", "The connection is closed without an answer."),
    ("duplicate_callback", "A callback comes several times."),
    ("end_in_error", "A payment or a refund ends in an internal error."),
    ("lose_callback", "A callback is never sent."),
    ("missing_signature", "A callback has no signature."),
    ("odd_values", "A callback has null, booleans and floats in additional members."),
    ("reorder_callback", "A callback comes after the next one."),
    ("reset_connection", "The connection is reset without an answer."),
    ("server_error", "The answer is an HTTP error of the 500s."),
    ("slow_confirmation", "The merchant is asked late to confirm an amount."),
    ("slow_payout", "A payout takes long to end, or is declined at its cut-off time."),
    ("stale_payment", "A payment never ends, until it is released."),
    ("truncate_answer", "The connection is closed in the middle of the answer."),
    ("unknown_status", "A callback’s statuses are unknown words."),
    ("wrong_amount", "A callback’s payment has one minor unit more than it should."),
    ("wrong_signature", "A callback’s signature is that of another text."),
];

impl FaultsPage {
    fn new(engine: &Engine, shell: Shell, given: Pairs) -> Self {
        let rules = engine.faults().into_iter();
        let rules = rules.map(|(number, rule)| (number, rule.fault().name(), rule.to_json()));
        Self { shell, rules: rules.collect(), names: DESCRIPTIONS.into(), given }
    }

    fn given(&self, name: &str) -> &str {
        field(&self.given, name).unwrap_or_default()
    }
}

fn page(engine: &Engine, status: StatusCode, shell: Shell, given: Pairs) -> Response {
    html(status, &FaultsPage::new(engine, shell, given), &Policy::default().script())
}

pub(super) async fn show(State(engine): State<Engine>, Query(pairs): Query<Pairs>) -> Response {
    // A link may begin a rule, for one payment.
    page(&engine, StatusCode::OK, Shell::after("faults", &pairs), pairs)
}

/// Adds a fault rule from the form. The form's fields are the members of the rule's JSON; empty
/// ones are left out.
pub(super) async fn add(State(engine): State<Engine>, Form(pairs): Form<Pairs>) -> Response {
    const TEXTS: [&str; 3] = ["fault", "payment_id", "path"];
    let members =
        pairs.iter().filter(|(_, value)| !value.trim().is_empty()).map(|(name, value)| {
            let text = value.trim();
            let value = match (TEXTS.contains(&name.as_str()), text.parse::<u64>(), text) {
                (true, ..) => Value::from(text),
                (false, Ok(number), _) => Value::from(number),
                (false, Err(_), "true") => Value::from(true),
                (false, Err(_), text) => Value::from(text),
            };
            (name.clone(), value)
        });
    let json = Value::Object(members.collect::<Map<_, _>>()).to_string();
    match FaultRule::from_json(&json) {
        Ok(rule) => {
            engine.add_fault(rule);
            see_other("/dashboard/faults?done=fault")
        }
        Err(error) => {
            let shell = Shell::new("faults").failed(error.to_string());
            page(&engine, StatusCode::UNPROCESSABLE_ENTITY, shell, pairs)
        }
    }
}

pub(super) async fn remove(State(engine): State<Engine>, Form(pairs): Form<Pairs>) -> Response {
    let number = field(&pairs, "rule").and_then(|number| number.parse().ok());
    if number.is_some_and(|number| engine.remove_fault(number)) {
        return see_other("/dashboard/faults?done=ended");
    }
    let shell = Shell::new("faults").failed("The fault rule no longer exists.");
    page(&engine, StatusCode::NOT_FOUND, shell, Vec::new())
}

pub(super) async fn clear(State(engine): State<Engine>) -> Response {
    engine.clear_faults();
    see_other("/dashboard/faults?done=cleared")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_described_under_its_name() {
        assert_eq!(DESCRIPTIONS.map(|(name, _)| name), Fault::NAMES);
    }
}
