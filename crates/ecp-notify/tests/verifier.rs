//! What is let through, and what is not.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::error::Error;
use std::time::Instant;

use ecp_core::json::Limits;
use ecp_core::model::{CallbackFormat, PaymentStatus};
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{ProjectId, SecretKey};
use ecp_notify::{Verifier, VerifyError};

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
fn a_format_without_a_project_is_assigned_by_its_key() {
    let body = r#"{"general":{},"redirectData":{"method":"GET","body":[],"encrypted":[],
        "url":"https://pay.example"},"payment":{"id":"qwerty123"}}"#;
    let verified = verifier().verify(&sign(body, "old-key", Place::General)).unwrap();
    assert_eq!((verified.project(), verified.key()), (project(1236), 1));
    assert_eq!(verified.format(), CallbackFormat::Redirect);
    let error = verifier().verify(&sign(body, "unknown", Place::General)).unwrap_err();
    assert!(error.to_string().starts_with("the signature does not match"), "{error}");
}

#[test]
fn the_place_of_a_key_is_counted_in_its_own_project() {
    let (one, other) = (project(1), project(2));
    let holder = Verifier::new()
        .key(one, &secret("a"))
        .key(other, &secret("b"))
        .key(one, &secret("c"))
        .key(other, &secret("d"))
        .key(other, &secret("shared"))
        .key(one, &secret("shared"));
    let table = [
        (r#"{"payment":{"status":"new"}}"#, "a", Some((one, 0))),
        (r#"{"payment":{"status":"new"}}"#, "b", Some((other, 0))),
        (r#"{"payment":{"status":"new"}}"#, "c", Some((one, 1))),
        (r#"{"payment":{"status":"new"}}"#, "d", Some((other, 1))),
        // Without a project the key tells, and the first of two equal ones does.
        (r#"{"payment":{"status":"new"}}"#, "shared", Some((other, 2))),
        (r#"{"project_id":1,"payment":{"status":"new"}}"#, "c", Some((one, 1))),
        (r#"{"project_id":1,"payment":{"status":"new"}}"#, "shared", Some((one, 2))),
        (r#"{"project_id":1,"payment":{"status":"new"}}"#, "d", None),
        (r#"{"general":{"project_id":2},"payment":{"status":"new"}}"#, "d", Some((other, 1))),
        (r#"{"general":{"project_id":2},"payment":{"status":"new"}}"#, "shared", Some((other, 2))),
        (r#"{"general":{"project_id":2},"payment":{"status":"new"}}"#, "a", None),
    ];
    for (body, key, expected) in table {
        let verified = holder.verify(&sign(body, key, Place::Root));
        let found = verified.map(|verified| (verified.project(), verified.key()));
        let no_match = VerifyError::Signature(signature::VerifyError::NoMatch);
        assert_eq!(found, expected.ok_or(no_match), "{key}: {body}");
    }
}

#[test]
fn without_a_project_every_doubt_is_an_error_too() {
    let body = r#"{"payment":{"id":"X","status":"success"}}"#;
    let genuine = String::from_utf8(sign(body, "new-key", Place::Root)).unwrap();
    let no_match = "the signature does not match: the document was signed with a key that is not among the given ones, or was changed since; `ecp explain` looks for the cause";
    let table = [
        (body.to_owned(), "no signature: neither `signature` nor `general.signature` is there"),
        (genuine.replace("success", "decline"), no_match),
        (
            genuine.replacen('{', "{\"0\":0,", 1),
            "the top-level member `0` needs another name: a name there must be neither empty nor an integer",
        ),
        (genuine.replace("==", ""), "the signature is not 88 characters of Base64"),
        (
            genuine.replacen('{', "{\"project_id\":null,", 1),
            "`project_id`: expected an integer, found null",
        ),
    ];
    for (body, expected) in table {
        let error = verifier().verify(body.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), expected, "{body}");
    }
    let error = Verifier::new().verify(genuine.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), no_match);
}

#[test]
fn what_only_describes_does_not_cost_a_callback() {
    let body = r#"{"project_id":1236,"payment":{"id":" a space ","status":"success","date":"today"},
        "customer":"C-1","redirect_data":[1],"operation":{"code":[0],"provider":true}}"#;
    let verified = verifier().verify(&sign(body, "new-key", Place::Root)).unwrap();
    assert_eq!(verified.payment_status(), Some(&PaymentStatus::Success));
    assert_eq!(verified.payment_id().unwrap().as_str(), " a space ");
    assert!(verified.customer.is_none());
    assert_eq!(verified.extra.get("customer").unwrap().as_str(), "\"C-1\"");
}

/// Key paths repeat a long name, so that the canonical string is four times the body, and the
/// items have to be sorted: once, however many projects there are.
#[test]
fn a_hostile_body_without_a_project_is_refused_at_the_price_of_one_project() {
    const LETTERS: &[u8; 26] = b"abcdefghijklmnopqrstuvwxyz";
    // A step through all names of four letters that meets none twice.
    let name = |place: usize| {
        let number = place * 100_003 % 26_usize.pow(4);
        let letter = |power| char::from(LETTERS[number / 26_usize.pow(power) % 26]);
        (0..4).map(letter).collect::<String>()
    };
    let members: Vec<String> = (0..28_000).map(|place| format!(r#""{}":1"#, name(place))).collect();
    let body = format!(
        r#"{{"{}":{{{}}},"signature":"{}=="}}"#,
        "long".repeat(6),
        members.join(","),
        "A".repeat(86)
    );
    assert!(body.len() > 250_000);
    let price = |projects: u64| {
        let verifier = (1..=projects).fold(Verifier::new(), |verifier, id| {
            verifier.key(project(id), &secret(&format!("key of {id}")))
        });
        let start = Instant::now();
        let error = verifier.verify(body.as_bytes()).unwrap_err();
        assert_eq!(error, VerifyError::Signature(signature::VerifyError::NoMatch));
        start.elapsed()
    };
    // Each key costs an HMAC, which adds up to as much again. A busy machine gets another try.
    let one = price(1);
    assert!((0..3).any(|_| price(20) < one * 6), "{one:?} for one project, and 6 times as much");
}

#[test]
fn every_doubt_is_an_error_that_says_which() {
    let genuine = String::from_utf8(sign(CALLBACK, "new-key", Place::Root)).unwrap();
    let table = [
        (String::new(), "JSON document, line 1, column 1: the document ends too early"),
        (genuine[..genuine.len() - 1].to_owned(), "JSON document, line 3, column"),
        (CALLBACK.to_owned(), "no signature: neither `signature` nor `general.signature` is there"),
        (genuine.replace("success", "decline"), "the signature does not match"),
        (genuine.replace("1236", "197"), "the signature does not match"),
        (
            genuine.replace("1236", "9"),
            "there is no key for project 9: if the project is yours, add its key with `Verifier::key`",
        ),
        (genuine.replace("1236", "\"1236\""), "`project_id`: expected an integer, found a string"),
        (
            genuine.replace("1236", "0"),
            "`project_id`: the project id must be a number from 1 to 9007199254740992",
        ),
        (
            genuine.replacen("\"id\"", "\"id\":1,\"id\"", 1),
            "`payment.id` appears twice; an object may have a member only once",
        ),
        (
            String::from_utf8(sign(
                &CALLBACK.replace("10000", "\"10000\""),
                "new-key",
                Place::Root,
            ))
            .unwrap(),
            "valid, but the message is not as documented: `payment.sum.amount`: expected an integer, \
             found a string",
        ),
        ("[1]".to_owned(), "the document must be a JSON object, found a list"),
    ];
    for (body, expected) in table {
        let error = verifier().verify(body.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error} is not {expected}");
    }
    let error = Verifier::new().verify(genuine.as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no key for project 1236: if the project is yours, add its key with `Verifier::key`"
    );
    let small = verifier().limits(Limits::default().bytes(100));
    let error = small.verify(genuine.as_bytes()).unwrap_err();
    assert!(
        error.to_string().ends_with("more than the 100 that `Limits::bytes` allows"),
        "{error}"
    );
}

#[test]
fn nothing_secret_is_printed() {
    let verified = verifier().verify(&sign(CALLBACK, "new-key", Place::Root)).unwrap();
    let printed = format!("{verified:?} {:?}", verifier());
    for secret in ["new-key", "old-key", "sentinel-customer"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

/// A member of the wrong type may hold what belongs in another: its meaning is unknown.
#[test]
fn no_value_of_an_unreadable_body_is_printed() {
    // `*` stands for the text that must not appear.
    let table = [
        (r#"{"project_id":1236,"payment":{"status":5,"date":"*"}}"#, "`payment.status`"),
        (r#"{"project_id":1236,"payment":{"date":"*","status":["*"]}}"#, "`payment.status`"),
        (r#"{"project_id":1236,"payment":{"id":{"x":"*"}}}"#, "`payment.id`"),
        (r#"{"project_id":1236,"payment":{"sum":{"amount":"*"}}}"#, "`payment.sum.amount`"),
        (
            r#"{"project_id":1236,"payment":{"sum":{"amount":1,"currency":["*"]}}}"#,
            "`payment.sum.currency`",
        ),
        (r#"{"project_id":1236,"operation":{"id":"*"}}"#, "`operation.id`"),
        (r#"{"project_id":1236,"operations":"*"}"#, "`operations`"),
        (r#"{"project_id":1236,"customer":{"phone":"*"},"payment":"*"}"#, "`payment`"),
        (r#"{"project_id":"*"}"#, "`project_id`"),
        (r#"{"general":{"project_id":["*"]}}"#, "`general.project_id`"),
    ];
    for (body, place) in table {
        let body = body.replace('*', "+44 20 8123 4567 Sentinel");
        let error = verifier().verify(&sign(&body, "new-key", Place::Root)).unwrap_err();
        assert!(error.to_string().contains(place), "{error}");
        let printed = format!("{error} {error:?} {error:#?}");
        assert!(!printed.contains("Sentinel") && !printed.contains("8123"), "{printed}");
        assert!(error.source().is_none(), "a source would be printed too");
    }
    let questions = [
        r#"{"project_id":1236,"type":"*"}"#,
        r#"{"project_id":1236,"type":"check_deposit","payment_id":["*"]}"#,
        r#"{"project_id":1236,"type":"check_deposit","payment_id":"X","customer_id":"*","amount":"*"}"#,
    ];
    for body in questions {
        let body = sign(&body.replace('*', "Sentinel"), "new-key", Place::Root);
        let error = verifier().verify_deposit_check(&body).unwrap_err();
        assert!(matches!(error, VerifyError::Unreadable(_)), "{error}");
        assert!(!format!("{error} {error:?}").contains("Sentinel"), "{error:?}");
    }
    // What is not read of a callback that is, is not printed either.
    let body = r#"{"project_id":1236,"customer":"*","payment":{"status":"new","date":"*"},"news":{"x":"*"},
        "account":{"number":["*"]},"errors":"*"}"#;
    let body = sign(&body.replace('*', "Sentinel"), "new-key", Place::Root);
    let verified = verifier().verify(&body).unwrap();
    assert!(!format!("{verified:?} {verified:#?}").contains("Sentinel"), "{verified:?}");
}
