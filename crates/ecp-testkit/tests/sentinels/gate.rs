//! Requests to Gate, the Payment Page and the Data API.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ecp_core::model::{AdditionalData, Callback, FromJson};
use ecp_core::{Money, RequestId, Sensitive};
use ecp_methods::page::{PageOptions, prepare_page_dyn};
use ecp_methods::request::{Customer, Field, PayoutRequest, RefundRequest, SaleRequest};
use ecp_methods::{DynMethod, Effect, Operation, Prepared, Registry, prepare_dyn};
use ecp_sandbox::{Config, Project, Sandbox};
use ecp_testkit::sentinels::Capture;
use ecp_testkit::{Fault, FaultServer, FaultTransport};
use ecp_transport::{
    DataApi, EndpointRequest, Gate, GateRequest, HttpTransport, OperationsQuery, PaymentPage,
    ReqwestTransport, RetryBudget, RetryPolicy, SendPolicy, Sender, Timeouts, TowerTransport,
    TransportError, redirect_response,
};
use http::{Request, Response};

use crate::marks::{
    BAD, DATA_KEY, KEY, OTHER_KEY, REDIRECT, TOKEN, UNKNOWN, WRONG_TOKEN, callback, id, marked,
    project, secret, sign, signature_of, value,
};

const SHORT: Duration = Duration::from_millis(30);

/// Passes requests on and keeps the signatures of all that passes.
struct Listening<T>(T, Arc<Mutex<Vec<String>>>);

impl<T> fmt::Debug for Listening<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listening")
    }
}

#[async_trait]
impl<T: HttpTransport> HttpTransport for Listening<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.1.lock().unwrap().extend(signature_of(request.body()));
        let answer = self.0.send(request).await?;
        self.1.lock().unwrap().extend(signature_of(answer.body()));
        Ok(answer)
    }
}

/// Answers everything alike.
#[derive(Debug)]
struct Always(u16, String);

#[async_trait]
impl HttpTransport for Always {
    async fn send(&self, _: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        Ok(Response::builder().status(self.0).body(self.1.clone().into()).unwrap())
    }
}

pub(crate) fn sandbox() -> Sandbox {
    let project = Project::new(project(), Sensitive::new(KEY.to_owned()));
    let data_key = Sensitive::new(DATA_KEY.to_owned());
    let config = Config::new().project(project).public_url("http://localhost");
    Sandbox::new(config.data_token(TOKEN, data_key, []))
}

pub(crate) fn retry() -> RetryPolicy {
    RetryPolicy::new()
        .deadline(SHORT * 8)
        .pauses(SHORT / 10, SHORT / 3)
        .budget(RetryBudget::new(100, 1000))
}

pub(crate) fn policy() -> SendPolicy {
    SendPolicy::new().retry(retry()).not_found_after(SHORT).rate(None)
}

const FAULTS: [Fault; 9] = [
    Fault::None,
    Fault::Refused,
    Fault::ResetBefore,
    Fault::ResetAfter,
    Fault::Truncated,
    Fault::SlowAnswer(Duration::from_millis(300)),
    Fault::StatusAfter(500),
    Fault::StatusInstead(429, None),
    Fault::WrongBody("<html>hello</html>"),
];

/// Every flow of every method, through every failure and with a key that does not fit. Returns the
/// signatures that were on the way.
pub(crate) async fn requests(capture: &Capture) -> Vec<String> {
    let signatures = Arc::<Mutex<Vec<String>>>::default();
    for (number, fault) in FAULTS.into_iter().enumerate() {
        for key in [KEY, OTHER_KEY] {
            let sandbox = sandbox();
            let inner = TowerTransport::new(sandbox.router());
            let first = fault.clone();
            let faults = FaultTransport::new(inner, move |place, _| {
                if place % 3 == 0 { first.clone() } else { Fault::None }
            });
            capture.debug("a transport", &faults);
            let gate = Gate::new(project(), &secret(key), Listening(faults, signatures.clone()))
                .observer(capture.clone());
            let sender = Sender::new(gate.clone(), policy());
            capture.debug("a sender", &sender);
            for method in Registry::builtin().iter() {
                every_flow(capture, &gate, &sender, method, &format!("{number}-{key}")).await;
            }
            sandbox.settled().await;
            capture.debug("the sandbox", &sandbox);
            for event in sandbox.events() {
                capture.debug("an event", &event);
            }
            sandbox.shutdown();
        }
    }
    rejected(capture);
    answers(capture).await;
    let signatures = signatures.lock().unwrap().clone();
    assert!(signatures.len() > 200, "{}", signatures.len());
    signatures
}

