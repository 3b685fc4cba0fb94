//! The shop of the demonstration: it takes callbacks and gets its customer back.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use ecp_core::model::Callback;
use ecp_notify::{Verified, Verifier};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A running shop.
pub(super) struct Merchant {
    address: SocketAddr,
    callbacks: UnboundedReceiver<Verified<Callback>>,
}

struct Shop {
    verifier: Verifier,
    callbacks: UnboundedSender<Verified<Callback>>,
}

impl Merchant {
    /// Opens the shop on a free port.
    pub(super) async fn open(verifier: Verifier) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot open a port")?;
        let address = listener.local_addr()?;
        let (sender, callbacks) = unbounded_channel();
        let shop = Arc::new(Shop { verifier, callbacks: sender });
        let router = Router::new()
            .route("/callbacks", post(receive))
            .route("/paid", get(|| async { "Thank you." }))
            .route("/declined", get(|| async { "The payment was declined." }))
            .with_state(shop);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, callbacks })
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next callback that is genuine.
    pub(super) async fn callback(&mut self) -> anyhow::Result<Verified<Callback>> {
        self.callbacks.recv().await.context("the shop has closed")
    }
}

async fn receive(State(shop): State<Arc<Shop>>, body: Bytes) -> StatusCode {
    let Ok(callback) = shop.verifier.verify(&body) else { return StatusCode::BAD_REQUEST };
    match shop.callbacks.send(callback) {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
