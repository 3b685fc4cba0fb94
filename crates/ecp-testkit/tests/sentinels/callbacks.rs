//! Callbacks and questions: genuine, forged, malformed, and into stores and handlers that fail.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ecp_core::Sensitive;
use ecp_core::model::{Callback, DepositCheck};
use ecp_inbox::Observed;
use ecp_inbox::sqlite::SqliteInbox;
use ecp_methods::request::{Field, PayoutRequest, SaleRequest};
use ecp_methods::{Operation, Registry, prepare_dyn};
use ecp_notify::{
    CallbackStore, Confirmations, Decision, DepositHandler, Head, OperationsReceiver,
    OperationsStore, OperationsVerifier, Receiver, Server, StoreError, Unreadable, Verified,
    VerifiedOperations, Verifier,
};
use ecp_sandbox::{Config, Fault, FaultRule, Project, Sandbox};
use ecp_testkit::sentinels::Capture;
use ecp_transport::{Gate, HttpTransport, TowerTransport};
use http::Request;

use crate::marks::{
    BAD, KEY, OTHER_KEY, UNKNOWN, WALLET, callback, id, marked, project, secret, sign, sign_with,
    value,
};

pub(crate) fn verifier() -> Verifier {
    Verifier::new().key(project(), &secret(KEY))
}

/// Prints what it is given, as a careless shop would, and fails as the payment's id says.
struct Careless(Capture);

#[async_trait]
impl CallbackStore for Careless {
    async fn store(&self, callback: Verified<Callback>) -> Result<(), StoreError> {
        self.0.debug("a verified callback", &callback);
        match callback.payment_id().map_or("", |id| id.as_str()) {
            "fails" => Err("the disk is full".into()),
            "panics" => panic!("the store has a bug"),
            "hangs" => std::future::pending().await,
            _ => Ok(()),
        }
    }

    async fn store_unreadable(&self, unreadable: Unreadable) -> Result<(), StoreError> {
        self.0.debug("an unreadable callback", &unreadable);
        Err(Box::new(unreadable.error().clone()))
    }
}

/// Every way in which a body can be wrong, and some in which it is right.
fn bodies() -> Vec<Vec<u8>> {
    let genuine = sign(&callback("X1", "success", 7));
    let text = String::from_utf8(genuine.clone()).unwrap();
    let mut bodies = vec![
        callback("X1", "success", 7).into_bytes(),
        sign_with(OTHER_KEY, &callback("X1", "success", 7)),
        text.replace("10000", "10001").into_bytes(),
        text.replace("10000", "\"10000\"").into_bytes(),
        text.replace("10000", &format!("\"{BAD}\"")).into_bytes(),
        text.replace("1236", "1237").into_bytes(),
        text.replace("1236", &format!("\"{BAD}\"")).into_bytes(),
        text.replacen('{', &format!("{{\"frame_mode\":\"{BAD}\","), 1).into_bytes(),
        text.replacen('{', "{\"payment\":1,", 1).into_bytes(),
        [genuine.as_slice(), b"x"].concat(),
        sign(&callback("X1", BAD, 7).replace(BAD, "gone fishing")),
        sign(
            &callback("X1", "success", 7)
                .replace("\"amount\":10000", &format!("\"amount\":\"{BAD}\"")),
        ),
        sign(&format!("{{\"project_id\":1236,\"payment_id\":\"X1\",\"customer_id\":\"{BAD}\"}}")),
        vec![b'x'; 300 * 1024],
    ];
    for status in ["success", "decline", "processing", "awaiting redirect result", "refunded"] {
        bodies.push(sign(&callback("X1", status, 7)));
    }
    for payment in ["fails", "panics", "hangs"] {
        bodies.push(sign(&callback(payment, "success", 8)));
    }
    bodies.extend((0..genuine.len()).step_by(97).map(|end| genuine[..end].to_vec()));
    bodies
}

