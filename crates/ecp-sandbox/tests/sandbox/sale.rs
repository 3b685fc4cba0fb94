use std::time::Duration;

use ecp_sandbox::ButtonRule;
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::support::{SALE, World, pretty};

#[tokio::test]
async fn a_sale_goes_from_request_to_redirect_to_success() {
    let mut world = World::new().await;
    let answer = world.send(SALE, world.sale("X03936", 10_000, "EUR")).await;
    assert_eq!(answer.status, StatusCode::OK);

    let redirect = world.shop.next().await.verified();
    insta::assert_snapshot!("sale_redirect", pretty(&redirect));

    let page = redirect["redirect_data"]["url"].as_str().unwrap();
    assert_eq!(world.open(page).await.status, StatusCode::OK);
    world.clock.advance(Duration::from_secs(31));
    let returned = world.press(page, "success").await;
    assert_eq!(returned.status, StatusCode::SEE_OTHER);
    assert_eq!(returned.header(header::LOCATION), "https://shop.test/success");

    let last = world.shop.next().await.verified();
    insta::assert_snapshot!("sale_success", pretty(&last));
    assert_eq!(last["operation"]["request_id"], answer.json()["request_id"]);
}

#[tokio::test]
async fn a_sale_that_the_customer_declines_ends_in_a_decline() {
    let mut world = World::new().await;
    let (last, returned) = world.whole_sale(world.sale("X1", 10_000, "EUR"), "decline").await;
    assert_eq!(returned.header(header::LOCATION), "https://shop.test/decline");
    insta::assert_snapshot!("sale_decline", pretty(&last));
}

#[tokio::test]
async fn listed_amounts_decide_whatever_the_button() {
    let table = [
        (40_000, "EUR", "success", "decline", false),
        (40_000, "JPY", "success", "decline", false),
        (40_400, "EUR", "success", "decline", true),
        (20_400, "EUR", "decline", "success", true),
        (20_400, "JPY", "success", "success", true),
        (10_000, "EUR", "decline", "decline", false),
    ];
    for (amount, currency, button, status, account) in table {
        let mut world = World::new().await;
        let (last, _) = world.whole_sale(world.sale("X1", amount, currency), button).await;
        assert_eq!(last["payment"]["status"], status, "{amount} {currency}");
        assert_eq!(last["operation"]["status"], status, "{amount} {currency}");
        assert_eq!(last.get("account").is_some(), account, "{amount} {currency}");
    }
}

#[tokio::test]
async fn amounts_alone_can_decide() {
    let mut world = World::with(|config| config.button_rule(ButtonRule::AmountOnly)).await;
    let (last, returned) = world.whole_sale(world.sale("X1", 10_000, "EUR"), "decline").await;
    assert_eq!(last["payment"]["status"], "success");
    assert_eq!(returned.header(header::LOCATION), "https://shop.test/success");
}

#[tokio::test]
async fn amounts_outside_the_limits_are_registered_and_then_declined() {
    let table = [
        (99, "EUR", "3358", "Operation amount is less than limit"),
        (10_000_001, "EUR", "2642", "Operation amount is greater than limit"),
        (100_001, "JPY", "2642", "Operation amount is greater than limit"),
    ];
    for (amount, currency, code, message) in table {
        let mut world = World::new().await;
        let answer = world.send(SALE, world.sale("X1", amount, currency)).await;
        assert_eq!(answer.status, StatusCode::OK);
        let last = world.shop.next().await.verified();
        assert_eq!(last["payment"]["status"], "decline");
        assert_eq!(last["operation"]["code"], code);
        assert_eq!(last["operation"]["message"], message);
        assert_eq!(
            last["errors"],
            json!([{"code": code, "message": message, "field": "payment.amount"}])
        );
        assert_eq!(last.get("redirect_data"), None);
    }
}

#[tokio::test]
async fn deciding_twice_changes_nothing() {
    let mut world = World::new().await;
    let page = world.sale_up_to_redirect(world.sale("X1", 10_000, "EUR")).await;
    assert_eq!(world.press(&page, "decline").await.status, StatusCode::SEE_OTHER);
    let last = world.shop.next().await.verified();
    assert_eq!(last["payment"]["status"], "decline");

    let again = world.press(&page, "success").await;
    assert_eq!(again.header(header::LOCATION), "https://shop.test/decline");
    assert_eq!(world.status("X1").await.verified()["payment"]["status"], "decline");
    assert_eq!(world.shop.others(), []);
}

#[tokio::test]
async fn two_sandboxes_of_one_seed_say_the_same_to_the_byte() {
    async fn story(seed: u64) -> Vec<String> {
        let mut world = World::with(|config| config.seed(seed)).await;
        let mut said = vec![world.post(SALE, "{").await.text];
        for (id, amount) in [("X1", 10_000), ("X2", 20_400)] {
            said.push(world.send(SALE, world.sale(id, amount, "EUR")).await.text);
            let redirect = world.shop.next().await;
            said.push(redirect.text().to_owned());
            let page: Value = redirect.verified();
            let page = page["redirect_data"]["url"].as_str().unwrap();
            said.push(world.open(page).await.text);
            world.press(page, "success").await;
            said.push(world.shop.next().await.text().to_owned());
            said.push(world.status(id).await.text);
        }
        said
    }
    let (one, other, different) = (story(7).await, story(7).await, story(8).await);
    assert_eq!(one, other);
    assert!(one.iter().zip(&different).all(|(a, b)| a != b));
}

#[tokio::test]
async fn callbacks_are_escaped_as_php_does() {
    let mut world = World::new().await;
    let mut sale = world.sale("Ж/1", 10_000, "EUR");
    sale["payment"]["description"] = json!("für 5 €");
    world.send(SALE, sale).await;
    let callback = world.shop.next().await;
    assert!(callback.body.is_ascii());
    assert!(callback.text().contains(r#""url":"http:\/\/sandbox.test\/provider\/"#));
    assert!(callback.text().contains(r#""id":"\u0416\/1""#));
    let callback = callback.verified();
    assert_eq!(callback["payment"]["id"], "Ж/1");
    assert_eq!(callback["payment"]["description"], "für 5 €");
}
