use std::time::Duration;

use ecp_core::Sensitive;
use ecp_sandbox::{CallbackRefusal, Config, Event, EventKind, Project, Sandbox, Schedule};
use serde_json::Value;

use crate::support::{PAYOUT, SALE, World, wait_for};

fn without_callback_url(mut request: Value) -> Value {
    request["general"].as_object_mut().unwrap().remove("merchant_callback_url");
    request
}

pub(crate) fn demo_project() -> Project {
    Project::new(Config::DEMO_PROJECT, Sensitive::new(Config::DEMO_KEY.to_owned()))
}

#[tokio::test]
async fn a_callback_is_sent_again_until_the_answer_is_exactly_200() {
    let mut world = World::new().await;
    let mut events = world.sandbox.subscribe();
    world.shop.answer(&[500, 204, 302, 201, 200]);
    world.send(PAYOUT, world.payout("X1", 10_000)).await;
    let first = world.shop.next().await;
    first.verified();
    for _ in 0..4 {
        assert_eq!(world.shop.next().await, first, "the same bytes every time");
    }
    let delivered = wait_for(&mut events, Event::is_delivery).await;
    let EventKind::CallbackAttempted { attempt, answer, retry_in, body, .. } = delivered.kind
    else {
        panic!("no attempt: {:?}", delivered.kind)
    };
    assert_eq!((attempt, answer, retry_in), (5, Ok(200), None));
    assert_eq!(body.bytes(), &first.body);
    assert_eq!(world.shop.others(), []);
}

#[tokio::test]
async fn a_callback_is_given_up_when_the_schedule_ends() {
    let schedule = Schedule::every(Duration::from_millis(1), 2);
    let mut world = World::with(|config| config.schedule(schedule)).await;
    let mut events = world.sandbox.subscribe();
    world.shop.answer(&[500, 500]);
    world.send(PAYOUT, world.payout("X1", 10_000)).await;
    let attempt = |wanted: u32| move |event: &Event| matches!(event.kind, EventKind::CallbackAttempted { attempt, .. } if attempt == wanted);
    let first = wait_for(&mut events, attempt(1)).await;
    assert!(matches!(
        first.kind,
        EventKind::CallbackAttempted { answer: Ok(500), retry_in: Some(_), .. }
    ));
    let last = wait_for(&mut events, attempt(2)).await;
    assert!(matches!(
        last.kind,
        EventKind::CallbackAttempted { answer: Ok(500), retry_in: None, .. }
    ));
    assert_eq!(world.shop.next().await, world.shop.next().await);
}

#[tokio::test]
async fn a_failing_callback_does_not_hold_up_the_next() {
    let schedule = Schedule::every(Duration::from_hours(1), 2);
    let mut world = World::with(|config| config.schedule(schedule)).await;
    world.shop.answer(&[500]);
    let (last, _) = world.whole_sale(world.sale("X1", 10_000, "EUR"), "success").await;
    assert_eq!(last["payment"]["status"], "success");
}

#[tokio::test]
async fn a_callback_waits_until_the_one_before_has_been_tried() {
    let mut world = World::new().await;
    let busy = world.shop.busy.clone();
    let held = busy.lock().await;
    let page = world.sale_up_to_redirect(world.sale("X1", 10_000, "EUR")).await;
    world.press(&page, "success").await;
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.shop.others(), [], "the first has not been answered");
    drop(held);
    assert_eq!(world.shop.next().await.verified()["payment"]["status"], "success");
}

#[tokio::test]
async fn a_shop_that_is_closed_or_silent_is_an_error_with_words() {
    let timeout = Duration::from_millis(50);
    let world = World::with(|config| config.callback_timeout(timeout)).await;
    let mut events = world.sandbox.subscribe();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed_url = format!("http://{}/", closed.local_addr().unwrap());
    drop(closed);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_url = format!("http://{}/", silent.local_addr().unwrap());

    for (id, url, words) in [
        ("X1", closed_url, "onnection refused"),
        ("X2", silent_url, "the merchant did not answer within 50ms"),
    ] {
        let mut payout = world.payout(id, 10_000);
        payout["general"]["merchant_callback_url"] = url.into();
        world.send(PAYOUT, payout).await;
        let event = wait_for(&mut events, |event| {
            event.payment_id.as_ref().is_some_and(|payment| payment.as_str() == id)
                && matches!(event.kind, EventKind::CallbackAttempted { .. })
        })
        .await;
        let EventKind::CallbackAttempted { answer: Err(error), .. } = event.kind else {
            panic!("{:?}", event.kind)
        };
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn addresses_that_may_not_be_contacted_are_reported_and_left_alone() {
    let table = [
        (Some("http://shop.example/callback"), CallbackRefusal::HostNotAllowed),
        (Some("http://192.0.2.1/callback"), CallbackRefusal::HostNotAllowed),
        (Some("https://127.0.0.1/callback"), CallbackRefusal::NotPlainHttp),
        (None, CallbackRefusal::NoAddress),
    ];
    for (address, refusal) in table {
        let world = World::new().await;
        let mut events = world.sandbox.subscribe();
        let mut payout = without_callback_url(world.payout("X1", 10_000));
        if let Some(address) = address {
            payout["general"]["merchant_callback_url"] = address.into();
        }
        world.send(PAYOUT, payout).await;
        let is_refusal = |event: &Event| matches!(event.kind, EventKind::CallbackRefused { .. });
        let event = wait_for(&mut events, is_refusal).await;
        let EventKind::CallbackRefused { url, reason, body, .. } = event.kind else {
            panic!("{:?}", event.kind)
        };
        assert_eq!((url.as_deref(), reason), (address, refusal));
        assert!(body.text().contains("\"status\":\"success\""));
        assert_eq!(world.status("X1").await.verified()["payment"]["status"], "success");
    }
}

#[tokio::test]
async fn a_host_can_be_allowed() {
    // The name may resolve to nothing here; what counts is that it is tried.
    let world = World::with(|config| config.allow_callback_host("shop.invalid")).await;
    let mut events = world.sandbox.subscribe();
    let mut payout = world.payout("X1", 10_000);
    payout["general"]["merchant_callback_url"] = "http://shop.invalid/callback".into();
    world.send(PAYOUT, payout).await;
    let is_attempt = |event: &Event| matches!(event.kind, EventKind::CallbackAttempted { .. });
    wait_for(&mut events, is_attempt).await;
}

#[tokio::test]
async fn the_address_of_the_request_comes_before_that_of_the_project() {
    let mut world = World::new().await;
    let project = demo_project().callback_url(world.shop.url.clone());
    let sandbox = Sandbox::new(Config::new().project(project));
    world.sandbox = sandbox;
    world.send(SALE, without_callback_url(world.sale("X1", 10_000, "EUR"))).await;
    assert_eq!(world.shop.next().await.verified()["payment"]["id"], "X1");

    let other = demo_project().callback_url("http://shop.example/");
    world.sandbox = Sandbox::new(Config::new().project(other));
    world.send(SALE, world.sale("X2", 10_000, "EUR")).await;
    assert_eq!(world.shop.next().await.verified()["payment"]["id"], "X2");
}
