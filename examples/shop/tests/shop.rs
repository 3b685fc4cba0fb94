//! The shop against the sandbox, over HTTP, as a customer goes through it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use ecp_core::{Currency, Money, Sensitive};
use ecp_methods::spec::{
    Capability, Interface, RedirectValue, TestItem, TestQuestion, TestStep, Testing,
};
use ecp_methods::{
    EcoVoucher, Jeton, MethodSpec, Operation, PaymentMethod, Registry, Rule, Sale, Spec, Supports,
    TouchNGo, WalletPartner,
};
use ecp_sandbox::{Config, Decision, Fault, FaultRule, signature};
use http::StatusCode;
use serde_json::{Value, json};

use self::common::{Stage, forms, text};

/// Methods that have what these tests need: payouts and refunds of what was sold, test amounts within their
/// limits, vouchers. The shop has every other one as well.
fn named() -> Registry {
    let registry = Registry::empty().with(EcoVoucher).unwrap().with(Jeton).unwrap();
    registry.with(TouchNGo).unwrap().with(WalletPartner).unwrap()
}

/// Those with that flow on Gate, with their first currency and an amount for examples.
fn methods(flow: Operation) -> Vec<(&'static MethodSpec, String, Currency)> {
    methods_of(&named(), flow)
}

fn methods_of(
    registry: &Registry,
    flow: Operation,
) -> Vec<(&'static MethodSpec, String, Currency)> {
    let specs = registry.iter().map(ecp_methods::DynMethod::spec);
    let offered = specs.filter_map(|spec| {
        let rule = spec.rule(flow).filter(|rule| rule.interfaces().contains(&Interface::Gate))?;
        let currency = spec.currencies()[0];
        Some((spec, rule.example_amount(currency).decimal(), currency))
    });
    offered.collect()
}

fn is_confirmed(spec: &MethodSpec) -> bool {
    spec.capabilities().has(Capability::AmountConfirmation)
}

/// A sale that has limits, and whose amount the merchant need not confirm.
fn some_sale() -> (&'static str, String, Currency) {
    let plain = |spec: &MethodSpec, currency| {
        let rule = spec.rule(Operation::SALE);
        rule.is_some_and(|rule| rule.limits(currency).are_enforced()) && !is_confirmed(spec)
    };
    let mut methods = methods(Operation::SALE).into_iter();
    let (spec, amount, currency) =
        methods.find(|&(spec, _, currency)| plain(spec, currency)).unwrap();
    (spec.code(), amount, currency)
}

/// The method whose amounts the merchant confirms.
fn voucher() -> (&'static MethodSpec, Currency) {
    let mut methods = methods(Operation::SALE).into_iter();
    let (spec, _, currency) = methods.find(|(spec, ..)| is_confirmed(spec)).unwrap();
    (spec, currency)
}

/// Paid by a QR code, once the shop has answered what the platform asks.
#[derive(Debug)]
struct Scanned;

impl Supports<Sale> for Scanned {}
impl PaymentMethod for Scanned {
    const SPEC: Spec<Self> = Spec::new("scanned", "Scanned")
        .gate_path("qr/scanned")
        .callback_names(&["Scanned"])
        .currencies(&[Currency::EUR])
        .flow::<Sale>(Rule::new().on(&[Interface::Gate]))
        .testing(
            Testing::new()
                .step(TestStep::Display(&[
                    TestItem::new("qr_data", "QR code", RedirectValue::Page),
                    TestItem::new("add_info", "receiver_account", RedirectValue::Text("<1122>")),
                ]))
                .questions(&[
                    TestQuestion::text("customer", "psu_consent_text").default("I allow this."),
                    TestQuestion::flag("customer", "psu_consent"),
                    TestQuestion::text("customer", "phone"),
                ]),
        );
}

