//! A merchant, a customer and a sandbox between them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::routing::post;
use ecp_core::{SecretKey, Sensitive, signature};
use ecp_sandbox::{Config, Event, EventStream, Sandbox, Schedule, SteppedClock};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tower::ServiceExt;

pub(crate) const SALE: &str = "/v2/payment/wallet/jeton/sale";
pub(crate) const PAYOUT: &str = "/v2/payment/wallet/jeton/payout";
pub(crate) const STATUS: &str = "/v2/payment/status";

/// Long enough for any machine; only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) shop: Shop,
    pub(crate) clock: Arc<SteppedClock>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|config| config).await
    }

    pub(crate) async fn with(adjust: impl FnOnce(Config) -> Config) -> Self {
        let clock = Arc::new(SteppedClock::new("2019-04-15T16:31:13+0000".parse().unwrap()));
        let config = Config::demo()
            .clock(clock.clone())
            .public_url("http://sandbox.test/")
            .schedule(Schedule::every(Duration::from_millis(5), 10));
        Self { sandbox: Sandbox::new(adjust(config)), shop: Shop::open().await, clock }
    }

    /// A signed sale that lacks nothing, with callbacks to the shop.
    pub(crate) fn sale(&self, payment_id: &str, amount: i64, currency: &str) -> Value {
        json!({
            "general": {
                "project_id": Config::DEMO_PROJECT,
                "payment_id": payment_id,
                "merchant_callback_url": self.shop.url,
            },
            "customer": {"id": "1780597", "ip_address": "192.0.2.1"},
            "payment": {"amount": amount, "currency": currency, "description": "deposit"},
            "return_url": {
                "success": "https://shop.test/success",
                "decline": "https://shop.test/decline",
            },
        })
    }

    pub(crate) fn payout(&self, payment_id: &str, amount: i64) -> Value {
        json!({
            "general": {
                "project_id": Config::DEMO_PROJECT,
                "payment_id": payment_id,
                "merchant_callback_url": self.shop.url,
            },
            "customer": {"id": "543085", "ip_address": "192.0.2.1"},
            "account": {"number": "93017949"},
            "payment": {"amount": amount, "currency": "EUR", "description": "withdrawal"},
        })
    }

    /// Signs and sends a request.
    pub(crate) async fn send(&self, path: &str, request: Value) -> Answer {
        self.post(path, signed(request).to_string()).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
        self.call(request.body(body.into()).unwrap()).await
    }

    pub(crate) async fn call(&self, request: Request<Body>) -> Answer {
        let response = self.sandbox.router().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// What the customer sees at an address of the sandbox.
    pub(crate) async fn open(&self, url: &str) -> Answer {
        self.call(Request::get(local(url)).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn press(&self, url: &str, decision: &str) -> Answer {
        let request = Request::post(local(url))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.call(request.body(format!("decision={decision}").into()).unwrap()).await
    }

    /// Registers a sale and receives the callback that says where to send the customer.
    pub(crate) async fn sale_up_to_redirect(&mut self, request: Value) -> String {
        assert_eq!(self.send(SALE, request).await.status, StatusCode::OK);
        let callback = self.shop.next().await.verified();
        callback["redirect_data"]["url"].as_str().unwrap().to_owned()
    }

    /// A whole sale: the last callback, and where the customer was sent.
    pub(crate) async fn whole_sale(&mut self, request: Value, decision: &str) -> (Value, Answer) {
        let page = self.sale_up_to_redirect(request).await;
        let returned = self.press(&page, decision).await;
        (self.shop.next().await.verified(), returned)
    }

    pub(crate) async fn status(&self, payment_id: &str) -> Answer {
        let general = json!({"project_id": Config::DEMO_PROJECT, "payment_id": payment_id});
        self.send(STATUS, json!({"general": general})).await
    }
}

/// What the sandbox answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body, once an independent judge has found it genuine.
    pub(crate) fn verified(&self) -> Value {
        verify(self.text.as_bytes());
        self.json()
    }
}

/// A merchant's listener for callbacks. It answers 200 unless told otherwise.
pub(crate) struct Shop {
    pub(crate) url: String,
    received: mpsc::UnboundedReceiver<Received>,
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
    /// Whoever holds it keeps the shop from answering.
    pub(crate) busy: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Received {
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
}

#[derive(Clone)]
struct Counter {
    sender: mpsc::UnboundedSender<Received>,
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
    busy: Arc<tokio::sync::Mutex<()>>,
}

impl Shop {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/callback", listener.local_addr().unwrap());
        let (sender, received) = mpsc::unbounded_channel();
        let answers = Arc::new(Mutex::new(VecDeque::new()));
        let busy = Arc::new(tokio::sync::Mutex::new(()));
        let counter = Counter { sender, answers: answers.clone(), busy: busy.clone() };
        let router = Router::new().route("/callback", post(receive)).with_state(counter);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, received, answers, busy }
    }

    /// The answers to the next callbacks, in order.
    pub(crate) fn answer(&self, statuses: &[u16]) {
        let statuses = statuses.iter().map(|&status| StatusCode::from_u16(status).unwrap());
        self.answers.lock().unwrap().extend(statuses);
    }

    pub(crate) async fn next(&mut self) -> Received {
        let received = tokio::time::timeout(PATIENCE, self.received.recv()).await;
        received.expect("a callback comes").expect("the shop is open")
    }

    /// What came and was not looked at.
    pub(crate) fn others(&mut self) -> Vec<Received> {
        std::iter::from_fn(|| self.received.try_recv().ok()).collect()
    }
}

async fn receive(
    State(Counter { sender, answers, busy }): State<Counter>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(header::HeaderName, &'static str); 1]) {
    let content_type =
        headers.get(header::CONTENT_TYPE).map_or("", |value| value.to_str().unwrap());
    let _ = sender.send(Received { content_type: content_type.to_owned(), body });
    drop(busy.lock().await);
    let status = answers.lock().unwrap().pop_front().unwrap_or(StatusCode::OK);
    // Redirects must not be followed: this one would come back here.
    (status, [(header::LOCATION, "/callback")])
}

impl Received {
    pub(crate) fn verified(&self) -> Value {
        assert_eq!(self.content_type, "application/json");
        verify(&self.body);
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

fn verify(body: &[u8]) {
    let key = signature::SigningKey::new(&SecretKey::new(Config::DEMO_KEY).unwrap());
    let found = signature::verify(&[key], body).unwrap();
    assert_eq!(found.order, signature::Order::Natural);
    let body: Value = serde_json::from_slice(body).unwrap();
    assert!(body["signature"].is_string(), "the signature stands at the root");
}

pub(crate) fn signed(mut request: Value) -> Value {
    let key = Sensitive::new(Config::DEMO_KEY.to_owned());
    let signature = ecp_sandbox::signature::sign(&key, &request);
    request["general"]["signature"] = signature.into();
    request
}

/// The first event that fits.
pub(crate) async fn wait_for(stream: &mut EventStream, fits: impl Fn(&Event) -> bool) -> Event {
    let waiting = async {
        loop {
            match stream.next().await {
                Some(event) if fits(&event) => return event,
                Some(_) => {}
                None => panic!("the sandbox was shut down"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("the event comes")
}

pub(crate) fn pretty(json: &Value) -> String {
    serde_json::to_string_pretty(json).unwrap()
}

fn local(url: &str) -> &str {
    url.strip_prefix("http://sandbox.test").unwrap_or(url)
}
