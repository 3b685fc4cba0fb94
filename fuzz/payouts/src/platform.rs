//! The platform with the books.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_testkit::Fault;
use ecp_transport::{HttpTransport, TransportError};
use http::{Request, Response};
use serde_json::{Value, json};

use crate::{key, payer};

/// A platform that pays and refunds at every request.
#[derive(Clone)]
pub(crate) struct Platform(Arc<Inner>);

struct Inner {
    key: SigningKey,
    seed: u64,
    books: Mutex<Books>,
}

/// Everything that happened.
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) payments: HashMap<String, Payment>,
    pub(crate) requests: u64,
    pub(crate) faults: BTreeMap<&'static str, u64>,
}

pub(crate) struct Payment {
    /// Number of payments, or of refunds.
    pub(crate) times: u32,
    amount: Value,
    currency: Value,
    /// Number of further status requests that find it unfinished.
    going_on: u64,
}

/// The status that the payment or the refund of a row ends with.
pub(crate) fn end(id: &str) -> &'static str {
    match row(id) % 1000 {
        7 | 39 => "internal error",
        row if row % 20 == 3 || row % 100 == 19 => "decline",
        _ => "success",
    }
}

fn row(id: &str) -> u64 {
    id.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// The next number of a sequence from a seed (Knuth's constants).
pub(crate) fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

impl Platform {
    pub(crate) fn new(seed: u64) -> anyhow::Result<Self> {
        let key = SigningKey::new(&key()?);
        Ok(Self(Arc::new(Inner { key, seed, books: Mutex::default() })))
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.0.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault of a request, by its index: about one in ten.
    pub(crate) fn fault(&self, number: usize) -> Fault {
        let mut state = self.0.seed ^ (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        random(&mut state);
        let (name, fault) = match random(&mut state) % 1000 {
            0..15 => ("reset before it was read", Fault::ResetBefore),
            15..35 => ("reset after it was done", Fault::ResetAfter),
            35..50 => ("answer cut off", Fault::Truncated),
            50..60 => ("HTTP 500 after it was done", Fault::StatusAfter(500)),
            60..70 => ("HTTP 503 instead", Fault::StatusInstead(503, None)),
            70..80 => ("wrong body", Fault::WrongBody("<html>busy</html>")),
            // Longer than the restart of a killed payer, so its status requests come before they
            // arrive.
            80..83 => ("slow to arrive", Fault::Slow(Duration::from_millis(1200))),
            83..95 => ("slow to answer", Fault::SlowAnswer(Duration::from_millis(100))),
            95..100 => ("connection closed afterwards", Fault::Stale),
            _ => ("none", Fault::None),
        };
        let mut books = self.books();
        books.requests += 1;
        *books.faults.entry(name).or_default() += 1;
        fault
    }

    fn pay(&self, body: &Value) -> Value {
        let id = body["general"]["payment_id"].as_str().unwrap_or_default();
        let mut books = self.books();
        let payment = books.payments.entry(id.to_owned()).or_insert_with(|| Payment {
            times: 0,
            amount: body["payment"]["amount"].clone(),
            currency: body["payment"]["currency"].clone(),
            going_on: row(id) % 3,
        });
        payment.times += 1;
        json!({"status": "success", "request_id": format!("r-{id}"), "project_id": 1,
            "payment_id": id})
    }

    fn status(&self, body: &Value) -> Value {
        let id = body["general"]["payment_id"].as_str().unwrap_or_default();
        if payer::is_refund(row(id)) {
            return self.refund_status(id);
        }
        let mut books = self.books();
        let Some(payment) = books.payments.get_mut(id) else {
            return json!({"project_id": 1, "payment": {"id": id, "status": "error"},
                "errors": [{"code": "3061", "message": "Transaction not found"}]});
        };
        let going_on = payment.going_on > 0;
        payment.going_on = payment.going_on.saturating_sub(1);
        let status = if going_on { "processing" } else { end(id) };
        json!({
            "project_id": 1,
            "payment": {"id": id, "type": "payout", "status": status,
                "sum": {"amount": payment.amount, "currency": payment.currency}},
            "operations": [{"id": row(id), "type": "payout", "status": status,
                "request_id": format!("r-{id}"), "code": "0", "message": "as simulated"}],
        })
    }
}

impl Platform {
    /// The status of a sale, which the platform knows from the beginning, with its refund.
    fn refund_status(&self, id: &str) -> Value {
        let mut books = self.books();
        let mut operations = vec![json!({"id": 1, "type": "sale", "status": "success"})];
        let mut status = "success";
        if let Some(refund) = books.payments.get_mut(id) {
            let going_on = refund.going_on > 0;
            refund.going_on = refund.going_on.saturating_sub(1);
            let word = if going_on { "processing" } else { end(id) };
            if word == "success" {
                status = "refunded";
            }
            let sum = json!({"amount": 1000, "currency": "INR"});
            operations.push(json!({"id": 2, "type": "refund", "status": word, "sum_initial": sum,
                "request_id": format!("r-{id}"), "code": "0", "message": "as simulated"}));
        }
        let left = if status == "refunded" { 0 } else { 1000 };
        json!({
            "project_id": 1,
            "payment": {"id": id, "type": "purchase", "status": status,
                "sum": {"amount": left, "currency": "INR"}},
            "operations": operations,
        })
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Platform")
    }
}

#[async_trait]
impl HttpTransport for Platform {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let fail = |error: &dyn fmt::Display| TransportError::maybe_sent(error.to_string());
        signature::verify(std::slice::from_ref(&self.0.key), request.body())
            .map_err(|error| fail(&error))?;
        let body: Value = serde_json::from_slice(request.body()).map_err(|error| fail(&error))?;
        let path = request.uri().path();
        if path.ends_with("/payout") || path.ends_with("/refund") {
            return Ok(Response::new(self.pay(&body).to_string().into()));
        }
        let answer = self.status(&body).to_string();
        let signed =
            signature::sign_document(&self.0.key, answer.as_bytes(), Place::Root, Rules::private());
        Ok(Response::new(signed.map_err(|error| fail(&error))?.into()))
    }
}

/// The correct amount of a row.
pub(crate) fn right_amount(id: &str, payment: &Payment) -> bool {
    payer::is_refund(row(id)) || payment.amount.as_u64() == Some(payer::amount(row(id)))
}
