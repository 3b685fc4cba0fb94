use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use ecp_core::json::{Document, JsonError, Limits, RawJson};
use ecp_core::signature::{self, Match, Order, Place, Rules};
use ecp_core::{SecretKey, Sensitive};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;

use super::{as_php, hmac_of, key, official_sdks, with_signature};

#[derive(Clone, Debug)]
enum Json {
    Scalar(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// The document's text, its members at every level in an order that the seed decides.
    fn text(&self, seed: u64) -> String {
        let mut text = String::new();
        self.write(seed, &mut text, &mut Vec::new());
        text
    }

    /// Writes the document's text and where in it the scalars stand.
    fn write(&self, seed: u64, text: &mut String, scalars: &mut Vec<Range<usize>>) {
        match self {
            Self::Scalar(literal) => {
                scalars.push(text.len()..text.len() + literal.len());
                text.push_str(literal);
            }
            Self::List(items) => {
                text.push('[');
                for (place, item) in items.iter().enumerate() {
                    text.push_str(if place > 0 { "," } else { "" });
                    item.write(seed, text, scalars);
                }
                text.push(']');
            }
            Self::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by_key(|(name, _)| {
                    let mut hasher = DefaultHasher::new();
                    (seed, name).hash(&mut hasher);
                    hasher.finish()
                });
                text.push('{');
                for (place, (name, value)) in members.into_iter().enumerate() {
                    text.push_str(if place > 0 { ", " } else { "" });
                    text.extend(["\"", name, "\": "]);
                    value.write(seed, text, scalars);
                }
                text.push('}');
            }
        }
    }
}

fn object(
    keys: impl Strategy<Value = String>,
    member: impl Strategy<Value = Json>,
) -> impl Strategy<Value = Json> {
    btree_map(keys, member, 0..5).prop_map(Json::Object)
}

/// The keys of real messages.
const PLAIN_KEYS: &str = "[a-z_]{1,8}";

/// Keys that one SDK or another sorts in its own way, or that look as if.
const ODD_KEYS: [&str; 30] = [
    "",
    "0",
    "1",
    "2",
    "10",
    "00",
    "01",
    "02",
    "-0",
    "-1",
    "+1",
    "0x",
    "1a",
    "a",
    "a1",
    "a01",
    "a10",
    "a2",
    "a-",
    "a_",
    "a.",
    "a ",
    " a",
    "A",
    "\u{e000}",
    "\u{1f600}",
    "a\u{e000}",
    "a\u{1f600}",
    "4294967295",
    "__proto__",
];

fn document(keys: impl Strategy<Value = String> + Clone + 'static) -> impl Strategy<Value = Json> {
    let keys_below = keys.clone();
    let quoted = |text: String| serde_json::to_string(&text).expect("text can be written");
    let scalar = prop_oneof![
        select(&["null", "true", "false", "\"\\u00e9\"", "\"\\/\""][..]).prop_map(str::to_owned),
        any::<i32>().prop_map(|number| number.to_string()),
        "[ -~é日😀]{0,8}".prop_map(quoted),
    ];
    let value = scalar.prop_map(Json::Scalar).prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Json::List),
            object(keys_below.clone(), inner)
        ]
    });
    object(keys, value)
}

fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![any::<u8>(), select(&b" \t\n\"\\,:;{}[]0123456789abetz_-+/=AEZ"[..])]
}

/// Whether a body without odd keys or numbers is signed with the key `secret`, by the official
/// SDKs' rules and without this crate.
fn is_genuine(body: &[u8]) -> bool {
    let Ok(mut document) = serde_json::from_slice::<Value>(body) else { return false };
    if members(&document) != colons_outside_strings(body) {
        return false;
    }
    let Some(Value::String(signature)) = document.get("signature").cloned() else { return false };
    // Of what is called `signature`, the message's own is never signed, and the rest by some SDKs.
    document.as_object_mut().map(|members| members.remove("signature"));
    document.get_mut("general").and_then(Value::as_object_mut).map(|own| own.remove("signature"));
    leave_out(&mut document, "frame_mode");
    let mut without_any = document.clone();
    leave_out(&mut without_any, "signature");
    [official_sdks::python, official_sdks::go].iter().any(|string| {
        let signs = |document| hmac_of("secret", &string(document)) == signature;
        signs(&without_any) || signs(&document)
    })
}

