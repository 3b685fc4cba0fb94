//! Whatever the registry declares is served, whether this crate has heard of it or not.

use ecp_core::{Currency, Money, PaymentId};
use ecp_methods::request::Field;
use ecp_methods::spec::Interface;
use ecp_methods::{DynMethod, MethodSpec, Operation};
use ecp_sandbox::{Config, Decision};
use http::StatusCode;
use serde_json::{Value, json};

use crate::outside;
use crate::support::{World, set, set_answers, set_example};

/// A sandbox that serves all methods that there are.
pub(crate) async fn world() -> World {
    World::with(|config| config.registry(outside::everything())).await
}

/// A request with what the rule demands and nothing else.
pub(crate) fn request(
    world: &World,
    spec: &MethodSpec,
    flow: Operation,
    amount: Option<Money>,
) -> Value {
    let mut request = json!({
        "general": {
            "project_id": Config::DEMO_PROJECT,
            "payment_id": "X1",
        },
    });
    if let Some(amount) = amount {
        request["payment"] =
            json!({"amount": amount.minor(), "currency": amount.currency().code()});
    }
    for &field in spec.rule(flow).map_or(&[][..], |rule| rule.needed_fields()) {
        set_example(&mut request, field);
    }
    if flow == Operation::SALE {
        set_answers(&mut request, spec);
    }
    set(&mut request, Field::CALLBACK_URL.path(), world.shop.url.clone().into());
    request
}

pub(crate) fn path(spec: &MethodSpec, flow: Operation) -> String {
    format!("/v2/payment/{}/{flow}", spec.gate_path().unwrap())
}

pub(crate) fn on_gate(flow: Operation) -> Vec<&'static MethodSpec> {
    let registry = outside::everything();
    let declared = registry.iter().map(DynMethod::spec).filter(|spec| is_on_gate(spec, flow));
    let declared: Vec<_> = declared.collect();
    assert!(!declared.is_empty(), "no method has the {flow}");
    declared
}

fn is_on_gate(spec: &MethodSpec, flow: Operation) -> bool {
    let offered =
        |interface| spec.rule(flow).is_some_and(|rule| rule.interfaces().contains(&interface));
    spec.gate_path().is_some() && offered(Interface::Gate)
}

/// The currency that tests use.
fn currency(spec: &MethodSpec) -> Currency {
    spec.currencies()[0]
}

/// The page at which the customer of a callback decides: the one of a redirect, or of a code that
/// is displayed. Other customers decide without a page.
pub(crate) fn page(callback: &Value) -> Option<&str> {
    let displayed = callback["display_data"].as_array().into_iter().flatten();
    displayed
        .map(|item| &item["data"])
        .chain([&callback["redirect_data"]["url"]])
        .filter_map(Value::as_str)
        .find(|data| data.starts_with("http"))
}

/// An amount that every one of the flows takes. One that means nothing in tests; there may be
/// none, and there is none if the method lacks one of them.
pub(crate) fn plain_amount(
    spec: &MethodSpec,
    flows: &[Operation],
    currency: Currency,
) -> Option<Money> {
    let rules: Vec<_> = flows.iter().map(|&flow| spec.rule(flow)).collect::<Option<_>>()?;
    let limits = rules.iter().map(|rule| rule.limits(currency).minor_units());
    let (least, greatest) = limits
        .fold((1, i64::MAX), |(least, greatest), own| (own.0.max(least), own.1.min(greatest)));
    if least > greatest {
        return None;
    }
    let example = rules[0].example_amount(currency).minor().clamp(least, greatest);
    let minor = (example..=greatest)
        .chain((least..example).rev())
        .find(|&minor| !spec.testing().is_listed(minor))?;
    Some(Money::from_minor(minor, currency))
}

/// An amount of a sale that means nothing in tests.
pub(crate) fn plain_sale(spec: &MethodSpec) -> Option<Money> {
    spec.rule(Operation::SALE)?;
    plain_amount(spec, &[Operation::SALE], currency(spec))
}

