use std::collections::BTreeMap;

use axum::body::Body;
use ecp_sandbox::{Config, EventKind, Fault, FaultRule, RefundOperation};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::outside::{self, GENEROUS};
use crate::support::{World, pretty, signed};

const SALE: &str = "/v2/payment/wallet-partner/sale";
const REFUND: &str = "/v2/payment/wallet-partner/refund";

/// A sale of 100.00 with a method that gives parts back, up to its success.
pub(crate) async fn generous_sale(world: &mut World, id: &str) {
    let sale = world.sale(id, 10_000, "EUR");
    let page = world.sale_at(&format!("{GENEROUS}/sale"), sale).await;
    world.press(&page, "success").await;
    assert_eq!(world.shop.next().await.verified()["payment"]["status"], "success");
}

/// A sale of 350.00 with a method that gives back all or nothing.
pub(crate) async fn partner_sale(world: &mut World, id: &str) {
    let mut sale = world.sale(id, 35_000, "INR");
    for (name, value) in [
        ("first_name", "Mary"),
        ("last_name", "Smith"),
        ("phone", "1234567890"),
        ("email", "smith@example.com"),
    ] {
        sale["customer"][name] = json!(value);
    }
    let page = world.sale_at(SALE, sale).await;
    world.press(&page, "success").await;
    assert_eq!(world.shop.next().await.verified()["payment"]["status"], "success");
}

pub(crate) fn refund(id: &str, payment: impl Into<Value>) -> Value {
    let general = json!({"project_id": Config::DEMO_PROJECT, "payment_id": id});
    let mut request = json!({"general": general});
    request["payment"] = payment.into();
    request
}

