use std::time::{Duration, Instant};

use ecp_core::{Currency, Money, Sensitive};
use ecp_sandbox::{Config, Decision, EventKind, Fault, FaultRule, Project, Sandbox, Schedule};
use http::StatusCode;
use serde_json::json;

use crate::local::{Local, START};
use crate::support::{PAYOUT, SALE, World};

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn eleven_days_of_redelivery_over_a_socket_wait_for_no_real_time() {
    let mut world = World::with(|config| {
        config.virtual_time(START.parse().unwrap()).schedule(Schedule::platform())
    })
    .await;
    world.shop.answer(&[500; 120]);
    world.send(PAYOUT, world.payout("X1", 10_000)).await;
    let begun = Instant::now();
    assert!(world.sandbox.advance(11 * DAY).await);
    world.sandbox.settled().await;
    assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", begun.elapsed());

    let mut due = START.parse::<ecp_core::Timestamp>().unwrap().unix_seconds();
    let mut fraction = Duration::ZERO;
    let mut attempts = 0;
    for event in world.sandbox.events() {
        let EventKind::CallbackAttempted { attempt, retry_in, .. } = event.kind else { continue };
        attempts += 1;
        assert_eq!((attempt, event.at.unix_seconds()), (attempts, due));
        fraction += retry_in.unwrap_or_default();
        due += i64::try_from(fraction.as_secs()).unwrap();
        fraction -= Duration::from_secs(fraction.as_secs());
    }
    assert_eq!(attempts, 120);
    let first = world.shop.next().await;
    assert_eq!(world.shop.others(), vec![first; 119]);
}

#[tokio::test]
async fn a_merchant_that_recovers_gets_the_callback_at_the_next_attempt() {
    let local = Local::new();
    local.answer(StatusCode::INTERNAL_SERVER_ERROR);
    local.send(PAYOUT, Local::document("X1", 10_000)).await;
    local.advance(DAY).await;
    local.answer(StatusCode::OK);
    let before = local.received().len();
    local.advance(DAY).await;
    assert_eq!((local.received().len(), before > 60), (1, true));
}

#[tokio::test]
async fn an_unpaid_sale_is_declined_at_its_cut_off_time() {
    let local = Local::with(|config| config.cut_off(Duration::from_mins(10)).cut_off_code(20_602));
    local.send(SALE, Local::document("X1", 10_000)).await;
    local.advance(Duration::from_secs(599)).await;
    assert_eq!(local.status("X1"), "awaiting redirect result");
    local.advance(Duration::from_secs(1)).await;
    assert_eq!(local.statuses(), ["awaiting redirect result", "decline"]);
    assert_eq!(local.payment("X1").code.as_str(), "20602");
    assert!(!local.choose("X1", Decision::Success));

    local.send(SALE, Local::document("X2", 10_000)).await;
    local.advance(Duration::from_mins(9)).await;
    assert!(local.choose("X2", Decision::Success));
    local.advance(DAY).await;
    assert_eq!(local.status("X2"), "success");
}

#[tokio::test]
async fn a_payout_that_takes_too_long_is_declined_at_its_cut_off_time() {
    let local = Local::with(|config| config.cut_off(Duration::from_mins(10)).cut_off_code(20_602));
    let slow = |minutes| Fault::SlowPayout(Duration::from_mins(minutes));
    for (id, minutes) in [("X1", 20), ("X2", 9)] {
        local.sandbox.add_fault(FaultRule::new(slow(minutes)).payment_id(id));
        local.send(PAYOUT, Local::document(id, 10_000)).await;
    }
    // A sale meets no fault of payouts.
    local.sandbox.add_fault(FaultRule::new(slow(1)).payment_id("X3").times(1));
    local.send(SALE, Local::document("X3", 10_000)).await;
    assert_eq!(local.statuses(), ["awaiting redirect result"]);
    assert_eq!(local.sandbox.faults().len(), 3);
    local.advance(Duration::from_secs(539)).await;
    assert_eq!(
        (local.status("X1"), local.status("X2")),
        ("processing".into(), "processing".into())
    );
    assert!(local.received().is_empty());
    local.advance(Duration::from_secs(1)).await;
    assert_eq!(
        (local.status("X2"), local.statuses()),
        ("success".into(), vec!["success".to_owned()])
    );
    local.advance(Duration::from_secs(59)).await;
    assert_eq!(local.status("X1"), "processing");
    local.advance(Duration::from_secs(1)).await;
    assert_eq!(
        (local.status("X1"), local.payment("X1").code.as_str()),
        ("decline".into(), "20602")
    );
    let left = Money::from_minor(1_000_000_000 - 10_000, Currency::EUR);
    assert_eq!(local.sandbox.balances(Config::DEMO_PROJECT), [left], "one payout is paid");
    // The provider's late success changes nothing.
    local.advance(DAY).await;
    assert_eq!((local.status("X1"), local.status("X2")), ("decline".into(), "success".into()));
}

