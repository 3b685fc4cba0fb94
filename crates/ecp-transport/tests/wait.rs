//! When a payment's status is asked for, and what ends the asking.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ecp_core::model::{PaymentStatus, RefundOutcome, StatusResponse};
use ecp_core::{RequestId, signature};
use ecp_methods::{Jeton, Operation, PaymentMethod, Rule, TouchNGo};
use ecp_transport::{Gate, GateError, Outcome, TransportError, UnknownReason, Wait, WaitError};
use tokio::time::Instant;

use crate::support::{Answer, KEY, Scripted, answering, gate, id, signed, signing_key};

const MINUTE: Duration = Duration::from_mins(1);

/// A signed answer about the payment.
fn status(word: &str) -> (u16, String) {
    let body = format!(r#"{{"project_id":239,"payment":{{"id":"P-17","status":"{word}"}}}}"#);
    (200, signed(&body))
}

/// A Gate that gives the answers in turn and the last one for ever, and the times of the
/// questions, counted from now.
fn asked<F>(answers: Vec<F>) -> (Gate, Arc<Mutex<Vec<Duration>>>)
where
    F: Fn() -> Answer + Send + 'static,
{
    let start = Instant::now();
    let times = Arc::<Mutex<Vec<Duration>>>::default();
    let noted = times.clone();
    let transport = Scripted::new(move || {
        let mut times = noted.lock().unwrap();
        let answer = &answers[times.len().min(answers.len() - 1)];
        times.push(start.elapsed());
        answer()
    });
    (gate(transport), times)
}

fn processing() -> (Gate, Arc<Mutex<Vec<Duration>>>) {
    asked(vec![|| Ok(status("processing"))])
}

fn wait(first: u64, deadline: u64) -> Wait {
    Wait::by_rule(&Rule::new())
        .first(Duration::from_secs(first))
        .deadline(Duration::from_secs(deadline))
}

/// Waits for so long, then drops the call, as a caller may.
async fn ask_for(time: Duration, gate: &Gate, wait: &Wait) {
    let asked = tokio::time::timeout(time, gate.wait_until_final(&id(), wait)).await;
    assert!(asked.is_err(), "{asked:?}");
}

/// What ended a wait, in words.
fn end(result: &Result<StatusResponse, WaitError>) -> String {
    match result {
        Ok(answer) => answer.payment_status().unwrap().to_string(),
        Err(error) => error.to_string(),
    }
}

/// Whether a first pause is its time or up to a fifth more.
fn is_first(time: Duration, expected: Duration) -> bool {
    (expected..=expected * 6 / 5 + Duration::from_millis(2)).contains(&time)
}

/// Whether a time is within a fifth of another; the clock of the tests has milliseconds.
fn is_near(time: Duration, expected: Duration) -> bool {
    let slack = Duration::from_millis(2);
    (expected * 4 / 5..=expected * 6 / 5 + slack).contains(&time)
}

#[test]
fn a_wait_takes_its_times_from_the_rule() {
    let touchngo = TouchNGo::SPEC;
    for flow in [Operation::SALE, Operation::PAYOUT] {
        assert_eq!(Wait::by_rule(touchngo.rule(flow).unwrap()).first_pause(), MINUTE * 2);
    }
    let jeton = Wait::by_rule(Jeton::SPEC.rule(Operation::SALE).unwrap());
    assert_eq!(jeton.first_pause(), MINUTE / 2);
    assert_eq!(jeton.first(MINUTE).first_pause(), MINUTE);
}

#[tokio::test(start_paused = true)]
async fn the_first_question_comes_at_the_base_time_or_soon_after() {
    let rule = Rule::new().base_time(MINUTE * 2);
    let mut firsts = Vec::new();
    for _ in 0..200 {
        let (gate, times) = asked(vec![|| Ok(status("success"))]);
        let answer = gate.wait_until_final(&id(), &Wait::by_rule(&rule)).await.unwrap();
        assert_eq!(answer.payment_status(), Some(&PaymentStatus::Success));
        let times = times.lock().unwrap();
        assert_eq!(times.len(), 1);
        assert!(is_first(times[0], MINUTE * 2), "{times:?}");
        firsts.push(times[0]);
    }
    // Spread over most of the span, so that many waiters do not ask at once.
    firsts.sort();
    assert!(firsts[0] < MINUTE * 2 * 21 / 20 && firsts[199] > MINUTE * 2 * 23 / 20, "{firsts:?}");
    let sooner = firsts.iter().filter(|time| **time < MINUTE * 2 * 11 / 10).count();
    assert!((50..=150).contains(&sooner), "{firsts:?}");
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_by_half_up_to_the_bound() {
    // Seconds: the first pause, the bound, the pauses that follow, each give or take a fifth.
    let table: [(u64, Option<u64>, &[f64]); 4] = [
        (120, None, &[120.0, 180.0, 270.0, 300.0, 300.0, 300.0]),
        (8, Some(20), &[8.0, 12.0, 18.0, 20.0, 20.0]),
        (10, Some(10), &[10.0, 10.0, 10.0, 10.0]),
        // The bound is not below the first pause.
        (600, None, &[600.0, 600.0, 600.0]),
    ];
    for (first, longest, pauses) in table {
        let (gate, times) = processing();
        let mut wait = wait(first, 100_000);
        if let Some(longest) = longest {
            wait = wait.longest(Duration::from_secs(longest));
        }
        let enough = pauses.iter().sum::<f64>() * 1.5;
        ask_for(Duration::from_secs_f64(enough), &gate, &wait).await;

        let times = times.lock().unwrap();
        let mut before = Duration::ZERO;
        for (time, expected) in times.iter().zip(pauses) {
            let pause = time.saturating_sub(before);
            assert!(is_near(pause, Duration::from_secs_f64(*expected)), "{first}: {times:?}");
            before = *time;
        }
        assert!(times.len() >= pauses.len(), "{first}: {times:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_wait_asks_to_its_end() {
    let (gate, times) = processing();
    let patient = wait(1, 24 * 60 * 60).longest(MINUTE);
    let result = gate.wait_until_final(&id(), &patient).await;
    assert!(matches!(result, Err(WaitError::Deadline { last: Some(_), .. })), "{result:?}");
    assert!((1200..1800).contains(&times.lock().unwrap().len()));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_asks_once_more_and_tells_the_last_status() {
    let (gate, times) = processing();
    let start = Instant::now();
    let error = gate.wait_until_final(&id(), &wait(120, 600)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the payment had not ended by the deadline, and may end later; its last status was `processing`; request the status again, and do not send the request again"
    );
    let WaitError::Deadline { last: Some(last), .. } = error else { panic!("{error:?}") };
    assert_eq!(last.payment_status(), Some(&PaymentStatus::Processing));
    assert_eq!(start.elapsed().as_secs(), 600);
    let times = times.lock().unwrap();
    assert_eq!(times.last().unwrap().as_secs(), 600, "{times:?}");
    assert!(times.iter().filter(|time| time.as_secs() == 600).count() == 1, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn an_end_at_the_deadline_still_counts() {
    // The deadline comes before the base time: the one question is asked when it passes.
    let (gate, times) = asked(vec![|| Ok(status("success"))]);
    let result = gate.wait_until_final(&id(), &wait(120, 30)).await;
    assert_eq!(end(&result), "success");
    assert_eq!(times.lock().unwrap().iter().map(Duration::as_secs).collect::<Vec<_>>(), [30]);

    let (gate, times) = processing();
    let result = gate.wait_until_final(&id(), &wait(120, 0)).await;
    let text = "the payment had not ended by the deadline, and may end later; its last status was `processing`; request the status again, and do not send the request again";
    assert_eq!((end(&result).as_str(), times.lock().unwrap().len()), (text, 1));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_without_any_answer_tells_no_status() {
    let (gate, times) = asked(vec![|| Ok((503, String::new()))]);
    let result = gate.wait_until_final(&id(), &wait(30, 120)).await;
    assert_eq!(
        end(&result),
        "the payment had not ended by the deadline, and may end later; the last status request failed: the answer has the unexpected HTTP status 503; request the status again, and do not send the request again"
    );
    assert!(matches!(result, Err(WaitError::Deadline { last: None, error: Some(_), .. })));
    assert!(times.lock().unwrap().len() >= 3);
}

#[tokio::test(start_paused = true)]
async fn the_last_status_outlives_later_failures() {
    let (gate, _) = asked(vec![(|| Ok(status("awaiting customer"))) as fn() -> Answer, || {
        Err(TransportError::maybe_sent("connection reset"))
    }]);
    let result = gate.wait_until_final(&id(), &wait(30, 120)).await;
    assert_eq!(
        end(&result),
        "the payment had not ended by the deadline, and may end later; its last status was `awaiting customer`; the \
         last status request failed: no response: connection reset; request the status again, and do not send the request again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refund_is_waited_for_by_its_request() {
    fn refund(operation: &str) -> (u16, String) {
        let body = format!(
            r#"{{"project_id":239,"payment":{{"id":"P-17","status":"success"}},"operations":[
                {{"type":"sale","status":"success","request_id":"r1"}},
                {{"type":"refund","status":"{operation}","request_id":"r2","code":"3283"}}]}}"#
        );
        (200, signed(&body))
    }
    let (gate, times) =
        asked(vec![(|| Ok(refund("processing"))) as fn() -> Answer, || Ok(refund("decline"))]);
    let request_id = RequestId::new("r2").unwrap();
    let status = gate.wait_for_operation(&id(), &request_id, &wait(30, 600)).await.unwrap();
    let outcome = status.refund(&request_id).unwrap().outcome;
    assert!(matches!(outcome, RefundOutcome::Decline { .. }), "{outcome:?}");
    assert_eq!(times.lock().unwrap().len(), 2);

    // The payment has ended already: the text is about the refund.
    let (gate, _) = asked(vec![|| Ok(refund("processing"))]);
    for (request_id, state) in
        [("r2", "its last status was `processing`"), ("r3", "the payment did not have it yet")]
    {
        let request_id = RequestId::new(request_id).unwrap();
        let error = gate.wait_for_operation(&id(), &request_id, &wait(30, 60)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the operation had not ended by the deadline, and may end later; {state}; request \
                 the status again, and do not send the request again"
            )
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_hangs_does_not_hang_the_wait() {
    #[derive(Debug)]
    struct Hanging;

    #[async_trait::async_trait]
    impl ecp_transport::HttpTransport for Hanging {
        async fn send(
            &self,
            _: http::Request<bytes::Bytes>,
        ) -> Result<http::Response<bytes::Bytes>, TransportError> {
            std::future::pending().await
        }
    }
    let start = tokio::time::Instant::now();
    let result = gate(Hanging).wait_until_final(&id(), &wait(30, 60)).await;
    assert_eq!(
        end(&result),
        "the payment had not ended by the deadline, and may end later; request the status again, and do not send the request again"
    );
    assert!(start.elapsed() <= Duration::from_secs(91));
}

#[tokio::test(start_paused = true)]
async fn waking_asks_at_once() {
    // Before the wait: it begins with a question, and goes on with its rhythm.
    let (gate, times) =
        asked(vec![(|| Ok(status("processing"))) as fn() -> Answer, || Ok(status("success"))]);
    let waited = wait(120, 6000);
    let handle = waited.wake_handle();
    handle.wake();
    handle.clone().wake();
    let result = gate.wait_until_final(&id(), &waited).await;
    assert_eq!(end(&result), "success");
    let found = times.lock().unwrap().clone();
    assert_eq!((found.len(), found[0].as_millis()), (2, 0), "{found:?}");
    assert!(is_near(found[1], MINUTE * 3), "{found:?}");

    // During the wait, from a clone of it, and more than once.
    let (gate, times) = processing();
    let waited = wait(120, 6000).longest(MINUTE);
    let handle = waited.clone().wake_handle();
    tokio::spawn(async move {
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_secs(7)).await;
            handle.wake();
        }
    });
    ask_for(MINUTE, &gate, &waited).await;
    let found: Vec<u64> = times.lock().unwrap().iter().map(Duration::as_secs).collect();
    assert_eq!(found, [7, 14]);

    // One wait's callback is not another's.
    let (gate, times) = processing();
    wait(120, 6000).wake_handle().wake();
    let other = wait(120, 6000);
    ask_for(MINUTE, &gate, &other).await;
    assert!(times.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn failures_to_get_an_answer_are_asked_again() {
    let failures: [fn() -> Answer; 9] = [
        || Err(TransportError::not_sent("no route")),
        || Err(TransportError::maybe_sent("connection reset")),
        || Ok((500, String::new())),
        || Ok((502, "<html>Bad gateway</html>".to_owned())),
        || Ok((503, r#"{"status":"error","code":"501","message":"Internal error"}"#.to_owned())),
        || Ok((504, String::new())),
        || Ok((302, String::new())),
        || Ok((403, "<html>Forbidden</html>".to_owned())),
        || Ok((429, String::new())),
    ];
    let mut answers = failures.to_vec();
    answers.push(|| Ok(status("success")));
    let (gate, times) = asked(answers);
    let result = gate.wait_until_final(&id(), &wait(1, 100_000)).await;
    assert_eq!(end(&result), "success");
    assert_eq!(times.lock().unwrap().len(), failures.len() + 1);
}

/// What every unknown outcome advises.
const ADVICE: &str = "; request the payment's status, do not send the request again";

#[tokio::test(start_paused = true)]
async fn what_asking_again_cannot_mend_is_an_error_at_once() {
    let body = r#"{"project_id":239,"payment":{"id":"P-17","status":"success"}}"#;
    let missing = "the answer is not genuine: no signature: neither `signature` nor `general.signature` is there";
    let refusal = r#"{"status":"error","code":"3261","message":"Wrong signature"}"#;
    let refused = "refused with code 3261: Wrong signature; this is about the project, not the payment: correct its key or settings, then try again";
    let table = [
        (200, body.to_owned(), missing),
        (
            200,
            signed(&body.replace("success", "decline")).replace("decline", "success"),
            "the answer is not genuine: the signature does not match: the document was signed with a key that is not among the given ones, or was changed since; `ecp explain` looks for the cause",
        ),
        (
            200,
            signed(&body.replace("P-17", "P-18")),
            "the answer has another `payment_id` than the request",
        ),
        (
            200,
            signed(&body.replace("239", "240")),
            "the answer has another `project_id` than the request",
        ),
        (
            200,
            "<html>ok</html>".to_owned(),
            "the platform's answer cannot be read: JSON document, line 1, column 1: expected a value",
        ),
        (200, refusal.to_owned(), refused),
        (400, refusal.to_owned(), refused),
    ];
    for (http_status, body, reason) in table {
        let gate = answering(http_status, &body);
        let error = gate.wait_until_final(&id(), &wait(1, 60)).await.unwrap_err();
        let reason = match reason {
            refused if refused.starts_with("refused") => refused.to_owned(),
            unknown => format!("the outcome of the request is unknown: {unknown}{ADVICE}"),
        };
        assert_eq!(error.to_string(), reason);
        let WaitError::Gate(error) = error else { panic!("{error:?}") };
        assert_eq!(error.outcome() == Outcome::Unknown, error.code().is_none(), "{error:?}");
        assert!(!format!("{error:?}").contains(KEY));
    }

    let (gate, times) = asked(vec![
        (|| Ok((200, r#"{"payment":{"id":"P-17","status":"success"}}"#.to_owned())))
            as fn() -> Answer,
        || Ok(status("success")),
    ]);
    let error = gate.wait_until_final(&id(), &wait(1, 60)).await.unwrap_err();
    assert!(
        matches!(&error, WaitError::Gate(GateError::Unknown(UnknownReason::NotGenuine(_)))),
        "{error:?}"
    );
    assert_eq!(times.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_the_platform_does_not_know_yet_is_waited_for() {
    let unknown = || -> Answer {
        let body = r#"{"project_id":239,"payment":{"id":"P-17","status":"error"},
            "errors":[{"code":"3061","message":"Transaction not found"}]}"#;
        Ok((200, signed(body)))
    };
    let (gate, times) = asked(vec![unknown as fn() -> Answer, unknown, || Ok(status("decline"))]);
    let result = gate.wait_until_final(&id(), &wait(10, 600)).await;
    assert_eq!((end(&result).as_str(), times.lock().unwrap().len()), ("decline", 3));

    // It may never appear; the caller then sees that it was unknown.
    let (gate, _) = asked(vec![unknown]);
    let error = gate.wait_until_final(&id(), &wait(10, 600)).await.unwrap_err();
    let WaitError::Deadline { last: Some(last), .. } = error else { panic!("{error:?}") };
    assert!(last.is_unknown_payment());

    // The same status for any other reason is final.
    let (gate, times) = asked(vec![|| Ok(status("error"))]);
    let result = gate.wait_until_final(&id(), &wait(10, 600)).await;
    assert_eq!((end(&result).as_str(), times.lock().unwrap().len()), ("error", 1));
}

#[tokio::test(start_paused = true)]
async fn only_final_statuses_end_the_wait() {
    let unknown_words = ["", "Success", "SUCCESS", "success ", "succeeded", "final", "declined"];
    let words = PaymentStatus::KNOWN.iter().map(PaymentStatus::as_str).chain(unknown_words);
    for word in words {
        let is_final = PaymentStatus::from(word).is_final();
        let (gate, times) = asked(vec![move || Ok(status(word))]);
        let result = gate.wait_until_final(&id(), &wait(10, 60)).await;
        let asked = times.lock().unwrap().len();
        if is_final {
            assert_eq!((end(&result).as_str(), asked), (word, 1));
        } else {
            assert!(matches!(&result, Err(WaitError::Deadline { last: Some(_), .. })), "{word:?}");
            assert!(asked > 2, "{word:?}: {asked}");
        }
    }
    // An answer without a status decides nothing either.
    let body = signed(r#"{"project_id":239,"payment":{"id":"P-17"}}"#);
    let result = answering(200, &body).wait_until_final(&id(), &wait(10, 60)).await;
    assert!(matches!(&result, Err(WaitError::Deadline { last: None, .. })), "{result:?}");
}

#[tokio::test(start_paused = true)]
async fn every_question_is_a_signed_status_request() {
    let mut answers = vec![Ok(status("success")), Ok(status("processing"))];
    let transport = Scripted::new(move || answers.pop().unwrap());
    gate(transport.clone()).wait_until_final(&id(), &wait(10, 600)).await.unwrap();

    let seen = transport.seen();
    assert_eq!(seen.len(), 2);
    for request in seen {
        assert_eq!(request.uri(), "https://api.ecommpay.com/v2/payment/status");
        assert!(signature::verify(&[signing_key()], request.body()).is_ok());
        let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
        let general = &body["general"];
        assert_eq!((&general["payment_id"], &general["project_id"]), (&"P-17".into(), &239.into()));
    }
}
