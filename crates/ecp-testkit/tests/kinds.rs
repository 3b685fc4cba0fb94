//! One key signs messages of several kinds. Each verifier takes its own and no other.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{PaymentId, ProjectId, RequestId, SecretKey, Sensitive};
use ecp_notify::{OperationsVerifier, Verifier};
use ecp_sandbox::{Config, Sandbox};
use ecp_transport::{DataApi, Gate, HttpTransport, OperationsQuery, TransportError};
use http::{Request, Response, StatusCode};
use tower::ServiceExt;

/// Of the project and, where one would use the same for all, of the Data API.
const KEY: &str = Config::DEMO_KEY;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Page,
    Request,
    Registration,
    StatusAnswer,
    Callback,
    Question,
    Query,
    /// In an answer.
    Operations,
    /// Sent to an address.
    Delivery,
}

/// Name, kind, message, where the signature stands.
const MESSAGES: &[(&str, Kind, &str, Place)] = &[
    (
        "Payment Page",
        Kind::Page,
        r#"{"project_id":1,"payment_id":"X1","payment_amount":10000,"payment_currency":"EUR",
            "customer_id":"c"}"#,
        Place::Root,
    ),
    (
        "Payment Page with a subscription",
        Kind::Page,
        r#"{"project_id":1,"payment_id":"X1","payment_amount":10000,"payment_currency":"EUR",
            "customer_id":"c","recurring":"{\"register\":true}","account_token":"t"}"#,
        Place::Root,
    ),
    (
        "sale",
        Kind::Request,
        r#"{"general":{"project_id":1,"payment_id":"X1"},"payment":{"amount":10000,
            "currency":"EUR","description":"d"},"customer":{"id":"c","ip_address":"192.0.2.1"},
            "return_url":{"success":"https://s.example/","decline":"https://s.example/"}}"#,
        Place::General,
    ),
    (
        "sale with a subscription",
        Kind::Request,
        r#"{"general":{"project_id":1,"payment_id":"X2"},"payment":{"amount":10000,
            "currency":"EUR"},"customer":{"id":"c","ip_address":"192.0.2.1"},
            "recurring":{"register":true,"type":"R"},
            "return_url":{"success":"https://s.example/","decline":"https://s.example/"}}"#,
        Place::General,
    ),
    (
        "payout",
        Kind::Request,
        r#"{"general":{"project_id":1,"payment_id":"X3"},"payment":{"amount":10000,
            "currency":"EUR"},"customer":{"ip_address":"192.0.2.1"},"account":{"number":"1"}}"#,
        Place::General,
    ),
    (
        "refund",
        Kind::Request,
        r#"{"general":{"project_id":1,"payment_id":"X1"},"payment":{"description":"d",
            "merchant_refund_id":"r"}}"#,
        Place::General,
    ),
    (
        "status request",
        Kind::Request,
        r#"{"general":{"project_id":1,"payment_id":"X1"}}"#,
        Place::General,
    ),
    ("request for a request", Kind::Request, r#"{"project_id":1,"request_id":"r"}"#, Place::Root),
    (
        "cancellation of a subscription",
        Kind::Request,
        r#"{"general":{"project_id":1},"recurring":{"id":1}}"#,
        Place::General,
    ),
    (
        "registration",
        Kind::Registration,
        r#"{"status":"success","request_id":"r","project_id":1,"payment_id":"X1"}"#,
        Place::Root,
    ),
    (
        "status answer",
        Kind::StatusAnswer,
        r#"{"project_id":1,"payment":{"id":"X1","type":"purchase","status":"success",
            "method":"JetonWallet","sum":{"amount":10000,"currency":"EUR"}},"operations":[{"id":1,
            "type":"sale","status":"success","request_id":"r"}],"customer":{"id":"c"}}"#,
        Place::Root,
    ),
    (
        "status answer of an unknown payment",
        Kind::StatusAnswer,
        r#"{"project_id":1,"payment":{"id":"X1","status":"error"},
            "errors":[{"code":"3061","message":"Transaction not found"}]}"#,
        Place::Root,
    ),
    (
        "callback",
        Kind::Callback,
        r#"{"project_id":1,"payment":{"id":"X1","type":"purchase","status":"success",
            "method":"JetonWallet","sum":{"amount":10000,"currency":"EUR"}},"operation":{"id":1,
            "type":"sale","status":"success","request_id":"r"},"customer":{"id":"c"}}"#,
        Place::Root,
    ),
    (
        "callback of a transaction",
        Kind::Callback,
        r#"{"general":{"project_id":1,"payment_id":"X1"},"request_id":"r","transaction":{"id":1,
            "type":"sale"},"payment":{"id":"X1","status":"success"},"operations":[{"id":1,
            "type":"sale","status":"success"}]}"#,
        Place::General,
    ),
    (
        "callback with a redirect",
        Kind::Callback,
        r#"{"payment":{"id":"X1"},"redirectData":{"method":"GET","url":"https://p.example/"}}"#,
        Place::Root,
    ),
    (
        "callback of a token",
        Kind::Callback,
        r#"{"general":{"project_id":1},"request":{"id":"r","action":"create","status":"success"},
            "customer":{"id":"c"},"token_status":"active","token":"t"}"#,
        Place::General,
    ),
    (
        "callback of a subscription",
        Kind::Callback,
        r#"{"project_id":1,"general":{},"recurring":{"id":1,"status":"active","type":"R"}}"#,
        Place::General,
    ),
    (
        "question",
        Kind::Question,
        r#"{"type":"check_deposit","project_id":1,"payment_id":"X1","customer_id":"c",
            "amount":10000,"currency":"EUR","payment_method":"eco-voucher"}"#,
        Place::Root,
    ),
    (
        "query",
        Kind::Query,
        r#"{"token":"sandbox-token-not-a-secret","project_id":[1],
            "interval":{"from":"2020-01-01 00:00:00","to":"2020-01-02 00:00:00"},"tz":"UTC",
            "limit":10,"offset":0}"#,
        Place::Root,
    ),
    (
        "query without a project",
        Kind::Query,
        r#"{"token":"sandbox-token-not-a-secret",
            "interval":{"from":"2020-01-01 00:00:00","to":"2020-01-02 00:00:00"},"tz":"UTC"}"#,
        Place::Root,
    ),
    (
        "callback of a subscription with errors",
        Kind::Callback,
        r#"{"project_id":1,"recurring":{"id":1,"status":"active","type":"R"},
            "errors":[{"code":"1","message":"m"}]}"#,
        Place::Root,
    ),
    ("no operations", Kind::Operations, r#"{"operations":[]}"#, Place::Root),
    (
        "operations",
        Kind::Operations,
        r#"{"operations":[{"operation_id":1,"payment":{"id":"X1"}}]}"#,
        Place::Root,
    ),
];

