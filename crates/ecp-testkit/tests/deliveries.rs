//! Operations from the sandbox's Data API to a receiver, over loopback: asked for by the client,
//! signed, sent again, and told apart from callbacks.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use ecp_core::model::Callback;
use ecp_core::{SecretKey, Sensitive};
use ecp_methods::Jeton;
use ecp_methods::request::{Account, Customer, PayoutRequest};
use ecp_notify::{
    CallbackStore, OperationsReceiver, OperationsStore, OperationsVerifier, Receiver, Server,
    StoreError, Verified, VerifiedOperations, Verifier,
};
use ecp_sandbox::{
    Config, Event, EventKind, EventStream, Fault, FaultRule, Project, Sandbox, Schedule,
};
use ecp_transport::{
    DataApi, Destination, Gate, OperationsQuery, ReqwestTransport, TransportError,
};
use http::StatusCode;
use tower::ServiceExt as _;

/// Of the project and of the token: then nothing but its form tells a message's kind.
const KEY: &str = Config::DEMO_KEY;

/// Keeps what comes, on both addresses.
#[derive(Clone, Default)]
struct Books {
    pages: Arc<Mutex<Vec<Vec<String>>>>,
    callbacks: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl OperationsStore for Books {
    async fn store(&self, page: VerifiedOperations) -> Result<(), StoreError> {
        let ids = page.operations().filter_map(|one| one.get("payment_id").map(str::to_owned));
        self.pages.lock().unwrap().push(ids.collect());
        Ok(())
    }
}

#[async_trait]
impl CallbackStore for Books {
    async fn store(&self, callback: Verified<Callback>) -> Result<(), StoreError> {
        let id = callback.payment_id().unwrap().to_string();
        self.callbacks.lock().unwrap().push(id);
        Ok(())
    }
}

/// A sandbox that listens, and a merchant that takes callbacks and operations, all on loopback.
struct World {
    sandbox: Sandbox,
    events: EventStream,
    url: String,
    shop: String,
    books: Books,
    /// How many requests to the merchant are answered 500 before it.
    failures: Arc<AtomicUsize>,
    data: DataApi,
}

impl World {
    async fn new() -> Self {
        let key = || Sensitive::new(KEY.to_owned());
        let config = Config::new()
            .project(Project::new(Config::DEMO_PROJECT, key()))
            .data_token(Config::DEMO_TOKEN, key(), [])
            .schedule(Schedule::every(Duration::from_millis(5), 4));
        let sandbox = Sandbox::new(config);
        let url = sandbox.listen().await.unwrap();
        let (books, failures) = (Books::default(), Arc::<AtomicUsize>::default());
        let shop = serve(routes(&books), Arc::clone(&failures));
        let token = Sensitive::new(Config::DEMO_TOKEN.to_owned());
        let transport = ReqwestTransport::plain_http().unwrap();
        let data = DataApi::new(token, &SecretKey::new(KEY).unwrap(), transport);
        let (data, events) = (data.base_url(&url).unwrap(), sandbox.subscribe());
        Self { sandbox, events, url, shop, books, failures, data }
    }

    /// Pays out, with callbacks to this path of the merchant.
    async fn payout(&self, id: &str, path: &str) {
        let key = SecretKey::new(KEY).unwrap();
        let transport = ReqwestTransport::plain_http().unwrap();
        let gate = Gate::new(Config::DEMO_PROJECT, &key, transport).base_url(&self.url).unwrap();
        let payout = PayoutRequest::new(id.parse().unwrap(), "300.00 EUR".parse().unwrap())
            .callback_url(format!("{}{path}", self.shop))
            .customer(Customer::new().ip_address("192.0.2.1"))
            .account(Account::new().number("93017949"));
        gate.payout(&Jeton, &payout).await.unwrap();
    }

    fn to(&self, path: &str) -> Destination {
        Destination::new(&format!("{}{path}", self.shop)).unwrap()
    }

