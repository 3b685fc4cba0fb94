use std::time::Duration;

use ecp_sandbox::{CallbackRefusal, Confirmation, Event, EventKind, Project};
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::support::{World, pretty, wait_for};
use crate::vouchers::{SALE, open_sale};

fn is_answer(event: &Event) -> bool {
    matches!(event.kind, EventKind::ConfirmationAnswered { .. })
}

/// The end of a declined sale that asked for 0.
fn check_decline(last: &Value, code: &str) {
    assert_eq!(last["payment"]["status"], "decline");
    assert_eq!(last["operation"]["code"], code, "{last}");
    let nothing = json!({"amount": 0, "currency": "EUR"});
    assert_eq!(last["payment"]["sum"], nothing);
    assert_eq!(last["operation"]["sum_initial"], nothing);
}

#[tokio::test]
async fn an_amount_is_asked_about_and_then_paid() {
    let mut world = World::new().await;
    let page = open_sale(&mut world, "X03936").await;
    let returned = world.choose(&page, "voucher=1000&decision=success").await;
    assert_eq!(returned.header(header::LOCATION), "https://shop.test/success");

    let question = world.shop.next_question().await;
    assert_eq!(question.path, "/callback", "where callbacks go");
    insta::assert_snapshot!("confirmation_question", pretty(&question.verified()));
    let last = world.shop.next().await.verified();
    insta::assert_snapshot!("confirmation_success", pretty(&last));
    assert_eq!(world.shop.other_questions(), []);
}

