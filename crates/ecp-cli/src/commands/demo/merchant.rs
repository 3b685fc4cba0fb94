//! The shop of the demonstration: it receives callbacks and the returning customer.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use ecp_core::model::{Callback, DepositCheck};
use ecp_notify::{Confirmations, Decision, DepositHandler, Verified, Verifier};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The running shop of the demonstration.
pub(super) struct Merchant {
    address: SocketAddr,
    callbacks: UnboundedReceiver<Verified<Callback>>,
    confirmations: UnboundedReceiver<(String, String)>,
}

struct Shop {
    verifier: Verifier,
    callbacks: UnboundedSender<Verified<Callback>>,
    confirm: Confirmations<AcceptAll>,
    /// Sends the body of each `check_deposit` request and of its answer to the demonstration, which
    /// prints them.
    confirmations: UnboundedSender<(String, String)>,
}

/// Accepts any amount. A real shop compares it with the order.
struct AcceptAll;

#[async_trait]
impl DepositHandler for AcceptAll {
    async fn confirm(
        &self,
        _: &Verified<DepositCheck>,
    ) -> Result<Decision, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Decision::Accept)
    }
}

/// Listens on a free port of this machine.
pub(super) async fn listen() -> anyhow::Result<TcpListener> {
    TcpListener::bind("127.0.0.1:0").await.context(
        "cannot listen on 127.0.0.1, where any free port was tried: allow this process to open a \
         port there, or run the command where it may",
    )
}

impl Merchant {
    /// Opens the shop on a free port.
    pub(super) async fn open(verifier: Verifier) -> anyhow::Result<Self> {
        let listener = listen().await?;
        let address = listener.local_addr()?;
        let (callback_sender, callbacks) = unbounded_channel();
        let (confirmation_sender, confirmations) = unbounded_channel();
        let shop = Arc::new(Shop {
            confirm: Confirmations::new(verifier.clone(), AcceptAll),
            verifier,
            callbacks: callback_sender,
            confirmations: confirmation_sender,
        });
        let router = Router::new()
            .route("/callbacks", post(receive))
            .route("/confirmations", post(confirm))
            .route("/paid", get(|| async { "Thank you." }))
            .route("/declined", get(|| async { "The payment was declined." }))
            .with_state(shop);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, callbacks, confirmations })
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits for the next genuine callback.
    pub(super) async fn callback(&mut self) -> anyhow::Result<Verified<Callback>> {
        self.callbacks
            .recv()
            .await
            .context("the shop inside `ecp demo` has stopped: run the command again")
    }

    /// Waits for the next `check_deposit` request, and returns the request and the shop's answer.
    pub(super) async fn confirmation(&mut self) -> anyhow::Result<(String, String)> {
        self.confirmations
            .recv()
            .await
            .context("the shop inside `ecp demo` has stopped: run the command again")
    }
}

async fn receive(State(shop): State<Arc<Shop>>, body: Bytes) -> StatusCode {
    let Ok(callback) = shop.verifier.verify(&body) else { return StatusCode::BAD_REQUEST };
    match shop.callbacks.send(callback) {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn confirm(State(shop): State<Arc<Shop>>, body: Bytes) -> impl IntoResponse {
    let reply = shop.confirm.answer(&body).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    // The answer is sent even if the receiver has gone.
    let _ = shop.confirmations.send((text(&body), text(&reply.body)));
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, reply.body)
}
