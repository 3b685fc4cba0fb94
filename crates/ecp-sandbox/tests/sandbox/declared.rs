//! Whatever the registry declares is served, whether this crate has heard of it or not.

use ecp_methods::request::Field;
use ecp_methods::spec::Interface;
use ecp_methods::{DynMethod, FlowKind, MethodSpec, Registry};
use ecp_sandbox::Config;
use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{World, set};

/// A value for every field that a method can demand.
fn sample(field: Field) -> Value {
    let table = [
        (Field::AccountNumber, "93017949"),
        (Field::CustomerAddress, "1 High Street"),
        (Field::CustomerCity, "London"),
        (Field::CustomerCountry, "GB"),
        (Field::CustomerDayOfBirth, "31-12-1999"),
        (Field::CustomerEmail, "smith@example.com"),
        (Field::CustomerFirstName, "Mary"),
        (Field::CustomerId, "customer123"),
        (Field::CustomerIpAddress, "192.0.2.1"),
        (Field::CustomerLastName, "Smith"),
        (Field::CustomerPhone, "76575657657676"),
        (Field::CustomerState, "Kent"),
        (Field::CustomerZip, "CT1"),
        (Field::Description, "TEST"),
        (Field::MerchantRefundId, "R1"),
        (Field::ReturnDecline, "https://shop.test/decline"),
        (Field::ReturnNeutral, "https://shop.test/back"),
        (Field::ReturnSuccess, "https://shop.test/success"),
    ];
    let found = table.into_iter().find(|&(known, _)| known == field);
    found.unwrap_or_else(|| panic!("no sample of {field}")).1.into()
}

/// A request with what the rule demands and nothing else.
pub(crate) fn request(
    world: &World,
    spec: &MethodSpec,
    flow: FlowKind,
    sum: Option<(i64, &str)>,
) -> Value {
    let mut request = json!({
        "general": {
            "project_id": Config::DEMO_PROJECT,
            "payment_id": "X1",
            "merchant_callback_url": world.shop.url,
        },
    });
    if let Some((amount, currency)) = sum {
        request["payment"] = json!({"amount": amount, "currency": currency});
    }
    for &field in spec.rule(flow).unwrap().needed_fields() {
        set(&mut request, field.path(), sample(field));
    }
    request
}

pub(crate) fn path(spec: &MethodSpec, flow: FlowKind) -> String {
    format!("/v2/payment/{}/{flow}", spec.gate_path().unwrap())
}

fn on_gate(flow: FlowKind) -> Vec<&'static MethodSpec> {
    let registry = Registry::builtin();
    let declared = registry.iter().map(DynMethod::spec).filter(|spec| {
        spec.rule(flow).is_some_and(|rule| rule.interfaces().contains(&Interface::Gate))
    });
    let declared: Vec<_> = declared.collect();
    assert!(!declared.is_empty(), "no method has the {flow}");
    declared
}

/// A whole sale by the button, in the first currency.
async fn sale(world: &mut World, spec: &MethodSpec, button: &str) -> Value {
    let currency = spec.currencies()[0].code();
    let sale = request(world, spec, FlowKind::Sale, Some((10_000, currency)));
    let page = world.sale_at(&path(spec, FlowKind::Sale), sale).await;
    assert_eq!(world.open(&page).await.status, StatusCode::OK);
    world.press(&page, button).await;
    world.shop.next().await.verified()
}

#[tokio::test]
async fn every_declared_sale_succeeds_and_declines_by_its_button() {
    for spec in on_gate(FlowKind::Sale) {
        for (button, code) in [("success", "0"), ("decline", "20000")] {
            let mut world = World::new().await;
            let last = sale(&mut world, spec, button).await;
            assert_eq!(last["payment"]["status"], button, "{}", spec.code());
            assert_eq!(last["payment"]["type"], "purchase");
            assert_eq!(last["payment"]["method"], spec.callback_names()[0]);
            assert_eq!(last["payment"]["sum"]["amount"], 10_000);
            assert_eq!(last["operation"]["type"], "sale");
            assert_eq!(last["operation"]["code"], code, "{}", spec.code());
        }
    }
}

#[tokio::test]
async fn every_declared_currency_is_taken() {
    for spec in on_gate(FlowKind::Sale) {
        for currency in spec.currencies() {
            let world = World::new().await;
            let sum = Some((10_000, currency.code()));
            let sale = request(&world, spec, FlowKind::Sale, sum);
            let answer = world.send(&path(spec, FlowKind::Sale), sale).await;
            assert_eq!(answer.status, StatusCode::OK, "{} {currency}", spec.code());
        }
    }
}