fn leave_out(value: &mut Value, name: &str) {
    match value {
        Value::Object(members) => {
            members.remove(name);
            members.values_mut().for_each(|value| leave_out(value, name));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| leave_out(value, name)),
        _ => {}
    }
}

/// How many members a document has; of those that appear twice `serde_json` keeps one.
fn members(value: &Value) -> usize {
    match value {
        Value::Object(members) => members.values().map(|value| 1 + self::members(value)).sum(),
        Value::Array(items) => items.iter().map(members).sum(),
        _ => 0,
    }
}

/// How many members its text has.
fn colons_outside_strings(json: &[u8]) -> usize {
    let (mut colons, mut in_string) = (0, false);
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' => {
                bytes.next();
            }
            b':' if !in_string => colons += 1,
            _ => {}
        }
    }
    colons
}

/// A document inside a message of which some members carry no weight, signed, and where in it the
/// scalars that carry some stand.
fn signed_message(document: &Json) -> (Vec<u8>, Vec<Range<usize>>) {
    let (mut text, mut scalars) = ("{\"body\":".to_owned(), Vec::new());
    document.write(0, &mut text, &mut scalars);
    text.push_str(" ,\"empty\":[],\"frame_mode\":\"popup\",\"in\":{\"signature\":1}}");
    let json = text.as_bytes();
    let signed = signature::sign_document(&key("secret"), json, Place::Root, as_php());
    (signed.expect("plain keys are signed"), scalars)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_order_of_members_changes_nothing(
        document in document(PLAIN_KEYS), one: u64, other: u64,
    ) {
        let [one, other] = [one, other].map(|seed| format!("{{\"document\":{}}}", document.text(seed)));
        let string = signature::canonical_string(one.as_bytes(), as_php());
        prop_assert!(string.is_ok(), "{one}: {string:?}");
        prop_assert_eq!(&signature::canonical_string(other.as_bytes(), as_php()), &string);

        let signature = hmac_of("secret", &string.unwrap());
        let body = with_signature(&other, &signature);
        let found = signature::verify(&[key("secret")], body.as_bytes());
        prop_assert_eq!(found, Ok(Match { key: 0, order: Order::Natural, strip: ecp_core::signature::Strip::Everywhere }), "{}", body);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn what_is_signed_by_default_every_official_sdk_signs_alike(
        document in document(select(&ODD_KEYS[..]).prop_map(str::to_owned)),
    ) {
        // Below the top level, where every key may stand.
        let text = format!("{{\"top\":{}}}", document.text(0));
        if let Ok(string) = signature::canonical_string(text.as_bytes(), Rules::private()) {
            let document: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(official_sdks::python(&document), &*string, "Python: {}", text);
            prop_assert_eq!(official_sdks::go(&document), &*string, "Go: {}", text);
            prop_assert_eq!(official_sdks::java(&document), &*string, "Java: {}", text);
            prop_assert_eq!(official_sdks::javascript(&document), &*string, "JavaScript: {}", text);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every byte of every scalar is hit, among others by its neighbour and by the other case.
    /// Only an escape can be spelt in another way.
    #[test]
    fn a_changed_byte_inside_a_signed_scalar_never_verifies(
        document in document(PLAIN_KEYS), byte in byte(),
    ) {
        let (message, scalars) = signed_message(&document);
        for scalar in scalars {
            let value: Value = serde_json::from_slice(&message[scalar.clone()]).unwrap();
            let quote = usize::from(value.is_string());
            for place in scalar.start + quote..scalar.end - quote {
                for byte in [byte, message[place] ^ 1, message[place] ^ 0x20] {
                    let mut changed = message.clone();
                    changed[place] = byte;
                    let now: Option<Value> = serde_json::from_slice(&changed[scalar.clone()]).ok();
                    let verified = signature::verify(&[key("secret")], &changed).is_ok();
                    let text = String::from_utf8_lossy(&changed);
                    prop_assert_eq!(verified, now.as_ref() == Some(&value), "{}", text);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    /// Members that carry no weight are among those that may be hit.
    #[test]
    fn a_changed_byte_verifies_only_if_it_changes_nothing_that_is_signed(
        document in document(PLAIN_KEYS), place: Index, byte in byte(),
    ) {
        let (mut message, _) = signed_message(&document);
        prop_assert!(is_genuine(&message));
        let place = place.index(message.len());
        message[place] = byte;
        let verified = signature::verify(&[key("secret")], &message).is_ok();
        prop_assert_eq!(verified, is_genuine(&message), "{}", String::from_utf8_lossy(&message));
    }

    #[test]
    fn the_reader_takes_what_serde_json_takes(
        tokens in vec(select(&[
            "{", "}", "[", "]", ",", ":", "\"", "\"a\"", "\"b\":", "\"\\u00e9", "\\", "\\u",
            "\\ud83d", "\\ude00", "\\\"", "0", "1", "-", "1e400", ".5", "e", "E+1", "true", "false",
            "null", "nul", " ", "\n", "\t", "\r", "\u{b}", "\0", "\u{7f}", "\u{feff}", "é", "x",
        ][..]), 0..12),
    ) {
        compare_with_serde_json(tokens.concat().as_bytes())?;
    }

    #[test]
    fn the_reader_takes_what_serde_json_takes_of_a_damaged_document(
        document in document(PLAIN_KEYS), damage in vec((any::<Index>(), byte()), 0..4), cut: Option<Index>,
    ) {
        let mut bytes = document.text(0).into_bytes();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        compare_with_serde_json(&bytes)?;
    }
}

/// `IgnoredAny` builds no values, so numbers of any size pass there as they do here. It does
/// not look at the pairing of surrogates, at UTF-8 inside strings or at repeated members.
fn compare_with_serde_json(bytes: &[u8]) -> Result<(), TestCaseError> {
    let accepted = std::str::from_utf8(bytes).is_ok()
        && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok();
    let found = Document::parse(bytes, Limits::default()).err();
    match &found {
        Some(JsonError::Syntax { problem: "a lone surrogate in a string", .. }) => {}
        None | Some(JsonError::DuplicateKey { .. }) => prop_assert!(accepted, "{bytes:?}"),
        Some(_) => prop_assert!(!accepted, "{bytes:?} {found:?}"),
    }
    Ok(())
}

proptest! {
    #[test]
    fn secrets_and_documents_are_never_printed(sentinel in "[a-z]{12}") {
        let text = format!("{{\"a\":\"{sentinel}\",\"{sentinel}\":[{{}}]}}");
        let document = Document::parse(text.as_bytes(), Limits::default()).unwrap();
        let value = document.root().get("a").unwrap();
        let raw = RawJson::from(value);
        let secret = SecretKey::new(sentinel.clone()).unwrap();
        let sensitive = Sensitive::new(sentinel.clone());
        let printed = [
            format!("{secret:?} {secret:#?}"),
            format!("{:?} {:#?}", key(&sentinel), key(&sentinel)),
            format!("{sensitive:?} {sensitive:#?} {:?}", Some(&sensitive)),
            format!("{document:?} {document:#?}"),
            format!("{value:?} {:?} {raw:?}", value.children()),
            format!("{:?}", signature::verify(&[key(&sentinel)], text.as_bytes())),
        ];
        for printed in printed {
            prop_assert!(!printed.contains(&sentinel), "{}", printed);
        }
    }
}
