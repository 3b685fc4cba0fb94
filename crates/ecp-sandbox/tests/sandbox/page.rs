use http::{StatusCode, header};
use serde_json::json;

use crate::support::{World, unversioned};

#[tokio::test]
async fn the_page_names_the_payment_and_offers_two_buttons() {
    let mut world = World::new().await;
    let page = world.sale_up_to_redirect(world.sale("X03936", 10_000, "EUR")).await;
    let shown = world.open(&page).await;
    assert_eq!(shown.status, StatusCode::OK);
    assert_eq!(shown.header(header::CONTENT_TYPE), "text/html; charset=utf-8");
    assert_eq!(
        shown.header(header::CONTENT_SECURITY_POLICY),
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' \
         https://shop.test; base-uri 'none'; frame-ancestors 'none'"
    );
    insta::assert_snapshot!("page", unversioned(&shown.text));
}

#[tokio::test]
async fn the_page_of_a_listed_amount_says_that_the_amount_decides() {
    let mut world = World::new().await;
    let page = world.sale_up_to_redirect(world.sale("X1", 40_000, "JPY")).await;
    let shown = world.open(&page).await.text;
    assert!(shown.contains("40000 JPY") && shown.contains("test amounts"), "{shown}");
}

#[tokio::test]
async fn the_page_of_an_ended_payment_shows_the_result() {
    for (decision, result) in [("success", "succeeded"), ("decline", "was declined")] {
        let mut world = World::new().await;
        let page = world.sale_up_to_redirect(world.sale("X1", 10_000, "EUR")).await;
        world.press(&page, decision).await;
        let shown = world.open(&page).await;
        assert_eq!(shown.status, StatusCode::OK);
        assert!(shown.text.contains(result) && !shown.text.contains("<button"), "{}", shown.text);
        assert!(shown.text.contains(&format!("href=\"https://shop.test/{decision}\"")));
    }
}

#[tokio::test]
async fn without_a_return_address_the_customer_sees_the_result() {
    // The method demands both addresses, so take one that does not.
    let mut world = World::with(|config| config.registry(bare::registry())).await;
    let mut sale = world.sale("X1", 10_000, "EUR");
    sale.as_object_mut().unwrap().remove("return_url");
    let answer = world.send("/v2/payment/wallet/bare/sale", sale).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let callback = world.shop.next().await.verified();
    assert_eq!(callback["payment"]["method"], "Bare");
    let page = callback["redirect_data"]["url"].as_str().unwrap().to_owned();

    let returned = world.press(&page, "success").await;
    assert_eq!(returned.status, StatusCode::SEE_OTHER);
    let result = world.open(returned.header(header::LOCATION)).await;
    assert!(result.text.contains("The payment succeeded.") && !result.text.contains("<a "));
    assert!(result.header(header::CONTENT_SECURITY_POLICY).contains("form-action 'self';"));
}

#[tokio::test]
async fn a_neutral_return_address_serves_both_results() {
    for decision in ["success", "decline"] {
        let mut world = World::with(|config| config.registry(bare::registry())).await;
        let mut sale = world.sale("X1", 10_000, "EUR");
        sale["return_url"] = json!({"return": "http://shop.test/back"});
        world.send("/v2/payment/wallet/bare/sale", sale).await;
        let callback = world.shop.next().await.verified();
        let page = callback["redirect_data"]["url"].as_str().unwrap();
        let returned = world.press(page, decision).await;
        assert_eq!(returned.header(header::LOCATION), "http://shop.test/back");
    }
}

#[tokio::test]
async fn what_the_merchant_sends_is_escaped() {
    let mut world = World::new().await;
    let script = "<script>alert('x')</script>\"&";
    let mut sale = world.sale(script, 10_000, "EUR");
    sale["payment"]["description"] = json!(format!("{script}2"));
    sale["return_url"]["success"] = json!("https://shop.test/?a='x'&b=1");
    let page = world.sale_up_to_redirect(sale).await;
    for _ in 0..2 {
        let shown = world.open(&page).await.text;
        assert!(!shown.contains("<script"), "{shown}");
        assert_eq!(shown.matches("&#60;script&#62;alert(").count(), 2, "{shown}");
        world.press(&page, "success").await;
    }
}

#[tokio::test]
async fn addresses_and_forms_that_mean_nothing_are_refused() {
    let mut world = World::new().await;
    assert_eq!(world.open("/provider/none").await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.press("/provider/none", "success").await.status, StatusCode::NOT_FOUND);
    let page = world.sale_up_to_redirect(world.sale("X1", 10_000, "EUR")).await;
    let answer = world.press(&page, "maybe").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        world.status("X1").await.verified()["payment"]["status"],
        "awaiting redirect result"
    );
    let shown = world.open(&page).await.text;
    let style = shown.split("rel=\"stylesheet\" href=\"").nth(1).unwrap();
    let style = world.open(style.split('"').next().unwrap()).await;
    assert_eq!(style.header(header::CONTENT_TYPE), "text/css; charset=utf-8");
}

mod bare {
    use ecp_core::Currency;
    use ecp_methods::spec::Interface;
    use ecp_methods::{PaymentMethod, Registry, Rule, Sale, Spec, Supports};

    /// A method that demands nothing.
    #[derive(Debug)]
    struct Bare;

    impl Supports<Sale> for Bare {}
    impl PaymentMethod for Bare {
        const SPEC: Spec<Self> = Spec::new("bare", "Bare")
            .gate_path("wallet/bare")
            .currencies(&[Currency::EUR])
            .flow::<Sale>(Rule::new().on(&[Interface::Gate]));
    }

    pub(super) fn registry() -> Registry {
        Registry::empty().with(Bare).unwrap()
    }
}