/// Sends a refund that is registered, and receives what became of it.
async fn refunded(world: &mut World, path: &str, request: Value) -> Value {
    let answer = world.send(path, request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let last = world.shop.next().await.verified();
    assert_eq!(last["operation"]["request_id"], answer.json()["request_id"]);
    last
}

#[tokio::test]
async fn what_a_refund_in_error_may_have_given_back_is_not_given_back_again() {
    let mut world = outside::world().await;
    generous_sale(&mut world, "X1").await;
    let rule = world.sandbox.add_fault(FaultRule::new(Fault::EndInError));
    let part = |amount: i64| {
        refund("X1", json!({"amount": amount, "currency": "EUR", "description": "back"}))
    };
    let path = format!("{GENEROUS}/refund");
    let last = refunded(&mut world, &path, part(6_000)).await;
    assert_eq!(last["operation"]["status"], "internal error");
    assert_eq!(last["payment"]["status"], "success");
    assert!(world.sandbox.remove_fault(rule));
    // 60.00 of 100.00 may have gone back, so 60.00 more are too much and 40.00 are not.
    let last = refunded(&mut world, &path, part(6_000)).await;
    assert_eq!(last["operation"]["status"], "decline");
    assert_eq!(last["operation"]["code"], "3283");
    let last = refunded(&mut world, &path, part(4_000)).await;
    assert_eq!(last["operation"]["status"], "success");
    let answer = world.send(&path, part(1)).await;
    assert_eq!(answer.json()["code"], "3060", "{}", answer.text);
}

#[tokio::test]
async fn a_refund_goes_from_request_to_refunded() {
    let mut world = World::new().await;
    partner_sale(&mut world, "TEST_554862").await;
    world.clock.advance(std::time::Duration::from_mins(16));
    let request = refund(
        "TEST_554862",
        json!({"description": "test_refund", "merchant_refund_id": "TEST_554862"}),
    );
    let last = refunded(&mut world, REFUND, request).await;
    insta::assert_snapshot!("refund_success", pretty(&last));
    let status = world.status("TEST_554862").await.verified();
    insta::assert_snapshot!("refund_status", pretty(&status));
}

#[tokio::test]
async fn a_refund_above_the_sale_is_declined_and_changes_nothing() {
    let mut world = World::new().await;
    partner_sale(&mut world, "TEST_554863").await;
    let sum = json!({"description": "test_refund", "amount": 35_001, "currency": "INR"});
    let last = refunded(&mut world, REFUND, refund("TEST_554863", sum)).await;
    insta::assert_snapshot!("refund_decline", pretty(&last));

    let last = refunded(&mut world, REFUND, refund("TEST_554863", json!({"description": "all"})));
    assert_eq!(last.await["payment"]["status"], "refunded", "it can still be refunded");
}

#[tokio::test]
async fn what_the_payment_cannot_bear_is_declined_by_callback() {
    let mut world = outside::world().await;
    generous_sale(&mut world, "X1").await;
    partner_sale(&mut world, "X2").await;
    let generous = format!("{GENEROUS}/refund");
    let table = [
        (&*generous, "X1", 10_001, "EUR", "3283", "Refund amount more than init amount"),
        (&generous, "X1", 10_000, "USD", "3284", "Refund currency mismatched or empty"),
        (&generous, "X1", 99, "EUR", "3358", "Operation amount is less than limit"),
        (&generous, "X1", 5_001, "EUR", "2642", "Operation amount is greater than limit"),
        (REFUND, "X2", 1, "INR", "3609", "Operation amount must be equal to the initial amount"),
        (
            REFUND,
            "X2",
            34_999,
            "INR",
            "3609",
            "Operation amount must be equal to the initial amount",
        ),
        (REFUND, "X2", 35_000, "EUR", "3284", "Refund currency mismatched or empty"),
    ];
    for (path, id, amount, currency, code, message) in table {
        let before = world.status(id).await.verified();
        let sum = json!({"amount": amount, "currency": currency, "description": "-"});
        let last = refunded(&mut world, path, refund(id, sum)).await;
        let operation = &last["operation"];
        assert_eq!((&operation["status"], &operation["code"]), (&json!("decline"), &json!(code)));
        assert_eq!(operation["message"], message);
        assert_eq!(operation["sum_initial"], json!({"amount": amount, "currency": currency}));
        assert_eq!((operation.get("provider"), last.get("errors")), (None, None));
        assert_eq!(last["payment"]["status"], "success", "{code}");
        assert_eq!(last["payment"]["sum"], before["payment"]["sum"], "{code}");
    }
}

#[tokio::test]
async fn refunds_of_parts_add_up() {
    let path = format!("{GENEROUS}/refund");
    let mut world = outside::world().await;
    generous_sale(&mut world, "X1").await;
    let table = [
        (Some(3_000), "success", "partially refunded", 7_000),
        (Some(2_500), "success", "partially refunded", 4_500),
        (Some(4_501), "decline", "partially refunded", 4_500),
        (None, "success", "refunded", 0),
    ];
    for (amount, operation, payment, left) in table {
        let sum = amount.map(|amount| json!({"amount": amount, "currency": "EUR"}));
        let request = refund("X1", sum.unwrap_or_else(|| json!({})));
        let last = refunded(&mut world, &path, request).await;
        assert_eq!(last["operation"]["status"], operation, "{amount:?}");
        assert_eq!(last["payment"]["status"], payment, "{amount:?}");
        assert_eq!(last["payment"]["sum"], json!({"amount": left, "currency": "EUR"}));
    }
    let again = world.send(&path, refund("X1", json!({}))).await;
    assert_eq!(again.json()["code"], "3060");

    let status = world.status("X1").await.verified();
    assert_eq!(status["payment"]["status"], "refunded");
    let operations: Vec<_> = status["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|operation| {
            let text = |name: &str| operation[name].as_str().unwrap();
            (text("type"), text("status"), operation["sum_initial"]["amount"].as_i64().unwrap())
        })
        .collect();
    assert_eq!(
        operations,
        [
            ("sale", "success", 10_000),
            ("refund", "success", 3_000),
            ("refund", "success", 2_500),
            ("refund", "decline", 4_501),
            ("refund", "success", 4_500),
        ]
    );
    let ids: BTreeMap<_, _> = status["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|operation| (operation["id"].as_u64(), operation["request_id"].as_str()))
        .collect();
    assert_eq!(ids.len(), 5, "every operation has its own id");
}

#[tokio::test]
async fn refunds_can_be_reversals() {
    let mut world = World::with(|config| {
        config.registry(outside::registry()).refund_operation(RefundOperation::Reversal)
    })
    .await;
    generous_sale(&mut world, "X1").await;
    for (amount, status) in [(5_000, "partially reversed"), (5_000, "reversed")] {
        let sum = json!({"amount": amount, "currency": "EUR"});
        let last = refunded(&mut world, &format!("{GENEROUS}/refund"), refund("X1", sum)).await;
        assert_eq!(last["operation"]["type"], "reversal");
        assert_eq!(last["operation"]["status"], "success");
        assert_eq!(last["payment"]["status"], status);
    }
}

#[tokio::test]
async fn any_code_can_be_had_for_a_declined_refund() {
    for (code, message) in [
        (3288, "Refund prohibited on disputed transaction"),
        (3289, "The operation amount is less than fix fee of tariff"),
        (903, "Exceeded allowed amount for refund"),
        (10706, "Refund unavailable for current operation"),
    ] {
        let mut world = World::with(|config| config.decline_refunds(code)).await;
        partner_sale(&mut world, "X1").await;
        let last = refunded(&mut world, REFUND, refund("X1", json!({"description": "x"}))).await;
        assert_eq!(last["operation"]["status"], "decline");
        assert_eq!(last["operation"]["code"], code.to_string());
        assert_eq!(last["operation"]["message"], message);
        assert_eq!(last["payment"]["status"], "success");
        assert_eq!(last["payment"]["sum"]["amount"], 35_000);
    }
}

#[tokio::test]
async fn a_refund_is_reported_to_its_own_address_first() {
    let mut world = World::new().await;
    partner_sale(&mut world, "X1").await;
    let mut request = refund("X1", json!({"description": "-"}));
    let own = world.shop.url.replace("/callback", "/refunds");
    request["general"]["merchant_callback_url"] = own.into();
    assert_eq!(world.send(REFUND, request).await.status, StatusCode::OK);
    let callback = world.shop.next().await;
    assert_eq!(callback.path, "/refunds");
    assert_eq!(callback.verified()["payment"]["status"], "refunded");
}

#[tokio::test]
async fn a_refund_can_be_read_as_a_timeline() {
    let mut world = World::new().await;
    partner_sale(&mut world, "X1").await;
    let sum = json!({"description": "-", "amount": 1, "currency": "INR"});
    refunded(&mut world, REFUND, refund("X1", sum)).await;
    refunded(&mut world, REFUND, refund("X1", json!({"description": "-"}))).await;
    let story: Vec<String> = world
        .sandbox
        .events()
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::PaymentChanged(status) => Some(format!("payment {status}")),
            EventKind::RefundChanged { status, .. } => Some(format!("refund {status}")),
            _ => None,
        })
        .skip(3)
        .collect();
    assert_eq!(
        story,
        [
            "refund processing",
            "refund decline",
            "refund processing",
            "refund success",
            "payment refunded",
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_refunds_at_the_same_moment_no_more_than_the_payment_goes_back() {
    // The same refund sent again and again, and refunds that know nothing of one another.
    for (id, part, most) in [(true, 3_000, 1), (false, 3_000, 3)] {
        let mut world = outside::world().await;
        generous_sale(&mut world, "X1").await;
        let mut sum = json!({"amount": part, "currency": "EUR"});
        if id {
            sum["merchant_refund_id"] = json!("R1");
        }
        let body = signed(refund("X1", sum)).to_string();
        let requests: Vec<_> = (0..16)
            .map(|_| {
                let request = Request::post(format!("{GENEROUS}/refund"));
                let request = request.body(Body::from(body.clone())).unwrap();
                let router = world.sandbox.router();
                tokio::spawn(async move { router.oneshot(request).await.unwrap().status() })
            })
            .collect();
        let mut registered = 0;
        for request in requests {
            registered += usize::from(request.await.unwrap() == StatusCode::OK);
        }
        let mut done = 0;
        for _ in 0..registered {
            let callback = world.shop.next().await.verified();
            done += u32::from(callback["operation"]["status"] == "success");
        }
        assert_eq!((done, world.shop.others().len()), (most, 0));
        let left = 10_000 - i64::from(most) * part;
        let status = world.status("X1").await.verified();
        assert_eq!(status["payment"]["sum"]["amount"], left);
    }
}
