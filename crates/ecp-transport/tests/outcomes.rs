//! What Gate's answers are taken to mean.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ecp_core::{PaymentId, signature};
use ecp_methods::Jeton;
use ecp_methods::request::{Account, Customer, PayoutRequest};
use ecp_transport::{GATE_URL, Gate, GateError, Outcome, PAYMENT_PAGE_URL, TransportError};

use crate::support::{KEY, Scripted, answering, gate, id, signed, signing_key};

/// Fails in one of the two ways.
fn failing(sent: bool) -> Gate {
    gate(Scripted::new(move || {
        let reason = "connection reset";
        Err(if sent {
            TransportError::maybe_sent(reason)
        } else {
            TransportError::not_sent(reason)
        })
    }))
}

fn payout() -> PayoutRequest {
    PayoutRequest::new(id(), "300.00 EUR".parse().unwrap())
        .customer(Customer::new().ip_address("192.0.2.1"))
        .account(Account::new().number("93017949"))
}

fn summary(error: &GateError) -> String {
    let outcome = match error.outcome() {
        Outcome::NotSent => "not sent".to_owned(),
        Outcome::Refused { code, message } => format!("refused {code} {message}"),
        Outcome::Unknown => "unknown".to_owned(),
    };
    format!("{outcome} | {error}")
}

