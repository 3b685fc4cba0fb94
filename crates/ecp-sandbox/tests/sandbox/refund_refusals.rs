use http::StatusCode;
use serde_json::{Value, json};

use crate::outside::{self, GENEROUS, OPEN};
use crate::refund::{generous_sale, partner_sale, refund};
use crate::support::{PAYOUT, SALE, World};

const GENERIC: &str = "/v2/payment/refund";
const PARTNER: &str = "/v2/payment/wallet-partner/refund";

async fn check(world: &World, path: &str, request: Value, code: &str, field: Option<&str>) {
    let told = request.to_string();
    let answer = world.send(path, request).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {told}");
    let answer = answer.json();
    assert_eq!(answer["code"], code, "{path} {told}");
    assert_eq!(answer["errors"][0]["field"].as_str(), field, "{path} {told}");
}

#[tokio::test]
async fn a_refund_with_a_wrong_form_is_refused_at_once() {
    let mut world = World::new().await;
    partner_sale(&mut world, "X1").await;
    let (amount, currency) = (Some("payment.amount"), Some("payment.currency"));
    let table = [
        (json!({}), "2004", Some("payment.description")),
        (json!({"description": ""}), "2004", Some("payment.description")),
        (json!({"description": 1}), "702", Some("payment.description")),
        (
            json!({"description": "-", "merchant_refund_id": 1}),
            "702",
            Some("payment.merchant_refund_id"),
        ),
        (json!({"description": "-", "amount": 35_000}), "3287", currency),
        (json!({"description": "-", "currency": "INR"}), "3286", amount),
        (json!({"description": "-", "amount": 35_000, "currency": "inr"}), "3121", currency),
        (json!({"description": "-", "amount": 0, "currency": "INR"}), "702", amount),
        (json!({"description": "-", "amount": -1, "currency": "INR"}), "702", amount),
        (json!({"description": "-", "amount": 1.5, "currency": "INR"}), "702", amount),
        (json!({"description": "-", "amount": "1", "currency": "INR"}), "702", amount),
    ];
    for (payment, code, field) in table {
        for path in [PARTNER, GENERIC] {
            check(&world, path, refund("X1", payment.clone()), code, field).await;
        }
    }
    let status = world.status("X1").await.verified();
    assert_eq!(status["operations"].as_array().unwrap().len(), 1, "nothing was registered");
    assert_eq!(world.shop.others(), []);
}

#[tokio::test]
async fn only_payments_of_the_paths_method_are_found() {
    let mut world = outside::world().await;
    generous_sale(&mut world, "X1").await;
    let id = Some("general.payment_id");
    let payment = json!({"description": "-"});
    check(&world, PARTNER, refund("never", payment.clone()), "3061", id).await;
    check(&world, GENERIC, refund("never", payment.clone()), "3061", id).await;
    check(&world, PARTNER, refund("X1", payment), "3061", id).await;
    check(&world, GENERIC, json!({"general": {"project_id": 1}}), "2004", id).await;
}

#[tokio::test]
async fn a_payment_that_is_no_successful_sale_cannot_be_refunded() {
    let mut world = outside::world().await;
    let own = format!("{GENEROUS}/refund");
    let id = Some("general.payment_id");

    let sale = world.sale("X1", 10_000, "EUR");
    let page = world.sale_at(&format!("{GENEROUS}/sale"), sale).await;
    check(&world, &own, refund("X1", json!({})), "3060", id).await;
    world.press(&page, "decline").await;
    check(&world, &own, refund("X1", json!({})), "3060", id).await;

    world.send(&format!("{GENEROUS}/payout"), world.payout("X2", 10_000)).await;
    for path in [&own, GENERIC] {
        check(&world, path, refund("X2", json!({})), "3610", id).await;
    }
}

#[tokio::test]
async fn a_method_without_refunds_on_gate_has_none() {
    let mut world = outside::world().await;
    let id = Some("general.payment_id");
    world.whole_sale(world.sale("X1", 10_000, "EUR"), "success").await;
    check(&world, &SALE.replace("sale", "refund"), refund("X1", json!({})), "2541", None).await;
    check(&world, GENERIC, refund("X1", json!({})), "3610", id).await;

    world.send(PAYOUT, world.payout("X2", 10_000)).await;
    world.shop.next().await;
    check(&world, GENERIC, refund("X2", json!({})), "3610", id).await;

    // This one has refunds, but not here.
    let sale = world.sale("X3", 5_000, "EUR");
    let page = world.sale_at(&format!("{OPEN}/sale"), sale).await;
    world.press(&page, "success").await;
    check(&world, &format!("{OPEN}/refund"), refund("X3", json!({})), "2541", None).await;
    check(&world, GENERIC, refund("X3", json!({})), "3610", id).await;
}

