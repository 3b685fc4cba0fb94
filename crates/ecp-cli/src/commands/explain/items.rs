//! The items of a canonical string, and the rules that made them.

use ecp_core::json::{Document, Kind, Value};
use ecp_core::signature::{self, Rules, SignError};

use crate::documents;

/// A member of the document and its item in the canonical string.
pub(super) struct Item {
    /// The path of the member, with dots.
    pub(super) path: String,
    /// The member's item in the canonical string; `None` for a member that is not signed.
    pub(super) text: Option<String>,
    pub(super) rule: &'static str,
}

/// Returns the signed members in the order of the canonical string, then those that are not signed.
pub(super) fn explain(document: &Document<'_>, bytes: &[u8]) -> Result<Vec<Item>, SignError> {
    let rules = Rules::private().allow_ambiguous().limits(documents::limits());
    let canonical = signature::canonical_string(bytes, rules)?;
    let mut items = Vec::new();
    walk(document.root(), &mut Vec::new(), &mut items)?;
    let (mut signed, left_out): (Vec<Item>, Vec<Item>) =
        items.into_iter().partition(|item| item.text.is_some());

    // Values may hold `;`, so the string is not split: the longest matching item is taken next.
    let mut ordered = Vec::with_capacity(signed.len());
    let mut rest = canonical.as_str();
    while !signed.is_empty() {
        let stands_next = |item: &Item| {
            let text = item.text.as_deref().unwrap_or_default();
            let after = rest.strip_prefix(text)?;
            (after.is_empty() || after.starts_with(';')).then_some(text.len())
        };
        let next = (0..signed.len())
            .filter_map(|place| Some((stands_next(&signed[place])?, place)))
            .max_by_key(|&(length, place)| (length, std::cmp::Reverse(place)));
        let Some((length, place)) = next else { break };
        ordered.push(signed.remove(place));
        rest = rest[length..].strip_prefix(';').unwrap_or_default();
    }
    // The remaining items, if the string allowed two readings.
    ordered.append(&mut signed);
    ordered.extend(left_out);
    Ok(ordered)
}

fn walk(value: Value<'_>, path: &mut Vec<String>, items: &mut Vec<Item>) -> Result<(), SignError> {
    let name = path.last().map(String::as_str);
    let left_out = match name {
        Some("signature") => Some("a signature is never signed"),
        Some("frame_mode") => Some("frame_mode is never signed"),
        _ => None,
    };
    if let Some(rule) = left_out {
        items.push(Item { path: path.join("."), text: None, rule });
        return Ok(());
    }
    let has_members = value.children().next().is_some();
    match value.kind() {
        Kind::Array | Kind::Object if has_members => {
            for (place, child) in value.children().enumerate() {
                path.push(child.key().map_or_else(|| place.to_string(), str::to_owned));
                walk(child, path, items)?;
                path.pop();
            }
        }
        // The root is an object, otherwise there would be no canonical string.
        _ if path.is_empty() => {}
        kind => {
            let (is_signed, rule) = rule(kind, path);
            let text = is_signed.then(|| alone(path, value.raw())).transpose()?;
            items.push(Item { path: path.join("."), text, rule });
        }
    }
    Ok(())
}

fn rule(kind: Kind<'_>, path: &[String]) -> (bool, &'static str) {
    match kind {
        Kind::Array => (false, "an empty list has no item"),
        Kind::Object => (false, "an object without members has no item"),
        _ if path.iter().any(|name| name.contains(':')) => (true, "`:` in a key is doubled"),
        Kind::Bool(true) => (true, "true is 1"),
        Kind::Bool(false) => (true, "false is 0"),
        Kind::Null => (true, "null is empty"),
        Kind::String("") => (true, "empty text keeps its key"),
        Kind::String(_) => (true, "text as it is"),
        Kind::Number(text) if text.contains(['.', 'e', 'E']) => {
            (true, "a fraction as PHP prints it")
        }
        Kind::Number(_) => (true, "a whole number by its digits"),
    }
}

/// The signed item of a member: that of a document with no other member.
fn alone(path: &[String], raw: &str) -> Result<String, SignError> {
    let key = |name: &String| serde_json::Value::from(name.as_str()).to_string();
    let open = path.iter().fold(String::new(), |open, name| open + "{" + &key(name) + ":");
    let json = format!("{open}{raw}{}", "}".repeat(path.len()));
    signature::canonical_string(json.as_bytes(), Rules::private().allow_ambiguous())
}
