use axum::body::Body;
use ecp_sandbox::Sandbox;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::local::Local;
use crate::support::{PAYOUT, SALE};

async fn get(local: &Local, path: &str) -> Value {
    let (status, json) = local.call("GET", path, "").await.unwrap();
    assert_eq!(status, StatusCode::OK, "{path}: {json}");
    json
}

async fn post(local: &Local, path: &str, body: Value) -> (StatusCode, Value) {
    let answer = local.call("POST", path, &body.to_string()).await.unwrap();
    local.sandbox.settled().await;
    answer
}

#[tokio::test]
async fn faults_are_added_listed_and_removed_over_http() {
    let local = Local::new();
    let rule = json!({"fault": "lose_callback", "payment_id": "X1", "times": 2});
    assert_eq!(post(&local, "/sandbox/faults", rule).await.1, json!({"rule": 1}));
    local.send(PAYOUT, Local::document("X1", 10_000)).await;
    assert!(local.received().is_empty());
    let left = json!({"rule": 1, "fault": "lose_callback", "payment_id": "X1", "times": 1});
    assert_eq!(get(&local, "/sandbox/faults").await, json!({"faults": [left]}));

    let (status, answer) = post(&local, "/sandbox/faults", json!({"fault": "thunder"})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(answer["problem"].as_str().unwrap().contains("no fault `thunder`"));

    assert_eq!(local.call("DELETE", "/sandbox/faults/1", "").await.unwrap().0, StatusCode::OK);
    assert_eq!(
        local.call("DELETE", "/sandbox/faults/1", "").await.unwrap().0,
        StatusCode::CONFLICT
    );
    post(&local, "/sandbox/faults", json!({"fault": "wrong_amount"})).await;
    assert_eq!(local.call("DELETE", "/sandbox/faults", "").await.unwrap().0, StatusCode::OK);
    assert_eq!(get(&local, "/sandbox/faults").await, json!({"faults": []}));
}

#[tokio::test]
async fn a_payment_is_led_through_its_life_over_http() {
    let local = Local::new();
    post(&local, "/sandbox/faults", json!({"fault": "stale_payment"})).await;
    local.send(SALE, Local::document("X1", 10_000)).await;
    local.send(SALE, Local::document("Y2", 10_000)).await;
    let path = "/sandbox/payments/1/X1";
    let shown = get(&local, path).await;
    assert_eq!(
        (&shown["status"], &shown["held"]),
        (&json!("awaiting redirect result"), &json!(true))
    );
    let listed = get(&local, "/sandbox/payments?id=x&status=awaiting%20redirect%20result").await;
    assert_eq!((&listed["total"], &listed["payments"][0]), (&json!(1), &shown));

    let decision = format!("{path}/decision");
    let (status, _) = post(&local, &decision, json!({"decision": "perhaps"})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(post(&local, &decision, json!({"decision": "success"})).await.0, StatusCode::OK);
    assert_eq!(
        post(&local, &decision, json!({"decision": "success"})).await.0,
        StatusCode::CONFLICT
    );
    assert_eq!(post(&local, &format!("{path}/release"), json!({})).await.0, StatusCode::OK);
    assert_eq!(post(&local, &format!("{path}/release"), json!({})).await.0, StatusCode::CONFLICT);
    assert_eq!(get(&local, path).await["status"], "success");

    local.received();
    let resend = format!("{path}/callbacks/3/resend");
    assert_eq!(post(&local, &resend, json!({})).await.0, StatusCode::OK);
    assert_eq!(local.statuses(), ["success"]);
    let resend = format!("{path}/callbacks/4/resend");
    assert_eq!(post(&local, &resend, json!({})).await.0, StatusCode::CONFLICT);

    let (_, events) = local.text("GET", &format!("{path}/events"), "").await.unwrap();
    let names: Vec<String> = events
        .lines()
        .map(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            assert_eq!(event["payment_id"], "X1");
            event["event"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(names.first().map(String::as_str), Some("request_received"));
    assert!(names.contains(&"payment_released".to_owned()), "{names:?}");
    let (_, all) = local.text("GET", "/sandbox/events", "").await.unwrap();
    assert!(all.lines().count() > names.len());
    for missing in ["/sandbox/payments/1/X9", "/sandbox/payments/2/X1/events"] {
        assert_eq!(local.call("GET", missing, "").await.unwrap().0, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn events_are_listed_from_where_a_reader_stopped() {
    let local = Local::new();
    local.send(PAYOUT, Local::document("X1", 10_000)).await;
    local.send(PAYOUT, Local::document("Y2", 10_000)).await;
    let local = &local;
    let listed = async |query: &str| {
        let (_, text) = local.text("GET", &format!("/sandbox/events{query}"), "").await.unwrap();
        let parsed = text.lines().map(|line| serde_json::from_str(line).unwrap());
        parsed.collect::<Vec<Value>>()
    };
    let all = listed("").await;
    assert_eq!(all, listed("?after=&last=").await);
    assert_eq!(listed("?after=3").await, all[3..]);
    assert_eq!(listed("?last=2").await, all[all.len() - 2..]);
    assert_eq!(listed(&format!("?after={}", all.len())).await, Vec::<Value>::new());
    let of_one = listed("?payment_id=Y2&project=1").await;
    let expected: Vec<Value> =
        all.iter().filter(|event| event["payment_id"] == "Y2").cloned().collect();
    assert!(!expected.is_empty());
    assert_eq!(of_one, expected);
    assert_eq!(listed("?payment_id=Y2&last=1").await, expected[expected.len() - 1..]);
}

/// Requests that cannot be read, and how the answer begins.
const UNREADABLE: [(&str, &str, &str, &str); 22] = [
    (
        "GET",
        "/sandbox/payments?statsu=success",
        "",
        "there is no filter `statsu`: the filters are `project`, `id`",
    ),
    (
        "GET",
        "/sandbox/payments?status=succes",
        "",
        "`status` is `succes`, which is none: write one of `awaiting",
    ),
    (
        "GET",
        "/sandbox/payments?method=jetton",
        "",
        "`method` is `jetton`, which is none: write one of `",
    ),
    (
        "GET",
        "/sandbox/payments?project=shop",
        "",
        "`project` must be a whole number, and is `shop`",
    ),
    (
        "GET",
        "/sandbox/payments?project=9",
        "",
        "`project` is `9`, and the sandbox has no such project: it has 1",
    ),
    ("GET", "/sandbox/payments?limit=-1", "", "`limit` must be a whole number, and is `-1`"),
    ("GET", "/sandbox/payments?offset=1.5", "", "`offset` must be a whole number, and is `1.5`"),
    ("GET", "/sandbox/events?after=now", "", "`after` must be a whole number, and is `now`"),
    ("GET", "/sandbox/events?since=1", "", "there is no filter `since`"),
    ("GET", "/sandbox/payments/shop/X1", "", "`shop` in the path must be the number of a project"),
    ("DELETE", "/sandbox/faults/last", "", "`last` in the path must be the number of a fault rule"),
    (
        "POST",
        "/sandbox/payments/1/X1/callbacks/last/resend",
        "",
        "`last` in the path must be the number of a callback",
    ),
    (
        "POST",
        "/sandbox/payments/1/X1/decision",
        r#"{"decision":"perhaps"}"#,
        "`decision` must be `success` or `decline`, and is `perhaps`",
    ),
    ("POST", "/sandbox/payments/1/X1/decision", r#"{"amount":1}"#, "`decision` is missing"),
    (
        "POST",
        "/sandbox/payments/1/X1/decision",
        r#"{"decision":"success","amount":"5"}"#,
        "`amount` must be a whole number from 0 to 9223372036854775807, and is `\"5\"`",
    ),
    (
        "POST",
        "/sandbox/payments/1/X1/decision",
        "",
        "the body is empty: write an object such as {\"decision\": \"success\"}",
    ),
    ("POST", "/sandbox/payments/1/X1/release", r#"{"now":true}"#, "the body must be empty or {}"),
    (
        "POST",
        "/sandbox/clock",
        r#"{"seconds":1}"#,
        "the body cannot have a member `seconds`: its members can be `advance_seconds`",
    ),
    (
        "POST",
        "/sandbox/clock",
        r#"{"advance_seconds":-1}"#,
        "`advance_seconds` must be a whole number",
    ),
    ("POST", "/sandbox/clock", "{}", "`advance_seconds` is missing"),
    (
        "POST",
        "/sandbox/faults",
        r#"{"fault":"wrong_amount","times":"1"}"#,
        "`times` must be a whole number",
    ),
    ("POST", "/sandbox/faults", r#"{"fault":"wrong_amount","project_id":0}"#, "`project_id`: "),
];

#[tokio::test]
async fn what_cannot_be_read_is_refused_by_its_name() {
    let local = Local::new();
    local.send(SALE, Local::document("X1", 10_000)).await;
    for (method, path, body, problem) in UNREADABLE {
        let (status, answer) = local.call(method, path, body).await.unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path} {body}");
        let words = answer["problem"].as_str().unwrap();
        assert!(words.starts_with(problem), "{path} {body}: {words}");
    }
    assert_eq!(get(&local, "/sandbox/payments/1/X1").await["status"], "awaiting redirect result");
}

#[tokio::test]
async fn virtual_time_moves_over_http_and_the_machines_does_not() {
    let local = Local::new();
    let (_, moved) = post(&local, "/sandbox/clock", json!({"advance_seconds": 3600})).await;
    assert_eq!(moved, json!({"now": "2019-04-15T17:31:13+0000", "virtual": true}));
    let (status, _) = post(&local, "/sandbox/clock", json!({"seconds": 1})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let mut real = Local::new();
    real.sandbox = Sandbox::new(ecp_sandbox::Config::demo());
    let (status, _) = post(&real, "/sandbox/clock", json!({"advance_seconds": 1})).await;
    assert_eq!(status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn what_a_foreign_page_can_send_without_asking_is_refused() {
    let local = Local::new();
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let request = Request::post("/sandbox/faults")
            .header("content-type", media_type)
            .body(Body::from(r#"{"fault": "wrong_amount"}"#))
            .unwrap();
        let response = local.sandbox.router().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert!(response.headers().get("access-control-allow-origin").is_none());
    }
    let request = Request::post("/sandbox/faults")
        .header("content-type", "application/json")
        .header("host", "evil.example")
        .body(Body::from(r#"{"fault": "wrong_amount"}"#))
        .unwrap();
    let response = local.sandbox.router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(local.sandbox.faults().is_empty());
}
