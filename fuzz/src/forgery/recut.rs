//! Documents of one canonical string.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use ecp_core::signature::Order;
use serde_json::{Map, Value};

use super::choices::Choices;
use super::sources::SOURCES;

/// The names from the root to a member.
pub(super) type Path = Vec<String>;

/// A document that was cut out of a string, and its items in the order of the string.
pub(super) struct Cut {
    pub(super) document: Value,
    items: Vec<(String, String)>,
}

impl Cut {
    /// Whether no text of it could be cut at a `;` into items in the same order, and no name holds
    /// a `;`: the only condition in an earlier version.
    pub(super) fn is_unique_by_order(&self) -> bool {
        self.items.iter().enumerate().all(|(place, (path, text))| {
            let next = self.items.get(place + 1).map(|(path, _)| path.as_str());
            let fits = |new: &str| {
                !new.is_empty() && path.as_str() <= new && next.is_none_or(|next| new <= next)
            };
            let cuts = |part: &str| part.match_indices(':').any(|(colon, _)| fits(&part[..colon]));
            !path.contains(';') && !text.split(';').skip(1).any(cuts)
        })
    }
}

/// The scalar members of a document, as their signed texts.
pub(super) fn leaves(document: &Value) -> BTreeMap<Path, String> {
    fn collect(value: &Value, path: &mut Path, found: &mut BTreeMap<Path, String>) {
        let text = match value {
            Value::Object(members) => {
                for (name, value) in members {
                    path.push(name.clone());
                    collect(value, path, found);
                    path.pop();
                }
                return;
            }
            Value::Array(items) => {
                for (place, value) in items.iter().enumerate() {
                    path.push(place.to_string());
                    collect(value, path, found);
                    path.pop();
                }
                return;
            }
            Value::Null => String::new(),
            Value::Bool(flag) => u8::from(*flag).to_string(),
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.clone(),
        };
        found.insert(path.clone(), text);
    }
    let mut found = BTreeMap::new();
    collect(document, &mut Vec::new(), &mut found);
    found
}

/// A member of a document.
pub(super) fn place<'v>(document: &'v mut Value, path: &[String]) -> Option<&'v mut Value> {
    path.iter().try_fold(document, |value, name| match value {
        Value::Object(members) => members.get_mut(name),
        Value::Array(items) => items.get_mut(name.parse::<usize>().ok()?),
        _ => None,
    })
}

/// The canonical string of a document without its own signature, by the sandbox's plain
/// canonicaliser if the order is PHP's.
pub(super) fn canonical(document: &Value, order: Order, with_deeper_signatures: bool) -> String {
    let items = leaves(document).into_iter().filter(|(path, _)| {
        let name = path.last().map_or("", String::as_str);
        name != "frame_mode" && (name != "signature" || with_deeper_signatures)
    });
    let mut items: Vec<(String, String)> =
        items.map(|(path, text)| (path.join(":"), text)).collect();
    match order {
        Order::WholeItem => {
            items.sort_by_cached_key(|(path, text)| format!("{path}:{text}"));
        }
        Order::KeyPath => items.sort(),
        // In the sources, the natural order differs only on indexes of lists.
        _ => items.sort_by_cached_key(|(path, _)| {
            path.split(':')
                .map(|name| {
                    (name.len() * usize::from(name.parse::<u32>().is_ok()), name.to_owned())
                })
                .collect::<Vec<_>>()
        }),
    }
    let items: Vec<String> =
        items.into_iter().map(|(path, text)| format!("{path}:{text}")).collect();
    items.join(";")
}

/// The document with its signature, and sometimes with unsigned members.
pub(super) fn signed(mut document: Value, signature: &str, choices: &mut Choices<'_>) -> Value {
    if let Value::Object(members) = &mut document {
        if choices.one_in(8) {
            let name = *choices.of(&["operation", "payment", "general", "transaction", "errors"]);
            let empty =
                if choices.one_in(2) { Value::Array(Vec::new()) } else { Map::new().into() };
            members.entry(name).or_insert(empty);
        }
        match members.get_mut("general") {
            Some(Value::Object(general)) if choices.one_in(2) => {
                general.insert("signature".to_owned(), signature.into());
            }
            _ => {
                members.insert("signature".to_owned(), signature.into());
            }
        }
    }
    document
}

/// Paths of messages, to guess where a path ends and its text begins.
static KNOWN: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let documents = SOURCES.iter().filter_map(|source| serde_json::from_str(source.json).ok());
    let paths = documents.flat_map(|document: Value| leaves(&document).into_keys());
    paths.map(|path| path.join(":")).collect()
});

