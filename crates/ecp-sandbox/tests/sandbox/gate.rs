use axum::body::Body;
use http::{Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{PAYOUT, SALE, STATUS, World, signed};

/// Sets a member by its path; null takes it out.
fn with(mut request: Value, path: &str, value: Value) -> Value {
    let (parent, name) = path.rsplit_once('.').unwrap();
    let parent = request.pointer_mut(&format!("/{}", parent.replace('.', "/"))).unwrap();
    match value {
        Value::Null => drop(parent.as_object_mut().unwrap().remove(name)),
        value => parent[name] = value,
    }
    request
}

/// Posts what must be refused, and checks everything that the refusal says.
async fn check_refusals(world: &World, path: &str, table: &[(String, &str, &[&str])]) {
    for (body, code, fields) in table {
        let answer = world.post(path, body.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {body}");
        let answer = answer.json();
        assert_eq!((&answer["status"], &answer["code"]), (&json!("error"), &json!(code)), "{body}");
        assert_eq!(answer["message"], message(code));
        assert!(answer["request_id"].is_string() && answer.get("signature").is_none());
        let errors = answer["errors"].as_array().unwrap();
        for error in errors {
            assert_eq!((&error["code"], &error["message"]), (&json!(code), &message(code).into()));
        }
        let named: Vec<&str> = errors.iter().filter_map(|error| error["field"].as_str()).collect();
        assert_eq!(&named, fields, "{path} {body}");
    }
    let status = world.status("X1").await.verified();
    assert_eq!(status["payment"]["status"], "error", "nothing was registered");
}

fn message(code: &str) -> &'static str {
    match code {
        "702" => "Malformed request",
        "2003" => "Invalid JSON string",
        "2004" => "Required field not provided",
        "2442" => "Project ID not found",
        "2541" => "Unknown Payment Method",
        "3023" => "Provided currency disabled for Project ID",
        "3024" => "Invalid Payment ID",
        "3121" => "Invalid currency",
        "3261" => "Invalid signature",
        "3262" => "Empty signature",
        other => panic!("no message for {other}"),
    }
}

#[tokio::test]
async fn without_json_a_project_and_a_right_signature_nothing_is_looked_at() {
    let world = World::new().await;
    let sale = || world.sale("X1", 10_000, "EUR");
    let changed = |path: &str, value: Value| signed(with(sale(), path, value)).to_string();
    let tampered = |path: &str, value: Value| with(signed(sale()), path, value).to_string();
    let table: [(String, &str, &[&str]); 13] = [
        ("{".into(), "2003", &[]),
        (String::new(), "2003", &[]),
        ("[]".into(), "2004", &["general.project_id"]),
        ("{}".into(), "2004", &["general.project_id"]),
        (tampered("general.project_id", Value::Null), "2004", &["general.project_id"]),
        (changed("general.project_id", json!(2)), "2442", &["general.project_id"]),
        (changed("general.project_id", json!(-1)), "2442", &["general.project_id"]),
        (changed("general.project_id", json!("1")), "702", &["general.project_id"]),
        (sale().to_string(), "3262", &["general.signature"]),
        (tampered("general.signature", json!("")), "3262", &["general.signature"]),
        (tampered("general.signature", json!(1)), "3262", &["general.signature"]),
        (tampered("general.signature", json!("c2VjcmV0")), "3261", &["general.signature"]),
        (tampered("payment.amount", json!(1)), "3261", &["general.signature"]),
    ];
    check_refusals(&world, SALE, &table).await;
    check_refusals(&world, STATUS, &table).await;
}

#[tokio::test]
async fn a_path_without_method_and_flow_is_refused() {
    let world = World::new().await;
    for path in ["wallet/NONE/sale", "wallet/jeton/refund", "wallet/jeton", "sale"] {
        let sale = signed(world.sale("X1", 10_000, "EUR")).to_string();
        check_refusals(&world, &format!("/v2/payment/{path}"), &[(sale, "2541", &[])]).await;
    }
}

#[tokio::test]
async fn every_field_that_is_missing_or_wrong_is_named() {
    let world = World::new().await;
    let sale = || world.sale("X1", 10_000, "EUR");
    let changed = |path: &str, value: Value| signed(with(sale(), path, value)).to_string();
    let without = |path: &str| changed(path, Value::Null);
    let bare = json!({"general": sale()["general"], "customer": {"ip_address": ""}});
    let script = json!("javascript:alert(1)");
    let all: &[&str] = &[
        "payment.amount",
        "payment.currency",
        "customer.id",
        "customer.ip_address",
        "return_url.success",
        "return_url.decline",
    ];
    let table: [(String, &str, &[&str]); 14] = [
        (signed(bare).to_string(), "2004", all),
        (without("general.payment_id"), "2004", &["general.payment_id"]),
        (without("payment.amount"), "2004", &["payment.amount"]),
        (without("customer.id"), "2004", &["customer.id"]),
        (changed("customer.id", json!(7)), "702", &["customer.id"]),
        (changed("payment.description", json!([])), "702", &["payment.description"]),
        (changed("return_url.success", script), "702", &["return_url.success"]),
        (changed("general.payment_id", json!("x".repeat(256))), "3024", &["general.payment_id"]),
        (changed("general.payment_id", json!(5)), "3024", &["general.payment_id"]),
        (changed("payment.currency", json!("eur")), "3121", &["payment.currency"]),
        (changed("payment.currency", json!("MYR")), "3023", &["payment.currency"]),
        (changed("payment.amount", json!(0)), "702", &["payment.amount"]),
        (changed("payment.amount", json!("100")), "702", &["payment.amount"]),
        (changed("payment.amount", json!(10.5)), "702", &["payment.amount"]),
    ];
    check_refusals(&world, SALE, &table).await;
    let without_id = signed(json!({"general": {"project_id": 1}})).to_string();
    let table: [(String, &str, &[&str]); 1] = [(without_id, "2004", &["general.payment_id"])];
    check_refusals(&world, STATUS, &table).await;
}

#[tokio::test]
async fn the_first_thing_that_is_wrong_is_the_answer() {
    let world = World::new().await;
    let mut request = world.sale("X1", 10_000, "EUR");
    request["customer"] = json!({});
    request["payment"]["currency"] = json!("MYR");
    let mut request = signed(request);
    request["general"]["signature"] = json!("wrong");
    let code = async |path: &str, request: Value| {
        world.post(path, request.to_string()).await.json()["code"].clone()
    };
    assert_eq!(code("/v2/payment/NONE/sale", request.clone()).await, "3261");
    assert_eq!(code("/v2/payment/NONE/sale", signed(request.clone())).await, "2541");
    assert_eq!(code(SALE, signed(request.clone())).await, "2004");
    request["customer"] = json!({"id": "1", "ip_address": "192.0.2.1"});
    assert_eq!(code(SALE, signed(request)).await, "3023");
}

#[tokio::test]
async fn a_registered_request_is_answered_with_its_ids() {
    let world = World::new().await;
    let answer = world.send(SALE, world.sale("X/1", 10_000, "EUR")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header(header::CONTENT_TYPE), "application/json");
    insta::assert_snapshot!(answer.text, @r#"{"status":"success","request_id":"78f51f49a25d63e7a89457a97051852ac3c441db-00000001","project_id":1,"payment_id":"X\/1"}"#);
}

#[tokio::test]
async fn a_payment_id_is_taken_once_for_all_flows_and_only_by_what_was_registered() {
    let world = World::new().await;
    let mut incomplete = world.sale("X1", 10_000, "EUR");
    incomplete["payment"]["currency"] = json!("MYR");
    assert_eq!(world.send(SALE, incomplete).await.json()["code"], "3023");

    assert_eq!(world.send(SALE, world.sale("X1", 10_000, "EUR")).await.status, StatusCode::OK);
    for (path, request) in
        [(SALE, world.sale("X1", 20_000, "USD")), (PAYOUT, world.payout("X1", 1))]
    {
        let answer = world.send(path, request).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        let answer = answer.json();
        assert_eq!(answer["code"], "3041");
        assert_eq!(answer["message"], "Payment ID already exists");
        assert_eq!(answer["errors"][0]["field"], "general.payment_id");
        assert_eq!((&answer["project_id"], &answer["payment_id"]), (&json!(1), &json!("X1")));
    }
    assert_eq!(world.send(SALE, world.sale("x1", 10_000, "EUR")).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_requests_at_the_same_moment_one_is_registered() {
    let mut world = World::new().await;
    let request = signed(world.payout("X1", 10_000)).to_string();
    let requests: Vec<_> = (0..16)
        .map(|_| {
            let router = world.sandbox.router();
            let request = Request::post(PAYOUT).body(Body::from(request.clone())).unwrap();
            tokio::spawn(async move { router.oneshot(request).await.unwrap().status() })
        })
        .collect();
    let mut registered = 0;
    for request in requests {
        registered += u32::from(request.await.unwrap() == StatusCode::OK);
    }
    assert_eq!(registered, 1);
    world.shop.next().await.verified();
    assert_eq!(world.shop.others(), []);
}

#[tokio::test]
async fn the_status_of_refusals_can_be_chosen() {
    let world = World::with(|config| config.error_status(StatusCode::OK)).await;
    let answer = world.post(SALE, "{").await;
    assert_eq!((answer.status, &answer.json()["code"]), (StatusCode::OK, &json!("2003")));
}

#[tokio::test]
async fn what_is_no_gate_request_gets_a_plain_http_error() {
    let world = World::new().await;
    let get = Request::get(SALE).body(Body::empty()).unwrap();
    let answer = world.call(get).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.header(header::ALLOW), "POST");

    for path in ["/v2", "/v2/payment", "/v2/payment/", "/v1/payment/wallet/jeton/sale"] {
        assert_eq!(world.post(path, "{}").await.status, StatusCode::NOT_FOUND, "{path}");
    }

    let largest = "x".repeat(256 << 10);
    assert_eq!(world.post(SALE, largest.clone()).await.status, StatusCode::BAD_REQUEST);
    let answer = world.post(SALE, largest + "x").await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn hostile_documents_are_refused_quietly() {
    let world = World::new().await;
    let key = "k".repeat(100_000);
    let wide = format!("{{\"{key}\":[{}0]}}", "0,".repeat(50_000));
    let deep = "[".repeat(100_000);
    let deep_objects = "{\"a\":".repeat(40_000);
    for body in [wide, deep, deep_objects, "\u{feff}{}".to_owned()] {
        let answer = world.post(SALE, body).await;
        assert_eq!(answer.json()["code"], "2003");
    }
    let answer = world.post(SALE, vec![b'"', 0xff, b'"']).await;
    assert_eq!(answer.json()["code"], "2003");
}
