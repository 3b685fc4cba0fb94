//! What a signature alone does not prove.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ecp_core::json::{Document, Limits};
use ecp_core::model::{Callback, End, FromJson as _, PageParameters, PaymentType, VerifiedStatus};
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{Currency, Money, PaymentId, ProjectId, SecretKey};
use ecp_notify::{Expected, Reading, Unexpected, Verifier, VerifyError};

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
fn a_text_that_could_be_several_items_is_reported() {
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

/// Pairs of one canonical string and one signature: a genuine document that holds a text which
/// somebody chose, and what is cut out of it without the key. The third genuine one is the address
/// of a Payment Page, so that neither it nor what is cut out of it is a callback.
#[test]
fn what_is_cut_out_of_a_genuine_document_has_another_reading() {
    let key = SecretKey::new("sandbox-key-not-a-secret").unwrap();
    let verifier = Verifier::new().key(project(1), &key);
    let bodies: Vec<&str> = include_str!("data/cut-and-swallowed.jsonl").lines().collect();
    let ambiguous = |body: &str| -> Vec<String> {
        match verifier.verify(body.as_bytes()).unwrap().reading() {
            Reading::Unique => Vec::new(),
            Reading::Ambiguous(paths) => paths.to_vec(),
        }
    };
    let [genuine, forged, other_genuine, other_forged, page, forged_of_page] = bodies[..] else {
        panic!("three pairs, not {}", bodies.len());
    };
    assert_eq!(ambiguous(genuine), ["account.number"]);
    assert_eq!(ambiguous(forged), ["zz"]);
    assert_eq!(ambiguous(other_genuine), ["payment.description"]);
    assert_eq!(ambiguous(other_forged), ["payment.stz"]);
    let keys = [SigningKey::new(&key)];
    let document = Document::parse(forged_of_page.as_bytes(), Limits::default()).unwrap();
    let found = signature::verify_document(&keys, &document).unwrap();
    assert_eq!(signature::doubts(&document, &found).unwrap().ambiguous, ["pb"]);
    for body in [page, forged_of_page] {
        let error = verifier.verify(body.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("`billing_city` is a parameter of the Payment Page"), "{error}");
    }
}

/// The names that callbacks and questions share with the page are documented in them.
#[test]
fn no_parameter_of_the_payment_page_is_a_member_of_another_message() {
    let callback = callback("x");
    let question = r#"{"type":"check_deposit","project_id":1236,"payment_id":"X1","amount":1,
        "customer_id":"123","currency":"EUR","payment_method":"eco-voucher"}"#;
    verifier().verify_deposit_check(&sign(question)).unwrap();
    let more = ["payment_whatever", "customer_whatever"];
    for name in PageParameters::NAMES.iter().copied().chain(more) {
        let with = |body: &str| sign(&body.replacen('{', &format!(r#"{{"{name}":"x","#), 1));
        let error = verifier().verify(&with(&callback)).unwrap_err();
        if name == "frame_mode" {
            assert!(matches!(error, VerifyError::Uncovered { .. }), "{error}");
        } else {
            assert_eq!(error, VerifyError::PageParameter { name: name.to_owned() });
            let known = ["payment_id", "customer_id"];
            if !known.contains(&name) {
                let error = verifier().verify_deposit_check(&with(question)).unwrap_err();
                assert_eq!(error, VerifyError::PageParameter { name: name.to_owned() });
            }
        }
    }
    // Members of documented callbacks, `recurring` among them, which is text on the page.
    let members = r#""recurring":{"id":1},"request_id":"r","description":"d","rrn":"1","AuthCode":"a",
        "return_url":"https://shop.example","qr_code":"q","acs":{"md":"m"},"threeds2":{"x":1},
        "clarification_fields":{"x":1},"avs_result":"a","provider_extra_fields":{"x":1},
        "display_data":[1],"additional_terminal_data":{"x":1},"decision_message":"m","card":{"x":1},
        "token_status":"s","token_created_at":"t","token":"t","sum_request":{"x":1},"#;
    let body = callback.replacen('{', &format!("{{{members}"), 1);
    assert_eq!(verifier().verify(&sign(&body)).unwrap().reading(), Reading::Unique);
}

#[test]
fn what_the_signature_does_not_cover_is_refused_but_for_a_providers_own_field() {
    let add = |member: &str| {
        let mut body = sign(&callback("x"));
        body.splice(1..1, format!("{member},").into_bytes());
        body
    };
    let table = [
        (
            r#""frame_mode":"popup""#,
            "the member `frame_mode` is not covered by the signature, so anyone on the way may have added it: request the status from Gate (`ecp status`)",
        ),
        (
            r#""extra":{"signature":"x"}"#,
            "the member `extra.signature` is not covered by the signature, so anyone on the way may have added it: request the status from Gate (`ecp status`)",
        ),
        (
            r#""errors":[{"signature":"x"}]"#,
            "the member `errors.0.signature` is not covered by the signature, so anyone on the way may have added it: request the status from Gate (`ecp status`)",
        ),
    ];
    for (member, message) in table {
        let error = verifier().verify(&add(member)).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let redirect = callback("x").replacen(
        '{',
        r#"{"redirect_data":{"method":"POST","url":"https://p.example","body":{}},"#,
        1,
    );
    // The platform's signature leaves out what SDKs leave out when they verify.
    let signed = String::from_utf8(sign(&redirect)).unwrap();
    let signed = signed.replacen(r#""body":{}"#, r#""body":{"signature":"p"}"#, 1);
    let verified = verifier().verify(signed.as_bytes()).unwrap();
    assert_eq!(verified.uncovered(), ["redirect_data.body.signature"]);
}

#[test]
fn parameters_of_the_payment_page_are_no_callback() {
    let page = r#"{"project_id":1236,"payment_id":"X1","payment_amount":10000,
        "payment_currency":"EUR","customer_id":"1"}"#;
    let error = verifier().verify(&sign(page)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`payment_id` is a parameter of the Payment Page, which this kind of message never has: someone may have sent the signed URL of a page instead"
    );
}

/// Objects in which nothing is signed can be added by anybody.
#[test]
fn nothing_that_is_not_signed_tells_the_kind() {
    let answer = r#"{"project_id":1236,"payment":{"id":"X1","status":"error"},
        "errors":[{"code":"3061"}],"request_id":"r"}"#;
    let additions = [
        r#""operation":{"provider":[]},"#,
        r#""operation":{"sum_initial":{},"x":[[],{}]},"#,
        r#""transaction":{"date":[]},"#,
        r#""token":[[]],"request":{"x":[]},"#,
        r#""recurring":{"id":[]},"#,
        r#""redirect_data":{"body":[]},"#,
        "",
    ];
    for addition in additions {
        let mut body = sign(answer);
        body.splice(1..1, addition.bytes());
        let error = verifier().verify(&body).unwrap_err();
        assert!(matches!(error, VerifyError::OtherKind { .. }), "{addition}: {error}");
    }
}

#[test]
fn a_callback_has_a_result_for_its_order_only() {
    let (id, another) = (PaymentId::new("X1").unwrap(), PaymentId::new("X2").unwrap());
    let price: Money = "100.00 EUR".parse().unwrap();
    let order = Expected::sale(&id, price);
    let verified = verifier().verify(&sign(&callback("x"))).unwrap();
    let named = order.clone().project(project(1236)).callback_names(&["JetonWallet"]);
    let any_amount = Expected::sale(&id, "0.00 EUR".parse().unwrap());
    for order in [&order, &named, &any_amount] {
        assert_eq!(verified.result_for(order), Ok(End::Success), "{order:?}");
    }

    let table = [
        (
            order.clone().project(project(9)),
            "the message is for project 1236, not for the order's project: deliver nothing by it; after a callback, ask Gate for the payment's status; if Gate's answer does not fit, a person must decide",
        ),
        (
            Expected::sale(&another, price),
            "the message's `payment.id` is missing or is not the order's payment id: deliver nothing by it; after a callback, ask Gate for the payment's status; if Gate's answer does not fit, a person must decide",
        ),
        (
            Expected::payout(&id, price),
            "the message's `payment.type` is purchase, not the order's type: deliver nothing by it; after a callback, ask Gate for the payment's status; if Gate's answer does not fit, a person must decide",
        ),
        (
            Expected::sale(&id, "100.01 EUR".parse().unwrap()),
            "the message's `payment.sum` is 100.00 EUR, not the order's amount and currency: deliver nothing by it; after a callback, ask Gate for the payment's status; if Gate's answer does not fit, a person must decide",
        ),
        (
            Expected::sale(&id, "10000 JPY".parse().unwrap()),
            "the message's `payment.sum` is 100.00 EUR, not the order's amount and currency: deliver nothing by it; after a callback, ask Gate for the payment's status; if Gate's answer does not fit, a person must decide",
        ),
        (
            Expected::sale(&id, "0 JPY".parse().unwrap()),
            "the message's `payment.sum` is 100.00 EUR, not the order's amount and currency: deliver nothing by it; after a callback, ask Gate for the payment's status; if Gate's answer does not fit, a person must decide",
        ),
        (
            order.clone().callback_names(&["Jetonwallet"]),
            "the message's `payment.method` is missing or is not the order's method: deliver nothing by it; after a callback, ask Gate for the payment's status; if Gate's answer does not fit, a person must decide",
        ),
    ];
    for (order, message) in table {
        assert_eq!(verified.result_for(&order).unwrap_err().to_string(), message);
    }
    let unknown = sign(&callback("x").replace("\"EUR\"", "\"XAU\""));
    let error = verifier().verify(&unknown).unwrap().result_for(&order).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the message's `payment.sum` is missing or in an unknown currency, not the order's amount and currency: deliver nothing by it; after a callback, ask Gate for the payment's status; if Gate's answer does not fit, a person must decide"
    );
}

#[test]
fn a_result_is_what_the_payments_status_and_sum_say() {
    let id = PaymentId::new("X1").unwrap();
    let order = Expected::sale(&id, "100.00 EUR".parse().unwrap()).callback_names(&["Jeton"]);
    let amount = |minor: i64| {
        Some("0.01 EUR".parse::<Money>().unwrap().currency())
            .map(|currency| Money::from_minor(minor, currency))
    };
    let table = [
        (r#""type":"purchase","status":"success","method":"Jeton""#, 10_000, Ok(End::Success)),
        (r#""type":"purchase","status":"decline","method":"Jeton""#, 10_000, Ok(End::Decline)),
        // As the samples of vouchers have it.
        (r#""type":"purchase","status":"decline""#, 0, Ok(End::Decline)),
        (r#""status":"processing""#, 10_000, Ok(End::Open)),
        (r#""status":"internal error""#, 10_000, Ok(End::Error)),
        (r#""status":"partially refunded""#, 4_000, Ok(End::Returned)),
        (r#""status":"tomorrow's word""#, 10_000, Ok(End::Unknown)),
        (r#""type":"purchase""#, 10_000, Ok(End::Unknown)),
        // Anything else than a whole and named success is none.
        (
            r#""type":"purchase","status":"success","method":"Jeton""#,
            0,
            Err(Unexpected::Amount(amount(0))),
        ),
        (
            r#""type":"purchase","status":"success","method":"Jeton""#,
            9_999,
            Err(Unexpected::Amount(amount(9_999))),
        ),
        (r#""type":"purchase","status":"decline""#, 9_999, Err(Unexpected::Amount(amount(9_999)))),
        (r#""status":"success","method":"Jeton""#, 10_000, Err(Unexpected::Kind(None))),
        (r#""type":"purchase","status":"success""#, 10_000, Err(Unexpected::Method)),
        (
            r#""type":"payout","status":"decline""#,
            10_000,
            Err(Unexpected::Kind(Some(PaymentType::Payout))),
        ),
    ];
    for (members, minor, expected) in table {
        let body = format!(
            r#"{{"project_id":1236,"operation":{{"id":1}},"payment":{{"id":"X1",{members},
                "sum":{{"amount":{minor},"currency":"EUR"}}}}}}"#
        );
        let verified = verifier().verify(&sign(&body)).unwrap();
        assert_eq!(verified.result_for(&order), expected, "{body}");
    }
    let without_sum = r#"{"project_id":1236,"operation":{"id":1},
        "payment":{"id":"X1","type":"purchase","status":"success","method":"Jeton"}}"#;
    let verified = verifier().verify(&sign(without_sum)).unwrap();
    assert_eq!(verified.result_for(&order), Err(Unexpected::Amount(None)));
}

#[test]
fn gates_answer_has_a_result_for_its_order_only() {
    let key = SigningKey::new(&SecretKey::new("reading-key").unwrap());
    let answer = |payment: &str| {
        let body = format!(
            r#"{{"project_id":1236,"payment":{payment},
                "operations":[{{"id":7,"type":"sale","status":"success"}}]}}"#
        );
        let body = sign(&body);
        let document = Document::parse(&body, Limits::default()).unwrap();
        VerifiedStatus::verify(project(1236), [&key], &document).unwrap()
    };
    let id = PaymentId::new("X1").unwrap();
    let price: Money = "100.00 EUR".parse().unwrap();
    let order = Expected::sale(&id, price).project(project(1236)).callback_names(&["Jeton"]);
    let whole = r#"{"id":"X1","type":"purchase","status":"success","method":"Jeton","sum":{"amount":10000,"currency":"EUR"}}"#;
    assert_eq!(order.status_result(&answer(whole)), Ok(End::Success));
    let declined = answer(&whole.replace("success", "decline"));
    assert_eq!(order.status_result(&declined), Ok(End::Decline));
    let unknown = answer(r#"{"id":"X1","status":"error"}"#);
    assert_eq!(order.status_result(&unknown), Ok(End::Error));

    let less = Unexpected::Amount(Some("99.99 EUR".parse().unwrap()));
    let table = [
        ("10000", "9999", less),
        ("X1", "X2", Unexpected::Payment),
        ("purchase", "payout", Unexpected::Kind(Some(PaymentType::Payout))),
        ("Jeton", "Skrill", Unexpected::Method),
    ];
    for (from, to, error) in table {
        let other = whole.replace(from, to);
        assert_eq!(order.status_result(&answer(&other)), Err(error), "{other}");
    }
    let elsewhere = order.clone().project(project(9));
    let error = elsewhere.status_result(&answer(whole));
    assert_eq!(error, Err(Unexpected::Project(project(1236))));
}

#[test]
fn a_success_that_can_be_read_in_another_way_is_no_result() {
    let id = PaymentId::new("X1").unwrap();
    let order = Expected::sale(&id, "100.00 EUR".parse().unwrap());
    let ambiguous = |status: &str| {
        let text = callback("x;payment:status:decline");
        sign(&text.replace("\"success\"", &format!("\"{status}\"")))
    };
    let verified = verifier().verify(&ambiguous("success")).unwrap();
    let Reading::Ambiguous([path, ..]) = verified.reading() else { panic!("unique") };
    assert_eq!(verified.result_for(&order), Err(Unexpected::Ambiguous(path.clone())));
    let open = verifier().verify(&ambiguous("processing")).unwrap();
    assert_eq!(open.result_for(&order), Ok(End::Open));
}

#[test]
fn an_amount_in_major_units_is_read_as_it_is_meant() {
    let json = r#"{"project_id":1,"payment":{"id":"X1","type":"purchase","status":"success","sum":{"amount":300,"currency":"HUF"}}}"#;
    let callback = Callback::from_slice(json.as_bytes()).unwrap();
    let (id, project) = ("X1".parse().unwrap(), ProjectId::new(1).unwrap());
    let order = Expected::sale(&id, "300.00 HUF".parse().unwrap());
    assert_eq!(
        order.result(project, &callback).unwrap_err().to_string(),
        "the message's `payment.sum` is 3.00 HUF, not the order's amount and currency: deliver nothing by it; after a callback, ask Gate for the payment's status; if Gate's answer does not fit, a person must decide"
    );
    assert_eq!(order.major_units(&[Currency::HUF]).result(project, &callback), Ok(End::Success));
}
