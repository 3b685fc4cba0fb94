//! What is let through, and what is not.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ecp_core::json::Limits;
use ecp_core::model::{CallbackFormat, PaymentStatus};
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{ProjectId, SecretKey};
use ecp_notify::Verifier;

const CALLBACK: &str = r#"{"project_id":1236,"payment":{"id":"ac17805971555","type":"purchase",
    "status":"success","sum":{"amount":10000,"currency":"EUR"}},"customer":{"id":"sentinel-customer"},
    "operation":{"id":26516000001352,"type":"sale","status":"success","code":"0"}}"#;

fn secret(text: &str) -> SecretKey {
    SecretKey::new(text).unwrap()
}

fn project(id: u64) -> ProjectId {
    ProjectId::new(id).unwrap()
}

fn verifier() -> Verifier {
    Verifier::new()
        .key(project(197), &secret("other-project"))
        .key(project(1236), &secret("new-key"))
        .key(project(1236), &secret("old-key"))
}

fn sign(body: &str, key: &str, place: Place) -> Vec<u8> {
    let rules = Rules::private().allow_ambiguous();
    signature::sign_document(&SigningKey::new(&secret(key)), body.as_bytes(), place, rules).unwrap()
}

#[test]
fn a_genuine_callback_comes_with_its_proof() {
    for (key, place) in [("new-key", 0), ("old-key", 1)] {
        let body = sign(CALLBACK, key, Place::Root);
        let verified = verifier().verify(&body).unwrap();
        assert_eq!(verified.project(), project(1236));
        assert_eq!(verified.key(), place);
        assert_eq!(verified.raw(), body);
        assert_eq!(verified.payment_status(), Some(&PaymentStatus::Success));
        assert_eq!(verified.payment_id().unwrap().as_str(), "ac17805971555");
    }
}

#[test]
fn a_format_without_a_project_is_told_by_its_key() {
    let body = r#"{"general":{},"redirectData":{"method":"GET","body":[],"encrypted":[],
        "url":"https://pay.example"},"payment":{"id":"qwerty123"}}"#;
    let verified = verifier().verify(&sign(body, "old-key", Place::General)).unwrap();
    assert_eq!((verified.project(), verified.key()), (project(1236), 1));
    assert_eq!(verified.format(), CallbackFormat::Redirect);
    let error = verifier().verify(&sign(body, "unknown", Place::General)).unwrap_err();
    assert!(error.to_string().starts_with("the signature does not match"), "{error}");
}

#[test]
fn every_doubt_is_an_error_that_says_which() {
    let genuine = String::from_utf8(sign(CALLBACK, "new-key", Place::Root)).unwrap();
    let table = [
        (String::new(), "line 1, column 1: the document ends too early"),
        (genuine[..genuine.len() - 1].to_owned(), "line 3, column"),
        (CALLBACK.to_owned(), "no signature: neither `signature` nor `general.signature` is there"),
        (genuine.replace("success", "decline"), "the signature does not match"),
        (genuine.replace("1236", "197"), "the signature does not match"),
        (genuine.replace("1236", "9"), "no key for project 9"),
        (genuine.replace("1236", "\"1236\""), "`project_id`: expected an integer, found a string"),
        (genuine.replace("1236", "0"), "`project_id`: the project id must be positive"),
        (genuine.replacen("\"id\"", "\"id\":1,\"id\"", 1), "`payment.id` appears twice"),
        (
            String::from_utf8(sign(
                &CALLBACK.replace("10000", "\"10000\""),
                "new-key",
                Place::Root,
            ))
            .unwrap(),
            "genuine, but not readable as a callback: `payment.sum.amount`: expected an integer, \
             found a string",
        ),
        ("[1]".to_owned(), "expected a JSON object, found a list"),
    ];
    for (body, expected) in table {
        let error = verifier().verify(body.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error} is not {expected}");
    }
    let error = Verifier::new().verify(genuine.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "no key for project 1236");
    let small = verifier().limits(Limits::default().bytes(100));
    let error = small.verify(genuine.as_bytes()).unwrap_err();
    assert!(error.to_string().ends_with("more than the 100 allowed"), "{error}");
}

#[test]
fn nothing_secret_is_printed() {
    let verified = verifier().verify(&sign(CALLBACK, "new-key", Place::Root)).unwrap();
    let printed = format!("{verified:?} {:?}", verifier());
    for secret in ["new-key", "old-key", "sentinel-customer"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}
