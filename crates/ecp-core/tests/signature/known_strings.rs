use ecp_core::signature::{self, Match, Order, Place, Rules, VerifyError};
use serde::Deserialize;

use super::{as_php, hmac_of, key, with_signature};

/// A document with its canonical string and signature, as published.
#[derive(Deserialize)]
struct Vector {
    name: String,
    key: String,
    input: String,
    string: String,
    signature: String,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../data/vectors.json")).expect("the file is well formed")
}

#[test]
fn published_vectors_give_their_strings_and_signatures_under_every_rule() {
    for vector in vectors() {
        let json = vector.input.as_bytes();
        for rules in [as_php(), Rules::private(), Rules::public()] {
            let string = signature::canonical_string(json, rules).unwrap();
            assert_eq!(string, vector.string, "{}", vector.name);
            let signature = signature::sign(&key(&vector.key), json, rules).unwrap();
            assert_eq!(signature.to_string(), vector.signature, "{}", vector.name);
        }
        assert_eq!(hmac_of(&vector.key, &vector.string), vector.signature, "{}", vector.name);
    }
}

#[test]
fn a_signed_vector_verifies_and_names_the_key_that_fits() {
    for vector in vectors() {
        let fitting = key(&vector.key);
        let keys = [key("another"), key("and another"), fitting.clone(), key("unused")];
        let expected =
            Match { key: 2, order: Order::Natural, strip: ecp_core::signature::Strip::Everywhere };
        let input: serde_json::Value = serde_json::from_str(&vector.input).unwrap();
        let places = [Place::Root, Place::General];
        let places = &places[..if input.get("general").is_some() { 2 } else { 1 }];
        for &place in places {
            let json = vector.input.as_bytes();
            let signed = signature::sign_document(&fitting, json, place, Rules::private());
            let signed = signed.unwrap();
            assert_eq!(signature::verify(&keys, &signed), Ok(expected), "{}", vector.name);

            let signed: serde_json::Value = serde_json::from_slice(&signed).unwrap();
            let holder = match place {
                Place::Root => &signed,
                Place::General => &signed["general"],
            };
            assert_eq!(holder["signature"], *vector.signature, "{}", vector.name);
        }
    }
}

/// Some formats keep the signature in a `general` that holds nothing else. Such an object adds
/// nothing to the string, so the published signature fits there too.
#[test]
fn a_published_signature_also_verifies_inside_general() {
    for vector in vectors().iter().filter(|vector| !vector.input.contains("\"general\"")) {
        let general = format!("{{\"general\":{{\"signature\":\"{}\"}},", vector.signature);
        let body = general + &vector.input[1..];
        let found = signature::verify(&[key(&vector.key)], body.as_bytes());
        assert_eq!(
            found,
            Ok(Match {
                key: 0,
                order: Order::Natural,
                strip: ecp_core::signature::Strip::Everywhere
            }),
            "{}",
            vector.name
        );
    }
}

#[test]
fn documents_published_with_a_string_alone_give_it_or_are_refused_for_their_keys() {
    let go = r#"{"a": {"b": 1111111111111111, "c": 2 }, "d": false,
        "f": [ "g", { "h": 7, "i": { "k": 8 } } ], "e": [ 4, 5 ], "j": null}"#;
    for rules in [as_php(), Rules::private()] {
        assert_eq!(
            signature::canonical_string(go.as_bytes(), rules).unwrap(),
            "a:b:1111111111111111;a:c:2;d:0;e:0:4;e:1:5;f:0:g;f:1:h:7;f:1:i:k:8;j:"
        );
    }
    // The JavaScript SDK tests itself with a key that PHP would take for a list position.
    let js = r#"{"0":null,"a":{"b":1,"c":2},"d":false,"f":["g",{"h":7,"i":{"k":8}}],"e":[4,5],"l":{"m":[{"n":9}]}}"#;
    for rules in [as_php(), Rules::private()] {
        assert_eq!(
            signature::canonical_string(js.as_bytes(), rules).unwrap_err().to_string(),
            "the top-level member `0` needs another name: a name there must be neither empty nor an integer"
        );
    }
    let without_that_key = js.replace("\"0\":null,", "");
    assert_eq!(
        signature::canonical_string(without_that_key.as_bytes(), Rules::private()).unwrap(),
        "a:b:1;a:c:2;d:0;e:0:4;e:1:5;f:0:g;f:1:h:7;f:1:i:k:8;l:m:0:n:9"
    );
}

#[test]
fn the_published_wrong_signature_is_rejected() {
    let vectors = vectors();
    let vector = vectors.iter().find(|vector| vector.name == "S_go_1").unwrap();
    let body = with_signature(&vector.input, "tIf3gh4jZHReVS5aOz24/VfAorw7mQ==");
    assert_eq!(
        signature::verify(&[key(&vector.key)], body.as_bytes()),
        Err(VerifyError::MalformedSignature)
    );
}

/// Short parts are copied in another way than long ones, and those near the end in another one
/// than the rest.
#[test]
fn parts_of_any_length_stand_whole_in_the_canonical_string() {
    const LENGTHS: [usize; 7] = [1, 2, 30, 31, 32, 33, 100];
    for [path, key, text] in LENGTHS
        .into_iter()
        .flat_map(|path| LENGTHS.map(|key| [path, key]))
        .flat_map(|[path, key]| LENGTHS.map(|text| [path, key, text]))
    {
        let [path, key, text] = [("p", path), ("k", key), ("t", text)].map(|(a, n)| a.repeat(n));
        let more = "z".repeat(100);
        let json = format!(r#"{{"{path}":{{"{key}":"{text}"}},"z":["{text}","{more}"]}}"#);
        let expected = format!("{path}:{key}:{text};z:0:{text};z:1:{more}");
        assert_eq!(signature::canonical_string(json.as_bytes(), as_php()), Ok(expected));
        let json = format!(r#"{{"{path}":{{"{key}":"{text}"}}}}"#);
        let expected = format!("{path}:{key}:{text}");
        assert_eq!(signature::canonical_string(json.as_bytes(), as_php()), Ok(expected));
    }
}