/// A whole sale by the button.
pub(crate) async fn sale(
    world: &mut World,
    spec: &MethodSpec,
    amount: Money,
    button: &str,
) -> Value {
    let sale = request(world, spec, Operation::SALE, Some(amount));
    let answer = world.send(&path(spec, Operation::SALE), sale).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let callback = world.shop.next().await.verified();
    if let Some(page) = page(&callback) {
        assert_eq!(world.open(page).await.status, StatusCode::OK);
        world.press(page, button).await;
    } else {
        let decision = if button == "success" { Decision::Success } else { Decision::Decline };
        let id = PaymentId::new("X1").unwrap();
        assert!(world.sandbox.choose(Config::DEMO_PROJECT, &id, decision, None), "{callback}");
    }
    world.shop.next().await.verified()
}

#[tokio::test]
async fn every_declared_sale_succeeds_and_declines_by_its_button() {
    for spec in on_gate(Operation::SALE) {
        let Some(amount) = plain_amount(spec, &[Operation::SALE], currency(spec)) else { continue };
        for (button, code) in [("success", "0"), ("decline", "20000")] {
            let mut world = world().await;
            let last = sale(&mut world, spec, amount, button).await;
            assert_eq!(last["payment"]["status"], button, "{}", spec.code());
            assert_eq!(last["payment"]["type"], "purchase");
            if let Some(&name) = spec.callback_names().first() {
                assert_eq!(last["payment"]["method"], name);
            }
            assert_eq!(last["payment"]["sum"]["amount"], amount.minor());
            assert_eq!(last["operation"]["type"], "sale");
            assert_eq!(last["operation"]["code"], code, "{}", spec.code());
        }
    }
}

#[tokio::test]
async fn every_listed_amount_ends_as_the_spec_says_whatever_the_button() {
    for spec in on_gate(Operation::SALE) {
        let limits = spec.rule(Operation::SALE).unwrap().limits(currency(spec));
        for &minor in spec.testing().declined_amounts() {
            let amount = Money::from_minor(minor, currency(spec));
            if !limits.allow(amount) {
                continue;
            }
            let last = sale(&mut world().await, spec, amount, "success").await;
            assert_eq!(last["payment"]["status"], "decline", "{} {amount}", spec.code());
        }
    }
}

#[tokio::test]
async fn every_declared_currency_is_taken() {
    for flow in [Operation::SALE, Operation::PAYOUT] {
        for spec in on_gate(flow) {
            for &currency in spec.currencies_of(flow) {
                let world = world().await;
                let amount = spec.rule(flow).unwrap().example_amount(currency);
                let request = request(&world, spec, flow, Some(amount));
                let answer = world.send(&path(spec, flow), request).await;
                assert_eq!(answer.status, StatusCode::OK, "{} {currency}", spec.code());
            }
        }
    }
}

#[tokio::test]
async fn every_declared_payout_succeeds_and_declines_beyond_its_limits() {
    for spec in on_gate(Operation::PAYOUT) {
        let currency = spec.currencies_of(Operation::PAYOUT)[0];
        let plain = plain_amount(spec, &[Operation::PAYOUT], currency);
        let mut table: Vec<_> =
            plain.map(|amount| (amount.minor(), "success", "0")).into_iter().collect();
        let limits = spec.rule(Operation::PAYOUT).unwrap().limits(currency);
        if let Some(greatest) = limits.greatest() {
            table.push((greatest.minor() + 1, "decline", "2642"));
        }
        if let Some(least) = limits.least().filter(|least| least.minor() > 1) {
            table.push((least.minor() - 1, "decline", "3358"));
        }
        for (minor, status, code) in table {
            let mut world = world().await;
            let amount = Money::from_minor(minor, currency);
            let payout = request(&world, spec, Operation::PAYOUT, Some(amount));
            let answer = world.send(&path(spec, Operation::PAYOUT), payout).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
            let last = world.shop.next().await.verified();
            assert_eq!(last["payment"]["type"], "payout");
            assert_eq!(last["payment"]["status"], status, "{}", spec.code());
            assert_eq!(last["operation"]["code"], code, "{}", spec.code());
        }
    }
}