async fn every_flow(
    capture: &Capture,
    gate: &Gate,
    sender: &Sender,
    method: &dyn DynMethod,
    run: &str,
) {
    // The text of a key is no part of an id that may be logged.
    let run = run.replace(KEY, "right").replace(OTHER_KEY, "wrong");
    let code = method.spec().code();
    let currency = method.spec().currencies()[0];
    let payment = id(&format!("{code}-{run}"));
    for flow in method.spec().flows() {
        let amount = method.spec().rule(flow).unwrap().example_amount(currency);
        match flow {
            Operation::SALE => {
                let request = marked!(SaleRequest::new(payment.clone(), amount));
                let request = request.extra("customer.unknown", UNKNOWN);
                send(capture, gate, sender, method, request).await;
            }
            Operation::PAYOUT => {
                let out = id(&format!("{code}-{run}-out"));
                send(capture, gate, sender, method, marked!(PayoutRequest::new(out, amount))).await;
            }
            Operation::REFUND => {
                let request = marked!(RefundRequest::full(payment.clone()));
                send(capture, gate, sender, method, request).await;
            }
            other => panic!("{other}"),
        }
    }
    let names = [(Field::CUSTOMER_EMAIL, "email"), (Field::CUSTOMER_PHONE, "phone")];
    let body: BTreeMap<&str, &str> =
        names.into_iter().map(|(field, name)| (name, value(field))).collect();
    let body = BTreeMap::from([("customer", body)]);
    let path = "/v2/payment/card/capture";
    let endpoint = EndpointRequest::new(path, Effect::Capture, payment.clone(), &body).unwrap();
    capture.debug("a request to an endpoint", &endpoint);
    sent(capture, gate, sender, &endpoint).await;
    capture.result("a status", &gate.status(&payment).await);
    capture.result("a status", &sender.status(&payment).await);
    let data = clarification();
    capture.debug("additional data", &data);
    capture.result("a clarification", &sender.clarify(&payment, &data).await);
    let request_id = RequestId::new("request-1").unwrap();
    capture.result("a request's status", &gate.request_status(&request_id).await);
}

fn clarification() -> AdditionalData {
    let fields = [Field::CUSTOMER_PHONE, Field::ACCOUNT_NUMBER, Field::CUSTOMER_EMAIL];
    fields
        .into_iter()
        .fold(AdditionalData::new(), |data, field| data.text(field.path(), value(field)).unwrap())
}

async fn send<R>(
    capture: &Capture,
    gate: &Gate,
    sender: &Sender,
    method: &dyn DynMethod,
    request: R,
) where
    R: ecp_methods::request::FlowRequest + Clone + fmt::Debug,
    Prepared<R::Flow>: fmt::Debug,
{
    capture.debug("a request", &request);
    let prepared = prepare_dyn(method, request);
    capture.result("a prepared request", &prepared);
    let Ok(prepared) = prepared else { return };
    sent(capture, gate, sender, &prepared).await;
}

async fn sent(capture: &Capture, gate: &Gate, sender: &Sender, prepared: &impl GateRequest) {
    capture.result("sent", &sender.send(prepared).await);
    capture.result("sent a second time", &gate.send(prepared).await);
    capture.result("gone on with", &sender.resume(prepared, SHORT * 2).await);
    // A caller that does not wait.
    drop(tokio::time::timeout(Duration::from_micros(1), gate.send(prepared)).await);
}