#[tokio::test]
async fn a_customer_answers_what_is_asked_and_pays_by_a_code() {
    let stage = Stage::of(Registry::empty().with(Scanned).unwrap()).await;
    let order = stage.order(&stage.offer("sale", "scanned", "10.00", "EUR").await).await;
    let page = stage.shows(&order, "/answers").await;
    assert!(page.contains("<p>I allow this.</p>"), "{page}");
    let mut form = forms(&page).remove(0);
    assert_eq!(form.get("customer.psu_consent"), Some("true"));
    assert_eq!(form.get("customer.psu_consent_text"), None);
    form.set("customer.phone", "02081234567");
    stage.order(&form).await;

    let page = stage.shows(&order, "<svg").await;
    assert!(page.contains("<dt>receiver account</dt><dd>&#60;1122&#62;</dd>"), "{page}");
    assert_eq!(stage.requests("/payment/clarification"), 1);
    let id = order.rsplit('/').next().unwrap().parse().unwrap();
    assert!(stage.sandbox.choose(Config::DEMO_PROJECT, &id, Decision::Success, None));
    stage.becomes(&order, "paid").await;
    assert!(!text(&stage.get(&order).await).contains("<svg"));
}

/// A callback of the sandbox with changes, signed with the right key.
fn signed(callback: &[u8], change: impl Fn(&mut Value)) -> String {
    let mut callback: Value = serde_json::from_slice(callback).unwrap();
    callback.as_object_mut().unwrap().remove("signature");
    change(&mut callback);
    let key = Sensitive::new(Config::DEMO_KEY.to_owned());
    callback["signature"] = signature::sign(&key, &callback).into();
    callback.to_string()
}

#[tokio::test]
async fn every_method_sells_and_a_decline_is_none() {
    let stage = Stage::set().await;
    let mut credit = Vec::new();
    for (spec, amount, currency) in methods_of(&Registry::builtin(), Operation::SALE) {
        let bought = stage.buy(spec.code(), &amount, currency.code(), "success").await;
        stage.becomes(&bought, "paid").await;
        let declined = stage.buy(spec.code(), &amount, currency.code(), "decline").await;
        stage.becomes(&declined, "failed").await;
        credit.push((currency.code(), amount));
    }
    assert!(!credit.is_empty(), "no method sells through Gate");
    for (currency, amount) in credit {
        let said = stage.credit().await;
        assert!(said.contains(&format!("{amount} {currency}")), "{amount} {currency}: {said}");
    }
}

#[tokio::test]
async fn the_amount_of_vouchers_is_confirmed_against_the_order() {
    let stage = Stage::set().await;
    let (spec, currency) = voucher();
    let vouchers: Vec<i64> = spec.denominations(currency).map(Money::minor).collect();
    let (least, most) = (vouchers[0], vouchers[vouchers.len() - 1]);

    // The customer chooses: what is welcome is what the order is about from then on.
    let form = stage.offer("sale", spec.code(), "", currency.code()).await;
    let order = stage.order(&form).await;
    let page = stage.sent_on(&order).await;
    stage.decide(&page, "success", &[least, least]).await;
    stage.becomes(&order, "paid").await;
    let chosen = Money::from_minor(2 * least, currency);
    assert_eq!(stage.credit().await, chosen.to_string());

    // Three of the greatest are more than the shop takes.
    let form = stage.offer("sale", spec.code(), "", currency.code()).await;
    let order = stage.order(&form).await;
    let page = stage.sent_on(&order).await;
    stage.decide(&page, "success", &[most, most, most]).await;
    stage.becomes(&order, "failed").await;
    assert_eq!(stage.credit().await, chosen.to_string());
}

