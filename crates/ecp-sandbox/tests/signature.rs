//! The sandbox's own signature, held against the published vectors and against `ecp-core`.

use std::collections::BTreeMap;

use ecp_core::Sensitive;
use ecp_core::signature::{self as judge, Rules};
use ecp_sandbox::signature::{canonical_string, sign};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Vector {
    name: String,
    key: String,
    input: String,
    string: String,
    signature: String,
}

#[test]
fn published_vectors_give_their_strings_and_signatures() {
    let vectors: Vec<Vector> =
        serde_json::from_str(include_str!("../../ecp-core/tests/data/vectors.json")).unwrap();
    assert!(vectors.len() >= 15);
    for vector in vectors {
        let document: Value = serde_json::from_str(&vector.input).unwrap();
        assert_eq!(canonical_string(&document), vector.string, "{}", vector.name);
        let key = Sensitive::new(vector.key);
        assert_eq!(sign(&key, &document), vector.signature, "{}", vector.name);

        let mut signed = document;
        signed["signature"] = vector.signature.clone().into();
        assert_eq!(sign(&key, &signed), vector.signature, "{}: signed already", vector.name);
    }
}

#[test]
fn documents_published_with_a_string_alone_give_it() {
    let table = [
        (
            r#"{"a": {"b": 1111111111111111, "c": 2 }, "d": false, "f": [ "g", { "h": 7, "i": { "k": 8 } } ], "e": [ 4, 5 ], "j": null}"#,
            "a:b:1111111111111111;a:c:2;d:0;e:0:4;e:1:5;f:0:g;f:1:h:7;f:1:i:k:8;j:",
        ),
        (
            r#"{"0":null,"a":{"b":1,"c":2},"d":false,"f":["g",{"h":7,"i":{"k":8}}],"e":[4,5],"l":{"m":[{"n":9}]}}"#,
            "0:;a:b:1;a:c:2;d:0;e:0:4;e:1:5;f:0:g;f:1:h:7;f:1:i:k:8;l:m:0:n:9",
        ),
    ];
    for (document, expected) in table {
        assert_eq!(canonical_string(&serde_json::from_str(document).unwrap()), expected);
    }
}

/// Keys with what the orders of PHP and of bytes disagree about, and with what is escaped.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]{1,2}[0-9]{0,3}",
        "[a-cA-C_.:;-]{1,3}[0-9]{0,2}[a-c]{0,2}",
        "[a-c]?0[0-9]{0,2}[a-c]?",
        "[0-9]{1,3}[a-c]?",
        "[жé日😀\u{fb00}]{1,2}[0-9]{0,2}",
        Just("signature".to_owned()),
        Just("frame_mode".to_owned()),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-9_999..9_999_i64).prop_map(Value::from),
        "[ -~é日😀\u{1}]{0,8}".prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 48, 14, |inner| {
        prop_oneof![vec(inner.clone(), 0..14).prop_map(Value::from), object(inner)]
    })
}

/// PHP takes such keys at the top level for places in a list and loses some of them; no two
/// programs agree there, and `ecp-core` refuses them.
fn is_list_place(key: &str) -> bool {
    key.parse::<i64>().is_ok()
}

fn document() -> impl Strategy<Value = Value> {
    object(value()).prop_filter("a key that PHP loses", |document| {
        document.as_object().is_some_and(|members| !members.keys().any(|key| is_list_place(key)))
    })
}

fn object(member: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    btree_map(key(), member, 0..6)
        .prop_map(|members: BTreeMap<String, Value>| members.into_iter().collect())
}

fn without_signatures(document: Value) -> Value {
    match document {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(name, _)| name != "signature");
            Value::Object(kept.map(|(name, value)| (name, without_signatures(value))).collect())
        }
        Value::Array(items) => items.into_iter().map(without_signatures).collect(),
        scalar => scalar,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Two programs that share no line.
    #[test]
    fn both_sides_sign_the_same_string(document in document()) {
        // The platform's side leaves out every `signature`, the merchant's side its own.
        let json = without_signatures(document.clone()).to_string();
        let expected = judge::canonical_string(json.as_bytes(), Rules::private().allow_ambiguous());
        prop_assert_eq!(Ok(canonical_string(&document)), expected);
    }

    #[test]
    fn both_sides_print_the_same_doubles(double in any::<f64>()) {
        prop_assume!(double.is_finite());
        let document = serde_json::json!({ "a": double });
        let json = document.to_string();
        let expected = judge::canonical_string(json.as_bytes(), Rules::private().allow_ambiguous());
        prop_assert_eq!(Ok(canonical_string(&document)), expected);
    }
}
