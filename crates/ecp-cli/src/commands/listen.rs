//! `ecp listen`

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use clap::Args;
use ecp_core::model::Callback;
use ecp_notify::{Verified, Verifier, VerifyError};
use ecp_transport::{HttpTransport, ReqwestTransport};
use http::Request;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::profile::ProfileOptions;

/// Receive callbacks on this machine, verify them, and print what they say
///
/// A genuine callback is answered with 200, or with what the address that it is forwarded to
/// answers; any other with 400. Personal data is not printed.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp listen\n  ecp listen --addr 127.0.0.1:3000 --forward http://127.0.0.1:8000/callbacks\n  ecp listen --json --count 1 | jq -r .status"
)]
pub(crate) struct Listen {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    addr: SocketAddr,

    #[command(flatten)]
    profile: ProfileOptions,

    /// Send each genuine callback on to this address, byte for byte
    #[arg(long, value_name = "URL")]
    forward: Option<String>,

    /// End after so many genuine callbacks
    #[arg(long, value_name = "NUMBER")]
    count: Option<u64>,

    /// Print each callback as a line of JSON
    #[arg(long)]
    json: bool,
}

struct Receiver {
    verifier: Verifier,
    forward: Option<(String, ReqwestTransport)>,
    json: bool,
    left: Option<AtomicU64>,
    done: Notify,
}

impl Listen {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
        runtime.block_on(self.serve())
    }

    async fn serve(&self) -> anyhow::Result<ExitCode> {
        let profile = self.profile.load()?;
        let forward = match &self.forward {
            None => None,
            Some(url) if url.starts_with("http:") => {
                Some((url.clone(), ReqwestTransport::plain_http()?))
            }
            Some(url) => Some((url.clone(), ReqwestTransport::new()?)),
        };
        let listener = TcpListener::bind(self.addr)
            .await
            .with_context(|| format!("cannot listen on {}; is it in use?", self.addr))?;
        eprintln!(
            "listening on http://{} for callbacks of project {}",
            listener.local_addr()?,
            profile.project
        );
        let receiver = Arc::new(Receiver {
            verifier: Verifier::new().key(profile.project, &profile.key),
            forward,
            json: self.json,
            left: self.count.map(AtomicU64::new),
            done: Notify::new(),
        });
        let router = Router::new().fallback(receive).with_state(Arc::clone(&receiver));
        axum::serve(listener, router)
            .with_graceful_shutdown(async move {
                tokio::select! {
                    () = receiver.done.notified() => {}
                    // Without a signal there is nothing to wait for.
                    signal = tokio::signal::ctrl_c() => if signal.is_err() {
                        receiver.done.notified().await;
                    }
                }
            })
            .await?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn receive(State(receiver): State<Arc<Receiver>>, body: Bytes) -> StatusCode {
    let verified = receiver.verifier.verify(&body);
    let forwarded = match (&verified, &receiver.forward) {
        (Ok(_), Some((url, transport))) => Some(forward(transport, url, body.clone()).await),
        _ => None,
    };
    receiver.print(&verified, forwarded);
    match (verified, forwarded) {
        (Ok(_), None) => receiver.count(StatusCode::OK),
        (Ok(_), Some(status)) => receiver.count(status),
        (Err(VerifyError::Unreadable(_)), _) => StatusCode::INTERNAL_SERVER_ERROR,
        (Err(_), _) => StatusCode::BAD_REQUEST,
    }
}

/// The answer of whoever it is forwarded to; 502 if there is none.
async fn forward(transport: &ReqwestTransport, url: &str, body: Bytes) -> StatusCode {
    let request = Request::post(url).header("content-type", "application/json").body(body);
    let Ok(request) = request else { return StatusCode::BAD_GATEWAY };
    transport.send(request).await.map_or(StatusCode::BAD_GATEWAY, |answer| answer.status())
}

impl Receiver {
    fn count(&self, status: StatusCode) -> StatusCode {
        if let Some(left) = &self.left
            && left.fetch_sub(1, Ordering::SeqCst) <= 1
        {
            self.done.notify_one();
        }
        status
    }

    fn print(
        &self,
        verified: &Result<Verified<Callback>, VerifyError>,
        forwarded: Option<StatusCode>,
    ) {
        let forwarded = forwarded.map(|status| status.as_u16());
        let line = match verified {
            Err(error) if self.json => {
                json!({"genuine": false, "error": error.to_string()}).to_string()
            }
            Err(error) => format!("not genuine: {error}"),
            Ok(callback) if self.json => machine_readable(callback, forwarded),
            Ok(callback) => in_words(callback, forwarded),
        };
        // Whoever read this may have gone; the callbacks are still answered.
        let _ = writeln!(std::io::stdout(), "{line}");
    }
}

fn machine_readable(callback: &Callback, forwarded: Option<u16>) -> String {
    let operation = callback.operation.as_ref();
    let sum = callback.payment.as_ref().and_then(|payment| payment.sum.as_ref());
    json!({
        "genuine": true,
        "payment_id": callback.payment_id().map(ecp_core::PaymentId::as_str),
        "status": callback.payment_status().map(ecp_core::model::PaymentStatus::as_str),
        "amount": sum.map(|sum| sum.amount),
        "currency": sum.map(|sum| &sum.currency),
        "operation": operation.and_then(|operation| operation.kind.as_ref()).map(ToString::to_string),
        "operation_status":
            operation.and_then(|operation| operation.status.as_ref()).map(ToString::to_string),
        "code": operation.and_then(|operation| operation.code.as_ref()).map(ToString::to_string),
        "message": operation.and_then(|operation| operation.message.as_ref()),
        "redirect": callback.redirect().is_some(),
        "forwarded": forwarded,
    })
    .to_string()
}

fn in_words(callback: &Callback, forwarded: Option<u16>) -> String {
    use std::fmt::Write as _;

    let id = callback.payment_id().map_or("a payment without an id", ecp_core::PaymentId::as_str);
    let mut text = format!("[{}] ", id.escape_debug());
    // Writing to text does not fail.
    if let Some(status) = callback.payment_status() {
        let _ = write!(text, "the payment is `{}`", status.as_str().escape_debug());
    }
    let sum = callback.payment.as_ref().and_then(|payment| payment.sum.as_ref());
    if let Some(Ok(money)) = sum.map(ecp_core::model::Sum::money) {
        let _ = write!(text, ", {money}");
    }
    if let Some(operation) = &callback.operation {
        let word = |text: Option<String>| text.unwrap_or_else(|| "?".to_owned());
        let kind = word(operation.kind.as_ref().map(ToString::to_string));
        let status = word(operation.status.as_ref().map(ToString::to_string));
        let _ = write!(text, "; {} `{}`", kind.escape_debug(), status.escape_debug());
        if let Some(code) = &operation.code {
            let message = operation.message.as_deref().unwrap_or_default();
            let code = code.as_str().escape_debug();
            let _ = write!(text, ", code {code}: {}", message.escape_debug());
        }
    }
    if callback.redirect().is_some() {
        text.push_str("; the customer is to be redirected");
    }
    if let Some(status) = forwarded {
        let _ = write!(text, "; forwarded, answered {status}");
    }
    text
}
