//! Answers to clarifications.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::VecDeque;
use std::sync::Arc;

use ecp_core::model::AdditionalData;
use ecp_core::signature::{self, Order};
use ecp_transport::{GateError, Outcome, SendPolicy, Sender, TransportError, UnknownReason};
use serde_json::{Value, json};

use crate::support::{Answer, Scripted, answering, gate, id, signed, signing_key};

const TAKEN: &str =
    r#"{"status":"success","request_id":"ea8d37","project_id":239,"payment_id":"P-17"}"#;
const ASKED: &str = r#""clarification_fields":{"customer":{"required":["email"]}}"#;

fn phone() -> AdditionalData {
    AdditionalData::new().text("customer.phone", "02081234567").unwrap()
}

fn scripted(answers: impl IntoIterator<Item = Answer>) -> Arc<Scripted> {
    let mut answers: VecDeque<Answer> = answers.into_iter().collect();
    Scripted::new(move || answers.pop_front().expect("no further request"))
}

fn lost() -> Answer {
    Err(TransportError::maybe_sent("lost"))
}

fn unsent() -> Answer {
    Err(TransportError::not_sent("refused"))
}

#[expect(clippy::unnecessary_wraps, reason = "one answer of a script, of which others fail")]
fn answer(status: u16, body: &str) -> Answer {
    Ok((status, body.to_owned()))
}

#[tokio::test]
async fn an_answer_is_the_documented_request_and_signed() {
    let transport = scripted([answer(200, TAKEN), answer(200, TAKEN)]);
    let gate = gate(transport.clone());
    let clarified = gate.clarify(&id(), &phone()).await.unwrap();
    assert_eq!(clarified.request_id.unwrap().as_str(), "ea8d37");
    assert!(clarified.asked_again.is_none());
    gate.clarify(&id(), &AdditionalData::new()).await.unwrap();

    let additional = [json!({"customer": {"phone": "02081234567"}}), json!({})];
    for (request, additional) in transport.seen().iter().zip(additional) {
        assert_eq!(request.uri().path(), "/v2/payment/clarification");
        let found = signature::verify(&[signing_key()], request.body()).unwrap();
        assert_eq!(found.order, Order::Natural);
        let mut body: Value = serde_json::from_slice(request.body()).unwrap();
        body["general"].as_object_mut().unwrap().remove("signature").unwrap();
        let general = json!({"payment_id": "P-17", "project_id": 239});
        assert_eq!(body, json!({"general": general, "additional_data": additional}));
    }
}

#[tokio::test]
async fn an_answer_that_asks_again_says_for_what() {
    let status = format!(
        r#"{{"project_id":239,"payment":{{"id":"P-17","status":"awaiting clarification"}},{ASKED}}}"#
    );
    let registration = TAKEN.replacen('{', &format!("{{{ASKED},"), 1);
    for body in [signed(&status), status.clone(), registration] {
        let clarified = answering(200, &body).clarify(&id(), &phone()).await.unwrap();
        assert_eq!(clarified.asked_again.unwrap()[0].path, "customer.email", "{body}");
    }
    let table = [
        (status.replace("P-17", "P-18"), "payment_id"),
        (status.replace("239", "240"), "project_id"),
        (TAKEN.replace("P-17", "P-18"), "payment_id"),
        (TAKEN.replace("239", "240"), "project_id"),
    ];
    for (body, path) in table {
        let error = answering(200, &body).clarify(&id(), &phone()).await.unwrap_err();
        let GateError::Unknown(UnknownReason::Mismatch(found)) = error else { panic!("{error:?}") };
        assert_eq!(found, path);
    }
    let forged = signed(&status).replace("email", "name");
    let error = answering(200, &forged).clarify(&id(), &phone()).await.unwrap_err();
    assert!(matches!(error, GateError::Unknown(UnknownReason::NotGenuine(_))), "{error:?}");
}

#[tokio::test]
async fn an_answer_counts_as_refused_only_where_the_code_proves_it() {
    let error = |code: u32| {
        format!(
            r#"{{"status":"error","code":"{code}","message":"m","project_id":239,"payment_id":"P-17"}}"#
        )
    };
    let table = [(3061, "refused"), (2003, "refused"), (3191, "unknown"), (9999, "unknown")];
    for (code, outcome) in table {
        let failed = answering(200, &error(code)).clarify(&id(), &phone()).await.unwrap_err();
        assert_eq!(failed.outcome().as_str(), outcome, "{code}");
    }
    for (status, body) in
        [(502, "<html>"), (200, "<html>"), (200, "{}"), (302, TAKEN), (429, TAKEN)]
    {
        let failed = answering(status, body).clarify(&id(), &phone()).await.unwrap_err();
        assert_eq!(failed.outcome(), Outcome::Unknown, "{status} {body}");
        assert!(!format!("{failed} {failed:?}").contains("02081234567"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_sender_repeats_what_did_not_arrive_and_nothing_that_may_have() {
    let busy = || answer(503, "busy");
    let strict = SendPolicy::new;
    let table = [
        ("never sent", strict(), vec![unsent(), unsent(), answer(200, TAKEN)], "accepted"),
        ("lost", strict(), vec![lost()], "unknown"),
        ("busy", strict(), vec![busy()], "unknown"),
        (
            "busy, a proof",
            strict().retryable_statuses([503]),
            vec![busy(), answer(200, TAKEN)],
            "accepted",
        ),
        (
            "lost, allowed",
            strict().repeat_clarifications(true),
            vec![lost(), answer(200, TAKEN)],
            "accepted",
        ),
        (
            "lost, allowed, refused: the first may have been taken",
            strict().repeat_clarifications(true),
            vec![lost(), answer(400, r#"{"status":"error","code":"3061","message":"m"}"#)],
            "unknown",
        ),
        (
            "unread, allowed",
            strict().repeat_clarifications(true),
            vec![answer(200, "<html>")],
            "unknown",
        ),
    ];
    for (name, policy, answers, outcome) in table {
        let sends = answers.len();
        let transport = scripted(answers);
        let sender = Sender::new(gate(transport.clone()), policy);
        let result = sender.clarify(&id(), &phone()).await;
        let found = result.as_ref().map_or_else(|error| error.outcome().as_str(), |_| "accepted");
        assert_eq!((found, transport.seen().len()), (outcome, sends), "{name}: {result:?}");
    }
}