/// Values that no field takes, and amounts that no method does.
fn rejected(capture: &Capture) {
    let registry = Registry::builtin();
    for method in registry.iter() {
        let currency = method.spec().currencies()[0];
        let sale = || SaleRequest::new(id("X1"), Money::from_minor(10_000, currency));
        for field in Field::KNOWN {
            let value = format!("{BAD}\u{7}{}", value(*field));
            capture.result("rejected", &prepare_dyn(method, sale().field(*field, value)));
        }
        for path in ["customer.email", "payment.amount", "general.signature", BAD, "a..b"] {
            // A path is the merchant's own word, not a customer's.
            if path != BAD {
                capture.result("rejected", &prepare_dyn(method, sale().extra(path, BAD)));
            }
        }
    }
}

/// The same over real connections, one of them TLS that the other side does not speak.
pub(crate) async fn over_sockets(capture: &Capture) {
    for fault in [
        Fault::None,
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::Truncated,
        Fault::SlowAnswer(Duration::from_millis(300)),
        Fault::StatusAfter(502),
        Fault::Stale,
    ] {
        let sandbox = sandbox();
        let first = fault.clone();
        let server = FaultServer::start(TowerTransport::new(sandbox.router()), move |place, _| {
            if place == 0 { first.clone() } else { Fault::None }
        });
        let server = server.await.unwrap();
        let tls = server.url().replace("http:", "https:");
        let impatient = Timeouts::default().connect(SHORT * 3);
        let mut ways = vec![(server.url(), ReqwestTransport::plain_http().unwrap())];
        // A server without TLS lets every handshake time out, whatever its fault.
        if matches!(fault, Fault::None) {
            ways.push((tls, ReqwestTransport::with_timeouts(impatient).unwrap()));
        }
        for (url, transport) in ways {
            capture.debug("a transport", &transport);
            let gate = Gate::new(project(), &secret(KEY), transport).base_url(&url).unwrap();
            let gate = gate.observer(capture.clone());
            let sender = Sender::new(gate.clone(), policy());
            let registry = Registry::builtin();
            let method = registry.iter().next().unwrap();
            every_flow(capture, &gate, &sender, method, "sockets").await;
        }
        capture.debug("a server", &server);
    }
}

/// Answers that quote what was sent: the caller may read them, the log may not.
async fn answers(capture: &Capture) {
    let quoting = |code: u32| {
        format!(
            r#"{{"status":"error","code":"{code}","message":"{UNKNOWN} {REDIRECT}","project_id":1236,
                "errors":[{{"code":"{code}","message":"{UNKNOWN}","description":"{UNKNOWN}"}}]}}"#
        )
    };
    let signed = String::from_utf8(sign(&callback("X1", "success", 7))).unwrap();
    for (status, body) in [
        (400, quoting(3061)),
        (400, quoting(9999)),
        (200, quoting(3041)),
        (200, format!("{{\"status\":\"success\",\"request_id\":\"{UNKNOWN}")),
        (200, signed),
        (500, UNKNOWN.to_owned()),
    ] {
        let gate = Gate::new(project(), &secret(KEY), Always(status, body));
        let policy = policy().retry(retry().budget(RetryBudget::new(0, 0)));
        let sender = Sender::new(gate.observer(capture.clone()), policy);
        let _ = sender.gate().status(&id("X1")).await;
        let _ = sender.status(&id("X1")).await;
        let _ = sender.clarify(&id("X1"), &clarification()).await;
        let registry = Registry::builtin();
        let mut sent = 0;
        for method in registry.iter() {
            let spec = method.spec();
            let Some(rule) = spec.rule(Operation::PAYOUT) else { continue };
            let amount = rule.example_amount(spec.currencies()[0]);
            let request = PayoutRequest::new(id("X1"), amount);
            let request = Field::KNOWN
                .iter()
                .filter(|field| **field != Field::MERCHANT_REFUND_ID)
                .fold(request, |request, field| request.field(*field, value(*field)));
            let Ok(prepared) = prepare_dyn(method, request) else { continue };
            let _ = sender.send(&prepared).await;
            sent += 1;
        }
        assert!(sent > 0, "no payout was sent");
    }
}

