//! Gate, callbacks and decisions, in a build with pages and in one without them.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::post;
use ecp_core::{PaymentId, SecretKey, Sensitive, signature};
use ecp_sandbox::{Config, Decision, Sandbox};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tower::ServiceExt;

/// A merchant's listener, and the callbacks that it receives.
async fn merchant() -> (String, mpsc::UnboundedReceiver<Bytes>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/callback", listener.local_addr().unwrap());
    let (sender, received) = mpsc::unbounded_channel();
    let receive = move |body: Bytes| async move {
        let _ = sender.send(body);
    };
    let router = Router::new().route("/callback", post(receive));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, received)
}

/// The next callback, whose signature is right.
async fn next(received: &mut mpsc::UnboundedReceiver<Bytes>) -> Value {
    let waiting = tokio::time::timeout(Duration::from_secs(20), received.recv());
    let body = waiting.await.expect("a callback comes").unwrap();
    let key = signature::SigningKey::new(&SecretKey::new(Config::DEMO_KEY).unwrap());
    signature::verify(&[key], &body).unwrap();
    serde_json::from_slice(&body).unwrap()
}

async fn call(
    sandbox: &Sandbox,
    request: http::request::Builder,
    body: String,
) -> (StatusCode, String) {
    let request = request.header("content-type", "application/json").body(Body::from(body));
    let response = sandbox.router().oneshot(request.unwrap()).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// Registers a sale, and returns its redirect's URL.
async fn sale(
    sandbox: &Sandbox,
    url: &str,
    received: &mut mpsc::UnboundedReceiver<Bytes>,
) -> String {
    let mut sale = json!({
        "general": {
            "project_id": Config::DEMO_PROJECT,
            "payment_id": "X1",
            "merchant_callback_url": url,
        },
        "customer": {"id": "1", "ip_address": "192.0.2.1"},
        "payment": {"amount": 10_000, "currency": "EUR"},
        "return_url": {"success": "http://shop.test/ok", "decline": "http://shop.test/no"},
    });
    let key = Sensitive::new(Config::DEMO_KEY.to_owned());
    sale["general"]["signature"] = ecp_sandbox::signature::sign(&key, &sale).into();
    let gate = Request::post("/v2/payment/wallet/jeton/sale");
    let (status, answer) = call(sandbox, gate, sale.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let redirect = next(received).await;
    assert_eq!(redirect["payment"]["status"], "awaiting redirect result");
    redirect["redirect_data"]["url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_sale_is_decided_without_its_page() {
    for over_http in [false, true] {
        let (sandbox, (url, mut received)) = (Sandbox::start(), merchant().await);
        sale(&sandbox, &url, &mut received).await;
        if over_http {
            let path = format!("/sandbox/payments/{}/X1/decision", Config::DEMO_PROJECT);
            let body = json!({"decision": "success"}).to_string();
            let (status, answer) = call(&sandbox, Request::post(path), body).await;
            assert_eq!(status, StatusCode::OK, "{answer}");
        } else {
            let payment_id = PaymentId::new("X1").unwrap();
            assert!(sandbox.choose(Config::DEMO_PROJECT, &payment_id, Decision::Success, None));
        }
        assert_eq!(next(&mut received).await["payment"]["status"], "success");
        let listed = Request::get("/sandbox/payments?status=success&id=X%31");
        let (_, listed) = call(&sandbox, listed, String::new()).await;
        assert!(listed.contains("\"total\":1"), "{listed}");
    }
}

#[cfg(not(feature = "pages"))]
#[tokio::test]
async fn the_address_of_a_page_says_that_there_are_none() {
    let (sandbox, (url, mut received)) = (Sandbox::start(), merchant().await);
    let page = sale(&sandbox, &url, &mut received).await;
    let page = page.parse::<http::Uri>().unwrap();
    for path in [page.path(), "/payment", "/dashboard"] {
        let (status, words) = call(&sandbox, Request::get(path), String::new()).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert!(words.contains("built without the feature `pages`"), "{path}: {words}");
    }
}
