//! Any crate of a program can switch `arbitrary_precision` and `preserve_order` of `serde_json`
//! on for all the others, and both change what its values look like. Nothing here may depend on
//! that, so the crate does not use `serde_json` at all.
//!
//! Cargo turns features on for a whole build, never for one test. The crate's dev-dependency has
//! both on, so every test of the crate runs with them; whoever depends on the crate builds
//! without. This file makes sure that they are on, and that results are what they must be.

use ecp_core::model::{Callback, FromJson, RedirectData};
use ecp_core::signature::{self, Rules};
use serde_json::Value;

#[test]
fn both_features_are_on_in_this_build() {
    assert_eq!(serde_json::from_str::<Value>("1.50").unwrap().to_string(), "1.50");
    let members = r#"{"b":1,"a":2}"#;
    assert_eq!(serde_json::from_str::<Value>(members).unwrap().to_string(), members);
}

#[test]
fn the_crate_itself_does_not_depend_on_serde_json() {
    let manifest = include_str!("../Cargo.toml");
    let sections: Vec<&str> = manifest
        .split("\n[")
        .filter(|section| section.lines().any(|line| line.starts_with("serde_json")))
        .collect();
    assert_eq!(sections.len(), 1, "{sections:?}");
    assert!(sections[0].starts_with("dev-dependencies]"));
    assert!(!manifest.contains(".serde_json]"), "a dependency in a section of its own");
    for feature in ["arbitrary_precision", "preserve_order"] {
        assert!(sections[0].contains(feature), "{feature}");
    }
}

#[test]
fn numbers_and_order_are_signed_by_the_rules_of_the_signature_alone() {
    let table = [
        (r#"{"b":1.50,"a":100.0}"#, "a:100;b:1.5"),
        (r#"{"z":1e2,"y":1E-7,"x":0.30000000000000004}"#, "x:0.3;y:1.0E-7;z:100"),
        (r#"{"id":9223372036854775807}"#, "id:9223372036854775807"),
        (r#"{"id":12345678901234567890}"#, "id:1.2345678901235E+19"),
        (r#"{"n":-0,"m":-0.0,"l":1e400}"#, "l:INF;m:-0;n:0"),
        (r#"{"b":{"d":1,"c":2},"a":[{"f":3,"e":4}]}"#, "a:0:e:4;a:0:f:3;b:c:2;b:d:1"),
        // How `serde_json` carries literals inside, and so how they could leak.
        (r#"{"a":{"$serde_json::private::Number":"1"}}"#, "a:$serde_json::::private::::Number:1"),
    ];
    for (document, expected) in table {
        let string =
            signature::canonical_string(document.as_bytes(), Rules::private().allow_ambiguous());
        assert_eq!(string.as_deref(), Ok(expected), "{document}");
    }
}

#[test]
fn models_read_numbers_by_their_literal_and_members_in_any_order() {
    let json = br#"{"signature":"x","rate":1.50,"big":12345678901234567890,"operation":{
        "status":"success","id":5048925000004552,"sum_initial":{"currency":"INR","amount":15000}},
        "payment":{"status":"success","id":"1"},"project_id":197,"another":{"b":1,"a":2.0}}"#;
    let callback = Callback::from_slice(json).unwrap();
    let operation = callback.operation.as_ref().unwrap();
    assert_eq!(operation.id.unwrap().get(), 5_048_925_000_004_552);
    assert_eq!(operation.sum_initial.as_ref().unwrap().money().unwrap().to_string(), "150.00 INR");
    assert_eq!(callback.signature, Some("x".to_owned().into()));
    let extra: Vec<(&str, &str)> =
        callback.extra.iter().map(|(name, value)| (name, value.as_str())).collect();
    assert_eq!(
        extra,
        [("rate", "1.50"), ("big", "12345678901234567890"), ("another", r#"{"b":1,"a":2.0}"#),]
    );

    let redirect = br#"{"url":"u","method":"POST","body":{"b":1.50,"a":15781000001162,"c":1e2}}"#;
    let redirect = RedirectData::from_slice(redirect).unwrap();
    let fields: Vec<(&str, &str)> = redirect
        .body
        .fields()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose().as_str()))
        .collect();
    assert_eq!(fields, [("b", "1.50"), ("a", "15781000001162"), ("c", "1e2")]);
}
