//! The sandbox, a shop and a customer, for one case.

use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::post;
use ecp_core::model::{
    AdditionalData, Callback, DepositCheck, DisplayData, DisplayItem, PaymentStatus,
    RedirectMethod, RefundOutcome, Step,
};
use ecp_core::{SecretKey, Sensitive};
use ecp_methods::request::Field;
use ecp_methods::spec::{RedirectValue, TestItem, TestQuestion, TestStep};
use ecp_methods::{DynMethod, MethodSpec, Registry};
use ecp_notify::{Confirmations, Decision as Answer, DepositHandler, Verified, Verifier};
use ecp_sandbox::{Config, Decision, Project, Sandbox};
use ecp_transport::{Gate, HttpTransport, TowerTransport};
use form_urlencoded::Serializer;
use http::{Request, Response};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::conformance::AnyPrepared;
use crate::failure::{Failure, OrFail, fail};

/// All participants. Gate and the provider's pages need no socket; callbacks and confirmations
/// reach the shop over the loopback, as in production.
pub(crate) struct Stage {
    gate: Gate,
    browser: TowerTransport<Router>,
    callbacks: Mutex<UnboundedReceiver<Verified<Callback>>>,
    merchant: Arc<Merchant>,
    sandbox: Sandbox,
}

struct Shop {
    verifier: Verifier,
    confirmations: Confirmations<Answers>,
    merchant: Arc<Merchant>,
    callbacks: UnboundedSender<Verified<Callback>>,
}

/// The merchant's answer about the customer's amount, and the number of requests for it.
struct Merchant(Lock<(Answer, usize)>);

impl Merchant {
    fn with<T>(&self, job: impl FnOnce(&mut (Answer, usize)) -> T) -> T {
        job(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Answers(Arc<Merchant>);

#[async_trait]
impl DepositHandler for Answers {
    async fn confirm(
        &self,
        _: &Verified<DepositCheck>,
    ) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.0.with(|(answer, _)| *answer))
    }
}

impl Stage {
    pub(crate) async fn set(registry: &Registry) -> Result<Self, Failure> {
        let (project, text) = (Config::DEMO_PROJECT, Config::DEMO_KEY);
        let key = SecretKey::new(text).or_fail()?;
        let verifier = Verifier::new().key(project, &key);

        let listener = TcpListener::bind("127.0.0.1:0").await.or_fail()?;
        let shop_url = format!("http://{}", listener.local_addr().or_fail()?);
        let (sender, callbacks) = unbounded_channel();
        let merchant = Arc::new(Merchant(Lock::new((Answer::Accept, 0))));
        let shop = Shop {
            confirmations: Confirmations::new(verifier.clone(), Answers(Arc::clone(&merchant))),
            verifier,
            merchant: Arc::clone(&merchant),
            callbacks: sender,
        };
        let router = Router::new()
            .route("/callbacks", post(receive))
            .route("/confirmations", post(confirm))
            .with_state(Arc::new(shop));
        tokio::spawn(async move { axum::serve(listener, router).await });

        let project = Project::new(project, Sensitive::new(text.to_owned()))
            .callback_url(format!("{shop_url}/callbacks"))
            .confirmation_url(format!("{shop_url}/confirmations"));
        let sandbox = Sandbox::new(
            Config::new()
                .project(project)
                .registry(registry.clone())
                .public_url("http://localhost"),
        );
        let browser = TowerTransport::new(sandbox.router());
        let gate = Gate::new(Config::DEMO_PROJECT, &key, browser.clone())
            .base_url("http://localhost")
            .or_fail()?;
        Ok(Self { gate, browser, callbacks: Mutex::new(callbacks), merchant, sandbox })
    }

    /// Sets the merchant's answer about amounts, instead of accepting them all.
    pub(crate) fn answer(&self, answer: Answer) {
        self.merchant.with(|(set, _)| *set = answer);
    }

    /// Number of the platform's `check_deposit` requests to the merchant.
    pub(crate) fn questions(&self) -> usize {
        self.merchant.with(|(_, questions)| *questions)
    }

    pub(crate) async fn send(&self, prepared: &AnyPrepared) -> Result<(), Failure> {
        prepared.send(&self.gate).await.or_fail().map(drop)
    }