    /// The answers to the attempts of one message, the last of which is not repeated.
    async fn answers(&mut self, attempt: impl Fn(&EventKind) -> Option<Attempt>) -> Vec<u16> {
        let mut answers = Vec::new();
        let all = async {
            loop {
                let Event { kind, .. } = self.events.next().await.unwrap();
                if let Some((status, is_last)) = attempt(&kind) {
                    answers.push(status);
                    if is_last {
                        return;
                    }
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), all).await.unwrap();
        answers
    }
}

/// The HTTP status, 0 without an answer, and whether it is the last attempt.
type Attempt = (u16, bool);

fn of_operations(kind: &EventKind) -> Option<Attempt> {
    match kind {
        EventKind::OperationsAttempted { answer, retry_in, .. } => {
            Some((*answer.as_ref().unwrap_or(&0), retry_in.is_none()))
        }
        _ => None,
    }
}

fn of_callbacks(kind: &EventKind) -> Option<Attempt> {
    match kind {
        EventKind::CallbackAttempted { answer, retry_in, .. } => {
            Some((*answer.as_ref().unwrap_or(&0), retry_in.is_none()))
        }
        _ => None,
    }
}

fn routes(books: &Books) -> Router {
    let key = SecretKey::new(KEY).unwrap();
    let callbacks = Receiver::new(Verifier::new().key(Config::DEMO_PROJECT, &key), books.clone());
    let pages = OperationsReceiver::new(OperationsVerifier::new().key(&key), books.clone());
    callbacks.into_router("/callbacks").merge(pages.into_router("/operations/5fe1c9"))
}

/// The merchant's address. So many requests are answered 500 before they reach the merchant.
fn serve(routes: Router, failures: Arc<AtomicUsize>) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = move |request: Request<Body>| {
        let (routes, failures) = (routes.clone(), Arc::clone(&failures));
        async move {
            let fail = |left: usize| left.checked_sub(1);
            if failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fail).is_ok() {
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
            let answer: Response = routes.oneshot(request).await.into_response();
            answer
        }
    };
    let shop = Router::new().fallback(answer);
    tokio::spawn(Server::new().serve(listener, shop, std::future::pending()));
    url
}

fn query(size: usize) -> OperationsQuery {
    let projects = [Config::DEMO_PROJECT];
    let query = OperationsQuery::new(projects, "2020-01-01 00:00:00", "2099-01-01 00:00:00");
    query.unwrap().page_size(size)
}

#[tokio::test]
async fn pages_are_asked_for_one_after_the_other_and_stored_once() {
    let mut world = World::new().await;
    for id in ["P-1", "P-2", "P-3"] {
        world.payout(id, "/callbacks").await;
        assert_eq!(world.answers(of_callbacks).await, [200]);
    }
    // The merchant is down at first, and each page comes twice more.
    world.failures.store(2, Ordering::SeqCst);
    let copies = Fault::DuplicateCallback { copies: 2 };
    world.sandbox.add_fault(FaultRule::new(copies).path("/operations/get").times(1));
    let mut next = Some(query(2));
    let mut counts = Vec::new();
    while let Some(query) = next.take() {
        let requested = world.data.request_delivery(&query, &world.to("/operations/5fe1c9")).await;
        let requested = requested.unwrap();
        counts.push(requested.operations);
        next = requested.next;
    }
    assert_eq!(counts, [Some(2), Some(1)]);
    // Two pages, one of them three times.
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.extend(world.answers(of_operations).await);
    }
    answers.sort_unstable();
    let repeated = answers.iter().filter(|status| **status == 503).count();
    answers.retain(|status| *status != 503);
    assert_eq!(answers, [200, 200, 200, 200, 500, 500], "{repeated} while it was being stored");
    let mut pages = world.books.pages.lock().unwrap().clone();
    pages.sort();
    assert_eq!(pages, [vec!["P-1", "P-2"], vec!["P-3"]]);
    assert_eq!(*world.books.callbacks.lock().unwrap(), ["P-1", "P-2", "P-3"]);
}

#[tokio::test]
async fn the_platform_answers_before_the_page_comes() {
    let mut world = World::new().await;
    let rule = FaultRule::new(Fault::DelayCallback(Duration::from_millis(100)));
    world.sandbox.add_fault(rule.path("/operations/get"));
    let requested = world.data.request_delivery(&query(10), &world.to("/operations/5fe1c9")).await;
    assert_eq!(requested.unwrap().operations, Some(0));
    assert!(world.books.pages.lock().unwrap().is_empty());
    assert_eq!(world.answers(of_operations).await, [200]);
    assert_eq!(*world.books.pages.lock().unwrap(), [Vec::<String>::new()]);
}

#[tokio::test]
async fn a_changed_page_and_a_wrong_signature_are_refused() {
    let mut world = World::new().await;
    world.payout("P-1", "/callbacks").await;
    assert_eq!(world.answers(of_callbacks).await, [200]);
    world.sandbox.add_fault(FaultRule::new(Fault::WrongSignature).path("/operations/get").times(1));
    let to = world.to("/operations/5fe1c9");
    world.data.request_delivery(&query(10), &to).await.unwrap();
    // It stays what it is, however often it comes.
    assert_eq!(world.answers(of_operations).await, [403; 4]);
    assert!(world.books.pages.lock().unwrap().is_empty());

    world.data.request_delivery(&query(10), &to).await.unwrap();
    assert_eq!(world.answers(of_operations).await, [200]);
    let sent = world.sandbox.events().into_iter().rev().find_map(|event| match event.kind {
        EventKind::OperationsAttempted { body, .. } => Some(body.text()),
        _ => None,
    });
    let changed = sent.unwrap().replace("30000", "90000");
    let request = Request::post("/operations/5fe1c9").body(Body::from(changed)).unwrap();
    let answer = routes(&world.books).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(*world.books.pages.lock().unwrap(), [["P-1"]]);
}