#[tokio::test]
async fn the_final_callback_waits_as_long_as_the_merchant_wishes() {
    let local = Local::new();
    let mut sale = Local::document("X1", 10_000);
    sale["callback"] = json!({"delay": 600});
    local.send(SALE, sale).await;
    assert_eq!(local.statuses(), ["awaiting redirect result"], "only the final one waits");
    assert!(local.choose("X1", Decision::Success));
    local.advance(Duration::from_secs(599)).await;
    assert!(local.received().is_empty());
    local.advance(Duration::from_secs(1)).await;
    assert_eq!(local.statuses(), ["success"]);
}

#[tokio::test]
async fn callbacks_can_be_switched_off_and_wishes_that_are_none_are_refused() {
    let local = Local::new();
    for (number, disabled) in [(1, json!(1)), (2, json!(true))] {
        let mut payout = Local::document(&format!("X{number}"), 10_000);
        payout["callback"] = json!({"force_disable": disabled});
        local.send(PAYOUT, payout).await;
        assert!(local.received().is_empty());
        assert_eq!(local.status(&format!("X{number}")), "success");
    }
    for (wishes, field) in [
        (json!({"delay": 601}), "callback.delay"),
        (json!({"delay": -1}), "callback.delay"),
        (json!({"delay": "5"}), "callback.delay"),
        (json!({"force_disable": 2}), "callback.force_disable"),
        (json!({"force_disable": "1"}), "callback.force_disable"),
    ] {
        let mut payout = Local::document("X3", 10_000);
        payout["callback"] = wishes;
        let (status, answer) = local.send(PAYOUT, payout).await;
        assert_eq!((status, &answer["code"]), (StatusCode::BAD_REQUEST, &json!("702")));
        assert_eq!(answer["errors"][0]["field"], field);
    }
    let mut payout = Local::document("X3", 10_000);
    payout["callback"] = json!({"delay": 0, "force_disable": 0});
    local.send(PAYOUT, payout).await;
    assert_eq!(local.statuses(), ["success"]);
}

#[tokio::test]
async fn payouts_and_refunds_are_paid_from_what_sales_brought_in() {
    let key = Sensitive::new(Config::DEMO_KEY.to_owned());
    let euros = |minor| Money::from_minor(minor, Currency::EUR);
    let project = Project::new(Config::DEMO_PROJECT, key).balance(euros(5_000));
    let local = Local::with(|config| config.project(project));
    let balances = || local.sandbox.balances(Config::DEMO_PROJECT);
    local.send(PAYOUT, Local::document("X1", 5_001)).await;
    let declined = local.received();
    let declined: serde_json::Value = serde_json::from_slice(&declined[0]).unwrap();
    assert_eq!(declined["operation"]["code"], "3028");
    assert_eq!(
        declined["errors"],
        json!([{
            "code": "3028",
            "message": "Insufficient funds on merchant balance",
            "description": "public: BALANCE_INSUFFICIENT_FUNDS",
        }])
    );
    assert_eq!(declined["operation"]["provider"], json!({"id": 1079, "payment_id": ""}));
    assert_eq!(balances(), [euros(5_000)]);

    local.send(SALE, Local::document("X2", 10_000)).await;
    assert_eq!(balances(), [euros(5_000)], "nobody has paid yet");
    assert!(local.choose("X2", Decision::Success));
    local.sandbox.settled().await;
    assert_eq!(balances(), [euros(15_000)]);
    local.send(PAYOUT, Local::document("X3", 15_000)).await;
    assert_eq!((local.status("X3").as_str(), balances()), ("success", vec![euros(0)]));
}

#[tokio::test]
async fn one_line_starts_a_sandbox_whose_time_stands_still() {
    let sandbox = Sandbox::start();
    let url = sandbox.listen().await.unwrap();
    assert!(url.starts_with("http://127.0.0.1:"));
    assert_eq!(
        (sandbox.is_virtual(), sandbox.now()),
        (true, "2026-01-01T00:00:00+0000".parse().unwrap())
    );
    sandbox.settled().await;
    assert!(sandbox.advance(DAY).await);
    assert_eq!(sandbox.now(), "2026-01-02T00:00:00+0000".parse().unwrap());
    sandbox.shutdown();
}
