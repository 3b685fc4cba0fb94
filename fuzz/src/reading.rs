//! Every other reading of a signed text is found.

use std::collections::HashSet;

use ecp_core::json::{Document, Limits};
use ecp_core::signature::{self, Match, Order, Rules, Strip};
use serde_json::{Map, Value};

/// Cuts each text of a document at each `;` and makes a member of the rest, if it can be read as
/// one. If the cut document has the canonical string of the whole one, the text must be reported as
/// ambiguous. Returns the number of such readings.
pub fn reading(json: &[u8]) -> usize {
    let Ok(document) = Document::parse(json, Limits::default()) else { return 0 };
    let found = Match { key: 0, order: Order::Natural, strip: Strip::Everywhere };
    let Ok(doubts) = signature::doubts(&document, &found) else { return 0 };
    let (Ok(whole), Some(canonical)) = (serde_json::from_slice(json), canonical(json)) else {
        return 0;
    };
    let ambiguous: HashSet<&str> = doubts.ambiguous.iter().map(String::as_str).collect();
    let mut readings = 0;
    let mut texts = Vec::new();
    texts_of(&whole, &mut Vec::new(), &mut texts);
    for (path, text) in texts.iter().take(8) {
        for (at, _) in text.match_indices(';').take(6) {
            for cut in cuts(&whole, path, &text[..at], &text[at + 1..]) {
                let Ok(cut) = serde_json::to_vec(&cut) else { continue };
                if self::canonical(&cut).as_ref() == Some(&canonical) {
                    let dotted = path.join(".");
                    // Long paths and those of odd names are printed in another way.
                    let plain = dotted.len() < 60
                        && dotted.bytes().all(|byte| byte.is_ascii_graphic())
                        && !dotted.contains([':', ';', '\'', '"', '\\']);
                    let named = ambiguous.contains(dotted.as_str());
                    assert!(named || !plain && !ambiguous.is_empty(), "{dotted} is not named");
                    readings += 1;
                }
            }
        }
    }
    readings
}

fn canonical(json: &[u8]) -> Option<String> {
    signature::canonical_string(json, Rules::private().allow_ambiguous()).ok()
}

/// The texts of a document with their paths.
fn texts_of(value: &Value, path: &mut Vec<String>, found: &mut Vec<(Vec<String>, String)>) {
    let mut inside = |name: String, value: &Value| {
        path.push(name);
        texts_of(value, path, found);
        path.pop();
    };
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| inside(name.clone(), value));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| inside(index.to_string(), value));
        }
        Value::String(text) if text.contains(';') => found.push((path.clone(), text.clone())),
        _ => {}
    }
}

/// The document with the text cut, and the rest of it as a member at each path that its first
/// separators may end. Names that hold a `;` are always in doubt, and the platform has none: a text
/// that could be such a member is not.
fn cuts(whole: &Value, path: &[String], kept: &str, rest: &str) -> Vec<Value> {
    let paths = rest.split(';').next().unwrap_or_default();
    let separators = paths.match_indices(':').map(|(at, _)| at).take(4);
    separators
        .filter_map(|at| {
            let mut cut = whole.clone();
            *place(&mut cut, path)? = kept.into();
            let names: Vec<String> = rest[..at].split(':').map(str::to_owned).collect();
            let member = place(&mut cut, &names)?;
            member.is_null().then(|| *member = rest[at + 1..].into())?;
            Some(cut)
        })
        .collect()
}

/// The place of a path in a document, made if its parent is an object; null where it is new.
fn place<'v>(root: &'v mut Value, path: &[String]) -> Option<&'v mut Value> {
    path.iter().try_fold(root, |value, name| match value {
        Value::Array(items) => items.get_mut(name.parse::<usize>().ok()?),
        Value::Object(members) => Some(members.entry(name).or_insert(Value::Null)),
        Value::Null => {
            *value = Map::new().into();
            Some(value.as_object_mut()?.entry(name).or_insert(Value::Null))
        }
        _ => None,
    })
}
