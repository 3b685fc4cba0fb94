//! What the customer is shown and what the merchant is asked: `display_data` and
//! `clarification_fields`.

use ecp_methods::spec::{TestQuestion, TestStep};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::payment::Payment;
use crate::wire::redirect::value;

/// An item of `display_data`.
#[derive(Serialize)]
pub(crate) struct DisplayPart {
    pub(crate) r#type: &'static str,
    pub(crate) title: &'static str,
    pub(crate) data: String,
}

/// Returns the items of `display_data`; empty unless the customer pays by them now. `page` is the
/// URL where the customer pays.
pub(crate) fn display(payment: &Payment, page: &str) -> Vec<DisplayPart> {
    let TestStep::Display(items) = payment.order.spec.testing().sale_step() else {
        return Vec::new();
    };
    if !payment.awaits_customer() {
        return Vec::new();
    }
    let part = |item: &ecp_methods::spec::TestItem| DisplayPart {
        r#type: item.kind(),
        title: item.title(),
        data: match value(payment, item.value(), page) {
            Value::String(text) => text,
            other => other.to_string(),
        },
    };
    items.iter().map(part).collect()
}

/// Returns `clarification_fields`; `None` if no answers are missing. For each object it lists the
/// properties and the required ones, by JSON Schema, and what is wrong with the last answer.
pub(super) fn clarification(payment: &Payment) -> Option<Value> {
    if !payment.awaits_clarification() {
        return None;
    }
    let mut objects = Map::new();
    for question in payment.unanswered() {
        let object = objects
            .entry(question.object())
            .or_insert_with(|| json!({"type": "object", "properties": {}, "required": []}));
        object["properties"][question.name()] = property(question);
        if let Some(required) = object["required"].as_array_mut() {
            required.push(question.name().into());
        }
        if payment.is_refused(question) {
            let error = json!({
                "property": question.name(),
                "message": format!("{} value is required", question.kind()),
                "constraint": "type",
            });
            match object.get_mut("errors").and_then(Value::as_array_mut) {
                Some(errors) => errors.push(error),
                None => object["errors"] = json!([error]),
            }
        }
    }
    Some(objects.into())
}

fn property(question: &TestQuestion) -> Value {
    match question.default_value() {
        Some(default) => json!({"type": question.kind(), "default": default}),
        None => json!({"type": question.kind()}),
    }
}
