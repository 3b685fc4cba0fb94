use ecp_core::{ProjectId, Sensitive};
use ecp_sandbox::Project;
use http::StatusCode;
use serde_json::json;

use crate::refund::{partner_sale, refund};
use crate::support::{PAYOUT, STATUS, World, pretty, signed};

#[tokio::test]
async fn the_status_follows_the_payment_and_is_signed() {
    let mut world = World::new().await;
    let page = world.sale_up_to_redirect(world.sale("X1", 20_400, "EUR")).await;
    let before = world.status("X1").await;
    assert_eq!(before.status, StatusCode::OK);
    let before = before.verified();
    assert_eq!(before["payment"]["status"], "awaiting redirect result");
    assert_eq!(before.get("account"), None);

    world.press(&page, "success").await;
    let after = world.status("X1").await.verified();
    insta::assert_snapshot!("status_success", pretty(&after));
    let callback = world.shop.next().await.verified();
    assert_eq!(after["operations"], json!([callback["operation"]]));
}

#[tokio::test]
async fn an_unknown_payment_has_status_error_and_code_3061() {
    let world = World::new().await;
    let answer = world.status("never").await;
    assert_eq!(answer.status, StatusCode::OK);
    let mut answer = answer.verified();
    answer.as_object_mut().unwrap().remove("signature");
    assert_eq!(
        answer,
        json!({
            "project_id": 1,
            "payment": {"id": "never", "status": "error"},
            "errors": [{"code": "3061", "message": "Transaction not found"}],
        })
    );
}

#[tokio::test]
async fn a_status_request_needs_a_right_signature() {
    let world = World::new().await;
    let mut request = signed(json!({"general": {"project_id": 1, "payment_id": "X1"}}));
    request["general"]["payment_id"] = json!("X2");
    let answer = world.post(STATUS, request.to_string()).await;
    assert_eq!((answer.status, &answer.json()["code"]), (StatusCode::BAD_REQUEST, &json!("3261")));
}

const REQUEST: &str = "/v2/payment/status/request";

#[tokio::test]
async fn a_request_can_be_asked_for_by_its_id() {
    let mut world = World::new().await;
    partner_sale(&mut world, "X1").await;
    let path = "/v2/payment/wallet-partner/refund";
    let refund = world.send(path, refund("X1", json!({"description": "-"}))).await;
    let payout = world.send(PAYOUT, world.payout("X2", 10_000)).await;
    for (registered, payment_id) in [(refund, "X1"), (payout, "X2")] {
        let request_id = registered.json()["request_id"].clone();
        let answer = world.send(REQUEST, json!({"project_id": 1, "request_id": request_id})).await;
        assert_eq!((answer.status, &answer.text), (StatusCode::OK, &registered.text));
        assert_eq!(answer.json()["payment_id"], payment_id);
    }
}

#[tokio::test]
async fn a_request_that_is_not_known_or_not_asked_for_rightly_is_an_error() {
    let world = World::new().await;
    let refused = world.post(REQUEST, "{").await.json();
    let table = [
        (json!({"project_id": 1, "request_id": "never"}), "3061", "request_id"),
        (json!({"project_id": 1, "request_id": refused["request_id"]}), "3061", "request_id"),
        (json!({"project_id": 1}), "2004", "request_id"),
        (json!({"project_id": 1, "request_id": 1}), "702", "request_id"),
        (json!({"project_id": 2, "request_id": "never"}), "2442", "project_id"),
        (json!({"request_id": "never"}), "2004", "project_id"),
    ];
    for (request, code, field) in table {
        let answer = world.send(REQUEST, request.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{request}");
        let answer = answer.json();
        assert_eq!((&answer["code"], &answer["errors"][0]["field"]), (&json!(code), &json!(field)));
    }
    for (signature, code) in [(json!(""), "3262"), (json!("wrong"), "3261")] {
        let request = json!({"project_id": 1, "request_id": "never", "signature": signature});
        let answer = world.post(REQUEST, request.to_string()).await.json();
        assert_eq!((&answer["code"], &answer["project_id"]), (&json!(code), &json!(1)));
    }
}

#[tokio::test]
async fn a_request_of_another_project_is_not_known() {
    let other = Sensitive::new("other".to_owned());
    let project = Project::new(ProjectId::new(2).unwrap(), other.clone());
    let world = World::with(|config| config.project(project)).await;
    let registered = world.send(PAYOUT, world.payout("X1", 10_000)).await.json();
    let mut request = json!({"project_id": 2, "request_id": registered["request_id"]});
    request["signature"] = ecp_sandbox::signature::sign(&other, &request).into();
    assert_eq!(world.post(REQUEST, request.to_string()).await.json()["code"], "3061");
}
