use ecp_sandbox::{Config, Event, EventKind, Sandbox};
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{PAYOUT, World, wait_for};
use crate::vouchers::open_sale;

/// One line for an event, without what differs between runs.
fn line(event: &Event) -> String {
    let what = match &event.kind {
        EventKind::CallbackAttempted { callback, attempt, answer, .. } => {
            format!("callback {callback}, attempt {attempt}: {answer:?}")
        }
        EventKind::ConfirmationAnswered { status, confirmation, .. } => {
            format!("the merchant answered {status:?}: {confirmation:?}")
        }
        EventKind::ConfirmationAsked { .. } => "the merchant was asked to confirm".to_owned(),
        EventKind::CustomerArrived => "the customer opened the page".to_owned(),
        EventKind::CustomerDecided(decision) => format!("the customer pressed {decision}"),
        EventKind::CustomerReturned { url } => format!("the customer returned to {url}"),
        EventKind::PaymentChanged(status) => format!("payment {status}"),
        EventKind::RequestReceived { method, path, .. } => format!("{method} {path}"),
        EventKind::ResponseSent { status, .. } => format!("answered {status}"),
        other => format!("{other:?}"),
    };
    let payment = event.payment_id.as_ref().map_or("-", |id| id.as_str());
    format!("{} {payment} {what}", event.sequence)
}

#[tokio::test]
async fn a_sale_can_be_read_as_a_timeline() {
    let mut world = World::new().await;
    let mut events = world.sandbox.subscribe();
    let page = world.sale_up_to_redirect(world.sale("X1", 10_000, "EUR")).await;
    wait_for(&mut events, Event::is_delivery).await;
    world.open(&page).await;
    world.press(&page, "success").await;
    world.shop.next().await;
    wait_for(&mut events, Event::is_delivery).await;
    let story: Vec<String> = world.sandbox.events().iter().map(line).collect();
    insta::assert_snapshot!(story.join("\n"), @"
    1 X1 POST /v2/payment/wallet/jeton/sale
    2 X1 payment processing
    3 X1 answered 200
    4 X1 payment awaiting redirect result
    5 X1 callback 1, attempt 1: Ok(200)
    6 X1 the customer opened the page
    7 X1 the customer pressed success
    8 X1 payment success
    9 X1 the customer returned to https://shop.test/success
    10 X1 callback 2, attempt 1: Ok(200)
    ");
}

#[tokio::test]
async fn a_confirmation_is_part_of_the_story() {
    let mut world = World::new().await;
    let mut events = world.sandbox.subscribe();
    let page = open_sale(&mut world, "X1").await;
    wait_for(&mut events, Event::is_delivery).await;
    world.shop.reply(200, r#"{"code":5,"payment_id":"X1"}"#);
    world.choose(&page, "voucher=1000&decision=success").await;
    wait_for(&mut events, Event::is_delivery).await;
    let story: Vec<String> = world.sandbox.events().iter().skip(5).map(line).collect();
    // The customer may return before or after the callback.
    let story = story.into_iter().filter(|line| !line.contains("returned"));
    let story: Vec<String> = story.map(|line| line.split_once(' ').unwrap().1.to_owned()).collect();
    insta::assert_snapshot!(story.join("\n"), @"
    X1 the customer pressed success
    X1 the merchant was asked to confirm
    X1 the merchant answered Some(200): Refused { code: Some(5) }
    X1 payment decline
    X1 callback 2, attempt 1: Ok(200)
    ");
}

#[tokio::test]
async fn keys_and_bodies_are_not_in_debug_output_and_keys_are_nowhere() {
    let mut world = World::new().await;
    world.sale_up_to_redirect(world.sale("X1", 10_000, "EUR")).await;
    let debug = format!("{:?} {:?} {:?}", world.sandbox, world.sandbox.events(), Config::demo());
    for secret in [Config::DEMO_KEY, Config::DEMO_TOKEN, Config::DEMO_TOKEN_KEY, "1780597"] {
        assert!(!debug.contains(secret), "{debug}");
    }
    for event in world.sandbox.events() {
        if let EventKind::RequestReceived { body, .. }
        | EventKind::ResponseSent { body, .. }
        | EventKind::CallbackAttempted { body, .. } = event.kind
        {
            assert!(!body.text().contains(Config::DEMO_KEY));
        }
    }
}

#[tokio::test]
async fn the_history_of_events_and_payments_is_bounded() {
    let mut world = World::with(|config| config.event_history(5).payment_history(2)).await;
    for id in ["X1", "X2", "X3"] {
        world.send(PAYOUT, world.payout(id, 10_000)).await;
        world.shop.next().await;
    }
    assert_eq!(world.sandbox.events().len(), 5);
    assert_eq!(world.status("X1").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.status("X3").await.json()["payment"]["status"], "success");
}

#[tokio::test]
async fn what_ended_first_is_forgotten_first_and_else_what_began_first() {
    let mut world = World::with(|config| config.payment_history(3)).await;
    let known = async |world: &World, ids: [&'static str; 5]| {
        let mut known = Vec::new();
        for id in ids {
            let answer = world.status(id).await;
            if answer.status == StatusCode::OK && answer.json()["payment"]["status"] != "error" {
                known.push(id);
            }
        }
        known
    };
    let ids = ["X1", "X2", "X3", "X4", "X5"];
    let mut pages = Vec::new();
    for id in &ids[..3] {
        pages.push(world.sale_up_to_redirect(world.sale(id, 10_000, "EUR")).await);
    }
    // They end in another order than they began in.
    for page in [&pages[2], &pages[1]] {
        world.press(page, "success").await;
        world.shop.next().await;
    }
    world.sale_up_to_redirect(world.sale("X4", 10_000, "EUR")).await;
    assert_eq!(known(&world, ids).await, ["X1", "X2", "X4"]);
    world.sale_up_to_redirect(world.sale("X5", 10_000, "EUR")).await;
    assert_eq!(known(&world, ids).await, ["X1", "X4", "X5"]);
    // None has ended now.
    world.sale_up_to_redirect(world.sale("X6", 10_000, "EUR")).await;
    assert_eq!(known(&world, ["X1", "X2", "X4", "X5", "X6"]).await, ["X4", "X5", "X6"]);
    assert_eq!(world.open(&pages[0]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_sandbox_serves_on_a_socket_until_it_is_shut_down() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let sandbox = Sandbox::new(Config::demo());
    let mut events = sandbox.subscribe();
    let server = tokio::spawn(sandbox.serve(listener));

    let mut connection = TcpStream::connect(address).await.unwrap();
    let request = "POST /v2/payment/status HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1\r\n\
                   connection: close\r\n\r\n{";
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("\"2003\""), "{answer}");

    sandbox.shutdown();
    server.await.unwrap().unwrap();
    while events.next().await.is_some() {}
    assert!(TcpStream::connect(address).await.is_err());
}
