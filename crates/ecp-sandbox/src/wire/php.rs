//! JSON as the platform writes and signs it.

use std::fmt::Write;

use ecp_core::Sensitive;
use serde::Serialize;
use serde_json::Value;

use crate::wire::signature;

/// Returns a message as PHP's JSON with a signature at the root. The signature is made over the
/// text as a receiver reads it.
pub(super) fn signed<T: Serialize>(message: &T, key: &Sensitive<String>) -> String {
    #[derive(Serialize)]
    struct Signed<'a, T> {
        #[serde(flatten)]
        message: &'a T,
        signature: String,
    }

    let document = serde_json::from_str(&php_json(message)).unwrap_or_default();
    php_json(&Signed { message, signature: signature::sign(key, &document) })
}

/// Returns a message as a JSON document, with its members in their order.
pub(super) fn document(message: &impl Serialize) -> Value {
    let Ok(document) = serde_json::to_value(message) else {
        unreachable!("maps with text keys always serialise")
    };
    document
}

/// JSON as PHP's `json_encode` writes it by default: `/` as `\/` (the documents' signatures show
/// it) and everything beyond ASCII as `\u....`.
pub(super) fn php_json(message: &impl Serialize) -> String {
    let Ok(plain) = serde_json::to_string(message) else {
        unreachable!("maps with text keys always serialise")
    };
    let mut json = String::with_capacity(plain.len() + 64);
    // Neither can occur outside of a string.
    for character in plain.chars() {
        match character {
            '/' => json.push_str("\\/"),
            ascii if ascii.is_ascii() => json.push(ascii),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    let _ = write!(json, "\\u{unit:04x}");
                }
            }
        }
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_escaped_as_php_does_and_reads_back() {
        let text = "https://a/b?c=\"d\" Ж😀\u{1}";
        let json = php_json(&text);
        assert_eq!(json, r#""https:\/\/a\/b?c=\"d\" \u0416\ud83d\ude00\u0001""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