/// Addresses of the Payment Page, and the redirect of a customer. They hold what they must; how
/// they are printed by accident is looked at.
pub(crate) fn pages(capture: &Capture) {
    let page = PaymentPage::new(project(), &secret(KEY));
    capture.debug("a page", &page);
    let registry = Registry::builtin();
    for method in registry.iter() {
        let sale = SaleRequest::new(id("X1"), "100.00 EUR".parse().unwrap());
        let fields = Field::KNOWN.iter().filter(|field| field.page_name().is_some());
        let sale = fields.fold(sale, |sale, field| sale.field(*field, value(*field)));
        let prepared = prepare_page_dyn(method, &sale, PageOptions::new());
        capture.result("a prepared page", &prepared);
        if let Ok(prepared) = prepared {
            let signed = page.sign(&prepared);
            assert!(signed.as_ref().unwrap().url().contains("Markfirstname"));
            capture.result("a signed page", &signed);
        }
        for bad in [format!("{BAD};"), format!("{BAD}\u{7}"), BAD.repeat(20)] {
            let sale = sale.clone().customer(Customer::new().first_name(bad.clone()));
            let prepared = prepare_page_dyn(method, &sale, PageOptions::new());
            capture.result("a bad page", &prepared);
            if let Ok(prepared) = prepared {
                capture.result("a bad page", &page.sign(&prepared));
            }
            let options = PageOptions::new().text("customer_note", bad);
            capture.result("a bad page", &prepare_page_dyn(method, &sale, options));
        }
    }
    let bytes = callback("X1", "awaiting redirect result", 7);
    let read = Callback::from_slice(bytes.as_bytes());
    let read = read.unwrap();
    capture.debug("a callback", &read);
    let redirect = read.redirect().unwrap();
    capture.debug("a redirect", &redirect);
    let response = redirect_response(&redirect);
    assert!(response.is_ok());
    for url in ["ftp://wallet.example", "https://u:p@wallet.example", "https://"] {
        let bytes = bytes.replace("https://wallet.example", url);
        let read = Callback::from_slice(bytes.as_bytes());
        if let Some(redirect) = read.as_ref().ok().and_then(Callback::redirect) {
            capture.result("a bad redirect", &redirect_response(&redirect).map(drop));
        }
    }
}

/// Pages of the Data API: with the right token, a wrong one and a wrong key, and through failures.
pub(crate) async fn data_api(capture: &Capture) -> Vec<String> {
    let signatures = Arc::<Mutex<Vec<String>>>::default();
    let sandbox = sandbox();
    let gate = Gate::new(project(), &secret(KEY), TowerTransport::new(sandbox.router()));
    let sender = Sender::new(gate.clone(), policy());
    let registry = Registry::builtin();
    for method in registry.iter() {
        every_flow(capture, &gate, &sender, method, "data").await;
    }
    sandbox.settled().await;
    let (from, to) = ("2020-01-01 00:00:00", "2099-01-01 00:00:00");
    let query = || OperationsQuery::new([project()], from, to).unwrap().page_size(3);
    let mut read = 0;
    for (token, key) in [(TOKEN, DATA_KEY), (WRONG_TOKEN, DATA_KEY), (TOKEN, OTHER_KEY)] {
        for fault in FAULTS {
            let first = fault.clone();
            let faults =
                FaultTransport::new(TowerTransport::new(sandbox.router()), move |place, _| {
                    if place == 0 { first.clone() } else { Fault::None }
                });
            let transport = Listening(faults, signatures.clone());
            let token = Sensitive::new(token.to_owned());
            let api = DataApi::new(token, &secret(key), transport)
                .retry(retry())
                .observer(capture.clone());
            capture.debug("a Data API", &api);
            let mut operations = api.operations(query().filter("customer_id", BAD));
            for _ in 0..3 {
                let page = operations.next_page().await;
                read += page.as_ref().map_or(0, |page| page.as_ref().map_or(0, Vec::len));
                capture.result("a page of operations", &page);
            }
        }
    }
    assert!(read > 0);
    sandbox.shutdown();
    let signatures = signatures.lock().unwrap().clone();
    assert!(!signatures.is_empty());
    signatures
}