#[tokio::test]
async fn an_id_of_a_refund_is_taken_once_in_the_project() {
    let mut world = outside::world().await;
    generous_sale(&mut world, "X1").await;
    generous_sale(&mut world, "X2").await;
    let own = format!("{GENEROUS}/refund");
    let part = |amount: i64, id: &str| json!({"amount": amount, "currency": "EUR", "merchant_refund_id": id});
    let field = Some("payment.merchant_refund_id");

    // Refused before it is registered, so the id stays free.
    check(
        &world,
        &own,
        refund("X1", json!({"amount": 1, "merchant_refund_id": "R1"})),
        "3287",
        Some("payment.currency"),
    )
    .await;
    for (amount, id, status) in [(1_000, "R1", "success"), (20_000, "R2", "decline")] {
        world.send(&own, refund("X1", part(amount, id))).await;
        let last = world.shop.next().await.verified();
        assert_eq!(last["operation"]["status"], status);
        assert_eq!(last["payment"]["merchant_refund_id"], id);
        check(&world, &own, refund("X1", part(amount, id)), "3230", field).await;
        check(&world, GENERIC, refund("X1", part(1_000, id)), "3230", field).await;
        check(&world, &own, refund("X2", part(1_000, id)), "3230", field).await;
    }
    assert_eq!(world.status("X1").await.verified()["payment"]["sum"]["amount"], 9_000);
    assert_eq!(world.status("X2").await.verified()["payment"]["sum"]["amount"], 10_000);

    // Without an id every request is a refund of its own.
    for left in [8_000, 7_000] {
        let request = refund("X1", json!({"amount": 1_000, "currency": "EUR"}));
        assert_eq!(world.send(&own, request).await.status, StatusCode::OK);
        let last = world.shop.next().await.verified();
        assert_eq!(last["payment"]["sum"]["amount"], left);
        assert_eq!(last["payment"].get("merchant_refund_id"), None);
    }
}

#[tokio::test]
async fn a_repeated_full_refund_is_distinguished_from_a_new_one() {
    let mut world = World::new().await;
    partner_sale(&mut world, "X1").await;
    let all = |id: &str| refund("X1", json!({"description": "-", "merchant_refund_id": id}));
    assert_eq!(world.send(PARTNER, all("R1")).await.status, StatusCode::OK);
    world.shop.next().await;
    check(&world, PARTNER, all("R1"), "3230", Some("payment.merchant_refund_id")).await;
    check(&world, PARTNER, all("R2"), "3060", Some("general.payment_id")).await;
    assert_eq!(world.shop.others(), []);
}

#[tokio::test]
async fn a_payment_bears_100_refunds_and_no_more() {
    let mut world = outside::world().await;
    generous_sale(&mut world, "X1").await;
    generous_sale(&mut world, "X2").await;
    let own = format!("{GENEROUS}/refund");
    let id = Some("general.payment_id");
    let sum = |amount: i64| json!({"amount": amount, "currency": "EUR"});
    // The last one is done: it counts itself, and is not refused for it.
    for place in 1..=100 {
        let (amount, status) = if place < 100 { (10_001, "decline") } else { (1_000, "success") };
        let answer = world.send(&own, refund("X1", sum(amount))).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let last = world.shop.next().await.verified();
        assert_eq!(last["operation"]["status"], status, "{place}");
    }
    let mut with_id = sum(1_000);
    with_id["merchant_refund_id"] = json!("R1");
    for path in [&own, GENERIC] {
        check(&world, path, refund("X1", sum(1_000)), "3285", id).await;
        check(&world, path, refund("X1", sum(10_001)), "3285", id).await;
        check(&world, path, refund("X1", with_id.clone()), "3285", id).await;
    }
    let status = world.status("X1").await.verified();
    assert_eq!(status["operations"].as_array().unwrap().len(), 101);
    assert_eq!(status["payment"]["sum"]["amount"], 9_000);

    // Other payments are not concerned, and the id that was refused is free.
    assert_eq!(world.send(&own, refund("X2", with_id)).await.status, StatusCode::OK);
}
