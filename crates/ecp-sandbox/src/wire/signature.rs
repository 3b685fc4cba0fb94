//! The platform's signature, written a second time.
//!
//! The sandbox is the other side: were it to sign with the merchant's own library, a mistake in
//! that library would agree with itself. This canonicaliser shares no code with `ecp-core`. It is
//! slow and plain, works on parsed documents, and follows the platform's article on signatures
//! and, where that is silent, what was measured on the official PHP SDK.
//!
//! ```
//! use ecp_core::Sensitive;
//! use ecp_sandbox::signature::{canonical_string, sign};
//! use serde_json::json;
//!
//! let callback = json!({"payment": {"id": "000049", "status": "success"}, "errors": []});
//! assert_eq!(canonical_string(&callback), "payment:id:000049;payment:status:success");
//!
//! let key = Sensitive::new("secret".to_owned());
//! assert_eq!(
//!     sign(&key, &callback),
//!     "/3TrhHVz9BHaLfgLyhoxO7dsQNzbzZa/TdO3pxQocXWwgVM6tGlzMLVfpOxFNTnkR9iiFVK/77ZedMcbkCjmng=="
//! );
//! ```

mod natural_order;
mod php_float;

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ecp_core::Sensitive;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Number, Value};
use sha2::Sha512;

/// Members that are never signed, at any depth.
const NOT_SIGNED: [&str; 2] = ["frame_mode", "signature"];

/// Returns the canonical string of a JSON document, which is the text to sign:
/// `path:to:member:value` for every text, number, boolean and null, joined with `;`. The items are
/// in PHP's natural order of their paths, in which `a2` comes before `a10`. Members called
/// `signature` or `frame_mode` are left out, at any depth.
///
/// The string is empty if the document is not an object or a list. It can be far longer than the
/// document, because it repeats the paths.
pub fn canonical_string(document: &Value) -> String {
    let mut leaves = Leaves::default();
    leaves.collect(document, None);
    let sorted = natural_order::sort(leaves.in_order);
    let items: Vec<String> =
        sorted.into_iter().map(|leaf| format!("{}:{}", leaf.path, leaf.text)).collect();
    items.join(";")
}

/// Returns the signature of a JSON document, made with this key: HMAC-SHA-512 of its
/// [`canonical_string`], in Base64. A signature that the document already has does not change the
/// result.
pub fn sign(key: &Sensitive<String>, document: &Value) -> String {
    let Ok(mac) = Hmac::<Sha512>::new_from_slice(key.expose().as_bytes()) else {
        unreachable!("HMAC takes a key of any length")
    };
    STANDARD.encode(mac.chain_update(canonical_string(document)).finalize().into_bytes())
}

/// How many bytes a document's canonical string has at most, found without building it: paths
/// repeat, so a small document can have a huge string.
pub(crate) fn canonical_length(document: &Value) -> usize {
    fn below(value: &Value, path: usize) -> usize {
        match value {
            Value::Object(members) => {
                let colons = |key: &str| key.matches(':').count();
                let length = |key: &str| path + key.len() + colons(key) + 1;
                members.iter().map(|(key, member)| below(member, length(key))).sum()
            }
            Value::Array(items) => {
                let length = |position: usize| path + position.to_string().len() + 1;
                let items = items.iter().enumerate();
                items.map(|(position, item)| below(item, length(position))).sum()
            }
            Value::String(text) => path + text.len() + 1,
            Value::Number(number) => path + number_text(number).len() + 1,
            Value::Null | Value::Bool(_) => path + 2,
        }
    }
    below(document, 0)
}

/// A scalar with the path to it.
struct Leaf {
    path: String,
    text: String,
}

#[derive(Default)]
struct Leaves {
    in_order: Vec<Leaf>,
    places: HashMap<String, usize>,
}

impl Leaves {
    fn collect(&mut self, value: &Value, path: Option<&str>) {
        let below = |name: &str| match path {
            Some(path) => format!("{path}:{name}"),
            None => name.to_owned(),
        };
        match value {
            Value::Object(members) => {
                for (key, member) in members {
                    if !NOT_SIGNED.contains(&key.as_str()) {
                        self.collect(member, Some(&below(&key.replace(':', "::"))));
                    }
                }
            }
            Value::Array(items) => {
                for (position, item) in items.iter().enumerate() {
                    self.collect(item, Some(&below(&position.to_string())));
                }
            }
            Value::Null => self.put(path, String::new()),
            Value::Bool(true) => self.put(path, "1".to_owned()),
            Value::Bool(false) => self.put(path, "0".to_owned()),
            Value::Number(number) => self.put(path, number_text(number)),
            Value::String(text) => self.put(path, text.clone()),
        }
    }

    /// PHP collects into a map: of two equal paths (they can come about where keys hold `:`) the
    /// later gives the value and the earlier the place.
    fn put(&mut self, path: Option<&str>, text: String) {
        let Some(path) = path else { return };
        if let Some(&place) = self.places.get(path) {
            self.in_order[place].text = text;
        } else {
            self.places.insert(path.to_owned(), self.in_order.len());
            self.in_order.push(Leaf { path: path.to_owned(), text });
        }
    }
}

/// PHP keeps integers of 64 bits as they are and makes everything else a double.
fn number_text(number: &Number) -> String {
    match (number.as_i64(), number.as_f64()) {
        (Some(integer), _) => integer.to_string(),
        (None, Some(double)) => php_float::text(double),
        // Beyond the range of a double, which `serde_json` reads only where another crate has
        // switched on its `arbitrary_precision`.
        (None, None) => php_float::text(number.to_string().parse().unwrap_or(f64::NAN)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_value_has_its_form() {
        let table = [
            (json!({"b": true, "a": false}), "a:0;b:1"),
            (json!({"a": null, "b": ""}), "a:;b:"),
            (json!({"a": [], "b": {}, "c": {"d": [{}]}}), ""),
            (json!({"s": [null, [], {}, "x"]}), "s:0:;s:3:x"),
            (json!({"x:y": {"z:w": "v:1;2"}}), "x::y:z::w:v:1;2"),
            (
                json!({"signature": "s", "a": [{"signature": 1, "frame_mode": 2, "b": 3}]}),
                "a:0:b:3",
            ),
            (json!({"a": {"Signature": "kept"}, "frame_mode": "popup"}), "a:Signature:kept"),
            (json!({"a": -5, "b": 10.50, "c": u64::MAX}), "a:-5;b:10.5;c:1.844674407371E+19"),
            (json!({"a10": 1, "a2": 2}), "a2:2;a10:1"),
            // Two ways to one path: the first place, the last value.
            (json!({"a": {"": {"b": 1}}, "a:b": 2}), "a::b:2"),
            (json!("text"), ""),
        ];
        for (document, expected) in table {
            assert_eq!(canonical_string(&document), expected, "{document}");
        }
    }

    #[test]
    fn the_length_is_known_beforehand() {
        let document =
            json!({"a": {"b:c": [1.5, "two", true]}, "d": vec![0; 12], "signature": "s"});
        let exact = canonical_string(&document).len();
        let most = canonical_length(&document);
        // After the last `;`, members that are not signed are counted too.
        assert_eq!(most, exact + 1 + "signature:s;".len());
    }
}
