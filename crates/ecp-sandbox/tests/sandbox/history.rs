//! Ids of payments that the history has dropped.

use http::StatusCode;
use serde_json::json;

use crate::outside::{self, GENEROUS};
use crate::refund::{generous_sale, refund};
use crate::support::{PAYOUT, SALE, World};

#[tokio::test]
async fn an_id_that_was_used_is_never_free_again() {
    let mut world = World::with(|config| config.payment_history(2)).await;
    let first = world.send(PAYOUT, world.payout("X0", 10_000)).await.json();
    world.shop.next().await;
    for number in 1..50 {
        world.send(PAYOUT, world.payout(&format!("X{number}"), 10_000)).await;
        world.shop.next().await;
    }
    let before = world.sandbox.balances(ecp_sandbox::Config::DEMO_PROJECT);
    for number in 0..50 {
        let id = format!("X{number}");
        for (path, request) in
            [(PAYOUT, world.payout(&id, 10_000)), (SALE, world.sale(&id, 10_000, "EUR"))]
        {
            let answer = world.send(path, request).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{id}: {}", answer.text);
            assert_eq!(answer.json()["code"], "3041", "{id}");
        }
    }
    world.sandbox.settled().await;
    assert_eq!(world.sandbox.balances(ecp_sandbox::Config::DEMO_PROJECT), before);
    assert_eq!(world.shop.others(), []);

    // What became of it is not known, and an answer that there is none would be untrue.
    let general = json!({"project_id": 1});
    let mut asked = json!({"general": general, "request_id": first["request_id"]});
    asked.as_object_mut().unwrap().remove("general");
    asked["project_id"] = 1.into();
    for answer in [world.status("X0").await, world.send("/v2/payment/status/request", asked).await]
    {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text);
        assert!(answer.text.contains("raise `payment_history`"), "{}", answer.text);
    }
    // Only what was used is taken, and only in its project.
    assert_eq!(world.status("X50").await.json()["payment"]["status"], "error");
    assert_eq!(world.send(PAYOUT, world.payout("X50", 10_000)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_id_of_a_refund_is_never_free_again() {
    let registry = outside::registry();
    let mut world = World::with(|config| config.registry(registry).payment_history(2)).await;
    let path = format!("{GENEROUS}/refund");
    let part = |refund_id: &str| {
        json!({
            "amount": 1_000, "currency": "EUR", "description": "back",
            "merchant_refund_id": refund_id,
        })
    };
    generous_sale(&mut world, "X1").await;
    let answer = world.send(&path, with_shop(&world, refund("X1", part("R1")))).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    world.shop.next().await;
    for id in ["X2", "X3"] {
        generous_sale(&mut world, id).await;
    }
    assert_eq!(world.status("X1").await.status, StatusCode::SERVICE_UNAVAILABLE);
    for (payment, refund_id) in [("X3", "R1"), ("X1", "R1")] {
        for path in [path.as_str(), "/v2/payment/refund"] {
            let answer = world.send(path, refund(payment, part(refund_id))).await;
            assert_eq!(answer.json()["code"], "3230", "{payment}: {}", answer.text);
        }
    }
    for path in [path.as_str(), "/v2/payment/refund"] {
        let answer = world.send(path, refund("X1", part("R2"))).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text);
    }
    assert_eq!(world.send(&path, refund("X3", part("R2"))).await.status, StatusCode::OK);
}

fn with_shop(world: &World, mut request: serde_json::Value) -> serde_json::Value {
    request["general"]["merchant_callback_url"] = world.shop.url.clone().into();
    request
}