fn sign(json: &str, place: Place) -> Vec<u8> {
    let key = SigningKey::new(&SecretKey::new(KEY).unwrap());
    signature::sign_document(&key, json.as_bytes(), place, Rules::private()).unwrap()
}

/// A platform that always answers the same.
#[derive(Debug)]
struct Answers(Bytes);

#[async_trait]
impl HttpTransport for Answers {
    async fn send(&self, _: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        Ok(Response::new(self.0.clone()))
    }
}

/// The kinds whose verifiers take the message.
async fn takers(body: &[u8]) -> Vec<Kind> {
    let (project, key) = (ProjectId::new(1).unwrap(), SecretKey::new(KEY).unwrap());
    let verifier = Verifier::new().key(project, &key);
    let payment = PaymentId::new("X1").unwrap();
    let answers = || Answers(body.to_vec().into());
    let gate = Gate::new(project, &key, answers());
    let token = Sensitive::new(Config::DEMO_TOKEN.to_owned());
    let query = OperationsQuery::new([project], "2020-01-01 00:00:00", "2020-01-02 00:00:00");
    let mut operations = DataApi::new(token, &key, answers()).operations(query.unwrap());

    let mut takers = Vec::new();
    let mut note = |kind, takes: bool| {
        if takes {
            takers.push(kind);
        }
    };
    note(Kind::Callback, verifier.verify(body).is_ok());
    note(Kind::Question, verifier.verify_deposit_check(body).is_ok());
    note(Kind::StatusAnswer, gate.status(&payment).await.is_ok());
    let registered = gate.request_status(&RequestId::new("r").unwrap()).await.is_ok();
    note(Kind::Registration, registered);
    note(Kind::Operations, operations.next_page().await.is_ok());
    let delivery = OperationsVerifier::new().key(&key);
    note(Kind::Delivery, delivery.verify(body).is_ok());
    note(Kind::Page, opens_page(body).await);
    note(Kind::Request, is_taken_by_gate(body).await);
    note(Kind::Query, post("/v1/operations/get", body).await == StatusCode::OK);
    takers
}

