//! A merchant with a shop that opens the Payment Page, and takes callbacks and questions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use ecp_core::model::{Callback, DepositCheck};
use ecp_core::{PaymentId, ProjectId, SecretKey};
use ecp_notify::{Confirmations, Decision, DepositHandler, Verified, Verifier};
use ecp_transport::SignedPage;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A merchant with a shop on this machine. All clones are the same merchant.
#[derive(Clone)]
pub struct Merchant(Arc<Shop>);

struct Shop {
    url: String,
    verifier: Verifier,
    till: Till,
    confirmations: Confirmations<Till>,
    pages: Mutex<HashMap<String, String>>,
    /// In place of every answer, if there are any.
    words: Mutex<Option<String>>,
    callbacks: watch::Sender<Vec<Reported>>,
}

/// Contents of a genuine callback.
#[derive(Clone)]
struct Reported {
    payment_id: PaymentId,
    status: String,
}

/// Amounts up to this are welcome.
#[derive(Clone)]
struct Till(Arc<Mutex<i64>>);

#[async_trait]
impl DepositHandler for Till {
    async fn confirm(
        &self,
        check: &Verified<DepositCheck>,
    ) -> Result<Decision, Box<dyn std::error::Error + Send + Sync>> {
        let most = *lock(&self.0);
        Ok(if check.money()?.minor() <= most { Decision::Accept } else { Decision::REFUSE })
    }
}

impl Merchant {
    /// Starts the merchant's server for a project with this signing key.
    pub async fn open(project: ProjectId, key: &SecretKey) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let verifier = Verifier::new().key(project, key);
        let till = Till(Arc::new(Mutex::new(i64::MAX)));
        let merchant = Self(Arc::new(Shop {
            url: format!("http://{}", listener.local_addr()?),
            confirmations: Confirmations::new(verifier.clone(), till.clone()),
            till,
            verifier,
            pages: Mutex::default(),
            words: Mutex::default(),
            callbacks: watch::Sender::new(Vec::new()),
        }));
        let router = Router::new()
            .route("/callback", post(callback))
            .route("/confirm", post(confirm))
            .route("/page/{name}", get(page))
            .route("/{result}", get(result))
            .with_state(merchant.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(merchant)
    }

    /// Returns the base URL of the shop, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Makes the merchant refuse amounts of more than this number of minor units from now on.
    pub fn take_up_to(&self, minor: i64) {
        *lock(&self.0.till.0) = minor;
    }

    /// Makes the merchant answer every callback and confirmation request with this text from now
    /// on.
    pub fn say(&self, words: &str) {
        *lock(&self.0.words) = Some(words.to_owned());
    }

    /// Publishes an HTML page of the shop under this name, and returns the URL of the page.
    pub fn publish(&self, name: &str, html: String) -> String {
        lock(&self.0.pages).insert(name.to_owned(), html);
        format!("{}/page/{name}", self.0.url)
    }

    /// Publishes a page of the shop that runs the platform's widget, and returns the URL of the
    /// page. `window.messages` contains the widget's messages; `call` is the widget's function to call,
    /// such as `run(config)`.
    pub fn widget_page(&self, name: &str, signed: &SignedPage, base: &str, call: &str) -> String {
        const EVENTS: [&str; 8] = [
            "onLoaded",
            "onExit",
            "onDestroy",
            "onPaymentSuccess",
            "onPaymentFail",
            "onPaymentSent",
            "onCheckSubmit",
            "onResize",
        ];
        let config = signed.widget_config();
        let events =
            EVENTS.map(|event| format!("{event}: () => messages.push(\"{event}\"),\n")).concat();
        let html = format!(
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>A shop</title><link rel=\"stylesheet\" href=\"{base}/shared/merchant.css\">\
             <script src=\"{base}/shared/merchant.js\"></script></head>\
             <body style=\"font-family: sans-serif; margin: 2rem\"><h1>A shop</h1>\
             <p>Two tickets and a lemonade.</p><button id=\"pay\">Pay</button>\
             <div id=\"here\"></div>\
             <script>window.messages = [];\n\
             document.getElementById(\"pay\").addEventListener(\"click\", () => {{\n\
             const config = {{...{config},\n{events}}};\n\
             EPayWidget.{call};\n}});</script></body></html>"
        );
        self.publish(name, html)
    }

    /// Waits for a genuine callback with a final status of this payment, and returns the status.
    pub async fn final_status(&self, payment_id: &str) -> anyhow::Result<String> {
        let is_it = |one: &&Reported| {
            one.payment_id.as_str() == payment_id && ["success", "decline"].contains(&&*one.status)
        };
        let mut callbacks = self.0.callbacks.subscribe();
        let waiting = callbacks.wait_for(|all| all.iter().any(|one| is_it(&one)));
        let patience = std::time::Duration::from_secs(20);
        let all = tokio::time::timeout(patience, waiting).await??;
        Ok(all.iter().find(is_it).map(|one| one.status.clone()).unwrap_or_default())
    }
}

async fn callback(State(merchant): State<Merchant>, body: Bytes) -> (StatusCode, String) {
    let words = lock(&merchant.0.words).clone().unwrap_or_default();
    let Ok(callback) = merchant.0.verifier.verify(&body) else {
        return (StatusCode::BAD_REQUEST, words);
    };
    if let Some(reported) = reported(&callback) {
        merchant.0.callbacks.send_modify(|callbacks| callbacks.push(reported));
    }
    (StatusCode::OK, words)
}

fn reported(callback: &Callback) -> Option<Reported> {
    let status = callback.payment_status()?.as_str().to_owned();
    Some(Reported { payment_id: callback.payment_id()?.clone(), status })
}

async fn confirm(State(merchant): State<Merchant>, body: Bytes) -> Response {
    if let Some(words) = lock(&merchant.0.words).clone() {
        return words.into_response();
    }
    let reply = merchant.0.confirmations.answer(&body).await;
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "application/json")], reply.body).into_response()
}

async fn page(State(merchant): State<Merchant>, Path(name): Path<String>) -> Response {
    match lock(&merchant.0.pages).get(&name) {
        Some(html) => Html(html.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The locked data is consistent at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where customers come back to.
async fn result(Path(_): Path<String>) -> Html<&'static str> {
    Html("<!DOCTYPE html><title>A shop</title><h1>Back in the shop</h1>")
}
