//! Runs over real sockets and on several threads, twice: what the seed decides is the same.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use ecp_sandbox::{Config, EventKind, Fault, FaultRule};
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::local::Local;
use crate::support::{PAYOUT, SALE, signed};

/// What strikes a third of what it fits, so that there is something to differ in.
fn by_lot(config: Config, seed: u64) -> Config {
    let faults = [
        Fault::DropAnswer { registered: true },
        Fault::DropAnswer { registered: false },
        Fault::DuplicateCallback { copies: 2 },
        Fault::DelayCallback(Duration::from_secs(20)),
        Fault::ReorderCallback,
        Fault::WrongAmount,
        Fault::LoseCallback,
        Fault::StalePayment,
    ];
    let add = |config: Config, fault| config.fault(FaultRule::new(fault).percent(30));
    faults.into_iter().fold(config.seed(seed), add)
}

/// A program in whatever language, that knows nothing but the address.
#[derive(Clone)]
struct Outsider {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

impl Outsider {
    async fn of(local: &Local) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, url: local.sandbox.listen().await.unwrap() }
    }

    /// The answer's text; `None` where a fault cut it off.
    async fn ask(&self, method: Method, path: &str, body: String) -> Option<String> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header(header::CONTENT_TYPE, "application/json");
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        let body = self.client.request(request).await.ok()?.into_body().collect().await.ok()?;
        Some(String::from_utf8(body.to_bytes().to_vec()).unwrap())
    }

    async fn pay(&self, number: u32) {
        let path = if number.is_multiple_of(3) { PAYOUT } else { SALE };
        let request = signed(Local::document(&format!("X{number}"), 10_000)).to_string();
        self.ask(Method::POST, path, request).await;
    }

    /// Lets time pass, and everything happen that can.
    async fn advance(&self, seconds: u32) {
        let advance = json!({"advance_seconds": seconds}).to_string();
        self.ask(Method::POST, "/sandbox/clock", advance).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_seed_writes_the_same_log_byte_for_byte_over_http() {
    async fn log(seed: u64) -> String {
        let local = Local::with(|config| by_lot(config, seed));
        let outsider = Outsider::of(&local).await;
        for number in 0..24 {
            outsider.pay(number).await;
            outsider.advance(0).await;
            let decision = if number % 5 == 0 { "decline" } else { "success" };
            let path = format!("/sandbox/payments/1/X{number}/decision");
            outsider.ask(Method::POST, &path, json!({"decision": decision}).to_string()).await;
            outsider.advance(7).await;
        }
        outsider.advance(1_000_000).await;
        outsider.ask(Method::GET, "/sandbox/events", String::new()).await.unwrap()
    }

    let first = log(7).await;
    assert!(first.lines().count() > 100 && first.contains("fault_struck"), "{first}");
    for _ in 0..3 {
        assert_eq!(first, log(7).await);
    }
    assert_ne!(first, log(8).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_payments_are_struck_in_whatever_order_their_requests_come() {
    type Story = Vec<Value>;

    /// What befell each payment, but for what its place in the crowd decides.
    async fn stories(numbers: impl Iterator<Item = u32>) -> BTreeMap<String, Story> {
        let local = Local::with(|config| by_lot(config, 7));
        let outsider = Outsider::of(&local).await;
        let all = numbers.map(|number| {
            let outsider = outsider.clone();
            tokio::spawn(async move { outsider.pay(number).await })
        });
        for request in all.collect::<Vec<_>>() {
            request.await.unwrap();
        }
        outsider.advance(1_000_000).await;
        let mut stories: BTreeMap<String, Story> = BTreeMap::new();
        for event in local.sandbox.events() {
            let Some(id) = event.payment_id.clone() else { continue };
            let told = match &event.kind {
                EventKind::FaultStruck { rule, fault } => json!([rule, fault]),
                EventKind::CallbackRefused { callback, .. } => json!(["lost", callback]),
                EventKind::PaymentChanged(status) => json!(status.as_str()),
                _ => continue,
            };
            stories.entry(id.as_str().to_owned()).or_default().push(told);
        }
        stories
    }

    let forth = stories(0..60).await;
    assert_eq!(forth.len(), 60);
    let struck = forth.values().filter(|story| story.iter().any(Value::is_array)).count();
    assert!((20..60).contains(&struck), "{struck} of 60 payments were struck");
    assert_eq!(forth, stories((0..60).rev()).await);
}
