use std::time::Duration;

use ecp_core::Sensitive;
use ecp_sandbox::{
    CallbackRefusal, Config, Decision, Event, EventKind, Fault, FaultRule, Project, signature,
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::local::{self, Local, project};
use crate::support::{PAYOUT, SALE, World, wait_for};

const OPERATIONS: &str = "/v1/operations/get";
const BY_PAYMENT: &str = "/v1/operations/get-by-payment";
const BALANCE: &str = "/v1/balance/get";

fn key() -> Sensitive<String> {
    Sensitive::new(Config::DEMO_TOKEN_KEY.to_owned())
}

/// Asks with the demo token, and finds the answer genuine.
async fn ask(local: &Local, path: &str, request: Value) -> Value {
    let (status, answer) = ask_as(local, path, request, Config::DEMO_TOKEN, &key()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["signature"], signature::sign(&key(), &answer));
    answer
}

/// The operations of a payment of the demo project, of a sandbox with a shop.
pub(crate) async fn ask_world(world: &World, mut request: Value) -> Value {
    request["project_id"] = json!(1);
    request["token"] = Config::DEMO_TOKEN.into();
    request["signature"] = signature::sign(&key(), &request).into();
    world.post(BY_PAYMENT, request.to_string()).await.json()
}

async fn ask_as(
    local: &Local,
    path: &str,
    mut request: Value,
    token: &str,
    key: &Sensitive<String>,
) -> (StatusCode, Value) {
    request["token"] = token.into();
    request["signature"] = signature::sign(key, &request).into();
    local.call("POST", path, &request.to_string()).await.unwrap()
}

fn ids(answer: &Value) -> Vec<&str> {
    let operations = answer["operations"].as_array().unwrap();
    operations.iter().map(|operation| operation["payment_id"].as_str().unwrap()).collect()
}

/// Five payments, an hour apart: payouts but for the third, a sale that was refunded once.
async fn five() -> Local {
    let local = Local::new();
    for number in 1..=5 {
        let payment = format!("X{number}");
        if number == 3 {
            let path = "/v2/payment/wallet-partner/sale";
            let mut sale = Local::document(&payment, 10_000);
            sale["payment"]["currency"] = "INR".into();
            for (name, value) in
                [("first_name", "A"), ("last_name", "B"), ("phone", "447"), ("email", "a@b.test")]
            {
                sale["customer"][name] = value.into();
            }
            local.send(path, sale).await;
            assert!(local.choose(&payment, Decision::Success));
            local.sandbox.settled().await;
            let general = json!({"project_id": 1, "payment_id": payment});
            let refund = json!({"general": general, "payment": {"description": "back"}});
            let (_, answer) = local.send("/v2/payment/refund", refund).await;
            assert_eq!(answer["status"], "success", "{answer}");
        } else {
            local.send(PAYOUT, Local::document(&payment, 10_000)).await;
        }
        local.advance(Duration::from_hours(1)).await;
    }
    local
}

#[tokio::test]
async fn operations_are_listed_in_the_order_of_their_creation() {
    let local = five().await;
    let answer = ask(&local, OPERATIONS, json!({"project_id": [1]})).await;
    assert_eq!(ids(&answer), ["X1", "X2", "X3", "X3", "X4", "X5"]);
    insta::assert_snapshot!("operations", crate::support::pretty(&answer["operations"][3]));
}

#[tokio::test]
async fn pages_of_operations_cover_all_once() {
    let local = five().await;
    let mut told = Vec::new();
    for offset in 0.. {
        let answer = ask(&local, OPERATIONS, json!({"limit": 1, "offset": offset})).await;
        let page = ids(&answer).into_iter().map(str::to_owned).collect::<Vec<_>>();
        if page.is_empty() {
            break;
        }
        told.extend(page);
    }
    assert_eq!(told, ["X1", "X2", "X3", "X3", "X4", "X5"]);
}

#[tokio::test]
async fn an_interval_is_meant_in_its_zone_and_holds_both_ends() {
    let local = five().await;
    // The sandbox's day begins at 16:31:13 in UTC, which is 00:31:13 of the next day in Singapore.
    let asked = |from: &str, to: &str| {
        let interval = json!({"from": from, "to": to});
        json!({"interval": interval, "tz": "Asia/Singapore", "fields": ["payment_id", "operation_created_at"]})
    };
    let answer = ask(&local, OPERATIONS, asked("2019-04-16 01:31:13", "2019-04-16 02:31:13")).await;
    assert_eq!(ids(&answer), ["X2", "X3", "X3"]);
    assert_eq!(
        answer["operations"][0],
        json!({"payment_id": "X2", "operation_created_at": "2019-04-16 01:31:13"})
    );
    let answer = ask(&local, OPERATIONS, asked("2019-04-16 01:31:14", "2019-04-16 02:31:12")).await;
    assert!(ids(&answer).is_empty());
}

#[tokio::test]
async fn operations_are_filtered_by_their_type() {
    let local = five().await;
    let refunds = ask(&local, OPERATIONS, json!({"operation_type": "refund"})).await;
    assert_eq!(ids(&refunds), ["X3"]);
    let both = ask(&local, OPERATIONS, json!({"operation_type": ["sale", "refund"]})).await;
    assert_eq!(ids(&both), ["X3", "X3"]);
}

#[tokio::test]
async fn one_payment_tells_all_its_operations() {
    let local = five().await;
    let answer = ask(&local, BY_PAYMENT, json!({"project_id": 1, "payment_id": "X3"})).await;
    let types: Vec<&Value> = answer["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|operation| &operation["operation_type"])
        .collect();
    assert_eq!(types, ["sale", "refund"]);
    let unknown = json!({"project_id": 1, "payment_id": "X9"});
    let (_, answer) = ask_as(&local, BY_PAYMENT, unknown, Config::DEMO_TOKEN, &key()).await;
    assert_eq!((&answer["code"], answer.get("signature")), (&json!("3061"), None));
}

#[tokio::test]
async fn balances_are_texts_by_currency() {
    let local = Local::new();
    local.send(PAYOUT, Local::document("X1", 10_000)).await;
    local.send(SALE, Local::document("X2", 10_000)).await;
    let answer = ask(&local, BALANCE, json!({})).await;
    assert_eq!(answer["balance"], json!([{"name": "1_EUR", "EUR": "999990000"}]));
}

#[tokio::test]
async fn a_token_has_its_own_key_and_its_own_projects() {
    let other = Sensitive::new("other-key".to_owned());
    let local = Local::with(|config| {
        let second = Project::new(project(2), Sensitive::new("second".to_owned()));
        config.project(second).data_token("narrow", other.clone(), [project(2)])
    });
    local.send(PAYOUT, Local::document("X1", 10_000)).await;
    let project_key = Sensitive::new(Config::DEMO_KEY.to_owned());
    let table = [
        (json!({}), Config::DEMO_TOKEN, &project_key, "3261", "signature"),
        (json!({}), "unknown", &other, "3261", "token"),
        (json!({"project_id": [1]}), "narrow", &other, "2442", "project_id"),
        (json!({"project_id": 3}), Config::DEMO_TOKEN, &key(), "2442", "project_id"),
        (json!({"project_id": "1"}), Config::DEMO_TOKEN, &key(), "702", "project_id"),
        (json!({"limit": 1001}), Config::DEMO_TOKEN, &key(), "702", "limit"),
        (json!({"limit": 0}), Config::DEMO_TOKEN, &key(), "702", "limit"),
        (json!({"offset": -1}), Config::DEMO_TOKEN, &key(), "702", "offset"),
        (json!({"tz": "Nowhere/At_All"}), Config::DEMO_TOKEN, &key(), "702", "tz"),
        (json!({"fields": ["secret"]}), Config::DEMO_TOKEN, &key(), "702", "fields"),
        (
            json!({"interval": {"from": "yesterday"}}),
            Config::DEMO_TOKEN,
            &key(),
            "702",
            "interval.from",
        ),
    ];
    for (request, token, key, code, field) in table {
        let (status, answer) = ask_as(&local, OPERATIONS, request.clone(), token, key).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{request}");
        assert_eq!((&answer["code"], &answer["errors"][0]["field"]), (&json!(code), &json!(field)));
    }
    let (status, answer) = ask_as(&local, OPERATIONS, json!({}), "narrow", &other).await;
    assert_eq!((status, &answer["operations"]), (StatusCode::OK, &json!([])));
    for (body, code) in [(r#"{"token": ""}"#, "2004"), ("no JSON", "2003"), ("{}", "2004")] {
        let (_, answer) = local.call("POST", BALANCE, body).await.unwrap();
        assert_eq!(answer["code"], code);
    }
    let unsigned = json!({"token": Config::DEMO_TOKEN}).to_string();
    let (_, answer) = local.call("POST", BALANCE, &unsigned).await.unwrap();
    assert_eq!(answer["code"], "3262");
}

const THERE: &str = "https://shop.test/operations";

/// The attempts of deliveries of operations: the delivery, the attempt, the answer and the moment.
fn attempts(local: &Local) -> Vec<(u64, u32, Result<u16, String>, i64)> {
    let start = local::START.parse::<ecp_core::Timestamp>().unwrap().unix_seconds();
    let events = local.sandbox.events().into_iter();
    events
        .filter_map(|event| match event.kind {
            EventKind::OperationsAttempted { delivery, attempt, answer, url, .. } => {
                assert_eq!((url.as_str(), event.payment_id), (THERE, None));
                Some((delivery, attempt, answer, event.at.unix_seconds() - start))
            }
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn operations_also_go_to_the_address_of_their_query_until_it_answers_200() {
    let local = Local::new();
    local.send(PAYOUT, Local::document("X1", 10_000)).await;
    local.received();
    local.answer(StatusCode::INTERNAL_SERVER_ERROR);
    let answer = ask(&local, OPERATIONS, json!({"project_id": [1], "destination": THERE})).await;
    assert_eq!(ids(&answer), ["X1"], "answered at once, as any query");
    local.sandbox.settled().await;
    local.advance(Duration::from_secs(15)).await;
    local.answer(StatusCode::OK);
    local.advance(Duration::from_hours(24 * 12)).await;
    let times = [(1, Err(()), 0), (2, Err(()), 10), (3, Ok(()), 20)];
    let seen = attempts(&local).into_iter().map(|(delivery, attempt, answer, at)| {
        assert_eq!(delivery, 1);
        (
            attempt,
            if answer == Ok(200) {
                Ok(())
            } else {
                assert_eq!(answer, Ok(500));
                Err(())
            },
            at,
        )
    });
    assert_eq!(seen.collect::<Vec<_>>(), times);
    // The same bytes each time, which are those of the answer.
    let received = local.received();
    assert_eq!(received.len(), 3);
    for body in received {
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), answer);
    }
}

#[tokio::test]
async fn the_member_for_the_address_has_the_name_of_the_configuration() {
    let local = Local::with(|config| config.destination_name("callback.url"));
    ask(&local, OPERATIONS, json!({"callback.url": THERE, "limit": 1})).await;
    ask(&local, OPERATIONS, json!({"callback": {"url": THERE}, "destination": THERE})).await;
    for nowhere in [json!({"callback.url": null}), json!({})] {
        ask(&local, OPERATIONS, nowhere).await;
    }
    local.sandbox.settled().await;
    assert_eq!(attempts(&local), [(1, 1, Ok(200), 0)]);
    for bad in [json!(7), json!("shop.test/x"), json!("ftp://shop.test/"), json!("")] {
        let request = json!({"callback.url": bad});
        let (status, answer) =
            ask_as(&local, OPERATIONS, request, Config::DEMO_TOKEN, &key()).await;
        let error = (&answer["code"], &answer["errors"][0]["field"]);
        assert_eq!(
            (status, error),
            (StatusCode::BAD_REQUEST, (&json!("702"), &json!("callback.url")))
        );
    }
    local.sandbox.settled().await;
    assert_eq!(attempts(&local).len(), 1, "a refused query sends nothing");
}

#[tokio::test]
async fn faults_of_callbacks_strike_deliveries_of_operations() {
    let second = Duration::from_secs(1);
    let table = [
        (Fault::DuplicateCallback { copies: 2 }, "0 0 0", true),
        (Fault::DelayCallback(90 * second), "90", true),
        (Fault::LoseCallback, "", true),
        (Fault::MissingSignature, "0", false),
        (Fault::WrongSignature, "0", false),
        (Fault::OddValues, "0", true),
    ];
    for (fault, times, is_signed) in table {
        let local = Local::new();
        local.sandbox.add_fault(FaultRule::new(fault).path("/operations/get"));
        // Callbacks are not what the rule is about.
        local.send(PAYOUT, Local::document("X1", 10_000)).await;
        assert_eq!(local.statuses(), ["success"], "{fault:?}");
        ask(&local, OPERATIONS, json!({"destination": THERE})).await;
        local.sandbox.settled().await;
        local.advance(Duration::from_hours(1)).await;
        let seen: Vec<String> = attempts(&local).iter().map(|(.., at)| at.to_string()).collect();
        assert_eq!(seen.join(" "), times, "{fault:?}");
        for body in local.received() {
            let body: Value = serde_json::from_slice(&body).unwrap();
            let right = body["signature"] == signature::sign(&key(), &body);
            assert_eq!((right, ids(&body)), (is_signed, vec!["X1"]), "{fault:?}");
        }
        let lost = local.sandbox.events().into_iter().any(|event| {
            matches!(event.kind, EventKind::OperationsRefused { reason: CallbackRefusal::Lost, .. })
        });
        assert_eq!(lost, fault == Fault::LoseCallback);
    }
    // A rule for callbacks by number is none for operations, and one without a target is for both.
    let local = Local::new();
    local.sandbox.add_fault(FaultRule::new(Fault::LoseCallback).callback(1));
    ask(&local, OPERATIONS, json!({"destination": THERE})).await;
    local.sandbox.add_fault(FaultRule::new(Fault::LoseCallback));
    ask(&local, OPERATIONS, json!({"destination": THERE})).await;
    local.sandbox.settled().await;
    assert_eq!(attempts(&local), [(1, 1, Ok(200), 0)]);
}

#[tokio::test]
async fn faults_of_the_answer_say_whether_operations_are_sent() {
    for (registered, deliveries) in [(false, 0), (true, 1)] {
        let local = Local::new();
        let fault = Fault::DropAnswer { registered };
        local.sandbox.add_fault(FaultRule::new(fault).path("/operations/get").times(1));
        let mut request = json!({"destination": THERE, "token": Config::DEMO_TOKEN});
        request["signature"] = signature::sign(&key(), &request).into();
        local.call("POST", OPERATIONS, &request.to_string()).await.unwrap_err();
        local.sandbox.settled().await;
        assert_eq!(attempts(&local).len(), deliveries, "{registered}");
    }
}

#[tokio::test]
async fn a_hundred_deliveries_of_operations_are_kept_at_a_time() {
    let local = Local::new();
    local.answer(StatusCode::INTERNAL_SERVER_ERROR);
    for _ in 0..101 {
        ask(&local, OPERATIONS, json!({"destination": THERE})).await;
    }
    local.sandbox.settled().await;
    assert_eq!(attempts(&local).len(), 100);
    let refused: Vec<(u64, CallbackRefusal)> = local
        .sandbox
        .events()
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::OperationsRefused { delivery, reason, .. } => Some((delivery, reason)),
            _ => None,
        })
        .collect();
    assert_eq!(refused, [(101, CallbackRefusal::TooMany)]);
    local.answer(StatusCode::OK);
    local.advance(Duration::from_secs(10)).await;
    ask(&local, OPERATIONS, json!({"destination": THERE})).await;
    local.sandbox.settled().await;
    assert_eq!(attempts(&local).last().unwrap().0, 102, "a place is free again");
}

#[tokio::test]
async fn operations_go_nowhere_but_to_allowed_hosts() {
    let world = World::new().await;
    let url = world.sandbox.listen().await.unwrap();
    let table = [
        ("http://shop.example/x".to_owned(), CallbackRefusal::HostNotAllowed),
        ("http://169.254.169.254/".to_owned(), CallbackRefusal::HostNotAllowed),
        ("https://127.0.0.1/x".to_owned(), CallbackRefusal::NotPlainHttp),
        (format!("{url}/sandbox/faults"), CallbackRefusal::OwnAddress),
    ];
    for (destination, expected) in table {
        let mut events = world.sandbox.subscribe();
        let mut request = json!({"destination": destination, "token": Config::DEMO_TOKEN});
        request["signature"] = signature::sign(&key(), &request).into();
        assert_eq!(world.post(OPERATIONS, request.to_string()).await.status, StatusCode::OK);
        let refused = |event: &Event| matches!(event.kind, EventKind::OperationsRefused { .. });
        let EventKind::OperationsRefused { url, reason, .. } =
            wait_for(&mut events, refused).await.kind
        else {
            panic!("a refusal")
        };
        assert_eq!((url, reason), (Some(destination), expected));
    }
}
