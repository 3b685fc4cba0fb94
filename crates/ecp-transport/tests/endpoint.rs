//! Requests to endpoints without a model: what is sent, what is refused before that, and how often a
//! request goes out whose connection is cut.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use ecp_core::json::{Document, Limits};
use ecp_core::signature;
use ecp_methods::Effect;
use ecp_transport::{EndpointRequest, Gate, GateError, Outcome};
use serde_json::{Value, json};

use crate::support::{KEY, Scripted, answering, gate, id, signing_key};

const CAPTURE: &str = "/v2/payment/card/capture";
const REGISTERED: &str = r#"{"status":"success","request_id":"r-1","payment_id":"P-17"}"#;

fn request(effect: Effect, body: &Value) -> EndpointRequest {
    EndpointRequest::new(CAPTURE, effect, id(), body).unwrap()
}

fn sent(transport: &Arc<Scripted>) -> Vec<(String, String)> {
    let text = |body: &[u8]| String::from_utf8(body.to_vec()).unwrap();
    transport.seen().iter().map(|it| (it.uri().path().to_owned(), text(it.body()))).collect()
}

#[tokio::test]
async fn the_body_is_the_callers_with_general_filled_in_and_signed() {
    let transport = Scripted::new(|| Ok((200, REGISTERED.to_owned())));
    let gate = gate(transport.clone());
    let body = json!({
        "payment": {"amount": 1000, "currency": "EUR"},
        "general": {"merchant_callback_url": "https://shop.example/callbacks"},
        "addendum": {"items": [1, "two", null]},
    });
    let answered = gate.send(&request(Effect::Capture, &body)).await.unwrap();
    assert_eq!(answered.request_id.unwrap().as_str(), "r-1");
    let [(path, sent)] = &sent(&transport)[..] else { panic!() };
    assert_eq!(path, CAPTURE);
    let document = Document::parse(sent.as_bytes(), Limits::default()).unwrap();
    assert!(signature::verify_document([&signing_key()], &document).is_ok(), "{sent}");
    let mut sent: Value = serde_json::from_str(sent).unwrap();
    let signature = sent["general"].as_object_mut().unwrap().remove("signature").unwrap();
    assert_eq!(signature.as_str().unwrap().len(), 88);
    let mut expected = body;
    expected["general"]["payment_id"] = json!("P-17");
    expected["general"]["project_id"] = json!(239);
    assert_eq!(sent, expected);
}