#[tokio::test]
async fn a_registration_is_accepted() {
    let gate = answering(
        200,
        r#"{"status":"success","request_id":"ea8d37","project_id":239,"payment_id":"P-17"}"#,
    );
    let accepted = gate.payout(&Jeton, &payout()).await.unwrap();
    assert_eq!((accepted.payment_id.as_str(), accepted.request_id.as_str()), ("P-17", "ea8d37"));
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of answers")]
async fn only_an_answer_that_proves_it_counts_as_refused_and_only_a_registration_as_accepted() {
    let wrongly_signed = r#"{"status":"success","request_id":"r","signature":"AAAA"}"#;
    let table = [
        (
            400,
            r#"{"status":"error","code":"3041","message":"Payment ID already exists"}"#,
            "unknown | the outcome of the request is unknown: code 3041: a payment or refund with this id exists already; request the payment's status, do not send the request again",
        ),
        (
            400,
            r#"{"status":"error","code":2004,"message":"Required field not provided",
                "errors":[{"code":"2004","field":"customer.ip_address"}]}"#,
            "refused 2004 Required field not provided | refused with code 2004: Required field \
             not provided (`customer.ip_address`); correct the request",
        ),
        (
            200,
            r#"{"status":"error","code":"3261","message":"Wrong signature"}"#,
            "not sent | refused with code 3261: Wrong signature; this is about the project, not the \
             payment: correct its key or settings, then try again",
        ),
        (
            404,
            r#"{"status":"error","code":"2442","message":"Project ID not found"}"#,
            "not sent | refused with code 2442: Project ID not found; this is about the project, not \
             the payment: correct its key or settings, then try again",
        ),
        (
            400,
            r#"{"status":"error","code":"2541","message":"Unknown Payment Method"}"#,
            "not sent | refused with code 2541: Unknown Payment Method; this is about the method, \
             not the payment: ask the platform to enable it, then try again",
        ),
        // Of a payment that is there: it may be this one.
        (
            400,
            r#"{"status":"error","code":"3060","message":"Current status does not allow it"}"#,
            "unknown | the outcome of the request is unknown: code 3060 does not say whether the platform has the request; request the payment's status, do not send the request again",
        ),
        (
            400,
            r#"{"status":"error","code":"3061","message":"Transaction not found"}"#,
            "unknown | the outcome of the request is unknown: code 3061 does not say whether the platform has the request; request the payment's status, do not send the request again",
        ),
        (
            200,
            r#"{"status":"error","code":"31337","message":"?"}"#,
            "unknown | the outcome of the request is unknown: code 31337 does not say whether the platform has the request; request the payment's status, do not send the request again",
        ),
        (
            400,
            r#"{"status":"error","code":"9999","message":"Awaiting processing"}"#,
            "unknown | the outcome of the request is unknown: code 9999 does not say whether the platform has the request; request the payment's status, do not send the request again",
        ),
        (
            400,
            r#"{"status":"error","code":"501","message":"Internal error"}"#,
            "unknown | the outcome of the request is unknown: code 501 does not say whether the platform has the request; request the payment's status, do not send the request again",
        ),
        (
            400,
            r#"{"status":"error","message":"?"}"#,
            "unknown | the outcome of the request is unknown: the answer has the unexpected HTTP status 400; request the payment's status, do not send the request again",
        ),
        (
            500,
            r#"{"status":"error","code":"3041","message":"Payment ID already exists"}"#,
            "unknown | the outcome of the request is unknown: the answer has the unexpected HTTP status 500; request the payment's status, do not send the request again",
        ),
        (
            302,
            "",
            "unknown | the outcome of the request is unknown: the answer has the unexpected HTTP status 302; request the payment's status, do not send the request again",
        ),
        (
            403,
            "<html>Forbidden</html>",
            "unknown | the outcome of the request is unknown: the answer has the unexpected HTTP status 403; request the payment's status, do not send the request again",
        ),
        (
            201,
            r#"{"status":"success","request_id":"r"}"#,
            "unknown | the outcome of the request is unknown: the answer has the unexpected HTTP status 201; request the payment's status, do not send the request again",
        ),
        (
            200,
            "<html>ok</html>",
            "unknown | the outcome of the request is unknown: the platform's answer cannot be read: JSON document, line 1, column 1: \
             expected a value; request the payment's status, do not send the request again",
        ),
        (
            200,
            r#"{"status":"success"}"#,
            "unknown | the outcome of the request is unknown: the platform's answer cannot be read: `request_id` is missing; request the payment's status, do not send the request again",
        ),
        (
            200,
            r#"{"status":"registered","request_id":"r"}"#,
            "unknown | the outcome of the request is unknown: the answer has the unexpected HTTP status 200; request the payment's status, do not send the request again",
        ),
        (
            200,
            r#"{"status":"success","request_id":"r","payment_id":"P-18"}"#,
            "unknown | the outcome of the request is unknown: the answer has another `payment_id` than the request; request the payment's status, do not send the request again",
        ),
        (
            200,
            r#"{"status":"success","request_id":"r","project_id":240}"#,
            "unknown | the outcome of the request is unknown: the answer has another `project_id` than the request; request the payment's status, do not send the request again",
        ),
        (
            200,
            r#"{"status":"success","status":"error"}"#,
            "unknown | the outcome of the request is unknown: the platform's answer cannot be read: `status` appears twice; an object may have a member only once; request the payment's status, do not send the request again",
        ),
        (
            200,
            wrongly_signed,
            "unknown | the outcome of the request is unknown: the answer is not genuine: the signature is not 88 \
             characters of Base64; request the payment's status, do not send the request again",
        ),
    ];
    for (status, body, expected) in table {
        let error = answering(status, body).payout(&Jeton, &payout()).await.unwrap_err();
        assert_eq!(summary(&error), expected, "{status} {body}");
    }
}

#[tokio::test]
async fn a_connection_that_was_open_leaves_the_outcome_unknown() {
    let error = failing(true).payout(&Jeton, &payout()).await.unwrap_err();
    assert_eq!(
        summary(&error),
        "unknown | the outcome of the request is unknown: no response: connection reset; request the payment's status, do not send the request again"
    );
    let error = failing(false).payout(&Jeton, &payout()).await.unwrap_err();
    assert_eq!(summary(&error), "not sent | not sent: connection reset");
}

