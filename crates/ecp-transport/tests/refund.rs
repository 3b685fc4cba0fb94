//! Refunds, and the status of a request.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::sync::Arc;

use ecp_core::model::SyncStatus;
use ecp_core::signature::{self, Order};
use ecp_core::{ProjectId, RequestId};
use ecp_methods::request::RefundRequest;
use ecp_methods::{Reason, WalletPartner, prepare};
use ecp_transport::{GateError, Outcome, TransportError};
use serde_json::{Value, json};

use crate::support::{KEY, Scripted, answering, gate, id, signed, signing_key};

const REGISTERED: &str = r#"{"status":"success","request_id":"ea8d37","project_id":239}"#;

fn registering() -> Arc<Scripted> {
    Scripted::new(|| Ok((200, REGISTERED.to_owned())))
}

fn full() -> RefundRequest {
    RefundRequest::full(id()).description("test_refund")
}

/// Path and body of the one request that was sent, its signature checked and taken out.
fn sent(transport: &Scripted) -> (String, Value) {
    let seen = transport.seen();
    let [request] = seen.as_slice() else { panic!("one request, not {}", seen.len()) };
    let found = signature::verify(&[signing_key()], request.body()).unwrap();
    assert_eq!(found.order, Order::Natural);
    let mut body: Value = serde_json::from_slice(request.body()).unwrap();
    let general = body["general"].as_object_mut().unwrap();
    assert!(general.remove("signature").is_some());
    (request.uri().path().to_owned(), body)
}

#[tokio::test]
async fn a_full_refund_is_the_documented_request_with_an_id() {
    let transport = registering();
    let refund = full().with_merchant_refund_id("R-17-1");
    let accepted = gate(transport.clone()).refund(&WalletPartner, &refund).await.unwrap();
    assert_eq!((accepted.payment_id.as_str(), accepted.request_id.as_str()), ("P-17", "ea8d37"));

    let (path, body) = sent(&transport);
    assert_eq!(path, "/v2/payment/wallet-partner/refund");
    assert_eq!(
        body,
        json!({
            "general": {"project_id": 239, "payment_id": "P-17"},
            "payment": {"description": "test_refund", "merchant_refund_id": "R-17-1"},
        })
    );
}

#[tokio::test]
async fn a_full_refund_by_its_amount_sends_amount_and_currency() {
    let transport = registering();
    let refund = RefundRequest::full_of(id(), "350.00 INR".parse().unwrap())
        .description("test_refund")
        .with_merchant_refund_id("R-17-1");
    gate(transport.clone()).refund(&WalletPartner, &refund).await.unwrap();
    assert_eq!(
        sent(&transport).1["payment"],
        json!({
            "amount": 35000,
            "currency": "INR",
            "description": "test_refund",
            "merchant_refund_id": "R-17-1",
        })
    );
}

#[tokio::test]
async fn what_the_method_cannot_refund_is_never_sent() {
    let amount = |text: &str| text.parse().unwrap();
    let table = [
        (
            RefundRequest::partial(id(), amount("10.00 INR")).description("returned"),
            "wallet-partner refund: `payment.amount`: this method refunds a payment as a whole only; ask for a full refund",
        ),
        (RefundRequest::full(id()), "wallet-partner refund: `payment.description` is required"),
        (
            RefundRequest::full_of(id(), amount("350.00 INR")),
            "wallet-partner refund: `payment.description` is required",
        ),
        (
            RefundRequest::full(id()).description(""),
            "wallet-partner refund: `payment.description` is empty",
        ),
        (
            full().with_merchant_refund_id(""),
            "wallet-partner refund: `payment.merchant_refund_id` is empty",
        ),
        (
            RefundRequest::full_of(id(), amount("350.00 EUR")).description("returned"),
            "wallet-partner refund: `payment.currency`: EUR is not supported; use INR",
        ),
        (
            RefundRequest::full_of(id(), amount("0.00 INR")).description("returned"),
            "wallet-partner refund: `payment.amount`: 0.00 INR is not positive",
        ),
    ];
    let transport = registering();
    let gate = gate(transport.clone());
    for (refund, message) in table {
        let error = gate.refund(&WalletPartner, &refund).await.unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(matches!(error, GateError::Rejected(_)), "{error:?}");
        assert_eq!(error.outcome(), Outcome::NotSent);
    }
    assert!(transport.seen().is_empty());

    let partial = RefundRequest::partial(id(), amount("10.00 INR")).description("returned");
    let rejection = prepare(&WalletPartner, partial).unwrap_err();
    assert_eq!(rejection.reason(), &Reason::PartialRefundUnsupported);
    assert_eq!(rejection.path(), Some("payment.amount"));
}

#[tokio::test]
async fn no_amount_comes_in_by_another_way() {
    let table = [
        full().extra("payment.amount", 1),
        full().extra("payment.amount", Value::Null),
        full().extra("payment.amount.value", 1),
        full().extra("payment.currency", "INR"),
        full().extra("payment", json!({"amount": 1})),
        full().extra("payment", Value::Null),
        full().extra("payment.", 1),
        full().extra("payment..amount", 1),
        full().extra(".payment.amount", 1),
        full().extra("payment:amount", 1),
        full().extra("payment:amount:0", 1),
        RefundRequest::full_of(id(), "350.00 INR".parse().unwrap())
            .description("returned")
            .extra("payment.amount", 1),
    ];
    let transport = registering();
    let gate = gate(transport.clone());
    for refund in table {
        let printed = format!("{refund:?}");
        let error = gate.refund(&WalletPartner, &refund).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotSent, "{printed}");
    }
    assert!(transport.seen().is_empty());

    let error = gate.refund(&WalletPartner, &full().extra("payment.amount", 1)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "wallet-partner refund: `payment.amount` is set by the request itself, from its payment id, amount and project: leave it out"
    );
    // What stands beside the amount is the caller's business.
    gate.refund(&WalletPartner, &full().extra("payment.extra_param", "blue")).await.unwrap();
    assert_eq!(sent(&transport).1["payment"]["extra_param"], "blue");
}