    /// Waits for the step that the customer has to do, and decides as a customer would: on the page
    /// to which the callback redirects or whose QR code it displays, or on the phone. If the
    /// platform asks the merchant for fields before, answers that first.
    pub(crate) async fn customer(
        &self,
        spec: &MethodSpec,
        asked: &[TestQuestion],
        decision: Decision,
    ) -> Result<(), Failure> {
        let mut callback = self.callback().await?;
        if !asked.is_empty() {
            self.clarify(&callback, asked).await?;
            callback = self.callback().await?;
        }
        match (spec.testing().sale_step(), callback.next_step()) {
            (TestStep::Redirect, _) => self.redirected(&callback, decision).await,
            (TestStep::Display(items), Step::Display(display)) => {
                self.displayed(&callback, items, &display, decision).await
            }
            (TestStep::Push, Step::Push) => self.choose(&callback, decision),
            (declared, step) => Err(fail(format!(
                "the callback's step is `{}`, but the spec declares {declared:?}",
                step.as_str()
            ))),
        }
    }

    /// Answers a clarification. It is an error if the clarification does not ask for the fields
    /// that the spec declares and the request lacks.
    async fn clarify(&self, callback: &Callback, asked: &[TestQuestion]) -> Result<(), Failure> {
        let Step::Clarify(fields) = callback.next_step() else {
            return Err(fail("the callback asks for nothing, but the spec declares questions"));
        };
        let mut data = AdditionalData::new();
        for question in asked {
            let path = format!("{}.{}", question.object(), question.name());
            let field = fields
                .get(&path)
                .ok_or_else(|| fail(format!("`clarification_fields` do not have {path}")))?;
            let known = Field::KNOWN.iter().find(|field| field.path() == path);
            let value = match (question.kind(), question.default_value()) {
                ("boolean", _) => "true",
                (_, Some(default)) => default,
                (_, None) => known.map_or("An answer", |field| field.example()),
            };
            data = data.answer(field, value).or_fail()?;
        }
        let id = callback.payment_id().ok_or_else(|| fail("the callback has no payment id"))?;
        self.gate.clarify(id, &data).await.or_fail().map(drop)
    }

    /// Decides on the page whose code is displayed, or immediately if no displayed item leads to a
    /// page.
    async fn displayed(
        &self,
        callback: &Callback,
        items: &[TestItem],
        display: &DisplayData,
        decision: Decision,
    ) -> Result<(), Failure> {
        let title = |item: &DisplayItem| item.title.clone().unwrap_or_default();
        let shown: Vec<String> = display.iter().map(title).collect();
        let declared: Vec<&str> = items.iter().map(TestItem::title).collect();
        if shown != declared {
            return Err(fail(format!(
                "`display_data` has the items {shown:?}, but the spec declares {declared:?}"
            )));
        }
        let on_page = items.iter().position(|item| item.value() == RedirectValue::Page);
        match on_page.and_then(|place| display[..].get(place)?.data.as_ref()) {
            Some(url) => {
                let page = self.browse(url.expose(), None).await?;
                self.press(&page, decision).await
            }
            None => self.choose(callback, decision),
        }
    }

    /// Decides as the customer on the phone, without a page.
    fn choose(&self, callback: &Callback, decision: Decision) -> Result<(), Failure> {
        let id = callback.payment_id().ok_or_else(|| fail("the callback has no payment id"))?;
        if self.sandbox.choose(Config::DEMO_PROJECT, id, decision, None) {
            Ok(())
        } else {
            Err(fail("the payment does not wait for the customer's decision"))
        }
    }

    /// Opens the redirect as the callback says, and presses a button.
    async fn redirected(&self, callback: &Callback, decision: Decision) -> Result<(), Failure> {
        let redirect = callback.redirect().ok_or_else(|| fail("the callback has no redirect"))?;
        let url = redirect.url.expose();
        let page = match redirect.method {
            RedirectMethod::Get => self.browse(url, None).await?,
            RedirectMethod::Post => {
                let fields = redirect
                    .body
                    .fields()
                    .ok_or_else(|| fail("`redirect_data.body` holds no fields to post"))?;
                let fields = fields.iter().map(|(name, value)| (name, value.expose()));
                let form = Serializer::new(String::new()).extend_pairs(fields).finish();
                self.browse(url, Some(form)).await?
            }
            ref other => {
                return Err(fail(format!(
                    "`redirect_data.method` is {other}, expected GET or POST"
                )));
            }
        };
        self.press(&page, decision).await
    }

