//! A method whose currency the platform counts in major units, and one flow of which has fewer
//! currencies.

use ecp_core::{Currency, Money};
use ecp_methods::request::Field;
use ecp_methods::spec::Interface;
use ecp_methods::{PaymentMethod, Payout, Refund, Registry, Rule, Sale, Spec, Supports};
use ecp_sandbox::{Filter, Paging};
use http::StatusCode;
use serde_json::{Value, json};

use crate::local::Local;
use crate::support::World;

#[derive(Debug)]
struct Forint;

impl Supports<Sale> for Forint {}
impl Supports<Payout> for Forint {}
impl Supports<Refund> for Forint {}
impl PaymentMethod for Forint {
    const SPEC: Spec<Self> = Spec::new("forint", "Forint")
        .gate_path("wallet/forint")
        .callback_names(&["Forint"])
        .currencies(&[Currency::EUR, Currency::HUF])
        .major_units(&[Currency::HUF])
        .flow::<Sale>(Rule::new().amount("1.00", "5000.00").on(&[Interface::Gate]))
        .flow::<Payout>(
            Rule::new()
                .currencies(&[Currency::HUF])
                .on(&[Interface::Gate])
                .needs(&[Field::ACCOUNT_NUMBER]),
        )
        .flow::<Refund>(Rule::new().partial().on(&[Interface::Gate, Interface::Dashboard]));
}

#[tokio::test]
async fn amounts_are_counted_as_the_spec_says_on_every_way() {
    let local = Local::with(|config| config.registry(Registry::empty().with(Forint).unwrap()));
    let payout = |id: &str, number: i64, currency: &str| {
        let mut payout = Local::document(id, number);
        payout["account"]["number"] = "123456".into();
        payout["payment"]["currency"] = currency.into();
        payout
    };
    let path = "/v2/payment/wallet/forint/payout";
    assert_eq!(local.send(path, payout("P1", 300, "HUF")).await.0, StatusCode::OK);
    let payments = local.sandbox.payments(&Filter::default(), Paging::ALL).items;
    assert_eq!(payments[0].amount, Money::from_minor(30_000, Currency::HUF));
    assert_eq!(payments[0].amount.to_string(), "300.00 HUF");
    let callback: Value = serde_json::from_slice(&local.received()[0]).unwrap();
    let sum = json!({"amount": 300, "currency": "HUF"});
    assert_eq!(callback["payment"]["sum"], sum);
    assert_eq!(callback["operation"]["sum_initial"], sum);

    // 5000.00 HUF are within the limits of sales, and the payout has no EUR.
    let mut sale = Local::document("S1", 5_001);
    sale["payment"]["currency"] = "HUF".into();
    let (status, _) = local.send("/v2/payment/wallet/forint/sale", sale).await;
    assert_eq!(
        (status, local.statuses().last().map(String::as_str)),
        (StatusCode::OK, Some("decline"))
    );
    let (status, answer) = local.send(path, payout("P2", 300, "EUR")).await;
    assert_eq!((status, &answer["code"]), (StatusCode::BAD_REQUEST, &json!("3023")));
}

#[tokio::test]
async fn the_dashboard_refunds_a_part_in_the_units_of_the_method() {
    let registry = Registry::empty().with(Forint).unwrap();
    let mut world = World::with(|config| config.registry(registry)).await;
    let page = world.sale_at("/v2/payment/wallet/forint/sale", world.sale("X1", 500, "HUF")).await;
    world.press(&page, "success").await;
    let form = |amount: &str| format!("project=1&id=X1&amount={amount}");
    let refused = world.submit("/dashboard/payment/refund", &form("0.50")).await;
    assert!(refused.text.contains("has a fraction"), "{}", refused.text);
    let refunded = world.submit("/dashboard/payment/refund", &form("100.00")).await;
    assert_eq!(refunded.status, StatusCode::SEE_OTHER, "{}", refunded.text);
    world.sandbox.settled().await;
    let payments = world.sandbox.payments(&Filter::default(), Paging::ALL).items;
    assert_eq!(payments[0].left.to_string(), "400.00 HUF");
}