#[tokio::test]
async fn what_the_spec_forbids_is_never_sent() {
    let transport = Scripted::new(|| panic!("nothing may be sent"));
    let gate = gate(transport.clone());
    let too_much = PayoutRequest::new(id(), "100000.01 EUR".parse().unwrap());
    let error = gate.payout(&Jeton, &too_much).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    let ambiguous = payout().extra("addendum.rate", 1.5);
    let error = gate.payout(&Jeton, &ambiguous).await.unwrap_err();
    assert_eq!(
        summary(&error),
        "not sent | jeton payout: `addendum.rate` cannot be signed: a number must be an integer; \
         send fractions as text"
    );
    let hostile = || payout().description("x;payment:id:V");
    let error = gate.payout(&Jeton, &hostile()).await.unwrap_err();
    assert!(summary(&error).contains("`payment.description` cannot be signed"), "{error}");
    assert!(transport.seen().is_empty());

    // Texts may be allowed, ids never.
    let transport =
        Scripted::new(|| Ok((200, r#"{"status":"success","request_id":"r"}"#.to_owned())));
    let gate = self::gate(transport.clone());
    gate.payout(&Jeton, &hostile().allow_items_in_texts()).await.unwrap();
    assert_eq!(transport.seen().len(), 1);
    let id: PaymentId = "X;1".parse().unwrap();
    let request = PayoutRequest::new(id.clone(), "300.00 EUR".parse().unwrap())
        .customer(Customer::new().ip_address("192.0.2.1"))
        .account(Account::new().number("93017949"))
        .allow_items_in_texts();
    let error = gate.payout(&Jeton, &request).await.unwrap_err();
    assert!(summary(&error).contains("`general.payment_id` cannot be signed"), "{error}");
    assert_eq!(transport.seen().len(), 1);
    // One that was begun before can be asked about.
    gate.status(&id).await.unwrap_err();
    let seen = transport.seen();
    let found = signature::verify(&[signing_key()], seen[1].body()).unwrap();
    assert_eq!(found.order, signature::Order::Natural);
}

#[tokio::test]
async fn the_bytes_that_leave_carry_their_own_signature() {
    let transport =
        Scripted::new(|| Ok((200, r#"{"status":"success","request_id":"r"}"#.to_owned())));
    let gate = gate(transport.clone()).base_url("http://127.0.0.1:8080").unwrap();
    gate.payout(&Jeton, &payout().description("a;b")).await.unwrap();

    let seen = transport.seen();
    let [request] = seen.as_slice() else { panic!("one request, not {}", seen.len()) };
    assert_eq!(request.uri(), "http://127.0.0.1:8080/v2/payment/wallet/jeton/payout");
    assert_eq!(
        (request.method().as_str(), &request.headers()["content-type"]),
        ("POST", &"application/json".parse().unwrap())
    );
    let found = signature::verify(&[signing_key()], request.body()).unwrap();
    assert_eq!(found.order, signature::Order::Natural);
}

#[tokio::test]
async fn a_status_must_be_signed_and_about_the_payment() {
    let body = r#"{"project_id":239,"payment":{"id":"P-17","status":"processing"}}"#;
    let status = answering(200, &signed(body)).status(&id()).await.unwrap();
    assert_eq!(status.payment_status().unwrap().as_str(), "processing");

    let table = [
        (
            200,
            body.to_owned(),
            "no signature: neither `signature` nor `general.signature` is there",
        ),
        (
            200,
            signed(&body.replace("P-17", "P-18")),
            "the answer has another `payment_id` than the request",
        ),
        (200, signed(body).replace("processing", "success"), "the signature does not match"),
        (500, signed(body), "the answer has the unexpected HTTP status 500"),
    ];
    for (status, body, expected) in table {
        let error = answering(status, &body).status(&id()).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.outcome(), Outcome::Unknown);
    }
}

#[tokio::test]
async fn another_signed_message_is_no_status_answer() {
    let table = [
        (
            "callback",
            "the document has the member `operation`",
            r#"{"project_id":239,"payment":{"id":"P-17","status":"success"},"operation":{"id":1}}"#,
        ),
        (
            "callback with a list",
            "the document has the member `operation`",
            r#"{"project_id":239,"payment":{"id":"P-17","status":"success"},"operation":{"id":1},
            "operations":[{"id":1}]}"#,
        ),
        (
            "callback about a transaction",
            "the document has the member `transaction`",
            r#"{"general":{"project_id":239,"payment_id":"P-17"},"transaction":{"id":1},
            "payment":{"id":"P-17","status":"success"},"operations":[]}"#,
        ),
        (
            "redirect",
            "the document has the member `redirectData`",
            r#"{"payment":{"id":"P-17"},"redirectData":{"method":"GET","url":"https://a.example"}}"#,
        ),
        (
            "status request",
            "`payment.status` is missing",
            r#"{"general":{"project_id":239,"payment_id":"P-17"}}"#,
        ),
        (
            "sale",
            "`payment.amount`: is a member of requests",
            r#"{"general":{"project_id":239,"payment_id":"P-17"},
            "payment":{"amount":100,"currency":"EUR"}}"#,
        ),
        (
            "page",
            "`payment_id`: is a parameter of the Payment Page",
            r#"{"project_id":239,"payment_id":"P-17","payment_amount":100,"payment_currency":"EUR"}"#,
        ),
        (
            "confirmation",
            "`payment_id`: is a parameter of the Payment Page",
            r#"{"type":"check_deposit","project_id":239,"payment_id":"P-17"}"#,
        ),
    ];
    for (kind, reason, body) in table {
        let error = answering(200, &signed(body)).status(&id()).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown, "{kind}");
        let text = error.to_string();
        assert!(text.contains(reason), "{kind}: {text}");
    }
}

#[tokio::test]
async fn a_payment_that_was_never_registered_is_distinguished_from_others() {
    let body = r#"{"project_id":239,"payment":{"id":"P-17","status":"error"},
        "errors":[{"code":"3061","message":"Transaction not found"}]}"#;
    assert!(answering(200, &signed(body)).status(&id()).await.unwrap().is_unknown_payment());
    let other = body.replace("3061", "3062");
    assert!(!answering(200, &signed(&other)).status(&id()).await.unwrap().is_unknown_payment());
}