pub(crate) async fn receiver(capture: &Capture) {
    let receiver = Receiver::new(verifier(), Careless(capture.clone()))
        .store_deadline(Duration::from_millis(50))
        .observer(capture.clone());
    capture.debug("a receiver", &receiver);
    for body in bodies().into_iter().chain([question(10), question(-1)]) {
        capture.debug("a reply", &receiver.receive(&body).await);
        capture.result("verified", &verifier().verify(&body));
        if let Ok(document) = verifier().read(&body) {
            capture.result("verified, borrowed", &verifier().verify_document(&document).map(drop));
        }
        capture.result("a question verified", &verifier().verify_deposit_check(&body));
    }
    // And as an endpoint, for whatever is no POST of JSON.
    let endpoint = TowerTransport::new(receiver.into_router("/callbacks"));
    for (method, encoding) in [("GET", ""), ("POST", "gzip"), ("POST", "identity")] {
        let uri = "http://localhost/callbacks";
        let request = Request::builder().method(method).uri(uri).header("x-note", UNKNOWN);
        let request = request.header("content-encoding", encoding);
        let body = sign(&callback("X1", "success", 7));
        capture.result("an answer", &endpoint.send(request.body(body.into()).unwrap()).await);
    }
}

/// The platform's question about an amount.
fn question(amount: i64) -> Vec<u8> {
    sign(&format!(
        r#"{{"type":"check_deposit","project_id":1236,"payment_id":"X1","amount":{amount},
            "customer_id":"{}","currency":"EUR","payment_method":"a-voucher","note":"{WALLET}"}}"#,
        value(Field::CUSTOMER_ID)
    ))
}

/// Accepts, refuses, fails, hangs or panics, as the amount says.
struct ByAmount(Capture);

#[async_trait]
impl DepositHandler for ByAmount {
    async fn confirm(&self, check: &Verified<DepositCheck>) -> Result<Decision, StoreError> {
        self.0.debug("a question", check);
        match check.amount {
            2 => Ok(Decision::REFUSE),
            3 => Err("the orders cannot be read".into()),
            4 => std::future::pending().await,
            5 => panic!("the handler has a bug"),
            _ => Ok(Decision::Accept),
        }
    }
}

pub(crate) async fn confirmations(capture: &Capture) {
    let confirmations = || {
        Confirmations::new(verifier(), ByAmount(capture.clone()))
            .deadline(Duration::from_millis(50))
            .observer(capture.clone())
    };
    capture.debug("confirmations", &confirmations());
    let receiver = Receiver::new(verifier(), Careless(capture.clone()))
        .confirmations(confirmations())
        .observer(capture.clone());
    let alone = Arc::new(confirmations());
    let forged = String::from_utf8(question(1)).unwrap().replace("EUR", "USD").into_bytes();
    let bare = sign("{\"type\":\"check_deposit\",\"project_id\":1236}");
    for body in (1..=5).map(question).chain([forged, bare, callback("X1", "success", 7).into()]) {
        capture.debug("a reply", &receiver.receive(&body).await.status);
        let alone = Arc::clone(&alone);
        // It may panic.
        let answer = tokio::spawn(async move { alone.answer(&body).await.status }).await;
        capture.debug("an answer", &answer.is_ok());
    }
}

#[async_trait]
impl OperationsStore for Careless {
    async fn store(&self, page: VerifiedOperations) -> Result<(), StoreError> {
        self.0.debug("a page of operations", &page);
        let operation = page.operations().next();
        self.0.debug("an operation", &operation);
        match operation.as_ref().and_then(|operation| operation.get("payment_id")) {
            Some("fails") => Err("the disk is full".into()),
            Some("panics") => panic!("the store has a bug"),
            Some("hangs") => std::future::pending().await,
            _ => Ok(()),
        }
    }
}

