//! What a signature alone does not prove.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ecp_core::model::PaymentType;
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{Money, PaymentId, ProjectId, SecretKey};
use ecp_notify::{Expected, Reading, Verifier};

fn project(id: u64) -> ProjectId {
    ProjectId::new(id).unwrap()
}

fn verifier() -> Verifier {
    Verifier::new().key(project(1236), &SecretKey::new("reading-key").unwrap())
}

fn sign(body: &str) -> Vec<u8> {
    let key = SigningKey::new(&SecretKey::new("reading-key").unwrap());
    let rules = Rules::private().allow_ambiguous();
    signature::sign_document(&key, body.as_bytes(), Place::Root, rules).unwrap()
}

fn callback(description: &str) -> String {
    format!(
        r#"{{"project_id":1236,"payment":{{"id":"X1","type":"purchase","status":"success",
            "method":"JetonWallet","sum":{{"amount":10000,"currency":"EUR"}},
            "description":"{description}"}},"operation":{{"id":7,"type":"sale","status":"success"}}}}"#
    )
}

#[test]
fn a_text_that_could_be_several_items_is_told() {
    let plain = verifier().verify(&sign(&callback("Order 5; thank you"))).unwrap();
    assert_eq!(plain.reading(), Reading::Unique);

    let forged = sign(&callback("x;payment:extra:1"));
    let verified = verifier().verify(&forged).unwrap();
    assert_eq!(verified.reading(), Reading::Ambiguous(&["payment.description".to_owned()]));
    // The other reading has the same signature: that is why nothing may rest on it.
    let text = String::from_utf8(forged).unwrap();
    let other = text.replace("\"x;payment:extra:1\"", "\"x\",\"extra\":\"1\"");
    assert_ne!(other, text);
    assert_eq!(verifier().verify(other.as_bytes()).unwrap().reading(), Reading::Unique);
}

#[test]
fn what_the_signature_does_not_cover_is_refused_but_for_a_providers_own_field() {
    let add = |member: &str| {
        let mut body = sign(&callback("x"));
        body.splice(1..1, format!("{member},").into_bytes());
        body
    };
    let table = [
        (r#""frame_mode":"popup""#, "`frame_mode` is not covered by the signature"),
        (r#""extra":{"signature":"x"}"#, "`extra.signature` is not covered by the signature"),
        (r#""errors":[{"signature":"x"}]"#, "`errors.0.signature` is not covered by the signature"),
    ];
    for (member, message) in table {
        let error = verifier().verify(&add(member)).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let redirect = callback("x").replacen(
        '{',
        r#"{"redirect_data":{"method":"POST","url":"https://p.example","body":{"signature":"p"}},"#,
        1,
    );
    let verified = verifier().verify(&sign(&redirect)).unwrap();
    assert_eq!(verified.uncovered(), ["redirect_data.body.signature"]);
}

#[test]
fn parameters_of_the_payment_page_are_no_callback() {
    let page = r#"{"project_id":1236,"payment_id":"X1","payment_amount":10000,
        "payment_currency":"EUR","customer_id":"1"}"#;
    let error = verifier().verify(&sign(page)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`payment_id` is a parameter of the Payment Page, not of a callback"
    );
}

#[test]
fn a_callback_is_held_against_its_order() {
    let id = PaymentId::new("X1").unwrap();
    let order = Expected {
        project: project(1236),
        payment: &id,
        kind: PaymentType::Purchase,
        amount: "100.00 EUR".parse::<Money>().unwrap(),
        callback_names: &["JetonWallet"],
    };
    let verified = verifier().verify(&sign(&callback("x"))).unwrap();
    assert_eq!(verified.expect(&order), Ok(()));

    let another = PaymentId::new("X2").unwrap();
    let table = [
        (Expected { project: project(9), ..order.clone() }, "the callback is about project 1236"),
        (Expected { payment: &another, ..order.clone() }, "`payment.id` is of another payment"),
        (Expected { kind: PaymentType::Payout, ..order.clone() }, "`payment.type` is purchase"),
        (
            Expected { amount: "100.01 EUR".parse().unwrap(), ..order.clone() },
            "`payment.sum` is 100.00 EUR",
        ),
        (
            Expected { amount: "10000 JPY".parse().unwrap(), ..order.clone() },
            "`payment.sum` is 100.00 EUR",
        ),
        (
            Expected { callback_names: &["Jetonwallet"], ..order.clone() },
            "`payment.method` is of another method",
        ),
    ];
    for (order, message) in table {
        assert_eq!(verified.expect(&order).unwrap_err().to_string(), message);
    }
    let unknown = sign(&callback("x").replace("\"EUR\"", "\"XAU\""));
    let error = verifier().verify(&unknown).unwrap().expect(&order).unwrap_err();
    assert_eq!(error.to_string(), "`payment.sum` is none");
}