#[tokio::test]
async fn callbacks_and_operations_do_not_pass_for_one_another_with_one_key() {
    let mut world = World::new().await;
    world.payout("P-1", "/operations/5fe1c9").await;
    assert_eq!(world.answers(of_callbacks).await, [403; 4]);
    world.data.request_delivery(&query(10), &world.to("/callbacks")).await.unwrap();
    assert_eq!(world.answers(of_operations).await, [403; 4]);
    assert!(world.books.pages.lock().unwrap().is_empty());
    assert!(world.books.callbacks.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_without_a_list_is_taken_for_what_it_is() {
    use ecp_core::signature::{self, Place, Rules, SigningKey};

    #[derive(Debug)]
    struct Says(u16, Vec<u8>, Mutex<Vec<serde_json::Value>>);

    #[async_trait]
    impl ecp_transport::HttpTransport for Says {
        async fn send(
            &self,
            request: http::Request<bytes::Bytes>,
        ) -> Result<http::Response<bytes::Bytes>, TransportError> {
            self.2.lock().unwrap().push(serde_json::from_slice(request.body()).unwrap());
            let answer = http::Response::builder().status(self.0);
            Ok(answer.body(self.1.clone().into()).unwrap())
        }
    }

    let key = SecretKey::new(KEY).unwrap();
    let signed = |json: &str| {
        let key = SigningKey::new(&key);
        signature::sign_document(&key, json.as_bytes(), Place::Root, Rules::private()).unwrap()
    };
    let table = [
        (200, signed(r#"{"status":"success","request_id":"r"}"#), Ok(None)),
        (200, br#"{"status":"success"}"#.to_vec(), Ok(None)),
        (202, Vec::new(), Ok(None)),
        (200, signed(r#"{"operations":[{},{}]}"#), Ok(Some(2))),
        // An unsigned list counts for nothing.
        (200, br#"{"operations":[{},{}]}"#.to_vec(), Ok(None)),
        (200, br#"{"status":"error","code":702}"#.to_vec(), Err("code 702")),
        (400, Vec::new(), Err("HTTP status 400")),
        (200, signed(r#"{"payment":{"id":"X1"}}"#), Err("`payment`")),
        (200, b"<html>".to_vec(), Err("line 1")),
    ];
    for (status, body, expected) in table {
        let says = Arc::new(Says(status, body.clone(), Mutex::default()));
        let token = Sensitive::new("t".to_owned());
        let data = DataApi::new(token, &key, says.clone()).destination_name("callback_url");
        let to = Destination::new("https://shop.example/operations").unwrap();
        let requested = data.request_delivery(&query(2), &to).await;
        let found = requested.as_ref().map(|requested| requested.operations);
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{body:?}"),
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
            (found, _) => panic!("{found:?}"),
        }
        let next = requested.is_ok_and(|requested| requested.next.is_some());
        assert_eq!(next, expected.is_ok(), "a full page, or one that only the receiver knows");
        let asked = says.2.lock().unwrap()[0].clone();
        assert_eq!(asked["callback_url"], "https://shop.example/operations");
        assert_eq!(asked.get("destination"), None);
    }
}

#[test]
fn pages_go_only_to_addresses_that_nobody_else_can_read() {
    for (url, words) in [
        ("/x", "it has no scheme or no host"),
        ("http://shop.example/x", "plain HTTP is only allowed to this machine"),
        ("ftp://shop.example/x", "its scheme must be https"),
        ("https://a:b@shop.example/x", "it holds a user name: leave it out"),
        ("https://shop.example/x;y:1", "it holds `#` or `;`: leave them out"),
        ("https://shop.example/#x", "it holds `#` or `;`: leave them out"),
        ("https:///x", "it is not a URL such as"),
    ] {
        let error = Destination::new(url).unwrap_err().to_string();
        assert!(error.contains(words), "{url}: {error}");
    }
    for url in ["https://shop.example/operations?q=1", "http://127.0.0.1:1/x", "http://[::1]/"] {
        assert!(!format!("{:?}", Destination::new(url).unwrap()).contains("//"));
    }
}