#[test]
fn what_cannot_be_sent_as_it_stands_is_refused_with_its_path() {
    let empty = json!({});
    let new = |path: &str, body: &Value| {
        EndpointRequest::new(path, Effect::Capture, id(), body).map(drop)
    };
    for path in ["", "/v2", "/v2/", "/v1/x", "v2/x", "/v2/a//b", "/v2/../x", "/v2/x?y=1", "/v2/x#"]
    {
        assert!(
            new(path, &empty).unwrap_err().to_string().contains("is not a path of Gate"),
            "{path}"
        );
    }
    for (body, problem) in [
        (json!([1]), "`the body` must be a JSON object"),
        (json!({"general": 1}), "`general` must be a JSON object"),
        (
            json!({"general": {"payment_id": "X"}}),
            "`general.payment_id` is added when the request is sent: leave it out of the body",
        ),
        (
            json!({"general": {"project_id": 1}}),
            "`general.project_id` is added when the request is sent: leave it out of the body",
        ),
        (
            json!({"general": {"signature": "x"}}),
            "`general.signature` is not covered by the signature: leave it out of the body",
        ),
        (
            json!({"addendum": [{"frame_mode": "x"}]}),
            "`addendum.0.frame_mode` is not covered by the signature: leave it out of the body",
        ),
    ] {
        assert_eq!(new(CAPTURE, &body).unwrap_err().to_string(), problem, "{body}");
    }
    let twice = serde_json::value::RawValue::from_string(r#"{"a":1,"a":2}"#.to_owned()).unwrap();
    let error = EndpointRequest::new(CAPTURE, Effect::Out, id(), &twice).unwrap_err().to_string();
    assert!(error.starts_with("`the body` cannot be signed: "), "{error}");
}

#[tokio::test]
async fn texts_with_a_second_reading_are_refused_and_not_sent() {
    let transport = Scripted::new(|| Ok((200, REGISTERED.to_owned())));
    let gate = gate(transport.clone());
    let text = request(Effect::Out, &json!({"payment": {"description": "x;payment:id:V"}}));
    let error = gate.send(&text).await.unwrap_err();
    assert!(matches!(error, GateError::Unsigned(_)), "{error}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(sent(&transport).is_empty());
    gate.send(&text.allow_items_in_texts()).await.unwrap();
    let fraction = request(Effect::Out, &json!({"payment": {"rate": 1.5}}));
    assert!(matches!(gate.send(&fraction).await.unwrap_err(), GateError::Unsigned(_)));
    assert_eq!(sent(&transport).len(), 1);
}

#[tokio::test]
async fn answers_are_judged_by_the_effect() {
    let body = json!({"payment": {"amount": 1000, "currency": "EUR"}});
    let send = async |answer: &str, effect: Effect| {
        let gate: Gate = answering(200, answer);
        gate.send(&request(effect, &body)).await
    };
    // Code 3060 is about a payment that exists: it proves nothing of a new one.
    let forbidden = r#"{"status":"error","code":"3060","message":"Status forbids it"}"#;
    let refused = r#"{"status":"error","code":"2004","message":"Required field not provided"}"#;
    let bare = r#"{"status":"success","recurring":{"id":7}}"#;
    let wrongly_signed = r#"{"status":"success","request_id":"r","signature":"AAAA"}"#;
    for &effect in Effect::ALL {
        let error = send(forbidden, effect).await.unwrap_err();
        let is_unknown = error.outcome() == Outcome::Unknown;
        assert_eq!(is_unknown, effect.is_new_payment(), "{effect}: {error}");
        let error = send(refused, effect).await.unwrap_err();
        assert!(matches!(error.outcome(), Outcome::Refused { .. }), "{effect}: {error}");
        assert_eq!(
            send(wrongly_signed, effect).await.unwrap_err().outcome(),
            Outcome::Unknown,
            "{effect}"
        );
        // Only what moves no money can do without a request id.
        match send(bare, effect).await {
            Ok(answered) => {
                assert_eq!((effect, answered.json()), (Effect::Manage, bare));
                assert!(!format!("{answered:?}").contains("recurring"), "{answered:?}");
            }
            Err(error) => {
                assert!(effect != Effect::Manage);
                assert_eq!(error.outcome(), Outcome::Unknown, "{effect}: {error}");
            }
        }
    }
}

#[test]
fn nothing_of_the_body_is_printed() {
    let body = json!({"customer": {"first_name": "sentinel"}, "general": {"x": "sentinel"}});
    let printed = format!("{:?}", request(Effect::Out, &body));
    assert!(!printed.contains("sentinel") && !printed.contains(KEY), "{printed}");
    assert!(printed.contains(CAPTURE), "{printed}");
}

#[cfg(feature = "reqwest")]
mod cut {
    use std::sync::{LazyLock, Mutex};
    use std::time::Duration;

    use ecp_core::{ProjectId, SecretKey};
    use ecp_methods::request::{Account, Customer, PayoutRequest, RefundRequest};
    use ecp_methods::{Jeton, WalletPartner};
    use ecp_transport::{ReqwestTransport, RetryPolicy, SendError, SendPolicy, Sender, Sent};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::support::signed;

    static CLIENT: LazyLock<ReqwestTransport> = LazyLock::new(|| ReqwestTransport::new().unwrap());

    type Counts = Arc<Mutex<BTreeMap<String, u32>>>;

    /// A Gate that reads every request and cuts the connection, except for questions after a status:
    /// it knows no payment. Returns its port and how many requests came by path.
    async fn cutting() -> (u16, Counts) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let counts = Counts::default();
        let counted = counts.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, counted.clone()));
            }
        });
        (port, counts)
    }

    async fn serve(mut stream: TcpStream, counts: Counts) {
        let mut request = Vec::new();
        loop {
            if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                return;
            }
            let text = String::from_utf8_lossy(&request).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
            });
            if body.len() < length.unwrap() {
                continue;
            }
            let path = head.split(' ').nth(1).unwrap().to_owned();
            *counts.lock().unwrap().entry(path.clone()).or_default() += 1;
            if path == "/v2/payment/status" {
                let body = signed(
                    r#"{"project_id":239,"payment":{"id":"P-17","status":"error"},
                    "errors":[{"code":"3061","message":"Transaction not found"}]}"#,
                );
                let answer =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            return;
        }
    }

    /// At once where the platform says so: what is counted are decisions, not pauses.
    fn sender(port: u16) -> Sender {
        let key = SecretKey::new(KEY).unwrap();
        let gate = Gate::new(ProjectId::new(239).unwrap(), &key, CLIENT.clone());
        let gate = gate.base_url(&format!("http://127.0.0.1:{port}")).unwrap();
        let retry = RetryPolicy::new().attempts(3).pauses(Duration::ZERO, Duration::ZERO);
        Sender::new(gate, SendPolicy::new().retry(retry).not_found_after(Duration::ZERO))
    }

    fn count(counts: &Counts) -> (u32, u32) {
        let mut counts = counts.lock().unwrap().clone();
        let questions = counts.remove("/v2/payment/status").unwrap_or_default();
        (counts.values().sum(), questions)
    }

    fn outcome(result: &Result<Sent, SendError>) -> Outcome<'_> {
        result.as_ref().unwrap_err().outcome()
    }

    #[tokio::test]
    async fn a_request_is_repeated_by_its_effect_exactly_as_known_ones_are() {
        let payout = PayoutRequest::new(id(), "300.00 EUR".parse().unwrap())
            .customer(Customer::new().ip_address("192.0.2.1"))
            .account(Account::new().number("93017949"));
        let (port, counts) = cutting().await;
        let failed = sender(port).payout(&Jeton, &payout).await;
        assert_eq!(outcome(&failed), Outcome::Unknown);
        let known_payout = count(&counts);
        // Not again before the platform says that it does not know the payment.
        assert_eq!(known_payout, (3, 3));

        let refund = RefundRequest::full(id()).description("returned");
        let (port, counts) = cutting().await;
        let failed = sender(port).refund(&WalletPartner, &refund).await;
        assert_eq!(outcome(&failed), Outcome::Unknown);
        let known_refund = count(&counts);
        assert_eq!(known_refund, (1, 0));

        let body = json!({"payment": {"amount": 30000, "currency": "EUR"}});
        for &effect in Effect::ALL {
            let (port, counts) = cutting().await;
            let request = request(effect, &body);
            let failed = sender(port).send(&request).await;
            assert_eq!(outcome(&failed), Outcome::Unknown, "{effect}");
            let expected = if effect.is_new_payment() { known_payout } else { known_refund };
            assert_eq!(count(&counts), expected, "{effect}");

            // A resumed call asks first, or sends nothing at all.
            let (port, counts) = cutting().await;
            let failed = sender(port).resume(&request, Duration::from_hours(1)).await;
            assert_eq!(outcome(&failed), Outcome::Unknown, "{effect}");
            let (sends, questions) = count(&counts);
            let begins = effect.is_new_payment();
            assert_eq!((sends > 0, questions > 0), (begins, begins), "{effect}");
        }
    }

    #[tokio::test]
    async fn without_a_sender_a_request_goes_out_once_whatever_its_effect() {
        for &effect in Effect::ALL {
            let (port, counts) = cutting().await;
            let error = sender(port).gate().send(&request(effect, &json!({}))).await.unwrap_err();
            assert_eq!(error.outcome(), Outcome::Unknown, "{effect}");
            assert_eq!(count(&counts), (1, 0), "{effect}");
        }
    }
}
