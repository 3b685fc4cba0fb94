use std::time::Duration;

use axum::body::Body;
use http::{Request, header};
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::support::World;

/// The stream of events of an open page.
struct Events {
    body: Body,
    text: String,
}

impl Events {
    /// Follows the events of a page, whose text names their address.
    async fn of(world: &World, page: &str) -> Self {
        let text = world.open(page).await.text;
        let (_, rest) = text.split_once("data-events=\"").unwrap();
        Self::at(world, &rest.split_once('"').unwrap().0.replace("&#38;", "&")).await
    }

    async fn at(world: &World, url: &str) -> Self {
        let request = Request::get(url).body(Body::empty()).unwrap();
        let response = world.sandbox.router().oneshot(request).await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        Self { body: response.into_body(), text: String::new() }
    }

    /// Waits for the next change, and returns its number; `None` at the end of the stream.
    async fn next(&mut self) -> Option<u64> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let number = event.strip_prefix("id: ");
                let number = number.and_then(|it| it.strip_suffix("\ndata: changed"));
                let number = number.map(|number| number.parse().unwrap());
                let rest = rest.to_owned();
                self.text = rest;
                if number.is_some() {
                    return number;
                }
                continue;
            }
            let frame = tokio::time::timeout(Duration::from_secs(20), self.body.frame()).await;
            let data = frame.expect("something is sent")?.unwrap().into_data().unwrap();
            self.text.push_str(std::str::from_utf8(&data).unwrap());
        }
    }

    /// Whether nothing changes for a while.
    async fn is_quiet(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(600), self.next()).await.is_err()
    }
}

#[tokio::test]
async fn open_pages_learn_of_changes_and_those_of_a_payment_only_of_its_own() {
    let mut world = World::new().await;
    let sale = world.sale("X1", 10_000, "EUR");
    world.whole_sale(sale, "success").await;
    world.sandbox.settled().await;
    let latest = world.sandbox.events().last().unwrap().sequence;
    let mut list = Events::of(&world, "/dashboard?status=success").await;
    let mut payment = Events::of(&world, "/dashboard/payment?project=1&id=X1").await;
    let sale = world.sale("X2", 10_000, "EUR");
    world.whole_sale(sale, "success").await;
    assert!(list.next().await.unwrap() > latest);
    assert!(payment.is_quiet().await);
    assert!(world.sandbox.resend_callback(
        ecp_sandbox::Config::DEMO_PROJECT,
        &"X1".parse().unwrap(),
        1
    ));
    assert!(payment.next().await.unwrap() > latest);

    // What happened between the page and its events is not missed.
    let mut late = Events::at(&world, &format!("/dashboard/events?after={latest}")).await;
    assert!(late.next().await.unwrap() > latest);

    // A page that is open does not keep the sandbox from stopping.
    world.sandbox.shutdown();
    while late.next().await.is_some() {}
    while payment.next().await.is_some() {}
}
