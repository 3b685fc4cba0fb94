//! A merchant, a customer and a sandbox between them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::routing::post;
use ecp_core::{SecretKey, Sensitive, SteppedClock, signature};
use ecp_methods::request::{Field, Format};
use ecp_methods::{EcoVoucher, Jeton, MethodSpec, Registry, TouchNGo, WalletPartner};
use ecp_sandbox::{Config, Event, EventStream, Project, Sandbox, Schedule};
use http::{HeaderMap, Request, StatusCode, Uri, header};
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

/// The methods that tests name, whatever else is built in.
pub(crate) fn named_methods() -> Registry {
    let registry = Registry::empty().with(EcoVoucher).unwrap().with(Jeton).unwrap();
    registry.with(TouchNGo).unwrap().with(WalletPartner).unwrap()
}

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
            .registry(named_methods())
            .clock(clock.clone())
            .public_url("http://sandbox.test/")
            .schedule(Schedule::every(Duration::from_millis(5), 10));
        Self { sandbox: Sandbox::new(adjust(config)), shop: Shop::open().await, clock }
    }

    /// A sandbox with another project in place of the one before.
    pub(crate) fn reopen(&mut self, project: impl FnOnce(Project) -> Project) {
        let key = Sensitive::new(Config::DEMO_KEY.to_owned());
        let config = Config::new()
            .registry(named_methods())
            .public_url("http://sandbox.test/")
            .project(project(Project::new(Config::DEMO_PROJECT, key)));
        self.sandbox = Sandbox::new(config);
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
        let (parts, mut body) = response.into_parts();
        // A stream of events does not end: its beginning is enough.
        let is_stream = |kind: &http::HeaderValue| kind == "text/event-stream";
        let body = if parts.headers.get(header::CONTENT_TYPE).is_some_and(is_stream) {
            body.frame().await.unwrap().unwrap().into_data().unwrap()
        } else {
            body.collect().await.unwrap().to_bytes()
        };
        let text = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// What the customer sees at an address of the sandbox.
    pub(crate) async fn open(&self, url: &str) -> Answer {
        self.call(Request::get(local(url)).body(Body::empty()).unwrap()).await
    }

    /// Presses a button of the page at an address.
    pub(crate) async fn press(&self, url: &str, decision: &str) -> Answer {
        self.choose(url, &format!("decision={decision}")).await
    }

    /// Sends the form of the page at an address.
    pub(crate) async fn choose(&self, url: &str, form: &str) -> Answer {
        self.submit(&format!("{url}/decision"), form).await
    }

    pub(crate) async fn submit(&self, url: &str, form: &str) -> Answer {
        let request = Request::post(local(url))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.call(request.body(form.to_owned().into()).unwrap()).await
    }

    /// Registers a sale and receives the callback that says where to send the customer.
    pub(crate) async fn sale_up_to_redirect(&mut self, request: Value) -> String {
        self.sale_at(SALE, request).await
    }

    /// The same for any method's sale.
    pub(crate) async fn sale_at(&mut self, path: &str, request: Value) -> String {
        let answer = self.send(path, request).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
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

/// A merchant's listener for callbacks and confirmations. It answers 200, and every amount is
/// welcome, unless told otherwise.
pub(crate) struct Shop {
    pub(crate) url: String,
    received: mpsc::UnboundedReceiver<Received>,
    questions: mpsc::UnboundedReceiver<Received>,
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
    replies: Arc<Mutex<VecDeque<(StatusCode, String)>>>,
    /// Whoever holds it keeps the shop from answering.
    pub(crate) busy: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
}

#[derive(Clone)]
struct Counter {
    sender: mpsc::UnboundedSender<Received>,
    asker: mpsc::UnboundedSender<Received>,
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
    replies: Arc<Mutex<VecDeque<(StatusCode, String)>>>,
    busy: Arc<tokio::sync::Mutex<()>>,
}

impl Shop {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/callback", listener.local_addr().unwrap());
        let (sender, received) = mpsc::unbounded_channel();
        let (asker, questions) = mpsc::unbounded_channel();
        let answers = Arc::new(Mutex::new(VecDeque::new()));
        let replies = Arc::new(Mutex::new(VecDeque::new()));
        let busy = Arc::new(tokio::sync::Mutex::new(()));
        let counter = Counter {
            sender,
            asker,
            answers: answers.clone(),
            replies: replies.clone(),
            busy: busy.clone(),
        };
        let router = Router::new().route("/{*path}", post(receive)).with_state(counter);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, received, questions, answers, replies, busy }
    }

    /// The reply to the next question.
    pub(crate) fn reply(&self, status: u16, body: &str) {
        let status = StatusCode::from_u16(status).unwrap();
        self.replies.lock().unwrap().push_back((status, body.to_owned()));
    }

    pub(crate) async fn next_question(&mut self) -> Received {
        let question = tokio::time::timeout(PATIENCE, self.questions.recv()).await;
        question.expect("a question comes").expect("the shop is open")
    }

    /// Questions that came and were not looked at.
    pub(crate) fn other_questions(&mut self) -> Vec<Received> {
        std::iter::from_fn(|| self.questions.try_recv().ok()).collect()
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
    State(counter): State<Counter>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(header::HeaderName, &'static str); 1], String) {
    let Counter { sender, asker, answers, replies, busy } = counter;
    let content_type =
        headers.get(header::CONTENT_TYPE).map_or("", |value| value.to_str().unwrap());
    let document: Value = serde_json::from_slice(&body).unwrap_or_default();
    let is_question = document["type"] == "check_deposit";
    let received =
        Received { path: uri.path().to_owned(), content_type: content_type.to_owned(), body };
    let _ = if is_question { asker.send(received) } else { sender.send(received) };
    drop(busy.lock().await);
    let (status, body) = if is_question {
        let welcome = json!({"code": 0, "payment_id": document["payment_id"]}).to_string();
        replies.lock().unwrap().pop_front().unwrap_or((StatusCode::OK, welcome))
    } else {
        (answers.lock().unwrap().pop_front().unwrap_or(StatusCode::OK), String::new())
    };
    // Redirects must not be followed: this one would come back here.
    (status, [(header::LOCATION, "/callback")], body)
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

pub(crate) fn verify(body: &[u8]) {
    let key = signature::SigningKey::new(&SecretKey::new(Config::DEMO_KEY).unwrap());
    let found = signature::verify(&[key], body).unwrap();
    assert_eq!(found.order, signature::Order::Natural);
    let body: Value = serde_json::from_slice(body).unwrap();
    assert!(body["signature"].is_string(), "the signature stands at the root");
}

pub(crate) fn signed(mut request: Value) -> Value {
    let key = Sensitive::new(Config::DEMO_KEY.to_owned());
    let signature = ecp_sandbox::signature::sign(&key, &request);
    match request.get_mut("general") {
        Some(general) => general["signature"] = signature.into(),
        None => request["signature"] = signature.into(),
    }
    request
}

/// Sets a member by its path, with the objects that it needs.
pub(crate) fn set(request: &mut Value, path: &str, value: Value) {
    *path.split('.').fold(request, |object, name| &mut object[name]) = value;
}

/// Sets a field to its example, which is a number or an object where its format says so.
pub(crate) fn set_example(request: &mut Value, field: Field) {
    let example = field.example();
    let value = match field.format() {
        Format::Integer | Format::Object => serde_json::from_str(example).unwrap(),
        _ => example.into(),
    };
    set(request, field.path(), value);
}

/// Sets the answers to what the platform would ask before the customer of a sale can pay.
pub(crate) fn set_answers(request: &mut Value, spec: &MethodSpec) {
    for question in spec.testing().sale_questions() {
        let path = format!("{}.{}", question.object(), question.name());
        let known = Field::KNOWN.iter().find(|field| field.path() == path);
        match (question.kind(), known) {
            ("boolean", _) => set(request, &path, true.into()),
            (_, Some(&field)) => set_example(request, field),
            (_, None) => set(request, &path, question.default_value().unwrap_or("any").into()),
        }
    }
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

/// A page without the parts of addresses that change with the content of assets.
pub(crate) fn unversioned(page: &str) -> String {
    let mut parts = page.split("/assets/");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('-').unwrap();
        text.push_str("/assets/");
        text.push_str(name);
        text.push_str(&rest[rest.find('.').unwrap()..]);
    }
    text
}

/// The body of a form, or a query.
pub(crate) fn form_encoded(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

pub(crate) fn pretty(json: &Value) -> String {
    serde_json::to_string_pretty(json).unwrap()
}

fn local(url: &str) -> &str {
    url.strip_prefix("http://sandbox.test").unwrap_or(url)
}
