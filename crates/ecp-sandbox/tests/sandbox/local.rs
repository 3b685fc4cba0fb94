//! A sandbox and its merchant in one process, without sockets, with virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use ecp_core::{PaymentId, ProjectId};
use ecp_sandbox::{Config, Decision, PaymentView, Sandbox};
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{named_methods, signed, verify};

pub(crate) const START: &str = "2019-04-15T16:31:13+0000";

pub(crate) struct Local {
    pub(crate) sandbox: Sandbox,
    received: Arc<Mutex<Vec<Bytes>>>,
    status: Arc<Mutex<StatusCode>>,
}

impl Local {
    pub(crate) fn new() -> Self {
        Self::with(|config| config)
    }

    pub(crate) fn with(adjust: impl FnOnce(Config) -> Config) -> Self {
        Self::made(|config| Sandbox::new(adjust(config)))
    }

    /// A sandbox that is made of a configuration with the merchant.
    pub(crate) fn made(make: impl FnOnce(Config) -> Sandbox) -> Self {
        let received: Arc<Mutex<Vec<Bytes>>> = Arc::default();
        let status = Arc::new(Mutex::new(StatusCode::OK));
        let (to, answer) = (Arc::clone(&received), Arc::clone(&status));
        let config = Config::demo()
            .registry(named_methods())
            .virtual_time(START.parse().unwrap())
            .public_url("http://sandbox.test")
            .merchant(move |request: Request<Bytes>| {
                let document: Value = serde_json::from_slice(request.body()).unwrap_or_default();
                to.lock().unwrap().push(request.into_body());
                let body = if document["type"] == "check_deposit" {
                    json!({"code": 0, "payment_id": document["payment_id"]}).to_string()
                } else {
                    "OK".to_owned()
                };
                let mut response = Response::new(Bytes::from(body));
                *response.status_mut() = *answer.lock().unwrap();
                async move { response }
            });
        Self { sandbox: make(config), received, status }
    }

    /// How the merchant answers from now on.
    pub(crate) fn answer(&self, status: StatusCode) {
        *self.status.lock().unwrap() = status;
    }

    pub(crate) fn document(payment_id: &str, amount: i64) -> Value {
        json!({
            "general": {
                "project_id": Config::DEMO_PROJECT,
                "payment_id": payment_id,
                "merchant_callback_url": "https://shop.test/callback",
            },
            "customer": {"id": "1780597", "ip_address": "192.0.2.1"},
            "account": {"number": "93017949"},
            "payment": {"amount": amount, "currency": "EUR", "description": "order"},
            "return_url": {"success": "https://shop.test/ok", "decline": "https://shop.test/no"},
        })
    }

    /// Signs and sends a request, and waits until nothing more happens.
    pub(crate) async fn send(&self, path: &str, request: Value) -> (StatusCode, Value) {
        let answer = self.call("POST", path, &signed(request).to_string()).await.unwrap();
        self.sandbox.settled().await;
        answer
    }

    /// The status and the JSON of an answer, or how it was cut off.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<(StatusCode, Value), String> {
        let (status, text) = self.text(method, path, body).await?;
        Ok((status, serde_json::from_str(&text).unwrap_or_default()))
    }

    pub(crate) async fn text(
        &self,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<(StatusCode, String), String> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_owned()))
            .unwrap();
        let response = self.sandbox.router().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
        Ok((status, String::from_utf8(body.to_bytes().to_vec()).unwrap()))
    }

    #[must_use]
    pub(crate) fn choose(&self, payment_id: &str, decision: Decision) -> bool {
        self.sandbox.choose(Config::DEMO_PROJECT, &id(payment_id), decision, None)
    }

    pub(crate) async fn advance(&self, by: Duration) {
        assert!(self.sandbox.advance(by).await);
        self.sandbox.settled().await;
    }

    pub(crate) fn payment(&self, payment_id: &str) -> PaymentView {
        self.sandbox.payment(Config::DEMO_PROJECT, &id(payment_id)).expect("the payment is known")
    }

    pub(crate) fn status(&self, payment_id: &str) -> String {
        self.payment(payment_id).status.as_str().to_owned()
    }

    /// What the merchant received and was not looked at.
    pub(crate) fn received(&self) -> Vec<Bytes> {
        std::mem::take(&mut *self.received.lock().unwrap())
    }

    /// The payment statuses of the callbacks that came, all of them genuine.
    pub(crate) fn statuses(&self) -> Vec<String> {
        let status = |body: Bytes| {
            verify(&body);
            let document: Value = serde_json::from_slice(&body).unwrap();
            document["payment"]["status"].as_str().unwrap_or("none").to_owned()
        };
        self.received().into_iter().map(status).collect()
    }
}

pub(crate) fn id(text: &str) -> PaymentId {
    PaymentId::new(text).unwrap()
}

pub(crate) fn project(number: u64) -> ProjectId {
    ProjectId::new(number).unwrap()
}