#[tokio::test]
async fn callbacks_that_come_again_change_nothing() {
    let stage = Stage::set().await;
    let (method, amount, currency) = some_sale();
    let order = stage.buy(method, &amount, currency.code(), "success").await;
    stage.becomes(&order, "paid").await;
    let credit = stage.credit().await;
    for callback in stage.callbacks() {
        for _ in 0..3 {
            assert_eq!(stage.post_callback(callback.clone()).await, StatusCode::OK);
        }
        // The same words with other bytes.
        let again = signed(&callback, |callback| callback["more"] = json!("new"));
        assert_eq!(stage.post_callback(again).await, StatusCode::OK);
    }
    // A decline that comes late.
    let late = signed(&stage.callbacks()[1], |callback| {
        callback["payment"]["status"] = json!("decline");
        callback["operation"]["status"] = json!("decline");
    });
    assert_eq!(stage.post_callback(late).await, StatusCode::OK);
    settle(&stage).await;
    assert_eq!(stage.state(&order).await, "paid");
    assert_eq!(stage.credit().await, credit);
}

/// Has another order go through, so that everything before it was handled.
async fn settle(stage: &Stage) {
    let (method, amount, currency) = some_sale();
    let order = stage.buy(method, &amount, currency.code(), "decline").await;
    stage.becomes(&order, "failed").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
}

#[tokio::test]
async fn a_forged_callback_is_refused_and_one_about_another_amount_is_flagged() {
    let stage = Stage::set().await;
    let (method, amount, currency) = some_sale();
    let order = stage.order(&stage.offer("sale", method, &amount, currency.code()).await).await;
    stage.sent_on(&order).await;
    let first = stage.callbacks().remove(0);
    let success = |callback: &mut Value| {
        callback["payment"]["status"] = json!("success");
        callback["operation"]["status"] = json!("success");
        callback.as_object_mut().unwrap().remove("redirect_data");
    };

    let mut forged: Value = serde_json::from_slice(&first).unwrap();
    success(&mut forged);
    assert_eq!(stage.post_callback(forged.to_string()).await, StatusCode::FORBIDDEN);
    settle(&stage).await;
    assert_eq!(stage.state(&order).await, "pending");

    // Genuine, and about one minor unit instead of the order's amount.
    let other = signed(&first, |callback| {
        success(callback);
        callback["payment"]["sum"]["amount"] = json!(1);
    });
    assert_eq!(stage.post_callback(other).await, StatusCode::OK);
    stage.becomes(&order, "flagged").await;
    assert_eq!(stage.credit().await, "no credit");

    // No later word gets it out of there: that is for a person.
    assert_eq!(stage.post_callback(signed(&first, success)).await, StatusCode::OK);
    settle(&stage).await;
    assert_eq!(stage.state(&order).await, "flagged");
}

#[tokio::test]
async fn an_unknown_outcome_ends_by_asking_and_there_is_one_payment() {
    let stage = Stage::without_callbacks().await;
    let (method, amount, currency) = some_sale();
    stage.wire.answers_to_lose.store(1, Ordering::SeqCst);
    let form = stage.offer("sale", method, &amount, currency.code()).await;
    // The customer sends the form twice, and then again: it is one order, and sent once.
    let (order, same) = tokio::join!(stage.order(&form), stage.order(&form));
    assert_eq!((&stage.order(&form).await, &same), (&order, &order));
    assert_eq!(stage.state(&order).await, "pending");

    stage.post_callback(stage.callback(0).await).await;
    let page = stage.sent_on(&order).await;
    stage.decide(&page, "success", &[]).await;
    stage.callback(1).await;
    assert_eq!(stage.state(&order).await, "pending");
    stage.follow_up_after(1).await;
    assert_eq!(stage.state(&order).await, "paid");
    assert_eq!(stage.credit().await, format!("{amount} {currency}"));
    assert_eq!((stage.requests("/sale"), stage.requests("/v2/payment/status")), (1, 1));
}

#[tokio::test]
async fn a_request_that_was_lost_is_for_a_person() {
    let stage = Stage::set().await;
    let (method, amount, currency) = some_sale();
    stage.wire.requests_to_lose.store(1, Ordering::SeqCst);
    let order = stage.order(&stage.offer("sale", method, &amount, currency.code()).await).await;
    // The platform knows of no such payment, and that is no decline.
    stage.follow_up_after(1).await;
    assert_eq!(stage.state(&order).await, "pending");
    stage.follow_up_after(48).await;
    assert_eq!(stage.state(&order).await, "flagged");
    assert_eq!(stage.requests("/sale"), 0);
}

