use http::StatusCode;
use serde_json::json;

use crate::support::{PAYOUT, World, pretty};

#[tokio::test]
async fn a_payout_ends_without_the_customer() {
    let mut world = World::new().await;
    let answer = world.send(PAYOUT, world.payout("63bc5d64b5a869cb5bf2", 30_000)).await;
    assert_eq!(answer.status, StatusCode::OK);
    let last = world.shop.next().await.verified();
    insta::assert_snapshot!("payout_success", pretty(&last));
}

#[tokio::test]
async fn listed_amounts_decline_a_payout() {
    for (amount, status, code) in [
        (40_000, "decline", "20000"),
        (40_400, "decline", "20000"),
        (20_400, "success", "0"),
        (99, "decline", "3358"),
    ] {
        let mut world = World::new().await;
        world.send(PAYOUT, world.payout("X1", amount)).await;
        let last = world.shop.next().await.verified();
        assert_eq!(last["payment"]["status"], status, "{amount}");
        assert_eq!(last["operation"]["code"], code, "{amount}");
        assert_eq!(last["account"]["number"], "93017949", "{amount}");
    }
}

#[tokio::test]
async fn a_payout_needs_the_account() {
    let world = World::new().await;
    let mut payout = world.payout("X1", 30_000);
    payout["account"] = json!({});
    let answer = world.send(PAYOUT, payout).await.json();
    assert_eq!(
        (&answer["code"], &answer["errors"][0]["field"]),
        (&json!("2004"), &json!("account.number"))
    );
}