#[tokio::test]
async fn every_declared_payout_succeeds_and_declines_above_its_limit() {
    for spec in on_gate(FlowKind::Payout) {
        let currency = spec.currencies()[0];
        let rule = spec.rule(FlowKind::Payout).unwrap();
        let (_, greatest) = rule.limits(currency).unwrap();
        let above = greatest.minor() + 1;
        for (amount, status, code) in [(10_000, "success", "0"), (above, "decline", "2642")] {
            let mut world = World::new().await;
            let sum = Some((amount, currency.code()));
            let payout = request(&world, spec, FlowKind::Payout, sum);
            let answer = world.send(&path(spec, FlowKind::Payout), payout).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
            let last = world.shop.next().await.verified();
            assert_eq!(last["payment"]["type"], "payout");
            assert_eq!(last["payment"]["status"], status, "{}", spec.code());
            assert_eq!(last["operation"]["code"], code, "{}", spec.code());
        }
    }
}

#[tokio::test]
async fn every_declared_refund_succeeds_and_declines_above_the_sale() {
    for spec in on_gate(FlowKind::Refund) {
        let currency = spec.currencies()[0].code();
        let table = [
            (None, "success", "refunded", "0"),
            (Some((10_000, currency)), "success", "refunded", "0"),
            (Some((10_001, currency)), "decline", "success", "3283"),
        ];
        for (sum, operation, payment, code) in table {
            for path in [path(spec, FlowKind::Refund), "/v2/payment/refund".to_owned()] {
                let mut world = World::new().await;
                sale(&mut world, spec, "success").await;
                let refund = request(&world, spec, FlowKind::Refund, sum);
                let answer = world.send(&path, refund).await;
                assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
                let last = world.shop.next().await.verified();
                assert_eq!(last["operation"]["type"], "refund");
                assert_eq!(last["operation"]["status"], operation, "{}", spec.code());
                assert_eq!(last["payment"]["status"], payment, "{}", spec.code());
                assert_eq!(last["operation"]["code"], code, "{}", spec.code());
            }
        }
    }
}

#[tokio::test]
async fn every_demanded_field_is_demanded() {
    for flow in FlowKind::ALL {
        for spec in on_gate(flow) {
            let mut world = World::new().await;
            let currency = spec.currencies()[0].code();
            let sum = (flow != FlowKind::Refund).then_some((10_000, currency));
            if flow == FlowKind::Refund {
                sale(&mut world, spec, "success").await;
            }
            for &field in spec.rule(flow).unwrap().needed_fields() {
                let mut request = request(&world, spec, flow, sum);
                set(&mut request, field.path(), Value::Null);
                let answer = world.send(&path(spec, flow), request).await.json();
                assert_eq!(answer["code"], "2004", "{} {flow}", spec.code());
                assert_eq!(answer["errors"][0]["field"], field.path(), "{} {flow}", spec.code());
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_declared_is_not_served() {
    let world = World::new().await;
    for method in Registry::builtin().iter() {
        let spec = method.spec();
        for flow in FlowKind::ALL.into_iter().filter(|&flow| spec.rule(flow).is_none()) {
            let sum = Some((10_000, spec.currencies()[0].code()));
            let sale = request(&world, spec, FlowKind::Sale, sum);
            let answer = world.send(&path(spec, flow), sale).await.json();
            assert_eq!(answer["code"], "2541", "{} {flow}", spec.code());
        }
    }
}

#[tokio::test]
async fn an_amount_of_0_is_taken_where_the_rule_says_so() {
    for flow in [FlowKind::Sale, FlowKind::Payout] {
        for spec in on_gate(flow) {
            let world = World::new().await;
            let allowed = spec.rule(flow).unwrap().allows_zero_amount();
            for (amount, taken) in [(-1, false), (0, allowed)] {
                let sum = Some((amount, spec.currencies()[0].code()));
                let answer = world.send(&path(spec, flow), request(&world, spec, flow, sum)).await;
                assert_eq!(answer.status == StatusCode::OK, taken, "{} {amount}", spec.code());
                if !taken {
                    let answer = answer.json();
                    assert_eq!(answer["code"], "702");
                    assert_eq!(answer["errors"][0]["field"], "payment.amount");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_rule_without_limits_declines_no_amount() {
    let unlimited = |spec: &&MethodSpec| {
        spec.rule(FlowKind::Sale).unwrap().limits(spec.currencies()[0]).is_none()
    };
    for spec in on_gate(FlowKind::Sale).into_iter().filter(unlimited) {
        for amount in [1, i64::MAX] {
            let mut world = World::new().await;
            let sum = Some((amount, spec.currencies()[0].code()));
            let sale = request(&world, spec, FlowKind::Sale, sum);
            let page = world.sale_at(&path(spec, FlowKind::Sale), sale).await;
            world.press(&page, "success").await;
            let last = world.shop.next().await.verified();
            assert_eq!(last["payment"]["status"], "success", "{} {amount}", spec.code());
        }
    }
}
