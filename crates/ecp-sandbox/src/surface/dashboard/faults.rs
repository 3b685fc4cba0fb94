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
    rules: Vec<RuleLine>,
    choices: &'static [Choice],
    given: Pairs,
}

/// A fault in the form: its name, its description, and the fields of the form that it has besides
/// those of all faults.
#[derive(Clone, Copy)]
struct Choice {
    name: &'static str,
    text: &'static str,
    fields: &'static [&'static str],
}

const fn choice(name: &'static str, text: &'static str, fields: &'static [&'static str]) -> Choice {
    Choice { name, text, fields }
}

/// Fields of faults of answers and of callbacks.
const PATH: &[&str] = &["path"];
const CALLBACK: &[&str] = &["path", "callback"];

/// All faults, in the order of [`Fault::NAMES`].
const CHOICES: [Choice; Fault::NAMES.len()] = [
    choice("delay_answer", "The answer to a request comes late.", &["millis", "path"]),
    choice(
        "delay_callback",
        "A callback is sent late; later ones may overtake it.",
        &["millis", "path", "callback"],
    ),
    choice("drop_answer", "The connection is closed without an answer.", &["registered", "path"]),
    choice(
        "duplicate_callback",
        "A callback is sent several times.",
        &["copies", "path", "callback"],
    ),
    choice("end_in_error", "A payment or a refund ends in an internal error.", &[]),
    choice("lose_callback", "A callback is never sent.", CALLBACK),
    choice("missing_signature", "A callback has no signature.", CALLBACK),
    choice(
        "odd_values",
        "A callback has null, booleans and floats in additional members.",
        CALLBACK,
    ),
    choice("reorder_callback", "A callback is sent after the next one.", CALLBACK),
    choice(
        "reset_connection",
        "The connection is reset without an answer.",
        &["registered", "path"],
    ),
    choice(
        "server_error",
        "The answer has an HTTP status of 500 to 599.",
        &["status", "registered", "path"],
    ),
    choice("slow_confirmation", "The merchant is asked late to confirm an amount.", &["millis"]),
    choice(
        "slow_payout",
        "A payout takes long to end, or is declined at its cut-off time.",
        &["millis"],
    ),
    choice("stale_payment", "A payment never ends, until it is released.", &[]),
    choice("truncate_answer", "The connection is closed in the middle of the answer.", PATH),
    choice("unknown_status", "The statuses in a callback are unknown words.", CALLBACK),
    choice("wrong_amount", "The amount in a callback is one minor unit too high.", CALLBACK),
    choice("wrong_signature", "The signature of a callback belongs to another text.", CALLBACK),
];

/// A rule in force.
struct RuleLine {
    number: u64,
    name: &'static str,
    text: &'static str,
    /// The conditions of the rule and the details of its fault, in words, such as `payment X1, hits
    /// left: 1`.
    conditions: String,
    json: String,
}

impl RuleLine {
    fn of(number: u64, rule: &FaultRule) -> Self {
        let (name, json) = (rule.fault().name(), rule.to_json());
        let text = CHOICES.iter().find(|choice| choice.name == name).map_or("", |it| it.text);
        let members: Map<String, Value> = serde_json::from_str(&json).unwrap_or_default();
        let words = members.iter().filter_map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Some(match name.as_str() {
                "millis" => format!("{value} ms"),
                "status" => format!("HTTP status {value}"),
                "copies" => format!("additional callbacks: {value}"),
                "registered" if value == "true" => "after the request took effect".to_owned(),
                "registered" => "before the request took effect".to_owned(),
                "project_id" => format!("project {value}"),
                "payment_id" => format!("payment {value}"),
                "path" => format!("paths with {value}"),
                "callback" => format!("callback {value} of a payment"),
                "times" => format!("hits left: {value}"),
                "percent" => format!("probability {value} %"),
                _ => return None,
            })
        });
        let conditions = words.collect::<Vec<_>>().join(", ");
        Self { number, name, text, conditions, json }
    }
}

impl FaultsPage {
    fn new(engine: &Engine, shell: Shell, given: Pairs) -> Self {
        let rules = engine.faults().into_iter();
        let rules = rules.map(|(number, rule)| RuleLine::of(number, &rule)).collect();
        Self { shell, rules, choices: &CHOICES, given }
    }

    /// The faults that have a field, as the script of the page reads them.
    fn having(&self, name: &str) -> String {
        let having = self.choices.iter().filter(|choice| choice.fields.contains(&name));
        having.map(|choice| choice.name).collect::<Vec<_>>().join(" ")
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
    fn every_fault_is_described_under_its_name_and_has_the_fields_that_it_takes() {
        assert_eq!(CHOICES.map(|choice| choice.name), Fault::NAMES);
        for Choice { name, fields, .. } in CHOICES {
            for own in ["millis", "status", "copies", "registered"] {
                let value = match own {
                    "registered" => "true",
                    "status" => "500",
                    _ => "1",
                };
                let others = if own != "millis" && fields.contains(&"millis") {
                    r#","millis":1"#
                } else {
                    ""
                };
                let rule = format!(r#"{{"fault":"{name}","{own}":{value}{others}}}"#);
                let is_taken = FaultRule::from_json(&rule).is_ok();
                assert_eq!(is_taken, fields.contains(&own), "{rule}");
            }
        }
    }

    #[test]
    fn a_rule_is_told_in_words() {
        let json =
            r#"{"fault":"drop_answer","registered":true,"path":"/sale","times":2,"percent":50}"#;
        let line = RuleLine::of(1, &FaultRule::from_json(json).unwrap());
        let words =
            "after the request took effect, paths with /sale, hits left: 2, probability 50 %";
        assert_eq!(line.conditions, words);
    }
}