#[tokio::test]
async fn whatever_is_no_yes_declines() {
    let table = [
        (200, r#"{"code":1,"payment_id":"X1"}"#, "30301"),
        (400, r#"{"code":0,"payment_id":"X1"}"#, "30301"),
        (500, "", "30301"),
        (302, r#"{"code":0,"payment_id":"X1"}"#, "30302"),
        (200, r#"{"code":0,"payment_id":"X2"}"#, "30302"),
        (200, r#"{"code":"0","payment_id":"X1"}"#, "30302"),
        (200, "garbage", "30302"),
        (204, "", "30302"),
    ];
    for (status, body, code) in table {
        let mut world = World::new().await;
        let page = open_sale(&mut world, "X1").await;
        world.shop.reply(status, body);
        let returned = world.choose(&page, "voucher=1000&decision=success").await;
        assert_eq!(returned.header(header::LOCATION), "https://shop.test/decline");
        check_decline(&world.shop.next().await.verified(), code);
        world.shop.next_question().await;
        assert_eq!(world.shop.other_questions(), [], "asked once");
    }
}

#[tokio::test]
async fn after_a_refused_amount_every_view_says_the_same_sum() {
    let mut world = World::new().await;
    let page = open_sale(&mut world, "X1").await;
    world.shop.reply(200, r#"{"code":7,"payment_id":"X1"}"#);
    world.choose(&page, "voucher=1000&decision=success").await;
    world.shop.next_question().await;
    let callback = world.shop.next().await.verified();
    let status = world.status("X1").await.verified();
    let shown = |path: &'static str| async { world.open(path).await };
    let control = shown("/sandbox/payments/1/X1").await.json();
    let listed = shown("/sandbox/payments").await.json();
    let timeline = shown("/sandbox/payments/1/X1/events").await.text;
    let delivered: Value = serde_json::from_str(timeline.lines().last().unwrap()).unwrap();
    let delivered: Value = serde_json::from_str(delivered["body"].as_str().unwrap()).unwrap();
    let operations = crate::data_api::ask_world(&world, json!({"payment_id": "X1"})).await;
    let exported = |name: &'static str| {
        let world = &world;
        async move {
            let file = world.open(&format!("/dashboard/export/{name}.csv")).await.text;
            let mut lines = csv::Reader::from_reader(file.as_bytes());
            let head = lines.headers().unwrap().clone();
            let row = lines.records().next().unwrap().unwrap();
            let at = |column| &row[head.iter().position(|name| name == column).unwrap()];
            let left = if name == "payments" { at("left") } else { at("amount") };
            assert_eq!((at("amount"), left, at("currency")), ("0.00", "0.00", "EUR"));
            json!(at("amount_minor").parse::<i64>().unwrap())
        }
    };
    let rust = world.sandbox.payment(ecp_sandbox::Config::DEMO_PROJECT, &"X1".parse().unwrap());
    let rust = rust.unwrap();
    let views = [
        ("callback", callback["payment"]["sum"]["amount"].clone()),
        ("operation of the callback", callback["operation"]["sum_initial"]["amount"].clone()),
        ("status", status["payment"]["sum"]["amount"].clone()),
        ("operation of the status", status["operations"][0]["sum_initial"]["amount"].clone()),
        ("converted", status["operations"][0]["sum_converted"]["amount"].clone()),
        ("/sandbox", control["amount"].clone()),
        ("/sandbox, left", control["left"].clone()),
        ("/sandbox, operation", control["operations"][0]["amount"].clone()),
        ("/sandbox, list", listed["payments"][0]["amount"].clone()),
        ("timeline", delivered["payment"]["sum"]["amount"].clone()),
        ("Data API", operations["operations"][0]["sum_initial"]["amount"].clone()),
        ("Data API, converted", operations["operations"][0]["sum_converted"]["amount"].clone()),
        ("file of payments", exported("payments").await),
        ("file of operations", exported("operations").await),
        ("PaymentView", json!(rust.amount.minor())),
        ("PaymentView, left", json!(rust.left.minor())),
        ("OperationView", json!(rust.operations[0].sum.minor())),
    ];
    for (view, sum) in views {
        assert_eq!(sum, json!(0), "{view}");
    }
    // The payment's page quotes the question to the merchant, which names the chosen amount; no
    // other page has it.
    for page in ["/dashboard", "/dashboard/operations", &page] {
        let text = world.open(page).await.text;
        assert!(!text.contains("10.00 EUR") && !text.contains("1000"), "{page}: {text}");
    }
    let detail = world.open("/dashboard/payment?project=1&id=X1").await.text;
    assert!(detail.contains(r#"<p class="sum">0.00 EUR</p>"#), "{detail}");
    assert!(!detail.contains("Not refunded"), "{detail}");
    assert!(world.open("/dashboard").await.text.contains("0.00 EUR"));
}

#[tokio::test]
async fn an_amount_of_the_merchants_own_is_kept_in_a_decline() {
    let mut world = World::new().await;
    let page = world.sale_at(SALE, world.sale("X1", 2_500, "EUR")).await;
    world.shop.reply(200, r#"{"code":7,"payment_id":"X1"}"#);
    world.press(&page, "success").await;
    let last = world.shop.next().await.verified();
    assert_eq!(
        (&last["operation"]["code"], &last["payment"]["sum"]["amount"]),
        (&json!("30301"), &json!(2_500))
    );
    assert_eq!(last["operation"]["message"], "Merchant did not confirm operation processing");
}

#[tokio::test]
async fn a_merchant_that_does_not_answer_in_time_declines() {
    let timeout = Duration::from_millis(50);
    let mut world = World::with(|config| config.confirmation_timeout(timeout)).await;
    let mut events = world.sandbox.subscribe();
    let page = open_sale(&mut world, "X1").await;
    let busy = world.shop.busy.clone();
    let held = busy.lock().await;
    world.choose(&page, "voucher=1000&decision=success").await;
    drop(held);
    let EventKind::ConfirmationAnswered { status, confirmation, .. } =
        wait_for(&mut events, is_answer).await.kind
    else {
        panic!("no answer")
    };
    let reason = "the merchant did not answer within 50ms".to_owned();
    assert_eq!((status, confirmation), (None, Confirmation::Unusable { reason }));
    check_decline(&world.shop.next().await.verified(), "30302");
}

#[tokio::test]
async fn a_merchant_that_is_not_there_declines() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", closed.local_addr().unwrap());
    drop(closed);
    let mut world = World::new().await;
    world.reopen(|project| project.confirmation_url(url));
    let mut events = world.sandbox.subscribe();
    let page = open_sale(&mut world, "X1").await;
    world.choose(&page, "voucher=1000&decision=success").await;
    let EventKind::ConfirmationAnswered { confirmation: Confirmation::Unusable { reason }, .. } =
        wait_for(&mut events, is_answer).await.kind
    else {
        panic!("an answer")
    };
    assert!(reason.contains("onnection refused"), "{reason}");
    check_decline(&world.shop.next().await.verified(), "30302");
}

#[tokio::test]
async fn an_address_that_may_not_be_contacted_declines_and_is_reported() {
    let table = [
        ("http://shop.example/confirm", CallbackRefusal::HostNotAllowed),
        ("https://127.0.0.1/confirm", CallbackRefusal::NotPlainHttp),
        ("confirm", CallbackRefusal::NoUrl),
    ];
    for (address, refusal) in table {
        let mut world = World::new().await;
        world.reopen(|project| project.confirmation_url(address));
        let page = open_sale(&mut world, "X1").await;
        world.choose(&page, "voucher=1000&decision=success").await;
        check_decline(&world.shop.next().await.verified(), "30302");
        check_reported(&world, Some(address), refusal);
        assert_eq!(world.shop.other_questions(), []);
    }
}

#[tokio::test]
async fn without_any_address_there_is_no_confirmation() {
    let world = World::new().await;
    let mut events = world.sandbox.subscribe();
    let mut sale = world.sale("X1", 1_000, "EUR");
    sale["general"].as_object_mut().unwrap().remove("merchant_callback_url");
    assert_eq!(world.send(SALE, sale).await.status, StatusCode::OK);
    // Nobody is told where the customer goes either, except for whoever reads the events.
    let refused = |event: &Event| matches!(event.kind, EventKind::CallbackRefused { .. });
    let EventKind::CallbackRefused { body, .. } = wait_for(&mut events, refused).await.kind else {
        panic!("no callback")
    };
    let callback: Value = serde_json::from_slice(body.bytes()).unwrap();
    world.press(callback["redirect_data"]["url"].as_str().unwrap(), "success").await;
    check_reported(&world, None, CallbackRefusal::NoAddress);
    let status = world.status("X1").await.verified();
    assert_eq!(status["operations"][0]["code"], "30302");
}

fn check_reported(world: &World, address: Option<&str>, refusal: CallbackRefusal) {
    let told = world.sandbox.events().into_iter().find_map(|event| match event.kind {
        EventKind::ConfirmationRefused { url, reason, body } => Some((url, reason, body)),
        _ => None,
    });
    let (url, reason, body) = told.unwrap();
    assert_eq!((url.as_deref(), reason), (address, refusal));
    assert!(body.text().contains("check_deposit"));
}

#[tokio::test]
async fn the_address_for_confirmations_comes_before_that_of_callbacks() {
    let mut world = World::new().await;
    let (callbacks, questions) = (world.shop.url.clone(), world.shop.url.replace("back", "me"));
    world.reopen(|project: Project| project.callback_url(callbacks).confirmation_url(questions));
    let page = open_sale(&mut world, "X1").await;
    world.choose(&page, "voucher=1000&decision=success").await;
    assert_eq!(world.shop.next_question().await.path, "/callme");
    assert_eq!(world.shop.next().await.path, "/callback");
}

#[tokio::test]
async fn while_the_merchant_thinks_the_page_says_so_and_nothing_is_asked_again() {
    let mut world = World::new().await;
    let mut events = world.sandbox.subscribe();
    let page = open_sale(&mut world, "X1").await;
    let busy = world.shop.busy.clone();
    let held = busy.lock().await;
    let form = "voucher=1000&voucher=1500&decision=success";
    let first = world.choose(&page, form);
    let meanwhile = async {
        let asked = |event: &Event| matches!(event.kind, EventKind::ConfirmationAsked { .. });
        wait_for(&mut events, asked).await;
        let again = world.choose(&page, "decision=decline").await;
        let shown = world.open(again.header(header::LOCATION)).await.text;
        assert!(shown.contains("being asked") && shown.contains("25.00 EUR"), "{shown}");
        assert!(!shown.contains("<button"), "{shown}");
        let status = world.status("X1").await.verified();
        assert_eq!(status["payment"]["status"], "awaiting redirect result");
        assert_eq!(status["payment"]["sum"]["amount"], 0);
        drop(held);
    };
    let (returned, ()) = tokio::join!(first, meanwhile);
    assert_eq!(returned.header(header::LOCATION), "https://shop.test/success");
    assert_eq!(world.shop.next().await.verified()["payment"]["sum"]["amount"], 2_500);
    world.shop.next_question().await;
    assert_eq!((world.shop.other_questions(), world.shop.others()), (vec![], vec![]));
}

#[tokio::test]
async fn a_payment_goes_on_when_the_browser_does_not() {
    let mut world = World::new().await;
    let page = open_sale(&mut world, "X1").await;
    let busy = world.shop.busy.clone();
    let held = busy.lock().await;
    tokio::select! {
        _ = world.choose(&page, "voucher=1000&decision=success") => panic!("the shop is busy"),
        question = wait_for_question(&world) => question,
    }
    drop(held);
    assert_eq!(world.shop.next().await.verified()["payment"]["status"], "success");
}

async fn wait_for_question(world: &World) {
    let mut events = world.sandbox.subscribe();
    let asked = |event: &Event| matches!(event.kind, EventKind::ConfirmationAsked { .. });
    wait_for(&mut events, asked).await;
}

#[tokio::test]
async fn a_decline_asks_no_merchant() {
    let mut world = World::new().await;
    let page = open_sale(&mut world, "X1").await;
    world.choose(&page, "voucher=1000&decision=decline").await;
    check_decline(&world.shop.next().await.verified(), "20000");
    assert_eq!(world.shop.other_questions(), []);
}

#[tokio::test]
async fn a_question_ends_with_the_sandbox() {
    let mut world = World::new().await;
    let page = open_sale(&mut world, "X1").await;
    let busy = world.shop.busy.clone();
    let _held = busy.lock().await;
    let (returned, ()) =
        tokio::join!(world.choose(&page, "voucher=1000&decision=success"), async {
            wait_for_question(&world).await;
            world.sandbox.shutdown();
        });
    assert!(returned.header(header::LOCATION).starts_with("/provider/"));
}