/// Pages of operations: genuine, forged, malformed, and into a store that fails.
pub(crate) async fn operations(capture: &Capture) {
    let verifier = || OperationsVerifier::new().key(&secret(KEY));
    let receiver = OperationsReceiver::new(verifier(), Careless(capture.clone()))
        .store_deadline(Duration::from_millis(50))
        .observer(capture.clone());
    capture.debug("a receiver of operations", &receiver);
    let page = |payment: &str| {
        format!(
            r#"{{"operations":[{{"payment_id":"{payment}","customer_id":"{}","note":"{WALLET}"}}]}}"#,
            value(Field::CUSTOMER_ID)
        )
    };
    let genuine = sign(&page("X1"));
    let mut bodies: Vec<Vec<u8>> = vec![
        page("unsigned").into_bytes(),
        sign_with(OTHER_KEY, &page("X1")),
        String::from_utf8(genuine.clone()).unwrap().replace("X1", BAD).into_bytes(),
        sign(&format!("{{\"operations\":\"{BAD}\"}}")),
        sign(&callback("X1", "success", 7)),
        genuine.clone(),
        genuine.clone(),
        genuine[..genuine.len() / 2].to_vec(),
    ];
    bodies.extend(["fails", "panics", "hangs"].map(|payment| sign(&page(payment))));
    for body in bodies {
        capture.result("operations verified", &verifier().verify(&body).map(drop));
        let admitted = receiver.admit(&Head::new("POST")).unwrap();
        capture.debug("a reply", &receiver.receive(admitted, body).await);
    }
}

/// From the platform's own callbacks, over sockets, to a handler; with callbacks that the platform
/// spoils, sends twice and signs wrongly.
pub(crate) async fn whole_way(capture: &Capture) {
    let folder = tempfile::tempdir().unwrap();
    let inbox = SqliteInbox::open(folder.path().join("inbox.sqlite")).await.unwrap();
    let store = Observed::new(inbox.clone(), capture.clone());
    let receiver = Receiver::new(verifier(), store)
        .confirmations(Confirmations::new(verifier(), ByAmount(capture.clone())))
        .observer(capture.clone());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let hook = format!("http://{}/callbacks", listener.local_addr().unwrap());
    let shop = receiver.into_router("/callbacks");
    let serving = tokio::spawn(Server::new().serve(listener, shop, std::future::pending()));

    let shop = Project::new(project(), Sensitive::new(KEY.to_owned()))
        .callback_url(hook.clone())
        .confirmation_url(hook);
    let config = Config::new().project(shop).public_url("http://localhost");
    let config = [Fault::WrongSignature, Fault::MissingSignature, Fault::UnknownStatus]
        .into_iter()
        .fold(config, |config, fault| config.fault(FaultRule::new(fault).times(2)));
    let sandbox = Sandbox::new(config);
    let transport = TowerTransport::new(sandbox.router());
    let gate = Gate::new(project(), &secret(KEY), transport).observer(capture.clone());

    let registry = Registry::builtin();
    let mut delivered = 0;
    for method in registry.iter() {
        let currency = method.spec().currencies()[0];
        for flow in method.spec().flows() {
            let amount = method.spec().rule(flow).unwrap().example_amount(currency);
            let payment = id(&format!("{}-{flow}", method.spec().code()));
            match flow {
                Operation::SALE => {
                    let sale = marked!(SaleRequest::new(payment, amount));
                    // A method that is not on Gate, or has fields of its own, is passed by.
                    let Ok(sale) = prepare_dyn(method, sale) else { continue };
                    gate.send(&sale).await.unwrap();
                }
                Operation::PAYOUT => {
                    let payout = marked!(PayoutRequest::new(payment, amount));
                    let Ok(payout) = prepare_dyn(method, payout) else { continue };
                    gate.send(&payout).await.unwrap();
                }
                _ => {}
            }
        }
    }
    for _ in 0..200 {
        let events = sandbox.events();
        delivered = events.iter().filter(|event| event.is_delivery()).count();
        if delivered > 5 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(delivered > 5, "{delivered}");
    crate::inbox::work(capture, Arc::new(inbox)).await;
    for event in sandbox.events() {
        capture.debug("an event", &event);
    }
    sandbox.shutdown();
    serving.abort();
}
