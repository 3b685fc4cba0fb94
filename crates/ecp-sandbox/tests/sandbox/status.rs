use http::StatusCode;
use serde_json::json;

use crate::support::{STATUS, World, pretty, signed};

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