    /// Presses a button on the provider's page.
    async fn press(&self, page: &Response<Bytes>, decision: Decision) -> Result<(), Failure> {
        let page = String::from_utf8_lossy(page.body()).into_owned();
        let action = page
            .split_once("<form method=\"post\" action=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(action, _)| action)
            .ok_or_else(|| fail("the provider's page has no form"))?;
        let form = Some(format!("decision={decision}"));
        self.browse(&format!("http://localhost{action}"), form).await.map(drop)
    }

    async fn browse(&self, url: &str, form: Option<String>) -> Result<Response<Bytes>, Failure> {
        let request = match form {
            None => Request::get(url).body(Bytes::new()),
            Some(form) => Request::post(url)
                .header("content-type", "application/x-www-form-urlencoded")
                .body(Bytes::from(form)),
        };
        let response = self.browser.send(request.or_fail()?).await.or_fail()?;
        if matches!(response.status(), StatusCode::OK | StatusCode::SEE_OTHER) {
            Ok(response)
        } else {
            Err(fail(format!("{url} answered with HTTP status {}", response.status())))
        }
    }

    /// Waits for the final callback, requests the status, and returns the callback.
    pub(crate) async fn ended(
        &self,
        method: &dyn DynMethod,
        expected: &PaymentStatus,
    ) -> Result<Verified<Callback>, Failure> {
        let callback = self.callback().await?;
        let status = callback.payment_status();
        if status != Some(expected) {
            return Err(fail(format!(
                "the callback has payment status {}, expected {expected}",
                status.map_or("none", PaymentStatus::as_str)
            )));
        }
        let name = callback.payment.as_ref().and_then(|payment| payment.method.as_deref());
        let names = method.spec().callback_names();
        // Where the name is not known, the payment's id is what tells whose callback it is.
        if !names.is_empty() && !name.is_some_and(|name| names.contains(&name)) {
            return Err(fail(format!("`payment.method` is {name:?}, expected one of {names:?}")));
        }
        let id = callback.payment_id().ok_or_else(|| fail("the callback has no payment id"))?;
        let asked = self.gate.status(id).await.or_fail()?;
        match asked.payment_status() {
            status if status == Some(expected) => Ok(callback),
            status => Err(fail(format!("Gate's status is {status:?}, expected {expected}"))),
        }
    }

    /// Waits for the result of a refund.
    pub(crate) async fn refunded(&self, decision: Decision) -> Result<(), Failure> {
        let callback = self.callback().await?;
        let refund = callback.refund().ok_or_else(|| fail("the callback is not about a refund"))?;
        let status = callback.payment_status();
        match (decision, &refund.outcome, status) {
            (Decision::Success, RefundOutcome::Success { partial: Some(false), .. }, _)
            | (Decision::Decline, RefundOutcome::Decline { .. }, Some(PaymentStatus::Success)) => {
                Ok(())
            }
            _ => Err(fail(format!(
                "the refund ended as {:?} with the payment in the status {status:?}, expected {decision}",
                refund.outcome
            ))),
        }
    }

    async fn callback(&self) -> Result<Verified<Callback>, Failure> {
        let mut callbacks = self.callbacks.lock().await;
        timeout(PATIENCE, callbacks.recv())
            .await
            .map_err(|_| {
                fail(format!(
                    "no callback arrived within {PATIENCE:?}; last event of the sandbox: {:?}",
                    self.sandbox.events().last()
                ))
            })?
            .ok_or_else(|| fail("the receiver of callbacks in this test case has stopped"))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.sandbox.shutdown();
    }
}

/// Longer than any step on a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);

async fn receive(State(shop): State<Arc<Shop>>, body: Bytes) -> StatusCode {
    let Ok(callback) = shop.verifier.verify(&body) else { return StatusCode::BAD_REQUEST };
    match shop.callbacks.send(callback) {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn confirm(State(shop): State<Arc<Shop>>, body: Bytes) -> impl IntoResponse {
    shop.merchant.with(|(_, questions)| *questions += 1);
    let reply = shop.confirmations.answer(&body).await;
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, reply.body)
}