fn platform() -> axum::Router {
    let key = || Sensitive::new(KEY.to_owned());
    let project = ecp_sandbox::Project::new(Config::DEMO_PROJECT, key());
    let config = Config::new().project(project).data_token(Config::DEMO_TOKEN, key(), []);
    Sandbox::new(config).router()
}

async fn post(path: &str, body: &[u8]) -> StatusCode {
    let request = Request::post(path).header("content-type", "application/json");
    let request = request.body(Body::from(body.to_vec())).unwrap();
    platform().oneshot(request).await.unwrap().status()
}

/// Whether any of Gate's endpoints finds nothing wrong with the message itself. A request for a
/// payment that the sandbox does not know is one of Gate's kind.
async fn is_taken_by_gate(body: &[u8]) -> bool {
    let paths = [
        "/v2/payment/wallet/jeton/sale",
        "/v2/payment/wallet/jeton/payout",
        "/v2/payment/status",
        "/v2/payment/status/request",
        "/v2/payment/refund",
    ];
    for path in paths {
        let request = Request::post(path).header("content-type", "application/json");
        let request = request.body(Body::from(body.to_vec())).unwrap();
        let answer = platform().oneshot(request).await.unwrap();
        let answer = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        let unknown = |code: &serde_json::Value| code == "3061";
        if answer["status"] != "error" || unknown(&answer["code"]) {
            return true;
        }
    }
    false
}

/// The Payment Page takes parameters in its address: those at the top level.
async fn opens_page(body: &[u8]) -> bool {
    let document: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(body).unwrap();
    let pairs = document.iter().map(|(name, value)| {
        (name, value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    });
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let request = Request::get(format!("/payment?{query}")).body(Body::empty()).unwrap();
    platform().oneshot(request).await.unwrap().status() == StatusCode::OK
}

#[tokio::test]
async fn each_kind_of_message_is_taken_by_its_own_verifier_alone() {
    for (name, kind, json, place) in MESSAGES {
        let takers = takers(&sign(json, *place)).await;
        // Nothing in the sandbox manages subscriptions.
        let expected = match kind {
            _ if *name == "cancellation of a subscription" => vec![],
            // The same bytes answer a query and are sent to its address.
            Kind::Operations => vec![Kind::Operations, Kind::Delivery],
            kind => vec![*kind],
        };
        assert_eq!(takers, expected, "{name}");
    }
}

/// The id and the status of a payment and nothing else: as in tests of the official SDKs, and as an
/// answer about a payment without operations would be.
#[tokio::test]
async fn a_status_alone_is_a_callback_and_an_answer() {
    for place in [Place::Root, Place::General] {
        let json = r#"{"general":{},"project_id":1,"payment":{"id":"X1","status":"success"}}"#;
        assert_eq!(takers(&sign(json, place)).await, [Kind::Callback, Kind::StatusAnswer]);
    }
}