#[tokio::test]
async fn a_callback_with_two_readings_counts_once_the_platform_says_the_same() {
    let stage = Stage::without_callbacks().await;
    let (method, amount, currency) = some_sale();
    let order = stage.order(&stage.offer("sale", method, &amount, currency.code()).await).await;
    stage.post_callback(stage.callback(0).await).await;
    let page = stage.sent_on(&order).await;
    let ambiguous = |callback: &[u8]| {
        signed(callback, |callback| {
            callback["payment"]["status"] = json!("success");
            callback["payment"]["description"] = json!("x;payment:extra:1");
            callback["operation"]["status"] = json!("success");
            callback.as_object_mut().unwrap().remove("redirect_data");
        })
    };

    // The customer has not paid yet, so the platform has not decided.
    let too_early = ambiguous(&stage.callback(0).await);
    assert_eq!(stage.post_callback(too_early).await, StatusCode::OK);
    while stage.requests("/v2/payment/status") == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(stage.state(&order).await, "pending");

    stage.decide(&page, "success", &[]).await;
    let genuine = ambiguous(&stage.callback(1).await);
    assert_eq!(stage.post_callback(genuine).await, StatusCode::OK);
    stage.becomes(&order, "paid").await;
    // Only the worker has asked.
    assert!(stage.requests("/v2/payment/status") >= 2);
}

#[tokio::test]
async fn where_every_end_is_held_only_what_the_platform_confirms_counts() {
    let mut stage = Stage::holding_every_end().await;
    let (method, amount, currency) = some_sale();
    let order = stage.order(&stage.offer("sale", method, &amount, currency.code()).await).await;
    let page = stage.sent_on(&order).await;
    // Signed with the right key, one reading, and nothing that the platform ever said.
    let forged = signed(&stage.callbacks().remove(0), |callback| {
        callback["payment"]["status"] = json!("success");
        callback["operation"]["status"] = json!("success");
        callback.as_object_mut().unwrap().remove("redirect_data");
    });
    assert_eq!(stage.post_callback(forged).await, StatusCode::OK);
    while stage.requests("/v2/payment/status") == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // A restart forgets nothing that is held.
    stage.stop().await;
    stage.open_again().await;
    stage.serve_again().await;
    assert_eq!(stage.state(&order).await, "pending");
    stage.decide(&page, "decline", &[]).await;
    stage.becomes(&order, "failed").await;

    // While Gate cannot be reached, an end waits.
    let other = stage.order(&stage.offer("sale", method, &amount, currency.code()).await).await;
    let page = stage.sent_on(&other).await;
    stage.wire.requests_to_stop.store(2, Ordering::SeqCst);
    stage.decide(&page, "success", &[]).await;
    stage.becomes(&other, "paid").await;
    assert_eq!(stage.wire.requests_to_stop.load(Ordering::SeqCst), 0);
    assert_eq!(stage.credit().await, format!("{amount} {currency}"));
}

#[tokio::test]
async fn what_the_platform_never_got_is_not_sent_again_by_itself() {
    let stage = Stage::set().await;
    let (method, amount, currency) = some_sale();
    let form = stage.offer("sale", method, &amount, currency.code()).await;

    // It did not leave: the page offers to try again, and then it is sent under the same id.
    stage.wire.requests_to_stop.store(1, Ordering::SeqCst);
    let answer = stage.post(&format!("{}/orders", stage.url), &form.fields).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let again = common::forms(&text(&answer)).remove(0);
    assert_eq!(again.get("id"), form.get("id"));
    let order = format!("{}/orders/{}", stage.url, form.get("id").unwrap());
    assert_eq!(stage.state(&order).await, "unsent");
    stage.follow_up_after(48).await;
    assert_eq!(stage.requests("/sale"), 0);
    assert_eq!(stage.order(&again).await, order);
    stage.sent_on(&order).await;
    assert_eq!(stage.requests("/sale"), 1);
}

