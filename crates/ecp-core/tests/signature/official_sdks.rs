//! The canonical strings of the official SDKs other than PHP's, after what was measured of them.
//! They are written for documents of integers, text and unescaped keys: on anything else the SDKs
//! part for reasons that need no sorting.

use std::cmp::Ordering;

use serde_json::{Map, Value};

pub(crate) fn python(document: &Value) -> String {
    let mut items = items(document);
    items.sort();
    items.into_iter().map(|(path, text)| format!("{path}:{text}")).collect::<Vec<_>>().join(";")
}

pub(crate) fn go(document: &Value) -> String {
    let mut items = whole(document);
    items.sort();
    items.join(";")
}

pub(crate) fn java(document: &Value) -> String {
    let mut items = whole(document);
    items.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
    items.join(";")
}

/// Sorts the keys of every object before it walks into them. An object of JavaScript lists keys
/// that are array indices first, whatever their order, and `__proto__` not at all.
pub(crate) fn javascript(document: &Value) -> String {
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let mut members: Vec<(&String, &Value)> =
                    members.iter().filter(|(key, _)| *key != "__proto__").collect();
                let index = |key: &str| {
                    key.parse::<u32>().ok().filter(|n| *n < u32::MAX && n.to_string() == key)
                };
                members.sort_by(|(a, _), (b, _)| match (index(a), index(b)) {
                    (Some(a), Some(b)) => a.cmp(&b),
                    (None, None) => a.encode_utf16().cmp(b.encode_utf16()),
                    (Some(_), None) => Ordering::Less,
                    (None, Some(_)) => Ordering::Greater,
                });
                let members = members.into_iter().map(|(key, value)| (key.clone(), sorted(value)));
                Value::Object(members.collect::<Map<_, _>>())
            }
            Value::Array(list) => Value::Array(list.iter().map(sorted).collect()),
            scalar => scalar.clone(),
        }
    }
    whole(&sorted(document)).join(";")
}

fn whole(document: &Value) -> Vec<String> {
    items(document).into_iter().map(|(path, text)| format!("{path}:{text}")).collect()
}

/// Key paths and texts, in the order of the document.
fn items(document: &Value) -> Vec<(String, String)> {
    fn walk(value: &Value, path: &str, items: &mut Vec<(String, String)>) {
        let below =
            |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}:{key}") };
        match value {
            Value::Object(members) => {
                members.iter().for_each(|(key, value)| walk(value, &below(key), items));
            }
            Value::Array(list) => {
                list.iter().enumerate().for_each(|(place, value)| {
                    walk(value, &below(&place.to_string()), items);
                });
            }
            Value::String(text) => items.push((path.to_owned(), text.clone())),
            Value::Bool(value) => items.push((path.to_owned(), u8::from(*value).to_string())),
            // No language tells the two zeros among integers apart.
            Value::Number(number) if number.to_string() == "-0" => {
                items.push((path.to_owned(), "0".to_owned()));
            }
            Value::Number(number) => items.push((path.to_owned(), number.to_string())),
            Value::Null => items.push((path.to_owned(), String::new())),
        }
    }
    let mut items = Vec::new();
    walk(document, "", &mut items);
    items
}
