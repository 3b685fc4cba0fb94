//! Every message that the four documents print, compared with the sandbox's: the same payment is made
//! there, with the request that the same document prints.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use bytes::Bytes;
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{Currency, Money, PaymentId, SecretKey, Sensitive};
use ecp_sandbox::{Config, Decision, Project, Sandbox};
use ecp_testkit::differences;
use form_urlencoded::Serializer;
use serde_json::{Map, Value, json};
use tower::ServiceExt;

/// How the payment of a sample comes about.
#[derive(Clone, Copy)]
enum Way {
    /// By Gate; the customer presses a button, with an amount if the sale asked for 0.
    Sale(Decision, Option<i64>),
    /// By Gate; the customer does not come.
    Late,
    /// By the Payment Page.
    Page(Decision),
    Payout,
    /// A payout of a merchant without money.
    Poor,
    /// After a sale.
    Refund,
}

const PAY: Way = Way::Sale(Decision::Success, None);
const REFUSE: Way = Way::Sale(Decision::Decline, None);

/// The callbacks, each with the printed request, what it has besides, and the way to it.
fn callbacks() -> Vec<(&'static str, &'static str, Value, Way)> {
    let page = json!({
        "payment_amount": "50000", "payment_currency": "MYR", "customer_id": "customer_123",
        "force_payment_method": "touchngo_wallet",
    });
    // Without the customer's id, as in the sample; Gate demands it.
    let guest = json!({
        "payment_amount": "15000", "payment_currency": "INR", "customer_phone": "123456789",
        "customer_first_name": "Mary", "customer_last_name": "Smith",
        "customer_email": "smith@example.com", "payment_description": "TEST",
        "force_payment_method": "wallet-partner",
    });
    // The page lets this amount alone show the account of a successful sale in tests.
    let shown = json!({"payment.amount": 20_400, "payment.description": "deposit"});
    let deposit = json!({"payment.amount": 40_000, "payment.description": "deposit"});
    let payout = json!({"customer.id": "543085", "payment.description": "withdrawal"});
    let declined = json!({"payment.amount": 40_000});
    let refund = json!({"payment.merchant_refund_id": "TEST_554862"});
    let too_much = json!({
        "payment.merchant_refund_id": "TEST_554862",
        "payment.amount": 60_000, "payment.currency": "INR",
    });
    let chosen = Way::Sale(Decision::Success, Some(1_000));
    vec![
        ("eco-voucher-sale-decline", "eco-voucher-sale", json!({}), Way::Late),
        ("eco-voucher-sale-success", "eco-voucher-sale", json!({}), chosen),
        ("jeton-payout-decline", "jeton-payout", payout.clone(), Way::Poor),
        ("jeton-payout-success", "jeton-payout", payout, Way::Payout),
        ("jeton-sale-decline", "jeton-sale", deposit, REFUSE),
        ("jeton-sale-success", "jeton-sale", shown, PAY),
        ("touchngo-payout-decline", "touchngo-payout", declined, Way::Payout),
        ("touchngo-payout-success", "touchngo-payout", json!({}), Way::Payout),
        ("touchngo-sale-decline-gate", "touchngo-sale", json!({}), REFUSE),
        ("touchngo-sale-decline-page", "touchngo", page.clone(), Way::Page(Decision::Decline)),
        ("touchngo-sale-success-gate", "touchngo-sale", json!({}), PAY),
        ("touchngo-sale-success-page", "touchngo", page, Way::Page(Decision::Success)),
        ("wallet-partner-refund-decline", "wallet-partner-refund", too_much, Way::Refund),
        ("wallet-partner-refund-success", "wallet-partner-refund", refund, Way::Refund),
        ("wallet-partner-sale-decline", "wallet-partner-sale", json!({}), REFUSE),
        ("wallet-partner-sale-success", "wallet-partner", guest, Way::Page(Decision::Success)),
    ]
}

/// Where Gate takes a printed request.
fn path(request: &str) -> &'static str {
    match request {
        "eco-voucher-sale" => "/v2/payment/voucher/eco-voucher/sale",
        "jeton-payout" => "/v2/payment/wallet/jeton/payout",
        "jeton-sale" => "/v2/payment/wallet/jeton/sale",
        "touchngo-payout" => "/v2/payment/wallet/touchngo/payout",
        "touchngo-sale" => "/v2/payment/wallet/touchngo/sale",
        "wallet-partner-refund" => "/v2/payment/wallet-partner/refund",
        "wallet-partner-sale" => "/v2/payment/wallet-partner/sale",
        other => panic!("no path for {other}"),
    }
}