#[test]
fn an_address_must_be_one_that_keeps_a_secret() {
    let table = [
        (GATE_URL, None),
        (PAYMENT_PAGE_URL, None),
        ("https://api.example", None),
        ("http://127.0.0.1:80", None),
        ("http://[::1]:80/", None),
        ("http://localhost:9", None),
        ("http://api.ecommpay.com", Some("plain HTTP is allowed only to this machine; use https")),
        ("http://127.0.0.1.example", Some("plain HTTP is allowed only to this machine; use https")),
        ("ftp://127.0.0.1", Some("its scheme must be https")),
        ("api.ecommpay.com", Some("it must begin with https:// and a host")),
        ("https://:443", Some("its host or port is invalid")),
        ("https://api.example:99999", Some("its host or port is invalid")),
        ("https://*", Some("its host or port is invalid")),
        ("https://api.example#x", Some("remove the path or query")),
        ("HTTP://LOCALHOST:1", None),
        ("https://api.ecommpay.com/v2", Some("remove the path or query")),
        ("https://api.ecommpay.com?v=2", Some("remove the path or query")),
        ("https://merchant@api.ecommpay.com", Some("remove the user name")),
        ("http://localhost@api.example", Some("remove the user name")),
        ("https://a b", Some("it is not a URL such as https://api.ecommpay.com")),
        ("", Some("it is not a URL such as https://api.ecommpay.com")),
    ];
    for (url, problem) in table {
        let result = answering(200, "").base_url(url);
        match problem {
            None => assert!(result.is_ok(), "{url}"),
            Some(problem) => assert_eq!(
                result.unwrap_err().to_string(),
                // A user name may come with a password.
                format!(
                    "`{}` is not a base address of the platform: {problem}",
                    if url.contains('@') { "[hidden]" } else { url }
                )
            ),
        }
    }
}

#[tokio::test]
async fn neither_the_key_nor_personal_data_is_printed() {
    let gate = failing(true);
    let error = gate.payout(&Jeton, &payout()).await.unwrap_err();
    let printed = format!("{gate:?} {error:?} {error} {:?}", payout());
    for secret in [KEY, "192.0.2.1", "93017949"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}