/// The methods whose sales can be refunded, all on Gate.
fn refundable() -> impl Iterator<Item = &'static MethodSpec> {
    on_gate(Operation::REFUND).into_iter().filter(|spec| is_on_gate(spec, Operation::SALE))
}

#[tokio::test]
async fn every_declared_refund_succeeds_and_declines_above_the_sale() {
    let both = [Operation::SALE, Operation::REFUND];
    for spec in refundable() {
        let Some(paid) = plain_amount(spec, &both, currency(spec)) else { continue };
        let more = Money::from_minor(paid.minor() + 1, paid.currency());
        let table = [
            (None, "success", "refunded", "0"),
            (Some(paid), "success", "refunded", "0"),
            (Some(more), "decline", "success", "3283"),
        ];
        for (amount, operation, payment, code) in table {
            for path in [path(spec, Operation::REFUND), "/v2/payment/refund".to_owned()] {
                let mut world = world().await;
                sale(&mut world, spec, paid, "success").await;
                let refund = request(&world, spec, Operation::REFUND, amount);
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
    for flow in [Operation::SALE, Operation::PAYOUT, Operation::REFUND] {
        for spec in on_gate(flow) {
            let mut world = world().await;
            let amount = match flow {
                Operation::REFUND => None,
                _ => Some(spec.rule(flow).unwrap().example_amount(currency(spec))),
            };
            let paid = plain_amount(spec, &[Operation::SALE], currency(spec));
            if flow == Operation::REFUND
                && is_on_gate(spec, Operation::SALE)
                && let Some(paid) = paid
            {
                sale(&mut world, spec, paid, "success").await;
            }
            for &field in spec.rule(flow).unwrap().needed_fields() {
                let mut request = request(&world, spec, flow, amount);
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
    let world = world().await;
    for method in outside::everything().iter() {
        let spec = method.spec();
        if spec.gate_path().is_none() {
            continue;
        }
        for flow in Operation::KNOWN.iter().copied().filter(|&flow| !is_on_gate(spec, flow)) {
            let amount = Money::from_minor(1, currency(spec));
            let request = request(&world, spec, flow, Some(amount));
            let answer = world.send(&path(spec, flow), request).await.json();
            assert_eq!(answer["code"], "2541", "{} {flow}", spec.code());
        }
    }
}

#[tokio::test]
async fn an_amount_of_0_is_taken_where_the_rule_says_so() {
    for flow in [Operation::SALE, Operation::PAYOUT] {
        for spec in on_gate(flow) {
            let world = world().await;
            let allowed = spec.rule(flow).unwrap().allows_zero_amount();
            for (minor, taken) in [(-1, false), (0, allowed)] {
                let amount = Some(Money::from_minor(minor, currency(spec)));
                let request = request(&world, spec, flow, amount);
                let answer = world.send(&path(spec, flow), request).await;
                assert_eq!(answer.status == StatusCode::OK, taken, "{} {minor}", spec.code());
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
    for spec in on_gate(Operation::SALE) {
        if spec.rule(Operation::SALE).unwrap().limits(currency(spec)).are_enforced() {
            continue;
        }
        for minor in [1, i64::MAX].into_iter().filter(|&minor| !spec.testing().is_listed(minor)) {
            let mut world = world().await;
            let amount = Money::from_minor(minor, currency(spec));
            let last = sale(&mut world, spec, amount, "success").await;
            assert_eq!(last["payment"]["status"], "success", "{} {amount}", spec.code());
        }
    }
}
