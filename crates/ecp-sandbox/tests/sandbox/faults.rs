use std::time::Duration;

use ecp_core::{SecretKey, signature};
use ecp_sandbox::{Config, Decision, EventKind, Fault, FaultRule};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::local::{Local, id};
use crate::support::{PAYOUT, SALE, STATUS, signed, wait_for};

fn second() -> Duration {
    Duration::from_secs(1)
}

/// A sandbox with a fault, and the fault's name among its events.
fn with(fault: Fault) -> Local {
    Local::with(|config| config.fault(FaultRule::new(fault).path("/payout")))
}

async fn is_registered(local: &Local) -> bool {
    let general = json!({"project_id": Config::DEMO_PROJECT, "payment_id": "X1"});
    let (_, status) = local.send(STATUS, json!({"general": general})).await;
    status["payment"]["status"] != "error"
}

#[tokio::test]
async fn answers_are_cut_off_before_and_after_the_registration() {
    for registered in [false, true] {
        for fault in [Fault::DropAnswer { registered }, Fault::ResetConnection { registered }] {
            let local = with(fault);
            let request = signed(Local::document("X1", 10_000)).to_string();
            let error = local.call("POST", PAYOUT, &request).await.unwrap_err();
            assert!(error.contains("cut the answer off"), "{error}");
            local.sandbox.settled().await;
            assert_eq!(is_registered(&local).await, registered, "{fault:?}");
            assert_eq!(local.statuses().len(), usize::from(registered));
            let events = local.sandbox.events();
            let struck = events.iter().any(|event| {
                matches!(event.kind, EventKind::FaultStruck { fault: name, .. } if name == fault.name())
            });
            assert!(struck, "{fault:?} is no event");
        }
    }
}

#[tokio::test]
async fn a_truncated_answer_ends_in_an_error_and_the_payment_goes_on() {
    let local = with(Fault::TruncateAnswer);
    let request = signed(Local::document("X1", 10_000)).to_string();
    assert!(local.call("POST", PAYOUT, &request).await.is_err());
    local.sandbox.settled().await;
    assert_eq!(local.statuses(), ["success"]);
}

#[tokio::test]
async fn a_server_error_says_nothing_of_whether_the_request_took_effect() {
    for registered in [false, true] {
        let local = with(Fault::ServerError { status: 502, registered });
        let request = signed(Local::document("X1", 10_000)).to_string();
        let (status, body) = local.text("POST", PAYOUT, &request).await.unwrap();
        assert_eq!((status, body.as_str()), (StatusCode::BAD_GATEWAY, ""));
        local.sandbox.settled().await;
        assert_eq!(is_registered(&local).await, registered);
    }
}

#[tokio::test]
async fn a_late_answer_comes_after_the_callback() {
    let local = with(Fault::DelayAnswer(second()));
    let request = signed(Local::document("X1", 10_000)).to_string();
    let late = async {
        let answer = local.call("POST", PAYOUT, &request).await;
        assert_eq!(local.statuses(), ["success"]);
        answer
    };
    let time = async {
        // The request has to begin to wait first.
        tokio::task::yield_now().await;
        local.advance(second()).await;
    };
    let (answer, ()) = tokio::join!(late, time);
    assert_eq!(answer.unwrap().1["status"], "success");
}

