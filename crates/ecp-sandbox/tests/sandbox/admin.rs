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