#[tokio::test]
async fn what_was_accepted_is_processed_after_a_restart() {
    let mut stage = Stage::set().await;
    let (method, amount, currency) = some_sale();
    let order = stage.order(&stage.offer("sale", method, &amount, currency.code()).await).await;
    let page = stage.sent_on(&order).await;
    stage.stop().await;

    // A shop that takes callbacks in and has no worker.
    stage.open_again().await;
    let listener = stage.listener().await;
    let routes = stage.shop.routes().into_make_service_with_connect_info::<std::net::SocketAddr>();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server =
        axum::serve(listener, routes).with_graceful_shutdown(async { drop(stopped.await) });
    let running = tokio::spawn(server.into_future());
    let mut events = stage.sandbox.subscribe();
    stage.decide(&page, "success", &[]).await;
    while !events.next().await.unwrap().is_delivery() {}
    assert_eq!(stage.state(&order).await, "pending");
    drop(stop);
    running.await.unwrap().unwrap();

    stage.open_again().await;
    stage.serve_again().await;
    stage.becomes(&order, "paid").await;
    assert_eq!(stage.credit().await, format!("{amount} {currency}"));
}

#[tokio::test]
async fn payouts_take_from_the_credit_before_they_are_sent() {
    for (spec, amount, currency) in methods(Operation::PAYOUT) {
        let stage = Stage::set().await;
        let withdraw = || stage.offer("payout", spec.code(), &amount, currency.code());
        let refused = stage.post(&format!("{}/orders", stage.url), &withdraw().await.fields).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(stage.requests("/payout"), 0);

        let bought = stage.buy(spec.code(), &amount, currency.code(), "success").await;
        stage.becomes(&bought, "paid").await;
        // The answer is lost, and the form is sent twice: one payout.
        stage.wire.answers_to_lose.store(1, Ordering::SeqCst);
        let form = withdraw().await;
        let order = stage.order(&form).await;
        assert_eq!(stage.order(&form).await, order);
        stage.becomes(&order, "paid").await;
        assert_eq!((stage.credit().await.as_str(), stage.requests("/payout")), ("no credit", 1));
    }
}

#[tokio::test]
async fn a_declined_payout_gives_the_credit_back() {
    for (spec, _, currency) in methods(Operation::PAYOUT) {
        let stage = Stage::set().await;
        let declined = spec.testing().declined_amounts()[0];
        let declined = Money::from_minor(declined, currency);
        let half = Money::from_minor(declined.minor() / 2, currency);
        for _ in 0..2 {
            let bought = stage.buy(spec.code(), &half.decimal(), currency.code(), "success").await;
            stage.becomes(&bought, "paid").await;
        }
        let form = stage.offer("payout", spec.code(), &declined.decimal(), currency.code()).await;
        let order = stage.order(&form).await;
        stage.becomes(&order, "failed").await;
        assert_eq!(stage.credit().await, declined.to_string());
    }
}

#[tokio::test]
async fn a_paid_sale_is_given_back_once() {
    let methods = methods(Operation::REFUND);
    assert!(!methods.is_empty());
    for (spec, amount, currency) in methods {
        let stage = Stage::set().await;
        let buy = |decision| stage.buy(spec.code(), &amount, currency.code(), decision);
        let (kept, order, failed) =
            (buy("success").await, buy("success").await, buy("decline").await);
        for (order, state) in [(&kept, "paid"), (&order, "paid"), (&failed, "failed")] {
            stage.becomes(order, state).await;
        }
        stage.post(&format!("{failed}/refund"), &[]).await;
        assert_eq!(stage.requests("/refund"), 0);
        // The answer is lost: the refund is not sent again.
        stage.wire.answers_to_lose.store(1, Ordering::SeqCst);
        for _ in 0..3 {
            stage.post(&format!("{order}/refund"), &[]).await;
        }
        stage.becomes(&order, "refunded").await;
        assert_eq!(stage.requests("/refund"), 1);
        assert_eq!(stage.credit().await, format!("{amount} {currency}"));
    }
}