#[tokio::test]
async fn a_client_that_waits_for_a_late_answer_does_not_delay_the_shutdown() {
    let local = with(Fault::DelayAnswer(second()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(local.sandbox.serve(listener));
    let mut events = local.sandbox.subscribe();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head =
        format!("POST {PAYOUT} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{{}}");
    stream.write_all(head.as_bytes()).await.unwrap();
    wait_for(&mut events, |event| matches!(event.kind, EventKind::FaultStruck { .. })).await;
    local.sandbox.shutdown();
    tokio::time::timeout(20 * second(), server).await.expect("it ends").unwrap().unwrap();
}

/// What a plain client on a socket gets for a payout: the bytes, and whether it was reset.
async fn on_a_socket(fault: Fault) -> (String, bool) {
    let local = with(fault);
    let url = local.sandbox.listen().await.unwrap();
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
    let body = signed(Local::document("X1", 10_000)).to_string();
    let request = format!(
        "POST {PAYOUT} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer).await;
    let is_reset = end.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset);
    local.sandbox.shutdown();
    (String::from_utf8(answer).unwrap(), is_reset)
}

#[tokio::test]
async fn on_a_socket_connections_are_really_closed_reset_and_cut_in_the_middle() {
    let closed = on_a_socket(Fault::DropAnswer { registered: true }).await;
    assert_eq!(closed, (String::new(), false));
    let reset = on_a_socket(Fault::ResetConnection { registered: true }).await;
    assert_eq!(reset, (String::new(), true));
    let (cut, _) = on_a_socket(Fault::TruncateAnswer).await;
    let (head, body) = cut.split_once("\r\n\r\n").unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let length: usize = length.parse().unwrap();
    assert!(head.starts_with("HTTP/1.1 200 ") && !body.is_empty() && body.len() < length, "{cut}");
}

#[tokio::test]
async fn callbacks_are_repeated_lost_and_delayed() {
    let local = Local::with(|config| {
        let rule = |fault, id| FaultRule::new(fault).payment_id(id);
        config
            .fault(rule(Fault::DuplicateCallback { copies: 2 }, "X1"))
            .fault(rule(Fault::LoseCallback, "X2"))
            .fault(rule(Fault::DelayCallback(10 * second()), "X3"))
    });
    local.send(PAYOUT, Local::document("X1", 10_000)).await;
    let received = local.received();
    assert!(received.len() == 3 && received.iter().all(|body| *body == received[0]));

    local.send(PAYOUT, Local::document("X2", 10_000)).await;
    local.advance(Duration::from_hours(24)).await;
    assert!(local.received().is_empty());
    assert!(local.sandbox.resend_callback(Config::DEMO_PROJECT, &id("X2"), 1));
    local.sandbox.settled().await;
    assert_eq!(local.statuses(), ["success"]);

    local.send(PAYOUT, Local::document("X3", 10_000)).await;
    local.advance(9 * second()).await;
    assert!(local.received().is_empty());
    local.advance(second()).await;
    assert_eq!(local.statuses(), ["success"]);
}

/// On threads of their own, the copies could be late.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_settles_before_the_copies_of_a_lost_callback_are_lost() {
    let local = Local::with(|config| {
        let copies = FaultRule::new(Fault::DuplicateCallback { copies: 2 });
        config.fault(copies).fault(FaultRule::new(Fault::LoseCallback))
    });
    let is_lost =
        |event: &ecp_sandbox::Event| matches!(event.kind, EventKind::CallbackRefused { .. });
    for number in 1..=300 {
        local.send(PAYOUT, Local::document(&format!("X{number}"), 10_000)).await;
        local.sandbox.settled().await;
        let lost = local.sandbox.events().iter().filter(|event| is_lost(event)).count();
        assert_eq!(lost, 3 * number);
    }
}

#[tokio::test]
async fn a_callback_that_is_kept_back_comes_after_the_next_or_after_a_minute() {
    let redirect = "awaiting redirect result";
    let kept = FaultRule::new(Fault::ReorderCallback).callback(1);
    let local = Local::with(|config| config.fault(kept));
    local.send(SALE, Local::document("X1", 10_000)).await;
    assert!(local.received().is_empty());
    assert!(local.choose("X1", Decision::Success));
    local.sandbox.settled().await;
    assert_eq!(local.statuses(), ["success", redirect]);

    local.send(SALE, Local::document("X2", 10_000)).await;
    local.advance(59 * second()).await;
    assert!(local.received().is_empty());
    local.advance(second()).await;
    assert_eq!(local.statuses(), [redirect]);
    assert!(local.choose("X2", Decision::Decline));
    local.sandbox.settled().await;
    assert_eq!(local.statuses(), ["decline"]);
}

#[tokio::test]
async fn callbacks_are_signed_wrong_or_tell_what_is_wrong() {
    let key = signature::SigningKey::new(&SecretKey::new(Config::DEMO_KEY).unwrap());
    let is_genuine = |body: &[u8]| signature::verify(std::slice::from_ref(&key), body).is_ok();
    let table = [
        (Fault::MissingSignature, "/signature", Value::Null, false),
        (Fault::WrongSignature, "/payment/status", json!("success"), false),
        (Fault::WrongAmount, "/payment/sum/amount", json!(10_001), true),
        (Fault::OddValues, "/sandbox_values/yes", json!(true), true),
        (Fault::UnknownStatus, "/payment/status", json!("sandbox unknown"), true),
    ];
    for (fault, path, value, genuine) in table {
        let local = Local::with(|config| config.fault(FaultRule::new(fault)));
        local.send(PAYOUT, Local::document("X1", 10_000)).await;
        let received = local.received();
        let [body] = received.as_slice() else { panic!("{fault:?}: {} came", received.len()) };
        let document: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(document.pointer(path).cloned().unwrap_or_default(), value, "{fault:?}");
        assert_eq!(is_genuine(body), genuine, "{fault:?}");
        assert_eq!(local.status("X1"), "success", "only the callback is wrong");
    }
}

#[tokio::test]
async fn a_stale_payment_ends_only_when_it_is_released() {
    let local = Local::with(|config| config.fault(FaultRule::new(Fault::StalePayment)));
    local.send(SALE, Local::document("X1", 10_000)).await;
    local.advance(Duration::from_hours(1_000)).await;
    assert!(local.choose("X1", Decision::Success) && !local.choose("X2", Decision::Success));
    local.sandbox.settled().await;
    local.advance(Duration::from_hours(1_000)).await;
    assert_eq!(
        (local.status("X1").as_str(), local.payment("X1").held),
        ("external processing", true)
    );
    assert!(local.sandbox.release(Config::DEMO_PROJECT, &id("X1")));
    assert!(!local.sandbox.release(Config::DEMO_PROJECT, &id("X1")));
    local.sandbox.settled().await;
    assert_eq!(local.statuses(), ["awaiting redirect result", "external processing", "success"]);

    local.send(PAYOUT, Local::document("X2", 10_000)).await;
    assert_eq!(local.status("X2"), "processing");
    assert!(local.sandbox.release(Config::DEMO_PROJECT, &id("X2")));
    local.sandbox.settled().await;
    assert_eq!(local.statuses(), ["success"]);
}

#[tokio::test]
async fn an_end_in_error_moves_nothing_that_is_known_of() {
    let local = Local::with(|config| config.fault(FaultRule::new(Fault::EndInError)));
    local.send(SALE, Local::document("X1", 10_000)).await;
    local.sandbox.settled().await;
    assert!(local.choose("X1", Decision::Success));
    local.send(PAYOUT, Local::document("X2", 10_000)).await;
    local.sandbox.settled().await;
    for id in ["X1", "X2"] {
        assert_eq!(local.status(id), "internal error", "{id}");
        assert_eq!(local.payment(id).code.as_str(), "501", "{id}");
    }
    // The first takes it with a callback too.
    let last = local.statuses();
    assert!(last.iter().any(|status| status == "internal error"), "{last:?}");
    let general = json!({"project_id": Config::DEMO_PROJECT, "payment_id": "X2"});
    let (_, status) = local.send(STATUS, json!({"general": general})).await;
    assert_eq!(status["operations"][0]["status"], "internal error");
    assert_eq!(status["payment"]["status"], "internal error");
}

#[tokio::test]
async fn a_slow_confirmation_is_asked_late() {
    let rule = FaultRule::new(Fault::SlowConfirmation(10 * second()));
    let local = Local::with(|config| config.fault(rule));
    local.send("/v2/payment/voucher/eco-voucher/sale", Local::document("X1", 10_000)).await;
    local.received();
    assert!(local.choose("X1", Decision::Success));
    local.advance(9 * second()).await;
    assert!(local.received().is_empty());
    local.advance(second()).await;
    assert_eq!(local.statuses(), ["none", "success"], "the question, then the result");
}

#[tokio::test]
async fn one_seed_writes_the_same_log_byte_for_byte_and_another_does_not() {
    assert_eq!(story(7).await, story(7).await);
    assert_ne!(story(7).await, story(8).await);
    assert!(story(7).await.contains("fault_struck"));
}

/// Thirty payments under faults by lot, from a merchant that fails half of the time.
async fn story(seed: u64) -> String {
    let faults = [
        Fault::DropAnswer { registered: true },
        Fault::DuplicateCallback { copies: 1 },
        Fault::DelayCallback(20 * second()),
        Fault::ReorderCallback,
        Fault::WrongSignature,
        Fault::LoseCallback,
    ];
    let local = Local::with(|config| {
        let config = config.seed(seed);
        faults
            .into_iter()
            .fold(config, |config, fault| config.fault(FaultRule::new(fault).percent(25)))
    });
    for number in 0..30 {
        let payment = format!("X{number}");
        let path = if number % 3 == 0 { PAYOUT } else { SALE };
        let status = if number % 2 == 0 { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        local.answer(status);
        let request = signed(Local::document(&payment, 10_000)).to_string();
        let _ = local.call("POST", path, &request).await;
        local.sandbox.settled().await;
        let decision = if number % 5 == 0 { Decision::Decline } else { Decision::Success };
        let _ = local.choose(&payment, decision);
        local.sandbox.settled().await;
        local.advance(7 * second()).await;
    }
    local.advance(Duration::from_hours(300)).await;
    let events = local.sandbox.events();
    events.iter().map(|event| event.to_json() + "\n").collect()
}
