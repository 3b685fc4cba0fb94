//! `ecp explain`, as a shell sees it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::process::{Output, Stdio};

use crate::support::{ecp, stderr, stdout};
use ecp_core::SecretKey;
use ecp_core::signature::{self, Place, Rules, SigningKey};

fn explain(arguments: &[&str], input: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut child = ecp(folder.path(), &["explain"])
        .args(arguments)
        .env("ECP_KEY", "secret")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn signed(body: &str) -> String {
    let key = SigningKey::new(&SecretKey::new("secret").unwrap());
    let rules = Rules::private().allow_items_in_texts();
    let signed = signature::sign_document(&key, body.as_bytes(), Place::Root, rules);
    String::from_utf8(signed.unwrap()).unwrap()
}

#[test]
fn every_item_is_listed_in_order_with_its_rule() {
    let body = r#"{"z":null,"list":[true,{"k":"a;b"}],"empty":{},"a:b":1,"amount":10000,
        "off":false,"none":"","rate":10.50,"frame_mode":"x","general":{"signature":"s"}}"#;
    let output = explain(&[], body);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(
        stdout(&output),
        "   1  a::b:1  (`:` in a key is doubled)\n   \
            2  amount:10000  (a whole number by its digits)\n   \
            3  list:0:1  (true is 1)\n   \
            4  list:1:k:a;b  (text as it is)\n   \
            5  none:  (empty text keeps its key)\n   \
            6  off:0  (false is 0)\n   \
            7  rate:10.5  (a fraction as PHP prints it)\n   \
            8  z:  (null is empty)\n   \
            -  empty  (an object without members has no item)\n   \
            -  frame_mode  (frame_mode is never signed)\n   \
            -  general.signature  (a signature is never signed)\n"
    );
}

#[test]
fn a_signature_that_matches_names_its_key() {
    let output = explain(&["--key-env", "ECP_KEY"], &signed(r#"{"payment":{"id":"P"}}"#));
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).ends_with("\nthe signature matches: key ECP_KEY, natural order\n"));
}

#[test]
fn the_order_of_another_sdk_is_named() {
    // The same text as the two items in the order of plain bytes, which is not the natural one.
    let text = serde_json::from_str::<serde_json::Value>(&signed(r#"{"a10":"1;a2:2"}"#)).unwrap();
    let body = serde_json::json!({"a10": 1, "a2": 2, "signature": text["signature"]});
    let output = explain(&["--key-env", "ECP_KEY"], &body.to_string());
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).starts_with("   1  a2:2  "), "{}", stdout(&output));
    let last = stdout(&output).lines().last().unwrap();
    assert!(last.starts_with("the signature matches: key ECP_KEY, "), "{last}");
    assert!(last.ends_with(" order") && !last.contains("natural"), "{last}");
}

#[test]
fn a_change_that_explains_a_mismatch_is_found() {
    let body = signed(
        r#"{"payment":{"id":"P","status":"decline","sum":{"amount":500,"currency":"EUR"}},"note":"a & b"}"#,
    );
    let table = [
        (
            "\"decline\"",
            "\"success\"",
            "if `payment.status` were \"decline\": the status was changed",
        ),
        ("500", "50000", "if `payment.sum.amount` were 500: major units became minor units"),
        ("500", "5", "if `payment.sum.amount` were 500: minor units became major units"),
        ("a & b", "a &amp; b", "if `note` were \"a & b\": it was escaped for HTML after signing"),
        ("\"note\"", "\"extra\":7,\"note\"", "without `extra`: it was added after signing"),
    ];
    for (from, to, guess) in table {
        let output = explain(&["--key-env", "ECP_KEY", "--json"], &body.replacen(from, to, 1));
        assert_eq!(output.status.code(), Some(1));
        let told: serde_json::Value = serde_json::from_str(stdout(&output)).unwrap();
        assert_eq!(told["signature"]["matches"], false);
        let guesses = told["signature"]["guesses"].as_array().unwrap();
        assert!(guesses.iter().any(|found| found == guess), "{guess}: {guesses:?}");
    }
    let other = body.replace("EUR", "USD").replace("decline", "success");
    let output = explain(&["--key-env", "ECP_KEY"], &other);
    assert!(stdout(&output).contains("neither a single changed field nor another form of a key"));
}

#[test]
fn a_document_that_cannot_be_signed_is_reported() {
    let table = [
        ("x", "error: JSON document, line 1, column 1: expected a value\n"),
        ("[]", "error: the document must be a JSON object, found a list\n"),
        (r#"{"a":1,"a":2}"#, "error: `a` appears twice; an object may have a member only once\n"),
    ];
    for (body, message) in table {
        let output = explain(&[], body);
        assert_eq!((output.status.code(), stderr(&output)), (Some(1), message));
    }
    let unsigned = explain(&["--key-env", "ECP_KEY"], r#"{"a":1}"#);
    assert_eq!(unsigned.status.code(), Some(1));
    assert!(
        stdout(&unsigned)
            .ends_with("no signature: neither `signature` nor `general.signature` is there\n")
    );
}