#[tokio::test]
async fn a_refund_in_error_is_for_a_person_and_frees_no_other_id() {
    for (spec, amount, currency) in methods(Operation::REFUND) {
        let stage = Stage::set().await;
        let order = stage.buy(spec.code(), &amount, currency.code(), "success").await;
        stage.becomes(&order, "paid").await;
        stage.sandbox.add_fault(FaultRule::new(Fault::EndInError));
        stage.post(&format!("{order}/refund"), &[]).await;
        stage.becomes(&order, "flagged").await;
        // The money may have gone back: no other refund leaves the shop, and it cannot be spent.
        stage.post(&format!("{order}/refund"), &[]).await;
        assert_eq!((stage.requests("/refund"), stage.credit().await.as_str()), (1, "no credit"));
        assert!(text(&stage.get(&order).await).contains("the refund ended in an error"));
    }
}

#[tokio::test]
async fn a_payout_in_error_is_for_a_person_and_gives_no_credit_back() {
    for (spec, amount, currency) in methods(Operation::PAYOUT) {
        let stage = Stage::set().await;
        let bought = stage.buy(spec.code(), &amount, currency.code(), "success").await;
        stage.becomes(&bought, "paid").await;
        stage.sandbox.add_fault(FaultRule::new(Fault::EndInError));
        let form = stage.offer("payout", spec.code(), &amount, currency.code()).await;
        let order = stage.order(&form).await;
        stage.becomes(&order, "flagged").await;
        assert_eq!(stage.credit().await, "no credit");
    }
}

#[tokio::test]
async fn a_declined_refund_leaves_the_sale_paid_and_can_be_tried_again() {
    for (spec, amount, currency) in methods(Operation::REFUND) {
        let disputed = |config: Config, shop| config.project(shop).decline_refunds(3288);
        let stage = Stage::with(disputed).await;
        let order = stage.buy(spec.code(), &amount, currency.code(), "success").await;
        stage.becomes(&order, "paid").await;
        for attempt in 1..=2 {
            stage.post(&format!("{order}/refund"), &[]).await;
            // Sale: redirect and end. Each refund: its end.
            stage.callback(1 + attempt).await;
            stage.becomes(&order, "paid").await;
            assert_eq!(stage.requests("/refund"), attempt, "each has an id of its own");
        }
        assert!(text(&stage.get(&order).await).contains("declined with code 3288"));
        assert_eq!(stage.credit().await, format!("{amount} {currency}"));
    }
}

#[tokio::test]
async fn what_the_platform_refuses_for_the_shops_own_sake_is_not_sent_and_can_be_sent_again() {
    // It does not know the shop's project, which says nothing about the order.
    let stage = Stage::with(|config, _| config).await;
    let (method, amount, currency) = some_sale();
    let form = stage.offer("sale", method, &amount, currency.code()).await;
    let order = format!("{}/orders/{}", stage.url, form.get("id").unwrap());
    for attempt in 1..=2 {
        let answer = stage.post(&format!("{}{}", stage.url, form.action), &form.fields).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(stage.state(&order).await, "unsent");
        assert_eq!(stage.requests("/sale"), attempt);
    }
    assert!(text(&stage.get(&order).await).contains("2442"));
    stage.follow_up_after(48).await;
    assert_eq!((stage.requests("/sale"), stage.requests("/v2/payment/status")), (2, 0));
}

#[tokio::test]
async fn a_request_that_a_method_does_not_allow_is_refused_and_not_stored() {
    let stage = Stage::set().await;
    let (method, _, currency) = some_sale();
    let form = stage.offer("sale", method, "0.01", currency.code()).await;
    let answer = stage.post(&format!("{}/orders", stage.url), &form.fields).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text(&answer).contains("payment.amount"));
    let order = format!("{}/orders/{}", stage.url, form.get("id").unwrap());
    assert_eq!(stage.get(&order).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(stage.requests("/sale"), 0);
}