/// Cuts a string into the items of another document: at some of its `;`, wherever the order allows
/// an item that begins there.
pub(super) fn recut(string: &str, order: Order, choices: &mut Choices<'_>) -> Option<Cut> {
    let greedy = !choices.one_in(3);
    let mut items = Vec::new();
    let mut from = 0;
    while from < string.len() {
        let border = from + border(&string[from..], choices)?;
        let path = &string[from..border];
        let mut end = string.len();
        for (at, _) in string[border..].match_indices(';') {
            let next = border + at + 1;
            let Some(length) = likely_border(&string[next..]) else { continue };
            let in_order = match order {
                Order::WholeItem => string[from..] < string[next..],
                _ => path <= &string[next..next + length],
            };
            let wanted = if greedy { !choices.one_in(32) } else { choices.one_in(2) };
            if (in_order || choices.one_in(64)) && wanted {
                end = next - 1;
                break;
            }
        }
        items.push((path.to_owned(), string[border + 1..end].to_owned()));
        from = end + 1;
    }
    let document = document_of(&items, choices)?;
    Some(Cut { document, items })
}

/// The length of the path at the beginning of a text, mostly the likely one.
fn border(text: &str, choices: &mut Choices<'_>) -> Option<usize> {
    if choices.one_in(48) {
        let colons: Vec<usize> = text.match_indices(':').map(|(at, _)| at).take(6).collect();
        return if colons.is_empty() { None } else { Some(*choices.of(&colons)) };
    }
    likely_border(text)
}

/// A known path, or else everything up to the first `:`. Without a `:` before the next `;` no item
/// begins here.
fn likely_border(text: &str) -> Option<usize> {
    let item = text.split(';').next().unwrap_or_default();
    let colons = || item.match_indices(':').map(|(at, _)| at).take(6);
    let known = colons().filter(|at| KNOWN.contains(&item[..*at])).last();
    // A new member inside an object: its path has the depth of that object.
    let inside = || {
        let parent = |at: usize| item[..at].rsplit_once(':').map_or("", |(parent, _)| parent);
        let is_object = |parent: &str| {
            KNOWN
                .range(format!("{parent}:")..)
                .next()
                .is_some_and(|path| path.starts_with(&format!("{parent}:")))
        };
        colons().filter(|at| !parent(*at).is_empty() && is_object(parent(*at))).last()
    };
    known.or_else(inside).or_else(|| colons().next())
}

fn document_of(items: &[(String, String)], choices: &mut Choices<'_>) -> Option<Value> {
    let mut root = Value::Object(Map::new());
    for (path, text) in items {
        let mut value = &mut root;
        for name in names(path, choices) {
            if value.is_null() {
                *value = Value::Object(Map::new());
            }
            value = value.as_object_mut()?.entry(name).or_insert(Value::Null);
        }
        if !value.is_null() {
            return None;
        }
        *value = leaf(path, text, choices);
    }
    make_lists(&mut root);
    Some(root)
}

/// The names of a path. A doubled `:` is one that belongs to a name, or a name that is empty.
fn names(path: &str, choices: &mut Choices<'_>) -> Vec<String> {
    if path.contains("::") && choices.one_in(2) {
        return path.split(':').map(str::to_owned).collect();
    }
    let names = path.replace("::", "\0");
    names.split(':').map(|name| name.replace('\0', ":")).collect()
}

/// A value with the signed text: a number where one is documented.
fn leaf(path: &str, text: &str, choices: &mut Choices<'_>) -> Value {
    let mut names = path.rsplit(':');
    let (name, parent) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
    let is_number = name == "project_id"
        || name.ends_with("amount")
        || name == "id" && ["operation", "transaction"].contains(&parent)
        || name == "id" && parent.parse::<u8>().is_ok();
    match text.parse::<u64>() {
        Ok(number) if is_number && number.to_string() == text && !choices.one_in(32) => {
            number.into()
        }
        _ if text.is_empty() && choices.one_in(8) => Value::Null,
        _ => text.into(),
    }
}

/// Makes lists of objects whose names are indexes.
fn make_lists(value: &mut Value) {
    let Value::Object(members) = value else { return };
    members.values_mut().for_each(make_lists);
    let places = (0..members.len()).map(|place| place.to_string());
    if !members.is_empty() && places.clone().all(|place| members.contains_key(&place)) {
        let items = places.filter_map(|place| members.remove(&place)).collect();
        *value = Value::Array(items);
    }
}