#[test]
fn every_refund_has_an_id_of_its_own() {
    let amount = || "1.00 INR".parse().unwrap();
    let requests = (0..1000).flat_map(|_| {
        [
            RefundRequest::full(id()),
            RefundRequest::full_of(id(), amount()),
            RefundRequest::partial(id(), amount()),
        ]
    });
    let ids: BTreeSet<String> =
        requests.map(|refund| refund.merchant_refund_id().to_owned()).collect();
    assert_eq!(ids.len(), 3000);
    for refund_id in ids {
        assert!(refund_id.len() == 32 && refund_id.bytes().all(|b| b.is_ascii_hexdigit()));
    }
}

#[test]
fn an_id_belongs_to_the_request_and_not_to_the_call() {
    let refund = full();
    let copy = refund.clone().description("again");
    assert_eq!(copy.merchant_refund_id(), refund.merchant_refund_id());

    let prepared = prepare(&WalletPartner, refund.clone()).unwrap();
    let project = ProjectId::new(239).unwrap();
    assert_eq!(prepared.body(project), prepared.clone().body(project));
    let body: Value = serde_json::from_slice(&prepared.body(project)).unwrap();
    assert_eq!(body["payment"]["merchant_refund_id"], refund.merchant_refund_id());

    let own = refund.with_merchant_refund_id("R-1").with_merchant_refund_id("R-2");
    assert_eq!(own.merchant_refund_id(), "R-2");
}

/// A lost refund is sent again with its id: if the first one arrived, the platform says so.
#[tokio::test]
async fn a_lost_refund_can_be_sent_again() {
    let mut answers = vec![
        Ok((400, r#"{"status":"error","code":"3230","message":"Already there"}"#.to_owned())),
        Err(TransportError::maybe_sent("connection reset")),
    ];
    let transport = Scripted::new(move || answers.pop().unwrap());
    let gate = gate(transport.clone());
    let refund = full();

    let error = gate.refund(&WalletPartner, &refund).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    let error = gate.refund(&WalletPartner, &refund).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(
        error.to_string(),
        "the outcome of the request is unknown: code 3230: a payment or refund with this id exists already; request the payment's status, do not send the request again"
    );
    assert!(!format!("{error} {error:?}").contains(KEY));

    let seen = transport.seen();
    let [first, second] = seen.as_slice() else { panic!("two requests, not {}", seen.len()) };
    assert_eq!(first.body(), second.body());
}

/// What every unknown outcome advises.
const ADVICE: &str = "; request the payment's status, do not send the request again";

fn request() -> RequestId {
    "ea8d37".parse().unwrap()
}

#[tokio::test]
async fn the_status_of_a_request_is_asked_for_with_a_signature_at_the_root() {
    let transport = registering();
    let answer = gate(transport.clone()).request_status(&request()).await.unwrap();
    assert_eq!(answer.status, SyncStatus::Success);
    assert_eq!(answer.request_id, Some(request()));

    let seen = transport.seen();
    let [sent] = seen.as_slice() else { panic!("one request, not {}", seen.len()) };
    assert_eq!(sent.uri(), "https://api.ecommpay.com/v2/payment/status/request");
    assert_eq!(sent.method(), "POST");
    let mut body: Value = serde_json::from_slice(sent.body()).unwrap();
    assert!(signature::verify(&[signing_key()], sent.body()).is_ok());
    assert!(body.as_object_mut().unwrap().remove("signature").is_some());
    assert_eq!(body, json!({"project_id": 239, "request_id": "ea8d37"}));
}

#[tokio::test]
async fn a_request_may_have_failed() {
    let body = r#"{"status":"error","request_id":"ea8d37","code":"3283",
        "message":"Refund amount more than init amount"}"#;
    for body in [body.to_owned(), signed(body)] {
        let answer = answering(200, &body).request_status(&request()).await.unwrap();
        assert_eq!(answer.status, SyncStatus::Error);
        assert_eq!(answer.code.unwrap().number(), Some(3283));
    }
}

#[tokio::test]
async fn an_answer_about_another_request_tells_nothing() {
    let table = [
        (
            200,
            r#"{"status":"success","request_id":"ea8d38"}"#.to_owned(),
            "the answer has another `request_id` than the request",
        ),
        (
            200,
            signed(REGISTERED).replace("success", "error"),
            "the answer is not genuine: the signature does not match: the document was signed with a key that is not among the given ones, or was changed since; `ecp explain` looks for the cause",
        ),
        (500, REGISTERED.to_owned(), "the answer has the unexpected HTTP status 500"),
        (302, REGISTERED.to_owned(), "the answer has the unexpected HTTP status 302"),
        (404, "<html>Not found</html>".to_owned(), "the answer has the unexpected HTTP status 404"),
        (
            200,
            "[]".to_owned(),
            "the platform's answer cannot be read: the message: expected an object, found a list",
        ),
    ];
    for (status, body, reason) in table {
        let error = answering(status, &body).request_status(&request()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the outcome of the request is unknown: {reason}{ADVICE}")
        );
    }
}