fn folder(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../ecp-core/tests/samples").join(name)
}

fn printed(folder_name: &str, name: &str) -> Vec<u8> {
    let path = folder(folder_name).join(format!("{name}.json"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// How many samples there are in a folder.
fn count(name: &str) -> usize {
    std::fs::read_dir(folder(name)).unwrap().count()
}

/// A sandbox, and what it sends.
struct World {
    sandbox: Sandbox,
    sent: Arc<Mutex<Vec<Bytes>>>,
}

impl World {
    fn new() -> Self {
        Self::of(PAY)
    }

    fn of(way: Way) -> Self {
        let funds = if matches!(way, Way::Poor) { 0 } else { 100_000_000 };
        let sent: Arc<Mutex<Vec<Bytes>>> = Arc::default();
        let inbox = sent.clone();
        let project =
            Project::new(Config::DEMO_PROJECT, Sensitive::new(Config::DEMO_KEY.to_owned()))
                .callback_url("http://shop.test/callbacks")
                .balance(Money::from_minor(funds, Currency::EUR));
        let config = Config::new()
            .project(project)
            .public_url("http://sandbox.test")
            .virtual_time("2019-04-15T16:31:13+0000".parse().unwrap())
            .merchant(move |request: Request<Bytes>| {
                let body = request.into_body();
                let message: Value = serde_json::from_slice(&body).unwrap();
                let answer = json!({"code": 0, "payment_id": message["payment_id"]});
                inbox.lock().unwrap().push(body);
                async move { Response::new(Bytes::from(answer.to_string())) }
            });
        Self { sandbox: Sandbox::new(config), sent }
    }

    /// Makes the payment of a sample.
    async fn play(&self, request: &str, more: &Value, way: Way) {
        match way {
            Way::Page(decision) => {
                self.open_page(request, more).await;
                self.decide(decision, None).await;
            }
            Way::Sale(decision, amount) => {
                self.gate(request, more).await;
                self.decide(decision, amount).await;
            }
            Way::Late => {
                self.gate(request, more).await;
                assert!(self.sandbox.advance(Duration::from_hours(2)).await);
            }
            Way::Payout | Way::Poor => self.gate(request, more).await,
            Way::Refund => {
                self.gate(&request.replace("refund", "sale"), &json!({})).await;
                self.decide(Decision::Success, None).await;
                self.gate(request, more).await;
            }
        }
        self.sandbox.settled().await;
    }

    async fn decide(&self, decision: Decision, amount: Option<i64>) {
        let id = PaymentId::new("X1").unwrap();
        let payment = self.sandbox.payment(Config::DEMO_PROJECT, &id).unwrap();
        let amount = amount.map(|minor| Money::from_minor(minor, payment.amount.currency()));
        assert!(self.sandbox.choose(Config::DEMO_PROJECT, &id, decision, amount));
        self.sandbox.settled().await;
    }

    /// Sends a printed request, signed for the sandbox.
    async fn gate(&self, request: &str, more: &Value) {
        let mut document: Value = serde_json::from_slice(&printed("gate", request)).unwrap();
        document["general"]["project_id"] = Config::DEMO_PROJECT.get().into();
        document["general"]["payment_id"] = "X1".into();
        document["general"].as_object_mut().unwrap().remove("signature");
        for (path, value) in more.as_object().unwrap() {
            let (object, name) = path.split_once('.').unwrap();
            document[object][name] = value.clone();
        }
        let body = serde_json::to_vec(&document).unwrap();
        let key = SigningKey::new(&SecretKey::new(Config::DEMO_KEY).unwrap());
        let signed = signature::sign_document(&key, &body, Place::General, Rules::private());
        let post = Request::post(path(request)).body(Body::from(signed.unwrap())).unwrap();
        self.call(post, 200).await;
        self.sandbox.settled().await;
    }

    /// Opens the Payment Page with these parameters, and chooses the method there.
    async fn open_page(&self, method: &str, parameters: &Value) {
        let mut parameters: Map<String, Value> = parameters.as_object().unwrap().clone();
        parameters.insert("project_id".to_owned(), Config::DEMO_PROJECT.to_string().into());
        parameters.insert("payment_id".to_owned(), "X1".into());
        let key = Sensitive::new(Config::DEMO_KEY.to_owned());
        let signature = ecp_sandbox::signature::sign(&key, &Value::Object(parameters.clone()));
        parameters.insert("signature".to_owned(), signature.into());
        let pairs = parameters.iter().map(|(name, value)| (name, value.as_str().unwrap()));
        let query = Serializer::new(String::new()).extend_pairs(pairs).finish();
        let open = Request::get(format!("/payment?{query}")).body(Body::empty()).unwrap();
        let page = self.call(open, 200).await;
        let (_, action) = page.split_once("<form method=\"post\" action=\"").expect("a form");
        let (action, _) = action.split_once('"').unwrap();
        let pay = Request::post(action)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(format!("method={method}")))
            .unwrap();
        self.call(pay, 303).await;
        self.sandbox.settled().await;
    }

    async fn call(&self, request: Request<Body>, status: u16) -> String {
        let response = self.sandbox.router().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert_eq!(parts.status, status, "{text}");
        text
    }

    fn sent(&self) -> Vec<Bytes> {
        self.sent.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn the_sandbox_sends_every_printed_callback_with_its_members_types_and_order() {
    let callbacks = callbacks();
    assert_eq!(callbacks.len(), count("callback"));
    let mut found = Vec::new();
    for (name, request, more, way) in callbacks {
        let world = World::of(way);
        world.play(request, &more, way).await;
        let sent = world.sent();
        let sample = printed("callback", name);
        // The same payment: its types and statuses are those of the sample.
        let (said, message): (Value, Value) = (
            serde_json::from_slice(&sample).unwrap(),
            serde_json::from_slice(sent.last().unwrap()).unwrap(),
        );
        for member in [
            "/payment/method",
            "/payment/type",
            "/payment/status",
            "/operation/type",
            "/operation/status",
        ] {
            assert_eq!(message.pointer(member), said.pointer(member), "{name}");
        }
        let provider = "/operation/provider/id";
        assert_eq!(message.pointer(provider), said.pointer(provider), "{name}");
        let differences = differences(&sample, sent.last().unwrap()).unwrap();
        found.extend(differences.into_iter().map(|difference| format!("{name}: {difference}")));
    }
    // No difference is allowed; one that had to be would be listed here with its reason.
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test]
async fn the_sandbox_redirects_with_the_members_that_the_documents_print() {
    let redirects = ["eco-voucher-sale", "jeton-sale", "touchngo-sale", "wallet-partner-sale"];
    assert_eq!(redirects.len(), count("redirect"));
    for name in redirects {
        let world = World::new();
        world.gate(name, &json!({})).await;
        let message: Value = serde_json::from_slice(&world.sent()[0]).unwrap();
        assert_eq!(message["payment"]["status"], "awaiting redirect result");
        let fragment = json!({"redirect_data": message["redirect_data"]}).to_string();
        let found = differences(&printed("redirect", name), fragment.as_bytes()).unwrap();
        assert_eq!(found, [], "{name}");
    }
}

#[tokio::test]
async fn the_sandbox_asks_for_a_confirmation_as_the_document_prints_it() {
    let world = World::new();
    let chosen = Way::Sale(Decision::Success, Some(1_000));
    world.play("eco-voucher-sale", &json!({}), chosen).await;
    let sent = world.sent();
    let asked: Vec<&Bytes> =
        sent.iter().filter(|body| body.starts_with(b"{\"type\":\"check_deposit\"")).collect();
    let [question] = asked[..] else { panic!("asked once") };
    let sample = printed("confirmation", "eco-voucher-check-deposit");
    assert_eq!(differences(&sample, question).unwrap(), []);
}

#[tokio::test]
async fn a_status_has_the_members_of_the_callback() {
    for (name, request, more, way) in callbacks() {
        let world = World::of(way);
        world.play(request, &more, way).await;
        let callback: Value = serde_json::from_slice(world.sent().last().unwrap()).unwrap();
        let general = json!({"project_id": Config::DEMO_PROJECT.get(), "payment_id": "X1"});
        let body = serde_json::to_vec(&json!({"general": general})).unwrap();
        let key = SigningKey::new(&SecretKey::new(Config::DEMO_KEY).unwrap());
        let signed = signature::sign_document(&key, &body, Place::General, Rules::private());
        let ask = Request::post("/v2/payment/status").body(Body::from(signed.unwrap())).unwrap();
        let status: Value = serde_json::from_str(&world.call(ask, 200).await).unwrap();
        let operations = status["operations"].as_array().unwrap();
        let last = operations.last().unwrap().to_string();
        let found =
            differences(callback["operation"].to_string().as_bytes(), last.as_bytes()).unwrap();
        assert_eq!(found, [], "{name}");
        assert_eq!(status["customer"], callback["customer"], "{name}");
        assert_eq!(status["account"], callback["account"], "{name}");
    }
}
