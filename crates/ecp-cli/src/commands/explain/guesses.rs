//! Single changes that would make a signature match.

use ecp_core::model::{OperationStatus, PaymentStatus};
use ecp_core::signature::{self, SigningKey};
use serde_json::{Map, Value};

/// A larger document would take long; documents explained by hand are small.
const LARGEST: usize = 64 * 1024;

/// Describes each single change of a member that would make the signature match.
pub(super) fn explain(keys: &[SigningKey], bytes: &[u8]) -> Vec<String> {
    let Ok(document) = serde_json::from_slice::<Value>(bytes) else { return Vec::new() };
    if bytes.len() > LARGEST {
        return Vec::new();
    }
    let matches = |changed: &Value| {
        let bytes = serde_json::to_vec(changed).unwrap_or_default();
        signature::verify(keys, &bytes).is_ok()
    };
    let mut paths = Vec::new();
    leaves(&document, &mut Vec::new(), &mut paths);
    let mut guesses = Vec::new();
    for path in &paths {
        let shown = path.join(".");
        let Some(value) = document.pointer(&pointer(path)) else { continue };
        let mut removed = document.clone();
        remove(&mut removed, path);
        if matches(&removed) {
            guesses.push(format!("without `{shown}`: it was added after signing"));
        }
        for (other, why) in others(path, value) {
            let mut changed = document.clone();
            if let Some(place) = changed.pointer_mut(&pointer(path)) {
                *place = other.clone();
            }
            if other != *value && matches(&changed) {
                guesses.push(format!("if `{shown}` were {other}: {why}"));
            }
        }
    }
    guesses
}

/// Values that a member may have had when it was signed.
fn others(path: &[String], value: &Value) -> Vec<(Value, &'static str)> {
    let mut others = Vec::new();
    let name = path.last().map_or("", String::as_str);
    match value {
        Value::String(text) => {
            others.push((text.trim().into(), "spaces were added"));
            others.push((unescaped(text).into(), "it was escaped for HTML after signing"));
            others.push((text.replace('+', " ").into(), "a space became a plus"));
            others.push((text.replace(' ', "+").into(), "a plus became a space"));
            if let Ok(lines) = serde_json::from_str::<Value>(&format!("\"{text}\"")) {
                others.push((lines, "it was escaped twice"));
            }
            others.push((Value::from(""), "it was empty"));
            if name == "status" {
                let payment = PaymentStatus::KNOWN.iter().map(PaymentStatus::as_str);
                let operation = OperationStatus::KNOWN.iter().map(OperationStatus::as_str);
                others.extend(
                    payment.chain(operation).map(|word| (word.into(), "the status was changed")),
                );
            }
        }
        Value::Number(number) => {
            if let Some(number) = number.as_i64() {
                others.push((number.saturating_mul(100).into(), "minor units became major units"));
                others.push(((number / 100).into(), "major units became minor units"));
                others.push((0.into(), "it was 0"));
            }
        }
        Value::Bool(flag) => others.push(((!flag).into(), "it was changed")),
        _ => {}
    }
    others.dedup_by(|a, b| a.0 == b.0);
    others
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

fn leaves(value: &Value, path: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    let mut each = |name: String, child: &Value| {
        path.push(name);
        leaves(child, path, paths);
        path.pop();
    };
    match value {
        Value::Object(members) if !members.is_empty() => {
            members.iter().for_each(|(name, child)| each(name.clone(), child));
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(place, child)| each(place.to_string(), child));
        }
        _ if path.last().is_some_and(|name| name == "signature") => {}
        _ => paths.push(path.clone()),
    }
}

/// RFC 6901.
fn pointer(path: &[String]) -> String {
    path.iter().fold(String::new(), |pointer, name| {
        pointer + "/" + &name.replace('~', "~0").replace('/', "~1")
    })
}

/// Removing a member of a list would move the others, so it becomes an empty list, which is not
/// signed.
fn remove(document: &mut Value, path: &[String]) {
    let Some((name, parents)) = path.split_last() else { return };
    match document.pointer_mut(&pointer(parents)) {
        Some(Value::Object(members)) => {
            let members: &mut Map<String, Value> = members;
            members.remove(name);
        }
        Some(Value::Array(items)) => {
            if let Some(item) = name.parse().ok().and_then(|place: usize| items.get_mut(place)) {
                *item = Value::Array(Vec::new());
            }
        }
        _ => {}
    }
}
